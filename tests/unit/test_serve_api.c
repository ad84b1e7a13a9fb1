/* The HTTP API of serve over loopback: shapes as docs/live.md has them, pages, ids, files, and what is refused with which
 * words. */
#include "serve_fixture.h"

#include <tracellm/wire.h>

/* ---- Health ---- */

static void
health_tells_log_views_and_clients(void **state)
{
	struct served *served = *state;
	struct made made = made_whole(served, "Hello?");
	char log_id[32];
	(void)snprintf(log_id, sizeof log_id, "%016llx", (unsigned long long)tl_log_id(served->log));
	await_event(served->log, made.id, TL_EVENT_trace_stored);
	tl_json *tree = get_tree(served, "/api/health");
	assert_json_str(tree, "status", "ok");
	assert_json_str(tree, "version", TL_VERSION);
	assert_json_str(tree, "log_id", log_id);
	assert_true(int_at(tree, "head_seq") >= (int64_t)made.last_seq);
	assert_int_equal(int_at(tree, "clients"), 0);
	assert_true(int_at(tree, "started_unix_ns") > 0);
	const tl_json *view = tl_json_at(tl_json_get(tree, "views"), 0);
	assert_json_str(view, "view", "embedded");
	assert_true(int_at(view, "checkpoint_seq") >= (int64_t)made.last_seq);
	assert_true(int_at(view, "lag_events") >= 0);
	assert_int_equal(int_at(view, "parked"), 0);
	tl_json_free(tree);
}

/* ---- The list ---- */

static void
the_list_holds_summaries_newest_first(void **state)
{
	struct served *served = *state;
	struct made first = made_whole(served, "first"), second = made_begin(served, "second");
	await_listed(served, 2);
	tl_json *tree = get_tree(served, "/api/traces");
	const tl_json *items = tl_json_get(tree, "items");
	assert_int_equal(tl_json_len(items), 2);
	assert_int_equal(tl_json_kind_of(tl_json_get(tree, "next")), TL_JSON_NULL);
	assert_json_str(tl_json_at(items, 0), "trace_id", second.id_text);
	assert_json_str(tl_json_at(items, 0), "status", "running");
	assert_json_str(tl_json_at(items, 1), "trace_id", first.id_text);
	assert_json_str(tl_json_at(items, 1), "status", "success");
	assert_json_str(tl_json_at(items, 1), "prompt", "first");
	tl_str shown = tl_json_str(tl_json_get(tl_json_at(items, 1), "short_id"));
	assert_int_equal(shown.len, 3 + TL_TRACE_ID_SHOWN);
	assert_memory_equal(shown.ptr, first.id_text, shown.len);
	tl_json_free(tree);
}

static int64_t
total_of(const struct served *served, const char *target)
{
	tl_json *tree = get_tree(served, target);
	int64_t total = int_at(tree, "total");
	assert_int_equal(tl_json_len(tl_json_get(tree, "items")), total);
	tl_json_free(tree);
	return total;
}

static void
each_filter_of_the_list_holds_exactly(void **state)
{
	struct served *served = *state;
	tl_str tags[] = { TL_STR("a b"), TL_STR("x&y") };
	struct made odd = made_begin_as(served, (struct trace_plan){ .project = TL_STR("caf\xc3\xa9"),
							.session = TL_STR("s1"),
							.model = TL_STR("m+1"),
							.provider = TL_STR("sandbox"),
							.tags = { tags, 2 },
							.status = TL_STR("failed") });
	made_rest(served, &odd);
	struct made plain = made_whole(served, "plain");
	struct made replay = made_begin_as(served, (struct trace_plan){ .replay_of = tl_str_of(plain.id_text) });
	made_rest(served, &replay);
	await_listed(served, 3);
	assert_int_equal(total_of(served, "/api/traces"), 2);
	assert_int_equal(total_of(served, "/api/traces?replays=1"), 3);
	assert_int_equal(total_of(served, "/api/traces?replays=0"), 2);
	assert_int_equal(total_of(served, "/api/traces?project=caf%C3%a9"), 1);
	assert_int_equal(total_of(served, "/api/traces?session=s1&provider=sandbox&status=failed"), 1);
	assert_int_equal(total_of(served, "/api/traces?session=s1&provider=openai"), 0);
	assert_int_equal(total_of(served, "/api/traces?model=m%2B1"), 1);
	assert_int_equal(total_of(served, "/api/traces?model=m+1"), 0);
	assert_int_equal(total_of(served, "/api/traces?tag=a+b"), 1);
	assert_int_equal(total_of(served, "/api/traces?tag=x%26y"), 1);
	assert_int_equal(total_of(served, "/api/traces?tag=a"), 0);
	assert_int_equal(total_of(served, "/api/traces?model="), 0);
}

