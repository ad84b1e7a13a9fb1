/* cli/cmd_trace: `tracellm trace`: ask, record, print what came of it. */
#include "trace_inputs.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

struct trace_run {
	const struct cli_line *line;
	struct trace_inputs inputs;
	struct tl_log *log;
	struct tl_loop *loop;
	struct tl_signal *signals[2];
	struct tl_capture *capture;
	struct tl_trace *trace; /* folded from the same events that go to the log */
	int signal_number;      /* 0: none came */
	bool done;
	enum tl_status status; /* of the recording */
	struct tl_err err;
};

static void
on_event(void *context, const struct tl_event *event)
{
	struct trace_run *run = context;
	if (run->status == TL_OK)
		run->status = tl_trace_apply(run->trace, event, &run->err);
}

static void
on_done(void *context, enum tl_status status, const struct tl_err *err)
{
	struct trace_run *run = context;
	run->done = true;
	if (status != TL_OK) {
		run->status = status;
		run->err = *err;
	}
	tl_loop_stop(run->loop);
}

static void
on_signal(void *context, int signal_number)
{
	struct trace_run *run = context;
	/* The second one means it: leave at once; the next opener of the log ends the trace. */
	if (run->signal_number)
		_exit(signal_number == SIGTERM ? CLI_EXIT_TERMINATED : CLI_EXIT_INTERRUPTED);
	run->signal_number = signal_number;
	tl_capture_interrupt(run->capture, signal_number);
}

static enum tl_status
open_everything(struct trace_run *run, struct tl_err *err)
{
	static const int numbers[2] = { SIGINT, SIGTERM };
	const char *data_dir;
	uint64_t ended;
	TL_TRY(cli_data_dir(run->line, &run->inputs.arena, &data_dir, err));
	TL_TRY(tl_log_open(&(struct tl_log_options){ .data_dir = data_dir, .mode = TL_LOG_APPEND }, &run->log, err));
	TL_TRY(tl_log_end_dead_writers(run->log, &ended, err));
	TL_TRY(tl_loop_open(&run->loop, err));
	TL_TRY(tl_trace_open(run->inputs.plan.trace_id, &run->trace, err));
	for (int i = 0; i < 2; i++)
		TL_TRY(tl_signal_open(run->loop, numbers[i], on_signal, run, &run->signals[i], err));
	return TL_OK;
}

static enum tl_status
record(struct trace_run *run, struct tl_err *err)
{
	struct tl_capture_options options = {
		.loop = run->loop,
		.log = run->log,
		.provider = run->inputs.provider,
		.plan = &run->inputs.plan,
		.redactor = run->inputs.redactor,
		.context = run,
		.on_event = on_event,
		.on_done = on_done,
	};
	TL_TRY(tl_capture_start(&options, &run->capture, err));
	if (!run->done)
		tl_loop_run(run->loop);
	if (run->status != TL_OK)
		*err = run->err;
	return run->status;
}

static void
close_everything(struct trace_run *run)
{
	tl_capture_close(run->capture);
	for (int i = 0; i < 2; i++)
		tl_signal_close(run->signals[i]);
	tl_loop_close(run->loop);
	tl_trace_close(run->trace);
	tl_log_close(run->log);
	trace_inputs_done(&run->inputs);
}

/* ---- What is printed ---- */

static void
print_tokens(const char *label, int64_t tokens, bool estimated)
{
	if (tokens < 0)
		(void)printf("%s -\n", label);
	else
		(void)printf("%s %lld%s\n", label, (long long)tokens, estimated ? " (estimated)" : "");
}

static void
print_summary(struct trace_run *run, const struct tl_trace_summary *summary)
{
	tl_str id = cli_short_id(run->log, summary->trace_id, &run->inputs.arena);
	(void)printf("Trace ID:     %.*s\nModel:        ", TL_FMT(id));
	cli_print_line(stdout, summary->model);
	(void)printf("\nLatency:      %.2fs\n", summary->latency_ns < 0 ? 0.0 : (double)summary->latency_ns / 1e9);
	print_tokens("Prompt Tokens: ", summary->prompt_tokens, summary->tokens_estimated);
	print_tokens("Completion Tokens:", summary->completion_tokens, summary->tokens_estimated);
	(void)printf("Status:       %s\n", tl_trace_status_text(summary->status));
}

static void
print_answer(tl_str answer)
{
	cli_print_text(stdout, answer);
	if (answer.len == 0 || answer.ptr[answer.len - 1] != '\n')
		(void)putchar('\n');
}

