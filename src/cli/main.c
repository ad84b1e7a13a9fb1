/* cli/main: the program `tracellm`. Picks the command and runs it. */
#include "cli.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

static int run_help(const struct cli_line *line);
static int run_version(const struct cli_line *line);
static int run_generate(const struct cli_line *line);

#define cli_run_help     run_help
#define cli_run_version  run_version
#define cli_run_generate run_generate

const struct cli_command_info cli_commands[CLI_COMMAND_COUNT] = {
#define X(identifier, arguments, summary) [CLI_COMMAND_##identifier] = { #identifier, arguments, summary, cli_run_##identifier },
	CLI_COMMANDS(X)
#undef X
};

static int
run_help(const struct cli_line *line)
{
	for (unsigned i = 0; line->argument_count > 0 && i < CLI_COMMAND_COUNT; i++) {
		if (tl_str_equal(line->arguments[0], tl_str_of(cli_commands[i].name))) {
			cli_help_command(stdout, (enum cli_command_id)i);
			return CLI_EXIT_OK;
		}
	}
	cli_help(stdout);
	return line->argument_count > 0 ? CLI_EXIT_USAGE : CLI_EXIT_OK;
}

static int
run_version(const struct cli_line *line)
{
	(void)line;
	(void)puts("tracellm " TL_VERSION);
	return CLI_EXIT_OK;
}

static int
run_generate(const struct cli_line *line)
{
	if (line->argument_count != 1 || !tl_str_equal(line->arguments[0], TL_STR("man"))) {
		cli_help_command(stderr, CLI_COMMAND_generate);
		return CLI_EXIT_USAGE;
	}
	cli_manual(stdout);
	return CLI_EXIT_OK;
}

int
main(int argc, char **argv)
{
	struct cli_line line;
	struct tl_err err;
	/* A key may be in memory: it must not end in a core file. */
	struct rlimit no_core = { 0, 0 };
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)signal(SIGPIPE, SIG_IGN);
	if (cli_parse(argc, argv, &line, &err) != TL_OK) {
		(void)fprintf(stderr, "tracellm: %s\n", err.message);
		return CLI_EXIT_USAGE;
	}
	if (cli_given(&line, CLI_version))
		line.command = CLI_COMMAND_version;
	if (cli_given(&line, CLI_help)) {
		cli_help_command(stdout, line.command);
		return CLI_EXIT_OK;
	}
	return cli_commands[line.command].run(&line);
}