/* Adds the ids of a page to `seen`, counted; returns the `next`, owned, or NULL. */
static char *
take_page(const struct served *served, const char *after, const struct made *made, size_t count, unsigned *seen)
{
	char target[256];
	(void)snprintf(target, sizeof target, "/api/traces?limit=7%s%s", after ? "&after=" : "", after ? after : "");
	tl_json *tree = get_tree(served, target);
	const tl_json *items = tl_json_get(tree, "items");
	assert_true(tl_json_len(items) <= 7);
	for (size_t i = 0; i < tl_json_len(items); i++)
		for (size_t j = 0; j < count; j++)
			seen[j] += tl_str_equal(
				tl_json_str(tl_json_get(tl_json_at(items, i), "trace_id")), tl_str_of(made[j].id_text));
	tl_str next = tl_json_str(tl_json_get(tree, "next"));
	char *copy = next.ptr ? strndup(next.ptr, next.len) : NULL;
	tl_json_free(tree);
	return copy;
}

static void
pages_hold_each_trace_once_while_new_ones_arrive(void **state)
{
	struct served *served = *state;
	enum { COUNT = 40 };
	struct made made[COUNT];
	unsigned seen[COUNT] = { 0 }, pages = 0, added = 0;
	for (size_t i = 0; i < COUNT; i++)
		made[i] = made_begin(served, "one of many");
	await_listed(served, COUNT);
	char *after = NULL;
	do {
		char *next = take_page(served, after, made, COUNT, seen);
		free(after);
		after = next;
		(void)made_begin(served, "a new one");
		await_listed(served, COUNT + ++added);
		pages++;
	} while (after);
	assert_int_equal(pages, (COUNT + 6) / 7);
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(seen[i], 1);
}

static void
parameters_that_cannot_be_meant_are_refused_by_name(void **state)
{
	struct served *served = *state;
	struct made made = made_whole(served, "Hello?");
	char target[128];
	assert_problem(served, "/api/traces?colour=red", 400, "'colour'");
	assert_problem(
		served, "/api/traces?colour=red", 400, "status, model, provider, project, session, tag, replays, limit, after");
	assert_problem(served, "/api/traces?limit=0", 400, "limit is '0', allowed are whole numbers from 1 to 200");
	assert_problem(served, "/api/traces?limit=201", 400, "limit is '201'");
	assert_problem(served, "/api/traces?limit=ten", 400, "limit is 'ten'");
	assert_problem(served, "/api/traces?limit=", 400, "limit is ''");
	assert_problem(served, "/api/traces?limit=5&limit=6", 400, "'limit' is given twice");
	assert_problem(served, "/api/traces?replays=yes", 400, "replays is 'yes'");
	assert_problem(served, "/api/traces?status=done", 400, "status is 'done', allowed are running, success");
	assert_problem(served, "/api/traces?after=nowhere", 400, "'nowhere'");
	assert_problem(served, "/api/traces?tag=%zz", 400, "'%zz'");
	assert_problem(served, "/api/traces?tag=%2", 400, "'%2'");
	assert_problem(served, "/api/traces?tag=%ff", 400, "UTF-8");
	assert_problem(served, "/api/traces?tag=%00", 400, "UTF-8");
	assert_problem(served, "/api/health?verbose=1", 400, "takes none");
	(void)snprintf(target, sizeof target, "/api/traces/%s/events?limit=1001", made.id_text);
	assert_problem(served, target, 400, "limit is '1001', allowed are whole numbers from 1 to 1000");
	(void)snprintf(target, sizeof target, "/api/traces/%s/raw/response?attempt=0", made.id_text);
	assert_problem(served, target, 400, "attempt is '0'");
	assert_problem(served, "/ws?after=-1", 400, "after is '-1'");
	assert_problem(served, "/ws", 426, "WebSocket");
}

