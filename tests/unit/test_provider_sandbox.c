/* provider/sandbox and provider/http tested: what is told, in which order, and when it ends early. The loop and the timer are
 * real, and so is the socket. */
#include "unit.h"

#include "client_fixture.h"

#include <string.h>

#include <tracellm/provider.h>

#define LIMIT (4u << 20)

/* One attempt and everything that was told of it. */
struct attempt {
	struct tl_loop *loop;
	struct tl_ask *ask;
	const struct tl_provider *provider;
	struct tl_arena arena;
	unsigned heads, chunks, ends, status;
	struct tl_buf headers; /* "name=value\n" each */
	struct tl_buf body;
	struct tl_decoder *decoder; /* fed as the chunks come */
	uint64_t last_mono_ns;
	struct tl_ask_end end;
	char message[200];
	unsigned cancel_at_chunk; /* 0: never */
	bool cancel_at_head;
};

static void
told_head(void *context, struct tl_stamp at, unsigned http_status, const struct tl_pair *headers, size_t header_count)
{
	struct attempt *attempt = context;
	assert_int_equal(attempt->heads + attempt->chunks + attempt->ends, 0);
	attempt->heads++;
	attempt->status = http_status;
	attempt->last_mono_ns = at.mono_ns;
	for (size_t i = 0; i < header_count; i++)
		tl_buf_printf(&attempt->headers, "%.*s=%.*s\n", TL_FMT(headers[i].name), TL_FMT(headers[i].value));
	tl_str type = tl_header_find(headers, header_count, TL_STR("content-type"));
	assert_int_equal(tl_decoder_open(attempt->provider->api, http_status, type, LIMIT, &attempt->decoder, &err), TL_OK);
	if (attempt->cancel_at_head)
		attempt->provider->cancel(attempt->ask);
}

static void
told_chunk(void *context, struct tl_stamp at, tl_bytes bytes)
{
	struct attempt *attempt = context;
	assert_int_equal(attempt->heads, 1);
	assert_int_equal(attempt->ends, 0);
	assert_true(at.mono_ns >= attempt->last_mono_ns && bytes.len > 0);
	attempt->last_mono_ns = at.mono_ns;
	attempt->chunks++;
	tl_buf_add(&attempt->body, bytes.ptr, bytes.len);
	assert_int_equal(tl_decoder_feed(attempt->decoder, bytes, at.mono_ns, &err), TL_OK);
	if (attempt->chunks == attempt->cancel_at_chunk)
		attempt->provider->cancel(attempt->ask);
}

static void
told_end(void *context, struct tl_stamp at, const struct tl_ask_end *end)
{
	struct attempt *attempt = context;
	assert_true(at.mono_ns >= attempt->last_mono_ns);
	attempt->ends++;
	attempt->end = *end;
	(void)snprintf(attempt->message, sizeof attempt->message, "%.*s", TL_FMT(end->message));
	if (attempt->decoder)
		assert_int_equal(tl_decoder_end(attempt->decoder, end->error == TL_ERROR_NONE, &err), TL_OK);
}

static struct attempt
attempt_new(const char *provider)
{
	struct attempt attempt = { .provider = tl_provider_find(tl_str_of(provider)) };
	assert_int_equal(tl_loop_open(&attempt.loop, &err), TL_OK);
	tl_arena_init(&attempt.arena, LIMIT);
	tl_buf_init(&attempt.headers, LIMIT);
	tl_buf_init(&attempt.body, LIMIT);
	return attempt;
}

static void
attempt_done(struct attempt *attempt)
{
	tl_loop_close(attempt->loop);
	tl_decoder_close(attempt->decoder);
	tl_buf_done(&attempt->headers);
	tl_buf_done(&attempt->body);
	tl_arena_done(&attempt->arena);
}

static void
run(struct attempt *attempt, const struct tl_inputs *inputs, uint64_t timeout_ms)
{
	struct tl_request request;
	struct tl_ask_sink sink = { .context = attempt, .head = told_head, .chunk = told_chunk, .end = told_end };
	assert_int_equal(attempt->provider->prepare(inputs, &attempt->arena, &request, &err), TL_OK);
	assert_int_equal(attempt->provider->ask(attempt->loop, &request, timeout_ms, sink, &attempt->ask, &err), TL_OK);
	assert_int_equal(attempt->heads + attempt->chunks + attempt->ends, 0);
	tl_loop_run(attempt->loop);
	assert_int_equal(attempt->ends, 1);
}

