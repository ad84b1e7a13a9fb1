/* projections/embedded: the embedded view's file: schema, opening, and making it again when it cannot be used. Knows no query. */
#include "embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "internal.h"

/* A change of the tables is a new number. */
#define SCHEMA_VERSION 1

/* Texts compare byte for byte (BINARY, the default). Each index of a filter holds the order of a list as well, so that a page is
 * read off it. */
static const char schema[] =
	"CREATE TABLE traces (id INTEGER PRIMARY KEY, trace_id BLOB NOT NULL UNIQUE, seq INTEGER NOT NULL, status TEXT NOT NULL, "
	"reason TEXT, provider TEXT NOT NULL, model TEXT NOT NULL, project TEXT NOT NULL, session TEXT, tags TEXT, prompt TEXT, "
	"started INTEGER NOT NULL, latency INTEGER, first_byte INTEGER, first_content INTEGER, prompt_tokens INTEGER, "
	"completion_tokens INTEGER, tokens_estimated INTEGER NOT NULL, cost INTEGER, attempts INTEGER NOT NULL, "
	"answer_chars INTEGER NOT NULL, error_class TEXT, replay_of TEXT, digest BLOB NOT NULL, finished INTEGER NOT NULL, "
	"confirmed INTEGER NOT NULL);"
	"CREATE TABLE documents (id INTEGER PRIMARY KEY, document BLOB NOT NULL);"
	"CREATE TABLE trace_tags (tag TEXT NOT NULL, tag_started INTEGER NOT NULL, tag_trace_id BLOB NOT NULL, tag_row INTEGER "
	"NOT NULL, "
	"PRIMARY KEY (tag, tag_started, tag_trace_id)) WITHOUT ROWID;"
	"CREATE TABLE totals (status TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, project TEXT NOT NULL, "
	"replay INTEGER NOT NULL, traces INTEGER NOT NULL, PRIMARY KEY (status, provider, model, project, replay)) WITHOUT ROWID;"
	"CREATE TABLE parked (trace_id BLOB PRIMARY KEY, seq INTEGER NOT NULL, message TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX traces_newest ON traces (started, trace_id);"
	"CREATE INDEX traces_status ON traces (status, started, trace_id);"
	"CREATE INDEX traces_model ON traces (model, started, trace_id);"
	"CREATE INDEX traces_project ON traces (project, started, trace_id);"
	"CREATE INDEX traces_session ON traces (session, started, trace_id) WHERE session IS NOT NULL;"
	"CREATE INDEX traces_replay ON traces (replay_of, started, trace_id) WHERE replay_of IS NOT NULL;"
	"CREATE INDEX traces_unconfirmed ON traces (id) WHERE finished = 1 AND confirmed = 0;"
	"CREATE INDEX trace_tags_row ON trace_tags (tag_row);"
	"CREATE TRIGGER traces_added AFTER INSERT ON traces BEGIN "
	"INSERT INTO totals VALUES (new.status, new.provider, new.model, new.project, new.replay_of IS NOT NULL, 1) "
	"ON CONFLICT DO UPDATE SET traces = traces + 1; END;"
	"CREATE TRIGGER traces_changed AFTER UPDATE OF status, provider, model, project, replay_of ON traces "
	"WHEN (old.status, old.provider, old.model, old.project, old.replay_of IS NULL) <> "
	"(new.status, new.provider, new.model, new.project, new.replay_of IS NULL) BEGIN "
	"UPDATE totals SET traces = traces - 1 WHERE status = old.status AND provider = old.provider AND model = old.model "
	"AND project = old.project AND replay = (old.replay_of IS NOT NULL); "
	"INSERT INTO totals VALUES (new.status, new.provider, new.model, new.project, new.replay_of IS NOT NULL, 1) "
	"ON CONFLICT DO UPDATE SET traces = traces + 1; END;";

