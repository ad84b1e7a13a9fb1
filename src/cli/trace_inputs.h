/* cli/trace_inputs: the command line of `trace` made into a plan. */
#ifndef CLI_TRACE_INPUTS_H
#define CLI_TRACE_INPUTS_H

#include "cli.h"

#include <tracellm/capture.h>

struct trace_inputs {
	struct tl_arena arena;
	struct tl_plan plan;
	const struct tl_provider *provider;
	struct tl_redactor *redactor;
};

/* Reads options, environment, standard input and the request file. Owned, trace_inputs_done. */
enum tl_status trace_inputs_read(const struct cli_line *line, struct trace_inputs *inputs, struct tl_err *err);
void trace_inputs_done(struct trace_inputs *inputs);

#endif
