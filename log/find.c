/* log/find: traces by the start of their ids, among those entered in `traces` and those of the tail. Knows no event. */
#include "internal.h"

#include <string.h>

/* The one trace in a range of ids, and a second one when there is. */
struct finding {
	struct tl_trace_id first, last;
	struct tl_trace_id found, second;
	unsigned count; /* 2: at least two */
};

static void
consider(struct finding *finding, struct tl_trace_id id)
{
	if (tl_trace_id_compare(id, finding->first) < 0 || tl_trace_id_compare(id, finding->last) > 0 || finding->count == 2)
		return;
	if (finding->count == 1 && tl_trace_id_equal(id, finding->found))
		return;
	*(finding->count++ == 0 ? &finding->found : &finding->second) = id;
}

static bool
id_at(const struct tl_store_entry *entry, struct tl_trace_id *ret_id)
{
	if (entry->key.len != sizeof ret_id->bytes)
		return false;
	memcpy(ret_id->bytes, entry->key.ptr, sizeof ret_id->bytes);
	return true;
}

typedef void each_id_fn(void *context, struct tl_trace_id id);

static enum tl_status
each_in_tail(struct tl_store_txn *txn, each_id_fn *each, void *context, struct tl_err *err)
{
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *events = NULL;
	struct tl_store_entry entry;
	struct tl_trace_id id;
	uint64_t indexed;
	TL_TRY(log_indexed_in(txn, &indexed, err));
	TL_TRY(log_events_after(txn, indexed, &events, &entry, err));
	while (entry.key.ptr) {
		if (log_value_trace(entry.value, &id))
			each(context, id);
		TL_TRY(tl_store_next(events, &entry, err));
	}
	return TL_OK;
}

static void
consider_each(void *context, struct tl_trace_id id)
{
	consider(context, id);
}

static enum tl_status
find_in(struct tl_store_txn *txn, struct finding *finding, struct tl_err *err)
{
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *traces = NULL;
	struct tl_store_entry entry;
	struct tl_trace_id id;
	TL_TRY(tl_store_cursor_open(txn, LOG_TRACES, &traces, err));
	TL_TRY(tl_store_seek(traces, (tl_bytes){ finding->first.bytes, sizeof finding->first.bytes }, &entry, err));
	for (unsigned i = 0; i < 2 && id_at(&entry, &id); i++) {
		consider(finding, id);
		TL_TRY(tl_store_next(traces, &entry, err));
	}
	return each_in_tail(txn, consider_each, finding, err);
}

enum tl_status
tl_log_find_trace(struct tl_log *log, tl_str prefix, struct tl_trace_id *ret_trace_id, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	struct finding finding = { .count = 0 };
	TL_TRY(tl_trace_id_range(prefix, &finding.first, &finding.last, err));
	TL_TRY(tl_store_begin(log->store, TL_STORE_READ, &txn, err));
	TL_TRY(find_in(txn, &finding, err));
	if (finding.count == 0)
		return tl_err_set(err, TL_ERR_NOT_FOUND, "no trace starts with '%.*s'", TL_FMT(prefix));
	if (finding.count == 2) {
		char texts[2][TL_TRACE_ID_TEXT_SIZE];
		tl_trace_id_text(finding.found, texts[0]);
		tl_trace_id_text(finding.second, texts[1]);
		return tl_err_set(err, TL_ERR_AMBIGUOUS, "'%.*s' is the start of several traces, among them %s and %s",
			TL_FMT(prefix), texts[0], texts[1]);
	}
	*ret_trace_id = finding.found;
	return TL_OK;
}

/* How many characters it takes to tell one trace from all others. */
struct telling {
	struct tl_trace_id id;
	unsigned length;
};

static void
tell_from(void *context, struct tl_trace_id other)
{
	struct telling *telling = context;
	unsigned byte = 0;
	while (byte < sizeof other.bytes && other.bytes[byte] == telling->id.bytes[byte])
		byte++;
	if (byte == sizeof other.bytes)
		return;
	unsigned bit = 8 * byte + (unsigned)__builtin_clz((unsigned)(other.bytes[byte] ^ telling->id.bytes[byte])) - 24;
	/* The first digit holds three bits, the others five. */
	unsigned needed = (bit + 2) / 5 + 1;
	if (needed > telling->length)
		telling->length = needed;
}

/* Among sorted ids the neighbours are the ones most alike. */
static enum tl_status
tell_from_neighbours(struct tl_store_txn *txn, struct telling *telling, struct tl_err *err)
{
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *traces = NULL;
	struct tl_store_entry entry;
	struct tl_trace_id id;
	tl_bytes key = { telling->id.bytes, sizeof telling->id.bytes };
	TL_TRY(tl_store_cursor_open(txn, LOG_TRACES, &traces, err));
	TL_TRY(tl_store_seek(traces, key, &entry, err));
	TL_TRY(entry.key.ptr ? tl_store_previous(traces, &entry, err) : tl_store_last(traces, &entry, err));
	if (id_at(&entry, &id))
		tell_from(telling, id);
	TL_TRY(tl_store_seek(traces, key, &entry, err));
	for (unsigned i = 0; i < 2 && id_at(&entry, &id); i++) {
		tell_from(telling, id);
		TL_TRY(tl_store_next(traces, &entry, err));
	}
	return TL_OK;
}

enum tl_status
tl_log_unique_length(struct tl_log *log, struct tl_trace_id trace_id, unsigned *ret_length, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	struct telling telling = { .id = trace_id, .length = TL_TRACE_ID_SHOWN };
	TL_TRY(tl_store_begin(log->store, TL_STORE_READ, &txn, err));
	TL_TRY(tell_from_neighbours(txn, &telling, err));
	TL_TRY(each_in_tail(txn, tell_from, &telling, err));
	*ret_length = telling.length;
	return TL_OK;
}
