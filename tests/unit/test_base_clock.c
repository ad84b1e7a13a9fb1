/* base/clock tested: stamps, the texts of times, HTTP dates. */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <tracellm/base.h>

static void
the_monotonic_clock_never_steps_back_and_the_wall_is_the_systems(void **state)
{
	(void)state;
	time_t before = time(NULL);
	struct tl_stamp last = tl_stamp_now();
	time_t after = time(NULL) + 1;
	assert_true(last.wall_ns / TL_NS_PER_S >= (uint64_t)before - 1);
	assert_true(last.wall_ns / TL_NS_PER_S <= (uint64_t)after);
	for (unsigned i = 0; i < 10000; i++) {
		struct tl_stamp now = tl_stamp_now();
		assert_true(now.mono_ns >= last.mono_ns);
		last = now;
	}
}

static void
assert_time(uint64_t wall_ns, const char *expected)
{
	char text[TL_TIME_TEXT_SIZE];
	tl_time_text(wall_ns, text);
	assert_string_equal(text, expected);
}

static void
times_are_written_in_utc_with_nine_digits(void **state)
{
	(void)state;
	assert_time(0, "1970-01-01T00:00:00.000000000Z");
	assert_time(1, "1970-01-01T00:00:00.000000001Z");
	assert_time(TL_NS_PER_S - 1, "1970-01-01T00:00:00.999999999Z");
	assert_time(UINT64_C(951782400) * TL_NS_PER_S, "2000-02-29T00:00:00.000000000Z");
	assert_time(UINT64_C(1795564255123456789), "2026-11-24T23:50:55.123456789Z");
	assert_time(UINT64_MAX, "2554-07-21T23:34:33.709551615Z");
}

/* Counts years and months one by one. */
static void
plain_time(uint64_t wall_ns, char *out, size_t size)
{
	static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	uint64_t seconds = wall_ns / TL_NS_PER_S, days = seconds / 86400;
	unsigned year = 1970, month = 0;
	for (;; year++) {
		unsigned leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		if (days >= 365 + leap) {
			days -= 365 + leap;
			continue;
		}
		for (month = 0; days >= lengths[month] + (month == 1 ? leap : 0); month++)
			days -= lengths[month] + (month == 1 ? leap : 0);
		break;
	}
	unsigned of_day = (unsigned)(seconds % 86400);
	(void)snprintf(out, size, "%04u-%02u-%02uT%02u:%02u:%02u.%09" PRIu64 "Z", year, month + 1, (unsigned)days + 1,
		of_day / 3600, of_day / 60 % 60, of_day % 60, wall_ns % TL_NS_PER_S);
}

static void
every_time_is_written_as_counting_days_gives_it(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(20000); i++) {
		char expected[64];
		uint64_t wall_ns = unit_random(&random);
		plain_time(wall_ns, expected, sizeof expected);
		assert_time(wall_ns, expected);
	}
}

static void
durations_are_short_and_never_round_into_the_next_unit(void **state)
{
	(void)state;
	static const struct {
		uint64_t ns;
		const char *text;
	} table[] = {
		{ 0, "0µs" },
		{ 499, "0µs" },
		{ 500, "1µs" },
		{ 640000, "640µs" },
		{ 999499, "999µs" },
		{ 999500, "1.0ms" },
		{ 1000000, "1.0ms" },
		{ 12300000, "12.3ms" },
		{ 999949999, "999.9ms" },
		{ 999950000, "1.00s" },
		{ 999999999, "1.00s" },
		{ 1000000000, "1.00s" },
		{ 1240000000, "1.24s" },
		{ UINT64_C(59994999999), "59.99s" },
		{ UINT64_C(59995000000), "1m00s" },
		{ UINT64_C(60000000000), "1m00s" },
		{ UINT64_C(123000000000), "2m03s" },
		{ UINT64_C(123499999999), "2m03s" },
		{ UINT64_C(123500000000), "2m04s" },
		{ UINT64_MAX, "307445734m34s" },
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char text[TL_DURATION_TEXT_SIZE];
		tl_duration_text(table[i].ns, text);
		assert_string_equal(text, table[i].text);
	}
}

static void
all_three_forms_of_an_http_date_are_read(void **state)
{
	(void)state;
	static const char *const same[] = {
		"Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
		"  Sun, 06 Nov 1994 08:49:37 GMT \t",
	};
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		int64_t unix_s = 0;
		assert_true(tl_http_date_parse(tl_str_of(same[i]), &unix_s));
		assert_int_equal(unix_s, 784111777);
	}
	int64_t unix_s = 0;
	assert_true(tl_http_date_parse(TL_STR("Thu, 29 Feb 2024 00:00:00 GMT"), &unix_s));
	assert_int_equal(unix_s, 1709164800);
	/* A leap second is the first second of the next minute. */
	assert_true(tl_http_date_parse(TL_STR("Sat, 31 Dec 2016 23:59:60 GMT"), &unix_s));
	assert_int_equal(unix_s, 1483228800);
}

static void
what_is_not_a_date_is_refused_and_leaves_the_result_untouched(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"   ",
		"soon",
		"120",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 CET",
		"Sun, 06 Nov 1994 08:49:37 GMT+1",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 32 Nov 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Tue, 31 Nov 2026 08:49:37 GMT",
		"Sun, 29 Feb 2026 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT and then much more text, longer than any date is",
	};
	int64_t unix_s = 42;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(tl_http_date_parse(tl_str_of(bad[i]), &unix_s));
	assert_false(tl_http_date_parse(tl_str_of(NULL), &unix_s));
	assert_false(tl_http_date_parse(TL_STR("Sun, 06 Nov 1994 08:49:37 GMT\0, not"), &unix_s));
	assert_int_equal(unix_s, 42);
}

static void
every_date_written_by_the_system_reads_back(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(5000); i++) {
		char text[64];
		time_t moment = (time_t)unit_below(&random, UINT64_C(4102444800));
		struct tm parts;
		int64_t unix_s = -1;
		assert_non_null(gmtime_r(&moment, &parts));
		assert_true(strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts) > 0);
		assert_true(tl_http_date_parse(tl_str_of(text), &unix_s));
		assert_int_equal(unix_s, moment);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_monotonic_clock_never_steps_back_and_the_wall_is_the_systems),
		cmocka_unit_test(times_are_written_in_utc_with_nine_digits),
		cmocka_unit_test(every_time_is_written_as_counting_days_gives_it),
		cmocka_unit_test(durations_are_short_and_never_round_into_the_next_unit),
		cmocka_unit_test(all_three_forms_of_an_http_date_are_read),
		cmocka_unit_test(what_is_not_a_date_is_refused_and_leaves_the_result_untouched),
		cmocka_unit_test(every_date_written_by_the_system_reads_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
