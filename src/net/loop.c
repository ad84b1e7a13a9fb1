/* net/loop: the event loop and its plain handles: timers, wakes, signals, watched descriptors. Knows no protocol. */
#include "internal.h"

#include <signal.h>

#include <uv.h>

LIST_HEAD(loop_parts, loop_part);

struct tl_loop {
	uv_loop_t uv;
	struct loop_parts services;
	struct loop_parts handles;
	struct loop_parts remains;
	struct client *client;
};

struct tl_timer {
	struct loop_part part;
	uv_timer_t uv;
	tl_timer_fn *on_timer;
	void *context;
};

struct tl_wake {
	struct loop_part part;
	uv_async_t uv;
	void (*on_wake)(void *context);
	void *context;
};

struct tl_signal {
	struct loop_part part;
	uv_signal_t uv;
	void (*on_signal)(void *context, int signal_number);
	void *context;
};

struct tl_watch {
	struct loop_part part;
	uv_poll_t uv;
	void (*on_readable)(void *context);
	void *context;
};

/* ---- the loop ---- */

/* libuv writes to sockets without MSG_NOSIGNAL, TLS libraries too: a peer that closes would end the process. */
static void
ignore_broken_pipes(void)
{
	struct sigaction action;
	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
		action = (struct sigaction){ .sa_handler = SIG_IGN };
		(void)sigaction(SIGPIPE, &action, NULL);
	}
}

enum tl_status
tl_loop_open(struct tl_loop **ret_loop, struct tl_err *err)
{
	struct tl_loop *loop = tl_alloc(1, sizeof *loop);
	if (!loop)
		return tl_err_no_memory(err);
	int failed = uv_loop_init(&loop->uv);
	if (failed) {
		tl_free(loop);
		return tl_err_errno(err, -failed, "opening an event loop");
	}
	LIST_INIT(&loop->services);
	LIST_INIT(&loop->handles);
	LIST_INIT(&loop->remains);
	ignore_broken_pipes();
	*ret_loop = loop;
	return TL_OK;
}

static void
close_parts(struct loop_parts *parts)
{
	struct loop_part *part, *next;
	for (part = LIST_FIRST(parts); part; part = next) {
		next = LIST_NEXT(part, entry);
		part->close(part);
	}
}

void
tl_loop_close(struct tl_loop *loop)
{
	if (!loop)
		return;
	close_parts(&loop->services);
	while (!LIST_EMPTY(&loop->services))
		uv_run(&loop->uv, UV_RUN_ONCE);
	close_parts(&loop->handles);
	while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
		;
	close_parts(&loop->remains);
	TL_ASSERT(uv_loop_close(&loop->uv) == 0);
	tl_free(loop);
}

