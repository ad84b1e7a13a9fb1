/* What the tests of the worker share: a log with made traces, a view of it, and what must hold in the end. */
#ifndef TRACELLM_TESTS_WORKER_FIXTURE_H
#define TRACELLM_TESTS_WORKER_FIXTURE_H

#include "log_fixture.h"
#include "unit.h"

#include "../support/events.h"
#include <tracellm/projections.h>

static struct tl_log *test_log;
static struct tl_view *view;
static struct tl_arena arena;
static struct tl_err err;

static inline void
open_all(void)
{
	test_log = log_opened(TL_LOG_APPEND);
	assert_ok(tl_view_open_embedded(test_log, true, &view, &err));
}

static inline void
close_all(void)
{
	if (view)
		view->ops->close(view);
	view = NULL;
	tl_log_close(test_log);
	test_log = NULL;
}

static inline int
setup(void **state)
{
	if (fixture_make(state) != 0)
		return -1;
	tl_arena_init(&arena, 512u << 20);
	open_all();
	return 0;
}

static inline int
teardown(void **state)
{
	close_all();
	tl_arena_done(&arena);
	return fixture_remove(state);
}

/* ---- Traces ---- */

static inline struct made_trace
made(unsigned number, unsigned chunks)
{
	static tl_str tags[] = { { "tag", 3 } };
	struct made_trace trace;
	struct trace_plan plan = {
		.trace_id = trace_of(number),
		.prompt = tl_arena_printf(&arena, "question %u", number),
		.answer = tl_arena_printf(&arena, "The answer to question %u is %u.", number, number * 7),
		.status = number % 5 == 4 ? TL_STR("failed") : TL_STR("success"),
		.chunks = chunks,
		.tags = { tags, 1 },
	};
	assert_ok(trace_make(&plan, &arena, &trace, &err));
	return trace;
}

static inline void
append_whole(unsigned number, unsigned chunks)
{
	struct made_trace trace = made(number, chunks);
	assert_ok(trace_append(test_log, &trace, 0, trace.count, NULL, &err));
}

/* Traces under way at the same time, their events mixed as they come. */
static inline void
append_mixed(unsigned first, unsigned count, uint64_t *random)
{
	struct made_trace *traces = tl_arena_array(&arena, count, sizeof *traces);
	size_t *next = tl_arena_array(&arena, count, sizeof *next), left = count;
	for (unsigned i = 0; i < count; i++)
		traces[i] = made(first + i, (unsigned)unit_below(random, 12) + 1);
	while (left > 0) {
		size_t i = unit_below(random, count), end = next[i] ? next[i] + 1 + unit_below(random, 3) : MADE_BEGIN_EVENTS;
		if (next[i] == traces[i].count)
			continue;
		end = end < traces[i].count ? end : traces[i].count;
		assert_ok(trace_append(test_log, &traces[i], next[i], end, NULL, &err));
		next[i] = end;
		left -= end == traces[i].count;
	}
}

static inline void
catch_up(void)
{
	struct tl_worker *worker = NULL;
	assert_ok(tl_worker_open(test_log, view, 0, &worker, &err));
	assert_ok(tl_worker_catch_up(worker, &err));
	tl_worker_close(worker);
}

/* ---- What must hold in the end ---- */

static inline tl_str
folded_document(struct tl_trace_id trace_id, uint64_t *ret_stored, uint64_t *ret_available)
{
	struct tl_record_list list;
	struct tl_trace *trace = NULL;
	struct tl_buf document;
	*ret_stored = *ret_available = 0;
	assert_ok(tl_log_read_trace(test_log, trace_id, 0, SIZE_MAX, SIZE_MAX, &arena, &list, &err));
	assert_ok(tl_trace_open(trace_id, &trace, &err));
	for (size_t i = 0; i < list.count; i++) {
		struct tl_event event;
		assert_ok(tl_event_of_record(&list.records[i], &arena, &event, &err));
		assert_ok(tl_trace_apply(trace, &event, &err));
		*ret_stored += event.type == TL_EVENT_trace_stored;
		*ret_available += event.type == TL_EVENT_replay_available;
	}
	tl_buf_init(&document, TL_TRACE_DOCUMENT_LIMIT);
	assert_ok(tl_trace_document(trace, &document, &err));
	tl_str copy = tl_arena_str(&arena, tl_buf_str(&document));
	tl_buf_done(&document);
	tl_trace_close(trace);
	return copy;
}

/* The view holds traces 0 to count - 1, each as a fresh fold has it, and the log says so exactly once. */
static inline void
assert_all_stored(unsigned count)
{
	struct tl_view_query query = { .limit = 1 };
	struct tl_view_page page;
	struct tl_trace_id *unconfirmed;
	size_t unconfirmed_count;
	assert_ok(view->ops->list(view, &query, &arena, &page, &err));
	assert_int_equal(page.total, count);
	for (unsigned i = 0; i < count; i++) {
		struct tl_view_row row;
		uint64_t stored, available;
		tl_str document = folded_document(trace_of(i), &stored, &available);
		assert_ok(view->ops->document(view, trace_of(i), &arena, &row, &err));
		assert_int_equal(row.document.len, document.len);
		assert_memory_equal(row.document.ptr, document.ptr, document.len);
		assert_true(tl_digest_equal(row.digest, tl_digest_of(tl_bytes_of(document))));
		assert_true(row.finished);
		assert_int_equal(stored, 1);
		assert_int_equal(available, 1);
	}
	assert_ok(view->ops->unconfirmed(view, &arena, 10, &unconfirmed, &unconfirmed_count, &err));
	assert_int_equal(unconfirmed_count, 0);
}

static inline uint64_t
head(void)
{
	uint64_t seq = 0;
	assert_ok(tl_log_head(test_log, &seq, &err));
	return seq;
}

static inline uint64_t
checkpoint(void)
{
	uint64_t seq = 0;
	assert_ok(view->ops->checkpoint(view, &seq, &err));
	return seq;
}

#endif
