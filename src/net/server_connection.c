/* net/server_connection: one connection: reading, its timeouts, requests in order, the hand-over to a WebSocket. Knows no
 * route. */
#include "server.h"

#include <fcntl.h>

static void process(struct connection *connection, tl_bytes bytes);

/* ---- the end ---- */

static void
handle_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;
	if (--connection->open_handles)
		return;
	struct tl_server *server = connection->server;
	server_parser_close(connection->parser);
	tl_buf_done(&connection->leftover);
	tl_buf_done(&connection->output);
	tl_free(connection);
	server_release(server);
}

void
connection_close(struct connection *connection)
{
	if (connection->state == CONNECTION_CLOSED)
		return;
	connection->state = CONNECTION_CLOSED;
	LIST_REMOVE(connection, entry);
	uv_close((uv_handle_t *)&connection->tcp, handle_closed);
	uv_close((uv_handle_t *)&connection->timer, handle_closed);
	server_connection_gone(connection->server);
}

/* ---- states ---- */

static void
timed_out(uv_timer_t *timer)
{
	struct connection *connection = timer->data;
	size_t left = uv_stream_get_write_queue_size((uv_stream_t *)&connection->tcp);
	switch (connection->state) {
	case CONNECTION_READING:
		(void)answer_problem(connection, 408);
		break;
	case CONNECTION_WRITING:
		if (left < connection->output_left) {
			connection->output_left = left;
			connection_enter(connection, CONNECTION_WRITING, connection->server->options.write_timeout_ms);
			break;
		}
		connection_close(connection);
		break;
	default:
		connection_close(connection);
		break;
	}
}

void
connection_enter(struct connection *connection, enum connection_state state, uint64_t timeout_ms)
{
	connection->state = state;
	(void)uv_timer_start(&connection->timer, timed_out, timeout_ms, 0);
}

static void
shut_down(uv_shutdown_t *shutdown, int status)
{
	(void)shutdown;
	(void)status; /* the peer's close, or the timeout, ends the connection either way */
}

static void
linger(struct connection *connection)
{
	connection_enter(connection, CONNECTION_LINGERING, SERVER_LINGER_MS);
	if (uv_shutdown(&connection->shutdown, (uv_stream_t *)&connection->tcp, shut_down))
		connection_close(connection);
}

void
connection_answered(struct connection *connection)
{
	if (connection->close_after) {
		linger(connection);
		return;
	}
	server_parser_reset(connection->parser);
	connection_enter(connection, CONNECTION_IDLE, connection->server->options.idle_timeout_ms);
}

/* ---- requests ---- */

/* The descriptor outlives the handle of libuv as a copy, which libwebsockets then owns. */
static void
hand_over(struct connection *connection, tl_bytes rest, void *websocket_context)
{
	uv_os_fd_t fd;
	if (uv_fileno((uv_handle_t *)&connection->tcp, &fd)) {
		connection_close(connection);
		return;
	}
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0) {
		(void)answer_problem(connection, 503);
		return;
	}
	const struct parsed *parsed = server_parser_parsed(connection->parser);
	struct tl_server *server = connection->server;
	/* Adopted first, so that a server being drained does not look empty between the two. */
	(void)uv_read_stop((uv_stream_t *)&connection->tcp);
	websocket_adopt(server->websockets, copy, parsed->websocket_key, rest, websocket_context);
	connection_close(connection);
}

static void
handle_request(struct connection *connection, tl_bytes rest)
{
	struct tl_server *server = connection->server;
	const struct parsed *parsed = server_parser_parsed(connection->parser);
	struct tl_server_response response = { 0 };
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	tl_arena_init(&arena, TL_SERVER_RESPONSE_LIMIT);
	server->options.handler(server->options.handler_context, &parsed->request, &arena, &response);
	if (connection->state == CONNECTION_CLOSED) /* the handler closed the server */
		return;
	if (response.accept_websocket && parsed->request.upgrade_websocket && !server->draining) {
		hand_over(connection, rest, response.websocket_context);
		return;
	}
	if (response.accept_websocket) {
		(void)answer_problem(connection, server->draining ? 503 : 400);
		return;
	}
	connection->close_after = !parsed->keep_alive || server->draining;
	(void)answer_send(connection, &response);
}

