/* net, private: the WebSocket side of a server: sockets whose upgrade the server has accepted, served by libwebsockets on
 * the same loop. */
#ifndef TL_NET_WEBSOCKET_H
#define TL_NET_WEBSOCKET_H

#include "internal.h"

struct websocket_layer;

/* `on_gone` is told after each socket that has gone, from the loop. Owned, websocket_layer_close. */
enum tl_status websocket_layer_open(struct tl_loop *loop, const struct tl_websocket_events *events,
	void (*on_gone)(void *context), void *gone_context, struct websocket_layer **ret_layer, struct tl_err *err);
/* Answers an upgrade and serves the socket from then on. `fd` is moved, also on failure; `rest` is what came behind the
 * request. */
void websocket_adopt(struct websocket_layer *layer, int fd, tl_str key, tl_bytes rest, void *websocket_context);
size_t websocket_count(const struct websocket_layer *layer);
void websocket_close_all(struct websocket_layer *layer, uint16_t code);
/* Tells `close` of every socket still open during the call, and nothing after it. The rest goes on the loop. Accepts NULL. */
void websocket_layer_close(struct websocket_layer *layer);

#endif
