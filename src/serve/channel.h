/* serve, private: the live channel and its clients.
 *
 *      live feed ── frame ──> channel ──> client: [ backlog ][ queue ] ──> one frame under way ──> socket
 *
 * A frame is made once and shared by all clients that still have to be sent it. A client's backlog is what it came back for
 * (hello, then the latest state of what it missed); the queue is what happened since, and only the queue has the limits of
 * docs/live.md. */
#ifndef TL_SERVE_CHANNEL_H
#define TL_SERVE_CHANNEL_H

#include "internal.h"

enum frame_kind { FRAME_HELLO, FRAME_RESYNC, FRAME_CREATED, FRAME_UPDATED, FRAME_FINISHED };

struct frame {
	unsigned references;
	enum frame_kind kind;
	struct tl_trace_id trace_id;
	uint64_t handed; /* clients whose socket took it */
	bool told;       /* that a trace's end was sent out is told once a frame */
	size_t len;
	char text[];
};

/* One reference, the caller's. NULL: no memory. */
struct frame *serve_frame_new(enum frame_kind kind, tl_str text);
struct frame *serve_frame_of_live(const struct tl_live_frame *live);
struct frame *serve_frame_ref(struct frame *frame);
void serve_frame_unref(struct frame *frame); /* accepts NULL */

#define BACKLOG_MAX        (TL_LIVE_CATCH_UP_TRACES + 1u) /* hello and the traces missed */
#define FINISHED_KEPT      256u                           /* ends of traces sent to a client that it may say to have painted */
#define MESSAGE_FRAMES_MAX 128u                           /* of a client that takes lines */
#define MESSAGE_BYTES_MAX  (32u << 10)                    /* a single frame may be longer */
#define CLOSE_VIOLATION    1008u
#define CLOSE_BAD_TEXT     1007u
#define CLOSE_NO_MEMORY    1011u
#define CLOSE_TRY_LATER    1013u

struct client {
	struct channel *channel;
	struct tl_websocket *socket;
	uint64_t number; /* of this run of the server, from 1 */
	struct frame **backlog;
	size_t backlog_count, backlog_sent, backlog_bytes;
	struct frame *queue[TL_SERVE_QUEUE_FRAMES_MAX];
	size_t queue_count, queue_bytes;
	bool lines;   /* it takes several frames in one message */
	bool sending; /* a message is under way */
	bool closing;
	struct tl_trace_id finished[FINISHED_KEPT]; /* a ring */
	size_t finished_count;
};

/* NULL: no memory. */
struct client *serve_client_new(struct channel *channel, struct tl_websocket *socket, uint64_t number);
void serve_client_free(struct client *client);
/* Adds to what the client came back for; the reference is moved. False: more than a backlog may hold, or no memory. */
bool serve_client_add_backlog(struct client *client, struct frame *frame);
void serve_client_drop_backlog(struct client *client);
/* A frame that is for everybody; the client takes a reference of its own. A newer trace.updated takes the place of one that
 * waits. */
void serve_client_offer(struct client *client, struct frame *frame);
/* Sends what waits, unless something is under way. */
void serve_client_send(struct client *client);
void serve_client_close(struct client *client, unsigned code);
/* A message from the client. */
void serve_client_text(struct client *client, tl_str text);

/* The frame that replaces what a client is too slow for; NULL: no memory. */
struct frame *serve_channel_resync_frame(struct channel *channel);
/* A client's socket took the end of a trace; told to the feed at the end of the turn, never from inside one of its own calls. */
void serve_channel_handed(struct channel *channel, struct frame *frame);
void serve_channel_painted(struct channel *channel, struct tl_trace_id trace_id, uint64_t client);

#endif
