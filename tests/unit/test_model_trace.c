/* model: the fold of traces made by hand: several calls, odd text, what does not belong, the summary. */
#include "fold_fixture.h"

#include <stdio.h>

static const struct tl_trace_id some_trace = { { 0xaa, 0xbb } };
static const struct tl_span_id no_span = { { 0 } }, root_span = { { 1 } };

/* ---- Events by hand ---- */

static struct tl_span_id
span(uint8_t call, uint8_t attempt)
{
	return (struct tl_span_id){ { 9, call, attempt } };
}

static struct tl_event
make(enum tl_event_type type, struct tl_span_id id, struct tl_span_id parent, uint64_t ms)
{
	struct tl_stamp at = { 1795564800000000000 + ms * TL_NS_PER_MS, 1000 + ms * TL_NS_PER_MS };
	return tl_event_make(type, some_trace, id, parent, at);
}

static struct tl_event
created(void)
{
	struct tl_event event = make(TL_EVENT_trace_created, root_span, no_span, 0);
	event.body.trace_created.provider = TL_STR("openai");
	event.body.trace_created.model = TL_STR("gpt-4o");
	event.body.trace_created.project = TL_STR("default");
	return event;
}

static struct tl_event
requested(uint8_t call, uint64_t ms)
{
	struct tl_event event = make(TL_EVENT_request_created, span(call, 0), root_span, ms);
	event.body.request_created.source = TL_STR("cli");
	event.body.request_created.api = TL_STR("openai.chat");
	event.body.request_created.provider = TL_STR("openai");
	event.body.request_created.provider_reason = TL_STR("flag");
	event.body.request_created.model = TL_STR("gpt-4o");
	event.body.request_created.model_reason = TL_STR("default");
	event.body.request_created.prompt = tl_bytes_of(TL_STR("Hello"));
	event.body.request_created.url = TL_STR("https://host/v1/chat/completions");
	event.body.request_created.body = tl_bytes_of(TL_STR("{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}"));
	return event;
}

static struct tl_event
started(uint8_t call, uint8_t attempt, uint64_t ms)
{
	struct tl_event event = make(TL_EVENT_attempt_started, span(call, attempt), span(call, 0), ms);
	event.body.attempt_started.number = attempt;
	event.body.attempt_started.url = TL_STR("https://host/v1/chat/completions");
	return event;
}

static struct tl_event
chunk(uint8_t call, uint8_t attempt, uint64_t index, const char *bytes, struct tl_cut *cut, uint64_t ms)
{
	struct tl_event event = make(TL_EVENT_response_chunk, span(call, attempt), span(call, 0), ms);
	struct tl_response_chunk *body = &event.body.response_chunk;
	*cut = (struct tl_cut){ 5000, strlen(bytes) };
	body->number = attempt;
	body->index = index;
	body->bytes = tl_bytes_of(tl_str_of(bytes));
	body->cuts = (struct tl_cut_list){ cut, 1 };
	body->cause = TL_STR("end");
	if (index == 0) {
		body->http_status = 200;
		body->content_type = TL_STR("application/json");
	}
	return event;
}

static struct tl_event
finished_attempt(uint8_t call, uint8_t attempt, uint64_t bytes, uint64_t ms)
{
	struct tl_event event = make(TL_EVENT_attempt_finished, span(call, attempt), span(call, 0), ms);
	event.body.attempt_finished.number = attempt;
	event.body.attempt_finished.http_status = 200;
	event.body.attempt_finished.response_bytes = bytes;
	return event;
}

static struct tl_event
measured(uint8_t call, int64_t input, int64_t output, int64_t cost, uint64_t ms)
{
	struct tl_event event = make(TL_EVENT_metrics_captured, span(call, 0), root_span, ms);
	event.body.metrics_captured.input_tokens = input;
	event.body.metrics_captured.output_tokens = output;
	event.body.metrics_captured.usage_source = TL_STR("provider");
	event.body.metrics_captured.cost_nano_usd = cost;
	event.body.metrics_captured.cost_source = TL_STR("provider");
	return event;
}

static struct tl_event
finished(const char *status, uint64_t ms)
{
	struct tl_event event = make(TL_EVENT_trace_finished, root_span, no_span, ms);
	event.body.trace_finished.status = tl_str_of(status);
	return event;
}

