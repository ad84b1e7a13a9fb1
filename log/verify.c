/* log/verify: walks every table and names the first event that is not what it was. Changes nothing.
 *
 * The log only grows, so everything up to the head at the start is checked in short read transactions while others go on
 * writing. */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Entries looked at in one read transaction. */
#define VERIFY_ROUND 1000u

struct walk {
	struct tl_log *log;
	struct tl_store_txn *txn;
	struct tl_log_report report;
	struct tl_digest link; /* stored with the event before */
	uint64_t next_seq;
	uint64_t indexed;   /* in this transaction */
	uint64_t tail_from; /* one trace: from here on its events are looked for one by one */
	/* The trace of the event before, so that its number is not looked up again. */
	struct tl_trace_id trace_id;
	uint64_t trace_number;
};

/* A finding; `seq` 0 when it is not about an event. The one with the lowest seq is kept. */
static void __attribute__((format(printf, 3, 4))) bad(struct walk *walk, uint64_t seq, const char *format, ...)
{
	struct tl_log_report *report = &walk->report;
	bool first = report->bad == 0 || (seq != 0 && (report->first_bad_seq == 0 || seq < report->first_bad_seq));
	report->bad++;
	if (!first)
		return;
	va_list arguments;
	report->first_bad_seq = seq;
	va_start(arguments, format);
	(void)vsnprintf(report->first_bad, sizeof report->first_bad, format, arguments);
	va_end(arguments);
}

/* What cannot be read because it is damaged is a finding; what kept us from looking is an error. */
static enum tl_status
found_or_failed(struct walk *walk, uint64_t seq, enum tl_status status, const struct tl_err *err)
{
	if (status == TL_ERR_CORRUPT) {
		bad(walk, seq, "%s", err->message);
		return TL_OK;
	}
	return status;
}

static bool
has_stream(struct walk *walk, uint64_t number, uint64_t seq, enum tl_status *ret_status, struct tl_err *err)
{
	uint8_t key[LOG_STREAM_KEY];
	tl_bytes value = { NULL, 0 };
	log_stream_key(number, seq, key);
	*ret_status = tl_store_get(walk->txn, LOG_STREAMS, (tl_bytes){ key, sizeof key }, &value, err);
	return value.ptr != NULL;
}

/* The event is found by its trace; in the tail it need not be entered yet. */
static enum tl_status
check_lookup(struct walk *walk, const struct tl_envelope *envelope, struct tl_err *err)
{
	enum tl_status status = TL_OK;
	if (envelope->seq > walk->indexed)
		return TL_OK;
	if (walk->trace_number == 0 || !tl_trace_id_equal(walk->trace_id, envelope->trace_id)) {
		walk->trace_id = envelope->trace_id;
		walk->trace_number = 0;
		TL_TRY(log_trace_number_in(walk->txn, envelope->trace_id, &walk->trace_number, err));
	}
	if (walk->trace_number == 0)
		bad(walk, envelope->seq, "the trace of event %" PRIu64 " is not in the table 'traces'", envelope->seq);
	else if (!has_stream(walk, walk->trace_number, envelope->seq, &status, err) && status == TL_OK)
		bad(walk, envelope->seq, "event %" PRIu64 " is missing in the table 'streams'", envelope->seq);
	return status;
}

static void
check_body(struct walk *walk, const struct log_value *value)
{
	uint64_t seq = value->envelope.seq;
	if (!tl_digest_equal(tl_digest_of(value->salted_body), value->envelope.body_digest))
		bad(walk, seq, "the body of event %" PRIu64 " does not match its digest", seq);
	walk->report.events++;
	walk->report.body_bytes += value->body.len;
}

static void
check_link(struct walk *walk, const struct log_value *value, struct tl_digest previous)
{
	uint64_t seq = value->envelope.seq;
	if (!tl_digest_equal(log_link_after(previous, value->envelope_bytes), value->link))
		bad(walk, seq, "the envelope of event %" PRIu64 " does not match its link, or not the link of the event before",
			seq);
}

