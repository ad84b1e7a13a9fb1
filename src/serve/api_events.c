/* serve/api_events: the events of one trace and its seven stages. Knows the event table and, for one line each, what a stage
 * says. */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>

#define EVENTS_LIMIT     500u
#define EVENTS_LIMIT_MAX 1000u
#define EVENTS_BYTES     (8u << 20)   /* bodies on one page; a page that would hold more is shorter */
#define EVENTS_ARENA     (128u << 20) /* of one page's records and their lists */
#define SHOWN_BYTES_MAX  4096u        /* raw bytes of one field */
#define DETAIL_CHARS     200u
#define DIGEST_SHOWN     12
#define NANO_USD_PER_USD INT64_C(1000000000)

/* ---- One event ---- */

static void
set_span(tl_json *object, const char *key, struct tl_span_id span_id)
{
	char text[TL_SPAN_ID_TEXT_SIZE];
	tl_span_id_text(span_id, text);
	tl_json_set_str_or_null(object, key, tl_span_id_is_zero(span_id) ? tl_str_of(NULL) : tl_str_of(text));
}

static tl_json *
event_json(const struct tl_record *record, const struct tl_event *event)
{
	char writer[LOG_ID_TEXT_SIZE];
	serve_log_id_text(record->envelope.writer, writer);
	tl_json *object = tl_json_new_object();
	tl_json_set_int(object, "seq", (int64_t)event->seq);
	tl_json_set_str(object, "type", tl_str_of(tl_event_name(event->type)));
	tl_json_set_bool(object, "pipeline", tl_event_is_pipeline(event->type));
	tl_json_set_int(object, "unix_ns", (int64_t)event->at.wall_ns);
	tl_json_set_int(object, "mono_ns", (int64_t)event->at.mono_ns);
	set_span(object, "span_id", event->span_id);
	set_span(object, "parent_span_id", event->parent_span_id);
	tl_json_set_str(object, "writer", tl_str_of(writer));
	tl_json_set_int(object, "body_bytes", (int64_t)record->body.len);
	tl_json_set(object, "body", tl_event_body_json(event, SHOWN_BYTES_MAX));
	return object;
}

/* ---- The seven stages: what each says in one line ---- */

static void
say_request(const struct tl_event *event, struct tl_buf *out)
{
	const struct tl_request_created *request = &event->body.request_created;
	tl_buf_printf(out, "%.*s of %.*s (%.*s), %zu bytes to %.*s", TL_FMT(request->model), TL_FMT(request->provider),
		TL_FMT(request->provider_reason), request->body.len, TL_FMT(request->url));
}

static void
say_trace(const struct tl_event *event, struct tl_buf *out)
{
	const struct tl_trace_created *created = &event->body.trace_created;
	tl_buf_printf(out, "project %.*s, prompt of %" PRIu64 " characters", TL_FMT(created->project), created->prompt_chars);
	if (created->replay_of.len)
		tl_buf_printf(out, ", replay of %.*s", TL_FMT(created->replay_of));
}

static void
say_count(struct tl_buf *out, int64_t number)
{
	if (number < 0)
		tl_buf_add_char(out, '?');
	else
		tl_buf_printf(out, "%" PRId64, number);
}

static void
say_metrics(const struct tl_event *event, struct tl_buf *out)
{
	const struct tl_metrics_captured *metrics = &event->body.metrics_captured;
	char latency[TL_DURATION_TEXT_SIZE];
	tl_duration_text(metrics->latency_ns, latency);
	tl_buf_printf(out, "%s, ", latency);
	say_count(out, metrics->input_tokens);
	tl_buf_add_z(out, " tokens in, ");
	say_count(out, metrics->output_tokens);
	tl_buf_add_z(out, " out");
	if (metrics->usage_source.len)
		tl_buf_printf(out, " (%.*s)", TL_FMT(metrics->usage_source));
	if (metrics->cost_nano_usd >= 0)
		tl_buf_printf(out, ", $%" PRId64 ".%09" PRId64, metrics->cost_nano_usd / NANO_USD_PER_USD,
			metrics->cost_nano_usd % NANO_USD_PER_USD);
}