#define COUNT(events) (sizeof(events) / sizeof *(events))

/* ---- Reading documents ---- */

static tl_json *
document_json(const struct tl_event *events, size_t count)
{
	struct tl_err err;
	tl_json *root = NULL;
	struct tl_buf document = fold_document(events, NULL, count);
	assert_ok(tl_json_parse(tl_buf_str(&document), &root, &err));
	tl_buf_done(&document);
	return root;
}

static void
assert_text(const tl_json *root, const char *path, const char *expected)
{
	tl_str text = tl_json_str(tl_json_path(root, path));
	if (!tl_str_equal(text, tl_str_of(expected)))
		fail_msg("%s is %.*s, not %s", path, TL_FMT(text), expected);
}

static void
assert_number(const tl_json *root, const char *path, int64_t expected)
{
	int64_t number = INT64_MIN;
	(void)tl_json_int(tl_json_path(root, path), &number);
	if (number != expected)
		fail_msg("%s is %lld, not %lld", path, (long long)number, (long long)expected);
}

static void
assert_null_at(const tl_json *root, const char *path)
{
	assert_non_null(tl_json_path(root, path));
	assert_int_equal(tl_json_kind_of(tl_json_path(root, path)), TL_JSON_NULL);
}

/* ---- Status ---- */

static void
every_status_has_a_text_that_reads_back(void **state)
{
	(void)state;
	enum tl_trace_status status;
	for (enum tl_trace_status i = TL_TRACE_RUNNING; i <= TL_TRACE_INTERRUPTED; i++) {
		assert_true(tl_trace_status_parse(tl_str_of(tl_trace_status_text(i)), &status));
		assert_int_equal(status, i);
	}
	assert_false(tl_trace_status_parse(TL_STR("Success"), &status));
	assert_false(tl_trace_status_parse(TL_STR(""), &status));
}

static void
a_trace_begins_with_both_of_its_first_events(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_event first = created(), second = requested(1, 0), last = finished("success", 5);
	for (unsigned turn = 0; turn < 2; turn++) {
		struct tl_trace *trace = NULL;
		assert_ok(tl_trace_open(some_trace, &trace, &err));
		assert_false(tl_trace_is_begun(trace));
		assert_ok(tl_trace_apply(trace, turn ? &first : &second, &err));
		assert_false(tl_trace_is_begun(trace));
		assert_ok(tl_trace_apply(trace, turn ? &second : &first, &err));
		assert_true(tl_trace_is_begun(trace));
		assert_false(tl_trace_is_finished(trace));
		assert_int_equal(tl_trace_summary(trace).status, TL_TRACE_RUNNING);
		assert_int_equal(tl_trace_summary(trace).latency_ns, -1);
		assert_ok(tl_trace_apply(trace, &last, &err));
		assert_true(tl_trace_is_finished(trace));
		assert_int_equal(tl_trace_summary(trace).latency_ns, 5 * TL_NS_PER_MS);
		tl_trace_close(trace);
	}
	tl_trace_close(NULL);
}

/* ---- Several calls ---- */

#define ANSWER(text) "{\"choices\":[{\"message\":{\"content\":\"" text "\"},\"finish_reason\":\"stop\"}]}"

static size_t
two_calls(struct tl_event events[16], struct tl_cut cuts[2])
{
	size_t count = 0;
	events[count++] = requested(2, 0);
	events[count++] = created();
	events[count++] = started(2, 1, 1);
	events[count++] = chunk(2, 1, 0, ANSWER("one"), &cuts[0], 10);
	events[count++] = finished_attempt(2, 1, strlen(ANSWER("one")), 11);
	events[count++] = measured(2, 10, 5, 1000, 12);
	events[count++] = requested(1, 20);
	events[count++] = started(1, 1, 21);
	events[count++] = chunk(1, 1, 0, ANSWER("two"), &cuts[1], 30);
	events[count++] = finished_attempt(1, 1, strlen(ANSWER("two")), 31);
	events[count++] = measured(1, 20, 7, 500, 32);
	events[count++] = finished("success", 40);
	return count;
}

