/* model/codec: event bodies to msgpack and back. The only file that includes msgpack.h. Knows fields, not what they mean. */
#include <tracellm/model.h>

#include <msgpack.h>
#include <string.h>

/* ---- Encoding ---- */

static int
write_to_buf(void *context, const char *bytes, size_t len)
{
	struct tl_buf *out = context;
	tl_buf_add(out, bytes, len);
	return out->failed == TL_OK ? 0 : -1;
}

static bool
digest_is_zero(const struct tl_digest *digest)
{
	return tl_digest_equal(*digest, (struct tl_digest){ { 0 } });
}

static bool
is_absent(const void *value, enum tl_field_kind kind)
{
	switch (kind) {
	case TL_FIELD_STR:
	case TL_FIELD_BYTES:
		return ((const tl_str *)value)->ptr == NULL;
	case TL_FIELD_I64:
		return *(const int64_t *)value == -1;
	case TL_FIELD_DIGEST:
		return digest_is_zero(value);
	case TL_FIELD_STRS:
		return ((const struct tl_str_list *)value)->count == 0;
	case TL_FIELD_PAIRS:
		return ((const struct tl_pair_list *)value)->count == 0;
	case TL_FIELD_CUTS:
		return ((const struct tl_cut_list *)value)->count == 0;
	default:
		return false;
	}
}

/* Text from outside need not be UTF-8, so that all of it goes as bin: a str would promise what nobody checked. */
static void
pack_text(msgpack_packer *packer, tl_str text)
{
	msgpack_pack_bin_with_body(packer, text.ptr ? text.ptr : "", text.len);
}

static void
pack_value(msgpack_packer *packer, const void *value, enum tl_field_kind kind)
{
	switch (kind) {
	case TL_FIELD_STR:
	case TL_FIELD_BYTES:
		pack_text(packer, *(const tl_str *)value);
		return;
	case TL_FIELD_U64:
		msgpack_pack_uint64(packer, *(const uint64_t *)value);
		return;
	case TL_FIELD_I64:
		msgpack_pack_int64(packer, *(const int64_t *)value);
		return;
	case TL_FIELD_BOOL:
		*(const bool *)value ? msgpack_pack_true(packer) : msgpack_pack_false(packer);
		return;
	case TL_FIELD_DIGEST:
		msgpack_pack_bin_with_body(packer, value, TL_DIGEST_SIZE);
		return;
	case TL_FIELD_STRS: {
		const struct tl_str_list *list = value;
		msgpack_pack_array(packer, list->count);
		for (size_t i = 0; i < list->count; i++)
			pack_text(packer, list->items[i]);
		return;
	}
	case TL_FIELD_PAIRS: {
		const struct tl_pair_list *list = value;
		msgpack_pack_array(packer, 2 * list->count);
		for (size_t i = 0; i < list->count; i++) {
			pack_text(packer, list->items[i].name);
			pack_text(packer, list->items[i].value);
		}
		return;
	}
	case TL_FIELD_CUTS: {
		const struct tl_cut_list *list = value;
		msgpack_pack_array(packer, 2 * list->count);
		for (size_t i = 0; i < list->count; i++) {
			msgpack_pack_uint64(packer, list->items[i].at_ns);
			msgpack_pack_uint64(packer, list->items[i].bytes);
		}
		return;
	}
	}
}

enum tl_status
tl_event_encode(const struct tl_event *event, struct tl_buf *out, struct tl_err *err)
{
	const struct tl_event_info *info = tl_event_info(event->type);
	TL_ASSERT(info);
	msgpack_packer packer;
	msgpack_packer_init(&packer, out, write_to_buf);
	size_t present = 0;
	for (size_t i = 0; i < info->field_count; i++)
		present += !is_absent((const char *)&event->body + info->fields[i].offset, info->fields[i].kind);
	msgpack_pack_map(&packer, present);
	for (size_t i = 0; i < info->field_count; i++) {
		const void *value = (const char *)&event->body + info->fields[i].offset;
		if (is_absent(value, info->fields[i].kind))
			continue;
		msgpack_pack_uint8(&packer, info->fields[i].key);
		pack_value(&packer, value, info->fields[i].kind);
	}
	return tl_buf_status(out, info->name, err);
}

/* ---- Decoding ---- */

/* The unpacker reserves memory for as many items as a header claims before it has seen one. So every header is first held against
 * the bytes that are there. */
