/* fuzz: the codec of event bodies, and the fold behind it. The first byte chooses the type, the rest is the body. What is
 * accepted must encode to bytes that are accepted again and mean the same; what is refused is refused with a sentence. */
#include <stdlib.h>
#include <string.h>

#include <tracellm/model.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_LIMIT (64u << 20)

static void
encode(const struct tl_event *event, struct tl_buf *out)
{
	struct tl_err err;
	tl_buf_init(out, ARENA_LIMIT);
	TL_ASSERT(tl_event_encode(event, out, &err) == TL_OK);
}

static void
there_and_back(const struct tl_event *event, struct tl_arena *arena)
{
	struct tl_err err;
	struct tl_buf first, second;
	struct tl_event again = *event;
	encode(event, &first);
	TL_ASSERT(tl_event_decode(tl_bytes_of(tl_buf_str(&first)), arena, &again, &err) == TL_OK);
	TL_ASSERT(!tl_event_first_difference(event, &again));
	encode(&again, &second);
	TL_ASSERT(tl_str_equal(tl_buf_str(&first), tl_buf_str(&second)));
	tl_buf_done(&first);
	tl_buf_done(&second);
}

static void
show(const struct tl_event *event)
{
	struct tl_err err;
	struct tl_buf out;
	tl_json *json = tl_event_body_json(event, 64);
	tl_buf_init(&out, ARENA_LIMIT);
	TL_ASSERT(tl_json_write(json, &out, &err) == TL_OK);
	TL_ASSERT(tl_utf8_valid(tl_buf_str(&out)));
	tl_json_free(json);
	tl_buf_done(&out);
}

/* The event between the first two of a trace: whatever it holds, the document can be written. */
static void
fold(const struct tl_event *event)
{
	struct tl_err err;
	struct tl_trace *trace = NULL;
	struct tl_buf document;
	struct tl_event created =
		tl_event_make(TL_EVENT_trace_created, event->trace_id, event->parent_span_id, event->span_id, event->at);
	struct tl_event request =
		tl_event_make(TL_EVENT_request_created, event->trace_id, event->parent_span_id, event->span_id, event->at);
	request.body.request_created.api = TL_STR("openai.chat");
	tl_buf_init(&document, ARENA_LIMIT);
	TL_ASSERT(tl_trace_open(event->trace_id, &trace, &err) == TL_OK);
	TL_ASSERT(tl_trace_apply(trace, &created, &err) == TL_OK);
	if (tl_trace_apply(trace, event, &err) == TL_OK && tl_trace_apply(trace, &request, &err) == TL_OK) {
		TL_ASSERT(tl_trace_document(trace, &document, &err) == TL_OK);
		TL_ASSERT(tl_utf8_valid(tl_buf_str(&document)));
	}
	tl_trace_close(trace);
	tl_buf_done(&document);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tl_err err = { .status = TL_OK };
	struct tl_arena arena;
	if (size == 0)
		return 0;
	const struct tl_event_info *info = tl_event_info_at(data[0] & 15u);
	uint8_t *body = malloc(size - 1);
	if (!info || (!body && size > 1)) {
		free(body);
		return 0;
	}
	/* A copy of its own, so that reading beyond it is seen. */
	if (size > 1)
		memcpy(body, data + 1, size - 1);
	tl_arena_init(&arena, ARENA_LIMIT);
	struct tl_event event = { .type = info->type, .trace_id = { { 1 } }, .span_id = { { 2 } }, .parent_span_id = { { 3 } } };
	enum tl_status status = tl_event_decode((tl_bytes){ body, size - 1 }, &arena, &event, &err);
	if (status == TL_OK) {
		there_and_back(&event, &arena);
		show(&event);
		fold(&event);
	} else {
		TL_ASSERT(status == TL_ERR_CORRUPT && strstr(err.message, info->name));
	}
	free(body);
	tl_arena_done(&arena);
	return 0;
}