static enum tl_status
execute(struct embedded *embedded, const char *sql, const char *what, struct tl_err *err)
{
	if (sqlite3_exec(embedded->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return embedded_failed(embedded, what, err);
	return TL_OK;
}

/* ---- One connection ---- */

static enum tl_status
open_connection(struct embedded *embedded, bool create, struct tl_err *err)
{
	int flags = embedded->writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	struct stat file;
	flags |= SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
	embedded->damaged = false;
	if (sqlite3_open_v2(embedded->path, &embedded->db, flags, NULL) != SQLITE_OK)
		return embedded->db ? embedded_failed(embedded, "open", err) : tl_err_no_memory(err);
	(void)sqlite3_extended_result_codes(embedded->db, 1);
	(void)sqlite3_busy_timeout(embedded->db, EMBEDDED_BUSY_MS);
	/* Closing need not flush what can be made again: the write-ahead log is taken in by whoever fills it up. */
	(void)sqlite3_db_config(embedded->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (embedded->writable)
		TL_TRY(execute(embedded,
			"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 16777216;", "open",
			err));
	/* Read at least once while the file is known to be in its place: SQLite opens the write-ahead log by name. */
	TL_TRY(execute(embedded, "PRAGMA user_version", "read", err));
	if (stat(embedded->path, &file) != 0)
		return tl_err_errno(err, errno, "cannot look at %s", embedded->path);
	embedded->device = file.st_dev;
	embedded->inode = file.st_ino;
	return TL_OK;
}

static enum tl_status
create(struct embedded *embedded, struct tl_err *err)
{
	char version[64];
	(void)snprintf(version, sizeof version, "PRAGMA user_version = %d", SCHEMA_VERSION);
	TL_TRY(open_connection(embedded, true, err));
	TL_TRY(embedded_do(embedded, EMBEDDED_BEGIN, err));
	TL_TRY(execute(embedded, schema, "make the tables", err));
	TL_TRY(embedded_set_meta(embedded, "log_id", tl_log_id(embedded->log), err));
	TL_TRY(embedded_set_meta(embedded, "fold", TL_FOLD_VERSION, err));
	TL_TRY(embedded_set_meta(embedded, "checkpoint", 0, err));
	TL_TRY(execute(embedded, version, "make the tables", err));
	return embedded_do(embedded, EMBEDDED_COMMIT, err);
}

static enum tl_status
schema_version(struct embedded *embedded, int *ret_version, struct tl_err *err)
{
	sqlite3_stmt *statement = NULL;
	bool row = false;
	if (sqlite3_prepare_v2(embedded->db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK)
		return embedded_failed(embedded, "read", err);
	enum tl_status status = embedded_step(embedded, statement, &row, err);
	if (status == TL_OK)
		*ret_version = row ? sqlite3_column_int(statement, 0) : 0;
	(void)sqlite3_finalize(statement);
	return status;
}

/* TL_ERR_VERSION: the file belongs to another version or log; TL_ERR_CORRUPT: it is damaged. Both are mended by making it
 * again. */
static enum tl_status
check(struct embedded *embedded, struct tl_err *err)
{
	int version = 0;
	uint64_t log_id, fold, checkpoint, head;
	TL_TRY(schema_version(embedded, &version, err));
	if (version != SCHEMA_VERSION)
		return tl_err_set(err, TL_ERR_VERSION, "%s: its tables are of version %d, this program has %d", embedded->path,
			version, SCHEMA_VERSION);
	TL_TRY(embedded_get_meta(embedded, "log_id", &log_id, err));
	TL_TRY(embedded_get_meta(embedded, "fold", &fold, err));
	TL_TRY(embedded_get_meta(embedded, "checkpoint", &checkpoint, err));
	TL_TRY(tl_log_head(embedded->log, &head, err));
	if (log_id != tl_log_id(embedded->log))
		return tl_err_set(err, TL_ERR_VERSION, "%s belongs to another log", embedded->path);
	if (fold != TL_FOLD_VERSION)
		return tl_err_set(err, TL_ERR_VERSION, "%s: its documents are of fold version %" PRIu64 ", this program has %d",
			embedded->path, fold, TL_FOLD_VERSION);
	if (checkpoint > head)
		return tl_err_set(err, TL_ERR_VERSION, "%s has seen event %" PRIu64 ", the log ends with %" PRIu64,
			embedded->path, checkpoint, head);
	return TL_OK;
}

/* ---- Opening ---- */

static enum tl_status
remove_file(const struct embedded *embedded, struct tl_err *err)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	char path[PROJECTIONS_PATH_SIZE + 16];
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		(void)snprintf(path, sizeof path, "%s%s", embedded->path, endings[i]);
		if (unlink(path) != 0 && errno != ENOENT)
			return tl_err_errno(err, errno, "cannot remove %s", path);
	}
	return TL_OK;
}

static enum tl_status
connect_reading(struct embedded *embedded, struct tl_err *err)
{
	struct stat file;
	if (stat(embedded->path, &file) != 0)
		return tl_err_errno(err, errno, "cannot read %s", embedded->path);
	enum tl_status status = open_connection(embedded, false, err);
	if (status == TL_OK)
		status = check(embedded, err);
	if (status == TL_ERR_CORRUPT)
		status = err->status = TL_ERR_VERSION;
	return status;
}

static enum tl_status
connect_writing(struct embedded *embedded, struct tl_err *err)
{
	struct stat file;
	bool there = stat(embedded->path, &file) == 0;
	bool damaged = embedded->damaged && there && file.st_dev == embedded->device && file.st_ino == embedded->inode;
	if (there && !damaged) {
		enum tl_status status = open_connection(embedded, false, err);
		if (status == TL_OK)
			status = check(embedded, err);
		if (status != TL_ERR_VERSION && status != TL_ERR_CORRUPT)
			return status;
		embedded_disconnect(embedded);
	}
	TL_TRY(remove_file(embedded, err));
	return create(embedded, err);
}

/* One at a time: the file may be removed and made again meanwhile. Whoever has it open sees at its next use that it is another
 * one. */
static enum tl_status
open_file(struct embedded *embedded, struct tl_err *err)
{
	TL_CLEANUP(tl_close_cleanup) int lock = -1;
	char path[PROJECTIONS_PATH_SIZE];
	embedded_disconnect(embedded);
	TL_TRY(projections_path(embedded->log, "embedded.opening", embedded->writable, path, err));
	enum tl_status status = projections_lock(path, embedded->writable, EMBEDDED_BUSY_MS, &lock, err);
	/* Nobody ever made one: there is nothing to be read, or nobody to be kept out. */
	if (status != TL_OK && !(status == TL_ERR_NOT_FOUND && !embedded->writable))
		return status;
	return embedded->writable ? connect_writing(embedded, err) : connect_reading(embedded, err);
}

enum tl_status
embedded_ready(struct embedded *embedded, struct tl_err *err)
{
	struct stat file;
	TL_ASSERT(!embedded->in_batch);
	bool same = embedded->db && stat(embedded->path, &file) == 0 && file.st_dev == embedded->device &&
		    file.st_ino == embedded->inode;
	if (same && !(embedded->damaged && embedded->writable))
		return TL_OK;
	enum tl_status status = open_file(embedded, err);
	if (status != TL_OK)
		embedded_disconnect(embedded);
	return status;
}

static void
embedded_close(struct tl_view *view)
{
	struct embedded *embedded = (struct embedded *)view;
	embedded_disconnect(embedded);
	tl_free(embedded->path);
	tl_free(embedded);
}

static const struct tl_view_ops embedded_ops = {
	.name = "embedded",
	.close = embedded_close,
	.checkpoint = embedded_checkpoint,
	.begin = embedded_begin,
	.put = embedded_put,
	.park = embedded_park,
	.commit = embedded_commit,
	.abort = embedded_abort,
	.unconfirmed = embedded_unconfirmed,
	.confirm = embedded_confirm,
	.document = embedded_document,
	.list = embedded_list,
	.parked = embedded_parked,
};

enum tl_status
tl_view_open_embedded(struct tl_log *log, bool writable, struct tl_view **ret_view, struct tl_err *err)
{
	char path[PROJECTIONS_PATH_SIZE];
	TL_TRY(projections_path(log, "embedded.sqlite", writable, path, err));
	struct embedded *embedded = tl_alloc(1, sizeof *embedded);
	char *copy = tl_alloc(strlen(path) + 1, 1);
	enum tl_status status = TL_OK;
	if (!embedded || !copy) {
		tl_free(embedded);
		tl_free(copy);
		return tl_err_no_memory(err);
	}
	memcpy(copy, path, strlen(path));
	*embedded = (struct embedded){ .view.ops = &embedded_ops, .log = log, .path = copy, .writable = writable };
	status = embedded_ready(embedded, err);
	if (status != TL_OK) {
		embedded_close(&embedded->view);
		return status;
	}
	*ret_view = &embedded->view;
	return TL_OK;
}
