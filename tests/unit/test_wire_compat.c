/* wire/openai_call, openai_usage and the errors of wire/openai tested: one row for each way in which servers differ. */
#include "decoder_fixture.h"

#define SSE  "text/event-stream"
#define JSON "application/json"

/* A chunk of a stream whose delta holds these tool calls. */
#define CALLS(list)  "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[" list "]},\"finish_reason\":null}]}\n\n"
#define DELTA(delta) "data: {\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}]}\n\n"

/* "id name arguments" of each call of the first choice, one a line. */
static void
assert_calls(const char *type, const char *body, const char *expected)
{
	struct tl_decoder *decoder = decoded(type, body);
	const struct tl_choice *choice = &tl_decoder_answer(decoder)->choices[0];
	struct tl_buf calls;
	tl_buf_init(&calls, FIXTURE_LIMIT);
	for (size_t i = 0; i < choice->tool_call_count; i++)
		tl_buf_printf(&calls, "%.*s %.*s %.*s\n", TL_FMT(choice->tool_calls[i].id), TL_FMT(choice->tool_calls[i].name),
			TL_FMT(choice->tool_calls[i].arguments));
	assert_text(tl_buf_str(&calls), expected);
	tl_buf_done(&calls);
	tl_decoder_close(decoder);
}

static void
streamed_calls_are_put_together_by_index(void **state)
{
	(void)state;
	assert_calls(SSE,
		CALLS("{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}") CALLS(
			"{\"index\":1,\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{\"}}")
			CALLS("{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\":\"}}")
				CALLS("{\"index\":1,\"function\":{\"arguments\":\"}\"}},{\"index\":0,\"function\":"
				      "{\"arguments\":\"1}\"}}"),
		"a f {\"x\":1}\nb g {}\n");
}

static void
calls_are_ordered_by_index_whatever_comes_first(void **state)
{
	(void)state;
	assert_calls(SSE,
		CALLS("{\"index\":3,\"id\":\"d\",\"function\":{\"name\":\"fd\",\"arguments\":\"3\"}}")
			CALLS("{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"fb\",\"arguments\":\"1\"}}")
				CALLS("{\"index\":3,\"function\":{\"arguments\":\"4\"}}"),
		"b fb 1\nd fd 34\n");
}

static void
a_server_may_leave_index_or_id_out_or_repeat_what_it_said(void **state)
{
	(void)state;
	/* no index: by id, else the last one */
	assert_calls(SSE,
		CALLS("{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}") CALLS(
			"{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"2\"}}")
			CALLS("{\"id\":\"a\",\"function\":{\"arguments\":\"x\"}}") CALLS("{\"function\":{\"arguments\":\"y\"}}"),
		"a f 1x\nb g 2y\n");
	/* neither index nor id: a name begins a call */
	assert_calls(SSE,
		CALLS("{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"function\":{\"name\":\"f\",\"arguments\":\"[]\"}"
		      "}"),
		" f {}\n f []\n");
	/* id and name on every part */
	assert_calls(SSE,
		CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}")
			CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"2\"}}"),
		"a f 12\n");
	/* an id of its own on every part, a name on the first */
	assert_calls(SSE,
		CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}")
			CALLS("{\"index\":0,\"id\":\"b\",\"function\":{\"name\":null,\"arguments\":\"2\"}}"),
		"a f 12\n");
	/* whole calls that all say index 0 */
	assert_calls(SSE,
		CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}")
			CALLS("{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"2\"}}"),
		"a f 1\nb f 2\n");
	/* id and name late, null for what is not there, an index that is no number */
	assert_calls(SSE,
		CALLS("{\"index\":0,\"id\":null,\"function\":{\"name\":null,\"arguments\":\"1\"}}")
			CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":null}},{\"index\":\"z\"}"),
		"a f 1\n");
	/* the name in two parts */
	assert_calls(SSE,
		CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"get_\"}}")
			CALLS("{\"index\":0,\"function\":{\"name\":\"time\"}}"),
		"a get_time \n");
}

