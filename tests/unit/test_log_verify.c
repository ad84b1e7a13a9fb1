/* Whatever is changed in the stored bytes, verify finds and names it. */
#include "log_fixture.h"

#include <tracellm/store.h>

/* Tampering goes through the store, as another program with LMDB would do it. */
enum { EVENTS, TRACES, STREAMS, OPEN, META };
static const char *const table_names[] = { "events", "traces", "streams", "open", "meta" };

static struct tl_store *store;
static struct tl_store_txn *txn;

static void
tamper_begin(void)
{
	struct tl_err err;
	static char dir[96];
	(void)snprintf(dir, sizeof dir, "%s/log", data_dir);
	struct tl_store_options options = { .dir = dir, .tables = table_names, .table_count = 5 };
	assert_ok(tl_store_open(&options, &store, &err));
	assert_ok(tl_store_begin(store, TL_STORE_WRITE, &txn, &err));
}

static void
tamper_end(void)
{
	struct tl_err err;
	assert_ok(tl_store_commit(txn, &err));
	tl_store_close(store);
}

static tl_bytes
seq_key(uint64_t seq)
{
	static uint8_t key[8];
	tl_store_u64_key(seq, key);
	return (tl_bytes){ key, sizeof key };
}

static tl_bytes
stream_key(uint64_t number, uint64_t seq)
{
	static uint8_t key[16];
	tl_store_u64_key(number, key);
	tl_store_u64_key(seq, key + 8);
	return (tl_bytes){ key, sizeof key };
}

static struct tl_log_report
report_after_tampering(void)
{
	struct tl_log *log = log_opened(TL_LOG_READ_ONLY);
	struct tl_log_report report = verified(log);
	tl_log_close(log);
	return report;
}

static void
assert_bad(uint64_t seq, const char *what)
{
	struct tl_log_report report = report_after_tampering();
	if (report.bad == 0 || report.first_bad_seq != seq || !strstr(report.first_bad, what))
		fail_msg("expected '%s' at %llu, got %llu findings, the first at %llu: %s", what, (unsigned long long)seq,
			(unsigned long long)report.bad, (unsigned long long)report.first_bad_seq, report.first_bad);
}

/* 1,100 events of 5 traces in one commit, all entered in the tables; trace 4 is open. */
static void
make_entered(void)
{
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	static struct tl_record records[1100];
	for (unsigned i = 0; i < 1100; i++)
		records[i] = record_of(i % 5, "a body");
	records[4].opens_trace = true;
	assert_ok(tl_log_append(log, records, 1100, NULL, &err));
	assert_clean(log);
	tl_log_close(log);
}

static void
clean_log_counts_what_it_checked(void **state)
{
	(void)state;
	make_entered();
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	append_text(log, 9, "in the tail");
	struct tl_log_report report = verified(log);
	assert_int_equal(report.bad, 0);
	assert_int_equal(report.first_bad_seq, 0);
	assert_int_equal(report.events, 1101);
	assert_int_equal(report.traces, 6);
	assert_int_equal(report.body_bytes, 1100 * 6 + 11);
	assert_int_equal(report.head_seq, 1101);
	tl_log_close(log);
}

static void
empty_log_is_clean_and_its_link_is_zero(void **state)
{
	(void)state;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_log_report report = verified(log);
	assert_int_equal(report.bad + report.events, 0);
	assert_true(tl_digest_equal(report.last_link, (struct tl_digest){ { 0 } }));
	tl_log_close(log);
}

static void
flip(uint64_t seq, size_t byte, unsigned bit)
{
	struct tl_err err;
	tl_bytes value;
	tamper_begin();
	assert_ok(tl_store_get(txn, EVENTS, seq_key(seq), &value, &err));
	uint8_t copy[1024];
	assert_true(byte < value.len && value.len <= sizeof copy);
	memcpy(copy, value.ptr, value.len);
	copy[byte] = (uint8_t)(copy[byte] ^ 1u << bit);
	assert_ok(tl_store_put(txn, EVENTS, seq_key(seq), (tl_bytes){ copy, value.len }, TL_STORE_REPLACE, &err));
	tamper_end();
}

static void
every_flipped_bit_of_a_stored_event_is_found_and_named(void **state)
{
	(void)state;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	const char *const bodies[] = { "first", "", "the third one's body" };
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < 3; i++)
		append_text(log, i, bodies[i]);
	assert_clean(log);
	tl_log_close(log);
	for (uint64_t seq = 1; seq <= 3; seq++)
		for (size_t byte = 0; byte < 152 + strlen(bodies[seq - 1]); byte++) {
			unsigned bit = (unsigned)unit_below(&random, 8);
			flip(seq, byte, bit);
			struct tl_log_report report = report_after_tampering();
			if (report.bad == 0 || report.first_bad_seq != seq)
				fail_msg("bit %u of byte %zu of event %llu: %llu findings, the first at %llu", bit, byte,
					(unsigned long long)seq, (unsigned long long)report.bad,
					(unsigned long long)report.first_bad_seq);
			flip(seq, byte, bit);
		}
	log = log_opened(TL_LOG_READ_ONLY);
	assert_clean(log);
	tl_log_close(log);
}

