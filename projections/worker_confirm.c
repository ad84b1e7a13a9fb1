/* projections/worker_confirm: the proof that what the view holds is what the log says, and the events that say so. Knows no
 * thread.
 *
 *      read back from the view ──┐
 *      fold afresh from the log ─┴─ equal? ─> trace.stored, replay.available (one commit) ─> confirm
 *
 * Killed between the commit and the confirmation, the next worker finds the two events in the log and only confirms. */
#include "internal.h"

#include <string.h>

#define CONFIRM_TRACES_MAX  64u
#define CONFIRM_ARENA_LIMIT (16u << 20)

enum verdict {
	VERDICT_EQUAL,     /* and nothing says so yet */
	VERDICT_PROVEN,    /* equal, and the log says so */
	VERDICT_LATER,     /* the log knows more by now: the next batch stores it */
	VERDICT_DIFFERENT, /* the view does not hold what was given to it */
	VERDICT_FAILED,    /* the trace cannot be folded */
};

/* Traces under examination, and what is to be written about them. */
struct confirming {
	struct tl_worker *worker;
	struct tl_arena arena; /* of the records */
	uint64_t checkpoint_seq;
	struct tl_trace_id confirmed[CONFIRM_TRACES_MAX];
	size_t confirmed_count;
	struct tl_record records[2 * CONFIRM_TRACES_MAX];
	size_t record_count;
};

/* One trace under examination. */
struct examination {
	struct tl_arena arena; /* of what was read back */
	struct tl_buf document;
	struct fold *fold;
	struct tl_view_row stored, fresh;
};

static void
examination_done(struct examination *examination)
{
	fold_close(examination->fold);
	tl_buf_done(&examination->document);
	tl_arena_done(&examination->arena);
}

static bool
is_equal(const struct tl_view_row *stored, const struct tl_view_row *fresh)
{
	return tl_digest_equal(stored->digest, fresh->digest) && tl_str_equal(stored->document, fresh->document);
}

static enum tl_status
examine(struct tl_worker *worker, struct tl_trace_id trace_id, struct examination *examination, enum verdict *ret_verdict,
	struct tl_err *err)
{
	tl_arena_init(&examination->arena, TL_TRACE_DOCUMENT_LIMIT + CONFIRM_ARENA_LIMIT);
	tl_buf_init(&examination->document, TL_TRACE_DOCUMENT_LIMIT);
	TL_TRY(worker->view->ops->document(worker->view, trace_id, &examination->arena, &examination->stored, err));
	struct worker_proof proof = { .view = tl_str_of(worker->view->ops->name), .digest = examination->stored.digest };
	TL_TRY(fold_open_fresh(worker->log, trace_id, worker_proof_visit, &proof, &examination->fold, err));
	struct fold *fold = examination->fold;
	if (fold->failed.status != TL_OK || !tl_trace_is_begun(fold->trace)) {
		*ret_verdict = VERDICT_FAILED;
		return TL_OK;
	}
	TL_TRY(fold_row(fold, &examination->document, &examination->fresh, err));
	if (examination->fresh.summary.seq > examination->stored.summary.seq)
		*ret_verdict = VERDICT_LATER;
	else if (!is_equal(&examination->stored, &examination->fresh))
		*ret_verdict = VERDICT_DIFFERENT;
	else
		*ret_verdict = proof.stored && proof.replayable ? VERDICT_PROVEN : VERDICT_EQUAL;
	return TL_OK;
}

/* ---- What follows from it ---- */

static enum tl_status
add_event(struct confirming *confirming, const struct tl_event *event, struct tl_err *err)
{
	TL_TRY(tl_record_of_event(event, &confirming->arena, &confirming->records[confirming->record_count], err));
	confirming->record_count++;
	return TL_OK;
}

static enum tl_status
add_events(struct confirming *confirming, const struct tl_view_row *row, struct tl_err *err)
{
	struct tl_span_id none = { { 0 } };
	struct tl_stamp now = tl_stamp_now();
	tl_str view = tl_str_of(confirming->worker->view->ops->name);
	struct tl_event stored = tl_event_make(TL_EVENT_trace_stored, row->summary.trace_id, none, none, now);
	stored.body.trace_stored.view = view;
	stored.body.trace_stored.checkpoint = row->summary.seq;
	stored.body.trace_stored.digest = row->digest;
	struct tl_event available = tl_event_make(TL_EVENT_replay_available, row->summary.trace_id, none, none, now);
	available.body.replay_available.view = view;
	available.body.replay_available.digest = row->digest;
	TL_TRY(add_event(confirming, &stored, err));
	return add_event(confirming, &available, err);
}

