/* capture: the driver with a real loop, the sandbox and a real log. */
#include "log_fixture.h"

#include <signal.h>

#include <tracellm/capture.h>

#include "unit.h"

/* One capture on a loop of its own, with the sandbox as its provider. */
struct run {
	struct tl_log *log;
	struct tl_loop *loop;
	struct tl_timer *timer;
	struct tl_capture *capture;
	struct tl_redactor *redactor;
	struct tl_plan plan;
	int signal; /* sent by the timer */
	size_t events, told;
	enum tl_status status; /* as told */
	struct tl_err err;
};

static struct tl_plan
plan_of(bool stream)
{
	return (struct tl_plan){
		.inputs = {
			.provider = TL_STR("sandbox"),
			.provider_reason = TL_STR("flag"),
			.model = TL_STR("sandbox"),
			.model_reason = TL_STR("default"),
			.base_url = TL_STR("sandbox://local/v1"),
			.prompt = TL_STR("Explain transformers in a few words, please"),
			.max_tokens = -1,
			.stream = stream,
		},
		.key_chars = -1,
		.source = TL_STR("cli"),
		.project = TL_STR("default"),
		.trace_id = tl_trace_id_new(),
	};
}

static void
on_event(void *context, const struct tl_event *event)
{
	struct run *run = context;
	assert_true(tl_trace_id_equal(event->trace_id, run->plan.trace_id));
	run->events++;
}

static void
on_done(void *context, enum tl_status status, const struct tl_err *err)
{
	struct run *run = context;
	run->told++;
	run->status = status;
	if (status != TL_OK)
		run->err = *err;
	tl_loop_stop(run->loop);
}

static void
on_timer(void *context)
{
	struct run *run = context;
	tl_capture_interrupt(run->capture, run->signal);
	/* Doubles are harmless. */
	tl_capture_interrupt(run->capture, run->signal);
}

static enum tl_status
start(struct run *run)
{
	struct tl_capture_options options = {
		.loop = run->loop,
		.log = run->log,
		.provider = tl_provider_find(run->plan.inputs.provider),
		.plan = &run->plan,
		.redactor = run->redactor,
		.context = run,
		.on_event = on_event,
		.on_done = on_done,
	};
	return tl_capture_start(&options, &run->capture, &run->err);
}

static void
open_run(struct run *run, struct tl_plan plan)
{
	struct tl_err err;
	*run = (struct run){ .log = log_opened(TL_LOG_APPEND), .plan = plan };
	assert_ok(tl_loop_open(&run->loop, &err));
	assert_ok(tl_timer_open(run->loop, on_timer, run, &run->timer, &err));
	assert_ok(tl_redactor_open(&run->redactor, &err));
}

/* The log goes first: the loop closes its descriptors by system calls that the thread sanitizer does not see, and takes a
 * descriptor that the log's thread opens under the same number for a race. */
static void
close_run(struct run *run)
{
	tl_capture_close(run->capture);
	tl_log_close(run->log);
	tl_redactor_close(run->redactor);
	tl_timer_close(run->timer);
	tl_loop_close(run->loop);
}

static struct tl_record_list
read_log(struct tl_log *log, struct tl_arena *arena)
{
	struct tl_err err;
	struct tl_record_list list;
	tl_arena_init(arena, 16 << 20);
	assert_ok(tl_log_read(log, 0, 10000, 8 << 20, arena, &list, &err));
	return list;
}

/* The last event of the log; it must be the end of a trace. */
static struct tl_event
last_event(const struct tl_record_list *list, struct tl_arena *arena)
{
	struct tl_err err;
	struct tl_event event;
	assert_true(list->count > 0);
	assert_ok(tl_event_of_record(&list->records[list->count - 1], arena, &event, &err));
	assert_int_equal(event.type, TL_EVENT_trace_finished);
	return event;
}

