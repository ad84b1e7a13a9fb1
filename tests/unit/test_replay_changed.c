/* replay: whatever is changed in a recorded trace is seen at the right event and field; mangled logs do no harm. */
#include "replay_fixture.h"

/* ---- What was changed ---- */

/* A copy of a scenario's events to be changed before it is appended under its own trace id. */
static void
copy_scenario(const char *name, unsigned number, struct played *copy)
{
	played_all(scenario_named(name), trace_of(number), copy);
}

static struct tl_event *
event_of(struct played *played, enum tl_event_type type, size_t nth)
{
	return (struct tl_event *)(uintptr_t)played_find(played, type, nth);
}

static void
assert_diverges(struct played *copy, const struct tl_event *at, const char *event, const char *field)
{
	size_t index = (size_t)(at - copy->events);
	struct tl_trace_id trace_id = copy->events[0].trace_id;
	append(copy->events, copy->count);
	struct tl_replay_report report = replayed(trace_id, false);
	const struct tl_divergence *divergence = &report.divergence;
	if (!divergence->found)
		fail_msg("a change of %s %s was not seen", event, field);
	if (divergence->index != index || strcmp(divergence->event, event) != 0 || strcmp(divergence->field, field) != 0)
		fail_msg("a change of %s %s was seen at %llu, %s, %s: %s became %s", event, field,
			(unsigned long long)divergence->index, divergence->event, divergence->field, divergence->recorded.ptr,
			divergence->replayed.ptr);
	assert_int_equal(report.compared, index);
	assert_int_equal(report.chain.first_bad_seq, 0);
	assert_true(divergence->seq > 0);
	assert_int_equal(report.replayed_document.len, 0);
	tl_replay_report_done(&report);
	played_done(copy);
}

/* Every field of these is made by the pipeline, none is only repeated. */
static void
every_field_of_the_metrics_is_made_again(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	const struct tl_event_info *info = tl_event_info(TL_EVENT_metrics_captured);
	for (unsigned i = 0; i < info->field_count; i++) {
		struct played copy;
		copy_scenario("streamed", i, &copy);
		struct tl_event *event = event_of(&copy, TL_EVENT_metrics_captured, 0), before = *event;
		do
			event_random_field(event_value(event, &info->fields[i]), info->fields[i].kind, &random, &copy.arena);
		while (!tl_event_first_difference(&before, event));
		assert_diverges(&copy, event, "metrics.captured", info->fields[i].name);
	}
}

struct change {
	const char *scenario;
	enum tl_event_type type;
	size_t nth;
	const char *field;
	const char *text; /* for STR and BYTES */
	int64_t number;   /* for numbers */
	/* Where it must be seen, when not there: field NULL means that replaying is refused. */
	enum tl_event_type seen_type;
	size_t seen_nth;
	const char *seen_field;
};

#define THERE   (enum tl_event_type)0, 0, NULL
#define REFUSED TL_EVENT_trace_created, 0, NULL

