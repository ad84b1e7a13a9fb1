/* model: what an event means. The event table, the codec of event bodies, prices and usage arithmetic, and the fold from events
 * to a trace document. Pure: no file, no socket, no time of day.
 *
 *      event_table.h    every event type and every field, once
 *      event.h          one decoded event; encoding, decoding, showing
 *      price.h          price rows and what tokens cost
 *      trace.h          the fold: tl_trace_apply, the document, the summary */
#ifndef TRACELLM_MODEL_H
#define TRACELLM_MODEL_H

#include <tracellm/model/event.h>
#include <tracellm/model/price.h>
#include <tracellm/model/trace.h>

#endif
