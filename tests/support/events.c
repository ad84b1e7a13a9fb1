/* Makes plausible traces for tests. Knows no clock: everything follows from the plan. */
#include "events.h"

#include <string.h>

#define BODY_LIMIT (8u << 20)

/* A trace being made. */
struct making {
	const struct trace_plan *plan;
	struct tl_arena *arena;
	struct made_trace trace;
	size_t capacity;
	struct tl_span_id root, attempt;
	uint64_t body_bytes;
};

static tl_str
or_else(tl_str text, const char *otherwise)
{
	return text.ptr ? text : tl_str_of(otherwise);
}

static struct tl_stamp
stamp_at(const struct making *making)
{
	struct tl_stamp started = making->plan->started;
	if (started.wall_ns == 0)
		started = (struct tl_stamp){ UINT64_C(1795564800000000000), TL_NS_PER_S };
	uint64_t offset_ns = making->trace.count * TL_NS_PER_MS;
	return (struct tl_stamp){ started.wall_ns + offset_ns, started.mono_ns + offset_ns };
}

static struct tl_event *
add(struct making *making, enum tl_event_type type, struct tl_span_id span, struct tl_span_id parent)
{
	struct made_trace *trace = &making->trace;
	TL_ASSERT(trace->count < making->capacity);
	struct tl_event *event = &trace->events[trace->count];
	*event = tl_event_make(type, making->plan->trace_id, span, parent, stamp_at(making));
	trace->count++;
	return event;
}

static enum tl_status
add_begin(struct making *making, struct tl_err *err)
{
	const struct trace_plan *plan = making->plan;
	const struct tl_span_id none = { { 0 } };
	tl_str model = or_else(plan->model, "gpt-4o"), provider = or_else(plan->provider, "openai");
	tl_str prompt = or_else(plan->prompt, "Hello");
	tl_bytes body;
	struct tl_request_settings settings = { .model = model, .prompt = prompt, .max_tokens = -1, .stream = true };
	TL_TRY(tl_request_write(TL_API_OPENAI_CHAT, &settings, making->arena, &body, err));
	struct tl_request_created *request = &add(making, TL_EVENT_request_created, making->root, none)->body.request_created;
	request->source = TL_STR("cli");
	request->api = tl_str_of(tl_api_name(TL_API_OPENAI_CHAT));
	request->provider = provider;
	request->provider_reason = TL_STR("flag");
	request->model = model;
	request->model_reason = TL_STR("default");
	request->prompt = tl_bytes_of(prompt);
	request->stream = true;
	request->url = TL_STR("http://127.0.0.1/v1/chat/completions");
	request->body = body;
	struct tl_trace_created *created = &add(making, TL_EVENT_trace_created, making->root, none)->body.trace_created;
	created->provider = provider;
	created->model = model;
	created->prompt_chars = tl_utf8_count(prompt);
	created->prompt_bytes = prompt.len;
	created->project = or_else(plan->project, "default");
	created->session = plan->session;
	created->tags = plan->tags;
	created->pipeline = TL_PIPELINE_VERSION;
	created->replay_of = plan->replay_of;
	return TL_OK;
}

/* One event of the stream: a part of the answer, and in the last one its end. */
static enum tl_status
write_piece(const struct trace_plan *plan, tl_str text, bool last, struct tl_buf *out, struct tl_err *err)
{
	TL_CLEANUP(tl_json_cleanup) tl_json *root = tl_json_new_object();
	tl_json *choices = tl_json_new_array(), *choice = tl_json_new_object(), *delta = tl_json_new_object();
	tl_json_set_str(root, "id", TL_STR("chatcmpl-1"));
	tl_json_set_str(root, "model", or_else(plan->model, "gpt-4o"));
	tl_json_set_int(choice, "index", 0);
	tl_json_set_str(delta, "content", text);
	tl_json_set(choice, "delta", delta);
	if (last)
		tl_json_set_str(choice, "finish_reason", TL_STR("stop"));
	tl_json_add(choices, choice);
	tl_json_set(root, "choices", choices);
	tl_buf_add_z(out, "data: ");
	TL_TRY(tl_json_write(root, out, err));
	tl_buf_add_z(out, last ? "\n\ndata: [DONE]\n\n" : "\n\n");
	return tl_buf_status(out, "a piece of the answer", err);
}

