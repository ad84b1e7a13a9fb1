/* net/websocket: WebSockets (RFC 6455) by libwebsockets, on sockets whose upgrade request the server has read and accepted.
 * Knows nothing of HTTP beyond the handshake.
 *
 * No extensions: permessage-deflate of Debian's 4.1.6 can be made to abort. LWS_CALLBACK_HTTP_CONFIRM_UPGRADE is not handled
 * on purpose: handling it reaches a use after free there. */
#include "websocket.h"

#include <libwebsockets.h>

#define PIECE_MAX       (64u << 10) /* one write; what the kernel does not take of it is copied by libwebsockets */
#define CLOSE_TIMEOUT_S 5           /* for a peer that does not let us say goodbye */

/* One message. The bytes are behind LWS_PRE, where libwebsockets builds the frame head. */
struct frame {
	STAILQ_ENTRY(frame) entry;
	size_t len, sent;
	unsigned char bytes[];
};

struct tl_websocket {
	LIST_ENTRY(tl_websocket) entry;
	struct websocket_layer *layer;
	struct lws *wsi;
	void *context;
	struct tl_buf message; /* being received */
	STAILQ_HEAD(, frame) frames;
	size_t queued;
	bool open;         /* `open` was told, `close` not yet */
	bool owes_drained; /* something was given to send since `drained` was told */
	bool closing;
	uint16_t close_code;
};

/* Belongs to libwebsockets once the context stands: it goes with it. */
struct websocket_layer {
	struct loop_part part;
	struct tl_loop *loop;
	struct tl_websocket_events events;
	void (*on_gone)(void *context);
	void *gone_context;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct lws_protocols protocols[2];
	struct tl_timer *destroyer;
	LIST_HEAD(, tl_websocket) sockets;
	size_t count;
	struct tl_websocket *adopting; /* not yet attached to a wsi */
	bool closed;
};

static const lws_retry_bo_t liveness = {
	.secs_since_valid_ping = TL_WEBSOCKET_PING_MS / 1000,
	.secs_since_valid_hangup = 2 * TL_WEBSOCKET_PING_MS / 1000,
};

/* ---- sockets ---- */

static void
tell_close(struct tl_websocket *socket)
{
	struct websocket_layer *layer = socket->layer;
	if (!socket->open)
		return;
	socket->open = false;
	socket->closing = true;
	layer->events.close(layer->events.context, socket);
}

static void
free_socket(struct tl_websocket *socket)
{
	struct websocket_layer *layer = socket->layer;
	struct frame *frame;
	while ((frame = STAILQ_FIRST(&socket->frames))) {
		STAILQ_REMOVE_HEAD(&socket->frames, entry);
		tl_free(frame);
	}
	LIST_REMOVE(socket, entry);
	layer->count--;
	tl_buf_done(&socket->message);
	tl_free(socket);
	if (!layer->closed)
		layer->on_gone(layer->gone_context);
}

/* From the callback of received bytes, -1 makes libwebsockets close, saying why to the peer. */
static int
refuse(struct tl_websocket *socket, enum lws_close_status code)
{
	socket->closing = true;
	lws_close_reason(socket->wsi, code, NULL, 0);
	return -1;
}

/* From the callback of a writable socket, -1 would lose the close frame: in Debian's build, which has _DEBUG, libwebsockets
 * then closes twice as a test of itself. */
