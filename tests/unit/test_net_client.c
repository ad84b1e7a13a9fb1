/* net/client: real requests to a scripted peer on loopback, which follows its script in a thread of its own. */
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <tracellm/net.h>

#include "raw_socket.h"

/* ---- the peer ---- */

enum act { ACT_END, ACT_ACCEPT, ACT_READ, ACT_SEND, ACT_REPEAT, ACT_CLOSE, ACT_RESET, ACT_WAIT_CLOSE };

struct step {
	enum act act;
	const char *text; /* SEND, REPEAT */
	size_t times;     /* REPEAT: until the peer is gone, at most so often */
};

struct peer {
	int listener;
	uint16_t port;
	pthread_t thread;
	const struct step *steps;
	char request[1 << 16]; /* the last one read: head and body */
};

static void
read_request(int fd, char *out, size_t size)
{
	if (!raw_receive_until(fd, "\r\n\r\n", out, size))
		return;
	size_t len = strlen(out);
	const char *length = strcasestr(out, "\r\ncontent-length:");
	size_t body = length ? strtoul(length + 17, NULL, 10) : 0;
	if (body < size - len && raw_receive(fd, out + len, body))
		out[len + body] = '\0';
}

static void *
follow(void *context)
{
	struct peer *peer = context;
	int fd = -1;
	char byte;
	for (const struct step *step = peer->steps; step->act != ACT_END; step++) {
		switch (step->act) {
		case ACT_ACCEPT:
			fd = accept(peer->listener, NULL, NULL);
			raw_bound(fd);
			break;
		case ACT_READ:
			read_request(fd, peer->request, sizeof peer->request);
			break;
		case ACT_SEND:
			(void)raw_send_z(fd, step->text);
			break;
		case ACT_REPEAT:
			for (size_t i = 0; i < step->times && raw_send_z(fd, step->text); i++)
				;
			break;
		case ACT_WAIT_CLOSE:
			while (recv(fd, &byte, 1, 0) > 0)
				;
			break;
		case ACT_CLOSE:
			(void)close(fd);
			fd = -1;
			break;
		case ACT_RESET:
			raw_reset(fd);
			fd = -1;
			break;
		case ACT_END:
			break;
		}
	}
	if (fd >= 0)
		(void)close(fd);
	return NULL;
}

/* ---- one call and what came of it ---- */

struct outcome {
	struct tl_loop *loop;
	struct tl_http_call *call;
	struct peer peer;
	unsigned heads, ends, chunks, status;
	struct tl_buf fields; /* "name=value\n" each */
	struct tl_buf body;
	size_t body_bytes;
	struct tl_http_end end;
	struct tl_buf message;
	bool cancel_at_head, keep_body;
	unsigned calls_left;
};

static struct tl_err err;

static void
on_head(void *context, struct tl_stamp at, unsigned status, const struct tl_pair *fields, size_t count)
{
	struct outcome *outcome = context;
	assert_true(at.mono_ns > 0);
	assert_int_equal(outcome->ends, 0);
	outcome->heads++;
	outcome->status = status;
	for (size_t i = 0; i < count; i++)
		tl_buf_printf(&outcome->fields, "%.*s=%.*s\n", TL_FMT(fields[i].name), TL_FMT(fields[i].value));
	if (outcome->cancel_at_head)
		tl_http_call_cancel(outcome->call);
}

static void
on_chunk(void *context, struct tl_stamp at, tl_bytes bytes)
{
	struct outcome *outcome = context;
	assert_true(at.mono_ns > 0);
	assert_int_equal(outcome->heads, 1);
	outcome->chunks++;
	outcome->body_bytes += bytes.len;
	if (outcome->keep_body)
		tl_buf_add(&outcome->body, bytes.ptr, bytes.len);
}