/* ---- One trace ---- */

/* The document's bytes in an answer, and that they are what their digest says. */
static tl_str
document_in(const struct answer *answer)
{
	struct tl_digest digest;
	char text[TL_DIGEST_TEXT_SIZE];
	tl_str body = { answer->body, answer->body_len }, key = TL_STR(",\"document\":");
	size_t at = tl_str_find(body, key);
	assert_true(at < body.len);
	tl_str document = tl_str_slice(body, at + key.len, body.len - 1);
	digest = tl_digest_of(tl_bytes_of(document));
	tl_digest_text(digest, text);
	tl_json *tree = answer_tree(answer);
	assert_json_str(tree, "digest", text);
	tl_json_free(tree);
	return document;
}

static void
assert_document(const struct served *served, const struct made *made, const char *status, uint64_t seq)
{
	char target[128];
	(void)snprintf(target, sizeof target, "/api/traces/%s", made->id_text);
	struct answer answer = http_get(served, target);
	assert_int_equal(answer.status, 200);
	tl_json *tree = answer_tree(&answer);
	assert_json_str(tree, "trace_id", made->id_text);
	assert_json_str(tree, "document.trace_id", made->id_text);
	assert_json_str(tree, "document.status", status);
	assert_true(int_at(tree, "seq") >= (int64_t)seq);
	assert_true(document_in(&answer).len > 100);
	tl_json_free(tree);
	answer_done(&answer);
}

static void
the_documents_bytes_match_their_digest_from_the_view_as_from_the_log(void **state)
{
	struct served *served = *state;
	struct made made = made_whole(served, "caf\xc3\xa9 \"quoted\" \\ \n \xf0\x9f\x99\x82");
	struct tl_err err;
	struct tl_view_row row;
	await_event(served->log, made.id, TL_EVENT_trace_stored);
	assert_document(served, &made, "success", made.last_seq);
	/* The same bytes as the view's. */
	struct answer answer = http_get(served, "/api/traces");
	answer_done(&answer);
	char target[128];
	(void)snprintf(target, sizeof target, "/api/traces/%s", made.id_text);
	answer = http_get(served, target);
	struct tl_view *view;
	assert_ok(tl_view_open_embedded(served->log, false, &view, &err));
	assert_ok(view->ops->document(view, made.id, &served->arena, &row, &err));
	assert_true(tl_str_equal(row.document, document_in(&answer)));
	view->ops->close(view);
	answer_done(&answer);
}

static void
a_trace_that_no_view_holds_yet_is_visible_and_up_to_date(void **state)
{
	struct served *served = *state;
	struct made made = made_begin(served, "Hello?");
	assert_document(served, &made, "running", made.last_seq);
	made_rest(served, &made);
	assert_document(served, &made, "success", made.last_seq);
}

static void
a_view_that_is_behind_does_not_hide_what_the_log_holds(void **state)
{
	struct served *served = *state;
	struct tl_err err;
	uint64_t lag;
	struct made made = made_begin(served, "Hello?");
	assert_ok(tl_view_catch_up(served->log, served->worker_view, 0, &lag, &err));
	await_listed(served, 1);
	made_rest(served, &made);
	assert_document(served, &made, "success", made.last_seq);
}

