/* The event table, copies, differences, JSON. */
#include "event_fixture.h"

#define EVENT_TYPES 14u

/* ---- The table ---- */

static void
numbers_ascend_and_names_are_unique(void **state)
{
	(void)state;
	size_t count = 0;
	for (const struct tl_event_info *info; (info = tl_event_info_at(count)); count++) {
		const struct tl_event_info *next = tl_event_info_at(count + 1);
		assert_ptr_equal(tl_event_info(info->type), info);
		assert_string_equal(tl_event_name(info->type), info->name);
		assert_true(strlen(info->description) > 10);
		if (next)
			assert_true(next->type > info->type);
		for (size_t i = 0; i < count; i++)
			assert_string_not_equal(tl_event_info_at(i)->name, info->name);
	}
	assert_int_equal(count, EVENT_TYPES);
}

static void
keys_ascend_and_field_names_are_unique(void **state)
{
	(void)state;
	for (size_t i = 0; tl_event_info_at(i); i++) {
		const struct tl_event_info *info = tl_event_info_at(i);
		assert_true(info->field_count > 0);
		for (size_t j = 0; j < info->field_count; j++) {
			const struct tl_field *field = &info->fields[j];
			assert_true(field->key >= 1 && field->key < 128);
			assert_true(j == 0 || field->key > info->fields[j - 1].key);
			assert_true(strlen(field->description) > 1);
			for (size_t k = 0; k < j; k++) {
				assert_string_not_equal(info->fields[k].name, field->name);
				assert_true(info->fields[k].offset < field->offset);
			}
		}
	}
}

static void
each_stage_of_the_walk_through_has_one_event(void **state)
{
	(void)state;
	static const char *const names[] = { NULL, "request.created", "trace.created", "metrics.captured", "trace.stored",
		"trace.emitted", "dashboard.updated", "replay.available" };
	unsigned found[8] = { 0 };
	for (size_t i = 0; tl_event_info_at(i); i++) {
		const struct tl_event_info *info = tl_event_info_at(i);
		assert_true(info->stage <= 7);
		if (info->stage == 0)
			continue;
		assert_string_equal(info->name, names[info->stage]);
		assert_int_equal(tl_event_is_pipeline(info->type), info->stage >= 4);
		found[info->stage]++;
	}
	for (unsigned stage = 1; stage <= 7; stage++)
		assert_int_equal(found[stage], 1);
}

static void
unknown_types_are_pipeline_events_without_a_name(void **state)
{
	(void)state;
	static const uint16_t types[] = { 0, 15, 255, 65535 };
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		assert_null(tl_event_info(types[i]));
		assert_string_equal(tl_event_name(types[i]), "unknown");
		assert_true(tl_event_is_pipeline(types[i]));
	}
}

/* ---- What can be done to any event ---- */

static void
a_copy_is_equal_and_owns_everything(void **state)
{
	(void)state;
	struct tl_err err;
	uint64_t random = unit_seed();
	for (unsigned round = 0; round < unit_rounds(30); round++) {
		for (size_t i = 0; tl_event_info_at(i); i++) {
			struct tl_arena first, second, third;
			tl_arena_init(&first, 8 << 20);
			tl_arena_init(&second, 8 << 20);
			tl_arena_init(&third, 8 << 20);
			struct tl_event event = event_random(tl_event_info_at(i), &random, &first), copy, again;
			event.seq = 42;
			assert_ok(tl_event_copy(&event, &second, &copy, &err));
			assert_null(tl_event_first_difference(&event, &copy));
			tl_arena_done(&first);
			/* Under the address sanitizer this reads freed memory when the copy did not own something. */
			assert_ok(tl_event_copy(&copy, &third, &again, &err));
			assert_null(tl_event_first_difference(&copy, &again));
			assert_int_equal(again.seq, 42);
			assert_memory_equal(&again.at, &copy.at, sizeof copy.at);
			tl_arena_done(&second);
			tl_arena_done(&third);
		}
	}
}

static void
a_copy_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_arena arena;
	tl_arena_init(&arena, 64);
	char text[100] = { 0 };
	struct tl_event event = event_blank(tl_event_info(TL_EVENT_trace_finished)), copy = { .seq = 7 };
	event.body.trace_finished.reason = (tl_str){ text, sizeof text };
	assert_int_not_equal(tl_event_copy(&event, &arena, &copy, &err), TL_OK);
	assert_int_equal(copy.seq, 7);
	tl_arena_done(&arena);
}

