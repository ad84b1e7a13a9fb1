/* projections/embedded_list: pages of traces, newest first. Knows no document.
 *
 * The text of a list depends only on which filters are given (its shape); their values are bound. The first filter given in the
 * order of the table drives: its index holds the list's order, so a page is read off it; a + keeps SQLite from choosing another
 * one. */
#include "embedded.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	BY_TAG = 1 << 0,
	BY_ORIGIN = 1 << 1,
	BY_SESSION = 1 << 2,
	BY_MODEL = 1 << 3,
	BY_PROJECT = 1 << 4,
	BY_STATUS = 1 << 5,
	BY_PROVIDER = 1 << 6,
	NO_REPLAYS = 1 << 7,
	AFTER = 1 << 8,
	COUNT = 1 << 9, /* how many, instead of a page */
};

/* Filters that are a column of `traces`, best driver first; each is bound at its own place. */
static const struct {
	unsigned shape;
	const char *column;
	int place;
	bool has_index;
} columns[] = {
	{ BY_ORIGIN, "replay_of", 1, true },
	{ BY_SESSION, "session", 2, true },
	{ BY_MODEL, "model", 3, true },
	{ BY_PROJECT, "project", 4, true },
	{ BY_STATUS, "status", 5, true },
	{ BY_PROVIDER, "provider", 6, false },
};
#define COLUMN_COUNT (sizeof columns / sizeof columns[0])

enum { PLACE_TAG = 7, PLACE_STARTED, PLACE_TRACE_ID, PLACE_LIMIT };

/* ---- Text ---- */

static void
write_filters(struct tl_buf *sql, unsigned shape, bool driven)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (!(shape & columns[i].shape))
			continue;
		bool drives = !driven && columns[i].has_index;
		driven = driven || drives;
		tl_buf_printf(sql, " AND %s%s = ?%d", drives ? "" : "+", columns[i].column, columns[i].place);
	}
}

/* Without tag, session and origin, the totals know the number. */
static bool
totals_know(unsigned shape)
{
	return !(shape & (BY_TAG | BY_SESSION | BY_ORIGIN));
}

static void
write_total_of_totals(struct tl_buf *sql, unsigned shape)
{
	tl_buf_add_z(sql, "SELECT coalesce(sum(traces), 0) FROM totals WHERE 1");
	write_filters(sql, shape, true);
	if (shape & NO_REPLAYS)
		tl_buf_add_z(sql, " AND replay = 0");
}

static void
write_list(struct tl_buf *sql, unsigned shape)
{
	bool by_tag = shape & BY_TAG, counts = shape & COUNT;
	const char *started = by_tag ? "tag_started" : "started", *trace_id = by_tag ? "tag_trace_id" : "trace_id";
	if (counts && totals_know(shape))
		return write_total_of_totals(sql, shape);
	tl_buf_printf(sql, "SELECT %s FROM %s WHERE 1", counts ? "count(*)" : EMBEDDED_COLUMNS,
		by_tag ? "trace_tags CROSS JOIN traces ON id = tag_row" : "traces");
	if (by_tag)
		tl_buf_printf(sql, " AND tag = ?%d", PLACE_TAG);
	write_filters(sql, shape, by_tag);
	if (shape & NO_REPLAYS)
		tl_buf_add_z(sql, " AND +replay_of IS NULL");
	if (counts)
		return;
	if (shape & AFTER)
		tl_buf_printf(sql, " AND (%s, %s) < (?%d, ?%d)", started, trace_id, PLACE_STARTED, PLACE_TRACE_ID);
	tl_buf_printf(sql, " ORDER BY %s DESC, %s DESC LIMIT ?%d", started, trace_id, PLACE_LIMIT);
}

/* ---- Values ---- */

struct cursor {
	uint64_t started_ns;
	struct tl_trace_id trace_id;
};

/* The filters of a list, with what they are bound to. */
struct list {
	const struct tl_view_query *query;
	unsigned shape;
	tl_str values[COLUMN_COUNT];
	char origin[TL_TRACE_ID_TEXT_SIZE];
	struct cursor after;
};

static enum tl_status
read_cursor(tl_str text, struct cursor *ret_cursor, struct tl_err *err)
{
	struct tl_err ignored;
	struct cursor cursor;
	char again[TL_TRACE_ID_TEXT_SIZE];
	tl_str id = text, started = tl_str_split(&id, '.');
	bool good = id.ptr && tl_str_to_u64(started, &cursor.started_ns) && cursor.started_ns <= INT64_MAX &&
		    tl_trace_id_parse(id, &cursor.trace_id, &ignored) == TL_OK;
	if (good)
		tl_trace_id_text(cursor.trace_id, again);
	if (!good || !tl_str_equal(id, tl_str_of(again)))
		return tl_err_set(err, TL_ERR_USAGE, "'%.*s' is not the 'next' of a page", TL_FMT(tl_str_slice(text, 0, 80)));
	*ret_cursor = cursor;
	return TL_OK;
}

