/* base/id tested: texts and ranges of ids, seeded random, digests; fixed values come from Python's hashlib and openssl's
 * ChaCha20. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include <tracellm/base.h>

typedef unsigned __int128 u128;

static struct tl_trace_id
id_of(u128 number)
{
	struct tl_trace_id id;
	for (int i = 15; i >= 0; i--, number >>= 8)
		id.bytes[i] = (uint8_t)number;
	return id;
}

static u128
number_of(struct tl_trace_id id)
{
	u128 number = 0;
	for (int i = 0; i < 16; i++)
		number = number << 8 | id.bytes[i];
	return number;
}

/* Random, with a bias to long runs of equal bits, where carries and edges are. */
static u128
random_number(uint64_t *random)
{
	u128 number = (u128)unit_random(random) << 64 | unit_random(random);
	switch (unit_below(random, 4)) {
	case 0:
		return number >> unit_below(random, 128);
	case 1:
		return ~(number >> unit_below(random, 128));
	default:
		return number;
	}
}

static void
plain_text(u128 number, char out[TL_TRACE_ID_TEXT_SIZE])
{
	(void)snprintf(out, TL_TRACE_ID_TEXT_SIZE, "tr_00000000000000000000000000");
	for (int i = 28; number; i--, number /= 32)
		out[i] = "0123456789abcdefghjkmnpqrstvwxyz"[(unsigned)(number % 32)];
}

static void
assert_text(u128 number, const char *expected)
{
	char text[TL_TRACE_ID_TEXT_SIZE];
	tl_trace_id_text(id_of(number), text);
	assert_string_equal(text, expected);
}

static void
an_id_is_written_as_one_number_in_base_32(void **state)
{
	(void)state;
	assert_text(0, "tr_00000000000000000000000000");
	assert_text(1, "tr_00000000000000000000000001");
	assert_text((u128)1 << 127, "tr_40000000000000000000000000");
	assert_text(~(u128)0, "tr_7zzzzzzzzzzzzzzzzzzzzzzzzz");
	assert_text((u128)UINT64_C(0x0123456789abcdef) << 64 | UINT64_C(0xfedcba9876543210), "tr_014d2pf2dbsqqzxq5tk1v58cgg");
}

static void
every_id_reads_back_from_each_of_its_forms(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(20000); i++) {
		u128 number = random_number(&random);
		char text[TL_TRACE_ID_TEXT_SIZE], expected[TL_TRACE_ID_TEXT_SIZE], hex[33];
		tl_trace_id_text(id_of(number), text);
		plain_text(number, expected);
		assert_string_equal(text, expected);

		struct tl_trace_id id = id_of(number), read;
		struct tl_err err;
		tl_hex((tl_bytes){ id.bytes, 16 }, hex);
		const char *const forms[] = { text, text + 3, hex };
		for (unsigned form = 0; form < 3; form++) {
			read = id_of(~number);
			assert_int_equal(tl_trace_id_parse(tl_str_of(forms[form]), &read, &err), TL_OK);
			assert_true(tl_trace_id_equal(read, id));
		}
		for (char *c = text; *c; c++)
			if (*c >= 'a' && *c <= 'z')
				*c = (char)(*c - 'a' + 'A');
		assert_int_equal(tl_trace_id_parse(tl_str_of(text), &read, &err), TL_OK);
		assert_true(tl_trace_id_equal(read, id));
	}
}

static void
digits_people_confuse_are_read_as_crockford_has_it(void **state)
{
	(void)state;
	struct tl_trace_id straight, confused;
	struct tl_err err;
	assert_int_equal(tl_trace_id_parse(TL_STR("tr_00000000000000000000111100"), &straight, &err), TL_OK);
	assert_int_equal(tl_trace_id_parse(TL_STR("tr_oO000000000000000000iIlLoO"), &confused, &err), TL_OK);
	assert_true(tl_trace_id_equal(straight, confused));
}

