/* log/open: opening, the log's own ids, closing, counts. Knows no event. */
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PATH_SIZE 4096u

static const char *const table_names[LOG_TABLES] = {
	[LOG_EVENTS] = "events",
	[LOG_TRACES] = "traces",
	[LOG_STREAMS] = "streams",
	[LOG_OPEN] = "open",
	[LOG_META] = "meta",
};

#define NODE_ID_SIZE 16u

static tl_bytes
meta_key(const char *name)
{
	return tl_bytes_of(tl_str_of(name));
}

static enum tl_status
meta_write(struct tl_store *store, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	uint8_t format[LOG_NUMBER_SIZE], log_id[LOG_NUMBER_SIZE], node_id[NODE_ID_SIZE];
	log_put_u64(format, TL_LOG_FORMAT_VERSION);
	tl_entropy(log_id, sizeof log_id);
	tl_entropy(node_id, sizeof node_id);
	const struct {
		const char *name;
		tl_bytes value;
	} entries[] = {
		{ "format", { format, sizeof format } },
		{ "log", { log_id, sizeof log_id } },
		{ "node", { node_id, sizeof node_id } },
	};
	TL_TRY(tl_store_begin(store, TL_STORE_WRITE, &txn, err));
	for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
		TL_TRY(tl_store_put(txn, LOG_META, meta_key(entries[i].name), entries[i].value, TL_STORE_REPLACE, err));
	struct tl_store_txn *committed = txn;
	txn = NULL;
	return tl_store_commit(committed, err);
}

/* False in *ret_made: nothing is written yet. */
static enum tl_status
meta_read(struct tl_store *store, const char *dir, bool *ret_made, uint64_t *ret_log_id, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	tl_bytes format, log_id;
	TL_TRY(tl_store_begin(store, TL_STORE_READ, &txn, err));
	TL_TRY(tl_store_get(txn, LOG_META, meta_key("format"), &format, err));
	TL_TRY(tl_store_get(txn, LOG_META, meta_key("log"), &log_id, err));
	*ret_made = format.ptr != NULL;
	if (!format.ptr)
		return TL_OK;
	if (format.len != LOG_NUMBER_SIZE || log_get_u64(format.ptr) != TL_LOG_FORMAT_VERSION)
		return tl_err_set(err, TL_ERR_VERSION,
			"%s has log format version %" PRIu64
			", this program reads version %d: use the version of tracellm that wrote it",
			dir, format.len == LOG_NUMBER_SIZE ? log_get_u64(format.ptr) : UINT64_MAX, TL_LOG_FORMAT_VERSION);
	if (log_id.len != LOG_NUMBER_SIZE)
		return tl_err_set(err, TL_ERR_CORRUPT, "the table 'meta' in %s has no log id", dir);
	*ret_log_id = log_get_u64(log_id.ptr);
	return TL_OK;
}

static enum tl_status
open_store(struct tl_log *log, const char *dir, bool read_only, struct tl_err *err)
{
	bool made;
	struct tl_store_options options = {
		.dir = dir, .read_only = read_only, .tables = table_names, .table_count = LOG_TABLES
	};
	TL_TRY(tl_store_open(&options, &log->store, err));
	TL_TRY(meta_read(log->store, dir, &made, &log->id, err));
	if (made)
		return TL_OK;
	if (read_only)
		return tl_err_set(err, TL_ERR_NOT_FOUND, "%s holds no log yet", dir);
	TL_TRY(meta_write(log->store, err));
	return meta_read(log->store, dir, &made, &log->id, err);
}

static enum tl_status
start_writer(struct tl_log *log, struct tl_err *err)
{
	uint64_t writer;
	log->places = tl_alloc(LOG_TAIL_MAX, sizeof *log->places);
	if (!log->places)
		return tl_err_no_memory(err);
	do
		tl_entropy(&writer, sizeof writer);
	while (writer == 0);
	TL_TRY(log_run_open(log->data_dir, writer, &log->run_fd, err));
	log->writer = writer;
	log_bell_init(&log->bell, log->id);
	log->readers_cleared_ns = log_now_ns();
	int error = pthread_create(&log->thread, NULL, log_writer_main, log);
	if (error != 0)
		return tl_err_errno(err, error, "cannot start the writer thread");
	(void)pthread_setname_np(log->thread, "log-writer");
	log->thread_started = true;
	return TL_OK;
}