static enum tl_status
check_query(const struct tl_view_query *query, struct tl_err *err)
{
	enum tl_trace_status status;
	if (query->limit < 1 || query->limit > TL_PAGE_LIMIT_MAX)
		return tl_err_set(err, TL_ERR_USAGE, "limit is %u, allowed are 1 to %u", query->limit, TL_PAGE_LIMIT_MAX);
	if (query->status.ptr && !tl_trace_status_parse(query->status, &status))
		return tl_err_set(err, TL_ERR_USAGE,
			"status is '%.*s', allowed are running, success, warning, failed and interrupted",
			TL_FMT(tl_str_slice(query->status, 0, 80)));
	return TL_OK;
}

static enum tl_status
list_init(struct list *list, const struct tl_view_query *query, struct tl_err *err)
{
	*list = (struct list){ .query = query };
	TL_TRY(check_query(query, err));
	if (query->after.ptr)
		TL_TRY(read_cursor(query->after, &list->after, err));
	if (query->replays_of)
		tl_trace_id_text(*query->replays_of, list->origin);
	const tl_str values[COLUMN_COUNT] = {
		query->replays_of ? tl_str_of(list->origin) : (tl_str){ NULL, 0 },
		query->session,
		query->model,
		query->project,
		query->status,
		query->provider,
	};
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		list->values[i] = values[i];
		list->shape |= values[i].ptr ? columns[i].shape : 0;
	}
	list->shape |= query->tag.ptr ? BY_TAG : 0;
	list->shape |= query->with_replays || query->replays_of ? 0 : NO_REPLAYS;
	return TL_OK;
}

static void
bind_filters(sqlite3_stmt *statement, const struct list *list)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		if (list->shape & columns[i].shape)
			embedded_bind_text(statement, columns[i].place, list->values[i]);
	if (list->shape & BY_TAG)
		embedded_bind_text(statement, PLACE_TAG, list->query->tag);
}

/* ---- Reading ---- */

static enum tl_status
read_total(struct embedded *embedded, const struct list *list, uint64_t *ret_total, struct tl_err *err)
{
	TL_CLEANUP(embedded_reset) sqlite3_stmt *statement = NULL;
	bool row;
	TL_TRY(embedded_prepare_list(embedded, list->shape | COUNT, write_list, &statement, err));
	bind_filters(statement, list);
	TL_TRY(embedded_step(embedded, statement, &row, err));
	*ret_total = row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
	return TL_OK;
}

static enum tl_status
write_cursor(const struct tl_trace_summary *last, struct tl_arena *arena, tl_str *ret_next, struct tl_err *err)
{
	char id[TL_TRACE_ID_TEXT_SIZE];
	tl_trace_id_text(last->trace_id, id);
	*ret_next = tl_arena_printf(arena, "%" PRIu64 ".%s", last->started_unix_ns, id);
	return ret_next->ptr ? TL_OK : tl_arena_failed(arena, sizeof id + 21, err);
}

static enum tl_status
read_page(
	struct embedded *embedded, const struct list *list, struct tl_arena *arena, struct tl_view_page *page, struct tl_err *err)
{
	TL_CLEANUP(embedded_reset) sqlite3_stmt *statement = NULL;
	unsigned shape = list->shape | (list->query->after.ptr ? AFTER : 0), limit = list->query->limit;
	bool row;
	TL_TRY(embedded_prepare_list(embedded, shape, write_list, &statement, err));
	bind_filters(statement, list);
	if (shape & AFTER) {
		embedded_bind_u64(statement, PLACE_STARTED, list->after.started_ns);
		embedded_bind_blob(statement, PLACE_TRACE_ID, list->after.trace_id.bytes, sizeof list->after.trace_id.bytes);
	}
	/* One more tells that there is another page. */
	embedded_bind_u64(statement, PLACE_LIMIT, (uint64_t)limit + 1);
	page->items = tl_arena_array(arena, limit, sizeof *page->items);
	if (!page->items)
		return tl_arena_failed(arena, limit * sizeof *page->items, err);
	for (;;) {
		TL_TRY(embedded_step(embedded, statement, &row, err));
		if (!row)
			return TL_OK;
		if (page->count == limit)
			return write_cursor(&page->items[limit - 1], arena, &page->next, err);
		struct tl_view_row read;
		TL_TRY(embedded_read_row(statement, arena, &read, err));
		page->items[page->count++] = read.summary;
	}
}

enum tl_status
embedded_list(struct tl_view *view, const struct tl_view_query *query, struct tl_arena *arena, struct tl_view_page *ret_page,
	struct tl_err *err)
{
	struct embedded *embedded = (struct embedded *)view;
	struct tl_view_page page = { 0 };
	struct list list;
	struct tl_err ignored;
	TL_TRY(list_init(&list, query, err));
	TL_TRY(embedded_ready(embedded, err));
	/* One snapshot for the page and its total. */
	TL_TRY(embedded_do(embedded, EMBEDDED_BEGIN_READ, err));
	enum tl_status status = read_total(embedded, &list, &page.total, err);
	if (status == TL_OK && page.total > 0)
		status = read_page(embedded, &list, arena, &page, err);
	if (embedded_do(embedded, EMBEDDED_COMMIT, &ignored) != TL_OK)
		embedded_abort(view);
	if (status == TL_OK)
		*ret_page = page;
	return status;
}