/* `seq` is the event's key. */
static enum tl_status
check_event(struct walk *walk, uint64_t seq, tl_bytes stored, struct tl_err *err)
{
	struct log_value value;
	if (seq != walk->next_seq)
		bad(walk, walk->next_seq, "event %" PRIu64 " is missing: the next one is %" PRIu64, walk->next_seq, seq);
	walk->next_seq = seq + 1;
	enum tl_status status = log_value_read(seq, stored, &value, err);
	if (status != TL_OK) {
		/* Its link, if it can be told, lets the next event be judged by itself. */
		if (stored.len >= LOG_SALT_AT)
			memcpy(walk->link.bytes, stored.ptr + LOG_LINK_AT, TL_DIGEST_SIZE);
		return found_or_failed(walk, seq, status, err);
	}
	check_body(walk, &value);
	check_link(walk, &value, walk->link);
	walk->link = value.link;
	status = check_lookup(walk, &value.envelope, err);
	return found_or_failed(walk, seq, status, err);
}

static enum tl_status
check_event_entry(struct walk *walk, const struct tl_store_entry *entry, bool *ret_done, struct tl_err *err)
{
	if (entry->key.len != 8) {
		bad(walk, walk->next_seq, "a key of the table 'events' has %zu bytes, 8 are expected", entry->key.len);
		return TL_OK;
	}
	uint64_t seq = tl_store_key_u64(entry->key.ptr);
	*ret_done = seq > walk->report.head_seq;
	return *ret_done ? TL_OK : check_event(walk, seq, entry->value, err);
}

static enum tl_status
check_stream_entry(struct walk *walk, const struct tl_store_entry *entry, bool *ret_done, struct tl_err *err)
{
	(void)ret_done;
	uint64_t number;
	struct log_value value;
	if (entry->key.len != LOG_STREAM_KEY || entry->value.len != 0) {
		bad(walk, 0, "an entry of the table 'streams' has %zu bytes behind a key of %zu, 0 behind 16 are expected",
			entry->value.len, entry->key.len);
		return TL_OK;
	}
	uint64_t stream = tl_store_key_u64(entry->key.ptr), seq = tl_store_key_u64(entry->key.ptr + 8);
	if (seq == 0 || seq > walk->indexed) {
		bad(walk, 0, "the table 'streams' names event %" PRIu64 ", entered are events 1 to %" PRIu64, seq, walk->indexed);
		return TL_OK;
	}
	enum tl_status status = log_event_in(walk->txn, seq, &value, err);
	if (status == TL_OK)
		status = log_trace_number_in(walk->txn, value.envelope.trace_id, &number, err);
	if (status == TL_OK && number != stream)
		bad(walk, seq,
			"the table 'streams' gives event %" PRIu64 " to trace number %" PRIu64 ", its trace has number %" PRIu64,
			seq, stream, number);
	return found_or_failed(walk, seq, status, err);
}

/* The trace has events, and they are its own. */
static enum tl_status
check_trace_entry(struct walk *walk, const struct tl_store_entry *entry, bool *ret_done, struct tl_err *err)
{
	(void)ret_done;
	struct tl_store_entry first = { { NULL, 0 }, { NULL, 0 } };
	struct log_value value;
	if (entry->key.len != sizeof value.envelope.trace_id.bytes || entry->value.len != LOG_NUMBER_SIZE) {
		bad(walk, 0, "an entry of the table 'traces' has %zu bytes behind a key of %zu, 8 behind 16 are expected",
			entry->value.len, entry->key.len);
		return TL_OK;
	}
	uint64_t number = log_get_u64(entry->value.ptr);
	uint8_t key[LOG_STREAM_KEY];
	log_stream_key(number, 0, key);
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *streams = NULL;
	TL_TRY(tl_store_cursor_open(walk->txn, LOG_STREAMS, &streams, err));
	TL_TRY(tl_store_seek(streams, (tl_bytes){ key, sizeof key }, &first, err));
	if (first.key.len != LOG_STREAM_KEY || tl_store_key_u64(first.key.ptr) != number) {
		bad(walk, 0, "trace number %" PRIu64 " has no events in the table 'streams'", number);
		return TL_OK;
	}
	uint64_t seq = tl_store_key_u64(first.key.ptr + 8);
	enum tl_status status = log_event_in(walk->txn, seq, &value, err);
	if (status == TL_OK && memcmp(value.envelope.trace_id.bytes, entry->key.ptr, entry->key.len) != 0)
		bad(walk, seq, "the table 'traces' gives event %" PRIu64 " to a trace that is not its own", seq);
	return found_or_failed(walk, seq, status, err);
}

