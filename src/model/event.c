/* model/event: the event table as data, and what can be done to any event by walking its fields. Knows no byte format. */
#include <tracellm/model.h>

#include <string.h>

#define F(body_key, body_kind, identifier, text)      \
	{ .key = (body_key),                          \
		.kind = TL_FIELD_##body_kind,         \
		.offset = offsetof(BODY, identifier), \
		.name = #identifier,                  \
		.description = (text) },

#define BODY struct tl_request_created
static const struct tl_field request_created_fields[] = { TL_FIELDS_request_created(F) };
#undef BODY
#define BODY struct tl_trace_created
static const struct tl_field trace_created_fields[] = { TL_FIELDS_trace_created(F) };
#undef BODY
#define BODY struct tl_attempt_started
static const struct tl_field attempt_started_fields[] = { TL_FIELDS_attempt_started(F) };
#undef BODY
#define BODY struct tl_attempt_failed
static const struct tl_field attempt_failed_fields[] = { TL_FIELDS_attempt_failed(F) };
#undef BODY
#define BODY struct tl_attempt_finished
static const struct tl_field attempt_finished_fields[] = { TL_FIELDS_attempt_finished(F) };
#undef BODY
#define BODY struct tl_response_chunk
static const struct tl_field response_chunk_fields[] = { TL_FIELDS_response_chunk(F) };
#undef BODY
#define BODY struct tl_metrics_captured
static const struct tl_field metrics_captured_fields[] = { TL_FIELDS_metrics_captured(F) };
#undef BODY
#define BODY struct tl_trace_finished
static const struct tl_field trace_finished_fields[] = { TL_FIELDS_trace_finished(F) };
#undef BODY
#define BODY struct tl_trace_stored
static const struct tl_field trace_stored_fields[] = { TL_FIELDS_trace_stored(F) };
#undef BODY
#define BODY struct tl_trace_emitted
static const struct tl_field trace_emitted_fields[] = { TL_FIELDS_trace_emitted(F) };
#undef BODY
#define BODY struct tl_dashboard_updated
static const struct tl_field dashboard_updated_fields[] = { TL_FIELDS_dashboard_updated(F) };
#undef BODY
#define BODY struct tl_replay_available
static const struct tl_field replay_available_fields[] = { TL_FIELDS_replay_available(F) };
#undef BODY
#define BODY struct tl_replay_started
static const struct tl_field replay_started_fields[] = { TL_FIELDS_replay_started(F) };
#undef BODY
#define BODY struct tl_replay_finished
static const struct tl_field replay_finished_fields[] = { TL_FIELDS_replay_finished(F) };
#undef BODY
#undef F