static void
arguments_that_are_no_string_become_json_text(void **state)
{
	(void)state;
	assert_calls(SSE, CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\": [1, 2.5]}}}"),
		"a f {\"x\":[1,2.5]}\n");
}

static void
a_body_holds_whole_calls_whatever_their_index(void **state)
{
	(void)state;
	assert_calls(JSON,
		"{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"index\":0,\"function\":"
		"{\"name\":\"f\",\"arguments\":\"1\"}},{\"id\":\"a\",\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":"
		"\"2\"}},"
		"{\"function\":{\"name\":\"g\",\"arguments\":\"\"}}, 7, null]},\"finish_reason\":\"tool_calls\"}]}",
		"a f 1\na f 2\n g \n");
}

static void
custom_calls_have_an_input(void **state)
{
	(void)state;
	assert_calls(JSON,
		"{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"a\",\"type\":\"custom\",\"custom\":{\"name\":\"sql\","
		"\"input\":"
		"\"select 1\"}},{\"id\":\"b\",\"type\":\"function\",\"custom\":{\"name\":\"\",\"input\":\"\"},\"function\":"
		"{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}",
		"a sql select 1\nb f {}\n");
	assert_calls(SSE,
		CALLS("{\"index\":0,\"id\":\"a\",\"type\":\"custom\",\"custom\":{\"name\":\"sql\",\"input\":\"\"}}")
			CALLS("{\"index\":0,\"custom\":{\"input\":\"select\"}}"),
		"a sql select\n");
}

static void
the_older_function_call_is_a_call_unless_it_is_blank_or_said_twice(void **state)
{
	(void)state;
	assert_calls(SSE,
		DELTA("{\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}}")
			DELTA("{\"function_call\":{\"arguments\":\"{\"}}") DELTA("{\"function_call\":{\"arguments\":\"}\"}}"),
		" f {}\n");
	assert_calls(JSON, "{\"choices\":[{\"message\":{\"function_call\":{\"name\":\"\",\"arguments\":\"\"}}}]}", "");
	assert_calls(JSON, "{\"choices\":[{\"message\":{\"function_call\":null}}]}", "");
	assert_calls(JSON,
		"{\"choices\":[{\"message\":{\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"},\"tool_calls\":[{\"id\":"
		"\"a\","
		"\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}",
		"a f {}\n");
}

static void
calls_of_several_choices_do_not_mix(void **state)
{
	(void)state;
	struct tl_decoder *decoder = decoded(SSE,
		"data: "
		"{\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\","
		"\"arguments\":\"1\"}}]}},{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{"
		"\"name\":"
		"\"f\",\"arguments\":\"2\"}}]}}]}\n\n"
		"data: "
		"{\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"3\"}}]}}]}"
		"\n\n");
	const struct tl_answer *answer = tl_decoder_answer(decoder);
	assert_text(answer->choices[0].tool_calls[0].arguments, "2");
	assert_text(answer->choices[1].tool_calls[0].arguments, "13");
	assert_text(answer->choices[1].tool_calls[0].id, "b");
	tl_decoder_close(decoder);
}

static void
thousands_of_calls_are_read_up_to_a_limit(void **state)
{
	(void)state;
	struct tl_decoder *decoder = decoder_new(200, SSE);
	for (unsigned i = 0; i < 3000; i++) {
		char chunk[160];
		int len = snprintf(chunk, sizeof chunk,
			"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%u,\"function\":{\"name\":\"f\"}}]}}]}\n\n",
			i);
		decoder_feed(decoder, chunk, (size_t)len, 1);
	}
	assert_int_equal(tl_decoder_answer(decoder)->choices[0].tool_call_count, 1024);
	tl_decoder_close(decoder);
}

/* ---- Usage ---- */

