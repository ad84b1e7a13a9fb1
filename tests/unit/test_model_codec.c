/* Event bodies: there and back, and everything that is no body. */
#include "event_fixture.h"

#define BODY_LIMIT (16u << 20)

static void
encode(const struct tl_event *event, struct tl_buf *out)
{
	struct tl_err err;
	tl_buf_init(out, BODY_LIMIT);
	assert_ok(tl_event_encode(event, out, &err));
}

/* Decodes from a copy of its own, so that reading beyond it is seen. */
static enum tl_status
decode(uint16_t type, const void *bytes, size_t len, struct tl_arena *arena, struct tl_event *event, struct tl_err *err)
{
	uint8_t *copy = tl_arena_alloc(arena, len);
	uint8_t *exact = malloc(len);
	assert_true(exact || !len);
	if (len) {
		memcpy(exact, bytes, len);
		memcpy(copy, bytes, len);
	}
	*event = (struct tl_event){ .type = type, .seq = 9 };
	enum tl_status status = tl_event_decode((tl_bytes){ exact, len }, arena, event, err);
	free(exact);
	if (status == TL_OK)
		status = tl_event_decode((tl_bytes){ copy, len }, arena, event, err);
	return status;
}

static void
assert_refused(uint16_t type, const void *bytes, size_t len)
{
	struct tl_err err = { .status = TL_OK };
	struct tl_arena arena;
	struct tl_event event;
	tl_arena_init(&arena, 64 << 20);
	assert_int_equal(decode(type, bytes, len, &arena, &event, &err), TL_ERR_CORRUPT);
	assert_non_null(strstr(err.message, tl_event_name(type)));
	assert_int_equal(event.seq, 9);
	tl_arena_done(&arena);
}

#define BYTES(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })

/* ---- There and back ---- */

static void
every_event_comes_back_as_it_was_and_encodes_to_the_same_bytes(void **state)
{
	(void)state;
	struct tl_err err;
	uint64_t random = unit_seed();
	for (unsigned round = 0; round < unit_rounds(200); round++) {
		for (size_t i = 0; tl_event_info_at(i); i++) {
			struct tl_arena arena;
			tl_arena_init(&arena, 64 << 20);
			struct tl_event event = event_random(tl_event_info_at(i), &random, &arena), back;
			struct tl_buf first, second, third;
			encode(&event, &first);
			encode(&event, &second);
			assert_true(tl_str_equal(tl_buf_str(&first), tl_buf_str(&second)));
			assert_ok(decode(event.type, first.ptr, first.len, &arena, &back, &err));
			const struct tl_field *field = tl_event_first_difference(&event, &back);
			if (field)
				fail_msg("%s: %s came back as another", tl_event_name(event.type), field->name);
			encode(&back, &third);
			assert_true(tl_str_equal(tl_buf_str(&first), tl_buf_str(&third)));
			tl_buf_done(&first);
			tl_buf_done(&second);
			tl_buf_done(&third);
			tl_arena_done(&arena);
		}
	}
}

static void
absent_fields_are_not_stored_and_come_back_absent(void **state)
{
	(void)state;
	struct tl_err err;
	for (size_t i = 0; tl_event_info_at(i); i++) {
		const struct tl_event_info *info = tl_event_info_at(i);
		struct tl_arena arena;
		struct tl_event event = event_blank(info), back;
		struct tl_buf out;
		tl_arena_init(&arena, 1 << 20);
		encode(&event, &out);
		size_t always = 0;
		for (size_t j = 0; j < info->field_count; j++)
			always += info->fields[j].kind == TL_FIELD_U64 || info->fields[j].kind == TL_FIELD_BOOL;
		/* A map of two bytes a field: key, and 0 or false. */
		assert_int_equal(out.len, 1 + 2 * always + (always > 15 ? 2 : 0));
		assert_ok(decode(event.type, out.ptr, out.len, &arena, &back, &err));
		assert_null(tl_event_first_difference(&event, &back));
		tl_buf_done(&out);
		tl_arena_done(&arena);
	}
}

static void
empty_text_is_not_absent(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_arena arena;
	struct tl_buf out;
	struct tl_event event = event_blank(tl_event_info(TL_EVENT_trace_finished)), back;
	tl_arena_init(&arena, 1 << 20);
	event.body.trace_finished.status = TL_STR("");
	encode(&event, &out);
	assert_ok(decode(event.type, out.ptr, out.len, &arena, &back, &err));
	assert_non_null(back.body.trace_finished.status.ptr);
	assert_int_equal(back.body.trace_finished.status.len, 0);
	assert_null(back.body.trace_finished.reason.ptr);
	tl_buf_done(&out);
	tl_arena_done(&arena);
}