static void
what_is_not_an_id_is_refused_by_the_place_of_the_wrong_character(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} bad[] = {
		{ "", "1 to 26 characters" },
		{ "tr_", "1 to 26 characters" },
		{ "tr_0000000000000000000000000u", "character 29 " },
		{ "0000000000000000000000000U", "character 26 " },
		{ "tr_80000000000000000000000000", "character 4 " },
		{ "z0000000000000000000000000", "character 1 " },
		{ "tr_00-00", "character 6 " },
		{ "tr_00\xc3\xa9", "character 6 " },
		{ "xr_00", "character 1 " },
		{ "tr_000000000000000000000000000", "1 to 26 characters" },
		{ "tr_0000000", "not a whole trace id" },
		{ "0123456789abcdef0123456789abcdeg", "1 to 26 characters" },
		{ "0123456789abcdef0123456789abcdef0", "1 to 26 characters" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct tl_trace_id id = id_of(42);
		struct tl_err err;
		assert_int_equal(tl_trace_id_parse(tl_str_of(bad[i].text), &id, &err), TL_ERR_PARSE);
		assert_int_equal(err.status, TL_ERR_PARSE);
		assert_non_null(strstr(err.message, bad[i].said));
		assert_true(number_of(id) == 42);
	}
	struct tl_trace_id id = id_of(42);
	struct tl_err err;
	assert_int_equal(tl_trace_id_parse(TL_STR("tr_00\0"), &id, &err), TL_ERR_PARSE);
}

/* The range of a prefix holds an id exactly when the id's text starts with the prefix. */
static void
a_prefix_is_the_range_of_the_ids_that_start_with_it(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(20000); i++) {
		char text[TL_TRACE_ID_TEXT_SIZE], edge[TL_TRACE_ID_TEXT_SIZE];
		u128 number = random_number(&random);
		plain_text(number, text);
		size_t digits = 1 + unit_below(&random, 26);
		tl_str prefix = { text, 3 + digits };
		struct tl_trace_id first, last;
		struct tl_err err;
		assert_int_equal(tl_trace_id_range(prefix, &first, &last, &err), TL_OK);
		assert_true(number_of(first) <= number && number <= number_of(last));
		u128 span = number_of(last) - number_of(first);
		assert_true(span == ((u128)1 << (5 * (26 - digits))) - 1);
		plain_text(number_of(first), edge);
		assert_memory_equal(edge, text, prefix.len);
		plain_text(number_of(last), edge);
		assert_memory_equal(edge, text, prefix.len);

		struct tl_trace_id bare_first, bare_last;
		assert_int_equal(tl_trace_id_range(tl_str_from(prefix, 3), &bare_first, &bare_last, &err), TL_OK);
		assert_true(tl_trace_id_equal(bare_first, first) && tl_trace_id_equal(bare_last, last));
	}
}

static void
a_range_that_is_refused_leaves_both_ends_untouched(void **state)
{
	(void)state;
	struct tl_trace_id first = id_of(1), last = id_of(2);
	struct tl_err err;
	assert_int_equal(tl_trace_id_range(TL_STR("tr_0!"), &first, &last, &err), TL_ERR_PARSE);
	assert_true(number_of(first) == 1 && number_of(last) == 2);
}

static void
ids_order_as_their_numbers_and_as_their_texts(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(10000); i++) {
		u128 a = random_number(&random), b = unit_below(&random, 8) ? random_number(&random) : a;
		char a_text[TL_TRACE_ID_TEXT_SIZE], b_text[TL_TRACE_ID_TEXT_SIZE];
		tl_trace_id_text(id_of(a), a_text);
		tl_trace_id_text(id_of(b), b_text);
		int order = tl_trace_id_compare(id_of(a), id_of(b));
		assert_int_equal(order < 0, a < b);
		assert_int_equal(order == 0, a == b);
		assert_int_equal(order < 0, strcmp(a_text, b_text) < 0);
		assert_int_equal(tl_trace_id_equal(id_of(a), id_of(b)), a == b);
	}
}

static void
a_span_id_is_sixteen_hex_digits_and_zero_means_none(void **state)
{
	(void)state;
	struct tl_span_id id = { { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef } }, none = { { 0 } }, last = { { [7] = 1 } };
	char text[TL_SPAN_ID_TEXT_SIZE];
	tl_span_id_text(id, text);
	assert_string_equal(text, "0123456789abcdef");
	assert_true(tl_span_id_is_zero(none));
	assert_false(tl_span_id_is_zero(last));
	assert_true(tl_span_id_equal(id, id));
	assert_false(tl_span_id_equal(none, last));
}

static void
entropy_reaches_every_byte_asked_for_and_none_behind(void **state)
{
	(void)state;
	uint8_t seen[40] = { 0 }, drawn[40];
	for (unsigned i = 0; i < 64; i++) {
		(void)memset(drawn, 0, sizeof drawn);
		tl_entropy(drawn, 33);
		for (unsigned at = 0; at < sizeof drawn; at++)
			seen[at] = (uint8_t)(seen[at] | drawn[at]);
	}
	for (unsigned at = 0; at < sizeof seen; at++)
		assert_int_equal(seen[at] != 0, at < 33);
	tl_entropy(drawn, 0);
	assert_false(tl_trace_id_equal(tl_trace_id_new(), tl_trace_id_new()));
}

