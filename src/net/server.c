/* net/server: listening, draining, closing. Knows connections only by their number. */
#include "server.h"

#include <netinet/in.h>
#include <string.h>

void
server_release(struct tl_server *server)
{
	if (--server->open_handles == 0)
		tl_free(server);
}

static void
handle_closed(uv_handle_t *handle)
{
	server_release(handle->data);
}

/* ---- draining ---- */

static void
tell_drained(uv_timer_t *timer)
{
	struct tl_server *server = timer->data;
	void (*on_drained)(void *) = server->on_drained;
	server->on_drained = NULL;
	if (on_drained)
		on_drained(server->drained_context);
}

static void
check_drained(struct tl_server *server)
{
	if (server->draining && !server->closed && !server->connection_count && !websocket_count(server->websockets))
		(void)uv_timer_start(&server->drainer, tell_drained, 0, 0);
}

void
server_connection_gone(struct tl_server *server)
{
	server->connection_count--;
	check_drained(server);
}

static void
websocket_gone(void *context)
{
	check_drained(context);
}

static void
stop_listening(struct tl_server *server)
{
	if (!uv_is_closing((uv_handle_t *)&server->listener))
		uv_close((uv_handle_t *)&server->listener, handle_closed);
}

void
tl_server_drain(struct tl_server *server, uint64_t grace_ms, void (*on_drained)(void *context), void *context)
{
	server->draining = true;
	server->on_drained = on_drained;
	server->drained_context = context;
	stop_listening(server);
	(void)uv_timer_start(&server->drainer, tell_drained, grace_ms, 0);
	struct connection *connection, *next;
	for (connection = LIST_FIRST(&server->connections); connection; connection = next) {
		next = LIST_NEXT(connection, entry);
		if (connection->state == CONNECTION_IDLE)
			connection_close(connection);
	}
	websocket_close_all(server->websockets, 1001);
	check_drained(server);
}

/* ---- closing ---- */

void
tl_server_close(struct tl_server *server)
{
	if (!server || server->closed)
		return;
	server->closed = true;
	loop_remove(&server->part);
	stop_listening(server);
	uv_close((uv_handle_t *)&server->drainer, handle_closed);
	uv_close((uv_handle_t *)&server->accept_timer, handle_closed);
	while (!LIST_EMPTY(&server->connections))
		connection_close(LIST_FIRST(&server->connections));
	websocket_layer_close(server->websockets);
}

static void
server_close(struct loop_part *part)
{
	tl_server_close(CONTAINER(part, struct tl_server, part));
}

/* ---- opening ---- */

static void
connection_pending(uv_stream_t *listener, int status)
{
	if (status == 0)
		connection_accept(listener->data);
}

static void
accept_again(uv_timer_t *timer)
{
	struct tl_server *server = timer->data;
	if (!uv_is_closing((uv_handle_t *)&server->listener))
		connection_accept(server);
}

void
server_accept_later(struct tl_server *server)
{
	(void)uv_timer_start(&server->accept_timer, accept_again, SERVER_ACCEPT_WAIT_MS, 0);
}

static uint16_t
bound_port(const uv_tcp_t *listener)
{
	struct sockaddr_storage address;
	int len = sizeof address;
	if (uv_tcp_getsockname(listener, (struct sockaddr *)&address, &len))
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static enum tl_status
listen_failed(const struct tl_server_options *options, int error, struct tl_err *err)
{
	if (error == UV_EADDRINUSE)
		return tl_err_set(err, TL_ERR_BUSY, "port %u on %.*s is in use", options->port, TL_FMT(options->host));
	return tl_err_errno(err, -error, "listening on %.*s port %u", TL_FMT(options->host), options->port);
}

/* libuv sets SO_REUSEADDR and close-on-exec itself. */
static enum tl_status
start_listening(struct tl_server *server, struct tl_err *err)
{
	const struct tl_server_options *options = &server->options;
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_storage address;
	if (options->host.len >= sizeof host)
		return tl_err_set(err, TL_ERR_USAGE, "the host to listen on must be an IPv4 or IPv6 address");
	(void)snprintf(host, sizeof host, "%.*s", TL_FMT(options->host));
	if (uv_ip4_addr(host, options->port, (struct sockaddr_in *)&address) &&
		uv_ip6_addr(host, options->port, (struct sockaddr_in6 *)&address))
		return tl_err_set(err, TL_ERR_USAGE, "the host to listen on must be an IPv4 or IPv6 address, not %s", host);
	int failed = uv_tcp_bind(&server->listener, (struct sockaddr *)&address, 0);
	if (!failed)
		failed = uv_listen((uv_stream_t *)&server->listener, 511, connection_pending);
	if (failed)
		return listen_failed(options, failed, err);
	server->port = bound_port(&server->listener);
	return TL_OK;
}

static void
set_defaults(struct tl_server_options *options)
{
	if (!options->idle_timeout_ms)
		options->idle_timeout_ms = TL_SERVER_IDLE_TIMEOUT_MS;
	if (!options->request_timeout_ms)
		options->request_timeout_ms = TL_SERVER_HEAD_TIMEOUT_MS;
	if (!options->write_timeout_ms)
		options->write_timeout_ms = TL_SERVER_WRITE_TIMEOUT_MS;
	if (!options->connections_max)
		options->connections_max = TL_SERVER_CONNECTIONS_MAX;
}

enum tl_status
tl_server_open(struct tl_loop *loop, const struct tl_server_options *options, struct tl_server **ret_server, struct tl_err *err)
{
	struct tl_server *server = tl_alloc(1, sizeof *server);
	if (!server)
		return tl_err_no_memory(err);
	server->options = *options;
	set_defaults(&server->options);
	server->loop = loop_uv(loop);
	LIST_INIT(&server->connections);
	(void)uv_tcp_init(server->loop, &server->listener);
	(void)uv_timer_init(server->loop, &server->drainer);
	(void)uv_timer_init(server->loop, &server->accept_timer);
	server->listener.data = server->drainer.data = server->accept_timer.data = server;
	server->open_handles = 3;
	server->part.close = server_close;
	loop_add_service(loop, &server->part);

	enum tl_status status = start_listening(server, err);
	if (status == TL_OK)
		status = websocket_layer_open(loop, &options->websocket, websocket_gone, server, &server->websockets, err);
	server->options.host = TL_STR(""); /* borrowed during this call only */
	if (status != TL_OK) {
		tl_server_close(server);
		return status;
	}
	*ret_server = server;
	return TL_OK;
}

uint16_t
tl_server_port(const struct tl_server *server)
{
	return server->port;
}