static void
any_unique_prefix_names_a_trace(void **state)
{
	struct served *served = *state;
	struct tl_trace_id ids[2] = { { { 0x15, 0x26, 0x37, 0x48, 0x59, 0x6a, 0x7b } },
		{ { 0x15, 0x26, 0x37, 0x48, 0x59, 0x6a, 0x7c } } };
	struct made made[2];
	char target[128];
	for (size_t i = 0; i < 2; i++) {
		made[i] = made_begin_as(served, (struct trace_plan){ .trace_id = ids[i] });
		made_rest(served, &made[i]);
	}
	size_t same = 3;
	while (made[0].id_text[same] == made[1].id_text[same])
		same++;
	for (size_t len = same + 1; len <= 29; len++) {
		(void)snprintf(target, sizeof target, "/api/traces/%.*s", (int)len, made[1].id_text);
		tl_json *tree = get_tree(served, target);
		assert_json_str(tree, "trace_id", made[1].id_text);
		assert_int_equal(tl_json_str(tl_json_get(tree, "short_id")).len, same + 1);
		tl_json_free(tree);
	}
	(void)snprintf(target, sizeof target, "/api/traces/%.*s", (int)same, made[1].id_text);
	assert_problem(served, target, 409, made[0].id_text);
	assert_problem(served, target, 409, made[1].id_text);
	assert_problem(served, "/api/traces/tr_7zzzzzzz", 404, "tr_7zzzzzzz");
	assert_problem(served, "/api/traces/tr_7zzzzzzz/events", 404, "tr_7zzzzzzz");
	assert_problem(served, "/api/traces/tr_7zzzzzzz/raw/request", 404, "tr_7zzzzzzz");
	assert_problem(served, "/api/traces/what%3F", 400, "'what?'");
}

/* ---- Events and stages ---- */

static void
events_come_in_pages_in_the_order_of_the_log(void **state)
{
	struct served *served = *state;
	struct made made =
		made_begin_as(served, (struct trace_plan){ .chunks = 20, .answer = TL_STR("a long answer in many pieces") });
	made_rest(served, &made);
	int64_t last_seq = 0;
	size_t found = 0, pages = 0;
	bool more = true;
	while (more) {
		char target[128];
		(void)snprintf(
			target, sizeof target, "/api/traces/%s/events?limit=9&after=%lld", made.id_text, (long long)last_seq);
		tl_json *tree = get_tree(served, target);
		const tl_json *items = tl_json_get(tree, "items");
		for (size_t i = 0; i < tl_json_len(items); i++) {
			const tl_json *item = tl_json_at(items, i);
			assert_true(int_at(item, "seq") > last_seq);
			last_seq = int_at(item, "seq");
			assert_json_str(item, "type", tl_event_name(made.trace.events[found].type));
			assert_true(int_at(item, "body_bytes") > 0);
			assert_int_equal(tl_json_kind_of(tl_json_get(item, "body")), TL_JSON_OBJECT);
			assert_int_equal(tl_json_str(tl_json_get(item, "span_id")).len, 16);
			assert_int_equal(tl_json_str(tl_json_get(item, "writer")).len, 16);
			found++;
		}
		assert_int_equal(tl_json_len(tl_json_get(tree, "stages")), 7);
		more = tl_json_kind_of(tl_json_get(tree, "next")) == TL_JSON_INT;
		if (more)
			assert_int_equal(int_at(tree, "next"), last_seq);
		pages++;
		tl_json_free(tree);
	}
	assert_int_equal(found, made.trace.count);
	assert_int_equal(pages, (made.trace.count + 8) / 9);
}

static void
raw_bytes_in_an_event_are_cut_with_their_length(void **state)
{
	struct served *served = *state;
	char prompt[6001], target[128];
	memset(prompt, 'x', sizeof prompt - 1);
	prompt[6000] = '\0';
	struct made made = made_begin(served, prompt);
	(void)snprintf(target, sizeof target, "/api/traces/%s/events", made.id_text);
	tl_json *tree = get_tree(served, target);
	const tl_json *body = tl_json_get(tl_json_at(tl_json_get(tree, "items"), 0), "body");
	assert_int_equal(tl_json_str(tl_json_get(body, "prompt")).len, 4096);
	assert_int_equal(int_at(body, "prompt_length"), 6000);
	tl_json_free(tree);
}

