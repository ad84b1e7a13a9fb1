/* projections/embedded: the SQLite file, inside. Private to projections/embedded*.c, which are the only ones that see sqlite3.h.
 *
 * One file, data/views/embedded.sqlite (schema in embedded.c):
 *
 *      traces        what a list shows and filters by; dense, so that scanning it is cheap
 *      documents     the document of the trace with the same id
 *      trace_tags    (tag, start, trace) of every tag
 *      totals        how many traces there are of each (status, provider, model, project, replay or not); kept by triggers
 *      parked        traces that cannot be folded
 *      meta          log id, fold version, checkpoint
 *
 * Times are nanoseconds, unknown numbers NULL. Every value is bound, none is ever part of an SQL text. */
#ifndef PROJECTIONS_EMBEDDED_H
#define PROJECTIONS_EMBEDDED_H

#include <tracellm/projections.h>

#include <sqlite3.h>
#include <sys/stat.h>

#define EMBEDDED_BUSY_MS 5000

/* Columns of `traces` in the order in which they are bound and read. `tags` is a JSON list, `prompt` the first
 * EMBEDDED_PROMPT_CHARS code points. */
#define EMBEDDED_PROMPT_CHARS 160u
#define EMBEDDED_COLUMNS                                                                                                 \
	"trace_id, seq, status, reason, provider, model, project, session, tags, prompt, started, latency, first_byte, " \
	"first_content, prompt_tokens, completion_tokens, tokens_estimated, cost, attempts, answer_chars, error_class, " \
	"replay_of, digest, finished"
#define EMBEDDED_COLUMN_COUNT 24

/* Statements of fixed text, prepared when first used. */
#define EMBEDDED_STATEMENTS(X)                                                                                                 \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                                            \
	X(BEGIN_READ, "BEGIN")                                                                                                 \
	X(COMMIT, "COMMIT")                                                                                                    \
	X(ROLLBACK, "ROLLBACK")                                                                                                \
	X(GET_META, "SELECT value FROM meta WHERE key = ?1")                                                                   \
	X(SET_META, "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")    \
	X(PUT_TRACE,                                                                                                           \
		"INSERT INTO traces (" EMBEDDED_COLUMNS ", confirmed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "  \
		"?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, 0) ON CONFLICT (trace_id) DO UPDATE SET "    \
		"(" EMBEDDED_COLUMNS ", confirmed) = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, " \
		"?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, 0) RETURNING id")                                                     \
	X(PUT_DOCUMENT, "INSERT INTO documents (id, document) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET document = "      \
			"excluded.document")                                                                                   \
	X(DROP_TAGS, "DELETE FROM trace_tags WHERE tag_row = ?1")                                                              \
	X(PUT_TAG, "INSERT OR IGNORE INTO trace_tags (tag, tag_started, tag_trace_id, tag_row) VALUES (?1, ?2, ?3, ?4)")       \
	X(PARK, "INSERT INTO parked (trace_id, seq, message) VALUES (?1, ?2, ?3) ON CONFLICT (trace_id) DO UPDATE SET "        \
		"seq = excluded.seq, message = excluded.message")                                                              \
	X(UNPARK, "DELETE FROM parked WHERE trace_id = ?1")                                                                    \
	X(PARKED, "SELECT trace_id, seq, message FROM parked ORDER BY seq, trace_id")                                          \
	X(CONFIRM, "UPDATE traces SET confirmed = 1 WHERE trace_id = ?1 AND finished = 1")                                     \
	X(UNCONFIRMED,                                                                                                         \
		"SELECT trace_id FROM traces WHERE finished = 1 AND confirmed = 0 AND NOT EXISTS (SELECT 1 FROM parked WHERE " \
		"parked.trace_id = traces.trace_id) ORDER BY id LIMIT ?1")                                                     \
	X(GET_DOCUMENT, "SELECT " EMBEDDED_COLUMNS ", (SELECT document FROM documents WHERE documents.id = traces.id) FROM "   \
			"traces WHERE trace_id = ?1")

enum embedded_statement {
#define X(name, sql) EMBEDDED_##name,
	EMBEDDED_STATEMENTS(X)
#undef X
		EMBEDDED_STATEMENT_COUNT
};

/* Statements of lists, one for each set of filters; the oldest gives its place to a new one. */
#define EMBEDDED_LIST_STATEMENTS 16u
struct embedded_list_statement {
	unsigned shape; /* 0: empty */
	sqlite3_stmt *statement;
};

struct embedded {
	struct tl_view view;
	struct tl_log *log; /* borrowed */
	char *path;
	bool writable;
	bool in_batch;
	bool damaged; /* SQLite said so; made again at the next occasion */

