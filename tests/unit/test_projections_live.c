/* The live feed on a real log: which frames come, in which order, and that none is missed by who comes back. */
#include "live_fixture.h"
#include "unit.h"

/* The frame that a trace's events up to `until_seq` make. */
static tl_str
expected_text(const char *type, struct tl_trace_id trace_id, uint64_t until_seq, uint64_t frame_seq)
{
	struct tl_record_list list;
	struct tl_trace *trace = NULL;
	struct tl_buf text;
	unsigned id_length;
	assert_ok(tl_log_read_trace(test_log, trace_id, 0, SIZE_MAX, SIZE_MAX, &arena, &list, &err));
	assert_ok(tl_trace_open(trace_id, &trace, &err));
	for (size_t i = 0; i < list.count && list.records[i].envelope.seq <= until_seq; i++) {
		struct tl_event event;
		if (tl_event_is_pipeline(list.records[i].envelope.type))
			continue;
		assert_ok(tl_event_of_record(&list.records[i], &arena, &event, &err));
		assert_ok(tl_trace_apply(trace, &event, &err));
	}
	struct tl_trace_summary summary = tl_trace_summary(trace);
	assert_ok(tl_log_unique_length(test_log, trace_id, &id_length, &err));
	tl_json *frame = tl_json_new_object();
	tl_json_set_str(frame, "type", tl_str_of(type));
	tl_json_set_int(frame, "seq", (int64_t)frame_seq);
	tl_json_set(frame, "trace", tl_trace_summary_json(&summary, id_length));
	tl_buf_init(&text, 1u << 20);
	assert_ok(tl_json_write(frame, &text, &err));
	tl_json_free(frame);
	tl_trace_close(trace);
	tl_str copy = tl_arena_str(&arena, tl_buf_str(&text));
	tl_buf_done(&text);
	return copy;
}

static void
assert_text(tl_str found, tl_str expected)
{
	if (!tl_str_equal(found, expected))
		fail_msg("%.*s\ninstead of\n%.*s", TL_FMT(found), TL_FMT(expected));
}

static void
assert_heard(size_t index, enum tl_live_kind kind, unsigned number, uint64_t seq)
{
	static const char *const types[] = { "trace.created", "trace.updated", "trace.finished" };
	assert_true(index < heard_count);
	assert_int_equal(heard[index].kind, kind);
	assert_true(tl_trace_id_equal(heard[index].trace_id, trace_of(number)));
	assert_int_equal(heard[index].seq, seq);
	assert_text(heard[index].text, expected_text(types[kind], trace_of(number), seq, seq));
}

/* ---- Frames ---- */

static void
what_was_there_before_is_not_told(void **state)
{
	(void)state;
	append_whole(1);
	tl_live_close(live);
	open_live();
	pump_dry();
	assert_int_equal(heard_count, 0);
	assert_int_equal(tl_live_seq(live), head());
}

static void
a_trace_that_comes_whole_is_created_then_finished(void **state)
{
	(void)state;
	append_whole(1);
	pump_dry();
	assert_int_equal(heard_count, 2);
	assert_heard(0, TL_LIVE_CREATED, 1, 2);
	assert_heard(1, TL_LIVE_FINISHED, 1, head());
	assert_int_equal(tl_live_seq(live), head());
}

static void
a_trace_is_created_once_also_when_its_beginning_comes_in_parts(void **state)
{
	(void)state;
	struct made_trace trace = made(1, 3);
	append(&trace, 0, 1);
	pump();
	assert_int_equal(heard_count, 0);
	append(&trace, 1, 2);
	pump_dry();
	assert_int_equal(heard_count, 1);
	assert_heard(0, TL_LIVE_CREATED, 1, 2);
}

static void
a_trace_that_was_running_before_goes_on_with_updates(void **state)
{
	(void)state;
	struct made_trace trace = made(1, 3);
	append(&trace, 0, 4);
	tl_live_close(live);
	open_live();
	append(&trace, 4, 5);
	pump_dry();
	append(&trace, 5, trace.count);
	pump_dry();
	assert_heard(0, TL_LIVE_UPDATED, 1, 5);
	assert_heard(heard_count - 1, TL_LIVE_FINISHED, 1, head());
	assert_int_equal(count_heard(TL_LIVE_CREATED), 0);
	assert_int_equal(count_heard(TL_LIVE_FINISHED), 1);
}

