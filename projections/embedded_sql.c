/* projections/embedded_sql: SQLite's calls with our errors. Knows no trace. */
#include "embedded.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define LIST_SQL_LIMIT 4096u

static const char *const statement_texts[] = {
#define X(name, sql) [EMBEDDED_##name] = sql,
	EMBEDDED_STATEMENTS(X)
#undef X
};

static enum tl_status
status_of(int result, int system_error)
{
	switch (result & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return TL_ERR_BUSY;
	case SQLITE_FULL:
		return TL_ERR_FULL;
	case SQLITE_NOMEM:
		return TL_ERR_NO_MEMORY;
	case SQLITE_READONLY:
		return TL_ERR_READ_ONLY;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return TL_ERR_PERMISSION;
	case SQLITE_TOOBIG:
		return TL_ERR_LIMIT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* our texts are fixed and tested: the tables are not ours */
		return TL_ERR_CORRUPT;
	default:
		return system_error == ENOSPC || system_error == EDQUOT ? TL_ERR_FULL : TL_ERR_IO;
	}
}

enum tl_status
embedded_failed(struct embedded *embedded, const char *what, struct tl_err *err)
{
	enum tl_status status = status_of(sqlite3_extended_errcode(embedded->db), sqlite3_system_errno(embedded->db));
	if (status == TL_ERR_CORRUPT)
		embedded->damaged = true;
	return tl_err_set(err, status, "%s: cannot %s: %s", embedded->path, what, sqlite3_errmsg(embedded->db));
}

static enum tl_status
prepare(struct embedded *embedded, tl_str sql, sqlite3_stmt **ret_statement, struct tl_err *err)
{
	if (sqlite3_prepare_v3(embedded->db, sql.ptr, (int)sql.len, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL) != SQLITE_OK)
		return embedded_failed(embedded, "use the tables", err);
	return TL_OK;
}

enum tl_status
embedded_prepare(struct embedded *embedded, enum embedded_statement which, sqlite3_stmt **ret_statement, struct tl_err *err)
{
	sqlite3_stmt **place = &embedded->statements[which];
	if (!*place)
		TL_TRY(prepare(embedded, tl_str_of(statement_texts[which]), place, err));
	*ret_statement = *place;
	return TL_OK;
}

enum tl_status
embedded_prepare_list(struct embedded *embedded, unsigned shape, void (*write)(struct tl_buf *sql, unsigned shape),
	sqlite3_stmt **ret_statement, struct tl_err *err)
{
	for (unsigned i = 0; i < EMBEDDED_LIST_STATEMENTS; i++) {
		if (embedded->lists[i].statement && embedded->lists[i].shape == shape) {
			*ret_statement = embedded->lists[i].statement;
			return TL_OK;
		}
	}
	TL_CLEANUP(tl_buf_done) struct tl_buf sql;
	tl_buf_init(&sql, LIST_SQL_LIMIT);
	write(&sql, shape);
	TL_TRY(tl_buf_status(&sql, "the text of a list", err));
	sqlite3_stmt *statement;
	TL_TRY(prepare(embedded, tl_buf_str(&sql), &statement, err));
	struct embedded_list_statement *place = &embedded->lists[embedded->next_list];
	embedded->next_list = (embedded->next_list + 1) % EMBEDDED_LIST_STATEMENTS;
	(void)sqlite3_finalize(place->statement);
	*place = (struct embedded_list_statement){ .shape = shape, .statement = statement };
	*ret_statement = statement;
	return TL_OK;
}

enum tl_status
embedded_step(struct embedded *embedded, sqlite3_stmt *statement, bool *ret_row, struct tl_err *err)
{
	int result = sqlite3_step(statement);
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		return embedded_failed(embedded, sqlite3_stmt_readonly(statement) ? "read" : "write", err);
	*ret_row = result == SQLITE_ROW;
	return TL_OK;
}

