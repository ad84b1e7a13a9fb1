/* Reading by seq, by trace and by prefix. */
#include "log_fixture.h"

/* More than are entered in `streams` at a time, so that stream and tail are both read. */
enum { MANY = 2500, TRACES = 7 };

static struct tl_arena arena;

static int
make(void **state)
{
	tl_arena_init(&arena, 64 << 20);
	return fixture_make(state);
}

static int
remove_all(void **state)
{
	tl_arena_done(&arena);
	return fixture_remove(state);
}

static void
append_many(struct tl_log *log)
{
	struct tl_err err;
	for (unsigned from = 0; from < MANY; from += 100) {
		struct tl_record records[100];
		char texts[100][16];
		for (unsigned i = 0; i < 100; i++) {
			(void)snprintf(texts[i], sizeof texts[i], "%u", from + i + 1);
			records[i] = record_of((from + i) % TRACES, texts[i]);
		}
		assert_ok(tl_log_append(log, records, 100, NULL, &err));
	}
}

static void
assert_record(const struct tl_record *record, uint64_t seq)
{
	char text[16];
	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)seq);
	assert_int_equal(record->envelope.seq, seq);
	assert_true(tl_trace_id_equal(record->envelope.trace_id, trace_of((unsigned)((seq - 1) % TRACES))));
	assert_true(tl_str_equal(tl_str_of_bytes(record->body), tl_str_of(text)));
}

static void
pages_of_any_size_join_to_the_whole_log(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	uint64_t random = unit_seed(), after = 0;
	append_many(log);
	while (after < MANY) {
		struct tl_record_list list;
		size_t count_max = 1 + unit_below(&random, 300);
		assert_ok(tl_log_read(log, after, count_max, 1 << 20, &arena, &list, &err));
		assert_int_equal(list.head_seq, MANY);
		assert_int_equal(list.count, count_max < MANY - after ? count_max : MANY - after);
		for (size_t i = 0; i < list.count; i++)
			assert_record(&list.records[i], ++after);
	}
	struct tl_record_list list;
	assert_ok(tl_log_read(log, MANY, 10, 1 << 20, &arena, &list, &err));
	assert_int_equal(list.count, 0);
	assert_ok(tl_log_read(log, UINT64_MAX, 10, 1 << 20, &arena, &list, &err));
	assert_int_equal(list.count, 0);
	tl_log_close(log);
}

static void
pages_of_a_trace_join_to_the_whole_trace(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	uint64_t random = unit_seed();
	append_many(log);
	for (unsigned trace = 0; trace < TRACES; trace++) {
		uint64_t after = 0, expected = trace + 1;
		for (;;) {
			struct tl_record_list list;
			assert_ok(tl_log_read_trace(
				log, trace_of(trace), after, 1 + unit_below(&random, 90), 1 << 20, &arena, &list, &err));
			for (size_t i = 0; i < list.count; i++, expected += TRACES)
				assert_record(&list.records[i], expected);
			if (list.count == 0)
				break;
			after = list.records[list.count - 1].envelope.seq;
		}
		assert_true(expected > MANY);
	}
	tl_log_close(log);
}

static void
reading_a_trace_may_start_anywhere(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	append_many(log);
	for (uint64_t after = 0; after <= MANY + 3; after += 13) {
		struct tl_record_list list;
		assert_ok(tl_log_read_trace(log, trace_of(3), after, 2, 1 << 20, &arena, &list, &err));
		uint64_t next = after < 4 ? 4 : 4 + (after - 4) / TRACES * TRACES + TRACES;
		size_t expected = next > MANY ? 0 : next + TRACES > MANY ? 1 : 2;
		assert_int_equal(list.count, expected);
		if (expected > 0)
			assert_int_equal(list.records[0].envelope.seq, next);
	}
	tl_log_close(log);
}

static void
bytes_are_bounded_but_one_event_always_comes(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	static char text[10001];
	memset(text, 'x', sizeof text - 1);
	for (unsigned i = 0; i < 5; i++)
		append_text(log, 1, text);
	struct tl_record_list list;
	assert_ok(tl_log_read(log, 0, 100, 25000, &arena, &list, &err));
	assert_int_equal(list.count, 2);
	assert_ok(tl_log_read(log, 0, 100, 1, &arena, &list, &err));
	assert_int_equal(list.count, 1);
	assert_ok(tl_log_read_trace(log, trace_of(1), 2, 100, 20000, &arena, &list, &err));
	assert_int_equal(list.count, 2);
	assert_int_equal(list.records[0].envelope.seq, 3);
	tl_log_close(log);
}

static void
an_arena_too_small_is_told_and_leaves_the_list_alone(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	append_many(log);
	struct tl_arena small;
	struct tl_record_list list = { .count = 77 };
	tl_arena_init(&small, 5000);
	assert_int_equal(tl_log_read(log, 0, 1000, 1 << 20, &small, &list, &err), TL_ERR_LIMIT);
	assert_int_equal(list.count, 77);
	tl_arena_done(&small);
	tl_log_close(log);
}

static void
unknown_trace_is_not_found(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_record_list list;
	assert_int_equal(tl_log_read_trace(log, trace_of(1), 0, 9, 999, &arena, &list, &err), TL_ERR_NOT_FOUND);
	append_many(log);
	assert_int_equal(tl_log_read_trace(log, trace_of(TRACES), 0, 9, 999, &arena, &list, &err), TL_ERR_NOT_FOUND);
	/* Known, only nothing new: */
	assert_ok(tl_log_read_trace(log, trace_of(1), MANY, 9, 999, &arena, &list, &err));
	assert_int_equal(list.count, 0);
	tl_log_close(log);
}