static void
counting_seed(uint8_t seed[TL_SEED_SIZE])
{
	for (unsigned i = 0; i < TL_SEED_SIZE; i++)
		seed[i] = (uint8_t)i;
}

static void
a_seed_draws_the_same_on_every_machine(void **state)
{
	(void)state;
	static const char *const expected[] = { "9b6212d406aeddc6e37b97f3c9b495e2", "f0be639e87d11f45a3adae5658ec7a7d",
		"f08fea09729565537fc62460e0d88d0c" };
	uint8_t seed[TL_SEED_SIZE], drawn[16];
	char hex[33];
	struct tl_random random;
	counting_seed(seed);
	tl_random_init(&random, seed);
	for (unsigned i = 0; i < 3; i++) {
		tl_random_bytes(&random, drawn, sizeof drawn);
		tl_hex((tl_bytes){ drawn, sizeof drawn }, hex);
		assert_string_equal(hex, expected[i]);
	}
	tl_random_init(&random, seed);
	assert_true(tl_random_u64(&random) == UINT64_C(0xc6ddae06d412629b));
	assert_true(tl_random_u64(&random) == UINT64_C(0x451fd1879e63bef0));
	tl_span_id_text(tl_random_span_id(&random), hex);
	assert_string_equal(hex, "f08fea0972956553");
}

static void
seeds_and_draws_that_differ_give_other_numbers(void **state)
{
	(void)state;
	uint8_t seed[TL_SEED_SIZE];
	uint64_t drawn[3 * TL_SEED_SIZE];
	size_t count = 0;
	for (unsigned i = 0; i < TL_SEED_SIZE; i++) {
		struct tl_random random;
		counting_seed(seed);
		seed[i] ^= 0x80;
		tl_random_init(&random, seed);
		for (unsigned draw = 0; draw < 3; draw++)
			drawn[count++] = tl_random_u64(&random);
	}
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			assert_true(drawn[i] != drawn[j]);
}

static void
digests_are_blake2b_256(void **state)
{
	(void)state;
	char text[TL_DIGEST_TEXT_SIZE];
	tl_digest_text(tl_digest_of((tl_bytes){ NULL, 0 }), text);
	assert_string_equal(text, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
	tl_digest_text(tl_digest_of(tl_bytes_of(TL_STR("abc"))), text);
	assert_string_equal(text, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void
a_digest_of_two_parts_is_that_of_their_sum_wherever_it_is_cut(void **state)
{
	(void)state;
	uint8_t bytes[300];
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7);
	struct tl_digest whole = tl_digest_of((tl_bytes){ bytes, sizeof bytes });
	for (size_t cut = 0; cut <= sizeof bytes; cut++)
		assert_true(tl_digest_equal(
			whole, tl_digest_of2((tl_bytes){ bytes, cut }, (tl_bytes){ bytes + cut, sizeof bytes - cut })));
	for (unsigned i = 0; i < TL_DIGEST_SIZE; i++) {
		struct tl_digest other = whole;
		other.bytes[i] ^= 1;
		assert_false(tl_digest_equal(whole, other));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_written_as_one_number_in_base_32),
		cmocka_unit_test(every_id_reads_back_from_each_of_its_forms),
		cmocka_unit_test(digits_people_confuse_are_read_as_crockford_has_it),
		cmocka_unit_test(what_is_not_an_id_is_refused_by_the_place_of_the_wrong_character),
		cmocka_unit_test(a_prefix_is_the_range_of_the_ids_that_start_with_it),
		cmocka_unit_test(a_range_that_is_refused_leaves_both_ends_untouched),
		cmocka_unit_test(ids_order_as_their_numbers_and_as_their_texts),
		cmocka_unit_test(a_span_id_is_sixteen_hex_digits_and_zero_means_none),
		cmocka_unit_test(entropy_reaches_every_byte_asked_for_and_none_behind),
		cmocka_unit_test(a_seed_draws_the_same_on_every_machine),
		cmocka_unit_test(seeds_and_draws_that_differ_give_other_numbers),
		cmocka_unit_test(digests_are_blake2b_256),
		cmocka_unit_test(a_digest_of_two_parts_is_that_of_their_sum_wherever_it_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
