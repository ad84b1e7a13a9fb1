/* model/document_span: the spans of the document: trace, call, attempt, and the phases of an attempt. */
#include "fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One span before it is written, so that spans can be ordered. */
struct span {
	uint64_t start_ns, duration_ns;
	bool running;
	struct tl_span_id span_id, parent_span_id;
	tl_json *json; /* owned until moved into the list */
};

/* The span tree of one trace while it is built. */
struct span_list {
	const struct tl_trace *trace;
	struct span *spans;
	size_t count, capacity;
};

/* Phases have no events of their own, so their ids are made from their attempt's: the same in every fold. */
static struct tl_span_id
phase_span_id(const struct tl_trace *trace, struct tl_span_id attempt, const char *phase)
{
	uint8_t place[24];
	memcpy(place, trace->trace_id.bytes, 16);
	memcpy(place + 16, attempt.bytes, 8);
	struct tl_digest digest = tl_digest_of2((tl_bytes){ place, sizeof place }, tl_bytes_of(tl_str_of(phase)));
	struct tl_span_id id;
	memcpy(id.bytes, digest.bytes, sizeof id.bytes);
	return id;
}

static struct span *
add_span(struct span_list *list, struct tl_span_id id, struct tl_span_id parent, tl_str name, const char *kind, uint64_t start_ns)
{
	TL_ASSERT(list->count < list->capacity);
	struct span *span = &list->spans[list->count++];
	char text[TL_SPAN_ID_TEXT_SIZE];
	*span = (struct span){ .start_ns = start_ns, .span_id = id, .parent_span_id = parent, .json = tl_json_new_object() };
	tl_span_id_text(id, text);
	tl_json_set_str(span->json, "span_id", tl_str_of(text));
	tl_span_id_text(parent, text);
	tl_json_set_str_or_null(span->json, "parent_span_id", tl_span_id_is_zero(parent) ? (tl_str){ NULL, 0 } : tl_str_of(text));
	tl_json_set_str(span->json, "name", name);
	tl_json_set_str(span->json, "kind", tl_str_of(kind));
	return span;
}

/* Where a span ends that nobody ended: with its trace, or not yet. */
static void
end_span(const struct span_list *list, struct span *span, bool ended, uint64_t end_ns)
{
	bool closed = ended || list->trace->finished;
	uint64_t end = ended ? end_ns : list->trace->finished ? fold_end_offset(list->trace) : 0;
	span->running = !closed;
	span->duration_ns = end > span->start_ns ? end - span->start_ns : 0;
	tl_json_set_int(span->json, "start_ns", (int64_t)span->start_ns);
	document_set_int_or_null(span->json, "duration_ns", closed ? (int64_t)span->duration_ns : -1);
}

static void
set_status(struct span *span, const char *status, tl_str error)
{
	tl_json_set_str(span->json, "status", tl_str_of(span->running ? "running" : status));
	tl_json_set_str_or_null(span->json, "error", error);
}

static void
add_attribute(tl_json *attributes, const char *key, tl_str value)
{
	if (!value.ptr || value.len == 0)
		return;
	tl_json *attribute = tl_json_new_object();
	tl_json_set_str(attribute, "key", tl_str_of(key));
	tl_json_set_str(attribute, "value", value);
	tl_json_add(attributes, attribute);
}

static void
add_number(tl_json *attributes, const char *key, int64_t number)
{
	char text[24];
	if (number < 0)
		return;
	(void)snprintf(text, sizeof text, "%lld", (long long)number);
	add_attribute(attributes, key, tl_str_of(text));
}

static void
add_moment(tl_json *events, const char *name, uint64_t at_ns)
{
	tl_json *event = tl_json_new_object();
	tl_json_set_str(event, "name", tl_str_of(name));
	tl_json_set_int(event, "at_ns", (int64_t)at_ns);
	tl_json_add(events, event);
}

static void
finish_span(struct span *span, tl_json *attributes, tl_json *events)
{
	tl_json_set(span->json, "attributes", attributes ? attributes : tl_json_new_array());
	tl_json_set(span->json, "events", events ? events : tl_json_new_array());
}

static const char *
ended_status(const struct tl_trace *trace)
{
	if (!trace->finished)
		return "running";
	if (tl_str_equal(trace->end.status, TL_STR("interrupted")))
		return "interrupted";
	return tl_str_equal(trace->end.status, TL_STR("failed")) ? "error" : "ok";
}

static void
add_trace_span(struct span_list *list)
{
	const struct tl_trace *trace = list->trace;
	struct span *span = add_span(list, trace->root_span_id, (struct tl_span_id){ { 0 } }, TL_STR("trace"), "trace", 0);
	end_span(list, span, false, 0);
	set_status(span, ended_status(trace), trace->end.reason);
	tl_json *attributes = tl_json_new_array();
	add_attribute(attributes, "session.id", trace->begin.session);
	add_attribute(attributes, "user.id", trace->begin.user);
	add_attribute(attributes, "deployment.environment.name", trace->begin.environment);
	finish_span(span, attributes, NULL);
}

