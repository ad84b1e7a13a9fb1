/* log/sweep: ends the traces whose writer died. Knows no event's meaning: the ending record is the caller's. */
#include "internal.h"

#include <string.h>

/* Open traces looked at in one read transaction. */
#define SWEEP_ROUND       64u
#define SWEEP_ARENA_BYTES (64u << 20)

struct sweep {
	struct tl_log *log;
	tl_log_finish_fn *finish;
	void *context;
	uint64_t ended;
	/* Most traces of one writer stand together. */
	uint64_t asked_writer;
	bool asked_dead;
};

static enum tl_status
open_entry_read(
	struct tl_store_txn *txn, const struct tl_store_entry *entry, struct tl_log_open_trace *ret_open, struct tl_err *err)
{
	struct log_value created;
	if (entry->key.len != sizeof ret_open->trace_id.bytes || entry->value.len != LOG_OPEN_SIZE)
		return tl_err_set(err, TL_ERR_CORRUPT,
			"an entry of the table 'open' has %zu bytes behind a key of %zu, 16 behind 16 are expected",
			entry->value.len, entry->key.len);
	TL_TRY(log_event_in(txn, log_get_u64(entry->value.ptr + 8), &created, err));
	ret_open->writer = log_get_u64(entry->value.ptr);
	ret_open->created = created.envelope;
	memcpy(ret_open->trace_id.bytes, entry->key.ptr, entry->key.len);
	return TL_OK;
}

/* The open traces from `*from` on, which becomes the first one not read. False in *ret_more at the end. */
static enum tl_status
read_round(struct tl_log *log, struct tl_trace_id *from, struct tl_log_open_trace *opens, unsigned *ret_count, bool *ret_more,
	struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	TL_CLEANUP(tl_store_cursor_cleanup) struct tl_store_cursor *cursor = NULL;
	struct tl_store_entry entry;
	unsigned count = 0;
	TL_TRY(tl_store_begin(log->store, TL_STORE_READ, &txn, err));
	TL_TRY(tl_store_cursor_open(txn, LOG_OPEN, &cursor, err));
	TL_TRY(tl_store_seek(cursor, (tl_bytes){ from->bytes, sizeof from->bytes }, &entry, err));
	for (; entry.key.ptr && count < SWEEP_ROUND; count++) {
		TL_TRY(open_entry_read(txn, &entry, &opens[count], err));
		TL_TRY(tl_store_next(cursor, &entry, err));
	}
	*ret_more = entry.key.len == sizeof from->bytes;
	if (*ret_more)
		memcpy(from->bytes, entry.key.ptr, sizeof from->bytes);
	*ret_count = count;
	return TL_OK;
}

static enum tl_status
end_trace(struct sweep *sweep, const struct tl_log_open_trace *open, struct tl_err *err)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_record record = { .envelope = { 0 } };
	uint64_t seq;
	tl_arena_init(&arena, SWEEP_ARENA_BYTES);
	TL_TRY(sweep->finish(sweep->context, open, &arena, &record, err));
	record.envelope.trace_id = open->trace_id;
	record.closes_trace = record.only_if_open = true;
	TL_TRY(tl_log_append(sweep->log, &record, 1, &seq, err));
	sweep->ended += seq != 0;
	return TL_OK;
}

static enum tl_status
end_when_dead(struct sweep *sweep, const struct tl_log_open_trace *open, struct tl_err *err)
{
	if (open->writer != sweep->asked_writer) {
		TL_TRY(log_run_is_dead(sweep->log->data_dir, open->writer, &sweep->asked_dead, err));
		sweep->asked_writer = open->writer;
	}
	return sweep->asked_dead ? end_trace(sweep, open, err) : TL_OK;
}

enum tl_status
tl_log_sweep(struct tl_log *log, tl_log_finish_fn *finish, void *context, uint64_t *ret_ended, struct tl_err *err)
{
	struct sweep sweep = { .log = log, .finish = finish, .context = context };
	struct tl_log_open_trace opens[SWEEP_ROUND];
	struct tl_trace_id from = { { 0 } };
	unsigned count;
	bool more;
	if (log->writer == 0)
		return tl_err_set(err, TL_ERR_READ_ONLY, "the log in %s is open for reading only", log->data_dir);
	do {
		TL_TRY(read_round(log, &from, opens, &count, &more, err));
		for (unsigned i = 0; i < count; i++)
			TL_TRY(end_when_dead(&sweep, &opens[i], err));
	} while (more);
	/* A writer without its file counts as dead, so it does not matter whose traces were seen. */
	log_run_clean(log->data_dir);
	*ret_ended = sweep.ended;
	return TL_OK;
}

enum tl_status
tl_log_is_open(struct tl_log *log, struct tl_trace_id trace_id, bool *ret_open, bool *ret_dead, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	struct tl_log_open_trace open = { .writer = 0 };
	tl_bytes key = { trace_id.bytes, sizeof trace_id.bytes }, value;
	bool dead = false;
	TL_TRY(tl_store_begin(log->store, TL_STORE_READ, &txn, err));
	TL_TRY(tl_store_get(txn, LOG_OPEN, key, &value, err));
	if (value.ptr) {
		struct tl_store_entry entry = { key, value };
		TL_TRY(open_entry_read(txn, &entry, &open, err));
		TL_TRY(log_run_is_dead(log->data_dir, open.writer, &dead, err));
	}
	*ret_open = value.ptr != NULL;
	*ret_dead = dead;
	return TL_OK;
}