static const struct change changes[] = {
	{ "streamed", TL_EVENT_request_created, 0, "body", "{}", 0, THERE },
	{ "streamed", TL_EVENT_request_created, 0, "url", "https://elsewhere", 0, THERE },
	{ "streamed", TL_EVENT_request_created, 0, "prompt", "another", 0, TL_EVENT_request_created, 0, "body" },
	{ "streamed", TL_EVENT_request_created, 0, "api", "openai.chat2", 0, REFUSED },
	{ "streamed", TL_EVENT_trace_created, 0, "prompt_chars", NULL, 21, THERE },
	{ "streamed", TL_EVENT_trace_created, 0, "model", "gpt-3", 0, THERE },
	{ "streamed", TL_EVENT_trace_created, 0, "pipeline", NULL, 2, REFUSED },
	{ "streamed", TL_EVENT_attempt_started, 0, "number", NULL, 2, THERE },
	{ "streamed", TL_EVENT_attempt_started, 0, "url", "https://elsewhere", 0, THERE },
	{ "streamed, written by time", TL_EVENT_response_chunk, 1, "index", NULL, 3, THERE },
	{ "streamed, written by time", TL_EVENT_response_chunk, 0, "cause", "size", 0, TL_EVENT_response_chunk, 0, "bytes" },
	{ "streamed, written by time", TL_EVENT_response_chunk, 0, "cause", "end", 0, TL_EVENT_response_chunk, 0, "bytes" },
	{ "streamed, written by time", TL_EVENT_response_chunk, 0, "held_bytes", NULL, 3, TL_EVENT_response_chunk, 0, "bytes" },
	{ "streamed, written by time", TL_EVENT_response_chunk, 0, "http_status", NULL, 201, THERE },
	{ "streamed", TL_EVENT_attempt_finished, 0, "response_bytes", NULL, 3, THERE },
	{ "streamed", TL_EVENT_attempt_finished, 0, "request_id", "req_2", 0, THERE },
	{ "streamed", TL_EVENT_trace_finished, 0, "status", "warning", 0, THERE },
	{ "streamed", TL_EVENT_trace_finished, 0, "reason", "because", 0, THERE },
	{ "streamed", TL_EVENT_trace_finished, 0, "error_class", "other", 0, THERE },
	{ "streamed", TL_EVENT_trace_finished, 0, "attempts", NULL, 2, THERE },
	{ "401", TL_EVENT_attempt_failed, 0, "error_class", "reset", 0, THERE },
	{ "401", TL_EVENT_attempt_failed, 0, "message", "HTTP 402", 0, THERE },
	{ "401", TL_EVENT_attempt_failed, 0, "error_type", "other", 0, THERE },
	{ "401", TL_EVENT_attempt_failed, 0, "error_code", "other", 0, THERE },
	{ "500 until no more is allowed", TL_EVENT_attempt_failed, 0, "will_retry", NULL, 0, THERE },
	{ "500 until no more is allowed", TL_EVENT_attempt_failed, 0, "backoff_ns", NULL, 1, THERE },
	{ "500 until no more is allowed", TL_EVENT_attempt_failed, 1, "backoff_source", "retry-after", 0, THERE },
	{ "500 until no more is allowed", TL_EVENT_request_created, 0, "retries_max", NULL, 1, TL_EVENT_attempt_failed, 1,
		"will_retry" },
	{ "429 with retry-after, then an answer", TL_EVENT_attempt_failed, 0, "retry_after_ms", NULL, 1000, THERE },
	{ "writer died in the answer", TL_EVENT_trace_finished, 0, "reason", "it fell asleep", 0, THERE },
};

static void
apply_change(const struct change *change, struct tl_event *event)
{
	const struct tl_event_info *info = tl_event_info(event->type);
	for (size_t i = 0; i < info->field_count; i++) {
		const struct tl_field *field = &info->fields[i];
		if (strcmp(field->name, change->field) != 0)
			continue;
		if (field->kind == TL_FIELD_STR || field->kind == TL_FIELD_BYTES)
			*(tl_str *)event_value(event, field) = tl_str_of(change->text);
		else if (field->kind == TL_FIELD_BOOL)
			*(bool *)event_value(event, field) = change->number != 0;
		else
			*(int64_t *)event_value(event, field) = change->number;
		return;
	}
	fail_msg("%s has no field %s", info->name, change->field);
}

static void
a_changed_field_is_seen_where_the_pipeline_makes_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct played copy;
		const struct change *change = &changes[i];
		copy_scenario(change->scenario, i, &copy);
		struct tl_event *event = event_of(&copy, change->type, change->nth);
		apply_change(change, event);
		if (change->seen_field) {
			event = event_of(&copy, change->seen_type, change->seen_nth);
			assert_diverges(&copy, event, tl_event_name(event->type), change->seen_field);
		} else if (change->seen_type) {
			struct tl_err err;
			append(copy.events, copy.count);
			assert_int_equal(refused(copy.events[0].trace_id, &err), TL_ERR_VERSION);
			played_done(&copy);
		} else {
			assert_diverges(&copy, event, tl_event_name(event->type), change->field);
		}
	}
}

static void
changed_ids_and_times_are_seen(void **state)
{
	(void)state;
	struct played copy;
	copy_scenario("streamed", 1, &copy);
	struct tl_event *event = event_of(&copy, TL_EVENT_metrics_captured, 0);
	event->span_id.bytes[0] ^= 1;
	assert_diverges(&copy, event, "metrics.captured", "span_id");
	copy_scenario("streamed", 2, &copy);
	event = event_of(&copy, TL_EVENT_attempt_started, 0);
	event->parent_span_id.bytes[0] ^= 1;
	assert_diverges(&copy, event, "attempt.started", "parent_span_id");
	copy_scenario("streamed", 3, &copy);
	event = event_of(&copy, TL_EVENT_trace_finished, 0);
	event->at.wall_ns++;
	assert_diverges(&copy, event, "trace.finished", "time");
	copy_scenario("streamed", 4, &copy);
	event = event_of(&copy, TL_EVENT_trace_created, 0);
	event->body.trace_created.seed.bytes[0] ^= 1;
	assert_diverges(&copy, &copy.events[0], "request.created", "span_id");
}

