/* projections/embedded_write: batches into the embedded view. Knows no event. */
#include "embedded.h"

#include <inttypes.h>

#define TAGS_LIMIT (32u << 20)

enum tl_status
embedded_begin(struct tl_view *view, struct tl_err *err)
{
	struct embedded *embedded = (struct embedded *)view;
	if (!embedded->writable)
		return tl_err_set(err, TL_ERR_READ_ONLY, "%s is open for reading only", embedded->path);
	TL_TRY(embedded_ready(embedded, err));
	TL_TRY(embedded_do(embedded, EMBEDDED_BEGIN, err));
	embedded->in_batch = true;
	return TL_OK;
}

void
embedded_abort(struct tl_view *view)
{
	struct embedded *embedded = (struct embedded *)view;
	sqlite3_stmt *statement;
	struct tl_err ignored;
	embedded->in_batch = false;
	/* After some failures SQLite has rolled back by itself. */
	if (!embedded->db || sqlite3_get_autocommit(embedded->db))
		return;
	bool row;
	if (embedded_prepare(embedded, EMBEDDED_ROLLBACK, &statement, &ignored) != TL_OK)
		return embedded_disconnect(embedded);
	enum tl_status status = embedded_step(embedded, statement, &row, &ignored);
	embedded_reset(&statement);
	if (status != TL_OK)
		embedded_disconnect(embedded);
}

enum tl_status
embedded_commit(struct tl_view *view, uint64_t checkpoint_seq, struct tl_err *err)
{
	struct embedded *embedded = (struct embedded *)view;
	TL_ASSERT(embedded->in_batch);
	TL_TRY(embedded_set_meta(embedded, "checkpoint", checkpoint_seq, err));
	TL_TRY(embedded_do(embedded, EMBEDDED_COMMIT, err));
	embedded->in_batch = false;
	return TL_OK;
}

/* ---- Rows ---- */

static tl_str
known(tl_str text)
{
	return text.ptr ? text : TL_STR("");
}

static enum tl_status
write_tags(const struct tl_str_list *tags, struct tl_buf *out, struct tl_err *err)
{
	tl_json *list = tl_json_new_array();
	for (size_t i = 0; i < tags->count; i++)
		tl_json_add(list, tl_json_new_str(tags->items[i]));
	enum tl_status status = tl_json_write(list, out, err);
	tl_json_free(list);
	return status;
}

static void
bind_row(sqlite3_stmt *statement, const struct tl_view_row *row, tl_str tags)
{
	const struct tl_trace_summary *summary = &row->summary;
	int at = 1;
	embedded_bind_blob(statement, at++, summary->trace_id.bytes, sizeof summary->trace_id.bytes);
	embedded_bind_u64(statement, at++, summary->seq);
	embedded_bind_text(statement, at++, tl_str_of(tl_trace_status_text(summary->status)));
	embedded_bind_text(statement, at++, summary->reason);
	embedded_bind_text(statement, at++, known(summary->provider));
	embedded_bind_text(statement, at++, known(summary->model));
	embedded_bind_text(statement, at++, known(summary->project));
	embedded_bind_text(statement, at++, summary->session);
	embedded_bind_text(statement, at++, tags);
	embedded_bind_text(statement, at++, tl_utf8_prefix(summary->prompt, EMBEDDED_PROMPT_CHARS));
	embedded_bind_u64(statement, at++, summary->started_unix_ns);
	embedded_bind_known(statement, at++, summary->latency_ns);
	embedded_bind_known(statement, at++, summary->first_byte_ns);
	embedded_bind_known(statement, at++, summary->first_content_ns);
	embedded_bind_known(statement, at++, summary->prompt_tokens);
	embedded_bind_known(statement, at++, summary->completion_tokens);
	embedded_bind_u64(statement, at++, summary->tokens_estimated);
	embedded_bind_known(statement, at++, summary->cost_nano_usd);
	embedded_bind_u64(statement, at++, summary->attempts);
	embedded_bind_u64(statement, at++, summary->answer_chars);
	embedded_bind_text(statement, at++, summary->error_class);
	embedded_bind_text(statement, at++, summary->replay_of);
	embedded_bind_blob(statement, at++, row->digest.bytes, sizeof row->digest.bytes);
	embedded_bind_u64(statement, at++, row->finished);
	TL_ASSERT(at == EMBEDDED_COLUMN_COUNT + 1);
}

/* SQLite's integers have a sign, and its order must be that of the list. */
static enum tl_status
check_row(const struct tl_view_row *row, struct tl_err *err)
{
	const struct tl_trace_summary *summary = &row->summary;
	if (summary->started_unix_ns > INT64_MAX || summary->seq > INT64_MAX || summary->attempts > INT64_MAX ||
		summary->answer_chars > INT64_MAX)
		return tl_err_set(err, TL_ERR_RANGE, "a number of the trace needs more than 63 bits (start %" PRIu64 ")",
			summary->started_unix_ns);
	return TL_OK;
}