static const struct {
	const char *name, *members;
	struct tl_usage usage; /* input, output, cached, cache write, reasoning, nano-USD */
} usages[] = {
	{ "none", "\"usage\":null", { -1, -1, -1, -1, -1, -1 } },
	{ "OpenAI",
		"\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50,\"total_tokens\":150,\"prompt_tokens_"
		"details\":"
		"{\"cached_tokens\":60,\"cache_write_tokens\":10,\"audio_tokens\":0},\"completion_tokens_details\":"
		"{\"reasoning_tokens\":40}}",
		{ 100, 50, 60, 10, 40, -1 } },
	{ "vLLM",
		"\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":null,\"total_tokens\":7,\"prompt_tokens_details\":"
		"null}",
		{ 7, -1, -1, -1, -1, -1 } },
	{ "DeepSeek",
		"\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":5,\"prompt_cache_hit_tokens\":20,"
		"\"prompt_cache_miss_tokens\":10,\"completion_tokens_details\":{\"reasoning_tokens\":3}}",
		{ 30, 5, 20, -1, 3, -1 } },
	{ "Mistral",
		"\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":5,\"num_cached_tokens\":8,\"prompt_tokens_"
		"details\":"
		"{\"cached_tokens\":9}}",
		{ 30, 5, 8, -1, -1, -1 } },
	{ "Mistral, misspelt",
		"\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":5,\"prompt_token_details\":{\"cached_tokens\":9}}",
		{ 30, 5, 9, -1, -1, -1 } },
	{ "Moonshot", "\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":5,\"cached_tokens\":4}", { 30, 5, 4, -1, -1, -1 } },
	{ "Moonshot, in the choice", "\"choices\":[{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4},\"delta\":{}}]",
		{ 3, 4, -1, -1, -1, -1 } },
	{ "Groq", "\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_time\":0.5}}",
		{ 3, 4, -1, -1, -1, -1 } },
	{ "OpenRouter",
		"\"usage\":{\"prompt_tokens\":43,\"completion_tokens\":10,\"total_tokens\":53,\"cost\":0.00012345,\"is_"
		"byok\":false,"
		"\"completion_tokens_details\":{\"reasoning_tokens\":11}}",
		{ 43, 10, -1, -1, 11, 123450 } },
	{ "OpenRouter, free", "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"cost\":0}", { 1, 1, -1, -1, -1, 0 } },
	{ "OpenRouter, rounded", "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"cost\":2.5e-9}",
		{ 1, 1, -1, -1, -1, 3 } },
	{ "a cost below zero", "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"cost\":-1}", { 1, 1, -1, -1, -1, -1 } },
	{ "Perplexity",
		"\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"cost\":{\"request_cost\":0.005,\"total_cost\":"
		"0.006}}",
		{ 1, 2, -1, -1, -1, 6000000 } },
	{ "xAI",
		"\"usage\":{\"prompt_tokens\":37,\"completion_tokens\":530,\"total_tokens\":800,\"prompt_tokens_"
		"details\":"
		"{\"cached_tokens\":8},\"completion_tokens_details\":{\"reasoning_tokens\":233},\"num_sources_used\":0,"
		"\"cost_in_usd_ticks\":1234567}",
		{ 37, 763, 8, -1, 233, 123457 } },
	{ "xAI, without a total",
		"\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6,\"num_sources_used\":0,\"prompt_tokens_details\":"
		"{\"cached_tokens\":9},\"completion_tokens_details\":{\"reasoning_tokens\":7}}",
		{ 14, 13, 9, -1, 7, -1 } },
	{ "names of the Responses API",
		"\"usage\":{\"input_tokens\":5,\"output_tokens\":6,\"input_tokens_details\":{\"cached_tokens\":1},"
		"\"output_tokens_details\":{\"reasoning_tokens\":2}}",
		{ 5, 6, 1, -1, 2, -1 } },
	{ "llama.cpp", "\"timings\":{\"cache_n\":10,\"prompt_n\":5,\"predicted_n\":7,\"prompt_ms\":1.5}",
		{ 15, 7, 10, -1, -1, -1 } },
	{ "llama.cpp with usage",
		"\"usage\":{\"prompt_tokens\":15,\"completion_tokens\":7},\"timings\":{\"prompt_n\":5,\"predicted_n\":9}",
		{ 15, 7, -1, -1, -1, -1 } },
	{ "numbers that are none",
		"\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":\"6\",\"cost\":\"1\",\"prompt_tokens_details\":[1]"
		"}",
		{ -1, -1, -1, -1, -1, -1 } },
	{ "a real number of tokens", "\"usage\":{\"prompt_tokens\":5.0,\"completion_tokens\":6.5}", { 5, -1, -1, -1, -1, -1 } },
};

