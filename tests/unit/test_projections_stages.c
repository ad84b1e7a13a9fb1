/* What the live feed says about an ended trace: trace.emitted and dashboard.updated, each once. */
#include "live_fixture.h"

/* Events of the type among the trace's own. What was posted is in the log once a later append is. */
static unsigned
count_events(unsigned number, enum tl_event_type type, struct tl_event *ret_last)
{
	struct tl_record_list list;
	unsigned count = 0;
	append_unknown(9999, 1, true);
	assert_ok(tl_log_read_trace(test_log, trace_of(number), 0, SIZE_MAX, SIZE_MAX, &arena, &list, &err));
	for (size_t i = 0; i < list.count; i++) {
		if (list.records[i].envelope.type != type)
			continue;
		count++;
		assert_ok(tl_event_of_record(&list.records[i], &arena, ret_last, &err));
	}
	return count;
}

static void
the_end_is_emitted_once_with_how_many_heard_it(void **state)
{
	(void)state;
	struct tl_event event;
	append_whole(1);
	pump();
	tl_live_emitted(live, trace_of(1), 0);
	assert_int_equal(count_events(1, TL_EVENT_trace_emitted, &event), 0);
	tl_live_emitted(live, trace_of(1), 3);
	tl_live_emitted(live, trace_of(1), 4);
	pump();
	tl_live_emitted(live, trace_of(1), 5);
	assert_int_equal(count_events(1, TL_EVENT_trace_emitted, &event), 1);
	assert_int_equal(event.body.trace_emitted.clients, 3);
	assert_int_equal(event.body.trace_emitted.frames, 2);
}

static void
a_painted_trace_is_noted_once_with_the_time_it_took(void **state)
{
	(void)state;
	struct tl_event event;
	append_whole(1);
	pump();
	tl_live_painted(live, trace_of(1), 7);
	tl_live_painted(live, trace_of(1), 8);
	assert_int_equal(count_events(1, TL_EVENT_dashboard_updated, &event), 1);
	assert_int_equal(event.body.dashboard_updated.client, 7);
	assert_true(event.body.dashboard_updated.latency_ns < UINT64_C(3600) * TL_NS_PER_S);
}

static void
what_has_not_ended_or_is_not_there_is_ignored(void **state)
{
	(void)state;
	struct tl_event event;
	struct made_trace trace = made(1, 3);
	append(&trace, 0, 4);
	pump();
	tl_live_emitted(live, trace_of(1), 1);
	tl_live_painted(live, trace_of(1), 1);
	tl_live_painted(live, trace_of(77), 1);
	assert_int_equal(count_events(1, TL_EVENT_trace_emitted, &event), 0);
	assert_int_equal(count_events(1, TL_EVENT_dashboard_updated, &event), 0);
}

static void
a_trace_from_before_is_looked_up_and_noted_once_as_well(void **state)
{
	(void)state;
	struct tl_event event;
	append_whole(1);
	append_whole(2);
	for (unsigned i = 0; i < 3; i++) {
		tl_live_close(live);
		open_live();
		tl_live_emitted(live, trace_of(1), 1);
		tl_live_painted(live, trace_of(1), 1);
		/* So that the next feed finds it. */
		assert_int_equal(count_events(1, TL_EVENT_trace_emitted, &event), 1);
	}
	assert_int_equal(count_events(1, TL_EVENT_dashboard_updated, &event), 1);
	assert_int_equal(count_events(2, TL_EVENT_trace_emitted, &event), 0);
}

static void
an_end_before_a_reboot_is_measured_by_the_wall_clock(void **state)
{
	(void)state;
	struct tl_event event;
	struct made_trace trace = made(1, 3);
	uint64_t ahead_ns = UINT64_C(1000000) * TL_NS_PER_S, ago_ns = 60 * TL_NS_PER_S;
	for (size_t i = 0; i < trace.count; i++) {
		trace.events[i].at.wall_ns -= ago_ns;
		trace.events[i].at.mono_ns += ahead_ns;
	}
	append(&trace, 0, trace.count);
	tl_live_close(live);
	open_live();
	tl_live_painted(live, trace_of(1), 1);
	assert_int_equal(count_events(1, TL_EVENT_dashboard_updated, &event), 1);
	assert_true(event.body.dashboard_updated.latency_ns >= ago_ns - TL_NS_PER_S);
	assert_true(event.body.dashboard_updated.latency_ns < ahead_ns);
}

static void
thousands_of_traces_later_it_is_still_noted_once(void **state)
{
	(void)state;
	struct tl_event event;
	unsigned others = 4200;
	append_whole(1);
	pump();
	tl_live_emitted(live, trace_of(1), 1);
	assert_int_equal(count_events(1, TL_EVENT_trace_emitted, &event), 1);
	append_unknown(10, others, false);
	pump();
	tl_live_emitted(live, trace_of(1), 1);
	assert_int_equal(count_events(1, TL_EVENT_trace_emitted, &event), 1);
	/* And its end is not told again. */
	append_pipeline(1, TL_EVENT_trace_stored);
	pump_dry();
	assert_int_equal(count_heard(TL_LIVE_FINISHED), 1);
	assert_int_equal(count_heard(TL_LIVE_CREATED), 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_end_is_emitted_once_with_how_many_heard_it),
		T(a_painted_trace_is_noted_once_with_the_time_it_took),
		T(what_has_not_ended_or_is_not_there_is_ignored),
		T(a_trace_from_before_is_looked_up_and_noted_once_as_well),
		T(an_end_before_a_reboot_is_measured_by_the_wall_clock),
		T(thousands_of_traces_later_it_is_still_noted_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