/* RFC 9112 2.2: an empty line before a request is passed over. */
static tl_bytes
skip_empty_lines(tl_bytes bytes)
{
	while (bytes.len && (*bytes.ptr == '\r' || *bytes.ptr == '\n')) {
		bytes.ptr++;
		bytes.len--;
	}
	return bytes;
}

static void
process(struct connection *connection, tl_bytes bytes)
{
	while (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_READING) {
		if (connection->state == CONNECTION_IDLE)
			bytes = skip_empty_lines(bytes);
		if (!bytes.len)
			return;
		if (connection->state == CONNECTION_IDLE)
			connection_enter(connection, CONNECTION_READING, connection->server->options.request_timeout_ms);
		size_t used = 0;
		enum parse_state state = server_parse(connection->parser, bytes, &used);
		bytes = (tl_bytes){ bytes.ptr + used, bytes.len - used };
		if (state == PARSE_READY)
			handle_request(connection, bytes);
		else if (state == PARSE_REFUSED)
			(void)answer_problem(connection, server_parser_parsed(connection->parser)->refused);
		else if (server_parser_wants_continue(connection->parser))
			answer_continue(connection);
	}
	if (connection->state == CONNECTION_WRITING && !connection->close_after) {
		tl_buf_add(&connection->leftover, bytes.ptr, bytes.len);
		if (connection->leftover.failed != TL_OK)
			connection_close(connection);
	}
}

/* ---- reading ---- */

static void
lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	(void)suggested;
	const struct connection *connection = handle->data;
	*ret = uv_buf_init(connection->server->read_buffer, SERVER_READ_SIZE);
}

static void
bytes_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct connection *connection = stream->data;
	if (len < 0)
		connection_close(connection);
	else if (connection->state != CONNECTION_LINGERING)
		process(connection, (tl_bytes){ (const uint8_t *)buf->base, (size_t)len });
}

static void
read_on(struct connection *connection)
{
	int failed = uv_read_start((uv_stream_t *)&connection->tcp, lend_buffer, bytes_read);
	if (failed && failed != UV_EALREADY)
		connection_close(connection);
}

void
connection_go_on(struct connection *connection)
{
	if (connection->state == CONNECTION_IDLE && connection->leftover.len) {
		TL_CLEANUP(tl_buf_done) struct tl_buf leftover = connection->leftover;
		tl_buf_init(&connection->leftover, SERVER_READ_SIZE);
		process(connection, tl_bytes_of(tl_buf_str(&leftover)));
	}
	if (connection->state != CONNECTION_WRITING && connection->state != CONNECTION_CLOSED)
		read_on(connection);
}

/* ---- the beginning ---- */

static void
free_unused(uv_handle_t *handle)
{
	struct connection *connection = handle->data;
	struct tl_server *server = connection->server;
	tl_free(connection);
	server_release(server);
}

void
connection_accept(struct tl_server *server)
{
	struct connection *connection = tl_alloc(1, sizeof *connection);
	if (!connection) {
		server_accept_later(server);
		return;
	}
	connection->server = server;
	(void)uv_tcp_init(server->loop, &connection->tcp);
	connection->tcp.data = connection->timer.data = connection;
	server->open_handles++;
	size_t count = server->connection_count + websocket_count(server->websockets);
	bool accepted = uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&connection->tcp) == 0;
	if (accepted && count < (size_t)server->options.connections_max + SERVER_REFUSED_MAX)
		connection->parser = server_parser_open();
	if (!connection->parser) {
		uv_close((uv_handle_t *)&connection->tcp, free_unused);
		return;
	}
	(void)uv_timer_init(server->loop, &connection->timer);
	connection->open_handles = 2;
	tl_buf_init(&connection->leftover, SERVER_READ_SIZE);
	LIST_INSERT_HEAD(&server->connections, connection, entry);
	server->connection_count++;
	(void)uv_tcp_nodelay(&connection->tcp, 1);
	connection_enter(connection, CONNECTION_IDLE, server->options.idle_timeout_ms);
	if (count >= server->options.connections_max)
		(void)answer_problem(connection, 503);
	connection_go_on(connection);
}