static void
calls_are_ordered_by_time_and_summed_up(void **state)
{
	(void)state;
	struct tl_event events[16];
	struct tl_cut cuts[2];
	uint64_t random = unit_seed();
	size_t count = two_calls(events, cuts);
	tl_json *root = document_json(events, count);
	assert_int_equal(tl_json_len(tl_json_get(root, "calls")), 2);
	assert_text(tl_json_at(tl_json_get(root, "calls"), 0), "span_id", "0902000000000000");
	assert_text(root, "answer", "two");
	assert_number(root, "attempts", 2);
	assert_number(root, "usage.input_tokens", 30);
	assert_number(root, "usage.output_tokens", 12);
	assert_null_at(root, "usage.cached_tokens");
	assert_number(root, "cost_nano_usd", 1500);
	tl_json_free(root);
	fold_assert_order_does_not_matter("two calls", events, count, unit_rounds(200), &random);
	fold_assert_folding_on_equals_folding_afresh("two calls", events, count);
	fold_assert_spans_hang_together_at_every_prefix("two calls", events, count);
}

static void
a_total_with_an_unknown_part_is_unknown(void **state)
{
	(void)state;
	struct tl_event events[16];
	struct tl_cut cuts[2];
	size_t count = two_calls(events, cuts);
	events[5].body.metrics_captured.cost_nano_usd = -1;
	events[5].body.metrics_captured.output_tokens = -1;
	events[5].body.metrics_captured.cached_tokens = 3;
	events[10].body.metrics_captured.usage_source = TL_STR("estimated");
	tl_json *root = document_json(events, count);
	assert_null_at(root, "cost_nano_usd");
	assert_null_at(root, "usage.output_tokens");
	assert_number(root, "usage.input_tokens", 30);
	assert_number(root, "usage.cached_tokens", 3);
	assert_text(root, "usage.source", "estimated");
	tl_json_free(root);
	events[5].body.metrics_captured.cost_nano_usd = INT64_MAX;
	root = document_json(events, count);
	assert_null_at(root, "cost_nano_usd");
	tl_json_free(root);
}

static void
calls_and_attempts_at_one_moment_or_of_one_number_are_ordered_by_their_spans(void **state)
{
	(void)state;
	struct tl_event events[16];
	struct tl_cut cuts[2];
	uint64_t random = unit_seed();
	size_t count = two_calls(events, cuts);
	events[6].at = events[0].at;
	fold_assert_order_does_not_matter("two calls at once", events, count, unit_rounds(200), &random);
	struct tl_event twice[] = { requested(1, 0), created(), started(1, 1, 1), started(1, 2, 2), finished_attempt(1, 1, 0, 3),
		finished_attempt(1, 2, 0, 4) };
	twice[3].body.attempt_started.number = twice[5].body.attempt_finished.number = 1;
	fold_assert_order_does_not_matter("attempts of one number", twice, COUNT(twice), unit_rounds(200), &random);
}

static void
an_attempt_under_way_takes_the_place_of_a_failed_ones_answer(void **state)
{
	(void)state;
	struct tl_cut cut;
	struct tl_event failed = make(TL_EVENT_attempt_failed, span(1, 1), span(1, 0), 4);
	failed.body.attempt_failed.number = 1;
	failed.body.attempt_failed.http_status = 500;
	failed.body.attempt_failed.response_bytes = strlen(ANSWER("half"));
	failed.body.attempt_failed.will_retry = true;
	struct tl_event events[] = { requested(1, 0), created(), started(1, 1, 1), chunk(1, 1, 0, ANSWER("half"), &cut, 3),
		failed, started(1, 2, 9) };
	tl_json *root = document_json(events, COUNT(events) - 1);
	assert_text(root, "answer", "half");
	tl_json_free(root);
	root = document_json(events, COUNT(events));
	assert_text(root, "answer", "");
	assert_int_equal(tl_json_len(tl_json_get(tl_json_at(tl_json_get(root, "calls"), 0), "output")), 0);
	tl_json_free(root);
}

