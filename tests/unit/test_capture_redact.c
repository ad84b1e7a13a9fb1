/* Secrets become stars of the same length, wherever and however they arrive. */
#include "event_fixture.h"

#include <stdio.h>

#include <tracellm/capture.h>

static struct tl_redactor *redactor;
static struct tl_arena arena;

static int
make(void **state)
{
	(void)state;
	struct tl_err err;
	tl_arena_init(&arena, 16 << 20);
	return tl_redactor_open(&redactor, &err) == TL_OK ? 0 : -1;
}

static int
unmake(void **state)
{
	(void)state;
	tl_redactor_close(redactor);
	tl_arena_done(&arena);
	return 0;
}

static void
add(const char *secret)
{
	struct tl_err err;
	assert_ok(tl_redactor_add(redactor, tl_str_of(secret), &err));
}

static void
assert_text(const char *text, const char *expected)
{
	tl_str shown = tl_redact_text(redactor, tl_str_of(text), &arena);
	assert_int_equal(shown.len, strlen(text));
	assert_string_equal(shown.ptr, expected);
}

/* ---- Values ---- */

static void
a_secret_is_overwritten_wherever_it_stands(void **state)
{
	(void)state;
	add("sk-12345678");
	assert_text("sk-12345678", "***********");
	assert_text("key=sk-12345678;sk-12345678sk-12345678.", "key=***********;**********************.");
	assert_text("sk-1234567 and k-12345678 and SK-12345678", "sk-1234567 and k-12345678 and SK-12345678");
	assert_text("", "");
}

static void
a_secret_within_another_does_not_save_it(void **state)
{
	(void)state;
	add("abcdefgh");
	add("sk-abcdefgh-tail");
	assert_text("sk-abcdefgh-tail abcdefgh", "**************** ********");
}

static void
secrets_that_overlap_are_both_overwritten(void **state)
{
	(void)state;
	add("aaaabbbb");
	add("bbbbcccc");
	assert_text("-aaaabbbbcccc-", "-************-");
	add("xyxyxyxy");
	assert_text("-xyxyxyxyxy-", "-**********-");
}

static void
short_and_overlong_values_and_doubles_are_passed_over(void **state)
{
	(void)state;
	struct tl_err err;
	static char longest[TL_SECRET_CHARS_MAX + 1];
	memset(longest, 'x', sizeof longest);
	add("1234567");
	add("");
	assert_ok(tl_redactor_add(redactor, (tl_str){ longest, sizeof longest }, &err));
	assert_text("1234567 xxxxxxxxxxxxxxxxxx", "1234567 xxxxxxxxxxxxxxxxxx");
	for (unsigned i = 0; i < 2 * TL_SECRETS_MAX; i++)
		add("12345678");
	assert_ok(tl_redactor_add(redactor, (tl_str){ longest, TL_SECRET_CHARS_MAX }, &err));
	tl_str shown = tl_redact_text(redactor, (tl_str){ longest, sizeof longest }, &arena);
	for (size_t i = 0; i < sizeof longest; i++)
		assert_int_equal(shown.ptr[i], '*');
}

static void
more_secrets_than_there_is_room_for_are_refused(void **state)
{
	(void)state;
	struct tl_err err;
	char secret[32];
	for (unsigned i = 0; i < TL_SECRETS_MAX; i++) {
		(void)snprintf(secret, sizeof secret, "secret-%04u", i);
		add(secret);
	}
	assert_int_equal(tl_redactor_add(redactor, TL_STR("one too many"), &err), TL_ERR_LIMIT);
	assert_text("secret-0000 secret-0063 secret-0064", "*********** *********** secret-0064");
}

static void
ordinary_text_is_left_as_it_is(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	add("sk-proj-abcdef");
	struct tl_err err;
	assert_ok(tl_redactor_add(redactor, TL_STR("\xff\x00\x01zzzzzzz"), &err));
	for (unsigned i = 0; i < unit_rounds(500); i++) {
		tl_str text = event_random_text(&random, &arena), shown = tl_redact_text(redactor, text, &arena);
		assert_true(tl_str_equal(text, shown));
		tl_arena_done(&arena);
	}
}

