/* cli/tables: every command and every option, once. Parser, help, man page and the tests are made from here.
 *
 * CLI_COMMANDS: identifier, arguments, one line, exit codes worth naming
 * CLI_OPTIONS:  identifier, flag, letter or 0, argument or NULL (a switch), environment or NULL, default shown or NULL, commands,
 * help
 *               REPEATED options keep every value in the order given */
#ifndef CLI_TABLES_H
#define CLI_TABLES_H

#define CLI_COMMANDS(X)                                                                         \
	X(trace, "[PROMPT|-]", "send a prompt to a model and record everything about the call") \
	X(list, "", "list traces, newest first")                                                \
	X(show, "ID", "show one trace: summary, waterfall, messages")                           \
	X(replay, "ID", "rebuild a trace from its events, prove it, and execute it again")      \
	X(verify, "", "check the whole log: chain, digests, tables")                            \
	X(start, "", "start the server: page, API and live channel")                            \
	X(stop, "", "stop the server")                                                          \
	X(status, "", "tell whether the server runs, and where")                                \
	X(help, "[COMMAND]", "explain a command")                                               \
	X(version, "", "print the version")                                                     \
	X(generate, "man", "print the manual page, made from the same tables as this help")

/* Which commands take an option. */
#define ON(command) (1u << CLI_COMMAND_##command)
#define ON_ALL      0xffffffffu

#define CLI_OPTIONS(X)                                                                                                          \
	X(data_dir, "data-dir", 0, "DIR", "TRACELLM_DATA_DIR", "$XDG_DATA_HOME/tracellm", ON_ALL, "where log and views live")   \
	X(help, "help", 'h', NULL, NULL, NULL, ON_ALL, "explain the command")                                                   \
	X(version, "version", 0, NULL, NULL, NULL, ON_ALL, "print the version")                                                 \
	X(model, "model", 'm', "NAME", "TRACELLM_MODEL", "gpt-4o (openai)", ON(trace), "model to ask")                          \
	X(provider, "provider", 0, "NAME", "TRACELLM_PROVIDER", NULL, ON(trace),                                                \
		"openai or sandbox; without it the first that has a key, else sandbox")                                         \
	X(url, "url", 0, "URL", NULL, NULL, ON(trace), "exact address to send to")                                              \
	X(base_url, "base-url", 0, "URL", "OPENAI_BASE_URL", "https://api.openai.com/v1", ON(trace),                            \
		"address of any compatible server")                                                                             \
	X(header, "header", 'H', "NAME:VALUE", NULL, NULL, ON(trace), "header field to send; may be given again")               \
	X(system, "system", 's', "TEXT", NULL, NULL, ON(trace), "system prompt")                                                \
	X(temperature, "temperature", 0, "NUMBER", NULL, NULL, ON(trace), "sampling temperature, sent as given")                \
	X(max_tokens, "max-tokens", 0, "N", NULL, NULL, ON(trace), "limit of the answer")                                       \
	X(request, "request", 0, "FILE|-", NULL, NULL, ON(trace), "send this complete request body, unchanged")                 \
	X(stream, "stream", 0, NULL, NULL, NULL, ON(trace), "ask for a stream (the default)")                                   \
	X(no_stream, "no-stream", 0, NULL, NULL, NULL, ON(trace), "ask for the answer in one piece")                            \
	X(session, "session", 0, "NAME", "TRACELLM_SESSION", NULL, ON(trace), "session the trace belongs to")                   \
	X(project, "project", 'p', "NAME", "TRACELLM_PROJECT", "default", ON(trace), "project the trace belongs to")            \
	X(tag, "tag", 't', "TEXT", NULL, NULL, ON(trace), "tag; may be given again")                                            \
	X(timeout, "timeout", 0, "SECONDS", "TRACELLM_TIMEOUT", "600", ON(trace), "limit of one attempt; 0: none")              \
	X(retries, "retries", 0, "N", "TRACELLM_RETRIES", "2", ON(trace), "further attempts after one that may be tried again") \
	X(quiet, "quiet", 'q', NULL, NULL, NULL, ON(trace), "print the answer only")                                            \
	X(status, "status", 0, "STATUS", NULL, NULL, ON(list), "running, success, warning, failed or interrupted")              \
	X(list_model, "model", 'm', "NAME", NULL, NULL, ON(list), "model, as requested")                                        \
	X(list_provider, "provider", 0, "NAME", NULL, NULL, ON(list), "provider")                                               \
	X(list_project, "project", 'p', "NAME", NULL, NULL, ON(list), "project")                                                \
	X(list_session, "session", 0, "NAME", NULL, NULL, ON(list), "session")                                                  \
	X(list_tag, "tag", 't', "TEXT", NULL, NULL, ON(list), "tag")                                                            \
	X(limit, "limit", 'n', "N", NULL, "20", ON(list), "at most so many")                                                    \
	X(replays, "replays", 0, NULL, NULL, NULL, ON(list), "replays as well")                                                 \
	X(events, "events", 0, NULL, NULL, NULL, ON(show), "the events, and the seven stages")                                  \
	X(raw, "raw", 0, "request|response", NULL, NULL, ON(show), "the bytes of the last request or response")                 \
	X(json, "json", 0, NULL, NULL, NULL, ON(trace) | ON(list) | ON(show) | ON(replay) | ON(verify) | ON(status),            \
		"print JSON")                                                                                                   \
	X(port, "port", 0, "N", "TRACELLM_PORT", "3000", ON(start), "port to listen on, on 127.0.0.1; 0: any free one")         \
	X(open, "open", 0, NULL, NULL, NULL, ON(start), "open the page in a browser")                                           \
	X(detach, "detach", 'd', NULL, NULL, NULL, ON(start), "return once it runs")

enum cli_command_id {
#define X(identifier, arguments, summary) CLI_COMMAND_##identifier,
	CLI_COMMANDS(X)
#undef X
		CLI_COMMAND_COUNT
};

enum cli_option_id {
#define X(identifier, flag, letter, argument, environment, shown_default, commands, help) CLI_##identifier,
	CLI_OPTIONS(X)
#undef X
		CLI_OPTION_COUNT
};

/* Exit codes: promises. */
#define CLI_EXITS(X)                                                         \
	X(CLI_EXIT_OK, 0, "success, or success after a retry")               \
	X(CLI_EXIT_DIFFERS, 1, "replay diverged, or verify found something") \
	X(CLI_EXIT_USAGE, 2, "the command line cannot be meant")             \
	X(CLI_EXIT_NOT_FOUND, 3, "no such trace, file or server")            \
	X(CLI_EXIT_AUTH, 4, "the provider answered 401 or 403")              \
	X(CLI_EXIT_UNUSABLE, 5, "log, view or server unusable")              \
	X(CLI_EXIT_FAILED, 6, "the call failed in any other way")            \
	X(CLI_EXIT_TIMEOUT, 7, "the call timed out")                         \
	X(CLI_EXIT_INTERRUPTED, 130, "interrupted by Ctrl-C")                \
	X(CLI_EXIT_TERMINATED, 143, "ended by SIGTERM")

enum cli_exit {
#define X(identifier, number, meaning) identifier = number,
	CLI_EXITS(X)
#undef X
};

#endif
