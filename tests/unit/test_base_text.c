/* base/text tested: slices, numbers, UTF-8, hex, against plain oracles. */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <tracellm/base.h>

static void
assert_str(tl_str got, const char *expected)
{
	assert_int_equal(got.len, strlen(expected));
	if (got.len)
		assert_memory_equal(got.ptr, expected, got.len);
}

static void
fill(uint64_t *random, char *bytes, size_t len, const char *alphabet)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = alphabet[unit_below(random, strlen(alphabet))];
}

static void
null_and_empty_slices_are_equal_and_harmless(void **state)
{
	(void)state;
	tl_str none = tl_str_of(NULL);
	assert_null(none.ptr);
	assert_int_equal(none.len, 0);
	assert_true(tl_str_equal(none, TL_STR("")));
	assert_true(tl_str_equal_ignore_case(none, TL_STR("")));
	assert_int_equal(tl_str_compare(none, TL_STR("")), 0);
	assert_true(tl_str_starts_with(none, none));
	assert_true(tl_str_ends_with(TL_STR("a"), none));
	assert_int_equal(tl_str_find(none, TL_STR("a")), SIZE_MAX);
	assert_int_equal(tl_str_find(none, none), 0);
	assert_int_equal(tl_str_find_char(none, 'a'), SIZE_MAX);
	assert_str(tl_str_from(none, 3), "");
	assert_str(tl_str_slice(none, 0, SIZE_MAX), "");
	assert_str(tl_str_trim(none), "");
	assert_true(tl_utf8_valid(none));
	assert_int_equal(tl_utf8_count(none), 0);
	assert_str(tl_utf8_prefix(none, 5), "");
}

static void
a_slice_prints_its_bytes_and_a_null_one_prints_nothing(void **state)
{
	(void)state;
	char out[32];
	(void)snprintf(out, sizeof out, "[%.*s][%.*s]", TL_FMT(tl_str_slice(TL_STR("abcd"), 1, 3)), TL_FMT(tl_str_of(NULL)));
	assert_string_equal(out, "[bc][]");
}

static void
slices_of_bytes_and_text_are_the_same_memory(void **state)
{
	(void)state;
	tl_str text = TL_STR("a\0b");
	assert_int_equal(text.len, 3);
	tl_bytes bytes = tl_bytes_of(text);
	assert_ptr_equal(bytes.ptr, text.ptr);
	assert_int_equal(bytes.len, 3);
	assert_ptr_equal(tl_str_of_bytes(bytes).ptr, text.ptr);
}

static void
equality_sees_length_and_bytes_behind_a_nul(void **state)
{
	(void)state;
	assert_true(tl_str_equal(TL_STR("a\0b"), TL_STR("a\0b")));
	assert_false(tl_str_equal(TL_STR("a\0b"), TL_STR("a\0c")));
	assert_false(tl_str_equal(TL_STR("a"), TL_STR("a\0")));
	assert_false(tl_str_equal_ignore_case(TL_STR("a"), TL_STR("a\0")));
}

static void
ignoring_case_folds_the_26_ascii_letters_and_nothing_else(void **state)
{
	(void)state;
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			char left = (char)a, right = (char)b;
			bool letters = (a ^ b) == 0x20 && ((a >= 'A' && a <= 'Z') || (a >= 'a' && a <= 'z'));
			assert_int_equal(
				tl_str_equal_ignore_case((tl_str){ &left, 1 }, (tl_str){ &right, 1 }), a == b || letters);
		}
	assert_true(tl_str_equal_ignore_case(TL_STR("Content-Type"), TL_STR("cONTENT-tYPE")));
}

static void
starts_and_ends_are_compared_whole(void **state)
{
	(void)state;
	assert_true(tl_str_starts_with(TL_STR("data: x"), TL_STR("data:")));
	assert_false(tl_str_starts_with(TL_STR("dat"), TL_STR("data:")));
	assert_true(tl_str_starts_with(TL_STR("data:"), TL_STR("data:")));
	assert_true(tl_str_ends_with(TL_STR("trace.db"), TL_STR(".db")));
	assert_false(tl_str_ends_with(TL_STR("db"), TL_STR(".db")));
	assert_false(tl_str_ends_with(TL_STR("trace.dc"), TL_STR(".db")));
}

static int
sign(int value)
{
	return (value > 0) - (value < 0);
}

