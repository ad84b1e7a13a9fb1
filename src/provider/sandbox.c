/* provider/sandbox: the built-in provider that needs no key and no network. Tells its answer piece by piece, as a server would;
 * what it says is decided elsewhere. */
#include "internal.h"

/* At most SANDBOX_PIECES_MAX of them: an answer takes less than 400 ms. */
#define PIECE_EVERY_MS 15u

#define ARENA_LIMIT (64u << 20)

struct sandbox_ask {
	struct tl_ask ask;
	struct tl_timer *timer;
	struct tl_arena arena;
	struct sandbox_answer answer;
	struct tl_stamp started_at;
	uint64_t timeout_ms, first_byte_ns;
	size_t told;
	bool head_told, cancelled;
};

static void
close_ask(struct sandbox_ask *sandbox)
{
	tl_timer_close(sandbox->timer);
	tl_arena_done(&sandbox->arena);
	tl_free(sandbox);
}

static void
tell_end(struct sandbox_ask *sandbox, struct tl_stamp at, enum tl_error_class error, tl_str message)
{
	struct tl_ask_end end = {
		.error = error,
		.message = message,
		.first_byte_ns = sandbox->first_byte_ns,
		.total_ns = at.mono_ns - sandbox->started_at.mono_ns,
	};
	struct tl_ask_sink sink = sandbox->ask.sink;
	sink.end(sink.context, at, &end);
	close_ask(sandbox);
}

static void
tell_head(struct sandbox_ask *sandbox, struct tl_stamp at)
{
	const struct tl_pair headers[] = {
		{ TL_STR("content-type"), sandbox->answer.content_type },
		{ TL_STR("x-request-id"), sandbox->answer.request_id },
	};
	sandbox->head_told = true;
	sandbox->first_byte_ns = at.mono_ns - sandbox->started_at.mono_ns;
	sandbox->ask.sink.head(
		sandbox->ask.sink.context, at, sandbox->answer.http_status, headers, sizeof headers / sizeof *headers);
}

static void
on_timer(void *context)
{
	struct sandbox_ask *sandbox = context;
	struct tl_stamp at = tl_stamp_now();
	uint64_t elapsed_ns = at.mono_ns - sandbox->started_at.mono_ns;
	if (sandbox->cancelled) {
		tell_end(sandbox, at, TL_ERROR_INTERRUPTED, TL_STR("cancelled"));
		return;
	}
	if (sandbox->timeout_ms > 0 && elapsed_ns / TL_NS_PER_MS >= sandbox->timeout_ms) {
		tell_end(sandbox, at, TL_ERROR_TIMEOUT, TL_STR("the answer took longer than its timeout"));
		return;
	}
	if (!sandbox->head_told)
		tell_head(sandbox, at);
	if (sandbox->cancelled)
		return;
	sandbox->ask.sink.chunk(sandbox->ask.sink.context, at, sandbox->answer.pieces[sandbox->told++]);
	if (!sandbox->cancelled && sandbox->told == sandbox->answer.piece_count)
		tell_end(sandbox, at, TL_ERROR_NONE, TL_STR("complete"));
}

static enum tl_status
ask(struct tl_loop *loop, const struct tl_request *request, uint64_t timeout_ms, struct tl_ask_sink sink, struct tl_ask **ret_ask,
	struct tl_err *err)
{
	struct sandbox_ask *sandbox = tl_alloc(1, sizeof *sandbox);
	if (!sandbox)
		return tl_err_no_memory(err);
	sandbox->ask.sink = sink;
	sandbox->timeout_ms = timeout_ms;
	sandbox->started_at = tl_stamp_now();
	tl_arena_init(&sandbox->arena, ARENA_LIMIT);
	enum tl_status status = sandbox_answer(request->body, &sandbox->arena, &sandbox->answer, err);
	if (status == TL_OK)
		status = tl_timer_open(loop, on_timer, sandbox, &sandbox->timer, err);
	if (status != TL_OK) {
		close_ask(sandbox);
		return status;
	}
	tl_timer_set(sandbox->timer, PIECE_EVERY_MS, PIECE_EVERY_MS);
	*ret_ask = &sandbox->ask;
	return TL_OK;
}

static void
cancel(struct tl_ask *base)
{
	struct sandbox_ask *sandbox = (struct sandbox_ask *)base;
	sandbox->cancelled = true;
	tl_timer_set(sandbox->timer, 0, 0);
}

static enum tl_status
prepare(const struct tl_inputs *inputs, struct tl_arena *arena, struct tl_request *ret_request, struct tl_err *err)
{
	static const char *const schemes[] = { "sandbox://", NULL };
	return prepare_chat(inputs, schemes, arena, ret_request, err);
}

const struct tl_provider provider_sandbox = {
	.name = "sandbox",
	.default_model = "sandbox",
	.default_base_url = "sandbox://local/v1",
	.key_variable = NULL,
	.base_url_variable = NULL,
	.request_id_header = "x-request-id",
	.api = TL_API_OPENAI_CHAT,
	.prepare = prepare,
	.ask = ask,
	.cancel = cancel,
};
