/* capture: the writer's side. Makes the events of one traced call and is the one road by which outside data enters the log. Knows
 * no view, no dashboard.
 *
 * Three parts:
 *
 *      redactor     overwrites secrets with `*` before anything else looks at the bytes
 *      engine       the stages of one trace as a pure machine: inputs with their stamps go in, events and one wish come out
 *      capture      drives an engine with a real provider, a loop and a log
 *
 * The engine reads no clock, draws no entropy and touches no socket. Everything it is told is in some event it emits, so that
 * src/replay can tell it the same again and must get the same events, byte for byte. */
#ifndef TRACELLM_CAPTURE_H
#define TRACELLM_CAPTURE_H

#include <tracellm/base.h>
#include <tracellm/log.h>
#include <tracellm/model.h>
#include <tracellm/net.h>
#include <tracellm/provider.h>

/* ---- Redactor
 * ------------------------------------------------------------------------------------------------------------------- Same number
 * of `*`, so that offsets, boundaries and JSON stay. What it sees:
 *
 *      header fields   authorization, proxy-authorization, x-api-key, api-key, x-goog-api-key, cookie, set-cookie,
 *      x-amz-security-token, openai-api-key and every field whose name ends in -token, -secret or
 *                      -password: the value, but for a leading scheme word (Bearer, Basic)
 *      URLs            the password of user:password@, and the query fields key, api_key, api-key, apikey, access_token, token,
 *      secret, password, signature, sig, code any bytes       the secrets it was given, as they stand
 */
#define TL_SECRET_CHARS_MIN 8u /* a shorter value would overwrite ordinary text */
#define TL_SECRET_CHARS_MAX 4096u
#define TL_SECRETS_MAX      64u

struct tl_redactor;

/* Owned, tl_redactor_close. */
enum tl_status tl_redactor_open(struct tl_redactor **ret_redactor, struct tl_err *err);
void tl_redactor_close(struct tl_redactor *redactor); /* accepts NULL; wipes the secrets */
/* Copies a value to be overwritten wherever it stands; shorter or longer ones than the limits, and doubles, are passed over.
 * TL_ERR_LIMIT: too many. */
enum tl_status tl_redactor_add(struct tl_redactor *redactor, tl_str secret, struct tl_err *err);
/* Overwrites in place the secrets that begin in front of `starts_before`, to their end; what begins later is left for another
 * call. */
void tl_redact_bytes(const struct tl_redactor *redactor, char *bytes, size_t len, size_t starts_before);
/* How many bytes at the end of `bytes` may be the beginning of a secret: they must wait for what follows. */
size_t tl_redact_tail(const struct tl_redactor *redactor, tl_bytes bytes);
bool tl_header_is_credential(tl_str name);
/* The part of a credential field's value that is secret: all behind a scheme word, else all. */
tl_str tl_header_secret(tl_str value);
/* Copies without secrets, in `arena`. ptr NULL on failure only. */
tl_str tl_redact_text(const struct tl_redactor *redactor, tl_str text, struct tl_arena *arena);
tl_str tl_redact_url(const struct tl_redactor *redactor, tl_str url, struct tl_arena *arena);
enum tl_status tl_redact_headers(const struct tl_redactor *redactor, const struct tl_pair *headers, size_t count,
	struct tl_arena *arena, struct tl_pair_list *ret_headers, struct tl_err *err);

/* ---- Engine ---- */

#define TL_CHUNK_FLUSH_MS    250u        /* what arrived is in the log at the latest so much later */
#define TL_CHUNK_FLUSH_BYTES (64u << 10) /* or when so much has come */

/* What is to be done, as data. Borrowed until the engine is closed. */
struct tl_plan {
	struct tl_inputs inputs;
	int64_t key_chars; /* length of inputs.api_key, -1: none */
	tl_str source, project;
	tl_str environment, session, user, replay_of; /* ptr NULL: none */
	struct tl_str_list tags;
	struct tl_trace_id trace_id;
	struct tl_digest seed;
};