static void
order_is_bytewise_unsigned_and_the_shorter_comes_first(void **state)
{
	(void)state;
	assert_true(tl_str_compare(TL_STR("a"), TL_STR("b")) < 0);
	assert_true(tl_str_compare(TL_STR("\xff"), TL_STR("a")) > 0);
	assert_true(tl_str_compare(TL_STR("ab"), TL_STR("abc")) < 0);
	assert_true(tl_str_compare(TL_STR("abc"), TL_STR("ab")) > 0);
	assert_int_equal(tl_str_compare(TL_STR("ab"), TL_STR("ab")), 0);

	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(20000); i++) {
		/* Without NULs inside, strcmp is the same order on unsigned bytes. */
		char a[8] = { 0 }, b[8] = { 0 };
		size_t a_len = unit_below(&random, 6), b_len = unit_below(&random, 6);
		fill(&random, a, a_len, "a\x7f\x80\xff");
		fill(&random, b, b_len, "a\x7f\x80\xff");
		assert_int_equal(sign(tl_str_compare((tl_str){ a, a_len }, (tl_str){ b, b_len })), sign(strcmp(a, b)));
		assert_int_equal(tl_str_equal((tl_str){ a, a_len }, (tl_str){ b, b_len }), strcmp(a, b) == 0);
	}
}

static size_t
plain_find(const char *s, size_t s_len, const char *needle, size_t needle_len)
{
	for (size_t at = 0; at + needle_len <= s_len; at++) {
		size_t same = 0;
		while (same < needle_len && s[at + same] == needle[same])
			same++;
		if (same == needle_len)
			return at;
	}
	return SIZE_MAX;
}

static void
find_gives_the_first_position_or_none(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(50000); i++) {
		char s[12], needle[4];
		size_t s_len = unit_below(&random, sizeof s + 1), needle_len = unit_below(&random, sizeof needle + 1);
		fill(&random, s, s_len, "ab");
		fill(&random, needle, needle_len, "ab");
		size_t expected = plain_find(s, s_len, needle, needle_len);
		assert_int_equal(tl_str_find((tl_str){ s, s_len }, (tl_str){ needle, needle_len }), expected);
		if (needle_len == 1)
			assert_int_equal(tl_str_find_char((tl_str){ s, s_len }, needle[0]), expected);
	}
}

static void
positions_beyond_the_end_are_taken_as_the_end(void **state)
{
	(void)state;
	tl_str s = TL_STR("abcdef");
	assert_str(tl_str_slice(s, 1, 3), "bc");
	assert_str(tl_str_slice(s, 0, 6), "abcdef");
	assert_str(tl_str_slice(s, 4, SIZE_MAX), "ef");
	assert_str(tl_str_slice(s, 6, 6), "");
	assert_str(tl_str_slice(s, SIZE_MAX, SIZE_MAX), "");
	assert_str(tl_str_slice(s, 4, 2), "");
	assert_str(tl_str_from(s, 2), "cdef");
	assert_str(tl_str_from(s, 7), "");
}

static void
trim_takes_the_six_ascii_spaces_off_both_ends_only(void **state)
{
	(void)state;
	assert_str(tl_str_trim(TL_STR(" \t\n\v\f\r a b \r\n")), "a b");
	assert_str(tl_str_trim(TL_STR(" \t ")), "");
	assert_str(tl_str_trim(TL_STR("a")), "a");
	for (int c = 0; c < 256; c++) {
		char text[3] = { (char)c, 'x', (char)c };
		bool space = c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r';
		assert_int_equal(tl_str_trim((tl_str){ text, 3 }).len, space ? 1 : 3);
	}
}

static void
split_hands_out_every_part_and_ends_with_a_null_rest(void **state)
{
	(void)state;
	tl_str rest = TL_STR("a,,b,");
	assert_str(tl_str_split(&rest, ','), "a");
	assert_str(tl_str_split(&rest, ','), "");
	assert_str(tl_str_split(&rest, ','), "b");
	assert_non_null(rest.ptr);
	assert_str(tl_str_split(&rest, ','), "");
	assert_null(rest.ptr);
	assert_int_equal(rest.len, 0);
	assert_str(tl_str_split(&rest, ','), "");
}

static void
parts_of_a_split_joined_again_give_the_whole(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(20000); i++) {
		char text[16], joined[16];
		size_t len = 1 + unit_below(&random, sizeof text), joined_len = 0;
		fill(&random, text, len, ".ab");
		for (tl_str rest = { text, len }; rest.ptr;) {
			tl_str part = tl_str_split(&rest, '.');
			assert_int_equal(tl_str_find_char(part, '.'), SIZE_MAX);
			assert_true(joined_len + part.len <= len);
			memcpy(joined + joined_len, part.ptr, part.len);
			joined_len += part.len;
			if (rest.ptr)
				joined[joined_len++] = '.';
		}
		assert_int_equal(joined_len, len);
		assert_memory_equal(joined, text, len);
	}
}

