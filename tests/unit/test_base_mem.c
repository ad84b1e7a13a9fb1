/* base/mem, buf and fault tested: allocation, arena, buffer; with -Dfaults=true also what happens when memory runs out. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tracellm/base.h>

static bool
is_zero(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

static void
allocated_memory_is_zeroed_and_a_size_of_nothing_is_still_memory(void **state)
{
	(void)state;
	unsigned char *bytes = tl_alloc(100, 7);
	assert_non_null(bytes);
	assert_true(is_zero(bytes, 700));
	bytes = tl_realloc(bytes, 0);
	assert_non_null(bytes);
	tl_free(bytes);
	for (unsigned i = 0; i < 3; i++) {
		void *nothing = tl_alloc(i == 1, i == 2);
		assert_non_null(nothing);
		tl_free(nothing);
	}
	tl_free(NULL);
}

static void
a_size_that_overflows_gives_null(void **state)
{
	(void)state;
	assert_null(tl_alloc(SIZE_MAX / 2, 3));
	assert_null(tl_alloc(SIZE_MAX, SIZE_MAX));
}

static void
scope_cleanup_frees_and_closes_and_marks_it_done(void **state)
{
	(void)state;
	char *text = tl_alloc(1, 10);
	tl_free_cleanup(&text);
	assert_null(text);
	tl_free_cleanup(&text);

	int ends[2], kept = -1;
	assert_int_equal(pipe(ends), 0);
	{
		TL_CLEANUP(tl_close_cleanup) int fd = ends[0];
		kept = fd;
	}
	errno = 0;
	assert_int_equal(fcntl(kept, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	tl_close_cleanup(&ends[1]);
	assert_int_equal(ends[1], -1);
	tl_close_cleanup(&ends[1]);
}

struct piece {
	unsigned char *ptr;
	size_t len;
	unsigned char mark;
};

static void
arena_pieces_are_aligned_zeroed_and_apart(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned round = 0; round < unit_rounds(20); round++) {
		struct tl_arena arena;
		struct piece pieces[600];
		tl_arena_init(&arena, 64 << 20);
		for (size_t i = 0; i < 600; i++) {
			size_t len = unit_below(&random, unit_below(&random, 40) ? 200 : 20000);
			pieces[i] = (struct piece){ tl_arena_alloc(&arena, len), len, (unsigned char)(i % 255 + 1) };
			assert_non_null(pieces[i].ptr);
			assert_int_equal((uintptr_t)pieces[i].ptr % _Alignof(max_align_t), 0);
			assert_true(is_zero(pieces[i].ptr, len));
			(void)memset(pieces[i].ptr, pieces[i].mark, len);
		}
		for (size_t i = 0; i < 600; i++)
			for (size_t at = 0; at < pieces[i].len; at++)
				assert_int_equal(pieces[i].ptr[at], pieces[i].mark);
		tl_arena_done(&arena);
	}
}

static void
an_arena_gives_up_to_its_limit_and_names_it_when_more_is_asked(void **state)
{
	(void)state;
	struct tl_arena arena;
	struct tl_err err = { 0 };
	tl_arena_init(&arena, 10000);
	assert_null(tl_arena_alloc(&arena, 10001));
	assert_int_equal(tl_arena_failed(&arena, 10001, &err), TL_ERR_LIMIT);
	assert_non_null(strstr(err.message, "10001 bytes more would exceed the limit of 10000 bytes"));
	assert_non_null(tl_arena_alloc(&arena, 10000));
	assert_null(tl_arena_alloc(&arena, 1));
	tl_arena_done(&arena);
	assert_int_equal(arena.limit, 10000);
	size_t given = 0;
	while (tl_arena_alloc(&arena, 16))
		given += 16;
	assert_int_equal(given, 10000);
	tl_arena_done(&arena);
}

static void
a_size_no_machine_has_is_refused_by_an_arena_without_limit(void **state)
{
	(void)state;
	struct tl_arena arena;
	tl_arena_init(&arena, SIZE_MAX);
	for (size_t below = 0; below < 80; below++)
		assert_null(tl_arena_alloc(&arena, SIZE_MAX - below));
	assert_null(tl_arena_array(&arena, SIZE_MAX / 2, 3));
	assert_non_null(tl_arena_alloc(&arena, 1));
	tl_arena_done(&arena);
}

static void
an_arena_can_be_finished_twice_and_used_again(void **state)
{
	(void)state;
	struct tl_arena arena = { 0 };
	tl_arena_done(&arena);
	tl_arena_init(&arena, 1000);
	for (unsigned i = 0; i < 3; i++) {
		unsigned char *bytes = tl_arena_alloc(&arena, 900);
		assert_non_null(bytes);
		assert_true(is_zero(bytes, 900));
		(void)memset(bytes, 0xff, 900);
		tl_arena_done(&arena);
		tl_arena_done(&arena);
	}
}

static void
copies_in_an_arena_are_terminated_and_their_own(void **state)
{
	(void)state;
	struct tl_arena arena;
	tl_arena_init(&arena, 1000);
	char source[] = "a\0bc";
	tl_str copy = tl_arena_str(&arena, (tl_str){ source, 3 });
	source[0] = 'X';
	assert_int_equal(copy.len, 3);
	assert_memory_equal(copy.ptr, "a\0b", 4);
	tl_str empty = tl_arena_str(&arena, (tl_str){ NULL, 0 });
	assert_non_null(empty.ptr);
	assert_int_equal(empty.len, 0);
	assert_string_equal(empty.ptr, "");
	tl_bytes bytes = tl_arena_bytes(&arena, (tl_bytes){ (const uint8_t *)"\1\2", 2 });
	assert_memory_equal(bytes.ptr, "\1\2", 2);
	tl_str printed = tl_arena_printf(&arena, "%s is %d", "answer", 42);
	assert_string_equal(printed.ptr, "answer is 42");
	assert_int_equal(printed.len, 12);
	assert_null(tl_arena_printf(&arena, "%1000d", 1).ptr);
	assert_null(tl_arena_str(&arena, (tl_str){ source, 1000 }).ptr);
	tl_arena_done(&arena);
}

static void
a_grown_array_keeps_its_items_and_a_refused_one_stays_as_it_was(void **state)
{
	(void)state;
	struct tl_arena arena;
	tl_arena_init(&arena, 100000);
	uint32_t *items = NULL;
	size_t capacity = 0, count = 0;
	while (tl_arena_grow(&arena, &items, &capacity, count, sizeof *items)) {
		assert_true(capacity > count);
		items[count] = (uint32_t)count * 3;
		count++;
	}
	assert_int_equal(count, capacity);
	assert_true(count > 4000);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(items[i], i * 3);
	tl_arena_done(&arena);
}

static void
a_buffer_takes_exactly_its_limit_and_the_first_refusal_sticks(void **state)
{
	(void)state;
	struct tl_buf buf;
	struct tl_err err = { 0 };
	tl_buf_init(&buf, 10);
	tl_buf_add_z(&buf, "0123456789");
	assert_int_equal(tl_buf_status(&buf, "the body", &err), TL_OK);
	assert_string_equal(buf.ptr, "0123456789");
	tl_buf_add_char(&buf, 'x');
	assert_int_equal(tl_buf_status(&buf, "the body", &err), TL_ERR_LIMIT);
	assert_string_equal(err.message, "the body is longer than its limit of 10 bytes");
	tl_buf_consume(&buf, 5);
	tl_buf_add_z(&buf, "a");
	tl_buf_printf(&buf, "b");
	assert_string_equal(buf.ptr, "56789");
	tl_buf_clear(&buf);
	assert_string_equal(buf.ptr, "");
	tl_buf_add_z(&buf, "fresh");
	assert_int_equal(tl_buf_status(&buf, "the body", &err), TL_OK);
	assert_true(tl_str_equal(tl_buf_str(&buf), TL_STR("fresh")));
	tl_buf_done(&buf);
	tl_buf_done(&buf);
	assert_null(tl_buf_str(&buf).ptr);
}

static void
a_limit_of_nothing_takes_nothing_and_an_empty_addition_is_no_failure(void **state)
{
	(void)state;
	struct tl_buf buf = { 0 };
	struct tl_err err;
	tl_buf_clear(&buf);
	tl_buf_consume(&buf, 5);
	tl_buf_add(&buf, NULL, 0);
	assert_int_equal(tl_buf_status(&buf, "it", &err), TL_OK);
	assert_string_equal(buf.ptr, "");
	tl_buf_add_char(&buf, 'x');
	assert_int_equal(tl_buf_status(&buf, "it", &err), TL_ERR_LIMIT);
	tl_buf_done(&buf);
}

static void
a_length_no_machine_has_is_a_failure_of_a_buffer_without_limit(void **state)
{
	(void)state;
	for (size_t below = 0; below < 3; below++) {
		struct tl_buf buf;
		tl_buf_init(&buf, SIZE_MAX);
		tl_buf_add_char(&buf, 'x');
		tl_buf_add(&buf, "", SIZE_MAX / (below + 1) - below);
		assert_int_not_equal(buf.failed, TL_OK);
		assert_string_equal(buf.ptr, "x");
		tl_buf_done(&buf);
	}
}

/* Oracle: an array large enough for everything, and the rules in one line each. */
static void
a_random_walk_of_additions_matches_a_plain_array(void **state)
{
	(void)state;
	static char plain[9000];
	uint64_t random = unit_seed();
	struct tl_buf buf;
	tl_buf_init(&buf, 5000);
	size_t len = 0;
	bool failed = false;
	for (unsigned i = 0; i < unit_rounds(30000); i++) {
		char piece[700];
		size_t size = unit_below(&random, unit_below(&random, 50) ? 60 : sizeof piece);
		for (size_t at = 0; at < size; at++)
			piece[at] = (char)('a' + unit_below(&random, 26));
		size_t action = unit_below(&random, 12);
		if (action == 0) {
			size_t gone = unit_below(&random, 400);
			gone = gone < len ? gone : len;
			tl_buf_consume(&buf, gone);
			memmove(plain, plain + gone, len - gone);
			len -= gone;
		} else if (action == 1 && unit_below(&random, 20) == 0) {
			tl_buf_clear(&buf);
			len = 0;
			failed = false;
		} else {
			if (action < 6)
				tl_buf_add(&buf, piece, size);
			else if (action < 9)
				tl_buf_add_str(&buf, (tl_str){ piece, size });
			else
				tl_buf_printf(&buf, "%.*s", (int)size, piece);
			failed = failed || len + size > 5000;
			memcpy(plain + len, piece, failed ? 0 : size);
			len += failed ? 0 : size;
		}
		assert_int_equal(buf.len, len);
		assert_int_equal(buf.failed, failed ? TL_ERR_LIMIT : TL_OK);
		if (buf.ptr) {
			assert_memory_equal(buf.ptr, plain, len);
			assert_int_equal(buf.ptr[len], '\0');
		}
	}
	tl_buf_done(&buf);
}

