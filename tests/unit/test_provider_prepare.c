/* provider/prepare tested: the address, the headers, the body that follow from inputs. */
#include "unit.h"

#include <string.h>

#include <tracellm/provider.h>

#define ARENA_LIMIT (1u << 20)

static struct tl_arena arena;
static struct tl_err err;

static int
arena_begin(void **state)
{
	(void)state;
	tl_arena_init(&arena, ARENA_LIMIT);
	return 0;
}

static int
arena_end(void **state)
{
	(void)state;
	tl_arena_done(&arena);
	return 0;
}

static struct tl_inputs
inputs_of(const char *base_url)
{
	return (struct tl_inputs){
		.provider = TL_STR("openai"),
		.model = TL_STR("gpt-4o"),
		.base_url = tl_str_of(base_url),
		.prompt = TL_STR("hi"),
		.max_tokens = -1,
		.stream = true,
		.api_key = TL_STR("sk-1"),
	};
}

static enum tl_status
prepare(const struct tl_inputs *inputs, struct tl_request *ret_request)
{
	return tl_provider_find(inputs->provider)->prepare(inputs, &arena, ret_request, &err);
}

static struct tl_request
prepared(const struct tl_inputs *inputs)
{
	struct tl_request request = { 0 };
	if (prepare(inputs, &request) != TL_OK)
		fail_msg("%s", err.message);
	return request;
}

static void
assert_text(tl_str got, const char *expected)
{
	if (got.len != strlen(expected) || (got.len && memcmp(got.ptr, expected, got.len) != 0))
		fail_msg("'%.*s' instead of '%s'", TL_FMT(got), expected);
}

static void
assert_header(const struct tl_request *request, const char *name, const char *expected)
{
	tl_str value = tl_header_find(request->headers, request->header_count, tl_str_of(name));
	assert_text(value, expected ? expected : "");
	assert_int_equal(value.ptr == NULL, expected == NULL);
}

static void
a_base_url_is_joined_without_a_double_slash(void **state)
{
	(void)state;
	static const char *const urls[][2] = {
		{ "https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions" },
		{ "https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions" },
		{ "http://localhost:11434/v1///", "http://localhost:11434/v1/chat/completions" },
		{ "http://h", "http://h/chat/completions" },
		{ "HTTP://h/", "HTTP://h/chat/completions" },
		{ "https://h/openai/deployments/d/?api-version=2024-10-21",
			"https://h/openai/deployments/d/chat/completions?api-version=2024-10-21" },
	};
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		struct tl_inputs inputs = inputs_of(urls[i][0]);
		assert_text(prepared(&inputs).url, urls[i][1]);
	}
}

static void
an_exact_url_is_kept_to_the_letter(void **state)
{
	(void)state;
	struct tl_inputs inputs = inputs_of("https://ignored");
	inputs.url = TL_STR("http://127.0.0.1:1/a//b/?q=%20&x#f");
	assert_text(prepared(&inputs).url, "http://127.0.0.1:1/a//b/?q=%20&x#f");
}

static void
an_address_that_cannot_be_one_is_refused_by_name(void **state)
{
	(void)state;
	static const char *const urls[] = { "", "api.openai.com/v1", "ftp://h/", "https://", "file:///etc/passwd", "http://h/a b",
		"http://h/\r\nX: y", "http://h/\xc3\xa9", "sandbox://local/v1" };
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		struct tl_request request = { .url = TL_STR("untouched") };
		struct tl_inputs inputs = inputs_of(urls[i]);
		assert_int_equal(prepare(&inputs, &request), TL_ERR_USAGE);
		assert_non_null(strstr(err.message, "the base URL"));
		inputs.url = tl_str_of(urls[i]);
		assert_int_equal(prepare(&inputs, &request), TL_ERR_USAGE);
		assert_non_null(strstr(err.message, "the URL"));
		assert_text(request.url, "untouched");
	}
	static char long_url[9000];
	memset(long_url, 'a', sizeof long_url);
	memcpy(long_url, "https://", 8);
	struct tl_inputs inputs = inputs_of("https://h");
	struct tl_request request;
	inputs.url = (tl_str){ long_url, sizeof long_url };
	assert_int_equal(prepare(&inputs, &request), TL_ERR_USAGE);
	assert_non_null(strstr(err.message, "9000 bytes"));
}

