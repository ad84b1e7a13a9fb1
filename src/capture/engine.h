/* capture/engine: the state of one trace being made. Private to src/capture. */
#ifndef CAPTURE_ENGINE_H
#define CAPTURE_ENGINE_H

#include <tracellm/capture.h>

#define ENGINE_MEMORY_LIMIT (256u << 20)

enum engine_phase { ENGINE_NEW, ENGINE_ASKING, ENGINE_WAITING, ENGINE_DONE };

/* The attempt under way. Reset when the next one starts. */
struct engine_attempt {
	struct tl_arena arena; /* head, cuts */
	struct tl_span_id span_id;
	uint64_t number;
	struct tl_stamp started_at;

	int64_t http_status, head_ns;    /* -1: no head */
	struct tl_pair_list raw_headers; /* as received: the retry rules read them; never emitted */
	struct tl_pair_list headers;     /* without secrets */
	tl_str content_type;

	struct tl_decoder *decoder; /* NULL before the first flush */
	struct tl_buf pending;      /* received, not in an event yet */
	struct tl_cut *cuts;        /* of pending */
	size_t cut_count, cut_capacity;
	uint64_t unflushed_since_ns; /* mono time of the first arrival after the last flush; 0: none */
	uint64_t offset, chunk_index;
};

struct tl_engine {
	const struct tl_plan *plan;
	const struct tl_provider *provider;
	const struct tl_redactor *redactor;
	tl_emit_fn *emit;
	void *emit_context;

	enum engine_phase phase;
	struct tl_arena arena; /* of the whole trace */
	struct tl_random random;
	struct tl_request request; /* real */
	/* What is recorded of it: without secrets. What is counted is counted here, so that a replay counts the same. */
	tl_str shown_url, shown_prompt;
	tl_bytes shown_body;
	struct tl_span_id root_span_id, call_span_id;
	struct tl_stamp started_at;
	struct engine_attempt attempt;
	bool hold_is_given;
	uint64_t given_hold;
};

/* How an attempt that ended is judged. */
struct engine_verdict {
	enum tl_error_class error; /* TL_ERROR_NONE: a usable answer */
	tl_str message;            /* in the engine's arena */
	tl_str provider_type, provider_code;
};

/* Writes what is pending; with `cause` "end" all of it, else without a tail that may begin a secret. Nothing to write is no
 * event. */
enum tl_status engine_flush(struct tl_engine *engine, const char *cause, struct tl_stamp at, struct tl_err *err);
void engine_attempt_done(struct engine_attempt *attempt);

/* What came of the attempt: the rules of docs/trace-document.md. */
enum tl_status engine_judge(
	struct tl_engine *engine, const struct tl_ask_end *end, struct engine_verdict *ret_verdict, struct tl_err *err);
/* Emits metrics.captured and trace.finished. */
enum tl_status engine_finish(struct tl_engine *engine, struct tl_stamp at, const struct engine_verdict *verdict,
	const struct tl_ask_end *end, int64_t signal_number, struct tl_err *err);

struct tl_event engine_event(const struct tl_engine *engine, enum tl_event_type type, struct tl_span_id span,
	struct tl_span_id parent, struct tl_stamp at);
enum tl_status engine_emit(struct tl_engine *engine, const struct tl_event *event, struct tl_err *err);

#endif
