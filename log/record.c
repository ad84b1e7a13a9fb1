/* log/record: between events and records, and the end of a dead writer's trace. The only part of the log that knows the event
 * table. */
#include <tracellm/log.h>
#include <tracellm/model.h>

enum tl_status
tl_record_of_event(const struct tl_event *event, struct tl_arena *arena, struct tl_record *ret_record, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf body;
	tl_buf_init(&body, TL_LOG_BODY_LIMIT);
	TL_TRY(tl_event_encode(event, &body, err));
	tl_bytes copy = tl_arena_bytes(arena, tl_bytes_of(tl_buf_str(&body)));
	if (!copy.ptr)
		return tl_arena_failed(arena, body.len, err);
	*ret_record = (struct tl_record){
		.envelope = {
			.trace_id = event->trace_id,
			.span_id = event->span_id,
			.parent_span_id = event->parent_span_id,
			.type = event->type,
			.version = event->version,
			.at = event->at,
		},
		.body = copy,
		.opens_trace = event->type == TL_EVENT_trace_created,
		.closes_trace = event->type == TL_EVENT_trace_finished,
	};
	return TL_OK;
}

enum tl_status
tl_event_of_record(const struct tl_record *record, struct tl_arena *arena, struct tl_event *ret_event, struct tl_err *err)
{
	const struct tl_envelope *envelope = &record->envelope;
	struct tl_event event = {
		.seq = envelope->seq,
		.trace_id = envelope->trace_id,
		.span_id = envelope->span_id,
		.parent_span_id = envelope->parent_span_id,
		.at = envelope->at,
		.type = envelope->type,
		.version = envelope->version,
	};
	TL_TRY(tl_event_decode(record->body, arena, &event, err));
	*ret_event = event;
	return TL_OK;
}

static enum tl_status
end_of_dead_writer(void *context, const struct tl_log_open_trace *open, struct tl_arena *arena, struct tl_record *ret_record,
	struct tl_err *err)
{
	(void)context;
	struct tl_event event = tl_event_writer_died(open->trace_id, open->created.span_id, tl_stamp_now());
	return tl_record_of_event(&event, arena, ret_record, err);
}

enum tl_status
tl_log_end_dead_writers(struct tl_log *log, uint64_t *ret_ended, struct tl_err *err)
{
	return tl_log_sweep(log, end_of_dead_writer, NULL, ret_ended, err);
}