static void
say_stored(const struct tl_event *event, struct tl_buf *out)
{
	const struct tl_trace_stored *stored = &event->body.trace_stored;
	char digest[TL_DIGEST_TEXT_SIZE];
	tl_digest_text(stored->digest, digest);
	tl_buf_printf(out, "in the %.*s view, up to event %" PRIu64 ", document %.*s", TL_FMT(stored->view), stored->checkpoint,
		DIGEST_SHOWN, digest);
}

static void
say_emitted(const struct tl_event *event, struct tl_buf *out)
{
	uint64_t clients = event->body.trace_emitted.clients;
	tl_buf_printf(out, "sent to %" PRIu64 " client%s", clients, clients == 1 ? "" : "s");
}

static void
say_painted(const struct tl_event *event, struct tl_buf *out)
{
	const struct tl_dashboard_updated *updated = &event->body.dashboard_updated;
	char latency[TL_DURATION_TEXT_SIZE];
	tl_duration_text(updated->latency_ns, latency);
	tl_buf_printf(
		out, "on the screen of client %" PRIu64 ", %s after the commit of the trace's end", updated->client, latency);
}

static void
say_replayable(const struct tl_event *event, struct tl_buf *out)
{
	const struct tl_replay_available *available = &event->body.replay_available;
	char digest[TL_DIGEST_TEXT_SIZE];
	tl_digest_text(available->digest, digest);
	tl_buf_printf(out, "a fresh fold equals what the %.*s view holds, document %.*s", TL_FMT(available->view), DIGEST_SHOWN,
		digest);
}

#define STAGE_COUNT TL_STAGE_COUNT

static const struct {
	enum tl_event_type type;
	void (*say)(const struct tl_event *event, struct tl_buf *out);
} stage_table[STAGE_COUNT] = {
	{ TL_EVENT_request_created, say_request },
	{ TL_EVENT_trace_created, say_trace },
	{ TL_EVENT_metrics_captured, say_metrics },
	{ TL_EVENT_trace_stored, say_stored },
	{ TL_EVENT_trace_emitted, say_emitted },
	{ TL_EVENT_dashboard_updated, say_painted },
	{ TL_EVENT_replay_available, say_replayable },
};

struct stage {
	bool reached;
	uint64_t seq, writer;
	struct tl_stamp at;
	char detail[4 * DETAIL_CHARS + 1];
};

struct stages {
	struct stage items[STAGE_COUNT];
	size_t reached;
};

/* The first event of a stage counts: after a crash there may be a second one. */
static enum tl_status
note_stage(void *context, const struct tl_record *record, const struct tl_event *event, bool *stop, struct tl_err *err)
{
	(void)err;
	struct stages *stages = context;
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		struct stage *stage = &stages->items[i];
		if (stage->reached || event->type != stage_table[i].type)
			continue;
		*stage = (struct stage){ .reached = true, .seq = event->seq, .writer = record->envelope.writer, .at = event->at };
		TL_CLEANUP(tl_buf_done) struct tl_buf detail;
		tl_buf_init(&detail, 64u << 10);
		stage_table[i].say(event, &detail);
		(void)snprintf(
			stage->detail, sizeof stage->detail, "%.*s", TL_FMT(tl_utf8_prefix(tl_buf_str(&detail), DETAIL_CHARS)));
		stages->reached++;
	}
	*stop = stages->reached == STAGE_COUNT;
	return TL_OK;
}

/* Monotonic clocks of two processes are the same only if the machine was not started again in between, which nothing here
 * tells. */