static enum tl_status
open_staged(struct tl_log *log, enum tl_log_mode mode, struct tl_err *err)
{
	char dir[PATH_SIZE];
	bool read_only = mode == TL_LOG_READ_ONLY;
	if (snprintf(dir, sizeof dir, "%s/log", log->data_dir) >= (int)sizeof dir - 64)
		return tl_err_set(
			err, TL_ERR_RANGE, "the path of the data directory is too long: at most %u bytes", PATH_SIZE - 70);
	if (read_only) {
		TL_TRY(log_place_is_local(dir, err));
		return open_store(log, dir, true, err);
	}
	TL_TRY(log_place_make(log->data_dir, err));
	TL_TRY(log_place_is_local(dir, err));
	/* Making the tables writes, and whoever writes queues here first. */
	TL_TRY(log_lock_open(dir, &log->lock_fd, err));
	TL_TRY(log_lock_take(log->lock_fd, log_now_ns() + TL_LOG_LOCK_TIMEOUT_MS * TL_NS_PER_MS, err));
	enum tl_status status = open_store(log, dir, false, err);
	log_lock_release(log->lock_fd);
	return status == TL_OK ? start_writer(log, err) : status;
}

enum tl_status
tl_log_open(const struct tl_log_options *options, struct tl_log **ret_log, struct tl_err *err)
{
	size_t dir_size = strlen(options->data_dir) + 1;
	struct tl_log *log = tl_alloc(1, sizeof *log + dir_size);
	if (!log)
		return tl_err_no_memory(err);
	log->data_dir = memcpy(log + 1, options->data_dir, dir_size);
	log->lock_fd = log->run_fd = log->bell.fd = -1;
	log->queue.end = &log->queue.first;
	(void)pthread_mutex_init(&log->mutex, NULL);
	pthread_cond_t *conditions[] = { &log->work, &log->room };
	for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++)
		(void)pthread_cond_init(conditions[i], NULL);
	enum tl_status status = open_staged(log, options->mode, err);
	if (status != TL_OK) {
		tl_log_close(log);
		return status;
	}
	*ret_log = log;
	return TL_OK;
}

static void
stop_writer(struct tl_log *log)
{
	if (!log->thread_started)
		return;
	(void)pthread_mutex_lock(&log->mutex);
	log->closing = true;
	(void)pthread_cond_signal(&log->work);
	(void)pthread_mutex_unlock(&log->mutex);
	(void)pthread_join(log->thread, NULL);
}

void
tl_log_close(struct tl_log *log)
{
	if (!log)
		return;
	stop_writer(log);
	log_bell_done(&log->bell);
	tl_store_close(log->store);
	if (log->run_fd >= 0)
		log_run_close(log->data_dir, log->writer, log->run_fd);
	tl_close_cleanup(&log->lock_fd);
	log_batches_free(log->spare);
	tl_free(log->places);
	pthread_cond_t *conditions[] = { &log->work, &log->room };
	for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++)
		(void)pthread_cond_destroy(conditions[i]);
	(void)pthread_mutex_destroy(&log->mutex);
	tl_free(log);
}

uint64_t
tl_log_id(const struct tl_log *log)
{
	return log->id;
}

uint64_t
tl_log_writer(const struct tl_log *log)
{
	return log->writer;
}

const char *
tl_log_data_dir(const struct tl_log *log)
{
	return log->data_dir;
}

enum tl_status
tl_log_stat(struct tl_log *log, struct tl_log_stat *ret_stat, struct tl_err *err)
{
	TL_CLEANUP(tl_store_abort_cleanup) struct tl_store_txn *txn = NULL;
	struct tl_log_stat told = { 0 };
	TL_TRY(tl_store_file_bytes(log->store, &told.file_bytes, err));
	TL_TRY(tl_store_begin(log->store, TL_STORE_READ, &txn, err));
	TL_TRY(log_head_in(txn, &told.head_seq, err));
	TL_TRY(log_traces_in(txn, &told.traces, err));
	TL_TRY(tl_store_count(txn, LOG_OPEN, &told.open_traces, err));
	(void)pthread_mutex_lock(&log->mutex);
	told.commits = log->commits;
	told.events_appended = log->events_appended;
	told.posts_failed = log->posts_failed;
	(void)pthread_mutex_unlock(&log->mutex);
	*ret_stat = told;
	return TL_OK;
}