/* The transport has a clock of its own: what it says may be later than the end we saw. */
static void
phases_stay_inside_their_attempt_whatever_the_transport_says(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned round = 0; round < unit_rounds(300); round++) {
		struct tl_cut cut;
		struct tl_event events[] = { requested(1, 0), created(), started(1, 1, 1), chunk(1, 1, 0, ANSWER("x"), &cut, 4),
			finished_attempt(1, 1, strlen(ANSWER("x")), 5), finished("success", 6) };
		struct tl_attempt_finished *end = &events[4].body.attempt_finished;
		uint64_t *times[] = { &end->dns_ns, &end->connect_ns, &end->tls_ns, &end->first_byte_ns, &end->total_ns };
		for (size_t i = 0; i < COUNT(times); i++)
			*times[i] = unit_below(&random, 3) ? unit_below(&random, 8 * TL_NS_PER_MS) : 0;
		end->head_ns = (int64_t)unit_below(&random, 8 * TL_NS_PER_MS) - 1;
		end->connection_reused = unit_below(&random, 2);
		if (unit_below(&random, 3) == 0) {
			events[3] = events[2]; /* a head and no body */
			end->response_bytes = 0;
		}
		fold_assert_spans_hang_together_at_every_prefix("odd times", events, COUNT(events));
	}
}

/* ---- Text ---- */

static void
broken_utf8_shows_as_replacement_and_nul_stays(void **state)
{
	(void)state;
	struct tl_event events[] = { requested(1, 0), created(), finished("failed", 3) };
	tl_str tags[] = { TL_STR("a\0b"), TL_STR("\xf0\x9f\x92") };
	struct tl_pair headers[] = { { TL_STR("x\xff"), TL_STR("\x80") } };
	events[0].body.request_created.prompt = tl_bytes_of(TL_STR("x\xffy\0z"));
	events[0].body.request_created.model = TL_STR("m\xc3");
	events[0].body.request_created.headers = (struct tl_pair_list){ headers, 1 };
	events[0].body.request_created.body = tl_bytes_of(TL_STR("\xff not JSON \0"));
	events[1].body.trace_created.tags = (struct tl_str_list){ tags, 2 };
	events[2].body.trace_finished.reason = TL_STR("\xed\xa0\x80");
	struct tl_buf document = fold_document(events, NULL, COUNT(events));
	assert_true(tl_utf8_valid(tl_buf_str(&document)));
	assert_non_null(strstr(document.ptr, "\"prompt\":\"x\xef\xbf\xbdy\\u0000z\""));
	assert_non_null(strstr(document.ptr, "\"name\":\"chat m\xef\xbf\xbd\""));
	assert_non_null(strstr(document.ptr, "{\"name\":\"x\xef\xbf\xbd\",\"value\":\"\xef\xbf\xbd\"}"));
	assert_non_null(strstr(document.ptr, "\"a\\u0000b\""));
	tl_buf_done(&document);
}

static void
the_prompt_of_a_complete_body_is_its_last_user_message(void **state)
{
	(void)state;
	struct tl_event events[] = { requested(1, 0), created() };
	events[0].body.request_created.prompt = (tl_bytes){ NULL, 0 };
	events[0].body.request_created.body = tl_bytes_of(TL_STR(
		"{\"messages\":[{\"role\":\"user\",\"content\":\"first\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
		"\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]},{\"role\":\"assistant\",\"content\":\"last\"}]}"));
	tl_json *root = document_json(events, COUNT(events));
	assert_text(root, "prompt", "a\nb");
	assert_int_equal(tl_json_len(tl_json_get(tl_json_at(tl_json_get(root, "calls"), 0), "input")), 3);
	tl_json_free(root);
	events[0].body.request_created.body = tl_bytes_of(TL_STR("{}"));
	root = document_json(events, COUNT(events));
	assert_text(root, "prompt", "");
	tl_json_free(root);
}

/* ---- What does not belong ---- */

