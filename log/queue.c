/* log/queue: batches on their way: copied, salted and hashed by the thread that submits, handed to the writer thread, given back
 * by the thread that waits. Knows no table. */
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

/* Batches up to this size are kept for the next submit; larger ones are worth an allocation. */
#define SPARE_BLOCK  8192u
#define SPARES_MAX   128u
#define SALTS_STORED (sizeof(((struct tl_log *)0)->salts) / LOG_SALT_SIZE)

static enum tl_status
check(const struct tl_record *records, size_t count, size_t *ret_bytes, struct tl_err *err)
{
	size_t bytes = 0;
	TL_ASSERT(count > 0);
	if (count > TL_LOG_BATCH_EVENTS_MAX)
		return tl_err_set(err, TL_ERR_LIMIT, "%zu events in one append, TL_LOG_BATCH_EVENTS_MAX is %u", count,
			TL_LOG_BATCH_EVENTS_MAX);
	for (size_t i = 0; i < count; i++) {
		size_t len = records[i].body.len;
		if (len > TL_LOG_BODY_LIMIT)
			return tl_err_set(err, TL_ERR_LIMIT, "the body of an event has %zu bytes, TL_LOG_BODY_LIMIT is %u", len,
				TL_LOG_BODY_LIMIT);
		bytes += LOG_BODY_AT + len;
	}
	if (bytes > TL_LOG_COMMIT_BYTES_MAX)
		return tl_err_set(err, TL_ERR_LIMIT, "one append has %zu bytes, TL_LOG_COMMIT_BYTES_MAX is %u", bytes,
			TL_LOG_COMMIT_BYTES_MAX);
	*ret_bytes = bytes;
	return TL_OK;
}

/* Takes 16 random bytes for each event: from the stock, or from the system when there are many. */
static void
take_salts(struct tl_log *log, size_t count, uint8_t *out)
{
	size_t size = count * LOG_SALT_SIZE;
	if (count > SALTS_STORED / 4) {
		tl_entropy(out, size);
		return;
	}
	if (count > log->salts_left) {
		tl_entropy(log->salts, sizeof log->salts);
		log->salts_left = SALTS_STORED;
	}
	log->salts_left -= (unsigned)count;
	memcpy(out, log->salts + log->salts_left * LOG_SALT_SIZE, size);
}

/* A batch with room for its items, values and (behind them) salts; the salts are drawn. */
static struct log_batch *
batch_new(struct tl_log *log, size_t count, size_t bytes)
{
	size_t salts_at = sizeof(struct log_batch) + count * sizeof(struct log_item) + bytes;
	size_t needed = salts_at + count * LOG_SALT_SIZE;
	struct log_batch *batch = NULL;
	(void)pthread_mutex_lock(&log->mutex);
	if (needed <= SPARE_BLOCK && log->spare) {
		batch = log->spare;
		log->spare = batch->next;
		log->spare_count--;
		take_salts(log, count, (uint8_t *)batch + salts_at);
	}
	(void)pthread_mutex_unlock(&log->mutex);
	if (!batch) {
		size_t block_size = needed < SPARE_BLOCK ? SPARE_BLOCK : needed;
		batch = tl_realloc(NULL, block_size);
		if (!batch)
			return NULL;
		batch->block_size = block_size;
		(void)sem_init(&batch->woken, 0, 0);
		(void)pthread_mutex_lock(&log->mutex);
		take_salts(log, count, (uint8_t *)batch + salts_at);
		(void)pthread_mutex_unlock(&log->mutex);
	}
	batch->next = NULL;
	batch->count = count;
	batch->bytes = bytes;
	batch->posted = false;
	atomic_store_explicit(&batch->state, LOG_BATCH_UNDER_WAY, memory_order_relaxed);
	batch->wakes[0] = batch->wakes[1] = NULL;
	batch->values = (uint8_t *)(batch->items + count);
	return batch;
}

static void
batch_free(struct log_batch *batch)
{
	(void)sem_destroy(&batch->woken);
	tl_free(batch);
}

static void
batch_give_back(struct tl_log *log, struct log_batch *batch)
{
	bool kept = false;
	if (batch->block_size <= SPARE_BLOCK) {
		(void)pthread_mutex_lock(&log->mutex);
		kept = log->spare_count < SPARES_MAX;
		if (kept) {
			batch->next = log->spare;
			log->spare = batch;
			log->spare_count++;
		}
		(void)pthread_mutex_unlock(&log->mutex);
	}
	if (!kept)
		batch_free(batch);
}

void
log_batches_free(struct log_batch *first)
{
	for (struct log_batch *next; first; first = next) {
		next = first->next;
		batch_free(first);
	}
}

