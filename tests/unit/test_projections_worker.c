/* The worker on a real log: what it stores, what it says about it, and that nothing keeps it from ending in the same state. */
#include "log_fixture.h"
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "../support/events.h"
#include <tracellm/projections.h>

static struct tl_log *test_log;
static struct tl_view *view;
static struct tl_arena arena;
static struct tl_err err;

static void
open_all(void)
{
	test_log = log_opened(TL_LOG_APPEND);
	assert_ok(tl_view_open_embedded(test_log, true, &view, &err));
}

static void
close_all(void)
{
	if (view)
		view->ops->close(view);
	view = NULL;
	tl_log_close(test_log);
	test_log = NULL;
}

static int
setup(void **state)
{
	if (fixture_make(state) != 0)
		return -1;
	tl_arena_init(&arena, 512u << 20);
	open_all();
	return 0;
}

static int
teardown(void **state)
{
	close_all();
	tl_arena_done(&arena);
	return fixture_remove(state);
}

/* ---- Traces ---- */

static struct made_trace
made(unsigned number, unsigned chunks)
{
	static tl_str tags[] = { { "tag", 3 } };
	struct made_trace trace;
	struct trace_plan plan = {
		.trace_id = trace_of(number),
		.prompt = tl_arena_printf(&arena, "question %u", number),
		.answer = tl_arena_printf(&arena, "The answer to question %u is %u.", number, number * 7),
		.status = number % 5 == 4 ? TL_STR("failed") : TL_STR("success"),
		.chunks = chunks,
		.tags = { tags, 1 },
	};
	assert_ok(trace_make(&plan, &arena, &trace, &err));
	return trace;
}

static void
append_whole(unsigned number, unsigned chunks)
{
	struct made_trace trace = made(number, chunks);
	assert_ok(trace_append(test_log, &trace, 0, trace.count, NULL, &err));
}

/* Traces under way at the same time, their events mixed as they come. */
static void
append_mixed(unsigned first, unsigned count, uint64_t *random)
{
	struct made_trace *traces = tl_arena_array(&arena, count, sizeof *traces);
	size_t *next = tl_arena_array(&arena, count, sizeof *next), left = count;
	for (unsigned i = 0; i < count; i++)
		traces[i] = made(first + i, (unsigned)unit_below(random, 12) + 1);
	while (left > 0) {
		size_t i = unit_below(random, count), end = next[i] ? next[i] + 1 + unit_below(random, 3) : MADE_BEGIN_EVENTS;
		if (next[i] == traces[i].count)
			continue;
		end = end < traces[i].count ? end : traces[i].count;
		assert_ok(trace_append(test_log, &traces[i], next[i], end, NULL, &err));
		next[i] = end;
		left -= end == traces[i].count;
	}
}

static void
catch_up(void)
{
	struct tl_worker *worker = NULL;
	assert_ok(tl_worker_open(test_log, view, 0, &worker, &err));
	assert_ok(tl_worker_catch_up(worker, &err));
	tl_worker_close(worker);
}

/* ---- What must hold in the end ---- */

static tl_str
folded_document(struct tl_trace_id trace_id, uint64_t *ret_stored, uint64_t *ret_available)
{
	struct tl_record_list list;
	struct tl_trace *trace = NULL;
	struct tl_buf document;
	*ret_stored = *ret_available = 0;
	assert_ok(tl_log_read_trace(test_log, trace_id, 0, SIZE_MAX, SIZE_MAX, &arena, &list, &err));
	assert_ok(tl_trace_open(trace_id, &trace, &err));
	for (size_t i = 0; i < list.count; i++) {
		struct tl_event event;
		assert_ok(tl_event_of_record(&list.records[i], &arena, &event, &err));
		assert_ok(tl_trace_apply(trace, &event, &err));
		*ret_stored += event.type == TL_EVENT_trace_stored;
		*ret_available += event.type == TL_EVENT_replay_available;
	}
	tl_buf_init(&document, TL_TRACE_DOCUMENT_LIMIT);
	assert_ok(tl_trace_document(trace, &document, &err));
	tl_str copy = tl_arena_str(&arena, tl_buf_str(&document));
	tl_buf_done(&document);
	tl_trace_close(trace);
	return copy;
}

/* The view holds traces 0 to count - 1, each as a fresh fold has it, and the log says so exactly once. */
static void
assert_all_stored(unsigned count)
{
	struct tl_view_query query = { .limit = 1 };
	struct tl_view_page page;
	struct tl_trace_id *unconfirmed;
	size_t unconfirmed_count;
	assert_ok(view->ops->list(view, &query, &arena, &page, &err));
	assert_int_equal(page.total, count);
	for (unsigned i = 0; i < count; i++) {
		struct tl_view_row row;
		uint64_t stored, available;
		tl_str document = folded_document(trace_of(i), &stored, &available);
		assert_ok(view->ops->document(view, trace_of(i), &arena, &row, &err));
		assert_int_equal(row.document.len, document.len);
		assert_memory_equal(row.document.ptr, document.ptr, document.len);
		assert_true(tl_digest_equal(row.digest, tl_digest_of(tl_bytes_of(document))));
		assert_true(row.finished);
		assert_int_equal(stored, 1);
		assert_int_equal(available, 1);
	}
	assert_ok(view->ops->unconfirmed(view, &arena, 10, &unconfirmed, &unconfirmed_count, &err));
	assert_int_equal(unconfirmed_count, 0);
}