static enum tl_status
put_trace(struct embedded *embedded, const struct tl_view_row *row, sqlite3_int64 *ret_id, struct tl_err *err)
{
	TL_CLEANUP(embedded_reset) sqlite3_stmt *statement = NULL;
	TL_CLEANUP(tl_buf_done) struct tl_buf tags;
	bool is_row;
	tl_buf_init(&tags, TAGS_LIMIT);
	if (row->summary.tags.count > 0)
		TL_TRY(write_tags(&row->summary.tags, &tags, err));
	if (tl_fault(TL_FAULT_VIEW))
		return tl_err_set(err, TL_ERR_IO, "%s: cannot write: fault point", embedded->path);
	TL_TRY(embedded_prepare(embedded, EMBEDDED_PUT_TRACE, &statement, err));
	bind_row(statement, row, tags.len ? tl_buf_str(&tags) : (tl_str){ NULL, 0 });
	TL_TRY(embedded_step(embedded, statement, &is_row, err));
	TL_ASSERT(is_row);
	sqlite3_int64 id = sqlite3_column_int64(statement, 0);
	/* The row is written when RETURNING gives it; the last step ends the statement. */
	TL_TRY(embedded_step(embedded, statement, &is_row, err));
	*ret_id = id;
	return TL_OK;
}

static enum tl_status
put_tags(struct embedded *embedded, const struct tl_view_row *row, sqlite3_int64 id, struct tl_err *err)
{
	const struct tl_trace_summary *summary = &row->summary;
	sqlite3_stmt *statement;
	TL_TRY(embedded_prepare(embedded, EMBEDDED_DROP_TAGS, &statement, err));
	embedded_bind_u64(statement, 1, (uint64_t)id);
	TL_TRY(embedded_run(embedded, statement, err));
	TL_TRY(embedded_prepare(embedded, EMBEDDED_PUT_TAG, &statement, err));
	for (size_t i = 0; i < summary->tags.count; i++) {
		embedded_bind_text(statement, 1, known(summary->tags.items[i]));
		embedded_bind_u64(statement, 2, summary->started_unix_ns);
		embedded_bind_blob(statement, 3, summary->trace_id.bytes, sizeof summary->trace_id.bytes);
		embedded_bind_u64(statement, 4, (uint64_t)id);
		TL_TRY(embedded_run(embedded, statement, err));
	}
	return TL_OK;
}

static enum tl_status
put_document(struct embedded *embedded, tl_str document, sqlite3_int64 id, struct tl_err *err)
{
	sqlite3_stmt *statement;
	TL_TRY(embedded_prepare(embedded, EMBEDDED_PUT_DOCUMENT, &statement, err));
	embedded_bind_u64(statement, 1, (uint64_t)id);
	embedded_bind_blob(statement, 2, document.ptr, document.len);
	return embedded_run(embedded, statement, err);
}

/* Runs a statement whose only parameter is a trace id. */
static enum tl_status
run_for_trace(struct embedded *embedded, enum embedded_statement which, const struct tl_trace_id *id, struct tl_err *err)
{
	sqlite3_stmt *statement;
	TL_TRY(embedded_prepare(embedded, which, &statement, err));
	embedded_bind_blob(statement, 1, id->bytes, sizeof id->bytes);
	return embedded_run(embedded, statement, err);
}

enum tl_status
embedded_put(struct tl_view *view, const struct tl_view_row *row, struct tl_err *err)
{
	struct embedded *embedded = (struct embedded *)view;
	sqlite3_int64 id = 0;
	TL_ASSERT(embedded->in_batch);
	TL_TRY(check_row(row, err));
	TL_TRY(put_trace(embedded, row, &id, err));
	TL_TRY(put_tags(embedded, row, id, err));
	TL_TRY(put_document(embedded, row->document, id, err));
	return run_for_trace(embedded, EMBEDDED_UNPARK, &row->summary.trace_id, err);
}

enum tl_status
embedded_park(struct tl_view *view, const struct tl_view_parked *parked, struct tl_err *err)
{
	struct embedded *embedded = (struct embedded *)view;
	sqlite3_stmt *statement;
	TL_ASSERT(embedded->in_batch);
	TL_TRY(embedded_prepare(embedded, EMBEDDED_PARK, &statement, err));
	embedded_bind_blob(statement, 1, parked->trace_id.bytes, sizeof parked->trace_id.bytes);
	embedded_bind_u64(statement, 2, parked->seq);
	embedded_bind_text(statement, 3, known(parked->message));
	return embedded_run(embedded, statement, err);
}

/* ---- Confirming ---- */

static enum tl_status
confirm_all(struct embedded *embedded, const struct tl_trace_id *ids, size_t count, struct tl_err *err)
{
	for (size_t i = 0; i < count; i++)
		TL_TRY(run_for_trace(embedded, EMBEDDED_CONFIRM, &ids[i], err));
	return TL_OK;
}

enum tl_status
embedded_confirm(struct tl_view *view, const struct tl_trace_id *ids, size_t count, struct tl_err *err)
{
	struct embedded *embedded = (struct embedded *)view;
	if (embedded->in_batch)
		return confirm_all(embedded, ids, count, err);
	TL_TRY(embedded_begin(view, err));
	enum tl_status status = confirm_all(embedded, ids, count, err);
	if (status == TL_OK)
		status = embedded_do(embedded, EMBEDDED_COMMIT, err);
	if (status == TL_OK)
		embedded->in_batch = false;
	else
		embedded_abort(view);
	return status;
}
