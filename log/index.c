/* log/index: which events a trace has. Knows no body.
 *
 * An entry for each event, written with its commit, would touch a page of its own for nearly every trace at work: commits would
 * write twice as much. So events are entered in `traces` and `streams` LOG_INDEX_EVERY at a time, sorted, in the commit that
 * completes the number, and `meta` says up to which seq that was done. Behind it is the tail, at most LOG_TAIL_MAX events, which
 * readers walk through. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define TRACE_ID_AT 8u /* in an envelope */

static tl_bytes
indexed_key(void)
{
	return tl_bytes_of(TL_STR("indexed"));
}

enum tl_status
log_indexed_in(struct tl_store_txn *txn, uint64_t *ret_seq, struct tl_err *err)
{
	tl_bytes value;
	TL_TRY(tl_store_get(txn, LOG_META, indexed_key(), &value, err));
	if (value.ptr && value.len != LOG_NUMBER_SIZE)
		return tl_err_set(err, TL_ERR_CORRUPT, "'indexed' in the table 'meta' has %zu bytes, %u are expected", value.len,
			LOG_NUMBER_SIZE);
	*ret_seq = value.ptr ? log_get_u64(value.ptr) : 0;
	return TL_OK;
}

bool
log_value_trace(tl_bytes value, struct tl_trace_id *ret_id)
{
	if (value.len < LOG_BODY_AT)
		return false;
	memcpy(ret_id->bytes, value.ptr + TRACE_ID_AT, sizeof ret_id->bytes);
	return true;
}

enum tl_status
log_events_after(struct tl_store_txn *txn, uint64_t after_seq, struct tl_store_cursor **ret_cursor,
	struct tl_store_entry *ret_entry, struct tl_err *err)
{
	uint8_t key[8];
	struct tl_store_cursor *cursor;
	tl_store_u64_key(after_seq + 1, key);
	TL_TRY(tl_store_cursor_open(txn, LOG_EVENTS, &cursor, err));
	enum tl_status status = tl_store_seek(cursor, (tl_bytes){ key, sizeof key }, ret_entry, err);
	if (status != TL_OK)
		tl_store_cursor_close(cursor);
	else
		*ret_cursor = cursor;
	return status;
}

enum tl_status
log_trace_number_in(struct tl_store_txn *txn, struct tl_trace_id trace_id, uint64_t *ret_number, struct tl_err *err)
{
	tl_bytes value;
	TL_TRY(tl_store_get(txn, LOG_TRACES, (tl_bytes){ trace_id.bytes, sizeof trace_id.bytes }, &value, err));
	if (value.ptr && value.len != LOG_NUMBER_SIZE)
		return tl_err_set(
			err, TL_ERR_CORRUPT, "the number of a trace has %zu bytes, %u are expected", value.len, LOG_NUMBER_SIZE);
	*ret_number = value.ptr ? log_get_u64(value.ptr) : 0;
	return TL_OK;
}

enum tl_status
log_last_in(struct tl_store_txn *txn, enum log_table table, struct tl_store_entry *ret_entry, struct tl_err *err)
{
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *cursor = NULL;
	TL_TRY(tl_store_cursor_open(txn, table, &cursor, err));
	return tl_store_last(cursor, ret_entry, err);
}

