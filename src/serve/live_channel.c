/* serve/live_channel: follows the log and sends what the live feed makes of it to every client. Knows clients by their sockets
 * and frames as text.
 *
 * Everything happens on the loop's thread. A turn ends with telling the feed whose ends were sent (stage 5), because that appends
 * events. */
#include "channel.h"

#include <stdio.h>
#include <string.h>

#define HELLO_LIMIT    512u
#define CATCH_UP_TURNS 64u /* of 4,096 events: a client that comes in a flood is let in all the same */
#define HANDED_MAX     1024u

struct channel {
	struct tl_serve *serve;
	struct tl_live *live;
	struct tl_log_follower *follower;
	struct tl_watch *watch;                       /* the bell */
	struct tl_timer *look_again;                  /* for a bell that was lost, and for what the feed held back */
	struct tl_timer *go_on;                       /* there is more than one turn may do */
	struct client *clients[TL_SERVE_CLIENTS_MAX]; /* ascending by address of their sockets */
	size_t client_count;
	uint64_t clients_seen;
	struct frame *handed[HANDED_MAX]; /* ends of traces that went out in this turn */
	size_t handed_count;
	bool failing;
	struct tl_err failure;
};

size_t
serve_channel_clients(const struct channel *channel)
{
	return channel->client_count;
}

const char *
serve_channel_failure(const struct channel *channel)
{
	return channel->failing ? channel->failure.message : NULL;
}

/* ---- Clients by their sockets ---- */

