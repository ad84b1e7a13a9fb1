/* Every allocation and every commit fails once, in turn. Needs -Dfaults=true. */
#include "log_fixture.h"

#ifdef TL_FAULTS

/* Everything the door offers, once. Any status is fine, as long as it is told. */
static enum tl_status
use_the_log(struct tl_log *log, uint64_t *ret_stored, struct tl_err *err)
{
	static struct tl_record records[1100];
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_record_list list;
	struct tl_log_report report;
	struct tl_log_stat stat;
	struct tl_log_follower *follower = NULL;
	uint64_t head;
	tl_arena_init(&arena, 8 << 20);
	for (unsigned i = 0; i < 1100; i++)
		records[i] = record_of(i % 3, "body");
	TL_TRY(tl_log_append(log, records, 1, ret_stored, err));
	TL_TRY(tl_log_append(log, records, 1100, ret_stored, err));
	*ret_stored += 1099;
	TL_TRY(tl_log_read(log, 0, 10, 1000, &arena, &list, err));
	TL_TRY(tl_log_read_trace(log, trace_of(1), 0, 10, 1000, &arena, &list, err));
	TL_TRY(tl_log_stat(log, &stat, err));
	TL_TRY(tl_log_verify(log, &report, err));
	assert_int_equal(report.bad, 0);
	TL_TRY(tl_log_follower_open(log, &follower, err));
	enum tl_status status = tl_log_follower_wait(follower, 0, 0, &head, err);
	tl_log_follower_close(follower);
	return status;
}

static enum tl_status
open_and_use(uint64_t *ret_stored, struct tl_err *err)
{
	struct tl_log *log = NULL;
	struct tl_log_options options = { .data_dir = data_dir, .mode = TL_LOG_APPEND };
	TL_TRY(tl_log_open(&options, &log, err));
	enum tl_status status = use_the_log(log, ret_stored, err);
	tl_log_close(log);
	return status;
}

/* What was acknowledged is there, and what is there is whole. */
static void
assert_kept(uint64_t acknowledged)
{
	struct tl_err err;
	uint64_t head;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	assert_ok(tl_log_head(log, &head, &err));
	assert_true(head >= acknowledged);
	assert_clean(log);
	tl_log_close(log);
}

/* Each time in a log of its own, so that there are as many points each time. */
static void
fail_each(enum tl_fault_kind kind, enum tl_status expected)
{
	bool failed_once = false, reached = true;
	for (uint64_t nth = 1; reached; nth++) {
		struct tl_err err = { .status = TL_OK };
		uint64_t acknowledged = 0;
		tl_fault_arm(kind, nth);
		enum tl_status status = open_and_use(&acknowledged, &err);
		reached = tl_fault_reached(kind) >= nth;
		tl_fault_arm(kind, 0);
		assert_int_equal(status, err.status);
		if (status != TL_OK && status != expected)
			fail_msg("fault %llu: %s", (unsigned long long)nth, err.message);
		failed_once = failed_once || status != TL_OK;
		assert_kept(acknowledged);
		assert_int_equal(fixture_remove(NULL), 0);
		assert_int_equal(fixture_make(NULL), 0);
	}
	assert_true(failed_once);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	fail_each(TL_FAULT_ALLOC, TL_ERR_NO_MEMORY);
}

static void
every_commit_may_fail(void **state)
{
	(void)state;
	fail_each(TL_FAULT_COMMIT, TL_ERR_IO);
}

static void
failed_commit_stores_nothing_and_the_next_one_succeeds(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_record record = record_of(1, "x");
	tl_fault_arm(TL_FAULT_COMMIT, 1);
	assert_int_equal(tl_log_append(log, &record, 1, NULL, &err), TL_ERR_IO);
	tl_fault_arm(TL_FAULT_COMMIT, 0);
	uint64_t head;
	assert_ok(tl_log_head(log, &head, &err));
	assert_int_equal(head, 0);
	assert_int_equal(append_text(log, 1, "y"), 1);
	assert_clean(log);
	tl_log_close(log);
}

/* A whole group fails once: each of its batches is tried by itself. */
static void
failed_group_does_not_fail_its_batches(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	enum { COUNT = 200 };
	for (uint64_t nth = 2; nth < 8; nth++) {
		struct tl_log_ticket tickets[COUNT];
		uint64_t last = 0;
		unsigned failed = 0;
		tl_fault_arm(TL_FAULT_COMMIT, nth);
		for (unsigned i = 0; i < COUNT; i++) {
			struct tl_record record = record_of(i % 3, "x");
			assert_ok(tl_log_submit(log, &record, 1, &tickets[i], &err));
		}
		for (unsigned i = 0; i < COUNT; i++) {
			uint64_t seq = 0;
			if (tl_log_wait(log, tickets[i], &seq, &err) != TL_OK) {
				failed++;
				continue;
			}
			assert_true(seq > last);
			last = seq;
		}
		/* Only a batch that was alone in its commit has nobody to be told from. */
		assert_true(failed <= 1);
		tl_fault_arm(TL_FAULT_COMMIT, 0);
	}
	assert_clean(log);
	tl_log_close(log);
}

static void
failed_posts_are_counted(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_record record = record_of(1, "x");
	tl_fault_arm(TL_FAULT_COMMIT, 1);
	assert_ok(tl_log_post(log, &record, 1, &err));
	/* Committed after it, or with it and then both singly. */
	(void)tl_log_append(log, &record, 1, NULL, &err);
	tl_fault_arm(TL_FAULT_COMMIT, 0);
	struct tl_log_stat stat;
	assert_ok(tl_log_stat(log, &stat, &err));
	assert_int_equal(stat.posts_failed + stat.head_seq, 2);
	tl_log_close(log);
}
#endif

int
main(void)
{
#ifdef TL_FAULTS
#define IN_A_LOG(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_remove)
	const struct CMUnitTest tests[] = {
		IN_A_LOG(every_allocation_may_fail),
		IN_A_LOG(every_commit_may_fail),
		IN_A_LOG(failed_commit_stores_nothing_and_the_next_one_succeeds),
		IN_A_LOG(failed_group_does_not_fail_its_batches),
		IN_A_LOG(failed_posts_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
#else
	(void)fixture_make, (void)fixture_remove, (void)log_opened, (void)append_text, (void)verified, (void)assert_clean;
	return 77; /* skipped: built without -Dfaults=true */
#endif
}