/* An oracle that marks first and writes afterwards. */
static void
mark(char *marks, tl_str text, tl_str secret)
{
	for (size_t at = 0; at + secret.len <= text.len; at++)
		if (memcmp(text.ptr + at, secret.ptr, secret.len) == 0)
			memset(marks + at, '*', secret.len);
}

static void
random_texts_over_two_letters_agree_with_an_oracle(void **state)
{
	(void)state;
	struct tl_err err;
	uint64_t random = unit_seed();
	for (unsigned round = 0; round < unit_rounds(2000); round++) {
		struct tl_redactor *other;
		char secrets[3][12], text[80], expected[80];
		assert_ok(tl_redactor_open(&other, &err));
		for (size_t i = 0; i < sizeof text; i++)
			text[i] = expected[i] = (char)('a' + (char)unit_below(&random, 2));
		for (size_t i = 0; i < 3; i++) {
			tl_str secret = { secrets[i], 8 + unit_below(&random, 4) };
			memcpy(secrets[i], text + unit_below(&random, 60), sizeof secrets[i]);
			assert_ok(tl_redactor_add(other, secret, &err));
			mark(expected, (tl_str){ text, sizeof text }, secret);
		}
		tl_redact_bytes(other, text, sizeof text, sizeof text);
		assert_memory_equal(text, expected, sizeof text);
		tl_redactor_close(other);
	}
}

/* ---- Arrivals ---- */

static size_t
tail(const char *text)
{
	return tl_redact_tail(redactor, tl_bytes_of(tl_str_of(text)));
}

static void
the_tail_that_may_begin_a_secret_is_held(void **state)
{
	(void)state;
	assert_int_equal(tail("sk-1234"), 0);
	add("sk-12345678");
	assert_int_equal(tail(""), 0);
	assert_int_equal(tail("s"), 1);
	assert_int_equal(tail("text s"), 1);
	assert_int_equal(tail("text sk-1234567"), 10);
	assert_int_equal(tail("sk-12345678"), 0);
	assert_int_equal(tail("sk-sk-1"), 4);
	assert_int_equal(tail("sk-x"), 0);
	add("1234567890");
	assert_int_equal(tail("text sk-1234567"), 10);
	assert_int_equal(tail("text 1234567"), 7);
}

/* Writes what is not held, as the engine does, and what was held in front of what follows. */
static void
flow(tl_str text, const size_t *ends, size_t count, struct tl_buf *out)
{
	struct tl_buf pending;
	size_t at = 0;
	tl_buf_init(&pending, 1 << 20);
	for (size_t i = 0; i <= count; i++) {
		size_t end = i < count ? ends[i] : text.len;
		tl_buf_add_str(&pending, tl_str_slice(text, at, end));
		at = end;
		size_t held = i < count ? tl_redact_tail(redactor, tl_bytes_of(tl_buf_str(&pending))) : 0;
		tl_redact_bytes(redactor, pending.ptr, pending.len, pending.len - held);
		tl_buf_add_str(out, tl_str_slice(tl_buf_str(&pending), 0, pending.len - held));
		tl_buf_consume(&pending, pending.len - held);
	}
	tl_buf_done(&pending);
}

static void
a_secret_is_seen_across_arrivals_wherever_they_are_cut(void **state)
{
	(void)state;
	add("sk-12345678");
	add("other-secret-value");
	tl_str text = TL_STR("a sk-12345678 b sk-sk-12345678other-secret-value, sk-1234567");
	tl_str expected = TL_STR("a *********** b sk-*****************************, sk-1234567");
	for (size_t first = 0; first <= text.len; first++) {
		for (size_t second = first; second <= text.len; second++) {
			struct tl_buf out;
			tl_buf_init(&out, 1000);
			flow(text, (size_t[]){ first, second }, 2, &out);
			if (!tl_str_equal(tl_buf_str(&out), expected))
				fail_msg("cut at %zu and %zu: %s", first, second, out.ptr);
			tl_buf_done(&out);
		}
	}
}