static const tl_json *
stage_at(const tl_json *tree, size_t number)
{
	const tl_json *stage = tl_json_at(tl_json_get(tree, "stages"), number - 1);
	assert_int_equal(int_at(stage, "stage"), number);
	return stage;
}

static void
stages_not_reached_are_null_and_reached_ones_say_what_happened(void **state)
{
	struct served *served = *state;
	char target[128];
	struct made made = made_begin(served, "Hello?");
	(void)snprintf(target, sizeof target, "/api/traces/%s/events", made.id_text);
	tl_json *tree = get_tree(served, target);
	for (size_t number = 3; number <= 7; number++) {
		const tl_json *stage = stage_at(tree, number);
		const char *const keys[] = { "seq", "unix_ns", "after_ns", "detail" };
		for (size_t i = 0; i < 4; i++) {
			assert_non_null(tl_json_get(stage, keys[i]));
			assert_int_equal(tl_json_kind_of(tl_json_get(stage, keys[i])), TL_JSON_NULL);
		}
	}
	assert_json_str(stage_at(tree, 1), "event", "request.created");
	assert_int_equal(int_at(stage_at(tree, 1), "after_ns"), 0);
	assert_int_equal(int_at(stage_at(tree, 2), "after_ns"), TL_NS_PER_MS);
	assert_true(tl_str_find(tl_json_str(tl_json_get(stage_at(tree, 1), "detail")), TL_STR("gpt-4o of openai (flag)")) == 0);
	assert_json_str(stage_at(tree, 2), "detail", "project default, prompt of 6 characters");
	tl_json_free(tree);

	made_rest(served, &made);
	await_event(served->log, made.id, TL_EVENT_replay_available);
	tree = get_tree(served, target);
	assert_true(tl_str_find(tl_json_str(tl_json_get(stage_at(tree, 3), "detail")),
			    TL_STR("5 tokens in, 7 out (estimated), $0.000001200")) < 100);
	assert_json_str(stage_at(tree, 4), "event", "trace.stored");
	assert_true(tl_str_starts_with(tl_json_str(tl_json_get(stage_at(tree, 4), "detail")), TL_STR("in the embedded view")));
	assert_json_str(stage_at(tree, 7), "event", "replay.available");
	assert_true(int_at(stage_at(tree, 7), "after_ns") >= 0);
	assert_int_equal(tl_json_kind_of(tl_json_get(stage_at(tree, 5), "seq")), TL_JSON_NULL);
	tl_json_free(tree);
}

/* ---- Raw bytes ---- */

static void
assert_raw(const struct served *served, const char *id, const char *rest, tl_bytes expected)
{
	char target[192];
	(void)snprintf(target, sizeof target, "/api/traces/%s/raw/%s", id, rest);
	struct answer answer = http_get(served, target);
	assert_int_equal(answer.status, 200);
	assert_true(has_field(&answer, "Content-Type: application/octet-stream"));
	assert_non_null(strstr(answer.head, "\r\nContent-Disposition: attachment; filename=\"tr_"));
	assert_int_equal(answer.body_len, expected.len);
	assert_memory_equal(answer.body, expected.ptr, expected.len);
	answer_done(&answer);
}

/* A first attempt that broke off after a few bytes; the plan's own then is the second. */
static void
add_broken_attempt(struct served *served, struct made *made, tl_bytes bytes)
{
	struct tl_err err;
	struct tl_event *plan = made->trace.events, events[3];
	struct tl_span_id span = { { 9 } };
	struct made_trace broken = { events, 3 };
	struct tl_cut cut = { 1, bytes.len };
	enum tl_event_type types[] = { TL_EVENT_attempt_started, TL_EVENT_response_chunk, TL_EVENT_attempt_failed };
	for (size_t i = 0; i < 3; i++)
		events[i] = tl_event_make(types[i], made->id, span, plan[0].span_id, plan[1].at);
	events[0].body.attempt_started.number = events[1].body.response_chunk.number = events[2].body.attempt_failed.number = 1;
	events[1].body.response_chunk.bytes = bytes;
	events[1].body.response_chunk.cuts = (struct tl_cut_list){ &cut, 1 };
	events[2].body.attempt_failed.error_class = events[2].body.attempt_failed.transport_error = TL_STR("reset");
	events[2].body.attempt_failed.response_bytes = bytes.len;
	events[2].body.attempt_failed.will_retry = true;
	assert_ok(trace_append(served->log, &broken, 0, 3, NULL, &err));
	for (size_t i = made->appended; i < made->trace.count; i++) {
		if (plan[i].type == TL_EVENT_attempt_started)
			plan[i].body.attempt_started.number = 2;
		else if (plan[i].type == TL_EVENT_response_chunk)
			plan[i].body.response_chunk.number = 2;
		else if (plan[i].type == TL_EVENT_attempt_finished)
			plan[i].body.attempt_finished.number = 2;
	}
}

