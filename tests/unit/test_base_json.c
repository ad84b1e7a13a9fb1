/* base/json tested: strict reading with positions, absent values, exact writing; with -Dfaults=true also what happens when memory
 * runs out. */
#include "unit.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <tracellm/base.h>

static tl_json *
parsed(const char *text)
{
	tl_json *value = NULL;
	struct tl_err err;
	if (tl_json_parse(tl_str_of(text), &value, &err) != TL_OK)
		fail_msg("%s: %s", text, err.message);
	return value;
}

static void
assert_written(const tl_json *value, const char *expected)
{
	struct tl_buf out;
	struct tl_err err;
	tl_buf_init(&out, 1 << 20);
	assert_int_equal(tl_json_write(value, &out, &err), TL_OK);
	assert_string_equal(out.ptr, expected);
	tl_buf_done(&out);
}

/* What is read is written again, byte for byte. */
static void
compact_json_goes_through_unchanged(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"null",
		"true",
		"false",
		"0",
		"9223372036854775807",
		"-9223372036854775808",
		"\"\"",
		"\"a\\u0000b\"",
		"\"\\\\ \\\" \\b\\f\\n\\r\\t\\u001F / \x7f \xc3\xa9 \xf0\x9f\x98\x80\"",
		"[]",
		"{}",
		"[[],{},[1,[2,[3]]]]",
		"{\"z\":1,\"a\":{\"y\":[true,null],\"b\":\"\"},\"\":0}",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		TL_CLEANUP(tl_json_cleanup) tl_json *value = parsed(texts[i]);
		assert_written(value, texts[i]);
	}
}

static void
what_is_not_json_is_refused_with_line_and_column(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} bad[] = {
		{ "", "line 1, column 0" },
		{ "{\n  \"a\": tru\n}", "line 2, column 10" },
		{ "[1,]", "line 1, column 4" },
		{ "{} {}", "line 1, column 4" },
		{ "{\"a\" 1}", "line 1, column 6" },
		{ "{a:1}", "line 1, column 2" },
		{ "'a'", "line 1, column 1" },
		{ "[1 2]", "line 1, column 4" },
		{ "01", "line 1, column 1" },
		{ "+1", "line 1" },
		{ ".5", "line 1" },
		{ "NaN", "line 1" },
		{ "[1", "line 1, column 2" },
		{ "\"a", "line 1" },
		{ "\"a\nb\"", "line 1" },
		{ "\"\\x\"", "line 1" },
		{ "\"\\ud800\"", "line 1" },
		{ "\"\\udc00\"", "line 1" },
		{ "\"\xff\"", "line 1" },
		{ "\"\xc0\x80\"", "line 1" },
		{ "\"\xed\xa0\x80\"", "line 1" },
		{ "\xef\xbb\xbf{}", "line 1" },
		{ "9223372036854775808", "line 1" },
		{ "-9223372036854775809", "line 1" },
		{ "1e400", "line 1" },
		{ "{\"a\\u0000b\":1}", "line 1" },
		{ "// no\n1", "line 1" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		tl_json *untouched = (tl_json *)(uintptr_t)&bad, *value = untouched;
		struct tl_err err;
		if (tl_json_parse(tl_str_of(bad[i].text), &value, &err) != TL_ERR_PARSE)
			fail_msg("%s was not refused", bad[i].text);
		if (!strstr(err.message, bad[i].said))
			fail_msg("%s: %s", bad[i].text, err.message);
		assert_null(strchr(err.message, '\n'));
		assert_ptr_equal(value, untouched);
	}
	tl_json *value = NULL;
	struct tl_err err;
	assert_int_equal(tl_json_parse((tl_str){ NULL, 0 }, &value, &err), TL_ERR_PARSE);
	assert_int_equal(tl_json_parse(TL_STR("1\0"), &value, &err), TL_ERR_PARSE);
	assert_int_equal(tl_json_parse(TL_STR("\n[\"\xc3\xa9\",1\0,2]"), &value, &err), TL_ERR_PARSE);
	assert_string_equal(err.message, "JSON, line 2, column 7: a NUL byte");
}

/* `depth` arrays, around `inside`. */
static enum tl_status
parse_nested(size_t depth, const char *inside, struct tl_err *err)
{
	struct tl_buf text;
	tl_buf_init(&text, 1 << 20);
	for (size_t i = 0; i < depth; i++)
		tl_buf_add_z(&text, i % 2 ? "{\"a\":" : "[");
	tl_buf_add_z(&text, inside);
	for (size_t i = depth; i-- > 0;)
		tl_buf_add_z(&text, i % 2 ? "}" : "]");
	tl_json *value = NULL;
	enum tl_status status = tl_json_parse(tl_buf_str(&text), &value, err);
	tl_json_free(value);
	tl_buf_done(&text);
	return status;
}

