/* wire/sse tested: the cases of the specification, every place where a stream can be split, limits. */
#include "unit.h"

#include <string.h>

#include <tracellm/wire.h>

#define LIMIT 4096u

/* Everything told, as "[type|data]" one behind the other. */
struct told {
	struct tl_buf text;
	uint64_t count, fail_at; /* fail_at: the call that fails, 0: none */
};

static enum tl_status
on_event(void *context, tl_str event, tl_str data, struct tl_err *err)
{
	struct told *told = context;
	tl_buf_add_char(&told->text, '[');
	tl_buf_add_str(&told->text, event);
	tl_buf_add_char(&told->text, '|');
	tl_buf_add_str(&told->text, data);
	tl_buf_add_char(&told->text, ']');
	if (++told->count == told->fail_at)
		return tl_err_set(err, TL_ERR_NO_MEMORY, "the receiver failed");
	return TL_OK;
}

static struct tl_sse *
sse_new(struct told *told, size_t limit)
{
	struct tl_err err;
	struct tl_sse *sse = NULL;
	*told = (struct told){ .count = 0 };
	tl_buf_init(&told->text, 1u << 20);
	assert_int_equal(tl_sse_open(limit, on_event, told, &sse, &err), TL_OK);
	return sse;
}

/* The bytes lie in memory of their own, so that the sanitizer sees a read beyond them. */
static enum tl_status
feed(struct tl_sse *sse, const char *bytes, size_t len, struct tl_err *err)
{
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	enum tl_status status = tl_sse_feed(sse, (tl_bytes){ copy, len }, err);
	free(copy);
	return status;
}

static void
feed_ok(struct tl_sse *sse, const char *bytes, size_t len)
{
	struct tl_err err;
	assert_int_equal(feed(sse, bytes, len, &err), TL_OK);
}

static void
end_ok(struct tl_sse *sse)
{
	struct tl_err err;
	assert_int_equal(tl_sse_end(sse, &err), TL_OK);
}

static void
assert_told(struct told *told, struct tl_sse *sse, const char *expected)
{
	assert_string_equal(told->text.ptr ? told->text.ptr : "", expected);
	tl_buf_done(&told->text);
	tl_sse_close(sse);
}

/* Whole, split in two at every place, split in three at every two places, and byte by byte. */
static void
assert_stream(const char *stream, const char *expected)
{
	size_t len = strlen(stream);
	struct told told;
	for (size_t first = 0; first <= len; first++) {
		for (size_t second = first; second <= len; second++) {
			struct tl_sse *sse = sse_new(&told, LIMIT);
			feed_ok(sse, stream, first);
			feed_ok(sse, stream + first, second - first);
			feed_ok(sse, stream + second, len - second);
			end_ok(sse);
			assert_told(&told, sse, expected);
		}
	}
	struct tl_sse *sse = sse_new(&told, LIMIT);
	for (size_t i = 0; i < len; i++)
		feed_ok(sse, stream + i, 1);
	end_ok(sse);
	assert_told(&told, sse, expected);
}

static void
the_examples_of_the_specification_are_read(void **state)
{
	(void)state;
	assert_stream("data: YHOO\ndata: +2\ndata: 10\n\n", "[message|YHOO\n+2\n10]");
	assert_stream(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
		"[message|first event][message|second event][message| third event]");
	assert_stream("data\n\ndata\ndata\n\n", "[message|][message|\n]");
	assert_stream("data:test\n\ndata: test\n\n", "[message|test][message|test]");
	assert_stream("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n", "[add|73857293][remove|2153]");
}

static void
lines_end_in_lf_crlf_or_cr(void **state)
{
	(void)state;
	assert_stream("data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", "[message|a\nb][message|c]");
	assert_stream("data: a\rdata: b\r\rdata: c\r\r", "[message|a\nb][message|c]");
	assert_stream("data: a\r\rdata: b\n\ndata: c\r\n\r\ndata: d\n\r\n", "[message|a][message|b][message|c][message|d]");
	assert_stream("data: a\n\rdata: b\n\n", "[message|a][message|b]");
}

