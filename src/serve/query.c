/* serve/query: parameters of a URL. Knows names and numbers, not what they are for. */
#include "internal.h"

#include <inttypes.h>
#include <string.h>

/* One byte at `at`; moves on. False: a broken escape. */
static bool
decode_byte(tl_str raw, size_t *at, char *ret)
{
	char c = raw.ptr[*at];
	uint8_t byte;
	if (c != '%') {
		*ret = c == '+' ? ' ' : c;
		*at += 1;
		return true;
	}
	if (raw.len - *at < 3 || !tl_hex_parse(tl_str_slice(raw, *at + 1, *at + 3), &byte, 1))
		return false;
	*ret = (char)byte;
	*at += 3;
	return true;
}

static enum tl_status
decode(struct call *call, tl_str raw, tl_str *ret, struct tl_err *err)
{
	char *out = tl_arena_alloc(call->arena, raw.len + 1);
	if (!out)
		return tl_arena_failed(call->arena, raw.len + 1, err);
	size_t len = 0;
	for (size_t at = 0; at < raw.len; len++)
		if (!decode_byte(raw, &at, &out[len]))
			return tl_err_set(err, TL_ERR_USAGE,
				"'%.*s' in the query holds a '%%' that is not followed by two hex digits", TL_FMT(raw));
	tl_str text = { out, len };
	if (!tl_utf8_valid(text) || memchr(out, '\0', len))
		return tl_err_set(err, TL_ERR_USAGE, "'%.*s' in the query is not UTF-8 text", TL_FMT(raw));
	*ret = text;
	return TL_OK;
}

static enum tl_status
refuse_unknown(tl_str name, const struct parameter *parameters, size_t count, struct tl_err *err)
{
	if (count == 0)
		return tl_err_set(err, TL_ERR_USAGE, "there is no parameter '%.*s': this route takes none", TL_FMT(name));
	TL_CLEANUP(tl_buf_done) struct tl_buf known;
	tl_buf_init(&known, 1024);
	for (size_t i = 0; i < count; i++)
		tl_buf_printf(&known, "%s%s", i ? ", " : "", parameters[i].name);
	return tl_err_set(err, TL_ERR_USAGE, "there is no parameter '%.*s': this route takes %.*s", TL_FMT(name),
		TL_FMT(tl_buf_str(&known)));
}

static struct parameter *
find(struct parameter *parameters, size_t count, tl_str name)
{
	for (size_t i = 0; i < count; i++)
		if (tl_str_equal(tl_str_of(parameters[i].name), name))
			return &parameters[i];
	return NULL;
}

static enum tl_status
take(struct call *call, tl_str pair, struct parameter *parameters, size_t count, struct tl_err *err)
{
	tl_str name, value;
	size_t equals = tl_str_find_char(pair, '=');
	TL_TRY(decode(call, tl_str_slice(pair, 0, equals), &name, err));
	TL_TRY(decode(call, equals < pair.len ? tl_str_from(pair, equals + 1) : TL_STR(""), &value, err));
	struct parameter *parameter = find(parameters, count, name);
	if (!parameter)
		return refuse_unknown(name, parameters, count, err);
	if (parameter->value.ptr)
		return tl_err_set(err, TL_ERR_USAGE, "the parameter '%s' is given twice", parameter->name);
	parameter->value = value;
	return TL_OK;
}

enum tl_status
serve_query(struct call *call, struct parameter *parameters, size_t count, struct tl_err *err)
{
	tl_str rest = call->request->query;
	for (unsigned given = 0; rest.len; given++) {
		if (given == QUERY_PARAMETERS_MAX)
			return tl_err_set(err, TL_ERR_USAGE, "the query holds more than %u parameters", QUERY_PARAMETERS_MAX);
		tl_str pair = tl_str_split(&rest, '&');
		if (pair.len)
			TL_TRY(take(call, pair, parameters, count, err));
	}
	return TL_OK;
}

enum tl_status
serve_query_number(
	const struct parameter *parameter, uint64_t min, uint64_t max, uint64_t otherwise, uint64_t *ret, struct tl_err *err)
{
	uint64_t number = otherwise;
	if (parameter->value.ptr && (!tl_str_to_u64(parameter->value, &number) || number < min || number > max))
		return tl_err_set(err, TL_ERR_USAGE, "%s is '%.*s', allowed are whole numbers from %" PRIu64 " to %" PRIu64,
			parameter->name, TL_FMT(parameter->value), min, max);
	*ret = number;
	return TL_OK;
}
