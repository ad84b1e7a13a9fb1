/* wire/request_write: the body of a request of our own, the same bytes for the same settings. */
#include "internal.h"

#include <inttypes.h>

/* Enough for any prompt: escaping makes at most six bytes of one. */
#define BODY_LIMIT (SIZE_MAX / 2)

static enum tl_status
add_string(struct tl_buf *out, tl_str text, struct tl_err *err)
{
	TL_CLEANUP(tl_json_cleanup) tl_json *string = tl_json_new_str(text);
	return tl_json_write(string, out, err);
}

static enum tl_status
add_message(struct tl_buf *out, const char *role, tl_str content, struct tl_err *err)
{
	tl_buf_printf(out, "{\"role\":\"%s\",\"content\":", role);
	TL_TRY(add_string(out, content, err));
	tl_buf_add_char(out, '}');
	return TL_OK;
}

static bool
is_digit_from(tl_str s, size_t at, char lowest)
{
	return at < s.len && s.ptr[at] >= lowest && s.ptr[at] <= '9';
}

/* OpenAI's o-series, gpt-5 and later refuse max_tokens; compatible servers know nothing else. "gpt-35" is what Azure calls
 * gpt-3.5. */
static const char *
limit_name(tl_str model)
{
	size_t slash;
	while ((slash = tl_str_find_char(model, '/')) != SIZE_MAX)
		model = tl_str_from(model, slash + 1);
	bool o_series = model.len > 0 && model.ptr[0] == 'o' && is_digit_from(model, 1, '1');
	bool gpt = tl_str_starts_with(model, TL_STR("gpt-")) && is_digit_from(model, 4, '5') && !is_digit_from(model, 5, '0');
	return o_series || gpt ? "max_completion_tokens" : "max_tokens";
}

/* A JSON number and nothing around it. Our own copy of the text goes into the body: a parsed number would be written
 * differently. */
static enum tl_status
check_temperature(tl_str text, struct tl_err *err)
{
	TL_CLEANUP(tl_json_cleanup) tl_json *value = NULL;
	struct tl_err refused;
	double number;
	enum tl_status status = tl_json_parse(text, &value, &refused);
	if (status == TL_ERR_NO_MEMORY)
		return tl_err_no_memory(err);
	if (status != TL_OK || !tl_json_real(value, &number) || tl_str_trim(text).len != text.len)
		return tl_err_set(err, TL_ERR_PARSE, "temperature is '%.*s', which is not a JSON number", TL_FMT(text));
	return TL_OK;
}

static enum tl_status
add_body(struct tl_buf *out, const struct tl_request_settings *settings, struct tl_err *err)
{
	tl_buf_add_z(out, "{\"model\":");
	TL_TRY(add_string(out, settings->model, err));
	tl_buf_add_z(out, ",\"messages\":[");
	if (settings->system.ptr) {
		TL_TRY(add_message(out, "system", settings->system, err));
		tl_buf_add_char(out, ',');
	}
	TL_TRY(add_message(out, "user", settings->prompt, err));
	tl_buf_add_char(out, ']');
	if (settings->temperature.ptr) {
		tl_buf_add_z(out, ",\"temperature\":");
		tl_buf_add_str(out, settings->temperature);
	}
	if (settings->max_tokens >= 0)
		tl_buf_printf(out, ",\"%s\":%" PRId64, limit_name(settings->model), settings->max_tokens);
	/* Without include_usage a stream tells no token counts. */
	if (settings->stream)
		tl_buf_add_z(out, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
	tl_buf_add_char(out, '}');
	return tl_buf_status(out, "the request body", err);
}

enum tl_status
tl_request_write(enum tl_api api, const struct tl_request_settings *settings, struct tl_arena *arena, tl_bytes *ret_body,
	struct tl_err *err)
{
	TL_ASSERT(api == TL_API_OPENAI_CHAT);
	TL_CLEANUP(tl_buf_done) struct tl_buf out = { 0 };
	tl_buf_init(&out, BODY_LIMIT);
	if (settings->temperature.ptr)
		TL_TRY(check_temperature(settings->temperature, err));
	TL_TRY(add_body(&out, settings, err));
	tl_bytes body = tl_arena_bytes(arena, tl_bytes_of(tl_buf_str(&out)));
	if (!body.ptr)
		return tl_arena_failed(arena, out.len + 1, err);
	*ret_body = body;
	return TL_OK;
}
