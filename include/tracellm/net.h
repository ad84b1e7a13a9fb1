/* net: sockets and time on one libuv loop. HTTP client (curl multi), HTTP/1.1 server, WebSocket. Knows no trace, no route, no
 * event.
 *
 * One thread runs a loop; every call here belongs to that thread, except tl_wake_send. Callbacks run on it and must not
 * block. Handles close asynchronously: after a close call no callback of that handle runs any more; its memory goes when the
 * loop has let go of it. */
#ifndef TRACELLM_NET_H
#define TRACELLM_NET_H

#include <tracellm/base.h>

struct tl_loop;
struct tl_timer;
struct tl_wake;
struct tl_signal;
struct tl_watch;

/* Owned, tl_loop_close. Ignores SIGPIPE for the whole process unless it has a handler: writing to a peer that has gone must
 * be an error, not the end. */
enum tl_status tl_loop_open(struct tl_loop **ret_loop, struct tl_err *err);
/* Closes what is still open on it, lets the loop finish, frees it. Calls under way end with TL_HTTP_CANCELLED meanwhile;
 * timers and wakes still run until that is done, then never again. Accepts NULL. */
void tl_loop_close(struct tl_loop *loop);
/* Runs until tl_loop_stop, or until nothing is left that keeps it alive. */
void tl_loop_run(struct tl_loop *loop);
void tl_loop_stop(struct tl_loop *loop);

typedef void tl_timer_fn(void *context);
/* Once after `delay_ms`, then every `repeat_ms` (0: never again). Owned, tl_timer_close. Setting again restarts it. */
enum tl_status tl_timer_open(
	struct tl_loop *loop, tl_timer_fn *on_timer, void *context, struct tl_timer **ret_timer, struct tl_err *err);
void tl_timer_set(struct tl_timer *timer, uint64_t delay_ms, uint64_t repeat_ms);
void tl_timer_stop(struct tl_timer *timer);
void tl_timer_close(struct tl_timer *timer); /* accepts NULL */

/* A way in from other threads: sends are merged, the callback runs on the loop. */
enum tl_status tl_wake_open(
	struct tl_loop *loop, void (*on_wake)(void *context), void *context, struct tl_wake **ret_wake, struct tl_err *err);
void tl_wake_send(struct tl_wake *wake);  /* any thread */
void tl_wake_close(struct tl_wake *wake); /* accepts NULL */

enum tl_status tl_signal_open(struct tl_loop *loop, int signal_number, void (*on_signal)(void *context, int signal_number),
	void *context, struct tl_signal **ret_signal, struct tl_err *err);
void tl_signal_close(struct tl_signal *signal); /* accepts NULL */

/* Readability of a descriptor that stays the caller's and must outlive the watch. */
enum tl_status tl_watch_open(struct tl_loop *loop, int fd, void (*on_readable)(void *context), void *context,
	struct tl_watch **ret_watch, struct tl_err *err);
void tl_watch_close(struct tl_watch *watch); /* accepts NULL */

/* ---- HTTP client ----
 * One request, its response as it arrives: no redirects, no decoding of content encodings, http and https only, proxies from the
 * environment as curl reads them. */
enum tl_http_failure {
	TL_HTTP_DONE,
	TL_HTTP_DNS,
	TL_HTTP_CONNECT,
	TL_HTTP_TLS,
	TL_HTTP_TIMEOUT,
	TL_HTTP_RESET,
	TL_HTTP_TRUNCATED,
	TL_HTTP_TOO_LARGE,
	TL_HTTP_MALFORMED,
	TL_HTTP_CANCELLED,
	TL_HTTP_OTHER
};

struct tl_http_end {
	enum tl_http_failure failure;                                 /* TL_HTTP_DONE: the body is complete */
	const char *message;                                          /* one line; borrowed during the call */
	uint64_t dns_ns, connect_ns, tls_ns, first_byte_ns, total_ns; /* from the start; 0: did not happen */
	bool connection_reused;
};

struct tl_http_events {
	void *context;
	void (*head)(void *context, struct tl_stamp at, unsigned status, const struct tl_pair *fields,
		size_t count); /* final head, not 1xx */
	void (*chunk)(void *context, struct tl_stamp at, tl_bytes bytes);
	void (*end)(void *context, struct tl_stamp at, const struct tl_http_end *end); /* exactly once */
};

#define TL_HTTP_HEAD_LIMIT         (64u << 10) /* bytes of a response head */
#define TL_HTTP_BODY_LIMIT         (64u << 20) /* bytes of a response body */
#define TL_HTTP_CONNECT_TIMEOUT_MS 10000u

struct tl_http_request {
	tl_str method, url;
	const struct tl_pair *fields;
	size_t field_count;
	tl_bytes body;       /* borrowed until `end` */
	uint64_t timeout_ms; /* total; 0: none */
};

struct tl_http_call;
/* Starts. `fields` are sent as given and replace curl's own of that name. TL_ERR_USAGE: the URL cannot be used. On failure
 * nothing is told. Frees itself after `end`. */