	/* One connection; all of this changes when the file is another one than that which was opened. */
	sqlite3 *db;
	dev_t device;
	ino_t inode;
	sqlite3_stmt *statements[EMBEDDED_STATEMENT_COUNT];
	struct embedded_list_statement lists[EMBEDDED_LIST_STATEMENTS];
	unsigned next_list;
};

/* ---- embedded.c ---- */
/* Outside a batch: sees to it that the file at the path is the one that is open, and sound. */
enum tl_status embedded_ready(struct embedded *embedded, struct tl_err *err);

/* ---- embedded_sql.c: SQLite with our errors ---- */
/* The status of the connection's last failure, told with `what` was being done. Remembers damage. */
enum tl_status embedded_failed(struct embedded *embedded, const char *what, struct tl_err *err);
/* Borrowed by the caller until embedded_reset. */
enum tl_status embedded_prepare(
	struct embedded *embedded, enum embedded_statement which, sqlite3_stmt **ret_statement, struct tl_err *err);
/* The list statement of this shape; `write` makes its text when it is not prepared yet. */
enum tl_status embedded_prepare_list(struct embedded *embedded, unsigned shape, void (*write)(struct tl_buf *sql, unsigned shape),
	sqlite3_stmt **ret_statement, struct tl_err *err);
/* One step. True in *ret_row: there is a row to be read. */
enum tl_status embedded_step(struct embedded *embedded, sqlite3_stmt *statement, bool *ret_row, struct tl_err *err);
/* Steps a statement that gives no row, then resets it. Fault point TL_FAULT_VIEW when it writes or is part of a batch. */
enum tl_status embedded_run(struct embedded *embedded, sqlite3_stmt *statement, struct tl_err *err);
/* The same for one without parameters. */
enum tl_status embedded_do(struct embedded *embedded, enum embedded_statement which, struct tl_err *err);
void embedded_reset(sqlite3_stmt **statement); /* for TL_CLEANUP; accepts NULL */
enum tl_status embedded_get_meta(struct embedded *embedded, const char *key, uint64_t *ret_value, struct tl_err *err);
enum tl_status embedded_set_meta(struct embedded *embedded, const char *key, uint64_t value, struct tl_err *err);
void embedded_disconnect(struct embedded *embedded);

/* Binding: the text or blob is borrowed until the statement is reset. Nothing is copied, so nothing fails. ptr NULL binds
 * NULL. */
void embedded_bind_text(sqlite3_stmt *statement, int place, tl_str text);
void embedded_bind_blob(sqlite3_stmt *statement, int place, const void *bytes, size_t len);
void embedded_bind_u64(sqlite3_stmt *statement, int place, uint64_t number);
void embedded_bind_known(sqlite3_stmt *statement, int place, int64_t number); /* negative: NULL */

/* ---- embedded_write.c ---- */
enum tl_status embedded_begin(struct tl_view *view, struct tl_err *err);
enum tl_status embedded_put(struct tl_view *view, const struct tl_view_row *row, struct tl_err *err);
enum tl_status embedded_park(struct tl_view *view, const struct tl_view_parked *parked, struct tl_err *err);
enum tl_status embedded_commit(struct tl_view *view, uint64_t checkpoint_seq, struct tl_err *err);
void embedded_abort(struct tl_view *view);
enum tl_status embedded_confirm(struct tl_view *view, const struct tl_trace_id *ids, size_t count, struct tl_err *err);

/* ---- embedded_read.c, embedded_list.c ---- */
enum tl_status embedded_checkpoint(struct tl_view *view, uint64_t *ret_seq, struct tl_err *err);
enum tl_status embedded_unconfirmed(struct tl_view *view, struct tl_arena *arena, size_t max, struct tl_trace_id **ret_ids,
	size_t *ret_count, struct tl_err *err);
enum tl_status embedded_document(struct tl_view *view, struct tl_trace_id trace_id, struct tl_arena *arena,
	struct tl_view_row *ret_row, struct tl_err *err);
enum tl_status embedded_list(struct tl_view *view, const struct tl_view_query *query, struct tl_arena *arena,
	struct tl_view_page *ret_page, struct tl_err *err);
enum tl_status embedded_parked(
	struct tl_view *view, struct tl_arena *arena, struct tl_view_parked **ret_parked, size_t *ret_count, struct tl_err *err);
/* Columns of EMBEDDED_COLUMNS from the statement's row, copied into the arena. */
enum tl_status embedded_read_row(
	sqlite3_stmt *statement, struct tl_arena *arena, struct tl_view_row *ret_row, struct tl_err *err);

#endif
