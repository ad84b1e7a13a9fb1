/* cli/options: the command line, from the tables. Knows no room but base. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

const struct cli_option_info cli_options[CLI_OPTION_COUNT] = {
#define X(identifier, flag, letter, argument, environment, shown_default, commands, help) \
	[CLI_##identifier] = { flag, letter, argument, environment, shown_default, commands, help },
	CLI_OPTIONS(X)
#undef X
};

/* Edit distance, capped: enough to tell a slip of the fingers. */
static unsigned
distance(tl_str a, tl_str b)
{
	unsigned row[32];
	if (a.len >= 31 || b.len >= 31)
		return 99;
	for (unsigned j = 0; j <= b.len; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			unsigned changed = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
			unsigned best = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
			diagonal = row[j];
			row[j] = changed < best ? changed : best;
		}
	}
	return row[b.len];
}

static const char *
near_command(tl_str word)
{
	const char *best = NULL;
	unsigned best_distance = 3;
	for (unsigned i = 0; i < CLI_COMMAND_COUNT; i++) {
		unsigned d = distance(word, tl_str_of(cli_commands[i].name));
		if (d < best_distance) {
			best_distance = d;
			best = cli_commands[i].name;
		}
	}
	return best;
}

static const char *
near_option(tl_str word, enum cli_command_id command)
{
	const char *best = NULL;
	unsigned best_distance = 3;
	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++) {
		unsigned d = distance(word, tl_str_of(cli_options[i].flag));
		if (d < best_distance && (cli_options[i].commands & (1u << command))) {
			best_distance = d;
			best = cli_options[i].flag;
		}
	}
	return best;
}

static enum tl_status
unknown_command(tl_str word, struct tl_err *err)
{
	const char *near = near_command(word);
	if (near)
		return tl_err_set(err, TL_ERR_USAGE, "there is no command '%.*s'; did you mean '%s'?", TL_FMT(word), near);
	return tl_err_set(err, TL_ERR_USAGE, "there is no command '%.*s'; `tracellm help` lists them", TL_FMT(word));
}

static enum tl_status
unknown_option(tl_str word, enum cli_command_id command, struct tl_err *err)
{
	const char *near = near_option(word, command), *name = cli_commands[command].name;
	if (near)
		return tl_err_set(err, TL_ERR_USAGE, "%s has no option --%.*s; did you mean --%s?", name, TL_FMT(word), near);
	return tl_err_set(err, TL_ERR_USAGE, "%s has no option --%.*s; `tracellm help %s` lists them", name, TL_FMT(word), name);
}

static bool
find_option(tl_str flag, char letter, enum cli_command_id command, enum cli_option_id *ret)
{
	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++) {
		bool named = letter ? cli_options[i].letter == letter : tl_str_equal(flag, tl_str_of(cli_options[i].flag));
		if (named && (cli_options[i].commands & (1u << command))) {
			*ret = (enum cli_option_id)i;
			return true;
		}
	}
	return false;
}

static enum tl_status
take_value(struct cli_line *line, enum cli_option_id option, tl_str text, struct tl_err *err)
{
	line->values[option] = (struct cli_value){ text, CLI_FROM_FLAG };
	if (option != CLI_header && option != CLI_tag)
		return TL_OK;
	if (line->repeat_count == CLI_REPEATS_MAX)
		return tl_err_set(
			err, TL_ERR_USAGE, "--%s is given more than %u times", cli_options[option].flag, CLI_REPEATS_MAX);
	line->repeats[line->repeat_count++] = (struct cli_repeat){ option, text };
	return TL_OK;
}

/* One word that begins with '-': `--flag`, `--flag=value`, `-x`, `-xvalue`. `*at` moves on when the value is the next word. */
static enum tl_status
take_option(struct cli_line *line, char **argv, int argc, int *at, struct tl_err *err)
{
	tl_str word = tl_str_of(argv[*at]), value = { NULL, 0 }, flag;
	enum cli_option_id option;
	bool is_long = tl_str_starts_with(word, TL_STR("--"));
	if (is_long) {
		flag = tl_str_from(word, 2);
		size_t equals = tl_str_find_char(flag, '=');
		if (equals != SIZE_MAX) {
			value = tl_str_from(flag, equals + 1);
			flag = tl_str_slice(flag, 0, equals);
		}
		if (!find_option(flag, 0, line->command, &option))
			return unknown_option(flag, line->command, err);
	} else {
		if (!find_option(word, word.ptr[1], line->command, &option))
			return tl_err_set(err, TL_ERR_USAGE, "%s has no option -%c; `tracellm help %s` lists them",
				cli_commands[line->command].name, word.ptr[1], cli_commands[line->command].name);
		if (word.len > 2)
			value = tl_str_from(word, 2);
	}
	if (!cli_options[option].argument) {
		if (value.ptr)
			return tl_err_set(err, TL_ERR_USAGE, "--%s takes no value", cli_options[option].flag);
		return take_value(line, option, TL_STR("yes"), err);
	}
	if (!value.ptr) {
		if (*at + 1 >= argc)
			return tl_err_set(err, TL_ERR_USAGE, "--%s needs a value: %s", cli_options[option].flag,
				cli_options[option].argument);
		value = tl_str_of(argv[++*at]);
	}
	return take_value(line, option, value, err);
}