static void
a_secret_that_begins_with_another_is_seen_across_arrivals(void **state)
{
	(void)state;
	add("abcdefgh");
	add("abcdefgh-tail");
	add("sk-abcdefgh-end");
	tl_str text = TL_STR("abcdefgh-tail abcdefgh-tai sk-abcdefgh-end sk-abcdefgh-en");
	tl_str expected = TL_STR("************* ********-tai *************** sk-********-en");
	for (size_t first = 0; first <= text.len; first++) {
		for (size_t second = first; second <= text.len; second++) {
			struct tl_buf out;
			tl_buf_init(&out, 1000);
			flow(text, (size_t[]){ first, second }, 2, &out);
			if (!tl_str_equal(tl_buf_str(&out), expected))
				fail_msg("cut at %zu and %zu: %s", first, second, out.ptr);
			tl_buf_done(&out);
		}
	}
}

static void
a_secret_that_arrives_byte_by_byte_is_seen(void **state)
{
	(void)state;
	size_t ends[64];
	struct tl_buf out;
	add("sk-12345678");
	tl_str text = TL_STR("x sk-12345678 sk-1 y");
	for (size_t i = 0; i < text.len; i++)
		ends[i] = i + 1;
	tl_buf_init(&out, 1000);
	flow(text, ends, text.len, &out);
	assert_string_equal(out.ptr, "x *********** sk-1 y");
	tl_buf_done(&out);
}

/* ---- Header fields ---- */

static void
credential_fields_are_known_in_any_case(void **state)
{
	(void)state;
	static const char *const yes[] = { "authorization", "Authorization", "PROXY-AUTHORIZATION", "x-api-key", "api-key",
		"X-Goog-Api-Key", "cookie", "Set-Cookie", "x-amz-security-token", "OpenAI-Api-Key", "x-auth-token", "my-secret",
		"X-My-Password" };
	static const char *const no[] = { "content-type", "token", "-token", "x-tokens", "x-api-keys", "authorization2", "",
		"x-request-id", "secret-name", "x-ratelimit-remaining-tokens" };
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!tl_header_is_credential(tl_str_of(yes[i])))
			fail_msg("%s is a credential", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (tl_header_is_credential(tl_str_of(no[i])))
			fail_msg("%s is no credential", no[i]);
}

static void
the_scheme_in_front_of_a_credential_stays(void **state)
{
	(void)state;
	assert_true(tl_str_equal(tl_header_secret(TL_STR("Bearer abc")), TL_STR("abc")));
	assert_true(tl_str_equal(tl_header_secret(TL_STR("basic abc==")), TL_STR("abc==")));
	assert_true(tl_str_equal(tl_header_secret(TL_STR("abc def")), TL_STR("abc def")));
	assert_true(tl_str_equal(tl_header_secret(TL_STR("Bearer")), TL_STR("Bearer")));
	assert_int_equal(tl_header_secret(TL_STR("Bearer ")).len, 0);
}

static void
headers_are_copied_without_their_secrets(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_pair_list shown;
	add("value-known-1");
	struct tl_pair headers[] = {
		{ TL_STR("Authorization"), TL_STR("Bearer short") },
		{ TL_STR("Content-Type"), TL_STR("application/json") },
		{ TL_STR("x-api-key"), TL_STR("k") },
		{ TL_STR("x-echo"), TL_STR("was value-known-1!") },
		{ TL_STR("cookie"), TL_STR("") },
		{ TL_STR("x-auth-token"), { NULL, 0 } },
	};
	static const char *const values[] = { "Bearer *****", "application/json", "*", "was *************!", "", "" };
	assert_ok(tl_redact_headers(redactor, headers, 6, &arena, &shown, &err));
	assert_int_equal(shown.count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_true(tl_str_equal(shown.items[i].name, headers[i].name));
		assert_string_equal(shown.items[i].value.ptr, values[i]);
		assert_ptr_not_equal(shown.items[i].value.ptr, headers[i].value.ptr);
	}
	assert_true(tl_str_equal(headers[0].value, TL_STR("Bearer short")));
	assert_ok(tl_redact_headers(redactor, NULL, 0, &arena, &shown, &err));
	assert_int_equal(shown.count, 0);
}