static void
say_goodbye(struct tl_websocket *socket)
{
	lws_close_reason(socket->wsi, (enum lws_close_status)socket->close_code, NULL, 0);
	lws_set_timeout(socket->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

static int
receive(struct tl_websocket *socket, const void *bytes, size_t len)
{
	if (socket->closing)
		return 0;
	if (lws_frame_is_binary(socket->wsi))
		return refuse(socket, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE);
	tl_buf_add(&socket->message, bytes, len);
	if (socket->message.failed != TL_OK)
		return refuse(socket, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE);
	if (!lws_is_final_fragment(socket->wsi) || lws_remaining_packet_payload(socket->wsi))
		return 0;
	tl_str text = tl_buf_str(&socket->message);
	if (!tl_utf8_valid(text))
		return refuse(socket, LWS_CLOSE_STATUS_INVALID_PAYLOAD);
	struct websocket_layer *layer = socket->layer;
	layer->events.text(layer->events.context, socket, text);
	tl_buf_clear(&socket->message);
	return 0;
}

/* One piece of the first frame. False: the connection is gone. */
static bool
write_piece(struct tl_websocket *socket, struct frame *frame)
{
	size_t left = frame->len - frame->sent;
	size_t len = left < PIECE_MAX ? left : PIECE_MAX;
	int flags = lws_write_ws_flags(LWS_WRITE_TEXT, frame->sent == 0, len == left);
	if (lws_write(socket->wsi, frame->bytes + LWS_PRE + frame->sent, len, (enum lws_write_protocol)flags) < 0)
		return false;
	frame->sent += len;
	if (frame->sent == frame->len) {
		STAILQ_REMOVE_HEAD(&socket->frames, entry);
		socket->queued -= frame->len;
		tl_free(frame);
	}
	return true;
}

static int
writeable(struct tl_websocket *socket)
{
	struct websocket_layer *layer = socket->layer;
	struct frame *frame = STAILQ_FIRST(&socket->frames);
	/* A write behind one that is not through would lose its frame head. */
	if (frame && !lws_partial_buffered(socket->wsi) && !write_piece(socket, frame))
		return -1;
	if (!STAILQ_EMPTY(&socket->frames) || lws_partial_buffered(socket->wsi)) {
		lws_callback_on_writable(socket->wsi);
		return 0;
	}
	if (socket->owes_drained && socket->open) {
		socket->owes_drained = false;
		layer->events.drained(layer->events.context, socket);
	}
	if (socket->closing && STAILQ_EMPTY(&socket->frames))
		say_goodbye(socket);
	return 0;
}

static int
on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	(void)user;
	const struct lws_protocols *protocol = lws_get_protocol(wsi);
	struct websocket_layer *layer = protocol ? protocol->user : NULL;
	if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED && layer && layer->adopting) {
		layer->adopting->wsi = wsi;
		lws_set_opaque_user_data(wsi, layer->adopting);
		layer->adopting = NULL;
	}
	if (reason == LWS_CALLBACK_PROTOCOL_INIT || reason == LWS_CALLBACK_PROTOCOL_DESTROY)
		return 0;
	struct tl_websocket *socket = lws_get_opaque_user_data(wsi);
	if (!socket)
		return 0;
	if (reason == LWS_CALLBACK_WSI_DESTROY) {
		tell_close(socket);
		free_socket(socket);
		return 0;
	}
	layer = socket->layer;
	if (layer->closed)
		return reason == LWS_CALLBACK_CLOSED ? 0 : -1;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		socket->open = true;
		layer->events.open(layer->events.context, socket, socket->context);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return receive(socket, in, len);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return writeable(socket);
	case LWS_CALLBACK_CLOSED:
		tell_close(socket);
		return 0;
	case LWS_CALLBACK_HTTP: /* the handshake was no upgrade after all */
		return -1;
	default:
		return 0;
	}
}

/* ---- the door's calls ---- */

bool
tl_websocket_send(struct tl_websocket *socket, tl_str text)
{
	if (socket->closing)
		return false;
	struct frame *frame = NULL;
	if (text.len <= TL_WEBSOCKET_QUEUE_LIMIT - socket->queued)
		frame = tl_alloc(1, sizeof *frame + LWS_PRE + text.len);
	if (!frame) {
		tl_websocket_close(socket, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION);
		return false;
	}
	frame->len = text.len;
	if (text.len)
		memcpy(frame->bytes + LWS_PRE, text.ptr, text.len);
	STAILQ_INSERT_TAIL(&socket->frames, frame, entry);
	socket->queued += text.len;
	socket->owes_drained = true;
	lws_callback_on_writable(socket->wsi);
	return true;
}

void
tl_websocket_close(struct tl_websocket *socket, uint16_t code)
{
	if (socket->closing)
		return;
	socket->closing = true;
	socket->close_code = code;
	lws_set_timeout(socket->wsi, PENDING_TIMEOUT_USER_REASON_BASE, CLOSE_TIMEOUT_S);
	lws_callback_on_writable(socket->wsi);
	/* Its timer is set anew only when it serves something: without this a timeout from outside its callbacks waits for the
	 * next ping. */
	lws_cancel_service(socket->layer->context);
}

/* ---- the layer ---- */

/* The handshake is written anew from what was checked: libwebsockets hangs on some field names (X-Auth, X-Real) and would
 * negotiate what we do not speak. */
static void
write_handshake(struct tl_buf *out, tl_str key, tl_bytes rest)
{
	tl_buf_init(out, 1024 + rest.len);
	tl_buf_printf(out,
		"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: %.*s\r\n\r\n",
		TL_FMT(key));
	tl_buf_add(out, rest.ptr, rest.len);
}