static bool
item_size(tl_bytes rest, size_t *ret_header, uint64_t *ret_payload, uint64_t *ret_items)
{
	uint8_t lead = rest.ptr[0];
	unsigned width = 0; /* bytes of the length that follows */
	uint64_t unit = 0;  /* items for each counted element */
	*ret_payload = *ret_items = 0;
	if (lead <= 0x7f || lead >= 0xe0 || (lead >= 0xc0 && lead <= 0xc3)) {
		*ret_header = 1;
		return lead != 0xc1;
	}
	if (lead <= 0x9f || (lead >= 0xa0 && lead <= 0xbf)) {
		*ret_header = 1;
		*ret_items = lead <= 0x8f ? 2u * (lead & 15u) : lead <= 0x9f ? lead & 15u : 0u;
		*ret_payload = lead >= 0xa0 ? lead & 31u : 0u;
		return true;
	}
	if (lead >= 0xca && lead <= 0xd3) {
		static const uint8_t fixed[] = { 4, 8, 1, 2, 4, 8, 1, 2, 4, 8 };
		*ret_header = 1;
		*ret_payload = fixed[lead - 0xca];
		return true;
	}
	if (lead >= 0xc4 && lead <= 0xc6)
		width = 1u << (lead - 0xc4);
	else if (lead >= 0xd9 && lead <= 0xdb)
		width = 1u << (lead - 0xd9);
	else if (lead >= 0xdc)
		width = lead & 1u ? 4 : 2, unit = lead <= 0xdd ? 1 : 2;
	else
		return false; /* extension types: none is ours */
	if (rest.len < 1 + width)
		return false;
	uint64_t length = 0;
	for (unsigned i = 0; i < width; i++)
		length = length << 8 | rest.ptr[1 + i];
	*ret_header = 1 + width;
	*(unit ? ret_items : ret_payload) = unit ? length * unit : length;
	return true;
}

static bool
sizes_are_plausible(tl_bytes body)
{
	uint64_t pending = 1;
	tl_bytes rest = body;
	while (pending > 0) {
		size_t header;
		uint64_t payload, items;
		if (rest.len == 0 || !item_size(rest, &header, &payload, &items) || payload > rest.len - header)
			return false;
		size_t taken = header + (size_t)payload;
		rest = (tl_bytes){ rest.ptr + taken, rest.len - taken };
		pending += items - 1;
		if (pending > rest.len)
			return false;
	}
	return rest.len == 0;
}

static bool
take_text(const msgpack_object *object, tl_str *ret)
{
	if (object->type != MSGPACK_OBJECT_BIN)
		return false;
	*ret = (tl_str){ object->via.bin.size ? object->via.bin.ptr : "", object->via.bin.size };
	return true;
}

static bool
take_u64(const msgpack_object *object, uint64_t *ret)
{
	if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		return false;
	*ret = object->via.u64;
	return true;
}

static bool
take_i64(const msgpack_object *object, int64_t *ret)
{
	if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
		*ret = object->via.i64;
	else if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 <= INT64_MAX)
		*ret = (int64_t)object->via.u64;
	else
		return false;
	return true;
}

static bool
take_digest(const msgpack_object *object, struct tl_digest *ret)
{
	if (object->type != MSGPACK_OBJECT_BIN || object->via.bin.size != TL_DIGEST_SIZE)
		return false;
	memcpy(ret->bytes, object->via.bin.ptr, TL_DIGEST_SIZE);
	return true;
}

static bool
take_strs(const msgpack_object_array *array, tl_str *items)
{
	for (size_t i = 0; i < array->size; i++)
		if (!take_text(&array->ptr[i], &items[i]))
			return false;
	return true;
}

static bool
take_pairs(const msgpack_object_array *array, struct tl_pair *items)
{
	for (size_t i = 0; i < array->size / 2; i++)
		if (!take_text(&array->ptr[2 * i], &items[i].name) || !take_text(&array->ptr[2 * i + 1], &items[i].value))
			return false;
	return true;
}

static bool
take_cuts(const msgpack_object_array *array, struct tl_cut *items)
{
	for (size_t i = 0; i < array->size / 2; i++)
		if (!take_u64(&array->ptr[2 * i], &items[i].at_ns) || !take_u64(&array->ptr[2 * i + 1], &items[i].bytes))
			return false;
	return true;
}

