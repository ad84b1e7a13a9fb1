/* replay: every scenario is made again identically, and the results are a trace that folds to the same document. */
#include "replay_fixture.h"

/* ---- The same again ---- */

static void
every_scenario_is_made_again_identically(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SCENARIO_COUNT; i++) {
		struct tl_trace_id trace_id = record(&scenarios[i], i);
		struct tl_replay_report report = replayed(trace_id, false);
		assert_identical(scenarios[i].name, &report);
		assert_int_equal(report.pipeline, TL_PIPELINE_VERSION);
		assert_false(report.made_known);
		tl_replay_report_done(&report);
	}
}

static void
a_replay_that_only_tells_writes_nothing(void **state)
{
	(void)state;
	struct tl_err err;
	uint64_t before, after;
	struct tl_trace_id trace_id = record(&scenarios[0], 1);
	assert_ok(tl_log_head(the_log, &before, &err));
	struct tl_replay_report report = replayed(trace_id, false);
	tl_replay_report_done(&report);
	assert_ok(tl_log_head(the_log, &after, &err));
	assert_int_equal(before, after);
}

/* ---- Appending ---- */

static bool
json_equal(const tl_json *a, const tl_json *b)
{
	struct tl_err err;
	struct tl_buf left, right;
	tl_buf_init(&left, 1 << 20);
	tl_buf_init(&right, 1 << 20);
	assert_ok(tl_json_write(a, &left, &err));
	assert_ok(tl_json_write(b, &right, &err));
	bool equal = tl_str_equal(tl_buf_str(&left), tl_buf_str(&right));
	tl_buf_done(&left);
	tl_buf_done(&right);
	return equal;
}

/* Phases of an attempt get ids made of the trace's; all else of a span is the same. */
static bool
spans_equal(const tl_json *a, const tl_json *b)
{
	void *iterator = NULL;
	tl_str key;
	const tl_json *value;
	tl_str kind = tl_json_str(tl_json_get(a, "kind"));
	bool phase = !tl_str_equal(kind, TL_STR("trace")) && !tl_str_equal(kind, TL_STR("call")) &&
		     !tl_str_equal(kind, TL_STR("attempt"));
	while (tl_json_each(a, &iterator, &key, &value)) {
		char name[32];
		(void)snprintf(name, sizeof name, "%.*s", TL_FMT(key));
		if (!(phase && strcmp(name, "span_id") == 0) && !json_equal(value, tl_json_get(b, name)))
			return false;
	}
	return true;
}

static void
assert_same_spans(const char *name, const tl_json *a, const tl_json *b)
{
	assert_int_equal(tl_json_len(a), tl_json_len(b));
	for (size_t i = 0; i < tl_json_len(a); i++) {
		bool found = false;
		for (size_t j = 0; j < tl_json_len(b); j++)
			found = found || spans_equal(tl_json_at(a, i), tl_json_at(b, j));
		if (!found)
			fail_msg("%s: a span is not there again", name);
	}
}

static void
assert_same_document(const char *name, const struct tl_buf *origin, const struct tl_buf *made)
{
	struct tl_err err;
	tl_json *a = NULL, *b = NULL;
	void *iterator = NULL;
	tl_str key;
	const tl_json *value;
	assert_ok(tl_json_parse(tl_buf_str(origin), &a, &err));
	assert_ok(tl_json_parse(tl_buf_str(made), &b, &err));
	assert_int_equal(tl_json_len(a), tl_json_len(b));
	assert_true(tl_str_equal(tl_json_str(tl_json_get(a, "trace_id")), tl_json_str(tl_json_get(b, "replay_of"))));
	while (tl_json_each(a, &iterator, &key, &value)) {
		char text[32];
		(void)snprintf(text, sizeof text, "%.*s", TL_FMT(key));
		if (strcmp(text, "spans") == 0)
			assert_same_spans(name, value, tl_json_get(b, text));
		else if (strcmp(text, "trace_id") != 0 && strcmp(text, "replay_of") != 0 &&
			 !json_equal(value, tl_json_get(b, text)))
			fail_msg("%s: %s is another", name, text);
	}
	tl_json_free(a);
	tl_json_free(b);
}

