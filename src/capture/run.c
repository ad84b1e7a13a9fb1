/* capture/run: drives an engine with a real provider, a loop and a log. Knows no view. */
#include <tracellm/capture.h>

#include <string.h>

#define BATCH_MEMORY_LIMIT (128u << 20)
#define BATCH_RECORDS_MAX  64u /* one call of the engine emits at most five events */

struct tl_capture {
	struct tl_capture_options options;
	struct tl_engine *engine;
	struct tl_timer *timer;
	struct tl_ask *ask; /* NULL: none under way */
	bool waiting;       /* the timer means wake, not tick */
	bool done;          /* the engine is told nothing any more; on_done follows once no ask is under way */
	enum tl_status status;
	struct tl_err err;

	/* What the engine emitted since the last hand-over to the log. */
	struct tl_arena arena;
	struct tl_record records[BATCH_RECORDS_MAX];
	size_t record_count;
	struct tl_log_ticket ticket; /* of the batch before, when `submitted` */
	bool submitted;
};

static enum tl_status
collect(void *context, const struct tl_event *event, struct tl_err *err)
{
	struct tl_capture *capture = context;
	TL_ASSERT(capture->record_count < BATCH_RECORDS_MAX);
	TL_TRY(tl_record_of_event(event, &capture->arena, &capture->records[capture->record_count], err));
	capture->record_count++;
	if (capture->options.on_event)
		capture->options.on_event(capture->options.context, event);
	return TL_OK;
}

/* Submits what was emitted. One batch is allowed to be under way, so that a slow disk slows the reading of an answer instead of
 * filling memory. */
static enum tl_status
hand_over(struct tl_capture *capture, bool durable, struct tl_err *err)
{
	if (capture->submitted) {
		capture->submitted = false;
		TL_TRY(tl_log_wait(capture->options.log, capture->ticket, NULL, err));
	}
	if (capture->record_count == 0)
		return TL_OK;
	if (durable) {
		TL_TRY(tl_log_append(capture->options.log, capture->records, capture->record_count, NULL, err));
	} else {
		TL_TRY(tl_log_submit(capture->options.log, capture->records, capture->record_count, &capture->ticket, err));
		capture->submitted = true;
	}
	capture->record_count = 0;
	tl_arena_done(&capture->arena);
	return TL_OK;
}

static void
tell_done(struct tl_capture *capture)
{
	capture->options.on_done(capture->options.context, capture->status, &capture->err);
}

/* An ask under way still holds our address: its end is waited for before anybody hears that all is done. */
static void
finish(struct tl_capture *capture, enum tl_status status, const struct tl_err *err)
{
	if (capture->done)
		return;
	capture->done = true;
	capture->status = status;
	if (status != TL_OK)
		capture->err = *err;
	tl_timer_stop(capture->timer);
	if (capture->ask)
		capture->options.provider->cancel(capture->ask);
	else
		tell_done(capture);
}

static void on_head(void *context, struct tl_stamp at, unsigned http_status, const struct tl_pair *headers, size_t header_count);
static void on_chunk(void *context, struct tl_stamp at, tl_bytes bytes);
static void on_end(void *context, struct tl_stamp at, const struct tl_ask_end *end);

static enum tl_status
ask(struct tl_capture *capture, const struct tl_request *request, struct tl_err *err)
{
	struct tl_ask_sink sink = { .context = capture, .head = on_head, .chunk = on_chunk, .end = on_end };
	return capture->options.provider->ask(
		capture->options.loop, request, capture->options.plan->inputs.timeout_ms, sink, &capture->ask, err);
}

static uint64_t
ms_until(uint64_t due_mono_ns)
{
	uint64_t now = tl_stamp_now().mono_ns;
	return due_mono_ns > now ? (due_mono_ns - now) / TL_NS_PER_MS + 1 : 0;
}

