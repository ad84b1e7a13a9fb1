/* Price rows are found by the rules; costs equal those of an oracle in 128 bits. */
#include <string.h>

#include <tracellm/model.h>

#include "unit.h"

static void
assert_row(const char *provider, const char *model, const char *row)
{
	struct tl_price price;
	bool found = tl_price_find(tl_str_of(provider), tl_str_of(model), &price);
	if (!row) {
		if (found)
			fail_msg("%s of %s has the price of %.*s", model, provider, TL_FMT(price.model));
		return;
	}
	if (!found || !tl_str_equal(price.model, tl_str_of(row)))
		fail_msg("%s of %s has the price of %.*s, not of %s", model, provider,
			TL_FMT(found ? price.model : TL_STR("nobody")), row);
	assert_true(tl_str_equal(price.provider, tl_str_of(provider)));
	assert_int_equal(price.table.len, 10);
}

static void
an_exact_name_finds_its_row(void **state)
{
	(void)state;
	struct tl_price price;
	assert_true(tl_price_find(TL_STR("openai"), TL_STR("gpt-4o-mini"), &price));
	assert_int_equal(price.input, 150000000);
	assert_int_equal(price.output, 600000000);
	assert_int_equal(price.cached, 75000000);
	assert_int_equal(price.cache_write, -1);
	assert_row("openai", "gpt-4o", "gpt-4o");
}

static void
a_date_or_latest_or_a_vendor_at_the_ends_does_not_matter(void **state)
{
	(void)state;
	assert_row("openai", "gpt-4o-2024-08-06", "gpt-4o-2024-08-06");
	assert_row("openai", "gpt-4o-2031-08-06", "gpt-4o");
	assert_row("openai", "gpt-4o-mini-2031-07-18", "gpt-4o-mini");
	assert_row("openai", "gpt-4o-mini-20240718", "gpt-4o-mini");
	assert_row("openai", "gpt-4o-latest", "gpt-4o");
	assert_row("openai", "openai/gpt-4o", "gpt-4o");
	assert_row("openai", "openai/gpt-4o-mini-2031-07-18", "gpt-4o-mini");
}

static void
else_the_longest_name_that_ends_before_a_dash_counts(void **state)
{
	(void)state;
	assert_row("openai", "gpt-4o-mini-realtime", "gpt-4o-mini");
	assert_row("openai", "gpt-4o-something", "gpt-4o");
	assert_row("openai", "openai/gpt-4o-mini-x", "gpt-4o-mini");
}

static void
what_is_not_in_the_list_has_no_price(void **state)
{
	(void)state;
	assert_row("openai", "gpt-4omega", NULL);
	assert_row("openai", "", NULL);
	assert_row("openai", "-2024-08-06", NULL);
	assert_row("openai", "/", NULL);
	assert_row("openai", "sandbox", NULL);
	assert_row("nobody", "gpt-4o", NULL);
	assert_row("", "gpt-4o", NULL);
	assert_row("openai", "claude-sonnet-4-5", NULL);
}

/* ---- What tokens cost ---- */

#define MTOK INT64_C(1000000)

static struct tl_price
price_of(int64_t input, int64_t output, int64_t cached, int64_t cache_write)
{
	return (struct tl_price){ .input = input, .output = output, .cached = cached, .cache_write = cache_write };
}

static int64_t
cost(struct tl_price price, int64_t input, int64_t output, int64_t cached, int64_t written)
{
	struct tl_usage usage = { input, output, cached, written, -1, -1 };
	return tl_price_cost(&price, &usage);
}

static void
each_kind_of_token_has_its_price(void **state)
{
	(void)state;
	struct tl_price price = price_of(1000 * MTOK, 2000 * MTOK, 100 * MTOK, 1250 * MTOK);
	assert_int_equal(cost(price, 0, 0, -1, -1), 0);
	assert_int_equal(cost(price, 10, 0, -1, -1), 10000);
	assert_int_equal(cost(price, 0, 10, -1, -1), 20000);
	assert_int_equal(cost(price, 10, 0, 4, -1), 6000 + 400);
	assert_int_equal(cost(price, 10, 0, -1, 4), 6000 + 5000);
	assert_int_equal(cost(price, 10, 3, 4, 6), 400 + 7500 + 6000);
}

