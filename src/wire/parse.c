/* wire/parse: JSON as providers send it, by the strict door. Knows no member.
 *
 * Three things that clients in other languages read are refused by the door: bytes that are not UTF-8, a surrogate escape without
 * its other half (an emoji cut in two), and integers over 64 bits (seeds). One of them must not cost a whole answer, so the text
 * is cleaned of them and handed to the same strict parser again. */
#include "internal.h"

#include <string.h>

/* Digits that always fit 64 bits. */
#define SAFE_DIGITS 18u

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The code unit of a \uXXXX escape at the start of `text`, or -1. */
static int
escaped_unit(tl_str text)
{
	uint8_t bytes[2];
	if (text.len < 6 || text.ptr[0] != '\\' || text.ptr[1] != 'u' || !tl_hex_parse(tl_str_slice(text, 2, 6), bytes, 2))
		return -1;
	return bytes[0] << 8 | bytes[1];
}

static bool
is_high(int unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool
is_low(int unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Copies the escape at the start of `text`, a surrogate without its other half as U+FFFD. Returns its length. */
static size_t
copy_escape(struct tl_buf *out, tl_str text, bool *replaced)
{
	int unit = escaped_unit(text);
	size_t len = unit < 0 ? 2 : 6;
	if (is_high(unit) && is_low(escaped_unit(tl_str_from(text, 6))))
		len = 12;
	bool lone = len == 6 && (is_high(unit) || is_low(unit));
	tl_buf_add_str(out, lone ? TL_STR("\\ufffd") : tl_str_slice(text, 0, len));
	*replaced = *replaced || lone;
	return len;
}

/* Copies the number at the start of `text`, a long integer as a real. Returns its length. */
static size_t
copy_number(struct tl_buf *out, tl_str text)
{
	size_t len = 0;
	while (len < text.len && is_digit(text.ptr[len]))
		len++;
	tl_buf_add_str(out, tl_str_slice(text, 0, len));
	bool integer = len == text.len || !strchr(".eE+-", text.ptr[len]);
	if (integer && len > SAFE_DIGITS)
		tl_buf_add_z(out, ".0");
	return len;
}

/* Backslashes occur only in strings and digits outside of them start numbers, so this needs no grammar: what is not JSON before
 * is not JSON after. */
static void
clean(struct tl_buf *out, tl_str text, bool *replaced)
{
	bool in_string = false, after_point = false;
	while (text.len > 0) {
		char c = text.ptr[0];
		size_t len = 1;
		if (in_string && c == '\\') {
			len = copy_escape(out, text, replaced);
		} else if (!in_string && is_digit(c) && !after_point) {
			len = copy_number(out, text);
		} else {
			in_string = in_string != (c == '"');
			tl_buf_add_char(out, c);
		}
		after_point = !in_string && (c == '.' || (after_point && is_digit(c)));
		text = tl_str_from(text, len);
	}
}

static enum tl_status
parse_cleaned(tl_str text, tl_json **ret_root, bool *replaced, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf utf8 = { 0 }, cleaned = { 0 };
	tl_buf_init(&utf8, SIZE_MAX / 2);
	tl_buf_init(&cleaned, SIZE_MAX / 2);
	tl_buf_add_utf8(&utf8, text);
	clean(&cleaned, tl_buf_str(&utf8), replaced);
	*replaced = *replaced || !tl_str_equal(tl_buf_str(&utf8), text);
	if (utf8.failed != TL_OK || cleaned.failed != TL_OK)
		return tl_err_no_memory(err);
	return tl_json_parse(tl_buf_str(&cleaned), ret_root, err);
}

enum tl_status
wire_parse(tl_str text, tl_json **ret_root, bool *ret_repaired, struct tl_err *err)
{
	struct tl_err again;
	bool replaced = false;
	enum tl_status status = tl_json_parse(text, ret_root, err);
	*ret_repaired = false;
	if (status != TL_ERR_PARSE)
		return status;
	enum tl_status second = parse_cleaned(text, ret_root, &replaced, &again);
	if (second == TL_ERR_NO_MEMORY)
		return tl_err_no_memory(err);
	*ret_repaired = second == TL_OK && replaced;
	return second == TL_OK ? TL_OK : status;
}