/* ---- Entering the tail ---- */
static int
by_trace_and_seq(const void *a, const void *b)
{
	const struct log_place *x = a, *y = b;
	int order = tl_trace_id_compare(x->trace_id, y->trace_id);
	return order != 0 ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

/* Copied out first: what a cursor shows is gone with the next put. */
static enum tl_status
places_read(struct tl_store_txn *txn, uint64_t after_seq, struct log_place *places, size_t *ret_count, struct tl_err *err)
{
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *events = NULL;
	struct tl_store_entry entry;
	size_t count = 0;
	TL_TRY(log_events_after(txn, after_seq, &events, &entry, err));
	while (entry.key.ptr) {
		struct log_place *place = &places[count++];
		if (count > LOG_TAIL_MAX || entry.key.len != 8 || !log_value_trace(entry.value, &place->trace_id))
			return tl_err_set(
				err, TL_ERR_CORRUPT, "the events at the end of the log cannot be told apart: verify the log");
		place->seq = tl_store_key_u64(entry.key.ptr);
		TL_TRY(tl_store_next(events, &entry, err));
	}
	qsort(places, count, sizeof *places, by_trace_and_seq);
	*ret_count = count;
	return TL_OK;
}

static enum tl_status
number_give(struct tl_store_txn *txn, struct tl_trace_id id, uint64_t number, struct tl_err *err)
{
	uint8_t value[LOG_NUMBER_SIZE];
	log_put_u64(value, number);
	return tl_store_put(txn, LOG_TRACES, (tl_bytes){ id.bytes, sizeof id.bytes }, (tl_bytes){ value, sizeof value },
		TL_STORE_REPLACE, err);
}

static enum tl_status
last_number(struct tl_store_txn *txn, uint64_t *ret_number, struct tl_err *err)
{
	struct tl_store_entry last;
	TL_TRY(log_last_in(txn, LOG_STREAMS, &last, err));
	*ret_number = last.key.len == LOG_STREAM_KEY ? tl_store_key_u64(last.key.ptr) : 0;
	return TL_OK;
}

enum tl_status
log_index(
	struct tl_store_txn *txn, uint64_t indexed, uint64_t head_seq, struct log_place places[LOG_TAIL_MAX], struct tl_err *err)
{
	size_t count;
	uint64_t last, number = 0;
	uint8_t stream[LOG_STREAM_KEY], value[LOG_NUMBER_SIZE];
	TL_TRY(last_number(txn, &last, err));
	TL_TRY(places_read(txn, indexed, places, &count, err));
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || !tl_trace_id_equal(places[i].trace_id, places[i - 1].trace_id)) {
			TL_TRY(log_trace_number_in(txn, places[i].trace_id, &number, err));
			if (number == 0)
				TL_TRY(number_give(txn, places[i].trace_id, number = ++last, err));
		}
		log_stream_key(number, places[i].seq, stream);
		TL_TRY(tl_store_put(
			txn, LOG_STREAMS, (tl_bytes){ stream, sizeof stream }, (tl_bytes){ NULL, 0 }, TL_STORE_REPLACE, err));
	}
	log_put_u64(value, head_seq);
	return tl_store_put(txn, LOG_META, indexed_key(), (tl_bytes){ value, sizeof value }, TL_STORE_REPLACE, err);
}

/* ---- Counting ---- */
/* Those of the tail that are new, each once. */
static enum tl_status
new_in_tail(struct tl_store_txn *txn, struct log_place *places, uint64_t *ret_count, struct tl_err *err)
{
	uint64_t indexed, number, found = 0;
	size_t count;
	TL_TRY(log_indexed_in(txn, &indexed, err));
	TL_TRY(places_read(txn, indexed, places, &count, err));
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && tl_trace_id_equal(places[i].trace_id, places[i - 1].trace_id))
			continue;
		TL_TRY(log_trace_number_in(txn, places[i].trace_id, &number, err));
		found += number == 0;
	}
	*ret_count = found;
	return TL_OK;
}

enum tl_status
log_traces_in(struct tl_store_txn *txn, uint64_t *ret_count, struct tl_err *err)
{
	uint64_t indexed, more;
	TL_CLEANUP(tl_free_cleanup) struct log_place *places = tl_alloc(LOG_TAIL_MAX, sizeof *places);
	if (!places)
		return tl_err_no_memory(err);
	TL_TRY(tl_store_count(txn, LOG_TRACES, &indexed, err));
	TL_TRY(new_in_tail(txn, places, &more, err));
	*ret_count = indexed + more;
	return TL_OK;
}
