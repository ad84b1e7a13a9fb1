/* serve/api_trace: one trace: its document and its raw bytes. The view may be a moment behind the log, so the log is asked
 * whether it is; what it has more is folded here, and an acknowledged trace is never invisible. */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BATCH_EVENTS      1024u
#define BATCH_BYTES       (16u << 20)
#define BATCH_ARENA_LIMIT (256u << 20)

enum tl_status
serve_find_trace(struct call *call, struct tl_trace_id *ret_trace_id, struct tl_err *err)
{
	return tl_log_find_trace(call->serve->options.log, call->id, ret_trace_id, err);
}

/* ---- Walking the events ---- */

static enum tl_status
visit_batch(const struct tl_record_list *list, struct tl_arena *arena, serve_visit_fn *visit, void *context, bool *stop,
	struct tl_err *err)
{
	for (size_t i = 0; i < list->count && !*stop; i++) {
		struct tl_event event;
		TL_TRY(tl_event_of_record(&list->records[i], arena, &event, err));
		TL_TRY(visit(context, &list->records[i], &event, stop, err));
	}
	return TL_OK;
}

enum tl_status
serve_visit(struct tl_log *log, struct tl_trace_id trace_id, uint64_t after_seq, serve_visit_fn *visit, void *context,
	struct tl_err *err)
{
	for (bool stop = false; !stop;) {
		TL_CLEANUP(tl_arena_done) struct tl_arena arena;
		tl_arena_init(&arena, BATCH_ARENA_LIMIT);
		struct tl_record_list list;
		TL_TRY(tl_log_read_trace(log, trace_id, after_seq, BATCH_EVENTS, BATCH_BYTES, &arena, &list, err));
		if (list.count == 0)
			break;
		after_seq = list.records[list.count - 1].envelope.seq;
		TL_TRY(visit_batch(&list, &arena, visit, context, &stop, err));
	}
	return TL_OK;
}

/* ---- The document ---- */

static enum tl_status
note_capture(void *context, const struct tl_record *record, const struct tl_event *event, bool *stop, struct tl_err *err)
{
	(void)record;
	(void)err;
	bool *is_behind = context;
	*is_behind = *stop = !tl_event_is_pipeline(event->type);
	return TL_OK;
}

/* A view that cannot be read is no reason to hide what the log holds. */
static enum tl_status
stored_row(struct call *call, struct tl_trace_id trace_id, struct tl_view_row *ret_row, bool *ret_current, struct tl_err *err)
{
	struct tl_view *view = call->serve->options.view;
	struct tl_err view_err;
	bool is_behind = false;
	*ret_current = false;
	if (view->ops->document(view, trace_id, call->arena, ret_row, &view_err) != TL_OK)
		return TL_OK;
	TL_TRY(serve_visit(call->serve->options.log, trace_id, ret_row->summary.seq, note_capture, &is_behind, err));
	*ret_current = !is_behind;
	return TL_OK;
}

static void
close_trace(struct tl_trace **trace)
{
	tl_trace_close(*trace);
}

static enum tl_status
apply(void *context, const struct tl_record *record, const struct tl_event *event, bool *stop, struct tl_err *err)
{
	(void)record;
	(void)stop;
	return tl_trace_apply(context, event, err);
}

static enum tl_status
folded_row(struct call *call, struct tl_trace_id trace_id, struct tl_view_row *ret_row, struct tl_err *err)
{
	TL_CLEANUP(close_trace) struct tl_trace *trace = NULL;
	TL_CLEANUP(tl_buf_done) struct tl_buf document;
	tl_buf_init(&document, TL_TRACE_DOCUMENT_LIMIT);
	TL_TRY(tl_trace_open(trace_id, &trace, err));
	TL_TRY(serve_visit(call->serve->options.log, trace_id, 0, apply, trace, err));
	if (!tl_trace_is_begun(trace))
		return tl_err_set(err, TL_ERR_NOT_FOUND, "the trace has no request yet: there is no document of it");
	TL_TRY(tl_trace_document(trace, &document, err));
	tl_str copy = tl_arena_str(call->arena, tl_buf_str(&document));
	if (!copy.ptr)
		return tl_arena_failed(call->arena, document.len, err);
	*ret_row = (struct tl_view_row){
		.summary.seq = tl_trace_summary(trace).seq,
		.document = copy,
		.digest = tl_digest_of(tl_bytes_of(copy)),
	};
	return TL_OK;
}