static enum tl_status
follow_wish(struct tl_capture *capture, const struct tl_wish *wish, struct tl_err *err)
{
	switch (wish->kind) {
	case TL_WISH_ASK:
		TL_TRY(hand_over(capture, true, err));
		return ask(capture, wish->request, err);
	case TL_WISH_LISTEN:
		TL_TRY(hand_over(capture, false, err));
		if (wish->due_mono_ns)
			tl_timer_set(capture->timer, ms_until(wish->due_mono_ns), 0);
		return TL_OK;
	case TL_WISH_WAIT:
		TL_TRY(hand_over(capture, false, err));
		capture->waiting = true;
		tl_timer_set(capture->timer, (wish->wait_ns + TL_NS_PER_MS - 1) / TL_NS_PER_MS, 0);
		return TL_OK;
	case TL_WISH_DONE:
		TL_TRY(hand_over(capture, true, err));
		finish(capture, TL_OK, NULL);
		return TL_OK;
	}
	return TL_OK;
}

/* The end of every step: follow the wish, or give the recording up. */
static void
conclude(struct tl_capture *capture, enum tl_status status, const struct tl_wish *wish, struct tl_err *err)
{
	if (status == TL_OK)
		status = follow_wish(capture, wish, err);
	if (status != TL_OK)
		finish(capture, status, err);
}

static void
on_head(void *context, struct tl_stamp at, unsigned http_status, const struct tl_pair *headers, size_t header_count)
{
	struct tl_capture *capture = context;
	struct tl_wish wish;
	struct tl_err err;
	if (!capture->done)
		conclude(capture, tl_engine_head(capture->engine, at, http_status, headers, header_count, &wish, &err), &wish,
			&err);
}

static void
on_chunk(void *context, struct tl_stamp at, tl_bytes bytes)
{
	struct tl_capture *capture = context;
	struct tl_wish wish;
	struct tl_err err;
	if (!capture->done)
		conclude(capture, tl_engine_chunk(capture->engine, at, bytes, &wish, &err), &wish, &err);
}

static void
on_end(void *context, struct tl_stamp at, const struct tl_ask_end *end)
{
	struct tl_capture *capture = context;
	struct tl_wish wish;
	struct tl_err err;
	capture->ask = NULL;
	tl_timer_stop(capture->timer);
	if (capture->done)
		tell_done(capture);
	else
		conclude(capture, tl_engine_end(capture->engine, at, end, &wish, &err), &wish, &err);
}

static void
on_timer(void *context)
{
	struct tl_capture *capture = context;
	struct tl_wish wish;
	struct tl_err err;
	struct tl_stamp now = tl_stamp_now();
	if (capture->done)
		return;
	if (capture->waiting) {
		capture->waiting = false;
		conclude(capture, tl_engine_wake(capture->engine, now, &wish, &err), &wish, &err);
	} else {
		conclude(capture, tl_engine_tick(capture->engine, now, &wish, &err), &wish, &err);
	}
}

void
tl_capture_interrupt(struct tl_capture *capture, int signal_number)
{
	struct tl_wish wish;
	struct tl_err err;
	if (!capture->done)
		conclude(capture, tl_engine_interrupt(capture->engine, tl_stamp_now(), signal_number, &wish, &err), &wish, &err);
}

enum tl_status
tl_capture_start(const struct tl_capture_options *options, struct tl_capture **ret_capture, struct tl_err *err)
{
	struct tl_wish wish;
	enum tl_status status;
	struct tl_capture *capture = tl_alloc(1, sizeof *capture);
	if (!capture)
		return tl_err_no_memory(err);
	capture->options = *options;
	tl_arena_init(&capture->arena, BATCH_MEMORY_LIMIT);
	status = tl_timer_open(options->loop, on_timer, capture, &capture->timer, err);
	if (status != TL_OK)
		goto failed;
	status = tl_engine_open(options->plan, options->provider, options->redactor, collect, capture, &capture->engine, err);
	if (status != TL_OK)
		goto failed;
	status = tl_engine_start(capture->engine, tl_stamp_now(), &wish, err);
	if (status != TL_OK)
		goto failed;
	status = follow_wish(capture, &wish, err);
	if (status != TL_OK)
		goto failed;
	*ret_capture = capture;
	return TL_OK;
failed:
	tl_capture_close(capture);
	return status;
}

void
tl_capture_close(struct tl_capture *capture)
{
	struct tl_err ignored;
	if (!capture)
		return;
	TL_ASSERT(!capture->ask);
	if (capture->submitted)
		(void)tl_log_wait(capture->options.log, capture->ticket, NULL, &ignored);
	tl_timer_close(capture->timer);
	tl_engine_close(capture->engine);
	tl_arena_done(&capture->arena);
	tl_free(capture);
}