static void
pipeline_events_and_unknown_ones_move_no_document(void **state)
{
	(void)state;
	struct tl_event events[16], all[40];
	struct tl_cut cuts[2];
	struct tl_arena arena;
	uint64_t random = unit_seed();
	size_t count = two_calls(events, cuts), total = 0;
	tl_arena_init(&arena, 16 << 20);
	struct tl_buf expected = fold_document(events, NULL, count);
	for (size_t i = 0; tl_event_info_at(i); i++) {
		if (tl_event_info_at(i)->role != TL_EVENT_ROLE_PIPELINE)
			continue;
		all[total] = event_random(tl_event_info_at(i), &random, &arena);
		all[total].trace_id = some_trace;
		all[total++].at.mono_ns = UINT64_MAX;
	}
	assert_int_equal(total, 6);
	all[total++] = (struct tl_event){ .type = 999, .trace_id = some_trace };
	memcpy(all + total, events, count * sizeof *events);
	struct tl_buf document = fold_document(all, NULL, total + count);
	fold_assert_equal("pipeline events", "their presence", &expected, &document);
	tl_buf_done(&document);
	tl_buf_done(&expected);
	tl_arena_done(&arena);
}

static void
assert_apply(struct tl_event first, struct tl_event event, enum tl_status expected)
{
	struct tl_err err;
	struct tl_trace *trace = NULL;
	assert_ok(tl_trace_open(some_trace, &trace, &err));
	assert_ok(tl_trace_apply(trace, &first, &err));
	assert_int_equal(tl_trace_apply(trace, &event, &err), expected);
	tl_trace_close(trace);
}

static void
events_that_cannot_be_are_refused(void **state)
{
	(void)state;
	struct tl_cut cut;
	struct tl_event event = finished("success", 1);
	event.trace_id.bytes[0] ^= 1;
	assert_apply(created(), event, TL_ERR_CORRUPT);
	assert_apply(created(), finished("running", 1), TL_ERR_CORRUPT);
	assert_apply(created(), finished("fine", 1), TL_ERR_CORRUPT);
	event = chunk(1, 1, 0, "{}", &cut, 1);
	cut.bytes = 3;
	assert_apply(requested(1, 0), event, TL_ERR_CORRUPT);
	cut.bytes = UINT64_MAX;
	assert_apply(requested(1, 0), event, TL_ERR_CORRUPT);
	event = requested(1, 0);
	event.body.request_created.api = TL_STR("telepathy");
	assert_apply(event, chunk(1, 1, 0, "{}", &cut, 1), TL_ERR_VERSION);
}

static void
more_attempts_than_the_limit_are_refused(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_trace *trace = NULL;
	assert_ok(tl_trace_open(some_trace, &trace, &err));
	for (unsigned i = 1; i <= TL_TRACE_ATTEMPTS_MAX + 1; i++) {
		struct tl_event event = started(1, 1, i);
		event.span_id = (struct tl_span_id){ { 7, (uint8_t)(i >> 8), (uint8_t)i } };
		event.body.attempt_started.number = i;
		assert_int_equal(tl_trace_apply(trace, &event, &err), i <= TL_TRACE_ATTEMPTS_MAX ? TL_OK : TL_ERR_LIMIT);
	}
	tl_trace_close(trace);
}

/* Any events at all: an answer, and a document whenever there is one. */
static void
random_events_never_do_harm(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned round = 0; round < unit_rounds(500); round++) {
		struct tl_err err;
		struct tl_arena arena;
		struct tl_trace *trace = NULL;
		struct tl_event first[] = { created(), requested(1, 0), started(1, 1, 1) };
		tl_arena_init(&arena, 64 << 20);
		assert_ok(tl_trace_open(some_trace, &trace, &err));
		enum tl_status status = TL_OK;
		for (size_t i = 0; status == TL_OK && i < 20; i++) {
			struct tl_event event = event_random(tl_event_info_at(unit_below(&random, 14)), &random, &arena);
			event.trace_id = some_trace;
			event.span_id = span((uint8_t)unit_below(&random, 2), (uint8_t)unit_below(&random, 3));
			event.parent_span_id = span(1, 0);
			event.at.mono_ns = event_random_number(&random);
			if (event.type == TL_EVENT_request_created)
				event.body.request_created.api = TL_STR("openai.chat");
			if (event.type == TL_EVENT_trace_finished)
				event.body.trace_finished.status = TL_STR("failed");
			if (event.type == TL_EVENT_response_chunk)
				event.body.response_chunk.cuts.count = 0;
			status = tl_trace_apply(trace, i < 3 ? &first[i] : &event, &err);
		}
		if (status == TL_OK) {
			struct tl_buf document;
			tl_buf_init(&document, 64 << 20);
			assert_ok(tl_trace_document(trace, &document, &err));
			assert_true(tl_utf8_valid(tl_buf_str(&document)));
			tl_buf_done(&document);
		}
		tl_trace_close(trace);
		tl_arena_done(&arena);
	}
}

