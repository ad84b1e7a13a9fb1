/* cli/cmd_list: `tracellm list`. */
#include "cli.h"

#define PROMPT_SHOWN 48u

static void
print_padded(tl_str text, unsigned width)
{
	tl_str shown = tl_utf8_prefix(text, width);
	cli_print_line(stdout, shown);
	for (size_t count = tl_utf8_count(shown); count < width + 2; count++)
		(void)putchar(' ');
}

static void
number_text(int64_t number, char *out, size_t size)
{
	if (number < 0)
		(void)snprintf(out, size, "-");
	else
		(void)snprintf(out, size, "%lld", (long long)number);
}

static void
cost_text(int64_t nano_usd, char *out, size_t size)
{
	if (nano_usd < 0)
		(void)snprintf(out, size, "-");
	else
		(void)snprintf(
			out, size, "$%lld.%06lld", (long long)(nano_usd / 1000000000), (long long)(nano_usd % 1000000000 / 1000));
}

static void
print_row(struct cli_reader *reader, const struct tl_trace_summary *summary)
{
	char time[TL_TIME_TEXT_SIZE], latency[TL_DURATION_TEXT_SIZE] = "-", in[24], out[24], cost[32];
	tl_str id = cli_short_id(reader->log, summary->trace_id, &reader->arena);
	tl_time_text(summary->started_unix_ns, time);
	if (summary->latency_ns >= 0)
		tl_duration_text((uint64_t)summary->latency_ns, latency);
	number_text(summary->prompt_tokens, in, sizeof in);
	number_text(summary->completion_tokens, out, sizeof out);
	cost_text(summary->cost_nano_usd, cost, sizeof cost);
	(void)printf("%-12.*s  %.19sZ  %-11s  ", TL_FMT(id), time, tl_trace_status_text(summary->status));
	print_padded(summary->model, 20);
	(void)printf("%8s  %6s %6s  %10s  ", latency, in, out, cost);
	cli_print_line(stdout, tl_utf8_prefix(summary->prompt, PROMPT_SHOWN));
	(void)putchar('\n');
}

static int
print_page(struct cli_reader *reader, const struct tl_view_page *page)
{
	if (page->count == 0) {
		(void)fputs("tracellm: no traces here\n", stderr);
		return CLI_EXIT_OK;
	}
	(void)printf("%-12s  %-20s  %-11s  %-20s  %8s  %6s %6s  %10s  %s\n", "ID", "STARTED", "STATUS", "MODEL", "LATENCY", "IN",
		"OUT", "COST", "PROMPT");
	for (size_t i = 0; i < page->count; i++)
		print_row(reader, &page->items[i]);
	if (page->next.ptr)
		(void)fprintf(
			stderr, "tracellm: %zu of %llu; --limit shows more\n", page->count, (unsigned long long)page->total);
	return CLI_EXIT_OK;
}

static int
print_page_json(struct cli_reader *reader, const struct tl_view_page *page)
{
	tl_json *root = tl_json_new_object(), *items = tl_json_new_array();
	for (size_t i = 0; i < page->count; i++) {
		tl_str id = cli_short_id(reader->log, page->items[i].trace_id, &reader->arena);
		tl_json_add(items, tl_trace_summary_json(&page->items[i], (unsigned)id.len - 3));
	}
	tl_json_set_int(root, "total", (int64_t)page->total);
	tl_json_set(root, "items", items);
	tl_json_set_str_or_null(root, "next", page->next);
	return cli_print_json(root);
}

static enum tl_status
read_query(const struct cli_line *line, struct tl_view_query *query, struct tl_err *err)
{
	uint64_t limit;
	enum tl_trace_status status;
	TL_TRY(cli_number(line, CLI_limit, 1, TL_PAGE_LIMIT_MAX, 20, &limit, err));
	if (cli_given(line, CLI_status) && !tl_trace_status_parse(cli_text(line, CLI_status), &status))
		return tl_err_set(err, TL_ERR_USAGE,
			"--status is '%.*s': running, success, warning, failed or interrupted are expected",
			TL_FMT(cli_text(line, CLI_status)));
	*query = (struct tl_view_query){
		.status = cli_text(line, CLI_status),
		.model = cli_text(line, CLI_list_model),
		.provider = cli_text(line, CLI_list_provider),
		.project = cli_text(line, CLI_list_project),
		.session = cli_text(line, CLI_list_session),
		.tag = cli_text(line, CLI_list_tag),
		.with_replays = cli_given(line, CLI_replays),
		.limit = (unsigned)limit,
	};
	return TL_OK;
}

int
cli_run_list(const struct cli_line *line)
{
	struct cli_reader reader;
	struct tl_view_query query;
	struct tl_view_page page;
	struct tl_err err;
	if (read_query(line, &query, &err) != TL_OK)
		return cli_usage(&err, CLI_COMMAND_list);
	if (cli_reader_open(line, &reader, &err) != TL_OK)
		return cli_fail(&err);
	int code;
	if (reader.view->ops->list(reader.view, &query, &reader.arena, &page, &err) != TL_OK)
		code = cli_fail(&err);
	else if (cli_given(line, CLI_json))
		code = print_page_json(&reader, &page);
	else
		code = print_page(&reader, &page);
	cli_reader_close(&reader);
	return code;
}