/* The layout is what logs on disk hold: these bytes must stay readable for ever. */
static void
the_bytes_are_those_of_the_table(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_arena arena;
	struct tl_buf out;
	struct tl_event event = event_blank(tl_event_info(TL_EVENT_response_chunk)), back;
	struct tl_cut cuts[] = { { 300, 2 } };
	tl_arena_init(&arena, 1 << 20);
	struct tl_response_chunk *body = &event.body.response_chunk;
	body->number = 1;
	body->offset = 70000;
	body->bytes = tl_bytes_of(TL_STR("\0\xff"));
	body->cuts = (struct tl_cut_list){ cuts, 1 };
	body->cause = TL_STR("end");
	body->http_status = 200;
	static const uint8_t expected[] = { 0x88, 1, 1, 2, 0, 3, 0xce, 0, 1, 0x11, 0x70, 4, 0xc4, 2, 0, 0xff, 5, 0x92, 0xcd, 1,
		0x2c, 2, 6, 0xc4, 3, 'e', 'n', 'd', 7, 0, 8, 0xcc, 200 };
	encode(&event, &out);
	assert_int_equal(out.len, sizeof expected);
	assert_memory_equal(out.ptr, expected, sizeof expected);
	assert_ok(decode(event.type, expected, sizeof expected, &arena, &back, &err));
	assert_null(tl_event_first_difference(&event, &back));
	tl_buf_done(&out);
	tl_arena_done(&arena);
}

static void
a_full_buffer_is_told(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_buf out;
	struct tl_event event = event_blank(tl_event_info(TL_EVENT_trace_finished));
	event.body.trace_finished.reason = TL_STR("a reason of some length");
	tl_buf_init(&out, 10);
	assert_int_equal(tl_event_encode(&event, &out, &err), TL_ERR_LIMIT);
	tl_buf_done(&out);
}

/* ---- What somebody else wrote ---- */

static void
unknown_keys_are_passed_over(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_arena arena;
	struct tl_event event;
	tl_arena_init(&arena, 1 << 20);
	/* {1: "ok", 99: [nil, {1: 2}], "text": 1.5, 5: 7, -1: 1} */
	assert_ok(decode(TL_EVENT_trace_finished,
		BYTES(0x85, 1, 0xc4, 2, 'o', 'k', 99, 0x92, 0xc0, 0x81, 1, 2, 0xa4, 't', 'e', 'x', 't', 0xca, 0x3f, 0xc0, 0, 0, 5,
			7, 0xff, 1),
		&arena, &event, &err));
	assert_true(tl_str_equal(event.body.trace_finished.status, TL_STR("ok")));
	assert_int_equal(event.body.trace_finished.attempts, 7);
	assert_int_equal(event.body.trace_finished.signal, -1);
	tl_arena_done(&arena);
}

static void
unknown_types_have_an_empty_body(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_arena arena;
	struct tl_event event;
	tl_arena_init(&arena, 1 << 20);
	assert_ok(decode(4711, BYTES(0xc1, 0xff), &arena, &event, &err));
	static const struct tl_event blank;
	assert_memory_equal(&event.body, &blank.body, sizeof blank.body);
	tl_arena_done(&arena);
}

/* Bytes of a value that no field of `kind` may have. */
static tl_str
wrong_value(enum tl_field_kind kind)
{
	switch (kind) {
	case TL_FIELD_STR:
	case TL_FIELD_BYTES:
		return TL_STR("\x05");
	case TL_FIELD_U64:
		return TL_STR("\xff");
	case TL_FIELD_I64:
		return TL_STR("\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
	case TL_FIELD_BOOL:
		return TL_STR("\xc0");
	case TL_FIELD_DIGEST:
		return TL_STR("\xc4\x01z");
	case TL_FIELD_STRS:
		return TL_STR("\x91\x01");
	case TL_FIELD_PAIRS:
	case TL_FIELD_CUTS:
		return TL_STR("\x91\xc4\x01z");
	}
	return TL_STR("\xc1");
}

static void
a_known_key_of_the_wrong_kind_is_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; tl_event_info_at(i); i++) {
		const struct tl_event_info *info = tl_event_info_at(i);
		for (size_t j = 0; j < info->field_count; j++) {
			struct tl_err err;
			struct tl_arena arena;
			struct tl_event event;
			struct tl_buf body;
			tl_arena_init(&arena, 1 << 20);
			tl_buf_init(&body, 100);
			tl_buf_add_char(&body, (char)0x81);
			tl_buf_add_char(&body, (char)info->fields[j].key);
			tl_buf_add_str(&body, wrong_value(info->fields[j].kind));
			assert_int_equal(decode(info->type, body.ptr, body.len, &arena, &event, &err), TL_ERR_CORRUPT);
			assert_non_null(strstr(err.message, info->name));
			assert_non_null(strstr(err.message, info->fields[j].name));
			tl_buf_done(&body);
			tl_arena_done(&arena);
		}
	}
}

