/* projections/live, inside: what the files of the live feed share.
 *
 *      live.c            events in, frames out; what is held back for a moment
 *      live_trace.c      what is remembered of recent traces
 *      live_frame.c      the text of a frame
 *      live_catch_up.c   for a client that comes back
 *      live_pipeline.c   trace.emitted and dashboard.updated
 *
 * Frames never overtake in seq. A created or finished frame has the seq of its event; one that was held back has the seq up to
 * which everything was read when it went: it tells all about its trace up to there. */
#ifndef PROJECTIONS_LIVE_H
#define PROJECTIONS_LIVE_H

#include "internal.h"

#define LIVE_TRACES_MAX   4096u /* remembered; older ones are looked up in the log */
#define LIVE_BUCKETS      4096u
#define LIVE_PUMP_EVENTS  4096u
#define LIVE_PAGE_EVENTS  1024u
#define LIVE_PAGE_BYTES   (4u << 20)
#define LIVE_FRAME_LIMIT  (16u << 20)
#define LIVE_CACHE_TRACES 256u
#define LIVE_CACHE_BYTES  (64u << 20)
/* Events posted, and traces looked up for it: what is over is left out, it is only information. */
#define LIVE_POSTS_PER_S    1000u
#define LIVE_LOOK_UPS_PER_S 50u

/* What is remembered of one trace. */
struct live_trace {
	struct tl_trace_id trace_id;
	bool created_sent, finished_sent; /* or it had begun, had ended before we saw it */
	uint64_t frames;                  /* made about it */
	uint64_t last_frame_ns;           /* monotonic; 0: none yet */
	bool waits;                       /* an update is held back */

	bool ended_known; /* its end was seen: here, or in the log */
	bool ended_here;
	struct tl_stamp ended_at;
	bool emitted, painted; /* the event is in the log, or on its way there */

	struct live_trace *next_in_bucket;
	struct live_trace *newer, *older;
};

/* So many in a second, as many at once. */
struct live_allowance {
	uint64_t per_s, left, last_ns;
};

struct tl_live {
	struct tl_log *log; /* borrowed */
	tl_live_frame_fn *on_frame;
	void *context;
	uint64_t seq; /* events up to here were made frames, or are held back */
	struct fold_cache cache;
	struct tl_buf text; /* of the frame being made */
	size_t waiting;     /* traces with an update held back */
	bool telling;       /* inside on_frame */
	struct live_allowance posts, look_ups;

	size_t count;
	struct live_trace *newest, *oldest;
	struct live_trace *buckets[LIVE_BUCKETS];
};

/* ---- live_trace.c ---- */
struct live_trace *live_find(struct tl_live *live, struct tl_trace_id trace_id); /* NULL: not remembered */
/* Remembers it as the newest; forgets the oldest that does not wait, when there are too many. TL_ERR_LIMIT: all of them wait.
 * Valid until the next call of this. */
enum tl_status live_remember(
	struct tl_live *live, struct tl_trace_id trace_id, struct live_trace **ret_trace, struct tl_err *err);
void live_forget_all(struct tl_live *live);
bool live_allow(struct live_allowance *allowance);

/* ---- live_frame.c ---- */
enum tl_status live_frame(struct tl_live *live, const struct fold *fold, enum tl_live_kind kind, uint64_t seq,
	tl_live_frame_fn *on_frame, void *context, struct tl_err *err);

#endif