static enum tl_status
take_command(struct cli_line *line, char **argv, int argc, int *at, struct tl_err *err)
{
	if (argc < 2)
		return tl_err_set(err, TL_ERR_USAGE, "a command is missing; `tracellm help` lists them");
	tl_str word = tl_str_of(argv[1]);
	*at = 2;
	line->command = CLI_COMMAND_help;
	if (tl_str_equal(word, TL_STR("--help")) || tl_str_equal(word, TL_STR("-h")))
		return TL_OK;
	line->command = CLI_COMMAND_version;
	if (tl_str_equal(word, TL_STR("--version")))
		return TL_OK;
	for (unsigned i = 0; i < CLI_COMMAND_COUNT; i++) {
		if (tl_str_equal(word, tl_str_of(cli_commands[i].name))) {
			line->command = (enum cli_command_id)i;
			return TL_OK;
		}
	}
	return unknown_command(word, err);
}

static void
take_environment(struct cli_line *line)
{
	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++) {
		const char *name = cli_options[i].environment, *text = name ? getenv(name) : NULL;
		bool wanted = (cli_options[i].commands & (1u << line->command)) && line->values[i].source == CLI_FROM_NOWHERE;
		if (text && *text && wanted)
			line->values[i] = (struct cli_value){ tl_str_of(text), CLI_FROM_ENVIRONMENT };
	}
}

enum tl_status
cli_parse(int argc, char **argv, struct cli_line *ret_line, struct tl_err *err)
{
	struct cli_line line = { .command = CLI_COMMAND_help };
	bool options_end = false;
	int at;
	TL_TRY(take_command(&line, argv, argc, &at, err));
	for (; at < argc; at++) {
		tl_str word = tl_str_of(argv[at]);
		if (!options_end && tl_str_equal(word, TL_STR("--"))) {
			options_end = true;
		} else if (!options_end && word.len > 1 && word.ptr[0] == '-') {
			TL_TRY(take_option(&line, argv, argc, &at, err));
		} else if (line.argument_count == CLI_ARGUMENTS_MAX) {
			return tl_err_set(err, TL_ERR_USAGE, "more than %u arguments", CLI_ARGUMENTS_MAX);
		} else {
			line.arguments[line.argument_count++] = word;
		}
	}
	take_environment(&line);
	*ret_line = line;
	return TL_OK;
}

bool
cli_given(const struct cli_line *line, enum cli_option_id option)
{
	return line->values[option].text.ptr != NULL;
}

tl_str
cli_text(const struct cli_line *line, enum cli_option_id option)
{
	return line->values[option].text;
}

enum tl_status
cli_number(const struct cli_line *line, enum cli_option_id option, uint64_t min, uint64_t max, uint64_t fallback, uint64_t *ret,
	struct tl_err *err)
{
	tl_str text = cli_text(line, option);
	uint64_t number = fallback;
	if (text.ptr && (!tl_str_to_u64(text, &number) || number < min || number > max))
		return tl_err_set(err, TL_ERR_USAGE, "--%s is '%.*s', a whole number from %llu to %llu is expected",
			cli_options[option].flag, TL_FMT(text), (unsigned long long)min, (unsigned long long)max);
	*ret = number;
	return TL_OK;
}

tl_str
cli_reason(const struct cli_line *line, enum cli_option_id option, struct tl_arena *arena)
{
	if (line->values[option].source == CLI_FROM_ENVIRONMENT)
		return tl_arena_printf(arena, "environment %s", cli_options[option].environment);
	return line->values[option].source == CLI_FROM_FLAG ? TL_STR("flag") : TL_STR("default");
}
