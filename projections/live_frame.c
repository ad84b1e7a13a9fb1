/* projections/live_frame: the text of a frame (docs/live.md). Knows neither when nor to whom. */
#include "live.h"

static const char *const kind_names[] = {
	[TL_LIVE_CREATED] = "trace.created",
	[TL_LIVE_UPDATED] = "trace.updated",
	[TL_LIVE_FINISHED] = "trace.finished",
};

enum tl_status
live_frame(struct tl_live *live, const struct fold *fold, enum tl_live_kind kind, uint64_t seq, tl_live_frame_fn *on_frame,
	void *context, struct tl_err *err)
{
	struct tl_trace_summary summary = tl_trace_summary(fold->trace);
	unsigned id_length;
	TL_TRY(tl_log_unique_length(live->log, fold->trace_id, &id_length, err));
	TL_CLEANUP(tl_json_cleanup) tl_json *frame = tl_json_new_object();
	tl_json_set_str(frame, "type", tl_str_of(kind_names[kind]));
	tl_json_set_int(frame, "seq", (int64_t)seq);
	tl_json_set(frame, "trace", tl_trace_summary_json(&summary, id_length));
	tl_buf_clear(&live->text);
	TL_TRY(tl_json_write(frame, &live->text, err));
	struct tl_live_frame told = { .kind = kind, .trace_id = fold->trace_id, .seq = seq, .text = tl_buf_str(&live->text) };
	live->telling = true;
	on_frame(context, &told);
	live->telling = false;
	return TL_OK;
}