static void
assert_terminal(tl_str text, const char *expected)
{
	struct tl_buf buf;
	tl_buf_init(&buf, 1000);
	tl_buf_add_terminal(&buf, text);
	assert_string_equal(buf.ptr, expected);
	tl_buf_done(&buf);
}

static void
text_for_a_terminal_keeps_letters_and_shows_controls_and_broken_bytes(void **state)
{
	(void)state;
	assert_terminal(TL_STR("one\ttwo\nthree"), "one\ttwo\nthree");
	assert_terminal(TL_STR("\x1b[2J\r\x07\0\x7f"), "\\x1b[2J\\x0d\\x07\\x00\\x7f");
	assert_terminal(TL_STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_terminal(TL_STR("\xc2\x9b"
			       "2J\xc2\xa0"),
		"\\xc2\\x9b2J\xc2\xa0");
	assert_terminal(TL_STR("a\xff\xe2\x82"), "a\\xff\\xe2\\x82");
}

static void
no_bytes_reach_a_terminal_as_controls(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(20000); i++) {
		char text[16];
		for (size_t at = 0; at < sizeof text; at++)
			text[at] = (char)unit_below(&random, unit_below(&random, 3) ? 256 : 32);
		struct tl_buf buf;
		tl_buf_init(&buf, 1000);
		tl_buf_add_terminal(&buf, (tl_str){ text, sizeof text });
		assert_int_equal(buf.failed, TL_OK);
		assert_true(tl_utf8_valid(tl_buf_str(&buf)));
		for (size_t at = 0; at < buf.len; at++) {
			unsigned char c = (unsigned char)buf.ptr[at];
			assert_true(c >= 0x20 || c == '\n' || c == '\t');
			assert_true(c != 0x7f);
			assert_false(c == 0xc2 && (unsigned char)buf.ptr[at + 1] < 0xa0);
		}
		tl_buf_done(&buf);
	}
}