void
tl_loop_run(struct tl_loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void
tl_loop_stop(struct tl_loop *loop)
{
	uv_stop(&loop->uv);
}

void
loop_add_service(struct tl_loop *loop, struct loop_part *part)
{
	LIST_INSERT_HEAD(&loop->services, part, entry);
}

void
loop_add_remains(struct tl_loop *loop, struct loop_part *part)
{
	LIST_INSERT_HEAD(&loop->remains, part, entry);
}

void
loop_remove(struct loop_part *part)
{
	LIST_REMOVE(part, entry);
}

struct uv_loop_s *
loop_uv(struct tl_loop *loop)
{
	return &loop->uv;
}

struct client **
loop_client(struct tl_loop *loop)
{
	return &loop->client;
}

/* Every handle's `data` is the object that holds it. */
static void
free_owner(uv_handle_t *handle)
{
	tl_free(handle->data);
}

static void
add_handle(struct tl_loop *loop, struct loop_part *part, void (*close)(struct loop_part *))
{
	part->close = close;
	LIST_INSERT_HEAD(&loop->handles, part, entry);
}

/* ---- timers ---- */

static void
timer_fired(uv_timer_t *uv)
{
	struct tl_timer *timer = uv->data;
	timer->on_timer(timer->context);
}

static void
timer_close(struct loop_part *part)
{
	tl_timer_close(CONTAINER(part, struct tl_timer, part));
}

enum tl_status
tl_timer_open(struct tl_loop *loop, tl_timer_fn *on_timer, void *context, struct tl_timer **ret_timer, struct tl_err *err)
{
	struct tl_timer *timer = tl_alloc(1, sizeof *timer);
	if (!timer)
		return tl_err_no_memory(err);
	(void)uv_timer_init(&loop->uv, &timer->uv);
	timer->uv.data = timer;
	timer->on_timer = on_timer;
	timer->context = context;
	add_handle(loop, &timer->part, timer_close);
	*ret_timer = timer;
	return TL_OK;
}

void
tl_timer_set(struct tl_timer *timer, uint64_t delay_ms, uint64_t repeat_ms)
{
	/* libuv counts from the start of the loop's turn, which may lie back. */
	uv_update_time(timer->uv.loop);
	(void)uv_timer_start(&timer->uv, timer_fired, delay_ms, repeat_ms);
}

void
tl_timer_stop(struct tl_timer *timer)
{
	(void)uv_timer_stop(&timer->uv);
}

void
tl_timer_close(struct tl_timer *timer)
{
	if (!timer)
		return;
	LIST_REMOVE(&timer->part, entry);
	uv_close((uv_handle_t *)&timer->uv, free_owner);
}

/* ---- wakes ---- */

static void
wake_fired(uv_async_t *uv)
{
	struct tl_wake *wake = uv->data;
	wake->on_wake(wake->context);
}

static void
wake_close(struct loop_part *part)
{
	tl_wake_close(CONTAINER(part, struct tl_wake, part));
}

enum tl_status
tl_wake_open(struct tl_loop *loop, void (*on_wake)(void *context), void *context, struct tl_wake **ret_wake, struct tl_err *err)
{
	struct tl_wake *wake = tl_alloc(1, sizeof *wake);
	if (!wake)
		return tl_err_no_memory(err);
	int failed = uv_async_init(&loop->uv, &wake->uv, wake_fired);
	if (failed) {
		tl_free(wake);
		return tl_err_errno(err, -failed, "opening a wake-up handle");
	}
	wake->uv.data = wake;
	wake->on_wake = on_wake;
	wake->context = context;
	add_handle(loop, &wake->part, wake_close);
	*ret_wake = wake;
	return TL_OK;
}

void
tl_wake_send(struct tl_wake *wake)
{
	(void)uv_async_send(&wake->uv);
}

void
tl_wake_close(struct tl_wake *wake)
{
	if (!wake)
		return;
	LIST_REMOVE(&wake->part, entry);
	uv_close((uv_handle_t *)&wake->uv, free_owner);
}

/* ---- signals ---- */

static void
signal_fired(uv_signal_t *uv, int signal_number)
{
	struct tl_signal *handle = uv->data;
	handle->on_signal(handle->context, signal_number);
}

static void
signal_close(struct loop_part *part)
{
	tl_signal_close(CONTAINER(part, struct tl_signal, part));
}

enum tl_status
tl_signal_open(struct tl_loop *loop, int signal_number, void (*on_signal)(void *context, int signal_number), void *context,
	struct tl_signal **ret_signal, struct tl_err *err)
{
	struct tl_signal *handle = tl_alloc(1, sizeof *handle);
	if (!handle)
		return tl_err_no_memory(err);
	int failed = uv_signal_init(&loop->uv, &handle->uv);
	if (failed) {
		tl_free(handle);
		return tl_err_errno(err, -failed, "opening a signal handle");
	}
	handle->uv.data = handle;
	handle->on_signal = on_signal;
	handle->context = context;
	failed = uv_signal_start(&handle->uv, signal_fired, signal_number);
	if (failed) {
		uv_close((uv_handle_t *)&handle->uv, free_owner);
		return tl_err_errno(err, -failed, "waiting for signal %d", signal_number);
	}
	add_handle(loop, &handle->part, signal_close);
	*ret_signal = handle;
	return TL_OK;
}

void
tl_signal_close(struct tl_signal *handle)
{
	if (!handle)
		return;
	LIST_REMOVE(&handle->part, entry);
	uv_close((uv_handle_t *)&handle->uv, free_owner);
}

/* ---- watched descriptors ---- */

static void
watch_fired(uv_poll_t *uv, int status, int events)
{
	(void)status; /* an error shows when the owner reads */
	(void)events;
	struct tl_watch *watch = uv->data;
	watch->on_readable(watch->context);
}

static void
watch_close(struct loop_part *part)
{
	tl_watch_close(CONTAINER(part, struct tl_watch, part));
}

enum tl_status
tl_watch_open(struct tl_loop *loop, int fd, void (*on_readable)(void *context), void *context, struct tl_watch **ret_watch,
	struct tl_err *err)
{
	struct tl_watch *watch = tl_alloc(1, sizeof *watch);
	if (!watch)
		return tl_err_no_memory(err);
	int failed = uv_poll_init(&loop->uv, &watch->uv, fd);
	if (failed) {
		tl_free(watch);
		return tl_err_errno(err, -failed, "watching descriptor %d", fd);
	}
	watch->uv.data = watch;
	watch->on_readable = on_readable;
	watch->context = context;
	failed = uv_poll_start(&watch->uv, UV_READABLE, watch_fired);
	if (failed) {
		uv_close((uv_handle_t *)&watch->uv, free_owner);
		return tl_err_errno(err, -failed, "watching descriptor %d", fd);
	}
	add_handle(loop, &watch->part, watch_close);
	*ret_watch = watch;
	return TL_OK;
}

void
tl_watch_close(struct tl_watch *watch)
{
	if (!watch)
		return;
	LIST_REMOVE(&watch->part, entry);
	uv_close((uv_handle_t *)&watch->uv, free_owner);
}