static struct tl_inputs
inputs_of(const char *prompt)
{
	return (struct tl_inputs){
		.model = TL_STR("sandbox"),
		.base_url = TL_STR("sandbox://local/v1"),
		.prompt = tl_str_of(prompt),
		.max_tokens = -1,
		.stream = true,
	};
}

static struct attempt
asked(const struct tl_inputs *inputs)
{
	struct attempt attempt = attempt_new("sandbox");
	run(&attempt, inputs, 0);
	return attempt;
}

static bool
holds(tl_str text, const char *part)
{
	return tl_str_find(text, tl_str_of(part)) != SIZE_MAX;
}

/* The documented rule, written down a second time. */
static int64_t
words(tl_str text)
{
	int64_t count = 0;
	bool inside = false;
	for (size_t i = 0; i < text.len; i++) {
		bool space = memchr(" \t\n\v\f\r", text.ptr[i], 6) != NULL;
		count += !space && !inside;
		inside = !space;
	}
	return count;
}

static void
the_sandbox_streams_an_answer_that_says_what_it_is(void **state)
{
	(void)state;
	struct tl_inputs inputs = inputs_of("Explain transformers");
	struct attempt attempt = asked(&inputs);
	const struct tl_answer *answer = tl_decoder_answer(attempt.decoder);
	assert_int_equal(attempt.status, 200);
	assert_int_equal(attempt.end.error, TL_ERROR_NONE);
	assert_true(attempt.end.total_ns > 0 && attempt.end.first_byte_ns > 0);
	assert_true(attempt.end.first_byte_ns < attempt.end.total_ns);
	assert_int_equal(attempt.end.dns_ns + attempt.end.connect_ns + attempt.end.tls_ns, 0);
	assert_true(answer->streamed && answer->terminated && answer->refused_pieces == 0);
	assert_true(attempt.chunks > 10 && attempt.chunks <= 24);
	assert_int_equal(answer->choice_count, 1);
	assert_true(holds(answer->choices[0].text, "not a language model"));
	assert_true(holds(answer->choices[0].text, "> Explain transformers\n"));
	assert_true(holds(answer->choices[0].text, "1 message with 2 words"));
	assert_int_equal(answer->choices[0].finish, TL_FINISH_STOP);
	assert_true(tl_str_equal(answer->model, TL_STR("sandbox")));
	assert_int_equal(answer->usage.input_tokens, 2);
	assert_int_equal(answer->usage.output_tokens, words(answer->choices[0].text));
	assert_true(holds(tl_buf_str(&attempt.headers), "content-type=text/event-stream\n"));
	assert_true(holds(tl_buf_str(&attempt.headers), "x-request-id=chatcmpl-sandbox-"));
	attempt_done(&attempt);
}

static void
the_same_body_gives_the_same_bytes_and_another_one_others(void **state)
{
	(void)state;
	struct tl_inputs inputs = inputs_of("a"), other = inputs_of("b");
	struct attempt first = asked(&inputs), second = asked(&inputs), third = asked(&other);
	assert_true(tl_str_equal(tl_buf_str(&first.body), tl_buf_str(&second.body)));
	assert_true(tl_str_equal(tl_buf_str(&first.headers), tl_buf_str(&second.headers)));
	assert_int_equal(first.chunks, second.chunks);
	assert_false(tl_str_equal(tl_buf_str(&first.body), tl_buf_str(&third.body)));
	attempt_done(&first);
	attempt_done(&second);
	attempt_done(&third);
}

static void
the_answer_in_one_body_is_the_streamed_one(void **state)
{
	(void)state;
	struct tl_inputs inputs = inputs_of("line one\nline two");
	struct attempt streamed = asked(&inputs);
	inputs.stream = false;
	struct attempt whole = asked(&inputs);
	const struct tl_answer *a = tl_decoder_answer(streamed.decoder), *b = tl_decoder_answer(whole.decoder);
	assert_int_equal(whole.chunks, 1);
	assert_false(b->streamed);
	assert_true(b->terminated);
	assert_true(tl_digest_equal(tl_answer_digest(a), tl_answer_digest(b)));
	assert_int_equal(a->usage.input_tokens, b->usage.input_tokens);
	assert_int_equal(a->usage.output_tokens, b->usage.output_tokens);
	assert_true(holds(a->choices[0].text, "> line one\n> line two\n"));
	assert_true(holds(tl_buf_str(&whole.headers), "content-type=application/json\n"));
	attempt_done(&streamed);
	attempt_done(&whole);
}

