/* log/read: copies bounded runs of events out of the log, by seq and by trace. Knows no writer. */
#include "internal.h"

#include <inttypes.h>

enum tl_status
log_head_in(struct tl_store_txn *txn, uint64_t *ret_seq, struct tl_err *err)
{
	struct tl_store_entry last;
	TL_TRY(log_last_in(txn, LOG_EVENTS, &last, err));
	if (last.key.ptr && last.key.len != 8)
		return tl_err_set(
			err, TL_ERR_CORRUPT, "the last key of the table 'events' has %zu bytes, 8 are expected", last.key.len);
	*ret_seq = last.key.ptr ? tl_store_key_u64(last.key.ptr) : 0;
	return TL_OK;
}

enum tl_status
log_event_in(struct tl_store_txn *txn, uint64_t seq, struct log_value *ret_value, struct tl_err *err)
{
	uint8_t key[8];
	tl_bytes value;
	tl_store_u64_key(seq, key);
	TL_TRY(tl_store_get(txn, LOG_EVENTS, (tl_bytes){ key, sizeof key }, &value, err));
	if (!value.ptr)
		return tl_err_set(err, TL_ERR_CORRUPT, "event %" PRIu64 " is missing", seq);
	return log_value_read(seq, value, ret_value, err);
}

enum tl_status
tl_log_head(struct tl_log *log, uint64_t *ret_seq, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	TL_TRY(tl_store_begin(log->store, TL_STORE_READ, &txn, err));
	return log_head_in(txn, ret_seq, err);
}

/* What a read gathers, and how much it may. */
struct gathering {
	struct tl_arena *arena;
	size_t count_max, bytes_max;
	struct tl_record_list list;
	size_t capacity, bytes;
	bool full; /* the next one had no room; nothing behind it is taken either */
};

static bool
has_room(const struct gathering *gathering, size_t body_bytes)
{
	if (gathering->list.count == 0)
		return gathering->count_max > 0;
	return gathering->list.count < gathering->count_max && gathering->bytes <= gathering->bytes_max &&
	       body_bytes <= gathering->bytes_max - gathering->bytes;
}

static enum tl_status
gather(struct gathering *gathering, const struct log_value *value, struct tl_err *err)
{
	struct tl_record_list *list = &gathering->list;
	gathering->full = !has_room(gathering, value->body.len);
	if (gathering->full)
		return TL_OK;
	if (!tl_arena_grow(gathering->arena, &list->records, &gathering->capacity, list->count, sizeof *list->records))
		return tl_arena_failed(gathering->arena, 2 * gathering->capacity * sizeof *list->records, err);
	tl_bytes body = tl_arena_bytes(gathering->arena, value->body);
	if (!body.ptr)
		return tl_arena_failed(gathering->arena, value->body.len, err);
	list->records[list->count++] = (struct tl_record){ .envelope = value->envelope, .body = body };
	gathering->bytes += body.len;
	return TL_OK;
}

static enum tl_status
gather_by_seq(struct gathering *gathering, struct tl_store_txn *txn, uint64_t after_seq, struct tl_err *err)
{
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *events = NULL;
	struct tl_store_entry entry;
	TL_TRY(log_events_after(txn, after_seq, &events, &entry, err));
	for (uint64_t seq = after_seq + 1; !gathering->full && entry.key.ptr; seq++) {
		struct log_value value;
		if (entry.key.len != 8 || tl_store_key_u64(entry.key.ptr) != seq)
			return tl_err_set(err, TL_ERR_CORRUPT, "event %" PRIu64 " is missing", seq);
		TL_TRY(log_value_read(seq, entry.value, &value, err));
		TL_TRY(gather(gathering, &value, err));
		TL_TRY(tl_store_next(events, &entry, err));
	}
	return TL_OK;
}

enum tl_status
tl_log_read(struct tl_log *log, uint64_t after_seq, size_t count_max, size_t bytes_max, struct tl_arena *arena,
	struct tl_record_list *ret_list, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	struct gathering gathering = { .arena = arena, .count_max = count_max, .bytes_max = bytes_max };
	TL_TRY(tl_store_begin(log->store, TL_STORE_READ, &txn, err));
	TL_TRY(log_head_in(txn, &gathering.list.head_seq, err));
	if (after_seq < gathering.list.head_seq)
		TL_TRY(gather_by_seq(&gathering, txn, after_seq, err));
	*ret_list = gathering.list;
	return TL_OK;
}

