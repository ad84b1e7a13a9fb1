/* net/server_target: request targets and lists in fields. Knows no socket and no parser. */
#include "server_target.h"

#include <string.h>

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* RFC 3986 2.1. A NUL would end the text early for whoever opens a file by it. */
static bool
decode_percent(tl_str raw, struct tl_arena *arena, tl_str *ret)
{
	char *out = tl_arena_alloc(arena, raw.len + 1);
	if (!out)
		return false;
	size_t len = 0;
	for (size_t i = 0; i < raw.len; i++) {
		char c = raw.ptr[i];
		if (c == '%') {
			int high = i + 2 < raw.len ? hex_value(raw.ptr[i + 1]) : -1;
			int low = i + 2 < raw.len ? hex_value(raw.ptr[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (c == '\0')
			return false;
		out[len++] = c;
	}
	*ret = (tl_str){ out, len };
	return true;
}

/* "http://authority/path" becomes "/path". The authority would replace the Host field (RFC 9112 3.2.2), so one that differs
 * is refused. */
static bool
strip_authority(tl_str *target, tl_str host)
{
	static const tl_str scheme = { "http://", 7 };
	if (!tl_str_equal_ignore_case(tl_str_slice(*target, 0, scheme.len), scheme))
		return false;
	tl_str rest = tl_str_from(*target, scheme.len);
	size_t end = 0;
	while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
		end++;
	if (!tl_str_equal_ignore_case(tl_str_slice(rest, 0, end), host))
		return false;
	*target = tl_str_from(rest, end);
	return true;
}

bool
target_parse(tl_str target, tl_str host, struct tl_arena *arena, tl_str *ret_path, tl_str *ret_query)
{
	bool everything = tl_str_equal(target, TL_STR("*"));
	if (!everything && !tl_str_starts_with(target, TL_STR("/")) && !strip_authority(&target, host))
		return false;
	if (tl_str_find_char(target, '#') != SIZE_MAX)
		return false;
	tl_str query = target;
	tl_str path = tl_str_split(&query, '?');
	if (!path.len)
		path = TL_STR("/");
	if (!decode_percent(path, arena, ret_path))
		return false;
	*ret_query = query;
	return true;
}

size_t
field_count(const struct tl_pair *fields, size_t count, tl_str name)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++)
		found += tl_str_equal(fields[i].name, name);
	return found;
}

bool
field_single(const struct tl_pair *fields, size_t count, tl_str name, tl_str *ret_value)
{
	if (field_count(fields, count, name) != 1)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (tl_str_equal(fields[i].name, name))
			*ret_value = fields[i].value;
	}
	return true;
}

bool
field_has_token(const struct tl_pair *fields, size_t count, tl_str name, tl_str token)
{
	for (size_t i = 0; i < count; i++) {
		if (!tl_str_equal(fields[i].name, name))
			continue;
		tl_str list = fields[i].value;
		while (list.len) {
			if (tl_str_equal_ignore_case(tl_str_trim(tl_str_split(&list, ',')), token))
				return true;
		}
	}
	return false;
}
