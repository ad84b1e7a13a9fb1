/* cli: what the files of both programs share. Floor 7, the only place that joins rooms. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "tables.h"

#include <stdio.h>

#include <tracellm/base.h>
#include <tracellm/log.h>
#include <tracellm/model.h>
#include <tracellm/projections.h>

#define CLI_ARGUMENTS_MAX 16u
#define CLI_REPEATS_MAX   64u
#define CLI_INPUT_LIMIT   (16u << 20) /* standard input, a request file */

/* Where a value came from, as request.created records it. */
enum cli_source { CLI_FROM_NOWHERE, CLI_FROM_FLAG, CLI_FROM_ENVIRONMENT };

struct cli_value {
	tl_str text; /* the last one given; ptr NULL: none */
	enum cli_source source;
};

struct cli_repeat {
	enum cli_option_id option;
	tl_str text;
};

/* A parsed command line. Slices are borrowed from argv and the environment. */
struct cli_line {
	enum cli_command_id command;
	struct cli_value values[CLI_OPTION_COUNT];
	struct cli_repeat repeats[CLI_REPEATS_MAX]; /* header and tag, in the order given */
	size_t repeat_count;
	tl_str arguments[CLI_ARGUMENTS_MAX];
	size_t argument_count;
};

struct cli_option_info {
	const char *flag;
	char letter;
	const char *argument, *environment, *shown_default;
	unsigned commands;
	const char *help;
};

struct cli_command_info {
	const char *name, *arguments, *summary;
	int (*run)(const struct cli_line *line); /* NULL: answered before a command runs */
};

extern const struct cli_option_info cli_options[CLI_OPTION_COUNT];
extern const struct cli_command_info cli_commands[CLI_COMMAND_COUNT];

/* Parses argv[1..]. TL_ERR_USAGE names the word that cannot be meant and suggests the near one. */
enum tl_status cli_parse(int argc, char **argv, struct cli_line *ret_line, struct tl_err *err);
bool cli_given(const struct cli_line *line, enum cli_option_id option);
tl_str cli_text(const struct cli_line *line, enum cli_option_id option); /* ptr NULL: not given */
/* A number within limits; `fallback` when not given. TL_ERR_USAGE names the option. */
enum tl_status cli_number(const struct cli_line *line, enum cli_option_id option, uint64_t min, uint64_t max, uint64_t fallback,
	uint64_t *ret, struct tl_err *err);
/* "flag", "environment NAME", "default": static text or borrowed from the table. Lives in the arena. */
tl_str cli_reason(const struct cli_line *line, enum cli_option_id option, struct tl_arena *arena);

void cli_help(FILE *out);
void cli_help_command(FILE *out, enum cli_command_id command);
void cli_manual(FILE *out);

/* Prints "tracellm: MESSAGE" on stderr and returns the exit code of the error. */
int cli_fail(const struct tl_err *err);
int cli_usage(const struct tl_err *err, enum cli_command_id command);
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text from outside: control bytes are escaped when `out` is a terminal, passed as they are otherwise. */
void cli_print_text(FILE *out, tl_str text);
/* The same, always escaped, on one line: line feeds and tabs become spaces. */
void cli_print_line(FILE *out, tl_str text);
/* Writes compact JSON and a line feed; frees the value. */
int cli_print_json(tl_json *moved);

/* The data directory of the line, in the arena. TL_ERR_USAGE: neither option, XDG_DATA_HOME nor HOME tells one. */
enum tl_status cli_data_dir(const struct cli_line *line, struct tl_arena *arena, const char **ret_dir, struct tl_err *err);

/* What reading commands stand on: log (append, or read-only where that is not allowed), dead writers ended, embedded view caught
 * up. */
struct cli_reader {
	struct tl_arena arena;
	struct tl_log *log;
	struct tl_view *view;
};
enum tl_status cli_reader_open(const struct cli_line *line, struct cli_reader *reader, struct tl_err *err);
void cli_reader_close(struct cli_reader *reader);
/* `ID`, a unique prefix, `@last`, `@-2`: to an id. */
enum tl_status cli_find(struct cli_reader *reader, tl_str text, struct tl_trace_id *ret_id, struct tl_err *err);
/* The stored document of a trace; folded from the log where the view has none (a trace begun a moment ago). Lives in
 * reader->arena. */
enum tl_status cli_document(
	struct cli_reader *reader, struct tl_trace_id id, tl_str *ret_document, struct tl_digest *ret_digest, struct tl_err *err);
/* All events of a trace, in reader->arena. */
struct cli_events {
	struct tl_event *items;
	size_t count;
};
enum tl_status cli_events(struct cli_reader *reader, struct tl_trace_id id, struct cli_events *ret_events, struct tl_err *err);

/* "tr_2kf9q3m1": as many characters as are unique now, in the arena. */
tl_str cli_short_id(struct tl_log *log, struct tl_trace_id id, struct tl_arena *arena);

/* Runs the embedded worker once when nobody has its lease; failures are warnings: the log has everything. */
void cli_run_workers(struct tl_log *log);

/* Path of the running server's note and lock, and what they say. */
struct cli_server {
	bool running;
	uint64_t pid, port;
};
enum tl_status cli_server_find(const char *data_dir, struct cli_server *ret_server, struct tl_err *err);

int cli_run_trace(const struct cli_line *line);
int cli_run_list(const struct cli_line *line);
int cli_run_show(const struct cli_line *line);
int cli_run_replay(const struct cli_line *line);
int cli_run_verify(const struct cli_line *line);
int cli_run_start(const struct cli_line *line);
int cli_run_stop(const struct cli_line *line);
int cli_run_status(const struct cli_line *line);

#endif
