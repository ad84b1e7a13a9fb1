/* log: the narrow waist. An append-only, hash-chained log of immutable events in one LMDB environment. Knows no writer and no
 * reader.
 *
 * FORMAT VERSION 0 (may still change; docs/log-format.md draws every table). A data directory:
 *
 *      data/log/data.mdb, lock.mdb      the LMDB environment
 *      data/log/writer.lock             locked by who writes now and who writes next, so that waiting for it has a limit
 *      data/run/<writer>                a file locked (flock) by each living writer, named by its id in 16 hex digits
 *      data/views/...                   read models, not the log's business
 *
 * An event is an envelope of 104 bytes, little-endian, and a body (msgpack, src/model):
 *
 *       0  u64  seq            position in this log: 1, 2, 3, ... without gaps, given inside the write transaction
 *       8  16B  trace id
 *      24   8B  span id
 *      32   8B  parent span id
 *      40  u16  type           number in the event table
 *      42  u16  version        of the body's layout
 *      44  u32  body length
 *      48  u64  wall ns
 *      56  u64  mono ns
 *      64  u64  writer         random id of the process that appended it
 *      72  32B  body digest    BLAKE2b-256(salt || body)
 *     104
 *
 *      envelope hash = BLAKE2b-256(envelope)           link = BLAKE2b-256(previous link || envelope hash), 32 zero bytes before
 *      the first
 *
 * Tables: `events` seq -> envelope || link || salt (16B, random) || body; `traces` trace id -> trace number; `streams` (trace
 * number, seq) -> empty; `open` trace id -> writer and first seq of a trace that has not ended; `meta` format version, log id,
 * node id, and up to which seq events are entered in `traces` and `streams`: that is done 1,024 at a time, because an entry with
 * each commit would double what a commit writes. Because a body takes part only through its salted digest, it can be erased later
 * and the chain still holds.
 *
 * AN ACKNOWLEDGEMENT MEANS DURABLE: tl_log_append and tl_log_wait return TL_OK only after LMDB's commit with its flush. LMDB's
 * default sync flags, no MDB_NOSYNC, no MDB_WRITEMAP. */
#ifndef TRACELLM_LOG_H
#define TRACELLM_LOG_H

#include <tracellm/base.h>
#include <tracellm/model/event.h>

#define TL_LOG_FORMAT_VERSION 0

/* Limits, each answered with TL_ERR_LIMIT by name. */
#define TL_LOG_BODY_LIMIT        (16u << 20) /* bytes of one body */
#define TL_LOG_BATCH_EVENTS_MAX  4096u       /* events of one append */
#define TL_LOG_COMMIT_EVENTS_MAX 4096u       /* events of one commit */
#define TL_LOG_COMMIT_BYTES_MAX  (64u << 20)
#define TL_LOG_QUEUE_BYTES_MAX   (256u << 20) /* waiting for the writer thread; tl_log_submit blocks above it */
#define TL_LOG_LOCK_TIMEOUT_MS   10000u

/* As stored. `seq`, `writer`, `body_digest` are given by the log; the rest by the caller. */
struct tl_envelope {
	uint64_t seq;
	struct tl_trace_id trace_id;
	struct tl_span_id span_id, parent_span_id;
	uint16_t type, version;
	struct tl_stamp at;
	uint64_t writer;
	struct tl_digest body_digest;
};

/* One event with its undecoded body. */
struct tl_record {
	struct tl_envelope envelope;
	tl_bytes body;
	/* What the log must know of its meaning, from the event table. Asked of those who append; false in what is read: */
	bool opens_trace;  /* trace.created: the trace is open and belongs to this writer */
	bool closes_trace; /* trace.finished */
	bool only_if_open; /* drop the whole batch when this trace is not open: a dead writer's trace is ended once */
};

struct tl_log;

enum tl_log_mode { TL_LOG_APPEND, TL_LOG_READ_ONLY };

struct tl_log_options {
	const char *data_dir; /* made (0700) when missing, if appending */
	enum tl_log_mode mode;
};

/* Opens, and for appending: makes the log when there is none, takes a writer id, locks run/<writer>, starts the writer thread,
 * clears stale readers. One handle a process (lmdb.h, Caveats: a second open of the same file drops its locks); it may be used
 * from any thread. Refused with a clear error and no damage: another format, a network file system, no permission, no space, a
 * map that cannot be had. Owned, tl_log_close. */
