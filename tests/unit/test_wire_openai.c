/* wire/openai tested: streams and bodies as OpenAI sends them and as its relatives do. Every body is read whole, byte by byte and
 * in random pieces, with one result. Tool calls, usage and errors have tests of their own beside this one. */
#include "decoder_fixture.h"

#define SSE  "text/event-stream; charset=utf-8"
#define JSON "application/json"

/* A chunk of a stream with this delta and finish reason. */
#define CHUNK(delta, finish)                                                                                                   \
	"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-1\",\"choices\":[{\"index\":0," \
	"\"delta\":" delta ",\"finish_reason\":" finish "}],\"usage\":null}\n\n"
#define DONE "data: [DONE]\n\n"

static const char plain_stream[] = CHUNK("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null") CHUNK(
	"{\"content\":\"Hi\"}", "null") CHUNK("{\"content\":\" there \\u00fc\\ud83d\\ude00\"}", "null") CHUNK("{}",
	"\"stop\"") "data: "
		    "{\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,"
		    "\"total_tokens\":11,\"prompt_tokens_details\":{\"cached_tokens\":0},"
		    "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}\n\n" DONE;

static void
a_stream_is_read_in_any_pieces(void **state)
{
	(void)state;
	struct tl_decoder *decoder = decoded(SSE, plain_stream);
	const struct tl_answer *answer = tl_decoder_answer(decoder);
	assert_text(answer->id, "c1");
	assert_text(answer->model, "m-1");
	assert_int_equal(answer->choice_count, 1);
	assert_text(answer->choices[0].role, "assistant");
	assert_text(answer->choices[0].text, "Hi there \xc3\xbc\xf0\x9f\x98\x80");
	assert_text(answer->choices[0].finish_raw, "stop");
	assert_int_equal(answer->choices[0].finish, TL_FINISH_STOP);
	assert_null(answer->choices[0].refusal.ptr);
	assert_null(answer->choices[0].reasoning.ptr);
	assert_int_equal(answer->usage.input_tokens, 9);
	assert_int_equal(answer->usage.output_tokens, 2);
	assert_int_equal(answer->usage.cached_tokens, 0);
	assert_int_equal(answer->usage.cache_write_tokens, -1);
	assert_true(answer->streamed && answer->terminated);
	assert_false(answer->error.present);
	assert_true(tl_answer_has_content(answer));
	tl_decoder_close(decoder);
}

static void
a_stream_can_be_asked_at_any_time(void **state)
{
	(void)state;
	static const char hi[] = CHUNK("{\"content\":\"Hi\"}", "null");
	struct tl_decoder *decoder = decoder_new(200, SSE);
	const struct tl_answer *answer = tl_decoder_answer(decoder);
	assert_int_equal(answer->choice_count, 0);
	assert_false(tl_answer_has_content(answer));
	decoder_feed(decoder, hi, strlen(hi) - 1, 1);
	assert_int_equal(answer->choice_count, 0);
	decoder_feed(decoder, "\n", 1, 2);
	assert_text(tl_decoder_answer(decoder)->choices[0].text, "Hi");
	assert_false(tl_decoder_answer(decoder)->terminated);
	tl_decoder_close(decoder);
}

static void
first_content_is_the_piece_that_completes_the_first_event_with_text(void **state)
{
	(void)state;
	static const char role[] = CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null");
	static const char text[] = CHUNK("{\"content\":\"Hi\"}", "null");
	struct tl_decoder *decoder = decoder_new(200, SSE);
	decoder_feed(decoder, role, strlen(role), 10);
	decoder_feed(decoder, ": waiting\n\n", 11, 20);
	decoder_feed(decoder, text, strlen(text) - 1, 30);
	assert_int_equal(tl_decoder_answer(decoder)->first_content_at_ns, 0);
	decoder_feed(decoder, "\n", 1, 40);
	decoder_feed(decoder, text, strlen(text), 50);
	decoder_end(decoder, true);
	assert_int_equal(tl_decoder_answer(decoder)->first_content_at_ns, 40);
	tl_decoder_close(decoder);
}

