/* projections/worker_batch: one batch of events into the view. Knows no thread and no confirmation. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_ARENA_LIMIT (128u << 20)

/* The events of one trace in the batch, ascending by seq. */
struct group {
	const struct tl_record **records;
	size_t count;
};

static int
by_trace_then_seq(const void *left, const void *right)
{
	const struct tl_record *a = *(const struct tl_record *const *)left, *b = *(const struct tl_record *const *)right;
	int order = tl_trace_id_compare(a->envelope.trace_id, b->envelope.trace_id);
	return order ? order : (a->envelope.seq > b->envelope.seq) - (a->envelope.seq < b->envelope.seq);
}

static int
by_first_seq(const void *left, const void *right)
{
	uint64_t a = ((const struct group *)left)->records[0]->envelope.seq;
	uint64_t b = ((const struct group *)right)->records[0]->envelope.seq;
	return (a > b) - (a < b);
}

/* Groups in the order in which their traces appear, so that rows of one time lie together. */
static enum tl_status
make_groups(const struct tl_record_list *list, struct tl_arena *arena, struct group **ret_groups, size_t *ret_count,
	struct tl_err *err)
{
	const struct tl_record **order = tl_arena_array(arena, list->count, sizeof(struct tl_record *));
	struct group *groups = tl_arena_array(arena, list->count, sizeof *groups);
	size_t count = 0;
	if (!order || !groups)
		return tl_arena_failed(arena, list->count * sizeof *groups, err);
	for (size_t i = 0; i < list->count; i++)
		order[i] = &list->records[i];
	qsort(order, list->count, sizeof(struct tl_record *), by_trace_then_seq);
	for (size_t i = 0; i < list->count; i++) {
		bool continues = i > 0 && tl_trace_id_equal(order[i - 1]->envelope.trace_id, order[i]->envelope.trace_id);
		if (!continues)
			groups[count++].records = &order[i];
		groups[count - 1].count++;
	}
	qsort(groups, count, sizeof *groups, by_first_seq);
	*ret_groups = groups;
	*ret_count = count;
	return TL_OK;
}

static bool
only_pipeline(const struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (!tl_event_is_pipeline(group->records[i]->envelope.type))
			return false;
	return true;
}

enum tl_status
worker_proof_visit(void *context, const struct tl_record *record, struct tl_err *err)
{
	struct worker_proof *proof = context;
	uint16_t type = record->envelope.type;
	struct tl_event event;
	if (type != TL_EVENT_trace_stored && type != TL_EVENT_replay_available)
		return TL_OK;
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	tl_arena_init(&arena, FOLD_ARENA_LIMIT);
	/* One that cannot be read proves nothing. */
	if (tl_event_of_record(record, &arena, &event, err) != TL_OK)
		return err->status == TL_ERR_CORRUPT ? TL_OK : err->status;
	if (type == TL_EVENT_trace_stored) {
		const struct tl_trace_stored *stored = &event.body.trace_stored;
		proof->stored = proof->stored ||
				(tl_str_equal(stored->view, proof->view) && tl_digest_equal(stored->digest, proof->digest));
	} else {
		const struct tl_replay_available *available = &event.body.replay_available;
		proof->replayable = proof->replayable || (tl_str_equal(available->view, proof->view) &&
								 tl_digest_equal(available->digest, proof->digest));
	}
	return TL_OK;
}

/* A rebuild meets the proofs of the first time in the same batch as their traces: then there is nothing to be confirmed. */
static enum tl_status
confirm_proven(struct tl_worker *worker, const struct group *group, const struct tl_view_row *row, struct tl_err *err)
{
	struct worker_proof proof = { .view = tl_str_of(worker->view->ops->name), .digest = row->digest };
	for (size_t i = 0; row->finished && i < group->count; i++)
		TL_TRY(worker_proof_visit(&proof, group->records[i], err));
	if (!proof.stored || !proof.replayable)
		return TL_OK;
	return worker->view->ops->confirm(worker->view, &row->summary.trace_id, 1, err);
}

static enum tl_status
put(struct tl_worker *worker, const struct group *group, struct fold *fold, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf document;
	struct tl_view_row row;
	tl_buf_init(&document, TL_TRACE_DOCUMENT_LIMIT);
	TL_TRY(fold_row(fold, &document, &row, err));
	TL_TRY(worker->view->ops->put(worker->view, &row, err));
	return confirm_proven(worker, group, &row, err);
}