static const struct tl_event_info infos[] = {
#define X(number, identifier, event_name, event_role, event_stage, text) \
	{ .type = (number),                                              \
		.name = (event_name),                                    \
		.role = TL_EVENT_ROLE_##event_role,                      \
		.stage = (event_stage),                                  \
		.description = (text),                                   \
		.fields = identifier##_fields,                           \
		.field_count = sizeof identifier##_fields / sizeof identifier##_fields[0] },
	TL_EVENTS(X)
#undef X
};

#define INFO_COUNT (sizeof infos / sizeof infos[0])

const struct tl_event_info *
tl_event_info(uint16_t type)
{
	for (size_t i = 0; i < INFO_COUNT; i++)
		if (infos[i].type == type)
			return &infos[i];
	return NULL;
}

const struct tl_event_info *
tl_event_info_at(size_t index)
{
	return index < INFO_COUNT ? &infos[index] : NULL;
}

const char *
tl_event_name(uint16_t type)
{
	const struct tl_event_info *info = tl_event_info(type);
	return info ? info->name : "unknown";
}

const char *
tl_stage_name(unsigned stage)
{
	static const char *const names[] = {
#define X(number, name) [number] = name,
		TL_STAGES(X)
#undef X
	};
	TL_ASSERT(stage >= 1 && stage <= TL_STAGE_COUNT);
	return names[stage];
}

bool
tl_event_is_pipeline(uint16_t type)
{
	const struct tl_event_info *info = tl_event_info(type);
	return !info || info->role == TL_EVENT_ROLE_PIPELINE;
}

struct tl_event
tl_event_make(enum tl_event_type type, struct tl_trace_id trace_id, struct tl_span_id span_id, struct tl_span_id parent_span_id,
	struct tl_stamp at)
{
	struct tl_event event;
	memset(&event, 0, sizeof event);
	event.trace_id = trace_id;
	event.span_id = span_id;
	event.parent_span_id = parent_span_id;
	event.at = at;
	event.type = (uint16_t)type;
	event.version = TL_EVENT_VERSION;
	const struct tl_event_info *info = tl_event_info(event.type);
	TL_ASSERT(info);
	for (size_t i = 0; i < info->field_count; i++)
		if (info->fields[i].kind == TL_FIELD_I64)
			*(int64_t *)((char *)&event.body + info->fields[i].offset) = -1;
	return event;
}

struct tl_event
tl_event_writer_died(struct tl_trace_id trace_id, struct tl_span_id root_span_id, struct tl_stamp at)
{
	struct tl_event event = tl_event_make(TL_EVENT_trace_finished, trace_id, root_span_id, (struct tl_span_id){ { 0 } }, at);
	struct tl_trace_finished *finished = &event.body.trace_finished;
	finished->status = TL_STR("interrupted");
	finished->reason = TL_STR("the program that recorded this trace died");
	finished->error_class = TL_STR("writer_died");
	return event;
}

/* ---- Copy ---- */

static bool
copy_strs(struct tl_str_list *list, struct tl_arena *arena)
{
	tl_str *items = tl_arena_array(arena, list->count, sizeof *items);
	for (size_t i = 0; items && i < list->count; i++) {
		items[i] = tl_arena_str(arena, list->items[i]);
		if (!items[i].ptr)
			return false;
	}
	list->items = items;
	return items != NULL;
}

static bool
copy_pairs(struct tl_pair_list *list, struct tl_arena *arena)
{
	struct tl_pair *items = tl_arena_array(arena, list->count, sizeof *items);
	for (size_t i = 0; items && i < list->count; i++) {
		items[i].name = tl_arena_str(arena, list->items[i].name);
		items[i].value = tl_arena_str(arena, list->items[i].value);
		if (!items[i].name.ptr || !items[i].value.ptr)
			return false;
	}
	list->items = items;
	return items != NULL;
}

static bool
copy_cuts(struct tl_cut_list *list, struct tl_arena *arena)
{
	struct tl_cut *items = tl_arena_array(arena, list->count, sizeof *items);
	if (items && list->count)
		memcpy(items, list->items, list->count * sizeof *items);
	list->items = items;
	return items != NULL;
}

static bool
copy_field(void *field, enum tl_field_kind kind, struct tl_arena *arena)
{
	switch (kind) {
	case TL_FIELD_STR:
	case TL_FIELD_BYTES: {
		tl_str *text = field;
		if (!text->ptr)
			return true;
		*text = tl_arena_str(arena, *text);
		return text->ptr != NULL;
	}
	case TL_FIELD_STRS:
		return copy_strs(field, arena);
	case TL_FIELD_PAIRS:
		return copy_pairs(field, arena);
	case TL_FIELD_CUTS:
		return copy_cuts(field, arena);
	default:
		return true;
	}
}

enum tl_status
tl_event_copy(const struct tl_event *event, struct tl_arena *arena, struct tl_event *ret_copy, struct tl_err *err)
{
	struct tl_event copy = *event;
	const struct tl_event_info *info = tl_event_info(event->type);
	for (size_t i = 0; info && i < info->field_count; i++)
		if (!copy_field((char *)&copy.body + info->fields[i].offset, info->fields[i].kind, arena))
			return tl_arena_failed(arena, 0, err);
	*ret_copy = copy;
	return TL_OK;
}

/* ---- Compare ---- */

static bool
strs_equal(const struct tl_str_list *a, const struct tl_str_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!tl_str_equal(a->items[i], b->items[i]))
			return false;
	return true;
}

static bool
pairs_equal(const struct tl_pair_list *a, const struct tl_pair_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!tl_str_equal(a->items[i].name, b->items[i].name) || !tl_str_equal(a->items[i].value, b->items[i].value))
			return false;
	return true;
}

static bool
cuts_equal(const struct tl_cut_list *a, const struct tl_cut_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->items[i].at_ns != b->items[i].at_ns || a->items[i].bytes != b->items[i].bytes)
			return false;
	return true;
}

static bool
texts_equal(const tl_str *a, const tl_str *b)
{
	return (a->ptr == NULL) == (b->ptr == NULL) && tl_str_equal(*a, *b);
}

static bool
field_equal(const void *a, const void *b, enum tl_field_kind kind)
{
	switch (kind) {
	case TL_FIELD_STR:
	case TL_FIELD_BYTES:
		return texts_equal(a, b);
	case TL_FIELD_U64:
	case TL_FIELD_I64:
		return memcmp(a, b, sizeof(uint64_t)) == 0;
	case TL_FIELD_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case TL_FIELD_DIGEST:
		return memcmp(a, b, sizeof(struct tl_digest)) == 0;
	case TL_FIELD_STRS:
		return strs_equal(a, b);
	case TL_FIELD_PAIRS:
		return pairs_equal(a, b);
	case TL_FIELD_CUTS:
		return cuts_equal(a, b);
	}
	return false;
}

const struct tl_field *
tl_event_first_difference(const struct tl_event *a, const struct tl_event *b)
{
	TL_ASSERT(a->type == b->type);
	const struct tl_event_info *info = tl_event_info(a->type);
	for (size_t i = 0; info && i < info->field_count; i++) {
		const struct tl_field *field = &info->fields[i];
		if (!field_equal((const char *)&a->body + field->offset, (const char *)&b->body + field->offset, field->kind))
			return field;
	}
	return NULL;
}
