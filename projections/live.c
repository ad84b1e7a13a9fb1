/* projections/live: from events to frames. Knows no client and no socket. */
#include "live.h"

enum tl_status
tl_live_open(struct tl_log *log, tl_live_frame_fn *on_frame, void *context, struct tl_live **ret_live, struct tl_err *err)
{
	uint64_t head_seq;
	TL_TRY(tl_log_head(log, &head_seq, err));
	struct tl_live *live = tl_alloc(1, sizeof *live);
	if (!live)
		return tl_err_no_memory(err);
	live->log = log;
	live->on_frame = on_frame;
	live->context = context;
	live->seq = head_seq;
	live->posts.per_s = LIVE_POSTS_PER_S;
	live->look_ups.per_s = LIVE_LOOK_UPS_PER_S;
	fold_cache_init(&live->cache, log, LIVE_CACHE_TRACES, LIVE_CACHE_BYTES);
	tl_buf_init(&live->text, LIVE_FRAME_LIMIT);
	*ret_live = live;
	return TL_OK;
}

void
tl_live_close(struct tl_live *live)
{
	if (!live)
		return;
	live_forget_all(live);
	fold_cache_done(&live->cache);
	tl_buf_done(&live->text);
	tl_free(live);
}

uint64_t
tl_live_seq(const struct tl_live *live)
{
	return live->seq;
}

/* ---- Frames for all ---- */

static void
set_waits(struct tl_live *live, struct live_trace *trace, bool waits)
{
	if (waits && !trace->waits)
		live->waiting++;
	if (!waits && trace->waits)
		live->waiting--;
	trace->waits = waits;
}

/* A summary that cannot be written would not be the next time either: that trace goes without a frame. */
static enum tl_status
make_frame(struct tl_live *live, struct live_trace *trace, const struct fold *fold, enum tl_live_kind kind, uint64_t seq,
	struct tl_err *err)
{
	trace->last_frame_ns = tl_stamp_now().mono_ns;
	trace->frames++;
	enum tl_status status = live_frame(live, fold, kind, seq, live->on_frame, live->context, err);
	if (status != TL_OK && !fold_failure_stays(status)) {
		trace->frames--;
		return status;
	}
	set_waits(live, trace, false);
	return TL_OK;
}

static bool
is_due(const struct live_trace *trace)
{
	return tl_stamp_now().mono_ns - trace->last_frame_ns >= TL_LIVE_COALESCE_MS * TL_NS_PER_MS;
}

/* What one more event of the trace leads to. The marks are set when a frame is made, so that an event that failed half-way can be
 * taken again. */
static enum tl_status
tell(struct tl_live *live, struct live_trace *trace, const struct fold *fold, uint64_t seq, struct tl_err *err)
{
	bool appeared = !trace->created_sent;
	if (appeared) {
		TL_TRY(make_frame(live, trace, fold, TL_LIVE_CREATED, seq, err));
		trace->created_sent = true;
	}
	if (tl_trace_is_finished(fold->trace) && !trace->finished_sent) {
		TL_TRY(make_frame(live, trace, fold, TL_LIVE_FINISHED, seq, err));
		trace->finished_sent = true;
	} else if (!appeared && is_due(trace)) {
		TL_TRY(make_frame(live, trace, fold, TL_LIVE_UPDATED, seq, err));
	} else if (!appeared) {
		set_waits(live, trace, true);
	}
	return TL_OK;
}

/* ---- Events ---- */

static void
note(struct live_trace *trace, const struct tl_envelope *envelope)
{
	if (envelope->type == TL_EVENT_trace_emitted)
		trace->emitted = true;
	if (envelope->type == TL_EVENT_dashboard_updated)
		trace->painted = true;
	if (envelope->type == TL_EVENT_trace_finished && !trace->ended_known) {
		trace->ended_known = trace->ended_here = true;
		trace->ended_at = envelope->at;
	}
}

static enum tl_status
fold_and_tell(
	struct tl_live *live, struct live_trace *trace, struct fold *fold, const struct tl_record *record, struct tl_err *err)
{
	TL_TRY(fold_cache_apply(&live->cache, fold, record, err));
	enum tl_status status = TL_OK;
	note(trace, &record->envelope);
	/* One that cannot be folded is the worker's to report. */
	if (fold->failed.status == TL_OK && tl_trace_is_begun(fold->trace))
		status = tell(live, trace, fold, record->envelope.seq, err);
	fold_cache_release(&live->cache, fold);
	return status;
}

static enum tl_status
take(struct tl_live *live, const struct tl_record *record, struct tl_err *err)
{
	const struct tl_envelope *envelope = &record->envelope;
	bool is_new = !live_find(live, envelope->trace_id);
	struct live_trace *trace;
	struct fold *fold;
	TL_TRY(fold_cache_get(&live->cache, envelope->trace_id, envelope->seq, &fold, err));
	enum tl_status status = live_remember(live, envelope->trace_id, &trace, err);
	if (status != TL_OK) {
		fold_cache_release(&live->cache, fold);
		return status;
	}
	if (is_new && fold->failed.status == TL_OK) {
		trace->created_sent = tl_trace_is_begun(fold->trace);
		trace->finished_sent = trace->created_sent && tl_trace_is_finished(fold->trace);
	}
	return fold_and_tell(live, trace, fold, record, err);
}

static enum tl_status
take_page(struct tl_live *live, uint64_t *ret_head_seq, struct tl_err *err)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_record_list list;
	tl_arena_init(&arena, FOLD_ARENA_LIMIT);
	TL_TRY(tl_log_read(live->log, live->seq, LIVE_PAGE_EVENTS, LIVE_PAGE_BYTES, &arena, &list, err));
	for (size_t i = 0; i < list.count; i++) {
		TL_TRY(take(live, &list.records[i], err));
		live->seq = list.records[i].envelope.seq;
	}
	*ret_head_seq = list.head_seq;
	return TL_OK;
}

/* ---- What was held back ---- */

static enum tl_status
flush(struct tl_live *live, struct live_trace *trace, struct tl_err *err)
{
	struct fold *fold;
	TL_TRY(fold_cache_get(&live->cache, trace->trace_id, live->seq + 1, &fold, err));
	enum tl_status status = TL_OK;
	if (fold->failed.status == TL_OK)
		status = make_frame(live, trace, fold, TL_LIVE_UPDATED, live->seq, err);
	else
		set_waits(live, trace, false);
	fold_cache_release(&live->cache, fold);
	return status;
}

/* Those that are due; when the memory is full of waiting ones, all of them. */
static enum tl_status
flush_due(struct tl_live *live, struct tl_err *err)
{
	bool all = live->waiting >= LIVE_TRACES_MAX - LIVE_PAGE_EVENTS;
	struct live_trace *newer;
	for (struct live_trace *trace = live->waiting ? live->oldest : NULL; trace; trace = newer) {
		newer = trace->newer;
		if (trace->waits && (all || is_due(trace)))
			TL_TRY(flush(live, trace, err));
	}
	return TL_OK;
}

enum tl_status
tl_live_pump(struct tl_live *live, bool *ret_more, struct tl_err *err)
{
	uint64_t first_seq = live->seq, head_seq;
	TL_ASSERT(!live->telling);
	do {
		TL_TRY(flush_due(live, err));
		TL_TRY(take_page(live, &head_seq, err));
	} while (live->seq < head_seq && live->seq - first_seq <= LIVE_PUMP_EVENTS - LIVE_PAGE_EVENTS);
	*ret_more = live->seq < head_seq;
	return TL_OK;
}