static void
unsigned_numbers_are_digits_only_and_fit_64_bits(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = { { "0", 0 }, { "007", 7 }, { "18446744073709551615", UINT64_MAX },
		{ "00018446744073709551615", UINT64_MAX } };
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "1a", "0x10", "1e3", "18446744073709551616",
		"18446744073709551620", "99999999999999999999999", "\xd9\xa1" };
	uint64_t value;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(tl_str_to_u64(tl_str_of(good[i].text), &value));
		assert_true(value == good[i].value);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		value = 42;
		assert_false(tl_str_to_u64(tl_str_of(bad[i]), &value));
		assert_true(value == 42);
	}
	assert_false(tl_str_to_u64(TL_STR("1\0"), &value));
}

static void
signed_numbers_reach_both_ends_of_64_bits_and_no_further(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t value;
	} good[] = { { "0", 0 }, { "-0", 0 }, { "-7", -7 }, { "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN } };
	static const char *const bad[] = { "", "-", "--1", "+1", "9223372036854775808", "-9223372036854775809", "- 1",
		"-18446744073709551615" };
	int64_t value;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(tl_str_to_i64(tl_str_of(good[i].text), &value));
		assert_true(value == good[i].value);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		value = -42;
		assert_false(tl_str_to_i64(tl_str_of(bad[i]), &value));
		assert_true(value == -42);
	}
}

static void
every_printed_number_reads_back(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(20000); i++) {
		char text[32];
		uint64_t number = unit_random(&random) >> unit_below(&random, 64), read = 0;
		int64_t negative = 0;
		(void)snprintf(text, sizeof text, "%" PRIu64, number);
		assert_true(tl_str_to_u64(tl_str_of(text), &read) && read == number);
		(void)snprintf(text, sizeof text, "%" PRId64, (int64_t)number);
		assert_true(tl_str_to_i64(tl_str_of(text), &negative) && negative == (int64_t)number);
	}
}

/* The encoder of RFC 3629, table in section 3, in as many bytes as told: too many gives an overlong form. */
static size_t
encode(uint32_t point, size_t len, char out[4])
{
	static const uint8_t lead[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };
	for (size_t i = len; i-- > 1; point >>= 6)
		out[i] = (char)(0x80 | (point & 0x3f));
	out[0] = (char)(lead[len] | point);
	return len;
}

static size_t
shortest(uint32_t point)
{
	return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static void
every_code_point_is_a_sequence_and_no_surrogate_overlong_or_cut_form_is(void **state)
{
	(void)state;
	char bytes[5] = { 0 };
	for (uint32_t point = 0; point < 0x1fffff; point++) {
		size_t len = encode(point, shortest(point), bytes);
		bool good = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
		assert_int_equal(tl_utf8_sequence((tl_str){ bytes, len }), good ? len : 0);
		assert_int_equal(tl_utf8_sequence((tl_str){ bytes, 5 }), good ? len : 0);
		for (size_t cut = 1; cut < len; cut++)
			assert_int_equal(tl_utf8_sequence((tl_str){ bytes, cut }), 0);
		for (size_t overlong = len + 1; overlong <= 4; overlong++)
			assert_int_equal(tl_utf8_sequence((tl_str){ bytes, encode(point, overlong, bytes) }), 0);
	}
	assert_int_equal(tl_utf8_sequence(TL_STR("")), 0);
	for (int lead = 0xf5; lead <= 0xff; lead++) {
		(void)memset(bytes, 0x80, sizeof bytes);
		bytes[0] = (char)lead;
		assert_int_equal(tl_utf8_sequence((tl_str){ bytes, 5 }), 0);
	}
}

/* A plain decoder: the length the lead byte announces, all bits collected, then the rules one by one. */
static size_t
plain_sequence(const uint8_t *s, size_t len)
{
	size_t needed = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
	if (needed == 0 || needed > len)
		return 0;
	uint32_t point = needed == 1 ? s[0] : s[0] & (0x7fu >> needed);
	for (size_t i = 1; i < needed; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		point = point << 6 | (s[i] & 0x3fu);
	}
	bool good = shortest(point) == needed && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
	return good ? needed : 0;
}

static void
random_bytes_are_walked_as_a_plain_decoder_walks_them(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(100000); i++) {
		char text[12];
		size_t len = unit_below(&random, sizeof text + 1), at = 0, count = 0;
		fill(&random, text, len, "a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xe1\xed\xef\xf0\xf1\xf4\xf5\xff");
		bool valid = true;
		size_t wanted = unit_below(&random, 8), wanted_end = 0;
		for (; at < len; count++) {
			size_t step = plain_sequence((const uint8_t *)text + at, len - at);
			assert_int_equal(tl_utf8_sequence((tl_str){ text + at, len - at }), step);
			valid = valid && step > 0;
			at += step ? step : 1;
			if (count < wanted)
				wanted_end = at;
		}
		assert_int_equal(tl_utf8_valid((tl_str){ text, len }), valid);
		assert_int_equal(tl_utf8_count((tl_str){ text, len }), count);
		assert_int_equal(tl_utf8_prefix((tl_str){ text, len }, wanted).len, wanted_end);
	}
}