static void
raw_bytes_are_those_of_the_events_attempt_by_attempt(void **state)
{
	struct served *served = *state;
	char target[128];
	tl_bytes part = tl_bytes_of(TL_STR("data: {\"cho\0ices\xff")), expected;
	struct made made = made_begin_as(served, (struct trace_plan){ .answer = TL_STR("seven pieces"), .chunks = 7 });
	(void)snprintf(target, sizeof target, "/api/traces/%s/raw/response", made.id_text);
	assert_problem(served, target, 404, "no response yet");
	add_broken_attempt(served, &made, part);
	assert_raw(served, made.id_text, "response", part);
	made_rest(served, &made);

	TL_CLEANUP(tl_buf_done) struct tl_buf whole;
	tl_buf_init(&whole, 1u << 20);
	for (size_t i = 0; i < made.trace.count; i++)
		if (made.trace.events[i].type == TL_EVENT_response_chunk)
			tl_buf_add_str(&whole, tl_str_of_bytes(made.trace.events[i].body.response_chunk.bytes));
	expected = tl_bytes_of(tl_buf_str(&whole));
	assert_raw(served, made.id_text, "response", expected);
	assert_raw(served, made.id_text, "response?attempt=2", expected);
	assert_raw(served, made.id_text, "response?attempt=1", part);
	assert_raw(served, made.id_text, "request", made.trace.events[0].body.request_created.body);
	assert_raw(served, made.id_text, "request?attempt=2", made.trace.events[0].body.request_created.body);
	(void)snprintf(target, sizeof target, "/api/traces/%s/raw/response?attempt=3", made.id_text);
	assert_problem(served, target, 404, "no attempt 3");
	(void)snprintf(target, sizeof target, "/api/traces/%s/raw/request?attempt=3", made.id_text);
	assert_problem(served, target, 404, "no attempt 3");
}

/* ---- Files, HEAD, validators ---- */

static void
the_page_is_served_at_its_paths_and_its_files_under_their_names(void **state)
{
	struct served *served = *state;
	const char *const paths[] = { "/", "/traces", "/traces/tr_2kf9q3m1", "/traces/x/", "/?q=status%3Afailed",
		"/traces/x?tab=events&span=1" };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct answer answer = http_get(served, paths[i]);
		assert_int_equal(answer.status, 200);
		assert_string_equal(answer.body, PAGE_TEXT);
		assert_true(has_field(&answer, "Content-Type: text/html; charset=utf-8"));
		assert_true(has_field(&answer, "Cache-Control: no-cache"));
		answer_done(&answer);
	}
	struct answer answer = http_get(served, SCRIPT_PATH);
	assert_string_equal(answer.body, SCRIPT_TEXT);
	assert_true(has_field(&answer, "Content-Type: text/javascript; charset=utf-8"));
	assert_true(has_field(&answer, "Cache-Control: public, max-age=31536000, immutable"));
	answer_done(&answer);
	answer = http_get(served, "/no/such/page");
	assert_int_equal(answer.status, 404);
	assert_string_equal(answer.body, PAGE_TEXT);
	answer_done(&answer);
	assert_problem(served, "/assets/nothing.js", 404, "nothing.js");
	assert_problem(served, "/api/nothing", 404, "/api/nothing");
}

