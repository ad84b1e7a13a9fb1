/* provider/prepare: from inputs to a request. Pure; knows no socket and no environment. */
#include "internal.h"

#define CHAT_PATH "/chat/completions"

#define URL_SIZE_MAX 8000u
#define KEY_SIZE_MAX 8000u

/* Of our own: content type, authorization, accept, user agent. */
#define OWN_HEADERS 4u

/* ---- The address ---- */

/* Where the path of a URL ends: a query or fragment follows. */
static size_t
path_end(tl_str url)
{
	size_t end = tl_str_find_char(url, '#');
	size_t query = tl_str_find_char(tl_str_slice(url, 0, end), '?');
	return query != SIZE_MAX ? query : end != SIZE_MAX ? end : url.len;
}

static tl_str
join(tl_str base_url, struct tl_arena *arena)
{
	size_t end = path_end(base_url);
	tl_str path = tl_str_slice(base_url, 0, end), rest = tl_str_from(base_url, end);
	while (path.len > 0 && path.ptr[path.len - 1] == '/')
		path.len--;
	return tl_arena_printf(arena, "%.*s" CHAT_PATH "%.*s", TL_FMT(path), TL_FMT(rest));
}

static bool
has_scheme(tl_str url, const char *const *schemes)
{
	for (; *schemes; schemes++) {
		tl_str scheme = tl_str_of(*schemes);
		if (tl_str_equal_ignore_case(tl_str_slice(url, 0, scheme.len), scheme) && url.len > scheme.len)
			return true;
	}
	return false;
}

/* Position of the first byte that a URL must escape (white space, control characters, what is beyond ASCII), or SIZE_MAX. */
static size_t
first_unescaped(tl_str url)
{
	for (size_t i = 0; i < url.len; i++)
		if ((uint8_t)url.ptr[i] <= ' ' || (uint8_t)url.ptr[i] >= 0x7f)
			return i;
	return SIZE_MAX;
}

static enum tl_status
prepare_url(
	const struct tl_inputs *inputs, const char *const *schemes, struct tl_arena *arena, tl_str *ret_url, struct tl_err *err)
{
	tl_str given = inputs->url.ptr ? inputs->url : inputs->base_url;
	const char *what = inputs->url.ptr ? "the URL" : "the base URL";
	if (given.len == 0 || given.len > URL_SIZE_MAX)
		return tl_err_set(err, TL_ERR_USAGE, "%s has %zu bytes, allowed are 1 to %u", what, given.len, URL_SIZE_MAX);
	if (first_unescaped(given) != SIZE_MAX)
		return tl_err_set(err, TL_ERR_USAGE, "%s '%.*s' has a character at byte %zu that a URL must escape", what,
			TL_FMT(given), first_unescaped(given));
	if (!has_scheme(given, schemes))
		return tl_err_set(
			err, TL_ERR_USAGE, "%s '%.*s' does not begin with %s and a host", what, TL_FMT(given), schemes[0]);
	tl_str url = inputs->url.ptr ? tl_arena_str(arena, given) : join(given, arena);
	if (!url.ptr)
		return tl_arena_failed(arena, given.len + sizeof CHAT_PATH, err);
	*ret_url = url;
	return TL_OK;
}

/* ---- The body ---- */

static enum tl_status
prepare_body(const struct tl_inputs *inputs, struct tl_arena *arena, tl_bytes *ret_body, struct tl_err *err)
{
	struct tl_request_settings settings = {
		.model = inputs->model,
		.prompt = inputs->prompt,
		.system = inputs->system,
		.temperature = inputs->temperature,
		.max_tokens = inputs->max_tokens,
		.stream = inputs->stream,
	};
	if (!inputs->raw_request.ptr) {
		enum tl_status status = tl_request_write(TL_API_OPENAI_CHAT, &settings, arena, ret_body, err);
		if (status == TL_ERR_PARSE)
			status = err->status = TL_ERR_USAGE; /* what does not parse is an input */
		return status;
	}
	tl_bytes body = tl_arena_bytes(arena, inputs->raw_request);
	if (!body.ptr)
		return tl_arena_failed(arena, inputs->raw_request.len, err);
	*ret_body = body;
	return TL_OK;
}

/* What a complete body asks for, whatever the flags beside it say. */
static enum tl_status
wants_stream(const struct tl_inputs *inputs, struct tl_arena *arena, bool *ret_stream, struct tl_err *err)
{
	struct tl_request_view view = { .stream = inputs->stream };
	if (inputs->raw_request.ptr)
		TL_TRY(tl_request_read(TL_API_OPENAI_CHAT, inputs->raw_request, arena, &view, err));
	*ret_stream = view.stream;
	return TL_OK;
}

