/* cli/cmd_verify: `tracellm verify`. The log is read in a child process, because a torn file can fault. */
#include "cli.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int
print_report(const struct cli_line *line, const struct tl_log_report *report)
{
	char link[TL_DIGEST_TEXT_SIZE];
	tl_digest_text(report->last_link, link);
	if (cli_given(line, CLI_json)) {
		tl_json *object = tl_json_new_object();
		tl_json_set_bool(object, "good", report->bad == 0);
		tl_json_set_int(object, "events", (int64_t)report->events);
		tl_json_set_int(object, "traces", (int64_t)report->traces);
		tl_json_set_int(object, "body_bytes", (int64_t)report->body_bytes);
		tl_json_set_int(object, "head_seq", (int64_t)report->head_seq);
		tl_json_set_str(object, "last_link", tl_str_of(link));
		tl_json_set_int(object, "bad", (int64_t)report->bad);
		tl_json_set(object, "first_bad_seq",
			report->first_bad_seq ? tl_json_new_int((int64_t)report->first_bad_seq) : tl_json_new_null());
		tl_json_set_str_or_null(object, "first_bad", report->bad ? tl_str_of(report->first_bad) : (tl_str){ NULL, 0 });
		(void)cli_print_json(object);
	} else {
		(void)printf("Checked:      %llu events, %llu traces, %llu bytes of bodies\nHead:         %llu:%s\n",
			(unsigned long long)report->events, (unsigned long long)report->traces,
			(unsigned long long)report->body_bytes, (unsigned long long)report->head_seq, link);
		if (report->bad)
			(void)printf("Found:        %llu; the first at event %llu: %s\n", (unsigned long long)report->bad,
				(unsigned long long)report->first_bad_seq, report->first_bad);
		(void)printf("Result:       %s\n", report->bad ? "damaged" : "good");
	}
	return report->bad ? CLI_EXIT_DIFFERS : CLI_EXIT_OK;
}

static int
verify(const struct cli_line *line)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_log_report report;
	struct tl_log *log;
	struct tl_err err;
	const char *data_dir;
	tl_arena_init(&arena, 1u << 20);
	if (cli_data_dir(line, &arena, &data_dir, &err) != TL_OK)
		return cli_fail(&err);
	if (tl_log_open(&(struct tl_log_options){ .data_dir = data_dir, .mode = TL_LOG_READ_ONLY }, &log, &err) != TL_OK)
		return cli_fail(&err);
	enum tl_status status = tl_log_verify(log, &report, &err);
	tl_log_close(log);
	return status == TL_OK ? print_report(line, &report) : cli_fail(&err);
}

int
cli_run_verify(const struct cli_line *line)
{
	int state;
	(void)fflush(stdout);
	pid_t child = fork();
	if (child < 0) {
		cli_warn("no child process could be started to read the log in: %s", strerror(errno));
		return CLI_EXIT_UNUSABLE;
	}
	if (child == 0) {
		int code = verify(line);
		(void)fflush(stdout);
		_exit(code);
	}
	while (waitpid(child, &state, 0) < 0)
		if (errno != EINTR)
			return CLI_EXIT_UNUSABLE;
	if (WIFEXITED(state))
		return WEXITSTATUS(state);
	(void)printf("Found:        reading the log ended with %s: the file is torn\nResult:       damaged\n",
		strsignal(WTERMSIG(state)));
	return CLI_EXIT_DIFFERS;
}
