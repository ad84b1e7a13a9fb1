/* cli/help: help and the manual page, from the tables. */
#include "cli.h"

#include <string.h>

struct exit_info {
	int code;
	const char *meaning;
};

static const struct exit_info exits[] = {
#define X(identifier, number, meaning) { number, meaning },
	CLI_EXITS(X)
#undef X
};

#define EXIT_COUNT (sizeof exits / sizeof exits[0])

/* generate is for the build, not for people. */
static bool
is_shown(unsigned command)
{
	return command != CLI_COMMAND_generate;
}

void
cli_help(FILE *out)
{
	(void)fputs("Records what your program and a language model said to each other, shows it live, plays it back exactly.\n\n"
		    "  tracellm trace \"Explain transformers\"    ask, record, print the answer\n"
		    "  tracellm start                           the page, at http://localhost:3000\n"
		    "  tracellm show @last                      the last trace again\n"
		    "  tracellm replay @last                    prove it\n\nCommands:\n",
		out);
	for (unsigned i = 0; i < CLI_COMMAND_COUNT; i++)
		if (is_shown(i))
			(void)fprintf(out, "  %-9s %-12s %s\n", cli_commands[i].name, cli_commands[i].arguments,
				cli_commands[i].summary);
	(void)fputs("\n`tracellm help COMMAND` lists its options. A trace is named by any unique beginning of its id, by @last, "
		    "or @-2 for the one before.\n",
		out);
}

static void
option_words(const struct cli_option_info *option, char *out, size_t size)
{
	char letter[8] = "";
	if (option->letter)
		(void)snprintf(letter, sizeof letter, "-%c, ", option->letter);
	(void)snprintf(out, size, "%s--%s%s%s", letter, option->flag, option->argument ? " " : "",
		option->argument ? option->argument : "");
}

static void
print_option(FILE *out, const struct cli_option_info *option)
{
	char words[64];
	option_words(option, words, sizeof words);
	(void)fprintf(out, "  %-30s %s", words, option->help);
	if (option->shown_default)
		(void)fprintf(out, " [%s]", option->shown_default);
	if (option->environment)
		(void)fprintf(out, " ($%s)", option->environment);
	(void)fputc('\n', out);
}

void
cli_help_command(FILE *out, enum cli_command_id command)
{
	const struct cli_command_info *info = &cli_commands[command];
	(void)fprintf(out, "tracellm %s%s%s [OPTIONS]\n\n%c%s.\n\nOptions:\n", info->name, *info->arguments ? " " : "",
		info->arguments, info->summary[0] - 'a' + 'A', info->summary + 1);
	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++)
		if (cli_options[i].commands & (1u << command))
			print_option(out, &cli_options[i]);
	(void)fputs("\nExit codes:\n", out);
	for (size_t i = 0; i < EXIT_COUNT; i++)
		(void)fprintf(out, "  %3d  %s\n", exits[i].code, exits[i].meaning);
}

/* ---- The manual page (roff, man(7)) ---- */

static void
print_roff(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
}

static void
manual_option(FILE *out, const struct cli_option_info *option)
{
	char words[64];
	option_words(option, words, sizeof words);
	(void)fputs(".TP\n.B ", out);
	print_roff(out, words);
	(void)fputc('\n', out);
	print_roff(out, option->help);
	(void)fputs(".\n", out);
	if (option->shown_default) {
		(void)fputs("Default: ", out);
		print_roff(out, option->shown_default);
		(void)fputs(".\n", out);
	}
	if (option->environment)
		(void)fprintf(out, "Environment: %s.\n", option->environment);
}

static void
manual_command(FILE *out, unsigned command)
{
	(void)fprintf(out, ".SS tracellm %s %s\n", cli_commands[command].name, cli_commands[command].arguments);
	print_roff(out, cli_commands[command].summary);
	(void)fputs(".\n", out);
	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++)
		if (cli_options[i].commands != ON_ALL && (cli_options[i].commands & (1u << command)))
			manual_option(out, &cli_options[i]);
}

void
cli_manual(FILE *out)
{
	(void)fputs(".TH TRACELLM 1 \"\" \"TraceLLM " TL_VERSION "\" \"User Commands\"\n"
		    ".SH NAME\ntracellm \\- record, show and replay calls to language models\n"
		    ".SH SYNOPSIS\n.B tracellm\n.I COMMAND\n[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n"
		    ".SH DESCRIPTION\nRecords what a program and a language model said to each other, byte for byte, as an "
		    "append\\-only log of immutable "
		    "events; shows it live; plays it back exactly.\n.SH COMMANDS\n",
		out);
	for (unsigned i = 0; i < CLI_COMMAND_COUNT; i++)
		if (is_shown(i))
			manual_command(out, i);
	(void)fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++)
		if (cli_options[i].commands == ON_ALL)
			manual_option(out, &cli_options[i]);
	(void)fputs(
		".SH ENVIRONMENT\n.TP\n.B OPENAI_API_KEY\nKey of the provider openai. It is never recorded.\n.SH EXIT STATUS\n",
		out);
	for (size_t i = 0; i < EXIT_COUNT; i++) {
		(void)fprintf(out, ".TP\n.B %d\n", exits[i].code);
		print_roff(out, exits[i].meaning);
		(void)fputs(".\n", out);
	}
}
