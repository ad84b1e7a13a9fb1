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

/* A message cut in the middle of a code point would print as rubbish: takes the last one off when it is not whole. */
static void
cut_at_code_point(char *message)
{
	size_t len = strlen(message), start = len;
	while (start > 0 && ((unsigned char)message[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)message[start - 1] >= 0xc0 &&
		tl_utf8_sequence((tl_str){ message + start - 1, len - start + 1 }) == 0)
		message[start - 1] = '\0';
}

/* Texts from outside are quoted in messages; a line feed in one would make two lines, an escape would drive the terminal. */
static void
keep_to_one_line(char *message)
{
	for (; *message; message++)
		if ((unsigned char)*message < 0x20 || *message == 0x7f)
			*message = '?';
}

/* Leaves room for `tail`, which is the cause and must not be the part that is cut. */
static void
write_message(struct tl_err *err, enum tl_status status, const char *tail, const char *format, va_list arguments)
{
	size_t room = sizeof err->message - strlen(tail);
	err->status = status;
	int needed = vsnprintf(err->message, room, format, arguments);
	if (needed < 0 || (size_t)needed >= room)
		cut_at_code_point(err->message);
	size_t len = strlen(err->message);
	(void)snprintf(err->message + len, sizeof err->message - len, "%s", tail);
	keep_to_one_line(err->message);
}

enum tl_status
tl_err_set(struct tl_err *err, enum tl_status status, const char *format, ...)
{
	TL_ASSERT(status != TL_OK);
	va_list arguments;
	va_start(arguments, format);
	write_message(err, status, "", format, arguments);
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
	char text[128], tail[128 + 2];
	(void)snprintf(tail, sizeof tail, ": %s", strerror_r(error, text, sizeof text));
	va_list arguments;
	va_start(arguments, format);
	write_message(err, status, tail, format, arguments);
	va_end(arguments);
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
