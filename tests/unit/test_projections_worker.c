/* The worker on a real log: what it stores, what it says about it, who works and who waits. */
#include "unit.h"
#include "worker_fixture.h"

#include <pthread.h>

/* ---- Storing ---- */

static void
documents_in_the_view_are_those_of_a_fresh_fold(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < 5; i++) {
		append_mixed(i * 12, 12, &random);
		catch_up();
		assert_all_stored((i + 1) * 12);
	}
}

static void
storing_does_not_start_the_worker_again(void **state)
{
	(void)state;
	append_whole(0, 3);
	catch_up();
	uint64_t seq = head();
	assert_int_equal(checkpoint(), seq);
	catch_up();
	catch_up();
	assert_int_equal(head(), seq);
	assert_int_equal(checkpoint(), seq);
}

static void
a_running_trace_is_stored_as_far_as_it_is_and_not_confirmed(void **state)
{
	(void)state;
	struct made_trace trace = made(0, 6);
	struct tl_view_row row;
	assert_ok(trace_append(test_log, &trace, 0, 5, NULL, &err));
	catch_up();
	assert_ok(view->ops->document(view, trace_of(0), &arena, &row, &err));
	assert_int_equal(row.summary.status, TL_TRACE_RUNNING);
	assert_false(row.finished);
	assert_int_equal(head(), 5);
	assert_ok(trace_append(test_log, &trace, 5, trace.count, NULL, &err));
	catch_up();
	assert_all_stored(1);
}

static void
a_trace_without_its_beginning_is_not_in_the_view_yet(void **state)
{
	(void)state;
	struct made_trace trace = made(0, 2);
	struct tl_view_row row;
	assert_ok(trace_append(test_log, &trace, MADE_BEGIN_EVENTS, trace.count, NULL, &err));
	catch_up();
	assert_int_equal(view->ops->document(view, trace_of(0), &arena, &row, &err), TL_ERR_NOT_FOUND);
	assert_int_equal(checkpoint(), trace.count - MADE_BEGIN_EVENTS);
	assert_ok(trace_append(test_log, &trace, 0, MADE_BEGIN_EVENTS, NULL, &err));
	catch_up();
	assert_all_stored(1);
}

static void
an_event_after_the_end_makes_a_new_document_that_is_confirmed_again(void **state)
{
	(void)state;
	struct made_trace trace = made(0, 2);
	struct tl_view_row row;
	uint64_t stored, available;
	/* metrics.captured comes late. */
	struct tl_event late = trace.events[trace.count - 2];
	struct made_trace rest = { .events = &late, .count = 1 };
	trace.events[trace.count - 2] = trace.events[trace.count - 1];
	assert_ok(trace_append(test_log, &trace, 0, trace.count - 1, NULL, &err));
	catch_up();
	assert_all_stored(1);
	assert_ok(trace_append(test_log, &rest, 0, 1, NULL, &err));
	catch_up();
	tl_str document = folded_document(trace_of(0), &stored, &available);
	assert_ok(view->ops->document(view, trace_of(0), &arena, &row, &err));
	assert_int_equal(row.document.len, document.len);
	assert_memory_equal(row.document.ptr, document.ptr, document.len);
	assert_int_equal(stored, 2);
	assert_int_equal(available, 2);
}

static void
a_trace_longer_than_a_batch_and_the_cache_is_stored_whole(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	struct made_trace trace = made(0, 3000);
	assert_ok(trace_append(test_log, &trace, 0, 1500, NULL, &err));
	for (unsigned i = 1; i < 2 * TL_WORKER_CACHE_TRACES; i++)
		append_whole(i, (unsigned)unit_below(&random, 3) + 1);
	assert_ok(trace_append(test_log, &trace, 1500, trace.count, NULL, &err));
	catch_up();
	assert_all_stored(2 * TL_WORKER_CACHE_TRACES);
}

/* ---- The view is never the truth ---- */

static void
remove_view(void)
{
	char path[128];
	(void)snprintf(path, sizeof path, "%s/views/embedded.sqlite", data_dir);
	assert_int_equal(unlink(path), 0);
}