static void
reasoning_refusal_and_tool_calls_are_first_content_too(void **state)
{
	(void)state;
	static const char *const deltas[] = { CHUNK("{\"reasoning_content\":\"x\"}", "null"),
		CHUNK("{\"refusal\":\"x\"}", "null"),
		CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}", "null"),
		CHUNK("{\"audio\":{\"transcript\":\"x\"}}", "null") };
	for (size_t i = 0; i < sizeof deltas / sizeof *deltas; i++) {
		struct tl_decoder *decoder = decoder_new(200, SSE);
		decoder_feed(decoder, deltas[i], strlen(deltas[i]), 7);
		assert_int_equal(tl_decoder_answer(decoder)->first_content_at_ns, 7);
		assert_true(tl_answer_has_content(tl_decoder_answer(decoder)));
		tl_decoder_close(decoder);
	}
}

static const char plain_body[] =
	" \n{\"id\":\"c2\",\"object\":\"chat.completion\",\"model\":\"m-2\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
	"\"assistant\",\"content\":\"Hello\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":"
	"\"length\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1,\"total_tokens\":6}}\n";

static void
a_body_is_read_at_its_end_and_its_first_content_is_its_last_piece(void **state)
{
	(void)state;
	struct tl_decoder *decoder = decoded(JSON, plain_body);
	const struct tl_answer *answer = tl_decoder_answer(decoder);
	assert_text(answer->choices[0].text, "Hello");
	assert_int_equal(answer->choices[0].finish, TL_FINISH_LENGTH);
	assert_int_equal(answer->usage.input_tokens, 5);
	assert_true(answer->terminated);
	assert_false(answer->streamed);
	assert_int_equal(answer->first_content_at_ns, strlen(plain_body));
	tl_decoder_close(decoder);
}

static void
the_bytes_win_over_a_content_type_that_contradicts_them(void **state)
{
	(void)state;
	static const char *const types[] = { "", JSON, SSE, "text/plain", "Application/JSON", "application/octet-stream" };
	static const char bom_body[] = "\xef\xbb\xbf{\"choices\":[{\"message\":{\"content\":\"b\"}}]}";
	static const char event_stream[] =
		"\r\n\r\nevent: chunk\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"e\"}}]}\r\n\r\n";
	static const char comment_stream[] = ": hello\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n";
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct tl_decoder *stream = decoded(types[i], plain_stream), *body = decoded(types[i], plain_body);
		struct tl_decoder *bom = decoded(types[i], bom_body);
		struct tl_decoder *event = decoded(types[i], event_stream), *comment = decoded(types[i], comment_stream);
		assert_true(tl_decoder_answer(stream)->streamed && tl_decoder_answer(stream)->terminated);
		assert_false(tl_decoder_answer(body)->streamed);
		assert_text(tl_decoder_answer(body)->choices[0].text, "Hello");
		assert_text(tl_decoder_answer(bom)->choices[0].text, "b");
		assert_text(tl_decoder_answer(event)->choices[0].text, "e");
		assert_text(tl_decoder_answer(comment)->choices[0].text, "c");
		tl_decoder_close(stream);
		tl_decoder_close(body);
		tl_decoder_close(bom);
		tl_decoder_close(event);
		tl_decoder_close(comment);
	}
}

static void
what_is_neither_is_malformed_and_an_empty_body_is_what_its_type_says(void **state)
{
	(void)state;
	static const char *const bodies[] = { "<html>502</html>", "data", "d", "method=POST", "\xef\xbb", "null x" };
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct tl_decoder *decoder = decoded("text/html", bodies[i]);
		assert_false(tl_decoder_answer(decoder)->terminated);
		assert_int_equal(tl_decoder_answer(decoder)->refused_pieces, 1);
		assert_non_null(strstr(tl_decoder_answer(decoder)->refused_message, "JSON, line 1"));
		tl_decoder_close(decoder);
	}
	struct tl_decoder *empty = decoded(SSE, "\n\n"), *nothing = decoded(JSON, "");
	assert_true(tl_decoder_answer(empty)->streamed);
	assert_false(tl_decoder_answer(empty)->terminated);
	assert_false(tl_decoder_answer(nothing)->streamed);
	assert_false(tl_decoder_answer(nothing)->terminated);
	tl_decoder_close(empty);
	tl_decoder_close(nothing);
}

