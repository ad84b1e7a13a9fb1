/* log/commit: the write transaction: seqs, links, and which traces are open. Runs on the writer thread with the writer lock held.
 * Knows no queue. */
#include "internal.h"

/* Where the log ends, inside the transaction. */
struct tail {
	struct tl_log *log;
	struct tl_store_txn *txn;
	uint64_t seq; /* the last one given */
	uint64_t indexed;
	struct tl_digest link;
};

static enum tl_status
tail_find(struct tail *tail, struct tl_err *err)
{
	struct tl_store_entry last;
	struct log_value value;
	TL_TRY(log_indexed_in(tail->txn, &tail->indexed, err));
	TL_TRY(log_last_in(tail->txn, LOG_EVENTS, &last, err));
	tail->seq = last.key.len == 8 ? tl_store_key_u64(last.key.ptr) : 0;
	if (tail->indexed > tail->seq)
		return tl_err_set(err, TL_ERR_CORRUPT, "'indexed' in the table 'meta' is beyond the last event: verify the log");
	if (!last.key.ptr)
		return TL_OK;
	TL_TRY(log_value_read(tail->seq, last.value, &value, err));
	tail->link = value.link;
	return TL_OK;
}

static enum tl_status
is_open(struct tail *tail, struct tl_trace_id id, bool *ret_open, struct tl_err *err)
{
	tl_bytes found;
	TL_TRY(tl_store_get(tail->txn, LOG_OPEN, (tl_bytes){ id.bytes, sizeof id.bytes }, &found, err));
	*ret_open = found.ptr != NULL;
	return TL_OK;
}

static enum tl_status
note_open(struct tail *tail, const struct log_item *item, struct tl_trace_id id, struct tl_err *err)
{
	tl_bytes key = { id.bytes, sizeof id.bytes };
	uint8_t value[LOG_OPEN_SIZE];
	if (item->opens_trace) {
		log_put_u64(value, tail->log->writer);
		log_put_u64(value + 8, tail->seq);
		TL_TRY(tl_store_put(tail->txn, LOG_OPEN, key, (tl_bytes){ value, sizeof value }, TL_STORE_REPLACE, err));
	}
	return item->closes_trace ? tl_store_delete(tail->txn, LOG_OPEN, key, NULL, err) : TL_OK;
}

static struct tl_trace_id
trace_id_of(const struct log_item *item, const uint8_t *value)
{
	struct tl_trace_id id;
	TL_ASSERT(log_value_trace((tl_bytes){ value, item->value_len }, &id));
	return id;
}

static enum tl_status
put_event(struct tail *tail, const struct log_item *item, uint8_t *value, struct tl_err *err)
{
	uint8_t key[8];
	log_value_finish(value, ++tail->seq, &tail->link);
	tl_store_u64_key(tail->seq, key);
	TL_TRY(tl_store_put(tail->txn, LOG_EVENTS, (tl_bytes){ key, sizeof key }, (tl_bytes){ value, item->value_len },
		TL_STORE_APPEND, err));
	return item->opens_trace || item->closes_trace ? note_open(tail, item, trace_id_of(item, value), err) : TL_OK;
}

/* True: the batch asks for a trace to be open that is not. */
static enum tl_status
is_dropped(struct tail *tail, const struct log_batch *batch, bool *ret_dropped, struct tl_err *err)
{
	const uint8_t *value = batch->values;
	bool dropped = false;
	for (size_t i = 0; i < batch->count && !dropped; i++) {
		bool open = true;
		if (batch->items[i].only_if_open)
			TL_TRY(is_open(tail, trace_id_of(&batch->items[i], value), &open, err));
		dropped = !open;
		value += batch->items[i].value_len;
	}
	*ret_dropped = dropped;
	return TL_OK;
}

static enum tl_status
put_batch(struct tail *tail, struct log_batch *batch, struct tl_err *err)
{
	bool dropped;
	TL_TRY(is_dropped(tail, batch, &dropped, err));
	batch->first_seq = dropped ? 0 : tail->seq + 1;
	if (dropped)
		return TL_OK;
	uint8_t *value = batch->values;
	for (size_t i = 0; i < batch->count; i++) {
		TL_TRY(put_event(tail, &batch->items[i], value, err));
		value += batch->items[i].value_len;
	}
	return TL_OK;
}

/* Stores the batches from `first` up to `end` in one transaction. */
static enum tl_status
commit(struct tl_log *log, struct log_batch *first, const struct log_batch *end, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	TL_TRY(tl_store_begin(log->store, TL_STORE_WRITE, &txn, err));
	struct tail tail = { .log = log, .txn = txn };
	TL_TRY(tail_find(&tail, err));
	uint64_t seq_before = tail.seq;
	for (struct log_batch *batch = first; batch != end; batch = batch->next)
		TL_TRY(put_batch(&tail, batch, err));
	if (tail.seq == seq_before)
		return TL_OK;
	if (tail.seq - tail.indexed >= LOG_INDEX_EVERY)
		TL_TRY(log_index(txn, tail.indexed, tail.seq, log->places, err));
	struct tl_store_txn *committed = txn;
	txn = NULL;
	TL_TRY(tl_store_commit(committed, err));
	(void)pthread_mutex_lock(&log->mutex);
	log->commits++;
	log->events_appended += tail.seq - seq_before;
	(void)pthread_mutex_unlock(&log->mutex);
	return TL_OK;
}

void
log_commit_group(struct tl_log *log, struct log_batch *first)
{
	struct tl_err err;
	enum tl_status status = commit(log, first, NULL, &err);
	/* One batch that cannot be stored must not fail those it happened to meet. */
	bool singly = status != TL_OK && first->next;
	for (struct log_batch *batch = first; batch; batch = batch->next) {
		if (singly)
			status = commit(log, batch, batch->next, &err);
		batch->status = status;
		if (status != TL_OK)
			batch->err = err;
	}
}
