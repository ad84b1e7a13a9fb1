/* serve/client: one client of the live channel: its bounded queue, what it says. Knows frames as text. */
#include "channel.h"

#include <string.h>

/* ---- Frames ---- */

struct frame *
serve_frame_new(enum frame_kind kind, tl_str text)
{
	struct frame *frame = tl_alloc(1, sizeof *frame + text.len);
	if (!frame)
		return NULL;
	frame->references = 1;
	frame->kind = kind;
	frame->len = text.len;
	memcpy(frame->text, text.ptr, text.len);
	return frame;
}

struct frame *
serve_frame_of_live(const struct tl_live_frame *live)
{
	static const enum frame_kind kinds[] = {
		[TL_LIVE_CREATED] = FRAME_CREATED,
		[TL_LIVE_UPDATED] = FRAME_UPDATED,
		[TL_LIVE_FINISHED] = FRAME_FINISHED,
	};
	struct frame *frame = serve_frame_new(kinds[live->kind], live->text);
	if (frame)
		frame->trace_id = live->trace_id;
	return frame;
}

struct frame *
serve_frame_ref(struct frame *frame)
{
	frame->references++;
	return frame;
}

void
serve_frame_unref(struct frame *frame)
{
	if (frame && --frame->references == 0)
		tl_free(frame);
}

/* ---- Life ---- */

struct client *
serve_client_new(struct channel *channel, struct tl_websocket *socket, uint64_t number)
{
	struct client *client = tl_alloc(1, sizeof *client);
	if (!client)
		return NULL;
	client->channel = channel;
	client->socket = socket;
	client->number = number;
	return client;
}

void
serve_client_drop_backlog(struct client *client)
{
	for (size_t i = client->backlog_sent; i < client->backlog_count; i++)
		serve_frame_unref(client->backlog[i]);
	tl_free(client->backlog);
	client->backlog = NULL;
	client->backlog_count = client->backlog_sent = client->backlog_bytes = 0;
}

static void
drop_queue(struct client *client)
{
	for (size_t i = 0; i < client->queue_count; i++)
		serve_frame_unref(client->queue[i]);
	client->queue_count = client->queue_bytes = 0;
}

void
serve_client_free(struct client *client)
{
	serve_client_drop_backlog(client);
	drop_queue(client);
	tl_free(client);
}

void
serve_client_close(struct client *client, unsigned code)
{
	client->closing = true;
	serve_client_drop_backlog(client);
	drop_queue(client);
	tl_websocket_close(client->socket, (uint16_t)code);
}

/* ---- What waits ---- */

bool
serve_client_add_backlog(struct client *client, struct frame *frame)
{
	if (!client->backlog)
		client->backlog = tl_alloc(BACKLOG_MAX, sizeof(struct frame *));
	if (!client->backlog || client->backlog_count == BACKLOG_MAX ||
		client->backlog_bytes + frame->len > TL_SERVE_QUEUE_BYTES_MAX) {
		serve_frame_unref(frame);
		return false;
	}
	client->backlog[client->backlog_count++] = frame;
	client->backlog_bytes += frame->len;
	return true;
}

static void
remove_at(struct client *client, size_t index)
{
	client->queue_bytes -= client->queue[index]->len;
	serve_frame_unref(client->queue[index]);
	client->queue_count--;
	memmove(&client->queue[index], &client->queue[index + 1], (client->queue_count - index) * sizeof *client->queue);
}

/* The newer one goes to the end, not into the old one's place: frames leave in the order of the log, so that what a client has
 * seen last is a position it can come back with. */
static void
drop_overtaken(struct client *client, const struct frame *newer)
{
	for (size_t i = 0; i < client->queue_count; i++) {
		const struct frame *waiting = client->queue[i];
		if (waiting->kind != FRAME_UPDATED || !tl_trace_id_equal(waiting->trace_id, newer->trace_id))
			continue;
		remove_at(client, i);
		return;
	}
}

/* Everything that waits is given up for one frame that says so. */
static void
resync(struct client *client)
{
	serve_client_drop_backlog(client);
	drop_queue(client);
	struct frame *frame = serve_channel_resync_frame(client->channel);
	if (!frame) {
		serve_client_close(client, CLOSE_NO_MEMORY);
		return;
	}
	client->queue[client->queue_count++] = frame;
	client->queue_bytes += frame->len;
}

void
serve_client_offer(struct client *client, struct frame *frame)
{
	if (client->closing)
		return;
	if (frame->kind == FRAME_UPDATED || frame->kind == FRAME_FINISHED)
		drop_overtaken(client, frame);
	if (client->queue_count == TL_SERVE_QUEUE_FRAMES_MAX || client->queue_bytes + frame->len > TL_SERVE_QUEUE_BYTES_MAX) {
		resync(client); /* its head is that of this frame */
	} else {
		client->queue[client->queue_count++] = serve_frame_ref(frame);
		client->queue_bytes += frame->len;
	}
}

