/* capture/engine_judge: what came of an attempt, and what the call took, used and cost. */
#include "engine.h"

/* Provider messages can be pages long; the whole text stays in the response bytes. */
#define MESSAGE_CHARS_MAX 400

static tl_str
one_line(tl_str text)
{
	text = tl_str_trim(text);
	size_t end = tl_str_find_char(text, '\n');
	return tl_utf8_prefix(end == SIZE_MAX ? text : tl_str_slice(text, 0, end), MESSAGE_CHARS_MAX);
}

static const struct tl_answer *
answer_of(const struct tl_engine *engine)
{
	return engine->attempt.decoder ? tl_decoder_answer(engine->attempt.decoder) : NULL;
}

static enum tl_status
set_message(struct tl_engine *engine, struct engine_verdict *verdict, tl_str message, struct tl_err *err)
{
	verdict->message = message;
	return message.ptr ? TL_OK : tl_arena_failed(&engine->arena, 0, err);
}

static enum tl_status
judge_status(struct tl_engine *engine, const struct tl_answer *answer, struct engine_verdict *verdict, struct tl_err *err)
{
	long long status = (long long)engine->attempt.http_status;
	verdict->error = status >= 300 && status < 400 ? TL_ERROR_REDIRECT : TL_ERROR_HTTP_STATUS;
	if (verdict->error == TL_ERROR_REDIRECT)
		return set_message(
			engine, verdict, tl_arena_printf(&engine->arena, "HTTP %lld: redirects are not followed", status), err);
	tl_str told = answer && answer->error.message.ptr ? one_line(answer->error.message) : (tl_str){ NULL, 0 };
	return set_message(engine, verdict,
		told.len ? tl_arena_printf(&engine->arena, "HTTP %lld: %.*s", status, TL_FMT(told))
			 : tl_arena_printf(&engine->arena, "HTTP %lld", status),
		err);
}

/* Some providers tell of an error only by how a choice finished. */
static bool
says_error(const struct tl_answer *answer)
{
	for (size_t i = 0; i < answer->choice_count; i++)
		if (answer->choices[i].finish == TL_FINISH_ERROR)
			return true;
	return false;
}

static enum tl_status
judge_answer(struct tl_engine *engine, const struct tl_answer *answer, struct engine_verdict *verdict, struct tl_err *err)
{
	if (answer && answer->error.present) {
		tl_str told = one_line(answer->error.message);
		verdict->error = TL_ERROR_PROVIDER;
		return set_message(engine, verdict,
			tl_arena_printf(&engine->arena, "the provider answered with an error: %.*s", TL_FMT(told)), err);
	}
	if (answer && says_error(answer)) {
		verdict->error = TL_ERROR_PROVIDER;
		return set_message(engine, verdict, TL_STR("the provider ended the answer with finish reason 'error'"), err);
	}
	if (answer && answer->streamed && !answer->terminated) {
		verdict->error = TL_ERROR_TRUNCATED;
		return set_message(engine, verdict, TL_STR("the stream ended before its end was announced"), err);
	}
	if (answer && tl_answer_has_content(answer))
		return TL_OK;
	if (answer && !answer->terminated) {
		verdict->error = TL_ERROR_MALFORMED;
		tl_str why = tl_str_of(answer->refused_message);
		return set_message(engine, verdict,
			tl_arena_printf(&engine->arena, "the answer is not what was asked for: %.*s",
				TL_FMT(why.len ? why : TL_STR("neither JSON nor an event stream"))),
			err);
	}
	verdict->error = TL_ERROR_EMPTY;
	return set_message(engine, verdict, TL_STR("the answer holds no text, tool call, refusal or reasoning"), err);
}

