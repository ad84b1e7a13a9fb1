/* What every view must do, asked through the vtable; the embedded one answers. Random traces against a plain list in memory. */
#include "unit.h"
#include "view_fixture.h"

static void
assert_text(tl_str found, tl_str expected)
{
	assert_int_equal(found.ptr == NULL, expected.ptr == NULL);
	assert_int_equal(found.len, expected.len);
	if (found.len)
		assert_memory_equal(found.ptr, expected.ptr, found.len);
}

static void
assert_summary(const struct tl_trace_summary *found, const struct tl_trace_summary *expected)
{
	assert_true(tl_trace_id_equal(found->trace_id, expected->trace_id));
	assert_int_equal(found->status, expected->status);
	assert_text(found->reason, expected->reason);
	assert_text(found->provider, expected->provider);
	assert_text(found->model, expected->model);
	assert_text(found->project, expected->project);
	assert_text(found->session, expected->session);
	assert_int_equal(found->tags.count, expected->tags.count);
	for (size_t i = 0; i < found->tags.count; i++)
		assert_text(found->tags.items[i], expected->tags.items[i]);
	assert_text(found->prompt, tl_utf8_prefix(expected->prompt, 160));
	assert_int_equal(found->started_unix_ns, expected->started_unix_ns);
	assert_int_equal(found->latency_ns, expected->latency_ns);
	assert_int_equal(found->first_byte_ns, expected->first_byte_ns);
	assert_int_equal(found->first_content_ns, expected->first_content_ns);
	assert_int_equal(found->prompt_tokens, expected->prompt_tokens);
	assert_int_equal(found->completion_tokens, expected->completion_tokens);
	assert_int_equal(found->tokens_estimated, expected->tokens_estimated);
	assert_int_equal(found->cost_nano_usd, expected->cost_nano_usd);
	assert_int_equal(found->attempts, expected->attempts);
	assert_int_equal(found->answer_chars, expected->answer_chars);
	assert_text(found->error_class, expected->error_class);
	assert_text(found->replay_of, expected->replay_of);
	assert_int_equal(found->seq, expected->seq);
}

/* ---- One trace ---- */

static void
a_stored_row_reads_back_as_it_was(void **state)
{
	(void)state;
	tl_str tags[] = { TL_STR("one"), TL_STR("two\0too"), TL_STR("") };
	char prompt[400];
	memset(prompt, 'p', sizeof prompt);
	struct tl_view_row row = row_of(1, "failed", 77), read;
	row.summary.reason = TL_STR("a reason");
	row.summary.session = TL_STR("");
	row.summary.tags = (struct tl_str_list){ tags, 3 };
	row.summary.prompt = (tl_str){ prompt, sizeof prompt };
	row.summary.latency_ns = 0;
	row.summary.cost_nano_usd = INT64_MAX;
	row.summary.tokens_estimated = true;
	row.summary.error_class = TL_STR("connect");
	put_all(&row, 1, 9);
	assert_ok(view->ops->document(view, row.summary.trace_id, &arena, &read, &err));
	assert_summary(&read.summary, &row.summary);
	assert_text(read.document, row.document);
	assert_true(tl_digest_equal(read.digest, row.digest));
	assert_true(read.finished);
}

static void
a_trace_that_is_not_there_is_not_found(void **state)
{
	(void)state;
	struct tl_view_row read;
	assert_int_equal(view->ops->document(view, trace_of(5), &arena, &read, &err), TL_ERR_NOT_FOUND);
}

