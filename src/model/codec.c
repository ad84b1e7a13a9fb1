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

/* The unpacker reserves memory for as many items as a header claims before it has seen one. So every header is first held against the bytes that are there. */
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

/* *lacking: the size, when the arena has no room for it. Lack of memory is not the event's fault. */
static void *
take_array(struct tl_arena *arena, size_t count, size_t size, size_t *lacking)
{
	void *items = tl_arena_array(arena, count, size);
	if (!items)
		*lacking = count * size;
	return items;
}

static bool
take_strs(const msgpack_object *object, struct tl_arena *arena, size_t *lacking, struct tl_str_list *ret)
{
	if (object->type != MSGPACK_OBJECT_ARRAY)
		return false;
	const msgpack_object_array *array = &object->via.array;
	struct tl_str_list list = { take_array(arena, array->size, sizeof(tl_str), lacking), array->size };
	for (size_t i = 0; i < list.count; i++)
		if (!list.items || !take_text(&array->ptr[i], &list.items[i]))
			return false;
	*ret = list;
	return true;
}

static bool
take_pairs(const msgpack_object *object, struct tl_arena *arena, size_t *lacking, struct tl_pair_list *ret)
{
	if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size % 2)
		return false;
	const msgpack_object_array *array = &object->via.array;
	struct tl_pair_list list = { take_array(arena, array->size / 2, sizeof(struct tl_pair), lacking), array->size / 2 };
	for (size_t i = 0; i < list.count; i++)
		if (!list.items || !take_text(&array->ptr[2 * i], &list.items[i].name) ||
			!take_text(&array->ptr[2 * i + 1], &list.items[i].value))
			return false;
	*ret = list;
	return true;
}

static bool
take_cuts(const msgpack_object *object, struct tl_arena *arena, size_t *lacking, struct tl_cut_list *ret)
{
	if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size % 2)
		return false;
	const msgpack_object_array *array = &object->via.array;
	struct tl_cut_list list = { take_array(arena, array->size / 2, sizeof(struct tl_cut), lacking), array->size / 2 };
	for (size_t i = 0; i < list.count; i++)
		if (!list.items || !take_u64(&array->ptr[2 * i], &list.items[i].at_ns) ||
			!take_u64(&array->ptr[2 * i + 1], &list.items[i].bytes))
			return false;
	*ret = list;
	return true;
}

static bool
take_value(const msgpack_object *object, enum tl_field_kind kind, struct tl_arena *arena, size_t *lacking, void *ret)
{
	switch (kind) {
	case TL_FIELD_STR:
	case TL_FIELD_BYTES:
		return take_text(object, ret);
	case TL_FIELD_U64:
		return take_u64(object, ret);
	case TL_FIELD_I64:
		return take_i64(object, ret);
	case TL_FIELD_BOOL:
		*(bool *)ret = object->via.boolean;
		return object->type == MSGPACK_OBJECT_BOOLEAN;
	case TL_FIELD_DIGEST:
		return take_digest(object, ret);
	case TL_FIELD_STRS:
		return take_strs(object, arena, lacking, ret);
	case TL_FIELD_PAIRS:
		return take_pairs(object, arena, lacking, ret);
	case TL_FIELD_CUTS:
		return take_cuts(object, arena, lacking, ret);
	}
	return false;
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
		size_t lacking = SIZE_MAX;
		bool taken = take_value(&map->ptr[i].val, field->kind, arena, &lacking, (char *)&event->body + field->offset);
		if (lacking != SIZE_MAX)
			return tl_arena_failed(arena, lacking, err);
		if (!taken)
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