static uint64_t
head(void)
{
	uint64_t seq = 0;
	assert_ok(tl_log_head(test_log, &seq, &err));
	return seq;
}

static uint64_t
checkpoint(void)
{
	uint64_t seq = 0;
	assert_ok(view->ops->checkpoint(view, &seq, &err));
	return seq;
}

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

/* A view whose `document` gives back something else for a trace as often as it is told. */
static unsigned lies;
static struct tl_view_ops lying_ops;
static struct tl_view lying_view;

static enum tl_status
lying_document(struct tl_view *unused, struct tl_trace_id trace_id, struct tl_arena *in, struct tl_view_row *ret_row,
	struct tl_err *error)
{
	(void)unused;
	TL_TRY(view->ops->document(view, trace_id, in, ret_row, error));
	if (lies > 0) {
		lies--;
		ret_row->document = TL_STR("{}");
	}
	return TL_OK;
}

#define PASS(name, arguments, ...)                         \
	static enum tl_status lying_##name arguments       \
	{                                                  \
		(void)unused;                              \
		return view->ops->name(view, __VA_ARGS__); \
	}
PASS(checkpoint, (struct tl_view * unused, uint64_t *seq, struct tl_err *error), seq, error)
PASS(begin, (struct tl_view * unused, struct tl_err *error), error)
PASS(put, (struct tl_view * unused, const struct tl_view_row *row, struct tl_err *error), row, error)
PASS(park, (struct tl_view * unused, const struct tl_view_parked *parked, struct tl_err *error), parked, error)
PASS(commit, (struct tl_view * unused, uint64_t seq, struct tl_err *error), seq, error)
PASS(unconfirmed,
	(struct tl_view * unused, struct tl_arena *in, size_t max, struct tl_trace_id **ids, size_t *count, struct tl_err *error),
	in, max, ids, count, error)
PASS(confirm, (struct tl_view * unused, const struct tl_trace_id *ids, size_t count, struct tl_err *error), ids, count, error)
PASS(parked, (struct tl_view * unused, struct tl_arena *in, struct tl_view_parked **list, size_t *count, struct tl_err *error),
	in, list, count, error)

static void
lying_abort(struct tl_view *unused)
{
	(void)unused;
	view->ops->abort(view);
}

static void
catch_up_with_lies(unsigned count)
{
	struct tl_worker *worker = NULL;
	lying_ops = (struct tl_view_ops){ "embedded", NULL, lying_checkpoint, lying_begin, lying_put, lying_park, lying_commit,
		lying_abort, lying_unconfirmed, lying_confirm, lying_document, NULL, lying_parked };
	lying_view.ops = &lying_ops;
	lies = count;
	assert_ok(tl_worker_open(test_log, &lying_view, 0, &worker, &err));
	assert_ok(tl_worker_catch_up(worker, &err));
	tl_worker_close(worker);
}

static void
a_document_that_does_not_read_back_is_stored_again(void **state)
{
	(void)state;
	append_whole(0, 3);
	append_whole(1, 3);
	catch_up_with_lies(1);
	assert_all_stored(2);
}

static void
a_document_that_never_reads_back_parks_its_trace_and_nothing_is_claimed(void **state)
{
	(void)state;
	struct tl_view_parked *parked;
	size_t count;
	uint64_t stored, available;
	append_whole(0, 3);
	append_whole(1, 3);
	catch_up_with_lies(2);
	assert_ok(view->ops->parked(view, &arena, &parked, &count, &err));
	assert_int_equal(count, 1);
	folded_document(trace_of(0), &stored, &available);
	assert_int_equal(stored + available, 0);
	folded_document(trace_of(1), &stored, &available);
	assert_int_equal(stored + available, 2);
}

/* ---- Poison ---- */

/* An end with a status that no end has. */
static void
append_poison(unsigned number)
{
	struct made_trace trace = made(number, 2);
	trace.events[trace.count - 1].body.trace_finished.status = TL_STR("nonsense");
	assert_ok(trace_append(test_log, &trace, 0, trace.count, NULL, &err));
}