static void
max_tokens_cuts_behind_so_many_words(void **state)
{
	(void)state;
	for (int64_t max = 0; max < 200; max += 1 + max / 3) {
		struct tl_inputs inputs = inputs_of("hi");
		inputs.max_tokens = max;
		inputs.stream = max % 2;
		inputs.model = max % 3 ? TL_STR("sandbox") : TL_STR("gpt-5");
		struct attempt attempt = asked(&inputs);
		const struct tl_answer *answer = tl_decoder_answer(attempt.decoder);
		bool cut = answer->choices[0].finish == TL_FINISH_LENGTH;
		assert_int_equal(answer->usage.output_tokens, words(answer->choices[0].text));
		assert_true(answer->terminated);
		if (cut)
			assert_int_equal(answer->usage.output_tokens, max);
		else
			assert_true(answer->usage.output_tokens <= max);
		assert_int_equal(cut, max < 60);
		attempt_done(&attempt);
	}
}

static void
what_was_asked_is_repeated_in_bounds(void **state)
{
	(void)state;
	char *prompt = malloc(3 * 5000 + 1);
	assert_non_null(prompt);
	for (size_t i = 0; i < 5000; i++)
		memcpy(prompt + 3 * i, "\xe2\x82\xac", 3);
	prompt[15000] = '\0';
	struct tl_inputs inputs = inputs_of(prompt);
	struct attempt attempt = asked(&inputs);
	tl_str text = tl_decoder_answer(attempt.decoder)->choices[0].text;
	assert_true(text.len < 2000 && tl_utf8_valid(text));
	assert_true(holds(text, "\xe2\x82\xac \xe2\x80\xa6\n"));
	assert_int_equal(tl_decoder_answer(attempt.decoder)->usage.input_tokens, 1);
	attempt_done(&attempt);
	free(prompt);
	inputs = inputs_of("");
	attempt = asked(&inputs);
	assert_true(holds(tl_decoder_answer(attempt.decoder)->choices[0].text, "You sent no text."));
	assert_int_equal(tl_decoder_answer(attempt.decoder)->usage.input_tokens, 0);
	attempt_done(&attempt);
}

static void
a_body_that_is_no_request_is_answered_with_400(void **state)
{
	(void)state;
	static const char *const bodies[] = { "", "[]", "{", "null", "\xff" };
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct tl_inputs inputs = inputs_of("");
		inputs.raw_request = tl_bytes_of(tl_str_of(bodies[i]));
		struct attempt attempt = asked(&inputs);
		assert_int_equal(attempt.status, 400);
		assert_int_equal(attempt.end.error, TL_ERROR_NONE);
		assert_true(tl_str_equal(tl_decoder_answer(attempt.decoder)->error.type, TL_STR("invalid_request_error")));
		attempt_done(&attempt);
	}
}

static void
a_cancelled_attempt_ends_interrupted_from_the_loop(void **state)
{
	(void)state;
	for (unsigned at = 0; at <= 4; at++) {
		struct tl_inputs inputs = inputs_of("hi");
		struct attempt attempt = attempt_new("sandbox");
		attempt.cancel_at_head = at == 0;
		attempt.cancel_at_chunk = at;
		run(&attempt, &inputs, 0);
		assert_int_equal(attempt.end.error, TL_ERROR_INTERRUPTED);
		assert_int_equal(attempt.chunks, at);
		attempt_done(&attempt);
	}
}

static void
cancelling_at_the_last_piece_still_ends_once(void **state)
{
	(void)state;
	struct tl_inputs inputs = inputs_of("hi");
	struct attempt whole = asked(&inputs), attempt = attempt_new("sandbox");
	attempt.cancel_at_chunk = whole.chunks;
	run(&attempt, &inputs, 0);
	assert_int_equal(attempt.end.error, TL_ERROR_INTERRUPTED);
	assert_int_equal(attempt.chunks, whole.chunks);
	attempt_done(&whole);
	attempt_done(&attempt);
}

static void
a_timeout_ends_the_sandbox_as_well(void **state)
{
	(void)state;
	struct tl_inputs inputs = inputs_of("hi");
	struct attempt attempt = attempt_new("sandbox");
	run(&attempt, &inputs, 1);
	assert_int_equal(attempt.end.error, TL_ERROR_TIMEOUT);
	assert_int_equal(attempt.chunks, 0);
	attempt_done(&attempt);
}

