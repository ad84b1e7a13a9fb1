/* Time. Two clocks: wall (nanoseconds since 1970, may step) and monotonic (nanoseconds since an arbitrary start, never steps back
 * on one machine).
 *
 * Nothing below the capture driver reads a clock by itself: a stamp is taken where something happens and travels with it. A
 * replay hands in the recorded stamps and gets the recorded result. */
#ifndef TRACELLM_BASE_CLOCK_H
#define TRACELLM_BASE_CLOCK_H

#include <stdint.h>

#include <tracellm/base/text.h>

#define TL_NS_PER_MS UINT64_C(1000000)
#define TL_NS_PER_S  UINT64_C(1000000000)

/* One moment on both clocks. */
struct tl_stamp {
	uint64_t wall_ns;
	uint64_t mono_ns;
};

/* The machine's own clocks (clock_gettime, CLOCK_REALTIME and CLOCK_MONOTONIC). Any thread. */
struct tl_stamp tl_stamp_now(void);

/* "2026-11-24T23:50:55.123456789Z" (RFC 3339, UTC) of a wall time; `out` holds 31 chars. */
#define TL_TIME_TEXT_SIZE 31
void tl_time_text(uint64_t wall_ns, char out[TL_TIME_TEXT_SIZE]);

/* A duration for people, rounded: "640µs", "12.3ms", "1.24s", "2m03s"; `out` holds 24 chars. */
#define TL_DURATION_TEXT_SIZE 24
void tl_duration_text(uint64_t duration_ns, char out[TL_DURATION_TEXT_SIZE]);

/* A point in time as HTTP writes it (RFC 9110 5.6.7: IMF-fixdate, and the two obsolete forms) to seconds since 1970. False: not a
 * date. */
bool tl_http_date_parse(tl_str text, int64_t *ret_unix_s);

#endif