/* ---- Headers ---- */

/* RFC 9110 5.6.2. */
static bool
is_token(tl_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!alphanumeric && tl_str_find_char(TL_STR("!#$%&'*+-.^_`|~"), c) == SIZE_MAX)
			return false;
	}
	return name.len > 0;
}

/* A line feed in a value would begin another header. */
static bool
is_value(tl_str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (((uint8_t)value.ptr[i] < 0x20 && value.ptr[i] != '\t') || value.ptr[i] == 0x7f)
			return false;
	return true;
}

static enum tl_status
check_headers(const struct tl_inputs *inputs, struct tl_err *err)
{
	for (size_t i = 0; i < inputs->header_count; i++) {
		tl_str name = inputs->headers[i].name;
		if (!is_token(name))
			return tl_err_set(err, TL_ERR_USAGE, "'%.*s' cannot be the name of a header", TL_FMT(name));
		if (!is_value(inputs->headers[i].value))
			return tl_err_set(
				err, TL_ERR_USAGE, "the value of header '%.*s' holds a control character", TL_FMT(name));
	}
	/* The key itself is not shown. */
	if (!is_value(inputs->api_key))
		return tl_err_set(err, TL_ERR_USAGE, "the API key holds a control character");
	if (inputs->api_key.len > KEY_SIZE_MAX)
		return tl_err_set(
			err, TL_ERR_USAGE, "the API key has %zu bytes, allowed are %u", inputs->api_key.len, KEY_SIZE_MAX);
	return TL_OK;
}

static tl_str
bearer(tl_str key, struct tl_arena *arena)
{
	return key.len > 0 ? tl_arena_printf(arena, "Bearer %.*s", TL_FMT(key)) : TL_STR("");
}

static enum tl_status
prepare_headers(
	const struct tl_inputs *inputs, bool stream, struct tl_arena *arena, struct tl_request *request, struct tl_err *err)
{
	const struct tl_pair own[OWN_HEADERS] = {
		{ TL_STR("Content-Type"), TL_STR("application/json") },
		{ TL_STR("Authorization"), bearer(inputs->api_key, arena) },
		{ TL_STR("Accept"), stream ? TL_STR("text/event-stream") : TL_STR("application/json") },
		/* Without a version: a later one must make the same request again. */
		{ TL_STR("User-Agent"), TL_STR("tracellm") },
	};
	size_t room = (OWN_HEADERS + inputs->header_count) * sizeof(struct tl_pair);
	struct tl_pair *headers = tl_arena_alloc(arena, room);
	if (!headers || !own[1].value.ptr)
		return tl_arena_failed(arena, room, err);
	request->headers = headers;
	for (size_t i = 0; i < OWN_HEADERS; i++) {
		bool replaced = tl_header_find(inputs->headers, inputs->header_count, own[i].name).ptr != NULL;
		if (own[i].value.len > 0 && !replaced)
			headers[request->header_count++] = own[i];
	}
	for (size_t i = 0; i < inputs->header_count; i++) {
		struct tl_pair copy = { tl_arena_str(arena, inputs->headers[i].name),
			tl_arena_str(arena, inputs->headers[i].value) };
		if (!copy.name.ptr || !copy.value.ptr)
			return tl_arena_failed(arena, inputs->headers[i].value.len, err);
		headers[request->header_count++] = copy;
	}
	return TL_OK;
}

tl_str
tl_header_find(const struct tl_pair *headers, size_t count, tl_str name)
{
	for (size_t i = 0; i < count; i++)
		if (tl_str_equal_ignore_case(headers[i].name, name))
			return headers[i].value.ptr ? headers[i].value : TL_STR("");
	return (tl_str){ NULL, 0 };
}

enum tl_status
prepare_chat(const struct tl_inputs *inputs, const char *const *schemes, struct tl_arena *arena, struct tl_request *ret_request,
	struct tl_err *err)
{
	struct tl_request request = { .api = TL_API_OPENAI_CHAT };
	bool stream;
	TL_TRY(prepare_url(inputs, schemes, arena, &request.url, err));
	TL_TRY(check_headers(inputs, err));
	TL_TRY(wants_stream(inputs, arena, &stream, err));
	TL_TRY(prepare_body(inputs, arena, &request.body, err));
	TL_TRY(prepare_headers(inputs, stream, arena, &request, err));
	*ret_request = request;
	return TL_OK;
}