static void
usage_is_normalised_for_every_relative(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof usages / sizeof *usages; i++) {
		char body[600];
		print_message("%s\n", usages[i].name);
		(void)snprintf(body, sizeof body, "{%s}", usages[i].members);
		struct tl_decoder *decoder = decoded(JSON, body);
		assert_same_usage(&tl_decoder_answer(decoder)->usage, &usages[i].usage);
		tl_decoder_close(decoder);
		(void)snprintf(
			body, sizeof body, "data: {\"usage\":null}\n\ndata: {%s}\n\ndata: {\"usage\":{}}\n\n", usages[i].members);
		decoder = decoded(SSE, body);
		assert_same_usage(&tl_decoder_answer(decoder)->usage, &usages[i].usage);
		tl_decoder_close(decoder);
	}
}

static void
of_usage_on_every_chunk_the_last_counts(void **state)
{
	(void)state;
	struct tl_decoder *decoder =
		decoded(SSE, "data: {\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\n"
			     "data: {\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"cost\":0.1}}\n\n"
			     "data: {\"x_groq\":{\"usage\":{\"completion_tokens\":3}}}\n\n");
	const struct tl_usage expected = { 5, 3, -1, -1, -1, 100000000 };
	assert_same_usage(&tl_decoder_answer(decoder)->usage, &expected);
	tl_decoder_close(decoder);
}

/* ---- Errors ---- */

struct error_row {
	unsigned http_status;
	const char *body, *message, *type, *code; /* message NULL: no error */
};

static void
assert_error(const struct error_row *row, const char *type)
{
	struct tl_decoder *decoder = decoded_with_status(row->http_status, type, row->body);
	const struct tl_provider_error *error = &tl_decoder_answer(decoder)->error;
	print_message("%s\n", row->body);
	assert_int_equal(error->present, row->message != NULL);
	assert_text(error->message, row->message ? row->message : "");
	assert_text(error->type, row->type ? row->type : "");
	assert_text(error->code, row->code ? row->code : "");
	assert_int_equal(error->type.ptr == NULL, row->type == NULL);
	tl_decoder_close(decoder);
}

