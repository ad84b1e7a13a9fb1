/* model/summary: what can be asked of a fold besides its whole document. */
#include "fold.h"

static const char *const status_texts[] = {
	[TL_TRACE_RUNNING] = "running",
	[TL_TRACE_SUCCESS] = "success",
	[TL_TRACE_WARNING] = "warning",
	[TL_TRACE_FAILED] = "failed",
	[TL_TRACE_INTERRUPTED] = "interrupted",
};

#define STATUS_COUNT (sizeof status_texts / sizeof status_texts[0])

const char *
tl_trace_status_text(enum tl_trace_status status)
{
	TL_ASSERT((size_t)status < STATUS_COUNT);
	return status_texts[status];
}

bool
tl_trace_status_parse(tl_str text, enum tl_trace_status *ret)
{
	for (size_t i = 0; i < STATUS_COUNT; i++) {
		if (tl_str_equal(text, tl_str_of(status_texts[i]))) {
			*ret = (enum tl_trace_status)i;
			return true;
		}
	}
	return false;
}

const struct fold_call *
fold_last_call(const struct tl_trace *trace)
{
	const struct fold_call *last = NULL;
	for (const struct fold_call *call = trace->calls; call && call->requested; call = call->next)
		last = call;
	return last;
}

const struct fold_attempt *
fold_answering_attempt(const struct fold_call *call)
{
	const struct fold_attempt *last = NULL, *answering = NULL;
	for (const struct fold_attempt *attempt = call ? call->attempts : NULL; attempt; attempt = attempt->next) {
		last = attempt;
		if (attempt->decoder)
			answering = attempt;
	}
	/* A later attempt under way takes the place of an earlier failure's body. */
	return last && !last->ended ? last : answering ? answering : last;
}

const struct tl_answer *
fold_answer(const struct fold_attempt *attempt)
{
	return attempt && attempt->decoder ? tl_decoder_answer(attempt->decoder) : NULL;
}

const struct fold_attempt *
fold_failed_attempt(const struct fold_call *call)
{
	const struct fold_attempt *last = NULL;
	for (const struct fold_attempt *attempt = call ? call->attempts : NULL; attempt; attempt = attempt->next)
		last = attempt;
	return last && last->ended && last->failed ? last : NULL;
}

uint64_t
fold_offset(const struct tl_trace *trace, uint64_t mono_ns)
{
	return mono_ns > trace->created_at.mono_ns ? mono_ns - trace->created_at.mono_ns : 0;
}

bool
fold_writer_died(const struct tl_trace *trace)
{
	return trace->finished && tl_str_equal(trace->end.error_class, TL_STR("writer_died"));
}

/* The event that ends a dead writer's trace is written by somebody else, perhaps after a reboot: its clock says nothing about
 * this trace. */
uint64_t
fold_end_offset(const struct tl_trace *trace)
{
	return fold_offset(trace, fold_writer_died(trace) ? trace->last_seen_mono_ns : trace->finished_at.mono_ns);
}

tl_str
fold_prompt(const struct tl_trace *trace)
{
	const struct fold_call *call = trace->calls;
	if (!call || !call->requested)
		return TL_STR("");
	if (call->request.prompt.ptr)
		return tl_str_of_bytes(call->request.prompt);
	for (size_t i = call->view.message_count; i > 0; i--) {
		const struct tl_message *message = &call->view.messages[i - 1];
		if (tl_str_equal(message->role, TL_STR("user")) && message->content.ptr)
			return message->content;
	}
	return TL_STR("");
}

struct tl_usage
document_metrics_usage(const struct tl_metrics_captured *metrics)
{
	return (struct tl_usage){
		.input_tokens = metrics->input_tokens,
		.output_tokens = metrics->output_tokens,
		.cached_tokens = metrics->cached_tokens,
		.cache_write_tokens = metrics->cache_write_tokens,
		.reasoning_tokens = metrics->reasoning_tokens,
		.cost_nano_usd = metrics->cost_nano_usd,
	};
}

/* Unknown plus anything is unknown for the totals, but a part that only some calls tell is summed over those. */
static int64_t
sum_all(int64_t a, int64_t b)
{
	int64_t sum;
	return a < 0 || b < 0 || __builtin_add_overflow(a, b, &sum) ? -1 : sum;
}

static int64_t
sum_told(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 ? a : sum_all(a, b);
}

struct tl_usage
fold_usage(const struct tl_trace *trace, bool *ret_known, bool *ret_estimated)
{
	struct tl_usage total = { 0, 0, -1, -1, -1, -1 };
	bool known = false, estimated = false;
	for (const struct fold_call *call = trace->calls; call; call = call->next) {
		if (!call->measured || !call->metrics.usage_source.ptr)
			continue;
		struct tl_usage usage = document_metrics_usage(&call->metrics);
		total.input_tokens = sum_all(total.input_tokens, usage.input_tokens);
		total.output_tokens = sum_all(total.output_tokens, usage.output_tokens);
		total.cached_tokens = sum_told(total.cached_tokens, usage.cached_tokens);
		total.cache_write_tokens = sum_told(total.cache_write_tokens, usage.cache_write_tokens);
		total.reasoning_tokens = sum_told(total.reasoning_tokens, usage.reasoning_tokens);
		known = true;
		estimated = estimated || tl_str_equal(call->metrics.usage_source, TL_STR("estimated"));
	}
	*ret_known = known;
	*ret_estimated = estimated;
	return known ? total : (struct tl_usage){ -1, -1, -1, -1, -1, -1 };
}

