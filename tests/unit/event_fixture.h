/* Random events of any type, made by walking the event table: a new field is tested without anybody remembering to.
 *
 *      struct tl_event event = event_random(tl_event_info_at(i), &random, &arena);
 *
 * Everything lives in the arena. */
#ifndef EVENT_FIXTURE_H
#define EVENT_FIXTURE_H

#include <string.h>

#include <tracellm/model.h>

#include "unit.h"

#define assert_ok(expression)                                                 \
	do {                                                                  \
		struct tl_err *assert_err = &err;                             \
		enum tl_status assert_status = (expression);                  \
		if (assert_status != TL_OK)                                   \
			fail_msg("%s: %s", #expression, assert_err->message); \
	} while (0)

/* Any bytes, NUL and broken UTF-8 among them; short, empty, or as long as needs each width of a msgpack length. */
static inline tl_str
event_random_text(uint64_t *random, struct tl_arena *arena)
{
	static const size_t bounds[] = { 1, 8, 8, 40, 300, 70000 };
	size_t len = unit_below(random, bounds[unit_below(random, 200) == 0 ? 5 : unit_below(random, 5)]);
	char *bytes = tl_arena_alloc(arena, len + 1);
	assert_non_null(bytes);
	bool plain = unit_below(random, 2);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(plain ? 'a' + (char)unit_below(random, 26) : (char)unit_random(random));
	return (tl_str){ bytes, len };
}

/* Small and large numbers, the edges of each width among them. */
static inline uint64_t
event_random_number(uint64_t *random)
{
	uint64_t number = unit_random(random) >> unit_below(random, 64);
	return unit_below(random, 4) ? number : (UINT64_C(1) << unit_below(random, 64)) - unit_below(random, 2);
}

static inline void
event_random_list(void *list, enum tl_field_kind kind, uint64_t *random, struct tl_arena *arena)
{
	size_t count = unit_below(random, unit_below(random, 50) ? 4 : 40);
	tl_str *strs = tl_arena_array(arena, count, sizeof *strs);
	struct tl_pair *pairs = tl_arena_array(arena, count, sizeof *pairs);
	struct tl_cut *cuts = tl_arena_array(arena, count, sizeof *cuts);
	for (size_t i = 0; i < count; i++) {
		strs[i] = event_random_text(random, arena);
		pairs[i] = (struct tl_pair){ event_random_text(random, arena), event_random_text(random, arena) };
		cuts[i] = (struct tl_cut){ event_random_number(random), event_random_number(random) };
	}
	if (kind == TL_FIELD_STRS)
		*(struct tl_str_list *)list = (struct tl_str_list){ strs, count };
	else if (kind == TL_FIELD_PAIRS)
		*(struct tl_pair_list *)list = (struct tl_pair_list){ pairs, count };
	else
		*(struct tl_cut_list *)list = (struct tl_cut_list){ cuts, count };
}

static inline void
event_random_field(void *value, enum tl_field_kind kind, uint64_t *random, struct tl_arena *arena)
{
	switch (kind) {
	case TL_FIELD_STR:
	case TL_FIELD_BYTES:
		*(tl_str *)value = event_random_text(random, arena);
		return;
	case TL_FIELD_U64:
		*(uint64_t *)value = event_random_number(random);
		return;
	case TL_FIELD_I64:
		*(int64_t *)value = (int64_t)event_random_number(random);
		return;
	case TL_FIELD_BOOL:
		*(bool *)value = unit_below(random, 2);
		return;
	case TL_FIELD_DIGEST:
		for (size_t i = 0; i < TL_DIGEST_SIZE; i++)
			((struct tl_digest *)value)->bytes[i] = (uint8_t)unit_random(random);
		return;
	default:
		event_random_list(value, kind, random, arena);
	}
}

static inline void *
event_value(struct tl_event *event, const struct tl_field *field)
{
	return (char *)&event->body + field->offset;
}

static inline struct tl_event
event_blank(const struct tl_event_info *info)
{
	struct tl_trace_id trace = { { 1, 2, 3 } };
	struct tl_span_id span = { { 4 } }, parent = { { 5 } };
	struct tl_stamp at = { 1795564800000000000, 77 };
	return tl_event_make((enum tl_event_type)info->type, trace, span, parent, at);
}

/* A quarter of the fields is left absent. */
static inline struct tl_event
event_random(const struct tl_event_info *info, uint64_t *random, struct tl_arena *arena)
{
	struct tl_event event = event_blank(info);
	for (size_t i = 0; i < info->field_count; i++)
		if (unit_below(random, 4))
			event_random_field(event_value(&event, &info->fields[i]), info->fields[i].kind, random, arena);
	return event;
}

#endif