static void
a_later_row_replaces_the_earlier_one_and_its_tags(void **state)
{
	(void)state;
	tl_str old_tag = TL_STR("old"), new_tag = TL_STR("new");
	struct tl_view_row row = row_of(1, "running", 50);
	row.summary.tags = (struct tl_str_list){ &old_tag, 1 };
	put_all(&row, 1, 1);
	row = row_of(1, "success", 50);
	row.summary.tags = (struct tl_str_list){ &new_tag, 1 };
	put_all(&row, 1, 2);
	assert_int_equal(page_of((struct tl_view_query){ .tag = TL_STR("old") }).total, 0);
	assert_int_equal(page_of((struct tl_view_query){ .tag = TL_STR("new") }).count, 1);
	assert_int_equal(page_of((struct tl_view_query){ .status = TL_STR("running") }).total, 0);
	assert_int_equal(page_of((struct tl_view_query){ .status = TL_STR("success") }).total, 1);
	assert_int_equal(page_of((struct tl_view_query){ 0 }).total, 1);
}

static void
bytes_that_are_no_text_are_kept_and_compared_as_bytes(void **state)
{
	(void)state;
	const tl_str nasty[] = { TL_STR("a\0b"), TL_STR("a\0c"), TL_STR("\xff\xfe"), TL_STR("'; DROP TABLE traces; --"),
		TL_STR("%"), TL_STR("GPT-4o"), TL_STR("") };
	size_t count = sizeof nasty / sizeof nasty[0];
	for (unsigned i = 0; i < count; i++) {
		struct tl_view_row row = row_of(i, "success", i);
		tl_str tag = nasty[i];
		row.summary.model = row.summary.project = row.summary.provider = row.summary.session = row.summary.prompt =
			nasty[i];
		/* Tags come back as the JSON they are shown in; as filters they are bytes. */
		row.summary.tags = (struct tl_str_list){ &tag, 1 };
		put_all(&row, 1, i + 1);
	}
	for (unsigned i = 0; i < count; i++) {
		const struct tl_view_query queries[] = { { .model = nasty[i] }, { .project = nasty[i] }, { .provider = nasty[i] },
			{ .session = nasty[i] }, { .tag = nasty[i] } };
		for (size_t j = 0; j < sizeof queries / sizeof queries[0]; j++) {
			struct tl_view_page page = page_of(queries[j]);
			assert_int_equal(page.total, 1);
			assert_int_equal(page.count, 1);
			assert_true(tl_trace_id_equal(page.items[0].trace_id, trace_of(i)));
			assert_text(page.items[0].model, nasty[i]);
			assert_text(page.items[0].prompt, nasty[i]);
		}
	}
}

static void
a_number_beyond_63_bits_is_refused_and_nothing_is_written(void **state)
{
	(void)state;
	struct tl_view_row row = row_of(1, "success", UINT64_MAX);
	assert_ok(view->ops->begin(view, &err));
	assert_int_equal(view->ops->put(view, &row, &err), TL_ERR_RANGE);
	assert_ok(view->ops->commit(view, 1, &err));
	assert_int_equal(page_of((struct tl_view_query){ 0 }).total, 0);
}

/* ---- Batches ---- */

static void
an_aborted_batch_leaves_nothing(void **state)
{
	(void)state;
	struct tl_view_row row = row_of(1, "success", 1);
	struct tl_view_parked parked = { .trace_id = trace_of(2), .seq = 3, .message = TL_STR("no") }, *list;
	uint64_t seq = 99;
	size_t count;
	put_all(NULL, 0, 4);
	assert_ok(view->ops->begin(view, &err));
	assert_ok(view->ops->put(view, &row, &err));
	assert_ok(view->ops->park(view, &parked, &err));
	view->ops->abort(view);
	assert_int_equal(page_of((struct tl_view_query){ 0 }).total, 0);
	assert_ok(view->ops->parked(view, &arena, &list, &count, &err));
	assert_int_equal(count, 0);
	assert_ok(view->ops->checkpoint(view, &seq, &err));
	assert_int_equal(seq, 4);
}

