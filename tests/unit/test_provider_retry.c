/* provider/retry tested: one row for each rule; and provider/price_list and tl_header_find. */
#include "unit.h"

#include <string.h>

#include <tracellm/provider.h>

#define NOTHING (-1)

/* 2026-11-24T12:00:00Z and its date as HTTP writes it. */
#define WALL_S    INT64_C(1795521600)
#define WALL_DATE "Tue, 24 Nov 2026 12:00:00 GMT"

struct row {
	const char *sentence;
	enum tl_error_class error;
	unsigned status;
	bool body_started;
	const char *code;
	struct tl_pair headers[2];
	bool retry;
	int64_t retry_after_ms;
	int64_t wait_ms; /* without jitter; 0: not tried again */
};

#define HEADER(name, value)                     \
	{                                       \
		{ name, sizeof name - 1 },      \
		{                               \
			value, sizeof value - 1 \
		}                               \
	}

#define NO_HEADERS                      \
	{                               \
		{                       \
			{ NULL, 0 },    \
			{               \
				NULL, 0 \
			}               \
		}                       \
	}

/* The first of two retries is to be decided. */
static const struct row rows[] = {
	{ "no address", TL_ERROR_DNS, 0, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "no connection", TL_ERROR_CONNECT, 0, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "no TLS", TL_ERROR_TLS, 0, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "reset", TL_ERROR_RESET, 0, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "time-out", TL_ERROR_TIMEOUT, 0, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "time-out behind the head", TL_ERROR_TIMEOUT, 200, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "cut behind the head", TL_ERROR_TRUNCATED, 200, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "time-out in the body", TL_ERROR_TIMEOUT, 200, true, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "cut in the body", TL_ERROR_TRUNCATED, 200, true, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "reset in the body", TL_ERROR_RESET, 200, true, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "interrupted", TL_ERROR_INTERRUPTED, 0, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "interrupted with 503", TL_ERROR_INTERRUPTED, 503, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "too large", TL_ERROR_TOO_LARGE, 200, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "not HTTP", TL_ERROR_MALFORMED, 0, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "empty 200", TL_ERROR_EMPTY, 200, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "an error in a 200", TL_ERROR_PROVIDER, 200, true, "server_error", NO_HEADERS, false, NOTHING, 0 },
	{ "redirect", TL_ERROR_REDIRECT, 302, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "400", TL_ERROR_HTTP_STATUS, 400, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "401", TL_ERROR_HTTP_STATUS, 401, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "402", TL_ERROR_HTTP_STATUS, 402, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "403", TL_ERROR_HTTP_STATUS, 403, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "404", TL_ERROR_HTTP_STATUS, 404, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "408", TL_ERROR_HTTP_STATUS, 408, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "409", TL_ERROR_HTTP_STATUS, 409, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "413", TL_ERROR_HTTP_STATUS, 413, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "422", TL_ERROR_HTTP_STATUS, 422, false, NULL, NO_HEADERS, false, NOTHING, 0 },
	{ "429", TL_ERROR_HTTP_STATUS, 429, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "429 without quota", TL_ERROR_HTTP_STATUS, 429, false, "insufficient_quota", NO_HEADERS, false, NOTHING, 0 },
	{ "429 with another code", TL_ERROR_HTTP_STATUS, 429, false, "rate_limit_exceeded", NO_HEADERS, true, NOTHING, 500 },
	{ "500", TL_ERROR_HTTP_STATUS, 500, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "503", TL_ERROR_HTTP_STATUS, 503, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "529", TL_ERROR_HTTP_STATUS, 529, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "a reset in the body of a 503", TL_ERROR_TRUNCATED, 503, false, NULL, NO_HEADERS, true, NOTHING, 500 },
	{ "a reset in the body of a 400", TL_ERROR_TRUNCATED, 400, false, NULL, NO_HEADERS, false, NOTHING, 0 },

	{ "400 that should", TL_ERROR_HTTP_STATUS, 400, false, NULL, { HEADER("X-Should-Retry", "true") }, true, NOTHING, 500 },
	{ "503 that should not", TL_ERROR_HTTP_STATUS, 503, false, NULL, { HEADER("x-should-retry", "FALSE") }, false, NOTHING,
		0 },
	{ "503 that may", TL_ERROR_HTTP_STATUS, 503, false, NULL, { HEADER("x-should-retry", "maybe") }, true, NOTHING, 500 },
	{ "no quota, should", TL_ERROR_HTTP_STATUS, 429, false, "insufficient_quota", { HEADER("x-should-retry", "true") }, false,
		NOTHING, 0 },

	{ "seconds", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("Retry-After", "7") }, true, 7000, 7000 },
	{ "a fraction", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", " 0.05 ") }, true, 50, 50 },
	{ "milliseconds", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after-ms", "250.5") }, true, 251, 250 },
	{ "milliseconds first", TL_ERROR_HTTP_STATUS, 429, false, NULL,
		{ HEADER("retry-after", "9"), HEADER("retry-after-ms", "20") }, true, 20, 20 },
	{ "broken milliseconds", TL_ERROR_HTTP_STATUS, 429, false, NULL,
		{ HEADER("retry-after-ms", "soon"), HEADER("retry-after", "2") }, true, 2000, 2000 },
	{ "a date", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", "Tue, 24 Nov 2026 12:00:30 GMT") }, true,
		30000, 30000 },
	{ "a date that is now", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", WALL_DATE) }, true, 0, 500 },
	{ "a date in the past", TL_ERROR_HTTP_STATUS, 429, false, NULL,
		{ HEADER("retry-after", "Tue, 24 Nov 2020 12:00:00 GMT") }, true, 0, 500 },
	{ "a date far off", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", "Tue, 24 Nov 2026 12:02:01 GMT") },
		false, 121000, 0 },
	{ "zero", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", "0") }, true, 0, 500 },
	{ "below zero", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", "-5") }, true, NOTHING, 500 },
	{ "120 s", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", "120") }, true, 120000, 120000 },
	{ "more than 120 s", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", "120.001") }, false, 120001, 0 },
	{ "a day, should", TL_ERROR_HTTP_STATUS, 429, false, NULL,
		{ HEADER("retry-after", "86400"), HEADER("x-should-retry", "true") }, false, 86400000, 0 },
	{ "an age", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", "99999999999999999999999") }, false,
		1000000000000, 0 },
	{ "words", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", "in a while") }, true, NOTHING, 500 },
	{ "nothing", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", "") }, true, NOTHING, 500 },
	{ "a point", TL_ERROR_HTTP_STATUS, 429, false, NULL, { HEADER("retry-after", ".") }, true, NOTHING, 500 },
	{ "asked for with 400", TL_ERROR_HTTP_STATUS, 400, false, NULL, { HEADER("retry-after", "1") }, false, 1000, 0 },
};

static struct tl_retry_question
question_of(const struct row *row)
{
	size_t count = 0;
	while (count < 2 && row->headers[count].name.ptr)
		count++;
	return (struct tl_retry_question){
		.number = 1,
		.retries_max = 2,
		.error = row->error,
		.http_status = row->status,
		.body_started = row->body_started,
		.provider_code = tl_str_of(row->code),
		.headers = row->headers,
		.header_count = count,
		.wall_ns = (uint64_t)WALL_S * TL_NS_PER_S,
	};
}

static void
every_rule_is_followed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		struct tl_retry_question question = question_of(row);
		struct tl_retry_answer answer = tl_retry_decide(&question);
		const char *source = !row->retry ? NULL : row->retry_after_ms > 0 ? "retry-after" : "exponential";
		bool as_said = answer.retry == row->retry && answer.retry_after_ms == row->retry_after_ms &&
			       answer.wait_ns / TL_NS_PER_MS == (uint64_t)row->wait_ms && !answer.wait_source == !source &&
			       (!source || strcmp(answer.wait_source, source) == 0);
		if (!as_said)
			fail_msg("%s: retry %d, asked %lld ms, wait %llu ns, source %s", row->sentence, answer.retry,
				(long long)answer.retry_after_ms, (unsigned long long)answer.wait_ns,
				answer.wait_source ? answer.wait_source : "none");
	}
}

static void
quota_as_a_type_is_quota_too(void **state)
{
	(void)state;
	struct tl_retry_question question = { .number = 1, .retries_max = 9, .error = TL_ERROR_HTTP_STATUS, .http_status = 429 };
	assert_true(tl_retry_decide(&question).retry);
	question.provider_type = TL_STR("insufficient_quota");
	assert_false(tl_retry_decide(&question).retry);
}

static void
retries_end_at_their_number(void **state)
{
	(void)state;
	for (uint64_t max = 0; max < 4; max++) {
		for (uint64_t number = 1; number < 6; number++) {
			struct tl_retry_question question = { .number = number, .retries_max = max, .error = TL_ERROR_CONNECT };
			assert_int_equal(tl_retry_decide(&question).retry, number <= max);
		}
	}
}

static void
waits_double_up_to_eight_seconds(void **state)
{
	(void)state;
	static const uint64_t waits_ms[] = { 500, 1000, 2000, 4000, 8000, 8000, 8000 };
	for (uint64_t number = 1; number <= 7; number++) {
		struct tl_retry_question question = { .number = number, .retries_max = UINT64_MAX, .error = TL_ERROR_CONNECT };
		assert_int_equal(tl_retry_decide(&question).wait_ns, waits_ms[number - 1] * TL_NS_PER_MS);
	}
	struct tl_retry_question late = { .number = UINT64_MAX, .retries_max = UINT64_MAX, .error = TL_ERROR_CONNECT };
	assert_int_equal(tl_retry_decide(&late).wait_ns, 8 * TL_NS_PER_S);
}

static void
chance_shortens_a_wait_by_up_to_a_quarter(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned round = 0; round < unit_rounds(10000); round++) {
		uint64_t number = 1 + unit_below(&random, 9), drawn = unit_random(&random);
		struct tl_retry_question question = { .number = number, .retries_max = 99, .error = TL_ERROR_CONNECT };
		uint64_t longest = tl_retry_decide(&question).wait_ns;
		question.random = drawn;
		uint64_t wait = tl_retry_decide(&question).wait_ns;
		double expected = (double)longest * (1 - 0.25 * ((double)drawn / 18446744073709551616.0));
		assert_true(wait <= longest && wait > longest * 3 / 4 - 1);
		assert_true((double)wait > expected - 10 && (double)wait < expected + 10);
		assert_int_equal(tl_retry_decide(&question).wait_ns, wait);
	}
}

static void
what_the_server_asks_for_is_not_shortened(void **state)
{
	(void)state;
	static const struct tl_pair header = HEADER("retry-after", "10");
	struct tl_retry_question question = { .number = 1,
		.retries_max = 1,
		.error = TL_ERROR_HTTP_STATUS,
		.http_status = 503,
		.headers = &header,
		.header_count = 1,
		.random = UINT64_MAX };
	assert_int_equal(tl_retry_decide(&question).wait_ns, 10 * TL_NS_PER_S);
}

static void
a_header_is_found_in_any_case_and_the_first_counts(void **state)
{
	(void)state;
	static const struct tl_pair headers[] = { HEADER("A", "1"), HEADER("b", "2"), HEADER("a", "3"),
		{ { "e", 1 }, { NULL, 0 } } };
	assert_true(tl_str_equal(tl_header_find(headers, 4, TL_STR("a")), TL_STR("1")));
	assert_true(tl_str_equal(tl_header_find(headers, 4, TL_STR("B")), TL_STR("2")));
	assert_non_null(tl_header_find(headers, 4, TL_STR("E")).ptr);
	assert_null(tl_header_find(headers, 4, TL_STR("c")).ptr);
	assert_null(tl_header_find(NULL, 0, TL_STR("a")).ptr);
}

static void
price_lists_follow_the_host(void **state)
{
	(void)state;
	static const struct {
		const char *provider, *url, *list;
	} lists[] = {
		{ "openai", "https://api.openai.com/v1/chat/completions", "openai" },
		{ "openai", "https://api.groq.com/openai/v1/chat/completions", "groq" },
		{ "openai", "HTTPS://API.GROQ.COM:443/openai", "groq" },
		{ "openai", "https://user:api.openai.com@api.mistral.ai/v1", "mistral" },
		{ "openai", "https://res.openai.azure.com/openai/v1", "azure" },
		{ "openai", "https://api.x.ai", "xai" },
		{ "openai", "https://notx.ai/v1", "openai" },
		{ "openai", "https://api.z.ai/api/paas/v4", "zai" },
		{ "openai", "https://openrouter.ai/api/v1", "openrouter" },
		{ "openai", "https://generativelanguage.googleapis.com/v1beta/openai/", "google" },
		{ "openai", "http://127.0.0.1:8080/api.groq.com/v1", "openai" },
		{ "openai", "http://evil.example/?x=api.groq.com", "openai" },
		{ "openai", "", "openai" },
		{ "sandbox", "sandbox://local/v1/chat/completions", "sandbox" },
	};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		assert_string_equal(tl_price_list_of(tl_str_of(lists[i].provider), tl_str_of(lists[i].url)), lists[i].list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_is_followed),
		cmocka_unit_test(quota_as_a_type_is_quota_too),
		cmocka_unit_test(retries_end_at_their_number),
		cmocka_unit_test(waits_double_up_to_eight_seconds),
		cmocka_unit_test(chance_shortens_a_wait_by_up_to_a_quarter),
		cmocka_unit_test(what_the_server_asks_for_is_not_shortened),
		cmocka_unit_test(a_header_is_found_in_any_case_and_the_first_counts),
		cmocka_unit_test(price_lists_follow_the_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