static void
appended_results_are_a_trace_that_names_its_origin_and_replays_as_well(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SCENARIO_COUNT; i++) {
		struct tl_trace_id trace_id = record(&scenarios[i], i);
		struct tl_replay_report report = replayed(trace_id, true);
		assert_identical(scenarios[i].name, &report);
		assert_true(report.made_known);
		assert_false(tl_trace_id_equal(report.made, trace_id));
		struct tl_replay_report again = replayed(report.made, false);
		assert_identical(scenarios[i].name, &again);
		assert_same_document(scenarios[i].name, &report.document, &again.document);
		tl_replay_report_done(&again);
		tl_replay_report_done(&report);
	}
	assert_clean(the_log);
}

static void
how_a_replay_ended_is_in_its_own_stream_when_it_was_identical(void **state)
{
	(void)state;
	struct tl_arena arena;
	struct tl_event event;
	char origin[TL_TRACE_ID_TEXT_SIZE];
	struct tl_trace_id trace_id = record(&scenarios[0], 1);
	struct tl_replay_report report = replayed(trace_id, true);
	tl_trace_id_text(trace_id, origin);
	assert_int_equal(find_events(report.made, TL_EVENT_replay_finished, &arena, &event), 1);
	assert_true(event.body.replay_finished.identical);
	assert_true(tl_str_equal(event.body.replay_finished.origin, tl_str_of(origin)));
	assert_int_equal(event.body.replay_finished.compared, report.events);
	assert_int_equal(event.body.replay_finished.divergence_index, -1);
	assert_true(tl_digest_equal(event.body.replay_finished.document_digest, report.document_digest));
	tl_arena_done(&arena);
	assert_int_equal(find_events(report.made, TL_EVENT_replay_started, &arena, &event), 1);
	tl_arena_done(&arena);
	assert_int_equal(find_events(trace_id, TL_EVENT_replay_finished, &arena, &event), 0);
	tl_arena_done(&arena);
	tl_replay_report_done(&report);
}

#ifdef TL_FAULTS
static void
memory_that_runs_out_is_told_never_a_divergence(void **state)
{
	(void)state;
	struct tl_trace_id trace_id = record(scenario_named("429 with retry-after, then an answer"), 1);
	enum tl_status status = TL_ERR_NO_MEMORY;
	for (uint64_t nth = 1; status != TL_OK; nth++) {
		struct tl_err err;
		struct tl_replay_report report;
		struct tl_replay_options options = { .log = the_log, .trace_id = trace_id };
		tl_fault_arm(TL_FAULT_ALLOC, nth);
		status = tl_replay_run(&options, &report, &err);
		bool reached = tl_fault_reached(TL_FAULT_ALLOC) >= nth;
		tl_fault_arm(TL_FAULT_ALLOC, 0);
		if (status != (reached ? TL_ERR_NO_MEMORY : TL_OK))
			fail_msg("allocation %llu: status %d, %s", (unsigned long long)nth, (int)status,
				status == TL_OK ? "" : err.message);
		if (status == TL_OK) {
			assert_identical("after all", &report);
			tl_replay_report_done(&report);
		}
	}
}
#endif

int
main(void)
{
#define test(function) cmocka_unit_test_setup_teardown(function, open_log, close_log)
	const struct CMUnitTest tests[] = {
		test(every_scenario_is_made_again_identically),
		test(a_replay_that_only_tells_writes_nothing),
		test(appended_results_are_a_trace_that_names_its_origin_and_replays_as_well),
		test(how_a_replay_ended_is_in_its_own_stream_when_it_was_identical),
#ifdef TL_FAULTS
		test(memory_that_runs_out_is_told_never_a_divergence),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
