/* base: what every other room stands on. Knows no room, no event, no file format of ours.
 *
 *      err.h     status codes, the message, TL_TRY, TL_ASSERT
 *      text.h    slices (tl_str, tl_bytes), UTF-8, numbers, escaping for terminals
 *      mem.h     allocation with fault points, scope cleanup, arena, growable buffer with a limit
 *      clock.h   wall and monotonic time behind one small table, so that a replay can supply its own
 *      id.h      trace and span ids, their text forms, entropy, seeded random, BLAKE2b-256
 *      json.h    the JSON door
 *      fault.h   points at which tests make things fail
 *
 * One include for all of them; there is no order to remember. */
#ifndef TRACELLM_BASE_H
#define TRACELLM_BASE_H

#include <tracellm/base/clock.h>
#include <tracellm/base/err.h>
#include <tracellm/base/fault.h>
#include <tracellm/base/id.h>
#include <tracellm/base/json.h>
#include <tracellm/base/mem.h>
#include <tracellm/base/text.h>

#endif
