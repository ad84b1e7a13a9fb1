/* For tests of the live channel: a WebSocket client (RFC 6455) by hand over a blocking socket of raw_socket.h. Text frames
 * only. */
#ifndef RAW_WEBSOCKET_H
#define RAW_WEBSOCKET_H

#include <stdio.h>
#include <stdlib.h>

#include "raw_socket.h"

#define WS_MESSAGE_MAX (64u << 10)

/* What came: a message, or the end. */
enum ws_kind { WS_TEXT, WS_CLOSED };

struct ws {
	int fd;
	unsigned close_code; /* after WS_CLOSED; 0: the connection ended without one */
	size_t len;
	char text[WS_MESSAGE_MAX + 1]; /* the last message, terminated */
};

/* Sends the handshake on `fd` and returns the status of the answer, 0 when there is none. */
static inline unsigned
ws_shake(int fd, const char *target, const char *host, const char *fields)
{
	char text[2048], answer[8192];
	unsigned status = 0;
	(void)snprintf(text, sizeof text,
		"GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
		target, host, fields);
	if (!raw_send_z(fd, text) || !raw_receive_until(fd, "\r\n\r\n", answer, sizeof answer) ||
		sscanf(answer, "HTTP/1.1 %u", &status) != 1)
		return 0;
	return status;
}

static inline bool
ws_send_frame(struct ws *ws, unsigned opcode, const void *payload, size_t len)
{
	unsigned char frame[16384] = { (unsigned char)(0x80 | opcode) };
	size_t at = 2;
	if (len > sizeof frame - 8)
		return false;
	if (len < 126) {
		frame[1] = (unsigned char)(0x80 | len);
	} else {
		frame[1] = 0x80 | 126;
		frame[at++] = (unsigned char)(len >> 8);
		frame[at++] = (unsigned char)len;
	}
	at += 4; /* a mask of zeros is a mask */
	if (len)
		memcpy(frame + at, payload, len);
	return raw_send(ws->fd, frame, at + len);
}

static inline bool
ws_send(struct ws *ws, const char *text)
{
	return ws_send_frame(ws, 1, text, strlen(text));
}

/* One frame's payload, added to the message. False: the connection ended. */
static inline bool
ws_receive_frame(struct ws *ws, size_t at, unsigned *ret_first, size_t *ret_len)
{
	unsigned char head[2], wide[8];
	if (!raw_receive(ws->fd, head, 2))
		return false;
	size_t len = head[1] & 0x7f, width = len == 126 ? 2 : len == 127 ? 8 : 0;
	if (width) {
		if (!raw_receive(ws->fd, wide, width))
			return false;
		len = 0;
		for (size_t i = 0; i < width; i++)
			len = len << 8 | wide[i];
	}
	if (len > WS_MESSAGE_MAX - at || !raw_receive(ws->fd, ws->text + at, len))
		return false;
	*ret_first = head[0];
	*ret_len = len;
	return true;
}

/* The next message; pings are answered and passed over. */
static inline enum ws_kind
ws_receive(struct ws *ws)
{
	unsigned first;
	size_t len;
	ws->len = 0;
	ws->close_code = 0;
	while (ws_receive_frame(ws, ws->len, &first, &len)) {
		unsigned opcode = first & 0x0f;
		if (opcode == 8) {
			if (len >= 2)
				ws->close_code =
					(unsigned)(unsigned char)ws->text[ws->len] << 8 | (unsigned char)ws->text[ws->len + 1];
			(void)ws_send_frame(ws, 8, ws->text + ws->len, len);
			return WS_CLOSED;
		}
		if (opcode == 9) {
			(void)ws_send_frame(ws, 10, ws->text + ws->len, len);
			continue;
		}
		ws->len += len;
		ws->text[ws->len] = '\0';
		if (first & 0x80)
			return WS_TEXT;
	}
	return WS_CLOSED;
}

#endif