static void
one_leading_byte_order_mark_is_dropped_and_no_second(void **state)
{
	(void)state;
	assert_stream("\xef\xbb\xbf"
		      "data: a\n\n",
		"[message|a]");
	assert_stream("\xef\xbb\xbf\xef\xbb\xbf"
		      "data: a\n\ndata: b\n\n",
		"[message|b]");
	assert_stream("data: a\n\n\xef\xbb\xbf"
		      "data: b\n\n",
		"[message|a]");
	assert_stream("\xef\xbb\xbf\ndata: a\n\n", "[message|a]");
}

static void
an_event_without_data_is_dropped_and_its_type_with_it(void **state)
{
	(void)state;
	assert_stream("event: ping\n\ndata: a\n\n", "[message|a]");
	assert_stream("\n\n\nevent: x\nevent: y\ndata: a\n\n", "[y|a]");
	assert_stream("event: x\nevent:\ndata: a\n\n", "[message|a]");
	assert_stream(": comment only\n\n", "");
	assert_stream("", "");
}

static void
unknown_fields_ids_and_times_are_passed_over(void **state)
{
	(void)state;
	assert_stream("id: 1\nretry: 10\nDATA: no\n data: no\ndatax: no\n{\"a\":1}\ndata: yes\n\n", "[message|yes]");
	assert_stream("data: a:b: c\n\n", "[message|a:b: c]");
}

static void
the_last_event_needs_no_blank_line_and_no_line_end(void **state)
{
	(void)state;
	assert_stream("data: a\n\ndata: b", "[message|a][message|b]");
	assert_stream("data: a\n\ndata: b\n", "[message|a][message|b]");
	assert_stream("data: a\n\nevent: x\ndata: b\r", "[message|a][x|b]");
	assert_stream("data: a\n\nevent: x", "[message|a]");
}

static void
bytes_are_passed_on_as_they_are(void **state)
{
	(void)state;
	assert_stream("data: \xf0\x9f\x98\x80 \xff\xfe\n\n", "[message|\xf0\x9f\x98\x80 \xff\xfe]");
	struct told told;
	struct tl_sse *sse = sse_new(&told, LIMIT);
	feed_ok(sse, "data: a\0b\n\n", 11);
	end_ok(sse);
	assert_int_equal(told.text.len, 13);
	assert_memory_equal(told.text.ptr, "[message|a\0b]", 13);
	tl_buf_done(&told.text);
	tl_sse_close(sse);
}

static void
after_its_end_a_parser_reads_another_stream(void **state)
{
	(void)state;
	struct told told;
	struct tl_sse *sse = sse_new(&told, LIMIT);
	feed_ok(sse, "event: x\ndata: a\r", 17);
	end_ok(sse);
	feed_ok(sse,
		"\n\xef\xbb\xbf"
		"data: b\n\n",
		13);
	feed_ok(sse, "data: c\n\n", 9);
	assert_told(&told, sse, "[x|a][message|c]");
}

/* `len` times 'x'. */
static char *
long_text(size_t len)
{
	char *text = malloc(len + 1);
	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	return text;
}

static void
an_event_over_its_limit_is_skipped_told_once_and_the_stream_goes_on(void **state)
{
	(void)state;
	struct told told;
	struct tl_err err;
	char *text = long_text(40);
	for (size_t piece = 1; piece < 12; piece++) {
		struct tl_buf stream;
		unsigned told_limit = 0;
		tl_buf_init(&stream, LIMIT);
		tl_buf_printf(
			&stream, "data: a\n\ndata: %s\n\ndata: b\n\ndata: %.20s\ndata: %.20s\n\ndata: c\n\n", text, text, text);
		struct tl_sse *sse = sse_new(&told, 30);
		for (size_t at = 0; at < stream.len; at += piece) {
			size_t len = stream.len - at < piece ? stream.len - at : piece;
			enum tl_status status = feed(sse, stream.ptr + at, len, &err);
			assert_true(status == TL_OK || status == TL_ERR_LIMIT);
			told_limit += status == TL_ERR_LIMIT;
		}
		end_ok(sse);
		assert_int_equal(told_limit, 2);
		assert_non_null(strstr(err.message, "30 bytes"));
		assert_told(&told, sse, "[message|a][message|b][message|c]");
		tl_buf_done(&stream);
	}
	free(text);
}

