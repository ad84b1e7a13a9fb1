/* projections/embedded_read: rows out of the embedded view. Knows no filter. */
#include "embedded.h"

#include <string.h>

/* A text of the row, copied; NULL gives an absent one. False: the arena is full. */
static bool
read_text(sqlite3_stmt *statement, int column, struct tl_arena *arena, tl_str *ret_text)
{
	if (sqlite3_column_type(statement, column) == SQLITE_NULL) {
		*ret_text = (tl_str){ NULL, 0 };
		return true;
	}
	const void *text = sqlite3_column_blob(statement, column);
	tl_str found = { text ? text : "", (size_t)sqlite3_column_bytes(statement, column) };
	*ret_text = tl_arena_str(arena, found);
	return ret_text->ptr != NULL;
}

static bool
read_bytes(sqlite3_stmt *statement, int column, void *out, size_t len)
{
	const void *blob = sqlite3_column_blob(statement, column);
	if (!blob || (size_t)sqlite3_column_bytes(statement, column) != len)
		return false;
	memcpy(out, blob, len);
	return true;
}

static int64_t
read_known(sqlite3_stmt *statement, int column)
{
	return sqlite3_column_type(statement, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(statement, column);
}

static enum tl_status
read_tags(sqlite3_stmt *statement, int column, struct tl_arena *arena, struct tl_str_list *ret_tags, struct tl_err *err)
{
	*ret_tags = (struct tl_str_list){ NULL, 0 };
	if (sqlite3_column_type(statement, column) == SQLITE_NULL)
		return TL_OK;
	TL_CLEANUP(tl_json_cleanup) tl_json *list = NULL;
	const void *text = sqlite3_column_blob(statement, column);
	TL_TRY(tl_json_parse((tl_str){ text ? text : "", (size_t)sqlite3_column_bytes(statement, column) }, &list, err));
	size_t count = tl_json_len(list);
	tl_str *items = tl_arena_array(arena, count, sizeof *items);
	if (!items)
		return tl_arena_failed(arena, count * sizeof *items, err);
	for (size_t i = 0; i < count; i++) {
		tl_str tag = tl_json_str(tl_json_at(list, i));
		items[i] = tl_arena_str(arena, tag);
		if (!items[i].ptr)
			return tl_arena_failed(arena, tag.len, err);
	}
	*ret_tags = (struct tl_str_list){ items, count };
	return TL_OK;
}

static enum tl_status
corrupt(struct tl_err *err)
{
	return tl_err_set(err, TL_ERR_CORRUPT, "the embedded view holds a row that it cannot have written");
}

enum tl_status
embedded_read_row(sqlite3_stmt *statement, struct tl_arena *arena, struct tl_view_row *ret_row, struct tl_err *err)
{
	struct tl_view_row row = { 0 };
	struct tl_trace_summary *summary = &row.summary;
	tl_str status;
	int at = 0;
	if (!read_bytes(statement, at++, summary->trace_id.bytes, sizeof summary->trace_id.bytes))
		return corrupt(err);
	summary->seq = (uint64_t)sqlite3_column_int64(statement, at++);
	bool fits = read_text(statement, at++, arena, &status) && read_text(statement, at++, arena, &summary->reason) &&
		    read_text(statement, at++, arena, &summary->provider) && read_text(statement, at++, arena, &summary->model) &&
		    read_text(statement, at++, arena, &summary->project) && read_text(statement, at++, arena, &summary->session);
	if (!fits)
		return tl_arena_failed(arena, (size_t)sqlite3_column_bytes(statement, at - 1), err);
	if (!tl_trace_status_parse(status, &summary->status))
		return corrupt(err);
	TL_TRY(read_tags(statement, at++, arena, &summary->tags, err));
	if (!read_text(statement, at++, arena, &summary->prompt))
		return tl_arena_failed(arena, (size_t)sqlite3_column_bytes(statement, at - 1), err);
	summary->started_unix_ns = (uint64_t)sqlite3_column_int64(statement, at++);
	summary->latency_ns = read_known(statement, at++);
	summary->first_byte_ns = read_known(statement, at++);
	summary->first_content_ns = read_known(statement, at++);
	summary->prompt_tokens = read_known(statement, at++);
	summary->completion_tokens = read_known(statement, at++);
	summary->tokens_estimated = sqlite3_column_int(statement, at++) != 0;
	summary->cost_nano_usd = read_known(statement, at++);
	summary->attempts = (uint64_t)sqlite3_column_int64(statement, at++);
	summary->answer_chars = (uint64_t)sqlite3_column_int64(statement, at++);
	if (!read_text(statement, at++, arena, &summary->error_class) || !read_text(statement, at++, arena, &summary->replay_of))
		return tl_arena_failed(arena, (size_t)sqlite3_column_bytes(statement, at - 1), err);
	if (!read_bytes(statement, at++, row.digest.bytes, sizeof row.digest.bytes))
		return corrupt(err);
	row.finished = sqlite3_column_int(statement, at++) != 0;
	TL_ASSERT(at == EMBEDDED_COLUMN_COUNT);
	*ret_row = row;
	return TL_OK;
}

enum tl_status
embedded_checkpoint(struct tl_view *view, uint64_t *ret_seq, struct tl_err *err)
{
	struct embedded *embedded = (struct embedded *)view;
	if (!embedded->in_batch)
		TL_TRY(embedded_ready(embedded, err));
	return embedded_get_meta(embedded, "checkpoint", ret_seq, err);
}

enum tl_status
embedded_unconfirmed(struct tl_view *view, struct tl_arena *arena, size_t max, struct tl_trace_id **ret_ids, size_t *ret_count,
	struct tl_err *err)
{
	struct embedded *embedded = (struct embedded *)view;
	TL_CLEANUP(embedded_reset) sqlite3_stmt *statement = NULL;
	struct tl_trace_id *ids = NULL;
	size_t count = 0, capacity = 0;
	bool row;
	TL_TRY(embedded_ready(embedded, err));
	TL_TRY(embedded_prepare(embedded, EMBEDDED_UNCONFIRMED, &statement, err));
	embedded_bind_u64(statement, 1, max > INT64_MAX ? INT64_MAX : max);
	for (;;) {
		TL_TRY(embedded_step(embedded, statement, &row, err));
		if (!row)
			break;
		if (!tl_arena_grow(arena, &ids, &capacity, count, sizeof *ids))
			return tl_arena_failed(arena, 2 * capacity * sizeof *ids, err);
		if (!read_bytes(statement, 0, ids[count++].bytes, sizeof ids->bytes))
			return corrupt(err);
	}
	*ret_ids = ids;
	*ret_count = count;
	return TL_OK;
}

enum tl_status
embedded_document(struct tl_view *view, struct tl_trace_id trace_id, struct tl_arena *arena, struct tl_view_row *ret_row,
	struct tl_err *err)
{
	struct embedded *embedded = (struct embedded *)view;
	TL_CLEANUP(embedded_reset) sqlite3_stmt *statement = NULL;
	struct tl_view_row row;
	bool found;
	if (!embedded->in_batch)
		TL_TRY(embedded_ready(embedded, err));
	TL_TRY(embedded_prepare(embedded, EMBEDDED_GET_DOCUMENT, &statement, err));
	embedded_bind_blob(statement, 1, trace_id.bytes, sizeof trace_id.bytes);
	TL_TRY(embedded_step(embedded, statement, &found, err));
	if (!found) {
		char text[TL_TRACE_ID_TEXT_SIZE];
		tl_trace_id_text(trace_id, text);
		return tl_err_set(err, TL_ERR_NOT_FOUND, "the embedded view holds no trace %s", text);
	}
	TL_TRY(embedded_read_row(statement, arena, &row, err));
	if (sqlite3_column_type(statement, EMBEDDED_COLUMN_COUNT) == SQLITE_NULL)
		return corrupt(err);
	if (!read_text(statement, EMBEDDED_COLUMN_COUNT, arena, &row.document))
		return tl_arena_failed(arena, (size_t)sqlite3_column_bytes(statement, EMBEDDED_COLUMN_COUNT), err);
	*ret_row = row;
	return TL_OK;
}

enum tl_status
embedded_parked(
	struct tl_view *view, struct tl_arena *arena, struct tl_view_parked **ret_parked, size_t *ret_count, struct tl_err *err)
{
	struct embedded *embedded = (struct embedded *)view;
	TL_CLEANUP(embedded_reset) sqlite3_stmt *statement = NULL;
	struct tl_view_parked *list = NULL;
	size_t count = 0, capacity = 0;
	bool row;
	TL_TRY(embedded_ready(embedded, err));
	TL_TRY(embedded_prepare(embedded, EMBEDDED_PARKED, &statement, err));
	for (;;) {
		TL_TRY(embedded_step(embedded, statement, &row, err));
		if (!row)
			break;
		if (!tl_arena_grow(arena, &list, &capacity, count, sizeof *list))
			return tl_arena_failed(arena, 2 * capacity * sizeof *list, err);
		struct tl_view_parked *parked = &list[count++];
		if (!read_bytes(statement, 0, parked->trace_id.bytes, sizeof parked->trace_id.bytes))
			return corrupt(err);
		parked->seq = (uint64_t)sqlite3_column_int64(statement, 1);
		if (!read_text(statement, 2, arena, &parked->message))
			return tl_arena_failed(arena, (size_t)sqlite3_column_bytes(statement, 2), err);
	}
	*ret_parked = list;
	*ret_count = count;
	return TL_OK;
}