/* ---- What goes out ---- */

static struct frame *
take_next(struct client *client)
{
	struct frame *frame = NULL;
	if (client->backlog_sent < client->backlog_count) {
		frame = client->backlog[client->backlog_sent++];
		if (client->backlog_sent == client->backlog_count)
			serve_client_drop_backlog(client);
	} else if (client->queue_count > 0) {
		frame = serve_frame_ref(client->queue[0]);
		remove_at(client, 0);
	}
	return frame;
}

static size_t
next_len(const struct client *client)
{
	if (client->backlog_sent < client->backlog_count)
		return client->backlog[client->backlog_sent]->len;
	return client->queue_count > 0 ? client->queue[0]->len : SIZE_MAX;
}

/* One frame, or, for a client that asked for lines, all that wait and fit: the busier the channel, the more go out in one
 * write. */
static size_t
take_message(struct client *client, struct frame **taken, struct tl_buf *message)
{
	size_t count = 0, most = client->lines ? MESSAGE_FRAMES_MAX : 1;
	while (count < most) {
		size_t len = next_len(client);
		if (len == SIZE_MAX || (count > 0 && message->len + 1 + len > MESSAGE_BYTES_MAX))
			break;
		if (count > 0)
			tl_buf_add_char(message, '\n');
		taken[count] = take_next(client);
		tl_buf_add(message, taken[count]->text, taken[count]->len);
		count++;
	}
	return count;
}

static void
note_handed(struct client *client, struct frame *frame)
{
	frame->handed++;
	if (frame->kind != FRAME_FINISHED)
		return;
	client->finished[client->finished_count++ % FINISHED_KEPT] = frame->trace_id;
	serve_channel_handed(client->channel, frame);
}

void
serve_client_send(struct client *client)
{
	struct frame *taken[MESSAGE_FRAMES_MAX];
	TL_CLEANUP(tl_buf_done) struct tl_buf message;
	tl_buf_init(&message, TL_SERVE_QUEUE_BYTES_MAX + MESSAGE_BYTES_MAX);
	if (client->sending || client->closing)
		return;
	size_t count = take_message(client, taken, &message);
	if (count == 0)
		return;
	client->sending = message.failed == TL_OK && tl_websocket_send(client->socket, tl_buf_str(&message));
	for (size_t i = 0; i < count; i++) {
		if (client->sending)
			note_handed(client, taken[i]);
		serve_frame_unref(taken[i]);
	}
	if (!client->sending) {
		client->closing = true;
		serve_client_drop_backlog(client);
		drop_queue(client);
		tl_websocket_close(client->socket, CLOSE_NO_MEMORY);
	}
}

/* ---- What comes in ---- */

static bool
was_sent_end_of(const struct client *client, struct tl_trace_id trace_id)
{
	size_t kept = client->finished_count < FINISHED_KEPT ? client->finished_count : FINISHED_KEPT;
	for (size_t i = 0; i < kept; i++)
		if (tl_trace_id_equal(client->finished[i], trace_id))
			return true;
	return false;
}

/* False: not the frame of docs/live.md. */
static bool
take_painted(struct client *client, const tl_json *message)
{
	struct tl_trace_id trace_id;
	struct tl_err err;
	int64_t seq;
	const tl_json *id = tl_json_get(message, "trace_id");
	if (!tl_json_is_str(id) || tl_trace_id_parse(tl_json_str(id), &trace_id, &err) != TL_OK)
		return false;
	if (!tl_json_int(tl_json_get(message, "seq"), &seq) || seq < 1)
		return false;
	if (was_sent_end_of(client, trace_id))
		serve_channel_painted(client->channel, trace_id, client->number);
	return true;
}

void
serve_client_text(struct client *client, tl_str text)
{
	TL_CLEANUP(tl_json_cleanup) tl_json *message = NULL;
	struct tl_err err;
	if (client->closing)
		return;
	enum tl_status status = tl_json_parse(text, &message, &err);
	if (status == TL_ERR_NO_MEMORY)
		serve_client_close(client, CLOSE_NO_MEMORY);
	else if (status != TL_OK)
		serve_client_close(client, CLOSE_BAD_TEXT);
	else if (!tl_str_equal(tl_json_str(tl_json_get(message, "type")), TL_STR("painted")) || !take_painted(client, message))
		serve_client_close(client, CLOSE_VIOLATION);
}
