/* base/buf: bytes that grow up to a limit; the first failure sticks. */
#include <tracellm/base.h>

#include <stdio.h>
#include <string.h>

void
tl_buf_init(struct tl_buf *buf, size_t limit_bytes)
{
	*buf = (struct tl_buf){ .limit = limit_bytes };
}

void
tl_buf_done(struct tl_buf *buf)
{
	tl_free(buf->ptr);
	*buf = (struct tl_buf){ .limit = buf->limit };
}

void
tl_buf_clear(struct tl_buf *buf)
{
	buf->len = 0;
	buf->failed = TL_OK;
	if (buf->ptr)
		buf->ptr[0] = '\0';
}

/* Room for `more` bytes and the terminator. */
static bool
reserve(struct tl_buf *buf, size_t more)
{
	if (buf->failed != TL_OK)
		return false;
	if (more > buf->limit || buf->len > buf->limit - more) {
		buf->failed = TL_ERR_LIMIT;
		return false;
	}
	if (more > PTRDIFF_MAX / 2 - buf->len) {
		buf->failed = TL_ERR_NO_MEMORY;
		return false;
	}
	size_t needed = buf->len + more + 1;
	if (needed <= buf->capacity)
		return true;
	size_t capacity = buf->capacity < 64 ? 64 : buf->capacity;
	while (capacity < needed)
		capacity *= 2;
	char *grown = tl_realloc(buf->ptr, capacity);
	if (!grown) {
		buf->failed = TL_ERR_NO_MEMORY;
		return false;
	}
	buf->ptr = grown;
	buf->capacity = capacity;
	return true;
}

void
tl_buf_add(struct tl_buf *buf, const void *bytes, size_t len)
{
	if (!reserve(buf, len))
		return;
	if (len)
		memcpy(buf->ptr + buf->len, bytes, len);
	buf->len += len;
	buf->ptr[buf->len] = '\0';
}

void
tl_buf_add_str(struct tl_buf *buf, tl_str s)
{
	tl_buf_add(buf, s.ptr, s.len);
}

void
tl_buf_add_z(struct tl_buf *buf, const char *z)
{
	tl_buf_add(buf, z, strlen(z));
}

void
tl_buf_add_char(struct tl_buf *buf, char c)
{
	tl_buf_add(buf, &c, 1);
}

void
tl_buf_printf(struct tl_buf *buf, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	TL_ASSERT(len >= 0);
	if (!reserve(buf, (size_t)len))
		return;
	va_start(arguments, format);
	(void)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, arguments);
	va_end(arguments);
	buf->len += (size_t)len;
}

void
tl_buf_consume(struct tl_buf *buf, size_t count)
{
	if (count > buf->len)
		count = buf->len;
	if (count == 0)
		return;
	memmove(buf->ptr, buf->ptr + count, buf->len - count + 1);
	buf->len -= count;
}

/* C1 controls are U+0080 to U+009F: c2 80 to c2 9f. Terminals act on them as on ESC [. */
static bool
drives_terminal(tl_str sequence)
{
	uint8_t first = (uint8_t)sequence.ptr[0];
	if (sequence.len == 1)
		return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f;
	return sequence.len == 2 && first == 0xc2 && (uint8_t)sequence.ptr[1] < 0xa0;
}

void
tl_buf_add_terminal(struct tl_buf *buf, tl_str s)
{
	while (s.len > 0) {
		size_t len = tl_utf8_sequence(s);
		tl_str sequence = tl_str_slice(s, 0, len ? len : 1);
		if (len > 0 && !drives_terminal(sequence))
			tl_buf_add_str(buf, sequence);
		else
			for (size_t i = 0; i < sequence.len; i++)
				tl_buf_printf(buf, "\\x%02x", (uint8_t)sequence.ptr[i]);
		s = tl_str_from(s, sequence.len);
	}
}

void
tl_buf_add_utf8(struct tl_buf *buf, tl_str s)
{
	while (s.len > 0) {
		size_t valid = 0, len;
		while ((len = tl_utf8_sequence(tl_str_from(s, valid))) > 0)
			valid += len;
		tl_buf_add(buf, s.ptr, valid);
		if (valid < s.len)
			tl_buf_add(buf, "\xef\xbf\xbd", 3);
		s = tl_str_from(s, valid + 1);
	}
}

tl_str
tl_buf_str(const struct tl_buf *buf)
{
	return (tl_str){ buf->ptr, buf->len };
}

enum tl_status
tl_buf_status(const struct tl_buf *buf, const char *what, struct tl_err *err)
{
	if (buf->failed == TL_OK)
		return TL_OK;
	if (buf->failed == TL_ERR_LIMIT)
		return tl_err_set(err, TL_ERR_LIMIT, "%s is longer than its limit of %zu bytes", what, buf->limit);
	return tl_err_no_memory(err);
}
