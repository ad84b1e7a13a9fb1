/* What the tests of the live feed share: a log, a feed of it, what was heard, made traces. */
#ifndef TRACELLM_TESTS_LIVE_FIXTURE_H
#define TRACELLM_TESTS_LIVE_FIXTURE_H

#include "log_fixture.h"

#include "../support/events.h"
#include <tracellm/projections.h>

static struct tl_log *test_log;
static struct tl_live *live;
static struct tl_arena arena;
static struct tl_err err;

/* ---- What came ---- */

struct heard {
	enum tl_live_kind kind;
	struct tl_trace_id trace_id;
	uint64_t seq;
	tl_str text;
};

#define HEARD_MAX 8192u
static struct heard heard[HEARD_MAX];
static size_t heard_count;

static inline void
hear(void *context, const struct tl_live_frame *frame)
{
	assert_ptr_equal(context, heard);
	assert_true(heard_count < HEARD_MAX);
	heard[heard_count++] = (struct heard){ frame->kind, frame->trace_id, frame->seq, tl_arena_str(&arena, frame->text) };
}

static inline void
open_live(void)
{
	assert_ok(tl_live_open(test_log, hear, heard, &live, &err));
}

static inline void
pump(void)
{
	bool more = true;
	while (more)
		assert_ok(tl_live_pump(live, &more, &err));
}

/* Pumps until whatever was held back has come. */
static inline void
pump_dry(void)
{
	pump();
	(void)usleep((TL_LIVE_COALESCE_MS + 5) * 1000);
	pump();
}

static inline int
setup(void **state)
{
	if (fixture_make(state) != 0)
		return -1;
	tl_arena_init(&arena, 1u << 30);
	test_log = log_opened(TL_LOG_APPEND);
	open_live();
	heard_count = 0;
	return 0;
}

static inline int
teardown(void **state)
{
	tl_live_close(live);
	live = NULL;
	tl_log_close(test_log);
	tl_arena_done(&arena);
	return fixture_remove(state);
}

/* ---- Traces ---- */

static inline struct made_trace
made(unsigned number, unsigned chunks)
{
	struct made_trace trace;
	struct trace_plan plan = {
		.trace_id = trace_of(number),
		.started = tl_stamp_now(),
		.prompt = TL_STR("question"),
		.answer = tl_arena_printf(&arena, "The answer to question %u is long enough to be cut.", number),
		.chunks = chunks,
	};
	assert_ok(trace_make(&plan, &arena, &trace, &err));
	return trace;
}

static inline void
append(const struct made_trace *trace, size_t first, size_t end)
{
	assert_ok(trace_append(test_log, trace, first, end, NULL, &err));
}

static inline void
append_whole(unsigned number)
{
	struct made_trace trace = made(number, 3);
	append(&trace, 0, trace.count);
}

static inline void
append_pipeline(unsigned number, enum tl_event_type type)
{
	struct tl_span_id none = { { 0 } };
	struct tl_event event = tl_event_make(type, trace_of(number), none, none, tl_stamp_now());
	struct made_trace trace = { &event, 1 };
	append(&trace, 0, 1);
}

static inline uint64_t
head(void)
{
	uint64_t seq = 0;
	assert_ok(tl_log_head(test_log, &seq, &err));
	return seq;
}

static inline void
append_unknown(unsigned first, unsigned count, bool one_trace)
{
	struct tl_record *records = tl_arena_array(&arena, 4096, sizeof *records);
	for (unsigned done = 0; done < count;) {
		unsigned now = count - done < 4096 ? count - done : 4096;
		for (unsigned i = 0; i < now; i++) {
			records[i] = record_of(one_trace ? first : first + done + i, "\x80");
			records[i].envelope.type = 60000; /* of a newer version */
		}
		assert_ok(tl_log_append(test_log, records, now, NULL, &err));
		done += now;
	}
}

static inline size_t
count_heard(enum tl_live_kind kind)
{
	size_t count = 0;
	for (size_t i = 0; i < heard_count; i++)
		count += heard[i].kind == kind;
	return count;
}

#endif