static enum tl_status
check_open_entry(struct walk *walk, const struct tl_store_entry *entry, bool *ret_done, struct tl_err *err)
{
	(void)ret_done;
	struct log_value created;
	if (entry->key.len != sizeof created.envelope.trace_id.bytes || entry->value.len != LOG_OPEN_SIZE) {
		bad(walk, 0, "an entry of the table 'open' has %zu bytes behind a key of %zu, 16 behind 16 are expected",
			entry->value.len, entry->key.len);
		return TL_OK;
	}
	uint64_t writer = log_get_u64(entry->value.ptr), seq = log_get_u64(entry->value.ptr + 8);
	enum tl_status status = log_event_in(walk->txn, seq, &created, err);
	if (status == TL_OK && (memcmp(created.envelope.trace_id.bytes, entry->key.ptr, entry->key.len) != 0 ||
				       created.envelope.writer != writer))
		bad(walk, seq, "the table 'open' names event %" PRIu64 " as the start of a trace that is not its own", seq);
	return found_or_failed(walk, seq, status, err);
}

typedef enum tl_status check_fn(struct walk *walk, const struct tl_store_entry *entry, bool *ret_done, struct tl_err *err);

/* Checks up to VERIFY_ROUND entries from `from` on; `from` becomes the key of the first one not checked, or empty at the end. */
static enum tl_status
check_round(struct walk *walk, unsigned table, check_fn *check, struct tl_buf *from, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *cursor = NULL;
	struct tl_store_entry entry;
	bool done = false;
	TL_TRY(tl_store_begin(walk->log->store, TL_STORE_READ, &txn, err));
	TL_TRY(tl_store_cursor_open(txn, table, &cursor, err));
	walk->txn = txn;
	TL_TRY(log_indexed_in(txn, &walk->indexed, err));
	if (from->len == 0)
		TL_TRY(tl_store_first(cursor, &entry, err));
	else
		TL_TRY(tl_store_seek(cursor, tl_bytes_of(tl_buf_str(from)), &entry, err));
	for (unsigned i = 0; i < VERIFY_ROUND && entry.key.ptr && !done; i++) {
		TL_TRY(check(walk, &entry, &done, err));
		TL_TRY(tl_store_next(cursor, &entry, err));
	}
	tl_buf_clear(from);
	if (entry.key.ptr && !done)
		tl_buf_add(from, entry.key.ptr, entry.key.len);
	return tl_buf_status(from, "a key", err);
}

/* Body and link of one event, its predecessor's link taken as stored. */
static enum tl_status
check_alone(struct walk *walk, uint64_t seq, struct tl_err *err)
{
	struct log_value value, before;
	TL_TRY(log_event_in(walk->txn, seq, &value, err));
	struct tl_digest previous = { { 0 } };
	if (seq > 1) {
		TL_TRY(log_event_in(walk->txn, seq - 1, &before, err));
		previous = before.link;
	}
	if (!tl_trace_id_equal(value.envelope.trace_id, walk->trace_id))
		bad(walk, seq, "event %" PRIu64 " is found by a trace that is not its own", seq);
	check_body(walk, &value);
	check_link(walk, &value, previous);
	walk->link = value.link;
	return TL_OK;
}

/* An entry of the wanted trace's stream. */
static enum tl_status
check_own_entry(struct walk *walk, const struct tl_store_entry *entry, bool *ret_done, struct tl_err *err)
{
	*ret_done = entry->key.len != LOG_STREAM_KEY || tl_store_key_u64(entry->key.ptr) != walk->trace_number;
	if (*ret_done)
		return TL_OK;
	uint64_t seq = tl_store_key_u64(entry->key.ptr + 8);
	*ret_done = seq >= walk->tail_from;
	return *ret_done ? TL_OK : found_or_failed(walk, seq, check_alone(walk, seq, err), err);
}