static struct tl_trace_id
id_of(const char *text)
{
	struct tl_err err;
	struct tl_trace_id first, last;
	assert_ok(tl_trace_id_range(tl_str_of(text), &first, &last, &err));
	return first;
}

static void
append_id(struct tl_log *log, const char *text)
{
	struct tl_err err;
	struct tl_record record = record_of(0, "x");
	record.envelope.trace_id = id_of(text);
	assert_ok(tl_log_append(log, &record, 1, NULL, &err));
}

/* With the ids in the tail, or entered. */
static void
check_prefixes(struct tl_log *log)
{
	struct tl_err err;
	struct tl_trace_id found;
	assert_ok(tl_log_find_trace(log, TL_STR("tr_2kf9q3m1"), &found, &err));
	assert_true(tl_trace_id_equal(found, id_of("2kf9q3m1aaaa")));
	assert_ok(tl_log_find_trace(log, TL_STR("3"), &found, &err));
	assert_true(tl_trace_id_equal(found, id_of("3zzzz")));
	assert_int_equal(tl_log_find_trace(log, TL_STR("tr_2kf9q3"), &found, &err), TL_ERR_AMBIGUOUS);
	assert_non_null(strstr(err.message, "tr_2kf9q3m1aaaa"));
	assert_non_null(strstr(err.message, "tr_2kf9q3m2"));
	assert_int_equal(tl_log_find_trace(log, TL_STR("5"), &found, &err), TL_ERR_NOT_FOUND);
	assert_int_equal(tl_log_find_trace(log, TL_STR("u"), &found, &err), TL_ERR_PARSE);
	unsigned length = 0;
	assert_ok(tl_log_unique_length(log, id_of("3zzzz"), &length, &err));
	assert_int_equal(length, TL_TRACE_ID_SHOWN);
	assert_ok(tl_log_unique_length(log, id_of("7000000000000001"), &length, &err));
	assert_int_equal(length, 16);
	assert_ok(tl_log_unique_length(log, id_of("7000000000000002"), &length, &err));
	assert_int_equal(length, 16);
}

static void
traces_are_found_by_the_start_of_their_ids(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	const char *const ids[] = { "3zzzz", "2kf9q3m1aaaa", "2kf9q3m2", "7000000000000001", "7000000000000002" };
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
		append_id(log, ids[i]);
	check_prefixes(log);
	struct tl_record records[1100];
	for (unsigned i = 0; i < 1100; i++) {
		records[i] = record_of(0, "");
		records[i].envelope.trace_id = id_of("3zzzz");
	}
	assert_ok(tl_log_append(log, records, 1100, NULL, &err));
	check_prefixes(log);
	struct tl_log_stat stat;
	assert_ok(tl_log_stat(log, &stat, &err));
	assert_int_equal(stat.traces, 5);
	assert_true(stat.file_bytes > 1100 * 152);
	tl_log_close(log);
}

/* Oracle: the whole text of every id. */
static void
unique_length_is_what_comparing_all_texts_gives(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	enum { IDS = 1500 };
	static struct tl_record records[IDS];
	static char texts[IDS][TL_TRACE_ID_TEXT_SIZE];
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < IDS; i++) {
		records[i] = record_of(0, "");
		/* Few different bytes, so that ids are alike for long. */
		for (unsigned n = 0; n < 16; n++)
			records[i].envelope.trace_id.bytes[n] =
				(uint8_t)(unit_below(&random, 8) ? 0 : 1u << unit_below(&random, 8));
		tl_trace_id_text(records[i].envelope.trace_id, texts[i]);
		if (i == 1200)
			assert_ok(tl_log_append(log, records, 1200, NULL, &err));
	}
	assert_ok(tl_log_append(log, records + 1200, IDS - 1200, NULL, &err));
	for (unsigned i = 0; i < IDS; i += 10) {
		unsigned expected = TL_TRACE_ID_SHOWN, length;
		for (unsigned n = 0; n < IDS; n++) {
			unsigned same = 3;
			while (texts[i][same] && texts[i][same] == texts[n][same])
				same++;
			if (texts[i][same] && same - 3 + 1 > expected)
				expected = same - 3 + 1;
		}
		assert_ok(tl_log_unique_length(log, records[i].envelope.trace_id, &length, &err));
		assert_int_equal(length, expected);
	}
	assert_clean(log);
	tl_log_close(log);
}

int
main(void)
{
#define IN_A_LOG(test) cmocka_unit_test_setup_teardown(test, make, remove_all)
	const struct CMUnitTest tests[] = {
		IN_A_LOG(pages_of_any_size_join_to_the_whole_log),
		IN_A_LOG(pages_of_a_trace_join_to_the_whole_trace),
		IN_A_LOG(reading_a_trace_may_start_anywhere),
		IN_A_LOG(bytes_are_bounded_but_one_event_always_comes),
		IN_A_LOG(an_arena_too_small_is_told_and_leaves_the_list_alone),
		IN_A_LOG(unknown_trace_is_not_found),
		IN_A_LOG(traces_are_found_by_the_start_of_their_ids),
		IN_A_LOG(unique_length_is_what_comparing_all_texts_gives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
