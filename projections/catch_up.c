/* projections/catch_up: for commands that read: everything acknowledged so far is in the view, or the reader knows what is
 * missing. */
#include "internal.h"

#define NAP_MS 5u

/* A lease that cannot be looked at is nobody's. */
static bool
somebody_works(struct tl_log *log, const struct tl_view *view)
{
	TL_CLEANUP(tl_close_cleanup) int fd = -1;
	struct tl_err ignored;
	char path[PROJECTIONS_PATH_SIZE];
	if (projections_lease_path(log, view, false, path, &ignored) != TL_OK)
		return false;
	return projections_lock(path, false, 0, &fd, &ignored) == TL_ERR_BUSY;
}

/* Works, when nobody does and this reader may; tells whether waiting for somebody else makes sense. */
static enum tl_status
work_or_wait(struct tl_log *log, struct tl_view *view, bool *ret_wait, struct tl_err *err)
{
	struct tl_worker *worker;
	enum tl_status status = TL_ERR_READ_ONLY;
	if (tl_log_writer(log) != 0)
		status = tl_worker_open(log, view, 0, &worker, err);
	if (status == TL_OK) {
		status = tl_worker_catch_up(worker, err);
		tl_worker_close(worker);
	}
	bool may_not = status == TL_ERR_READ_ONLY || status == TL_ERR_PERMISSION;
	*ret_wait = status == TL_ERR_BUSY || (may_not && somebody_works(log, view));
	return may_not || status == TL_ERR_BUSY ? TL_OK : status;
}

enum tl_status
tl_view_catch_up(struct tl_log *log, struct tl_view *view, uint64_t wait_ms, uint64_t *ret_lag_events, struct tl_err *err)
{
	uint64_t started_ns = tl_stamp_now().mono_ns, head_seq, checkpoint_seq;
	bool tried = false, wait = true;
	TL_TRY(tl_log_head(log, &head_seq, err));
	for (;;) {
		TL_TRY(view->ops->checkpoint(view, &checkpoint_seq, err));
		bool late = (tl_stamp_now().mono_ns - started_ns) / TL_NS_PER_MS >= wait_ms;
		if (checkpoint_seq >= head_seq || !wait || (tried && late))
			break;
		TL_TRY(work_or_wait(log, view, &wait, err));
		tried = true;
		if (wait)
			projections_nap(NAP_MS);
	}
	*ret_lag_events = checkpoint_seq < head_seq ? head_seq - checkpoint_seq : 0;
	return TL_OK;
}