enum tl_wish_kind {
	TL_WISH_LISTEN, /* go on telling what arrives; call tick at `due_mono_ns` when that is not 0 */
	TL_WISH_ASK,    /* send `request` and tell what arrives */
	TL_WISH_WAIT,   /* call wake after `wait_ns` */
	TL_WISH_DONE    /* the trace has ended */
};

struct tl_wish {
	enum tl_wish_kind kind;
	const struct tl_request *request; /* with the real credentials: never to be recorded */
	uint64_t wait_ns;
	uint64_t due_mono_ns;
};

/* `event` is borrowed during the call. A failure ends the engine's work and is passed up. */
typedef enum tl_status tl_emit_fn(void *context, const struct tl_event *event, struct tl_err *err);

struct tl_engine;

/* Owned, tl_engine_close. `plan`, `provider` and `redactor` are borrowed until then. */
enum tl_status tl_engine_open(const struct tl_plan *plan, const struct tl_provider *provider, const struct tl_redactor *redactor,
	tl_emit_fn *emit, void *context, struct tl_engine **ret_engine, struct tl_err *err);
void tl_engine_close(struct tl_engine *engine); /* accepts NULL */

/* In this order: start once; then for every ASK head (at most once), chunk, tick (any number), end (once); wake after every WAIT;
 * interrupt at any time before DONE. TL_ERR_USAGE from start: the inputs cannot be made into a request; nothing was emitted. */
enum tl_status tl_engine_start(struct tl_engine *engine, struct tl_stamp at, struct tl_wish *ret_wish, struct tl_err *err);
enum tl_status tl_engine_head(struct tl_engine *engine, struct tl_stamp at, unsigned http_status, const struct tl_pair *headers,
	size_t header_count, struct tl_wish *ret_wish, struct tl_err *err);
enum tl_status tl_engine_chunk(
	struct tl_engine *engine, struct tl_stamp at, tl_bytes bytes, struct tl_wish *ret_wish, struct tl_err *err);
enum tl_status tl_engine_tick(struct tl_engine *engine, struct tl_stamp at, struct tl_wish *ret_wish, struct tl_err *err);
enum tl_status tl_engine_end(
	struct tl_engine *engine, struct tl_stamp at, const struct tl_ask_end *end, struct tl_wish *ret_wish, struct tl_err *err);
enum tl_status tl_engine_wake(struct tl_engine *engine, struct tl_stamp at, struct tl_wish *ret_wish, struct tl_err *err);
enum tl_status tl_engine_interrupt(
	struct tl_engine *engine, struct tl_stamp at, int signal_number, struct tl_wish *ret_wish, struct tl_err *err);

/* For a replay, which has no secrets: how many bytes the original held back at the flush that comes next. */
void tl_engine_hold_next(struct tl_engine *engine, uint64_t held_bytes);

/* ---- Capture ---- */

struct tl_capture;

struct tl_capture_options {
	struct tl_loop *loop;
	struct tl_log *log;
	const struct tl_provider *provider;
	const struct tl_plan *plan;
	const struct tl_redactor *redactor;
	void *context;
	void (*on_event)(void *context, const struct tl_event *event); /* as emitted, before it is durable */
	/* Once: TL_OK when the trace has ended and all its events are durable; else what broke the recording (`err` is borrowed
	 * during the call). */
	void (*on_done)(void *context, enum tl_status status, const struct tl_err *err);
};

/* The first events are durable when this returns; the request is sent after that. Everything in `options` is borrowed until the
 * close. Owned, tl_capture_close. Loop thread. */
enum tl_status tl_capture_start(const struct tl_capture_options *options, struct tl_capture **ret_capture, struct tl_err *err);
/* Ends the trace as interrupted; on_done follows. */
void tl_capture_interrupt(struct tl_capture *capture, int signal_number);
/* After on_done. Accepts NULL. */
void tl_capture_close(struct tl_capture *capture);

#endif