/* One batch that holds only this repair; the checkpoint stays. */
static enum tl_status
repair(struct confirming *confirming, const struct tl_view_row *row, const struct tl_view_parked *parked, struct tl_err *err)
{
	struct tl_worker *worker = confirming->worker;
	const struct tl_view_ops *ops = worker->view->ops;
	bool same;
	TL_TRY(worker_begin_at(worker, confirming->checkpoint_seq, &same, err));
	if (!same)
		return TL_OK;
	enum tl_status status = row ? ops->put(worker->view, row, err) : ops->park(worker->view, parked, err);
	if (status == TL_OK)
		status = ops->commit(worker->view, confirming->checkpoint_seq, err);
	if (status != TL_OK)
		ops->abort(worker->view);
	return status;
}

static enum tl_status
park(struct confirming *confirming, struct tl_trace_id trace_id, uint64_t seq, tl_str message, struct tl_err *err)
{
	struct tl_view_parked parked = { .trace_id = trace_id, .seq = seq, .message = message };
	return repair(confirming, NULL, &parked, err);
}

static enum tl_status
conclude(struct confirming *confirming, struct tl_trace_id trace_id, struct examination *examination, enum verdict verdict,
	struct tl_err *err)
{
	const struct fold *fold = examination->fold;
	switch (verdict) {
	case VERDICT_EQUAL:
		TL_TRY(add_events(confirming, &examination->stored, err));
		confirming->confirmed[confirming->confirmed_count++] = trace_id;
		return TL_OK;
	case VERDICT_PROVEN:
		confirming->confirmed[confirming->confirmed_count++] = trace_id;
		return TL_OK;
	case VERDICT_LATER:
		return TL_OK;
	case VERDICT_DIFFERENT:
		return park(confirming, trace_id, fold->last_seq,
			TL_STR("the view does not give back the document that was stored"), err);
	case VERDICT_FAILED:
		return park(confirming, trace_id, fold->failed_seq, tl_str_of(fold->failed.message), err);
	}
	return TL_OK;
}

static enum tl_status
confirm_trace(struct confirming *confirming, struct tl_trace_id trace_id, struct tl_err *err)
{
	struct tl_worker *worker = confirming->worker;
	TL_CLEANUP(examination_done) struct examination first = { 0 };
	TL_CLEANUP(examination_done) struct examination second = { 0 };
	enum verdict verdict;
	TL_TRY(examine(worker, trace_id, &first, &verdict, err));
	if (verdict != VERDICT_DIFFERENT)
		return conclude(confirming, trace_id, &first, verdict, err);
	/* Stored once more; when that does not help either, somebody should look. */
	TL_TRY(repair(confirming, &first.fresh, NULL, err));
	TL_TRY(examine(worker, trace_id, &second, &verdict, err));
	return conclude(confirming, trace_id, &second, verdict, err);
}

/* The events, then the confirmation. Where nobody else appended in between, the checkpoint passes over the worker's own events at
 * once. */
static enum tl_status
write_down(struct confirming *confirming, struct tl_err *err)
{
	struct tl_worker *worker = confirming->worker;
	const struct tl_view_ops *ops = worker->view->ops;
	uint64_t first_seq = 0, checkpoint = confirming->checkpoint_seq;
	bool same;
	if (confirming->record_count > 0)
		TL_TRY(tl_log_append(worker->log, confirming->records, confirming->record_count, &first_seq, err));
	if (first_seq == checkpoint + 1)
		checkpoint += confirming->record_count;
	if (confirming->confirmed_count == 0)
		return TL_OK;
	TL_TRY(worker_begin_at(worker, confirming->checkpoint_seq, &same, err));
	if (!same)
		return TL_OK;
	enum tl_status status = ops->confirm(worker->view, confirming->confirmed, confirming->confirmed_count, err);
	if (status == TL_OK)
		status = ops->commit(worker->view, checkpoint, err);
	if (status != TL_OK)
		ops->abort(worker->view);
	return status;
}

static enum tl_status
confirm_some(struct confirming *confirming, struct tl_err *err)
{
	struct tl_worker *worker = confirming->worker;
	struct tl_trace_id *ids;
	size_t count;
	TL_TRY(worker->view->ops->checkpoint(worker->view, &confirming->checkpoint_seq, err));
	TL_TRY(worker->view->ops->unconfirmed(worker->view, &confirming->arena, CONFIRM_TRACES_MAX, &ids, &count, err));
	for (size_t i = 0; i < count; i++)
		TL_TRY(confirm_trace(confirming, ids[i], err));
	return write_down(confirming, err);
}

enum tl_status
worker_confirm(struct tl_worker *worker, struct tl_err *err)
{
	struct confirming *confirming = tl_alloc(1, sizeof *confirming);
	enum tl_status status = TL_OK;
	if (!confirming)
		return tl_err_no_memory(err);
	do {
		memset(confirming, 0, sizeof *confirming);
		confirming->worker = worker;
		tl_arena_init(&confirming->arena, CONFIRM_ARENA_LIMIT);
		status = confirm_some(confirming, err);
		tl_arena_done(&confirming->arena);
	} while (status == TL_OK && confirming->confirmed_count > 0 && !atomic_load(&worker->stopping));
	tl_free(confirming);
	return status;
}
