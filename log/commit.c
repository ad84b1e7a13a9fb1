/* log/commit: the write transaction: seqs, links, and the tables that find a trace's events. Runs on the writer thread with the writer lock held. Knows no queue. */
#include "internal.h"

#include <inttypes.h>
#include <string.h>

/* Where the log ends, inside the transaction. */
struct tail {
	struct tl_log *log;
	struct tl_store_txn *txn;
	uint64_t seq;   /* the last one given */
	uint64_t trace; /* the last number given */
	struct tl_digest link;
};

static enum tl_status
last_entry(struct tl_store_txn *txn, unsigned table, struct tl_store_entry *ret_entry, struct tl_err *err)
{
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *cursor = NULL;
	TL_TRY(tl_store_cursor_open(txn, table, &cursor, err));
	return tl_store_last(cursor, ret_entry, err);
}

static enum tl_status
tail_find(struct tail *tail, struct tl_err *err)
{
	struct tl_store_entry last;
	struct log_value value;
	TL_TRY(last_entry(tail->txn, LOG_EVENTS, &last, err));
	if (!last.key.ptr)
		return TL_OK;
	tail->seq = last.key.len == 8 ? tl_store_key_u64(last.key.ptr) : 0;
	TL_TRY(log_value_read(tail->seq, last.value, &value, err));
	tail->link = value.link;
	TL_TRY(last_entry(tail->txn, LOG_STREAMS, &last, err));
	if (last.key.len != LOG_STREAM_KEY)
		return tl_err_set(
			err, TL_ERR_CORRUPT, "the table 'streams' does not end with an entry of the last trace: verify the log");
	tail->trace = tl_store_key_u64(last.key.ptr);
	return TL_OK;
}

static struct log_known_trace *
known_slot(struct tl_log *log, struct tl_trace_id id)
{
	/* Ids made of a time and random bits have the random ones at the end. */
	return &log->known[id.bytes[sizeof id.bytes - 1] % LOG_KNOWN_TRACES];
}

/* 0: the trace has no number yet. */
static enum tl_status
number_find(struct tail *tail, struct tl_trace_id id, uint64_t *ret_number, struct tl_err *err)
{
	struct log_known_trace *known = known_slot(tail->log, id);
	if (known->number != 0 && tl_trace_id_equal(known->id, id)) {
		*ret_number = known->number;
		return TL_OK;
	}
	uint64_t number;
	TL_TRY(log_trace_number_in(tail->txn, id, &number, err));
	if (number != 0)
		*known = (struct log_known_trace){ id, number };
	*ret_number = number;
	return TL_OK;
}

static enum tl_status
number_give(struct tail *tail, struct tl_trace_id id, uint64_t *ret_number, struct tl_err *err)
{
	uint8_t value[LOG_NUMBER_SIZE];
	uint64_t number = tail->trace + 1;
	log_put_u64(value, number);
	TL_TRY(tl_store_put(tail->txn, LOG_TRACES, (tl_bytes){ id.bytes, sizeof id.bytes }, (tl_bytes){ value, sizeof value },
		TL_STORE_REPLACE, err));
	*known_slot(tail->log, id) = (struct log_known_trace){ id, number };
	tail->trace = number;
	*ret_number = number;
	return TL_OK;
}

static enum tl_status
is_open(struct tail *tail, struct tl_trace_id id, bool *ret_open, struct tl_err *err)
{
	uint8_t key[8];
	uint64_t number;
	tl_bytes found = { NULL, 0 };
	TL_TRY(number_find(tail, id, &number, err));
	tl_store_u64_key(number, key);
	if (number != 0)
		TL_TRY(tl_store_get(tail->txn, LOG_OPEN, (tl_bytes){ key, sizeof key }, &found, err));
	*ret_open = found.ptr != NULL;
	return TL_OK;
}

static enum tl_status
note_open(struct tail *tail, const struct log_item *item, uint64_t number, struct tl_err *err)
{
	uint8_t key[8], value[LOG_OPEN_SIZE];
	tl_store_u64_key(number, key);
	if (item->opens_trace) {
		log_put_u64(value, tail->log->writer);
		log_put_u64(value + 8, tail->seq);
		TL_TRY(tl_store_put(tail->txn, LOG_OPEN, (tl_bytes){ key, sizeof key }, (tl_bytes){ value, sizeof value },
			TL_STORE_REPLACE, err));
	}
	if (item->closes_trace)
		TL_TRY(tl_store_delete(tail->txn, LOG_OPEN, (tl_bytes){ key, sizeof key }, NULL, err));
	return TL_OK;
}

static struct tl_trace_id
trace_id_of(const uint8_t *value)
{
	struct tl_envelope envelope;
	uint32_t body_length;
	tl_envelope_decode(value, &envelope, &body_length);
	return envelope.trace_id;
}

static enum tl_status
put_event(struct tail *tail, const struct log_item *item, uint8_t *value, struct tl_err *err)
{
	uint8_t key[8], stream[LOG_STREAM_KEY];
	struct tl_trace_id id = trace_id_of(value);
	uint64_t number;
	log_value_finish(value, ++tail->seq, &tail->link);
	tl_store_u64_key(tail->seq, key);
	TL_TRY(tl_store_put(tail->txn, LOG_EVENTS, (tl_bytes){ key, sizeof key }, (tl_bytes){ value, item->value_len },
		TL_STORE_APPEND, err));
	TL_TRY(number_find(tail, id, &number, err));
	if (number == 0)
		TL_TRY(number_give(tail, id, &number, err));
	log_stream_key(number, tail->seq, stream);
	TL_TRY(tl_store_put(
		tail->txn, LOG_STREAMS, (tl_bytes){ stream, sizeof stream }, (tl_bytes){ NULL, 0 }, TL_STORE_REPLACE, err));
	return item->opens_trace || item->closes_trace ? note_open(tail, item, number, err) : TL_OK;
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
			TL_TRY(is_open(tail, trace_id_of(value), &open, err));
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
	struct tl_store_txn *committed = txn;
	txn = NULL;
	TL_TRY(tl_store_commit(committed, err));
	(void)pthread_mutex_lock(&log->mutex);
	log->commits++;
	log->events_appended += tail.seq - seq_before;
	(void)pthread_mutex_unlock(&log->mutex);
	return TL_OK;
}

static enum tl_status
commit_or_forget(struct tl_log *log, struct log_batch *first, const struct log_batch *end, struct tl_err *err)
{
	enum tl_status status = commit(log, first, end, err);
	/* Numbers given in a transaction that came to nothing are nobody's. */
	if (status != TL_OK)
		memset(log->known, 0, sizeof log->known);
	return status;
}

void
log_commit_group(struct tl_log *log, struct log_batch *first)
{
	struct tl_err err;
	enum tl_status status = commit_or_forget(log, first, NULL, &err);
	/* One batch that cannot be stored must not fail those it happened to meet. */
	bool singly = status != TL_OK && first->next;
	for (struct log_batch *batch = first; batch; batch = batch->next) {
		if (singly)
			status = commit_or_forget(log, batch, batch->next, &err);
		batch->status = status;
		if (status != TL_OK)
			batch->err = err;
	}
}
