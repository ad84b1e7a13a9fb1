/* base/err tested: messages, statuses, the assertion. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tracellm/base.h>

static void
every_status_has_a_text_of_its_own(void **state)
{
	(void)state;
	static const enum tl_status all[] = {
#define X(name, text) name,
		TL_STATUSES(X)
#undef X
	};
	size_t count = sizeof all / sizeof all[0];
	assert_string_equal(tl_status_text(TL_OK), "ok");
	assert_string_equal(tl_status_text(TL_ERR_FULL), "disk full");
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			assert_string_not_equal(tl_status_text(all[i]), tl_status_text(all[j]));
}

static void
setting_writes_status_and_message_and_returns_the_status(void **state)
{
	(void)state;
	struct tl_err err = { 0 };
	assert_int_equal(tl_err_set(&err, TL_ERR_RANGE, "limit is %u, allowed are 1 to %u", 0u, 7u), TL_ERR_RANGE);
	assert_int_equal(err.status, TL_ERR_RANGE);
	assert_string_equal(err.message, "limit is 0, allowed are 1 to 7");
	assert_int_equal(tl_err_no_memory(&err), TL_ERR_NO_MEMORY);
	assert_string_equal(err.message, "out of memory");
}

static void
a_system_error_becomes_its_kind_and_is_named_in_the_message(void **state)
{
	(void)state;
	static const struct {
		int error;
		enum tl_status status;
	} kinds[] = {
		{ ENOSPC, TL_ERR_FULL },
		{ EDQUOT, TL_ERR_FULL },
		{ EACCES, TL_ERR_PERMISSION },
		{ EPERM, TL_ERR_PERMISSION },
		{ EROFS, TL_ERR_PERMISSION },
		{ ENOENT, TL_ERR_NOT_FOUND },
		{ ENOMEM, TL_ERR_NO_MEMORY },
		{ EIO, TL_ERR_IO },
		{ EINVAL, TL_ERR_IO },
	};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct tl_err err;
		char expected[128];
		(void)snprintf(expected, sizeof expected, "cannot write 7 bytes: %s", strerror(kinds[i].error));
		assert_int_equal(tl_err_errno(&err, kinds[i].error, "cannot write %d bytes", 7), kinds[i].status);
		assert_int_equal(err.status, kinds[i].status);
		assert_string_equal(err.message, expected);
	}
}

/* `len` bytes of 'a' and then `tail`. */
static const char *
long_text(size_t len, const char *tail)
{
	static char text[2000];
	(void)memset(text, 'a', len);
	(void)snprintf(text + len, sizeof text - len, "%s", tail);
	return text;
}

static void
a_message_of_full_length_is_kept_whole(void **state)
{
	(void)state;
	struct tl_err err;
	size_t most = sizeof err.message - 1;
	(void)tl_err_set(&err, TL_ERR_IO, "%s", long_text(most, ""));
	assert_string_equal(err.message, long_text(most, ""));
	(void)tl_err_set(&err, TL_ERR_IO, "%s", long_text(most - 2, "\xc3\xa9"));
	assert_string_equal(err.message, long_text(most - 2, "\xc3\xa9"));
	(void)tl_err_set(&err, TL_ERR_IO, "%s", long_text(most - 4, "\xf0\x9f\x98\x80"));
	assert_string_equal(err.message, long_text(most - 4, "\xf0\x9f\x98\x80"));
}

static void
a_longer_message_is_cut_before_a_code_point_that_does_not_fit(void **state)
{
	(void)state;
	struct tl_err err;
	size_t most = sizeof err.message - 1;
	(void)tl_err_set(&err, TL_ERR_IO, "%s", long_text(most + 300, ""));
	assert_string_equal(err.message, long_text(most, ""));
	for (size_t room = 1; room < 4; room++) {
		(void)tl_err_set(&err, TL_ERR_IO, "%s", long_text(most - room, "\xf0\x9f\x98\x80!"));
		assert_string_equal(err.message, long_text(most - room, ""));
	}
	(void)tl_err_set(&err, TL_ERR_IO, "%s", long_text(most - 3, "\xe2\x82\xac!"));
	assert_string_equal(err.message, long_text(most - 3, "\xe2\x82\xac"));
}

