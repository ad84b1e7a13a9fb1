/* serve/api: the server's health and the list of traces. Knows the view by its vtable. */
#include "internal.h"

#include <stdio.h>
#include <time.h>

#define PAGE_LIMIT         50u
#define PAGE_LIMIT_MAX     200u
#define PARKED_ARENA_LIMIT (16u << 20)
#define CATCH_UP_WAIT_MS   50u

void
serve_log_id_text(uint64_t log_id, char out[LOG_ID_TEXT_SIZE])
{
	(void)snprintf(out, LOG_ID_TEXT_SIZE, "%016llx", (unsigned long long)log_id);
}

/* ---- Health ---- */

/* What the worker would tell, asked of the view itself: it runs in another process. */
static enum tl_status
ask_view(struct tl_serve *serve, struct tl_worker_status *ret, struct tl_err *err)
{
	struct tl_view *view = serve->options.view;
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	tl_arena_init(&arena, PARKED_ARENA_LIMIT);
	struct tl_view_parked *parked;
	size_t count = 0;
	*ret = (struct tl_worker_status){ 0 };
	TL_TRY(view->ops->checkpoint(view, &ret->checkpoint_seq, err));
	TL_TRY(view->ops->parked(view, &arena, &parked, &count, err));
	ret->parked = count;
	return TL_OK;
}

static struct tl_worker_status
view_status(struct tl_serve *serve)
{
	struct tl_worker_status status;
	struct tl_err err;
	if (serve->options.worker)
		return tl_worker_status(serve->options.worker);
	if (ask_view(serve, &status, &err) != TL_OK) {
		status.failing = true;
		(void)snprintf(status.last_error, sizeof status.last_error, "%.255s", err.message);
	}
	return status;
}

static tl_json *
view_json(struct tl_serve *serve, const struct tl_worker_status *status, uint64_t head_seq)
{
	uint64_t lag = head_seq > status->checkpoint_seq ? head_seq - status->checkpoint_seq : 0;
	tl_json *object = tl_json_new_object();
	tl_json_set_str(object, "view", tl_str_of(serve->options.view->ops->name));
	tl_json_set_int(object, "checkpoint_seq", (int64_t)status->checkpoint_seq);
	tl_json_set_int(object, "lag_events", (int64_t)lag);
	tl_json_set_int(object, "parked", (int64_t)status->parked);
	return object;
}

enum tl_status
serve_api_health(struct call *call, struct tl_err *err)
{
	struct tl_serve *serve = call->serve;
	struct tl_log *log = serve->options.log;
	TL_TRY(serve_query(call, NULL, 0, err));
	uint64_t head_seq;
	TL_TRY(tl_log_head(log, &head_seq, err));
	struct tl_worker_status status = view_status(serve);
	const char *failure = status.failing ? status.last_error : serve_channel_failure(serve->channel);
	char log_id[LOG_ID_TEXT_SIZE];
	serve_log_id_text(tl_log_id(log), log_id);

	tl_json *object = tl_json_new_object(), *views = tl_json_new_array();
	tl_json_set_str(object, "status", tl_str_of(failure ? "failing" : "ok"));
	tl_json_set_str_or_null(object, "detail", tl_str_of(failure));
	tl_json_set_str(object, "version", TL_STR(TL_VERSION));
	tl_json_set_str(object, "log_id", tl_str_of(log_id));
	tl_json_set_int(object, "head_seq", (int64_t)head_seq);
	tl_json_add(views, view_json(serve, &status, head_seq));
	tl_json_set(object, "views", views);
	tl_json_set_int(object, "clients", (int64_t)serve_channel_clients(serve->channel));
	tl_json_set_int(object, "started_unix_ns", (int64_t)serve->started_unix_ns);
	return serve_json(call, object, err);
}

/* ---- The list ---- */

enum list_parameter {
	LIST_STATUS,
	LIST_MODEL,
	LIST_PROVIDER,
	LIST_PROJECT,
	LIST_SESSION,
	LIST_TAG,
	LIST_REPLAYS,
	LIST_LIMIT,
	LIST_AFTER,
	LIST_PARAMETERS
};

