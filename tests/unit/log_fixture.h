/* What the tests of log/ share: a log in a directory of its own, records, and checks that say why they failed. */
#ifndef TRACELLM_TESTS_LOG_FIXTURE_H
#define TRACELLM_TESTS_LOG_FIXTURE_H

#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tracellm/log.h>

/* Where the test's directory is; remade for each test. */
static char data_dir[32];

#define assert_ok(expression)                                                 \
	do {                                                                  \
		struct tl_err *assert_err = &err;                             \
		enum tl_status assert_status = (expression);                  \
		if (assert_status != TL_OK)                                   \
			fail_msg("%s: %s", #expression, assert_err->message); \
	} while (0)

static inline int
fixture_make(void **state)
{
	(void)state;
	(void)snprintf(data_dir, sizeof data_dir, "/tmp/tracellm-test-XXXXXX");
	if (!mkdtemp(data_dir))
		return -1;
	/* The bells hang in the test's own directory. */
	return setenv("XDG_RUNTIME_DIR", data_dir, 1);
}

static inline int
fixture_remove(void **state)
{
	(void)state;
	char command[128];
	(void)snprintf(command, sizeof command, "rm -rf '%s'", data_dir);
	FILE *shell = popen(command, "r");
	return shell ? pclose(shell) : -1;
}

static inline struct tl_log *
log_opened(enum tl_log_mode mode)
{
	struct tl_err err;
	struct tl_log *log = NULL;
	struct tl_log_options options = { .data_dir = data_dir, .mode = mode };
	assert_ok(tl_log_open(&options, &log, &err));
	return log;
}

/* A trace id that tells its number. */
static inline struct tl_trace_id
trace_of(unsigned number)
{
	struct tl_trace_id id = { { 0 } };
	id.bytes[0] = (uint8_t)(number * 37);
	id.bytes[14] = (uint8_t)(number >> 8);
	id.bytes[15] = (uint8_t)number;
	return id;
}

/* A record of trace `number`; the body is the text, borrowed. */
static inline struct tl_record
record_of(unsigned number, const char *text)
{
	return (struct tl_record){
		.envelope = { .trace_id = trace_of(number), .type = 7, .version = 1, .at = tl_stamp_now() },
		.body = tl_bytes_of(tl_str_of(text)),
	};
}

static inline uint64_t
append_text(struct tl_log *log, unsigned number, const char *text)
{
	struct tl_err err;
	struct tl_record record = record_of(number, text);
	uint64_t seq = 0;
	assert_ok(tl_log_append(log, &record, 1, &seq, &err));
	return seq;
}

static inline struct tl_log_report
verified(struct tl_log *log)
{
	struct tl_err err;
	struct tl_log_report report;
	assert_ok(tl_log_verify(log, &report, &err));
	return report;
}

static inline void
assert_clean(struct tl_log *log)
{
	struct tl_log_report report = verified(log);
	if (report.bad != 0)
		fail_msg("event %llu: %s", (unsigned long long)report.first_bad_seq, report.first_bad);
}

#endif
