/* wire/request_read: what a request asks, as far as its body can be read. */
#include "internal.h"

static enum tl_status
copy_str(const tl_json *value, struct tl_arena *arena, tl_str *ret, struct tl_err *err)
{
	return tl_json_is_str(value) ? json_as_text(value, arena, ret, err) : TL_OK;
}

/* Text is what is meant to be read: a bare string, {"type": "text", ...} and its names in other APIs. Everything else stays
 * JSON. */
static bool
is_text(const tl_json *part)
{
	tl_str type = tl_json_str(tl_json_get(part, "type"));
	bool named = tl_str_equal(type, TL_STR("text")) || tl_str_equal(type, TL_STR("input_text")) ||
		     tl_str_equal(type, TL_STR("output_text")) || type.len == 0;
	return tl_json_is_str(part) || (named && tl_json_is_str(tl_json_get(part, "text")));
}

static enum tl_status
read_part(const tl_json *value, struct tl_arena *arena, struct tl_message_part *part, struct tl_err *err)
{
	bool bare = tl_json_is_str(value);
	TL_TRY(copy_str(tl_json_get(value, "type"), arena, &part->type, err));
	if (!part->type.ptr)
		part->type = is_text(value) ? TL_STR("text") : TL_STR("");
	if (is_text(value))
		return copy_str(bare ? value : tl_json_get(value, "text"), arena, &part->text, err);
	TL_CLEANUP(tl_buf_done) struct tl_buf json = { 0 };
	tl_buf_init(&json, SIZE_MAX / 2);
	TL_TRY(tl_json_write(value, &json, err));
	part->json = tl_arena_str(arena, tl_buf_str(&json));
	return part->json.ptr ? TL_OK : tl_arena_failed(arena, json.len + 1, err);
}

static enum tl_status
join_texts(struct tl_arena *arena, struct tl_message *message, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf joined = { 0 };
	bool any = false;
	tl_buf_init(&joined, SIZE_MAX / 2);
	for (size_t i = 0; i < message->part_count; i++) {
		if (!message->parts[i].text.ptr)
			continue;
		if (any)
			tl_buf_add_char(&joined, '\n');
		tl_buf_add_str(&joined, message->parts[i].text);
		any = true;
	}
	TL_TRY(tl_buf_status(&joined, "a message", err));
	if (!any)
		return TL_OK;
	message->content = tl_arena_str(arena, tl_buf_str(&joined));
	return message->content.ptr ? TL_OK : tl_arena_failed(arena, joined.len + 1, err);
}

static enum tl_status
read_content(const tl_json *content, struct tl_arena *arena, struct tl_message *message, struct tl_err *err)
{
	enum tl_json_kind kind = tl_json_kind_of(content);
	if (kind == TL_JSON_NULL)
		return TL_OK;
	if (kind == TL_JSON_STR)
		return copy_str(content, arena, &message->content, err);
	size_t count = kind == TL_JSON_ARRAY ? tl_json_len(content) : 1;
	message->parts = tl_arena_array(arena, count, sizeof *message->parts);
	if (!message->parts)
		return tl_arena_failed(arena, count * sizeof *message->parts, err);
	for (size_t i = 0; i < count; i++) {
		const tl_json *part = kind == TL_JSON_ARRAY ? tl_json_at(content, i) : content;
		TL_TRY(read_part(part, arena, &message->parts[i], err));
	}
	message->part_count = count;
	return join_texts(arena, message, err);
}

static enum tl_status
read_call(const tl_json *value, const tl_json *function, struct tl_arena *arena, struct tl_tool_call *call, struct tl_err *err)
{
	const tl_json *arguments = tl_json_get(function, "arguments");
	TL_TRY(copy_str(tl_json_get(value, "id"), arena, &call->id, err));
	TL_TRY(copy_str(tl_json_get(function, "name"), arena, &call->name, err));
	return json_as_text(arguments ? arguments : tl_json_get(function, "input"), arena, &call->arguments, err);
}

static enum tl_status
read_calls(const tl_json *message, struct tl_arena *arena, struct tl_message *ret, struct tl_err *err)
{
	const tl_json *calls = tl_json_get(message, "tool_calls"), *legacy = tl_json_get(message, "function_call");
	size_t count = tl_json_kind_of(calls) == TL_JSON_ARRAY ? tl_json_len(calls) : 0;
	bool has_legacy = count == 0 && tl_json_kind_of(legacy) == TL_JSON_OBJECT;
	if (count == 0 && !has_legacy)
		return TL_OK;
	ret->tool_calls = tl_arena_array(arena, count ? count : 1, sizeof *ret->tool_calls);
	if (!ret->tool_calls)
		return tl_arena_failed(arena, count * sizeof *ret->tool_calls, err);
	ret->tool_call_count = has_legacy ? 1 : count;
	if (has_legacy)
		return read_call(NULL, legacy, arena, &ret->tool_calls[0], err);
	for (size_t i = 0; i < count; i++) {
		const tl_json *call = tl_json_at(calls, i), *function = tl_json_get(call, "function");
		bool custom = tl_json_kind_of(function) != TL_JSON_OBJECT;
		TL_TRY(read_call(call, custom ? tl_json_get(call, "custom") : function, arena, &ret->tool_calls[i], err));
	}
	return TL_OK;
}

static enum tl_status
read_message(const tl_json *value, struct tl_arena *arena, struct tl_message *message, struct tl_err *err)
{
	TL_TRY(copy_str(tl_json_get(value, "role"), arena, &message->role, err));
	TL_TRY(copy_str(tl_json_get(value, "name"), arena, &message->name, err));
	TL_TRY(copy_str(tl_json_get(value, "tool_call_id"), arena, &message->tool_call_id, err));
	TL_TRY(read_content(tl_json_get(value, "content"), arena, message, err));
	return read_calls(value, arena, message, err);
}

static enum tl_status
read_messages(const tl_json *messages, struct tl_arena *arena, struct tl_request_view *view, struct tl_err *err)
{
	size_t count = tl_json_kind_of(messages) == TL_JSON_ARRAY ? tl_json_len(messages) : 0;
	if (count == 0)
		return TL_OK;
	view->messages = tl_arena_array(arena, count, sizeof *view->messages);
	if (!view->messages)
		return tl_arena_failed(arena, count * sizeof *view->messages, err);
	for (size_t i = 0; i < count; i++)
		TL_TRY(read_message(tl_json_at(messages, i), arena, &view->messages[i], err));
	view->message_count = count;
	return TL_OK;
}

enum tl_status
tl_request_read(enum tl_api api, tl_bytes body, struct tl_arena *arena, struct tl_request_view *ret_view, struct tl_err *err)
{
	TL_ASSERT(api == TL_API_OPENAI_CHAT);
	TL_CLEANUP(tl_json_cleanup) tl_json *root = NULL;
	struct tl_request_view view = { .valid = false };
	struct tl_err refused;
	bool repaired;
	if (wire_parse(tl_str_of_bytes(body), &root, &repaired, &refused) == TL_ERR_NO_MEMORY)
		return tl_err_no_memory(err);
	if (tl_json_kind_of(root) == TL_JSON_OBJECT) {
		view.valid = true;
		view.stream = tl_json_bool(tl_json_get(root, "stream"));
		TL_TRY(copy_str(tl_json_get(root, "model"), arena, &view.model, err));
		TL_TRY(read_messages(tl_json_get(root, "messages"), arena, &view, err));
	}
	*ret_view = view;
	return TL_OK;
}
