/* store/env: opening and closing the environment, and what LMDB's errors mean. Knows no entry. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* With less than this free, an EIO of LMDB was a short write for want of space: the failed write itself took the rest. */
#define NO_ROOM_BYTES (UINT64_C(1) << 20)

static pthread_mutex_t open_stores_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct tl_store *open_stores;

static bool
out_of_space(const struct tl_store *store, int result)
{
	if (result == ENOSPC || result == EDQUOT || result == EFBIG)
		return true;
	struct statvfs room;
	return result == EIO && statvfs(store->dir, &room) == 0 && (uint64_t)room.f_bavail * room.f_frsize < NO_ROOM_BYTES;
}

static enum tl_status
status_of(const struct tl_store *store, int result)
{
	if (out_of_space(store, result))
		return TL_ERR_FULL;
	switch (result) {
	case MDB_MAP_FULL:
		return TL_ERR_FULL;
	case MDB_READERS_FULL:
		return TL_ERR_BUSY;
	case MDB_VERSION_MISMATCH:
	case MDB_INVALID:
	case MDB_INCOMPATIBLE:
		return TL_ERR_VERSION;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_KEYEXIST:
	case MDB_BAD_TXN:
		return TL_ERR_CORRUPT;
	case MDB_MAP_RESIZED:
	case MDB_TXN_FULL:
	case MDB_BAD_VALSIZE:
		return TL_ERR_LIMIT;
	default:
		return TL_ERR_IO;
	}
}

enum tl_status
store_failed(const struct tl_store *store, int result, const char *what, struct tl_err *err)
{
	enum tl_status status = status_of(store, result);
	if (result == MDB_MAP_FULL || result == MDB_MAP_RESIZED)
		return tl_err_set(err, status,
			"cannot %s in %s: it has outgrown the %" PRIu64
			" MiB of address space taken when it was opened; opening it again takes more",
			what, store->dir, store->map_bytes >> 20);
	if (status == TL_ERR_FULL)
		return tl_err_set(err, status, "cannot %s in %s: the disk is full", what, store->dir);
	if (result > 0 && status == TL_ERR_IO)
		return tl_err_errno(err, result, "cannot %s in %s", what, store->dir);
	return tl_err_set(err, status, "cannot %s in %s: %s", what, store->dir, mdb_strerror(result));
}

/* Entered before LMDB opens anything: opening and closing a second time is what would drop the first one's locks. */
static enum tl_status
enter_as_open(struct tl_store *store, struct tl_err *err)
{
	struct stat about;
	if (stat(store->dir, &about) != 0)
		return tl_err_errno(err, errno, "cannot open %s", store->dir);
	store->device = about.st_dev;
	store->inode = about.st_ino;
	(void)pthread_mutex_lock(&open_stores_mutex);
	bool found = false;
	for (const struct tl_store *other = open_stores; other; other = other->next_open)
		found = found || (other->device == store->device && other->inode == store->inode);
	if (!found) {
		store->next_open = open_stores;
		open_stores = store;
	}
	(void)pthread_mutex_unlock(&open_stores_mutex);
	return found ? tl_err_set(err, TL_ERR_USAGE, "%s is open in this process already", store->dir) : TL_OK;
}

static void
leave_open(struct tl_store *store)
{
	(void)pthread_mutex_lock(&open_stores_mutex);
	for (struct tl_store **link = &open_stores; *link; link = &(*link)->next_open)
		if (*link == store) {
			*link = store->next_open;
			break;
		}
	(void)pthread_mutex_unlock(&open_stores_mutex);
}

static uint64_t
wanted_map_bytes(const char *dir)
{
	char path[4096];
	struct stat about;
	uint64_t bytes = TL_STORE_MAP_BYTES;
	int len = snprintf(path, sizeof path, "%s/data.mdb", dir);
	if (len > 0 && (size_t)len < sizeof path && stat(path, &about) == 0)
		while (bytes / 2 < (uint64_t)about.st_size)
			bytes *= 2;
	return bytes;
}

/* An environment whose opening failed cannot be tried again, so each try makes a new one. */
static int
open_env(struct tl_store *store, bool read_only)
{
	int result = mdb_env_create(&store->env);
	if (result == 0)
		result = mdb_env_set_maxdbs(store->env, TL_STORE_TABLES_MAX);
	if (result == 0)
		result = mdb_env_set_maxreaders(store->env, TL_STORE_READERS_MAX);
	if (result == 0)
		result = mdb_env_set_mapsize(store->env, store->map_bytes);
	if (result == 0)
		result = mdb_env_open(store->env, store->dir, MDB_NOTLS | (read_only ? MDB_RDONLY : 0u), 0600);
	if (result != 0 && store->env) {
		mdb_env_close(store->env);
		store->env = NULL;
	}
	return result;
}

