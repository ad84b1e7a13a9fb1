/* projections: workers that follow the log and keep read models (views), and the live feed. Knows no writer and no HTTP.
 *
 *      log ──> worker ──> fold (tl_trace_apply) ──> view: embedded (SQLite), later mongodb
 *      log ──> live   ──> fold (tl_trace_apply) ──> frames of docs/live.md, for whoever sends them
 *
 * A view is never the truth: delete it and the worker makes it again, byte for byte. */
#ifndef TRACELLM_PROJECTIONS_H
#define TRACELLM_PROJECTIONS_H

#include <tracellm/base.h>
#include <tracellm/log.h>
#include <tracellm/model.h>

/* ---- Views ----
 * One vtable, so that the worker, the tests and later MongoDB need nothing but this. A handle belongs to one thread at a time;
 * several handles may be open on one view. */

/* One trace as a view stores it. `document` is the canonical JSON; what is stored must read back to these bytes. */
struct tl_view_row {
	struct tl_trace_summary summary;
	tl_str document;
	struct tl_digest digest;
	bool finished;
};

#define TL_PAGE_LIMIT_MAX 1000u

/* Which traces: absent filters have ptr NULL; all given ones must hold, exactly. */
struct tl_view_query {
	tl_str status, model, provider, project, session, tag;
	bool with_replays;
	unsigned limit;                 /* 1 to TL_PAGE_LIMIT_MAX */
	tl_str after;                   /* the `next` of the page before; ptr NULL: the first page */
	struct tl_trace_id *replays_of; /* only the replays of this trace; NULL: not asked */
};

/* Newest first: by (start, trace id), both descending. Everything lives in the arena given. */
struct tl_view_page {
	uint64_t total; /* that fit the filters, on all pages */
	struct tl_trace_summary *items;
	size_t count;
	tl_str next; /* opaque; ptr NULL: this was the last page */
};

struct tl_view_parked {
	struct tl_trace_id trace_id;
	uint64_t seq;
	tl_str message;
};

struct tl_view;

struct tl_view_ops {
	const char *name;
	void (*close)(struct tl_view *view);
	/* Last seq whose effects are stored; 0 for a new view. In a batch: where it began. */
	enum tl_status (*checkpoint)(struct tl_view *view, uint64_t *ret_seq, struct tl_err *err);
	/* A batch: rows and parked traces, then the checkpoint, all or nothing. */
	enum tl_status (*begin)(struct tl_view *view, struct tl_err *err);
	/* Replaces the trace's row, which is parked no longer; a finished one counts as unconfirmed until `confirm`.
	 * TL_ERR_RANGE: a number the view cannot hold; the batch may go on without this row. */
	enum tl_status (*put)(struct tl_view *view, const struct tl_view_row *row, struct tl_err *err);
	enum tl_status (*park)(struct tl_view *view, const struct tl_view_parked *parked, struct tl_err *err);
	enum tl_status (*commit)(struct tl_view *view, uint64_t checkpoint_seq, struct tl_err *err);
	void (*abort)(struct tl_view *view);
	/* Finished traces whose trace.stored and replay.available are still to be written, at most `max`; parked ones are left
	 * out. */
	enum tl_status (*unconfirmed)(struct tl_view *view, struct tl_arena *arena, size_t max, struct tl_trace_id **ret_ids,
		size_t *ret_count, struct tl_err *err);
	/* In a batch or alone. */
	enum tl_status (*confirm)(struct tl_view *view, const struct tl_trace_id *ids, size_t count, struct tl_err *err);
	/* The stored document, read back. The summary's prompt is cut at 160 code points, its tags are what JSON shows.
	 * TL_ERR_NOT_FOUND. */
	enum tl_status (*document)(struct tl_view *view, struct tl_trace_id trace_id, struct tl_arena *arena,
		struct tl_view_row *ret_row, struct tl_err *err);
	/* TL_ERR_USAGE: `after` is not a cursor of this view, or a filter cannot be meant. */
	enum tl_status (*list)(struct tl_view *view, const struct tl_view_query *query, struct tl_arena *arena,
		struct tl_view_page *ret_page, struct tl_err *err);
	enum tl_status (*parked)(struct tl_view *view, struct tl_arena *arena, struct tl_view_parked **ret_parked,
		size_t *ret_count, struct tl_err *err);
};

/* Implementations embed this as their first member. */
struct tl_view {
	const struct tl_view_ops *ops;
};

/* The embedded view: one SQLite file, data/views/embedded.sqlite (WAL, synchronous NORMAL: it can be made again). A file of
 * another schema, another log (by log id), a checkpoint beyond the log's head, or one that is damaged is removed and made again
 * when opened for writing; read-only opening of one is TL_ERR_VERSION, of a missing one TL_ERR_NOT_FOUND. A handle notices when
 * the file was removed or made again and goes on with the one that is there. Borrows `log`. Owned, view->ops->close. */
enum tl_status tl_view_open_embedded(struct tl_log *log, bool writable, struct tl_view **ret_view, struct tl_err *err);