static void
another_handle_sees_a_batch_when_it_is_committed(void **state)
{
	(void)state;
	struct tl_view *reader = view_opened(false);
	struct tl_view_row row = row_of(1, "success", 1), read;
	assert_ok(view->ops->begin(view, &err));
	assert_ok(view->ops->put(view, &row, &err));
	assert_int_equal(reader->ops->document(reader, trace_of(1), &arena, &read, &err), TL_ERR_NOT_FOUND);
	assert_ok(view->ops->commit(view, 1, &err));
	assert_ok(reader->ops->document(reader, trace_of(1), &arena, &read, &err));
	assert_int_equal(reader->ops->begin(reader, &err), TL_ERR_READ_ONLY);
	reader->ops->close(reader);
}

static void
a_parked_trace_is_listed_until_it_is_stored(void **state)
{
	(void)state;
	struct tl_view_parked parked = { .trace_id = trace_of(1), .seq = 12, .message = TL_STR("event 12 is broken") }, *list;
	struct tl_view_row row = row_of(1, "success", 1);
	size_t count;
	assert_ok(view->ops->begin(view, &err));
	assert_ok(view->ops->park(view, &parked, &err));
	assert_ok(view->ops->park(view, &parked, &err));
	assert_ok(view->ops->commit(view, 12, &err));
	assert_ok(view->ops->parked(view, &arena, &list, &count, &err));
	assert_int_equal(count, 1);
	assert_true(tl_trace_id_equal(list[0].trace_id, trace_of(1)));
	assert_int_equal(list[0].seq, 12);
	assert_text(list[0].message, TL_STR("event 12 is broken"));
	put_all(&row, 1, 13);
	assert_ok(view->ops->parked(view, &arena, &list, &count, &err));
	assert_int_equal(count, 0);
}

static void
only_finished_traces_wait_for_confirmation(void **state)
{
	(void)state;
	struct tl_view_row rows[] = { row_of(1, "running", 1), row_of(2, "success", 2), row_of(3, "failed", 3) };
	struct tl_trace_id *ids;
	size_t count;
	put_all(rows, 3, 1);
	assert_ok(view->ops->unconfirmed(view, &arena, 1, &ids, &count, &err));
	assert_int_equal(count, 1);
	assert_ok(view->ops->unconfirmed(view, &arena, 10, &ids, &count, &err));
	assert_int_equal(count, 2);
	struct tl_trace_id both[] = { trace_of(1), trace_of(2) };
	assert_ok(view->ops->confirm(view, both, 2, &err));
	assert_ok(view->ops->unconfirmed(view, &arena, 10, &ids, &count, &err));
	assert_int_equal(count, 1);
	assert_true(tl_trace_id_equal(ids[0], trace_of(3)));
	/* A new row is a new document. */
	put_all(&rows[1], 1, 2);
	assert_ok(view->ops->unconfirmed(view, &arena, 10, &ids, &count, &err));
	assert_int_equal(count, 2);
}

/* ---- Lists ---- */

static void
what_cannot_be_meant_is_a_usage_error(void **state)
{
	(void)state;
	struct tl_view_page page;
	const struct tl_view_query queries[] = {
		{ .limit = 0 },
		{ .limit = TL_PAGE_LIMIT_MAX + 1 },
		{ .limit = 1, .status = TL_STR("done") },
		{ .limit = 1, .after = TL_STR("") },
		{ .limit = 1, .after = TL_STR("1") },
		{ .limit = 1, .after = TL_STR("1.tr_") },
		{ .limit = 1, .after = TL_STR("9223372036854775808.tr_00000000000000000000000000") },
		{ .limit = 1, .after = TL_STR("1.00000000000000000000000000") },
		{ .limit = 1, .after = TL_STR("-1.tr_00000000000000000000000000") },
		{ .limit = 1, .after = TL_STR("1.tr_00000000000000000000000000' OR 1") },
	};
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
		if (view->ops->list(view, &queries[i], &arena, &page, &err) != TL_ERR_USAGE)
			fail_msg("query %zu was answered", i);
}