static enum tl_status
add_chunk(struct making *making, unsigned index, unsigned count, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf body;
	tl_str answer = or_else(making->plan->answer, "Hi");
	size_t first = answer.len * index / count, end = answer.len * (index + 1) / count;
	tl_buf_init(&body, BODY_LIMIT);
	TL_TRY(write_piece(making->plan, tl_str_slice(answer, first, end), index + 1 == count, &body, err));
	struct tl_response_chunk *chunk =
		&add(making, TL_EVENT_response_chunk, making->attempt, making->root)->body.response_chunk;
	struct tl_cut *cut = tl_arena_alloc(making->arena, sizeof *cut);
	tl_bytes bytes = tl_arena_bytes(making->arena, tl_bytes_of(tl_buf_str(&body)));
	if (!cut || !bytes.ptr)
		return tl_arena_failed(making->arena, body.len, err);
	*cut = (struct tl_cut){ .at_ns = (index + 1) * TL_NS_PER_MS, .bytes = bytes.len };
	chunk->number = 1;
	chunk->index = index;
	chunk->offset = making->body_bytes;
	chunk->bytes = bytes;
	chunk->cuts = (struct tl_cut_list){ cut, 1 };
	chunk->cause = index + 1 == count ? TL_STR("end") : TL_STR("time");
	if (index == 0) {
		chunk->http_status = 200;
		chunk->content_type = TL_STR("text/event-stream");
	}
	making->body_bytes += bytes.len;
	return TL_OK;
}

static void
add_failure(struct making *making)
{
	struct tl_attempt_failed *failed =
		&add(making, TL_EVENT_attempt_failed, making->attempt, making->root)->body.attempt_failed;
	failed->number = 1;
	failed->total_ns = TL_NS_PER_MS;
	failed->transport_error = TL_STR("connect");
	failed->transport_message = TL_STR("connection refused");
	failed->error_class = TL_STR("connect");
	failed->message = TL_STR("connection refused");
}

static enum tl_status
add_answer(struct making *making, struct tl_err *err)
{
	unsigned chunks = making->plan->chunks ? making->plan->chunks : 1;
	for (unsigned i = 0; i < chunks; i++)
		TL_TRY(add_chunk(making, i, chunks, err));
	struct tl_attempt_finished *finished =
		&add(making, TL_EVENT_attempt_finished, making->attempt, making->root)->body.attempt_finished;
	finished->number = 1;
	finished->http_status = 200;
	finished->head_ns = (int64_t)TL_NS_PER_MS;
	finished->first_byte_ns = TL_NS_PER_MS;
	finished->total_ns = (chunks + 1) * TL_NS_PER_MS;
	finished->response_bytes = making->body_bytes;
	struct tl_metrics_captured *metrics =
		&add(making, TL_EVENT_metrics_captured, making->root, (struct tl_span_id){ { 0 } })->body.metrics_captured;
	metrics->latency_ns = (making->trace.count + 1) * TL_NS_PER_MS;
	metrics->first_byte_ns = metrics->first_content_ns = 3 * (int64_t)TL_NS_PER_MS;
	metrics->input_tokens = 5;
	metrics->output_tokens = 7;
	metrics->usage_source = TL_STR("estimated");
	metrics->finish_reason = TL_STR("stop");
	metrics->answer_chars = tl_utf8_count(or_else(making->plan->answer, "Hi"));
	metrics->cost_nano_usd = 1200;
	metrics->cost_source = TL_STR("price_table");
	return TL_OK;
}

enum tl_status
trace_make(const struct trace_plan *plan, struct tl_arena *arena, struct made_trace *ret_trace, struct tl_err *err)
{
	struct making making = { .plan = plan, .arena = arena, .capacity = plan->chunks + 8 };
	bool failed = tl_str_equal(plan->status, TL_STR("failed"));
	making.trace.events = tl_arena_array(arena, making.capacity, sizeof *making.trace.events);
	if (!making.trace.events)
		return tl_arena_failed(arena, making.capacity * sizeof *making.trace.events, err);
	memcpy(making.root.bytes, plan->trace_id.bytes, sizeof making.root.bytes);
	making.root.bytes[0] |= 1;
	making.attempt = making.root;
	making.attempt.bytes[7] ^= 0x80;
	TL_TRY(add_begin(&making, err));
	struct tl_attempt_started *started =
		&add(&making, TL_EVENT_attempt_started, making.attempt, making.root)->body.attempt_started;
	started->number = 1;
	started->url = TL_STR("http://127.0.0.1/v1/chat/completions");
	if (failed)
		add_failure(&making);
	else
		TL_TRY(add_answer(&making, err));
	struct tl_trace_finished *finished =
		&add(&making, TL_EVENT_trace_finished, making.root, (struct tl_span_id){ { 0 } })->body.trace_finished;
	finished->status = or_else(plan->status, "success");
	finished->reason = failed ? TL_STR("connection refused") : (tl_str){ NULL, 0 };
	finished->error_class = failed ? TL_STR("connect") : (tl_str){ NULL, 0 };
	finished->attempts = 1;
	*ret_trace = making.trace;
	return TL_OK;
}

enum tl_status
trace_append(struct tl_log *log, const struct made_trace *trace, size_t first, size_t end, uint64_t *ret_seq, struct tl_err *err)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	tl_arena_init(&arena, 256u << 20);
	struct tl_record *records = tl_arena_array(&arena, end - first, sizeof *records);
	if (!records)
		return tl_arena_failed(&arena, (end - first) * sizeof *records, err);
	for (size_t i = first; i < end; i++)
		TL_TRY(tl_record_of_event(&trace->events[i], &arena, &records[i - first], err));
	return tl_log_append(log, records, end - first, ret_seq, err);
}
