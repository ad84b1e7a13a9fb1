/* Text: slices by value, UTF-8, numbers.
 *
 * A slice does not own its bytes and is not NUL-terminated; whoever hands one out says until when it is borrowed. The empty slice
 * may have a NULL `ptr`. tl_str is text (mostly UTF-8, not guaranteed); tl_bytes is anything. */
#ifndef TRACELLM_BASE_TEXT_H
#define TRACELLM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tracellm/base/err.h>

typedef struct {
	const char *ptr;
	size_t len;
} tl_str;

typedef struct {
	const uint8_t *ptr;
	size_t len;
} tl_bytes;

/* A name and its value: a header field, a query field, an attribute. */
struct tl_pair {
	tl_str name, value;
};

/* A slice of a string literal, and the arguments of printf's "%.*s". */
#define TL_STR(literal) ((tl_str){ "" literal, sizeof(literal) - 1 })
#define TL_FMT(s)       ((s).len > 100000 ? 100000 : (int)(s).len), ((s).ptr ? (s).ptr : "")

/* A slice of a NUL-terminated string, borrowed as long as that is; NULL gives the empty slice. */
tl_str tl_str_of(const char *z);
tl_bytes tl_bytes_of(tl_str s);
tl_str tl_str_of_bytes(tl_bytes b);

bool tl_str_equal(tl_str a, tl_str b);
bool tl_str_equal_ignore_case(tl_str a, tl_str b); /* ASCII letters only */
bool tl_str_starts_with(tl_str s, tl_str prefix);
bool tl_str_ends_with(tl_str s, tl_str suffix);
/* memcmp order, the shorter first when one is a prefix: <0, 0, >0. */
int tl_str_compare(tl_str a, tl_str b);
/* Position of the first `needle`, or SIZE_MAX. */
size_t tl_str_find(tl_str s, tl_str needle);
size_t tl_str_find_char(tl_str s, char c);
/* Parts of `s`; positions beyond its end are taken as its end. */
tl_str tl_str_from(tl_str s, size_t start);
tl_str tl_str_slice(tl_str s, size_t start, size_t end);
/* Without ASCII white space at both ends. */
tl_str tl_str_trim(tl_str s);
/* Cuts `*rest` at the first `separator`: returns what is before it, leaves what is behind it (empty, ptr NULL, when there is
 * none). */
tl_str tl_str_split(tl_str *rest, char separator);

/* Decimal numbers, the whole slice: no sign for u64, no white space, no overflow, at least one digit. False leaves `*ret`
 * untouched. */
bool tl_str_to_u64(tl_str s, uint64_t *ret);
bool tl_str_to_i64(tl_str s, int64_t *ret);

/* Length in bytes of the valid UTF-8 sequence at `s.ptr` (RFC 3629: no overlong form, no surrogate, at most U+10FFFF); 0 when
 * there is none. */
size_t tl_utf8_sequence(tl_str s);
bool tl_utf8_valid(tl_str s);
/* Code points; each byte that is not part of a valid sequence counts as one. */
size_t tl_utf8_count(tl_str s);
/* The longest part from the start with at most `count` code points, never cutting a sequence. */
tl_str tl_utf8_prefix(tl_str s, size_t count);

/* Lower-case hex of `bytes` into `out`, which holds 2 * len + 1 chars; terminated. */
void tl_hex(tl_bytes bytes, char *out);
/* The other way: exactly `len` bytes from 2 * len hex digits of either case. False: `out` is untouched. */
bool tl_hex_parse(tl_str hex, uint8_t *out, size_t len);

#endif
