/* cli/reader: where the data is, and what reading commands stand on. */
#include "cli.h"

#include <stdlib.h>

#define READER_MEMORY_LIMIT (1u << 30)
#define CATCH_UP_WAIT_MS    2000u
#define PAGE_EVENTS         1024u
#define PAGE_BYTES          (32u << 20)

enum tl_status
cli_data_dir(const struct cli_line *line, struct tl_arena *arena, const char **ret_dir, struct tl_err *err)
{
	tl_str given = cli_text(line, CLI_data_dir), path;
	const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	if (given.ptr)
		path = tl_arena_str(arena, given);
	else if (xdg && xdg[0] == '/')
		path = tl_arena_printf(arena, "%s/tracellm", xdg);
	else if (home && home[0] == '/')
		path = tl_arena_printf(arena, "%s/.local/share/tracellm", home);
	else
		return tl_err_set(err, TL_ERR_USAGE, "no place for the log: give --data-dir, or set TRACELLM_DATA_DIR or HOME");
	if (!path.ptr)
		return tl_arena_failed(arena, 0, err);
	*ret_dir = path.ptr;
	return TL_OK;
}

static enum tl_status
open_log(const char *data_dir, struct tl_log **ret_log, struct tl_err *err)
{
	struct tl_log_options options = { .data_dir = data_dir, .mode = TL_LOG_APPEND };
	enum tl_status status = tl_log_open(&options, ret_log, err);
	if (status != TL_ERR_PERMISSION && status != TL_ERR_READ_ONLY)
		return status;
	options.mode = TL_LOG_READ_ONLY;
	return tl_log_open(&options, ret_log, err);
}

static enum tl_status
open_view(struct cli_reader *reader, struct tl_err *err)
{
	uint64_t lag = 0;
	bool writable = tl_log_writer(reader->log) != 0;
	TL_TRY(tl_view_open_embedded(reader->log, writable, &reader->view, err));
	TL_TRY(tl_view_catch_up(reader->log, reader->view, CATCH_UP_WAIT_MS, &lag, err));
	if (lag > 0)
		cli_warn("the view is %llu events behind the log", (unsigned long long)lag);
	return TL_OK;
}

enum tl_status
cli_reader_open(const struct cli_line *line, struct cli_reader *reader, struct tl_err *err)
{
	const char *data_dir;
	uint64_t ended;
	*reader = (struct cli_reader){ 0 };
	tl_arena_init(&reader->arena, READER_MEMORY_LIMIT);
	enum tl_status status = cli_data_dir(line, &reader->arena, &data_dir, err);
	if (status == TL_OK)
		status = open_log(data_dir, &reader->log, err);
	if (status == TL_OK && tl_log_writer(reader->log) != 0)
		status = tl_log_end_dead_writers(reader->log, &ended, err);
	if (status == TL_OK)
		status = open_view(reader, err);
	if (status != TL_OK)
		cli_reader_close(reader);
	return status;
}

void
cli_reader_close(struct cli_reader *reader)
{
	if (reader->view)
		reader->view->ops->close(reader->view);
	tl_log_close(reader->log);
	tl_arena_done(&reader->arena);
	*reader = (struct cli_reader){ 0 };
}

/* "@last" is 1, "@-2" is 2, counted from the newest; replays are not counted. */
static bool
counted_from_last(tl_str text, uint64_t *ret_position)
{
	if (tl_str_equal(text, TL_STR("@last"))) {
		*ret_position = 1;
		return true;
	}
	return tl_str_starts_with(text, TL_STR("@-")) && tl_str_to_u64(tl_str_from(text, 2), ret_position) &&
	       *ret_position >= 1 && *ret_position <= 100000;
}

static enum tl_status
find_from_last(struct cli_reader *reader, uint64_t position, tl_str text, struct tl_trace_id *ret_id, struct tl_err *err)
{
	struct tl_view_query query = { .limit = TL_PAGE_LIMIT_MAX };
	struct tl_view_page page;
	for (;;) {
		TL_TRY(reader->view->ops->list(reader->view, &query, &reader->arena, &page, err));
		if (position <= page.count) {
			*ret_id = page.items[position - 1].trace_id;
			return TL_OK;
		}
		position -= page.count;
		query.after = page.next;
		if (!page.next.ptr)
			return tl_err_set(err, TL_ERR_NOT_FOUND, "there is no trace %.*s: the log holds %llu", TL_FMT(text),
				(unsigned long long)page.total);
	}
}

