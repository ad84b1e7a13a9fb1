/* The fold: from the events of one trace to its document (docs/trace-document.md).
 *
 * tl_trace_apply is the heart of the program: projections, rebuild, replay, server and tests all call it, so "rebuilds exactly"
 * is true by construction. It reads the event and nothing else. Pipeline events are accepted and change nothing. The same events
 * in another order give the same document. */
#ifndef TRACELLM_MODEL_TRACE_H
#define TRACELLM_MODEL_TRACE_H

#include <tracellm/base.h>
#include <tracellm/model/event.h>
#include <tracellm/wire.h>

/* Version of the rules that make the document, and of those that make the events. A change of either is a new number. */
#define TL_FOLD_VERSION     1
#define TL_PIPELINE_VERSION 1

#define TL_TRACE_MEMORY_LIMIT   (512u << 20) /* of one fold */
#define TL_TRACE_ANSWER_LIMIT   (128u << 20) /* decoded answer of one attempt */
#define TL_TRACE_DOCUMENT_LIMIT (512u << 20)
#define TL_TRACE_ATTEMPTS_MAX   1000u

enum tl_trace_status { TL_TRACE_RUNNING, TL_TRACE_SUCCESS, TL_TRACE_WARNING, TL_TRACE_FAILED, TL_TRACE_INTERRUPTED };
const char *tl_trace_status_text(enum tl_trace_status status);
bool tl_trace_status_parse(tl_str text, enum tl_trace_status *ret);

/* What a list shows of a trace. Slices are borrowed until the next apply or close (or from the row a view filled it from). -1:
 * not known. */
struct tl_trace_summary {
	struct tl_trace_id trace_id;
	enum tl_trace_status status;
	tl_str reason;
	tl_str provider, model, project, session;
	struct tl_str_list tags;
	tl_str prompt;
	uint64_t started_unix_ns;
	int64_t latency_ns, first_byte_ns, first_content_ns;
	int64_t prompt_tokens, completion_tokens;
	bool tokens_estimated;
	int64_t cost_nano_usd;
	uint64_t attempts, answer_chars;
	tl_str error_class;
	int64_t http_status; /* of the last attempt that had one */
	tl_str replay_of;
	uint64_t seq; /* the last event applied */
};

struct tl_trace;

/* Empty fold of one trace. Owned, tl_trace_close. */
enum tl_status tl_trace_open(struct tl_trace_id trace_id, struct tl_trace **ret_trace, struct tl_err *err);
void tl_trace_close(struct tl_trace *trace); /* accepts NULL */

/* Folds one event in; everything needed of it is copied. An event seen before (same seq, or the same fact) changes nothing.
 * TL_ERR_CORRUPT: it contradicts what is there or belongs to another trace; TL_ERR_LIMIT, TL_ERR_NO_MEMORY. After a failure the
 * trace may only be closed. */
enum tl_status tl_trace_apply(struct tl_trace *trace, const struct tl_event *event, struct tl_err *err);

/* False until both trace.created and request.created were applied: there is no document yet. */
bool tl_trace_is_begun(const struct tl_trace *trace);
bool tl_trace_is_finished(const struct tl_trace *trace);
/* Bytes the fold holds, for a cache that has a bound. */
size_t tl_trace_memory(const struct tl_trace *trace);

/* Appends the canonical JSON. Needs tl_trace_is_begun. */
enum tl_status tl_trace_document(struct tl_trace *trace, struct tl_buf *out, struct tl_err *err);
/* Needs tl_trace_is_begun. */
struct tl_trace_summary tl_trace_summary(const struct tl_trace *trace);
/* Text of the first choice of the last call so far; borrowed as above. */
tl_str tl_trace_answer(const struct tl_trace *trace);
/* Request body of the last call, and response bytes of attempt `number` (0: the last one that has some), the latter put together
 * in `arena`. ptr NULL: there is none. */
tl_bytes tl_trace_request_body(const struct tl_trace *trace);

/* The summary object of docs/live.md. `id_length`: characters of the short id behind tr_. Owned. */
tl_json *tl_trace_summary_json(const struct tl_trace_summary *summary, unsigned id_length);

#endif