static void
a_prefix_counts_code_points_and_never_cuts_one(void **state)
{
	(void)state;
	tl_str s = TL_STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
	assert_int_equal(tl_utf8_count(s), 5);
	assert_str(tl_utf8_prefix(s, 0), "");
	assert_str(tl_utf8_prefix(s, 2), "a\xc3\xa9");
	assert_str(tl_utf8_prefix(s, 4), "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_int_equal(tl_utf8_prefix(s, SIZE_MAX).len, s.len);
}

static void
hex_is_lower_case_and_reads_back_in_either_case(void **state)
{
	(void)state;
	uint8_t all[256], back[256];
	char hex[513], upper[513];
	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	tl_hex((tl_bytes){ all, sizeof all }, hex);
	for (unsigned i = 0; i < 256; i++) {
		char expected[3];
		(void)snprintf(expected, sizeof expected, "%02x", i);
		assert_memory_equal(hex + 2 * (size_t)i, expected, 2);
		(void)snprintf(upper + 2 * (size_t)i, 3, "%02X", i);
	}
	assert_int_equal(strlen(hex), 512);
	assert_true(tl_hex_parse(tl_str_of(hex), back, sizeof back));
	assert_memory_equal(back, all, sizeof all);
	(void)memset(back, 0, sizeof back);
	assert_true(tl_hex_parse(tl_str_of(upper), back, sizeof back));
	assert_memory_equal(back, all, sizeof all);
	tl_hex((tl_bytes){ NULL, 0 }, hex);
	assert_string_equal(hex, "");
}

static void
broken_hex_leaves_the_output_untouched(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "0", "000", "00000", "0g00", "000G", "00 0", "-100", "00:0", "00@0", "00`0",
		"0x00" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		uint8_t out[2] = { 7, 8 };
		assert_false(tl_hex_parse(tl_str_of(bad[i]), out, 2));
		assert_int_equal(out[0], 7);
		assert_int_equal(out[1], 8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_and_empty_slices_are_equal_and_harmless),
		cmocka_unit_test(a_slice_prints_its_bytes_and_a_null_one_prints_nothing),
		cmocka_unit_test(slices_of_bytes_and_text_are_the_same_memory),
		cmocka_unit_test(equality_sees_length_and_bytes_behind_a_nul),
		cmocka_unit_test(ignoring_case_folds_the_26_ascii_letters_and_nothing_else),
		cmocka_unit_test(starts_and_ends_are_compared_whole),
		cmocka_unit_test(order_is_bytewise_unsigned_and_the_shorter_comes_first),
		cmocka_unit_test(find_gives_the_first_position_or_none),
		cmocka_unit_test(positions_beyond_the_end_are_taken_as_the_end),
		cmocka_unit_test(trim_takes_the_six_ascii_spaces_off_both_ends_only),
		cmocka_unit_test(split_hands_out_every_part_and_ends_with_a_null_rest),
		cmocka_unit_test(parts_of_a_split_joined_again_give_the_whole),
		cmocka_unit_test(unsigned_numbers_are_digits_only_and_fit_64_bits),
		cmocka_unit_test(signed_numbers_reach_both_ends_of_64_bits_and_no_further),
		cmocka_unit_test(every_printed_number_reads_back),
		cmocka_unit_test(every_code_point_is_a_sequence_and_no_surrogate_overlong_or_cut_form_is),
		cmocka_unit_test(random_bytes_are_walked_as_a_plain_decoder_walks_them),
		cmocka_unit_test(a_prefix_counts_code_points_and_never_cuts_one),
		cmocka_unit_test(hex_is_lower_case_and_reads_back_in_either_case),
		cmocka_unit_test(broken_hex_leaves_the_output_untouched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