/* ---- Over HTTP ---- */

static const char stream[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Request-Id: r1\r\nConnection: close\r\n\r\n"
			     "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n";

static struct attempt
asked_over_http(const struct step *steps, struct peer *peer)
{
	struct attempt attempt = attempt_new("openai");
	struct tl_inputs inputs = inputs_of("hi");
	char base_url[64];
	peer->steps = steps;
	peer->listener = raw_listen(&peer->port);
	assert_true(peer->listener >= 0);
	assert_int_equal(pthread_create(&peer->thread, NULL, follow, peer), 0);
	(void)snprintf(base_url, sizeof base_url, "http://127.0.0.1:%u/v1", peer->port);
	inputs.base_url = tl_str_of(base_url);
	inputs.api_key = TL_STR("sk-1");
	run(&attempt, &inputs, 20000);
	assert_int_equal(pthread_join(peer->thread, NULL), 0);
	(void)close(peer->listener);
	return attempt;
}

static void
openai_is_asked_over_http_as_prepared(void **state)
{
	(void)state;
	static struct peer peer;
	static const struct step steps[] = { { ACT_ACCEPT, NULL, 0 }, { ACT_READ, NULL, 0 }, { ACT_SEND, stream, 0 },
		{ ACT_CLOSE, NULL, 0 }, { ACT_END, NULL, 0 } };
	struct attempt attempt = asked_over_http(steps, &peer);
	assert_int_equal(attempt.end.error, TL_ERROR_NONE);
	assert_true(tl_str_equal(tl_decoder_answer(attempt.decoder)->choices[0].text, TL_STR("Hi")));
	assert_true(attempt.end.connect_ns > 0 && attempt.end.total_ns >= attempt.end.first_byte_ns);
	tl_str sent = tl_str_of(peer.request);
	assert_true(tl_str_starts_with(sent, TL_STR("POST /v1/chat/completions HTTP/1.1\r\n")));
	assert_true(holds(sent, "\r\nAuthorization: Bearer sk-1\r\n"));
	assert_true(holds(sent, "\r\nAccept: text/event-stream\r\n"));
	assert_true(holds(sent, "\r\nUser-Agent: tracellm\r\n"));
	assert_true(tl_str_ends_with(sent, TL_STR("\"stream\":true,\"stream_options\":{\"include_usage\":true}}")));
	attempt_done(&attempt);
}

static void
failures_of_the_transport_keep_their_class(void **state)
{
	(void)state;
	static struct peer peer;
	static const struct step reset[] = { { ACT_ACCEPT, NULL, 0 }, { ACT_READ, NULL, 0 }, { ACT_RESET, NULL, 0 },
		{ ACT_END, NULL, 0 } };
	static const struct step cut[] = { { ACT_ACCEPT, NULL, 0 }, { ACT_READ, NULL, 0 },
		{ ACT_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 0 }, { ACT_CLOSE, NULL, 0 },
		{ ACT_END, NULL, 0 } };
	struct attempt first = asked_over_http(reset, &peer), second = asked_over_http(cut, &peer);
	assert_int_equal(first.end.error, TL_ERROR_RESET);
	assert_int_equal(first.heads, 0);
	assert_int_equal(second.end.error, TL_ERROR_TRUNCATED);
	assert_int_equal(second.chunks, 1);
	assert_true(strlen(first.message) > 0 && strlen(second.message) > 0);
	attempt_done(&first);
	attempt_done(&second);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sandbox_streams_an_answer_that_says_what_it_is),
		cmocka_unit_test(the_same_body_gives_the_same_bytes_and_another_one_others),
		cmocka_unit_test(the_answer_in_one_body_is_the_streamed_one),
		cmocka_unit_test(max_tokens_cuts_behind_so_many_words),
		cmocka_unit_test(what_was_asked_is_repeated_in_bounds),
		cmocka_unit_test(a_body_that_is_no_request_is_answered_with_400),
		cmocka_unit_test(a_cancelled_attempt_ends_interrupted_from_the_loop),
		cmocka_unit_test(cancelling_at_the_last_piece_still_ends_once),
		cmocka_unit_test(a_timeout_ends_the_sandbox_as_well),
		cmocka_unit_test(openai_is_asked_over_http_as_prepared),
		cmocka_unit_test(failures_of_the_transport_keep_their_class),
	};
	forget_proxies();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