/* An event of the tail, perhaps of the wanted trace. */
static enum tl_status
check_own_event(struct walk *walk, const struct tl_store_entry *entry, bool *ret_done, struct tl_err *err)
{
	struct tl_trace_id id;
	uint64_t seq = entry->key.len == 8 ? tl_store_key_u64(entry->key.ptr) : UINT64_MAX;
	*ret_done = seq > walk->report.head_seq;
	if (*ret_done || !log_value_trace(entry->value, &id) || !tl_trace_id_equal(id, walk->trace_id))
		return TL_OK;
	return found_or_failed(walk, seq, check_alone(walk, seq, err), err);
}

/* The number of the wanted trace (0: not entered yet), the head, and how far events are entered. */
static enum tl_status
look_up(struct walk *walk, struct tl_err *err)
{
	uint64_t indexed;
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	TL_TRY(tl_store_begin(walk->log->store, TL_STORE_READ, &txn, err));
	TL_TRY(log_head_in(txn, &walk->report.head_seq, err));
	TL_TRY(log_indexed_in(txn, &indexed, err));
	walk->tail_from = indexed + 1;
	return log_trace_number_in(txn, walk->trace_id, &walk->trace_number, err);
}

static enum tl_status
count_traces(struct walk *walk, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	TL_TRY(tl_store_begin(walk->log->store, TL_STORE_READ, &txn, err));
	return log_traces_in(txn, &walk->report.traces, err);
}

static enum tl_status
check_table_from(struct walk *walk, unsigned table, tl_bytes key, check_fn *check, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf from;
	tl_buf_init(&from, TL_STORE_KEY_MAX);
	tl_buf_add(&from, key.ptr, key.len);
	enum tl_status status = tl_buf_status(&from, "a key", err);
	bool at_start = key.len == 0;
	while (status == TL_OK && (at_start || from.len > 0)) {
		status = check_round(walk, table, check, &from, err);
		at_start = false;
	}
	return found_or_failed(walk, 0, status, err);
}

enum tl_status
tl_log_verify(struct tl_log *log, struct tl_log_report *ret_report, struct tl_err *err)
{
	static const struct {
		enum log_table table;
		check_fn *check;
	} tables[] = {
		{ LOG_EVENTS, check_event_entry },
		{ LOG_STREAMS, check_stream_entry },
		{ LOG_TRACES, check_trace_entry },
		{ LOG_OPEN, check_open_entry },
	};
	struct walk walk = { .log = log, .next_seq = 1 };
	TL_TRY(found_or_failed(&walk, 0, tl_log_head(log, &walk.report.head_seq, err), err));
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		TL_TRY(check_table_from(&walk, tables[i].table, (tl_bytes){ NULL, 0 }, tables[i].check, err));
	TL_TRY(found_or_failed(&walk, 0, count_traces(&walk, err), err));
	walk.report.last_link = walk.link;
	*ret_report = walk.report;
	return TL_OK;
}

enum tl_status
tl_log_verify_trace(struct tl_log *log, struct tl_trace_id trace_id, struct tl_log_report *ret_report, struct tl_err *err)
{
	struct walk walk = { .log = log, .trace_id = trace_id };
	uint8_t stream[LOG_STREAM_KEY], tail[8];
	TL_TRY(look_up(&walk, err));
	log_stream_key(walk.trace_number, 0, stream);
	tl_store_u64_key(walk.tail_from, tail);
	if (walk.trace_number != 0)
		TL_TRY(check_table_from(&walk, LOG_STREAMS, (tl_bytes){ stream, sizeof stream }, check_own_entry, err));
	TL_TRY(check_table_from(&walk, LOG_EVENTS, (tl_bytes){ tail, sizeof tail }, check_own_event, err));
	if (walk.trace_number == 0 && walk.report.events == 0 && walk.report.bad == 0) {
		char text[TL_TRACE_ID_TEXT_SIZE];
		tl_trace_id_text(trace_id, text);
		return tl_err_set(err, TL_ERR_NOT_FOUND, "there is no trace %s", text);
	}
	walk.report.traces = 1;
	walk.report.last_link = walk.link;
	*ret_report = walk.report;
	return TL_OK;
}
