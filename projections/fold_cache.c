/* projections/fold_cache: folds kept for a while, so that a long trace is not folded whole for every batch. Knows no view and no
 * frame. */
#include "internal.h"

#include <string.h>

bool
fold_failure_stays(enum tl_status status)
{
	return status == TL_ERR_CORRUPT || status == TL_ERR_LIMIT || status == TL_ERR_VERSION || status == TL_ERR_PARSE ||
	       status == TL_ERR_RANGE;
}

/* ---- One fold ---- */

static enum tl_status
open_empty(struct tl_trace_id trace_id, struct fold **ret_fold, struct tl_err *err)
{
	struct fold *fold = tl_alloc(1, sizeof *fold);
	if (!fold)
		return tl_err_no_memory(err);
	fold->trace_id = trace_id;
	enum tl_status status = tl_trace_open(trace_id, &fold->trace, err);
	if (status != TL_OK) {
		tl_free(fold);
		return status;
	}
	*ret_fold = fold;
	return TL_OK;
}

void
fold_close(struct fold *fold)
{
	if (!fold)
		return;
	tl_trace_close(fold->trace);
	tl_free(fold);
}

void
fold_close_cleanup(struct fold **fold)
{
	fold_close(*fold);
}

static enum tl_status
decode_and_apply(struct fold *fold, const struct tl_record *record, struct tl_err *err)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_event event;
	tl_arena_init(&arena, FOLD_ARENA_LIMIT);
	TL_TRY(tl_event_of_record(record, &arena, &event, err));
	return tl_trace_apply(fold->trace, &event, err);
}

/* A failure that stays is kept in the fold; one that may pass leaves a fold that is of no use. */
static enum tl_status
apply(struct fold *fold, const struct tl_record *record, struct tl_err *err)
{
	struct tl_err cause;
	enum tl_status status = TL_OK;
	if (fold->failed.status == TL_OK && !tl_event_is_pipeline(record->envelope.type))
		status = decode_and_apply(fold, record, &cause);
	if (status != TL_OK && !fold_failure_stays(status)) {
		*err = cause;
		return status;
	}
	if (status != TL_OK) {
		fold->failed = cause;
		fold->failed_seq = record->envelope.seq;
	}
	if (record->envelope.seq > fold->last_seq)
		fold->last_seq = record->envelope.seq;
	return TL_OK;
}

/* A walk through a trace's events in front of `before_seq`. */
struct loading {
	struct tl_log *log;
	struct fold *fold;
	uint64_t before_seq;
	fold_visit_fn *visit; /* NULL: nobody asks */
	void *context;
};

static enum tl_status
load_record(const struct loading *loading, const struct tl_record *record, struct tl_err *err)
{
	if (loading->visit)
		TL_TRY(loading->visit(loading->context, record, err));
	return apply(loading->fold, record, err);
}

/* At most `count_max` events. *ret_more: there may be others behind them. */
static enum tl_status
load_page(const struct loading *loading, size_t count_max, bool *ret_more, struct tl_err *err)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct fold *fold = loading->fold;
	struct tl_record_list list;
	tl_arena_init(&arena, FOLD_ARENA_LIMIT);
	TL_TRY(tl_log_read_trace(loading->log, fold->trace_id, fold->last_seq, count_max, FOLD_PAGE_BYTES, &arena, &list, err));
	for (size_t i = 0; i < list.count; i++) {
		if (list.records[i].envelope.seq >= loading->before_seq) {
			*ret_more = false;
			return TL_OK;
		}
		TL_TRY(load_record(loading, &list.records[i], err));
	}
	*ret_more = list.count > 0 && fold->failed.status == TL_OK;
	return TL_OK;
}

/* Mostly there is nothing in front of the first event that is seen of a trace: one event tells. */
static enum tl_status
load(const struct loading *loading, struct tl_err *err)
{
	size_t count_max = loading->before_seq == UINT64_MAX ? FOLD_PAGE_EVENTS : 1;
	bool more = true;
	while (more) {
		TL_TRY(load_page(loading, count_max, &more, err));
		count_max = FOLD_PAGE_EVENTS;
	}
	return TL_OK;
}

enum tl_status
fold_open_fresh(struct tl_log *log, struct tl_trace_id trace_id, fold_visit_fn *visit, void *context, struct fold **ret_fold,
	struct tl_err *err)
{
	struct fold *fold;
	TL_TRY(open_empty(trace_id, &fold, err));
	struct loading loading = { .log = log, .fold = fold, .before_seq = UINT64_MAX, .visit = visit, .context = context };
	enum tl_status status = load(&loading, err);
	if (status != TL_OK) {
		fold_close(fold);
		return status;
	}
	*ret_fold = fold;
	return TL_OK;
}

