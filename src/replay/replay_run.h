/* replay/replay_run: one replay under way. Private to src/replay. */
#ifndef REPLAY_RUN_H
#define REPLAY_RUN_H

#include <tracellm/capture.h>
#include <tracellm/replay.h>

struct replay_events {
	struct tl_event *items;
	size_t count, capacity;
};

struct replay_run {
	const struct tl_replay_options *options;
	struct tl_replay_report *report;
	struct tl_arena arena;
	struct replay_events recorded; /* capture events of the original, in order of their writing */
	struct tl_digest *bodies;      /* of their bytes as they lie in the log */
	size_t body_count, body_capacity;
	struct replay_events made; /* what the engine made again */
	struct tl_plan plan;
	const struct tl_provider *provider;
};

enum tl_status replay_keep(
	struct replay_run *run, struct replay_events *events, const struct tl_event *event, struct tl_err *err);
/* Reads the original: events, document, chain. */
enum tl_status replay_read(struct replay_run *run, struct tl_err *err);
/* The plan of the original, from its first two events. */
enum tl_status replay_plan(struct replay_run *run, struct tl_err *err);
/* Tells an engine everything the original was told. TL_ERR_DIVERGED: `report->divergence` says where. */
enum tl_status replay_execute(struct replay_run *run, struct tl_err *err);
/* The next event made again against the next recorded one; notes the divergence and answers TL_ERR_DIVERGED when they differ. */
enum tl_status replay_compare(struct replay_run *run, const struct tl_event *made, struct tl_err *err);
/* The original has an event here that was not made again. */
enum tl_status replay_missing(struct replay_run *run, struct tl_err *err);
/* Appends the results. */
enum tl_status replay_append(struct replay_run *run, struct tl_err *err);

#endif
