/* model/event_json: events as JSON for people and programs that read them. Knows fields, not what they mean. */
#include "fold.h"

#include <stdio.h>

static tl_json *
strs_json(const struct tl_str_list *list)
{
	tl_json *array = tl_json_new_array();
	for (size_t i = 0; i < list->count; i++)
		tl_json_add(array, tl_json_new_str(list->items[i]));
	return array;
}

tl_json *
event_pairs_json(const struct tl_pair_list *list)
{
	tl_json *array = tl_json_new_array();
	for (size_t i = 0; i < list->count; i++) {
		tl_json *pair = tl_json_new_object();
		tl_json_set_str(pair, "name", list->items[i].name);
		tl_json_set_str(pair, "value", list->items[i].value);
		tl_json_add(array, pair);
	}
	return array;
}

static tl_json *
cuts_json(const struct tl_cut_list *list)
{
	tl_json *array = tl_json_new_array();
	for (size_t i = 0; i < list->count; i++) {
		tl_json *cut = tl_json_new_object();
		tl_json_set_int(cut, "at_ns", (int64_t)list->items[i].at_ns);
		tl_json_set_int(cut, "bytes", (int64_t)list->items[i].bytes);
		tl_json_add(array, cut);
	}
	return array;
}

static tl_json *
digest_json(const struct tl_digest *digest)
{
	char text[TL_DIGEST_TEXT_SIZE];
	tl_digest_text(*digest, text);
	return tl_json_new_str(tl_str_of(text));
}

static tl_str
shown(tl_str bytes, size_t bytes_max)
{
	return bytes_max && bytes.len > bytes_max ? tl_str_slice(bytes, 0, bytes_max) : bytes;
}

/* NULL without having tried: the field is absent. */
static tl_json *
value_json(const void *value, enum tl_field_kind kind, size_t bytes_max)
{
	switch (kind) {
	case TL_FIELD_STR:
	case TL_FIELD_BYTES: {
		tl_str text = *(const tl_str *)value;
		return text.ptr ? tl_json_new_str(shown(text, kind == TL_FIELD_BYTES ? bytes_max : 0)) : NULL;
	}
	case TL_FIELD_U64: {
		uint64_t number = *(const uint64_t *)value;
		return tl_json_new_int(number > INT64_MAX ? INT64_MAX : (int64_t)number);
	}
	case TL_FIELD_I64: {
		int64_t number = *(const int64_t *)value;
		return number == -1 ? NULL : tl_json_new_int(number);
	}
	case TL_FIELD_BOOL:
		return tl_json_new_bool(*(const bool *)value);
	case TL_FIELD_DIGEST:
		return tl_digest_equal(*(const struct tl_digest *)value, (struct tl_digest){ { 0 } }) ? NULL : digest_json(value);
	case TL_FIELD_STRS:
		return ((const struct tl_str_list *)value)->count ? strs_json(value) : NULL;
	case TL_FIELD_PAIRS:
		return ((const struct tl_pair_list *)value)->count ? event_pairs_json(value) : NULL;
	case TL_FIELD_CUTS:
		return ((const struct tl_cut_list *)value)->count ? cuts_json(value) : NULL;
	}
	return NULL;
}

tl_json *
tl_event_field_json(const struct tl_event *event, const struct tl_field *field, size_t bytes_max)
{
	tl_json *value = value_json((const char *)&event->body + field->offset, field->kind, bytes_max);
	return value ? value : tl_json_new_null();
}

tl_json *
tl_event_body_json(const struct tl_event *event, size_t bytes_max)
{
	tl_json *object = tl_json_new_object();
	const struct tl_event_info *info = tl_event_info(event->type);
	for (size_t i = 0; info && i < info->field_count; i++) {
		const struct tl_field *field = &info->fields[i];
		const void *value = (const char *)&event->body + field->offset;
		tl_json *json = value_json(value, field->kind, bytes_max);
		if (!json)
			continue;
		tl_json_set(object, field->name, json);
		if (field->kind == TL_FIELD_BYTES && bytes_max && ((const tl_bytes *)value)->len > bytes_max) {
			char name[64];
			(void)snprintf(name, sizeof name, "%s_length", field->name);
			tl_json_set_int(object, name, (int64_t)((const tl_bytes *)value)->len);
		}
	}
	return object;
}