/* The moment the retry rule counts from is the end of the attempt that failed. */
static tl_json *
retry_waits(const struct tl_trace *trace, const struct fold_call *call)
{
	tl_json *events = tl_json_new_array();
	for (const struct fold_attempt *attempt = call->attempts; attempt; attempt = attempt->next)
		if (attempt->ended && attempt->failed && attempt->end.will_retry)
			add_moment(events, "retry wait", fold_offset(trace, attempt->ended_at.mono_ns));
	return events;
}

static tl_json *
call_attributes(const struct fold_call *call)
{
	const struct tl_answer *answer = fold_answer(fold_answering_attempt(call));
	tl_json *attributes = tl_json_new_array();
	add_attribute(attributes, "gen_ai.operation.name", TL_STR("chat"));
	add_attribute(attributes, "gen_ai.provider.name", call->request.provider);
	add_attribute(attributes, "gen_ai.request.model", call->request.model);
	add_number(attributes, "gen_ai.request.max_tokens", call->request.max_tokens);
	add_attribute(attributes, "gen_ai.request.temperature", call->request.temperature);
	add_attribute(attributes, "gen_ai.response.model", answer ? answer->model : (tl_str){ NULL, 0 });
	add_attribute(attributes, "gen_ai.response.id", answer ? answer->id : (tl_str){ NULL, 0 });
	if (answer && answer->choice_count && answer->choices[0].finish != TL_FINISH_NONE)
		add_attribute(attributes, "gen_ai.response.finish_reasons", tl_str_of(tl_finish_text(answer->choices[0].finish)));
	if (call->measured && call->metrics.usage_source.ptr) {
		add_number(attributes, "gen_ai.usage.input_tokens", call->metrics.input_tokens);
		add_number(attributes, "gen_ai.usage.output_tokens", call->metrics.output_tokens);
	}
	return attributes;
}

static const struct fold_attempt *
last_attempt(const struct fold_call *call)
{
	const struct fold_attempt *last = call->attempts;
	while (last && last->next)
		last = last->next;
	return last;
}

static void
add_call_span(struct span_list *list, const struct fold_call *call)
{
	const struct tl_trace *trace = list->trace;
	const struct fold_attempt *last = last_attempt(call);
	TL_CLEANUP(tl_buf_done) struct tl_buf name;
	tl_buf_init(&name, call->request.model.len + 8);
	tl_buf_add_z(&name, "chat ");
	tl_buf_add_str(&name, call->request.model);
	struct span *span = add_span(list, call->span_id, trace->root_span_id, tl_str_trim(tl_buf_str(&name)), "call",
		fold_offset(trace, call->requested_at.mono_ns));
	/* A missing value makes the writing of the document fail; a shortened name would not. */
	if (name.failed != TL_OK)
		tl_json_set(span->json, "name", NULL);
	bool ended = last && last->ended && !(last->failed && last->end.will_retry);
	end_span(list, span, ended, ended ? fold_offset(trace, last->ended_at.mono_ns) : 0);
	bool failed = ended && last->failed;
	const char *status = ended ? "ok" : ended_status(trace);
	if (failed)
		status = tl_str_equal(last->end.error_class, TL_STR("interrupted")) ? "interrupted" : "error";
	set_status(span, status, failed ? last->end.message : (tl_str){ NULL, 0 });
	finish_span(span, call_attributes(call), retry_waits(trace, call));
}

static tl_json *
attempt_attributes(const struct fold_call *call, const struct fold_attempt *attempt)
{
	tl_json *attributes = tl_json_new_array();
	add_attribute(attributes, "url.full", call->request.url);
	if (!attempt->ended)
		return attributes;
	add_number(attributes, "http.response.status_code", attempt->end.http_status);
	add_number(attributes, "http.response.body.size", (int64_t)attempt->end.response_bytes);
	add_attribute(attributes, "error.type", attempt->end.error_class);
	add_attribute(attributes, "tracellm.request_id", attempt->end.request_id);
	add_number(attributes, "tracellm.retry_after_ms", attempt->end.retry_after_ms);
	add_number(attributes, "tracellm.backoff_ns", attempt->end.backoff_ns);
	add_attribute(attributes, "tracellm.backoff_source", attempt->end.backoff_source);
	if (attempt->end.connection_reused)
		add_attribute(attributes, "tracellm.connection", TL_STR("reused"));
	return attributes;
}