static void
nesting_up_to_the_limit_is_read_and_deeper_is_named_as_too_deep(void **state)
{
	(void)state;
	struct tl_err err;
	assert_int_equal(parse_nested(TL_JSON_DEPTH_MAX, "1", &err), TL_OK);
	assert_int_equal(parse_nested(TL_JSON_DEPTH_MAX - 1, "[]", &err), TL_OK);
	static const size_t deeper[] = { TL_JSON_DEPTH_MAX + 1, 2000, 2047, 2048, 2049, 100000 };
	for (size_t i = 0; i < sizeof deeper / sizeof deeper[0]; i++) {
		assert_int_equal(parse_nested(deeper[i], "1", &err), TL_ERR_LIMIT);
		assert_non_null(strstr(err.message, "deeper than 128 levels"));
	}
	assert_int_equal(parse_nested(TL_JSON_DEPTH_MAX, "{}", &err), TL_ERR_LIMIT);
}

static void
an_absent_value_answers_everything(void **state)
{
	(void)state;
	int64_t number = 42;
	double real = 42;
	void *iterator = NULL;
	tl_str key;
	const tl_json *value;
	TL_CLEANUP(tl_json_cleanup) tl_json *text = parsed("\"text\"");
	const tl_json *const absent[] = { NULL, text };
	for (size_t i = 0; i < 2; i++) {
		assert_null(tl_json_get(absent[i], "a"));
		assert_null(tl_json_path(absent[i], "a.b"));
		assert_null(tl_json_at(absent[i], 0));
		assert_int_equal(tl_json_len(absent[i]), 0);
		assert_false(tl_json_bool(absent[i]));
		assert_false(tl_json_int(absent[i], &number));
		assert_false(tl_json_real(absent[i], &real));
		assert_false(tl_json_each(absent[i], &iterator, &key, &value));
	}
	assert_int_equal(tl_json_kind_of(NULL), TL_JSON_NULL);
	assert_false(tl_json_is_str(NULL));
	assert_null(tl_json_str(NULL).ptr);
	assert_true(number == 42 && real == 42);
	tl_json_free(NULL);
}

static void
every_kind_is_told_apart(void **state)
{
	(void)state;
	TL_CLEANUP(tl_json_cleanup) tl_json *all = parsed("[null,true,false,1,1.0,\"s\",[],{}]");
	static const enum tl_json_kind kinds[] = { TL_JSON_NULL, TL_JSON_BOOL, TL_JSON_BOOL, TL_JSON_INT, TL_JSON_REAL,
		TL_JSON_STR, TL_JSON_ARRAY, TL_JSON_OBJECT };
	assert_int_equal(tl_json_len(all), 8);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(tl_json_kind_of(tl_json_at(all, i)), kinds[i]);
		assert_int_equal(tl_json_is_str(tl_json_at(all, i)), kinds[i] == TL_JSON_STR);
		assert_int_equal(tl_json_bool(tl_json_at(all, i)), i == 1);
	}
	assert_null(tl_json_at(all, 8));
}

static void
a_path_walks_down_and_ends_where_something_is_missing(void **state)
{
	(void)state;
	TL_CLEANUP(tl_json_cleanup) tl_json *root = parsed("{\"usage\":{\"details\":{\"cached\":7}},\"a.b\":1}");
	int64_t number = 0;
	assert_true(tl_json_int(tl_json_path(root, "usage.details.cached"), &number));
	assert_int_equal(number, 7);
	assert_ptr_equal(tl_json_path(root, "usage"), tl_json_get(root, "usage"));
	assert_null(tl_json_path(root, "usage.missing.cached"));
	assert_null(tl_json_path(root, "usage.details.cached.more"));
	assert_null(tl_json_path(root, "a.b"));
	assert_ptr_equal(tl_json_path(root, ""), root);
}

