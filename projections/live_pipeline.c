/* projections/live_pipeline: trace.emitted and dashboard.updated, once a trace. They are posted: nobody waits for the disk, and
 * one that is lost is only missing in the walk-through. */
#include "live.h"

/* Clocks of one boot differ by no more than their drift and a step of the wall clock. */
#define SAME_BOOT_NS (10 * TL_NS_PER_S)

static enum tl_status
note_page(struct tl_live *live, struct live_trace *trace, uint64_t *seq, bool *ret_more, struct tl_err *err)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_record_list list;
	tl_arena_init(&arena, FOLD_ARENA_LIMIT);
	TL_TRY(tl_log_read_trace(live->log, trace->trace_id, *seq, LIVE_PAGE_EVENTS, LIVE_PAGE_BYTES, &arena, &list, err));
	for (size_t i = 0; i < list.count; i++) {
		const struct tl_envelope *envelope = &list.records[i].envelope;
		*seq = envelope->seq;
		trace->emitted = trace->emitted || envelope->type == TL_EVENT_trace_emitted;
		trace->painted = trace->painted || envelope->type == TL_EVENT_dashboard_updated;
		if (envelope->type == TL_EVENT_trace_finished && !trace->ended_known) {
			trace->ended_known = true;
			trace->ended_at = envelope->at;
		}
	}
	*ret_more = list.count > 0;
	return TL_OK;
}

/* A trace that ended before it was remembered: its own events tell. */
static enum tl_status
look_up(struct tl_live *live, struct tl_trace_id trace_id, struct live_trace **ret_trace, struct tl_err *err)
{
	struct live_trace found = { .trace_id = trace_id };
	uint64_t seq = 0;
	bool more = true;
	while (more)
		TL_TRY(note_page(live, &found, &seq, &more, err));
	if (!found.ended_known)
		return tl_err_set(err, TL_ERR_NOT_FOUND, "the trace has not ended");
	bool is_new = !live_find(live, trace_id);
	struct live_trace *trace;
	TL_TRY(live_remember(live, trace_id, &trace, err));
	if (is_new)
		trace->created_sent = trace->finished_sent = true;
	trace->ended_known = true;
	trace->ended_at = found.ended_at;
	trace->emitted = trace->emitted || found.emitted;
	trace->painted = trace->painted || found.painted;
	*ret_trace = trace;
	return TL_OK;
}

/* NULL: it has not ended, there is none, or too many are asked for. */
static struct live_trace *
ended_trace(struct tl_live *live, struct tl_trace_id trace_id)
{
	struct tl_err ignored;
	struct live_trace *trace = live_find(live, trace_id);
	if (trace && trace->ended_known)
		return trace;
	if (trace && !trace->finished_sent)
		return NULL;
	if (!live_allow(&live->look_ups) || look_up(live, trace_id, &trace, &ignored) != TL_OK)
		return NULL;
	return trace;
}

static bool
post(struct tl_live *live, const struct tl_event *event)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_record record;
	struct tl_err ignored;
	tl_arena_init(&arena, LIVE_PAGE_BYTES);
	return live_allow(&live->posts) && tl_record_of_event(event, &arena, &record, &ignored) == TL_OK &&
	       tl_log_post(live->log, &record, 1, &ignored) == TL_OK;
}

static struct tl_event
event_of(enum tl_event_type type, struct tl_trace_id trace_id, struct tl_stamp now)
{
	const struct tl_span_id none = { { 0 } };
	return tl_event_make(type, trace_id, none, none, now);
}

void
tl_live_emitted(struct tl_live *live, struct tl_trace_id trace_id, uint64_t clients)
{
	TL_ASSERT(!live->telling);
	struct live_trace *trace = clients > 0 ? ended_trace(live, trace_id) : NULL;
	if (!trace || trace->emitted)
		return;
	struct tl_event event = event_of(TL_EVENT_trace_emitted, trace_id, tl_stamp_now());
	event.body.trace_emitted.clients = clients;
	event.body.trace_emitted.frames = trace->frames;
	trace->emitted = post(live, &event);
}

/* The monotonic clock, unless the end was written before this machine started: then the wall clock, which may have stepped. */
static uint64_t
latency_ns(const struct live_trace *trace, struct tl_stamp now)
{
	uint64_t mono_ns = now.mono_ns - trace->ended_at.mono_ns;
	uint64_t wall_ns = now.wall_ns > trace->ended_at.wall_ns ? now.wall_ns - trace->ended_at.wall_ns : 0;
	uint64_t apart_ns = mono_ns > wall_ns ? mono_ns - wall_ns : wall_ns - mono_ns;
	bool ordered = now.mono_ns >= trace->ended_at.mono_ns;
	return ordered && (trace->ended_here || apart_ns <= SAME_BOOT_NS) ? mono_ns : wall_ns;
}

void
tl_live_painted(struct tl_live *live, struct tl_trace_id trace_id, uint64_t client)
{
	TL_ASSERT(!live->telling);
	struct live_trace *trace = ended_trace(live, trace_id);
	struct tl_stamp now = tl_stamp_now();
	if (!trace || trace->painted)
		return;
	struct tl_event event = event_of(TL_EVENT_dashboard_updated, trace_id, now);
	event.body.dashboard_updated.latency_ns = latency_ns(trace, now);
	event.body.dashboard_updated.client = client;
	trace->painted = post(live, &event);
}
