/* log/writer: the thread that commits. Takes everything that was queued while the last flush was under way; no timer. Knows no
 * table. */
#include "internal.h"

/* Stale readers of other processes are looked for this often while there is work. */
#define CLEAR_READERS_NS (30 * TL_NS_PER_S)

/* Cuts the queue behind the last batch that still fits in one commit. */
static struct log_batch *
take_group(struct tl_log *log)
{
	(void)pthread_mutex_lock(&log->mutex);
	struct log_batch *first = log->queue.first, **cut = &log->queue.first;
	size_t events = 0, bytes = 0;
	while (*cut) {
		events += (*cut)->count;
		if (events > TL_LOG_COMMIT_EVENTS_MAX || bytes + (*cut)->bytes > TL_LOG_COMMIT_BYTES_MAX)
			break;
		bytes += (*cut)->bytes;
		cut = &(*cut)->next;
	}
	struct log_batch *rest = *cut;
	*cut = NULL;
	log->queue.first = rest;
	if (!rest)
		log->queue.end = &log->queue.first;
	log->queue.bytes -= bytes;
	(void)pthread_cond_broadcast(&log->room);
	(void)pthread_mutex_unlock(&log->mutex);
	return first;
}

/* The batches at the head of the queue that have waited long enough (all when `everything`) fail with `err`. */
static void
fail_queued(struct tl_log *log, bool everything, const struct tl_err *err)
{
	uint64_t now_ns = log_now_ns();
	struct log_batch *first = NULL, **end = &first;
	(void)pthread_mutex_lock(&log->mutex);
	while (log->queue.first &&
		(everything || log->queue.first->queued_ns + TL_LOG_LOCK_TIMEOUT_MS * TL_NS_PER_MS <= now_ns)) {
		struct log_batch *batch = log->queue.first;
		log->queue.first = batch->next;
		log->queue.bytes -= batch->bytes;
		batch->next = NULL;
		batch->status = err->status;
		batch->err = *err;
		*end = batch;
		end = &batch->next;
	}
	if (!log->queue.first)
		log->queue.end = &log->queue.first;
	(void)pthread_cond_broadcast(&log->room);
	(void)pthread_mutex_unlock(&log->mutex);
	log_group_done(log, first);
}

static void
clear_readers_sometimes(struct tl_log *log)
{
	uint64_t now_ns = log_now_ns();
	struct tl_err err;
	if (now_ns - log->readers_cleared_ns < CLEAR_READERS_NS)
		return;
	log->readers_cleared_ns = now_ns;
	/* A slot that cannot be given back now costs space, not events. */
	(void)tl_store_clear_readers(log->store, NULL, &err);
}

/* False: closing, and nothing is left to do. */
static bool
wait_for_work(struct tl_log *log, uint64_t *ret_oldest_ns)
{
	(void)pthread_mutex_lock(&log->mutex);
	while (!log->queue.first && !log->closing)
		(void)pthread_cond_wait(&log->work, &log->mutex);
	bool work = log->queue.first != NULL;
	if (work)
		*ret_oldest_ns = log->queue.first->queued_ns;
	(void)pthread_mutex_unlock(&log->mutex);
	return work;
}

void *
log_writer_main(void *context)
{
	struct tl_log *log = context;
	uint64_t oldest_ns;
	while (wait_for_work(log, &oldest_ns)) {
		struct tl_err err;
		enum tl_status status = log_lock_take(log->lock_fd, oldest_ns + TL_LOG_LOCK_TIMEOUT_MS * TL_NS_PER_MS, &err);
		if (status != TL_OK) {
			fail_queued(log, status != TL_ERR_BUSY, &err);
			continue;
		}
		struct log_batch *group = take_group(log);
		log_commit_group(log, group);
		log_lock_release(log->lock_fd);
		log_group_done(log, group);
		log_bell_ring(&log->bell);
		clear_readers_sometimes(log);
	}
	return NULL;
}
