/* model/document_call: one call of the document: request, messages, answer, usage, cost, attempts. */
#include "fold.h"

static tl_json *
tool_calls_json(const struct tl_tool_call *calls, size_t count)
{
	tl_json *array = tl_json_new_array();
	for (size_t i = 0; i < count; i++) {
		tl_json *call = tl_json_new_object();
		tl_json_set_str_or_null(call, "id", calls[i].id);
		tl_json_set_str_or_null(call, "name", calls[i].name);
		tl_json_set_str_or_null(call, "arguments", calls[i].arguments);
		tl_json_add(array, call);
	}
	return array;
}

static tl_json *
message_json(const struct tl_message *message)
{
	tl_json *object = tl_json_new_object();
	tl_json_set_str(object, "role", message->role);
	tl_json_set_str_or_null(object, "content", message->content);
	tl_json *parts = tl_json_new_array();
	for (size_t i = 0; i < message->part_count; i++) {
		tl_json *part = tl_json_new_object();
		tl_json_set_str(part, "type", message->parts[i].type);
		tl_json_set_str_or_null(part, "text", message->parts[i].text);
		tl_json_set_str_or_null(part, "json", message->parts[i].json);
		tl_json_add(parts, part);
	}
	tl_json_set(object, "parts", parts);
	tl_json_set(object, "tool_calls", tool_calls_json(message->tool_calls, message->tool_call_count));
	tl_json_set_str_or_null(object, "tool_call_id", message->tool_call_id);
	tl_json_set_str_or_null(object, "name", message->name);
	return object;
}

static tl_json *
input_json(const struct tl_request_view *view)
{
	tl_json *array = tl_json_new_array();
	for (size_t i = 0; i < view->message_count; i++)
		tl_json_add(array, message_json(&view->messages[i]));
	return array;
}

static tl_json *
choice_json(const struct tl_choice *choice)
{
	tl_json *object = tl_json_new_object();
	tl_json_set_int(object, "index", (int64_t)choice->index);
	tl_json_set_str(object, "role", choice->role.ptr ? choice->role : TL_STR("assistant"));
	tl_json_set_str(object, "content", choice->text);
	tl_json_set_str_or_null(object, "reasoning", choice->reasoning);
	tl_json_set_str_or_null(object, "refusal", choice->refusal);
	tl_json_set_str_or_null(object, "audio_transcript", choice->audio_transcript);
	tl_json_set(object, "tool_calls", tool_calls_json(choice->tool_calls, choice->tool_call_count));
	tl_json_set_str_or_null(object, "finish_reason", tl_str_of(tl_finish_text(choice->finish)));
	tl_json_set_str_or_null(object, "finish_reason_raw", choice->finish_raw);
	return object;
}

static tl_json *
output_json(const struct tl_answer *answer)
{
	tl_json *array = tl_json_new_array();
	for (size_t i = 0; answer && i < answer->choice_count; i++)
		tl_json_add(array, choice_json(&answer->choices[i]));
	return array;
}

static tl_json *
price_json(const struct tl_metrics_captured *metrics)
{
	if (!metrics->price_model.ptr)
		return tl_json_new_null();
	tl_json *object = tl_json_new_object();
	tl_json_set_str(object, "table", metrics->price_table);
	tl_json_set_str(object, "provider", metrics->price_provider);
	tl_json_set_str(object, "model", metrics->price_model);
	document_set_int_or_null(object, "input_nano_usd_per_mtok", metrics->price_input);
	document_set_int_or_null(object, "output_nano_usd_per_mtok", metrics->price_output);
	document_set_int_or_null(object, "cached_nano_usd_per_mtok", metrics->price_cached);
	document_set_int_or_null(object, "cache_write_nano_usd_per_mtok", metrics->price_cache_write);
	return object;
}

static tl_json *
cost_json(const struct fold_call *call)
{
	if (!call->measured || call->metrics.cost_nano_usd < 0)
		return tl_json_new_null();
	tl_json *object = tl_json_new_object();
	tl_json_set_int(object, "nano_usd", call->metrics.cost_nano_usd);
	tl_json_set_str(object, "source", call->metrics.cost_source);
	tl_json_set(object, "price", price_json(&call->metrics));
	return object;
}

static tl_json *
usage_json(const struct fold_call *call)
{
	if (!call->measured || !call->metrics.usage_source.ptr)
		return tl_json_new_null();
	struct tl_usage usage = document_metrics_usage(&call->metrics);
	return document_usage(&usage, call->metrics.usage_source);
}

