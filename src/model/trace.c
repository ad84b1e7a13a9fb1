/* model/trace: the fold. Takes events one by one and keeps what the document needs. Reads the event and nothing else: no clock,
 * no file, no environment. */
#include "fold.h"

#include <string.h>

enum tl_status
tl_trace_open(struct tl_trace_id trace_id, struct tl_trace **ret_trace, struct tl_err *err)
{
	struct tl_trace *trace = tl_alloc(1, sizeof *trace);
	if (!trace)
		return tl_err_no_memory(err);
	trace->trace_id = trace_id;
	tl_arena_init(&trace->arena, TL_TRACE_MEMORY_LIMIT);
	*ret_trace = trace;
	return TL_OK;
}

void
tl_trace_close(struct tl_trace *trace)
{
	if (!trace)
		return;
	for (struct fold_call *call = trace->calls; call; call = call->next)
		for (struct fold_attempt *attempt = call->attempts; attempt; attempt = attempt->next)
			tl_decoder_close(attempt->decoder);
	tl_arena_done(&trace->arena);
	tl_free(trace);
}

bool
tl_trace_is_begun(const struct tl_trace *trace)
{
	return trace->created && trace->calls && trace->calls->requested;
}

bool
tl_trace_is_finished(const struct tl_trace *trace)
{
	return trace->finished;
}

size_t
tl_trace_memory(const struct tl_trace *trace)
{
	return sizeof *trace + trace->arena.used + trace->decoded_bytes;
}

/* ---- Places for what arrives ---- */

static bool
call_before(const struct fold_call *a, const struct fold_call *b)
{
	if (a->requested != b->requested)
		return a->requested;
	if (a->requested_at.mono_ns != b->requested_at.mono_ns)
		return a->requested_at.mono_ns < b->requested_at.mono_ns;
	return memcmp(a->span_id.bytes, b->span_id.bytes, sizeof a->span_id.bytes) < 0;
}

static void
place_call(struct tl_trace *trace, struct fold_call *call)
{
	struct fold_call **at = &trace->calls;
	while (*at && *at != call)
		at = &(*at)->next;
	if (*at == call)
		*at = call->next;
	for (at = &trace->calls; *at && call_before(*at, call);)
		at = &(*at)->next;
	call->next = *at;
	*at = call;
}

static struct fold_call *
find_call(struct tl_trace *trace, struct tl_span_id span_id)
{
	for (struct fold_call *call = trace->calls; call; call = call->next)
		if (tl_span_id_equal(call->span_id, span_id))
			return call;
	struct fold_call *call = tl_arena_alloc(&trace->arena, sizeof *call);
	if (!call)
		return NULL;
	call->span_id = span_id;
	place_call(trace, call);
	return call;
}

static bool
attempt_before(const struct fold_attempt *a, const struct fold_attempt *b)
{
	if (a->number != b->number)
		return a->number < b->number;
	return memcmp(a->span_id.bytes, b->span_id.bytes, sizeof a->span_id.bytes) < 0;
}

static void
place_attempt(struct fold_call *call, struct fold_attempt *attempt)
{
	struct fold_attempt **at = &call->attempts;
	while (*at && *at != attempt)
		at = &(*at)->next;
	if (*at == attempt)
		*at = attempt->next;
	for (at = &call->attempts; *at && attempt_before(*at, attempt);)
		at = &(*at)->next;
	attempt->next = *at;
	*at = attempt;
}

static enum tl_status
find_attempt(struct tl_trace *trace, const struct tl_event *event, uint64_t number, struct fold_attempt **ret_attempt,
	struct tl_err *err)
{
	struct fold_call *call = find_call(trace, event->parent_span_id);
	if (!call)
		return tl_arena_failed(&trace->arena, sizeof *call, err);
	for (struct fold_attempt *attempt = call->attempts; attempt; attempt = attempt->next) {
		if (tl_span_id_equal(attempt->span_id, event->span_id)) {
			*ret_attempt = attempt;
			return TL_OK;
		}
	}
	if (trace->attempt_count >= TL_TRACE_ATTEMPTS_MAX)
		return tl_err_set(err, TL_ERR_LIMIT, "a trace has more than %u attempts", TL_TRACE_ATTEMPTS_MAX);
	struct fold_attempt *attempt = tl_arena_alloc(&trace->arena, sizeof *attempt);
	if (!attempt)
		return tl_arena_failed(&trace->arena, sizeof *attempt, err);
	attempt->span_id = event->span_id;
	attempt->call_span_id = event->parent_span_id;
	attempt->number = number;
	trace->attempt_count++;
	place_attempt(call, attempt);
	*ret_attempt = attempt;
	return TL_OK;
}

/* ---- Response bytes ---- */

