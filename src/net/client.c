/* net/client: all calls of one loop: curl's multi interface driven by libuv. Knows nothing of what a call asks or receives. */
#include "client.h"

#include <pthread.h>

#include <curl/curl.h>
#include <uv.h>

struct client {
	struct loop_part part;
	struct client **slot; /* the loop's pointer to us */
	CURLM *multi;
	uv_timer_t clock;          /* curl's own timer; keeps the loop alive only while calls run */
	uv_timer_t later;          /* armed while `starting` or `cancelled` holds something */
	struct call_list starting; /* not yet given to curl: curl takes none from inside its callbacks */
	struct call_list running;
	struct call_list cancelled; /* to be ended from the loop */
	size_t calls;
	bool closing;
	unsigned open_handles;
};

/* One socket of curl's that the loop watches. */
struct client_socket {
	uv_poll_t poll;
	struct client *client;
	curl_socket_t fd;
};

static void
move(struct tl_http_call *call, struct call_list *to)
{
	TAILQ_REMOVE(call->list, call, entry);
	TAILQ_INSERT_TAIL(to, call, entry);
	call->list = to;
}

/* ---- the end of calls and of the client ---- */

static void
free_client(uv_handle_t *handle)
{
	struct client *client = handle->data;
	if (--client->open_handles == 0)
		tl_free(client);
}

static void
free_socket(uv_handle_t *handle)
{
	tl_free(handle->data);
}

static void
close_when_empty(struct client *client)
{
	if (!client->closing || client->calls)
		return;
	*client->slot = NULL;
	loop_remove(&client->part);
	(void)curl_multi_cleanup(client->multi);
	uv_close((uv_handle_t *)&client->clock, free_client);
	uv_close((uv_handle_t *)&client->later, free_client);
}

static void
finish(struct tl_http_call *call, CURLcode code)
{
	struct client *client = call->client;
	TAILQ_REMOVE(call->list, call, entry);
	if (call->in_multi)
		(void)curl_multi_remove_handle(client->multi, call->easy);
	call_tell_end(call, (int)code);
	call_free(call);
	if (--client->calls == 0)
		uv_unref((uv_handle_t *)&client->clock);
}

static void
finish_done(struct client *client)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(client->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		char *owner = NULL;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
		finish((struct tl_http_call *)(void *)owner, code);
	}
}

static void
act(struct client *client, curl_socket_t fd, int events)
{
	int running;
	(void)curl_multi_socket_action(client->multi, fd, events, &running);
	finish_done(client);
}

static void
client_work(struct client *client)
{
	struct tl_http_call *call;
	bool started = false;
	while ((call = TAILQ_FIRST(&client->starting))) {
		if (curl_multi_add_handle(client->multi, call->easy) != CURLM_OK) {
			finish(call, CURLE_OUT_OF_MEMORY);
			continue;
		}
		call->in_multi = true;
		move(call, &client->running);
		started = true;
	}
	while ((call = TAILQ_FIRST(&client->cancelled)))
		finish(call, CURLE_ABORTED_BY_CALLBACK);
	if (started) /* saves the millisecond that curl's timer would take */
		act(client, CURL_SOCKET_TIMEOUT, 0);
	close_when_empty(client);
}

/* ---- curl asks, libuv answers ---- */

static void
later_fired(uv_timer_t *timer)
{
	client_work(timer->data);
}

static void
clock_fired(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int
set_clock(CURLM *multi, long timeout_ms, void *context)
{
	(void)multi;
	struct client *client = context;
	if (timeout_ms < 0)
		return uv_timer_stop(&client->clock) ? -1 : 0;
	/* Zero would fire again within the same turn and starve the sockets. */
	uint64_t delay_ms = timeout_ms == 0 ? 1 : (uint64_t)timeout_ms;
	return uv_timer_start(&client->clock, clock_fired, delay_ms, 0) ? -1 : 0;
}

static void
socket_ready(uv_poll_t *poll, int status, int events)
{
	const struct client_socket *sock = poll->data;
	int flags = 0;
	if (status < 0)
		flags |= CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(sock->client, sock->fd, flags);
}

static struct client_socket *
watch_socket(struct client *client, curl_socket_t fd)
{
	struct client_socket *sock = tl_alloc(1, sizeof *sock);
	if (!sock)
		return NULL;
	if (uv_poll_init(client->clock.loop, &sock->poll, fd)) {
		tl_free(sock);
		return NULL;
	}
	sock->poll.data = sock;
	sock->client = client;
	sock->fd = fd;
	return sock;
}

static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
	(void)easy;
	struct client *client = context;
	struct client_socket *sock = socket_context;
	if (what == CURL_POLL_REMOVE) {
		if (sock)
			uv_close((uv_handle_t *)&sock->poll, free_socket);
		return curl_multi_assign(client->multi, fd, NULL) == CURLM_OK ? 0 : -1;
	}
	if (!sock) {
		sock = watch_socket(client, fd);
		if (!sock)
			return -1;
		(void)curl_multi_assign(client->multi, fd, sock);
	}
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	return uv_poll_start(&sock->poll, events, socket_ready) ? -1 : 0;
}

/* ---- opening ---- */

static void
global_init(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void
client_close(struct loop_part *part)
{
	struct client *client = CONTAINER(part, struct client, part);
	client->closing = true;
	struct tl_http_call *call;
	while ((call = TAILQ_FIRST(&client->starting)) || (call = TAILQ_FIRST(&client->running)))
		tl_http_call_cancel(call);
	(void)uv_timer_start(&client->later, later_fired, 0, 0);
}

static enum tl_status
client_open(struct tl_loop *loop, struct tl_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, global_init);

	struct client *client = tl_alloc(1, sizeof *client);
	if (!client)
		return tl_err_no_memory(err);
	client->multi = curl_multi_init();
	if (!client->multi) {
		tl_free(client);
		return tl_err_no_memory(err);
	}
	TAILQ_INIT(&client->starting);
	TAILQ_INIT(&client->running);
	TAILQ_INIT(&client->cancelled);
	(void)uv_timer_init(loop_uv(loop), &client->clock);
	(void)uv_timer_init(loop_uv(loop), &client->later);
	client->clock.data = client->later.data = client;
	client->open_handles = 2;
	uv_unref((uv_handle_t *)&client->clock);
	(void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	(void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	(void)curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_clock);
	(void)curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);

	client->slot = loop_client(loop);
	*client->slot = client;
	client->part.close = client_close;
	loop_add_service(loop, &client->part);
	return TL_OK;
}

enum tl_status
tl_http_call_start(struct tl_loop *loop, const struct tl_http_request *request, struct tl_http_events events,
	struct tl_http_call **ret_call, struct tl_err *err)
{
	struct client **slot = loop_client(loop);
	if (!*slot)
		TL_TRY(client_open(loop, err));
	struct client *client = *slot;
	if (client->closing)
		return tl_err_set(err, TL_ERR_CANCELLED, "the event loop is closing");

	struct tl_http_call *call;
	TL_TRY(call_new(request, events, &call, err));
	call->client = client;
	call->list = &client->starting;
	TAILQ_INSERT_TAIL(call->list, call, entry);
	if (client->calls++ == 0)
		uv_ref((uv_handle_t *)&client->clock);
	(void)uv_timer_start(&client->later, later_fired, 0, 0);
	*ret_call = call;
	return TL_OK;
}

void
tl_http_call_cancel(struct tl_http_call *call)
{
	if (call->cancelled)
		return;
	call->cancelled = true;
	move(call, &call->client->cancelled);
	(void)uv_timer_start(&call->client->later, later_fired, 0, 0);
}