/* ---- URLs ---- */

static void
urls_lose_passwords_and_secret_query_fields(void **state)
{
	(void)state;
	static const struct {
		const char *url, *shown;
	} urls[] = {
		{ "https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1/chat/completions" },
		{ "https://user:pass@host/x", "https://user:****@host/x" },
		{ "https://user:p@ss:w@host:8080/x@y:z", "https://user:******@host:8080/x@y:z" },
		{ "https://user@host/", "https://user@host/" },
		{ "https://host/a?key=abc&b=c", "https://host/a?key=***&b=c" },
		{ "https://host/a?b=c&API_KEY=abc#key=abc", "https://host/a?b=c&API_KEY=***#key=abc" },
		{ "https://host/?access_token=a=b&sig=&code", "https://host/?access_token=***&sig=&code" },
		{ "https://host/?keys=abc&monkey=abc", "https://host/?keys=abc&monkey=abc" },
		{ "https://host?token=x@y", "https://host?token=***" },
		{ "host:8080/?secret=x", "host:8080/?secret=*" },
		{ "", "" },
		{ "?", "?" },
		{ "://:@?key=", "://:@?key=" },
		{ "https://host/known-value-1/x", "https://host/*************/x" },
	};
	add("known-value-1");
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		tl_str shown = tl_redact_url(redactor, tl_str_of(urls[i].url), &arena);
		assert_string_equal(shown.ptr, urls[i].shown);
		assert_int_equal(shown.len, strlen(urls[i].url));
	}
}

static void
an_arena_that_is_full_gives_no_text_with_secrets(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_arena small;
	struct tl_pair_list shown = { NULL, 77 };
	struct tl_pair headers[] = { { TL_STR("a-name-that-is-longer-than-the-arena"), TL_STR("v") } };
	tl_arena_init(&small, 16);
	assert_null(tl_redact_text(redactor, TL_STR("more than sixteen bytes"), &small).ptr);
	assert_null(tl_redact_url(redactor, TL_STR("more than sixteen bytes"), &small).ptr);
	assert_int_equal(tl_redact_headers(redactor, headers, 1, &small, &shown, &err), TL_ERR_LIMIT);
	assert_int_equal(shown.count, 77);
	tl_arena_done(&small);
}

int
main(void)
{
#define test(function) cmocka_unit_test_setup_teardown(function, make, unmake)
	const struct CMUnitTest tests[] = {
		test(a_secret_is_overwritten_wherever_it_stands),
		test(a_secret_within_another_does_not_save_it),
		test(secrets_that_overlap_are_both_overwritten),
		test(short_and_overlong_values_and_doubles_are_passed_over),
		test(more_secrets_than_there_is_room_for_are_refused),
		test(ordinary_text_is_left_as_it_is),
		test(random_texts_over_two_letters_agree_with_an_oracle),
		test(the_tail_that_may_begin_a_secret_is_held),
		test(a_secret_is_seen_across_arrivals_wherever_they_are_cut),
		test(a_secret_that_begins_with_another_is_seen_across_arrivals),
		test(a_secret_that_arrives_byte_by_byte_is_seen),
		test(credential_fields_are_known_in_any_case),
		test(the_scheme_in_front_of_a_credential_stays),
		test(headers_are_copied_without_their_secrets),
		test(urls_lose_passwords_and_secret_query_fields),
		test(an_arena_that_is_full_gives_no_text_with_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
