/* store: the disk. Ordered tables of bytes in one LMDB environment, behind transactions. Knows no event and no format of ours.
 *
 *      tl_store_open(&options, &store, err)            one environment: a directory with data.mdb and lock.mdb
 *      tl_store_begin(store, TL_STORE_WRITE, &txn, err)
 *      tl_store_put(txn, EVENTS, key, value, TL_STORE_APPEND, err)
 *      tl_store_commit(txn, err)                       durable when it returns TL_OK
 *
 * A table is named by its place in the list given to tl_store_open. Keys are compared as memcmp does, the shorter first, so
 * numbers in keys are written big-endian (tl_store_u64_key). Durability is LMDB's default (a flush before and one after the new
 * root is written); no flag weakens it.
 *
 * Rules that come from LMDB (lmdb.h, "Caveats"):
 * - one open environment a process and directory (closing a second one would drop the first one's locks): a second open is
 * refused;
 * - a write transaction stays on the thread that began it; a read transaction may move between threads, one at a time;
 * - slices handed out point into the map: *borrowed* until the transaction ends, in a write transaction only until its next put
 * or delete;
 * - no transaction outlives a fork; descriptors are closed on exec.
 *
 * What a file with flipped bits does: LMDB has no checksums. A broken page it notices is TL_ERR_CORRUPT, one it does not notice
 * gives wrong bytes or a fault. Whoever must know keeps digests of its own (log/). */
#ifndef TRACELLM_STORE_H
#define TRACELLM_STORE_H

#include <tracellm/base.h>

#define TL_STORE_TABLES_MAX  16u
#define TL_STORE_KEY_MAX     511u
#define TL_STORE_READERS_MAX 510u /* read transactions at one time, over all processes */
/* Address space asked for, not memory or disk; halved down to the least while the system refuses, doubled while a file fills more
 * than half of it. It bounds the file. */
#define TL_STORE_MAP_BYTES       (UINT64_C(64) << 30)
#define TL_STORE_MAP_BYTES_LEAST (UINT64_C(1) << 30)

struct tl_store;
struct tl_store_txn;
struct tl_store_cursor;

struct tl_store_options {
	const char *dir; /* exists */
	bool read_only;
	const char *const *tables; /* names; borrowed during the call */
	unsigned table_count;      /* at most TL_STORE_TABLES_MAX */
};

/* Opens, makes the tables in an empty environment (unless read-only), gives back the slots of readers that died. Owned,
 * tl_store_close. TL_ERR_VERSION: no LMDB file of this format, or one that holds something else than these tables; nothing was
 * changed. TL_ERR_NOT_FOUND: read-only and nothing there. TL_ERR_USAGE: open in this process already. TL_ERR_NO_MEMORY: no map of
 * TL_STORE_MAP_BYTES_LEAST to be had. */
enum tl_status tl_store_open(const struct tl_store_options *options, struct tl_store **ret_store, struct tl_err *err);
/* No transaction may be open. Accepts NULL. */
void tl_store_close(struct tl_store *store);
/* Slots of read transactions whose process died keep old pages from being used again: gives them back. Any thread. */
enum tl_status tl_store_clear_readers(struct tl_store *store, unsigned *ret_cleared, struct tl_err *err);
/* Bytes of the data file in use. Any thread. */
enum tl_status tl_store_file_bytes(struct tl_store *store, uint64_t *ret_bytes, struct tl_err *err);

/* ---- Transactions ---- */
enum tl_store_access { TL_STORE_READ, TL_STORE_WRITE };

/* Owned until commit or abort. TL_STORE_WRITE waits without end while another process writes: who must not wait takes a lock of
 * its own first (log/lock.c). TL_ERR_BUSY: TL_STORE_READERS_MAX readers are at work. TL_ERR_LIMIT: another process made the file
 * larger than this one's map. */
enum tl_status tl_store_begin(
	struct tl_store *store, enum tl_store_access access, struct tl_store_txn **ret_txn, struct tl_err *err);
/* Ends the transaction, also on failure, after which nothing of it is stored. TL_ERR_FULL: no space (ENOSPC, EDQUOT, or EIO with
 * no room left on the file system, which is what LMDB makes of a short write; or the map is full). TL_ERR_IO: the flush
 * failed. */
enum tl_status tl_store_commit(struct tl_store_txn *txn, struct tl_err *err);
void tl_store_abort(struct tl_store_txn *txn); /* accepts NULL */
void tl_store_abort_cleanup(struct tl_store_txn **txn);

/* ---- Entries ---- */
/* `ret_value->ptr` is NULL when there is none: absence is an answer, not an error. */
enum tl_status tl_store_get(struct tl_store_txn *txn, unsigned table, tl_bytes key, tl_bytes *ret_value, struct tl_err *err);

enum tl_store_put {
	TL_STORE_REPLACE, /* or add */
	TL_STORE_APPEND,  /* the key is greater than every other: TL_ERR_CORRUPT when it is not */
};
enum tl_status tl_store_put(
	struct tl_store_txn *txn, unsigned table, tl_bytes key, tl_bytes value, enum tl_store_put how, struct tl_err *err);
/* True in `*ret_deleted` (may be NULL) when there was one. */
enum tl_status tl_store_delete(struct tl_store_txn *txn, unsigned table, tl_bytes key, bool *ret_deleted, struct tl_err *err);
enum tl_status tl_store_count(struct tl_store_txn *txn, unsigned table, uint64_t *ret_count, struct tl_err *err);

/* ---- Cursors: walking a table in order of its keys ---- */
struct tl_store_entry {
	tl_bytes key; /* key.ptr is NULL: there is none, the walk is over */
	tl_bytes value;
};

/* Owned, tl_store_cursor_close, before its transaction ends. */
enum tl_status tl_store_cursor_open(
	struct tl_store_txn *txn, unsigned table, struct tl_store_cursor **ret_cursor, struct tl_err *err);
void tl_store_cursor_close(struct tl_store_cursor *cursor); /* accepts NULL */
void tl_store_cursor_cleanup(struct tl_store_cursor **cursor);
/* To the first entry whose key is not less than `key`. */
enum tl_status tl_store_seek(struct tl_store_cursor *cursor, tl_bytes key, struct tl_store_entry *ret_entry, struct tl_err *err);
enum tl_status tl_store_first(struct tl_store_cursor *cursor, struct tl_store_entry *ret_entry, struct tl_err *err);
enum tl_status tl_store_last(struct tl_store_cursor *cursor, struct tl_store_entry *ret_entry, struct tl_err *err);
/* From where the cursor stands; on a new one: the first, the last. */
enum tl_status tl_store_next(struct tl_store_cursor *cursor, struct tl_store_entry *ret_entry, struct tl_err *err);
enum tl_status tl_store_previous(struct tl_store_cursor *cursor, struct tl_store_entry *ret_entry, struct tl_err *err);

/* ---- Numbers in keys ---- */
void tl_store_u64_key(uint64_t number, uint8_t out[8]);
uint64_t tl_store_key_u64(const uint8_t in[8]);

#endif