static tl_json *
settings_json(const struct tl_request_created *request)
{
	tl_json *object = tl_json_new_object();
	tl_json_set_str_or_null(object, "temperature", request->temperature);
	document_set_int_or_null(object, "max_tokens", request->max_tokens);
	tl_json_set_bool(object, "stream", request->stream);
	tl_json_set_bool(object, "raw_request", request->raw_request);
	tl_json_set_int(object, "timeout_ms", (int64_t)request->timeout_ms);
	tl_json_set_int(object, "retries_max", (int64_t)request->retries_max);
	return object;
}

static tl_json *
attempt_json(const struct fold_attempt *attempt)
{
	char id[TL_SPAN_ID_TEXT_SIZE];
	tl_span_id_text(attempt->span_id, id);
	const struct tl_attempt_failed *end = &attempt->end;
	tl_json *object = tl_json_new_object();
	tl_json_set_int(object, "number", (int64_t)attempt->number);
	tl_json_set_str(object, "span_id", tl_str_of(id));
	tl_json_set_str(object, "outcome",
		!attempt->ended   ? TL_STR("running")
		: attempt->failed ? TL_STR("failed")
				  : TL_STR("finished"));
	tl_json_set(object, "error", document_attempt_error(attempt));
	document_set_int_or_null(object, "http_status", attempt->ended ? end->http_status : -1);
	tl_json_set_int(object, "response_bytes", (int64_t)attempt->response_bytes);
	document_set_int_or_null(object, "retry_after_ms", attempt->ended ? end->retry_after_ms : -1);
	document_set_int_or_null(object, "backoff_ns", attempt->ended ? end->backoff_ns : -1);
	tl_json_set_str_or_null(object, "backoff_source", attempt->ended ? end->backoff_source : (tl_str){ NULL, 0 });
	return object;
}

static void
set_response(tl_json *object, const struct fold_call *call, const struct tl_answer *answer)
{
	const struct fold_attempt *headed = NULL, *bodied = NULL;
	tl_json *attempts = tl_json_new_array();
	for (const struct fold_attempt *attempt = call->attempts; attempt; attempt = attempt->next) {
		if (attempt->ended && attempt->end.http_status >= 0)
			headed = attempt;
		if (attempt->response_bytes > 0)
			bodied = attempt;
		tl_json_add(attempts, attempt_json(attempt));
	}
	tl_json_set_str_or_null(object, "response_id", answer ? answer->id : (tl_str){ NULL, 0 });
	tl_json_set_str_or_null(object, "request_id", headed ? headed->end.request_id : (tl_str){ NULL, 0 });
	document_set_int_or_null(object, "http_status", headed ? headed->end.http_status : -1);
	tl_json_set(
		object, "response_headers", event_pairs_json(headed ? &headed->end.headers : &(struct tl_pair_list){ NULL, 0 }));
	tl_json_set_int(object, "response_bytes", bodied ? (int64_t)bodied->response_bytes : 0);
	tl_json_set_int(object, "response_chunks", bodied ? (int64_t)bodied->response_chunks : 0);
	tl_json_set(object, "input", input_json(&call->view));
	tl_json_set(object, "output", output_json(answer));
	const struct tl_choice *first = answer && answer->choice_count ? &answer->choices[0] : NULL;
	tl_json_set_str_or_null(object, "finish_reason", tl_str_of(first ? tl_finish_text(first->finish) : NULL));
	tl_json_set_str_or_null(object, "finish_reason_raw", first ? first->finish_raw : (tl_str){ NULL, 0 });
	tl_json_set(object, "usage", usage_json(call));
	tl_json_set(object, "cost", cost_json(call));
	tl_json_set(object, "attempts", attempts);
}

tl_json *
document_call(const struct fold_call *call)
{
	char id[TL_SPAN_ID_TEXT_SIZE];
	tl_span_id_text(call->span_id, id);
	const struct tl_request_created *request = &call->request;
	const struct tl_answer *answer = fold_answer(fold_answering_attempt(call));
	tl_json *object = tl_json_new_object();
	tl_json_set_str(object, "span_id", tl_str_of(id));
	tl_json_set_str(object, "provider", request->provider);
	tl_json_set_str(object, "provider_reason", request->provider_reason);
	tl_json_set_str(object, "model", request->model);
	tl_json_set_str(object, "model_reason", request->model_reason);
	tl_json_set_str_or_null(object, "model_served", answer ? answer->model : (tl_str){ NULL, 0 });
	tl_json_set_str(object, "api", request->api);
	tl_json_set_str(object, "url", request->url);
	tl_json_set(object, "request_headers", event_pairs_json(&request->headers));
	tl_json_set_int(object, "request_bytes", (int64_t)request->body.len);
	tl_json_set(object, "settings", settings_json(request));
	set_response(object, call, answer);
	return object;
}
