/* Prints docs/events.md: the event table for people. */
#include <stdio.h>

#include <tracellm/model.h>

static const char *const kinds[] = {
	[TL_FIELD_STR] = "text",
	[TL_FIELD_BYTES] = "bytes",
	[TL_FIELD_U64] = "integer",
	[TL_FIELD_I64] = "integer, absent when not known",
	[TL_FIELD_BOOL] = "yes or no",
	[TL_FIELD_DIGEST] = "32 bytes",
	[TL_FIELD_STRS] = "list of texts",
	[TL_FIELD_PAIRS] = "list of names and values",
	[TL_FIELD_CUTS] = "list of arrivals",
};

static const char *const head =
	"# Events\n\n"
	"Every fact in the log is one of these. This page is made from "
	"`include/tracellm/model/event_table.h` by `tests/tools/events_doc.c`; a test\n"
	"compares the two:\n\n"
	"    build/release/tests/docs/events_doc >docs/events.md\n\n"
	"A body is a msgpack map from field key to value, keys ascending; texts and bytes are stored as "
	"`bin`. Texts and digests are left out when\n"
	"absent, lists when empty. Readers pass over keys they do not know. The envelope around it (seq, ids, "
	"times, digest) is drawn in `log-format.md`, and\n"
	"what becomes of the events in `trace-document.md`.\n\n"
	"*Capture* events make the document. *Pipeline* events tell what views, live channel and replay "
	"did with it; they never change it.\n\n";

static void
print_overview(void)
{
	(void)printf("| number | event | role | stage | meaning |\n| --- | --- | --- | --- | --- |\n");
	const struct tl_event_info *info;
	for (size_t i = 0; (info = tl_event_info_at(i)); i++) {
		(void)printf("| %u | [`%s`](#%u) | %s | ", info->type, info->name, info->type,
			info->role == TL_EVENT_ROLE_CAPTURE ? "capture" : "pipeline");
		if (info->stage)
			(void)printf("%u", info->stage);
		else
			(void)printf("–");
		(void)printf(" | %s |\n", info->description);
	}
}

static void
print_event(const struct tl_event_info *info)
{
	(void)printf("\n<a id=\"%u\"></a>\n\n## `%s`\n\n%s\n\n| key | field | kind | meaning |\n| --- | --- | --- | --- |\n",
		info->type, info->name, info->description);
	for (size_t i = 0; i < info->field_count; i++)
		(void)printf("| %u | `%s` | %s | %s |\n", info->fields[i].key, info->fields[i].name, kinds[info->fields[i].kind],
			info->fields[i].description);
}

int
main(void)
{
	(void)printf("%s", head);
	print_overview();
	for (size_t i = 0; tl_event_info_at(i); i++)
		print_event(tl_event_info_at(i));
	return fflush(stdout) == 0 ? 0 : 1;
}