enum tl_status
engine_judge(struct tl_engine *engine, const struct tl_ask_end *end, struct engine_verdict *ret_verdict, struct tl_err *err)
{
	const struct tl_answer *answer = answer_of(engine);
	struct engine_verdict verdict = { .error = TL_ERROR_NONE };
	int64_t status = engine->attempt.http_status;
	if (answer && answer->error.present) {
		verdict.provider_type = answer->error.type;
		verdict.provider_code = answer->error.code;
	}
	if (end->error != TL_ERROR_NONE) {
		verdict.error = end->error;
		TL_TRY(set_message(engine, &verdict, tl_redact_text(engine->redactor, end->message, &engine->arena), err));
	} else if (status < 200 || status >= 300) {
		TL_TRY(judge_status(engine, answer, &verdict, err));
	} else {
		TL_TRY(judge_answer(engine, answer, &verdict, err));
	}
	*ret_verdict = verdict;
	return TL_OK;
}

/* ---- Metrics ---- */

static size_t
text_bytes(const struct tl_answer *answer)
{
	size_t bytes = 0;
	for (size_t i = 0; i < answer->choice_count; i++) {
		const struct tl_choice *choice = &answer->choices[i];
		bytes += choice->text.len + choice->reasoning.len + choice->refusal.len;
		for (size_t j = 0; j < choice->tool_call_count; j++)
			bytes += choice->tool_calls[j].name.len + choice->tool_calls[j].arguments.len;
	}
	return bytes;
}

static enum tl_status
estimate_input(struct tl_engine *engine, int64_t *ret_tokens, struct tl_err *err)
{
	struct tl_request_view view;
	size_t bytes = 0;
	TL_TRY(tl_request_read(engine->request.api, engine->shown_body, &engine->arena, &view, err));
	for (size_t i = 0; i < view.message_count; i++)
		bytes += view.messages[i].content.len;
	*ret_tokens = tl_usage_estimate(bytes);
	return TL_OK;
}

static enum tl_status
measure_usage(struct tl_engine *engine, const struct tl_answer *answer, bool usable, struct tl_metrics_captured *body,
	struct tl_err *err)
{
	struct tl_usage usage = answer->usage;
	bool told = usage.input_tokens >= 0 || usage.output_tokens >= 0;
	if (!told && !usable)
		return TL_OK;
	if (!told) {
		usage.output_tokens = tl_usage_estimate(text_bytes(answer));
		TL_TRY(estimate_input(engine, &usage.input_tokens, err));
	}
	body->usage_source = told ? TL_STR("provider") : TL_STR("estimated");
	body->input_tokens = usage.input_tokens;
	body->output_tokens = usage.output_tokens;
	body->cached_tokens = usage.cached_tokens;
	body->cache_write_tokens = usage.cache_write_tokens;
	body->reasoning_tokens = usage.reasoning_tokens;
	return TL_OK;
}

static void
measure_cost(const struct tl_engine *engine, const struct tl_answer *answer, struct tl_metrics_captured *body)
{
	const struct tl_inputs *inputs = &engine->plan->inputs;
	struct tl_usage usage = {
		.input_tokens = body->input_tokens,
		.output_tokens = body->output_tokens,
		.cached_tokens = body->cached_tokens,
		.cache_write_tokens = body->cache_write_tokens,
	};
	struct tl_price price;
	if (answer->usage.cost_nano_usd >= 0) {
		body->cost_nano_usd = answer->usage.cost_nano_usd;
		body->cost_source = TL_STR("provider");
		return;
	}
	tl_str list = tl_str_of(tl_price_list_of(inputs->provider, engine->shown_url));
	bool found =
		(answer->model.len && tl_price_find(list, answer->model, &price)) || tl_price_find(list, inputs->model, &price);
	if (!found || tl_price_cost(&price, &usage) < 0)
		return;
	body->cost_nano_usd = tl_price_cost(&price, &usage);
	body->cost_source = TL_STR("price_table");
	body->price_table = price.table;
	body->price_provider = price.provider;
	body->price_model = price.model;
	body->price_input = price.input;
	body->price_output = price.output;
	body->price_cached = price.cached;
	body->price_cache_write = price.cache_write;
}

