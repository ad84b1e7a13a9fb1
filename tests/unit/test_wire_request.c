/* wire/request_read and request_write tested: what is read of a request, what is written, and that the two agree. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include <tracellm/wire.h>

#define ARENA_LIMIT (4u << 20)

static struct tl_arena arena;

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

static void
assert_text(tl_str got, const char *expected)
{
	if (got.len != strlen(expected) || (got.len && memcmp(got.ptr, expected, got.len) != 0))
		fail_msg("'%.*s' instead of '%s'", TL_FMT(got), expected);
}

static struct tl_request_view
read(const char *body)
{
	struct tl_request_view view;
	struct tl_err err;
	assert_int_equal(tl_request_read(TL_API_OPENAI_CHAT, tl_bytes_of(tl_str_of(body)), &arena, &view, &err), TL_OK);
	return view;
}

static void
messages_are_read_with_their_roles_names_and_tool_ids(void **state)
{
	(void)state;
	struct tl_request_view view = read(
		"{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},"
		"{\"role\":\"user\",\"name\":\"ann\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":"
		"[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"b\",\"type\":"
		"\"custom\",\"custom\":{\"name\":\"sql\",\"input\":\"select\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"a\","
		"\"content\":"
		"\"12\"},{\"role\":\"assistant\",\"content\":\"\",\"function_call\":{\"name\":\"g\",\"arguments\":{\"x\":1}}}]}");
	assert_true(view.valid && view.stream);
	assert_text(view.model, "gpt-4o");
	assert_int_equal(view.message_count, 5);
	assert_text(view.messages[0].role, "system");
	assert_text(view.messages[0].content, "be kind");
	assert_text(view.messages[1].name, "ann");
	assert_int_equal(view.messages[1].part_count, 0);
	assert_null(view.messages[2].content.ptr);
	assert_int_equal(view.messages[2].tool_call_count, 2);
	assert_text(view.messages[2].tool_calls[0].id, "a");
	assert_text(view.messages[2].tool_calls[0].arguments, "{}");
	assert_text(view.messages[2].tool_calls[1].name, "sql");
	assert_text(view.messages[2].tool_calls[1].arguments, "select");
	assert_text(view.messages[3].tool_call_id, "a");
	assert_text(view.messages[3].content, "12");
	assert_non_null(view.messages[4].content.ptr);
	assert_text(view.messages[4].tool_calls[0].name, "g");
	assert_text(view.messages[4].tool_calls[0].arguments, "{\"x\":1}");
	assert_null(view.messages[4].tool_calls[0].id.ptr);
}

static void
parts_keep_their_json_and_their_texts_are_joined_by_a_line_feed(void **state)
{
	(void)state;
	struct tl_request_view view =
		read("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"what is\"},"
		     "{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\", \"detail\":\"low\"}},\"this\"]},"
		     "{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{}}]},"
		     "{\"role\":\"user\",\"content\":[]},{\"role\":\"user\",\"content\":{\"text\":\"odd\"}}]}");
	const struct tl_message *message = &view.messages[0];
	assert_text(message->content, "what is\nthis");
	assert_int_equal(message->part_count, 3);
	assert_text(message->parts[0].type, "text");
	assert_text(message->parts[0].text, "what is");
	assert_null(message->parts[0].json.ptr);
	assert_text(message->parts[1].type, "image_url");
	assert_null(message->parts[1].text.ptr);
	assert_text(message->parts[1].json, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\",\"detail\":\"low\"}}");
	assert_text(message->parts[2].type, "text");
	assert_text(message->parts[2].text, "this");
	assert_null(view.messages[1].content.ptr);
	assert_int_equal(view.messages[1].part_count, 1);
	assert_null(view.messages[2].content.ptr);
	assert_int_equal(view.messages[2].part_count, 0);
	assert_text(view.messages[3].content, "odd");
}

static void
what_somebody_wrote_never_fails(void **state)
{
	(void)state;
	static const char *const invalid[] = { "", "{", "[]", "7", "null", "\"text\"", "not json" };
	static const char *const valid[] = { "{}", "{\"messages\":null}", "{\"messages\":{}}", "{\"messages\":[1,null,[],\"x\"]}",
		"{\"model\":7,\"stream\":\"yes\",\"messages\":[{\"role\":1,\"content\":7,\"tool_calls\":[7,{}],\"name\":[]}]}",
		"{\"messages\":[{\"content\":[null,7,[],{\"type\":7},{\"type\":\"text\",\"text\":7}],\"function_call\":7}]}",
		"{\"model\":\"a\xff\",\"messages\":[{\"content\":\"\\ud800\"}],\"seed\":99999999999999999999}" };
	for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
		struct tl_request_view view = read(invalid[i]);
		assert_false(view.valid);
		assert_int_equal(view.message_count, 0);
	}
	for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
		assert_true(read(valid[i]).valid);
	assert_text(read(valid[6]).model, "a\xef\xbf\xbd");
	assert_int_equal(read(valid[3]).message_count, 4);
	assert_false(read(valid[4]).stream);
}

static void
a_request_that_does_not_fit_the_arena_is_refused(void **state)
{
	(void)state;
	struct tl_arena small;
	struct tl_request_view view = { .stream = true };
	struct tl_err err;
	tl_arena_init(&small, 64);
	tl_bytes body = tl_bytes_of(TL_STR("{\"messages\":[{},{},{},{}]}"));
	assert_int_equal(tl_request_read(TL_API_OPENAI_CHAT, body, &small, &view, &err), TL_ERR_LIMIT);
	assert_true(view.stream);
	tl_arena_done(&small);
}

/* ---- Writing ---- */