static void
forged_event_with_a_fitting_digest_breaks_the_chain(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	for (unsigned i = 0; i < 4; i++)
		append_text(log, 1, "honest");
	tl_log_close(log);
	/* Event 2 gets event 3's salt, body and digest, and a link that fits: then event 3 no longer fits it. */
	tl_bytes value;
	uint8_t forged[158], link_input[64];
	tamper_begin();
	assert_ok(tl_store_get(txn, EVENTS, seq_key(1), &value, &err));
	memcpy(link_input, value.ptr + 104, 32);
	assert_ok(tl_store_get(txn, EVENTS, seq_key(3), &value, &err));
	assert_int_equal(value.len, sizeof forged);
	memcpy(forged, value.ptr, sizeof forged);
	forged[0] = 2;
	struct tl_digest hash = tl_digest_of((tl_bytes){ forged, 104 });
	memcpy(link_input + 32, hash.bytes, 32);
	struct tl_digest link = tl_digest_of((tl_bytes){ link_input, sizeof link_input });
	memcpy(forged + 104, link.bytes, 32);
	assert_ok(tl_store_put(txn, EVENTS, seq_key(2), (tl_bytes){ forged, sizeof forged }, TL_STORE_REPLACE, &err));
	tamper_end();
	assert_bad(3, "does not match its link");
}

static void
missing_event_is_named(void **state)
{
	(void)state;
	struct tl_err err;
	make_entered();
	tamper_begin();
	assert_ok(tl_store_delete(txn, EVENTS, seq_key(500), NULL, &err));
	tamper_end();
	assert_bad(500, "is missing");
}

static void
event_not_in_its_stream_is_named(void **state)
{
	(void)state;
	struct tl_err err;
	bool deleted;
	make_entered();
	tamper_begin();
	/* Traces are numbered in the order of their ids; trace 0's id is the lowest, and event 6 is its second. */
	assert_ok(tl_store_delete(txn, STREAMS, stream_key(1, 6), &deleted, &err));
	assert_true(deleted);
	tamper_end();
	assert_bad(6, "missing in the table 'streams'");
}

static void
event_in_a_foreign_stream_is_named(void **state)
{
	(void)state;
	struct tl_err err;
	make_entered();
	tamper_begin();
	assert_ok(tl_store_put(txn, STREAMS, stream_key(2, 6), (tl_bytes){ NULL, 0 }, TL_STORE_REPLACE, &err));
	tamper_end();
	assert_bad(6, "gives event 6 to trace number 2");
}

static void
stream_beyond_what_was_entered_is_found(void **state)
{
	(void)state;
	struct tl_err err;
	make_entered();
	tamper_begin();
	assert_ok(tl_store_put(txn, STREAMS, stream_key(2, 1101), (tl_bytes){ NULL, 0 }, TL_STORE_REPLACE, &err));
	tamper_end();
	assert_bad(0, "names event 1101");
}

static void
trace_without_its_entry_is_named_by_its_first_event(void **state)
{
	(void)state;
	struct tl_err err;
	make_entered();
	struct tl_trace_id id = trace_of(2);
	tamper_begin();
	assert_ok(tl_store_delete(txn, TRACES, (tl_bytes){ id.bytes, sizeof id.bytes }, NULL, &err));
	tamper_end();
	assert_bad(3, "not in the table 'traces'");
}

static void
trace_entry_without_events_is_found(void **state)
{
	(void)state;
	struct tl_err err;
	make_entered();
	struct tl_trace_id id = trace_of(200);
	uint8_t number[8] = { 99 };
	tamper_begin();
	assert_ok(tl_store_put(
		txn, TRACES, (tl_bytes){ id.bytes, sizeof id.bytes }, (tl_bytes){ number, 8 }, TL_STORE_REPLACE, &err));
	tamper_end();
	assert_bad(0, "trace number 99 has no events");
}

static void
two_traces_of_one_number_are_found(void **state)
{
	(void)state;
	struct tl_err err;
	make_entered();
	struct tl_trace_id id = trace_of(200);
	uint8_t number[8] = { 1 };
	tamper_begin();
	assert_ok(tl_store_put(
		txn, TRACES, (tl_bytes){ id.bytes, sizeof id.bytes }, (tl_bytes){ number, 8 }, TL_STORE_REPLACE, &err));
	tamper_end();
	assert_bad(1, "a trace that is not its own");
}