static enum tl_status
measure_answer(struct tl_engine *engine, const struct tl_answer *answer, bool usable, struct tl_metrics_captured *body,
	struct tl_err *err)
{
	uint64_t base = engine->attempt.started_at.mono_ns - engine->started_at.mono_ns;
	TL_TRY(measure_usage(engine, answer, usable, body, err));
	measure_cost(engine, answer, body);
	if (answer->first_content_at_ns)
		body->first_content_ns = (int64_t)(base + answer->first_content_at_ns);
	body->model_served = answer->model;
	body->response_id = answer->id;
	body->refused_pieces = answer->refused_pieces;
	if (answer->choice_count > 0) {
		body->finish_reason = tl_str_of(tl_finish_text(answer->choices[0].finish));
		body->answer_digest = tl_answer_digest(answer);
		body->answer_chars = tl_utf8_count(answer->choices[0].text);
	}
	return TL_OK;
}

static enum tl_status
emit_metrics(struct tl_engine *engine, struct tl_stamp at, const struct engine_verdict *verdict, const struct tl_ask_end *end,
	struct tl_err *err)
{
	struct tl_event event = engine_event(engine, TL_EVENT_metrics_captured, engine->call_span_id, engine->root_span_id, at);
	struct tl_metrics_captured *body = &event.body.metrics_captured;
	const struct tl_answer *answer = answer_of(engine);
	uint64_t base = engine->attempt.started_at.mono_ns - engine->started_at.mono_ns;
	body->latency_ns = at.mono_ns - engine->started_at.mono_ns;
	if (end->first_byte_ns)
		body->first_byte_ns = (int64_t)(base + end->first_byte_ns);
	else if (engine->attempt.head_ns >= 0)
		body->first_byte_ns = (int64_t)base + engine->attempt.head_ns;
	if (answer)
		TL_TRY(measure_answer(engine, answer, verdict->error == TL_ERROR_NONE, body, err));
	return engine_emit(engine, &event, err);
}

static enum tl_status
emit_end(struct tl_engine *engine, struct tl_stamp at, const struct engine_verdict *verdict, int64_t signal_number,
	struct tl_err *err)
{
	struct tl_event event =
		engine_event(engine, TL_EVENT_trace_finished, engine->root_span_id, (struct tl_span_id){ { 0 } }, at);
	struct tl_trace_finished *body = &event.body.trace_finished;
	uint64_t attempts = engine->attempt.number;
	enum tl_trace_status status = TL_TRACE_FAILED;
	if (verdict->error == TL_ERROR_INTERRUPTED)
		status = TL_TRACE_INTERRUPTED;
	else if (verdict->error == TL_ERROR_NONE)
		status = attempts > 1 ? TL_TRACE_WARNING : TL_TRACE_SUCCESS;
	body->status = tl_str_of(tl_trace_status_text(status));
	body->attempts = attempts;
	body->signal = signal_number;
	if (verdict->error != TL_ERROR_NONE) {
		body->reason = verdict->message;
		body->error_class = tl_str_of(tl_error_class_text(verdict->error));
	} else if (attempts > 1) {
		body->reason = tl_arena_printf(
			&engine->arena, attempts == 2 ? "%llu retry" : "%llu retries", (unsigned long long)attempts - 1);
		if (!body->reason.ptr)
			return tl_arena_failed(&engine->arena, 16, err);
	}
	return engine_emit(engine, &event, err);
}

enum tl_status
engine_finish(struct tl_engine *engine, struct tl_stamp at, const struct engine_verdict *verdict, const struct tl_ask_end *end,
	int64_t signal_number, struct tl_err *err)
{
	TL_TRY(emit_metrics(engine, at, verdict, end, err));
	return emit_end(engine, at, verdict, signal_number, err);
}