static int64_t
after_first(const struct stage *first, const struct stage *stage)
{
	bool same = first->writer == stage->writer;
	uint64_t from = same ? first->at.mono_ns : first->at.wall_ns, to = same ? stage->at.mono_ns : stage->at.wall_ns;
	return to > from ? (int64_t)(to - from) : 0;
}

static tl_json *
stages_json(const struct stages *stages)
{
	tl_json *array = tl_json_new_array();
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		const struct stage *stage = &stages->items[i];
		tl_json *object = tl_json_new_object();
		tl_json_set_int(object, "stage", (int64_t)i + 1);
		tl_json_set_str(object, "name", tl_str_of(tl_stage_name((unsigned)i + 1)));
		tl_json_set_str(object, "event", tl_str_of(tl_event_name((uint16_t)stage_table[i].type)));
		serve_set_int_or_null(object, "seq", stage->reached, (int64_t)stage->seq);
		serve_set_int_or_null(object, "unix_ns", stage->reached, (int64_t)stage->at.wall_ns);
		serve_set_int_or_null(
			object, "after_ns", stage->reached && stages->items[0].reached, after_first(&stages->items[0], stage));
		tl_json_set_str_or_null(object, "detail", tl_str_of(stage->reached ? stage->detail : NULL));
		tl_json_add(array, object);
	}
	return array;
}

/* ---- The page ---- */

static enum tl_status
add_events(const struct tl_record_list *list, size_t count, struct tl_arena *arena, tl_json *items, struct tl_err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct tl_event event;
		TL_TRY(tl_event_of_record(&list->records[i], arena, &event, err));
		tl_json_add(items, event_json(&list->records[i], &event));
	}
	return TL_OK;
}

/* One record more than the page holds is asked for, to know whether another page follows; a page cut short by its bytes asks
 * again. */
static enum tl_status
events_page(struct call *call, struct tl_trace_id trace_id, uint64_t after_seq, size_t limit, tl_json *answer, struct tl_err *err)
{
	struct tl_log *log = call->serve->options.log;
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	tl_arena_init(&arena, EVENTS_ARENA);
	TL_CLEANUP(tl_json_cleanup) tl_json *items = tl_json_new_array();
	struct tl_record_list list, rest = { 0 };
	TL_TRY(tl_log_read_trace(log, trace_id, after_seq, limit + 1, EVENTS_BYTES, &arena, &list, err));
	size_t count = list.count > limit ? limit : list.count;
	uint64_t last_seq = count ? list.records[count - 1].envelope.seq : after_seq;
	TL_TRY(add_events(&list, count, &arena, items, err));
	if (count == list.count && count > 0)
		TL_TRY(tl_log_read_trace(log, trace_id, last_seq, 1, 1, &arena, &rest, err));
	tl_json_set(answer, "items", items);
	items = NULL;
	serve_set_int_or_null(answer, "next", list.count > count || rest.count > 0, (int64_t)last_seq);
	return TL_OK;
}

enum tl_status
serve_api_events(struct call *call, struct tl_err *err)
{
	struct parameter given[] = { { .name = "limit" }, { .name = "after" } };
	uint64_t limit, after_seq;
	struct tl_trace_id trace_id;
	struct stages stages = { 0 };
	TL_TRY(serve_query(call, given, 2, err));
	TL_TRY(serve_query_number(&given[0], 1, EVENTS_LIMIT_MAX, EVENTS_LIMIT, &limit, err));
	TL_TRY(serve_query_number(&given[1], 0, INT64_MAX, 0, &after_seq, err));
	TL_TRY(serve_find_trace(call, &trace_id, err));
	TL_TRY(serve_visit(call->serve->options.log, trace_id, 0, note_stage, &stages, err));
	TL_CLEANUP(tl_json_cleanup) tl_json *object = tl_json_new_object();
	TL_TRY(events_page(call, trace_id, after_seq, limit, object, err));
	tl_json_set(object, "stages", stages_json(&stages));
	tl_json *moved = object;
	object = NULL;
	return serve_json(call, moved, err);
}