static void
assert_recorded(struct run *run, const char *status)
{
	struct tl_err err;
	struct tl_arena arena;
	struct tl_trace *trace = NULL;
	assert_int_equal(run->told, 1);
	if (run->status != TL_OK)
		fail_msg("%s", run->err.message);
	struct tl_record_list list = read_log(run->log, &arena);
	assert_int_equal(list.count, run->events);
	assert_true(tl_str_equal(last_event(&list, &arena).body.trace_finished.status, tl_str_of(status)));
	assert_ok(tl_trace_open(run->plan.trace_id, &trace, &err));
	for (size_t i = 0; i < list.count; i++) {
		struct tl_event event;
		assert_int_equal(list.records[i].envelope.writer, tl_log_writer(run->log));
		assert_ok(tl_event_of_record(&list.records[i], &arena, &event, &err));
		assert_ok(tl_trace_apply(trace, &event, &err));
	}
	assert_string_equal(tl_trace_status_text(tl_trace_summary(trace).status), status);
	tl_trace_close(trace);
	tl_arena_done(&arena);
	assert_clean(run->log);
}

/* ---- What goes well ---- */

static void
assert_call_recorded(bool stream)
{
	struct tl_err err;
	struct run run;
	uint64_t head;
	open_run(&run, plan_of(stream));
	assert_int_equal(start(&run), TL_OK);
	/* Before a byte was sent. */
	assert_ok(tl_log_head(run.log, &head, &err));
	assert_int_equal(head, 3);
	tl_loop_run(run.loop);
	assert_recorded(&run, "success");
	close_run(&run);
}

static void
a_streamed_call_is_recorded_from_its_start_to_its_end(void **state)
{
	(void)state;
	assert_call_recorded(true);
}

static void
a_whole_answer_is_recorded_from_its_start_to_its_end(void **state)
{
	(void)state;
	assert_call_recorded(false);
}

static void
an_interruption_ends_the_trace(void **state)
{
	(void)state;
	struct run run;
	open_run(&run, plan_of(true));
	run.signal = SIGTERM;
	assert_int_equal(start(&run), TL_OK);
	tl_timer_set(run.timer, 60, 0);
	tl_loop_run(run.loop);
	assert_recorded(&run, "interrupted");
	close_run(&run);
}

static void
an_interruption_before_the_loop_runs_ends_the_trace(void **state)
{
	(void)state;
	struct run run;
	open_run(&run, plan_of(true));
	assert_int_equal(start(&run), TL_OK);
	tl_capture_interrupt(run.capture, SIGINT);
	assert_int_equal(run.told, 0);
	tl_loop_run(run.loop);
	assert_recorded(&run, "interrupted");
	close_run(&run);
}

static void
an_answer_that_takes_too_long_is_tried_again_and_then_failed(void **state)
{
	(void)state;
	struct run run;
	struct tl_plan plan = plan_of(true);
	plan.inputs.timeout_ms = 1;
	plan.inputs.retries_max = 1;
	open_run(&run, plan);
	assert_int_equal(start(&run), TL_OK);
	tl_loop_run(run.loop);
	assert_recorded(&run, "failed");
	/* request, trace, twice (started, failed), metrics, end */
	assert_int_equal(run.events, 8);
	close_run(&run);
}

static void
an_interruption_while_waiting_ends_the_trace_at_once(void **state)
{
	(void)state;
	struct run run;
	struct tl_plan plan = plan_of(true);
	plan.inputs.timeout_ms = 1;
	plan.inputs.retries_max = 9;
	open_run(&run, plan);
	run.signal = SIGINT;
	assert_int_equal(start(&run), TL_OK);
	tl_timer_set(run.timer, 120, 0);
	tl_loop_run(run.loop);
	assert_recorded(&run, "interrupted");
	close_run(&run);
}

/* ---- What does not ---- */

static void
inputs_that_cannot_be_used_leave_no_event(void **state)
{
	(void)state;
	struct tl_err err;
	struct run run;
	uint64_t head;
	struct tl_plan plan = plan_of(true);
	plan.inputs.base_url = TL_STR("gopher://x");
	open_run(&run, plan);
	assert_int_equal(start(&run), TL_ERR_USAGE);
	assert_null(run.capture);
	assert_int_equal(run.told, 0);
	assert_ok(tl_log_head(run.log, &head, &err));
	assert_int_equal(head, 0);
	close_run(&run);
}

