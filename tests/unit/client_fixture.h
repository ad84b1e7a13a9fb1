/* For the tests of net's client: a peer on loopback that follows a script in a thread of its own, and one call with what came of
 * it. */
#ifndef CLIENT_FIXTURE_H
#define CLIENT_FIXTURE_H

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

static inline void
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

static inline void *
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

static inline void
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

static inline void
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

static inline void
on_end(void *context, struct tl_stamp at, const struct tl_http_end *end)
{
	struct outcome *outcome = context;
	assert_true(at.mono_ns > 0);
	outcome->ends++;
	outcome->end = *end;
	assert_null(strchr(end->message, '\n'));
	tl_buf_add_z(&outcome->message, end->message);
}

static inline void
start_peer(struct outcome *outcome, const struct step *steps)
{
	outcome->peer.steps = steps;
	outcome->peer.listener = raw_listen(&outcome->peer.port);
	assert_true(outcome->peer.listener >= 0);
	assert_int_equal(pthread_create(&outcome->peer.thread, NULL, follow, &outcome->peer), 0);
}

static inline void
start_call(struct outcome *outcome, const struct tl_http_request *request)
{
	struct tl_http_events events = { .context = outcome, .head = on_head, .chunk = on_chunk, .end = on_end };
	assert_int_equal(tl_http_call_start(outcome->loop, request, events, &outcome->call, &err), TL_OK);
	assert_int_equal(outcome->ends, 0);
}

static inline void
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

static inline void
get_later(struct outcome *outcome, void (*end)(void *, struct tl_stamp, const struct tl_http_end *))
{
	char url[100];
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", outcome->peer.port);
	struct tl_http_events events = { .context = outcome, .head = on_head, .chunk = on_chunk, .end = end };
	struct tl_http_request request = { .method = TL_STR("GET"), .url = tl_str_of(url) };
	assert_int_equal(tl_http_call_start(outcome->loop, &request, events, &outcome->call, &err), TL_OK);
}

static inline void
join_peer(struct outcome *outcome)
{
	if (outcome->peer.listener > 0) {
		assert_int_equal(pthread_join(outcome->peer.thread, NULL), 0);
		close(outcome->peer.listener);
		outcome->peer.listener = 0;
	}
}

static inline int
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

static inline int
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

/* The peers are on this machine: a proxy from the environment must not stand between. */
static inline void
forget_proxies(void)
{
	static const char *const proxies[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
	for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
		(void)unsetenv(proxies[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