static void
a_trace_that_cannot_be_folded_is_parked_and_holds_nobody_up(void **state)
{
	(void)state;
	struct tl_view_parked *parked;
	struct tl_worker *worker = NULL;
	struct tl_view_row row;
	size_t count;
	append_whole(0, 3);
	append_poison(9);
	uint64_t poison_seq = head();
	append_whole(1, 3);
	assert_ok(tl_worker_open(test_log, view, 0, &worker, &err));
	assert_ok(tl_worker_catch_up(worker, &err));
	assert_int_equal(tl_worker_status(worker).parked, 1);
	assert_false(tl_worker_status(worker).failing);
	assert_all_stored(2);
	assert_ok(view->ops->parked(view, &arena, &parked, &count, &err));
	assert_int_equal(count, 1);
	assert_true(tl_trace_id_equal(parked[0].trace_id, trace_of(9)));
	assert_int_equal(parked[0].seq, poison_seq);
	assert_true(tl_str_find(parked[0].message, TL_STR("nonsense")) != SIZE_MAX);
	/* More of it does not help, and does not hurt. */
	append_poison(9);
	append_whole(2, 3);
	assert_ok(tl_worker_catch_up(worker, &err));
	assert_all_stored(3);
	assert_int_equal(view->ops->document(view, trace_of(9), &arena, &row, &err), TL_ERR_NOT_FOUND);
	assert_int_equal(tl_worker_status(worker).parked, 1);
	tl_worker_close(worker);
}

static void
bytes_that_are_no_event_are_parked_too(void **state)
{
	(void)state;
	struct tl_view_parked *parked;
	size_t count;
	append_text(test_log, 7, "\xc1 this is no msgpack");
	append_whole(0, 1);
	catch_up();
	assert_all_stored(1);
	assert_ok(view->ops->parked(view, &arena, &parked, &count, &err));
	assert_int_equal(count, 1);
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

/* ---- Killed anywhere ---- */

/* A worker process that is killed after a random time; its log handle is its own. */
static void
work_and_die(uint64_t *random)
{
	int ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct tl_worker *worker;
		struct tl_log_options options = { .data_dir = data_dir, .mode = TL_LOG_APPEND };
		if (tl_log_open(&options, &test_log, &err) == TL_OK &&
			tl_view_open_embedded(test_log, true, &view, &err) == TL_OK && write(ready[1], "r", 1) == 1 &&
			tl_worker_open(test_log, view, 0, &worker, &err) == TL_OK)
			tl_worker_follow(worker);
		_exit(1);
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)usleep((useconds_t)unit_below(random, 30000));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void
killed_anywhere_it_goes_on_and_ends_in_the_same_state(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	unsigned count = 0;
	for (unsigned i = 0; i < unit_rounds(15); i++) {
		append_mixed(count, 25, &random);
		count += 25;
		close_all();
		work_and_die(&random);
		open_all();
	}
	catch_up();
	assert_all_stored(count);
}

/* ---- Faults ---- */

#ifdef TL_FAULTS
/* Reached points of a kind fail once, every `stride`th or so; catching up a second time must then end as if nothing had been. */
static void
assert_survives(enum tl_fault_kind kind, size_t stride)
{
	uint64_t random = unit_seed();
	unsigned count = 0, failures = 0;
	for (uint64_t nth = 1;; nth += 1 + unit_below(&random, stride)) {
		append_mixed(count, 3, &random);
		append_poison(100000 + count);
		count += 3;
		struct tl_worker *worker = NULL;
		tl_fault_arm(kind, nth);
		enum tl_status status = tl_worker_open(test_log, view, 0, &worker, &err);
		if (status == TL_OK)
			status = tl_worker_catch_up(worker, &err);
		bool reached = tl_fault_reached(kind) >= nth;
		tl_fault_arm(kind, 0);
		failures += status != TL_OK;
		if (worker && status != TL_OK) {
			assert_true(tl_worker_status(worker).failing);
			assert_ok(tl_worker_catch_up(worker, &err));
			assert_false(tl_worker_status(worker).failing);
		}
		tl_worker_close(worker);
		catch_up();
		if (!reached)
			break;
	}
	assert_true(failures > 0);
	assert_all_stored(count);
}

static void
a_failing_write_to_the_view_loses_nothing(void **state)
{
	(void)state;
	assert_survives(TL_FAULT_VIEW, 1);
}

static void
a_failing_commit_of_the_log_loses_nothing(void **state)
{
	(void)state;
	assert_survives(TL_FAULT_COMMIT, 1);
}

static void
lost_memory_loses_nothing_else(void **state)
{
	(void)state;
	assert_survives(TL_FAULT_ALLOC, 20);
}
#endif

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
		T(a_document_that_does_not_read_back_is_stored_again),
		T(a_document_that_never_reads_back_parks_its_trace_and_nothing_is_claimed),
		T(a_trace_that_cannot_be_folded_is_parked_and_holds_nobody_up),
		T(bytes_that_are_no_event_are_parked_too),
		T(a_second_worker_is_told_that_the_first_is_there),
		T(a_reader_waits_for_the_worker_that_follows),
		T(a_reader_alone_works_itself),
		T(a_reader_is_told_what_is_missing),
		T(killed_anywhere_it_goes_on_and_ends_in_the_same_state),
#ifdef TL_FAULTS
		T(a_failing_write_to_the_view_loses_nothing),
		T(a_failing_commit_of_the_log_loses_nothing),
		T(lost_memory_loses_nothing_else),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