static void
head_answers_as_get_does_without_a_body(void **state)
{
	struct served *served = *state;
	(void)made_whole(served, "Hello?");
	await_listed(served, 1);
	const char *const paths[] = { "/", SCRIPT_PATH, "/api/traces", "/api/nothing" };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct answer get = http_get(served, paths[i]), head = http_as(served, "HEAD", paths[i], served->host, "");
		assert_int_equal(head.body_len, 0);
		assert_string_equal(head.head, get.head);
		answer_done(&get);
		answer_done(&head);
	}
}

static void
what_a_browser_has_is_not_sent_again(void **state)
{
	struct served *served = *state;
	const char *const paths[] = { "/", SCRIPT_PATH };
	for (size_t i = 0; i < 2; i++) {
		char etag[64] = "", fields[4][192];
		struct answer first = http_get(served, paths[i]);
		assert_int_equal(sscanf(strstr(first.head, "\r\nETag: "), "\r\nETag: %63s", etag), 1);
		answer_done(&first);
		(void)snprintf(fields[0], sizeof fields[0], "If-None-Match: %s\r\n", etag);
		(void)snprintf(fields[1], sizeof fields[1], "If-None-Match: \"other\", W/%s\r\n", etag);
		(void)snprintf(fields[2], sizeof fields[2], "If-None-Match: *\r\n");
		(void)snprintf(fields[3], sizeof fields[3], "If-None-Match: \"other\"\r\n");
		for (size_t j = 0; j < 4; j++) {
			struct answer again = http_as(served, "GET", paths[i], served->host, fields[j]);
			assert_int_equal(again.status, j < 3 ? 304 : 200);
			assert_int_equal(again.body_len == 0, j < 3);
			assert_non_null(strstr(again.head, etag));
			answer_done(&again);
		}
	}
}

static void
a_server_without_a_page_or_on_a_port_in_use_does_not_open(void **state)
{
	struct served *served = *state;
	struct tl_err err;
	struct tl_loop *loop;
	struct tl_serve *serve = NULL;
	assert_ok(tl_loop_open(&loop, &err));
	struct tl_serve_options options = { .loop = loop,
		.log = served->log,
		.view = served->worker_view,
		.host = TL_STR("127.0.0.1"),
		.port = served->port,
		.page_dir = served->page_dir };
	assert_int_equal(tl_serve_open(&options, &serve, &err), TL_ERR_BUSY);
	options.port = 0;
	options.page_dir = "/nowhere";
	assert_int_equal(tl_serve_open(&options, &serve, &err), TL_ERR_NOT_FOUND);
	assert_non_null(strstr(err.message, "/nowhere/index.html"));
	assert_null(serve);
	tl_loop_close(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(health_tells_log_views_and_clients),
		TEST(the_list_holds_summaries_newest_first),
		TEST(each_filter_of_the_list_holds_exactly),
		TEST(pages_hold_each_trace_once_while_new_ones_arrive),
		TEST(parameters_that_cannot_be_meant_are_refused_by_name),
		TEST(the_documents_bytes_match_their_digest_from_the_view_as_from_the_log),
		TEST_WITHOUT_WORKER(a_trace_that_no_view_holds_yet_is_visible_and_up_to_date),
		TEST_WITHOUT_WORKER(a_view_that_is_behind_does_not_hide_what_the_log_holds),
		TEST(any_unique_prefix_names_a_trace),
		TEST_WITHOUT_WORKER(events_come_in_pages_in_the_order_of_the_log),
		TEST(raw_bytes_in_an_event_are_cut_with_their_length),
		TEST(stages_not_reached_are_null_and_reached_ones_say_what_happened),
		TEST_WITHOUT_WORKER(raw_bytes_are_those_of_the_events_attempt_by_attempt),
		TEST(the_page_is_served_at_its_paths_and_its_files_under_their_names),
		TEST(head_answers_as_get_does_without_a_body),
		TEST(what_a_browser_has_is_not_sent_again),
		TEST_WITHOUT_WORKER(a_server_without_a_page_or_on_a_port_in_use_does_not_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