static void
integers_are_exact_and_reals_count_only_when_integral_within_2_to_the_53(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_int;
		int64_t value;
	} table[] = {
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "12.0", true, 12 },
		{ "-1e3", true, -1000 },
		{ "-0.0", true, 0 },
		{ "9007199254740992.0", true, 9007199254740992 },
		{ "-9007199254740992.0", true, -9007199254740992 },
		{ "9007199254740994.0", false, 0 },
		{ "1e300", false, 0 },
		{ "0.5", false, 0 },
		{ "\"1\"", false, 0 },
		{ "true", false, 0 },
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		TL_CLEANUP(tl_json_cleanup) tl_json *value = parsed(table[i].text);
		int64_t number = 42;
		assert_int_equal(tl_json_int(value, &number), table[i].is_int);
		assert_true(number == (table[i].is_int ? table[i].value : 42));
	}
	TL_CLEANUP(tl_json_cleanup) tl_json *reals = parsed("[3,-0.25]");
	double real = 0;
	assert_true(tl_json_real(tl_json_at(reals, 0), &real) && real == 3.0);
	assert_true(tl_json_real(tl_json_at(reals, 1), &real) && real == -0.25);
}

static void
each_member_is_visited_once_in_its_order(void **state)
{
	(void)state;
	TL_CLEANUP(tl_json_cleanup) tl_json *object = parsed("{\"zeta\":0,\"alpha\":1,\"\":2,\"m\":3}");
	static const char *const keys[] = { "zeta", "alpha", "", "m" };
	void *iterator = NULL;
	tl_str key;
	const tl_json *value;
	for (int64_t i = 0; i < 4; i++) {
		int64_t number = -1;
		assert_true(tl_json_each(object, &iterator, &key, &value));
		assert_true(tl_str_equal(key, tl_str_of(keys[i])));
		assert_true(tl_json_int(value, &number) && number == i);
	}
	assert_false(tl_json_each(object, &iterator, &key, &value));
	assert_null(iterator);
}

static void
members_are_written_in_the_order_they_were_set(void **state)
{
	(void)state;
	TL_CLEANUP(tl_json_cleanup) tl_json *root = tl_json_new_object();
	tl_json_set_str(root, "z", TL_STR("text\0with nul"));
	tl_json_set_int(root, "a", INT64_MIN);
	tl_json_set_bool(root, "m", true);
	tl_json_set_bool(root, "f", false);
	tl_json_set_null(root, "n");
	tl_json_set_str_or_null(root, "absent", (tl_str){ NULL, 0 });
	tl_json_set_str_or_null(root, "empty", TL_STR(""));
	tl_json_set_str(root, "none", (tl_str){ NULL, 0 });
	tl_json *list = tl_json_new_array();
	tl_json_add(list, tl_json_new_int(1));
	tl_json_add(list, tl_json_new_null());
	tl_json_set(root, "list", list);
	assert_written(root, "{\"z\":\"text\\u0000with nul\",\"a\":-9223372036854775808,\"m\":true,\"f\":false,\"n\":null,"
			     "\"absent\":null,\"empty\":\"\",\"none\":\"\",\"list\":[1,null]}");
}

