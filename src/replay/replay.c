/* replay/replay: reads the original, has it executed again, proves, and appends the result. */
#include "replay_run.h"

#include <string.h>

#define READ_EVENTS_MAX 1024u
#define READ_BYTES_MAX  (32u << 20)

enum tl_status
replay_keep(struct replay_run *run, struct replay_events *events, const struct tl_event *event, struct tl_err *err)
{
	if (events->count >= TL_REPLAY_EVENTS_MAX)
		return tl_err_set(err, TL_ERR_LIMIT, "the trace has more than %u events", TL_REPLAY_EVENTS_MAX);
	if (!tl_arena_grow(&run->arena, &events->items, &events->capacity, events->count, sizeof *events->items))
		return tl_arena_failed(&run->arena, 0, err);
	TL_TRY(tl_event_copy(event, &run->arena, &events->items[events->count], err));
	events->count++;
	return TL_OK;
}

static enum tl_status
keep_recorded(struct replay_run *run, const struct tl_event *event, tl_bytes body, struct tl_err *err)
{
	TL_TRY(replay_keep(run, &run->recorded, event, err));
	if (!tl_arena_grow(&run->arena, &run->bodies, &run->body_capacity, run->body_count, sizeof *run->bodies))
		return tl_arena_failed(&run->arena, 0, err);
	run->bodies[run->body_count++] = tl_digest_of(body);
	return TL_OK;
}

static enum tl_status
take_records(struct replay_run *run, const struct tl_record_list *list, struct tl_arena *arena, struct tl_trace *trace,
	struct tl_err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		struct tl_event event;
		TL_TRY(tl_event_of_record(&list->records[i], arena, &event, err));
		TL_TRY(tl_trace_apply(trace, &event, err));
		if (!tl_event_is_pipeline(event.type))
			TL_TRY(keep_recorded(run, &event, list->records[i].body, err));
	}
	return TL_OK;
}

static enum tl_status
read_events(struct replay_run *run, struct tl_trace *trace, struct tl_err *err)
{
	uint64_t after_seq = 0;
	struct tl_record_list list;
	do {
		TL_CLEANUP(tl_arena_done) struct tl_arena arena;
		tl_arena_init(&arena, TL_REPLAY_MEMORY_LIMIT);
		TL_TRY(tl_log_read_trace(run->options->log, run->options->trace_id, after_seq, READ_EVENTS_MAX, READ_BYTES_MAX,
			&arena, &list, err));
		if (list.count == 0)
			return TL_OK;
		after_seq = list.records[list.count - 1].envelope.seq;
		TL_TRY(take_records(run, &list, &arena, trace, err));
	} while (list.count > 0);
	return TL_OK;
}

static void
close_trace(struct tl_trace **trace)
{
	tl_trace_close(*trace);
}

enum tl_status
replay_read(struct replay_run *run, struct tl_err *err)
{
	TL_CLEANUP(close_trace) struct tl_trace *trace = NULL;
	struct tl_replay_report *report = run->report;
	TL_TRY(tl_trace_open(run->options->trace_id, &trace, err));
	TL_TRY(read_events(run, trace, err));
	if (!tl_trace_is_begun(trace) || !tl_trace_is_finished(trace))
		return tl_err_set(err, TL_ERR_USAGE, "the trace is still running: it can be replayed once it has ended");
	TL_TRY(tl_trace_document(trace, &report->document, err));
	report->document_digest = tl_digest_of(tl_bytes_of(tl_buf_str(&report->document)));
	report->events = run->recorded.count;
	return tl_log_verify_trace(run->options->log, run->options->trace_id, &report->chain, err);
}

/* ---- The plan ---- */

/* The key itself was never recorded; its length was, so that what stands in its place is the same. */
static tl_str
key_stand_in(struct replay_run *run, int64_t chars)
{
	if (chars < 0 || chars > (int64_t)TL_SECRET_CHARS_MAX)
		return (tl_str){ NULL, 0 };
	char *stars = tl_arena_alloc(&run->arena, (size_t)chars + 1);
	if (stars)
		memset(stars, '*', (size_t)chars);
	return (tl_str){ stars, stars ? (size_t)chars : 0 };
}