static void
a_log_that_cannot_be_written_is_told_at_the_start(void **state)
{
	(void)state;
	struct run run;
	open_run(&run, plan_of(true));
	tl_log_close(run.log);
	run.log = log_opened(TL_LOG_READ_ONLY);
	assert_int_equal(start(&run), TL_ERR_READ_ONLY);
	assert_null(run.capture);
	assert_int_equal(run.told, 0);
	close_run(&run);
}

#ifdef TL_FAULTS
/* True when the run was recorded whole. */
static bool
run_with_fault(enum tl_fault_kind kind, uint64_t nth, enum tl_status expected, bool *ret_reached)
{
	struct run run;
	open_run(&run, plan_of(kind == TL_FAULT_COMMIT));
	struct tl_arena arena;
	tl_fault_arm(kind, nth);
	enum tl_status status = start(&run);
	if (status == TL_OK) {
		tl_loop_run(run.loop);
		assert_int_equal(run.told, 1);
		status = run.status;
	} else {
		assert_int_equal(run.told, 0);
	}
	*ret_reached = tl_fault_reached(kind) >= nth;
	tl_fault_arm(kind, 0);
	if (status != TL_OK && status != expected)
		fail_msg("point %llu: %s", (unsigned long long)nth, run.err.message);
	struct tl_record_list list = read_log(run.log, &arena);
	size_t first = list.count;
	while (first > 0 && tl_trace_id_equal(list.records[first - 1].envelope.trace_id, run.plan.trace_id))
		first--;
	/* Acknowledged is durable, and nothing is there that was not emitted. */
	if (status == TL_OK) {
		assert_int_equal(list.count - first, run.events);
		(void)last_event(&list, &arena);
	} else {
		assert_true(list.count - first <= run.events);
	}
	tl_arena_done(&arena);
	close_run(&run);
	return status == TL_OK;
}

static void
end_what_is_open(void)
{
	struct tl_err err;
	uint64_t ended;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_log_stat stat;
	assert_ok(tl_log_end_dead_writers(log, &ended, &err));
	assert_ok(tl_log_stat(log, &stat, &err));
	assert_int_equal(stat.open_traces, 0);
	assert_clean(log);
	tl_log_close(log);
}

static void
a_commit_that_fails_is_told_and_never_acknowledged(void **state)
{
	(void)state;
	bool reached = true, whole = false;
	unsigned failed = 0;
	for (uint64_t nth = 1; reached; nth++) {
		whole = run_with_fault(TL_FAULT_COMMIT, nth, TL_ERR_IO, &reached);
		assert_int_equal(whole, !reached);
		failed += !whole;
	}
	assert_true(whole && failed >= 3);
	end_what_is_open();
}

static void
memory_that_runs_out_is_told_and_nothing_is_lost_silently(void **state)
{
	(void)state;
	bool reached = true;
	unsigned failed = 0;
	for (uint64_t nth = 1; reached; nth += 1 + nth / 60)
		failed += !run_with_fault(TL_FAULT_ALLOC, nth, TL_ERR_NO_MEMORY, &reached);
	assert_true(failed > 10);
	end_what_is_open();
}
#endif

int
main(void)
{
#define test(function) cmocka_unit_test_setup_teardown(function, fixture_make, fixture_remove)
	const struct CMUnitTest tests[] = {
		test(a_streamed_call_is_recorded_from_its_start_to_its_end),
		test(a_whole_answer_is_recorded_from_its_start_to_its_end),
		test(an_interruption_ends_the_trace),
		test(an_interruption_before_the_loop_runs_ends_the_trace),
		test(an_answer_that_takes_too_long_is_tried_again_and_then_failed),
		test(an_interruption_while_waiting_ends_the_trace_at_once),
		test(inputs_that_cannot_be_used_leave_no_event),
		test(a_log_that_cannot_be_written_is_told_at_the_start),
#ifdef TL_FAULTS
		test(a_commit_that_fails_is_told_and_never_acknowledged),
		test(memory_that_runs_out_is_told_and_nothing_is_lost_silently),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
