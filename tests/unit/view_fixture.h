/* What the tests of the embedded view share: a log, a view of it, rows. */
#ifndef TRACELLM_TESTS_VIEW_FIXTURE_H
#define TRACELLM_TESTS_VIEW_FIXTURE_H

#include "log_fixture.h"

#include <tracellm/projections.h>

static struct tl_log *test_log;
static struct tl_view *view;
static struct tl_arena arena;
static struct tl_err err;

static inline struct tl_view *
view_opened(bool writable)
{
	struct tl_view *opened = NULL;
	assert_ok(tl_view_open_embedded(test_log, writable, &opened, &err));
	return opened;
}

/* A test that fails half-way has perhaps no view any more. */
static inline void
view_close(void)
{
	if (view)
		view->ops->close(view);
	view = NULL;
}

static inline int
setup(void **state)
{
	if (fixture_make(state) != 0)
		return -1;
	test_log = log_opened(TL_LOG_APPEND);
	view = view_opened(true);
	tl_arena_init(&arena, 256u << 20);
	return 0;
}

static inline int
teardown(void **state)
{
	tl_arena_done(&arena);
	view_close();
	tl_log_close(test_log);
	return fixture_remove(state);
}

/* ---- Rows ---- */

static inline struct tl_view_row
row_of(unsigned number, const char *status, uint64_t started_ns)
{
	struct tl_view_row row = {
		.summary = {
			.trace_id = trace_of(number),
			.provider = TL_STR("openai"),
			.model = TL_STR("gpt-4o"),
			.project = TL_STR("default"),
			.prompt = TL_STR("Hello"),
			.started_unix_ns = started_ns,
			.latency_ns = -1,
			.first_byte_ns = -1,
			.first_content_ns = -1,
			.prompt_tokens = -1,
			.completion_tokens = -1,
			.cost_nano_usd = -1,
			.seq = number + 1,
		},
	};
	assert_true(tl_trace_status_parse(tl_str_of(status), &row.summary.status));
	row.finished = row.summary.status != TL_TRACE_RUNNING;
	row.document = tl_arena_printf(&arena, "{\"number\":%u,\"status\":\"%s\"}", number, status);
	row.digest = tl_digest_of(tl_bytes_of(row.document));
	return row;
}

static inline void
put_all(const struct tl_view_row *rows, size_t count, uint64_t checkpoint)
{
	assert_ok(view->ops->begin(view, &err));
	for (size_t i = 0; i < count; i++)
		assert_ok(view->ops->put(view, &rows[i], &err));
	assert_ok(view->ops->commit(view, checkpoint, &err));
}

static inline struct tl_view_page
page_of(struct tl_view_query query)
{
	struct tl_view_page page = { 0 };
	query.limit = query.limit ? query.limit : TL_PAGE_LIMIT_MAX;
	assert_ok(view->ops->list(view, &query, &arena, &page, &err));
	return page;
}

#endif
