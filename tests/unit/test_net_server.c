/* net/server: requests over real sockets: what is answered, what is refused with which status, and that limits and timeouts
 * hold. */
#include "net_fixture.h"

/* Sends, reads all until the server closes. */
static void
exchange(const struct fixture *fixture, const char *request, char *answer, size_t size)
{
	int fd = raw_connect(fixture->port);
	assert_true(fd >= 0);
	assert_true(raw_send_z(fd, request));
	ssize_t got = raw_receive_all(fd, answer, size);
	if (got < 0)
		print_error("no end after: %.300s\n", request);
	assert_true(got >= 0);
	close(fd);
}

static void
assert_refused(const struct fixture *fixture, const char *request, unsigned status)
{
	char answer[4096], expected[40];
	exchange(fixture, request, answer, sizeof answer);
	(void)snprintf(expected, sizeof expected, "HTTP/1.1 %u ", status);
	if (strncmp(answer, expected, strlen(expected)) != 0)
		print_error("request: %.200s\n", request);
	assert_memory_equal(answer, expected, strlen(expected));
	assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
	assert_non_null(strstr(answer, "\r\nContent-Type: application/problem+json\r\n"));
}

static const char *
body_of(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");
	assert_non_null(end);
	return end + 4;
}

/* ---- requests ---- */