static enum tl_status
check_status(tl_str status, struct tl_err *err)
{
	enum tl_trace_status ignored;
	if (!status.ptr || tl_trace_status_parse(status, &ignored))
		return TL_OK;
	return tl_err_set(err, TL_ERR_USAGE, "status is '%.*s', allowed are running, success, warning, failed and interrupted",
		TL_FMT(status));
}

static enum tl_status
parse_list_query(struct call *call, struct tl_view_query *ret, struct tl_err *err)
{
	struct parameter given[LIST_PARAMETERS] = {
		[LIST_STATUS] = { .name = "status" },
		[LIST_MODEL] = { .name = "model" },
		[LIST_PROVIDER] = { .name = "provider" },
		[LIST_PROJECT] = { .name = "project" },
		[LIST_SESSION] = { .name = "session" },
		[LIST_TAG] = { .name = "tag" },
		[LIST_REPLAYS] = { .name = "replays" },
		[LIST_LIMIT] = { .name = "limit" },
		[LIST_AFTER] = { .name = "after" },
	};
	uint64_t replays, limit;
	TL_TRY(serve_query(call, given, LIST_PARAMETERS, err));
	TL_TRY(check_status(given[LIST_STATUS].value, err));
	TL_TRY(serve_query_number(&given[LIST_REPLAYS], 0, 1, 0, &replays, err));
	TL_TRY(serve_query_number(&given[LIST_LIMIT], 1, PAGE_LIMIT_MAX, PAGE_LIMIT, &limit, err));
	*ret = (struct tl_view_query){
		.status = given[LIST_STATUS].value,
		.model = given[LIST_MODEL].value,
		.provider = given[LIST_PROVIDER].value,
		.project = given[LIST_PROJECT].value,
		.session = given[LIST_SESSION].value,
		.tag = given[LIST_TAG].value,
		.with_replays = replays == 1,
		.limit = (unsigned)limit,
		.after = given[LIST_AFTER].value,
	};
	return TL_OK;
}

static enum tl_status
add_items(struct call *call, const struct tl_view_page *page, tl_json *items, struct tl_err *err)
{
	for (size_t i = 0; i < page->count; i++) {
		unsigned id_length;
		TL_TRY(tl_log_unique_length(call->serve->options.log, page->items[i].trace_id, &id_length, err));
		tl_json_add(items, tl_trace_summary_json(&page->items[i], id_length));
	}
	return TL_OK;
}

/* What was acknowledged before the request is in the answer: the worker, in its own thread, is mostly a few milliseconds behind.
 * The loop waits no longer than this for it. */
static void
let_view_catch_up(struct call *call)
{
	struct tl_view *view = call->serve->options.view;
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t head_seq, checkpoint_seq;
	struct tl_err ignored;
	if (!call->serve->options.worker || tl_log_head(call->serve->options.log, &head_seq, &ignored) != TL_OK)
		return;
	for (unsigned waited_ms = 0; waited_ms < CATCH_UP_WAIT_MS; waited_ms++) {
		if (view->ops->checkpoint(view, &checkpoint_seq, &ignored) != TL_OK || checkpoint_seq >= head_seq)
			return;
		(void)nanosleep(&pause, NULL);
	}
}

enum tl_status
serve_api_list(struct call *call, struct tl_err *err)
{
	struct tl_view *view = call->serve->options.view;
	struct tl_view_query query;
	struct tl_view_page page;
	TL_TRY(parse_list_query(call, &query, err));
	let_view_catch_up(call);
	TL_TRY(view->ops->list(view, &query, call->arena, &page, err));
	TL_CLEANUP(tl_json_cleanup) tl_json *items = tl_json_new_array();
	TL_TRY(add_items(call, &page, items, err));
	tl_json *object = tl_json_new_object();
	tl_json_set_int(object, "total", (int64_t)page.total);
	tl_json_set(object, "items", items);
	items = NULL;
	tl_json_set_str_or_null(object, "next", page.next);
	return serve_json(call, object, err);
}