enum tl_status
replay_plan(struct replay_run *run, struct tl_err *err)
{
	if (run->recorded.count < 2 || run->recorded.items[0].type != TL_EVENT_request_created ||
		run->recorded.items[1].type != TL_EVENT_trace_created)
		return tl_err_set(err, TL_ERR_USAGE,
			"the trace was not recorded by this program's own pipeline: there is nothing to execute again");
	const struct tl_request_created *request = &run->recorded.items[0].body.request_created;
	const struct tl_trace_created *created = &run->recorded.items[1].body.trace_created;
	run->report->pipeline = created->pipeline;
	if (created->pipeline > TL_PIPELINE_VERSION)
		return tl_err_set(err, TL_ERR_VERSION, "the trace was recorded by rules of version %llu, this program knows %d",
			(unsigned long long)created->pipeline, TL_PIPELINE_VERSION);
	run->provider = tl_provider_find(request->provider);
	if (!run->provider)
		return tl_err_set(
			err, TL_ERR_VERSION, "the provider '%.*s' is not known to this version", TL_FMT(request->provider));
	bool exact = request->base_url.ptr == NULL;
	run->plan = (struct tl_plan){
		.inputs = {
			.provider = request->provider,
			.provider_reason = request->provider_reason,
			.model = request->model,
			.model_reason = request->model_reason,
			.base_url = request->base_url,
			.url = exact ? request->url : (tl_str){ NULL, 0 },
			.prompt = tl_str_of_bytes(request->prompt),
			.system = request->system,
			.temperature = request->temperature,
			.max_tokens = request->max_tokens,
			.stream = request->stream,
			.raw_request = request->raw_request ? request->body : (tl_bytes){ NULL, 0 },
			.headers = request->user_headers.items,
			.header_count = request->user_headers.count,
			.api_key = key_stand_in(run, request->key_chars),
			.timeout_ms = request->timeout_ms,
			.retries_max = request->retries_max,
		},
		.key_chars = request->key_chars,
		.source = request->source,
		.project = created->project,
		.environment = created->environment,
		.session = created->session,
		.user = created->user,
		.replay_of = created->replay_of,
		.tags = created->tags,
		.trace_id = run->options->trace_id,
		.seed = created->seed,
	};
	return TL_OK;
}

/* ---- Run ---- */

static enum tl_status
fold_made(struct replay_run *run, struct tl_err *err)
{
	TL_CLEANUP(close_trace) struct tl_trace *trace = NULL;
	TL_TRY(tl_trace_open(run->options->trace_id, &trace, err));
	for (size_t i = 0; i < run->made.count; i++)
		TL_TRY(tl_trace_apply(trace, &run->made.items[i], err));
	return tl_trace_document(trace, &run->report->replayed_document, err);
}

static enum tl_status
run_all(struct replay_run *run, struct tl_err *err)
{
	TL_TRY(replay_read(run, err));
	TL_TRY(replay_plan(run, err));
	enum tl_status status = replay_execute(run, err);
	if (status != TL_OK && status != TL_ERR_DIVERGED)
		return status;
	if (status == TL_OK)
		TL_TRY(fold_made(run, err));
	/* What stands on damaged events proves nothing and is not made part of the log. */
	bool worth_keeping = run->options->append && run->report->chain.bad == 0;
	return worth_keeping ? replay_append(run, err) : TL_OK;
}

enum tl_status
tl_replay_run(const struct tl_replay_options *options, struct tl_replay_report *ret_report, struct tl_err *err)
{
	struct tl_replay_report report;
	memset(&report, 0, sizeof report);
	report.origin = options->trace_id;
	tl_buf_init(&report.divergence.recorded, 1u << 20);
	tl_buf_init(&report.divergence.replayed, 1u << 20);
	tl_buf_init(&report.document, TL_TRACE_DOCUMENT_LIMIT);
	tl_buf_init(&report.replayed_document, TL_TRACE_DOCUMENT_LIMIT);

	struct replay_run run = { .options = options, .report = &report };
	tl_arena_init(&run.arena, TL_REPLAY_MEMORY_LIMIT);
	enum tl_status status = run_all(&run, err);
	tl_arena_done(&run.arena);
	if (status != TL_OK) {
		tl_replay_report_done(&report);
		return status;
	}
	*ret_report = report;
	return TL_OK;
}

void
tl_replay_report_done(struct tl_replay_report *report)
{
	tl_buf_done(&report->divergence.recorded);
	tl_buf_done(&report->divergence.replayed);
	tl_buf_done(&report->document);
	tl_buf_done(&report->replayed_document);
}