/* `*ret_right` says whether it was a list of this kind; failing is running out of memory. */
static enum tl_status
take_list(const msgpack_object *object, enum tl_field_kind kind, struct tl_arena *arena, void *ret, bool *ret_right,
	struct tl_err *err)
{
	size_t width = kind == TL_FIELD_STRS ? 1 : 2; /* msgpack items for one of ours */
	size_t size = kind == TL_FIELD_STRS    ? sizeof(tl_str)
		      : kind == TL_FIELD_PAIRS ? sizeof(struct tl_pair)
					       : sizeof(struct tl_cut);
	*ret_right = false;
	if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size % width)
		return TL_OK;
	const msgpack_object_array *array = &object->via.array;
	size_t count = array->size / width;
	void *items = tl_arena_array(arena, count, size);
	if (!items)
		return tl_arena_failed(arena, count * size, err);
	if (kind == TL_FIELD_STRS) {
		*(struct tl_str_list *)ret = (struct tl_str_list){ items, count };
		*ret_right = take_strs(array, items);
	} else if (kind == TL_FIELD_PAIRS) {
		*(struct tl_pair_list *)ret = (struct tl_pair_list){ items, count };
		*ret_right = take_pairs(array, items);
	} else {
		*(struct tl_cut_list *)ret = (struct tl_cut_list){ items, count };
		*ret_right = take_cuts(array, items);
	}
	return TL_OK;
}

static bool
take_bool(const msgpack_object *object, bool *ret)
{
	if (object->type != MSGPACK_OBJECT_BOOLEAN)
		return false;
	*ret = object->via.boolean;
	return true;
}

static enum tl_status
take_value(const msgpack_object *object, enum tl_field_kind kind, struct tl_arena *arena, void *ret, bool *ret_right,
	struct tl_err *err)
{
	switch (kind) {
	case TL_FIELD_STR:
	case TL_FIELD_BYTES:
		*ret_right = take_text(object, ret);
		return TL_OK;
	case TL_FIELD_U64:
		*ret_right = take_u64(object, ret);
		return TL_OK;
	case TL_FIELD_I64:
		*ret_right = take_i64(object, ret);
		return TL_OK;
	case TL_FIELD_BOOL:
		*ret_right = take_bool(object, ret);
		return TL_OK;
	case TL_FIELD_DIGEST:
		*ret_right = take_digest(object, ret);
		return TL_OK;
	case TL_FIELD_STRS:
	case TL_FIELD_PAIRS:
	case TL_FIELD_CUTS:
		return take_list(object, kind, arena, ret, ret_right, err);
	}
	*ret_right = false;
	return TL_OK;
}

static const struct tl_field *
field_of_key(const struct tl_event_info *info, const msgpack_object *key)
{
	if (key->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		for (size_t i = 0; i < info->field_count; i++)
			if (info->fields[i].key == key->via.u64)
				return &info->fields[i];
	return NULL;
}

static enum tl_status
take_fields(const msgpack_object_map *map, const struct tl_event_info *info, struct tl_arena *arena, struct tl_event *event,
	struct tl_err *err)
{
	for (size_t i = 0; i < map->size; i++) {
		const struct tl_field *field = field_of_key(info, &map->ptr[i].key);
		if (!field)
			continue;
		bool right;
		TL_TRY(take_value(&map->ptr[i].val, field->kind, arena, (char *)&event->body + field->offset, &right, err));
		if (!right)
			return tl_err_set(err, TL_ERR_CORRUPT, "event %s: field %s cannot be read", info->name, field->name);
	}
	return TL_OK;
}

static void
zone_done(msgpack_zone **zone)
{
	msgpack_zone_free(*zone);
}

enum tl_status
tl_event_decode(tl_bytes body, struct tl_arena *arena, struct tl_event *event, struct tl_err *err)
{
	const struct tl_event_info *info = tl_event_info(event->type);
	if (!info) {
		memset(&event->body, 0, sizeof event->body);
		return TL_OK;
	}
	if (!sizes_are_plausible(body))
		return tl_err_set(err, TL_ERR_CORRUPT, "event %s: its body is not one whole msgpack value", info->name);
	TL_CLEANUP(zone_done) msgpack_zone *zone = msgpack_zone_new(2048);
	if (!zone)
		return tl_err_no_memory(err);
	msgpack_object root;
	size_t offset = 0;
	msgpack_unpack_return result = msgpack_unpack((const char *)body.ptr, body.len, &offset, zone, &root);
	if (result != MSGPACK_UNPACK_SUCCESS || root.type != MSGPACK_OBJECT_MAP)
		return tl_err_set(err, TL_ERR_CORRUPT, "event %s: its body is not a msgpack map", info->name);

	struct tl_event decoded = tl_event_make(event->type, event->trace_id, event->span_id, event->parent_span_id, event->at);
	decoded.seq = event->seq;
	decoded.version = event->version;
	TL_TRY(take_fields(&root.via.map, info, arena, &decoded, err));
	*event = decoded;
	return TL_OK;
}