static void
headers_say_what_is_sent_and_wanted(void **state)
{
	(void)state;
	struct tl_inputs inputs = inputs_of("https://h/v1");
	struct tl_request request = prepared(&inputs);
	assert_int_equal(request.header_count, 4);
	assert_header(&request, "content-type", "application/json");
	assert_header(&request, "authorization", "Bearer sk-1");
	assert_header(&request, "accept", "text/event-stream");
	assert_header(&request, "user-agent", "tracellm");
	inputs.stream = false;
	inputs.api_key = (tl_str){ NULL, 0 };
	request = prepared(&inputs);
	assert_int_equal(request.header_count, 3);
	assert_header(&request, "authorization", NULL);
	assert_header(&request, "accept", "application/json");
}

static void
the_users_headers_come_last_and_replace_ours(void **state)
{
	(void)state;
	static const struct tl_pair headers[] = {
		{ TL_STR("X-A"), TL_STR("1") },
		{ TL_STR("AUTHORIZATION"), TL_STR("Basic x") },
		{ TL_STR("X-A"), TL_STR("2") },
		{ TL_STR("user-agent"), TL_STR("") },
	};
	struct tl_inputs inputs = inputs_of("https://h/v1");
	inputs.headers = headers;
	inputs.header_count = 4;
	struct tl_request request = prepared(&inputs);
	assert_int_equal(request.header_count, 6);
	assert_text(request.headers[0].name, "Content-Type");
	assert_text(request.headers[1].name, "Accept");
	for (size_t i = 0; i < 4; i++) {
		assert_true(tl_str_equal(request.headers[2 + i].name, headers[i].name));
		assert_true(tl_str_equal(request.headers[2 + i].value, headers[i].value));
	}
}

static void
no_header_can_be_smuggled_in(void **state)
{
	(void)state;
	static const struct tl_pair bad[] = {
		{ TL_STR(""), TL_STR("x") },
		{ TL_STR("a b"), TL_STR("x") },
		{ TL_STR("a:"), TL_STR("x") },
		{ TL_STR("a\r\nb"), TL_STR("x") },
		{ TL_STR("a\0b"), TL_STR("x") },
		{ TL_STR("\xc3\xa9"), TL_STR("x") },
		{ TL_STR("a"), TL_STR("x\r\nX-B: y") },
		{ TL_STR("a"), TL_STR("x\0y") },
		{ TL_STR("a"), TL_STR("\x7f") },
	};
	static const struct tl_pair good = { TL_STR("x-a_b.c!"), TL_STR("tab\there, \xc3\xa9") };
	struct tl_inputs inputs = inputs_of("https://h/v1");
	struct tl_request request;
	inputs.header_count = 1;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		inputs.headers = &bad[i];
		assert_int_equal(prepare(&inputs, &request), TL_ERR_USAGE);
	}
	inputs.headers = &good;
	(void)prepared(&inputs);
	inputs.api_key = TL_STR("sk-1\nX-B: y");
	assert_int_equal(prepare(&inputs, &request), TL_ERR_USAGE);
	assert_null(strstr(err.message, "sk-1"));
}

