/* store/txn: transactions, entries, cursors. Knows no file. */
#include "internal.h"

#include <errno.h>

struct tl_store_txn {
	struct tl_store *store;
	MDB_txn *txn;
};

struct tl_store_cursor {
	struct tl_store *store;
	MDB_cursor *cursor;
};

/* LMDB's slices are not const because it has no other; it does not write through those handed in. */
static MDB_val
val_of(tl_bytes bytes)
{
	union {
		const uint8_t *in;
		void *out;
	} ptr = { .in = bytes.ptr };
	return (MDB_val){ .mv_size = bytes.len, .mv_data = ptr.out };
}

static tl_bytes
bytes_of(MDB_val val)
{
	return (tl_bytes){ val.mv_data, val.mv_size };
}

enum tl_status
tl_store_begin(struct tl_store *store, enum tl_store_access access, struct tl_store_txn **ret_txn, struct tl_err *err)
{
	struct tl_store_txn *txn = tl_alloc(1, sizeof *txn);
	if (!txn)
		return tl_err_no_memory(err);
	txn->store = store;
	unsigned flags = access == TL_STORE_READ ? MDB_RDONLY : 0;
	int result = mdb_txn_begin(store->env, NULL, flags, &txn->txn);
	if (result == MDB_READERS_FULL && mdb_reader_check(store->env, NULL) == 0)
		result = mdb_txn_begin(store->env, NULL, flags, &txn->txn);
	if (result != 0) {
		tl_free(txn);
		return store_failed(store, result, access == TL_STORE_READ ? "begin to read" : "begin to write", err);
	}
	*ret_txn = txn;
	return TL_OK;
}

enum tl_status
tl_store_commit(struct tl_store_txn *txn, struct tl_err *err)
{
	struct tl_store *store = txn->store;
	int result = EIO;
	if (tl_fault(TL_FAULT_COMMIT))
		mdb_txn_abort(txn->txn);
	else
		result = mdb_txn_commit(txn->txn);
	tl_free(txn);
	return result == 0 ? TL_OK : store_failed(store, result, "commit", err);
}

void
tl_store_abort(struct tl_store_txn *txn)
{
	if (!txn)
		return;
	mdb_txn_abort(txn->txn);
	tl_free(txn);
}

void
tl_store_abort_cleanup(struct tl_store_txn **txn)
{
	tl_store_abort(*txn);
	*txn = NULL;
}

static MDB_dbi
table_of(const struct tl_store_txn *txn, unsigned table)
{
	TL_ASSERT(table < txn->store->table_count);
	return txn->store->tables[table];
}

enum tl_status
tl_store_get(struct tl_store_txn *txn, unsigned table, tl_bytes key, tl_bytes *ret_value, struct tl_err *err)
{
	MDB_val key_val = val_of(key), value;
	int result = mdb_get(txn->txn, table_of(txn, table), &key_val, &value);
	if (result != 0 && result != MDB_NOTFOUND)
		return store_failed(txn->store, result, "read an entry", err);
	*ret_value = result == 0 ? bytes_of(value) : (tl_bytes){ NULL, 0 };
	return TL_OK;
}

enum tl_status
tl_store_put(struct tl_store_txn *txn, unsigned table, tl_bytes key, tl_bytes value, enum tl_store_put how, struct tl_err *err)
{
	MDB_val key_val = val_of(key), value_val = val_of(value);
	int result = mdb_put(txn->txn, table_of(txn, table), &key_val, &value_val, how == TL_STORE_APPEND ? MDB_APPEND : 0);
	return result == 0 ? TL_OK : store_failed(txn->store, result, "write an entry", err);
}

