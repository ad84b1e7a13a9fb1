/* Appending: batches, tickets, limits, several threads. */
#include "log_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

static void
seqs_start_at_1_and_have_no_gaps(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_record records[] = { record_of(1, "one"), record_of(2, "two"), record_of(1, "three") };
	uint64_t seq = 99;
	assert_ok(tl_log_head(log, &seq, &err));
	assert_int_equal(seq, 0);
	assert_ok(tl_log_append(log, records, 3, &seq, &err));
	assert_int_equal(seq, 1);
	assert_ok(tl_log_append(log, records, 2, &seq, &err));
	assert_int_equal(seq, 4);
	assert_ok(tl_log_head(log, &seq, &err));
	assert_int_equal(seq, 5);
	assert_clean(log);
	tl_log_close(log);
}

static void
what_was_appended_is_read_back_by_another_handle(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_record record = record_of(3, "body");
	tl_entropy(&record.envelope.span_id, sizeof record.envelope.span_id);
	tl_entropy(&record.envelope.parent_span_id, sizeof record.envelope.parent_span_id);
	record.envelope.type = 513;
	record.envelope.version = 770;
	uint64_t writer = tl_log_writer(log), id = tl_log_id(log);
	assert_ok(tl_log_append(log, &record, 1, NULL, &err));
	tl_log_close(log);

	log = log_opened(TL_LOG_READ_ONLY);
	struct tl_arena arena;
	struct tl_record_list list;
	tl_arena_init(&arena, 1 << 20);
	assert_ok(tl_log_read(log, 0, 10, 1000, &arena, &list, &err));
	assert_int_equal(list.count, 1);
	const struct tl_envelope *read = &list.records[0].envelope;
	assert_int_equal(read->seq, 1);
	assert_int_equal(read->writer, writer);
	assert_int_equal(read->type, 513);
	assert_int_equal(read->version, 770);
	assert_memory_equal(&read->trace_id, &record.envelope.trace_id, sizeof read->trace_id);
	assert_memory_equal(&read->span_id, &record.envelope.span_id, sizeof read->span_id);
	assert_memory_equal(&read->parent_span_id, &record.envelope.parent_span_id, sizeof read->parent_span_id);
	assert_int_equal(read->at.wall_ns, record.envelope.at.wall_ns);
	assert_int_equal(read->at.mono_ns, record.envelope.at.mono_ns);
	assert_int_equal(list.records[0].body.len, 4);
	assert_memory_equal(list.records[0].body.ptr, "body", 4);
	assert_int_equal(tl_log_id(log), id);
	assert_int_equal(tl_log_writer(log), 0);
	tl_arena_done(&arena);
	tl_log_close(log);
}

static void
read_only_log_refuses_appends(void **state)
{
	(void)state;
	struct tl_err err;
	tl_log_close(log_opened(TL_LOG_APPEND));
	struct tl_log *log = log_opened(TL_LOG_READ_ONLY);
	struct tl_record record = record_of(1, "x");
	assert_int_equal(tl_log_append(log, &record, 1, NULL, &err), TL_ERR_READ_ONLY);
	tl_log_close(log);
}

static void
limits_are_refused_by_name_and_store_nothing(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_record *records = calloc(TL_LOG_BATCH_EVENTS_MAX + 1, sizeof *records);
	uint8_t *large = calloc(1, TL_LOG_BODY_LIMIT + 1);
	assert_true(records && large);
	assert_int_equal(tl_log_append(log, records, TL_LOG_BATCH_EVENTS_MAX + 1, NULL, &err), TL_ERR_LIMIT);
	assert_non_null(strstr(err.message, "TL_LOG_BATCH_EVENTS_MAX"));
	records[0].body = (tl_bytes){ large, TL_LOG_BODY_LIMIT + 1 };
	assert_int_equal(tl_log_append(log, records, 1, NULL, &err), TL_ERR_LIMIT);
	assert_non_null(strstr(err.message, "TL_LOG_BODY_LIMIT"));
	for (int i = 0; i < 5; i++)
		records[i].body = (tl_bytes){ large, TL_LOG_BODY_LIMIT };
	assert_int_equal(tl_log_append(log, records, 5, NULL, &err), TL_ERR_LIMIT);
	assert_non_null(strstr(err.message, "TL_LOG_COMMIT_BYTES_MAX"));
	uint64_t seq;
	assert_ok(tl_log_append(log, records, 1, &seq, &err));
	assert_int_equal(seq, 1);
	assert_clean(log);
	free(large);
	free(records);
	tl_log_close(log);
}