enum tl_status tl_log_open(const struct tl_log_options *options, struct tl_log **ret_log, struct tl_err *err);
/* Waits for what was submitted, unlocks, frees. Accepts NULL. */
void tl_log_close(struct tl_log *log);

uint64_t tl_log_id(const struct tl_log *log);     /* random, made with the log */
uint64_t tl_log_writer(const struct tl_log *log); /* 0 when read-only */
const char *tl_log_data_dir(const struct tl_log *log);

/* ---- Append ----
 * A batch is committed whole or not at all, in order, with consecutive seqs. Everything queued while a flush is under way goes
 * into the next commit. Batches from other processes are ordered by the writer lock; when it is not to be had in 10 s the answer
 * is TL_ERR_BUSY. TL_ERR_FULL: the disk is full (ENOSPC, or EIO with no space left); nothing of the batch was stored; readers go
 * on and later appends succeed once there is space. */

/* Blocks until durable. `*ret_first_seq` (may be NULL) is the seq of the first event, 0 when the batch was dropped by
 * only_if_open. Any thread. */
enum tl_status tl_log_append(
	struct tl_log *log, const struct tl_record *records, size_t count, uint64_t *ret_first_seq, struct tl_err *err);

/* The same in two halves: submit copies the records and returns; wait blocks for the result. Every submitted ticket is waited for
 * once (the ticket is plain data and may be copied); batches are committed in the order in which they were submitted. */
struct tl_log_ticket {
	uint64_t number;
};
enum tl_status tl_log_submit(
	struct tl_log *log, const struct tl_record *records, size_t count, struct tl_log_ticket *ret_ticket, struct tl_err *err);
enum tl_status tl_log_wait(struct tl_log *log, struct tl_log_ticket ticket, uint64_t *ret_first_seq, struct tl_err *err);
/* Submits without anybody waiting: for pipeline events whose loss only repeats work. A failure is counted (tl_log_stat). */
enum tl_status tl_log_post(struct tl_log *log, const struct tl_record *records, size_t count, struct tl_err *err);

/* ---- Read ----
 * Reads copy a bounded batch into the caller's arena and end their transaction before returning (a pinned reader makes the file
 * grow). Any thread. */
struct tl_record_list {
	struct tl_record *records; /* in the arena, ascending by seq */
	size_t count;
	uint64_t head_seq; /* last seq of the log at the time of the read */
};

/* The last seq; 0 when empty. */
enum tl_status tl_log_head(struct tl_log *log, uint64_t *ret_seq, struct tl_err *err);
/* Events with seq > after_seq, at most `count_max` of them and about `bytes_max` bytes of bodies (at least one event). */
enum tl_status tl_log_read(struct tl_log *log, uint64_t after_seq, size_t count_max, size_t bytes_max, struct tl_arena *arena,
	struct tl_record_list *ret_list, struct tl_err *err);
/* The same, only of one trace. TL_ERR_NOT_FOUND: the log holds no such trace. */
enum tl_status tl_log_read_trace(struct tl_log *log, struct tl_trace_id trace_id, uint64_t after_seq, size_t count_max,
	size_t bytes_max, struct tl_arena *arena, struct tl_record_list *ret_list, struct tl_err *err);
/* The one trace whose id starts with `prefix` (1 to 26 characters, with or without tr_). TL_ERR_NOT_FOUND; TL_ERR_AMBIGUOUS names
 * two of them. */
enum tl_status tl_log_find_trace(struct tl_log *log, tl_str prefix, struct tl_trace_id *ret_trace_id, struct tl_err *err);
/* How many characters behind tr_ make this id unique now, at least TL_TRACE_ID_SHOWN. */
enum tl_status tl_log_unique_length(struct tl_log *log, struct tl_trace_id trace_id, unsigned *ret_length, struct tl_err *err);

/* ---- Follow ----
 * A commit by any process rings a doorbell: a datagram to each follower's socket, `<runtime dir>/tracellm-<log id>-<random>.bell`
 * ($XDG_RUNTIME_DIR, else /tmp/tracellm-<uid>, 0700). A bell can be lost, so a follower looks again at the latest every
 * TL_LOG_LOOK_AGAIN_MS by itself. Beyond TL_LOG_FOLLOWERS_MAX of one log, some are not rung. */
#define TL_LOG_LOOK_AGAIN_MS 50u
#define TL_LOG_FOLLOWERS_MAX 64u