/* The first client whose socket is not below `socket`. */
static size_t
place_of(const struct channel *channel, const struct tl_websocket *socket)
{
	size_t low = 0, high = channel->client_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if ((uintptr_t)channel->clients[middle]->socket < (uintptr_t)socket)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct client *
client_of(const struct channel *channel, const struct tl_websocket *socket)
{
	size_t place = place_of(channel, socket);
	struct client *client = place < channel->client_count ? channel->clients[place] : NULL;
	return client && client->socket == socket ? client : NULL;
}

static void
insert(struct channel *channel, struct client *client)
{
	size_t place = place_of(channel, client->socket);
	struct client **at = &channel->clients[place];
	memmove(at + 1, at, (channel->client_count - place) * sizeof *at);
	*at = client;
	channel->client_count++;
}

static void
remove_client(struct channel *channel, const struct tl_websocket *socket)
{
	struct client **at = &channel->clients[place_of(channel, socket)];
	struct client *client = *at;
	channel->client_count--;
	memmove(at, at + 1, (channel->client_count - (size_t)(at - channel->clients)) * sizeof *at);
	serve_client_free(client);
}

/* ---- The end of a trace went out: stage 5 ---- */

static void
tell_handed(struct channel *channel)
{
	for (size_t i = 0; i < channel->handed_count; i++) {
		struct frame *frame = channel->handed[i];
		tl_live_emitted(channel->live, frame->trace_id, frame->handed);
		serve_frame_unref(frame);
	}
	channel->handed_count = 0;
}

/* A full list is no loss: the trace is told with the next client that is sent its end. */
void
serve_channel_handed(struct channel *channel, struct frame *frame)
{
	if (frame->told || channel->handed_count == HANDED_MAX)
		return;
	frame->told = true;
	channel->handed[channel->handed_count++] = serve_frame_ref(frame);
}

void
serve_channel_painted(struct channel *channel, struct tl_trace_id trace_id, uint64_t client)
{
	tl_live_painted(channel->live, trace_id, client);
}

/* ---- From the log to all clients ---- */

static void
broadcast(void *context, const struct tl_live_frame *live)
{
	struct channel *channel = context;
	if (channel->client_count == 0)
		return;
	struct frame *frame = serve_frame_of_live(live);
	for (size_t i = 0; i < channel->client_count; i++) {
		struct client *client = channel->clients[i];
		if (frame)
			serve_client_offer(client, frame);
		else if (!client->closing) /* it comes back and gets what this frame said */
			serve_client_close(client, CLOSE_NO_MEMORY);
	}
	serve_frame_unref(frame);
}

/* True: there is more. */
static bool
pump(struct channel *channel)
{
	bool more = false;
	channel->failing = tl_live_pump(channel->live, &more, &channel->failure) != TL_OK;
	for (size_t i = 0; i < channel->client_count; i++)
		serve_client_send(channel->clients[i]);
	tell_handed(channel);
	return more && !channel->failing;
}

static void
follow(void *context)
{
	struct channel *channel = context;
	if (pump(channel))
		tl_timer_set(channel->go_on, 0, 0);
}

static void
on_bell(void *context)
{
	struct channel *channel = context;
	tl_log_follower_clear(channel->follower);
	follow(channel);
}

/* ---- A client comes ---- */

static struct frame *
position_frame(const struct channel *channel, enum frame_kind kind, bool resumed)
{
	const struct tl_log *log = channel->serve->options.log;
	TL_CLEANUP(tl_json_cleanup) tl_json *json = tl_json_new_object();
	TL_CLEANUP(tl_buf_done) struct tl_buf text;
	struct tl_err err;
	tl_buf_init(&text, HELLO_LIMIT);
	tl_json_set_str(json, "type", tl_str_of(kind == FRAME_HELLO ? "hello" : "resync"));
	tl_json_set_int(json, "seq", (int64_t)tl_live_seq(channel->live));
	if (kind == FRAME_HELLO) {
		char log_id[LOG_ID_TEXT_SIZE];
		serve_log_id_text(tl_log_id(log), log_id);
		tl_json_set_str(json, "log_id", tl_str_of(log_id));
		tl_json_set_str(json, "version", TL_STR(TL_VERSION));
		tl_json_set_bool(json, "resumed", resumed);
	}
	return tl_json_write(json, &text, &err) == TL_OK ? serve_frame_new(kind, tl_buf_str(&text)) : NULL;
}

struct frame *
serve_channel_resync_frame(struct channel *channel)
{
	return position_frame(channel, FRAME_RESYNC, false);
}

struct catch_up {
	struct client *client;
	bool failed;
};

static void
add_missed(void *context, const struct tl_live_frame *live)
{
	struct catch_up *catch_up = context;
	struct frame *frame = catch_up->failed ? NULL : serve_frame_of_live(live);
	catch_up->failed = !frame || !serve_client_add_backlog(catch_up->client, frame);
}

static bool
add(struct client *client, struct frame *frame)
{
	return frame && serve_client_add_backlog(client, frame);
}

/* False: what it missed is more than can be repeated. A position beyond the feed's is one of another log. */
static bool
add_all_missed(struct channel *channel, struct client *client, uint64_t after_seq)
{
	struct catch_up catch_up = { .client = client };
	struct tl_err err;
	if (after_seq > tl_live_seq(channel->live) || !add(client, position_frame(channel, FRAME_HELLO, true)))
		return false;
	return tl_live_catch_up(channel->live, after_seq, add_missed, &catch_up, &err) == TL_OK && !catch_up.failed;
}

static bool
greet(struct channel *channel, struct client *client, bool resume, uint64_t after_seq)
{
	if (resume && add_all_missed(channel, client, after_seq))
		return true;
	serve_client_drop_backlog(client);
	return add(client, position_frame(channel, FRAME_HELLO, false)) &&
	       (!resume || add(client, serve_channel_resync_frame(channel)));
}

/* What a client asks for travels in the pointer: a socket that never opens leaves nothing to free. */
_Static_assert(sizeof(void *) >= sizeof(uint64_t), "a seq does not fit a pointer");

static void *
context_of(const struct parameter *after, uint64_t after_seq, bool lines)
{
	uint64_t resumed = after->value.ptr ? after_seq + 1 : 0;
	return (void *)(uintptr_t)(resumed << 1 | lines);
}

/* What happened before a client came is for those who were there: the feed is brought up to the head first, then the client is
 * added. */
static void
on_open(void *context, struct tl_websocket *socket, void *websocket_context)
{
	struct channel *channel = context;
	uintptr_t after = (uintptr_t)websocket_context >> 1;
	for (unsigned turn = 0; turn < CATCH_UP_TURNS && pump(channel); turn++)
		;
	if (channel->client_count == TL_SERVE_CLIENTS_MAX) {
		tl_websocket_close(socket, CLOSE_TRY_LATER);
		return;
	}
	struct client *client = serve_client_new(channel, socket, channel->clients_seen + 1);
	if (client)
		client->lines = (uintptr_t)websocket_context & 1;
	if (!client || !greet(channel, client, after > 0, after > 0 ? after - 1 : 0)) {
		if (client)
			serve_client_free(client);
		tl_websocket_close(socket, CLOSE_NO_MEMORY);
		return;
	}
	channel->clients_seen++;
	insert(channel, client);
	serve_client_send(client);
	tell_handed(channel);
}

static void
on_text(void *context, struct tl_websocket *socket, tl_str text)
{
	struct client *client = client_of(context, socket);
	if (client)
		serve_client_text(client, text);
}

static void
on_drained(void *context, struct tl_websocket *socket)
{
	struct client *client = client_of(context, socket);
	if (!client)
		return;
	client->sending = false;
	serve_client_send(client);
	tell_handed(context);
}

static void
on_close(void *context, struct tl_websocket *socket)
{
	if (client_of(context, socket))
		remove_client(context, socket);
}

enum tl_status
serve_channel_upgrade(struct call *call, struct tl_err *err)
{
	struct parameter parameters[] = { { .name = "after" }, { .name = "lines" } };
	uint64_t after_seq, lines;
	TL_TRY(serve_query(call, parameters, 2, err));
	TL_TRY(serve_query_number(&parameters[0], 0, INT64_MAX / 2 - 1, 0, &after_seq, err));
	TL_TRY(serve_query_number(&parameters[1], 0, 1, 0, &lines, err));
	if (!call->request->upgrade_websocket) {
		serve_field(call, "Upgrade", TL_STR("websocket"));
		serve_field(call, "Connection", TL_STR("Upgrade"));
		serve_problem(call, 426, "this is the live channel: connect with a WebSocket (version 13)");
	} else if (call->serve->channel->client_count == TL_SERVE_CLIENTS_MAX) {
		serve_problem(call, 503, "the live channel has as many clients as it can: close another page or try again");
	} else {
		call->response->accept_websocket = true;
		call->response->websocket_context = context_of(&parameters[0], after_seq, lines == 1);
	}
	return TL_OK;
}

/* ---- The channel ---- */

struct tl_websocket_events
serve_channel_events(struct channel *channel)
{
	return (struct tl_websocket_events){
		.context = channel,
		.open = on_open,
		.text = on_text,
		.drained = on_drained,
		.close = on_close,
	};
}

static enum tl_status
open_parts(struct channel *channel, struct tl_err *err)
{
	struct tl_loop *loop = channel->serve->options.loop;
	struct tl_log *log = channel->serve->options.log;
	TL_TRY(tl_log_follower_open(log, &channel->follower, err));
	TL_TRY(tl_live_open(log, broadcast, channel, &channel->live, err));
	TL_TRY(tl_watch_open(loop, tl_log_follower_fd(channel->follower), on_bell, channel, &channel->watch, err));
	TL_TRY(tl_timer_open(loop, follow, channel, &channel->go_on, err));
	TL_TRY(tl_timer_open(loop, follow, channel, &channel->look_again, err));
	tl_timer_set(channel->look_again, TL_LOG_LOOK_AGAIN_MS, TL_LOG_LOOK_AGAIN_MS);
	return TL_OK;
}

enum tl_status
serve_channel_open(struct tl_serve *serve, struct channel **ret_channel, struct tl_err *err)
{
	struct channel *channel = tl_alloc(1, sizeof *channel);
	if (!channel)
		return tl_err_no_memory(err);
	channel->serve = serve;
	enum tl_status status = open_parts(channel, err);
	if (status != TL_OK)
		serve_channel_close(channel);
	else
		*ret_channel = channel;
	return status;
}

void
serve_channel_close(struct channel *channel)
{
	if (!channel)
		return;
	tl_timer_close(channel->look_again);
	tl_timer_close(channel->go_on);
	tl_watch_close(channel->watch);
	tl_live_close(channel->live);
	tl_log_follower_close(channel->follower);
	for (size_t i = 0; i < channel->client_count; i++)
		serve_client_free(channel->clients[i]);
	for (size_t i = 0; i < channel->handed_count; i++)
		serve_frame_unref(channel->handed[i]);
	tl_free(channel);
}
