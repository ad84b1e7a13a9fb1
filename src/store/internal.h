/* store, inside: what its two files share. */
#ifndef TRACELLM_STORE_INTERNAL_H
#define TRACELLM_STORE_INTERNAL_H

#include <tracellm/store.h>

#include <lmdb.h>

struct tl_store {
	struct tl_store *next_open; /* env.c: the environments of this process */
	dev_t device;
	ino_t inode;
	MDB_env *env;
	MDB_dbi tables[TL_STORE_TABLES_MAX];
	unsigned table_count;
	uint64_t map_bytes;
	char *dir;
};

/* The error of an LMDB call that gave `result`, said as "cannot <what> in <dir>: <why>". */
enum tl_status store_failed(const struct tl_store *store, int result, const char *what, struct tl_err *err);

#endif
