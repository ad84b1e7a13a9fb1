/* cli/stages: events as lines, and the seven stages of the walk-through. */
#include "stages.h"

#define STAGE_COUNT TL_STAGE_COUNT

static const struct tl_event *
first_of_stage(const struct cli_events *events, unsigned stage)
{
	for (size_t i = 0; i < events->count; i++) {
		const struct tl_event_info *info = tl_event_info(events->items[i].type);
		if (info && info->stage == stage)
			return &events->items[i];
	}
	return NULL;
}

/* Monotonic time counts where both events were made on one boot; an earlier one can only be another boot's. */
static uint64_t
time_between(const struct tl_event *from, const struct tl_event *to)
{
	if (to->at.mono_ns >= from->at.mono_ns)
		return to->at.mono_ns - from->at.mono_ns;
	return to->at.wall_ns > from->at.wall_ns ? to->at.wall_ns - from->at.wall_ns : 0;
}

static void
print_event(const struct tl_event *event, const struct tl_event *first)
{
	char time[TL_DURATION_TEXT_SIZE];
	TL_CLEANUP(tl_buf_done) struct tl_buf text;
	struct tl_err ignored;
	tl_json *body = tl_event_body_json(event, 80);
	tl_buf_init(&text, 16u << 20);
	(void)tl_json_write(body, &text, &ignored);
	tl_json_free(body);
	tl_duration_text(time_between(first, event), time);
	(void)printf("%8llu  %9s  %-18s ", (unsigned long long)event->seq, time, tl_event_name(event->type));
	cli_print_line(stdout, tl_utf8_prefix(tl_buf_str(&text), 160));
	(void)putchar('\n');
}

void
cli_print_events(const struct cli_events *events)
{
	if (events->count == 0)
		return;
	for (size_t i = 0; i < events->count; i++)
		print_event(&events->items[i], &events->items[0]);
	const struct tl_event *request = first_of_stage(events, 1);
	(void)putchar('\n');
	for (unsigned stage = 1; stage <= STAGE_COUNT; stage++) {
		const struct tl_event *event = first_of_stage(events, stage);
		char time[TL_DURATION_TEXT_SIZE] = "-";
		if (event && request)
			tl_duration_text(time_between(request, event), time);
		(void)printf(
			"%u  %-24s %9s  %s\n", stage, tl_stage_name(stage), time, event ? tl_event_name(event->type) : "not yet");
	}
}

static tl_json *
event_json(const struct tl_event *event)
{
	char span[TL_SPAN_ID_TEXT_SIZE];
	tl_json *object = tl_json_new_object();
	tl_json_set_int(object, "seq", (int64_t)event->seq);
	tl_json_set_str(object, "type", tl_str_of(tl_event_name(event->type)));
	tl_json_set_bool(object, "pipeline", tl_event_is_pipeline(event->type));
	tl_json_set_int(object, "unix_ns", (int64_t)event->at.wall_ns);
	tl_json_set_int(object, "mono_ns", (int64_t)event->at.mono_ns);
	tl_span_id_text(event->span_id, span);
	tl_json_set_str_or_null(object, "span_id", tl_span_id_is_zero(event->span_id) ? (tl_str){ NULL, 0 } : tl_str_of(span));
	tl_span_id_text(event->parent_span_id, span);
	tl_json_set_str_or_null(
		object, "parent_span_id", tl_span_id_is_zero(event->parent_span_id) ? (tl_str){ NULL, 0 } : tl_str_of(span));
	tl_json_set(object, "body", tl_event_body_json(event, 0));
	return object;
}

int
cli_print_events_json(const struct cli_events *events)
{
	tl_json *root = tl_json_new_object(), *items = tl_json_new_array(), *stages = tl_json_new_array();
	for (size_t i = 0; i < events->count; i++)
		tl_json_add(items, event_json(&events->items[i]));
	const struct tl_event *request = first_of_stage(events, 1);
	for (unsigned stage = 1; stage <= STAGE_COUNT; stage++) {
		const struct tl_event *event = first_of_stage(events, stage);
		tl_json *object = tl_json_new_object();
		tl_json_set_int(object, "stage", stage);
		tl_json_set_str(object, "name", tl_str_of(tl_stage_name(stage)));
		tl_json_set(object, "seq", event ? tl_json_new_int((int64_t)event->seq) : tl_json_new_null());
		tl_json_set(object, "after_ns",
			event && request ? tl_json_new_int((int64_t)time_between(request, event)) : tl_json_new_null());
		tl_json_add(stages, object);
	}
	tl_json_set(root, "items", items);
	tl_json_set(root, "stages", stages);
	return cli_print_json(root);
}
