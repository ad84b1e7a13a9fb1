/* projections/live_trace: what the live feed remembers of recent traces. Knows no event and no frame. */
#include "live.h"

static struct live_trace **
bucket_of(struct tl_live *live, struct tl_trace_id id)
{
	unsigned hash = (unsigned)(id.bytes[0] ^ id.bytes[15]) | (unsigned)(id.bytes[7] ^ id.bytes[14]) << 8;
	return &live->buckets[hash % LIVE_BUCKETS];
}

static void
unlink_trace(struct tl_live *live, struct live_trace *trace)
{
	*(trace->newer ? &trace->newer->older : &live->newest) = trace->older;
	*(trace->older ? &trace->older->newer : &live->oldest) = trace->newer;
	trace->newer = trace->older = NULL;
}

static void
link_newest(struct tl_live *live, struct live_trace *trace)
{
	trace->older = live->newest;
	*(live->newest ? &live->newest->newer : &live->oldest) = trace;
	live->newest = trace;
}

static void
forget(struct tl_live *live, struct live_trace *trace)
{
	struct live_trace **at = bucket_of(live, trace->trace_id);
	while (*at != trace)
		at = &(*at)->next_in_bucket;
	*at = trace->next_in_bucket;
	unlink_trace(live, trace);
	live->count--;
	tl_free(trace);
}

void
live_forget_all(struct tl_live *live)
{
	while (live->newest)
		forget(live, live->newest);
}

struct live_trace *
live_find(struct tl_live *live, struct tl_trace_id trace_id)
{
	struct live_trace *trace = *bucket_of(live, trace_id);
	while (trace && !tl_trace_id_equal(trace->trace_id, trace_id))
		trace = trace->next_in_bucket;
	return trace;
}

static enum tl_status
make_room(struct tl_live *live, struct tl_err *err)
{
	if (live->count < LIVE_TRACES_MAX)
		return TL_OK;
	struct live_trace *trace = live->oldest;
	while (trace && trace->waits)
		trace = trace->newer;
	if (!trace)
		return tl_err_set(err, TL_ERR_LIMIT, "more than %u traces wait for their update", LIVE_TRACES_MAX);
	forget(live, trace);
	return TL_OK;
}

enum tl_status
live_remember(struct tl_live *live, struct tl_trace_id trace_id, struct live_trace **ret_trace, struct tl_err *err)
{
	struct live_trace *trace = live_find(live, trace_id);
	if (trace) {
		unlink_trace(live, trace);
	} else {
		TL_TRY(make_room(live, err));
		trace = tl_alloc(1, sizeof *trace);
		if (!trace)
			return tl_err_no_memory(err);
		struct live_trace **bucket = bucket_of(live, trace_id);
		trace->trace_id = trace_id;
		trace->next_in_bucket = *bucket;
		*bucket = trace;
		live->count++;
	}
	link_newest(live, trace);
	*ret_trace = trace;
	return TL_OK;
}

bool
live_allow(struct live_allowance *allowance)
{
	uint64_t now_ns = tl_stamp_now().mono_ns;
	if (now_ns - allowance->last_ns >= TL_NS_PER_S) {
		allowance->last_ns = now_ns;
		allowance->left = allowance->per_s;
	}
	if (allowance->left == 0)
		return false;
	allowance->left--;
	return true;
}
