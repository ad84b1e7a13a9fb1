/* capture/engine_end: how attempts and traces end: flushing, retry, interruption. */
#include "engine.h"

#include <signal.h>
#include <string.h>

static enum tl_status
feed_decoder(struct tl_engine *engine, tl_bytes bytes, const struct tl_cut_list *cuts, struct tl_err *err)
{
	struct engine_attempt *attempt = &engine->attempt;
	if (!attempt->decoder) {
		unsigned status = attempt->http_status < 0 ? 200 : (unsigned)attempt->http_status;
		TL_TRY(tl_decoder_open(
			engine->request.api, status, attempt->content_type, TL_TRACE_ANSWER_LIMIT, &attempt->decoder, err));
	}
	size_t at = 0;
	for (size_t i = 0; i < cuts->count; i++) {
		size_t len = (size_t)cuts->items[i].bytes;
		TL_TRY(tl_decoder_feed(attempt->decoder, (tl_bytes){ bytes.ptr + at, len }, cuts->items[i].at_ns, err));
		at += len;
	}
	return TL_OK;
}

/* Cuts off the arrivals of the first `len` pending bytes; an arrival that is only partly written keeps its rest. */
static enum tl_status
take_cuts(struct engine_attempt *attempt, uint64_t len, struct tl_cut_list *ret_cuts, struct tl_err *err)
{
	size_t count = 0;
	uint64_t covered = 0;
	while (count < attempt->cut_count && covered < len)
		covered += attempt->cuts[count++].bytes;
	struct tl_cut *taken = tl_arena_array(&attempt->arena, count, sizeof *taken);
	if (!taken)
		return tl_arena_failed(&attempt->arena, count * sizeof *taken, err);
	memcpy(taken, attempt->cuts, count * sizeof *taken);
	uint64_t rest = covered - len;
	if (rest > 0) {
		taken[count - 1].bytes -= rest;
		attempt->cuts[count - 1].bytes = rest;
	}
	size_t kept_from = rest > 0 ? count - 1 : count;
	attempt->cut_count -= kept_from;
	memmove(attempt->cuts, attempt->cuts + kept_from, attempt->cut_count * sizeof *taken);
	*ret_cuts = (struct tl_cut_list){ taken, count };
	return TL_OK;
}

/* How much of what is pending must wait because it may begin a secret. A replay is told what it was. */
static uint64_t
bytes_to_hold(struct tl_engine *engine, const char *cause)
{
	const struct tl_buf *pending = &engine->attempt.pending;
	if (engine->hold_is_given) {
		engine->hold_is_given = false;
		return engine->given_hold < pending->len ? engine->given_hold : pending->len;
	}
	return strcmp(cause, "end") == 0 ? 0 : tl_redact_tail(engine->redactor, tl_bytes_of(tl_buf_str(pending)));
}

enum tl_status
engine_flush(struct tl_engine *engine, const char *cause, struct tl_stamp at, struct tl_err *err)
{
	struct engine_attempt *attempt = &engine->attempt;
	uint64_t held = bytes_to_hold(engine, cause);
	attempt->unflushed_since_ns = 0;
	size_t len = attempt->pending.len - (size_t)held;
	if (len == 0)
		return TL_OK;
	/* What is held stays as it is: a longer secret may stand there when more has come. */
	tl_redact_bytes(engine->redactor, attempt->pending.ptr, attempt->pending.len, len);

	struct tl_event event = engine_event(engine, TL_EVENT_response_chunk, attempt->span_id, engine->call_span_id, at);
	struct tl_response_chunk *body = &event.body.response_chunk;
	body->number = attempt->number;
	body->index = attempt->chunk_index;
	body->offset = attempt->offset;
	body->bytes = (tl_bytes){ (const uint8_t *)attempt->pending.ptr, len };
	TL_TRY(take_cuts(attempt, len, &body->cuts, err));
	body->cause = tl_str_of(cause);
	body->held_bytes = held;
	if (attempt->chunk_index == 0) {
		body->http_status = attempt->http_status;
		body->content_type = attempt->content_type;
	}
	TL_TRY(feed_decoder(engine, body->bytes, &body->cuts, err));
	TL_TRY(engine_emit(engine, &event, err));
	attempt->chunk_index++;
	attempt->offset += len;
	tl_buf_consume(&attempt->pending, len);
	return TL_OK;
}

/* The fields that both ends of an attempt have. */
static struct tl_attempt_failed
attempt_end(const struct tl_engine *engine, struct tl_stamp at, const struct tl_ask_end *end)
{
	const struct engine_attempt *attempt = &engine->attempt;
	struct tl_event blank = engine_event(engine, TL_EVENT_attempt_failed, attempt->span_id, engine->call_span_id, at);
	struct tl_attempt_failed body = blank.body.attempt_failed;
	body.number = attempt->number;
	body.http_status = attempt->http_status;
	body.headers = attempt->headers;
	body.request_id = engine->provider->request_id_header ? tl_header_find(attempt->headers.items, attempt->headers.count,
									tl_str_of(engine->provider->request_id_header))
							      : (tl_str){ NULL, 0 };
	body.head_ns = attempt->head_ns;
	body.dns_ns = end->dns_ns;
	body.connect_ns = end->connect_ns;
	body.tls_ns = end->tls_ns;
	body.first_byte_ns = end->first_byte_ns;
	body.total_ns = end->total_ns;
	body.connection_reused = end->connection_reused;
	body.response_bytes = attempt->offset;
	return body;
}

