/* projections/live_catch_up: what a client missed that comes back. Keeps nothing between calls.
 *
 *              after - OVERLAP_EVENTS          after_seq                      position
 *      ────────┼───────────────────────────────┼──────────────────────────────┤
 *              running traces, and those        every trace
 *              touched a moment before
 *
 * The overlap is there because updates are held back for a moment: a client may have seen a frame with `after_seq` of one trace
 * and not yet an earlier update of another one, even of a server that died. */
#include "live.h"

#include <stdlib.h>
#include <string.h>

#define OVERLAP_EVENTS 4096u
#define OVERLAP_NS     TL_NS_PER_S
#define TOUCHED_MAX    (TL_LIVE_CATCH_UP_TRACES + OVERLAP_EVENTS)
#define SLOTS          16384u /* a power of two, well above TOUCHED_MAX */

struct touched {
	struct tl_trace_id trace_id;
	uint64_t last_seq;
	uint64_t end_seq; /* of its end, when that is after after_seq; 0: it is not */
	bool recent;      /* touched after after_seq, or a moment before */
};

struct scan {
	struct tl_live *live;
	uint64_t after_seq, moment_wall_ns;
	size_t after_count; /* traces touched after after_seq */
	size_t count;
	struct touched touched[TOUCHED_MAX];
	uint16_t slots[SLOTS]; /* index + 1 */
};

/* NULL: too many. */
static struct touched *
touch(struct scan *scan, struct tl_trace_id id)
{
	uint64_t hash;
	memcpy(&hash, id.bytes + 8, sizeof hash);
	hash = (hash ^ id.bytes[0] ^ (uint64_t)id.bytes[1] << 8) * UINT64_C(0x9e3779b97f4a7c15);
	for (size_t slot = hash >> 50;; slot = (slot + 1) % SLOTS) {
		if (scan->slots[slot] == 0) {
			if (scan->count == TOUCHED_MAX)
				return NULL;
			scan->touched[scan->count].trace_id = id;
			scan->slots[slot] = (uint16_t)(scan->count + 1);
			return &scan->touched[scan->count++];
		}
		struct touched *touched = &scan->touched[scan->slots[slot] - 1];
		if (tl_trace_id_equal(touched->trace_id, id))
			return touched;
	}
}

static enum tl_status
too_much(struct tl_err *err)
{
	return tl_err_set(err, TL_ERR_LIMIT, "more than %u events or %u traces since then: load the list again",
		TL_LIVE_CATCH_UP_EVENTS, TL_LIVE_CATCH_UP_TRACES);
}

static enum tl_status
scan_event(struct scan *scan, const struct tl_envelope *envelope, struct tl_err *err)
{
	struct touched *touched = touch(scan, envelope->trace_id);
	if (!touched)
		return too_much(err);
	bool after = envelope->seq > scan->after_seq;
	if (after && touched->last_seq <= scan->after_seq && ++scan->after_count > TL_LIVE_CATCH_UP_TRACES)
		return too_much(err);
	touched->last_seq = envelope->seq;
	touched->recent = touched->recent || after || envelope->at.wall_ns >= scan->moment_wall_ns;
	if (after && envelope->type == TL_EVENT_trace_finished && touched->end_seq == 0)
		touched->end_seq = envelope->seq;
	return TL_OK;
}

/* `*seq` moves on to the last event scanned. */
static enum tl_status
scan_page(struct scan *scan, uint64_t *seq, struct tl_err *err)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_record_list list;
	uint64_t left = scan->live->seq - *seq;
	tl_arena_init(&arena, FOLD_ARENA_LIMIT);
	TL_TRY(tl_log_read(scan->live->log, *seq, left < LIVE_PAGE_EVENTS ? (size_t)left : LIVE_PAGE_EVENTS, LIVE_PAGE_BYTES,
		&arena, &list, err));
	TL_ASSERT(list.count > 0);
	for (size_t i = 0; i < list.count; i++)
		TL_TRY(scan_event(scan, &list.records[i].envelope, err));
	*seq = list.records[list.count - 1].envelope.seq;
	return TL_OK;
}

/* When "a moment before" begins: told by the event the client saw last. */
static enum tl_status
find_moment(struct scan *scan, struct tl_err *err)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_record_list list;
	tl_arena_init(&arena, FOLD_ARENA_LIMIT);
	if (scan->after_seq == 0)
		return TL_OK;
	TL_TRY(tl_log_read(scan->live->log, scan->after_seq - 1, 1, 1, &arena, &list, err));
	TL_ASSERT(list.count == 1);
	uint64_t wall_ns = list.records[0].envelope.at.wall_ns;
	scan->moment_wall_ns = wall_ns > OVERLAP_NS ? wall_ns - OVERLAP_NS : 0;
	return TL_OK;
}

/* An end keeps the seq of its event, whatever the pipeline said since. */
static uint64_t
frame_seq(const struct touched *touched)
{
	return touched->end_seq ? touched->end_seq : touched->last_seq;
}

static int
by_frame_seq(const void *left, const void *right)
{
	uint64_t a = frame_seq(left), b = frame_seq(right);
	return (a > b) - (a < b);
}

static enum tl_status
tell(struct tl_live *live, const struct touched *touched, tl_live_frame_fn *on_frame, void *context, struct tl_err *err)
{
	struct fold *fold;
	enum tl_status status = TL_OK;
	TL_TRY(fold_cache_get(&live->cache, touched->trace_id, live->seq + 1, &fold, err));
	bool tellable = fold->failed.status == TL_OK && tl_trace_is_begun(fold->trace);
	if (tellable && (touched->recent || !tl_trace_is_finished(fold->trace)))
		status = live_frame(live, fold, touched->end_seq ? TL_LIVE_FINISHED : TL_LIVE_UPDATED, frame_seq(touched),
			on_frame, context, err);
	fold_cache_release(&live->cache, fold);
	return fold_failure_stays(status) ? TL_OK : status;
}

static enum tl_status
catch_up(struct scan *scan, tl_live_frame_fn *on_frame, void *context, struct tl_err *err)
{
	uint64_t seq = scan->after_seq > OVERLAP_EVENTS ? scan->after_seq - OVERLAP_EVENTS : 0;
	TL_TRY(find_moment(scan, err));
	while (seq < scan->live->seq)
		TL_TRY(scan_page(scan, &seq, err));
	qsort(scan->touched, scan->count, sizeof scan->touched[0], by_frame_seq);
	for (size_t i = 0; i < scan->count; i++)
		TL_TRY(tell(scan->live, &scan->touched[i], on_frame, context, err));
	return TL_OK;
}

enum tl_status
tl_live_catch_up(struct tl_live *live, uint64_t after_seq, tl_live_frame_fn *on_frame, void *context, struct tl_err *err)
{
	TL_ASSERT(!live->telling);
	if (after_seq > live->seq)
		return TL_OK;
	if (live->seq - after_seq > TL_LIVE_CATCH_UP_EVENTS)
		return too_much(err);
	TL_CLEANUP(tl_free_cleanup) struct scan *scan = tl_alloc(1, sizeof *scan);
	if (!scan)
		return tl_err_no_memory(err);
	scan->live = live;
	scan->after_seq = after_seq;
	return catch_up(scan, on_frame, context, err);
}