static void
each_broken_byte_becomes_one_replacement_and_the_rest_stays(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(20000); i++) {
		char text[12], expected[64] = { 0 };
		size_t expected_len = 0;
		for (size_t at = 0; at < sizeof text; at++)
			text[at] = "a\x80\xbf\xc3\xa9\xe2\x82\xac\xf0\x9f\xff"[unit_below(&random, 11)];
		for (tl_str rest = { text, sizeof text }; rest.len > 0;) {
			size_t step = tl_utf8_sequence(rest);
			memcpy(expected + expected_len, step ? rest.ptr : "\xef\xbf\xbd", step ? step : 3);
			expected_len += step ? step : 3;
			rest = tl_str_from(rest, step ? step : 1);
		}
		struct tl_buf buf;
		tl_buf_init(&buf, 1000);
		tl_buf_add_utf8(&buf, (tl_str){ text, sizeof text });
		assert_int_equal(buf.len, expected_len);
		assert_memory_equal(buf.ptr, expected, expected_len);
		assert_true(tl_utf8_valid(tl_buf_str(&buf)));
		tl_buf_done(&buf);
	}
}

#ifdef TL_FAULTS
static void
the_armed_allocation_fails_once_and_only_that_one(void **state)
{
	(void)state;
	for (uint64_t nth = 1; nth <= 4; nth++) {
		tl_fault_arm(TL_FAULT_ALLOC, nth);
		for (uint64_t i = 1; i <= 6; i++) {
			void *ptr = tl_alloc(1, 1);
			assert_int_equal(ptr == NULL, i == nth);
			tl_free(ptr);
			assert_int_equal(tl_fault_reached(TL_FAULT_ALLOC), i);
		}
	}
	tl_fault_arm(TL_FAULT_ALLOC, 0);
	assert_int_equal(tl_fault_reached(TL_FAULT_ALLOC), 0);
	assert_false(tl_fault(TL_FAULT_ALLOC));
	assert_false(tl_fault(TL_FAULT_COMMIT));
}

