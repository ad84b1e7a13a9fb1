/* replay/execute: tells an engine what the original was told: head, arrivals, time passing, end. Knows no socket and no clock. */
#include "replay_run.h"

#include <string.h>

/* Everything recorded about one attempt. */
struct attempt_script {
	const struct tl_event *started;
	const struct tl_event *end;    /* attempt.failed or attempt.finished; NULL: its writer died */
	size_t first_chunk, chunk_end; /* the range of run->recorded in which its response.chunk events lie */
};

/* Bytes that arrived at one moment, put together again where a flush had cut them. */
struct arrival {
	uint64_t at_ns, end_offset;
};

/* A body as it arrived, and how much of it the engine was told. */
struct arrivals {
	tl_bytes bytes;
	struct arrival *items;
	size_t count, capacity, next;
	uint64_t told;
};

struct script {
	struct replay_run *run;
	struct tl_engine *engine;
	struct tl_wish wish;
};

static enum tl_status
on_made(void *context, const struct tl_event *event, struct tl_err *err)
{
	struct replay_run *run = context;
	TL_TRY(replay_compare(run, event, err));
	return replay_keep(run, &run->made, event, err);
}

static struct tl_stamp
after(struct tl_stamp start, uint64_t ns)
{
	return (struct tl_stamp){ start.wall_ns + ns, start.mono_ns + ns };
}

static struct tl_attempt_finished
end_fields(const struct tl_event *end)
{
	if (end->type == TL_EVENT_attempt_finished)
		return end->body.attempt_finished;
	const struct tl_attempt_failed *failed = &end->body.attempt_failed;
	return (struct tl_attempt_finished){
		.http_status = failed->http_status,
		.headers = failed->headers,
		.head_ns = failed->head_ns,
		.dns_ns = failed->dns_ns,
		.connect_ns = failed->connect_ns,
		.tls_ns = failed->tls_ns,
		.first_byte_ns = failed->first_byte_ns,
		.total_ns = failed->total_ns,
		.connection_reused = failed->connection_reused,
	};
}

/* Event `i` when it holds body bytes of this attempt, else NULL: nobody promises that a log's events lie in the order in which we
 * write them. */
static const struct tl_response_chunk *
chunk_at(const struct replay_run *run, const struct attempt_script *attempt, size_t i)
{
	const struct tl_event *event = &run->recorded.items[i];
	bool ours = event->type == TL_EVENT_response_chunk &&
		    event->body.response_chunk.number == attempt->started->body.attempt_started.number;
	return ours ? &event->body.response_chunk : NULL;
}

static const struct tl_response_chunk *
first_chunk(const struct replay_run *run, const struct attempt_script *attempt)
{
	for (size_t i = attempt->first_chunk; i < attempt->chunk_end; i++)
		if (chunk_at(run, attempt, i))
			return chunk_at(run, attempt, i);
	return NULL;
}

/* The head is in the attempt's end; of an attempt that nobody ended only what its first chunk says is known. */
static enum tl_status
tell_head(struct script *script, const struct attempt_script *attempt, struct tl_err *err)
{
	struct tl_stamp start = attempt->started->at;
	if (attempt->end) {
		struct tl_attempt_finished end = end_fields(attempt->end);
		if (end.head_ns < 0)
			return TL_OK;
		return tl_engine_head(script->engine, after(start, (uint64_t)end.head_ns), (unsigned)end.http_status,
			end.headers.items, end.headers.count, &script->wish, err);
	}
	const struct tl_response_chunk *chunk = first_chunk(script->run, attempt);
	if (!chunk || chunk->http_status < 0)
		return TL_OK;
	struct tl_pair type = { TL_STR("content-type"), chunk->content_type };
	return tl_engine_head(
		script->engine, start, (unsigned)chunk->http_status, &type, chunk->content_type.ptr ? 1 : 0, &script->wish, err);
}

/* ---- Arrivals ---- */

/* What a writer that died held back is in no event. It was there when the event was written, so something stands in its place:
 * what it was is not written. */
static size_t
lost_bytes(const struct replay_run *run, const struct attempt_script *attempt)
{
	const struct tl_response_chunk *last = NULL;
	for (size_t i = attempt->first_chunk; i < attempt->chunk_end; i++)
		if (chunk_at(run, attempt, i))
			last = chunk_at(run, attempt, i);
	if (attempt->end || !last || last->held_bytes > TL_SECRET_CHARS_MAX)
		return 0;
	return (size_t)last->held_bytes;
}