/* What stands around the document, written as JSON, opened at its end. The document's bytes are put in as they are, so that they
 * still match their digest. */
static enum tl_status
splice(struct call *call, const tl_json *envelope, tl_str document, tl_bytes *ret_body, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf head;
	tl_buf_init(&head, 1024);
	TL_TRY(tl_json_write(envelope, &head, err));
	tl_str parts[] = { tl_str_slice(tl_buf_str(&head), 0, head.len - 1), TL_STR(",\"document\":"), document, TL_STR("}") };
	size_t len = 0;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		len += parts[i].len;
	uint8_t *body = tl_arena_alloc(call->arena, len);
	if (!body)
		return tl_arena_failed(call->arena, len, err);
	*ret_body = (tl_bytes){ body, len };
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		memcpy(body, parts[i].ptr, parts[i].len);
		body += parts[i].len;
	}
	return TL_OK;
}

static enum tl_status
short_id(struct call *call, struct tl_trace_id trace_id, char out[TL_TRACE_ID_TEXT_SIZE], struct tl_err *err)
{
	unsigned length;
	TL_TRY(tl_log_unique_length(call->serve->options.log, trace_id, &length, err));
	tl_trace_id_text(trace_id, out);
	out[3 + length] = '\0';
	return TL_OK;
}

enum tl_status
serve_api_trace(struct call *call, struct tl_err *err)
{
	struct tl_trace_id trace_id;
	struct tl_view_row row;
	bool current;
	TL_TRY(serve_query(call, NULL, 0, err));
	TL_TRY(serve_find_trace(call, &trace_id, err));
	TL_TRY(stored_row(call, trace_id, &row, &current, err));
	if (!current)
		TL_TRY(folded_row(call, trace_id, &row, err));

	char id[TL_TRACE_ID_TEXT_SIZE], shown[TL_TRACE_ID_TEXT_SIZE], digest[TL_DIGEST_TEXT_SIZE];
	tl_trace_id_text(trace_id, id);
	TL_TRY(short_id(call, trace_id, shown, err));
	tl_digest_text(row.digest, digest);
	TL_CLEANUP(tl_json_cleanup) tl_json *envelope = tl_json_new_object();
	tl_json_set_str(envelope, "trace_id", tl_str_of(id));
	tl_json_set_str(envelope, "short_id", tl_str_of(shown));
	tl_json_set_str(envelope, "digest", tl_str_of(digest));
	tl_json_set_int(envelope, "seq", (int64_t)row.summary.seq);
	tl_bytes body;
	TL_TRY(splice(call, envelope, row.document, &body, err));
	serve_field(call, "Cache-Control", TL_STR("no-store"));
	serve_body(call, 200, "application/json", body);
	return TL_OK;
}

/* ---- Raw bytes ---- */

struct raw {
	uint64_t wanted;    /* attempt; 0: the last that has some bytes */
	bool request;       /* what was sent, not what came back */
	bool found;         /* there is such a body, perhaps an empty one */
	uint64_t attempt;   /* whose bytes these are */
	struct tl_buf body; /* of the request: of the last call before that attempt */
};

static void
start_body(struct raw *raw, uint64_t attempt)
{
	raw->attempt = attempt;
	tl_buf_clear(&raw->body);
}

