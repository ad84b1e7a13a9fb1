/* What must hold for the fold of any trace, whoever made its events: order and doubles do not matter, folding on equals folding
 * afresh, and the spans hang together. */
#ifndef FOLD_FIXTURE_H
#define FOLD_FIXTURE_H

#include <string.h>

#include <tracellm/model.h>

#include "event_fixture.h"

#define FOLD_EVENTS_MAX 128u

/* The document of `count` events, taken in the order of `order` (NULL: as they are). Owned by the caller. */
static inline struct tl_buf
fold_document(const struct tl_event *events, const size_t *order, size_t count)
{
	struct tl_err err;
	struct tl_trace *trace = NULL;
	struct tl_buf document;
	tl_buf_init(&document, 64 << 20);
	assert_ok(tl_trace_open(events[0].trace_id, &trace, &err));
	for (size_t i = 0; i < count; i++)
		assert_ok(tl_trace_apply(trace, &events[order ? order[i] : i], &err));
	assert_true(tl_trace_is_begun(trace));
	assert_ok(tl_trace_document(trace, &document, &err));
	tl_trace_close(trace);
	return document;
}

static inline void
fold_assert_equal(const char *name, const char *what, const struct tl_buf *a, const struct tl_buf *b)
{
	if (!tl_str_equal(tl_buf_str(a), tl_buf_str(b)))
		fail_msg("%s: %s gives another document:\n%s\n%s", name, what, a->ptr, b->ptr);
}

static inline void
fold_shuffle(size_t *order, size_t count, uint64_t *random)
{
	for (size_t i = count; i > 1; i--) {
		size_t j = unit_below(random, i), held = order[i - 1];
		order[i - 1] = order[j];
		order[j] = held;
	}
}

/* Every event once or more, in any order. */
static inline void
fold_assert_order_does_not_matter(
	const char *name, const struct tl_event *events, size_t count, unsigned rounds, uint64_t *random)
{
	struct tl_buf expected = fold_document(events, NULL, count);
	for (unsigned round = 0; round < rounds; round++) {
		size_t order[2 * FOLD_EVENTS_MAX], total = count + unit_below(random, count);
		for (size_t i = 0; i < total; i++)
			order[i] = i < count ? i : unit_below(random, count);
		fold_shuffle(order, total, random);
		struct tl_buf document = fold_document(events, order, total);
		fold_assert_equal(name, "another order", &expected, &document);
		tl_buf_done(&document);
	}
	tl_buf_done(&expected);
}

/* Asking for the document in between changes nothing. */
static inline void
fold_assert_folding_on_equals_folding_afresh(const char *name, const struct tl_event *events, size_t count)
{
	struct tl_err err;
	struct tl_trace *trace = NULL;
	assert_ok(tl_trace_open(events[0].trace_id, &trace, &err));
	for (size_t i = 0; i < count; i++) {
		assert_ok(tl_trace_apply(trace, &events[i], &err));
		if (!tl_trace_is_begun(trace))
			continue;
		struct tl_buf on, afresh = fold_document(events, NULL, i + 1);
		tl_buf_init(&on, 64 << 20);
		assert_ok(tl_trace_document(trace, &on, &err));
		fold_assert_equal(name, "folding on", &afresh, &on);
		tl_buf_done(&on);
		tl_buf_done(&afresh);
	}
	tl_trace_close(trace);
}

/* ---- Spans ---- */

static inline int64_t
fold_number(const tl_json *object, const char *key)
{
	int64_t number = -1;
	(void)tl_json_int(tl_json_get(object, key), &number);
	return number;
}

static inline const tl_json *
fold_span_of_id(const tl_json *spans, tl_str id)
{
	for (size_t i = 0; i < tl_json_len(spans); i++)
		if (tl_str_equal(tl_json_str(tl_json_get(tl_json_at(spans, i), "span_id")), id))
			return tl_json_at(spans, i);
	return NULL;
}

static inline void
fold_assert_inside(const char *name, const tl_json *span, const tl_json *parent)
{
	int64_t start = fold_number(span, "start_ns"), parent_start = fold_number(parent, "start_ns");
	int64_t duration = fold_number(span, "duration_ns"), parent_duration = fold_number(parent, "duration_ns");
	bool inside = start >= parent_start &&
		      (parent_duration < 0 || (duration >= 0 && start + duration <= parent_start + parent_duration));
	if (!inside)
		fail_msg("%s: span %.*s (%lld + %lld) is not inside its parent %.*s (%lld + %lld)", name,
			TL_FMT(tl_json_str(tl_json_get(span, "name"))), (long long)start, (long long)duration,
			TL_FMT(tl_json_str(tl_json_get(parent, "name"))), (long long)parent_start, (long long)parent_duration);
}

static inline void
fold_assert_moments_inside(const char *name, const tl_json *span)
{
	int64_t start = fold_number(span, "start_ns"), duration = fold_number(span, "duration_ns");
	const tl_json *moments = tl_json_get(span, "events");
	for (size_t i = 0; i < tl_json_len(moments); i++) {
		int64_t at = fold_number(tl_json_at(moments, i), "at_ns");
		if (at < start || (duration >= 0 && at > start + duration))
			fail_msg("%s: a moment of %.*s is outside it", name, TL_FMT(tl_json_str(tl_json_get(span, "name"))));
	}
}

/* One root, every other span inside its parent, ordered by (start, id), ids unique, running exactly while there is no
 * duration. */
static inline void
fold_assert_spans_hang_together(const char *name, const struct tl_buf *document)
{
	struct tl_err err;
	tl_json *root = NULL;
	size_t roots = 0;
	assert_ok(tl_json_parse(tl_buf_str(document), &root, &err));
	const tl_json *spans = tl_json_get(root, "spans");
	assert_true(tl_json_len(spans) >= 2);
	for (size_t i = 0; i < tl_json_len(spans); i++) {
		const tl_json *span = tl_json_at(spans, i), *next = tl_json_at(spans, i + 1);
		tl_str id = tl_json_str(tl_json_get(span, "span_id")), parent = tl_json_str(tl_json_get(span, "parent_span_id"));
		bool running = tl_str_equal(tl_json_str(tl_json_get(span, "status")), TL_STR("running"));
		assert_int_equal(id.len, 16);
		assert_ptr_equal(fold_span_of_id(spans, id), span);
		assert_int_equal(running, fold_number(span, "duration_ns") < 0);
		fold_assert_moments_inside(name, span);
		if (next)
			assert_true(fold_number(span, "start_ns") < fold_number(next, "start_ns") ||
				    (fold_number(span, "start_ns") == fold_number(next, "start_ns") &&
					    tl_str_compare(id, tl_json_str(tl_json_get(next, "span_id"))) < 0));
		roots += parent.ptr == NULL;
		if (!parent.ptr)
			continue;
		assert_non_null(fold_span_of_id(spans, parent));
		fold_assert_inside(name, span, fold_span_of_id(spans, parent));
	}
	assert_int_equal(roots, 1);
	tl_json_free(root);
}

static inline void
fold_assert_spans_hang_together_at_every_prefix(const char *name, const struct tl_event *events, size_t count)
{
	for (size_t i = 2; i <= count; i++) {
		struct tl_buf document = fold_document(events, NULL, i);
		fold_assert_spans_hang_together(name, &document);
		tl_buf_done(&document);
	}
}

#endif