static void
updates_are_held_back_and_the_last_one_comes(void **state)
{
	(void)state;
	struct made_trace trace = made(1, 200);
	uint64_t started_ns = tl_stamp_now().mono_ns;
	append(&trace, 0, 2);
	pump();
	for (size_t i = 2; i < 203; i++) {
		append(&trace, i, i + 1);
		pump();
	}
	pump_dry();
	uint64_t passed_ns = tl_stamp_now().mono_ns - started_ns;
	assert_true(count_heard(TL_LIVE_UPDATED) >= 1);
	assert_true(count_heard(TL_LIVE_UPDATED) <= passed_ns / (TL_LIVE_COALESCE_MS * TL_NS_PER_MS) + 1);
	assert_heard(heard_count - 1, TL_LIVE_UPDATED, 1, head());
}

static void
what_the_pipeline_says_of_an_ended_trace_is_an_update(void **state)
{
	(void)state;
	append_whole(1);
	pump_dry();
	append_pipeline(1, TL_EVENT_trace_stored);
	append_pipeline(1, TL_EVENT_replay_available);
	pump_dry();
	assert_true(heard_count >= 3);
	assert_int_equal(count_heard(TL_LIVE_FINISHED), 1);
	assert_heard(heard_count - 1, TL_LIVE_UPDATED, 1, head());
}

static void
a_trace_that_cannot_be_folded_is_passed_over(void **state)
{
	(void)state;
	append_text(test_log, 5, "\xc1 no event");
	append_whole(1);
	pump_dry();
	assert_int_equal(heard_count, 2);
	assert_int_equal(tl_live_seq(live), head());
}

static void
more_than_4096_events_take_more_than_one_call(void **state)
{
	(void)state;
	bool more = false;
	struct made_trace trace = made(1, 5000);
	append(&trace, 0, 4000);
	append(&trace, 4000, trace.count);
	assert_ok(tl_live_pump(live, &more, &err));
	assert_true(more);
	assert_true(tl_live_seq(live) <= 4096);
	pump_dry();
	assert_int_equal(count_heard(TL_LIVE_CREATED), 1);
	assert_int_equal(count_heard(TL_LIVE_FINISHED), 1);
	assert_int_equal(tl_live_seq(live), head());
}

/* ---- Who comes back ---- */

#define CLIENT_TRACES 200u

/* What one client knows: of each trace the last frame, and how often it ended. */
struct client {
	uint64_t cursor; /* greatest seq of a live frame */
	tl_str last[CLIENT_TRACES];
	unsigned ended[CLIENT_TRACES];
};

static unsigned
number_of(struct tl_trace_id id)
{
	return (unsigned)id.bytes[14] << 8 | id.bytes[15];
}

static void
client_takes(struct client *client, const struct heard *frame)
{
	unsigned number = number_of(frame->trace_id);
	assert_true(number < CLIENT_TRACES);
	client->last[number] = frame->text;
	client->ended[number] += frame->kind == TL_LIVE_FINISHED;
}

/* Live frames come in order of seq; the client takes the first `count` of them, then its connection breaks. */
static void
client_follows(struct client *client, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_true(i == 0 || heard[i].seq >= heard[i - 1].seq);
		client_takes(client, &heard[i]);
		client->cursor = heard[i].seq > client->cursor ? heard[i].seq : client->cursor;
	}
}

static void
client_comes_back(struct client *client)
{
	heard_count = 0;
	assert_ok(tl_live_catch_up(live, client->cursor, hear, heard, &err));
	for (size_t i = 0; i < heard_count; i++) {
		assert_true(i == 0 || heard[i].seq > heard[i - 1].seq);
		client_takes(client, &heard[i]);
	}
	client->cursor = tl_live_seq(live);
	heard_count = 0;
}

/* The summary, which must not depend on the way it came. */
static tl_str
summary_of(tl_str frame)
{
	return tl_str_from(frame, tl_str_find(frame, TL_STR("\"trace\":{")));
}

struct running {
	struct made_trace trace;
	size_t next;
};

/* Something happens: a trace begins, one goes on, the pipeline says something. */
static void
something_happens(struct running *traces, unsigned *count, uint64_t *random)
{
	if (*count < CLIENT_TRACES && unit_below(random, 4) == 0) {
		traces[*count] = (struct running){ .trace = made(*count, (unsigned)unit_below(random, 8) + 1) };
		append(&traces[*count].trace, 0, 2);
		traces[(*count)++].next = 2;
		return;
	}
	unsigned number = *count ? (unsigned)unit_below(random, *count) : 0;
	struct running *running = &traces[number];
	if (*count && running->next < running->trace.count) {
		append(&running->trace, running->next, running->next + 1);
		running->next++;
	} else if (*count) {
		append_pipeline(number, TL_EVENT_trace_stored);
	}
}