static void
errors_in_bodies_are_found_in_all_their_forms(void **state)
{
	(void)state;
	static const struct error_row rows[] = {
		{ 429,
			"{\"error\":{\"message\":\"slow "
			"down\",\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_"
			"quota\"}}",
			"slow down", "insufficient_quota", "insufficient_quota" },
		{ 200, "{\"error\":{\"code\":402,\"message\":\"no credits\",\"metadata\":{}}}", "no credits", NULL, "402" },
		{ 200, "{\"error\":{\"code\":null,\"message\":\"m\",\"type\":null}}", "m", NULL, NULL },
		{ 200, "{\"error\":\"plain\"}", "plain", NULL, NULL },
		{ 200, "{\"error\":{\"message\":{\"detail\":[1]}}}", "{\"detail\":[1]}", NULL, NULL },
		{ 200, "{\"error\":{\"reason\":\"x\"}}", "{\"reason\":\"x\"}", NULL, NULL },
		{ 200, "{\"error\":true}", "true", NULL, NULL },
		{ 400, "[{\"error\":{\"code\":400,\"message\":\"bad key\",\"status\":\"INVALID_ARGUMENT\"}}]", "bad key",
			"INVALID_ARGUMENT", "400" },
		{ 404, "{\"detail\":\"Not Found\"}", "Not Found", NULL, NULL },
		{ 422, "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"missing\"}]}", "[{\"loc\":[\"body\"],\"msg\":\"missing\"}]",
			NULL, NULL },
		{ 401, "{\"message\":\"Unauthorized\",\"request_id\":\"r\"}", "Unauthorized", NULL, NULL },
		{ 400, "{\"object\":\"error\",\"message\":\"too long\",\"type\":\"BadRequestError\",\"code\":400}", "too long",
			"BadRequestError", "400" },
		{ 200, "{\"message\":\"we are closed\"}", "we are closed", NULL, NULL },
		{ 200, "{\"choices\":[{\"message\":{\"content\":\"x\"},\"error\":{\"code\":502,\"message\":\"upstream\"}}]}",
			"upstream", NULL, "502" },
		{ 200, "{\"error\":null,\"choices\":[]}", NULL, NULL, NULL },
		{ 200, "{\"error\":{},\"choices\":[]}", NULL, NULL, NULL },
		{ 200, "{\"error\":false,\"message\":{\"role\":\"assistant\"}}", NULL, NULL, NULL },
		{ 200, "{\"error\":\"\",\"choices\":[],\"message\":\"ignored\"}", NULL, NULL, NULL },
		{ 500, "{\"ok\":false}", NULL, NULL, NULL },
		{ 500, "[]", NULL, NULL, NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_error(&rows[i], JSON);
}

static void
errors_in_streams_are_found_and_what_came_before_is_kept(void **state)
{
	(void)state;
	static const struct error_row rows[] = {
		{ 200, DELTA("{\"content\":\"a\"}") "data: {\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":500}}\n\n", "m",
			"t", "500" },
		{ 200,
			"data: {\"error\":{\"code\":\"server_error\",\"message\":\"gone\"},\"choices\":[{\"index\":0,\"delta\":"
			"{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
			"gone", NULL, "server_error" },
		{ 200, "data: {\"x_groq\":{\"error\":\"over capacity\"}}\n\n", "over capacity", NULL, NULL },
		{ 200, "event: error\ndata: {\"message\":\"m\",\"code\":7}\n\n", "m", NULL, "7" },
		{ 200, "data: {\"object\":\"error\",\"message\":\"m\",\"type\":\"t\",\"code\":1}\n\n", "m", "t", "1" },
		{ 200, "data: {\"type\":\"status\",\"message\":\"still thinking\"}\n\n", NULL, NULL, NULL },
		{ 500, "data: {\"message\":\"m\"}\n\n", "m", NULL, NULL },
		{ 200, "data: {\"error\":{\"message\":\"first\"}}\n\ndata: {\"error\":{\"message\":\"second\"}}\n\n", "first",
			NULL, NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_error(&rows[i], SSE);
	struct tl_decoder *decoder = decoded(SSE, rows[0].body);
	assert_text(tl_decoder_answer(decoder)->choices[0].text, "a");
	assert_false(tl_decoder_answer(decoder)->terminated);
	tl_decoder_close(decoder);
	decoder = decoded(SSE, rows[1].body);
	assert_int_equal(tl_decoder_answer(decoder)->choices[0].finish, TL_FINISH_ERROR);
	tl_decoder_close(decoder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streamed_calls_are_put_together_by_index),
		cmocka_unit_test(calls_are_ordered_by_index_whatever_comes_first),
		cmocka_unit_test(a_server_may_leave_index_or_id_out_or_repeat_what_it_said),
		cmocka_unit_test(arguments_that_are_no_string_become_json_text),
		cmocka_unit_test(a_body_holds_whole_calls_whatever_their_index),
		cmocka_unit_test(custom_calls_have_an_input),
		cmocka_unit_test(the_older_function_call_is_a_call_unless_it_is_blank_or_said_twice),
		cmocka_unit_test(calls_of_several_choices_do_not_mix),
		cmocka_unit_test(thousands_of_calls_are_read_up_to_a_limit),
		cmocka_unit_test(usage_is_normalised_for_every_relative),
		cmocka_unit_test(of_usage_on_every_chunk_the_last_counts),
		cmocka_unit_test(errors_in_bodies_are_found_in_all_their_forms),
		cmocka_unit_test(errors_in_streams_are_found_and_what_came_before_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
