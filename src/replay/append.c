/* replay/append: the results under a new trace id, marked as a replay and naming their origin; after a divergence only the
 * finding, in the origin's own stream. */
#include "replay_run.h"

#define BATCH_EVENTS 256u

struct batch {
	struct replay_run *run;
	struct tl_arena arena;
	struct tl_record records[BATCH_EVENTS];
	size_t count;
};

static enum tl_status
flush(struct batch *batch, struct tl_err *err)
{
	if (batch->count > 0)
		TL_TRY(tl_log_append(batch->run->options->log, batch->records, batch->count, NULL, err));
	batch->count = 0;
	tl_arena_done(&batch->arena);
	return TL_OK;
}

static enum tl_status
add(struct batch *batch, const struct tl_event *event, struct tl_err *err)
{
	TL_TRY(tl_record_of_event(event, &batch->arena, &batch->records[batch->count], err));
	batch->count++;
	return batch->count == BATCH_EVENTS ? flush(batch, err) : TL_OK;
}

static struct tl_event
pipeline_event(enum tl_event_type type, struct tl_trace_id trace_id)
{
	struct tl_span_id none = { { 0 } };
	return tl_event_make(type, trace_id, none, none, tl_stamp_now());
}

static enum tl_status
add_finding(struct batch *batch, struct tl_trace_id trace_id, tl_str origin, struct tl_err *err)
{
	const struct tl_replay_report *report = batch->run->report;
	struct tl_event event = pipeline_event(TL_EVENT_replay_finished, trace_id);
	struct tl_replay_finished *body = &event.body.replay_finished;
	body->origin = origin;
	body->identical = !report->divergence.found;
	body->compared = report->compared;
	body->document_digest = report->document_digest;
	if (report->divergence.found) {
		body->divergence_index = (int64_t)report->divergence.index;
		body->divergence_event = tl_str_of(report->divergence.event);
		body->divergence_field = tl_str_of(report->divergence.field);
	}
	return add(batch, &event, err);
}

static enum tl_status
add_made(struct batch *batch, struct tl_trace_id made, tl_str origin, struct tl_err *err)
{
	for (size_t i = 0; i < batch->run->made.count; i++) {
		struct tl_event event = batch->run->made.items[i];
		event.trace_id = made;
		if (event.type == TL_EVENT_trace_created)
			event.body.trace_created.replay_of = origin;
		TL_TRY(add(batch, &event, err));
	}
	return TL_OK;
}

static enum tl_status
add_all(struct batch *batch, struct tl_trace_id trace_id, tl_str origin, struct tl_err *err)
{
	struct tl_event started = pipeline_event(TL_EVENT_replay_started, trace_id);
	started.body.replay_started.mode = TL_STR("offline");
	started.body.replay_started.origin = origin;
	TL_TRY(add(batch, &started, err));
	if (!batch->run->report->divergence.found)
		TL_TRY(add_made(batch, trace_id, origin, err));
	TL_TRY(add_finding(batch, trace_id, origin, err));
	return flush(batch, err);
}

enum tl_status
replay_append(struct replay_run *run, struct tl_err *err)
{
	struct tl_replay_report *report = run->report;
	char origin[TL_TRACE_ID_TEXT_SIZE];
	struct batch batch = { .run = run };
	tl_trace_id_text(report->origin, origin);
	tl_arena_init(&batch.arena, TL_REPLAY_MEMORY_LIMIT);
	bool diverged = report->divergence.found;
	struct tl_trace_id trace_id = diverged ? report->origin : tl_trace_id_new();
	enum tl_status status = add_all(&batch, trace_id, tl_str_of(origin), err);
	tl_arena_done(&batch.arena);
	if (status == TL_OK && !diverged) {
		report->made = trace_id;
		report->made_known = true;
	}
	return status;
}
