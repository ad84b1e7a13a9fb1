/* Following: bells, looking again, interruption. */
#include "log_fixture.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static struct tl_log_follower *
follower_opened(struct tl_log *log)
{
	struct tl_err err;
	struct tl_log_follower *follower = NULL;
	assert_ok(tl_log_follower_open(log, &follower, &err));
	return follower;
}

static bool
is_readable(int fd)
{
	struct pollfd watched = { .fd = fd, .events = POLLIN };
	return poll(&watched, 1, 0) == 1;
}

/* Whether the bell rings within a second, without the log being looked at. */
static bool
rings(struct tl_log_follower *follower)
{
	struct pollfd watched = { .fd = tl_log_follower_fd(follower), .events = POLLIN };
	return poll(&watched, 1, 1000) == 1;
}

static void
commit_rings_every_follower_and_clear_makes_them_quiet(void **state)
{
	(void)state;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_log_follower *a = follower_opened(log), *b = follower_opened(log);
	assert_false(is_readable(tl_log_follower_fd(a)));
	append_text(log, 1, "x");
	assert_true(rings(a));
	assert_true(rings(b));
	tl_log_follower_clear(a);
	assert_false(is_readable(tl_log_follower_fd(a)));
	append_text(log, 1, "y");
	assert_true(rings(a));
	tl_log_follower_close(a);
	tl_log_follower_close(b);
	tl_log_close(log);
}

static void
bells_nobody_hears_do_not_hold_up_appends(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_log_follower *deaf = follower_opened(log);
	for (unsigned i = 0; i < 200; i++)
		append_text(log, 1, "x");
	uint64_t head;
	assert_ok(tl_log_follower_wait(deaf, 199, 0, &head, &err));
	assert_int_equal(head, 200);
	tl_log_follower_close(deaf);
	tl_log_close(log);
}

static void
wait_tells_the_head_at_once_when_there_is_more(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_log_follower *follower = follower_opened(log);
	uint64_t head = 99;
	assert_ok(tl_log_follower_wait(follower, 0, 0, &head, &err));
	assert_int_equal(head, 0);
	append_text(log, 1, "x");
	append_text(log, 1, "y");
	assert_ok(tl_log_follower_wait(follower, 0, 60000, &head, &err));
	assert_int_equal(head, 2);
	tl_log_follower_close(follower);
	tl_log_close(log);
}

struct waiting {
	struct tl_log_follower *follower;
	uint64_t after, head;
	enum tl_status status;
};

static void *
wait_long(void *context)
{
	struct waiting *waiting = context;
	struct tl_err err;
	waiting->status = tl_log_follower_wait(waiting->follower, waiting->after, 60000, &waiting->head, &err);
	return NULL;
}

static void
waiting_ends_with_an_append_or_an_interrupt(void **state)
{
	(void)state;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct waiting waiting = { .follower = follower_opened(log), .after = 0 };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, wait_long, &waiting), 0);
	append_text(log, 1, "x");
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(waiting.status, TL_OK);
	assert_int_equal(waiting.head, 1);
	waiting.after = 1;
	assert_int_equal(pthread_create(&thread, NULL, wait_long, &waiting), 0);
	tl_log_follower_interrupt(waiting.follower);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(waiting.status, TL_OK);
	assert_int_equal(waiting.head, 1);
	tl_log_follower_close(waiting.follower);
	tl_log_close(log);
}

static void
lost_bell_is_made_up_for_by_looking_again(void **state)
{
	(void)state;
#ifndef TL_FAULTS
	skip();
#else
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct waiting waiting = { .follower = follower_opened(log) };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, wait_long, &waiting), 0);
	tl_fault_arm(TL_FAULT_BELL, 1);
	append_text(log, 1, "x");
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(waiting.head, 1);
	/* The thread may have looked before the bell was to ring; close waits for the writer thread, which rings. */
	tl_log_follower_close(waiting.follower);
	tl_log_close(log);
	tl_fault_arm(TL_FAULT_BELL, 0);
#endif
}

static unsigned
bells_in_dir(void)
{
	unsigned bells = 0;
	DIR *dir = opendir(data_dir);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		bells += strstr(entry->d_name, ".bell") != NULL;
	(void)closedir(dir);
	return bells;
}

static void
bell_of_a_dead_follower_is_taken_down(void **state)
{
	(void)state;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s/tracellm-%016llx-0123456789abcdef.bell", data_dir,
		(unsigned long long)tl_log_id(log));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	(void)close(fd);
	struct tl_log_follower *follower = follower_opened(log);
	assert_int_equal(bells_in_dir(), 2);
	append_text(log, 1, "x");
	assert_true(rings(follower));
	tl_log_follower_close(follower);
	tl_log_close(log);
	assert_int_equal(bells_in_dir(), 0);
}

static void
follower_that_comes_late_is_heard_of(void **state)
{
	(void)state;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	for (unsigned i = 0; i < 20; i++) {
		struct tl_log_follower *follower = follower_opened(log);
		append_text(log, 1, "x");
		assert_true(rings(follower));
		tl_log_follower_close(follower);
	}
	tl_log_close(log);
}

static void
public_runtime_directory_is_not_used(void **state)
{
	(void)state;
	struct tl_err err;
	char public[96];
	(void)snprintf(public, sizeof public, "%s/public", data_dir);
	assert_int_equal(mkdir(public, 0700), 0);
	assert_int_equal(chmod(public, 0777), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", public, 1), 0);
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_log_follower *follower = follower_opened(log);
	append_text(log, 1, "x");
	uint64_t head;
	assert_ok(tl_log_follower_wait(follower, 0, 1000, &head, &err));
	assert_int_equal(head, 1);
	assert_int_equal(rmdir(public), 0);
	tl_log_follower_close(follower);
	tl_log_close(log);
}

int
main(void)
{
#define IN_A_LOG(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_remove)
	const struct CMUnitTest tests[] = {
		IN_A_LOG(commit_rings_every_follower_and_clear_makes_them_quiet),
		IN_A_LOG(bells_nobody_hears_do_not_hold_up_appends),
		IN_A_LOG(wait_tells_the_head_at_once_when_there_is_more),
		IN_A_LOG(waiting_ends_with_an_append_or_an_interrupt),
		IN_A_LOG(lost_bell_is_made_up_for_by_looking_again),
		IN_A_LOG(bell_of_a_dead_follower_is_taken_down),
		IN_A_LOG(follower_that_comes_late_is_heard_of),
		IN_A_LOG(public_runtime_directory_is_not_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