static void
a_changed_answer_is_seen_in_the_digest_of_the_metrics(void **state)
{
	(void)state;
	struct played copy;
	copy_scenario("streamed", 1, &copy);
	struct tl_event *chunk = event_of(&copy, TL_EVENT_response_chunk, 0);
	size_t at = tl_str_find(tl_str_of_bytes(chunk->body.response_chunk.bytes), TL_STR("Hel"));
	((char *)(uintptr_t)chunk->body.response_chunk.bytes.ptr)[at] = 'J';
	assert_diverges(&copy, event_of(&copy, TL_EVENT_metrics_captured, 0), "metrics.captured", "answer_digest");
	copy_scenario("streamed", 2, &copy);
	chunk = event_of(&copy, TL_EVENT_response_chunk, 0);
	chunk->body.response_chunk.cuts.items[0].at_ns++;
	assert_diverges(&copy, event_of(&copy, TL_EVENT_metrics_captured, 0), "metrics.captured", "first_content_ns");
}

static void
missing_and_additional_and_exchanged_events_are_seen(void **state)
{
	(void)state;
	struct played copy;
	copy_scenario("streamed", 1, &copy);
	struct tl_event *event = event_of(&copy, TL_EVENT_metrics_captured, 0);
	*event = copy.events[--copy.count];
	assert_diverges(&copy, event, "trace.finished", "type");

	copy_scenario("500 until no more is allowed", 2, &copy);
	event = event_of(&copy, TL_EVENT_metrics_captured, 0);
	struct tl_event started = *event_of(&copy, TL_EVENT_attempt_started, 1);
	memmove(event + 1, event, (size_t)(copy.events + copy.count - event) * sizeof *event);
	started.body.attempt_started.number = 4;
	*event = started;
	copy.count++;
	assert_diverges(&copy, event, "attempt.started", "type");

	copy_scenario("streamed, written by time", 3, &copy);
	event = event_of(&copy, TL_EVENT_response_chunk, 1);
	struct tl_event held = event[0];
	event[0] = event[1];
	event[1] = held;
	assert_diverges(&copy, event, "response.chunk", "index");
}

static void
a_body_of_other_bytes_with_the_same_meaning_is_seen(void **state)
{
	(void)state;
	struct tl_err err;
	struct played copy;
	struct tl_arena arena;
	struct tl_record records[PLAYED_EVENTS_MAX];
	copy_scenario("streamed", 1, &copy);
	tl_arena_init(&arena, 16 << 20);
	for (size_t i = 0; i < copy.count; i++)
		assert_ok(tl_record_of_event(&copy.events[i], &arena, &records[i], &err));
	/* One field more, which this version passes over. */
	size_t last = copy.count - 1;
	uint8_t *longer = tl_arena_alloc(&arena, records[last].body.len + 2);
	memcpy(longer, records[last].body.ptr, records[last].body.len);
	longer[0]++;
	longer[records[last].body.len] = 100;
	longer[records[last].body.len + 1] = 1;
	records[last].body = (tl_bytes){ longer, records[last].body.len + 2 };
	assert_ok(tl_log_append(the_log, records, copy.count, NULL, &err));
	struct tl_replay_report report = replayed(trace_of(1), false);
	assert_true(report.divergence.found);
	assert_int_equal(report.divergence.index, last);
	assert_string_equal(report.divergence.field, "body");
	tl_replay_report_done(&report);
	tl_arena_done(&arena);
	played_done(&copy);
}

static void
a_finding_is_written_to_the_origins_stream_and_moves_no_document(void **state)
{
	(void)state;
	struct played copy;
	struct tl_arena arena;
	struct tl_event event;
	copy_scenario("streamed", 1, &copy);
	event_of(&copy, TL_EVENT_metrics_captured, 0)->body.metrics_captured.answer_chars = 6;
	append(copy.events, copy.count);
	played_done(&copy);
	struct tl_replay_report report = replayed(trace_of(1), true);
	assert_true(report.divergence.found);
	assert_false(report.made_known);
	assert_int_equal(find_events(trace_of(1), TL_EVENT_replay_finished, &arena, &event), 1);
	assert_false(event.body.replay_finished.identical);
	assert_int_equal(event.body.replay_finished.divergence_index, report.divergence.index);
	assert_true(tl_str_equal(event.body.replay_finished.divergence_event, TL_STR("metrics.captured")));
	assert_true(tl_str_equal(event.body.replay_finished.divergence_field, TL_STR("answer_chars")));
	tl_arena_done(&arena);
	struct tl_replay_report again = replayed(trace_of(1), false);
	assert_true(tl_digest_equal(again.document_digest, report.document_digest));
	assert_int_equal(again.divergence.index, report.divergence.index);
	tl_replay_report_done(&again);
	tl_replay_report_done(&report);
}