enum tl_status
fold_row(struct fold *fold, struct tl_buf *document, struct tl_view_row *ret_row, struct tl_err *err)
{
	TL_TRY(tl_trace_document(fold->trace, document, err));
	*ret_row = (struct tl_view_row){
		.summary = tl_trace_summary(fold->trace),
		.document = tl_buf_str(document),
		.digest = tl_digest_of(tl_bytes_of(tl_buf_str(document))),
		.finished = tl_trace_is_finished(fold->trace),
	};
	return TL_OK;
}

/* ---- The cache ---- */

void
fold_cache_init(struct fold_cache *cache, struct tl_log *log, size_t count_max, size_t bytes_max)
{
	*cache = (struct fold_cache){ .log = log, .count_max = count_max, .bytes_max = bytes_max };
}

static struct fold **
bucket_of(struct fold_cache *cache, struct tl_trace_id id)
{
	/* Both ends: some ids carry their time in front, some are small numbers. */
	return &cache->buckets[(id.bytes[0] ^ id.bytes[15] ^ (unsigned)(id.bytes[7] ^ id.bytes[14]) << 1) % FOLD_BUCKETS];
}

static void
unlink_fold(struct fold_cache *cache, struct fold *fold)
{
	*(fold->newer ? &fold->newer->older : &cache->newest) = fold->older;
	*(fold->older ? &fold->older->newer : &cache->oldest) = fold->newer;
	fold->newer = fold->older = NULL;
}

static void
link_newest(struct fold_cache *cache, struct fold *fold)
{
	fold->older = cache->newest;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = fold;
	cache->newest = fold;
}

static void
drop(struct fold_cache *cache, struct fold *fold)
{
	struct fold **at = bucket_of(cache, fold->trace_id);
	while (*at != fold)
		at = &(*at)->next_in_bucket;
	*at = fold->next_in_bucket;
	unlink_fold(cache, fold);
	cache->count--;
	cache->bytes -= fold->bytes;
	fold_close(fold);
}

void
fold_cache_done(struct fold_cache *cache)
{
	while (cache->newest)
		drop(cache, cache->newest);
}

static struct fold *
find(struct fold_cache *cache, struct tl_trace_id id)
{
	struct fold *fold = *bucket_of(cache, id);
	while (fold && !tl_trace_id_equal(fold->trace_id, id))
		fold = fold->next_in_bucket;
	return fold;
}

enum tl_status
fold_cache_get(
	struct fold_cache *cache, struct tl_trace_id trace_id, uint64_t before_seq, struct fold **ret_fold, struct tl_err *err)
{
	struct fold *fold = find(cache, trace_id);
	if (fold) {
		unlink_fold(cache, fold);
	} else {
		TL_TRY(open_empty(trace_id, &fold, err));
		struct loading loading = { .log = cache->log, .fold = fold, .before_seq = before_seq };
		enum tl_status status = load(&loading, err);
		if (status != TL_OK) {
			fold_close(fold);
			return status;
		}
		struct fold **bucket = bucket_of(cache, trace_id);
		fold->next_in_bucket = *bucket;
		*bucket = fold;
		cache->count++;
	}
	link_newest(cache, fold);
	TL_ASSERT(!fold->in_use);
	fold->in_use = true;
	*ret_fold = fold;
	return TL_OK;
}

enum tl_status
fold_cache_apply(struct fold_cache *cache, struct fold *fold, const struct tl_record *record, struct tl_err *err)
{
	enum tl_status status = apply(fold, record, err);
	if (status != TL_OK)
		drop(cache, fold);
	return status;
}

void
fold_cache_release(struct fold_cache *cache, struct fold *fold)
{
	if (!fold)
		return;
	if (fold->failed.status != TL_OK) {
		/* Only the reason is kept: a fold that failed can do nothing more. */
		tl_trace_close(fold->trace);
		fold->trace = NULL;
	}
	size_t bytes = sizeof *fold + (fold->trace ? tl_trace_memory(fold->trace) : 0);
	cache->bytes += bytes - fold->bytes;
	fold->bytes = bytes;
	fold->in_use = false;
	while (cache->oldest && !cache->oldest->in_use && (cache->count > cache->count_max || cache->bytes > cache->bytes_max))
		drop(cache, cache->oldest);
}