static enum tl_status
join_bytes(const struct replay_run *run, const struct attempt_script *attempt, struct tl_arena *arena, tl_bytes *ret,
	struct tl_err *err)
{
	size_t total = lost_bytes(run, attempt), at = 0;
	for (size_t i = attempt->first_chunk; i < attempt->chunk_end; i++)
		if (chunk_at(run, attempt, i))
			total += chunk_at(run, attempt, i)->bytes.len;
	uint8_t *joined = tl_arena_alloc(arena, total);
	if (!joined)
		return tl_arena_failed(arena, total, err);
	for (size_t i = attempt->first_chunk; i < attempt->chunk_end; i++) {
		const struct tl_response_chunk *chunk = chunk_at(run, attempt, i);
		if (!chunk || chunk->bytes.len == 0)
			continue;
		memcpy(joined + at, chunk->bytes.ptr, chunk->bytes.len);
		at += chunk->bytes.len;
	}
	memset(joined + at, '*', total - at);
	*ret = (tl_bytes){ joined, total };
	return TL_OK;
}

/* Bytes of one moment are one arrival: a flush cuts between held bytes and the rest. */
static enum tl_status
add_arrival(struct replay_run *run, struct arrivals *arrivals, const struct tl_cut *cut, struct tl_err *err)
{
	uint64_t offset = arrivals->count ? arrivals->items[arrivals->count - 1].end_offset : 0;
	if (cut->bytes > arrivals->bytes.len - offset)
		return tl_err_set(err, TL_ERR_CORRUPT, "response.chunk: its arrivals are longer than its bytes");
	if (arrivals->count == 0 || arrivals->items[arrivals->count - 1].at_ns != cut->at_ns) {
		if (!tl_arena_grow(&run->arena, &arrivals->items, &arrivals->capacity, arrivals->count, sizeof(struct arrival)))
			return tl_arena_failed(&run->arena, 0, err);
		arrivals->items[arrivals->count++] = (struct arrival){ .at_ns = cut->at_ns };
	}
	arrivals->items[arrivals->count - 1].end_offset = offset + cut->bytes;
	return TL_OK;
}

static enum tl_status
list_arrivals(struct replay_run *run, const struct attempt_script *attempt, struct arrivals *arrivals, struct tl_err *err)
{
	TL_TRY(join_bytes(run, attempt, &run->arena, &arrivals->bytes, err));
	for (size_t i = attempt->first_chunk; i < attempt->chunk_end; i++) {
		const struct tl_response_chunk *chunk = chunk_at(run, attempt, i);
		for (size_t j = 0; chunk && j < chunk->cuts.count; j++)
			TL_TRY(add_arrival(run, arrivals, &chunk->cuts.items[j], err));
	}
	if (arrivals->count > 0)
		arrivals->items[arrivals->count - 1].end_offset += lost_bytes(run, attempt);
	return TL_OK;
}

/* Tells what arrived up to an offset; for `event` not NULL only what had arrived when that was written. `by_size`: the last of it
 * makes the engine write it. */
static enum tl_status
tell_until(struct script *script, const struct attempt_script *attempt, struct arrivals *arrivals, uint64_t until,
	const struct tl_event *event, bool by_size, struct tl_err *err)
{
	while (arrivals->next < arrivals->count && arrivals->told < until) {
		const struct arrival *arrival = &arrivals->items[arrivals->next];
		uint64_t end = arrival->end_offset < until ? arrival->end_offset : until;
		tl_bytes piece = { arrivals->bytes.ptr + arrivals->told, (size_t)(end - arrivals->told) };
		struct tl_stamp at = after(attempt->started->at, arrival->at_ns);
		if (event && at.mono_ns > event->at.mono_ns)
			return TL_OK;
		if (by_size && end == until) {
			at = event->at;
			tl_engine_hold_next(script->engine, event->body.response_chunk.held_bytes);
		}
		arrivals->told = end;
		arrivals->next += end == arrival->end_offset;
		TL_TRY(tl_engine_chunk(script->engine, at, piece, &script->wish, err));
	}
	return TL_OK;
}

/* Tells the arrivals up to a chunk event, then what made it be written: the last of those arrivals itself (size) or time (a
 * tick). What is written at the end is written by the end. */
static enum tl_status
tell_chunk(struct script *script, const struct attempt_script *attempt, const struct tl_event *event, struct arrivals *arrivals,
	struct tl_err *err)
{
	const struct tl_response_chunk *chunk = &event->body.response_chunk;
	bool by_size = tl_str_equal(chunk->cause, TL_STR("size")), by_time = tl_str_equal(chunk->cause, TL_STR("time"));
	uint64_t until = chunk->offset + chunk->bytes.len + chunk->held_bytes;
	TL_TRY(tell_until(script, attempt, arrivals, until, event, by_size, err));
	if (!by_time)
		return TL_OK;
	tl_engine_hold_next(script->engine, chunk->held_bytes);
	return tl_engine_tick(script->engine, event->at, &script->wish, err);
}

static enum tl_status
tell_body(struct script *script, const struct attempt_script *attempt, struct tl_err *err)
{
	struct arrivals arrivals = { .count = 0 };
	TL_TRY(list_arrivals(script->run, attempt, &arrivals, err));
	for (size_t i = attempt->first_chunk; i < attempt->chunk_end; i++)
		if (chunk_at(script->run, attempt, i))
			TL_TRY(tell_chunk(script, attempt, &script->run->recorded.items[i], &arrivals, err));
	return tell_until(script, attempt, &arrivals, UINT64_MAX, NULL, false, err);
}