enum tl_status tl_http_call_start(struct tl_loop *loop, const struct tl_http_request *request, struct tl_http_events events,
	struct tl_http_call **ret_call, struct tl_err *err);
/* `end` is told with TL_HTTP_CANCELLED, from the loop. */
void tl_http_call_cancel(struct tl_http_call *call);

/* ---- HTTP server ----
 * HTTP/1.0 and 1.1, keep-alive, pipelining (answered in order), chunked and sized request bodies, Expect: 100-continue, HEAD.
 * Every request is handed over whole. What is no request is answered by the server itself, as application/problem+json. */
#define TL_SERVER_HEAD_LIMIT       (16u << 10) /* request line and fields; 431 above */
#define TL_SERVER_FIELDS_MAX       128u        /* 431 above */
#define TL_SERVER_BODY_LIMIT       (1u << 20)  /* 413 above */
#define TL_SERVER_RESPONSE_LIMIT   (64u << 20) /* of the arena a handler is given */
#define TL_SERVER_CONNECTIONS_MAX  1024u       /* WebSockets count; further ones are answered 503 and closed */
#define TL_SERVER_IDLE_TIMEOUT_MS  60000u      /* between requests */
#define TL_SERVER_HEAD_TIMEOUT_MS  10000u      /* from the first byte of a request to its last */
#define TL_SERVER_WRITE_TIMEOUT_MS 30000u      /* a peer that reads nothing */

struct tl_server_request {
	tl_str method;
	tl_str path;                  /* percent-decoded, without the query; never contains NUL */
	tl_str query;                 /* raw, without '?' */
	const struct tl_pair *fields; /* names in lower case */
	size_t field_count;
	tl_bytes body;
	bool upgrade_websocket; /* a well-formed WebSocket upgrade */
};

/* What to answer. Slices are copied before the handler's return is acted on; `arena` lives until then. */
struct tl_server_response {
	unsigned status;
	tl_str content_type;
	const struct tl_pair *fields; /* further ones */
	size_t field_count;
	tl_bytes body;
	bool accept_websocket; /* answer to an upgrade: hand the socket over; status is ignored */
	void *websocket_context;
};

/* Fills `response` (zeroed before). Everything in `request` is borrowed during the call. `arena` is for what the response
 * holds. */
typedef void tl_server_handler_fn(
	void *context, const struct tl_server_request *request, struct tl_arena *arena, struct tl_server_response *response);

struct tl_websocket;
struct tl_websocket_events {
	void *context;
	void (*open)(void *context, struct tl_websocket *socket, void *websocket_context);
	void (*text)(void *context, struct tl_websocket *socket, tl_str text); /* a whole message, borrowed during the call */
	void (*drained)(void *context, struct tl_websocket *socket); /* the last frame given to send has left our buffers */
	void (*close)(void *context, struct tl_websocket *socket);   /* the handle is dead after this call */
};

#define TL_WEBSOCKET_MESSAGE_LIMIT 4096u      /* of a message received; 1009 above */
#define TL_WEBSOCKET_QUEUE_LIMIT   (1u << 20) /* bytes given to send and not yet written */
#define TL_WEBSOCKET_PING_MS       20000u     /* after so long a silence; closed after as long again without an answer */

struct tl_server;
struct tl_server_options {
	tl_str host;   /* "127.0.0.1" */
	uint16_t port; /* 0: any free one */
	tl_server_handler_fn *handler;
	void *handler_context;
	struct tl_websocket_events websocket;                                            /* all four must be set */
	uint32_t idle_timeout_ms, request_timeout_ms, write_timeout_ms, connections_max; /* 0: as defined above */
};

/* Listens. TL_ERR_BUSY: the port is in use. Owned, tl_server_close. */
enum tl_status tl_server_open(
	struct tl_loop *loop, const struct tl_server_options *options, struct tl_server **ret_server, struct tl_err *err);
uint16_t tl_server_port(const struct tl_server *server);
/* Stops listening, answers requests under way, closes WebSockets with 1001, then calls `on_drained` (may be NULL) at the
 * latest after `grace_ms`. */
void tl_server_drain(struct tl_server *server, uint64_t grace_ms, void (*on_drained)(void *context), void *context);
/* At once. `close` of every WebSocket still open is told during the call, nothing after it. Accepts NULL. */
void tl_server_close(struct tl_server *server);

/* Sends one text frame (copied). False: the socket is closing. At most one frame should be under way: wait for `drained`
 * before the next, so that a slow reader costs one frame here. Over TL_WEBSOCKET_QUEUE_LIMIT waiting bytes the socket is closed
 * with 1011. */
bool tl_websocket_send(struct tl_websocket *socket, tl_str text);
/* RFC 6455 7.4.1 code, sent after what was given to send before. `close` is told later, within seconds also when the peer
 * reads nothing. */
void tl_websocket_close(struct tl_websocket *socket, uint16_t code);

#endif
