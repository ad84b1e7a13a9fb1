/* model: the fold over every scenario that capture can make: order, doubles, prefixes, spans, memory. */
#include "fold_fixture.h"

#include "scenario_fixture.h"

static const struct tl_trace_id some_trace = { { 5, 4, 3, 2, 1 } };

static void
the_order_of_events_does_not_matter(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct played played;
		played_all(&scenarios[i], some_trace, &played);
		fold_assert_order_does_not_matter(scenarios[i].name, played.events, played.count, unit_rounds(25), &random);
		/* Neither while it is running. */
		fold_assert_order_does_not_matter(scenarios[i].name, played.events, played.count - 1, unit_rounds(10), &random);
		played_done(&played);
	}
}

static void
folding_on_equals_folding_afresh_at_every_event(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct played played;
		played_all(&scenarios[i], some_trace, &played);
		fold_assert_folding_on_equals_folding_afresh(scenarios[i].name, played.events, played.count);
		played_done(&played);
	}
}

static void
spans_hang_together_at_every_event(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct played played;
		played_all(&scenarios[i], some_trace, &played);
		fold_assert_spans_hang_together_at_every_prefix(scenarios[i].name, played.events, played.count);
		played_done(&played);
	}
}

static tl_str
text_at(const tl_json *root, const char *path)
{
	return tl_json_str(tl_json_path(root, path));
}

static void
the_document_says_how_each_scenario_ended(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct tl_err err;
		struct played played;
		tl_json *root = NULL;
		const struct scenario *scenario = &scenarios[i];
		played_all(scenario, some_trace, &played);
		struct tl_buf document = fold_document(played.events, NULL, played.count);
		assert_ok(tl_json_parse(tl_buf_str(&document), &root, &err));
		if (!tl_str_equal(text_at(root, "status"), tl_str_of(scenario->status ? scenario->status : "interrupted")) ||
			!tl_str_equal(text_at(root, "error.class"), tl_str_of(scenario->error_class)) ||
			!tl_str_equal(text_at(root, "answer"), tl_str_of(scenario->answer)))
			fail_msg("%s: %s", scenario->name, document.ptr);
		assert_int_equal(tl_json_kind_of(tl_json_get(root, "error")) == TL_JSON_NULL, scenario->error_class == NULL);
		const tl_json *call = tl_json_at(tl_json_get(root, "calls"), 0);
		int64_t attempts = fold_number(root, "attempts");
		assert_int_equal(attempts, tl_json_len(tl_json_get(call, "attempts")));
		if (scenario->status) {
			const struct tl_metrics_captured *metrics =
				&played_find(&played, TL_EVENT_metrics_captured, 0)->body.metrics_captured;
			assert_int_equal(fold_number(root, "latency_ns"), metrics->latency_ns);
			assert_int_equal(fold_number(root, "first_content_ns"), metrics->first_content_ns);
			assert_int_equal(fold_number(root, "cost_nano_usd"), metrics->cost_nano_usd);
		}
		tl_json_free(root);
		tl_buf_done(&document);
		played_done(&played);
	}
}

/* The answer the pipeline measured is the answer the document shows. */
static void
what_was_measured_and_what_is_shown_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct tl_err err;
		struct played played;
		struct tl_trace *trace = NULL;
		if (!scenarios[i].status)
			continue;
		played_all(&scenarios[i], some_trace, &played);
		assert_ok(tl_trace_open(some_trace, &trace, &err));
		for (size_t j = 0; j < played.count; j++)
			assert_ok(tl_trace_apply(trace, &played.events[j], &err));
		struct tl_trace_summary summary = tl_trace_summary(trace);
		const struct tl_metrics_captured *metrics =
			&played_find(&played, TL_EVENT_metrics_captured, 0)->body.metrics_captured;
		assert_int_equal(summary.answer_chars, metrics->answer_chars);
		assert_int_equal(summary.prompt_tokens, metrics->input_tokens);
		assert_int_equal(summary.completion_tokens, metrics->output_tokens);
		assert_int_equal(summary.tokens_estimated, tl_str_equal(metrics->usage_source, TL_STR("estimated")));
		assert_int_equal(
			summary.attempts, played_find(&played, TL_EVENT_trace_finished, 0)->body.trace_finished.attempts);
		assert_int_equal(summary.seq, played.count);
		assert_true(tl_str_equal(summary.prompt, TL_STR("Explain transformers")));
		tl_trace_close(trace);
		played_done(&played);
	}
}

#ifdef TL_FAULTS
/* One try with the n-th allocation failing: NO_MEMORY, or the whole document. */
static enum tl_status
try_fold(const struct played *played, struct tl_buf *document, struct tl_err *err)
{
	struct tl_trace *trace = NULL;
	enum tl_status status = tl_trace_open(some_trace, &trace, err);
	for (size_t i = 0; status == TL_OK && i < played->count; i++)
		status = tl_trace_apply(trace, &played->events[i], err);
	if (status == TL_OK)
		status = tl_trace_document(trace, document, err);
	tl_trace_close(trace);
	return status;
}

static void
memory_that_runs_out_is_told_never_a_shorter_document(void **state)
{
	(void)state;
	static const char *const names[] = { "streamed", "500 until no more is allowed", "writer died with bytes held" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct played played;
		played_all(scenario_named(names[i]), some_trace, &played);
		struct tl_buf whole = fold_document(played.events, NULL, played.count);
		enum tl_status status = TL_ERR_NO_MEMORY;
		for (uint64_t nth = 1; status != TL_OK; nth++) {
			struct tl_err err;
			struct tl_buf document;
			tl_buf_init(&document, 64 << 20);
			tl_fault_arm(TL_FAULT_ALLOC, nth);
			status = try_fold(&played, &document, &err);
			bool reached = tl_fault_reached(TL_FAULT_ALLOC) >= nth;
			tl_fault_arm(TL_FAULT_ALLOC, 0);
			if (status != (reached ? TL_ERR_NO_MEMORY : TL_OK))
				fail_msg("%s, allocation %llu: status %d", names[i], (unsigned long long)nth, (int)status);
			if (status == TL_OK)
				fold_assert_equal(names[i], "running out of memory", &whole, &document);
			tl_buf_done(&document);
		}
		tl_buf_done(&whole);
		played_done(&played);
	}
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_of_events_does_not_matter),
		cmocka_unit_test(folding_on_equals_folding_afresh_at_every_event),
		cmocka_unit_test(spans_hang_together_at_every_event),
		cmocka_unit_test(the_document_says_how_each_scenario_ended),
		cmocka_unit_test(what_was_measured_and_what_is_shown_agree),
#ifdef TL_FAULTS
		cmocka_unit_test(memory_that_runs_out_is_told_never_a_shorter_document),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