enum tl_status
cli_find(struct cli_reader *reader, tl_str text, struct tl_trace_id *ret_id, struct tl_err *err)
{
	uint64_t position;
	if (counted_from_last(text, &position))
		return find_from_last(reader, position, text, ret_id, err);
	return tl_log_find_trace(reader->log, text, ret_id, err);
}

enum tl_status
cli_events(struct cli_reader *reader, struct tl_trace_id id, struct cli_events *ret_events, struct tl_err *err)
{
	struct cli_events events = { 0 };
	size_t capacity = 0;
	uint64_t after_seq = 0;
	struct tl_record_list list;
	do {
		TL_TRY(tl_log_read_trace(reader->log, id, after_seq, PAGE_EVENTS, PAGE_BYTES, &reader->arena, &list, err));
		for (size_t i = 0; i < list.count; i++) {
			if (!tl_arena_grow(&reader->arena, &events.items, &capacity, events.count, sizeof *events.items))
				return tl_arena_failed(&reader->arena, 0, err);
			TL_TRY(tl_event_of_record(&list.records[i], &reader->arena, &events.items[events.count++], err));
			after_seq = list.records[i].envelope.seq;
		}
	} while (list.count > 0);
	*ret_events = events;
	return TL_OK;
}

static void
close_trace(struct tl_trace **trace)
{
	tl_trace_close(*trace);
}

static enum tl_status
fold_document(struct cli_reader *reader, struct tl_trace_id id, struct tl_buf *out, struct tl_err *err)
{
	TL_CLEANUP(close_trace) struct tl_trace *trace = NULL;
	struct cli_events events;
	TL_TRY(cli_events(reader, id, &events, err));
	TL_TRY(tl_trace_open(id, &trace, err));
	for (size_t i = 0; i < events.count; i++)
		TL_TRY(tl_trace_apply(trace, &events.items[i], err));
	if (!tl_trace_is_begun(trace))
		return tl_err_set(
			err, TL_ERR_NOT_FOUND, "the trace holds no request of its own: only its events can be shown (--events)");
	return tl_trace_document(trace, out, err);
}

enum tl_status
cli_document(
	struct cli_reader *reader, struct tl_trace_id id, tl_str *ret_document, struct tl_digest *ret_digest, struct tl_err *err)
{
	struct tl_view_row row;
	TL_CLEANUP(tl_buf_done) struct tl_buf folded;
	tl_buf_init(&folded, TL_TRACE_DOCUMENT_LIMIT);
	enum tl_status status = reader->view->ops->document(reader->view, id, &reader->arena, &row, err);
	if (status == TL_OK) {
		*ret_document = row.document;
		*ret_digest = row.digest;
		return TL_OK;
	}
	if (status != TL_ERR_NOT_FOUND)
		return status;
	TL_TRY(fold_document(reader, id, &folded, err));
	tl_str copy = tl_arena_str(&reader->arena, tl_buf_str(&folded));
	if (!copy.ptr)
		return tl_arena_failed(&reader->arena, folded.len, err);
	*ret_document = copy;
	*ret_digest = tl_digest_of(tl_bytes_of(copy));
	return TL_OK;
}

tl_str
cli_short_id(struct tl_log *log, struct tl_trace_id id, struct tl_arena *arena)
{
	char text[TL_TRACE_ID_TEXT_SIZE];
	unsigned length = TL_TRACE_ID_TEXT_SIZE - 4;
	struct tl_err ignored;
	tl_trace_id_text(id, text);
	(void)tl_log_unique_length(log, id, &length, &ignored);
	return tl_arena_str(arena, tl_str_slice(tl_str_of(text), 0, 3 + length));
}

void
cli_run_workers(struct tl_log *log)
{
	struct tl_view *view = NULL;
	struct tl_worker *worker = NULL;
	struct tl_err err;
	enum tl_status status = tl_view_open_embedded(log, true, &view, &err);
	if (status == TL_OK)
		status = tl_worker_open(log, view, 0, &worker, &err);
	if (status == TL_OK)
		status = tl_worker_catch_up(worker, &err);
	/* Busy: somebody else, mostly the server, does it. */
	if (status != TL_OK && status != TL_ERR_BUSY)
		cli_warn("the trace is in the log, but not in the embedded view yet: %s", err.message);
	tl_worker_close(worker);
	if (view)
		view->ops->close(view);
}
