/* wire/openai: what a chunk or a body of OpenAI Chat Completions means, and where its relatives differ. */
#include "internal.h"

static const struct {
	const char *raw;
	enum tl_finish finish;
} finishes[] = {
	{ "stop", TL_FINISH_STOP },
	{ "eos", TL_FINISH_STOP },
	{ "length", TL_FINISH_LENGTH },
	{ "model_length", TL_FINISH_LENGTH },
	{ "tool_calls", TL_FINISH_TOOL_CALLS },
	{ "function_call", TL_FINISH_TOOL_CALLS },
	{ "content_filter", TL_FINISH_CONTENT_FILTER },
	{ "error", TL_FINISH_ERROR },
	{ "insufficient_system_resource", TL_FINISH_ERROR },
};

enum tl_finish
openai_finish(tl_str raw)
{
	if (raw.len == 0)
		return TL_FINISH_NONE;
	for (size_t i = 0; i < sizeof finishes / sizeof *finishes; i++)
		if (tl_str_equal_ignore_case(raw, tl_str_of(finishes[i].raw)))
			return finishes[i].finish;
	return TL_FINISH_OTHER;
}

enum tl_status
json_as_text(const tl_json *value, struct tl_arena *arena, tl_str *ret_text, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf json = { 0 };
	tl_str text = tl_json_str(value);
	if (tl_json_kind_of(value) == TL_JSON_NULL) {
		*ret_text = (tl_str){ NULL, 0 };
		return TL_OK;
	}
	if (!text.ptr) {
		tl_buf_init(&json, SIZE_MAX / 2);
		TL_TRY(tl_json_write(value, &json, err));
		text = tl_buf_str(&json);
	}
	tl_str copy = tl_arena_str(arena, text);
	if (!copy.ptr)
		return tl_arena_failed(arena, text.len + 1, err);
	*ret_text = copy;
	return TL_OK;
}

/* ---- Errors ---- */

/* What JavaScript calls truthy: clients take any such `error` for one. */
static bool
is_told(const tl_json *value)
{
	double number;
	switch (tl_json_kind_of(value)) {
	case TL_JSON_STR:
		return tl_json_str(value).len > 0;
	case TL_JSON_BOOL:
		return tl_json_bool(value);
	case TL_JSON_OBJECT:
	case TL_JSON_ARRAY:
		return tl_json_len(value) > 0;
	case TL_JSON_INT:
	case TL_JSON_REAL:
		return tl_json_real(value, &number) && number != 0;
	default:
		return false;
	}
}

static const tl_json *
first_of(const tl_json *object, const char *key, const char *other_key)
{
	const tl_json *value = tl_json_get(object, key);
	return tl_json_kind_of(value) != TL_JSON_NULL ? value : tl_json_get(object, other_key);
}

/* `error` is an object with message, type and code (Google: status), or anything else, which then is the message. */
static enum tl_status
take_error(struct growing *growing, const tl_json *error, struct tl_err *err)
{
	struct tl_provider_error told = { .present = true };
	struct tl_arena *arena = &growing->arena;
	if (growing->answer.error.present)
		return TL_OK;
	if (tl_json_kind_of(error) == TL_JSON_OBJECT) {
		TL_TRY(json_as_text(first_of(error, "message", "detail"), arena, &told.message, err));
		TL_TRY(json_as_text(first_of(error, "type", "status"), arena, &told.type, err));
		TL_TRY(json_as_text(tl_json_get(error, "code"), arena, &told.code, err));
	}
	if (!told.message.ptr)
		TL_TRY(json_as_text(error, arena, &told.message, err));
	growing->answer.error = told;
	return TL_OK;
}

/* Without an `error` member: {"message": ...}, {"detail": ...}, {"object": "error", ...}, where nothing else is there that
 * could be an answer. */
static bool
is_bare_error(const tl_json *root, struct openai_source source)
{
	bool says_so = tl_str_equal(tl_json_str(tl_json_get(root, "object")), TL_STR("error")) ||
		       tl_str_equal(tl_json_str(tl_json_get(root, "type")), TL_STR("error"));
	const tl_json *message = first_of(root, "message", "detail");
	if (tl_json_get(root, "choices") || tl_json_kind_of(message) == TL_JSON_NULL)
		return false;
	return says_so || source.failed || (!source.streamed && tl_json_is_str(message));
}

static enum tl_status
read_error(struct growing *growing, const tl_json *root, struct openai_source source, struct tl_err *err)
{
	const tl_json *error = tl_json_get(root, "error");
	if (!is_told(error))
		error = tl_json_path(root, "x_groq.error");
	if (is_told(error))
		return take_error(growing, error, err);
	return is_bare_error(root, source) ? take_error(growing, root, err) : TL_OK;
}

/* ---- Choices ---- */

/* Text, or the texts of parts one behind the other. */
static enum tl_status
append_texts(struct growing *growing, struct tl_buf *buf, tl_str *view, const tl_json *value, struct tl_err *err)
{
	if (tl_json_is_str(value))
		return growing_content(growing, buf, view, tl_json_str(value), err);
	for (size_t i = 0; i < tl_json_len(value); i++) {
		const tl_json *part = tl_json_at(value, i);
		tl_str text = tl_json_str(tl_json_is_str(part) ? part : first_of(part, "text", "summary"));
		TL_TRY(growing_content(growing, buf, view, text, err));
	}
	return TL_OK;
}