static void
add_phase(struct span_list *list, const struct fold_attempt *attempt, const char *name, const char *kind, uint64_t from_ns,
	bool ended, uint64_t to_ns, bool failed)
{
	uint64_t base = fold_offset(list->trace, attempt->started_at.mono_ns);
	struct span *span = add_span(list, phase_span_id(list->trace, attempt->span_id, kind), attempt->span_id, tl_str_of(name),
		kind, base + from_ns);
	end_span(list, span, ended, base + to_ns);
	set_status(span, failed ? "error" : ended ? "ok" : ended_status(list->trace), (tl_str){ NULL, 0 });
	tl_json *events = tl_json_new_array();
	const struct tl_answer *answer = fold_answer(attempt);
	if (strcmp(kind, "streaming") == 0 && answer && answer->first_content_at_ns)
		add_moment(events, "first content", base + answer->first_content_at_ns);
	finish_span(span, NULL, events);
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* connect until the connection is ready, then until the first byte, then until the end. A phase that did not begin is no span. */
static void
add_phases(struct span_list *list, const struct fold_attempt *attempt)
{
	const struct tl_attempt_failed *end = &attempt->end;
	uint64_t first_byte = attempt->first_cut_ns;
	if (!attempt->ended) {
		if (attempt->response_chunks == 0)
			return;
		add_phase(list, attempt, "first byte", "first_byte", 0, true, first_byte, false);
		add_phase(list, attempt, "streaming", "streaming", first_byte, false, 0, false);
		return;
	}
	uint64_t total = attempt->ended_at.mono_ns - attempt->started_at.mono_ns;
	uint64_t ready = end->tls_ns > end->connect_ns ? end->tls_ns : end->connect_ns;
	bool answered = end->http_status >= 0 || attempt->response_chunks > 0;
	if (answered)
		first_byte = end->first_byte_ns ? end->first_byte_ns : end->head_ns > 0 ? (uint64_t)end->head_ns : first_byte;
	/* Transport times come from another clock read than ours: no phase may leave its attempt, and the first byte is not later
	 * than what arrived. */
	if (attempt->response_chunks > 0)
		first_byte = earlier(first_byte, attempt->first_cut_ns);
	first_byte = earlier(first_byte, total);
	ready = earlier(ready, answered ? first_byte : total);
	if (!end->connection_reused && (ready > 0 || (!answered && end->total_ns > 0)))
		add_phase(list, attempt, "connect", "connect", 0, true, ready ? ready : total, ready == 0);
	if (answered || ready > 0)
		add_phase(list, attempt, "first byte", "first_byte", end->connection_reused ? 0 : ready, true,
			answered ? first_byte : total, !answered);
	if (answered)
		add_phase(list, attempt, "streaming", "streaming", first_byte, true, total, attempt->failed);
}

static void
add_attempt_spans(struct span_list *list, const struct fold_call *call, const struct fold_attempt *attempt)
{
	char name[32];
	(void)snprintf(name, sizeof name, "attempt %llu", (unsigned long long)attempt->number);
	struct span *span = add_span(list, attempt->span_id, attempt->call_span_id, tl_str_of(name), "attempt",
		fold_offset(list->trace, attempt->started_at.mono_ns));
	end_span(list, span, attempt->ended, fold_offset(list->trace, attempt->ended_at.mono_ns));
	bool interrupted = attempt->failed && tl_str_equal(attempt->end.error_class, TL_STR("interrupted"));
	set_status(span,
		!attempt->ended   ? ended_status(list->trace)
		: interrupted     ? "interrupted"
		: attempt->failed ? "error"
				  : "ok",
		attempt->failed ? attempt->end.message : (tl_str){ NULL, 0 });
	finish_span(span, attempt_attributes(call, attempt), NULL);
	add_phases(list, attempt);
}

static int
compare_spans(const void *left, const void *right)
{
	const struct span *a = left, *b = right;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return memcmp(a->span_id.bytes, b->span_id.bytes, sizeof a->span_id.bytes);
}

tl_json *
document_spans(const struct tl_trace *trace)
{
	size_t capacity = 1 + 4 * trace->attempt_count;
	for (const struct fold_call *call = trace->calls; call; call = call->next)
		capacity++;
	TL_CLEANUP(tl_free_cleanup) void *memory = tl_alloc(capacity, sizeof(struct span));
	struct span_list list = { .trace = trace, .spans = memory, .capacity = capacity };
	if (!memory)
		return NULL;
	add_trace_span(&list);
	for (const struct fold_call *call = trace->calls; call && call->requested; call = call->next) {
		add_call_span(&list, call);
		for (const struct fold_attempt *attempt = call->attempts; attempt; attempt = attempt->next)
			if (attempt->started)
				add_attempt_spans(&list, call, attempt);
	}
	qsort(list.spans, list.count, sizeof list.spans[0], compare_spans);
	tl_json *array = tl_json_new_array();
	for (size_t i = 0; i < list.count; i++)
		tl_json_add(array, list.spans[i].json);
	return array;
}