static void
copy_members(tl_json *to, const tl_json *from, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		tl_json_set(to, names[i], tl_json_copy(tl_json_get(from, names[i])));
}

static int
print_json(struct trace_run *run, const struct tl_trace_summary *summary)
{
	static const char *const first[] = { "trace_id", "status", "reason", "model", "model_served", "provider", "latency_ns",
		"first_content_ns" };
	static const char *const second[] = { "usage", "cost_nano_usd", "finish_reason", "attempts", "answer", "error" };
	TL_CLEANUP(tl_buf_done) struct tl_buf document;
	TL_CLEANUP(tl_json_cleanup) tl_json *root = NULL;
	struct tl_err err;
	tl_buf_init(&document, TL_TRACE_DOCUMENT_LIMIT);
	if (tl_trace_document(run->trace, &document, &err) != TL_OK || tl_json_parse(tl_buf_str(&document), &root, &err) != TL_OK)
		return cli_fail(&err);
	tl_json *object = tl_json_new_object();
	copy_members(object, root, first, sizeof first / sizeof first[0]);
	tl_json_set(object, "prompt_tokens",
		summary->prompt_tokens < 0 ? tl_json_new_null() : tl_json_new_int(summary->prompt_tokens));
	tl_json_set(object, "completion_tokens",
		summary->completion_tokens < 0 ? tl_json_new_null() : tl_json_new_int(summary->completion_tokens));
	copy_members(object, root, second, sizeof second / sizeof second[0]);
	tl_json_set_str(object, "short_id", cli_short_id(run->log, summary->trace_id, &run->inputs.arena));
	return cli_print_json(object);
}

static int
exit_of_trace(const struct trace_run *run, const struct tl_trace_summary *summary)
{
	if (summary->status == TL_TRACE_SUCCESS || summary->status == TL_TRACE_WARNING)
		return CLI_EXIT_OK;
	if (summary->status == TL_TRACE_INTERRUPTED)
		return run->signal_number == SIGTERM ? CLI_EXIT_TERMINATED : CLI_EXIT_INTERRUPTED;
	if (tl_str_equal(summary->error_class, TL_STR("timeout")))
		return CLI_EXIT_TIMEOUT;
	bool refused = tl_str_equal(summary->error_class, TL_STR("http_status")) &&
		       (summary->http_status == 401 || summary->http_status == 403);
	return refused ? CLI_EXIT_AUTH : CLI_EXIT_FAILED;
}

static int
print_result(struct trace_run *run)
{
	struct tl_trace_summary summary = tl_trace_summary(run->trace);
	bool answered = summary.status == TL_TRACE_SUCCESS || summary.status == TL_TRACE_WARNING;
	int code = exit_of_trace(run, &summary);
	if (cli_given(run->line, CLI_json)) {
		int printed = print_json(run, &summary);
		code = printed == CLI_EXIT_OK ? code : printed;
	} else if (cli_given(run->line, CLI_quiet)) {
		if (answered)
			print_answer(tl_trace_answer(run->trace));
	} else {
		print_summary(run, &summary);
		if (answered) {
			(void)putchar('\n');
			print_answer(tl_trace_answer(run->trace));
		}
	}
	(void)fflush(stdout);
	return code;
}

/* After everything else that stderr gets. */
static void
print_reason(struct trace_run *run)
{
	struct tl_trace_summary summary = tl_trace_summary(run->trace);
	if (summary.status == TL_TRACE_SUCCESS || summary.status == TL_TRACE_WARNING)
		return;
	(void)fputs("tracellm: ", stderr);
	cli_print_line(stderr, summary.reason);
	(void)fputc('\n', stderr);
}

int
cli_run_trace(const struct cli_line *line)
{
	struct trace_run run = { .line = line };
	struct tl_err err;
	if (trace_inputs_read(line, &run.inputs, &err) != TL_OK)
		return cli_usage(&err, CLI_COMMAND_trace);
	if (tl_str_equal(run.inputs.plan.inputs.provider, TL_STR("sandbox")))
		(void)fputs("tracellm: the sandbox is not a model: it answers by a fixed rule; set OPENAI_API_KEY, or give "
			    "--base-url, to ask a real one\n",
			stderr);
	enum tl_status status = open_everything(&run, &err);
	if (status == TL_OK)
		status = record(&run, &err);
	int code = status == TL_OK ? print_result(&run) : cli_usage(&err, CLI_COMMAND_trace);
	if (status == TL_OK) {
		cli_run_workers(run.log);
		print_reason(&run);
	}
	close_everything(&run);
	return code;
}
