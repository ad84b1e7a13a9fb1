/* model/document: the canonical JSON of a trace, docs/trace-document.md. Keys are set in the order of that page. */
#include "fold.h"

void
document_set_int_or_null(tl_json *object, const char *key, int64_t number)
{
	tl_json_set(object, key, number < 0 ? tl_json_new_null() : tl_json_new_int(number));
}

tl_json *
document_usage(const struct tl_usage *usage, tl_str source)
{
	tl_json *object = tl_json_new_object();
	document_set_int_or_null(object, "input_tokens", usage->input_tokens);
	document_set_int_or_null(object, "output_tokens", usage->output_tokens);
	document_set_int_or_null(object, "cached_tokens", usage->cached_tokens);
	document_set_int_or_null(object, "cache_write_tokens", usage->cache_write_tokens);
	document_set_int_or_null(object, "reasoning_tokens", usage->reasoning_tokens);
	tl_json_set_str(object, "source", source);
	return object;
}

tl_json *
document_error(tl_str error_class, tl_str message, int64_t http_status, tl_str type, tl_str code)
{
	tl_json *object = tl_json_new_object();
	tl_json_set_str(object, "class", error_class);
	tl_json_set_str(object, "message", message);
	document_set_int_or_null(object, "http_status", http_status);
	tl_json_set_str_or_null(object, "type", type);
	tl_json_set_str_or_null(object, "code", code);
	return object;
}

tl_json *
document_attempt_error(const struct fold_attempt *attempt)
{
	const struct tl_attempt_failed *end = &attempt->end;
	if (!attempt->ended || !attempt->failed)
		return tl_json_new_null();
	return document_error(end->error_class, end->message, end->http_status, end->error_type, end->error_code);
}

static tl_json *
trace_usage(const struct tl_trace *trace)
{
	bool known, estimated;
	struct tl_usage usage = fold_usage(trace, &known, &estimated);
	return known ? document_usage(&usage, estimated ? TL_STR("estimated") : TL_STR("provider")) : tl_json_new_null();
}

/* Why the trace failed: the last attempt's own words where it has some, else what ended the trace. */
static tl_json *
trace_error(const struct tl_trace *trace)
{
	if (!trace->finished || !trace->end.error_class.ptr)
		return tl_json_new_null();
	const struct fold_attempt *failed = fold_failed_attempt(fold_last_call(trace));
	if (failed && tl_str_equal(failed->end.error_class, trace->end.error_class))
		return document_attempt_error(failed);
	return document_error(trace->end.error_class, trace->end.reason, -1, (tl_str){ NULL, 0 }, (tl_str){ NULL, 0 });
}

static tl_str
model_served(const struct tl_trace *trace)
{
	const struct tl_answer *answer = fold_answer(fold_answering_attempt(fold_last_call(trace)));
	return answer ? answer->model : (tl_str){ NULL, 0 };
}

static tl_str
finish_reason(const struct tl_trace *trace)
{
	const struct tl_answer *answer = fold_answer(fold_answering_attempt(fold_last_call(trace)));
	return answer && answer->choice_count ? tl_str_of(tl_finish_text(answer->choices[0].finish)) : (tl_str){ NULL, 0 };
}

static void
set_lists(tl_json *root, const struct tl_trace *trace)
{
	tl_json *calls = tl_json_new_array();
	for (const struct fold_call *call = trace->calls; call && call->requested; call = call->next)
		tl_json_add(calls, document_call(call));
	tl_json_set(root, "calls", calls);
	tl_json_set(root, "spans", document_spans(trace));
}

static void
set_names(tl_json *root, const struct tl_trace *trace, const struct tl_trace_summary *summary)
{
	char id[TL_TRACE_ID_TEXT_SIZE];
	tl_trace_id_text(trace->trace_id, id);
	tl_json_set_str(root, "trace_id", tl_str_of(id));
	tl_json_set_int(root, "fold", TL_FOLD_VERSION);
	tl_json_set_str(root, "source", trace->calls->request.source);
	tl_json_set_str_or_null(root, "replay_of", trace->begin.replay_of);
	tl_json_set_str(root, "status", tl_str_of(tl_trace_status_text(summary->status)));
	tl_json_set_str_or_null(root, "reason", trace->end.reason);
	tl_json_set_str(root, "project", trace->begin.project);
	tl_json_set_str_or_null(root, "environment", trace->begin.environment);
	tl_json_set_str_or_null(root, "session", trace->begin.session);
	tl_json_set_str_or_null(root, "user", trace->begin.user);
	tl_json *tags = tl_json_new_array();
	for (size_t i = 0; i < trace->begin.tags.count; i++)
		tl_json_add(tags, tl_json_new_str(trace->begin.tags.items[i]));
	tl_json_set(root, "tags", tags);
	tl_json_set_str(root, "provider", trace->begin.provider);
	tl_json_set_str(root, "model", trace->begin.model);
	tl_json_set_str_or_null(root, "model_served", model_served(trace));
}

static void
set_numbers(tl_json *root, const struct tl_trace *trace, const struct tl_trace_summary *summary)
{
	tl_json_set_int(root, "started_unix_ns", (int64_t)summary->started_unix_ns);
	document_set_int_or_null(root, "latency_ns", summary->latency_ns);
	document_set_int_or_null(root, "first_byte_ns", summary->first_byte_ns);
	document_set_int_or_null(root, "first_content_ns", summary->first_content_ns);
	tl_json_set_str(root, "prompt", summary->prompt);
	tl_json_set_int(root, "prompt_chars", (int64_t)trace->begin.prompt_chars);
	tl_json_set_int(root, "prompt_bytes", (int64_t)trace->begin.prompt_bytes);
	tl_json_set_str(root, "answer", tl_trace_answer(trace));
	tl_json_set_str_or_null(root, "finish_reason", finish_reason(trace));
	tl_json_set_int(root, "attempts", (int64_t)summary->attempts);
	tl_json_set(root, "usage", trace_usage(trace));
	document_set_int_or_null(root, "cost_nano_usd", summary->cost_nano_usd);
	tl_json_set(root, "error", trace_error(trace));
}

enum tl_status
tl_trace_document(struct tl_trace *trace, struct tl_buf *out, struct tl_err *err)
{
	struct tl_trace_summary summary = tl_trace_summary(trace);
	TL_CLEANUP(tl_json_cleanup) tl_json *root = tl_json_new_object();
	set_names(root, trace, &summary);
	set_numbers(root, trace, &summary);
	set_lists(root, trace);
	return tl_json_write(root, out, err);
}
