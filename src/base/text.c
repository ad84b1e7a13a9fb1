/* base/text: slices, UTF-8, numbers, hex. Pure; owns nothing. */
#include <tracellm/base.h>

#include <string.h>

tl_str
tl_str_of(const char *z)
{
	return (tl_str){ z, z ? strlen(z) : 0 };
}

tl_bytes
tl_bytes_of(tl_str s)
{
	return (tl_bytes){ (const uint8_t *)s.ptr, s.len };
}

tl_str
tl_str_of_bytes(tl_bytes b)
{
	return (tl_str){ (const char *)b.ptr, b.len };
}

bool
tl_str_equal(tl_str a, tl_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
tl_str_equal_ignore_case(tl_str a, tl_str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
			return false;
	return true;
}

bool
tl_str_starts_with(tl_str s, tl_str prefix)
{
	return s.len >= prefix.len && tl_str_equal((tl_str){ s.ptr, prefix.len }, prefix);
}

bool
tl_str_ends_with(tl_str s, tl_str suffix)
{
	return s.len >= suffix.len && tl_str_equal(tl_str_from(s, s.len - suffix.len), suffix);
}

int
tl_str_compare(tl_str a, tl_str b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
	if (order != 0 || a.len == b.len)
		return order;
	return a.len < b.len ? -1 : 1;
}

size_t
tl_str_find(tl_str s, tl_str needle)
{
	if (needle.len == 0)
		return 0;
	if (s.len < needle.len)
		return SIZE_MAX;
	const char *hit = memmem(s.ptr, s.len, needle.ptr, needle.len);
	return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t
tl_str_find_char(tl_str s, char c)
{
	const char *hit = s.len ? memchr(s.ptr, c, s.len) : NULL;
	return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

tl_str
tl_str_from(tl_str s, size_t start)
{
	return tl_str_slice(s, start, s.len);
}

tl_str
tl_str_slice(tl_str s, size_t start, size_t end)
{
	if (end > s.len)
		end = s.len;
	if (start > end)
		start = end;
	return (tl_str){ s.ptr ? s.ptr + start : NULL, end - start };
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

tl_str
tl_str_trim(tl_str s)
{
	size_t start = 0, end = s.len;
	while (start < end && is_space(s.ptr[start]))
		start++;
	while (end > start && is_space(s.ptr[end - 1]))
		end--;
	return tl_str_slice(s, start, end);
}

tl_str
tl_str_split(tl_str *rest, char separator)
{
	size_t at = tl_str_find_char(*rest, separator);
	tl_str whole = *rest;
	if (at == SIZE_MAX) {
		*rest = (tl_str){ NULL, 0 };
		return whole;
	}
	*rest = tl_str_from(whole, at + 1);
	return tl_str_slice(whole, 0, at);
}

bool
tl_str_to_u64(tl_str s, uint64_t *ret)
{
	uint64_t value = 0;
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, UINT64_C(10), &value))
			return false;
		if (__builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

bool
tl_str_to_i64(tl_str s, int64_t *ret)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	uint64_t magnitude;
	if (!tl_str_to_u64(negative ? tl_str_from(s, 1) : s, &magnitude))
		return false;
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return true;
}

static bool
is_continuation(tl_str s, size_t at)
{
	return at < s.len && ((uint8_t)s.ptr[at] & 0xc0) == 0x80;
}

size_t
tl_utf8_sequence(tl_str s)
{
	if (s.len == 0)
		return 0;
	uint8_t lead = (uint8_t)s.ptr[0];
	uint8_t second = s.len > 1 ? (uint8_t)s.ptr[1] : 0;
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return is_continuation(s, 1) ? 2 : 0;
	if (lead >= 0xe0 && lead <= 0xef) {
		bool overlong = lead == 0xe0 && second < 0xa0, surrogate = lead == 0xed && second > 0x9f;
		return is_continuation(s, 1) && is_continuation(s, 2) && !overlong && !surrogate ? 3 : 0;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		bool overlong = lead == 0xf0 && second < 0x90, beyond = lead == 0xf4 && second > 0x8f;
		return is_continuation(s, 1) && is_continuation(s, 2) && is_continuation(s, 3) && !overlong && !beyond ? 4 : 0;
	}
	return 0;
}

bool
tl_utf8_valid(tl_str s)
{
	while (s.len > 0) {
		size_t len = tl_utf8_sequence(s);
		if (len == 0)
			return false;
		s = tl_str_from(s, len);
	}
	return true;
}

size_t
tl_utf8_count(tl_str s)
{
	size_t count = 0;
	for (; s.len > 0; count++) {
		size_t len = tl_utf8_sequence(s);
		s = tl_str_from(s, len ? len : 1);
	}
	return count;
}

tl_str
tl_utf8_prefix(tl_str s, size_t count)
{
	tl_str rest = s;
	for (; rest.len > 0 && count > 0; count--) {
		size_t len = tl_utf8_sequence(rest);
		rest = tl_str_from(rest, len ? len : 1);
	}
	return tl_str_slice(s, 0, s.len - rest.len);
}

void
tl_hex(tl_bytes bytes, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < bytes.len; i++) {
		out[2 * i] = digits[bytes.ptr[i] >> 4];
		out[2 * i + 1] = digits[bytes.ptr[i] & 15];
	}
	out[2 * bytes.len] = '\0';
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
tl_hex_parse(tl_str hex, uint8_t *out, size_t len)
{
	if (hex.len != 2 * len)
		return false;
	for (size_t i = 0; i < hex.len; i++)
		if (hex_value(hex.ptr[i]) < 0)
			return false;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(hex_value(hex.ptr[2 * i]) << 4 | hex_value(hex.ptr[2 * i + 1]));
	return true;
}
