/* net/client: real requests to a scripted peer: what is sent, what arrives, cancelling, what is refused. */
#include "client_fixture.h"

/* ---- what works ---- */

static void
an_answer_arrives_with_status_fields_and_body(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ),
		SEND("HTTP/1.1 404 Not Found\r\nX-Request-ID:  Ab C \r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: "
		     "4\r\n\r\nbody"),
		DO(ACT_CLOSE));
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_DONE);
	assert_int_equal(outcome->status, 404);
	assert_string_equal(outcome->fields.ptr, "X-Request-ID=Ab C\nSet-Cookie=a\nSet-Cookie=b\nContent-Length=4\n");
	assert_string_equal(outcome->body.ptr, "body");
	assert_true(outcome->end.total_ns > 0);
	assert_true(outcome->end.first_byte_ns > 0 && outcome->end.first_byte_ns <= outcome->end.total_ns);
	assert_int_equal(outcome->end.tls_ns, 0);
	assert_false(outcome->end.connection_reused);
}

static void
a_request_has_only_the_fields_it_needs(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Content-Length: 0\r\n")), DO(ACT_CLOSE));
	get(outcome, NULL, 0, 10000);
	char expected[200];
	(void)snprintf(expected, sizeof expected, "GET /v1?key=SECRET HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: */*\r\n\r\n",
		outcome->peer.port);
	join_peer(outcome);
	assert_string_equal(outcome->peer.request, expected);
}

static void
fields_of_the_caller_replace_curls_own(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Content-Length: 0\r\n")), DO(ACT_CLOSE));
	const struct tl_pair fields[] = {
		{ TL_STR("Host"), TL_STR("example.test") },
		{ TL_STR("accept"), TL_STR("text/event-stream") },
		{ TL_STR("X-Empty"), TL_STR("") },
	};
	get(outcome, fields, 3, 10000);
	join_peer(outcome);
	assert_string_equal(outcome->peer.request,
		"GET /v1?key=SECRET HTTP/1.1\r\nHost: example.test\r\naccept: text/event-stream\r\nX-Empty:\r\n\r\n");
}

static void
a_body_is_posted_as_given_and_without_expect(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Content-Length: 0\r\n")), DO(ACT_CLOSE));
	char url[100], body[3000];
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", outcome->peer.port);
	memset(body, 'x', sizeof body);
	const struct tl_pair field = { TL_STR("Content-Type"), TL_STR("application/json") };
	start_call(outcome, &(struct tl_http_request){ .method = TL_STR("POST"),
				    .url = tl_str_of(url),
				    .fields = &field,
				    .field_count = 1,
				    .body = { (const uint8_t *)body, sizeof body } });
	tl_loop_run(outcome->loop);
	assert_int_equal(outcome->end.failure, TL_HTTP_DONE);
	join_peer(outcome);
	assert_non_null(strstr(outcome->peer.request, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(outcome->peer.request, "\r\nContent-Length: 3000\r\n"));
	assert_null(strcasestr(outcome->peer.request, "expect"));
	const char *sent = strstr(outcome->peer.request, "\r\n\r\n") + 4;
	assert_int_equal(strlen(sent), sizeof body);
	assert_memory_equal(sent, body, sizeof body);
}

static void
chunks_are_decoded_and_trailers_ignored(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Transfer-Encoding: chunked\r\n")), SEND("5;x=y\r\nhello\r\n"),
		SEND("1\r\n \r\n5\r\nthere\r\n0\r\nX-Trailer: z\r\n\r\n"), DO(ACT_CLOSE));
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_DONE);
	assert_string_equal(outcome->body.ptr, "hello there");
	assert_int_equal(outcome->heads, 1);
}

static void
interim_answers_are_passed_over(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ),
		SEND("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"),
		SEND(HEAD("Content-Length: 2\r\n") "ok"), DO(ACT_CLOSE));
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_DONE);
	assert_int_equal(outcome->heads, 1);
	assert_int_equal(outcome->status, 200);
	assert_string_equal(outcome->fields.ptr, "Content-Length=2\n");
}

static void
redirects_and_encodings_are_handed_over_as_they_are(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ),
		SEND("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Encoding: gzip\r\nContent-Length: "
		     "3\r\n\r\nxyz"),
		DO(ACT_CLOSE));
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_DONE);
	assert_int_equal(outcome->status, 302);
	assert_string_equal(outcome->body.ptr, "xyz");
}

static void
a_folded_field_becomes_one_line(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("X-Long: one\r\n two\r\nContent-Length: 0\r\n")), DO(ACT_CLOSE));
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_DONE);
	assert_string_equal(outcome->fields.ptr, "X-Long=one   two\nContent-Length=0\n");
}

static void
head_has_no_body(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Content-Length: 50\r\n")), DO(ACT_CLOSE));
	char url[100];
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", outcome->peer.port);
	start_call(outcome, &(struct tl_http_request){ .method = TL_STR("HEAD"), .url = tl_str_of(url) });
	tl_loop_run(outcome->loop);
	assert_int_equal(outcome->end.failure, TL_HTTP_DONE);
	assert_int_equal(outcome->chunks, 0);
}

static void
a_second_call_uses_the_connection_of_the_first(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Content-Length: 1\r\n") "a"), DO(ACT_READ),
		SEND(HEAD("Content-Length: 1\r\n") "b"), DO(ACT_WAIT_CLOSE));
	get(outcome, NULL, 0, 10000);
	assert_false(outcome->end.connection_reused);
	outcome->heads = outcome->ends = 0;
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_DONE);
	assert_true(outcome->end.connection_reused);
	assert_int_equal(outcome->end.connect_ns, 0);
	assert_string_equal(outcome->body.ptr, "ab");
}

