/* projections/worker: the lease, catching up, and the loop that follows. Knows no SQL and no fold. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#define BACK_OFF_FIRST_MS 50u
#define BACK_OFF_MAX_MS   5000u
/* How long the loop sleeps when nothing happens; a bell, a look every TL_LOG_LOOK_AGAIN_MS and tl_worker_stop wake it. */
#define IDLE_MS 1000u

static enum tl_status
take_lease(struct tl_worker *worker, uint64_t wait_ms, struct tl_err *err)
{
	char path[PROJECTIONS_PATH_SIZE];
	TL_TRY(projections_lease_path(worker->log, worker->view, true, path, err));
	return projections_lock(path, true, wait_ms, &worker->lease_fd, err);
}

enum tl_status
tl_worker_open(struct tl_log *log, struct tl_view *view, uint64_t wait_ms, struct tl_worker **ret_worker, struct tl_err *err)
{
	struct tl_worker *worker = tl_alloc(1, sizeof *worker);
	if (!worker)
		return tl_err_no_memory(err);
	worker->log = log;
	worker->view = view;
	worker->lease_fd = -1;
	fold_cache_init(&worker->cache, log, TL_WORKER_CACHE_TRACES, TL_WORKER_CACHE_BYTES);
	TL_ASSERT(pthread_mutex_init(&worker->mutex, NULL) == 0);
	enum tl_status status = take_lease(worker, wait_ms, err);
	if (status == TL_OK)
		status = view->ops->checkpoint(view, &worker->status.checkpoint_seq, err);
	if (status != TL_OK) {
		tl_worker_close(worker);
		return status;
	}
	*ret_worker = worker;
	return TL_OK;
}

void
tl_worker_close(struct tl_worker *worker)
{
	if (!worker)
		return;
	fold_cache_done(&worker->cache);
	TL_ASSERT(pthread_mutex_destroy(&worker->mutex) == 0);
	tl_close_cleanup(&worker->lease_fd);
	tl_free(worker);
}

/* ---- Status ---- */

static enum tl_status
count_parked(struct tl_worker *worker, uint64_t *ret_count, struct tl_err *err)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_view_parked *parked;
	size_t count;
	tl_arena_init(&arena, TL_WORKER_CACHE_BYTES);
	TL_TRY(worker->view->ops->parked(worker->view, &arena, &parked, &count, err));
	*ret_count = count;
	return TL_OK;
}

static void
tell(struct tl_worker *worker, enum tl_status status, uint64_t checkpoint_seq, uint64_t parked, const struct tl_err *err)
{
	pthread_mutex_lock(&worker->mutex);
	worker->status.failing = status != TL_OK;
	if (status == TL_OK) {
		worker->status.checkpoint_seq = checkpoint_seq;
		worker->status.parked = parked;
		worker->status.last_error[0] = '\0';
	} else {
		(void)snprintf(worker->status.last_error, sizeof worker->status.last_error, "%.*s",
			TL_FMT(tl_str_slice(tl_str_of(err->message), 0, sizeof worker->status.last_error - 1)));
	}
	pthread_mutex_unlock(&worker->mutex);
}

struct tl_worker_status
tl_worker_status(struct tl_worker *worker)
{
	struct tl_err ignored;
	uint64_t head_seq = 0;
	bool known = tl_log_head(worker->log, &head_seq, &ignored) == TL_OK;
	pthread_mutex_lock(&worker->mutex);
	if (known)
		worker->status.head_seq = head_seq;
	struct tl_worker_status status = worker->status;
	pthread_mutex_unlock(&worker->mutex);
	return status;
}

/* ---- Work ---- */

static enum tl_status
work(struct tl_worker *worker, uint64_t *ret_checkpoint, uint64_t *ret_parked, struct tl_err *err)
{
	TL_TRY(worker_batch(worker, ret_checkpoint, err));
	if (tl_log_writer(worker->log) != 0)
		TL_TRY(worker_confirm(worker, err));
	TL_TRY(worker->view->ops->checkpoint(worker->view, ret_checkpoint, err));
	return count_parked(worker, ret_parked, err);
}

/* One batch and the confirmations that follow from it. */
static enum tl_status
step(struct tl_worker *worker, uint64_t *ret_checkpoint, struct tl_err *err)
{
	uint64_t parked = 0;
	enum tl_status status = work(worker, ret_checkpoint, &parked, err);
	tell(worker, status, *ret_checkpoint, parked, err);
	return status;
}

enum tl_status
tl_worker_catch_up(struct tl_worker *worker, struct tl_err *err)
{
	uint64_t head_seq, checkpoint_seq = 0;
	enum tl_status status = tl_log_head(worker->log, &head_seq, err);
	if (status != TL_OK) {
		tell(worker, status, 0, 0, err);
		return status;
	}
	do
		TL_TRY(step(worker, &checkpoint_seq, err));
	while (checkpoint_seq < head_seq && !atomic_load(&worker->stopping));
	return TL_OK;
}

/* ---- Follow ---- */

/* Without a bell (no private runtime directory) the clock has to do. */
static void
wait_for_more(struct tl_worker *worker, uint64_t after_seq, uint64_t timeout_ms)
{
	struct tl_err ignored;
	uint64_t head_seq;
	if (!worker->follower || tl_log_follower_wait(worker->follower, after_seq, timeout_ms, &head_seq, &ignored) != TL_OK)
		projections_nap(TL_LOG_LOOK_AGAIN_MS);
}

static void
set_follower(struct tl_worker *worker, struct tl_log_follower *follower)
{
	pthread_mutex_lock(&worker->mutex);
	worker->follower = follower;
	pthread_mutex_unlock(&worker->mutex);
}

void
tl_worker_follow(struct tl_worker *worker)
{
	struct tl_log_follower *follower = NULL;
	struct tl_err err;
	uint64_t back_off_ms = BACK_OFF_FIRST_MS, checkpoint_seq = 0;
	if (tl_log_follower_open(worker->log, &follower, &err) == TL_OK)
		set_follower(worker, follower);
	while (!atomic_load(&worker->stopping)) {
		if (step(worker, &checkpoint_seq, &err) != TL_OK) {
			wait_for_more(worker, UINT64_MAX, back_off_ms);
			back_off_ms = back_off_ms < BACK_OFF_MAX_MS / 2 ? back_off_ms * 2 : BACK_OFF_MAX_MS;
			continue;
		}
		back_off_ms = BACK_OFF_FIRST_MS;
		wait_for_more(worker, checkpoint_seq, IDLE_MS);
	}
	set_follower(worker, NULL);
	tl_log_follower_close(follower);
}

void
tl_worker_stop(struct tl_worker *worker)
{
	atomic_store(&worker->stopping, true);
	pthread_mutex_lock(&worker->mutex);
	if (worker->follower)
		tl_log_follower_interrupt(worker->follower);
	pthread_mutex_unlock(&worker->mutex);
}