/* ---- What cannot be replayed ---- */

static void
running_unknown_and_foreign_traces_are_refused(void **state)
{
	(void)state;
	struct tl_err err;
	struct played copy;
	copy_scenario("streamed", 1, &copy);
	append(copy.events, copy.count - 1);
	played_done(&copy);
	assert_int_equal(refused(trace_of(1), &err), TL_ERR_USAGE);
	assert_non_null(strstr(err.message, "running"));
	assert_int_equal(refused(trace_of(2), &err), TL_ERR_NOT_FOUND);
	copy_scenario("streamed", 3, &copy);
	copy.events[0].body.request_created.provider = TL_STR("nobody");
	append(copy.events, copy.count);
	played_done(&copy);
	assert_int_equal(refused(trace_of(3), &err), TL_ERR_VERSION);
	copy_scenario("streamed", 4, &copy);
	struct tl_event first = copy.events[0];
	copy.events[0] = copy.events[1];
	copy.events[1] = first;
	append(copy.events, copy.count);
	played_done(&copy);
	assert_int_equal(refused(trace_of(4), &err), TL_ERR_USAGE);
}

/* Whatever somebody wrote into a log: an answer, never harm. */
static void
mangle(struct played *copy, uint64_t *random)
{
	size_t i = unit_below(random, copy->count), j = unit_below(random, copy->count);
	const struct tl_event_info *info = tl_event_info(copy->events[i].type);
	const struct tl_field *field = &info->fields[unit_below(random, info->field_count)];
	switch (unit_below(random, 5)) {
	case 0:
		copy->events[i] = copy->events[j];
		return;
	case 1:
		copy->events[i] = copy->events[--copy->count];
		return;
	case 2:
		if (field->kind == TL_FIELD_U64 || field->kind == TL_FIELD_I64)
			*(uint64_t *)event_value(&copy->events[i], field) = unit_below(random, 4);
		return;
	default:
		event_random_field(event_value(&copy->events[i], field), field->kind, random, &copy->arena);
	}
}

static void
mangled_traces_never_do_harm(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	unsigned told = 0, seen = 0;
	for (unsigned round = 0; round < unit_rounds(300); round++) {
		struct tl_err err;
		struct played copy;
		struct tl_replay_report report;
		struct tl_replay_options options = { .log = the_log, .trace_id = trace_of(round) };
		played_all(&scenarios[unit_below(&random, SCENARIO_COUNT)], trace_of(round), &copy);
		for (size_t i = 1 + unit_below(&random, 3); i > 0 && copy.count > 2; i--)
			mangle(&copy, &random);
		append(copy.events, copy.count);
		enum tl_status status = tl_replay_run(&options, &report, &err);
		if (status == TL_OK) {
			told++;
			seen += report.divergence.found;
			tl_replay_report_done(&report);
		} else {
			assert_true(status == TL_ERR_CORRUPT || status == TL_ERR_VERSION || status == TL_ERR_USAGE ||
				    status == TL_ERR_LIMIT || status == TL_ERR_NO_MEMORY);
		}
		played_done(&copy);
	}
	assert_true(told > 30 && seen > 30);
}

int
main(void)
{
#define test(function) cmocka_unit_test_setup_teardown(function, open_log, close_log)
	const struct CMUnitTest tests[] = {
		test(every_field_of_the_metrics_is_made_again),
		test(a_changed_field_is_seen_where_the_pipeline_makes_it),
		test(changed_ids_and_times_are_seen),
		test(a_changed_answer_is_seen_in_the_digest_of_the_metrics),
		test(missing_and_additional_and_exchanged_events_are_seen),
		test(a_body_of_other_bytes_with_the_same_meaning_is_seen),
		test(a_finding_is_written_to_the_origins_stream_and_moves_no_document),
		test(running_unknown_and_foreign_traces_are_refused),
		test(mangled_traces_never_do_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
