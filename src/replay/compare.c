/* replay/compare: an event made again against the recorded one. */
#include "replay_run.h"

#include <string.h>

#define SHOWN_BYTES_MAX 4096u

static void
show(struct tl_buf *out, tl_json *moved)
{
	struct tl_err ignored;
	(void)tl_json_write(moved, out, &ignored);
	tl_json_free(moved);
}

static enum tl_status
diverge(struct replay_run *run, const struct tl_event *recorded, const struct tl_event *made, const char *field,
	tl_json *recorded_value, tl_json *made_value, struct tl_err *err)
{
	struct tl_divergence *divergence = &run->report->divergence;
	const struct tl_event *named = recorded ? recorded : made;
	divergence->found = true;
	divergence->index = run->report->compared;
	divergence->seq = recorded ? recorded->seq : 0;
	divergence->event = tl_event_name(named->type);
	divergence->field = field;
	show(&divergence->recorded, recorded_value);
	show(&divergence->replayed, made_value);
	return tl_err_set(err, TL_ERR_DIVERGED, "event %llu (%s) differs in %s", (unsigned long long)divergence->index,
		divergence->event, field);
}

static tl_json *
name_json(const struct tl_event *event)
{
	return event ? tl_json_new_str(tl_str_of(tl_event_name(event->type))) : tl_json_new_null();
}

static tl_json *
span_json(struct tl_span_id id)
{
	char text[TL_SPAN_ID_TEXT_SIZE];
	tl_span_id_text(id, text);
	return tl_json_new_str(tl_str_of(text));
}

static tl_json *
time_json(struct tl_stamp at)
{
	tl_json *object = tl_json_new_object();
	tl_json_set_int(object, "wall_ns", (int64_t)at.wall_ns);
	tl_json_set_int(object, "mono_ns", (int64_t)at.mono_ns);
	return object;
}

static enum tl_status
compare_spans(struct replay_run *run, const struct tl_event *recorded, const struct tl_event *made, struct tl_err *err)
{
	if (!tl_span_id_equal(recorded->span_id, made->span_id))
		return diverge(run, recorded, made, "span_id", span_json(recorded->span_id), span_json(made->span_id), err);
	if (!tl_span_id_equal(recorded->parent_span_id, made->parent_span_id))
		return diverge(run, recorded, made, "parent_span_id", span_json(recorded->parent_span_id),
			span_json(made->parent_span_id), err);
	return TL_OK;
}

/* Compared are the bytes in the log, so that nothing the fields do not show can hide. */
static enum tl_status
compare_bodies(struct replay_run *run, const struct tl_event *recorded, const struct tl_event *made, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf body;
	tl_buf_init(&body, TL_LOG_BODY_LIMIT);
	TL_TRY(tl_event_encode(made, &body, err));
	struct tl_digest digest = tl_digest_of(tl_bytes_of(tl_buf_str(&body)));
	if (tl_digest_equal(digest, run->bodies[run->report->compared]))
		return TL_OK;
	const struct tl_field *field = tl_event_first_difference(recorded, made);
	if (!field)
		return diverge(run, recorded, made, "body", tl_event_body_json(recorded, SHOWN_BYTES_MAX),
			tl_event_body_json(made, SHOWN_BYTES_MAX), err);
	return diverge(run, recorded, made, field->name, tl_event_field_json(recorded, field, SHOWN_BYTES_MAX),
		tl_event_field_json(made, field, SHOWN_BYTES_MAX), err);
}

static enum tl_status
compare_times(struct replay_run *run, const struct tl_event *recorded, const struct tl_event *made, struct tl_err *err)
{
	if (recorded->at.mono_ns != made->at.mono_ns || recorded->at.wall_ns != made->at.wall_ns)
		return diverge(run, recorded, made, "time", time_json(recorded->at), time_json(made->at), err);
	return TL_OK;
}

/* A changed body mostly changes the time as well, and says more: so the time comes last. */
enum tl_status
replay_compare(struct replay_run *run, const struct tl_event *made, struct tl_err *err)
{
	uint64_t index = run->report->compared;
	const struct tl_event *recorded = index < run->recorded.count ? &run->recorded.items[index] : NULL;
	if (!recorded || recorded->type != made->type)
		return diverge(run, recorded, made, "type", name_json(recorded), name_json(made), err);
	TL_TRY(compare_spans(run, recorded, made, err));
	TL_TRY(compare_bodies(run, recorded, made, err));
	TL_TRY(compare_times(run, recorded, made, err));
	run->report->compared++;
	return TL_OK;
}

enum tl_status
replay_missing(struct replay_run *run, struct tl_err *err)
{
	const struct tl_event *recorded = &run->recorded.items[run->report->compared];
	return diverge(run, recorded, NULL, "type", name_json(recorded), tl_json_new_null(), err);
}