void
websocket_adopt(struct websocket_layer *layer, int fd, tl_str key, tl_bytes rest, void *websocket_context)
{
	struct tl_websocket *socket = tl_alloc(1, sizeof *socket);
	TL_CLEANUP(tl_buf_done) struct tl_buf handshake;
	write_handshake(&handshake, key, rest);
	if (!socket || handshake.failed != TL_OK) {
		tl_free(socket);
		(void)close(fd);
		return;
	}
	socket->layer = layer;
	socket->context = websocket_context;
	tl_buf_init(&socket->message, TL_WEBSOCKET_MESSAGE_LIMIT);
	STAILQ_INIT(&socket->frames);
	LIST_INSERT_HEAD(&layer->sockets, socket, entry);
	layer->count++;
	layer->adopting = socket;
	(void)lws_adopt_socket_vhost_readbuf(layer->vhost, fd, handshake.ptr, handshake.len);
	if (layer->adopting) { /* refused before there was a wsi */
		layer->adopting = NULL;
		free_socket(socket);
	}
	lws_cancel_service(layer->context); /* for its timers, as in tl_websocket_close */
}

size_t
websocket_count(const struct websocket_layer *layer)
{
	return layer->count;
}

void
websocket_close_all(struct websocket_layer *layer, uint16_t code)
{
	struct tl_websocket *socket;
	LIST_FOREACH(socket, &layer->sockets, entry)
	tl_websocket_close(socket, code);
}

/* The second call frees the context, and the layer with it. With a loop that is not its own, libwebsockets wants it when its
 * handles are closed. */
static void
destroy_remains(struct loop_part *part)
{
	lws_context_destroy(CONTAINER(part, struct websocket_layer, part)->context);
}

/* The first call closes sockets and handles; from the loop, and from none of libwebsockets' own callbacks. */
static void
destroy(void *context)
{
	struct websocket_layer *layer = context;
	loop_remove(&layer->part);
	layer->part.close = destroy_remains;
	loop_add_remains(layer->loop, &layer->part);
	tl_timer_close(layer->destroyer);
	lws_context_destroy(layer->context);
}

void
websocket_layer_close(struct websocket_layer *layer)
{
	if (!layer || layer->closed)
		return;
	struct tl_websocket *socket;
	LIST_FOREACH(socket, &layer->sockets, entry)
	tell_close(socket);
	layer->closed = true;
	tl_timer_set(layer->destroyer, 0, 0);
}

static void
layer_close(struct loop_part *part)
{
	websocket_layer_close(CONTAINER(part, struct websocket_layer, part));
}

static enum tl_status
create_context(struct tl_loop *loop, struct websocket_layer *layer, struct tl_err *err)
{
	void *loops[] = { loop_uv(loop) };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = layer->protocols,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
		.foreign_loops = loops,
		.vhost_name = "tracellm",
		.retry_and_idle_policy = &liveness,
		.external_baggage_free_on_destroy = layer,
	};
	lws_set_log_level(0, NULL);
	layer->context = lws_create_context(&info);
	if (!layer->context)
		return tl_err_set(err, TL_ERR_NET,
			"libwebsockets cannot start on the event loop; is its libuv plugin (Debian: libwebsockets-evlib-uv) "
			"installed?");
	layer->vhost = lws_create_vhost(layer->context, &info);
	if (!layer->vhost)
		return tl_err_set(err, TL_ERR_NET, "libwebsockets cannot set up a virtual host");
	return TL_OK;
}

enum tl_status
websocket_layer_open(struct tl_loop *loop, const struct tl_websocket_events *events, void (*on_gone)(void *context),
	void *gone_context, struct websocket_layer **ret_layer, struct tl_err *err)
{
	struct websocket_layer *layer = tl_alloc(1, sizeof *layer);
	if (!layer)
		return tl_err_no_memory(err);
	layer->loop = loop;
	layer->events = *events;
	layer->on_gone = on_gone;
	layer->gone_context = gone_context;
	LIST_INIT(&layer->sockets);
	layer->protocols[0] = (struct lws_protocols){
		.name = "tracellm",
		.callback = on_event,
		.rx_buffer_size = TL_WEBSOCKET_MESSAGE_LIMIT,
		.user = layer,
		.tx_packet_size = PIECE_MAX, /* else it writes no more than it reads, 4 KiB */
	};
	enum tl_status status = tl_timer_open(loop, destroy, layer, &layer->destroyer, err);
	if (status != TL_OK) {
		tl_free(layer);
		return status;
	}
	layer->part.close = layer_close;
	loop_add_service(loop, &layer->part);
	status = create_context(loop, layer, err);
	if (status != TL_OK && layer->context) {
		websocket_layer_close(layer);
	} else if (status != TL_OK) {
		loop_remove(&layer->part);
		tl_timer_close(layer->destroyer);
		tl_free(layer);
	} else {
		*ret_layer = layer;
	}
	return status;
}