static enum tl_status
add_chunk(struct raw *raw, const struct tl_response_chunk *chunk, struct tl_err *err)
{
	if (raw->wanted ? chunk->number != raw->wanted : chunk->number < raw->attempt)
		return TL_OK;
	if (chunk->number != raw->attempt)
		start_body(raw, chunk->number);
	if (chunk->offset != raw->body.len)
		return tl_err_set(err, TL_ERR_CORRUPT,
			"the response of attempt %" PRIu64 " has a gap: a chunk begins at byte %" PRIu64
			", the one before ends at %zu",
			chunk->number, chunk->offset, raw->body.len);
	tl_buf_add(&raw->body, chunk->bytes.ptr, chunk->bytes.len);
	return tl_buf_status(&raw->body, "the response", err);
}

static enum tl_status
take_response(void *context, const struct tl_record *record, const struct tl_event *event, bool *stop, struct tl_err *err)
{
	(void)record;
	(void)stop;
	struct raw *raw = context;
	if (event->type == TL_EVENT_attempt_started)
		raw->found = raw->found || !raw->wanted || event->body.attempt_started.number == raw->wanted;
	else if (event->type == TL_EVENT_response_chunk)
		return add_chunk(raw, &event->body.response_chunk, err);
	return TL_OK;
}

static enum tl_status
take_request(void *context, const struct tl_record *record, const struct tl_event *event, bool *stop, struct tl_err *err)
{
	(void)record;
	struct raw *raw = context;
	if (event->type == TL_EVENT_request_created) {
		raw->found = !raw->wanted;
		start_body(raw, 0);
		tl_buf_add(&raw->body, event->body.request_created.body.ptr, event->body.request_created.body.len);
	} else if (event->type == TL_EVENT_attempt_started && event->body.attempt_started.number == raw->wanted) {
		raw->found = *stop = true;
	}
	return tl_buf_status(&raw->body, "the request", err);
}

static enum tl_status
answer_raw(struct call *call, struct tl_trace_id trace_id, const struct raw *raw, struct tl_err *err)
{
	const char *what = raw->request ? "request" : "response";
	if (!raw->found && raw->wanted)
		return tl_err_set(err, TL_ERR_NOT_FOUND, "the trace has no attempt %" PRIu64, raw->wanted);
	if (!raw->found)
		return tl_err_set(err, TL_ERR_NOT_FOUND, "the trace has no %s yet", what);
	char shown[TL_TRACE_ID_TEXT_SIZE];
	TL_TRY(short_id(call, trace_id, shown, err));
	tl_str disposition = tl_arena_printf(call->arena, "attachment; filename=\"%s.%s\"", shown, what);
	tl_bytes body = tl_arena_bytes(call->arena, tl_bytes_of(tl_buf_str(&raw->body)));
	if (!disposition.ptr || !body.ptr)
		return tl_arena_failed(call->arena, raw->body.len, err);
	serve_field(call, "Cache-Control", TL_STR("no-store"));
	serve_field(call, "Content-Disposition", disposition);
	serve_body(call, 200, "application/octet-stream", body);
	return TL_OK;
}

static enum tl_status
answer_bytes(struct call *call, bool request, struct tl_err *err)
{
	struct parameter attempt = { .name = "attempt" };
	struct raw raw = { .request = request };
	struct tl_trace_id trace_id;
	TL_TRY(serve_query(call, &attempt, 1, err));
	TL_TRY(serve_query_number(&attempt, 1, TL_TRACE_ATTEMPTS_MAX, 0, &raw.wanted, err));
	TL_TRY(serve_find_trace(call, &trace_id, err));
	tl_buf_init(&raw.body, TL_HTTP_BODY_LIMIT);
	serve_visit_fn *take = request ? take_request : take_response;
	enum tl_status status = serve_visit(call->serve->options.log, trace_id, 0, take, &raw, err);
	if (status == TL_OK)
		status = answer_raw(call, trace_id, &raw, err);
	tl_buf_done(&raw.body);
	return status;
}

enum tl_status
serve_api_raw_request(struct call *call, struct tl_err *err)
{
	return answer_bytes(call, true, err);
}

enum tl_status
serve_api_raw_response(struct call *call, struct tl_err *err)
{
	return answer_bytes(call, false, err);
}
