/* cli/waterfall: the spans of a document as text. Knows the document, no room. */
#include "waterfall.h"

#define BAR_WIDTH  40
#define NAME_WIDTH 26u
#define DEPTH_MAX  32u

struct walk {
	const tl_json *spans;
	const tl_json *other; /* spans of the replayed document; NULL: bars are drawn */
	int64_t total_ns;
};

static int64_t
number(const tl_json *object, const char *key)
{
	int64_t value = -1;
	(void)tl_json_int(tl_json_get(object, key), &value);
	return value;
}

static void
print_bar(int64_t start_ns, int64_t duration_ns, int64_t total_ns)
{
	int64_t end_ns = start_ns + (duration_ns < 0 ? total_ns - start_ns : duration_ns);
	int from = (int)((double)start_ns / (double)total_ns * BAR_WIDTH),
	    to = (int)((double)end_ns / (double)total_ns * BAR_WIDTH + 0.5);
	if (from >= BAR_WIDTH)
		from = BAR_WIDTH - 1;
	for (int i = 0; i < BAR_WIDTH; i++)
		(void)fputs(i >= from && (i < to || i == from) ? "█" : " ", stdout);
}

static void
duration(int64_t duration_ns, char out[TL_DURATION_TEXT_SIZE])
{
	if (duration_ns < 0)
		(void)snprintf(out, TL_DURATION_TEXT_SIZE, "running");
	else
		tl_duration_text((uint64_t)duration_ns, out);
}

/* The µ sign has two bytes and one column, so the width is counted in code points. */
static void
print_duration(int64_t duration_ns)
{
	char text[TL_DURATION_TEXT_SIZE];
	duration(duration_ns, text);
	for (size_t count = tl_utf8_count(tl_str_of(text)); count < 9; count++)
		(void)putchar(' ');
	(void)fputs(text, stdout);
}

static const tl_json *
same_span(const tl_json *spans, tl_str id)
{
	for (size_t i = 0; i < tl_json_len(spans); i++)
		if (tl_str_equal(tl_json_str(tl_json_get(tl_json_at(spans, i), "span_id")), id))
			return tl_json_at(spans, i);
	return NULL;
}

static void
print_span(const struct walk *walk, const tl_json *span, unsigned depth)
{
	tl_str name = tl_utf8_prefix(tl_json_str(tl_json_get(span, "name")), NAME_WIDTH - depth);
	(void)printf("%*s", (int)depth, "");
	cli_print_line(stdout, name);
	for (size_t width = depth + tl_utf8_count(name); width < NAME_WIDTH; width++)
		(void)putchar(' ');
	if (walk->other) {
		const tl_json *twin = same_span(walk->other, tl_json_str(tl_json_get(span, "span_id")));
		print_duration(number(span, "duration_ns"));
		if (twin)
			print_duration(number(twin, "duration_ns"));
		else
			(void)fputs("        -", stdout);
	} else {
		print_bar(number(span, "start_ns"), number(span, "duration_ns"), walk->total_ns);
		print_duration(number(span, "duration_ns"));
	}
	tl_str error = tl_json_str(tl_json_get(span, "error"));
	(void)fputs(error.len ? "  " : "", stdout);
	cli_print_line(stdout, tl_utf8_prefix(error, 60));
	(void)putchar('\n');
}

static void
print_children(const struct walk *walk, tl_str parent, unsigned depth)
{
	for (size_t i = 0; i < tl_json_len(walk->spans) && depth < DEPTH_MAX; i++) {
		const tl_json *span = tl_json_at(walk->spans, i);
		tl_str of = tl_json_str(tl_json_get(span, "parent_span_id"));
		if ((parent.ptr == NULL) != (of.ptr == NULL) || !tl_str_equal(parent, of))
			continue;
		print_span(walk, span, 2 * depth);
		print_children(walk, tl_json_str(tl_json_get(span, "span_id")), depth + 1);
	}
}

/* A running trace is as long as what is known of it. */
static int64_t
total_of(const tl_json *document)
{
	int64_t total = number(document, "latency_ns");
	const tl_json *spans = tl_json_get(document, "spans");
	for (size_t i = 0; total < 1 && i < tl_json_len(spans); i++) {
		int64_t end = number(tl_json_at(spans, i), "start_ns") + number(tl_json_at(spans, i), "duration_ns");
		total = end > total ? end : total;
	}
	return total < 1 ? 1 : total;
}

void
cli_print_waterfall(const tl_json *document)
{
	struct walk walk = { .spans = tl_json_get(document, "spans"), .total_ns = total_of(document) };
	print_children(&walk, (tl_str){ NULL, 0 }, 0);
}

void
cli_print_spans_beside(const tl_json *original, const tl_json *replayed)
{
	struct walk walk = { .spans = tl_json_get(original, "spans"), .other = tl_json_get(replayed, "spans"), .total_ns = 1 };
	(void)printf("%-*s %8s %8s\n", (int)NAME_WIDTH, "span", "original", "replayed");
	print_children(&walk, (tl_str){ NULL, 0 }, 0);
}
