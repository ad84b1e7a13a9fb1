/* cli/cmd_show: `tracellm show ID`: summary, waterfall, messages; events; raw bytes; JSON. */
#include "cli.h"
#include "stages.h"
#include "waterfall.h"

/* ---- Summary ---- */

static void
print_text_field(const char *label, const tl_json *object, const char *key)
{
	tl_str text = tl_json_str(tl_json_get(object, key));
	if (!text.ptr)
		return;
	(void)printf("%-16s", label);
	cli_print_line(stdout, text);
	(void)putchar('\n');
}

static void
print_duration_field(const char *label, const tl_json *object, const char *key)
{
	int64_t value;
	char text[TL_DURATION_TEXT_SIZE];
	if (!tl_json_int(tl_json_get(object, key), &value))
		return;
	tl_duration_text((uint64_t)value, text);
	(void)printf("%-16s%s\n", label, text);
}

static void
print_tokens(const tl_json *document)
{
	static const struct {
		const char *key, *label;
	} counts[] = { { "input_tokens", "in" }, { "cached_tokens", "cached" }, { "cache_write_tokens", "cache write" },
		{ "output_tokens", "out" }, { "reasoning_tokens", "reasoning" } };
	const tl_json *usage = tl_json_get(document, "usage");
	const char *separator = "";
	int64_t value;
	if (tl_json_kind_of(usage) != TL_JSON_OBJECT)
		return;
	(void)printf("%-16s", "Tokens:");
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		if (!tl_json_int(tl_json_get(usage, counts[i].key), &value))
			continue;
		(void)printf("%s%lld %s", separator, (long long)value, counts[i].label);
		separator = ", ";
	}
	(void)puts(tl_str_equal(tl_json_str(tl_json_get(usage, "source")), TL_STR("estimated")) ? " (estimated)" : "");
}

static void
print_cost(const tl_json *document)
{
	int64_t nano_usd;
	if (!tl_json_int(tl_json_get(document, "cost_nano_usd"), &nano_usd))
		return;
	const tl_json *cost = tl_json_get(tl_json_at(tl_json_get(document, "calls"), 0), "cost"),
		      *price = tl_json_get(cost, "price");
	(void)printf("%-16s$%lld.%09lld", "Cost:", (long long)(nano_usd / 1000000000), (long long)(nano_usd % 1000000000));
	if (tl_json_kind_of(price) == TL_JSON_OBJECT)
		(void)printf("  (price of %.*s, table of %.*s)", TL_FMT(tl_json_str(tl_json_get(price, "model"))),
			TL_FMT(tl_json_str(tl_json_get(price, "table"))));
	else
		(void)fputs("  (told by the provider)", stdout);
	(void)putchar('\n');
}

static void
print_summary(const tl_json *document, bool unrecorded_end)
{
	char started[TL_TIME_TEXT_SIZE];
	int64_t started_ns = 0;
	(void)tl_json_int(tl_json_get(document, "started_unix_ns"), &started_ns);
	tl_time_text((uint64_t)started_ns, started);
	print_text_field("Trace ID:", document, "trace_id");
	if (unrecorded_end)
		(void)printf("%-16sinterrupted (unrecorded)\n", "Status:");
	else
		print_text_field("Status:", document, "status");
	print_text_field("Reason:", document, "reason");
	print_text_field("Replay of:", document, "replay_of");
	print_text_field("Provider:", document, "provider");
	print_text_field("Model:", document, "model");
	print_text_field("Model served:", document, "model_served");
	print_text_field("Project:", document, "project");
	print_text_field("Session:", document, "session");
	(void)printf("%-16s%s\n", "Started:", started);
	print_duration_field("Latency:", document, "latency_ns");
	print_duration_field("First content:", document, "first_content_ns");
	print_tokens(document);
	print_cost(document);
	print_text_field("Finish reason:", document, "finish_reason");
}

/* ---- Messages ---- */

static void
print_block(const char *label, tl_str text)
{
	if (!text.ptr || text.len == 0)
		return;
	(void)printf("\n[%s]\n", label);
	cli_print_text(stdout, text);
	if (text.ptr[text.len - 1] != '\n')
		(void)putchar('\n');
}

static void
print_tool_calls(const tl_json *message)
{
	const tl_json *calls = tl_json_get(message, "tool_calls");
	for (size_t i = 0; i < tl_json_len(calls); i++) {
		const tl_json *call = tl_json_at(calls, i);
		(void)fputs("\n[tool call] ", stdout);
		cli_print_line(stdout, tl_json_str(tl_json_get(call, "name")));
		(void)putchar('(');
		cli_print_text(stdout, tl_json_str(tl_json_get(call, "arguments")));
		(void)puts(")");
	}
}

