/* net, private: what the server's own files share. The only header here that needs libuv's; server*.c alone include it. */
#ifndef TL_NET_SERVER_H
#define TL_NET_SERVER_H

#include <uv.h>

#include "internal.h"
#include "server_parser.h"
#include "websocket.h"

#define SERVER_READ_SIZE      (64u << 10) /* one read */
#define SERVER_LINGER_MS      1000u       /* after the last answer: for the peer to read it and close */
#define SERVER_ACCEPT_WAIT_MS 100u
#define SERVER_REFUSED_MAX    64u /* connections above the limit that are still told so; others are just closed */

/* What a connection is doing; each has its own timeout. */
enum connection_state {
	CONNECTION_IDLE,      /* between requests */
	CONNECTION_READING,   /* some of a request has come */
	CONNECTION_WRITING,   /* an answer is on its way; nothing is read meanwhile, so that memory stays bounded */
	CONNECTION_LINGERING, /* nothing more will be said; what comes is thrown away, else TCP would reset and lose the answer */
	CONNECTION_CLOSED
};

struct connection {
	LIST_ENTRY(connection) entry;
	struct tl_server *server;
	uv_tcp_t tcp;
	uv_timer_t timer;
	unsigned open_handles;
	enum connection_state state;
	struct server_parser *parser;
	bool close_after;       /* the answer under way is the last */
	struct tl_buf leftover; /* read together with the request under way, not parsed yet */
	uv_write_t write;
	uv_shutdown_t shutdown;
	struct tl_buf output; /* what the kernel did not take at once */
	size_t output_left;   /* at the last look of the timer */
};

struct tl_server {
	struct loop_part part;
	uv_loop_t *loop;
	uv_tcp_t listener;
	uv_timer_t drainer;
	uv_timer_t accept_timer;
	unsigned open_handles; /* the three above, and one for each connection */
	struct tl_server_options options;
	struct websocket_layer *websockets;
	LIST_HEAD(, connection) connections;
	size_t connection_count;
	uint16_t port;
	bool draining, closed;
	void (*on_drained)(void *context);
	void *drained_context;
	char read_buffer[SERVER_READ_SIZE]; /* of whichever connection is being read */
};

/* Takes a pending connection off the listener. */
void connection_accept(struct tl_server *server);
void connection_close(struct connection *connection);
/* Starts the timeout of a state anew. */
void connection_enter(struct connection *connection, enum connection_state state, uint64_t timeout_ms);
/* All of an answer has left: goes on with the next request, or lingers. Does not parse by itself. */
void connection_answered(struct connection *connection);
/* What was left over while an answer was on its way; then reads on. */
void connection_go_on(struct connection *connection);

/* Sends what the handler filled in. False: not all of it left at once; connection_go_on is called when it has. */
bool answer_send(struct connection *connection, const struct tl_server_response *response);
/* Sends a problem of our own and makes it the last answer. */
bool answer_problem(struct connection *connection, unsigned status);
void answer_continue(struct connection *connection);

/* There is no memory for a connection just now. libuv asks for none until the one it has is taken. */
void server_accept_later(struct tl_server *server);
/* A connection has gone. */
void server_connection_gone(struct tl_server *server);
/* One of the server's handles has closed; the last frees it. */
void server_release(struct tl_server *server);

#endif
