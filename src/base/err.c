/* base/err: status texts, messages, the assertion. Knows no room. */
#include <tracellm/base.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
tl_status_text(enum tl_status status)
{
	static const char *const texts[] = {
#define X(name, text) [name] = text,
		TL_STATUSES(X)
#undef X
	};
	TL_ASSERT((size_t)status < sizeof texts / sizeof texts[0]);
	return texts[status];
}

/* A message cut in the middle of a code point would print as rubbish. */
static void
cut_at_code_point(char *message, size_t size)
{
	size_t len = strlen(message);
	if (len + 1 < size)
		return;
	while (len > 0 && ((unsigned char)message[len - 1] & 0xc0) == 0x80)
		len--;
	if (len > 0 && (unsigned char)message[len - 1] >= 0xc0)
		message[len - 1] = '\0';
}

static void
write_message(struct tl_err *err, enum tl_status status, const char *format, va_list arguments)
{
	err->status = status;
	(void)vsnprintf(err->message, sizeof err->message, format, arguments);
	cut_at_code_point(err->message, sizeof err->message);
}

enum tl_status
tl_err_set(struct tl_err *err, enum tl_status status, const char *format, ...)
{
	TL_ASSERT(status != TL_OK);
	va_list arguments;
	va_start(arguments, format);
	write_message(err, status, format, arguments);
	va_end(arguments);
	return status;
}

static enum tl_status
status_of_errno(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return TL_ERR_FULL;
	case EACCES:
	case EPERM:
	case EROFS:
		return TL_ERR_PERMISSION;
	case ENOENT:
		return TL_ERR_NOT_FOUND;
	case ENOMEM:
		return TL_ERR_NO_MEMORY;
	default:
		return TL_ERR_IO;
	}
}

enum tl_status
tl_err_errno(struct tl_err *err, int error, const char *format, ...)
{
	enum tl_status status = status_of_errno(error);
	va_list arguments;
	va_start(arguments, format);
	write_message(err, status, format, arguments);
	va_end(arguments);

	char text[128];
	size_t len = strlen(err->message);
	(void)snprintf(err->message + len, sizeof err->message - len, ": %s", strerror_r(error, text, sizeof text));
	return status;
}

enum tl_status
tl_err_no_memory(struct tl_err *err)
{
	return tl_err_set(err, TL_ERR_NO_MEMORY, "out of memory");
}

_Noreturn void
tl_assert_failed(const char *condition, const char *file, int line)
{
	(void)fprintf(stderr, "tracellm: broken promise at %s:%d: %s\n", file, line, condition);
	abort();
}