static enum tl_status
tell_end(struct script *script, const struct tl_event *event, struct tl_err *err)
{
	struct tl_attempt_finished fields = end_fields(event);
	struct tl_ask_end end = {
		.dns_ns = fields.dns_ns,
		.connect_ns = fields.connect_ns,
		.tls_ns = fields.tls_ns,
		.first_byte_ns = fields.first_byte_ns,
		.total_ns = fields.total_ns,
		.connection_reused = fields.connection_reused,
	};
	if (event->type == TL_EVENT_attempt_failed) {
		const struct tl_attempt_failed *failed = &event->body.attempt_failed;
		if (failed->signal >= 0)
			return tl_engine_interrupt(script->engine, event->at, (int)failed->signal, &script->wish, err);
		if (failed->transport_error.ptr && !tl_error_class_parse(failed->transport_error, &end.error))
			return tl_err_set(err, TL_ERR_VERSION,
				"attempt.failed: the error class '%.*s' is not known to this version",
				TL_FMT(failed->transport_error));
		end.message = failed->transport_message;
	}
	return tl_engine_end(script->engine, event->at, &end, &script->wish, err);
}

/* ---- The whole trace ---- */

static bool
find_attempt(const struct replay_run *run, uint64_t number, struct attempt_script *ret_attempt)
{
	struct attempt_script attempt = { 0 };
	for (size_t i = 0; i < run->recorded.count; i++) {
		const struct tl_event *event = &run->recorded.items[i];
		if (event->type == TL_EVENT_attempt_started && event->body.attempt_started.number == number) {
			attempt.started = event;
			attempt.first_chunk = attempt.chunk_end = i + 1;
		} else if (event->type == TL_EVENT_response_chunk && event->body.response_chunk.number == number) {
			attempt.chunk_end = i + 1;
		} else if (event->type == TL_EVENT_attempt_failed && event->body.attempt_failed.number == number) {
			attempt.end = event;
		} else if (event->type == TL_EVENT_attempt_finished && event->body.attempt_finished.number == number) {
			attempt.end = event;
		}
	}
	*ret_attempt = attempt;
	return attempt.started != NULL;
}

static enum tl_status
tell_attempt(struct script *script, const struct attempt_script *attempt, struct tl_err *err)
{
	if (attempt->started->body.attempt_started.number > 1) {
		if (script->wish.kind != TL_WISH_WAIT)
			return replay_missing(script->run, err);
		TL_TRY(tl_engine_wake(script->engine, attempt->started->at, &script->wish, err));
	}
	TL_TRY(tell_head(script, attempt, err));
	TL_TRY(tell_body(script, attempt, err));
	return attempt->end ? tell_end(script, attempt->end, err) : TL_OK;
}

/* What no attempt says: an interruption between two of them, and the end that somebody else wrote for a writer that died. */
static enum tl_status
tell_last(struct script *script, struct tl_err *err)
{
	struct replay_run *run = script->run;
	const struct tl_event *last = &run->recorded.items[run->recorded.count - 1];
	if (last->type != TL_EVENT_trace_finished || script->wish.kind == TL_WISH_DONE)
		return TL_OK;
	const struct tl_trace_finished *finished = &last->body.trace_finished;
	if (tl_str_equal(finished->error_class, TL_STR("writer_died"))) {
		struct tl_event died = tl_event_writer_died(last->trace_id, run->recorded.items[1].span_id, last->at);
		return on_made(run, &died, err);
	}
	if (finished->signal >= 0)
		return tl_engine_interrupt(script->engine, last->at, (int)finished->signal, &script->wish, err);
	return TL_OK;
}

static enum tl_status
tell_everything(struct script *script, struct tl_err *err)
{
	struct replay_run *run = script->run;
	struct attempt_script attempt;
	TL_TRY(tl_engine_start(script->engine, run->recorded.items[0].at, &script->wish, err));
	for (uint64_t number = 1; find_attempt(run, number, &attempt); number++)
		TL_TRY(tell_attempt(script, &attempt, err));
	TL_TRY(tell_last(script, err));
	return run->report->compared < run->recorded.count ? replay_missing(run, err) : TL_OK;
}

enum tl_status
replay_execute(struct replay_run *run, struct tl_err *err)
{
	struct tl_redactor *redactor = NULL;
	struct script script = { .run = run };
	TL_TRY(tl_redactor_open(&redactor, err));
	enum tl_status status = tl_engine_open(&run->plan, run->provider, redactor, on_made, run, &script.engine, err);
	if (status == TL_OK)
		status = tell_everything(&script, err);
	tl_engine_close(script.engine);
	tl_redactor_close(redactor);
	return status;
}