static _Atomic unsigned failures;

static void *
reach_points(void *context)
{
	(void)context;
	for (unsigned i = 0; i < 10000; i++)
		failures += tl_fault(TL_FAULT_VIEW);
	return NULL;
}

static void
an_armed_fault_hits_exactly_one_of_many_threads(void **state)
{
	(void)state;
	pthread_t threads[4];
	failures = 0;
	tl_fault_arm(TL_FAULT_VIEW, 20001);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reach_points, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(failures, 1);
	assert_int_equal(tl_fault_reached(TL_FAULT_VIEW), 40000);
	tl_fault_arm(TL_FAULT_VIEW, 0);
}

static void
a_failed_growth_leaves_the_old_block_with_its_owner(void **state)
{
	(void)state;
	char *text = tl_alloc(1, 8);
	(void)snprintf(text, 8, "kept");
	tl_fault_arm(TL_FAULT_ALLOC, 1);
	assert_null(tl_realloc(text, 1000));
	assert_string_equal(text, "kept");
	tl_free(text);
}

static void
an_arena_without_memory_says_so_and_recovers(void **state)
{
	(void)state;
	struct tl_arena arena;
	struct tl_err err;
	tl_arena_init(&arena, 1 << 20);
	tl_fault_arm(TL_FAULT_ALLOC, 1);
	assert_null(tl_arena_str(&arena, TL_STR("x")).ptr);
	assert_int_equal(tl_arena_failed(&arena, 2, &err), TL_ERR_NO_MEMORY);
	uint64_t *items = NULL;
	size_t capacity = 0;
	assert_true(tl_arena_grow(&arena, &items, &capacity, 0, 4000));
	uint64_t *before = items;
	size_t capacity_before = capacity;
	tl_fault_arm(TL_FAULT_ALLOC, 1);
	assert_false(tl_arena_grow(&arena, &items, &capacity, capacity, 4000));
	assert_ptr_equal(items, before);
	assert_int_equal(capacity, capacity_before);
	tl_arena_done(&arena);
}

