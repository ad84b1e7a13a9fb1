/* Plausible traces for tests: what the recorder would have written, made without a provider.
 *
 *      struct made_trace trace;
 *      struct trace_plan plan = { .trace_id = tl_trace_id_new(), .prompt = TL_STR("Hello"), .chunks = 3 };
 *      trace_make(&plan, &arena, &trace, err);
 *      trace_append(log, &trace, 0, trace.count, &seq, err);
 *
 * The events, in this order:  request.created trace.created | attempt.started response.chunk... attempt.finished metrics.captured
 * trace.finished  (a failed one: attempt.failed in place of attempt.finished, no chunks). Everything follows from the plan. */
#ifndef TESTS_SUPPORT_EVENTS_H
#define TESTS_SUPPORT_EVENTS_H

#include <tracellm/log.h>
#include <tracellm/model.h>

/* Absent texts get plain values; times are made of `started`, one millisecond an event. */
struct trace_plan {
	struct tl_trace_id trace_id;
	struct tl_stamp started; /* zero: 2026-11-24 and a second */
	tl_str prompt, answer;
	tl_str provider, model, project, session, replay_of;
	struct tl_str_list tags;
	tl_str status;   /* of trace.finished; absent: success */
	unsigned chunks; /* response.chunk events; 0: one */
};

struct made_trace {
	struct tl_event *events; /* in the arena */
	size_t count;
};

#define MADE_BEGIN_EVENTS 2u /* request.created and trace.created are always committed together */

enum tl_status trace_make(
	const struct trace_plan *plan, struct tl_arena *arena, struct made_trace *ret_trace, struct tl_err *err);
/* Appends events [first, end) in one batch. `*ret_seq` (may be NULL): the first one's. */
enum tl_status trace_append(
	struct tl_log *log, const struct made_trace *trace, size_t first, size_t end, uint64_t *ret_seq, struct tl_err *err);

#endif
