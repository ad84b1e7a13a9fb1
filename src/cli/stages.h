/* cli/stages: the seven stages of a trace, from its events. */
#ifndef CLI_STAGES_H
#define CLI_STAGES_H

#include "cli.h"

/* Prints every event on a line, then the seven stages with their times. */
void cli_print_events(const struct cli_events *events);
int cli_print_events_json(const struct cli_events *events);

#endif