static void
people_get_it_indented(void **state)
{
	(void)state;
	TL_CLEANUP(tl_json_cleanup) tl_json *value = parsed("{\"a\":[1,2],\"b\":{}}");
	struct tl_buf out;
	struct tl_err err;
	tl_buf_init(&out, 1000);
	assert_int_equal(tl_json_write_pretty(value, &out, &err), TL_OK);
	assert_string_equal(out.ptr, "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
	tl_buf_done(&out);
}

static void
broken_utf8_is_written_as_replacement_characters(void **state)
{
	(void)state;
	TL_CLEANUP(tl_json_cleanup) tl_json *value = tl_json_new_str(TL_STR("a\xff\xc3\xa9\xed\xa0\x80z"));
	assert_written(value, "\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
}

static void
a_copy_is_deep_and_an_absent_value_copies_as_null(void **state)
{
	(void)state;
	tl_json *value = parsed("{\"a\":[1,{\"b\":2}]}");
	TL_CLEANUP(tl_json_cleanup) tl_json *copy = tl_json_copy(value);
	tl_json_free(value);
	assert_written(copy, "{\"a\":[1,{\"b\":2}]}");
	TL_CLEANUP(tl_json_cleanup) tl_json *nothing = tl_json_copy(NULL);
	assert_written(nothing, "null");
}

static void
a_full_buffer_is_reported_and_writing_appends(void **state)
{
	(void)state;
	TL_CLEANUP(tl_json_cleanup) tl_json *value = parsed("[1,2,3]");
	struct tl_buf out;
	struct tl_err err;
	tl_buf_init(&out, 9);
	tl_buf_add_z(&out, "> ");
	assert_int_equal(tl_json_write(value, &out, &err), TL_OK);
	assert_string_equal(out.ptr, "> [1,2,3]");
	tl_buf_clear(&out);
	tl_buf_add_z(&out, "=> ");
	assert_int_equal(tl_json_write(value, &out, &err), TL_ERR_LIMIT);
	assert_non_null(strstr(err.message, "JSON is longer than its limit of 9 bytes"));
	tl_buf_done(&out);
}

static void *
write_elsewhere(void *value)
{
	struct tl_buf out;
	struct tl_err err;
	tl_buf_init(&out, 1000);
	enum tl_status status = tl_json_write(value, &out, &err);
	tl_buf_done(&out);
	return (void *)(uintptr_t)status;
}

static void
a_failed_construction_is_told_once_by_the_next_write_of_the_same_thread(void **state)
{
	(void)state;
	TL_CLEANUP(tl_json_cleanup) tl_json *value = parsed("[1]");
	struct tl_buf out;
	struct tl_err err;
	tl_buf_init(&out, 1000);
	tl_json_set(NULL, "a", tl_json_new_int(1));
	tl_json_add(NULL, tl_json_new_int(1));
	pthread_t thread;
	void *status;
	assert_int_equal(pthread_create(&thread, NULL, write_elsewhere, value), 0);
	assert_int_equal(pthread_join(thread, &status), 0);
	assert_int_equal((uintptr_t)status, TL_OK);
	assert_int_equal(tl_json_write(value, &out, &err), TL_ERR_NO_MEMORY);
	assert_int_equal(out.len, 0);
	assert_int_equal(tl_json_write(value, &out, &err), TL_OK);
	assert_int_equal(tl_json_write(NULL, &out, &err), TL_ERR_NO_MEMORY);
	tl_buf_done(&out);
}

/* Writes the text of a string as RFC 8259 has it, one byte after the other. */
static void
plain_string(struct tl_buf *out, const char *bytes, size_t len)
{
	tl_buf_add_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		const char *at = strchr("\b\f\n\r\t\"\\", bytes[i]);
		if (bytes[i] && at)
			tl_buf_printf(out, "\\%c", "bfnrt\"\\"[at - "\b\f\n\r\t\"\\"]);
		else if ((unsigned char)bytes[i] < 0x20)
			tl_buf_printf(out, "\\u%04X", (unsigned)bytes[i]);
		else
			tl_buf_add_char(out, bytes[i]);
	}
	tl_buf_add_char(out, '"');
}

/* A random value, built through the door and at the same time written by hand. */
static tl_json *
random_value(uint64_t *random, unsigned depth, struct tl_buf *text)
{
	char bytes[24], key[16];
	size_t len = unit_below(random, sizeof bytes), count = unit_below(random, 5);
	int64_t number = (int64_t)(unit_random(random) >> unit_below(random, 64));
	tl_json *value;
	switch (unit_below(random, depth < 6 ? 6 : 4)) {
	case 0:
		tl_buf_add_z(text, "null");
		return tl_json_new_null();
	case 1:
		tl_buf_add_z(text, number % 2 ? "true" : "false");
		return tl_json_new_bool(number % 2);
	case 2:
		tl_buf_printf(text, "%" PRId64, number);
		return tl_json_new_int(number);
	case 3:
		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)unit_below(random, 0x80);
		plain_string(text, bytes, len);
		return tl_json_new_str((tl_str){ bytes, len });
	case 4:
		value = tl_json_new_array();
		tl_buf_add_char(text, '[');
		for (size_t i = 0; i < count; i++) {
			tl_buf_add_z(text, i ? "," : "");
			tl_json_add(value, random_value(random, depth + 1, text));
		}
		tl_buf_add_char(text, ']');
		return value;
	default:
		value = tl_json_new_object();
		tl_buf_add_char(text, '{');
		for (size_t i = 0; i < count; i++) {
			(void)snprintf(key, sizeof key, "%c%zu", (int)('z' - unit_below(random, 26)), i);
			tl_buf_printf(text, "%s\"%s\":", i ? "," : "", key);
			tl_json_set(value, key, random_value(random, depth + 1, text));
		}
		tl_buf_add_char(text, '}');
		return value;
	}
}