static void
text_as_str_floats_and_maps_as_values_are_refused(void **state)
{
	(void)state;
	assert_refused(TL_EVENT_trace_finished, BYTES(0x81, 1, 0xa2, 'o', 'k'));
	assert_refused(TL_EVENT_trace_finished, BYTES(0x81, 5, 0xca, 0, 0, 0, 0));
	assert_refused(TL_EVENT_trace_finished, BYTES(0x81, 5, 0x80));
	assert_refused(TL_EVENT_response_chunk, BYTES(0x81, 5, 0x92, 1, 0xc0));
	assert_refused(TL_EVENT_trace_created, BYTES(0x81, 9, 0x92, 0xc4, 0, 1));
	assert_refused(TL_EVENT_request_created, BYTES(0x81, 15, 0x92, 0xc4, 0, 1));
}

static void
what_is_not_one_map_is_refused(void **state)
{
	(void)state;
	assert_refused(TL_EVENT_trace_finished, "", 0);
	assert_refused(TL_EVENT_trace_finished, BYTES(0xc0));
	assert_refused(TL_EVENT_trace_finished, BYTES(0x90));
	assert_refused(TL_EVENT_trace_finished, BYTES(0x80, 0x80));
	assert_refused(TL_EVENT_trace_finished, BYTES(0xc1));
	assert_refused(TL_EVENT_trace_finished, BYTES(0xd4, 1, 1));
}

/* Each header claims more than is there, up to gigabytes: nothing may be reserved for it. */
static void
claimed_sizes_are_held_against_the_bytes_that_are_there(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
	} bodies[] = {
		{ "\xdf\xff\xff\xff\xff", 5 },
		{ "\xdf\x0f\xff\xff\xff\x01\x01", 7 },
		{ "\xde\xff\xff\x01\x01", 5 },
		{ "\x8f\x01\x01", 3 },
		{ "\x81\x05\xdd\xff\xff\xff\xff", 7 },
		{ "\x81\x05\xdd\x7f\xff\xff\xff\x01", 8 },
		{ "\x81\x05\xdc\xff\xff\x01", 6 },
		{ "\x81\x01\xc6\xff\xff\xff\xff", 7 },
		{ "\x81\x01\xc5\xff\xff", 5 },
		{ "\x81\x01\xc4\x02z", 5 },
		{ "\x81\x01\xdb\xff\xff\xff\xff", 7 },
		{ "\x81\x01\xc6\x00", 4 },
		{ "\x81\x01\xcf\x00", 4 },
	};
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		assert_refused(TL_EVENT_response_chunk, bodies[i].bytes, bodies[i].len);
}

static void
arrays_within_arrays_without_end_are_refused(void **state)
{
	(void)state;
	static const size_t depths[] = { 31, 32, 33, 1000, 1000000 };
	for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
		struct tl_buf body;
		tl_buf_init(&body, 2 << 20);
		tl_buf_add(&body, "\x81\x05", 2);
		for (size_t depth = 0; depth < depths[i]; depth++)
			tl_buf_add_char(&body, (char)0x91);
		tl_buf_add_char(&body, 1);
		assert_refused(TL_EVENT_response_chunk, body.ptr, body.len);
		tl_buf_done(&body);
	}
}

static void
every_cut_body_is_refused(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (size_t i = 0; tl_event_info_at(i); i++) {
		struct tl_arena arena;
		struct tl_buf out;
		tl_arena_init(&arena, 64 << 20);
		struct tl_event event = event_random(tl_event_info_at(i), &random, &arena);
		encode(&event, &out);
		for (size_t len = 0; len < out.len; len += 1 + out.len / 500)
			assert_refused(event.type, out.ptr, len);
		tl_buf_done(&out);
		tl_arena_done(&arena);
	}
}

