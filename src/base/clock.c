/* base/clock: the machine's clocks and the texts of times. */
#include <tracellm/base.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t
read_clock(clockid_t clock)
{
	struct timespec now;
	TL_ASSERT(clock_gettime(clock, &now) == 0);
	return (uint64_t)now.tv_sec * TL_NS_PER_S + (uint64_t)now.tv_nsec;
}

struct tl_stamp
tl_stamp_now(void)
{
	return (struct tl_stamp){ .wall_ns = read_clock(CLOCK_REALTIME), .mono_ns = read_clock(CLOCK_MONOTONIC) };
}

void
tl_time_text(uint64_t wall_ns, char out[TL_TIME_TEXT_SIZE])
{
	time_t seconds = (time_t)(wall_ns / TL_NS_PER_S);
	struct tm parts;
	TL_ASSERT(gmtime_r(&seconds, &parts) != NULL);
	size_t len = strftime(out, TL_TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
	(void)snprintf(out + len, TL_TIME_TEXT_SIZE - len, ".%09" PRIu64 "Z", wall_ns % TL_NS_PER_S);
}

void
tl_duration_text(uint64_t duration_ns, char out[TL_DURATION_TEXT_SIZE])
{
	if (duration_ns < TL_NS_PER_MS)
		(void)snprintf(out, TL_DURATION_TEXT_SIZE, "%" PRIu64 "µs", duration_ns / 1000);
	else if (duration_ns < TL_NS_PER_S)
		(void)snprintf(out, TL_DURATION_TEXT_SIZE, "%.1fms", (double)duration_ns / 1e6);
	else if (duration_ns < 60 * TL_NS_PER_S)
		(void)snprintf(out, TL_DURATION_TEXT_SIZE, "%.2fs", (double)duration_ns / 1e9);
	else
		(void)snprintf(out, TL_DURATION_TEXT_SIZE, "%" PRIu64 "m%02" PRIu64 "s", duration_ns / (60 * TL_NS_PER_S),
			duration_ns / TL_NS_PER_S % 60);
}

bool
tl_http_date_parse(tl_str text, int64_t *ret_unix_s)
{
	static const char *const forms[] = {
		"%a, %d %b %Y %H:%M:%S GMT", /* IMF-fixdate */
		"%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
		"%a %b %e %H:%M:%S %Y",      /* asctime */
	};
	char copy[64];
	text = tl_str_trim(text);
	if (text.len == 0 || text.len >= sizeof copy)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct tm parts = { 0 };
		const char *end = strptime(copy, forms[i], &parts);
		if (end && *end == '\0') {
			*ret_unix_s = (int64_t)timegm(&parts);
			return true;
		}
	}
	return false;
}