static void
the_body_follows_from_the_settings(void **state)
{
	(void)state;
	struct tl_inputs inputs = inputs_of("https://h/v1");
	inputs.system = TL_STR("s");
	inputs.temperature = TL_STR("0.50");
	inputs.max_tokens = 7;
	struct tl_request request = prepared(&inputs);
	assert_text(tl_str_of_bytes(request.body),
		"{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
		"\"hi\"}],"
		"\"temperature\":0.50,\"max_tokens\":7,\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	inputs.temperature = TL_STR("warm");
	assert_int_equal(prepare(&inputs, &request), TL_ERR_USAGE);
	assert_int_equal(err.status, TL_ERR_USAGE);
	assert_non_null(strstr(err.message, "temperature is 'warm'"));
}

static void
a_complete_body_is_sent_unchanged_and_says_itself_whether_it_streams(void **state)
{
	(void)state;
	static const struct {
		const char *body, *accept;
	} bodies[] = {
		{ " {\"stream\" : true, \"x\":1e2}\n", "text/event-stream" },
		{ "{\"stream\":false}", "application/json" },
		{ "{}", "application/json" },
		{ "not JSON \xff", "application/json" },
		{ "", "application/json" },
	};
	for (size_t i = 0; i < 2 * sizeof bodies / sizeof *bodies; i++) {
		struct tl_inputs inputs = inputs_of("https://h/v1");
		inputs.stream = i % 2;
		inputs.temperature = TL_STR("ignored");
		inputs.raw_request = tl_bytes_of(tl_str_of(bodies[i / 2].body));
		struct tl_request request = prepared(&inputs);
		assert_text(tl_str_of_bytes(request.body), bodies[i / 2].body);
		assert_header(&request, "accept", bodies[i / 2].accept);
	}
	struct tl_inputs inputs = inputs_of("https://h/v1");
	inputs.raw_request = tl_bytes_of(TL_STR("a\0b"));
	assert_int_equal(prepared(&inputs).body.len, 3);
}

static void
the_same_inputs_give_the_same_request(void **state)
{
	(void)state;
	for (const struct tl_provider *const *provider = tl_providers(); *provider; provider++) {
		struct tl_inputs inputs = inputs_of((*provider)->default_base_url);
		inputs.provider = tl_str_of((*provider)->name);
		struct tl_request a = prepared(&inputs), b = prepared(&inputs);
		assert_true(tl_str_equal(a.url, b.url));
		assert_true(tl_str_equal(tl_str_of_bytes(a.body), tl_str_of_bytes(b.body)));
		assert_int_equal(a.header_count, b.header_count);
		for (size_t i = 0; i < a.header_count; i++)
			assert_true(tl_str_equal(a.headers[i].value, b.headers[i].value));
	}
}

static void
a_request_lives_in_its_arena_alone(void **state)
{
	(void)state;
	char url[] = "https://h/v1", key[] = "sk-1", name[] = "X-A", value[] = "1", raw[] = "{}";
	const struct tl_pair header = { tl_str_of(name), tl_str_of(value) };
	struct tl_inputs inputs = inputs_of(NULL);
	inputs.url = tl_str_of(url);
	inputs.api_key = tl_str_of(key);
	inputs.headers = &header;
	inputs.header_count = 1;
	inputs.raw_request = tl_bytes_of(tl_str_of(raw));
	struct tl_request request = prepared(&inputs);
	char *const texts[] = { url, key, name, value, raw };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		memset(texts[i], '#', strlen(texts[i]));
	assert_text(request.url, "https://h/v1");
	assert_header(&request, "authorization", "Bearer sk-1");
	assert_header(&request, "x-a", "1");
	assert_text(tl_str_of_bytes(request.body), "{}");
}

static void
a_request_that_does_not_fit_its_arena_is_refused(void **state)
{
	(void)state;
	struct tl_inputs inputs = inputs_of("https://h/v1");
	struct tl_request request;
	for (size_t limit = 0; limit < 300; limit += 16) {
		struct tl_arena small;
		tl_arena_init(&small, limit);
		assert_int_equal(tl_provider_find(inputs.provider)->prepare(&inputs, &small, &request, &err), TL_ERR_LIMIT);
		tl_arena_done(&small);
	}
}

static void
the_sandbox_has_one_kind_of_address(void **state)
{
	(void)state;
	struct tl_inputs inputs = inputs_of("sandbox://local/v1");
	struct tl_request request;
	inputs.provider = TL_STR("sandbox");
	assert_text(prepared(&inputs).url, "sandbox://local/v1/chat/completions");
	inputs.url = TL_STR("https://api.openai.com/v1/chat/completions");
	assert_int_equal(prepare(&inputs, &request), TL_ERR_USAGE);
}

static void
providers_are_found_by_name(void **state)
{
	(void)state;
	const struct tl_provider *openai = tl_provider_find(TL_STR("openai")), *sandbox = tl_provider_find(TL_STR("sandbox"));
	assert_ptr_equal(tl_providers()[0], openai);
	assert_ptr_equal(tl_providers()[1], sandbox);
	assert_null(tl_providers()[2]);
	assert_null(tl_provider_find(TL_STR("OpenAI")));
	assert_null(tl_provider_find(TL_STR("")));
	assert_string_equal(openai->default_model, "gpt-4o");
	assert_string_equal(openai->default_base_url, "https://api.openai.com/v1");
	assert_string_equal(openai->key_variable, "OPENAI_API_KEY");
	assert_string_equal(openai->base_url_variable, "OPENAI_BASE_URL");
	assert_null(sandbox->key_variable);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, arena_begin, arena_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_base_url_is_joined_without_a_double_slash),
		TEST(an_exact_url_is_kept_to_the_letter),
		TEST(an_address_that_cannot_be_one_is_refused_by_name),
		TEST(headers_say_what_is_sent_and_wanted),
		TEST(the_users_headers_come_last_and_replace_ours),
		TEST(no_header_can_be_smuggled_in),
		TEST(the_body_follows_from_the_settings),
		TEST(a_complete_body_is_sent_unchanged_and_says_itself_whether_it_streams),
		TEST(the_same_inputs_give_the_same_request),
		TEST(a_request_lives_in_its_arena_alone),
		TEST(a_request_that_does_not_fit_its_arena_is_refused),
		TEST(the_sandbox_has_one_kind_of_address),
		TEST(providers_are_found_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