static void
a_deleted_view_is_rebuilt_to_the_same_bytes_and_nothing_new_is_said(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	append_mixed(0, 60, &random);
	for (unsigned i = 60; i < 200; i++)
		append_whole(i, 9);
	catch_up();
	uint64_t seq = head();
	assert_all_stored(200);
	remove_view();
	catch_up();
	assert_int_equal(head(), seq);
	assert_all_stored(200);
}

static void
a_read_only_log_is_folded_without_a_word(void **state)
{
	(void)state;
	append_whole(0, 3);
	uint64_t seq = head();
	close_all();
	test_log = log_opened(TL_LOG_READ_ONLY);
	assert_ok(tl_view_open_embedded(test_log, true, &view, &err));
	catch_up();
	assert_int_equal(head(), seq);
	assert_int_equal(checkpoint(), seq);
	close_all();
	open_all();
	catch_up();
	assert_all_stored(1);
}

/* ---- The lease ---- */

static void
a_second_worker_is_told_that_the_first_is_there(void **state)
{
	(void)state;
	struct tl_worker *first = NULL, *second = NULL;
	assert_ok(tl_worker_open(test_log, view, 0, &first, &err));
	assert_int_equal(tl_worker_open(test_log, view, 20, &second, &err), TL_ERR_BUSY);
	assert_null(second);
	tl_worker_close(first);
	assert_ok(tl_worker_open(test_log, view, 0, &second, &err));
	tl_worker_close(second);
}

static void *
follow(void *worker)
{
	tl_worker_follow(worker);
	return NULL;
}

static void
a_reader_waits_for_the_worker_that_follows(void **state)
{
	(void)state;
	struct tl_view *reader = NULL;
	struct tl_worker *worker = NULL;
	pthread_t thread;
	uint64_t lag = 99;
	assert_ok(tl_view_open_embedded(test_log, true, &reader, &err));
	assert_ok(tl_worker_open(test_log, view, 0, &worker, &err));
	assert_int_equal(pthread_create(&thread, NULL, follow, worker), 0);
	for (unsigned i = 0; i < 20; i++) {
		struct tl_view_row row;
		append_whole(i, 3);
		assert_ok(tl_view_catch_up(test_log, reader, 60000, &lag, &err));
		assert_int_equal(lag, 0);
		assert_ok(reader->ops->document(reader, trace_of(i), &arena, &row, &err));
	}
	tl_worker_stop(worker);
	assert_int_equal(pthread_join(thread, NULL), 0);
	tl_worker_close(worker);
	catch_up();
	assert_all_stored(20);
	reader->ops->close(reader);
}

static void
a_reader_alone_works_itself(void **state)
{
	(void)state;
	uint64_t lag = 99;
	append_whole(0, 3);
	assert_ok(tl_view_catch_up(test_log, view, 0, &lag, &err));
	assert_int_equal(lag, 0);
	assert_all_stored(1);
}

static void
a_reader_is_told_what_is_missing(void **state)
{
	(void)state;
	struct tl_worker *idle = NULL;
	uint64_t lag = 99;
	append_whole(0, 3);
	uint64_t seq = head();
	assert_ok(tl_worker_open(test_log, view, 0, &idle, &err));
	assert_ok(tl_view_catch_up(test_log, view, 10, &lag, &err));
	assert_int_equal(lag, seq);
	tl_worker_close(idle);
	close_all();
	test_log = log_opened(TL_LOG_READ_ONLY);
	assert_ok(tl_view_open_embedded(test_log, false, &view, &err));
	assert_ok(tl_view_catch_up(test_log, view, 60000, &lag, &err));
	assert_int_equal(lag, seq);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(documents_in_the_view_are_those_of_a_fresh_fold),
		T(storing_does_not_start_the_worker_again),
		T(a_running_trace_is_stored_as_far_as_it_is_and_not_confirmed),
		T(a_trace_without_its_beginning_is_not_in_the_view_yet),
		T(an_event_after_the_end_makes_a_new_document_that_is_confirmed_again),
		T(a_trace_longer_than_a_batch_and_the_cache_is_stored_whole),
		T(a_deleted_view_is_rebuilt_to_the_same_bytes_and_nothing_new_is_said),
		T(a_read_only_log_is_folded_without_a_word),
		T(a_second_worker_is_told_that_the_first_is_there),
		T(a_reader_waits_for_the_worker_that_follows),
		T(a_reader_alone_works_itself),
		T(a_reader_is_told_what_is_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
