/* base/json: the only file that includes jansson.h. Knows no schema. */
#include <tracellm/base.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Set when a construction of this thread ran out of memory; told and cleared by the next write. */
static _Thread_local bool out_of_memory;
/* True while jansson reads for this thread. */
static _Thread_local bool reading;

/* jansson does not pass every failed allocation on (its reader calls some of them syntax errors), so that they are noticed
 * here. Its reader must not even see one: it goes on after its buffer could not grow, without the byte that did not fit, and when
 * that was a closing quote it copies on over the end. It is asked to fail afterwards; where there is nothing at all left, we stop
 * before memory is overwritten. */
static void *
noticing_malloc(size_t size)
{
	void *ptr = tl_realloc(NULL, size);
	if (!ptr)
		out_of_memory = true;
	if (!ptr && reading) {
		ptr = malloc(size);
		TL_ASSERT(ptr);
	}
	return ptr;
}

__attribute__((constructor)) static void
use_our_allocation(void)
{
	json_set_alloc_funcs(noticing_malloc, tl_free);
}

/* `depth` arrays and objects are open around `value`. */
static bool
too_deep(const json_t *value, unsigned depth)
{
	if (depth == TL_JSON_DEPTH_MAX)
		return json_is_array(value) || json_is_object(value);
	if (json_is_array(value))
		for (size_t i = 0; i < json_array_size(value); i++)
			if (too_deep(json_array_get(value, i), depth + 1))
				return true;
	if (json_is_object(value))
		for (void *at = json_object_iter((json_t *)(uintptr_t)value); at;
			at = json_object_iter_next((json_t *)(uintptr_t)value, at))
			if (too_deep(json_object_iter_value(at), depth + 1))
				return true;
	return false;
}

/* jansson reads over a NUL that stands behind a number. */
static enum tl_status
refuse_nul(tl_str text, struct tl_err *err)
{
	size_t at = tl_str_find_char(text, '\0'), line = 1;
	if (at == SIZE_MAX)
		return TL_OK;
	tl_str before = tl_str_slice(text, 0, at);
	for (size_t end; (end = tl_str_find_char(before, '\n')) != SIZE_MAX; line++)
		before = tl_str_from(before, end + 1);
	return tl_err_set(err, TL_ERR_PARSE, "JSON, line %zu, column %zu: a NUL byte", line, tl_utf8_count(before) + 1);
}

enum tl_status
tl_json_parse(tl_str text, tl_json **ret_value, struct tl_err *err)
{
	TL_TRY(refuse_nul(text, err));
	json_error_t error;
	bool failed_before = out_of_memory;
	out_of_memory = false;
	reading = true;
	json_t *value = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	reading = false;
	bool failed_here = out_of_memory;
	out_of_memory = failed_before;
	if (failed_here) {
		json_decref(value);
		return tl_err_no_memory(err);
	}
	/* jansson stops reading at a depth of its own, far beyond ours. */
	if (value ? too_deep(value, 0) : json_error_code(&error) == json_error_stack_overflow) {
		json_decref(value);
		return tl_err_set(err, TL_ERR_LIMIT, "JSON is nested deeper than %d levels", TL_JSON_DEPTH_MAX);
	}
	if (!value)
		return tl_err_set(err, TL_ERR_PARSE, "JSON, line %d, column %d: %s", error.line, error.column, error.text);
	*ret_value = value;
	return TL_OK;
}

void
tl_json_free(tl_json *value)
{
	json_decref(value);
}

void
tl_json_cleanup(tl_json **value)
{
	json_decref(*value);
	*value = NULL;
}

enum tl_json_kind
tl_json_kind_of(const tl_json *value)
{
	if (!value)
		return TL_JSON_NULL;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return TL_JSON_OBJECT;
	case JSON_ARRAY:
		return TL_JSON_ARRAY;
	case JSON_STRING:
		return TL_JSON_STR;
	case JSON_INTEGER:
		return TL_JSON_INT;
	case JSON_REAL:
		return TL_JSON_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return TL_JSON_BOOL;
	default:
		return TL_JSON_NULL;
	}
}

const tl_json *
tl_json_get(const tl_json *object, const char *key)
{
	return json_object_get(object, key);
}

const tl_json *
tl_json_path(const tl_json *object, const char *path)
{
	char key[64];
	tl_str rest = tl_str_of(path);
	while (rest.len > 0 && object) {
		tl_str part = tl_str_split(&rest, '.');
		TL_ASSERT(part.len < sizeof key);
		memcpy(key, part.ptr, part.len);
		key[part.len] = '\0';
		object = tl_json_get(object, key);
	}
	return object;
}

size_t
tl_json_len(const tl_json *array_or_object)
{
	return json_is_array(array_or_object) ? json_array_size(array_or_object) : json_object_size(array_or_object);
}

const tl_json *
tl_json_at(const tl_json *array, size_t index)
{
	return json_array_get(array, index);
}

