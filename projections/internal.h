/* projections, inside: what the worker, the views and the live feed share. */
#ifndef PROJECTIONS_INTERNAL_H
#define PROJECTIONS_INTERNAL_H

#include <tracellm/projections.h>

#include <pthread.h>
#include <stdatomic.h>

/* ---- Places (place.c) ---- */
#define PROJECTIONS_PATH_SIZE 4096u
/* data/views/<name>; the folder is made when `make`. */
enum tl_status projections_path(
	struct tl_log *log, const char *name, bool make, char out[PROJECTIONS_PATH_SIZE], struct tl_err *err);
/* data/views/<view>.lock: whoever works on the view holds it. */
enum tl_status projections_lease_path(
	struct tl_log *log, const struct tl_view *view, bool make, char out[PROJECTIONS_PATH_SIZE], struct tl_err *err);
/* flock on a file, made when `exclusive`; tries for `wait_ms`. TL_ERR_BUSY: somebody else has it; TL_ERR_NOT_FOUND: a shared
 * lock, and no file. Unlocked by closing *ret_fd. */
enum tl_status projections_lock(const char *path, bool exclusive, uint64_t wait_ms, int *ret_fd, struct tl_err *err);
/* Waits for some ms, for what has no bell. */
void projections_nap(uint64_t ms);

/* ---- Folds (fold_cache.c) ---- */
/* The fold of one trace: of all its events up to some seq. Pipeline events are left out, so its summary's seq is that of the last
 * event that can change the document. */
struct fold {
	struct tl_trace_id trace_id;
	struct tl_trace *trace;
	uint64_t last_seq;    /* of the last event seen, pipeline events included; 0: none yet */
	struct tl_err failed; /* status other than TL_OK: it cannot be folded, because of... */
	uint64_t failed_seq;  /* ...this event */

	/* The cache's: */
	size_t bytes;
	bool in_use;
	struct fold *next_in_bucket;
	struct fold *newer, *older;
};

#define FOLD_BUCKETS 512u

/* Recently used folds, bounded by count and bytes. Borrows the log. One thread at a time. */
struct fold_cache {
	struct tl_log *log;
	size_t count_max, bytes_max;
	size_t count, bytes;
	struct fold *newest, *oldest;
	struct fold *buckets[FOLD_BUCKETS];
};

void fold_cache_init(struct fold_cache *cache, struct tl_log *log, size_t count_max, size_t bytes_max);
void fold_cache_done(struct fold_cache *cache); /* accepts a zeroed one */
/* The fold of at least the trace's events in front of `before_seq`, read from the log unless the cache holds it (whoever feeds a
 * cache feeds it every event of a trace it holds). In use until fold_cache_release. A fold that failed for good is returned with
 * TL_OK; errors are what may pass (memory, the disk). */
enum tl_status fold_cache_get(
	struct fold_cache *cache, struct tl_trace_id trace_id, uint64_t before_seq, struct fold **ret_fold, struct tl_err *err);
/* Folds one more event in; does nothing when the fold has failed. */
enum tl_status fold_cache_apply(struct fold_cache *cache, struct fold *fold, const struct tl_record *record, struct tl_err *err);
/* The end of the use, after which folds may go. NULL is accepted. */
void fold_cache_release(struct fold_cache *cache, struct fold *fold);

/* A fold without a cache: of the whole trace as the log holds it now. `visit` sees every event on the way (until one that cannot
 * be folded). Owned, fold_close. */
typedef enum tl_status fold_visit_fn(void *context, const struct tl_record *record, struct tl_err *err);
enum tl_status fold_open_fresh(struct tl_log *log, struct tl_trace_id trace_id, fold_visit_fn *visit, void *context,
	struct fold **ret_fold, struct tl_err *err);
void fold_close(struct fold *fold);          /* accepts NULL */
void fold_close_cleanup(struct fold **fold); /* for TL_CLEANUP */

/* Pages in which a trace's events are read. */
#define FOLD_PAGE_EVENTS 256u
#define FOLD_PAGE_BYTES  (4u << 20)
/* An arena for one page holds at least the largest body. */
#define FOLD_ARENA_LIMIT (64u << 20)

/* The row of a fold that has begun; `document` is the buffer's. */
enum tl_status fold_row(struct fold *fold, struct tl_buf *document, struct tl_view_row *ret_row, struct tl_err *err);
/* True when a failure of this kind lies in the events themselves and would come again. */
bool fold_failure_stays(enum tl_status status);

/* ---- Worker (worker.c, worker_batch.c, worker_confirm.c) ---- */
struct tl_worker {
	struct tl_log *log;   /* borrowed */
	struct tl_view *view; /* borrowed */
	int lease_fd;
	struct fold_cache cache;
	atomic_bool stopping;

	pthread_mutex_t mutex; /* of all below */
	struct tl_log_follower *follower;
	struct tl_worker_status status;
};

/* One batch behind the checkpoint. *ret_checkpoint: where the view is now. */
enum tl_status worker_batch(struct tl_worker *worker, uint64_t *ret_checkpoint, struct tl_err *err);
/* Begins a batch of the view when it still stands at `checkpoint_seq`; else *ret_same is false, nothing has begun, and what was
 * prepared for that place is void (the file was made again). */
enum tl_status worker_begin_at(struct tl_worker *worker, uint64_t checkpoint_seq, bool *ret_same, struct tl_err *err);
/* Stored documents against fresh folds; trace.stored and replay.available for those that are equal. */
enum tl_status worker_confirm(struct tl_worker *worker, struct tl_err *err);

/* What a trace's events say about the work done for it. */
struct worker_proof {
	tl_str view;             /* asked */
	struct tl_digest digest; /* asked */
	bool stored, replayable; /* trace.stored and replay.available of both are there */
};
enum tl_status worker_proof_visit(void *proof, const struct tl_record *record, struct tl_err *err);

#endif