/* Makes `value` another one of its kind. */
static void
change(void *value, enum tl_field_kind kind, struct tl_arena *arena)
{
	static tl_str strs[] = { { "new", 3 } };
	static struct tl_pair pairs[] = { { { "new", 3 }, { "one", 3 } } };
	static struct tl_cut cuts[] = { { 3, 4 } };
	switch (kind) {
	case TL_FIELD_STR:
	case TL_FIELD_BYTES: {
		tl_str *text = value;
		char *longer = tl_arena_alloc(arena, text->len + 1);
		if (text->len)
			memcpy(longer, text->ptr, text->len);
		longer[text->len] = 'x';
		*text = (tl_str){ longer, text->len + 1 };
		return;
	}
	case TL_FIELD_U64:
	case TL_FIELD_I64:
		++*(uint64_t *)value;
		return;
	case TL_FIELD_BOOL:
		*(bool *)value = !*(bool *)value;
		return;
	case TL_FIELD_DIGEST:
		((struct tl_digest *)value)->bytes[31] ^= 1;
		return;
	case TL_FIELD_STRS:
		*(struct tl_str_list *)value = (struct tl_str_list){ strs, 1 };
		return;
	case TL_FIELD_PAIRS:
		*(struct tl_pair_list *)value = (struct tl_pair_list){ pairs, 1 };
		return;
	case TL_FIELD_CUTS:
		*(struct tl_cut_list *)value = (struct tl_cut_list){ cuts, 1 };
		return;
	}
}

static void
every_changed_field_is_the_first_difference(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (size_t i = 0; tl_event_info_at(i); i++) {
		const struct tl_event_info *info = tl_event_info_at(i);
		struct tl_arena arena;
		tl_arena_init(&arena, 8 << 20);
		struct tl_event event = event_random(info, &random, &arena);
		for (size_t j = 0; j < info->field_count; j++) {
			struct tl_event other = event;
			change(event_value(&other, &info->fields[j]), info->fields[j].kind, &arena);
			assert_ptr_equal(tl_event_first_difference(&event, &other), &info->fields[j]);
			/* A later one as well: the earlier is told. */
			size_t last = info->field_count - 1;
			if (j < last)
				change(event_value(&other, &info->fields[last]), info->fields[last].kind, &arena);
			assert_ptr_equal(tl_event_first_difference(&event, &other), &info->fields[j]);
		}
		tl_arena_done(&arena);
	}
}

static void
absent_text_differs_from_empty_text(void **state)
{
	(void)state;
	struct tl_event a = event_blank(tl_event_info(TL_EVENT_trace_finished)), b = a;
	b.body.trace_finished.reason = TL_STR("");
	const struct tl_field *field = tl_event_first_difference(&a, &b);
	assert_non_null(field);
	assert_string_equal(field->name, "reason");
}

static void
a_dead_writers_end_is_the_same_whoever_writes_it(void **state)
{
	(void)state;
	struct tl_trace_id trace = { { 9 } };
	struct tl_span_id root = { { 8 } };
	struct tl_stamp at = { 5, 6 };
	struct tl_event a = tl_event_writer_died(trace, root, at), b = tl_event_writer_died(trace, root, at);
	assert_null(tl_event_first_difference(&a, &b));
	assert_int_equal(a.type, TL_EVENT_trace_finished);
	assert_true(tl_str_equal(a.body.trace_finished.status, TL_STR("interrupted")));
	assert_true(tl_str_equal(a.body.trace_finished.error_class, TL_STR("writer_died")));
	assert_int_equal(a.body.trace_finished.signal, -1);
}

/* ---- JSON ---- */

static void
assert_body_json(const struct tl_event *event, size_t bytes_max, const char *expected)
{
	struct tl_err err;
	struct tl_buf out;
	tl_buf_init(&out, 1 << 20);
	tl_json *json = tl_event_body_json(event, bytes_max);
	assert_ok(tl_json_write(json, &out, &err));
	assert_string_equal(out.ptr, expected);
	tl_json_free(json);
	tl_buf_done(&out);
}

static void
a_body_shows_as_json_in_table_order_without_absent_fields(void **state)
{
	(void)state;
	struct tl_event event = event_blank(tl_event_info(TL_EVENT_response_chunk));
	struct tl_response_chunk *body = &event.body.response_chunk;
	struct tl_cut cuts[] = { { 10, 3 }, { 20, 4 } };
	body->number = 1;
	body->bytes = tl_bytes_of(TL_STR("abc\xff"
					 "def"));
	body->cuts = (struct tl_cut_list){ cuts, 2 };
	body->cause = TL_STR("end");
	assert_body_json(&event, 0,
		"{\"number\":1,\"index\":0,\"offset\":0,\"bytes\":\"abc\xef\xbf\xbd"
		"def\",\"cuts\":[{\"at_ns\":10,\"bytes\":3},{\"at_ns\":20,\"bytes\":4}],\"cause\":\"end\",\"held_bytes\":0}");
	assert_body_json(&event, 3,
		"{\"number\":1,\"index\":0,\"offset\":0,\"bytes\":\"abc\",\"bytes_length\":7,"
		"\"cuts\":[{\"at_ns\":10,\"bytes\":3},{\"at_ns\":20,\"bytes\":4}],\"cause\":\"end\",\"held_bytes\":0}");
}