/* The events of a trace, up to `indexed` by its stream. */
static enum tl_status
gather_stream(struct gathering *gathering, struct tl_store_txn *txn, uint64_t number, uint64_t after_seq, struct tl_err *err)
{
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *streams = NULL;
	struct tl_store_entry entry;
	uint8_t key[LOG_STREAM_KEY];
	log_stream_key(number, after_seq + 1, key);
	TL_TRY(tl_store_cursor_open(txn, LOG_STREAMS, &streams, err));
	TL_TRY(tl_store_seek(streams, (tl_bytes){ key, sizeof key }, &entry, err));
	while (!gathering->full && entry.key.len == LOG_STREAM_KEY && tl_store_key_u64(entry.key.ptr) == number) {
		struct log_value value;
		TL_TRY(log_event_in(txn, tl_store_key_u64(entry.key.ptr + 8), &value, err));
		TL_TRY(gather(gathering, &value, err));
		TL_TRY(tl_store_next(streams, &entry, err));
	}
	return TL_OK;
}

/* And behind it by looking at each. True in *ret_any when the trace has one there. */
static enum tl_status
gather_tail(struct gathering *gathering, struct tl_store_txn *txn, struct tl_trace_id trace_id, uint64_t indexed,
	uint64_t after_seq, bool *ret_any, struct tl_err *err)
{
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *events = NULL;
	struct tl_store_entry entry;
	struct tl_trace_id id;
	bool any = false;
	TL_TRY(log_events_after(txn, indexed, &events, &entry, err));
	while (!gathering->full && entry.key.len == 8) {
		uint64_t seq = tl_store_key_u64(entry.key.ptr);
		if (log_value_trace(entry.value, &id) && tl_trace_id_equal(id, trace_id)) {
			struct log_value value;
			any = true;
			TL_TRY(log_value_read(seq, entry.value, &value, err));
			if (seq > after_seq)
				TL_TRY(gather(gathering, &value, err));
		}
		TL_TRY(tl_store_next(events, &entry, err));
	}
	*ret_any = any;
	return TL_OK;
}

static enum tl_status
gather_trace(struct gathering *gathering, struct tl_store_txn *txn, struct tl_trace_id trace_id, uint64_t after_seq,
	struct tl_err *err)
{
	uint64_t number, indexed;
	bool in_tail;
	TL_TRY(log_indexed_in(txn, &indexed, err));
	TL_TRY(log_trace_number_in(txn, trace_id, &number, err));
	if (number != 0 && after_seq < indexed)
		TL_TRY(gather_stream(gathering, txn, number, after_seq, err));
	/* A trace known to exist need not be looked for where the caller has been. */
	uint64_t tail_from = number != 0 && after_seq > indexed ? after_seq : indexed;
	TL_TRY(gather_tail(gathering, txn, trace_id, tail_from, after_seq, &in_tail, err));
	if (number != 0 || in_tail)
		return TL_OK;
	char text[TL_TRACE_ID_TEXT_SIZE];
	tl_trace_id_text(trace_id, text);
	return tl_err_set(err, TL_ERR_NOT_FOUND, "there is no trace %s", text);
}

enum tl_status
tl_log_read_trace(struct tl_log *log, struct tl_trace_id trace_id, uint64_t after_seq, size_t count_max, size_t bytes_max,
	struct tl_arena *arena, struct tl_record_list *ret_list, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	struct gathering gathering = { .arena = arena, .count_max = count_max, .bytes_max = bytes_max };
	TL_TRY(tl_store_begin(log->store, TL_STORE_READ, &txn, err));
	TL_TRY(log_head_in(txn, &gathering.list.head_seq, err));
	TL_TRY(gather_trace(&gathering, txn, trace_id, after_seq, err));
	*ret_list = gathering.list;
	return TL_OK;
}