static void
a_stream_is_over_at_done_or_when_every_choice_has_finished(void **state)
{
	(void)state;
	static const struct {
		const char *stream;
		bool terminated;
	} rows[] = {
		{ CHUNK("{\"content\":\"a\"}", "null"), false },
		{ CHUNK("{\"content\":\"a\"}", "\"\""), false },
		{ CHUNK("{\"content\":\"a\"}", "null") DONE, true },
		{ CHUNK("{\"content\":\"a\"}", "null") "data: [DONE] and more\n\n", true },
		{ CHUNK("{\"content\":\"a\"}", "null") "data:[DONE]", true },
		{ CHUNK("{\"content\":\"a\"}", "\"stop\""), true },
		{ "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"},{\"index\":1,\"delta\":{}}]}\n\n",
			false },
		{ "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
		  "data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
			true },
		{ ": nothing\n\n", false },
		{ DONE, true },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tl_decoder *decoder = decoded(SSE, rows[i].stream);
		assert_int_equal(tl_decoder_answer(decoder)->terminated, rows[i].terminated);
		tl_decoder_close(decoder);
	}
}

static void
what_follows_done_is_not_part_of_the_answer(void **state)
{
	(void)state;
	struct tl_decoder *decoder =
		decoded(SSE, CHUNK("{\"content\":\"a\"}", "null") DONE CHUNK("{\"content\":\"b\"}", "null") "data: {broken\n\n");
	assert_text(tl_decoder_answer(decoder)->choices[0].text, "a");
	assert_int_equal(tl_decoder_answer(decoder)->refused_pieces, 0);
	tl_decoder_close(decoder);
}

static void
choices_are_told_apart_by_index_and_ordered_by_it(void **state)
{
	(void)state;
	struct tl_decoder *decoder = decoded(SSE,
		"data: "
		"{\"choices\":[{\"index\":2,\"delta\":{\"content\":\"c\"}},{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"
		"data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n"
		"data: {\"choices\":[{\"index\":2,\"delta\":{\"content\":\"C\"},\"finish_reason\":\"length\"}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"content\":\"A\"},\"finish_reason\":\"content_filter\"}]}\n\n");
	const struct tl_answer *answer = tl_decoder_answer(decoder);
	assert_int_equal(answer->choice_count, 3);
	assert_text(answer->choices[0].text, "aA");
	assert_text(answer->choices[1].text, "b");
	assert_text(answer->choices[2].text, "cC");
	assert_int_equal(answer->choices[2].index, 2);
	assert_int_equal(answer->choices[0].finish, TL_FINISH_CONTENT_FILTER);
	assert_true(answer->terminated);
	tl_decoder_close(decoder);
	decoder = decoded(
		JSON, "{\"choices\":[{\"message\":{\"content\":\"x\"}},{\"index\":null,\"message\":{\"content\":\"y\"}}]}");
	assert_int_equal(tl_decoder_answer(decoder)->choice_count, 2);
	assert_text(tl_decoder_answer(decoder)->choices[1].text, "y");
	tl_decoder_close(decoder);
}

static void
a_stream_with_thousands_of_choices_is_read_up_to_a_limit(void **state)
{
	(void)state;
	struct tl_decoder *decoder = decoder_new(200, SSE);
	for (unsigned i = 5000; i > 0; i--) {
		char chunk[128];
		int len = snprintf(
			chunk, sizeof chunk, "data: {\"choices\":[{\"index\":%u,\"delta\":{\"content\":\"x\"}}]}\n\n", i);
		decoder_feed(decoder, chunk, (size_t)len, i);
	}
	assert_int_equal(tl_decoder_answer(decoder)->choice_count, 256);
	assert_int_equal(tl_decoder_answer(decoder)->choices[0].index, 4745);
	tl_decoder_close(decoder);
}

static void
content_may_be_parts_of_text_thinking_and_refusal(void **state)
{
	(void)state;
	struct tl_decoder *decoder = decoded(SSE,
		CHUNK("{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"so \"}]}]}",
			"null") CHUNK("{\"content\":[{\"type\":\"thinking\",\"thinking\":\"it is\"}]}", "null")
			CHUNK("{\"content\":[{\"type\":\"text\",\"text\":\"fo\"},\"u\",{\"type\":\"refusal\",\"refusal\":\"no\"},"
			      "{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\"}},{\"type\":\"reference\",\"reference_ids\":["
			      "1]}]}",
				"null") CHUNK("{\"content\":\"r\"}", "\"stop\""));
	const struct tl_choice *choice = &tl_decoder_answer(decoder)->choices[0];
	assert_text(choice->text, "four");
	assert_text(choice->reasoning, "so it is");
	assert_text(choice->refusal, "no");
	tl_decoder_close(decoder);
}