static void
print_message(const tl_json *message)
{
	char role[32];
	(void)snprintf(role, sizeof role, "%.*s", TL_FMT(tl_utf8_prefix(tl_json_str(tl_json_get(message, "role")), 20)));
	print_block("reasoning", tl_json_str(tl_json_get(message, "reasoning")));
	print_block(role, tl_json_str(tl_json_get(message, "content")));
	print_block("refusal", tl_json_str(tl_json_get(message, "refusal")));
	print_tool_calls(message);
}

static void
print_messages(const tl_json *document)
{
	const tl_json *calls = tl_json_get(document, "calls");
	for (size_t i = 0; i < tl_json_len(calls); i++) {
		const tl_json *input = tl_json_get(tl_json_at(calls, i), "input"),
			      *output = tl_json_get(tl_json_at(calls, i), "output");
		for (size_t j = 0; j < tl_json_len(input); j++)
			print_message(tl_json_at(input, j));
		for (size_t j = 0; j < tl_json_len(output); j++)
			print_message(tl_json_at(output, j));
	}
}

/* ---- Raw bytes ---- */

static enum tl_status
print_raw(struct cli_reader *reader, struct tl_trace_id id, tl_str which, struct tl_err *err)
{
	struct cli_events events;
	uint64_t number = 0;
	bool response = tl_str_equal(which, TL_STR("response"));
	if (!response && !tl_str_equal(which, TL_STR("request")))
		return tl_err_set(err, TL_ERR_USAGE, "--raw is '%.*s': request or response is expected", TL_FMT(which));
	TL_TRY(cli_events(reader, id, &events, err));
	for (size_t i = 0; i < events.count; i++)
		if (events.items[i].type == TL_EVENT_response_chunk)
			number = events.items[i].body.response_chunk.number;
	for (size_t i = 0; i < events.count; i++) {
		const struct tl_event *event = &events.items[i];
		tl_bytes bytes = { NULL, 0 };
		if (!response && event->type == TL_EVENT_request_created)
			bytes = event->body.request_created.body;
		else if (response && event->type == TL_EVENT_response_chunk && event->body.response_chunk.number == number)
			bytes = event->body.response_chunk.bytes;
		(void)fwrite(bytes.ptr ? (const void *)bytes.ptr : "", 1, bytes.len, stdout);
	}
	return TL_OK;
}

/* ---- The command ---- */

static enum tl_status
show_document(const struct cli_line *line, struct cli_reader *reader, struct tl_trace_id id, struct tl_err *err)
{
	TL_CLEANUP(tl_json_cleanup) tl_json *root = NULL;
	tl_str document;
	struct tl_digest digest;
	bool open = false, dead = false;
	TL_TRY(cli_document(reader, id, &document, &digest, err));
	if (cli_given(line, CLI_json)) {
		(void)fwrite(document.ptr, 1, document.len, stdout);
		(void)putchar('\n');
		return TL_OK;
	}
	TL_TRY(tl_json_parse(document, &root, err));
	TL_TRY(tl_log_is_open(reader->log, id, &open, &dead, err));
	print_summary(root, open && dead);
	(void)putchar('\n');
	cli_print_waterfall(root);
	print_messages(root);
	return TL_OK;
}

static enum tl_status
show(const struct cli_line *line, struct cli_reader *reader, struct tl_err *err)
{
	struct tl_trace_id id;
	struct cli_events events;
	TL_TRY(cli_find(reader, line->arguments[0], &id, err));
	if (cli_given(line, CLI_raw))
		return print_raw(reader, id, cli_text(line, CLI_raw), err);
	if (!cli_given(line, CLI_events))
		return show_document(line, reader, id, err);
	TL_TRY(cli_events(reader, id, &events, err));
	if (cli_given(line, CLI_json))
		(void)cli_print_events_json(&events);
	else
		cli_print_events(&events);
	return TL_OK;
}

int
cli_run_show(const struct cli_line *line)
{
	struct cli_reader reader;
	struct tl_err err;
	if (line->argument_count != 1) {
		(void)tl_err_set(&err, TL_ERR_USAGE, "show needs one trace: an id, the beginning of one, @last or @-2");
		return cli_usage(&err, CLI_COMMAND_show);
	}
	if (cli_reader_open(line, &reader, &err) != TL_OK)
		return cli_fail(&err);
	int code = show(line, &reader, &err) == TL_OK ? CLI_EXIT_OK : cli_fail(&err);
	cli_reader_close(&reader);
	return code;
}