static void
every_kind_of_field_shows_as_json(void **state)
{
	(void)state;
	struct tl_event event = event_blank(tl_event_info(TL_EVENT_trace_created));
	struct tl_trace_created *body = &event.body.trace_created;
	tl_str tags[] = { TL_STR("a"), TL_STR("") };
	body->provider = TL_STR("openai");
	body->prompt_bytes = UINT64_MAX;
	body->tags = (struct tl_str_list){ tags, 2 };
	body->seed.bytes[0] = 0xab;
	assert_body_json(&event, 0,
		"{\"provider\":\"openai\",\"prompt_chars\":0,\"prompt_bytes\":9223372036854775807,\"tags\":[\"a\",\"\"],"
		"\"seed\":\"ab00000000000000000000000000000000000000000000000000000000000000\",\"pipeline\":0}");
	event = event_blank(tl_event_info(TL_EVENT_attempt_failed));
	struct tl_pair headers[] = { { TL_STR("a"), TL_STR("b") } };
	event.body.attempt_failed.headers = (struct tl_pair_list){ headers, 1 };
	event.body.attempt_failed.retry_after_ms = 0;
	assert_body_json(&event, 0,
		"{\"number\":0,\"headers\":[{\"name\":\"a\",\"value\":\"b\"}],\"dns_ns\":0,\"connect_ns\":0,\"tls_ns\":0,"
		"\"first_byte_ns\":0,\"total_ns\":0,\"connection_reused\":false,\"response_bytes\":0,\"will_retry\":false,"
		"\"retry_after_ms\":0}");
}

static void
one_field_shows_as_json_and_an_absent_one_as_null(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_event event = event_blank(tl_event_info(TL_EVENT_trace_finished));
	const struct tl_field *fields = tl_event_info(TL_EVENT_trace_finished)->fields;
	event.body.trace_finished.status = TL_STR("failed");
	struct tl_buf out;
	tl_buf_init(&out, 1000);
	for (size_t i = 0; i < 2; i++) {
		tl_json *json = tl_event_field_json(&event, &fields[i], 0);
		assert_ok(tl_json_write(json, &out, &err));
		tl_json_free(json);
	}
	assert_string_equal(out.ptr, "\"failed\"null");
	tl_buf_done(&out);
}

#ifdef TL_FAULTS
static void
json_made_without_memory_is_told_not_shortened(void **state)
{
	(void)state;
	struct tl_err err;
	uint64_t random = unit_seed();
	for (size_t i = 0; tl_event_info_at(i); i++) {
		struct tl_arena arena;
		tl_arena_init(&arena, 8 << 20);
		struct tl_event event = event_random(tl_event_info_at(i), &random, &arena);
		struct tl_buf whole, out;
		tl_buf_init(&whole, 8 << 20);
		tl_json *json = tl_event_body_json(&event, 100);
		assert_ok(tl_json_write(json, &whole, &err));
		tl_json_free(json);
		enum tl_status status = TL_ERR_NO_MEMORY;
		for (uint64_t nth = 1; status != TL_OK; nth++) {
			tl_buf_init(&out, 8 << 20);
			tl_fault_arm(TL_FAULT_ALLOC, nth);
			json = tl_event_body_json(&event, 100);
			status = tl_json_write(json, &out, &err);
			bool reached = tl_fault_reached(TL_FAULT_ALLOC) >= nth;
			tl_fault_arm(TL_FAULT_ALLOC, 0);
			assert_int_equal(status, reached ? TL_ERR_NO_MEMORY : TL_OK);
			if (status == TL_OK)
				assert_true(tl_str_equal(tl_buf_str(&out), tl_buf_str(&whole)));
			tl_json_free(json);
			tl_buf_done(&out);
		}
		tl_buf_done(&whole);
		tl_arena_done(&arena);
	}
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_ascend_and_names_are_unique),
		cmocka_unit_test(keys_ascend_and_field_names_are_unique),
		cmocka_unit_test(each_stage_of_the_walk_through_has_one_event),
		cmocka_unit_test(unknown_types_are_pipeline_events_without_a_name),
		cmocka_unit_test(a_copy_is_equal_and_owns_everything),
		cmocka_unit_test(a_copy_that_does_not_fit_is_refused),
		cmocka_unit_test(every_changed_field_is_the_first_difference),
		cmocka_unit_test(absent_text_differs_from_empty_text),
		cmocka_unit_test(a_dead_writers_end_is_the_same_whoever_writes_it),
		cmocka_unit_test(a_body_shows_as_json_in_table_order_without_absent_fields),
		cmocka_unit_test(every_kind_of_field_shows_as_json),
		cmocka_unit_test(one_field_shows_as_json_and_an_absent_one_as_null),
#ifdef TL_FAULTS
		cmocka_unit_test(json_made_without_memory_is_told_not_shortened),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