static void
reasoning_is_the_first_of_its_three_names_that_holds_some(void **state)
{
	(void)state;
	static const struct {
		const char *delta, *reasoning;
	} rows[] = {
		{ CHUNK("{\"reasoning_content\":\"a\",\"reasoning\":\"b\"}", "null"), "a" },
		{ CHUNK("{\"reasoning_content\":null,\"reasoning\":\"b\",\"reasoning_details\":[{\"text\":\"b\"}]}", "null"),
			"b" },
		{ CHUNK("{\"reasoning_content\":\"\",\"reasoning\":\"b\"}", "null"), "b" },
		{ CHUNK("{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"c\"},{\"type\":\"reasoning.summary\","
			"\"summary\":\"d\"},{\"type\":\"reasoning.encrypted\",\"data\":\"xx\"}]}",
			  "null"),
			"cd" },
		{ CHUNK("{\"reasoning\":null,\"reasoning_details\":[]}", "null"), "" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tl_decoder *decoder = decoded(SSE, rows[i].delta);
		assert_text(tl_decoder_answer(decoder)->choices[0].reasoning, rows[i].reasoning);
		assert_text(tl_decoder_answer(decoder)->choices[0].text, "");
		tl_decoder_close(decoder);
	}
}

static void
an_audio_answer_has_its_transcript_and_no_text(void **state)
{
	(void)state;
	struct tl_decoder *decoder = decoded(SSE,
		CHUNK("{\"role\":\"assistant\",\"audio\":{\"id\":\"a\",\"transcript\":\"good \"}}", "null") CHUNK(
			"{\"audio\":{\"transcript\":\"day\"}}", "null") CHUNK("{\"audio\":{\"data\":\"AAAA\"}}", "\"stop\""));
	assert_text(tl_decoder_answer(decoder)->choices[0].audio_transcript, "good day");
	assert_null(tl_decoder_answer(decoder)->choices[0].text.ptr);
	assert_true(tl_answer_has_content(tl_decoder_answer(decoder)));
	tl_decoder_close(decoder);
}

static void
absent_text_and_empty_text_differ(void **state)
{
	(void)state;
	struct tl_decoder *absent = decoded(JSON, "{\"choices\":[{\"index\":0,\"message\":{\"content\":null}}]}");
	struct tl_decoder *empty = decoded(JSON, "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"\"}}]}");
	assert_null(tl_decoder_answer(absent)->choices[0].text.ptr);
	assert_non_null(tl_decoder_answer(empty)->choices[0].text.ptr);
	assert_false(tl_answer_has_content(tl_decoder_answer(empty)));
	assert_false(tl_digest_equal(tl_answer_digest(tl_decoder_answer(absent)), tl_answer_digest(tl_decoder_answer(empty))));
	tl_decoder_close(absent);
	tl_decoder_close(empty);
}

static void
finish_reasons_are_normalised_and_kept_raw(void **state)
{
	(void)state;
	static const struct {
		const char *raw;
		enum tl_finish finish;
	} rows[] = {
		{ "stop", TL_FINISH_STOP },
		{ "eos", TL_FINISH_STOP },
		{ "length", TL_FINISH_LENGTH },
		{ "model_length", TL_FINISH_LENGTH },
		{ "tool_calls", TL_FINISH_TOOL_CALLS },
		{ "function_call", TL_FINISH_TOOL_CALLS },
		{ "content_filter", TL_FINISH_CONTENT_FILTER },
		{ "error", TL_FINISH_ERROR },
		{ "insufficient_system_resource", TL_FINISH_ERROR },
		{ "weather", TL_FINISH_OTHER },
		{ "", TL_FINISH_NONE },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char body[256];
		(void)snprintf(body, sizeof body, "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"%s\"}]}",
			rows[i].raw);
		struct tl_decoder *decoder = decoded(JSON, body);
		const struct tl_choice *choice = &tl_decoder_answer(decoder)->choices[0];
		assert_int_equal(choice->finish, rows[i].finish);
		assert_text(choice->finish_raw, rows[i].raw);
		assert_int_equal(choice->finish_raw.ptr == NULL, rows[i].finish == TL_FINISH_NONE);
		tl_decoder_close(decoder);
	}
}

static void
a_later_chunk_without_a_finish_reason_does_not_take_it_back(void **state)
{
	(void)state;
	struct tl_decoder *decoder =
		decoded(SSE, CHUNK("{\"content\":\"x\"}", "\"stop\"") CHUNK("{}", "null") CHUNK("{\"role\":\"\"}", "\"\""));
	assert_int_equal(tl_decoder_answer(decoder)->choices[0].finish, TL_FINISH_STOP);
	assert_true(tl_decoder_answer(decoder)->terminated);
	tl_decoder_close(decoder);
}

static void
a_whole_message_in_a_stream_is_read_unless_it_repeats_the_deltas(void **state)
{
	(void)state;
	static const char whole[] = "data: {\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"ab\"},"
				    "\"finish_reason\":\"stop\"}]}\n\n";
	struct tl_decoder *only = decoded(SSE, whole);
	struct tl_buf stream;
	tl_buf_init(&stream, 4096);
	tl_buf_add_z(&stream, CHUNK("{\"content\":\"a\"}", "null") CHUNK("{\"content\":\"b\"}", "null"));
	tl_buf_add_z(&stream, whole);
	struct tl_decoder *repeated = decoded(SSE, stream.ptr);
	assert_text(tl_decoder_answer(only)->choices[0].text, "ab");
	assert_text(tl_decoder_answer(repeated)->choices[0].text, "ab");
	tl_decoder_close(only);
	tl_decoder_close(repeated);
	tl_buf_done(&stream);
}

static void
members_of_other_kinds_and_unknown_events_are_passed_over(void **state)
{
	(void)state;
	struct tl_decoder *decoder = decoded(SSE,
		"event: ping\ndata: {\"type\":\"ping\"}\n\n"
		"data: {\"id\":7,\"model\":{},\"choices\":{},\"usage\":\"many\",\"error\":null}\n\n"
		"data: {\"choices\":[null,7,{\"index\":\"0\",\"delta\":7,\"finish_reason\":{}},[]]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"role\":1,\"content\":7,\"tool_calls\":{},\"audio\":[],\"refusal\":{},"
		"\"reasoning\":[1],\"function_call\":\"f\"}}]}\n\n"
		"data: 7\n\ndata: null\n\ndata: \"text\"\n\ndata:\n\n" CHUNK("{\"content\":\"x\",\"new\":{}}", "\"stop\""));
	const struct tl_answer *answer = tl_decoder_answer(decoder);
	assert_text(answer->choices[0].text, "x");
	assert_int_equal(answer->choices[0].tool_call_count, 0);
	assert_int_equal(answer->refused_pieces, 0);
	assert_false(answer->error.present);
	tl_decoder_close(decoder);
}

static void
a_broken_chunk_is_counted_and_the_rest_is_read(void **state)
{
	(void)state;
	struct tl_decoder *decoder =
		decoded(SSE, CHUNK("{\"content\":\"a\"}", "null") "data: {\"choices\":[{\"delta\":{\n\n"
								  "data: pong\n\n" CHUNK("{\"content\":\"b\"}", "\"stop\"") DONE);
	const struct tl_answer *answer = tl_decoder_answer(decoder);
	assert_text(answer->choices[0].text, "ab");
	assert_int_equal(answer->refused_pieces, 2);
	assert_non_null(strstr(answer->refused_message, "JSON, line 1"));
	assert_true(answer->terminated);
	tl_decoder_close(decoder);
}

static void
wrong_characters_are_counted_and_shown_as_replacement(void **state)
{
	(void)state;
	static const struct {
		const char *content, *text;
		uint64_t refused;
	} rows[] = {
		{ "a\xff"
		  "b",
			"a\xef\xbf\xbd"
			"b",
			1 },
		{ "a\\ud83d", "a\xef\xbf\xbd", 1 },
		{ "\\ude00b",
			"\xef\xbf\xbd"
			"b",
			1 },
		{ "\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80", 1 },
		{ "\\ud83d\\\\ude00", "\xef\xbf\xbd\\ude00", 1 },
		{ "\\\\ud83d \\\"", "\\ud83d \"", 0 },
		{ "\\u0000", NULL, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char body[256];
		(void)snprintf(body, sizeof body, "data: {\"choices\":[{\"delta\":{\"content\":\"%s\"}}]}\n\n%s", rows[i].content,
			CHUNK("{\"content\":\"!\"}", "\"stop\""));
		struct tl_decoder *decoder = decoded(SSE, body);
		tl_str text = tl_decoder_answer(decoder)->choices[0].text;
		assert_int_equal(tl_decoder_answer(decoder)->refused_pieces, rows[i].refused);
		assert_int_equal(text.ptr[text.len - 1], '!');
		assert_int_equal(text.len, (rows[i].text ? strlen(rows[i].text) : 1) + 1);
		assert_memory_equal(text.ptr, rows[i].text ? rows[i].text : "", text.len - 1);
		tl_decoder_close(decoder);
	}
}

static void
an_integer_over_64_bits_costs_nothing(void **state)
{
	(void)state;
	struct tl_decoder *decoder = decoded(JSON,
		"{\"seed\":18446744073709551615,\"f\":-0.12345678901234567890123,\"e\":1e10,\"n\":[-99999999999999999999],"
		"\"choices\":[{\"message\":{\"content\":\"99999999999999999999 .5\"}}],\"usage\":{\"prompt_tokens\":3}}");
	assert_text(tl_decoder_answer(decoder)->choices[0].text, "99999999999999999999 .5");
	assert_int_equal(tl_decoder_answer(decoder)->usage.input_tokens, 3);
	assert_int_equal(tl_decoder_answer(decoder)->refused_pieces, 0);
	tl_decoder_close(decoder);
}

static void
a_cut_keeps_what_came_and_blames_nobody(void **state)
{
	(void)state;
	static const char cut[] = CHUNK("{\"content\":\"a\"}", "null") "data: {\"choices\":[{\"del";
	struct tl_decoder *decoder = decoder_new(200, SSE), *body = decoder_new(200, JSON);
	decoder_feed(decoder, cut, strlen(cut), 1);
	decoder_end(decoder, false);
	decoder_feed(body, plain_body, strlen(plain_body) / 2, 1);
	decoder_end(body, false);
	assert_text(tl_decoder_answer(decoder)->choices[0].text, "a");
	assert_int_equal(tl_decoder_answer(decoder)->refused_pieces, 0);
	assert_false(tl_decoder_answer(decoder)->terminated);
	assert_false(tl_decoder_answer(body)->terminated);
	assert_int_equal(tl_decoder_answer(body)->refused_pieces, 0);
	tl_decoder_close(decoder);
	tl_decoder_close(body);
}

static void
pieces_after_the_end_are_ignored(void **state)
{
	(void)state;
	struct tl_decoder *decoder = decoded_as(200, SSE, plain_stream, 0);
	decoder_feed(decoder, plain_stream, strlen(plain_stream), 9);
	decoder_end(decoder, true);
	assert_text(tl_decoder_answer(decoder)->choices[0].text, "Hi there \xc3\xbc\xf0\x9f\x98\x80");
	tl_decoder_close(decoder);
}

static enum tl_status
feed_chunks(const char *type, const char *chunk, size_t limit, struct tl_err *err)
{
	struct tl_decoder *decoder;
	enum tl_status status = TL_OK;
	assert_int_equal(tl_decoder_open(TL_API_OPENAI_CHAT, 200, tl_str_of(type), limit, &decoder, err), TL_OK);
	for (size_t i = 0; i < 100 && status == TL_OK; i++)
		status = tl_decoder_feed(decoder, tl_bytes_of(tl_str_of(chunk)), 1, err);
	tl_decoder_close(decoder);
	return status;
}

static void
an_answer_beyond_its_limit_is_refused_by_name(void **state)
{
	(void)state;
	static const char chunk[] = CHUNK("{\"content\":\"0123456789012345678901234567890123456789\"}", "null");
	struct tl_err err;
	assert_int_equal(feed_chunks(SSE, chunk, 3000, &err), TL_ERR_LIMIT);
	assert_non_null(strstr(err.message, "3000 bytes"));
	assert_int_equal(feed_chunks(JSON, "[{\"a\":1},                ", 1000, &err), TL_ERR_LIMIT);
	assert_int_equal(feed_chunks(SSE, chunk, 100000, &err), TL_OK);
}

static void
every_field_of_a_choice_changes_the_digest(void **state)
{
	(void)state;
	struct tl_tool_call call = { TL_STR("i"), TL_STR("n"), TL_STR("a") };
	struct tl_choice base = { .index = 0, .tool_calls = &call, .tool_call_count = 1 };
	tl_str *const fields[] = { &base.role, &base.text, &base.reasoning, &base.refusal, &base.audio_transcript,
		&base.finish_raw, &call.id, &call.name, &call.arguments };
	struct tl_answer answer = { .choices = &base, .choice_count = 1 };
	struct tl_digest seen[32] = { tl_answer_digest(&answer) };
	size_t count = 1;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		tl_str before = *fields[i];
		*fields[i] = TL_STR("different");
		seen[count++] = tl_answer_digest(&answer);
		*fields[i] = before;
	}
	base.index = 1;
	seen[count++] = tl_answer_digest(&answer);
	base.tool_call_count = 0;
	seen[count++] = tl_answer_digest(&answer);
	answer.choice_count = 0;
	seen[count++] = tl_answer_digest(&answer);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			assert_false(tl_digest_equal(seen[i], seen[j]));
}

static void
names_go_both_ways(void **state)
{
	(void)state;
	enum tl_api api;
	enum tl_error_class error;
	assert_string_equal(tl_api_name(TL_API_OPENAI_CHAT), "openai.chat");
	assert_true(tl_api_parse(TL_STR("openai.chat"), &api) && api == TL_API_OPENAI_CHAT);
	assert_false(tl_api_parse(TL_STR("openai"), &api));
	for (unsigned i = TL_ERROR_NONE; i <= TL_ERROR_OTHER; i++) {
		const char *text = tl_error_class_text((enum tl_error_class)i);
		assert_true(tl_error_class_parse(tl_str_of(text), &error) && error == i);
	}
	assert_string_equal(tl_error_class_text(TL_ERROR_PROVIDER), "provider_error");
	assert_false(tl_error_class_parse(TL_STR("weather"), &error));
	assert_null(tl_finish_text(TL_FINISH_NONE));
	assert_string_equal(tl_finish_text(TL_FINISH_CONTENT_FILTER), "content_filter");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_is_read_in_any_pieces),
		cmocka_unit_test(a_stream_can_be_asked_at_any_time),
		cmocka_unit_test(first_content_is_the_piece_that_completes_the_first_event_with_text),
		cmocka_unit_test(reasoning_refusal_and_tool_calls_are_first_content_too),
		cmocka_unit_test(a_body_is_read_at_its_end_and_its_first_content_is_its_last_piece),
		cmocka_unit_test(the_bytes_win_over_a_content_type_that_contradicts_them),
		cmocka_unit_test(what_is_neither_is_malformed_and_an_empty_body_is_what_its_type_says),
		cmocka_unit_test(a_stream_is_over_at_done_or_when_every_choice_has_finished),
		cmocka_unit_test(what_follows_done_is_not_part_of_the_answer),
		cmocka_unit_test(choices_are_told_apart_by_index_and_ordered_by_it),
		cmocka_unit_test(a_stream_with_thousands_of_choices_is_read_up_to_a_limit),
		cmocka_unit_test(content_may_be_parts_of_text_thinking_and_refusal),
		cmocka_unit_test(reasoning_is_the_first_of_its_three_names_that_holds_some),
		cmocka_unit_test(an_audio_answer_has_its_transcript_and_no_text),
		cmocka_unit_test(absent_text_and_empty_text_differ),
		cmocka_unit_test(finish_reasons_are_normalised_and_kept_raw),
		cmocka_unit_test(a_later_chunk_without_a_finish_reason_does_not_take_it_back),
		cmocka_unit_test(a_whole_message_in_a_stream_is_read_unless_it_repeats_the_deltas),
		cmocka_unit_test(members_of_other_kinds_and_unknown_events_are_passed_over),
		cmocka_unit_test(a_broken_chunk_is_counted_and_the_rest_is_read),
		cmocka_unit_test(wrong_characters_are_counted_and_shown_as_replacement),
		cmocka_unit_test(an_integer_over_64_bits_costs_nothing),
		cmocka_unit_test(a_cut_keeps_what_came_and_blames_nobody),
		cmocka_unit_test(pieces_after_the_end_are_ignored),
		cmocka_unit_test(an_answer_beyond_its_limit_is_refused_by_name),
		cmocka_unit_test(every_field_of_a_choice_changes_the_digest),
		cmocka_unit_test(names_go_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
