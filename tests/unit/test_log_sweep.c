/* Traces of writers that died are ended, once. */
#include "log_fixture.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Opens `count` traces from number `first` on in a process of its own, which then dies without closing anything. */
static uint64_t
die_with_open_traces(unsigned first, unsigned count)
{
	int pipe_fds[2];
	assert_int_equal(pipe(pipe_fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct tl_err err;
		struct tl_log *log = NULL;
		struct tl_log_options options = { .data_dir = data_dir, .mode = TL_LOG_APPEND };
		if (tl_log_open(&options, &log, &err) != TL_OK)
			_exit(1);
		for (unsigned i = 0; i < count; i++) {
			struct tl_record record = record_of(first + i, "created");
			record.opens_trace = true;
			if (tl_log_append(log, &record, 1, NULL, &err) != TL_OK)
				_exit(1);
		}
		uint64_t writer = tl_log_writer(log);
		if (write(pipe_fds[1], &writer, sizeof writer) != (ssize_t)sizeof writer)
			_exit(1);
		(void)raise(SIGKILL);
	}
	uint64_t writer = 0;
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(read(pipe_fds[0], &writer, sizeof writer), sizeof writer);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
	return writer;
}

struct asked {
	unsigned count;
	uint64_t writer;
	struct tl_trace_id last;
};

static enum tl_status
finish(void *context, const struct tl_log_open_trace *open, struct tl_arena *arena, struct tl_record *ret_record,
	struct tl_err *err)
{
	struct asked *asked = context;
	tl_str body = tl_arena_str(arena, TL_STR("interrupted"));
	if (!body.ptr)
		return tl_arena_failed(arena, 12, err);
	asked->count++;
	asked->last = open->trace_id;
	assert_int_equal(open->writer, asked->writer);
	assert_true(tl_trace_id_equal(open->created.trace_id, open->trace_id));
	*ret_record = (struct tl_record){ .envelope = { .type = 9, .version = 1 }, .body = tl_bytes_of(body) };
	return TL_OK;
}

static uint64_t
swept(struct tl_log *log, struct asked *asked)
{
	struct tl_err err;
	uint64_t ended = 99;
	assert_ok(tl_log_sweep(log, finish, asked, &ended, &err));
	return ended;
}

static void
traces_of_a_dead_writer_are_ended_once(void **state)
{
	(void)state;
	struct tl_err err;
	struct asked asked = { .writer = die_with_open_traces(1, 1) };
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	bool open, dead;
	assert_ok(tl_log_is_open(log, trace_of(1), &open, &dead, &err));
	assert_true(open);
	assert_true(dead);
	assert_int_equal(swept(log, &asked), 1);
	assert_int_equal(asked.count, 1);
	assert_true(tl_trace_id_equal(asked.last, trace_of(1)));
	assert_ok(tl_log_is_open(log, trace_of(1), &open, &dead, &err));
	assert_false(open);
	assert_false(dead);
	assert_int_equal(swept(log, &asked), 0);
	assert_int_equal(asked.count, 1);
	uint64_t head;
	assert_ok(tl_log_head(log, &head, &err));
	assert_int_equal(head, 2);
	assert_clean(log);
	tl_log_close(log);
}

static void
file_of_the_dead_writer_is_removed(void **state)
{
	(void)state;
	struct stat about;
	char path[96];
	struct asked asked = { .writer = die_with_open_traces(1, 1) };
	(void)snprintf(path, sizeof path, "%s/run/%016llx", data_dir, (unsigned long long)asked.writer);
	assert_int_equal(stat(path, &about), 0);
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	assert_int_equal(swept(log, &asked), 1);
	assert_int_not_equal(stat(path, &about), 0);
	(void)snprintf(path, sizeof path, "%s/run/%016llx", data_dir, (unsigned long long)tl_log_writer(log));
	assert_int_equal(stat(path, &about), 0);
	tl_log_close(log);
}

static void
more_traces_than_fit_in_one_round_are_all_ended(void **state)
{
	(void)state;
	struct asked asked = { .writer = die_with_open_traces(1, 200) };
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	assert_int_equal(swept(log, &asked), 200);
	struct tl_err err;
	struct tl_log_stat stat;
	assert_ok(tl_log_stat(log, &stat, &err));
	assert_int_equal(stat.open_traces, 0);
	assert_int_equal(stat.head_seq, 400);
	assert_clean(log);
	tl_log_close(log);
}

static void
traces_of_the_living_are_left_alone(void **state)
{
	(void)state;
	struct tl_err err;
	struct asked asked = { .writer = die_with_open_traces(1, 1) };
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_record mine = record_of(2, "created");
	mine.opens_trace = true;
	assert_ok(tl_log_append(log, &mine, 1, NULL, &err));
	assert_int_equal(swept(log, &asked), 1);
	bool open, dead;
	assert_ok(tl_log_is_open(log, trace_of(2), &open, &dead, &err));
	assert_true(open);
	assert_false(dead);
	tl_log_close(log);
}

static void
reader_tells_that_a_trace_was_interrupted_but_ends_none(void **state)
{
	(void)state;
	struct tl_err err;
	struct asked asked = { .writer = die_with_open_traces(1, 1) };
	struct tl_log *log = log_opened(TL_LOG_READ_ONLY);
	bool open, dead;
	assert_ok(tl_log_is_open(log, trace_of(1), &open, &dead, &err));
	assert_true(open && dead);
	uint64_t ended;
	assert_int_equal(tl_log_sweep(log, finish, &asked, &ended, &err), TL_ERR_READ_ONLY);
	assert_ok(tl_log_is_open(log, trace_of(5), &open, &dead, &err));
	assert_false(open || dead);
	tl_log_close(log);
}

static enum tl_status
refuse(void *context, const struct tl_log_open_trace *open, struct tl_arena *arena, struct tl_record *ret_record,
	struct tl_err *err)
{
	(void)context, (void)open, (void)arena, (void)ret_record;
	return tl_err_set(err, TL_ERR_LIMIT, "no ending today");
}

static void
failing_ending_is_passed_up(void **state)
{
	(void)state;
	struct tl_err err;
	uint64_t ended = 7;
	(void)die_with_open_traces(1, 1);
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	assert_int_equal(tl_log_sweep(log, refuse, NULL, &ended, &err), TL_ERR_LIMIT);
	assert_string_equal(err.message, "no ending today");
	assert_int_equal(ended, 7);
	tl_log_close(log);
}

int
main(void)
{
#define IN_A_LOG(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_remove)
	const struct CMUnitTest tests[] = {
		IN_A_LOG(traces_of_a_dead_writer_are_ended_once),
		IN_A_LOG(file_of_the_dead_writer_is_removed),
		IN_A_LOG(more_traces_than_fit_in_one_round_are_all_ended),
		IN_A_LOG(traces_of_the_living_are_left_alone),
		IN_A_LOG(reader_tells_that_a_trace_was_interrupted_but_ends_none),
		IN_A_LOG(failing_ending_is_passed_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