static void
the_cause_given_by_the_system_is_told_however_long_the_path_is(void **state)
{
	(void)state;
	struct tl_err err;
	assert_int_equal(tl_err_errno(&err, ENOSPC, "cannot write %s", long_text(1500, "")), TL_ERR_FULL);
	const char *cause = strstr(err.message, ": ");
	assert_non_null(cause);
	assert_string_equal(cause + 2, strerror(ENOSPC));
}

static void
outside_bytes_cannot_break_a_message_into_lines(void **state)
{
	(void)state;
	struct tl_err err;
	(void)tl_err_set(&err, TL_ERR_PARSE, "'%s' is not a model", "gpt\n\r\t\x1b[2J\x7f\xc3\xa9");
	assert_string_equal(err.message, "'gpt????[2J?\xc3\xa9' is not a model");
	(void)tl_err_errno(&err, EIO, "cannot read %s", "a\nb");
	assert_memory_equal(err.message, "cannot read a?b: ", 17);
}

static unsigned evaluated;

static enum tl_status
give(enum tl_status status)
{
	evaluated++;
	return status;
}

static enum tl_status
try_two(enum tl_status first, enum tl_status second)
{
	TL_TRY(give(first));
	TL_TRY(give(second));
	return TL_OK;
}

static void
try_returns_the_first_failure_and_evaluates_each_step_once(void **state)
{
	(void)state;
	evaluated = 0;
	assert_int_equal(try_two(TL_ERR_BUSY, TL_ERR_IO), TL_ERR_BUSY);
	assert_int_equal(evaluated, 1);
	assert_int_equal(try_two(TL_OK, TL_ERR_IO), TL_ERR_IO);
	assert_int_equal(evaluated, 3);
	assert_int_equal(try_two(TL_OK, TL_OK), TL_OK);
	assert_int_equal(evaluated, 5);
}

static void
a_broken_promise_names_its_place_and_aborts(void **state)
{
	(void)state;
	int pipe_fds[2];
	char said[256] = { 0 };
	assert_int_equal(pipe(pipe_fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)dup2(pipe_fds[1], STDERR_FILENO);
		TL_ASSERT(evaluated == 12345);
		_exit(0);
	}
	(void)close(pipe_fds[1]);
	size_t len = 0;
	for (ssize_t got; (got = read(pipe_fds[0], said + len, sizeof said - 1 - len)) > 0;)
		len += (size_t)got;
	(void)close(pipe_fds[0]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(said, "test_base_err.c:"));
	assert_non_null(strstr(said, "evaluated == 12345"));
}

static void
a_kept_promise_costs_nothing_and_evaluates_once(void **state)
{
	(void)state;
	evaluated = 0;
	TL_ASSERT(give(TL_OK) == TL_OK);
	assert_int_equal(evaluated, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_has_a_text_of_its_own),
		cmocka_unit_test(setting_writes_status_and_message_and_returns_the_status),
		cmocka_unit_test(a_system_error_becomes_its_kind_and_is_named_in_the_message),
		cmocka_unit_test(a_message_of_full_length_is_kept_whole),
		cmocka_unit_test(a_longer_message_is_cut_before_a_code_point_that_does_not_fit),
		cmocka_unit_test(the_cause_given_by_the_system_is_told_however_long_the_path_is),
		cmocka_unit_test(outside_bytes_cannot_break_a_message_into_lines),
		cmocka_unit_test(try_returns_the_first_failure_and_evaluates_each_step_once),
		cmocka_unit_test(a_broken_promise_names_its_place_and_aborts),
		cmocka_unit_test(a_kept_promise_costs_nothing_and_evaluates_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
