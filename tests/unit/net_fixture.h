/* For the tests of net's server: a server on a loop in a thread of its own, so that a test can be a plain blocking client.
 * The handler answers by path and asserts nothing: a failed assertion leaves by longjmp, which must not cross threads. */
#ifndef NET_FIXTURE_H
#define NET_FIXTURE_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include <tracellm/net.h>

#include "raw_socket.h"

enum order { ORDER_NONE, ORDER_STOP, ORDER_DRAIN, ORDER_CLOSE };

struct fixture {
	struct tl_loop *loop;
	struct tl_server *server;
	struct tl_wake *wake;
	pthread_t thread;
	uint16_t port;
	bool running;
	atomic_int order;
	uint64_t grace_ms;
	atomic_uint requests, drained_calls;
	/* WebSockets */
	atomic_uint opened, closed, texts, frames_sent;
	struct tl_websocket *flooded;
	size_t frame_size;
	char *frame;
};

/* The request as text: what a test compares. */
static inline void
echo_request(const struct tl_server_request *request, struct tl_arena *arena, struct tl_server_response *response)
{
	struct tl_buf out;
	tl_buf_init(&out, 2u << 20);
	tl_buf_printf(&out, "%.*s %.*s ? %.*s\n", TL_FMT(request->method), TL_FMT(request->path), TL_FMT(request->query));
	for (size_t i = 0; i < request->field_count; i++)
		tl_buf_printf(&out, "%.*s=%.*s\n", TL_FMT(request->fields[i].name), TL_FMT(request->fields[i].value));
	tl_buf_printf(&out, "[%zu]", request->body.len);
	tl_buf_add(&out, request->body.ptr, request->body.len < 100 ? request->body.len : 100);
	response->status = 200;
	response->content_type = TL_STR("text/plain");
	response->body = tl_arena_bytes(arena, tl_bytes_of(tl_buf_str(&out)));
	tl_buf_done(&out);
}

static inline void
handle(void *context, const struct tl_server_request *request, struct tl_arena *arena, struct tl_server_response *response)
{
	static const struct tl_pair extra = { { "X-Extra", 7 }, { "yes", 3 } };
	static const struct tl_pair broken = { { "X-Broken", 8 }, { "a\r\nX-Injected: b", 16 } };
	struct fixture *fixture = context;
	atomic_fetch_add(&fixture->requests, 1);
	uint64_t size;
	if (tl_str_equal(request->path, TL_STR("/big")) && tl_str_to_u64(request->query, &size)) {
		char *body = tl_arena_alloc(arena, size + 1);
		memset(body, 'x', size);
		*response = (struct tl_server_response){ .status = 200, .body = { (uint8_t *)body, size } };
	} else if (tl_str_equal(request->path, TL_STR("/empty"))) {
		*response = (struct tl_server_response){ .status = 204, .fields = &extra, .field_count = 1 };
	} else if (tl_str_equal(request->path, TL_STR("/broken"))) {
		*response = (struct tl_server_response){ .status = 200, .fields = &broken, .field_count = 1 };
	} else if (tl_str_equal(request->path, TL_STR("/ws"))) {
		response->status = request->upgrade_websocket ? 0 : 426;
		response->accept_websocket = request->upgrade_websocket;
		response->websocket_context = fixture;
	} else if (tl_str_equal(request->path, TL_STR("/forbidden"))) {
		response->status = 403;
	} else if (tl_str_equal(request->path, TL_STR("/close"))) {
		tl_server_close(fixture->server);
		fixture->server = NULL;
	} else {
		echo_request(request, arena, response);
	}
}

static inline void
socket_opened(void *context, struct tl_websocket *socket, void *websocket_context)
{
	(void)socket;
	struct fixture *fixture = context;
	if (websocket_context == context)
		atomic_fetch_add(&fixture->opened, 1);
}

static inline void
send_frame(struct fixture *fixture, struct tl_websocket *socket)
{
	if (tl_websocket_send(socket, (tl_str){ fixture->frame, fixture->frame_size }))
		atomic_fetch_add(&fixture->frames_sent, 1);
}