struct tl_log_follower;
/* Owned, tl_log_follower_close (before the log's). */
enum tl_status tl_log_follower_open(struct tl_log *log, struct tl_log_follower **ret_follower, struct tl_err *err);
void tl_log_follower_close(struct tl_log_follower *follower); /* accepts NULL */
/* Readable after a bell; for a loop's watch. Answered by tl_log_follower_clear, then a tl_log_read. */
int tl_log_follower_fd(const struct tl_log_follower *follower);
void tl_log_follower_clear(struct tl_log_follower *follower);
/* Blocks until the head is beyond `after_seq`, `timeout_ms` passed or tl_log_follower_interrupt was called; tells the head as it
 * is then. */
enum tl_status tl_log_follower_wait(
	struct tl_log_follower *follower, uint64_t after_seq, uint64_t timeout_ms, uint64_t *ret_head_seq, struct tl_err *err);
void tl_log_follower_interrupt(struct tl_log_follower *follower); /* any thread */

/* ---- The dead writer
 * ------------------------------------------------------------------------------------------------------------ Open traces whose
 * writer no longer holds the lock on run/<writer>. `finish` makes the ending record for one (its body in the arena); it is
 * appended with only_if_open. */
struct tl_log_open_trace {
	struct tl_trace_id trace_id;
	uint64_t writer;
	struct tl_envelope created; /* of its trace.created */
};
typedef enum tl_status tl_log_finish_fn(void *context, const struct tl_log_open_trace *open, struct tl_arena *arena,
	struct tl_record *ret_record, struct tl_err *err);
enum tl_status tl_log_sweep(struct tl_log *log, tl_log_finish_fn *finish, void *context, uint64_t *ret_ended, struct tl_err *err);
/* True in *ret_open when the trace has not ended; *ret_dead when its writer is gone as well. */
enum tl_status tl_log_is_open(
	struct tl_log *log, struct tl_trace_id trace_id, bool *ret_open, bool *ret_dead, struct tl_err *err);

/* The sweep with the event that ends such a trace (tl_event_writer_died). Programs that may append call it when they open the
 * log; the server every 5 s. */
enum tl_status tl_log_end_dead_writers(struct tl_log *log, uint64_t *ret_ended, struct tl_err *err);

/* ---- Events and records ----
 * A record ready to be appended: envelope from the event, body encoded in `arena`. */
enum tl_status tl_record_of_event(
	const struct tl_event *event, struct tl_arena *arena, struct tl_record *ret_record, struct tl_err *err);
/* The event of a stored record; its text is borrowed from the record's body, its lists live in `arena`. TL_ERR_CORRUPT as
 * tl_event_decode. */
enum tl_status tl_event_of_record(
	const struct tl_record *record, struct tl_arena *arena, struct tl_event *ret_event, struct tl_err *err);

/* ---- Verify ---- */
struct tl_log_report {
	uint64_t events, traces, body_bytes; /* checked */
	struct tl_digest last_link;
	uint64_t head_seq;
	uint64_t first_bad_seq; /* 0: no event is bad; with `bad` > 0 the damage is in another table */
	char first_bad[256];    /* what is wrong there */
	uint64_t bad;           /* how many findings there were; 0: everything checked is good */
};
/* Walks every table: contiguous seqs, envelope against its key, body against its digest, link against the chain, traces and
 * streams against the events both ways. Findings are in the report, with TL_OK; an error is what kept it from looking. A torn
 * file can fault: programs run this in a child process. */
enum tl_status tl_log_verify(struct tl_log *log, struct tl_log_report *ret_report, struct tl_err *err);
/* The same for the events of one trace (bodies, links to their predecessors). */
enum tl_status tl_log_verify_trace(
	struct tl_log *log, struct tl_trace_id trace_id, struct tl_log_report *ret_report, struct tl_err *err);

struct tl_log_stat {
	uint64_t head_seq, traces, open_traces, file_bytes;
	uint64_t commits, events_appended, posts_failed; /* by this handle */
};
enum tl_status tl_log_stat(struct tl_log *log, struct tl_log_stat *ret_stat, struct tl_err *err);

/* The 104 bytes drawn above, and back. */
#define TL_ENVELOPE_SIZE 104u
void tl_envelope_encode(const struct tl_envelope *envelope, uint32_t body_length, uint8_t out[TL_ENVELOPE_SIZE]);
void tl_envelope_decode(const uint8_t in[TL_ENVELOPE_SIZE], struct tl_envelope *ret_envelope, uint32_t *ret_body_length);

#endif
