/* capture/engine: the stages of one trace as a pure machine. Knows no clock, no loop, no log. */
#include "engine.h"

#include <string.h>

struct tl_event
engine_event(const struct tl_engine *engine, enum tl_event_type type, struct tl_span_id span, struct tl_span_id parent,
	struct tl_stamp at)
{
	return tl_event_make(type, engine->plan->trace_id, span, parent, at);
}

enum tl_status
engine_emit(struct tl_engine *engine, const struct tl_event *event, struct tl_err *err)
{
	return engine->emit(engine->emit_context, event, err);
}

enum tl_status
tl_engine_open(const struct tl_plan *plan, const struct tl_provider *provider, const struct tl_redactor *redactor,
	tl_emit_fn *emit, void *context, struct tl_engine **ret_engine, struct tl_err *err)
{
	struct tl_engine *engine = tl_alloc(1, sizeof *engine);
	if (!engine)
		return tl_err_no_memory(err);
	engine->plan = plan;
	engine->provider = provider;
	engine->redactor = redactor;
	engine->emit = emit;
	engine->emit_context = context;
	tl_arena_init(&engine->arena, ENGINE_MEMORY_LIMIT);
	tl_random_init(&engine->random, plan->seed.bytes);
	*ret_engine = engine;
	return TL_OK;
}

void
engine_attempt_done(struct engine_attempt *attempt)
{
	tl_decoder_close(attempt->decoder);
	tl_buf_done(&attempt->pending);
	tl_arena_done(&attempt->arena);
	memset(attempt, 0, sizeof *attempt);
}

void
tl_engine_close(struct tl_engine *engine)
{
	if (!engine)
		return;
	engine_attempt_done(&engine->attempt);
	tl_arena_done(&engine->arena);
	tl_free(engine);
}

void
tl_engine_hold_next(struct tl_engine *engine, uint64_t held_bytes)
{
	engine->hold_is_given = true;
	engine->given_hold = held_bytes;
}

/* ---- Start ---- */

/* A copy without secrets; an absent text stays absent. */
static bool
shown_text(struct tl_engine *engine, tl_str text, tl_str *ret)
{
	*ret = text.ptr ? tl_redact_text(engine->redactor, text, &engine->arena) : text;
	return !text.ptr || ret->ptr;
}

static bool
shown_url(struct tl_engine *engine, tl_str url, tl_str *ret)
{
	*ret = url.ptr ? tl_redact_url(engine->redactor, url, &engine->arena) : url;
	return !url.ptr || ret->ptr;
}

static enum tl_status
emit_request(struct tl_engine *engine, struct tl_stamp at, struct tl_err *err)
{
	const struct tl_inputs *inputs = &engine->plan->inputs;
	struct tl_event event = engine_event(engine, TL_EVENT_request_created, engine->call_span_id, engine->root_span_id, at);
	struct tl_request_created *body = &event.body.request_created;
	tl_str prompt, sent;
	body->source = engine->plan->source;
	body->api = tl_str_of(tl_api_name(engine->request.api));
	body->provider = inputs->provider;
	body->provider_reason = inputs->provider_reason;
	body->model = inputs->model;
	body->model_reason = inputs->model_reason;
	body->temperature = inputs->temperature;
	body->max_tokens = inputs->max_tokens;
	body->stream = inputs->stream;
	body->raw_request = inputs->raw_request.ptr != NULL;
	body->timeout_ms = inputs->timeout_ms;
	body->retries_max = inputs->retries_max;
	body->key_chars = engine->plan->key_chars;
	bool copied = shown_text(engine, body->raw_request ? (tl_str){ NULL, 0 } : inputs->prompt, &prompt) &&
		      shown_text(engine, inputs->system, &body->system) &&
		      shown_text(engine, tl_str_of_bytes(engine->request.body), &sent) &&
		      shown_url(engine, engine->request.url, &body->url) && shown_url(engine, inputs->base_url, &body->base_url);
	if (!copied)
		return tl_arena_failed(&engine->arena, 0, err);
	body->prompt = tl_bytes_of(prompt);
	body->body = tl_bytes_of(sent);
	engine->shown_url = body->url;
	engine->shown_prompt = prompt;
	engine->shown_body = body->body;
	TL_TRY(tl_redact_headers(
		engine->redactor, engine->request.headers, engine->request.header_count, &engine->arena, &body->headers, err));
	TL_TRY(tl_redact_headers(
		engine->redactor, inputs->headers, inputs->header_count, &engine->arena, &body->user_headers, err));
	return engine_emit(engine, &event, err);
}

