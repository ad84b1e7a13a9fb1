/* Calls as a provider could make them happen, as data: what an engine is told, step by step, and what must come of it. The
 * capture tests play them into an engine, the replay tests into a log.
 *
 *      struct played played = { 0 };
 *      scenario_play(&scenarios[i], trace_id, played_emit, &played);
 *      played_done(&played);
 *
 * Times are milliseconds since the start; the wall clock steps back three seconds at 400 ms, as real ones do. */
#ifndef SCENARIO_FIXTURE_H
#define SCENARIO_FIXTURE_H

#include <signal.h>
#include <string.h>

#include <tracellm/capture.h>

#include "event_fixture.h"

enum step_kind { STEP_NONE, STEP_HEAD, STEP_CHUNK, STEP_FILL, STEP_TICK, STEP_END, STEP_WAKE, STEP_INTERRUPT };

struct step {
	enum step_kind kind;
	uint64_t at_ms;
	const char *text;      /* head: content type; chunk: bytes; end: message */
	unsigned number;       /* head: status; fill: bytes; end: error class; interrupt: signal */
	const char *header[2]; /* head: one more field */
};

struct scenario {
	const char *name;
	const char *status, *error_class; /* of trace.finished; NULL status: its writer died */
	const char *events;
	const char *answer; /* text of the first choice in the end; NULL: not looked at */
	struct step steps[20];
};

/* Steps as initializers. */
#define NOTHING                   \
	{                         \
		.kind = STEP_NONE \
	}
#define HEAD(ms, type, status)                                                     \
	{                                                                          \
		.kind = STEP_HEAD, .at_ms = (ms), .text = type, .number = (status) \
	}
#define HEAD_WITH(ms, type, status, name, value)                                                              \
	{                                                                                                     \
		.kind = STEP_HEAD, .at_ms = (ms), .text = type, .number = (status), .header = { name, value } \
	}
#define ARRIVE(ms, bytes)                                        \
	{                                                        \
		.kind = STEP_CHUNK, .at_ms = (ms), .text = bytes \
	}
#define FILL(ms, count)                                             \
	{                                                           \
		.kind = STEP_FILL, .at_ms = (ms), .number = (count) \
	}
#define TICK(ms)                                 \
	{                                        \
		.kind = STEP_TICK, .at_ms = (ms) \
	}
#define END(ms)                                 \
	{                                       \
		.kind = STEP_END, .at_ms = (ms) \
	}
#define BREAK(ms, message, error)                                                   \
	{                                                                           \
		.kind = STEP_END, .at_ms = (ms), .text = message, .number = (error) \
	}
#define WAKE(ms)                                 \
	{                                        \
		.kind = STEP_WAKE, .at_ms = (ms) \
	}
#define INTERRUPT(ms, signal_number)                                             \
	{                                                                        \
		.kind = STEP_INTERRUPT, .at_ms = (ms), .number = (signal_number) \
	}

#define SCENARIO_KEY   "sk-test-1234567890"
#define SCENARIO_TOKEN "user-token-value"

#define SSE  "text/event-stream; charset=utf-8"
#define JSON "application/json"
#define CHUNK_OF(choice) \
	"data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0," choice "}]}\n\n"
#define DELTA(text) CHUNK_OF("\"delta\":{\"role\":\"assistant\",\"content\":\"" text "\"}")
#define FINISH      CHUNK_OF("\"delta\":{},\"finish_reason\":\"stop\"")
#define USAGE                                                                                                                   \
	"data: "                                                                                                                \
	"{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":" \
	"4}}}\n\n"
#define DONE "data: [DONE]\n\n"
#define BODY(text)                                                                                                   \
	"{\"id\":\"chatcmpl-2\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"," \
	"\"content\":\"" text "\"},\"finish_reason\":\"stop\"}]}"
#define ERROR(message, code) "{\"error\":{\"message\":\"" message "\",\"type\":\"some_type\",\"code\":\"" code "\"}}"

#define BEGIN   "request.created trace.created attempt.started"
#define C       " response.chunk"
#define OK      " attempt.finished metrics.captured trace.finished"
#define FAILED  " attempt.failed metrics.captured trace.finished"
#define RETRIED " attempt.failed attempt.started"