static enum tl_status
open_mapped(struct tl_store *store, bool read_only, struct tl_err *err)
{
	int result;
	for (store->map_bytes = wanted_map_bytes(store->dir);; store->map_bytes /= 2) {
		result = open_env(store, read_only);
		if ((result != ENOMEM && result != EINVAL) || store->map_bytes / 2 < TL_STORE_MAP_BYTES_LEAST)
			break;
	}
	if (result == ENOMEM)
		return tl_err_set(err, TL_ERR_NO_MEMORY, "cannot open %s: the system refuses %" PRIu64 " MiB of address space",
			store->dir, store->map_bytes >> 20);
	if (result != 0)
		return store_failed(store, result, "open the database", err);
	int fd;
	if (mdb_env_get_fd(store->env, &fd) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return tl_err_errno(err, errno, "cannot open %s", store->dir);
	return TL_OK;
}

/* Tables are made only where nothing is: a file of another program or version must stay as it is. */
static enum tl_status
open_tables(struct tl_store *store, const struct tl_store_options *options, struct tl_err *err)
{
	MDB_stat main_table;
	int result = mdb_env_stat(store->env, &main_table);
	if (result != 0)
		return store_failed(store, result, "look at the tables", err);
	bool create = main_table.ms_entries == 0 && !options->read_only;
	MDB_txn *txn;
	result = mdb_txn_begin(store->env, NULL, create ? 0 : MDB_RDONLY, &txn);
	if (result != 0)
		return store_failed(store, result, "open the tables", err);
	for (unsigned i = 0; i < options->table_count; i++) {
		result = mdb_dbi_open(txn, options->tables[i], create ? MDB_CREATE : 0, &store->tables[i]);
		if (result == 0)
			continue;
		mdb_txn_abort(txn);
		if (result != MDB_NOTFOUND && result != MDB_INCOMPATIBLE)
			return store_failed(store, result, "open the tables", err);
		return main_table.ms_entries == 0
			       ? tl_err_set(err, TL_ERR_NOT_FOUND, "%s is empty", store->dir)
			       : tl_err_set(err, TL_ERR_VERSION,
					 "%s has no table '%s': it was not written by this version or not by this program",
					 store->dir, options->tables[i]);
	}
	result = mdb_txn_commit(txn);
	return result == 0 ? TL_OK : store_failed(store, result, "make the tables", err);
}

static enum tl_status
open_staged(struct tl_store *store, const struct tl_store_options *options, struct tl_err *err)
{
	TL_TRY(open_mapped(store, options->read_only, err));
	/* Before the first transaction: a dead reader may hold the only free slot. */
	TL_TRY(tl_store_clear_readers(store, NULL, err));
	return open_tables(store, options, err);
}

enum tl_status
tl_store_open(const struct tl_store_options *options, struct tl_store **ret_store, struct tl_err *err)
{
	TL_ASSERT(options->table_count <= TL_STORE_TABLES_MAX);
	size_t dir_size = strlen(options->dir) + 1;
	struct tl_store *store = tl_alloc(1, sizeof *store + dir_size);
	if (!store)
		return tl_err_no_memory(err);
	store->dir = memcpy(store + 1, options->dir, dir_size);
	store->table_count = options->table_count;
	enum tl_status status = enter_as_open(store, err);
	if (status != TL_OK) {
		tl_free(store);
		return status;
	}
	status = open_staged(store, options, err);
	if (status != TL_OK) {
		tl_store_close(store);
		return status;
	}
	*ret_store = store;
	return TL_OK;
}

void
tl_store_close(struct tl_store *store)
{
	if (!store)
		return;
	if (store->env)
		mdb_env_close(store->env);
	leave_open(store);
	tl_free(store);
}

enum tl_status
tl_store_clear_readers(struct tl_store *store, unsigned *ret_cleared, struct tl_err *err)
{
	int cleared = 0, result = mdb_reader_check(store->env, &cleared);
	if (result != 0)
		return store_failed(store, result, "give back the slots of dead readers", err);
	if (ret_cleared)
		*ret_cleared = (unsigned)cleared;
	return TL_OK;
}

enum tl_status
tl_store_file_bytes(struct tl_store *store, uint64_t *ret_bytes, struct tl_err *err)
{
	MDB_envinfo info;
	MDB_stat main_table;
	int result = mdb_env_info(store->env, &info);
	if (result == 0)
		result = mdb_env_stat(store->env, &main_table);
	if (result != 0)
		return store_failed(store, result, "tell the size", err);
	*ret_bytes = ((uint64_t)info.me_last_pgno + 1) * main_table.ms_psize;
	return TL_OK;
}