static void
tickets_are_committed_in_the_order_of_their_submits(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	enum { COUNT = 300 };
	struct tl_log_ticket tickets[COUNT];
	for (unsigned i = 0; i < COUNT; i++) {
		struct tl_record record = record_of(i % 7, "x");
		assert_ok(tl_log_submit(log, &record, 1, &tickets[i], &err));
	}
	for (unsigned i = COUNT; i-- > 0;) {
		uint64_t seq = 0;
		assert_ok(tl_log_wait(log, tickets[i], &seq, &err));
		assert_int_equal(seq, i + 1);
	}
	struct tl_log_stat stat;
	assert_ok(tl_log_stat(log, &stat, &err));
	assert_true(stat.commits < COUNT);
	assert_int_equal(stat.events_appended, COUNT);
	assert_int_equal(stat.traces, 7);
	tl_log_close(log);
}

static void
posted_records_are_stored_before_close_returns(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_record record = record_of(1, "posted");
	for (int i = 0; i < 500; i++)
		assert_ok(tl_log_post(log, &record, 1, &err));
	tl_log_close(log);
	log = log_opened(TL_LOG_READ_ONLY);
	uint64_t head;
	assert_ok(tl_log_head(log, &head, &err));
	assert_int_equal(head, 500);
	assert_clean(log);
	tl_log_close(log);
}

enum { THREADS = 16, EACH = 200 };

struct appender {
	struct tl_log *log;
	unsigned number;
	uint64_t seqs[EACH];
};

static void *
append_many(void *context)
{
	struct appender *appender = context;
	struct tl_err err;
	for (unsigned i = 0; i < EACH; i++) {
		char text[32];
		(void)snprintf(text, sizeof text, "%u/%u", appender->number, i);
		struct tl_record record = record_of(appender->number, text);
		if (tl_log_append(appender->log, &record, 1, &appender->seqs[i], &err) != TL_OK)
			return appender;
	}
	return NULL;
}

