/* wire/openai_call: tool calls, as OpenAI sends them and as others do.
 *
 * A streamed call comes in parts with the same `index`; the first has id and name, later ones more of `arguments`. Compatible
 * servers leave the index out, repeat id and name on every part, or send whole calls that all say index 0. */
#include "internal.h"

/* The call that a message of before 2023-11 makes, behind all others. */
#define LEGACY_INDEX UINT64_MAX

struct call_part {
	bool has_index;
	uint64_t index;
	tl_str id, name;
	const tl_json *arguments;
};

static struct call_part
part_of(const tl_json *entry)
{
	const tl_json *function = tl_json_get(entry, "function"), *custom = tl_json_get(entry, "custom");
	/* Some send both, one of them blank. */
	bool is_custom = tl_json_kind_of(function) != TL_JSON_OBJECT ||
			 tl_str_equal(tl_json_str(tl_json_get(entry, "type")), TL_STR("custom"));
	int64_t index = -1;
	bool has_index = tl_json_int(tl_json_get(entry, "index"), &index) && index >= 0;
	return (struct call_part){
		.has_index = has_index,
		.index = has_index ? (uint64_t)index : 0,
		.id = tl_json_str(tl_json_get(entry, "id")),
		.name = tl_json_str(tl_json_get(is_custom ? custom : function, "name")),
		.arguments = is_custom ? tl_json_get(custom, "input") : tl_json_get(function, "arguments"),
	};
}

static size_t
last_with_index(const struct growing *growing, size_t choice, uint64_t index)
{
	const struct choice_parts *parts = &growing->parts[choice];
	for (size_t at = growing->answer.choices[choice].tool_call_count; at > 0; at--)
		if (parts->calls[at - 1].index == index)
			return at - 1;
	return SIZE_MAX;
}

static size_t
last_with_id(const struct tl_choice *choice, tl_str id)
{
	for (size_t at = choice->tool_call_count; at > 0; at--)
		if (tl_str_equal(choice->tool_calls[at - 1].id, id))
			return at - 1;
	return SIZE_MAX;
}

/* The call that `part` continues; SIZE_MAX: it begins one. */
static size_t
continued(const struct growing *growing, size_t at, const struct call_part *part)
{
	const struct tl_choice *choice = &growing->answer.choices[at];
	if (!part->has_index && part->id.len > 0)
		return last_with_id(choice, part->id);
	if (!part->has_index)
		return part->name.len > 0 || choice->tool_call_count == 0 ? SIZE_MAX : choice->tool_call_count - 1;
	size_t same = last_with_index(growing, at, part->index);
	if (same == SIZE_MAX || part->id.len == 0 || choice->tool_calls[same].id.len == 0)
		return same;
	if (tl_str_equal(choice->tool_calls[same].id, part->id))
		return same;
	/* Another id at the same index: another call when it is named, otherwise a server that makes up an id for every part. */
	return part->name.len > 0 ? last_with_id(choice, part->id) : same;
}

static uint64_t
next_index(const struct growing *growing, size_t choice)
{
	size_t count = growing->answer.choices[choice].tool_call_count;
	uint64_t last = count > 0 ? growing->parts[choice].calls[count - 1].index : 0;
	return count == 0 ? 0 : last < LEGACY_INDEX - 1 ? last + 1 : last;
}

static enum tl_status
add_arguments(struct growing *growing, struct call_parts *parts, struct tl_tool_call *view, const tl_json *arguments,
	struct tl_err *err)
{
	if (tl_json_is_str(arguments) || tl_json_kind_of(arguments) == TL_JSON_NULL)
		return growing_content(growing, &parts->arguments, &view->arguments, tl_json_str(arguments), err);
	TL_CLEANUP(tl_buf_done) struct tl_buf text = { 0 };
	tl_buf_init(&text, growing->limit_bytes);
	TL_TRY(tl_json_write(arguments, &text, err));
	return growing_content(growing, &parts->arguments, &view->arguments, tl_buf_str(&text), err);
}

static enum tl_status
take_part(struct growing *growing, size_t choice, size_t at, const struct call_part *part, struct tl_err *err)
{
	struct call_parts *parts = &growing->parts[choice].calls[at];
	struct tl_tool_call *view = &growing->answer.choices[choice].tool_calls[at];
	if (view->id.len == 0)
		TL_TRY(growing_content(growing, &parts->id, &view->id, part->id, err));
	if (!tl_str_equal(view->name, part->name))
		TL_TRY(growing_content(growing, &parts->name, &view->name, part->name, err));
	return add_arguments(growing, parts, view, part->arguments, err);
}

/* Says nothing: neither a call nor a part of one. */
static bool
is_blank(const struct call_part *part)
{
	bool no_arguments = tl_json_kind_of(part->arguments) == TL_JSON_NULL ||
			    (tl_json_is_str(part->arguments) && tl_json_str(part->arguments).len == 0);
	return part->id.len == 0 && part->name.len == 0 && no_arguments;
}

static enum tl_status
take_new(struct growing *growing, size_t choice, uint64_t index, const struct call_part *part, struct tl_err *err)
{
	size_t at;
	TL_TRY(growing_call(growing, choice, index, &at, err));
	return at == TOOL_CALLS_MAX ? TL_OK : take_part(growing, choice, at, part, err);
}

static enum tl_status
read_legacy(struct growing *growing, size_t choice, const tl_json *call, struct tl_err *err)
{
	struct call_part part = {
		.name = tl_json_str(tl_json_get(call, "name")),
		.arguments = tl_json_get(call, "arguments"),
	};
	size_t at = last_with_index(growing, choice, LEGACY_INDEX);
	if (is_blank(&part))
		return TL_OK;
	return at == SIZE_MAX ? take_new(growing, choice, LEGACY_INDEX, &part, err) : take_part(growing, choice, at, &part, err);
}

enum tl_status
openai_read_calls(struct growing *growing, size_t choice, const tl_json *message, bool streamed, struct tl_err *err)
{
	const tl_json *entries = tl_json_get(message, "tool_calls");
	for (size_t i = 0; i < tl_json_len(entries); i++) {
		const tl_json *entry = tl_json_at(entries, i);
		struct call_part part = part_of(entry);
		if (is_blank(&part))
			continue;
		size_t at = streamed ? continued(growing, choice, &part) : SIZE_MAX;
		uint64_t index = streamed && part.has_index ? part.index : next_index(growing, choice);
		TL_TRY(at == SIZE_MAX ? take_new(growing, choice, index, &part, err)
				      : take_part(growing, choice, at, &part, err));
	}
	/* Who sends both says the same twice. */
	if (growing->answer.choices[choice].tool_call_count > 0 && last_with_index(growing, choice, LEGACY_INDEX) == SIZE_MAX)
		return TL_OK;
	return read_legacy(growing, choice, tl_json_get(message, "function_call"), err);
}
