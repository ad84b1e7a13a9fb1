/* Errors: a status for code, a sentence for people.
 *
 * A call that can fail returns `enum tl_status` and takes `struct tl_err *err` last. The message is written once, where the cause
 * is known, and says what was wrong and where; callers pass it up unchanged. On failure every other output is untouched. On
 * success `err` is untouched. `err` is never NULL.
 *
 *      TL_TRY(tl_log_open(&options, &log, err));       returns from the calling function on failure
 *
 * What only a bug in our own code can cause is TL_ASSERT, which stays in release builds. Input from outside is never asserted. */
#ifndef TRACELLM_BASE_ERR_H
#define TRACELLM_BASE_ERR_H

#include <stdarg.h>

/* name, text: the kinds a caller may want to tell apart. The message says the rest. */
#define TL_STATUSES(X)                                                                               \
	X(TL_OK, "ok")                                                                               \
	X(TL_ERR_USAGE, "usage") /* the caller of a program asked for something it cannot mean */    \
	X(TL_ERR_RANGE, "range") /* a number or length is outside its stated limits */               \
	X(TL_ERR_PARSE, "parse") /* text or bytes from outside do not follow their format */         \
	X(TL_ERR_NOT_FOUND, "not found")                                                             \
	X(TL_ERR_AMBIGUOUS, "ambiguous") /* an id prefix fits more than one trace */                 \
	X(TL_ERR_IO, "i/o")                                                                          \
	X(TL_ERR_FULL, "disk full")                                                                  \
	X(TL_ERR_BUSY, "busy")       /* a lock was not to be had in its stated time */               \
	X(TL_ERR_CORRUPT, "corrupt") /* stored bytes do not match their digest, chain or format */   \
	X(TL_ERR_VERSION, "version") /* written by a newer or otherwise foreign version */           \
	X(TL_ERR_LIMIT, "limit")     /* a stated limit of a buffer, queue or document was reached */ \
	X(TL_ERR_NO_MEMORY, "out of memory")                                                         \
	X(TL_ERR_PERMISSION, "permission")                                                           \
	X(TL_ERR_NET, "network")                                                                     \
	X(TL_ERR_TIMEOUT, "timeout")                                                                 \
	X(TL_ERR_CANCELLED, "cancelled")                                                             \
	X(TL_ERR_DIVERGED, "diverged") /* a replay or a comparison found a difference */             \
	X(TL_ERR_READ_ONLY, "read only")

enum tl_status {
#define X(name, text) name,
	TL_STATUSES(X)
#undef X
};

/* Plain data in the caller's frame; needs no clean-up. */
struct tl_err {
	enum tl_status status;
	char message[512]; /* one line, NUL-terminated; control bytes show as ?; longer messages are cut at a code point */
};

/* "disk full"; static. */
const char *tl_status_text(enum tl_status status);

/* Writes status and message, returns the status: `return tl_err_set(err, TL_ERR_RANGE, "limit is %u, ...", limit);` */
enum tl_status tl_err_set(struct tl_err *err, enum tl_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends ": " and the text of `error` (an errno value), which is never the part that is cut.
 * ENOSPC and EDQUOT become TL_ERR_FULL, EACCES, EPERM and EROFS TL_ERR_PERMISSION, ENOENT TL_ERR_NOT_FOUND, ENOMEM
 * TL_ERR_NO_MEMORY, all else TL_ERR_IO. */
enum tl_status tl_err_errno(struct tl_err *err, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* TL_ERR_NO_MEMORY with one message for all: what was to be allocated does not help anybody. */
enum tl_status tl_err_no_memory(struct tl_err *err);

#define TL_TRY(expression)                                   \
	do {                                                 \
		enum tl_status tl_try_status = (expression); \
		if (tl_try_status != TL_OK)                  \
			return tl_try_status;                \
	} while (0)

/* Kept in release: prints the place and the condition on stderr and aborts. */
#define TL_ASSERT(condition) ((condition) ? (void)0 : tl_assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void tl_assert_failed(const char *condition, const char *file, int line);

#endif