static void
halves_of_a_nano_usd_are_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(cost(price_of(1, 0, -1, -1), 499999, 0, -1, -1), 0);
	assert_int_equal(cost(price_of(1, 0, -1, -1), 500000, 0, -1, -1), 1);
	assert_int_equal(cost(price_of(1, 1, -1, -1), 1000000, 499999, -1, -1), 1);
	/* One rounding, of the sum. */
	assert_int_equal(cost(price_of(1, 1, -1, -1), 250000, 250000, -1, -1), 1);
}

static void
an_unpublished_cache_price_counts_as_the_input_price(void **state)
{
	(void)state;
	assert_int_equal(cost(price_of(7 * MTOK, 0, -1, -1), 10, 0, 4, 5), 70);
	assert_int_equal(cost(price_of(7 * MTOK, 0, 0, -1), 10, 0, 4, 5), 42);
}

static void
what_cannot_be_known_is_never_zero(void **state)
{
	(void)state;
	struct tl_price price = price_of(1, 1, 1, 1);
	assert_int_equal(cost(price, -1, 5, -1, -1), -1);
	assert_int_equal(cost(price, 5, -1, -1, -1), -1);
	assert_int_equal(cost(price, 5, 5, 6, -1), -1);
	assert_int_equal(cost(price, 5, 5, -1, 6), -1);
	assert_int_equal(cost(price, 5, 5, 3, 3), -1);
	assert_int_equal(cost(price, INT64_MAX, 5, INT64_MAX, 1), -1);
	assert_int_equal(cost(price_of(-1, 1, 1, 1), 5, 5, 0, 0), -1);
	assert_int_equal(cost(price_of(1, -1, 1, 1), 5, 5, 0, 0), -1);
	assert_int_equal(cost(price_of(INT64_MAX, 0, 0, 0), 2, 0, 0, 0), -1);
}

/* The rule of price.h again, in 128 bits. */
static int64_t
oracle(struct tl_price price, struct tl_usage usage)
{
	__int128 input = usage.input_tokens, cached = usage.cached_tokens, written = usage.cache_write_tokens;
	if (usage.input_tokens < 0 || usage.output_tokens < 0 || price.input < 0 || price.output < 0)
		return -1;
	if (cached < 0)
		cached = 0;
	if (written < 0)
		written = 0;
	if (cached + written > input)
		return -1;
	__int128 sum = (input - cached - written) * price.input + cached * (price.cached < 0 ? price.input : price.cached) +
		       written * (price.cache_write < 0 ? price.input : price.cache_write) +
		       (__int128)usage.output_tokens * price.output + 500000;
	return sum > INT64_MAX ? -1 : (int64_t)(sum / 1000000);
}

static int64_t
random_amount(uint64_t *random, unsigned bits)
{
	return unit_below(random, 10) == 0 ? -1 : (int64_t)(unit_random(random) >> (64 - 1 - unit_below(random, bits)));
}

static void
costs_agree_with_an_oracle_in_128_bits(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	unsigned known = 0;
	for (unsigned round = 0; round < unit_rounds(100000); round++) {
		unsigned bits = unit_below(&random, 8) ? 32 : 63;
		struct tl_price price = price_of(random_amount(&random, bits), random_amount(&random, bits),
			random_amount(&random, bits), random_amount(&random, bits));
		struct tl_usage usage = { random_amount(&random, bits), random_amount(&random, bits),
			random_amount(&random, bits / 2), random_amount(&random, bits / 2), -1, -1 };
		int64_t expected = oracle(price, usage);
		assert_int_equal(tl_price_cost(&price, &usage), expected);
		known += expected >= 0;
	}
	assert_true(known > 1000);
}

static void
four_bytes_are_estimated_as_a_token(void **state)
{
	(void)state;
	static const size_t bytes[] = { 0, 1, 4, 5, 400 };
	static const int64_t tokens[] = { 0, 1, 1, 2, 100 };
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(tl_usage_estimate(bytes[i]), tokens[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exact_name_finds_its_row),
		cmocka_unit_test(a_date_or_latest_or_a_vendor_at_the_ends_does_not_matter),
		cmocka_unit_test(else_the_longest_name_that_ends_before_a_dash_counts),
		cmocka_unit_test(what_is_not_in_the_list_has_no_price),
		cmocka_unit_test(each_kind_of_token_has_its_price),
		cmocka_unit_test(halves_of_a_nano_usd_are_rounded_up),
		cmocka_unit_test(an_unpublished_cache_price_counts_as_the_input_price),
		cmocka_unit_test(what_cannot_be_known_is_never_zero),
		cmocka_unit_test(costs_agree_with_an_oracle_in_128_bits),
		cmocka_unit_test(four_bytes_are_estimated_as_a_token),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
