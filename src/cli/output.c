/* cli/output: what goes to the terminal, and exit codes of errors. */
#include "cli.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static int
exit_of(enum tl_status status)
{
	switch (status) {
	case TL_OK:
		return CLI_EXIT_OK;
	case TL_ERR_USAGE:
	case TL_ERR_RANGE:
	case TL_ERR_AMBIGUOUS:
	case TL_ERR_PARSE:
		return CLI_EXIT_USAGE;
	case TL_ERR_NOT_FOUND:
		return CLI_EXIT_NOT_FOUND;
	case TL_ERR_TIMEOUT:
		return CLI_EXIT_TIMEOUT;
	case TL_ERR_DIVERGED:
		return CLI_EXIT_DIFFERS;
	default:
		return CLI_EXIT_UNUSABLE;
	}
}

int
cli_fail(const struct tl_err *err)
{
	(void)fflush(stdout);
	(void)fputs("tracellm: ", stderr);
	cli_print_line(stderr, tl_str_of(err->message));
	(void)fputc('\n', stderr);
	return exit_of(err->status);
}

int
cli_usage(const struct tl_err *err, enum cli_command_id command)
{
	int code = cli_fail(err);
	if (err->status == TL_ERR_USAGE)
		(void)fprintf(stderr, "`tracellm help %s` explains it.\n", cli_commands[command].name);
	return code;
}

void
cli_warn(const char *format, ...)
{
	va_list arguments;
	(void)fflush(stdout);
	(void)fputs("tracellm: ", stderr);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
}

static void
print_escaped(FILE *out, tl_str text)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf safe;
	tl_buf_init(&safe, SIZE_MAX / 2);
	tl_buf_add_terminal(&safe, text);
	(void)fwrite(safe.ptr ? safe.ptr : "", 1, safe.len, out);
}

void
cli_print_text(FILE *out, tl_str text)
{
	if (isatty(fileno(out)))
		print_escaped(out, text);
	else
		(void)fwrite(text.ptr ? text.ptr : "", 1, text.len, out);
}

void
cli_print_line(FILE *out, tl_str text)
{
	while (text.ptr) {
		size_t at = 0;
		while (at < text.len && !strchr("\n\t\r", text.ptr[at]))
			at++;
		print_escaped(out, tl_str_slice(text, 0, at));
		if (at >= text.len)
			return;
		(void)fputc(' ', out);
		text = tl_str_from(text, at + 1);
	}
}

int
cli_print_json(tl_json *moved)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf text;
	struct tl_err err;
	tl_buf_init(&text, TL_TRACE_DOCUMENT_LIMIT);
	enum tl_status status = tl_json_write(moved, &text, &err);
	tl_json_free(moved);
	if (status != TL_OK)
		return cli_fail(&err);
	(void)fwrite(text.ptr, 1, text.len, stdout);
	(void)fputc('\n', stdout);
	return CLI_EXIT_OK;
}
