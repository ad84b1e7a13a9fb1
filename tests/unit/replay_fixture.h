/* What the replay tests share: a log, scenarios recorded into it, and replays of them. */
#ifndef REPLAY_FIXTURE_H
#define REPLAY_FIXTURE_H

#include "log_fixture.h"

#include <tracellm/replay.h>

#include "scenario_fixture.h"

static struct tl_log *the_log;

static inline int
open_log(void **state)
{
	if (fixture_make(state) != 0)
		return -1;
	the_log = log_opened(TL_LOG_APPEND);
	return 0;
}

static inline int
close_log(void **state)
{
	tl_log_close(the_log);
	the_log = NULL;
	return fixture_remove(state);
}

/* ---- Recording ---- */

static inline void
append(const struct tl_event *events, size_t count)
{
	struct tl_err err;
	struct tl_arena arena;
	struct tl_record records[PLAYED_EVENTS_MAX];
	tl_arena_init(&arena, 64 << 20);
	for (size_t i = 0; i < count; i++)
		assert_ok(tl_record_of_event(&events[i], &arena, &records[i], &err));
	assert_ok(tl_log_append(the_log, records, count, NULL, &err));
	tl_arena_done(&arena);
}

/* Plays a scenario into the log; a writer that dies is this process's log handle, and the next one ends its trace. */
static inline struct tl_trace_id
record(const struct scenario *scenario, unsigned number)
{
	struct tl_err err;
	struct played played = { .count = 0 };
	struct tl_trace_id trace_id = trace_of(number);
	uint64_t ended = 0;
	scenario_play(scenario, trace_id, played_emit, &played);
	append(played.events, played.count);
	played_done(&played);
	if (!scenario->status) {
		tl_log_close(the_log);
		the_log = log_opened(TL_LOG_APPEND);
		assert_ok(tl_log_end_dead_writers(the_log, &ended, &err));
		assert_int_equal(ended, 1);
	}
	return trace_id;
}

static inline struct tl_replay_report
replayed(struct tl_trace_id trace_id, bool appended)
{
	struct tl_err err;
	struct tl_replay_report report;
	struct tl_replay_options options = { .log = the_log, .trace_id = trace_id, .append = appended };
	assert_ok(tl_replay_run(&options, &report, &err));
	return report;
}

static inline enum tl_status
refused(struct tl_trace_id trace_id, struct tl_err *err)
{
	struct tl_replay_report report;
	struct tl_replay_options options = { .log = the_log, .trace_id = trace_id };
	return tl_replay_run(&options, &report, err);
}

static inline void
assert_identical(const char *name, const struct tl_replay_report *report)
{
	const struct tl_divergence *divergence = &report->divergence;
	if (divergence->found)
		fail_msg("%s: event %llu, %s, %s: %s became %s", name, (unsigned long long)divergence->index, divergence->event,
			divergence->field, divergence->recorded.ptr, divergence->replayed.ptr);
	assert_int_equal(report->compared, report->events);
	assert_int_equal(report->chain.first_bad_seq, 0);
	assert_true(tl_str_equal(tl_buf_str(&report->document), tl_buf_str(&report->replayed_document)));
	assert_true(tl_digest_equal(tl_digest_of(tl_bytes_of(tl_buf_str(&report->document))), report->document_digest));
}

/* Events of one type in a trace, decoded; the last of them in `*ret`. */
static inline size_t
find_events(struct tl_trace_id trace_id, enum tl_event_type type, struct tl_arena *arena, struct tl_event *ret)
{
	struct tl_err err;
	struct tl_record_list list;
	size_t found = 0;
	tl_arena_init(arena, 64 << 20);
	assert_ok(tl_log_read_trace(the_log, trace_id, 0, 1000, 1 << 24, arena, &list, &err));
	for (size_t i = 0; i < list.count; i++) {
		if (list.records[i].envelope.type != type)
			continue;
		found++;
		assert_ok(tl_event_of_record(&list.records[i], arena, ret, &err));
	}
	return found;
}

#endif