static void
many_small_pieces_cost_few_allocations(void **state)
{
	(void)state;
	struct tl_arena arena;
	tl_arena_init(&arena, 64 << 20);
	tl_fault_arm(TL_FAULT_ALLOC, 0);
	for (unsigned i = 0; i < 100000; i++)
		assert_non_null(tl_arena_alloc(&arena, 48));
	assert_true(tl_fault_reached(TL_FAULT_ALLOC) < 20);
	tl_arena_done(&arena);
}

static void
a_buffer_without_memory_keeps_what_it_had_and_says_so(void **state)
{
	(void)state;
	struct tl_buf buf;
	struct tl_err err;
	tl_buf_init(&buf, 1 << 20);
	tl_buf_add_z(&buf, "kept");
	tl_fault_arm(TL_FAULT_ALLOC, 1);
	tl_buf_printf(&buf, "%1000d", 1);
	tl_buf_add_z(&buf, "later");
	assert_string_equal(buf.ptr, "kept");
	assert_int_equal(tl_buf_status(&buf, "the body", &err), TL_ERR_NO_MEMORY);
	assert_string_equal(err.message, "out of memory");
	tl_buf_clear(&buf);
	tl_buf_add_z(&buf, "later");
	assert_string_equal(buf.ptr, "later");
	tl_buf_done(&buf);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocated_memory_is_zeroed_and_a_size_of_nothing_is_still_memory),
		cmocka_unit_test(a_size_that_overflows_gives_null),
		cmocka_unit_test(scope_cleanup_frees_and_closes_and_marks_it_done),
		cmocka_unit_test(arena_pieces_are_aligned_zeroed_and_apart),
		cmocka_unit_test(an_arena_gives_up_to_its_limit_and_names_it_when_more_is_asked),
		cmocka_unit_test(a_size_no_machine_has_is_refused_by_an_arena_without_limit),
		cmocka_unit_test(an_arena_can_be_finished_twice_and_used_again),
		cmocka_unit_test(copies_in_an_arena_are_terminated_and_their_own),
		cmocka_unit_test(a_grown_array_keeps_its_items_and_a_refused_one_stays_as_it_was),
		cmocka_unit_test(a_buffer_takes_exactly_its_limit_and_the_first_refusal_sticks),
		cmocka_unit_test(a_limit_of_nothing_takes_nothing_and_an_empty_addition_is_no_failure),
		cmocka_unit_test(a_length_no_machine_has_is_a_failure_of_a_buffer_without_limit),
		cmocka_unit_test(a_random_walk_of_additions_matches_a_plain_array),
		cmocka_unit_test(text_for_a_terminal_keeps_letters_and_shows_controls_and_broken_bytes),
		cmocka_unit_test(no_bytes_reach_a_terminal_as_controls),
		cmocka_unit_test(each_broken_byte_becomes_one_replacement_and_the_rest_stays),
#ifdef TL_FAULTS
		cmocka_unit_test(the_armed_allocation_fails_once_and_only_that_one),
		cmocka_unit_test(an_armed_fault_hits_exactly_one_of_many_threads),
		cmocka_unit_test(a_failed_growth_leaves_the_old_block_with_its_owner),
		cmocka_unit_test(an_arena_without_memory_says_so_and_recovers),
		cmocka_unit_test(many_small_pieces_cost_few_allocations),
		cmocka_unit_test(a_buffer_without_memory_keeps_what_it_had_and_says_so),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