static void
a_request_is_handed_over_whole(void **state)
{
	char answer[4096];
	exchange(*state,
		"POST /a%20b/%C3%BC?q=1%202&r HTTP/1.1\r\nHost: x\r\nX-Auth:  Some Value \r\nx-twice: 1\r\nX-TWICE: 2\r\n"
		"Content-Length: 5\r\nConnection: close\r\n\r\nhello",
		answer, sizeof answer);
	assert_string_equal(body_of(answer), "POST /a b/\xc3\xbc ? q=1%202&r\nhost=x\nx-auth=Some "
					     "Value\nx-twice=1\nx-twice=2\ncontent-length=5\nconnection=close\n[5]hello");
	assert_memory_equal(answer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ", 59);
}

static void
a_field_may_be_empty(void **state)
{
	char answer[4096];
	exchange(*state, "GET /e HTTP/1.1\r\nHost: x\r\nOrigin:\r\nX-B: \r\nConnection: close\r\n\r\n", answer, sizeof answer);
	assert_string_equal(body_of(answer), "GET /e ? \nhost=x\norigin=\nx-b=\nconnection=close\n[0]");
}

static void
an_absolute_target_is_taken_when_it_agrees_with_host(void **state)
{
	char answer[4096];
	exchange(*state, "GET http://x:1/p?q HTTP/1.1\r\nHost: x:1\r\nConnection: close\r\n\r\n", answer, sizeof answer);
	assert_non_null(strstr(answer, "GET /p ? q\n"));
	exchange(*state, "GET http://x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer, sizeof answer);
	assert_non_null(strstr(answer, "GET / ? \n"));
	assert_refused(*state, "GET http://evil/p HTTP/1.1\r\nHost: x\r\n\r\n", 400);
	assert_refused(*state, "GET http://user@x/p HTTP/1.1\r\nHost: x\r\n\r\n", 400);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
	char answer[8192];
	exchange(*state,
		"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
		"POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\r\n"
		"POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
		"GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
		"GET /5 HTTP/1.1\r\nHost: x\r\n\r\n",
		answer, sizeof answer);
	const char *first = strstr(answer, "GET /1"), *second = strstr(answer, "POST /2"), *third = strstr(answer, "POST /3"),
		   *fourth = strstr(answer, "GET /4");
	assert_true(first && second && third && fourth);
	assert_true(first < second && second < third && third < fourth);
	assert_non_null(strstr(second, "[3]abc"));
	assert_non_null(strstr(third, "[2]de"));
	assert_null(strstr(answer, "GET /5")); /* the one before asked to close */
}

static void
pipelined_requests_behind_a_big_answer_are_not_lost(void **state)
{
	struct fixture *fixture = *state;
	int fd = raw_connect(fixture->port);
	size_t size = 16u << 20;
	for (unsigned i = 0; i < 3; i++)
		assert_true(raw_send_z(fd, "GET /big?16777216 HTTP/1.1\r\nHost: x\r\n\r\n"));
	char head[1000];
	char *body = malloc(size);
	assert_non_null(body);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(raw_receive_until(fd, "\r\n\r\n", head, sizeof head));
		assert_non_null(strstr(head, "Content-Length: 16777216\r\n"));
		assert_true(raw_receive(fd, body, size));
		assert_null(memchr(body, 'H', size));
	}
	free(body);
	close(fd);
}

static void
a_request_may_come_byte_by_byte(void **state)
{
	struct fixture *fixture = *state;
	const char *request =
		"POST /slow?x=y HTTP/1.1\r\nHost: x\r\nX-Name: value\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
		"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n";
	int fd = raw_connect(fixture->port);
	for (const char *c = request; *c; c++)
		assert_true(raw_send(fd, c, 1));
	char answer[4096];
	assert_true(raw_receive_all(fd, answer, sizeof answer) > 0);
	assert_string_equal(
		body_of(answer), "POST /slow ? x=y\nhost=x\nx-name=value\ntransfer-encoding=chunked\nconnection=close\n[5]abcde");
	close(fd);
}

static void
a_body_of_exactly_the_limit_is_taken(void **state)
{
	struct fixture *fixture = *state;
	int fd = raw_connect(fixture->port);
	char *body = malloc(TL_SERVER_BODY_LIMIT);
	assert_non_null(body);
	memset(body, 'b', TL_SERVER_BODY_LIMIT);
	assert_true(raw_send_z(fd, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1048576\r\n\r\n"));
	assert_true(raw_send(fd, body, TL_SERVER_BODY_LIMIT));
	char answer[4096];
	assert_true(raw_receive_all(fd, answer, sizeof answer) > 0);
	assert_non_null(strstr(answer, "[1048576]bbbb"));
	free(body);
	close(fd);
}

static void
a_client_that_waits_is_told_to_continue(void **state)
{
	struct fixture *fixture = *state;
	int fd = raw_connect(fixture->port);
	assert_true(raw_send_z(
		fd, "POST /c HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"));
	char interim[200], answer[4096];
	assert_true(raw_receive_until(fd, "\r\n\r\n", interim, sizeof interim));
	assert_string_equal(interim, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_true(raw_send_z(fd, "ok"));
	assert_true(raw_receive_all(fd, answer, sizeof answer) > 0);
	assert_non_null(strstr(answer, "[2]ok"));
	close(fd);
	/* Too large is said before the body is sent. */
	assert_refused(*state, "POST /c HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n", 413);
	assert_refused(*state, "POST /c HTTP/1.1\r\nHost: x\r\nExpect: magic\r\nContent-Length: 1\r\n\r\n", 417);
}

/* ---- answers ---- */

static void
head_is_answered_without_body(void **state)
{
	char answer[4096];
	exchange(*state, "HEAD /big?5 HTTP/1.1\r\nHost: x\r\n\r\nGET /big?3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		answer, sizeof answer);
	assert_string_equal(answer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
				    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxxx");
}

static void
no_content_has_no_length(void **state)
{
	char answer[4096];
	exchange(*state, "GET /empty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer, sizeof answer);
	assert_string_equal(answer, "HTTP/1.1 204 No Content\r\nX-Extra: yes\r\nConnection: close\r\n\r\n");
}

static void
http_1_0_closes_unless_asked_not_to(void **state)
{
	char answer[4096];
	exchange(*state, "GET /big?1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /big?2 HTTP/1.0\r\n\r\n", answer,
		sizeof answer);
	assert_string_equal(answer, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx"
				    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nxx");
}

static void
a_line_break_in_an_answers_field_becomes_500(void **state)
{
	char answer[4096];
	exchange(*state, "GET /broken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer, sizeof answer);
	assert_string_equal(answer, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

static void
other_upgrades_are_passed_over(void **state)
{
	char answer[4096];
	exchange(*state,
		"POST /h2 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
		"AAMAAABk\r\n"
		"Content-Length: 2\r\n\r\nabGET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		answer, sizeof answer);
	assert_non_null(strstr(answer, "[2]ab"));
	assert_non_null(strstr(answer, "GET /last"));
}

/* ---- refusals ---- */

static void
what_is_no_request_is_refused(void **state)
{
	static const struct {
		const char *request;
		unsigned status;
	} cases[] = {
		{ "\x16\x03\x01\x02\x01\x01", 400 },
		{ "get / HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nX-Fold: a\r\n b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nX-Fold: a\r\n\tb\r\nX: y\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nX-Fold:\r\n b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nX Space: b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nX-Space : b\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc", 400 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400 },
		{ "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501 },
		{ "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 501 },
		{ "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", 413 },
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_refused(fixture, cases[i].request, cases[i].status);
	assert_int_equal(atomic_load(&fixture->requests), 0);
}

/* A request as long as wanted: `start`, then `filler` repeated, then `end`. */
static void
send_long(const struct fixture *fixture, const char *start, const char *filler, size_t times, const char *end, unsigned status)
{
	struct tl_buf request;
	tl_buf_init(&request, 8u << 20);
	tl_buf_add_z(&request, start);
	for (size_t i = 0; i < times; i++)
		tl_buf_add_z(&request, filler);
	tl_buf_add_z(&request, end);
	assert_refused(fixture, request.ptr, status);
	tl_buf_done(&request);
}

static void
what_is_too_long_is_refused_with_its_status(void **state)
{
	const char *end = "\r\nHost: x\r\n\r\n";
	send_long(*state, "GET /", "aaaaaaaaaaaaaaaa", 4000, " HTTP/1.1\r\nHost: x\r\n\r\n", 414);
	send_long(*state, "GET / HTTP/1.1\r\nX-Long: ", "aaaaaaaaaaaaaaaa", 4000, end, 431);
	send_long(*state, "GET / HTTP/1.1\r\nX-First: a", "\r\nX-Many: a", 4000, end, 431);
	send_long(*state, "GET / HTTP/1.1\r\nHost: x", "\r\na:b", TL_SERVER_FIELDS_MAX, "\r\n\r\n", 431);
	send_long(*state, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "10\r\n0123456789abcdef\r\n", 70000,
		"0\r\n\r\n", 413);
}

static void
a_head_of_nearly_the_limit_is_taken(void **state)
{
	struct tl_buf request;
	tl_buf_init(&request, TL_SERVER_HEAD_LIMIT);
	tl_buf_add_z(&request, "GET /big?1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: ");
	while (request.len < TL_SERVER_HEAD_LIMIT - 4)
		tl_buf_add_char(&request, 'a');
	tl_buf_add_z(&request, "\r\n\r\n");
	char answer[4096];
	exchange(*state, request.ptr, answer, sizeof answer);
	assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
	tl_buf_done(&request);
}

static void
a_body_that_is_too_large_does_not_hide_its_answer(void **state)
{
	struct fixture *fixture = *state;
	int fd = raw_connect(fixture->port);
	char block[65536];
	memset(block, 'x', sizeof block);
	assert_true(raw_send_z(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n"));
	for (unsigned i = 0; i < 16; i++)
		assert_true(raw_send(fd, block, sizeof block));
	char answer[4096];
	assert_true(raw_receive_all(fd, answer, sizeof answer) > 0);
	assert_memory_equal(answer, "HTTP/1.1 413 ", 13);
	close(fd);
}

/* ---- time and number ---- */

static void
a_request_that_never_ends_is_timed_out(void **state)
{
	(void)state;
	struct fixture *fixture = fixture_start((struct tl_server_options){ .request_timeout_ms = 50 });
	assert_refused(fixture, "GET / HTTP/1.1\r\nHost:", 408);
	assert_refused(fixture, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc", 408);
	fixture_end(fixture);
}

static void
dripping_bytes_does_not_prolong_a_request(void **state)
{
	(void)state;
	struct fixture *fixture = fixture_start((struct tl_server_options){ .request_timeout_ms = 50 });
	int fd = raw_connect(fixture->port);
	assert_true(raw_send_z(fd, "GET / HTTP/1.1\r\nHost: x\r\nX: "));
	char answer[4096];
	ssize_t got = 0;
	for (unsigned i = 0; i < 4000 && got <= 0; i++) {
		(void)raw_send(fd, "a", 1);
		(void)usleep(5000);
		got = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
	}
	assert_true(got > 13);
	assert_memory_equal(answer, "HTTP/1.1 408 ", 13);
	close(fd);
	fixture_end(fixture);
}

static void
an_idle_connection_is_closed_without_a_word(void **state)
{
	(void)state;
	struct fixture *fixture = fixture_start((struct tl_server_options){ .idle_timeout_ms = 50 });
	char answer[4096];
	exchange(fixture, "", answer, sizeof answer);
	assert_string_equal(answer, "");
	exchange(fixture, "GET /big?1 HTTP/1.1\r\nHost: x\r\n\r\n", answer, sizeof answer);
	assert_string_equal(answer, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
	fixture_end(fixture);
}

static void
a_peer_that_reads_nothing_is_given_up(void **state)
{
	(void)state;
	struct fixture *fixture = fixture_start((struct tl_server_options){ .write_timeout_ms = 100 });
	int fd = raw_connect(fixture->port);
	assert_true(raw_send_z(fd, "GET /big?60000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
	/* Nothing is read until the server has none left: its draining ends only then. */
	while (atomic_load(&fixture->requests) == 0)
		(void)usleep(1000);
	fixture->grace_ms = 3600000;
	order(fixture, ORDER_DRAIN);
	fixture_join(fixture);
	assert_int_equal(atomic_load(&fixture->drained_calls), 1);
	close(fd);
	fixture_end(fixture);
}

static void
connections_beyond_the_limit_are_told_so(void **state)
{
	(void)state;
	struct fixture *fixture = fixture_start((struct tl_server_options){ .connections_max = 2 });
	char answer[4096];
	int first = raw_connect(fixture->port), second = raw_connect(fixture->port);
	assert_true(raw_send_z(first, "GET /big?1 HTTP/1.1\r\nHost: x\r\n\r\n") &&
		    raw_receive_until(first, "\r\n\r\nx", answer, sizeof answer));
	assert_true(raw_send_z(second, "GET /big?1 HTTP/1.1\r\nHost: x\r\n\r\n") &&
		    raw_receive_until(second, "\r\n\r\nx", answer, sizeof answer));
	assert_refused(fixture, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 503);
	close(first);
	close(second);
	fixture_end(fixture);
}

static void
many_connections_at_once_are_all_answered(void **state)
{
	struct fixture *fixture = *state;
	int fds[200];
	char answer[200];
	for (size_t i = 0; i < 200; i++) {
		fds[i] = raw_connect(fixture->port);
		assert_true(fds[i] >= 0);
		assert_true(raw_send_z(fds[i], "GET /big?1 HTTP/1.1\r\nHost: x\r\n"));
	}
	for (size_t i = 200; i-- > 0;)
		assert_true(raw_send_z(fds[i], "\r\n"));
	for (size_t i = 0; i < 200; i++) {
		assert_true(raw_receive_until(fds[i], "\r\n\r\nx", answer, sizeof answer));
		close(fds[i]);
	}
}

/* ---- opening, draining, closing ---- */

static void
a_port_in_use_is_busy(void **state)
{
	struct fixture *fixture = *state;
	struct tl_loop *loop;
	struct tl_server *server = NULL;
	struct tl_err err;
	struct tl_server_options options = { .host = TL_STR("127.0.0.1"), .port = fixture->port, .handler = handle };
	assert_int_equal(tl_loop_open(&loop, &err), TL_OK);
	assert_int_equal(tl_server_open(loop, &options, &server, &err), TL_ERR_BUSY);
	options.host = TL_STR("no-address");
	assert_int_equal(tl_server_open(loop, &options, &server, &err), TL_ERR_USAGE);
	assert_null(server);
	tl_loop_close(loop);
	tl_server_close(NULL);
}

static void
draining_answers_what_is_under_way_and_takes_nothing_new(void **state)
{
	struct fixture *fixture = *state;
	char answer[4096];
	int idle = raw_connect(fixture->port), busy = raw_connect(fixture->port);
	assert_true(raw_send_z(idle, "GET /big?1 HTTP/1.1\r\nHost: x\r\n\r\n") &&
		    raw_receive_until(idle, "\r\n\r\nx", answer, sizeof answer));
	assert_true(raw_send_z(busy, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
	assert_true(raw_receive_until(busy, "\r\n\r\n", answer, sizeof answer));
	fixture->grace_ms = 3600000;
	order(fixture, ORDER_DRAIN);
	assert_int_equal(raw_receive_all(idle, answer, sizeof answer), 0);
	assert_int_equal(raw_connect(fixture->port), -1);
	assert_true(raw_send_z(busy, "ok"));
	assert_true(raw_receive_all(busy, answer, sizeof answer) > 0);
	assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
	assert_non_null(strstr(answer, "[2]ok"));
	close(idle);
	close(busy);
	fixture_join(fixture);
	assert_int_equal(atomic_load(&fixture->drained_calls), 1);
}

static void
draining_ends_when_its_grace_is_over(void **state)
{
	struct fixture *fixture = *state;
	char answer[4096];
	int busy = raw_connect(fixture->port);
	assert_true(raw_send_z(busy, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
	assert_true(raw_receive_until(busy, "\r\n\r\n", answer, sizeof answer));
	fixture->grace_ms = 20;
	order(fixture, ORDER_DRAIN);
	fixture_join(fixture);
	assert_int_equal(atomic_load(&fixture->drained_calls), 1);
	close(busy);
}

static void
a_server_may_be_closed_by_its_own_handler(void **state)
{
	struct fixture *fixture = *state;
	char answer[4096];
	int fd = raw_connect(fixture->port);
	assert_true(raw_send_z(fd, "GET /close HTTP/1.1\r\nHost: x\r\n\r\n"));
	assert_int_equal(raw_receive_all(fd, answer, sizeof answer), 0);
	close(fd);
	assert_int_equal(raw_connect(fixture->port), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_handed_over_whole),
		TEST(a_field_may_be_empty),
		TEST(an_absolute_target_is_taken_when_it_agrees_with_host),
		TEST(pipelined_requests_are_answered_in_order),
		TEST(pipelined_requests_behind_a_big_answer_are_not_lost),
		TEST(a_request_may_come_byte_by_byte),
		TEST(a_body_of_exactly_the_limit_is_taken),
		TEST(a_client_that_waits_is_told_to_continue),
		TEST(head_is_answered_without_body),
		TEST(no_content_has_no_length),
		TEST(http_1_0_closes_unless_asked_not_to),
		TEST(a_line_break_in_an_answers_field_becomes_500),
		TEST(other_upgrades_are_passed_over),
		TEST(what_is_no_request_is_refused),
		TEST(what_is_too_long_is_refused_with_its_status),
		TEST(a_head_of_nearly_the_limit_is_taken),
		TEST(a_body_that_is_too_large_does_not_hide_its_answer),
		cmocka_unit_test(a_request_that_never_ends_is_timed_out),
		cmocka_unit_test(dripping_bytes_does_not_prolong_a_request),
		cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
		cmocka_unit_test(a_peer_that_reads_nothing_is_given_up),
		cmocka_unit_test(connections_beyond_the_limit_are_told_so),
		TEST(many_connections_at_once_are_all_answered),
		TEST(a_port_in_use_is_busy),
		TEST(draining_answers_what_is_under_way_and_takes_nothing_new),
		TEST(draining_ends_when_its_grace_is_over),
		TEST(a_server_may_be_closed_by_its_own_handler),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