static const struct scenario scenarios[] = {
	{ "streamed", "success", NULL, BEGIN C OK, "Hello",
		{ HEAD_WITH(15, SSE, 200, "x-request-id", "req_1"), ARRIVE(20, DELTA("Hel")), ARRIVE(60, DELTA("lo") FINISH),
			TICK(100), ARRIVE(110, USAGE DONE), END(120) } },
	{ "streamed, written by time", "success", NULL, BEGIN C C C OK, "Hello you",
		{ HEAD(5, SSE, 200), ARRIVE(10, DELTA("Hel")), ARRIVE(10, ": same moment\n\n"), TICK(300),
			ARRIVE(320, "data: {\"choices\":[{\"index\":0,\"del"), ARRIVE(400, "ta\":{\"content\":\"lo\"}}]}\n\n"),
			TICK(500), TICK(600), ARRIVE(610, DELTA(" you") FINISH DONE), END(650) } },
	{ "streamed, written by size", "success", NULL, BEGIN C C C OK, "ab",
		{ HEAD(5, SSE, 200), FILL(10, 40000), ARRIVE(11, DELTA("a")), FILL(12, 40000), FILL(12, 65536),
			ARRIVE(12, DELTA("b")), ARRIVE(500, FINISH DONE), END(500) } },
	{ "whole", "success", NULL, BEGIN C OK, "Hi there", { HEAD(5, JSON, 200), ARRIVE(10, BODY("Hi there")), END(11) } },
	{ "whole, in pieces over flushes", "success", NULL, BEGIN C C OK, "Hi",
		{ HEAD(5, JSON, 200), ARRIVE(10, "{\"choices\":[{\"message\":{\"cont"), TICK(260),
			ARRIVE(300, "ent\":\"Hi\"}}]}"), END(310) } },
	{ "tool call only", "success", NULL, BEGIN C OK, "",
		{ HEAD(5, SSE, 200),
			ARRIVE(9, CHUNK_OF("\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\","
					   "\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"") DONE),
			END(10) } },
	{ "refusal only", "success", NULL, BEGIN C OK, "",
		{ HEAD(5, SSE, 200), ARRIVE(9, CHUNK_OF("\"delta\":{\"refusal\":\"no\"},\"finish_reason\":\"stop\"") DONE),
			END(10) } },
	{ "429 with retry-after, then an answer", "warning", NULL, BEGIN C RETRIED C OK, "Hi",
		{ HEAD_WITH(5, JSON, 429, "Retry-After", "2"), ARRIVE(6, ERROR("slow down", "rate_limit")), END(7), WAKE(2010),
			HEAD(2030, JSON, 200), ARRIVE(2040, BODY("Hi")), END(2050) } },
	{ "500 until no more is allowed", "failed", "http_status", BEGIN C RETRIED RETRIED C FAILED, "",
		{ HEAD(5, JSON, 500), ARRIVE(6, ERROR("oops", "server")), END(7), WAKE(600), HEAD(610, "text/html", 503),
			END(611), WAKE(1700), HEAD(1710, JSON, 500), ARRIVE(1720, ERROR("oops again", "server")), END(1730) } },
	{ "insufficient quota is not tried again", "failed", "http_status", BEGIN C FAILED, "",
		{ HEAD(5, JSON, 429), ARRIVE(6, ERROR("pay", "insufficient_quota")), END(7) } },
	{ "401", "failed", "http_status", BEGIN C FAILED, "",
		{ HEAD(5, JSON, 401), ARRIVE(6, ERROR("wrong key " SCENARIO_KEY, "invalid_api_key")), END(7) } },
	{ "redirect", "failed", "redirect", BEGIN FAILED, "",
		{ HEAD_WITH(5, "text/html", 302, "location", "https://elsewhere/?token=abc"), END(6) } },
	{ "no connection, then an answer", "warning", NULL, BEGIN RETRIED C OK, "Hi",
		{ BREAK(30, "connection refused", TL_ERROR_CONNECT), WAKE(900), HEAD(910, JSON, 200), ARRIVE(920, BODY("Hi")),
			END(930) } },
	{ "no name for the host, ever", "failed", "dns", BEGIN RETRIED RETRIED FAILED, "",
		{ BREAK(30, "no such host", TL_ERROR_DNS), WAKE(900), BREAK(910, "no such host", TL_ERROR_DNS), WAKE(1900),
			BREAK(1910, "no such host", TL_ERROR_DNS) } },
	{ "an answer takes too long", "failed", "timeout", BEGIN C FAILED, "Hel",
		{ HEAD(5, SSE, 200), ARRIVE(10, DELTA("Hel")), BREAK(200, "the answer took too long", TL_ERROR_TIMEOUT) } },
	{ "connection lost in the answer", "failed", "reset", BEGIN C C FAILED, "Hello",
		{ HEAD(5, SSE, 200), ARRIVE(10, DELTA("Hel")), TICK(300), ARRIVE(310, DELTA("lo") "data: {\"cho"),
			BREAK(320, "reset by peer", TL_ERROR_RESET) } },
	{ "stream cut without a word", "failed", "truncated", BEGIN C FAILED, "Hel",
		{ HEAD(5, SSE, 200), ARRIVE(10, DELTA("Hel")), END(20) } },
	{ "empty stream", "failed", "empty", BEGIN C FAILED, "", { HEAD(5, SSE, 200), ARRIVE(10, FINISH DONE), END(20) } },
	{ "no body", "failed", "empty", BEGIN FAILED, "", { HEAD(5, JSON, 200), END(20) } },
	{ "not an answer", "failed", "malformed", BEGIN C FAILED, "",
		{ HEAD(5, "text/html", 200), ARRIVE(10, "<html>hello</html>"), END(20) } },
	{ "an error in the stream", "failed", "provider_error", BEGIN C FAILED, "Hel",
		{ HEAD(5, SSE, 200), ARRIVE(10, DELTA("Hel")),
			ARRIVE(11, "data: " ERROR("overloaded\\nlater", "busy") "\n\n" DONE), END(20) } },
	{ "interrupted before the head", "interrupted", "interrupted", BEGIN FAILED, "", { INTERRUPT(20, SIGINT) } },
	{ "terminated in the answer", "interrupted", "interrupted", BEGIN C C FAILED, "Hello",
		{ HEAD(5, SSE, 200), ARRIVE(10, DELTA("Hel")), TICK(280), ARRIVE(290, DELTA("lo")), INTERRUPT(300, SIGTERM) } },
	{ "interrupted while waiting", "interrupted", "interrupted", BEGIN C " attempt.failed metrics.captured trace.finished",
		"", { HEAD(5, JSON, 500), ARRIVE(6, ERROR("oops", "server")), END(7), INTERRUPT(100, SIGINT) } },
	{ "a secret over two arrivals", "success", NULL, BEGIN C C OK, "key ******************.",
		{ HEAD(5, SSE, 200), ARRIVE(10, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"key sk-test-12345"),
			TICK(300), ARRIVE(310, "67890.\"},\"finish_reason\":\"stop\"}]}\n\n" DONE), END(320) } },
	{ "held bytes that were no secret", "success", NULL, BEGIN C C C OK, "sk-test-12 sk-tes",
		{ HEAD(5, SSE, 200), ARRIVE(10, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"sk-test-1"), TICK(300),
			ARRIVE(310, "2 sk"), ARRIVE(320, "-te"), TICK(600),
			ARRIVE(610, "s\"},\"finish_reason\":\"stop\"}]}\n\n" DONE), END(620) } },
	{ "everything is held", "failed", "malformed", BEGIN C FAILED, "",
		{ HEAD(5, JSON, 200), ARRIVE(10, "sk-t"), TICK(300), ARRIVE(400, "est-"), TICK(700), END(800) } },
	{ "held bytes at a flush by size", "success", NULL, BEGIN C C OK, "ok",
		{ HEAD(5, SSE, 200), FILL(10, 65530), ARRIVE(12, ": sk-test-12"), ARRIVE(12, "34567890\n\n"),
			ARRIVE(13, DELTA("ok") FINISH DONE), END(20) } },
	{ "writer died at once", NULL, "writer_died", BEGIN " trace.finished", "", { NOTHING } },
	{ "writer died after the head", NULL, "writer_died", BEGIN " trace.finished", "", { HEAD(5, SSE, 200) } },
	{ "writer died in the answer", NULL, "writer_died", BEGIN C " trace.finished", "Hel",
		{ HEAD(5, SSE, 200), ARRIVE(10, DELTA("Hel")), TICK(300), ARRIVE(310, DELTA("lost")) } },
	{ "writer died with bytes held", NULL, "writer_died", BEGIN C C " trace.finished", "Hel",
		{ HEAD(5, SSE, 200), ARRIVE(10, DELTA("Hel") ": sk-te"), TICK(300), ARRIVE(310, "xt sk-"), ARRIVE(350, "test"),
			TICK(600) } },
	{ "writer died while waiting", NULL, "writer_died", BEGIN C " attempt.failed trace.finished", "",
		{ HEAD(5, JSON, 500), ARRIVE(6, ERROR("oops", "server")), END(7) } },
	{ "writer died in the second attempt", NULL, "writer_died", BEGIN C RETRIED C " trace.finished", "Hi",
		{ HEAD(5, JSON, 500), ARRIVE(6, ERROR("oops", "server")), END(7), WAKE(700), HEAD(710, SSE, 200),
			ARRIVE(720, DELTA("Hi")), TICK(1000) } },
};

#undef C
#undef OK
#define SCENARIO_COUNT (sizeof scenarios / sizeof *scenarios)

static inline struct tl_stamp
scenario_stamp(uint64_t ms)
{
	uint64_t ns = ms * TL_NS_PER_MS + (ms ? 123 : 0);
	uint64_t step = ms > 400 ? 3 * TL_NS_PER_S : 0;
	return (struct tl_stamp){ UINT64_C(1795564800000000000) + ns - step, UINT64_C(5000000077) + ns };
}

/* ---- What is asked ---- */

static const struct tl_pair scenario_headers[] = {
	{ { "X-Team", 6 }, { "blue", 4 } },
	{ { "X-My-Token", 10 }, { SCENARIO_TOKEN, sizeof SCENARIO_TOKEN - 1 } },
};

static inline struct tl_plan
scenario_plan(struct tl_trace_id trace_id)
{
	static tl_str tags[] = { { "one", 3 }, { "two", 3 } };
	struct tl_plan plan = {
		.inputs = {
			.provider = TL_STR("openai"),
			.provider_reason = TL_STR("flag"),
			.model = TL_STR("gpt-4o"),
			.model_reason = TL_STR("default"),
			.base_url = TL_STR("https://user:" SCENARIO_TOKEN "@api.openai.com/v1"),
			.prompt = TL_STR("Explain transformers"),
			.system = TL_STR("Be brief."),
			.temperature = TL_STR("0.70"),
			.max_tokens = 100,
			.stream = true,
			.headers = scenario_headers,
			.header_count = 2,
			.api_key = TL_STR(SCENARIO_KEY),
			.timeout_ms = 60000,
			.retries_max = 2,
		},
		.key_chars = sizeof SCENARIO_KEY - 1,
		.source = TL_STR("cli"),
		.project = TL_STR("default"),
		.session = TL_STR("s1"),
		.tags = { tags, 2 },
		.trace_id = trace_id,
	};
	memset(plan.seed.bytes, 0x5a, sizeof plan.seed.bytes);
	return plan;
}

static inline struct tl_redactor *
scenario_redactor(void)
{
	struct tl_err err;
	struct tl_redactor *redactor = NULL;
	assert_ok(tl_redactor_open(&redactor, &err));
	assert_ok(tl_redactor_add(redactor, TL_STR(SCENARIO_KEY), &err));
	assert_ok(tl_redactor_add(redactor, TL_STR(SCENARIO_TOKEN), &err));
	return redactor;
}

/* ---- Playing ---- */

static inline tl_bytes
scenario_fill(size_t count)
{
	static uint8_t bytes[1 << 17];
	assert_true(count <= sizeof bytes);
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t) ": filler.\n"[i % 10];
	if (count)
		bytes[count - 1] = '\n';
	return (tl_bytes){ bytes, count };
}

static inline enum tl_status
scenario_head(struct tl_engine *engine, const struct step *step, struct tl_wish *wish, struct tl_err *err)
{
	struct tl_pair headers[] = { { TL_STR("Content-Type"), tl_str_of(step->text) },
		{ tl_str_of(step->header[0]), tl_str_of(step->header[1]) } };
	return tl_engine_head(engine, scenario_stamp(step->at_ms), step->number, headers, step->header[0] ? 2 : 1, wish, err);
}

static inline enum tl_status
scenario_end(struct tl_engine *engine, const struct step *step, struct tl_wish *wish, struct tl_err *err)
{
	enum tl_error_class error = (enum tl_error_class)step->number;
	bool connected = error != TL_ERROR_DNS && error != TL_ERROR_CONNECT;
	struct tl_ask_end end = {
		.error = error,
		.message = tl_str_of(step->text),
		.dns_ns = error != TL_ERROR_DNS ? 1000 : 0,
		.connect_ns = connected ? 2000 : 0,
		.tls_ns = connected ? 3000 : 0,
		.first_byte_ns = connected ? 4000000 : 0,
		.total_ns = 5000000,
	};
	return tl_engine_end(engine, scenario_stamp(step->at_ms), &end, wish, err);
}

static inline enum tl_status
scenario_step(struct tl_engine *engine, const struct step *step, struct tl_wish *wish, struct tl_err *err)
{
	struct tl_stamp at = scenario_stamp(step->at_ms);
	switch (step->kind) {
	case STEP_HEAD:
		return scenario_head(engine, step, wish, err);
	case STEP_CHUNK:
		return tl_engine_chunk(engine, at, tl_bytes_of(tl_str_of(step->text)), wish, err);
	case STEP_FILL:
		return tl_engine_chunk(engine, at, scenario_fill(step->number), wish, err);
	case STEP_TICK:
		return tl_engine_tick(engine, at, wish, err);
	case STEP_END:
		return scenario_end(engine, step, wish, err);
	case STEP_WAKE:
		return tl_engine_wake(engine, at, wish, err);
	case STEP_INTERRUPT:
		return tl_engine_interrupt(engine, at, (int)step->number, wish, err);
	case STEP_NONE:
		break;
	}
	return TL_OK;
}

/* From start to the last step; the first failure ends it. */
static inline enum tl_status
scenario_try(const struct scenario *scenario, const struct tl_plan *plan, const struct tl_redactor *redactor, tl_emit_fn *emit,
	void *context, struct tl_wish *ret_wish, struct tl_err *err)
{
	struct tl_engine *engine = NULL;
	enum tl_status status =
		tl_engine_open(plan, tl_provider_find(plan->inputs.provider), redactor, emit, context, &engine, err);
	if (status == TL_OK)
		status = tl_engine_start(engine, scenario_stamp(0), ret_wish, err);
	for (const struct step *step = scenario->steps; status == TL_OK && step->kind != STEP_NONE; step++)
		status = scenario_step(engine, step, ret_wish, err);
	tl_engine_close(engine);
	return status;
}

static inline void
scenario_play(const struct scenario *scenario, struct tl_trace_id trace_id, tl_emit_fn *emit, void *context)
{
	struct tl_err err;
	struct tl_wish wish = { 0 };
	struct tl_plan plan = scenario_plan(trace_id);
	struct tl_redactor *redactor = scenario_redactor();
	if (scenario_try(scenario, &plan, redactor, emit, context, &wish, &err) != TL_OK)
		fail_msg("%s: %s", scenario->name, err.message);
	if ((wish.kind == TL_WISH_DONE) != (scenario->status != NULL))
		fail_msg("%s: the last wish is %d", scenario->name, (int)wish.kind);
	tl_redactor_close(redactor);
}

/* ---- What was emitted ---- */

#define PLAYED_EVENTS_MAX 64u

struct played {
	struct tl_arena arena;
	struct tl_event events[PLAYED_EVENTS_MAX];
	size_t count;
};

static inline enum tl_status
played_emit(void *context, const struct tl_event *event, struct tl_err *err)
{
	struct played *played = context;
	if (played->count == 0)
		tl_arena_init(&played->arena, 64 << 20);
	assert_true(played->count < PLAYED_EVENTS_MAX);
	TL_TRY(tl_event_copy(event, &played->arena, &played->events[played->count], err));
	played->events[played->count].seq = played->count + 1;
	played->count++;
	return TL_OK;
}

static inline void
played_done(struct played *played)
{
	if (played->count > 0)
		tl_arena_done(&played->arena);
	played->count = 0;
}

/* All events of a scenario, with the end that somebody else writes for a dead writer. */
static inline void
played_all(const struct scenario *scenario, struct tl_trace_id trace_id, struct played *played)
{
	struct tl_err err;
	played->count = 0;
	scenario_play(scenario, trace_id, played_emit, played);
	if (scenario->status)
		return;
	struct tl_event died = tl_event_writer_died(trace_id, played->events[1].span_id, (struct tl_stamp){ 77, 1 });
	assert_ok(played_emit(played, &died, &err));
}

/* The n-th event of a type, from 0; fails when there is none. */
static inline const struct tl_event *
played_find(const struct played *played, enum tl_event_type type, size_t nth)
{
	for (size_t i = 0; i < played->count; i++)
		if (played->events[i].type == type && nth-- == 0)
			return &played->events[i];
	fail_msg("there is no such %s", tl_event_name((uint16_t)type));
	return NULL;
}

static inline const struct scenario *
scenario_named(const char *name)
{
	for (size_t i = 0; i < SCENARIO_COUNT; i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	fail_msg("there is no scenario %s", name);
	return NULL;
}

#endif