/* The text that was asked: for a complete body the last user message. */
static enum tl_status
prompt_text(struct tl_engine *engine, tl_str *ret_prompt, struct tl_err *err)
{
	struct tl_request_view view;
	tl_str prompt = engine->shown_prompt;
	if (engine->plan->inputs.raw_request.ptr) {
		TL_TRY(tl_request_read(engine->request.api, engine->shown_body, &engine->arena, &view, err));
		prompt = (tl_str){ NULL, 0 };
		for (size_t i = view.message_count; i > 0 && !prompt.ptr; i--)
			if (tl_str_equal(view.messages[i - 1].role, TL_STR("user")))
				prompt = view.messages[i - 1].content;
	}
	*ret_prompt = prompt;
	return TL_OK;
}

static enum tl_status
emit_trace(struct tl_engine *engine, struct tl_stamp at, struct tl_err *err)
{
	const struct tl_plan *plan = engine->plan;
	struct tl_event event =
		engine_event(engine, TL_EVENT_trace_created, engine->root_span_id, (struct tl_span_id){ { 0 } }, at);
	struct tl_trace_created *body = &event.body.trace_created;
	tl_str prompt;
	TL_TRY(prompt_text(engine, &prompt, err));
	body->provider = plan->inputs.provider;
	body->model = plan->inputs.model;
	body->prompt_chars = tl_utf8_count(prompt);
	body->prompt_bytes = prompt.len;
	body->project = plan->project;
	body->environment = plan->environment;
	body->session = plan->session;
	body->user = plan->user;
	body->tags = plan->tags;
	body->seed = plan->seed;
	body->pipeline = TL_PIPELINE_VERSION;
	body->replay_of = plan->replay_of;
	return engine_emit(engine, &event, err);
}

static enum tl_status
begin_attempt(struct tl_engine *engine, struct tl_stamp at, struct tl_wish *ret_wish, struct tl_err *err)
{
	uint64_t number = engine->attempt.number + 1;
	engine_attempt_done(&engine->attempt);
	struct engine_attempt *attempt = &engine->attempt;
	tl_arena_init(&attempt->arena, ENGINE_MEMORY_LIMIT);
	tl_buf_init(&attempt->pending, ENGINE_MEMORY_LIMIT);
	attempt->number = number;
	attempt->span_id = tl_random_span_id(&engine->random);
	attempt->started_at = at;
	attempt->http_status = attempt->head_ns = -1;

	struct tl_event event = engine_event(engine, TL_EVENT_attempt_started, attempt->span_id, engine->call_span_id, at);
	event.body.attempt_started.number = number;
	event.body.attempt_started.url = engine->shown_url;
	TL_TRY(engine_emit(engine, &event, err));
	engine->phase = ENGINE_ASKING;
	*ret_wish = (struct tl_wish){ .kind = TL_WISH_ASK, .request = &engine->request };
	return TL_OK;
}

enum tl_status
tl_engine_start(struct tl_engine *engine, struct tl_stamp at, struct tl_wish *ret_wish, struct tl_err *err)
{
	TL_ASSERT(engine->phase == ENGINE_NEW);
	TL_TRY(engine->provider->prepare(&engine->plan->inputs, &engine->arena, &engine->request, err));
	engine->started_at = at;
	engine->root_span_id = tl_random_span_id(&engine->random);
	engine->call_span_id = tl_random_span_id(&engine->random);
	TL_TRY(emit_request(engine, at, err));
	TL_TRY(emit_trace(engine, at, err));
	return begin_attempt(engine, at, ret_wish, err);
}

/* ---- While an attempt is under way ---- */

static struct tl_wish
listen(const struct tl_engine *engine)
{
	uint64_t since = engine->attempt.unflushed_since_ns;
	return (struct tl_wish){
		.kind = TL_WISH_LISTEN,
		.due_mono_ns = since ? since + TL_CHUNK_FLUSH_MS * TL_NS_PER_MS : 0,
	};
}

