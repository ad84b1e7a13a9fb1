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

/* `value` in whole units, halves up. */
static uint64_t
rounded(uint64_t value, uint64_t unit)
{
	return value / unit + (value % unit >= unit / 2);
}

void
tl_duration_text(uint64_t duration_ns, char out[TL_DURATION_TEXT_SIZE])
{
	/* The unit is chosen by the rounded value, or 999.96 ms would read 1000.0ms and 59.996 s 60.00s. */
	uint64_t us = rounded(duration_ns, 1000), tenths_ms = rounded(duration_ns, 100000), cs = rounded(duration_ns, 10000000);
	uint64_t s = rounded(duration_ns, TL_NS_PER_S);
	if (us < 1000)
		(void)snprintf(out, TL_DURATION_TEXT_SIZE, "%" PRIu64 "µs", us);
	else if (tenths_ms < 10000)
		(void)snprintf(out, TL_DURATION_TEXT_SIZE, "%" PRIu64 ".%" PRIu64 "ms", tenths_ms / 10, tenths_ms % 10);
	else if (cs < 6000)
		(void)snprintf(out, TL_DURATION_TEXT_SIZE, "%" PRIu64 ".%02" PRIu64 "s", cs / 100, cs % 100);
	else
		(void)snprintf(out, TL_DURATION_TEXT_SIZE, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
}

/* strptime takes any day up to the 31st in any month and timegm moves it into the next: such a day is no date. A leap second may
 * stay. */
static bool
seconds_of(struct tm *parts, int64_t *ret_unix_s)
{
	int day = parts->tm_mday, second = parts->tm_sec;
	parts->tm_sec = 0;
	int64_t minute = (int64_t)timegm(parts);
	if (parts->tm_mday != day)
		return false;
	*ret_unix_s = minute + second;
	return true;
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
		if (end == copy + text.len)
			return seconds_of(&parts, ret_unix_s);
	}
	return false;
}