/* ---- Summary ---- */

static void
the_summary_has_the_members_that_docs_live_names(void **state)
{
	(void)state;
	static const char *const keys[] = { "trace_id", "short_id", "status", "reason", "provider", "model", "project", "session",
		"tags", "prompt", "started_unix_ns", "latency_ns", "first_content_ns", "prompt_tokens", "completion_tokens",
		"tokens_estimated", "cost_nano_usd", "attempts", "answer_chars", "error_class", "replay_of", "seq" };
	struct tl_err err;
	struct tl_event events[16];
	struct tl_cut cuts[2];
	struct tl_trace *trace = NULL;
	size_t count = two_calls(events, cuts), at = 0;
	events[count - 1].seq = 77;
	assert_ok(tl_trace_open(some_trace, &trace, &err));
	for (size_t i = 0; i < count; i++)
		assert_ok(tl_trace_apply(trace, &events[i], &err));
	struct tl_trace_summary summary = tl_trace_summary(trace);
	tl_json *json = tl_trace_summary_json(&summary, 10);
	void *iterator = NULL;
	tl_str key;
	const tl_json *value;
	while (tl_json_each(json, &iterator, &key, &value)) {
		assert_true(at < COUNT(keys));
		assert_true(tl_str_equal(key, tl_str_of(keys[at++])));
	}
	assert_int_equal(at, COUNT(keys));
	assert_int_equal(tl_json_str(tl_json_get(json, "short_id")).len, 13);
	assert_number(json, "seq", 77);
	assert_number(json, "prompt_tokens", 30);
	assert_number(json, "answer_chars", 3);
	tl_json_free(json);
	tl_trace_close(trace);
}

static void
the_summarys_prompt_ends_between_characters(void **state)
{
	(void)state;
	struct tl_event events[] = { requested(1, 0), created() };
	struct tl_err err;
	struct tl_trace *trace = NULL;
	struct tl_buf prompt;
	tl_buf_init(&prompt, 10000);
	for (size_t i = 0; i < 200; i++)
		tl_buf_add_z(&prompt, "\xe2\x82\xac");
	events[0].body.request_created.prompt = tl_bytes_of(tl_buf_str(&prompt));
	assert_ok(tl_trace_open(some_trace, &trace, &err));
	assert_ok(tl_trace_apply(trace, &events[0], &err));
	assert_ok(tl_trace_apply(trace, &events[1], &err));
	struct tl_trace_summary summary = tl_trace_summary(trace);
	tl_json *json = tl_trace_summary_json(&summary, 8);
	assert_int_equal(tl_json_str(tl_json_get(json, "prompt")).len, 160 * 3);
	assert_true(tl_trace_memory(trace) > 600);
	tl_json_free(json);
	tl_trace_close(trace);
	tl_buf_done(&prompt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_has_a_text_that_reads_back),
		cmocka_unit_test(a_trace_begins_with_both_of_its_first_events),
		cmocka_unit_test(calls_are_ordered_by_time_and_summed_up),
		cmocka_unit_test(a_total_with_an_unknown_part_is_unknown),
		cmocka_unit_test(calls_and_attempts_at_one_moment_or_of_one_number_are_ordered_by_their_spans),
		cmocka_unit_test(an_attempt_under_way_takes_the_place_of_a_failed_ones_answer),
		cmocka_unit_test(phases_stay_inside_their_attempt_whatever_the_transport_says),
		cmocka_unit_test(broken_utf8_shows_as_replacement_and_nul_stays),
		cmocka_unit_test(the_prompt_of_a_complete_body_is_its_last_user_message),
		cmocka_unit_test(pipeline_events_and_unknown_ones_move_no_document),
		cmocka_unit_test(events_that_cannot_be_are_refused),
		cmocka_unit_test(more_attempts_than_the_limit_are_refused),
		cmocka_unit_test(random_events_never_do_harm),
		cmocka_unit_test(the_summary_has_the_members_that_docs_live_names),
		cmocka_unit_test(the_summarys_prompt_ends_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