enum tl_status
embedded_run(struct embedded *embedded, sqlite3_stmt *statement, struct tl_err *err)
{
	bool row;
	bool writes = embedded->in_batch || !sqlite3_stmt_readonly(statement);
	if (writes && tl_fault(TL_FAULT_VIEW)) {
		embedded_reset(&statement);
		return tl_err_set(err, TL_ERR_IO, "%s: cannot write: fault point", embedded->path);
	}
	enum tl_status status = embedded_step(embedded, statement, &row, err);
	embedded_reset(&statement);
	return status;
}

enum tl_status
embedded_do(struct embedded *embedded, enum embedded_statement which, struct tl_err *err)
{
	sqlite3_stmt *statement;
	TL_TRY(embedded_prepare(embedded, which, &statement, err));
	return embedded_run(embedded, statement, err);
}

void
embedded_reset(sqlite3_stmt **statement)
{
	if (!*statement)
		return;
	(void)sqlite3_reset(*statement);
	(void)sqlite3_clear_bindings(*statement);
}

enum tl_status
embedded_get_meta(struct embedded *embedded, const char *key, uint64_t *ret_value, struct tl_err *err)
{
	TL_CLEANUP(embedded_reset) sqlite3_stmt *statement = NULL;
	bool row;
	TL_TRY(embedded_prepare(embedded, EMBEDDED_GET_META, &statement, err));
	embedded_bind_text(statement, 1, tl_str_of(key));
	TL_TRY(embedded_step(embedded, statement, &row, err));
	if (!row) {
		embedded->damaged = true;
		return tl_err_set(err, TL_ERR_CORRUPT, "%s: the table 'meta' has no '%s'", embedded->path, key);
	}
	*ret_value = (uint64_t)sqlite3_column_int64(statement, 0);
	return TL_OK;
}

enum tl_status
embedded_set_meta(struct embedded *embedded, const char *key, uint64_t value, struct tl_err *err)
{
	sqlite3_stmt *statement;
	TL_TRY(embedded_prepare(embedded, EMBEDDED_SET_META, &statement, err));
	embedded_bind_text(statement, 1, tl_str_of(key));
	embedded_bind_u64(statement, 2, value);
	return embedded_run(embedded, statement, err);
}

void
embedded_disconnect(struct embedded *embedded)
{
	for (unsigned i = 0; i < EMBEDDED_STATEMENT_COUNT; i++)
		(void)sqlite3_finalize(embedded->statements[i]);
	for (unsigned i = 0; i < EMBEDDED_LIST_STATEMENTS; i++)
		(void)sqlite3_finalize(embedded->lists[i].statement);
	memset(embedded->statements, 0, sizeof embedded->statements);
	memset(embedded->lists, 0, sizeof embedded->lists);
	embedded->next_list = 0;
	(void)sqlite3_close(embedded->db);
	embedded->db = NULL;
	embedded->in_batch = false;
}

/* ---- Binding ---- */

void
embedded_bind_text(sqlite3_stmt *statement, int place, tl_str text)
{
	if (text.ptr)
		(void)sqlite3_bind_text64(statement, place, text.ptr, text.len, SQLITE_STATIC, SQLITE_UTF8);
	else
		(void)sqlite3_bind_null(statement, place);
}

void
embedded_bind_blob(sqlite3_stmt *statement, int place, const void *bytes, size_t len)
{
	(void)sqlite3_bind_blob64(statement, place, bytes ? bytes : "", len, SQLITE_STATIC);
}

void
embedded_bind_u64(sqlite3_stmt *statement, int place, uint64_t number)
{
	(void)sqlite3_bind_int64(statement, place, (int64_t)number);
}

void
embedded_bind_known(sqlite3_stmt *statement, int place, int64_t number)
{
	if (number < 0)
		(void)sqlite3_bind_null(statement, place);
	else
		(void)sqlite3_bind_int64(statement, place, number);
}
