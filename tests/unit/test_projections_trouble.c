/* The worker in trouble: lied to, poisoned, killed, starved. Nothing keeps it from ending in the same state. */
#include "unit.h"
#include "worker_fixture.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- Lies ---- */

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
		T(a_document_that_does_not_read_back_is_stored_again),
		T(a_document_that_never_reads_back_parks_its_trace_and_nothing_is_claimed),
		T(a_trace_that_cannot_be_folded_is_parked_and_holds_nobody_up),
		T(bytes_that_are_no_event_are_parked_too),
		T(killed_anywhere_it_goes_on_and_ends_in_the_same_state),
#ifdef TL_FAULTS
		T(a_failing_write_to_the_view_loses_nothing),
		T(a_failing_commit_of_the_log_loses_nothing),
		T(lost_memory_loses_nothing_else),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
