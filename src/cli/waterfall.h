/* cli/waterfall: the spans of a document as text. */
#ifndef CLI_WATERFALL_H
#define CLI_WATERFALL_H

#include "cli.h"

/* Prints the span tree of a document, bars to scale:
 *
 *      trace                  ████████████████████████████████████████   1.24s
 *        chat gpt-4o          ████████████████████████████████████████   1.24s
 *          attempt 1          ███                                       92.1ms  HTTP 429: slow down
 */
void cli_print_waterfall(const tl_json *document);
/* The same of two documents side by side: durations of both, one line a span. */
void cli_print_spans_beside(const tl_json *original, const tl_json *replayed);

#endif