/* A string, or parts (Mistral): text, thinking, refusal. */
static enum tl_status
read_content(struct growing *growing, size_t at, const tl_json *content, struct tl_err *err)
{
	struct tl_choice *view = &growing->answer.choices[at];
	struct choice_parts *parts = &growing->parts[at];
	if (tl_json_kind_of(content) != TL_JSON_ARRAY)
		return growing_content(growing, &parts->text, &view->text, tl_json_str(content), err);
	for (size_t i = 0; i < tl_json_len(content); i++) {
		const tl_json *part = tl_json_at(content, i);
		tl_str type = tl_json_str(tl_json_get(part, "type"));
		if (tl_str_equal(type, TL_STR("thinking")))
			TL_TRY(append_texts(growing, &parts->reasoning, &view->reasoning, tl_json_get(part, "thinking"), err));
		else if (tl_str_equal(type, TL_STR("refusal")))
			TL_TRY(append_texts(growing, &parts->refusal, &view->refusal, tl_json_get(part, "refusal"), err));
		else
			TL_TRY(append_texts(growing, &parts->text, &view->text,
				tl_json_is_str(part) ? part : tl_json_get(part, "text"), err));
	}
	return TL_OK;
}

/* Servers send the same thought under up to three names: the first that holds some counts. */
static enum tl_status
read_reasoning(struct growing *growing, size_t at, const tl_json *message, struct tl_err *err)
{
	static const char *const names[] = { "reasoning_content", "reasoning", NULL };
	struct tl_buf *buf = &growing->parts[at].reasoning;
	tl_str *view = &growing->answer.choices[at].reasoning;
	for (const char *const *name = names; *name; name++) {
		tl_str text = tl_json_str(tl_json_get(message, *name));
		TL_TRY(growing_content(growing, buf, view, text, err));
		if (text.len > 0)
			return TL_OK;
	}
	return append_texts(growing, buf, view, tl_json_get(message, "reasoning_details"), err);
}

static enum tl_status
read_message(struct growing *growing, size_t at, const tl_json *message, bool streamed, struct tl_err *err)
{
	struct tl_choice *view = &growing->answer.choices[at];
	struct choice_parts *parts = &growing->parts[at];
	TL_TRY(growing_replace(growing, &parts->role, &view->role, tl_json_str(tl_json_get(message, "role")), err));
	TL_TRY(read_content(growing, at, tl_json_get(message, "content"), err));
	TL_TRY(read_reasoning(growing, at, message, err));
	TL_TRY(growing_content(growing, &parts->refusal, &view->refusal, tl_json_str(tl_json_get(message, "refusal")), err));
	TL_TRY(growing_content(growing, &parts->audio_transcript, &view->audio_transcript,
		tl_json_str(tl_json_path(message, "audio.transcript")), err));
	return openai_read_calls(growing, at, message, streamed, err);
}

static enum tl_status
read_finish(struct growing *growing, size_t at, const tl_json *choice, struct tl_err *err)
{
	struct tl_choice *view = &growing->answer.choices[at];
	tl_str raw = tl_json_str(tl_json_get(choice, "finish_reason"));
	TL_TRY(growing_replace(growing, &growing->parts[at].finish_raw, &view->finish_raw, raw, err));
	view->finish = openai_finish(view->finish_raw);
	return TL_OK;
}

static enum tl_status
read_choice(struct growing *growing, const tl_json *choice, size_t position, bool streamed, struct tl_err *err)
{
	int64_t index = -1;
	size_t at;
	if (!tl_json_int(tl_json_get(choice, "index"), &index) || index < 0)
		index = (int64_t)position;
	TL_TRY(growing_choice(growing, (uint64_t)index, &at, err));
	if (at == CHOICES_MAX)
		return TL_OK;
	const tl_json *delta = tl_json_get(choice, "delta"), *message = tl_json_get(choice, "message");
	bool has_delta = tl_json_kind_of(delta) == TL_JSON_OBJECT;
	if (has_delta)
		TL_TRY(read_message(growing, at, delta, streamed, err));
	/* Some streams repeat the whole message at the end, or send nothing else. */
	else if (!choice_has_content(&growing->answer.choices[at]))
		TL_TRY(read_message(growing, at, message, false, err));
	if (is_told(tl_json_get(choice, "error")))
		TL_TRY(take_error(growing, tl_json_get(choice, "error"), err));
	return read_finish(growing, at, choice, err);
}

static enum tl_status
read_object(struct growing *growing, const tl_json *root, struct openai_source source, struct tl_err *err)
{
	struct tl_answer *answer = &growing->answer;
	const tl_json *choices = tl_json_get(root, "choices");
	TL_TRY(growing_keep_first(growing, &answer->id, tl_json_str(tl_json_get(root, "id")), err));
	TL_TRY(growing_keep_first(growing, &answer->model, tl_json_str(tl_json_get(root, "model")), err));
	TL_TRY(read_error(growing, root, source, err));
	openai_read_usage(&answer->usage, root);
	if (tl_json_kind_of(choices) != TL_JSON_ARRAY)
		return TL_OK;
	for (size_t i = 0; i < tl_json_len(choices); i++)
		if (tl_json_kind_of(tl_json_at(choices, i)) == TL_JSON_OBJECT)
			TL_TRY(read_choice(growing, tl_json_at(choices, i), i, source.streamed, err));
	return TL_OK;
}

enum tl_status
openai_read(struct growing *growing, const tl_json *root, struct openai_source source, struct tl_err *err)
{
	if (tl_json_kind_of(root) != TL_JSON_ARRAY)
		return read_object(growing, root, source, err);
	/* Google's compatible endpoint wraps its errors in an array. */
	for (size_t i = 0; i < tl_json_len(root); i++)
		TL_TRY(read_object(growing, tl_json_at(root, i), source, err));
	return TL_OK;
}
