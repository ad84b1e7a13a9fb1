/* Recorded scenarios replay identically; changed ones are caught at the event and field that was changed. */
#include "log_fixture.h"

#include <tracellm/replay.h>

#include "scenario_fixture.h"

static struct tl_log *the_log;

static int
open_log(void **state)
{
	if (fixture_make(state) != 0)
		return -1;
	the_log = log_opened(TL_LOG_APPEND);
	return 0;
}

static int
close_log(void **state)
{
	tl_log_close(the_log);
	the_log = NULL;
	return fixture_remove(state);
}

/* ---- Recording ---- */

static void
append(const struct tl_event *events, size_t count)
{
	struct tl_err err;
	struct tl_arena arena;
	struct tl_record records[PLAYED_EVENTS_MAX];
	tl_arena_init(&arena, 64 << 20);
	for (size_t i = 0; i < count; i++)
		assert_ok(tl_record_of_event(&events[i], &arena, &records[i], &err));
	assert_ok(tl_log_append(the_log, records, count, NULL, &err));
	tl_arena_done(&arena);
}

/* Plays a scenario into the log; a writer that dies is this process's log handle, and the next one ends its trace. */
static struct tl_trace_id
record(const struct scenario *scenario, unsigned number)
{
	struct tl_err err;
	struct played played = { .count = 0 };
	struct tl_trace_id trace_id = trace_of(number);
	uint64_t ended = 0;
	scenario_play(scenario, trace_id, played_emit, &played);
	append(played.events, played.count);
	played_done(&played);
	if (!scenario->status) {
		tl_log_close(the_log);
		the_log = log_opened(TL_LOG_APPEND);
		assert_ok(tl_log_end_dead_writers(the_log, &ended, &err));
		assert_int_equal(ended, 1);
	}
	return trace_id;
}

static struct tl_replay_report
replayed(struct tl_trace_id trace_id, bool appended)
{
	struct tl_err err;
	struct tl_replay_report report;
	struct tl_replay_options options = { .log = the_log, .trace_id = trace_id, .append = appended };
	assert_ok(tl_replay_run(&options, &report, &err));
	return report;
}

static enum tl_status
refused(struct tl_trace_id trace_id, struct tl_err *err)
{
	struct tl_replay_report report;
	struct tl_replay_options options = { .log = the_log, .trace_id = trace_id };
	return tl_replay_run(&options, &report, err);
}

static void
assert_identical(const char *name, const struct tl_replay_report *report)
{
	const struct tl_divergence *divergence = &report->divergence;
	if (divergence->found)
		fail_msg("%s: event %llu, %s, %s: %s became %s", name, (unsigned long long)divergence->index, divergence->event,
			divergence->field, divergence->recorded.ptr, divergence->replayed.ptr);
	assert_int_equal(report->compared, report->events);
	assert_int_equal(report->chain.first_bad_seq, 0);
	assert_true(tl_str_equal(tl_buf_str(&report->document), tl_buf_str(&report->replayed_document)));
	assert_true(tl_digest_equal(tl_digest_of(tl_bytes_of(tl_buf_str(&report->document))), report->document_digest));
}

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

/* Events of one type in a trace, decoded; the last of them in `*ret`. */
static size_t
find_events(struct tl_trace_id trace_id, enum tl_event_type type, struct tl_arena *arena, struct tl_event *ret)
{
	struct tl_err err;
	struct tl_record_list list;
	size_t found = 0;
	tl_arena_init(arena, 64 << 20);
	assert_ok(tl_log_read_trace(the_log, trace_id, 0, 1000, 1 << 24, arena, &list, &err));
	for (size_t i = 0; i < list.count; i++) {
		if (list.records[i].envelope.type != type)
			continue;
		found++;
		assert_ok(tl_event_of_record(&list.records[i], arena, ret, &err));
	}
	return found;
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
		test(every_field_of_the_metrics_is_made_again),
		test(a_changed_field_is_seen_where_the_pipeline_makes_it),
		test(changed_ids_and_times_are_seen),
		test(a_changed_answer_is_seen_in_the_digest_of_the_metrics),
		test(missing_and_additional_and_exchanged_events_are_seen),
		test(a_body_of_other_bytes_with_the_same_meaning_is_seen),
		test(a_finding_is_written_to_the_origins_stream_and_moves_no_document),
		test(running_unknown_and_foreign_traces_are_refused),
		test(mangled_traces_never_do_harm),
#ifdef TL_FAULTS
		test(memory_that_runs_out_is_told_never_a_divergence),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
