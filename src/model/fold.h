/* model/fold: the state between events and document. Private to src/model. */
#ifndef MODEL_FOLD_H
#define MODEL_FOLD_H

#include <tracellm/model.h>

/* A chunk that came before one in front of it; kept until its turn. */
struct fold_waiting {
	struct tl_event event;
	struct fold_waiting *next; /* ascending by index */
};

/* One try. Its events may come in any order, so each part may be missing. */
struct fold_attempt {
	struct tl_span_id span_id, call_span_id;
	uint64_t number; /* 0: not known yet */
	bool started, ended, failed;
	struct tl_stamp started_at, ended_at;
	struct tl_attempt_failed end; /* an attempt.finished is kept in the same shape, without the fields of a failure */

	uint64_t next_index; /* of the chunk that is to be decoded next */
	struct fold_waiting *waiting;
	struct tl_decoder *decoder; /* owned; NULL before the first chunk */
	bool decoder_ended;
	uint64_t response_bytes, response_chunks;
	uint64_t first_cut_ns, last_seen_mono_ns;
	struct fold_attempt *next; /* ascending by number once it is known */
};

/* One call to a model. */
struct fold_call {
	struct tl_span_id span_id;
	bool requested, measured;
	struct tl_stamp requested_at;
	struct tl_request_created request;
	struct tl_metrics_captured metrics;
	struct tl_request_view view; /* what the body says */
	struct fold_attempt *attempts;
	struct fold_call *next; /* ascending by (requested_at, span id) */
};

struct tl_trace {
	struct tl_trace_id trace_id;
	struct tl_arena arena;
	bool created, finished;
	struct tl_span_id root_span_id;
	struct tl_stamp created_at, finished_at;
	struct tl_trace_created begin;
	struct tl_trace_finished end;
	struct fold_call *calls;
	uint64_t attempt_count;
	/* The greatest monotonic time of a capture event; the end of a dead writer's trace does not count. */
	uint64_t last_seen_mono_ns;
	uint64_t seq;
	size_t decoded_bytes;
};

/* The call whose answer counts: the last one. NULL: none yet. */
const struct fold_call *fold_last_call(const struct tl_trace *trace);
/* The attempt whose answer counts: the last that received something, else the last. NULL: none. */
const struct fold_attempt *fold_answering_attempt(const struct fold_call *call);
/* What its decoder holds; NULL: nothing arrived. */
const struct tl_answer *fold_answer(const struct fold_attempt *attempt);
/* The last attempt when it failed, NULL otherwise. */
const struct fold_attempt *fold_failed_attempt(const struct fold_call *call);
/* Offset of a moment from the trace's start; 0 for one before it. */
uint64_t fold_offset(const struct tl_trace *trace, uint64_t mono_ns);
/* Where open spans of an ended trace end, as an offset. */
uint64_t fold_end_offset(const struct tl_trace *trace);
bool fold_writer_died(const struct tl_trace *trace);
/* What was asked: the prompt, or the last user message of a complete body. */
tl_str fold_prompt(const struct tl_trace *trace);
/* Totals over all calls; -1 where a part is unknown. */
struct tl_usage fold_usage(const struct tl_trace *trace, bool *ret_known, bool *ret_estimated);
int64_t fold_cost(const struct tl_trace *trace);

/* Parts of the document, each owned by the caller. */
/* A list of {name, value}. */
tl_json *event_pairs_json(const struct tl_pair_list *list);
tl_json *document_usage(const struct tl_usage *usage, tl_str source);
tl_json *document_error(tl_str error_class, tl_str message, int64_t http_status, tl_str type, tl_str code);
tl_json *document_attempt_error(const struct fold_attempt *attempt);
tl_json *document_call(const struct fold_call *call);
tl_json *document_spans(const struct tl_trace *trace);
void document_set_int_or_null(tl_json *object, const char *key, int64_t number); /* negative: null */
struct tl_usage document_metrics_usage(const struct tl_metrics_captured *metrics);

#endif