static void
damaged_bodies_never_do_harm(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	unsigned refused = 0;
	for (unsigned round = 0; round < unit_rounds(3000); round++) {
		struct tl_err err;
		struct tl_arena arena;
		struct tl_buf out, again;
		tl_arena_init(&arena, 64 << 20);
		struct tl_event event = event_random(tl_event_info_at(unit_below(&random, 14)), &random, &arena), back;
		encode(&event, &out);
		for (size_t i = 1 + unit_below(&random, 4); i > 0; i--)
			out.ptr[unit_below(&random, unit_below(&random, 2) ? out.len : 1 + out.len / 20)] =
				(char)unit_random(&random);
		enum tl_status status = decode(event.type, out.ptr, out.len, &arena, &back, &err);
		if (status == TL_OK)
			encode(&back, &again), tl_buf_done(&again);
		else
			assert_int_equal(status, TL_ERR_CORRUPT);
		refused += status != TL_OK;
		tl_buf_done(&out);
		tl_arena_done(&arena);
	}
	assert_true(refused > 100);
}

/* ---- Memory ---- */

static void
lists_that_do_not_fit_the_arena_are_a_limit_not_damage(void **state)
{
	(void)state;
	static const enum tl_event_type types[] = { TL_EVENT_trace_created, TL_EVENT_request_created, TL_EVENT_response_chunk };
	for (size_t i = 0; i < 3; i++) {
		struct tl_err err;
		struct tl_arena arena, small;
		struct tl_buf out;
		tl_arena_init(&arena, 1 << 20);
		tl_arena_init(&small, 8);
		struct tl_event event = event_blank(tl_event_info((uint16_t)types[i])), back = { .type = event.type, .seq = 9 };
		void *list = types[i] == TL_EVENT_trace_created     ? (void *)&event.body.trace_created.tags
			     : types[i] == TL_EVENT_request_created ? (void *)&event.body.request_created.headers
								    : (void *)&event.body.response_chunk.cuts;
		static tl_str strs[3];
		static struct tl_pair pairs[3];
		static struct tl_cut cuts[3];
		void *items = types[i] == TL_EVENT_trace_created     ? (void *)strs
			      : types[i] == TL_EVENT_request_created ? (void *)pairs
								     : (void *)cuts;
		*(struct tl_str_list *)list = (struct tl_str_list){ items, 3 };
		encode(&event, &out);
		assert_int_equal(tl_event_decode(tl_bytes_of(tl_buf_str(&out)), &small, &back, &err), TL_ERR_LIMIT);
		assert_int_equal(back.seq, 9);
		tl_buf_done(&out);
		tl_arena_done(&arena);
		tl_arena_done(&small);
	}
}

#ifdef TL_FAULTS
static void
memory_that_ran_out_is_not_taken_for_damage(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (size_t i = 0; tl_event_info_at(i); i++) {
		struct tl_err err;
		struct tl_arena arena;
		struct tl_buf out;
		tl_arena_init(&arena, 64 << 20);
		struct tl_event event = event_random(tl_event_info_at(i), &random, &arena), back = { .type = event.type };
		encode(&event, &out);
		enum tl_status status = TL_ERR_NO_MEMORY;
		for (uint64_t nth = 1; status != TL_OK; nth++) {
			struct tl_arena lists;
			tl_arena_init(&lists, 64 << 20);
			tl_fault_arm(TL_FAULT_ALLOC, nth);
			status = tl_event_decode(tl_bytes_of(tl_buf_str(&out)), &lists, &back, &err);
			bool reached = tl_fault_reached(TL_FAULT_ALLOC) >= nth;
			tl_fault_arm(TL_FAULT_ALLOC, 0);
			assert_int_equal(status, reached ? TL_ERR_NO_MEMORY : TL_OK);
			tl_arena_done(&lists);
		}
		tl_buf_done(&out);
		tl_arena_done(&arena);
	}
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_comes_back_as_it_was_and_encodes_to_the_same_bytes),
		cmocka_unit_test(absent_fields_are_not_stored_and_come_back_absent),
		cmocka_unit_test(empty_text_is_not_absent),
		cmocka_unit_test(the_bytes_are_those_of_the_table),
		cmocka_unit_test(a_full_buffer_is_told),
		cmocka_unit_test(unknown_keys_are_passed_over),
		cmocka_unit_test(unknown_types_have_an_empty_body),
		cmocka_unit_test(a_known_key_of_the_wrong_kind_is_refused_by_name),
		cmocka_unit_test(text_as_str_floats_and_maps_as_values_are_refused),
		cmocka_unit_test(what_is_not_one_map_is_refused),
		cmocka_unit_test(claimed_sizes_are_held_against_the_bytes_that_are_there),
		cmocka_unit_test(arrays_within_arrays_without_end_are_refused),
		cmocka_unit_test(every_cut_body_is_refused),
		cmocka_unit_test(damaged_bodies_never_do_harm),
		cmocka_unit_test(lists_that_do_not_fit_the_arena_are_a_limit_not_damage),
#ifdef TL_FAULTS
		cmocka_unit_test(memory_that_ran_out_is_not_taken_for_damage),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