static void
open_trace_with_a_foreign_writer_is_named(void **state)
{
	(void)state;
	struct tl_err err;
	make_entered();
	struct tl_trace_id id = trace_of(4);
	uint8_t value[16] = { 1 };
	value[8] = 5;
	tamper_begin();
	assert_ok(tl_store_put(
		txn, OPEN, (tl_bytes){ id.bytes, sizeof id.bytes }, (tl_bytes){ value, 16 }, TL_STORE_REPLACE, &err));
	tamper_end();
	assert_bad(5, "the table 'open' names event 5");
}

static void
wrong_mark_of_what_was_entered_is_found_and_stops_appends(void **state)
{
	(void)state;
	struct tl_err err;
	make_entered();
	uint8_t mark[8] = { 0xff, 0xff };
	tamper_begin();
	assert_ok(tl_store_put(txn, META, tl_bytes_of(TL_STR("indexed")), (tl_bytes){ mark, 8 }, TL_STORE_REPLACE, &err));
	tamper_end();
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct tl_record record = record_of(1, "x");
	assert_int_equal(tl_log_append(log, &record, 1, NULL, &err), TL_ERR_CORRUPT);
	tl_log_close(log);
	mark[0] = 10;
	mark[1] = 0;
	tamper_begin();
	assert_ok(tl_store_put(txn, META, tl_bytes_of(TL_STR("indexed")), (tl_bytes){ mark, 8 }, TL_STORE_REPLACE, &err));
	tamper_end();
	assert_bad(0, "entered are events 1 to 10");
}

static void
other_format_is_refused_and_left_alone(void **state)
{
	(void)state;
	struct tl_err err;
	make_entered();
	uint8_t format[8] = { 7 };
	tamper_begin();
	assert_ok(tl_store_put(txn, META, tl_bytes_of(TL_STR("format")), (tl_bytes){ format, 8 }, TL_STORE_REPLACE, &err));
	tamper_end();
	struct tl_log *log = NULL;
	struct tl_log_options options = { .data_dir = data_dir, .mode = TL_LOG_APPEND };
	assert_int_equal(tl_log_open(&options, &log, &err), TL_ERR_VERSION);
	assert_non_null(strstr(err.message, "version 7"));
	format[0] = TL_LOG_FORMAT_VERSION;
	tamper_begin();
	assert_ok(tl_store_put(txn, META, tl_bytes_of(TL_STR("format")), (tl_bytes){ format, 8 }, TL_STORE_REPLACE, &err));
	tamper_end();
	assert_int_equal(report_after_tampering().bad, 0);
}

static void
one_trace_is_verified_by_itself(void **state)
{
	(void)state;
	struct tl_err err;
	make_entered();
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	append_text(log, 2, "in the tail");
	append_text(log, 77, "only in the tail");
	tl_log_close(log);
	flip(3, 155, 1);
	flip(1101, 155, 1);
	log = log_opened(TL_LOG_READ_ONLY);
	struct tl_log_report report;
	assert_ok(tl_log_verify_trace(log, trace_of(1), &report, &err));
	assert_int_equal(report.bad, 0);
	assert_int_equal(report.events, 220);
	assert_ok(tl_log_verify_trace(log, trace_of(2), &report, &err));
	assert_int_equal(report.bad, 2);
	assert_int_equal(report.first_bad_seq, 3);
	assert_int_equal(report.events, 221);
	assert_ok(tl_log_verify_trace(log, trace_of(77), &report, &err));
	assert_int_equal(report.bad, 0);
	assert_int_equal(report.events, 1);
	assert_int_equal(tl_log_verify_trace(log, trace_of(78), &report, &err), TL_ERR_NOT_FOUND);
	tl_log_close(log);
}

int
main(void)
{
#define IN_A_LOG(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_remove)
	const struct CMUnitTest tests[] = {
		IN_A_LOG(clean_log_counts_what_it_checked),
		IN_A_LOG(empty_log_is_clean_and_its_link_is_zero),
		IN_A_LOG(every_flipped_bit_of_a_stored_event_is_found_and_named),
		IN_A_LOG(forged_event_with_a_fitting_digest_breaks_the_chain),
		IN_A_LOG(missing_event_is_named),
		IN_A_LOG(event_not_in_its_stream_is_named),
		IN_A_LOG(event_in_a_foreign_stream_is_named),
		IN_A_LOG(stream_beyond_what_was_entered_is_found),
		IN_A_LOG(trace_without_its_entry_is_named_by_its_first_event),
		IN_A_LOG(trace_entry_without_events_is_found),
		IN_A_LOG(two_traces_of_one_number_are_found),
		IN_A_LOG(open_trace_with_a_foreign_writer_is_named),
		IN_A_LOG(wrong_mark_of_what_was_entered_is_found_and_stops_appends),
		IN_A_LOG(other_format_is_refused_and_left_alone),
		IN_A_LOG(one_trace_is_verified_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