static enum tl_status
decode_chunk(struct tl_trace *trace, struct fold_attempt *attempt, const struct tl_response_chunk *chunk, enum tl_api api,
	struct tl_err *err)
{
	if (!attempt->decoder) {
		unsigned status = chunk->http_status < 0 ? 200 : (unsigned)chunk->http_status;
		TL_TRY(tl_decoder_open(api, status, chunk->content_type, TL_TRACE_ANSWER_LIMIT, &attempt->decoder, err));
	}
	size_t at = 0;
	for (size_t i = 0; i < chunk->cuts.count; i++) {
		const struct tl_cut *cut = &chunk->cuts.items[i];
		if (cut->bytes > chunk->bytes.len - at)
			return tl_err_set(err, TL_ERR_CORRUPT, "response.chunk %llu: its arrivals are longer than its bytes",
				(unsigned long long)chunk->index);
		TL_TRY(tl_decoder_feed(
			attempt->decoder, (tl_bytes){ chunk->bytes.ptr + at, (size_t)cut->bytes }, cut->at_ns, err));
		at += (size_t)cut->bytes;
	}
	if (attempt->response_chunks == 0 && chunk->cuts.count > 0)
		attempt->first_cut_ns = chunk->cuts.items[0].at_ns;
	attempt->response_chunks += chunk->cuts.count;
	attempt->response_bytes += chunk->bytes.len;
	attempt->next_index++;
	trace->decoded_bytes += chunk->bytes.len;
	return TL_OK;
}

static enum tl_status
keep_waiting(struct tl_trace *trace, struct fold_attempt *attempt, const struct tl_event *event, struct tl_err *err)
{
	struct fold_waiting **at = &attempt->waiting;
	uint64_t index = event->body.response_chunk.index;
	while (*at && (*at)->event.body.response_chunk.index < index)
		at = &(*at)->next;
	if (*at && (*at)->event.body.response_chunk.index == index)
		return TL_OK;
	struct fold_waiting *waiting = tl_arena_alloc(&trace->arena, sizeof *waiting);
	if (!waiting)
		return tl_arena_failed(&trace->arena, sizeof *waiting, err);
	TL_TRY(tl_event_copy(event, &trace->arena, &waiting->event, err));
	waiting->next = *at;
	*at = waiting;
	return TL_OK;
}

/* Chunks can be decoded once the wire format is known (from request.created) and all in front of them are there. */
static enum tl_status
decode_waiting(struct tl_trace *trace, struct fold_call *call, struct fold_attempt *attempt, struct tl_err *err)
{
	enum tl_api api;
	if (!call->requested)
		return TL_OK;
	if (!tl_api_parse(call->request.api, &api))
		return tl_err_set(err, TL_ERR_VERSION, "request.created: the wire format '%.*s' is not known to this version",
			TL_FMT(call->request.api));
	while (attempt->waiting && attempt->waiting->event.body.response_chunk.index <= attempt->next_index) {
		const struct tl_response_chunk *chunk = &attempt->waiting->event.body.response_chunk;
		if (chunk->index == attempt->next_index)
			TL_TRY(decode_chunk(trace, attempt, chunk, api, err));
		attempt->waiting = attempt->waiting->next;
	}
	if (attempt->ended && attempt->decoder && !attempt->waiting && !attempt->decoder_ended &&
		attempt->response_bytes == attempt->end.response_bytes) {
		attempt->decoder_ended = true;
		TL_TRY(tl_decoder_end(attempt->decoder, attempt->end.transport_error.ptr == NULL, err));
	}
	return TL_OK;
}

static enum tl_status
apply_chunk(struct tl_trace *trace, const struct tl_event *event, struct tl_err *err)
{
	const struct tl_response_chunk *chunk = &event->body.response_chunk;
	struct fold_attempt *attempt;
	TL_TRY(find_attempt(trace, event, chunk->number, &attempt, err));
	struct fold_call *call = find_call(trace, event->parent_span_id);
	enum tl_api api;
	if (event->at.mono_ns > attempt->last_seen_mono_ns)
		attempt->last_seen_mono_ns = event->at.mono_ns;
	if (chunk->index < attempt->next_index)
		return TL_OK;
	/* The usual case: the next chunk, decoded from where it lies. */
	if (call->requested && !attempt->waiting && chunk->index == attempt->next_index && tl_api_parse(call->request.api, &api))
		TL_TRY(decode_chunk(trace, attempt, chunk, api, err));
	else
		TL_TRY(keep_waiting(trace, attempt, event, err));
	return decode_waiting(trace, call, attempt, err);
}

/* ---- The other events ---- */

static enum tl_status
apply_request(struct tl_trace *trace, const struct tl_event *event, struct tl_err *err)
{
	struct fold_call *call = find_call(trace, event->span_id);
	struct tl_event copy;
	enum tl_api api;
	if (!call)
		return tl_arena_failed(&trace->arena, sizeof *call, err);
	if (call->requested)
		return TL_OK;
	TL_TRY(tl_event_copy(event, &trace->arena, &copy, err));
	call->request = copy.body.request_created;
	call->requested = true;
	call->requested_at = event->at;
	if (tl_api_parse(call->request.api, &api))
		TL_TRY(tl_request_read(api, call->request.body, &trace->arena, &call->view, err));
	place_call(trace, call);
	for (struct fold_attempt *attempt = call->attempts; attempt; attempt = attempt->next)
		TL_TRY(decode_waiting(trace, call, attempt, err));
	return TL_OK;
}