/* "flood" sends frames for ever, one after the other has drained; "close" and "server" close; all else is echoed. */
static inline void
socket_text(void *context, struct tl_websocket *socket, tl_str text)
{
	struct fixture *fixture = context;
	atomic_fetch_add(&fixture->texts, 1);
	if (tl_str_equal(text, TL_STR("flood"))) {
		fixture->flooded = socket;
		send_frame(fixture, socket);
	} else if (tl_str_equal(text, TL_STR("close"))) {
		tl_websocket_close(socket, 4001);
	} else if (tl_str_equal(text, TL_STR("server"))) {
		tl_server_close(fixture->server);
		fixture->server = NULL;
	} else {
		(void)tl_websocket_send(socket, text);
	}
}

static inline void
socket_drained(void *context, struct tl_websocket *socket)
{
	struct fixture *fixture = context;
	if (fixture->flooded == socket)
		send_frame(fixture, socket);
}

static inline void
socket_closed(void *context, struct tl_websocket *socket)
{
	struct fixture *fixture = context;
	if (fixture->flooded == socket)
		fixture->flooded = NULL;
	atomic_fetch_add(&fixture->closed, 1);
}

static inline void
drained(void *context)
{
	struct fixture *fixture = context;
	atomic_fetch_add(&fixture->drained_calls, 1);
	tl_loop_stop(fixture->loop);
}

static inline void
obey(void *context)
{
	struct fixture *fixture = context;
	switch (atomic_load(&fixture->order)) {
	case ORDER_STOP:
		tl_loop_stop(fixture->loop);
		break;
	case ORDER_DRAIN:
		tl_server_drain(fixture->server, fixture->grace_ms, drained, fixture);
		break;
	case ORDER_CLOSE:
		tl_server_close(fixture->server);
		fixture->server = NULL;
		break;
	default:
		break;
	}
}

static inline void
order(struct fixture *fixture, enum order what)
{
	atomic_store(&fixture->order, what);
	tl_wake_send(fixture->wake);
}

static inline void *
run_loop(void *context)
{
	struct fixture *fixture = context;
	tl_loop_run(fixture->loop);
	return NULL;
}

static inline struct fixture *
fixture_start(struct tl_server_options options)
{
	struct tl_err err;
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_non_null(fixture);
	fixture->frame_size = 60000;
	fixture->frame = malloc(fixture->frame_size);
	assert_non_null(fixture->frame);
	for (size_t i = 0; i < fixture->frame_size; i++)
		fixture->frame[i] = (char)('a' + i % 26);
	options.host = TL_STR("127.0.0.1");
	options.handler = handle;
	options.handler_context = fixture;
	options.websocket = (struct tl_websocket_events){
		.context = fixture, .open = socket_opened, .text = socket_text, .drained = socket_drained, .close = socket_closed
	};
	assert_int_equal(tl_loop_open(&fixture->loop, &err), TL_OK);
	assert_int_equal(tl_wake_open(fixture->loop, obey, fixture, &fixture->wake, &err), TL_OK);
	assert_int_equal(tl_server_open(fixture->loop, &options, &fixture->server, &err), TL_OK);
	fixture->port = tl_server_port(fixture->server);
	assert_int_equal(pthread_create(&fixture->thread, NULL, run_loop, fixture), 0);
	fixture->running = true;
	return fixture;
}

/* Waits for the loop to be left, which an order given before must bring about. */
static inline void
fixture_join(struct fixture *fixture)
{
	if (fixture->running)
		assert_int_equal(pthread_join(fixture->thread, NULL), 0);
	fixture->running = false;
}

static inline void
fixture_end(struct fixture *fixture)
{
	if (fixture->running)
		order(fixture, ORDER_STOP);
	fixture_join(fixture);
	tl_loop_close(fixture->loop); /* the server and its sockets with it */
	assert_int_equal(atomic_load(&fixture->opened), atomic_load(&fixture->closed));
	free(fixture->frame);
	free(fixture);
}

static inline int
fixture_setup(void **state)
{
	*state = fixture_start((struct tl_server_options){ 0 });
	return 0;
}

static inline int
fixture_teardown(void **state)
{
	fixture_end(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