static void
replays_are_left_out_unless_asked_for(void **state)
{
	(void)state;
	char origin_text[TL_TRACE_ID_TEXT_SIZE];
	struct tl_view_row rows[] = { row_of(1, "success", 1), row_of(2, "success", 2), row_of(3, "success", 3) };
	struct tl_trace_id origin = trace_of(1), other = trace_of(3);
	tl_trace_id_text(origin, origin_text);
	rows[1].summary.replay_of = tl_str_of(origin_text);
	put_all(rows, 3, 1);
	assert_int_equal(page_of((struct tl_view_query){ 0 }).total, 2);
	assert_int_equal(page_of((struct tl_view_query){ .with_replays = true }).total, 3);
	struct tl_view_page page = page_of((struct tl_view_query){ .replays_of = &origin });
	assert_int_equal(page.total, 1);
	assert_true(tl_trace_id_equal(page.items[0].trace_id, trace_of(2)));
	assert_int_equal(page_of((struct tl_view_query){ .replays_of = &other }).total, 0);
}

/* ---- Random traces against a list in memory ---- */

#define ORACLE_MAX 120u

struct oracle {
	struct tl_view_row rows[ORACLE_MAX];
	bool there[ORACLE_MAX];
};

static const char *const statuses[] = { "running", "success", "warning", "failed", "interrupted" };
static const tl_str names[] = { { "a", 1 }, { "b", 1 }, { "B", 1 }, { "a\0", 2 }, { "\xc3", 1 }, { "", 0 } };
#define NAMES (sizeof names / sizeof names[0])
/* Tags that JSON carries unchanged. */
static const tl_str tag_names[] = { { "x", 1 }, { "y", 1 }, { "x y", 3 }, { "\xc3\xa4", 2 } };
#define TAG_NAMES (sizeof tag_names / sizeof tag_names[0])

static struct tl_view_row
random_row(uint64_t *random, unsigned number)
{
	struct tl_view_row row = row_of(number, statuses[unit_below(random, 5)], unit_below(random, 20));
	struct tl_trace_summary *summary = &row.summary;
	summary->model = names[unit_below(random, NAMES)];
	summary->provider = names[unit_below(random, NAMES)];
	summary->project = names[unit_below(random, NAMES)];
	if (unit_below(random, 2))
		summary->session = names[unit_below(random, NAMES)];
	tl_str *tags = tl_arena_array(&arena, 3, sizeof *tags);
	summary->tags = (struct tl_str_list){ tags, unit_below(random, 4) };
	for (size_t i = 0; i < summary->tags.count; i++)
		tags[i] = tag_names[unit_below(random, TAG_NAMES)];
	if (unit_below(random, 4) == 0) {
		char origin[TL_TRACE_ID_TEXT_SIZE];
		tl_trace_id_text(trace_of((unsigned)unit_below(random, 3)), origin);
		summary->replay_of = tl_arena_str(&arena, tl_str_of(origin));
	}
	summary->latency_ns = (int64_t)unit_below(random, 100) - 1;
	return row;
}

static struct tl_view_query
random_query(uint64_t *random, struct tl_trace_id *origin)
{
	struct tl_view_query query = { .limit = (unsigned)unit_below(random, 12) + 1, .with_replays = unit_below(random, 2) };
	if (unit_below(random, 3) == 0)
		query.status = tl_str_of(statuses[unit_below(random, 5)]);
	if (unit_below(random, 3) == 0)
		query.model = names[unit_below(random, NAMES)];
	if (unit_below(random, 4) == 0)
		query.provider = names[unit_below(random, NAMES)];
	if (unit_below(random, 4) == 0)
		query.project = names[unit_below(random, NAMES)];
	if (unit_below(random, 4) == 0)
		query.session = names[unit_below(random, NAMES)];
	if (unit_below(random, 4) == 0)
		query.tag = tag_names[unit_below(random, TAG_NAMES)];
	*origin = trace_of((unsigned)unit_below(random, 3));
	if (unit_below(random, 6) == 0)
		query.replays_of = origin;
	return query;
}