static enum tl_status
copy_raw_headers(struct engine_attempt *attempt, const struct tl_pair *headers, size_t count, struct tl_err *err)
{
	struct tl_pair *items = tl_arena_array(&attempt->arena, count, sizeof *items);
	for (size_t i = 0; items && i < count; i++) {
		items[i].name = tl_arena_str(&attempt->arena, headers[i].name);
		items[i].value = tl_arena_str(&attempt->arena, headers[i].value);
		if (!items[i].name.ptr || !items[i].value.ptr)
			return tl_arena_failed(&attempt->arena, 0, err);
	}
	if (!items)
		return tl_arena_failed(&attempt->arena, count * sizeof *items, err);
	attempt->raw_headers = (struct tl_pair_list){ items, count };
	return TL_OK;
}

enum tl_status
tl_engine_head(struct tl_engine *engine, struct tl_stamp at, unsigned http_status, const struct tl_pair *headers,
	size_t header_count, struct tl_wish *ret_wish, struct tl_err *err)
{
	TL_ASSERT(engine->phase == ENGINE_ASKING);
	struct engine_attempt *attempt = &engine->attempt;
	attempt->http_status = (int64_t)http_status;
	attempt->head_ns = (int64_t)(at.mono_ns - attempt->started_at.mono_ns);
	TL_TRY(copy_raw_headers(attempt, headers, header_count, err));
	TL_TRY(tl_redact_headers(engine->redactor, headers, header_count, &attempt->arena, &attempt->headers, err));
	attempt->content_type = tl_header_find(attempt->headers.items, attempt->headers.count, TL_STR("content-type"));
	*ret_wish = listen(engine);
	return TL_OK;
}

static enum tl_status
add_arrival(struct engine_attempt *attempt, struct tl_stamp at, tl_bytes bytes, struct tl_err *err)
{
	uint64_t at_ns = at.mono_ns - attempt->started_at.mono_ns;
	tl_buf_add(&attempt->pending, bytes.ptr, bytes.len);
	TL_TRY(tl_buf_status(&attempt->pending, "response body", err));
	if (attempt->cut_count > 0 && attempt->cuts[attempt->cut_count - 1].at_ns == at_ns) {
		attempt->cuts[attempt->cut_count - 1].bytes += bytes.len;
		return TL_OK;
	}
	if (!tl_arena_grow(&attempt->arena, &attempt->cuts, &attempt->cut_capacity, attempt->cut_count, sizeof *attempt->cuts))
		return tl_arena_failed(&attempt->arena, 0, err);
	attempt->cuts[attempt->cut_count++] = (struct tl_cut){ at_ns, bytes.len };
	return TL_OK;
}

enum tl_status
tl_engine_chunk(struct tl_engine *engine, struct tl_stamp at, tl_bytes bytes, struct tl_wish *ret_wish, struct tl_err *err)
{
	TL_ASSERT(engine->phase == ENGINE_ASKING);
	struct engine_attempt *attempt = &engine->attempt;
	if (bytes.len > 0) {
		TL_TRY(add_arrival(attempt, at, bytes, err));
		if (attempt->unflushed_since_ns == 0)
			attempt->unflushed_since_ns = at.mono_ns;
		if (attempt->pending.len >= TL_CHUNK_FLUSH_BYTES)
			TL_TRY(engine_flush(engine, "size", at, err));
	}
	*ret_wish = listen(engine);
	return TL_OK;
}

enum tl_status
tl_engine_tick(struct tl_engine *engine, struct tl_stamp at, struct tl_wish *ret_wish, struct tl_err *err)
{
	TL_ASSERT(engine->phase == ENGINE_ASKING);
	uint64_t since = engine->attempt.unflushed_since_ns;
	if (since && at.mono_ns >= since + TL_CHUNK_FLUSH_MS * TL_NS_PER_MS)
		TL_TRY(engine_flush(engine, "time", at, err));
	*ret_wish = listen(engine);
	return TL_OK;
}

enum tl_status
tl_engine_wake(struct tl_engine *engine, struct tl_stamp at, struct tl_wish *ret_wish, struct tl_err *err)
{
	TL_ASSERT(engine->phase == ENGINE_WAITING);
	return begin_attempt(engine, at, ret_wish, err);
}