/* ---- Worker ----
 * One worker a view: a lease by flock on data/views/<name>.lock. Catch-up and live are the same code: read a bounded batch of
 * events behind the checkpoint, group by trace, fold what is new (bounded cache of folds), put, commit with the checkpoint.
 * Then, for each finished trace: read the document back from the view, fold the trace afresh from the log, compare, and append
 * trace.stored and replay.available (once per trace, view and digest). Killed anywhere, it goes on and ends in the same state.
 * A trace that cannot be folded is parked and holds nobody up. */
#define TL_WORKER_BATCH_EVENTS 1024u
#define TL_WORKER_BATCH_BYTES  (16u << 20)
#define TL_WORKER_CACHE_TRACES 256u
#define TL_WORKER_CACHE_BYTES  (64u << 20)

struct tl_worker;

/* Takes the lease. TL_ERR_BUSY: another worker has it, for `wait_ms` long. Borrows log and view until closed. Owned,
 * tl_worker_close. */
enum tl_status tl_worker_open(
	struct tl_log *log, struct tl_view *view, uint64_t wait_ms, struct tl_worker **ret_worker, struct tl_err *err);
void tl_worker_close(struct tl_worker *worker); /* accepts NULL */
/* Works until the checkpoint has reached the head as it was at the call (events it appends itself not counted). With a read-only
 * log nothing is appended. */
enum tl_status tl_worker_catch_up(struct tl_worker *worker, struct tl_err *err);
/* Catches up and follows until tl_worker_stop; a failure is retried with back-off and told by tl_worker_status. Blocks: give it
 * its own thread. */
void tl_worker_follow(struct tl_worker *worker);
void tl_worker_stop(struct tl_worker *worker); /* any thread */

struct tl_worker_status {
	uint64_t checkpoint_seq, head_seq;
	uint64_t parked;
	bool failing;
	char last_error[256];
};
struct tl_worker_status tl_worker_status(struct tl_worker *worker); /* any thread */

/* For commands that read: makes sure that everything acknowledged before the call is in the view. Runs the worker when nobody has
 * the lease, else waits for the holder, at most `wait_ms`; then `*ret_lag_events` tells what is missing. With a read-only log and
 * nobody working, the lag is told at once. */
enum tl_status tl_view_catch_up(
	struct tl_log *log, struct tl_view *view, uint64_t wait_ms, uint64_t *ret_lag_events, struct tl_err *err);

/* ---- Live feed ----
 * Turns events into the frames of docs/live.md. Belongs to the loop's thread and never blocks on the disk's flush (it posts its
 * events). */
enum tl_live_kind { TL_LIVE_CREATED, TL_LIVE_UPDATED, TL_LIVE_FINISHED };

struct tl_live_frame {
	enum tl_live_kind kind;
	struct tl_trace_id trace_id;
	uint64_t seq;
	tl_str text; /* the whole JSON frame; borrowed during the call */
};

/* Calls nothing of the feed that calls it. */
typedef void tl_live_frame_fn(void *context, const struct tl_live_frame *frame);

#define TL_LIVE_COALESCE_MS     50u
#define TL_LIVE_CATCH_UP_TRACES 1000u /* more than so many touched traces: the client is told to load its list again */
#define TL_LIVE_CATCH_UP_EVENTS 100000u

struct tl_live;

/* Starts at the log's head. `on_frame` gets every frame that is for all clients. Borrows `log`. Owned, tl_live_close. */
enum tl_status tl_live_open(
	struct tl_log *log, tl_live_frame_fn *on_frame, void *context, struct tl_live **ret_live, struct tl_err *err);
void tl_live_close(struct tl_live *live); /* accepts NULL */
/* Reads what is new and calls on_frame, in order of seq. Call after a bell and every TL_LOG_LOOK_AGAIN_MS. created and finished
 * frames go at once; updated ones of a trace at most every TL_LIVE_COALESCE_MS, the last one always. Events of a trace that has
 * ended (the pipeline's) give an updated frame, too. At most 4,096 events a call: true in *ret_more says that there are more. */
enum tl_status tl_live_pump(struct tl_live *live, bool *ret_more, struct tl_err *err);
/* The seq up to which frames were made. */
uint64_t tl_live_seq(const struct tl_live *live);
/* For one client that comes back: calls `on_frame` for the latest state of every trace touched after `after_seq`, in order of
 * seq; finished when its end is after `after_seq`. So that no update that was held back is missed, traces touched in the second
 * before and running ones touched in the 4,096 events before are told again. TL_ERR_LIMIT: too much (resync). */
enum tl_status tl_live_catch_up(
	struct tl_live *live, uint64_t after_seq, tl_live_frame_fn *on_frame, void *context, struct tl_err *err);
/* The finished frame went to `clients` (> 0) clients: trace.emitted, once a trace. */
void tl_live_emitted(struct tl_live *live, struct tl_trace_id trace_id, uint64_t clients);
/* A client painted the ended trace: dashboard.updated, once a trace. An unknown or running trace, or a second time, is
 * ignored. */
void tl_live_painted(struct tl_live *live, struct tl_trace_id trace_id, uint64_t client);

#endif