static bool
text_fits(tl_str filter, tl_str value)
{
	return !filter.ptr || (value.ptr && filter.len == value.len && memcmp(filter.ptr, value.ptr, filter.len) == 0);
}

static bool
tag_fits(tl_str filter, const struct tl_str_list *tags)
{
	if (!filter.ptr)
		return true;
	for (size_t i = 0; i < tags->count; i++)
		if (text_fits(filter, tags->items[i]))
			return true;
	return false;
}

static bool
fits(const struct tl_view_query *query, const struct tl_trace_summary *summary)
{
	char origin[TL_TRACE_ID_TEXT_SIZE] = "";
	if (query->replays_of)
		tl_trace_id_text(*query->replays_of, origin);
	bool replay_fits = query->replays_of ? text_fits(tl_str_of(origin), summary->replay_of)
					     : query->with_replays || !summary->replay_of.ptr;
	return replay_fits && text_fits(query->status, tl_str_of(statuses[summary->status])) &&
	       text_fits(query->model, summary->model) && text_fits(query->provider, summary->provider) &&
	       text_fits(query->project, summary->project) && text_fits(query->session, summary->session) &&
	       tag_fits(query->tag, &summary->tags);
}

static int
newest_first(const void *left, const void *right)
{
	const struct tl_trace_summary *a = left, *b = right;
	if (a->started_unix_ns != b->started_unix_ns)
		return a->started_unix_ns > b->started_unix_ns ? -1 : 1;
	return -memcmp(a->trace_id.bytes, b->trace_id.bytes, sizeof a->trace_id.bytes);
}

/* Turns all pages of the query over and compares each item. */
static void
assert_pages(const struct oracle *oracle, struct tl_view_query query)
{
	struct tl_trace_summary expected[ORACLE_MAX];
	size_t count = 0, at = 0;
	for (unsigned i = 0; i < ORACLE_MAX; i++)
		if (oracle->there[i] && fits(&query, &oracle->rows[i].summary))
			expected[count++] = oracle->rows[i].summary;
	qsort(expected, count, sizeof expected[0], newest_first);
	for (;;) {
		struct tl_view_page page = page_of(query);
		assert_int_equal(page.total, count);
		assert_true(page.count <= query.limit);
		for (size_t i = 0; i < page.count; i++) {
			assert_true(at < count);
			assert_summary(&page.items[i], &expected[at++]);
		}
		if (!page.next.ptr)
			break;
		assert_int_equal(page.count, query.limit);
		query.after = page.next;
	}
	assert_int_equal(at, count);
}

static void
random_traces_are_listed_as_a_plain_list_would_have_them(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(6); i++) {
		static struct oracle oracle;
		for (unsigned j = 0; j < 60; j++) {
			unsigned number = (unsigned)unit_below(&random, ORACLE_MAX);
			oracle.rows[number] = random_row(&random, number);
			oracle.there[number] = true;
			put_all(&oracle.rows[number], 1, j);
		}
		for (unsigned j = 0; j < 150; j++) {
			struct tl_trace_id origin;
			assert_pages(&oracle, random_query(&random, &origin));
		}
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_stored_row_reads_back_as_it_was),
		T(a_trace_that_is_not_there_is_not_found),
		T(a_later_row_replaces_the_earlier_one_and_its_tags),
		T(bytes_that_are_no_text_are_kept_and_compared_as_bytes),
		T(a_number_beyond_63_bits_is_refused_and_nothing_is_written),
		T(an_aborted_batch_leaves_nothing),
		T(another_handle_sees_a_batch_when_it_is_committed),
		T(a_parked_trace_is_listed_until_it_is_stored),
		T(only_finished_traces_wait_for_confirmation),
		T(what_cannot_be_meant_is_a_usage_error),
		T(replays_are_left_out_unless_asked_for),
		T(random_traces_are_listed_as_a_plain_list_would_have_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