static void
many_threads_each_get_their_own_order_and_share_commits(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	static struct appender appenders[THREADS];
	pthread_t threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++) {
		appenders[i] = (struct appender){ .log = log, .number = i };
		assert_int_equal(pthread_create(&threads[i], NULL, append_many, &appenders[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		void *failed;
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		struct tl_arena arena;
		struct tl_record_list list;
		tl_arena_init(&arena, 1 << 20);
		assert_ok(tl_log_read_trace(log, trace_of(i), 0, EACH + 1, 1 << 20, &arena, &list, &err));
		assert_int_equal(list.count, EACH);
		for (unsigned n = 0; n < EACH; n++) {
			char text[32];
			(void)snprintf(text, sizeof text, "%u/%u", i, n);
			assert_int_equal(list.records[n].envelope.seq, appenders[i].seqs[n]);
			assert_true(tl_str_equal(tl_str_of_bytes(list.records[n].body), tl_str_of(text)));
		}
		tl_arena_done(&arena);
	}
	struct tl_log_stat stat;
	assert_ok(tl_log_stat(log, &stat, &err));
	assert_int_equal(stat.head_seq, THREADS * EACH);
	assert_true(stat.commits < THREADS * EACH);
	assert_clean(log);
	tl_log_close(log);
}

static void
batch_for_a_trace_that_is_not_open_is_dropped_whole(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_record created = record_of(1, "created"), ending[] = { record_of(1, "note"), record_of(1, "finished") };
	created.opens_trace = true;
	ending[1].closes_trace = ending[1].only_if_open = true;
	uint64_t seq = 99;
	assert_ok(tl_log_append(log, ending, 2, &seq, &err));
	assert_int_equal(seq, 0);
	assert_ok(tl_log_append(log, &created, 1, &seq, &err));
	assert_int_equal(seq, 1);
	bool open, dead;
	assert_ok(tl_log_is_open(log, trace_of(1), &open, &dead, &err));
	assert_true(open);
	assert_false(dead);
	assert_ok(tl_log_append(log, ending, 2, &seq, &err));
	assert_int_equal(seq, 2);
	assert_ok(tl_log_append(log, ending, 2, &seq, &err));
	assert_int_equal(seq, 0);
	assert_ok(tl_log_is_open(log, trace_of(1), &open, &dead, &err));
	assert_false(open);
	assert_ok(tl_log_head(log, &seq, &err));
	assert_int_equal(seq, 3);
	assert_clean(log);
	tl_log_close(log);
}

static void
second_handle_in_one_process_is_refused(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND), *second = NULL;
	struct tl_log_options options = { .data_dir = data_dir, .mode = TL_LOG_READ_ONLY };
	assert_int_equal(tl_log_open(&options, &second, &err), TL_ERR_USAGE);
	assert_null(second);
	append_text(log, 1, "the first goes on");
	tl_log_close(log);
	tl_log_close(log_opened(TL_LOG_READ_ONLY));
}

static void
missing_log_is_not_made_by_reading(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = NULL;
	char missing[96];
	struct stat about;
	(void)snprintf(missing, sizeof missing, "%s/none", data_dir);
	struct tl_log_options options = { .data_dir = missing, .mode = TL_LOG_READ_ONLY };
	assert_int_equal(tl_log_open(&options, &log, &err), TL_ERR_NOT_FOUND);
	assert_int_not_equal(stat(missing, &about), 0);
}

static void
directories_are_private_and_descriptors_closed_on_exec(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_log_follower *follower = NULL;
	assert_ok(tl_log_follower_open(log, &follower, &err));
	struct stat about;
	char path[128];
	(void)snprintf(path, sizeof path, "%s/log", data_dir);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0700);
	(void)snprintf(path, sizeof path, "%s/log/data.mdb", data_dir);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	unsigned seen = 0;
	for (int fd = 3; fd < 64; fd++) {
		int flags = fcntl(fd, F_GETFD);
		char link[64], target[256] = "";
		(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		if (flags < 0 || readlink(link, target, sizeof target - 1) < 0)
			continue;
		if (!strstr(target, "tracellm") && !strstr(target, "socket:") && !strstr(target, "eventfd"))
			continue;
		seen++;
		if (!(flags & FD_CLOEXEC))
			fail_msg("%s stays open in children", target);
	}
	assert_true(seen >= 5);
	tl_log_follower_close(follower);
	tl_log_close(log);
}

static void
clean_close_leaves_no_writer_behind(void **state)
{
	(void)state;
	tl_log_close(log_opened(TL_LOG_APPEND));
	char path[128];
	(void)snprintf(path, sizeof path, "%s/run", data_dir);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		assert_int_equal(entry->d_name[0], '.');
	(void)closedir(dir);
}

static void
envelope_bytes_are_the_ones_the_door_draws(void **state)
{
	(void)state;
	struct tl_envelope envelope = {
		.seq = 0x0807060504030201,
		.type = 0x2a29,
		.version = 0x2c2b,
		.at = { 0x3837363534333231, 0x403f3e3d3c3b3a39 },
		.writer = 0x4847464544434241,
	};
	for (unsigned i = 0; i < 32; i++)
		envelope.body_digest.bytes[i] = (uint8_t)(0x49 + i);
	for (unsigned i = 0; i < 16; i++)
		envelope.trace_id.bytes[i] = (uint8_t)(0x09 + i);
	for (unsigned i = 0; i < 8; i++) {
		envelope.span_id.bytes[i] = (uint8_t)(0x19 + i);
		envelope.parent_span_id.bytes[i] = (uint8_t)(0x21 + i);
	}
	uint8_t bytes[TL_ENVELOPE_SIZE];
	tl_envelope_encode(&envelope, 0x302f2e2d, bytes);
	for (unsigned i = 0; i < sizeof bytes; i++)
		assert_int_equal(bytes[i], i + 1);
	struct tl_envelope back = { 0 };
	uint32_t length = 0;
	tl_envelope_decode(bytes, &back, &length);
	assert_int_equal(length, 0x302f2e2d);
	assert_memory_equal(&back, &envelope, sizeof back);
}

int
main(void)
{
#define IN_A_LOG(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_remove)
	const struct CMUnitTest tests[] = {
		IN_A_LOG(seqs_start_at_1_and_have_no_gaps),
		IN_A_LOG(what_was_appended_is_read_back_by_another_handle),
		IN_A_LOG(read_only_log_refuses_appends),
		IN_A_LOG(limits_are_refused_by_name_and_store_nothing),
		IN_A_LOG(tickets_are_committed_in_the_order_of_their_submits),
		IN_A_LOG(posted_records_are_stored_before_close_returns),
		IN_A_LOG(many_threads_each_get_their_own_order_and_share_commits),
		IN_A_LOG(batch_for_a_trace_that_is_not_open_is_dropped_whole),
		IN_A_LOG(second_handle_in_one_process_is_refused),
		IN_A_LOG(missing_log_is_not_made_by_reading),
		IN_A_LOG(directories_are_private_and_descriptors_closed_on_exec),
		IN_A_LOG(clean_close_leaves_no_writer_behind),
		cmocka_unit_test(envelope_bytes_are_the_ones_the_door_draws),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