static void
start_next(void *context, struct tl_stamp at, const struct tl_http_end *end)
{
	struct outcome *outcome = context;
	on_end(context, at, end);
	if (outcome->calls_left-- == 0)
		return;
	outcome->heads = outcome->ends = 0;
	get_later(outcome, start_next);
}

static void
a_call_may_be_started_from_the_end_of_another(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Content-Length: 1\r\n") "a"), DO(ACT_READ),
		SEND(HEAD("Content-Length: 1\r\n") "b"), DO(ACT_WAIT_CLOSE));
	outcome->calls_left = 1;
	get_later(outcome, start_next);
	tl_loop_run(outcome->loop);
	assert_int_equal(outcome->ends, 1);
	assert_string_equal(outcome->body.ptr, "ab");
}

/* ---- cancelling and refusing ---- */

static void
a_call_cancelled_at_once_ends_from_the_loop(void **state)
{
	struct outcome *outcome = *state;
	start_call(outcome, &(struct tl_http_request){ .method = TL_STR("GET"), .url = TL_STR("http://127.0.0.1:1/") });
	tl_http_call_cancel(outcome->call);
	tl_http_call_cancel(outcome->call);
	assert_int_equal(outcome->ends, 0);
	tl_loop_run(outcome->loop);
	assert_int_equal(outcome->ends, 1);
	assert_int_equal(outcome->end.failure, TL_HTTP_CANCELLED);
}

static void
a_call_may_be_cancelled_from_its_own_callback(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Content-Length: 5\r\n") "hello"), DO(ACT_WAIT_CLOSE));
	outcome->cancel_at_head = true;
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_CANCELLED);
	assert_int_equal(outcome->chunks, 0);
}

static void
closing_the_loop_cancels_calls_under_way(void **state)
{
	struct outcome *outcome = *state;
	struct tl_err ignored;
	struct tl_loop *loop;
	assert_int_equal(tl_loop_open(&loop, &ignored), TL_OK);
	struct tl_http_events events = { .context = outcome, .head = on_head, .chunk = on_chunk, .end = on_end };
	struct tl_http_request request = { .method = TL_STR("GET"), .url = TL_STR("http://no-such-host.invalid/") };
	assert_int_equal(tl_http_call_start(loop, &request, events, &outcome->call, &err), TL_OK);
	assert_int_equal(tl_http_call_start(loop, &request, events, &outcome->call, &err), TL_OK);
	tl_loop_close(loop);
	assert_int_equal(outcome->ends, 2);
	assert_int_equal(outcome->end.failure, TL_HTTP_CANCELLED);
}

static void
unusable_requests_are_refused_without_showing_secrets(void **state)
{
	struct outcome *outcome = *state;
	const struct tl_pair smuggled = { TL_STR("X-Key"), TL_STR("SECRET\r\nX-Other: 1") };
	const struct tl_pair odd_name = { TL_STR("X Key"), TL_STR("SECRET") };
	const struct tl_http_request bad[] = {
		{ .method = TL_STR("GET"), .url = TL_STR("ftp://127.0.0.1/?SECRET") },
		{ .method = TL_STR("GET"), .url = TL_STR("file:///etc/SECRET") },
		{ .method = TL_STR("GET"), .url = TL_STR("127.0.0.1/SECRET") },
		{ .method = TL_STR("GET"), .url = TL_STR("http://?SECRET") },
		{ .method = TL_STR("GET"), .url = TL_STR("http://127.0.0.1/SECRET here") },
		{ .method = TL_STR("GET"), .url = TL_STR("") },
		{ .method = TL_STR("GET /SECRET"), .url = TL_STR("http://127.0.0.1/") },
		{ .method = TL_STR("GET"), .url = TL_STR("http://127.0.0.1/"), .fields = &smuggled, .field_count = 1 },
		{ .method = TL_STR("GET"), .url = TL_STR("http://127.0.0.1/"), .fields = &odd_name, .field_count = 1 },
	};
	struct tl_http_events events = { .context = outcome, .head = on_head, .chunk = on_chunk, .end = on_end };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		err.message[0] = '\0';
		assert_int_equal(tl_http_call_start(outcome->loop, &bad[i], events, &outcome->call, &err), TL_ERR_USAGE);
		assert_null(strstr(err.message, "SECRET"));
	}
	tl_loop_run(outcome->loop);
	assert_int_equal(outcome->ends, 0);
}

int
main(void)
{
	forget_proxies();
	const struct CMUnitTest tests[] = {
		TEST(an_answer_arrives_with_status_fields_and_body),
		TEST(a_request_has_only_the_fields_it_needs),
		TEST(fields_of_the_caller_replace_curls_own),
		TEST(a_body_is_posted_as_given_and_without_expect),
		TEST(chunks_are_decoded_and_trailers_ignored),
		TEST(interim_answers_are_passed_over),
		TEST(redirects_and_encodings_are_handed_over_as_they_are),
		TEST(a_folded_field_becomes_one_line),
		TEST(head_has_no_body),
		TEST(a_second_call_uses_the_connection_of_the_first),
		TEST(a_call_may_be_started_from_the_end_of_another),
		TEST(a_call_cancelled_at_once_ends_from_the_loop),
		TEST(a_call_may_be_cancelled_from_its_own_callback),
		TEST(closing_the_loop_cancels_calls_under_way),
		TEST(unusable_requests_are_refused_without_showing_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
