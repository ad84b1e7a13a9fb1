/* replay: is what the log says what happened? Three answers to one question, each stronger than the one before:
 *
 *      rebuild       fold the trace from its events, prove each event against the hash chain
 *      prove         the document's digest equals that of the document a view stored
 *      re-execute    run the pipeline again (request builder, retries, decoder, metrics, recorder) on the captured inputs and the
 *      captured provider bytes, arrival by
 *                    arrival, under the original's ids and clock, and compare every event byte by byte
 *
 * No network, no key, no sleeping: time is the recorded one. Copying events is not replay: every compared event was made again by
 * src/capture. */
#ifndef TRACELLM_REPLAY_H
#define TRACELLM_REPLAY_H

#include <tracellm/base.h>
#include <tracellm/log.h>
#include <tracellm/model.h>

#define TL_REPLAY_EVENTS_MAX   1000000u
#define TL_REPLAY_MEMORY_LIMIT (1u << 30)

/* The first thing that was not made again as it was. */
struct tl_divergence {
	bool found;
	uint64_t index;    /* of the capture event in the original, from 0 */
	uint64_t seq;      /* its place in the log; 0: the replay made one more than the original has */
	const char *event; /* name; static */
	const char
		*field; /* "type", "span_id", "parent_span_id", "time", a field's name, or "body": bytes no field shows; static */
	struct tl_buf recorded, replayed; /* the two values as JSON, cut at 4,096 bytes; owned by the report */
};

struct tl_replay_report {
	struct tl_trace_id origin;
	bool made_known;
	struct tl_trace_id made;          /* the new trace the results were appended under */
	uint64_t events;                  /* capture events of the original */
	uint64_t compared;                /* of them made again, equal */
	struct tl_log_report chain;       /* bad 0: the chain holds for its events */
	struct tl_digest document_digest; /* of the fresh fold */
	uint64_t pipeline;                /* version that made the original's events */
	struct tl_divergence divergence;
	/* Canonical JSON: the original's, and that of what was made again (empty after a divergence). */
	struct tl_buf document, replayed_document;
};

struct tl_replay_options {
	struct tl_log *log;
	struct tl_trace_id trace_id;
	bool append; /* write the results to the log, unless the chain is broken; false: only tell */
};

/* Fills the report; owned, tl_replay_report_done. TL_OK also when something differs: the report says what. TL_ERR_NOT_FOUND: no
 * such trace; TL_ERR_USAGE: it is still running; TL_ERR_CORRUPT: its events cannot be folded; TL_ERR_VERSION: recorded by rules
 * or a provider this version does not know. */
enum tl_status tl_replay_run(const struct tl_replay_options *options, struct tl_replay_report *ret_report, struct tl_err *err);
void tl_replay_report_done(struct tl_replay_report *report); /* accepts a zeroed one */

#endif