static struct tl_request_settings
settings_of(const char *model, const char *prompt)
{
	return (struct tl_request_settings){ .model = tl_str_of(model), .prompt = tl_str_of(prompt), .max_tokens = -1 };
}

static void
assert_written(const struct tl_request_settings *settings, const char *expected)
{
	tl_bytes body = { NULL, 0 };
	struct tl_err err;
	assert_int_equal(tl_request_write(TL_API_OPENAI_CHAT, settings, &arena, &body, &err), TL_OK);
	assert_text(tl_str_of_bytes(body), expected);
}

static void
a_request_is_written_the_same_way_every_time(void **state)
{
	(void)state;
	struct tl_request_settings settings = settings_of("gpt-4o", "Explain \"x\"\n\t\x01\xc3\xa9");
	assert_written(&settings, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":"
				  "\"Explain \\\"x\\\"\\n\\t\\u0001\xc3\xa9\"}]}");
	settings.system = TL_STR("");
	settings.stream = true;
	settings.max_tokens = 0;
	settings.temperature = TL_STR("0.70");
	settings.prompt = TL_STR("p");
	assert_written(&settings,
		"{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"system\",\"content\":\"\"},{\"role\":\"user\",\"content\":\"p\"}"
		"],"
		"\"temperature\":0.70,\"max_tokens\":0,\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
}

static void
broken_utf8_in_a_prompt_becomes_the_replacement_character(void **state)
{
	(void)state;
	struct tl_request_settings settings = settings_of("m", "a\xff"
							       "b");
	assert_written(&settings, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\xef\xbf\xbd"
				  "b\"}]}");
}

static void
newer_models_are_given_max_completion_tokens(void **state)
{
	(void)state;
	static const struct {
		const char *model;
		bool completion;
	} rows[] = {
		{ "o1", true },
		{ "o3-mini", true },
		{ "openai/o4-mini", true },
		{ "gpt-5", true },
		{ "gpt-5.6-sol", true },
		{ "azure/openai/gpt-5-nano", true },
		{ "gpt-6-astra", true },
		{ "gpt-4o", false },
		{ "gpt-4.1", false },
		{ "gpt-35-turbo", false },
		{ "gpt-oss-20b", false },
		{ "gpt-", false },
		{ "o", false },
		{ "openai/", false },
		{ "olmo-2", false },
		{ "mistral-large", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tl_request_settings settings = settings_of(rows[i].model, "p");
		tl_bytes body = { NULL, 0 };
		struct tl_err err;
		settings.max_tokens = 5;
		print_message("%s\n", rows[i].model);
		assert_int_equal(tl_request_write(TL_API_OPENAI_CHAT, &settings, &arena, &body, &err), TL_OK);
		tl_str text = tl_str_of_bytes(body);
		assert_int_equal(tl_str_find(text, TL_STR("\"max_completion_tokens\":5")) != SIZE_MAX, rows[i].completion);
		assert_int_equal(tl_str_find(text, TL_STR("\"max_tokens\":5")) != SIZE_MAX, !rows[i].completion);
	}
}

static void
a_temperature_is_a_json_number_and_kept_to_the_letter(void **state)
{
	(void)state;
	static const char *const good[] = { "0", "1", "0.7", "0.70", "1e-1", "2.0E+0", "-1", "1.00000000000000000001" };
	static const char *const bad[] = { "", " 1", "1 ", "1,", ".5", "1.", "+1", "0x1", "nan", "Infinity", "true", "null",
		"\"1\"", "[1]", "1,\"x\":2", "1e999", "01", "99999999999999999999", "1\n" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct tl_request_settings settings = settings_of("m", "p");
		char expected[128];
		settings.temperature = tl_str_of(good[i]);
		(void)snprintf(expected, sizeof expected,
			"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}],\"temperature\":%s}", good[i]);
		assert_written(&settings, expected);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct tl_request_settings settings = settings_of("m", "p");
		tl_bytes body = { NULL, 0 };
		struct tl_err err;
		settings.temperature = tl_str_of(bad[i]);
		assert_int_equal(tl_request_write(TL_API_OPENAI_CHAT, &settings, &arena, &body, &err), TL_ERR_PARSE);
		assert_non_null(strstr(err.message, "temperature is '"));
		assert_null(body.ptr);
	}
}

/* Whatever bytes a prompt holds, the body is read back as the prompt, with its broken bytes replaced. */
static void
random_prompts_are_read_back(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned round = 0; round < unit_rounds(2000); round++) {
		char prompt[64];
		size_t len = unit_below(&random, sizeof prompt);
		for (size_t i = 0; i < len; i++)
			prompt[i] = (char)(unit_below(&random, 3) ? 32 + unit_below(&random, 95) : unit_below(&random, 256));
		struct tl_request_settings settings = settings_of("m", "");
		struct tl_request_view view;
		struct tl_buf clean;
		struct tl_err err;
		tl_bytes body = { NULL, 0 };
		struct tl_arena own;
		settings.prompt = (tl_str){ prompt, len };
		tl_arena_init(&own, ARENA_LIMIT);
		tl_buf_init(&clean, 4096);
		tl_buf_add_utf8(&clean, settings.prompt);
		assert_int_equal(tl_request_write(TL_API_OPENAI_CHAT, &settings, &own, &body, &err), TL_OK);
		assert_int_equal(tl_request_read(TL_API_OPENAI_CHAT, body, &own, &view, &err), TL_OK);
		assert_int_equal(view.message_count, 1);
		assert_true(tl_str_equal(view.messages[0].content, tl_buf_str(&clean)));
		tl_buf_done(&clean);
		tl_arena_done(&own);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, arena_begin, arena_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_are_read_with_their_roles_names_and_tool_ids),
		TEST(parts_keep_their_json_and_their_texts_are_joined_by_a_line_feed),
		TEST(what_somebody_wrote_never_fails),
		TEST(a_request_that_does_not_fit_the_arena_is_refused),
		TEST(a_request_is_written_the_same_way_every_time),
		TEST(broken_utf8_in_a_prompt_becomes_the_replacement_character),
		TEST(newer_models_are_given_max_completion_tokens),
		TEST(a_temperature_is_a_json_number_and_kept_to_the_letter),
		TEST(random_prompts_are_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