static void
on_end(void *context, struct tl_stamp at, const struct tl_http_end *end)
{
	struct outcome *outcome = context;
	assert_true(at.mono_ns > 0);
	outcome->ends++;
	outcome->end = *end;
	assert_null(strchr(end->message, '\n'));
	tl_buf_add_z(&outcome->message, end->message);
}

static void
start_peer(struct outcome *outcome, const struct step *steps)
{
	outcome->peer.steps = steps;
	outcome->peer.listener = raw_listen(&outcome->peer.port);
	assert_true(outcome->peer.listener >= 0);
	assert_int_equal(pthread_create(&outcome->peer.thread, NULL, follow, &outcome->peer), 0);
}

static void
start_call(struct outcome *outcome, const struct tl_http_request *request)
{
	struct tl_http_events events = { .context = outcome, .head = on_head, .chunk = on_chunk, .end = on_end };
	assert_int_equal(tl_http_call_start(outcome->loop, request, events, &outcome->call, &err), TL_OK);
	assert_int_equal(outcome->ends, 0);
}

static void
get(struct outcome *outcome, const struct tl_pair *fields, size_t count, uint64_t timeout_ms)
{
	char url[100];
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/v1?key=SECRET", outcome->peer.port);
	struct tl_http_request request = {
		.method = TL_STR("GET"),
		.url = tl_str_of(url),
		.fields = fields,
		.field_count = count,
		.timeout_ms = timeout_ms,
	};
	start_call(outcome, &request);
	tl_loop_run(outcome->loop);
	assert_int_equal(outcome->ends, 1);
	assert_int_equal(tl_str_find(tl_buf_str(&outcome->message), TL_STR("SECRET")), SIZE_MAX);
}

static void
get_later(struct outcome *outcome, void (*end)(void *, struct tl_stamp, const struct tl_http_end *))
{
	char url[100];
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", outcome->peer.port);
	struct tl_http_events events = { .context = outcome, .head = on_head, .chunk = on_chunk, .end = end };
	struct tl_http_request request = { .method = TL_STR("GET"), .url = tl_str_of(url) };
	assert_int_equal(tl_http_call_start(outcome->loop, &request, events, &outcome->call, &err), TL_OK);
}

static void
join_peer(struct outcome *outcome)
{
	if (outcome->peer.listener > 0) {
		assert_int_equal(pthread_join(outcome->peer.thread, NULL), 0);
		close(outcome->peer.listener);
		outcome->peer.listener = 0;
	}
}

static int
setup(void **state)
{
	struct outcome *outcome = calloc(1, sizeof *outcome);
	assert_non_null(outcome);
	tl_buf_init(&outcome->fields, 1 << 20);
	tl_buf_init(&outcome->body, 1 << 20);
	tl_buf_init(&outcome->message, 1 << 10);
	outcome->keep_body = true;
	assert_int_equal(tl_loop_open(&outcome->loop, &err), TL_OK);
	*state = outcome;
	return 0;
}

static int
teardown(void **state)
{
	struct outcome *outcome = *state;
	tl_loop_close(outcome->loop);
	join_peer(outcome);
	tl_buf_done(&outcome->fields);
	tl_buf_done(&outcome->body);
	tl_buf_done(&outcome->message);
	free(outcome);
	return 0;
}

#define PEER(outcome, ...)                                                        \
	static const struct step steps[] = { __VA_ARGS__, { ACT_END, NULL, 0 } }; \
	start_peer(outcome, steps)
#define DO(act)              \
	{                    \
		act, NULL, 0 \
	}
#define SEND(text)                \
	{                         \
		ACT_SEND, text, 0 \
	}
#define HEAD(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	/* The peers are on this machine: a proxy from the environment must not stand between. */
	static const char *const proxies[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
	for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
		(void)unsetenv(proxies[i]);
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
		TEST(a_call_cancelled_at_once_ends_from_the_loop),
		TEST(a_call_may_be_cancelled_from_its_own_callback),
		TEST(closing_the_loop_cancels_calls_under_way),
		TEST(unusable_requests_are_refused_without_showing_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