enum tl_status
tl_store_delete(struct tl_store_txn *txn, unsigned table, tl_bytes key, bool *ret_deleted, struct tl_err *err)
{
	MDB_val key_val = val_of(key);
	int result = mdb_del(txn->txn, table_of(txn, table), &key_val, NULL);
	if (result != 0 && result != MDB_NOTFOUND)
		return store_failed(txn->store, result, "delete an entry", err);
	if (ret_deleted)
		*ret_deleted = result == 0;
	return TL_OK;
}

enum tl_status
tl_store_count(struct tl_store_txn *txn, unsigned table, uint64_t *ret_count, struct tl_err *err)
{
	MDB_stat about;
	int result = mdb_stat(txn->txn, table_of(txn, table), &about);
	if (result != 0)
		return store_failed(txn->store, result, "count the entries", err);
	*ret_count = about.ms_entries;
	return TL_OK;
}

enum tl_status
tl_store_cursor_open(struct tl_store_txn *txn, unsigned table, struct tl_store_cursor **ret_cursor, struct tl_err *err)
{
	struct tl_store_cursor *cursor = tl_alloc(1, sizeof *cursor);
	if (!cursor)
		return tl_err_no_memory(err);
	cursor->store = txn->store;
	int result = mdb_cursor_open(txn->txn, table_of(txn, table), &cursor->cursor);
	if (result != 0) {
		tl_free(cursor);
		return store_failed(txn->store, result, "open a cursor", err);
	}
	*ret_cursor = cursor;
	return TL_OK;
}

void
tl_store_cursor_close(struct tl_store_cursor *cursor)
{
	if (!cursor)
		return;
	mdb_cursor_close(cursor->cursor);
	tl_free(cursor);
}

void
tl_store_cursor_cleanup(struct tl_store_cursor **cursor)
{
	tl_store_cursor_close(*cursor);
	*cursor = NULL;
}

static enum tl_status
move(struct tl_store_cursor *cursor, MDB_val key, MDB_cursor_op where, struct tl_store_entry *ret_entry, struct tl_err *err)
{
	MDB_val value;
	int result = mdb_cursor_get(cursor->cursor, &key, &value, where);
	if (result != 0 && result != MDB_NOTFOUND)
		return store_failed(cursor->store, result, "walk a table", err);
	*ret_entry = result == 0 ? (struct tl_store_entry){ bytes_of(key), bytes_of(value) }
				 : (struct tl_store_entry){ { NULL, 0 }, { NULL, 0 } };
	return TL_OK;
}

enum tl_status
tl_store_seek(struct tl_store_cursor *cursor, tl_bytes key, struct tl_store_entry *ret_entry, struct tl_err *err)
{
	return move(cursor, val_of(key), MDB_SET_RANGE, ret_entry, err);
}

enum tl_status
tl_store_first(struct tl_store_cursor *cursor, struct tl_store_entry *ret_entry, struct tl_err *err)
{
	return move(cursor, (MDB_val){ 0, NULL }, MDB_FIRST, ret_entry, err);
}

enum tl_status
tl_store_last(struct tl_store_cursor *cursor, struct tl_store_entry *ret_entry, struct tl_err *err)
{
	return move(cursor, (MDB_val){ 0, NULL }, MDB_LAST, ret_entry, err);
}

enum tl_status
tl_store_next(struct tl_store_cursor *cursor, struct tl_store_entry *ret_entry, struct tl_err *err)
{
	return move(cursor, (MDB_val){ 0, NULL }, MDB_NEXT, ret_entry, err);
}

enum tl_status
tl_store_previous(struct tl_store_cursor *cursor, struct tl_store_entry *ret_entry, struct tl_err *err)
{
	return move(cursor, (MDB_val){ 0, NULL }, MDB_PREV, ret_entry, err);
}

void
tl_store_u64_key(uint64_t number, uint8_t out[8])
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(number >> (56 - 8 * i));
}

uint64_t
tl_store_key_u64(const uint8_t in[8])
{
	uint64_t number = 0;
	for (unsigned i = 0; i < 8; i++)
		number = number << 8 | in[i];
	return number;
}