static enum tl_status
emit_finished_attempt(struct tl_engine *engine, struct tl_stamp at, const struct tl_ask_end *end, struct tl_err *err)
{
	struct tl_attempt_failed shared = attempt_end(engine, at, end);
	struct tl_event event =
		engine_event(engine, TL_EVENT_attempt_finished, engine->attempt.span_id, engine->call_span_id, at);
	event.body.attempt_finished = (struct tl_attempt_finished){
		.number = shared.number,
		.http_status = shared.http_status,
		.headers = shared.headers,
		.request_id = shared.request_id,
		.head_ns = shared.head_ns,
		.dns_ns = shared.dns_ns,
		.connect_ns = shared.connect_ns,
		.tls_ns = shared.tls_ns,
		.first_byte_ns = shared.first_byte_ns,
		.total_ns = shared.total_ns,
		.connection_reused = shared.connection_reused,
		.response_bytes = shared.response_bytes,
	};
	return engine_emit(engine, &event, err);
}

static struct tl_retry_answer
decide_retry(struct tl_engine *engine, struct tl_stamp at, const struct engine_verdict *verdict)
{
	const struct engine_attempt *attempt = &engine->attempt;
	struct tl_retry_question question = {
		.number = attempt->number,
		.retries_max = engine->plan->inputs.retries_max,
		.error = verdict->error,
		.http_status = attempt->http_status < 0 ? 0 : (unsigned)attempt->http_status,
		.body_started = attempt->offset > 0 && attempt->http_status >= 200 && attempt->http_status < 300,
		.provider_code = verdict->provider_code,
		.provider_type = verdict->provider_type,
		.headers = attempt->raw_headers.items,
		.header_count = attempt->raw_headers.count,
		.wall_ns = at.wall_ns,
		.random = tl_random_u64(&engine->random),
	};
	return tl_retry_decide(&question);
}

static enum tl_status
emit_failed_attempt(struct tl_engine *engine, struct tl_stamp at, const struct tl_ask_end *end,
	const struct engine_verdict *verdict, const struct tl_retry_answer *retry, int64_t signal_number, struct tl_err *err)
{
	struct tl_event event = engine_event(engine, TL_EVENT_attempt_failed, engine->attempt.span_id, engine->call_span_id, at);
	struct tl_attempt_failed *body = &event.body.attempt_failed;
	*body = attempt_end(engine, at, end);
	if (end->error != TL_ERROR_NONE) {
		body->transport_error = tl_str_of(tl_error_class_text(end->error));
		body->transport_message = tl_redact_text(engine->redactor, end->message, &engine->arena);
		if (!body->transport_message.ptr)
			return tl_arena_failed(&engine->arena, end->message.len, err);
	}
	body->error_class = tl_str_of(tl_error_class_text(verdict->error));
	body->message = verdict->message;
	body->error_type = verdict->provider_type;
	body->error_code = verdict->provider_code;
	body->will_retry = retry->retry;
	body->retry_after_ms = retry->retry_after_ms;
	body->backoff_ns = retry->retry ? (int64_t)retry->wait_ns : -1;
	body->backoff_source = tl_str_of(retry->wait_source);
	body->signal = signal_number;
	return engine_emit(engine, &event, err);
}

enum tl_status
tl_engine_end(
	struct tl_engine *engine, struct tl_stamp at, const struct tl_ask_end *end, struct tl_wish *ret_wish, struct tl_err *err)
{
	TL_ASSERT(engine->phase == ENGINE_ASKING);
	struct engine_verdict verdict;
	struct tl_retry_answer retry = { .retry = false, .retry_after_ms = -1 };
	TL_TRY(engine_flush(engine, "end", at, err));
	if (engine->attempt.decoder)
		TL_TRY(tl_decoder_end(engine->attempt.decoder, end->error == TL_ERROR_NONE, err));
	TL_TRY(engine_judge(engine, end, &verdict, err));
	if (verdict.error == TL_ERROR_NONE) {
		TL_TRY(emit_finished_attempt(engine, at, end, err));
	} else {
		retry = decide_retry(engine, at, &verdict);
		TL_TRY(emit_failed_attempt(engine, at, end, &verdict, &retry, -1, err));
	}
	if (retry.retry) {
		engine->phase = ENGINE_WAITING;
		*ret_wish = (struct tl_wish){ .kind = TL_WISH_WAIT, .wait_ns = retry.wait_ns };
		return TL_OK;
	}
	TL_TRY(engine_finish(engine, at, &verdict, end, -1, err));
	engine->phase = ENGINE_DONE;
	*ret_wish = (struct tl_wish){ .kind = TL_WISH_DONE };
	return TL_OK;
}

enum tl_status
tl_engine_interrupt(struct tl_engine *engine, struct tl_stamp at, int signal_number, struct tl_wish *ret_wish, struct tl_err *err)
{
	TL_ASSERT(engine->phase == ENGINE_ASKING || engine->phase == ENGINE_WAITING);
	struct tl_retry_answer no_retry = { .retry = false, .retry_after_ms = -1 };
	struct tl_ask_end end = { .error = TL_ERROR_INTERRUPTED, .total_ns = at.mono_ns - engine->attempt.started_at.mono_ns };
	struct engine_verdict verdict = { .error = TL_ERROR_INTERRUPTED };
	verdict.message = signal_number == SIGTERM ? TL_STR("interrupted by SIGTERM") : TL_STR("interrupted");
	end.message = verdict.message;
	if (engine->phase == ENGINE_ASKING) {
		TL_TRY(engine_flush(engine, "end", at, err));
		if (engine->attempt.decoder)
			TL_TRY(tl_decoder_end(engine->attempt.decoder, false, err));
		TL_TRY(emit_failed_attempt(engine, at, &end, &verdict, &no_retry, signal_number, err));
	}
	TL_TRY(engine_finish(engine, at, &verdict, &end, signal_number, err));
	engine->phase = ENGINE_DONE;
	*ret_wish = (struct tl_wish){ .kind = TL_WISH_DONE };
	return TL_OK;
}