static void
random_trees_are_written_as_by_hand_and_read_back_the_same(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(3000); i++) {
		struct tl_buf text;
		tl_buf_init(&text, 1 << 20);
		TL_CLEANUP(tl_json_cleanup) tl_json *built = random_value(&random, 0, &text);
		assert_written(built, text.ptr);
		TL_CLEANUP(tl_json_cleanup) tl_json *read = parsed(text.ptr);
		assert_written(read, text.ptr);
		TL_CLEANUP(tl_json_cleanup) tl_json *copy = tl_json_copy(read);
		assert_written(copy, text.ptr);
		tl_buf_done(&text);
	}
}

#ifdef TL_FAULTS
static tl_json *
build_sample(void)
{
	tl_json *root = tl_json_new_object();
	tl_json_set_str(root, "text", TL_STR("a\xff"));
	tl_json_set_int(root, "number", 7);
	for (unsigned i = 0; i < 10; i++) {
		char key[8];
		(void)snprintf(key, sizeof key, "k%u", i);
		tl_json *list = tl_json_new_array();
		for (unsigned j = 0; j < 10; j++)
			tl_json_add(list, tl_json_new_int(j));
		tl_json_set(root, key, list);
	}
	tl_json *copy = tl_json_copy(root);
	tl_json_free(root);
	return copy;
}

static void
memory_running_out_anywhere_while_building_is_told_by_the_write(void **state)
{
	(void)state;
	for (uint64_t nth = 1;; nth++) {
		struct tl_buf out;
		struct tl_err err;
		tl_buf_init(&out, 10000);
		tl_fault_arm(TL_FAULT_ALLOC, nth);
		tl_json *value = build_sample();
		enum tl_status status = tl_json_write(value, &out, &err);
		bool met = tl_fault_reached(TL_FAULT_ALLOC) >= nth;
		tl_fault_arm(TL_FAULT_ALLOC, 0);
		tl_json_free(value);
		assert_int_equal(status, met ? TL_ERR_NO_MEMORY : TL_OK);
		tl_buf_done(&out);
		if (met)
			continue;
		assert_true(nth > 100);
		return;
	}
}

static void
memory_running_out_anywhere_while_reading_is_not_called_a_syntax_error(void **state)
{
	(void)state;
	for (uint64_t nth = 1;; nth++) {
		tl_json *value = NULL;
		struct tl_err err;
		tl_fault_arm(TL_FAULT_ALLOC, nth);
		enum tl_status status = tl_json_parse(
			TL_STR("{\"a\":[1,2.5,\"text\",{\"b\":null}],\"long\":\"0123456789012345678901234567890123456789\"}"),
			&value, &err);
		bool met = tl_fault_reached(TL_FAULT_ALLOC) >= nth;
		tl_fault_arm(TL_FAULT_ALLOC, 0);
		assert_int_equal(status, met ? TL_ERR_NO_MEMORY : TL_OK);
		if (met)
			continue;
		assert_true(nth > 10);
		/* A failed reading is told by itself; the next writing has nothing to tell. */
		assert_written(
			value, "{\"a\":[1,2.5,\"text\",{\"b\":null}],\"long\":\"0123456789012345678901234567890123456789\"}");
		tl_json_free(value);
		return;
	}
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compact_json_goes_through_unchanged),
		cmocka_unit_test(what_is_not_json_is_refused_with_line_and_column),
		cmocka_unit_test(nesting_up_to_the_limit_is_read_and_deeper_is_named_as_too_deep),
		cmocka_unit_test(an_absent_value_answers_everything),
		cmocka_unit_test(every_kind_is_told_apart),
		cmocka_unit_test(a_path_walks_down_and_ends_where_something_is_missing),
		cmocka_unit_test(integers_are_exact_and_reals_count_only_when_integral_within_2_to_the_53),
		cmocka_unit_test(each_member_is_visited_once_in_its_order),
		cmocka_unit_test(members_are_written_in_the_order_they_were_set),
		cmocka_unit_test(people_get_it_indented),
		cmocka_unit_test(broken_utf8_is_written_as_replacement_characters),
		cmocka_unit_test(a_copy_is_deep_and_an_absent_value_copies_as_null),
		cmocka_unit_test(a_full_buffer_is_reported_and_writing_appends),
		cmocka_unit_test(a_failed_construction_is_told_once_by_the_next_write_of_the_same_thread),
		cmocka_unit_test(random_trees_are_written_as_by_hand_and_read_back_the_same),
#ifdef TL_FAULTS
		cmocka_unit_test(memory_running_out_anywhere_while_building_is_told_by_the_write),
		cmocka_unit_test(memory_running_out_anywhere_while_reading_is_not_called_a_syntax_error),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
