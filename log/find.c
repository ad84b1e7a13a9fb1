/* log/find: traces by the start of their ids. Knows no event. */
#include "internal.h"

#include <string.h>

/* The trace at the cursor, when it is one with an id of at most `last`. */
static bool
trace_at(const struct tl_store_entry *entry, struct tl_trace_id last, struct tl_trace_id *ret_id)
{
	struct tl_trace_id id;
	if (entry->key.len != sizeof id.bytes)
		return false;
	memcpy(id.bytes, entry->key.ptr, sizeof id.bytes);
	if (tl_trace_id_compare(id, last) > 0)
		return false;
	*ret_id = id;
	return true;
}

static enum tl_status
ambiguous(tl_str prefix, struct tl_trace_id first, struct tl_trace_id second, struct tl_err *err)
{
	char texts[2][TL_TRACE_ID_TEXT_SIZE];
	tl_trace_id_text(first, texts[0]);
	tl_trace_id_text(second, texts[1]);
	return tl_err_set(err, TL_ERR_AMBIGUOUS, "'%.*s' is the start of several traces, among them %s and %s", TL_FMT(prefix),
		texts[0], texts[1]);
}

enum tl_status
tl_log_find_trace(struct tl_log *log, tl_str prefix, struct tl_trace_id *ret_trace_id, struct tl_err *err)
{
	struct tl_trace_id first, last, found, second;
	TL_TRY(tl_trace_id_range(prefix, &first, &last, err));
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *traces = NULL;
	struct tl_store_entry entry;
	TL_TRY(tl_store_begin(log->store, TL_STORE_READ, &txn, err));
	TL_TRY(tl_store_cursor_open(txn, LOG_TRACES, &traces, err));
	TL_TRY(tl_store_seek(traces, (tl_bytes){ first.bytes, sizeof first.bytes }, &entry, err));
	if (!trace_at(&entry, last, &found))
		return tl_err_set(err, TL_ERR_NOT_FOUND, "no trace starts with '%.*s'", TL_FMT(prefix));
	TL_TRY(tl_store_next(traces, &entry, err));
	if (trace_at(&entry, last, &second))
		return ambiguous(prefix, found, second, err);
	*ret_trace_id = found;
	return TL_OK;
}

/* How many characters of the text form are needed to tell `id` from its neighbour. */
static unsigned
needed_from(struct tl_trace_id id, const struct tl_store_entry *neighbour)
{
	struct tl_trace_id other;
	char text[TL_TRACE_ID_TEXT_SIZE], other_text[TL_TRACE_ID_TEXT_SIZE];
	if (!trace_at(neighbour, (struct tl_trace_id){ { [0 ... 15] = 0xff } }, &other))
		return 0;
	tl_trace_id_text(id, text);
	tl_trace_id_text(other, other_text);
	unsigned same = 0;
	while (text[3 + same] && text[3 + same] == other_text[3 + same])
		same++;
	return same + 1;
}

enum tl_status
tl_log_unique_length(struct tl_log *log, struct tl_trace_id trace_id, unsigned *ret_length, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *traces = NULL;
	struct tl_store_entry entry, before, after;
	TL_TRY(tl_store_begin(log->store, TL_STORE_READ, &txn, err));
	TL_TRY(tl_store_cursor_open(txn, LOG_TRACES, &traces, err));
	tl_bytes key = { trace_id.bytes, sizeof trace_id.bytes };
	TL_TRY(tl_store_seek(traces, key, &entry, err));
	/* The id itself need not be in the log: then the entry found is its neighbour. */
	if (entry.key.len == key.len && memcmp(entry.key.ptr, key.ptr, key.len) == 0) {
		TL_TRY(tl_store_next(traces, &after, err));
		TL_TRY(tl_store_seek(traces, key, &entry, err));
	} else {
		after = entry;
	}
	TL_TRY(entry.key.ptr ? tl_store_previous(traces, &before, err) : tl_store_last(traces, &before, err));
	unsigned length = TL_TRACE_ID_SHOWN, from_before = needed_from(trace_id, &before),
		 from_after = needed_from(trace_id, &after);
	length = from_before > length ? from_before : length;
	*ret_length = from_after > length ? from_after : length;
	return TL_OK;
}