bool
tl_json_is_str(const tl_json *value)
{
	return json_is_string(value);
}

tl_str
tl_json_str(const tl_json *value)
{
	if (!json_is_string(value))
		return (tl_str){ NULL, 0 };
	return (tl_str){ json_string_value(value), json_string_length(value) };
}

bool
tl_json_bool(const tl_json *value)
{
	return json_is_true(value);
}

bool
tl_json_int(const tl_json *value, int64_t *ret)
{
	if (json_is_integer(value)) {
		*ret = json_integer_value(value);
		return true;
	}
	double real = json_is_real(value) ? json_real_value(value) : NAN;
	if (!(fabs(real) <= 9007199254740992.0) || trunc(real) != real)
		return false;
	*ret = (int64_t)real;
	return true;
}

bool
tl_json_real(const tl_json *value, double *ret)
{
	if (!json_is_number(value))
		return false;
	*ret = json_number_value(value);
	return true;
}

bool
tl_json_each(const tl_json *object, void **iterator, tl_str *ret_key, const tl_json **ret_value)
{
	/* jansson's iteration does not change the object, but its signature predates const. */
	json_t *walked = (json_t *)(uintptr_t)object;
	if (!json_is_object(walked))
		return false;
	*iterator = *iterator ? json_object_iter_next(walked, *iterator) : json_object_iter(walked);
	if (!*iterator)
		return false;
	*ret_key = tl_str_of(json_object_iter_key(*iterator));
	*ret_value = json_object_iter_value(*iterator);
	return true;
}

static tl_json *
remember_failure(tl_json *value)
{
	if (!value)
		out_of_memory = true;
	return value;
}

tl_json *
tl_json_new_object(void)
{
	return remember_failure(json_object());
}

tl_json *
tl_json_new_array(void)
{
	return remember_failure(json_array());
}

tl_json *
tl_json_new_str(tl_str text)
{
	if (tl_utf8_valid(text))
		return remember_failure(json_stringn_nocheck(text.ptr ? text.ptr : "", text.len));
	TL_CLEANUP(tl_buf_done) struct tl_buf clean;
	tl_buf_init(&clean, SIZE_MAX / 2);
	tl_buf_add_utf8(&clean, text);
	if (clean.failed != TL_OK)
		return remember_failure(NULL);
	return remember_failure(json_stringn_nocheck(clean.ptr, clean.len));
}

tl_json *
tl_json_new_int(int64_t number)
{
	return remember_failure(json_integer(number));
}

tl_json *
tl_json_new_bool(bool value)
{
	return json_boolean(value);
}

tl_json *
tl_json_new_null(void)
{
	return json_null();
}

tl_json *
tl_json_copy(const tl_json *value)
{
	return value ? remember_failure(json_deep_copy(value)) : tl_json_new_null();
}

void
tl_json_set(tl_json *object, const char *key, tl_json *moved)
{
	if (json_object_set_new_nocheck(object, key, moved) != 0)
		out_of_memory = true;
}

void
tl_json_set_str(tl_json *object, const char *key, tl_str text)
{
	tl_json_set(object, key, tl_json_new_str(text));
}

void
tl_json_set_str_or_null(tl_json *object, const char *key, tl_str text)
{
	tl_json_set(object, key, text.ptr ? tl_json_new_str(text) : tl_json_new_null());
}

void
tl_json_set_int(tl_json *object, const char *key, int64_t number)
{
	tl_json_set(object, key, tl_json_new_int(number));
}

void
tl_json_set_bool(tl_json *object, const char *key, bool value)
{
	tl_json_set(object, key, tl_json_new_bool(value));
}

void
tl_json_set_null(tl_json *object, const char *key)
{
	tl_json_set(object, key, tl_json_new_null());
}

void
tl_json_add(tl_json *array, tl_json *moved)
{
	if (json_array_append_new(array, moved) != 0)
		out_of_memory = true;
}

static int
collect(const char *bytes, size_t len, void *context)
{
	struct tl_buf *out = context;
	tl_buf_add(out, bytes, len);
	return out->failed == TL_OK ? 0 : -1;
}

static enum tl_status
write_with(const tl_json *value, size_t flags, struct tl_buf *out, struct tl_err *err)
{
	bool failed = out_of_memory || !value;
	out_of_memory = false;
	if (failed)
		return tl_err_no_memory(err);
	int result = json_dump_callback(value, collect, out, flags | JSON_ENCODE_ANY);
	out_of_memory = false;
	TL_TRY(tl_buf_status(out, "JSON", err));
	return result == 0 ? TL_OK : tl_err_no_memory(err);
}

enum tl_status
tl_json_write(const tl_json *value, struct tl_buf *out, struct tl_err *err)
{
	return write_with(value, JSON_COMPACT, out, err);
}

enum tl_status
tl_json_write_pretty(const tl_json *value, struct tl_buf *out, struct tl_err *err)
{
	return write_with(value, JSON_INDENT(2), out, err);
}