static void
who_comes_back_misses_nothing_and_hears_no_end_twice(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	static struct running traces[CLIENT_TRACES];
	static struct client client;
	unsigned count = 0;
	memset(&client, 0, sizeof client);
	for (unsigned i = 0; i < unit_rounds(150); i++) {
		for (size_t j = unit_below(&random, 12); j > 0; j--) {
			something_happens(traces, &count, &random);
			if (unit_below(&random, 3) == 0)
				pump();
		}
		if (unit_below(&random, 8) == 0)
			pump_dry();
		if (unit_below(&random, 6) > 0) {
			client_follows(&client, heard_count);
			heard_count = 0;
			continue;
		}
		/* The connection breaks after some frame; the server may be another one by the time the client is back. */
		client_follows(&client, unit_below(&random, heard_count + 1));
		for (size_t j = unit_below(&random, 12); j > 0; j--)
			something_happens(traces, &count, &random);
		if (unit_below(&random, 3) == 0) {
			tl_live_close(live);
			open_live();
		} else if (unit_below(&random, 2)) {
			pump_dry();
		}
		pump();
		client_comes_back(&client);
	}
	pump_dry();
	client_follows(&client, heard_count);
	for (unsigned i = 0; i < count; i++) {
		assert_text(summary_of(client.last[i]), summary_of(expected_text("x", trace_of(i), head(), 0)));
		assert_int_equal(client.ended[i], traces[i].next == traces[i].trace.count);
	}
}

static void
too_much_is_told_as_such(void **state)
{
	(void)state;
	append_unknown(1, TL_LIVE_CATCH_UP_TRACES, false);
	pump();
	assert_ok(tl_live_catch_up(live, 0, hear, heard, &err));
	append_unknown(5000, 1, true);
	pump();
	assert_int_equal(tl_live_catch_up(live, 0, hear, heard, &err), TL_ERR_LIMIT);
	assert_ok(tl_live_catch_up(live, 1, hear, heard, &err));
	append_unknown(5000, TL_LIVE_CATCH_UP_EVENTS, true);
	pump();
	assert_ok(tl_live_catch_up(live, tl_live_seq(live) - TL_LIVE_CATCH_UP_EVENTS, hear, heard, &err));
	assert_int_equal(
		tl_live_catch_up(live, tl_live_seq(live) - TL_LIVE_CATCH_UP_EVENTS - 1, hear, heard, &err), TL_ERR_LIMIT);
	assert_int_equal(heard_count, 0);
}

static void
a_position_beyond_the_feed_has_missed_nothing(void **state)
{
	(void)state;
	append_whole(1);
	pump();
	heard_count = 0;
	assert_ok(tl_live_catch_up(live, tl_live_seq(live) + 1, hear, heard, &err));
	assert_int_equal(heard_count, 0);
}

/* ---- Faults ---- */

#ifdef TL_FAULTS
static void
lost_memory_loses_and_doubles_no_frame(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	unsigned number = 1, failures = 0;
	for (uint64_t nth = 1;; nth += 1 + unit_below(&random, 4)) {
		bool more = true, failed = false;
		append_whole(number);
		heard_count = 0;
		tl_fault_arm(TL_FAULT_ALLOC, nth);
		while (more && !failed)
			failed = tl_live_pump(live, &more, &err) != TL_OK;
		bool reached = tl_fault_reached(TL_FAULT_ALLOC) >= nth;
		tl_fault_arm(TL_FAULT_ALLOC, 0);
		pump();
		assert_int_equal(count_heard(TL_LIVE_CREATED), 1);
		assert_int_equal(count_heard(TL_LIVE_FINISHED), 1);
		assert_text(summary_of(heard[heard_count - 1].text), summary_of(expected_text("x", trace_of(number), head(), 0)));
		failures += failed;
		number++;
		if (!reached)
			break;
	}
	assert_true(failures > 0);
}
#endif

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_there_before_is_not_told),
		T(a_trace_that_comes_whole_is_created_then_finished),
		T(a_trace_is_created_once_also_when_its_beginning_comes_in_parts),
		T(a_trace_that_was_running_before_goes_on_with_updates),
		T(updates_are_held_back_and_the_last_one_comes),
		T(what_the_pipeline_says_of_an_ended_trace_is_an_update),
		T(a_trace_that_cannot_be_folded_is_passed_over),
		T(more_than_4096_events_take_more_than_one_call),
		T(who_comes_back_misses_nothing_and_hears_no_end_twice),
		T(too_much_is_told_as_such),
		T(a_position_beyond_the_feed_has_missed_nothing),
#ifdef TL_FAULTS
		T(lost_memory_loses_and_doubles_no_frame),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
