/* The JSON door. Values are jansson's, under names of ours, so that no other file includes jansson.h.
 *
 * Reading is strict (RFC 8259): one value, UTF-8 only, no lone surrogates, integers within 64 bits, at most TL_JSON_DEPTH_MAX
 * arrays and objects around one another; \u0000 is allowed in strings, not in keys. Object members keep their order. Values read
 * out of a tree are *borrowed* until the tree is freed; a value added to a tree is *moved* into it, also when adding fails.
 *
 * Building: members appear in the order they are set. The set/add calls return nothing and accept NULL (what a failed
 * tl_json_new_* gives): that memory ran out is remembered for the calling thread and told by the next tl_json_write. */
#ifndef TRACELLM_BASE_JSON_H
#define TRACELLM_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <tracellm/base/err.h>
#include <tracellm/base/mem.h>
#include <tracellm/base/text.h>

typedef struct json_t tl_json;

#define TL_JSON_DEPTH_MAX 128

enum tl_json_kind { TL_JSON_NULL, TL_JSON_BOOL, TL_JSON_INT, TL_JSON_REAL, TL_JSON_STR, TL_JSON_ARRAY, TL_JSON_OBJECT };

/* Owned: freed by tl_json_free. TL_ERR_PARSE names line, column and what is wrong there; TL_ERR_LIMIT: too deep;
 * TL_ERR_NO_MEMORY. */
enum tl_status tl_json_parse(tl_str text, tl_json **ret_value, struct tl_err *err);
void tl_json_free(tl_json *value); /* accepts NULL */
void tl_json_cleanup(tl_json **value);

/* Reading. All accept NULL (an absent value) and a value of another kind, and answer "absent": NULL, empty slice, false, 0. */
enum tl_json_kind tl_json_kind_of(const tl_json *value); /* NULL reads as TL_JSON_NULL */
const tl_json *tl_json_get(const tl_json *object, const char *key);
/* The same along a path of keys: tl_json_path(root, "usage.prompt_tokens_details.cached_tokens"). */
const tl_json *tl_json_path(const tl_json *object, const char *path);
size_t tl_json_len(const tl_json *array_or_object);
const tl_json *tl_json_at(const tl_json *array, size_t index);
bool tl_json_is_str(const tl_json *value);
tl_str tl_json_str(const tl_json *value);
bool tl_json_bool(const tl_json *value);
/* True and the number when it is an integer, or a real with an integral value within +-2^53. */
bool tl_json_int(const tl_json *value, int64_t *ret);
/* True for integers and reals. */
bool tl_json_real(const tl_json *value, double *ret);
/* Walks an object: `*iterator` starts as NULL and stays NULL after the last member; false then. */
bool tl_json_each(const tl_json *object, void **iterator, tl_str *ret_key, const tl_json **ret_value);

/* Building. Owned until moved into a tree. NULL only when memory ran out. */
tl_json *tl_json_new_object(void);
tl_json *tl_json_new_array(void);
tl_json *tl_json_new_str(tl_str text); /* broken UTF-8 becomes U+FFFD */
tl_json *tl_json_new_int(int64_t number);
tl_json *tl_json_new_bool(bool value);
tl_json *tl_json_new_null(void);
tl_json *tl_json_copy(const tl_json *value); /* deep; an absent value (NULL) copies as null */
void tl_json_set(tl_json *object, const char *key, tl_json *moved);
void tl_json_set_str(tl_json *object, const char *key, tl_str text);
void tl_json_set_str_or_null(tl_json *object, const char *key, tl_str text); /* null when text.ptr is NULL */
void tl_json_set_int(tl_json *object, const char *key, int64_t number);
void tl_json_set_bool(tl_json *object, const char *key, bool value);
void tl_json_set_null(tl_json *object, const char *key);
void tl_json_add(tl_json *array, tl_json *moved);

/* Appends the compact form: UTF-8, no white space, members in order, only what RFC 8259 requires escaped. TL_ERR_NO_MEMORY when
 * `value` is NULL or a set/add of this thread failed since the last write. TL_ERR_LIMIT when `out` is full. */
enum tl_status tl_json_write(const tl_json *value, struct tl_buf *out, struct tl_err *err);
/* The same over several indented lines, for people. */
enum tl_status tl_json_write_pretty(const tl_json *value, struct tl_buf *out, struct tl_err *err);

#endif