static enum tl_status
park(struct tl_worker *worker, struct tl_trace_id trace_id, uint64_t seq, const struct tl_err *cause, struct tl_err *err)
{
	struct tl_view_parked parked = { .trace_id = trace_id, .seq = seq, .message = tl_str_of(cause->message) };
	return worker->view->ops->park(worker->view, &parked, err);
}

/* Folds the group in and stores what comes out: a row, a parked trace, or nothing when the trace has not begun. */
static enum tl_status
store(struct tl_worker *worker, const struct group *group, struct fold *fold, struct tl_err *err)
{
	struct tl_err cause = { 0 };
	if (fold->failed.status != TL_OK)
		return park(worker, fold->trace_id, fold->failed_seq, &fold->failed, err);
	if (!tl_trace_is_begun(fold->trace))
		return TL_OK;
	enum tl_status status = put(worker, group, fold, &cause);
	/* Damage of the view is not the trace's fault. */
	if (fold_failure_stays(status) && status != TL_ERR_CORRUPT)
		return park(worker, fold->trace_id, fold->last_seq, &cause, err);
	if (status != TL_OK)
		*err = cause;
	return status;
}

static enum tl_status
work_group(struct tl_worker *worker, const struct group *group, struct tl_err *err)
{
	const struct tl_envelope *first = &group->records[0]->envelope;
	struct fold *fold;
	TL_TRY(fold_cache_get(&worker->cache, first->trace_id, first->seq, &fold, err));
	for (size_t i = 0; i < group->count; i++)
		TL_TRY(fold_cache_apply(&worker->cache, fold, group->records[i], err));
	enum tl_status status = store(worker, group, fold, err);
	fold_cache_release(&worker->cache, fold);
	return status;
}

static enum tl_status
work_groups(struct tl_worker *worker, const struct group *groups, size_t count, uint64_t checkpoint_seq, struct tl_err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!only_pipeline(&groups[i]))
			TL_TRY(work_group(worker, &groups[i], err));
	return worker->view->ops->commit(worker->view, checkpoint_seq, err);
}

enum tl_status
worker_begin_at(struct tl_worker *worker, uint64_t checkpoint_seq, bool *ret_same, struct tl_err *err)
{
	const struct tl_view_ops *ops = worker->view->ops;
	uint64_t found_seq;
	TL_TRY(ops->begin(worker->view, err));
	enum tl_status status = ops->checkpoint(worker->view, &found_seq, err);
	if (status != TL_OK || found_seq != checkpoint_seq)
		ops->abort(worker->view);
	if (status == TL_OK)
		*ret_same = found_seq == checkpoint_seq;
	return status;
}

/* Stores what the events lead to; *checkpoint_seq moves on to the last of them. */
static enum tl_status
work_list(struct tl_worker *worker, const struct tl_record_list *list, struct tl_arena *arena, uint64_t *checkpoint_seq,
	struct tl_err *err)
{
	struct group *groups = NULL;
	size_t count = 0;
	bool same;
	uint64_t last_seq = list->records[list->count - 1].envelope.seq;
	TL_TRY(make_groups(list, arena, &groups, &count, err));
	TL_TRY(worker_begin_at(worker, *checkpoint_seq, &same, err));
	if (!same)
		return TL_OK;
	enum tl_status status = work_groups(worker, groups, count, last_seq, err);
	if (status != TL_OK) {
		worker->view->ops->abort(worker->view);
		return status;
	}
	*checkpoint_seq = last_seq;
	return TL_OK;
}

enum tl_status
worker_batch(struct tl_worker *worker, uint64_t *ret_checkpoint, struct tl_err *err)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_record_list list;
	uint64_t checkpoint;
	tl_arena_init(&arena, BATCH_ARENA_LIMIT);
	TL_TRY(worker->view->ops->checkpoint(worker->view, &checkpoint, err));
	TL_TRY(tl_log_read(worker->log, checkpoint, TL_WORKER_BATCH_EVENTS, TL_WORKER_BATCH_BYTES, &arena, &list, err));
	if (list.count > 0)
		TL_TRY(work_list(worker, &list, &arena, &checkpoint, err));
	*ret_checkpoint = checkpoint;
	return TL_OK;
}