static void
a_line_of_exactly_the_limit_passes_and_one_byte_more_does_not(void **state)
{
	(void)state;
	struct told told;
	struct tl_err err;
	static const char fits[] = "data: 1234\n\n", over[] = "data: 12345\n\n";
	for (size_t split = 0; split <= 10; split++) {
		struct tl_sse *sse = sse_new(&told, 10);
		feed_ok(sse, fits, split);
		feed_ok(sse, fits + split, 12 - split);
		assert_told(&told, sse, "[message|1234]");
		sse = sse_new(&told, 10);
		feed_ok(sse, over, split);
		assert_int_equal(feed(sse, over + split, 13 - split, &err), TL_ERR_LIMIT);
		assert_told(&told, sse, "");
	}
}

static void
a_failure_of_the_receiver_is_passed_up(void **state)
{
	(void)state;
	struct told told;
	struct tl_err err;
	struct tl_sse *sse = sse_new(&told, LIMIT);
	told.fail_at = 2;
	assert_int_equal(feed(sse, "data: a\n\ndata: b\n\ndata: c\n\n", 27, &err), TL_ERR_NO_MEMORY);
	assert_string_equal(err.message, "the receiver failed");
	feed_ok(sse, "data: d\n\n", 9);
	assert_told(&told, sse, "[message|a][message|b][message|d]");
}

/* Oracle: the same stream in one piece. The alphabet makes all kinds of lines and ends likely. */
static void
random_streams_are_read_the_same_in_any_pieces(void **state)
{
	(void)state;
	static const char *const words[] = { "data", "event", ":", ": ", " ", "\n", "\r", "\r\n", "\n\n", "x", "\xef\xbb\xbf",
		"id", "\xff" };
	uint64_t random = unit_seed();
	for (unsigned round = 0; round < unit_rounds(5000); round++) {
		struct tl_buf stream;
		struct told whole, split;
		tl_buf_init(&stream, LIMIT);
		for (size_t i = unit_below(&random, 40); i > 0; i--)
			tl_buf_add_z(&stream, words[unit_below(&random, sizeof words / sizeof *words)]);
		struct tl_sse *one = sse_new(&whole, LIMIT), *other = sse_new(&split, LIMIT);
		feed_ok(one, stream.ptr ? stream.ptr : "", stream.len);
		for (size_t at = 0, len; at < stream.len; at += len) {
			len = 1 + unit_below(&random, 6);
			len = len > stream.len - at ? stream.len - at : len;
			feed_ok(other, stream.ptr + at, len);
		}
		end_ok(one);
		end_ok(other);
		assert_told(&split, other, whole.text.ptr ? whole.text.ptr : "");
		tl_buf_done(&whole.text);
		tl_sse_close(one);
		tl_buf_done(&stream);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_specification_are_read),
		cmocka_unit_test(lines_end_in_lf_crlf_or_cr),
		cmocka_unit_test(one_leading_byte_order_mark_is_dropped_and_no_second),
		cmocka_unit_test(an_event_without_data_is_dropped_and_its_type_with_it),
		cmocka_unit_test(unknown_fields_ids_and_times_are_passed_over),
		cmocka_unit_test(the_last_event_needs_no_blank_line_and_no_line_end),
		cmocka_unit_test(bytes_are_passed_on_as_they_are),
		cmocka_unit_test(after_its_end_a_parser_reads_another_stream),
		cmocka_unit_test(an_event_over_its_limit_is_skipped_told_once_and_the_stream_goes_on),
		cmocka_unit_test(a_line_of_exactly_the_limit_passes_and_one_byte_more_does_not),
		cmocka_unit_test(a_failure_of_the_receiver_is_passed_up),
		cmocka_unit_test(random_streams_are_read_the_same_in_any_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