static void
fill(struct log_batch *batch, const struct tl_record *records, uint64_t writer)
{
	uint8_t *value = batch->values;
	const uint8_t *salts = batch->values + batch->bytes;
	for (size_t i = 0; i < batch->count; i++) {
		const struct tl_record *record = &records[i];
		batch->items[i] = (struct log_item){
			.value_len = (uint32_t)(LOG_BODY_AT + record->body.len),
			.opens_trace = record->opens_trace,
			.closes_trace = record->closes_trace,
			.only_if_open = record->only_if_open,
		};
		log_value_prepare(record, writer, salts + i * LOG_SALT_SIZE, value);
		value += batch->items[i].value_len;
	}
}

static void
enqueue(struct tl_log *log, struct log_batch *batch)
{
	batch->queued_ns = log_now_ns();
	(void)pthread_mutex_lock(&log->mutex);
	TL_ASSERT(!log->closing);
	while (log->queue.bytes > 0 && log->queue.bytes + batch->bytes > TL_LOG_QUEUE_BYTES_MAX)
		(void)pthread_cond_wait(&log->room, &log->mutex);
	*log->queue.end = batch;
	log->queue.end = &batch->next;
	log->queue.bytes += batch->bytes;
	(void)pthread_cond_signal(&log->work);
	(void)pthread_mutex_unlock(&log->mutex);
}

static enum tl_status
submit(struct tl_log *log, const struct tl_record *records, size_t count, bool posted, struct log_batch **ret_batch,
	struct tl_err *err)
{
	size_t bytes = 0;
	if (log->writer == 0)
		return tl_err_set(err, TL_ERR_READ_ONLY, "the log in %s is open for reading only", log->data_dir);
	TL_TRY(check(records, count, &bytes, err));
	struct log_batch *batch = batch_new(log, count, bytes);
	if (!batch)
		return tl_err_no_memory(err);
	fill(batch, records, log->writer);
	batch->posted = posted;
	*ret_batch = batch;
	enqueue(log, batch);
	return TL_OK;
}

enum tl_status
tl_log_submit(
	struct tl_log *log, const struct tl_record *records, size_t count, struct tl_log_ticket *ret_ticket, struct tl_err *err)
{
	struct log_batch *batch;
	TL_TRY(submit(log, records, count, false, &batch, err));
	ret_ticket->number = (uint64_t)(uintptr_t)batch;
	return TL_OK;
}

static void
wake(struct log_batch *batch)
{
	if (batch)
		TL_ASSERT(sem_post(&batch->woken) == 0);
}

enum tl_status
tl_log_wait(struct tl_log *log, struct tl_log_ticket ticket, uint64_t *ret_first_seq, struct tl_err *err)
{
	struct log_batch *batch = (struct log_batch *)(uintptr_t)ticket.number;
	if (atomic_exchange(&batch->state, LOG_BATCH_WAITED_FOR) == LOG_BATCH_UNDER_WAY) {
		while (sem_wait(&batch->woken) != 0)
			TL_ASSERT(errno == EINTR);
		wake(batch->wakes[0]);
		wake(batch->wakes[1]);
	}
	enum tl_status status = batch->status;
	if (status != TL_OK)
		*err = batch->err;
	else if (ret_first_seq)
		*ret_first_seq = batch->first_seq;
	batch_give_back(log, batch);
	return status;
}

enum tl_status
tl_log_append(struct tl_log *log, const struct tl_record *records, size_t count, uint64_t *ret_first_seq, struct tl_err *err)
{
	struct tl_log_ticket ticket;
	TL_TRY(tl_log_submit(log, records, count, &ticket, err));
	return tl_log_wait(log, ticket, ret_first_seq, err);
}

enum tl_status
tl_log_post(struct tl_log *log, const struct tl_record *records, size_t count, struct tl_err *err)
{
	struct log_batch *batch;
	return submit(log, records, count, true, &batch, err);
}

static void
posted_done(struct tl_log *log, struct log_batch *batch)
{
	if (batch->status != TL_OK) {
		(void)pthread_mutex_lock(&log->mutex);
		log->posts_failed++;
		(void)pthread_mutex_unlock(&log->mutex);
	}
	batch_give_back(log, batch);
}

/* The writer thread wakes one waiter and goes on; each waiter wakes two more. Waking all 64 by itself kept it from the next
 * commit as long as a flush takes, because each one woken may take the processor from it. Only who sleeps already is given others
 * to wake. */
void
log_group_done(struct tl_log *log, struct log_batch *first)
{
	struct log_batch *asleep = NULL, **end = &asleep;
	for (struct log_batch *batch = first, *next; batch; batch = next) {
		next = batch->next;
		if (batch->posted) {
			posted_done(log, batch);
		} else if (atomic_exchange(&batch->state, LOG_BATCH_DONE) == LOG_BATCH_WAITED_FOR) {
			*end = batch;
			end = &batch->next;
		}
	}
	*end = NULL;
	unsigned child = 1;
	struct log_batch *parent = asleep;
	for (struct log_batch *batch = asleep ? asleep->next : NULL; batch; batch = batch->next) {
		child ^= 1u;
		parent->wakes[child] = batch;
		if (child == 1)
			parent = parent->next;
	}
	wake(asleep);
}