static enum tl_status
apply_created(struct tl_trace *trace, const struct tl_event *event, struct tl_err *err)
{
	struct tl_event copy;
	if (trace->created)
		return TL_OK;
	TL_TRY(tl_event_copy(event, &trace->arena, &copy, err));
	trace->begin = copy.body.trace_created;
	trace->created = true;
	trace->created_at = event->at;
	trace->root_span_id = event->span_id;
	return TL_OK;
}

static enum tl_status
apply_started(struct tl_trace *trace, const struct tl_event *event, struct tl_err *err)
{
	struct fold_attempt *attempt;
	TL_TRY(find_attempt(trace, event, event->body.attempt_started.number, &attempt, err));
	attempt->started = true;
	attempt->started_at = event->at;
	return TL_OK;
}

static struct tl_attempt_failed
as_failed(const struct tl_attempt_finished *finished)
{
	struct tl_attempt_failed end;
	memset(&end, 0, sizeof end);
	end.number = finished->number;
	end.http_status = finished->http_status;
	end.headers = finished->headers;
	end.request_id = finished->request_id;
	end.head_ns = finished->head_ns;
	end.dns_ns = finished->dns_ns;
	end.connect_ns = finished->connect_ns;
	end.tls_ns = finished->tls_ns;
	end.first_byte_ns = finished->first_byte_ns;
	end.total_ns = finished->total_ns;
	end.connection_reused = finished->connection_reused;
	end.response_bytes = finished->response_bytes;
	end.retry_after_ms = end.backoff_ns = end.signal = -1;
	return end;
}

static enum tl_status
apply_attempt_end(struct tl_trace *trace, const struct tl_event *event, struct tl_err *err)
{
	struct fold_attempt *attempt;
	struct tl_event copy;
	bool failed = event->type == TL_EVENT_attempt_failed;
	uint64_t number = failed ? event->body.attempt_failed.number : event->body.attempt_finished.number;
	TL_TRY(find_attempt(trace, event, number, &attempt, err));
	if (attempt->ended)
		return TL_OK;
	TL_TRY(tl_event_copy(event, &trace->arena, &copy, err));
	attempt->end = failed ? copy.body.attempt_failed : as_failed(&copy.body.attempt_finished);
	attempt->ended = true;
	attempt->failed = failed;
	attempt->ended_at = event->at;
	return decode_waiting(trace, find_call(trace, event->parent_span_id), attempt, err);
}

static enum tl_status
apply_metrics(struct tl_trace *trace, const struct tl_event *event, struct tl_err *err)
{
	struct fold_call *call = find_call(trace, event->span_id);
	struct tl_event copy;
	if (!call)
		return tl_arena_failed(&trace->arena, sizeof *call, err);
	if (call->measured)
		return TL_OK;
	TL_TRY(tl_event_copy(event, &trace->arena, &copy, err));
	call->metrics = copy.body.metrics_captured;
	call->measured = true;
	return TL_OK;
}

static enum tl_status
apply_finished(struct tl_trace *trace, const struct tl_event *event, struct tl_err *err)
{
	struct tl_event copy;
	enum tl_trace_status status;
	if (trace->finished)
		return TL_OK;
	if (!tl_trace_status_parse(event->body.trace_finished.status, &status) || status == TL_TRACE_RUNNING)
		return tl_err_set(err, TL_ERR_CORRUPT, "trace.finished: '%.*s' is not the status of an ended trace",
			TL_FMT(event->body.trace_finished.status));
	TL_TRY(tl_event_copy(event, &trace->arena, &copy, err));
	trace->end = copy.body.trace_finished;
	trace->finished = true;
	trace->finished_at = event->at;
	return TL_OK;
}

enum tl_status
tl_trace_apply(struct tl_trace *trace, const struct tl_event *event, struct tl_err *err)
{
	if (!tl_trace_id_equal(trace->trace_id, event->trace_id))
		return tl_err_set(err, TL_ERR_CORRUPT, "event %s belongs to another trace", tl_event_name(event->type));
	if (event->seq > trace->seq)
		trace->seq = event->seq;
	if (tl_event_is_pipeline(event->type))
		return TL_OK;
	bool by_somebody_else = event->type == TL_EVENT_trace_finished &&
				tl_str_equal(event->body.trace_finished.error_class, TL_STR("writer_died"));
	if (!by_somebody_else && event->at.mono_ns > trace->last_seen_mono_ns)
		trace->last_seen_mono_ns = event->at.mono_ns;
	switch ((enum tl_event_type)event->type) {
	case TL_EVENT_request_created:
		return apply_request(trace, event, err);
	case TL_EVENT_trace_created:
		return apply_created(trace, event, err);
	case TL_EVENT_attempt_started:
		return apply_started(trace, event, err);
	case TL_EVENT_attempt_failed:
	case TL_EVENT_attempt_finished:
		return apply_attempt_end(trace, event, err);
	case TL_EVENT_response_chunk:
		return apply_chunk(trace, event, err);
	case TL_EVENT_metrics_captured:
		return apply_metrics(trace, event, err);
	case TL_EVENT_trace_finished:
		return apply_finished(trace, event, err);
	default:
		return TL_OK;
	}
}