int64_t
fold_cost(const struct tl_trace *trace)
{
	int64_t total = 0;
	for (const struct fold_call *call = trace->calls; call; call = call->next)
		total = sum_all(total, call->measured ? call->metrics.cost_nano_usd : -1);
	return trace->calls ? total : -1;
}

tl_str
tl_trace_answer(const struct tl_trace *trace)
{
	const struct tl_answer *answer = fold_answer(fold_answering_attempt(fold_last_call(trace)));
	if (!answer || answer->choice_count == 0 || !answer->choices[0].text.ptr)
		return TL_STR("");
	return answer->choices[0].text;
}

tl_bytes
tl_trace_request_body(const struct tl_trace *trace)
{
	const struct fold_call *call = fold_last_call(trace);
	return call ? call->request.body : (tl_bytes){ NULL, 0 };
}

static int64_t
last_http_status(const struct fold_call *call)
{
	int64_t status = -1;
	for (const struct fold_attempt *attempt = call->attempts; attempt; attempt = attempt->next)
		if (attempt->ended && attempt->end.http_status >= 0)
			status = attempt->end.http_status;
	return status;
}

static enum tl_trace_status
status_of(const struct tl_trace *trace)
{
	enum tl_trace_status status = TL_TRACE_RUNNING;
	if (trace->finished)
		TL_ASSERT(tl_trace_status_parse(trace->end.status, &status));
	return status;
}

struct tl_trace_summary
tl_trace_summary(const struct tl_trace *trace)
{
	TL_ASSERT(tl_trace_is_begun(trace));
	const struct fold_call *call = fold_last_call(trace);
	bool known, estimated;
	struct tl_usage usage = fold_usage(trace, &known, &estimated);
	bool measured = call->measured;
	return (struct tl_trace_summary){
		.trace_id = trace->trace_id,
		.status = status_of(trace),
		.reason = trace->end.reason,
		.provider = trace->begin.provider,
		.model = trace->begin.model,
		.project = trace->begin.project,
		.session = trace->begin.session,
		.tags = trace->begin.tags,
		.prompt = fold_prompt(trace),
		.started_unix_ns = trace->created_at.wall_ns,
		.latency_ns = trace->finished ? (int64_t)fold_end_offset(trace) : -1,
		.first_byte_ns = measured ? call->metrics.first_byte_ns : -1,
		.first_content_ns = measured ? call->metrics.first_content_ns : -1,
		.prompt_tokens = usage.input_tokens,
		.completion_tokens = usage.output_tokens,
		.tokens_estimated = estimated,
		.cost_nano_usd = fold_cost(trace),
		.attempts = trace->attempt_count,
		.answer_chars = tl_utf8_count(tl_trace_answer(trace)),
		.error_class = trace->end.error_class,
		.http_status = last_http_status(call),
		.replay_of = trace->begin.replay_of,
		.seq = trace->seq,
	};
}

tl_json *
tl_trace_summary_json(const struct tl_trace_summary *summary, unsigned id_length)
{
	char id[TL_TRACE_ID_TEXT_SIZE];
	tl_trace_id_text(summary->trace_id, id);
	tl_json *object = tl_json_new_object();
	tl_json_set_str(object, "trace_id", tl_str_of(id));
	tl_json_set_str(object, "short_id", tl_str_slice(tl_str_of(id), 0, 3 + id_length));
	tl_json_set_str(object, "status", tl_str_of(tl_trace_status_text(summary->status)));
	tl_json_set_str_or_null(object, "reason", summary->reason);
	tl_json_set_str(object, "provider", summary->provider);
	tl_json_set_str(object, "model", summary->model);
	tl_json_set_str(object, "project", summary->project);
	tl_json_set_str_or_null(object, "session", summary->session);
	tl_json *tags = tl_json_new_array();
	for (size_t i = 0; i < summary->tags.count; i++)
		tl_json_add(tags, tl_json_new_str(summary->tags.items[i]));
	tl_json_set(object, "tags", tags);
	tl_json_set_str(object, "prompt", tl_utf8_prefix(summary->prompt, 160));
	tl_json_set_int(object, "started_unix_ns", (int64_t)summary->started_unix_ns);
	document_set_int_or_null(object, "latency_ns", summary->latency_ns);
	document_set_int_or_null(object, "first_content_ns", summary->first_content_ns);
	document_set_int_or_null(object, "prompt_tokens", summary->prompt_tokens);
	document_set_int_or_null(object, "completion_tokens", summary->completion_tokens);
	tl_json_set_bool(object, "tokens_estimated", summary->tokens_estimated);
	document_set_int_or_null(object, "cost_nano_usd", summary->cost_nano_usd);
	tl_json_set_int(object, "attempts", (int64_t)summary->attempts);
	tl_json_set_int(object, "answer_chars", (int64_t)summary->answer_chars);
	tl_json_set_str_or_null(object, "error_class", summary->error_class);
	tl_json_set_str_or_null(object, "replay_of", summary->replay_of);
	tl_json_set_int(object, "seq", (int64_t)summary->seq);
	return object;
}
