/* net/client: every way in which a call can fail, with the name it is given. */
#include "client_fixture.h"

/* ---- what fails ---- */

static void
nobody_listening_is_a_connect_failure(void **state)
{
	struct outcome *outcome = *state;
	int fd = raw_listen(&outcome->peer.port);
	close(fd);
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_CONNECT);
	assert_int_equal(outcome->heads, 0);
	assert_int_equal(outcome->end.first_byte_ns, 0);
}

static void
an_unknown_name_is_a_dns_failure(void **state)
{
	struct outcome *outcome = *state;
	start_call(outcome,
		&(struct tl_http_request){ .method = TL_STR("GET"), .url = TL_STR("http://no-such-host.invalid/?k=SECRET") });
	tl_loop_run(outcome->loop);
	assert_int_equal(outcome->end.failure, TL_HTTP_DNS);
	assert_int_equal(tl_str_find(tl_buf_str(&outcome->message), TL_STR("SECRET")), SIZE_MAX);
}

static void
plain_text_behind_https_is_a_tls_failure(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), DO(ACT_WAIT_CLOSE));
	char url[100];
	(void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", outcome->peer.port);
	start_call(outcome, &(struct tl_http_request){ .method = TL_STR("GET"), .url = tl_str_of(url) });
	tl_loop_run(outcome->loop);
	assert_int_equal(outcome->end.failure, TL_HTTP_TLS);
}

static void
an_answer_that_does_not_come_is_a_timeout(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), DO(ACT_WAIT_CLOSE));
	get(outcome, NULL, 0, 50);
	assert_int_equal(outcome->end.failure, TL_HTTP_TIMEOUT);
	assert_int_equal(outcome->heads, 0);
}

static void
a_body_that_stalls_is_a_timeout_too(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Content-Length: 9\r\n") "begin"), DO(ACT_WAIT_CLOSE));
	get(outcome, NULL, 0, 200);
	assert_int_equal(outcome->end.failure, TL_HTTP_TIMEOUT);
	assert_string_equal(outcome->body.ptr, "begin");
}

static void
a_close_before_any_byte_is_a_reset(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), DO(ACT_CLOSE));
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_RESET);
}

static void
a_tcp_reset_before_any_byte_is_a_reset(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), DO(ACT_RESET));
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_RESET);
}

static void
a_short_sized_body_is_truncated(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Content-Length: 10\r\n") "half"), DO(ACT_CLOSE));
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_TRUNCATED);
	assert_string_equal(outcome->body.ptr, "half");
}

static void
a_cut_chunked_body_is_truncated(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Transfer-Encoding: chunked\r\n") "4\r\nhalf\r\n9\r\nx"),
		DO(ACT_CLOSE));
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_TRUNCATED);
	assert_string_equal(outcome->body.ptr, "halfx");
}

static void
a_tcp_reset_within_the_body_is_truncated(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Content-Length: 10\r\n")), DO(ACT_RESET));
	get(outcome, NULL, 0, 10000);
	/* The RST may throw the head away before it is read. */
	assert_int_equal(outcome->end.failure, outcome->heads ? TL_HTTP_TRUNCATED : TL_HTTP_RESET);
}

static void
a_broken_chunk_size_is_malformed(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("Transfer-Encoding: chunked\r\n") "4\r\nhalf\r\nxyz\r\n"),
		DO(ACT_WAIT_CLOSE));
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_MALFORMED);
}

static void
an_answer_that_is_no_http_is_malformed(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND("SSH-2.0-OpenSSH_9.2\r\n\r\n"), DO(ACT_CLOSE));
	get(outcome, NULL, 0, 10000);
	assert_int_equal(outcome->end.failure, TL_HTTP_MALFORMED);
	assert_int_equal(outcome->heads, 0);
}

static void
a_flood_of_fields_is_cut_off(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND("HTTP/1.1 200 OK\r\n"),
		{ ACT_REPEAT, "X-Filler: 0123456789abcdef\r\n", 1000000 }, DO(ACT_CLOSE));
	get(outcome, NULL, 0, 20000);
	assert_int_equal(outcome->end.failure, TL_HTTP_TOO_LARGE);
	assert_int_equal(outcome->heads, 0);
}

static void
a_field_without_end_is_cut_off(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), SEND("HTTP/1.1 200 OK\r\nX: "), { ACT_REPEAT, "0123456789abcdef", 1000000 },
		DO(ACT_CLOSE));
	get(outcome, NULL, 0, 20000);
	assert_int_equal(outcome->end.failure, TL_HTTP_TOO_LARGE);
}

static void
interim_answers_without_end_are_cut_off(void **state)
{
	struct outcome *outcome = *state;
	PEER(outcome, DO(ACT_ACCEPT), DO(ACT_READ), { ACT_REPEAT, "HTTP/1.1 100 Continue\r\n\r\n", 1000000 }, DO(ACT_CLOSE));
	get(outcome, NULL, 0, 20000);
	assert_int_equal(outcome->end.failure, TL_HTTP_TOO_LARGE);
}

static void
a_flood_of_body_is_cut_off_at_its_limit(void **state)
{
	struct outcome *outcome = *state;
	static char block[(1 << 16) + 1];
	memset(block, 'x', sizeof block - 1);
	static struct step steps[] = { DO(ACT_ACCEPT), DO(ACT_READ), SEND(HEAD("")), { ACT_REPEAT, block, 4096 }, DO(ACT_CLOSE),
		DO(ACT_END) };
	outcome->keep_body = false;
	start_peer(outcome, steps);
	get(outcome, NULL, 0, 60000);
	assert_int_equal(outcome->end.failure, TL_HTTP_TOO_LARGE);
	assert_int_equal(outcome->body_bytes, TL_HTTP_BODY_LIMIT);
	assert_string_equal(outcome->message.ptr, "the response body is over 64 MiB");
}

int
main(void)
{
	forget_proxies();
	const struct CMUnitTest tests[] = {
		TEST(nobody_listening_is_a_connect_failure),
		TEST(an_unknown_name_is_a_dns_failure),
		TEST(plain_text_behind_https_is_a_tls_failure),
		TEST(an_answer_that_does_not_come_is_a_timeout),
		TEST(a_body_that_stalls_is_a_timeout_too),
		TEST(a_close_before_any_byte_is_a_reset),
		TEST(a_tcp_reset_before_any_byte_is_a_reset),
		TEST(a_short_sized_body_is_truncated),
		TEST(a_cut_chunked_body_is_truncated),
		TEST(a_tcp_reset_within_the_body_is_truncated),
		TEST(a_broken_chunk_size_is_malformed),
		TEST(an_answer_that_is_no_http_is_malformed),
		TEST(a_flood_of_fields_is_cut_off),
		TEST(a_field_without_end_is_cut_off),
		TEST(interim_answers_without_end_are_cut_off),
		TEST(a_flood_of_body_is_cut_off_at_its_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
