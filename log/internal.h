/* log, inside: the tables, the batch on its way to the disk, and what the files of the room share.
 *
 *      submit (any thread)      copies, salts and hashes the bodies                     queue.c
 *      writer thread            takes what is queued, gives seqs and links, commits     writer.c, commit.c
 *      wait (the submitter)     gets the result, gives the batch back                   queue.c
 *
 * docs/log-format.md draws the stored bytes. */
#ifndef TRACELLM_LOG_INTERNAL_H
#define TRACELLM_LOG_INTERNAL_H

#include <tracellm/log.h>
#include <tracellm/store.h>

#include <pthread.h>
#include <semaphore.h>
#include <sys/un.h>

/* ---- Tables and stored forms (envelope.c) ---- */
enum log_table { LOG_EVENTS, LOG_TRACES, LOG_STREAMS, LOG_OPEN, LOG_META, LOG_TABLES };

#define LOG_LINK_AT     TL_ENVELOPE_SIZE
#define LOG_SALT_AT     (LOG_LINK_AT + TL_DIGEST_SIZE)
#define LOG_SALT_SIZE   16u
#define LOG_BODY_AT     (LOG_SALT_AT + LOG_SALT_SIZE)
#define LOG_STREAM_KEY  16u
#define LOG_OPEN_SIZE   16u
#define LOG_NUMBER_SIZE 8u

/* A stored event, its parts borrowed. */
struct log_value {
	struct tl_envelope envelope;
	tl_bytes envelope_bytes;
	struct tl_digest link;
	tl_bytes salted_body; /* salt || body */
	tl_bytes body;
};

void log_put_u64(uint8_t *out, uint64_t number); /* little-endian, as everything but keys */
uint64_t log_get_u64(const uint8_t *in);
void log_stream_key(uint64_t trace_number, uint64_t seq, uint8_t out[LOG_STREAM_KEY]);
/* Writes a value whose seq and link are still zero: the submitter's part. `out` holds LOG_BODY_AT + the body's length. */
void log_value_prepare(const struct tl_record *record, uint64_t writer, const uint8_t salt[LOG_SALT_SIZE], uint8_t *out);
/* The writer's part: gives the value its seq, and its link behind `*link`, which moves on to it. */
void log_value_finish(uint8_t *value, uint64_t seq, struct tl_digest *link);
/* TL_ERR_CORRUPT: the value cannot be one of `seq`. Digest and link are not checked. */
enum tl_status log_value_read(uint64_t seq, tl_bytes value, struct log_value *ret_value, struct tl_err *err);
struct tl_digest log_link_after(struct tl_digest previous, tl_bytes envelope_bytes);

/* ---- Locks (lock.c) ---- */
/* The lock before LMDB's writer lock. Ends with the process, whatever ends it. */
enum tl_status log_lock_open(const char *log_dir, int *ret_fd, struct tl_err *err);
/* TL_ERR_BUSY: not had until `deadline_ns` (monotonic); tried at least once. */
enum tl_status log_lock_take(int fd, uint64_t deadline_ns, struct tl_err *err);
void log_lock_release(int fd);

/* run/<writer>: locked as long as the process lives. */
enum tl_status log_run_open(const char *data_dir, uint64_t writer, int *ret_fd, struct tl_err *err);
void log_run_close(const char *data_dir, uint64_t writer, int fd);
enum tl_status log_run_is_dead(const char *data_dir, uint64_t writer, bool *ret_dead, struct tl_err *err);
/* Removes the files of dead writers. What cannot be removed stays. */
void log_run_clean(const char *data_dir);

/* ---- Places (place.c) ---- */
enum tl_status log_place_make(const char *data_dir, struct tl_err *err);
enum tl_status log_place_is_local(const char *dir, struct tl_err *err);
/* Where the bells are. False: there is no such place; followers then look by the clock. */
#define LOG_RUNTIME_DIR_SIZE 60u
bool log_runtime_dir(char out[LOG_RUNTIME_DIR_SIZE]);

/* ---- Doorbell (bell.c) ---- */
struct log_bell {
	int fd; /* -1: nothing can be rung */
	uint64_t log_id;
	char dir[LOG_RUNTIME_DIR_SIZE];
	bool settled; /* nothing new can be in the directory while it has this time */
	struct timespec changed_at;
	unsigned count;
	struct sockaddr_un followers[TL_LOG_FOLLOWERS_MAX];
};
void log_bell_init(struct log_bell *bell, uint64_t log_id);
void log_bell_done(struct log_bell *bell);
void log_bell_ring(struct log_bell *bell);
/* "tracellm-<log id>-" and its length. */
#define LOG_BELL_PREFIX_SIZE 27u
void log_bell_prefix(uint64_t log_id, char out[LOG_BELL_PREFIX_SIZE]);

/* ---- Batches (queue.c) ---- */
struct log_item {
	uint32_t value_len;
	bool opens_trace, closes_trace, only_if_open;
};

/* How a batch and its waiter meet: whoever comes second knows that the other was there. */
enum log_batch_state { LOG_BATCH_UNDER_WAY, LOG_BATCH_WAITED_FOR, LOG_BATCH_DONE };

/* One append on its way. The submitter owns it until it is queued, the writer thread until it is done, the waiter until it is
 * given back. */
struct log_batch {
	struct log_batch *next;
	size_t block_size;
	size_t count;
	size_t bytes; /* of the values */
	uint64_t queued_ns;
	bool posted; /* nobody waits */
	_Atomic enum log_batch_state state;
	sem_t woken;
	struct log_batch *wakes[2]; /* whom the woken waiter wakes in turn */
	enum tl_status status;
	uint64_t first_seq;
	uint8_t *values;         /* one behind the other, in the block */
	struct tl_err err;       /* set when status is not TL_OK */
	struct log_item items[]; /* `count`, then the values */
};

struct log_queue {
	struct log_batch *first, **end;
	size_t bytes;
};

/* The results of a group: waiters go on, posted batches are given back. */
void log_group_done(struct tl_log *log, struct log_batch *first);
void log_batches_free(struct log_batch *first);

/* ---- The writer thread (writer.c, commit.c) ---- */
void *log_writer_main(void *log);
/* Stores the batches of one group, each whole or not at all, and writes each one's result. The writer lock is held. */
void log_commit_group(struct tl_log *log, struct log_batch *first);

/* ---- Finding the events of a trace (index.c) ---- */
#define LOG_INDEX_EVERY 1024u
/* Events not entered in `traces` and `streams`: always fewer than LOG_INDEX_EVERY and one commit. */
#define LOG_TAIL_MAX (LOG_INDEX_EVERY + TL_LOG_COMMIT_EVENTS_MAX)

struct log_place {
	struct tl_trace_id trace_id;
	uint64_t seq;
};

/* The last seq that is entered. */
enum tl_status log_indexed_in(struct tl_store_txn *txn, uint64_t *ret_seq, struct tl_err *err);
/* Enters the events behind `indexed`; `places` is room to work in. */
enum tl_status log_index(
	struct tl_store_txn *txn, uint64_t indexed, uint64_t head_seq, struct log_place places[LOG_TAIL_MAX], struct tl_err *err);
/* The number of an entered trace; 0: there is none. */
enum tl_status log_trace_number_in(
	struct tl_store_txn *txn, struct tl_trace_id trace_id, uint64_t *ret_number, struct tl_err *err);
/* A cursor on the first event behind `after_seq`. Owned, tl_store_cursor_close. */
enum tl_status log_events_after(struct tl_store_txn *txn, uint64_t after_seq, struct tl_store_cursor **ret_cursor,
	struct tl_store_entry *ret_entry, struct tl_err *err);
/* False: too short to be an event. */
bool log_value_trace(tl_bytes value, struct tl_trace_id *ret_id);
enum tl_status log_last_in(struct tl_store_txn *txn, enum log_table table, struct tl_store_entry *ret_entry, struct tl_err *err);
/* How many traces there are, those of the tail among them. */
enum tl_status log_traces_in(struct tl_store_txn *txn, uint64_t *ret_count, struct tl_err *err);

struct tl_log {
	struct tl_store *store;
	char *data_dir;
	uint64_t id, writer;
	int lock_fd, run_fd;
	bool thread_started;
	pthread_t thread;

	/* Only the writer thread's: */
	struct log_bell bell;
	struct log_place *places; /* LOG_TAIL_MAX of them, for log_index */
	uint64_t readers_cleared_ns;

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t work;   /* the queue is not empty, or closing */
	pthread_cond_t room;   /* the queue became shorter */
	struct log_queue queue;
	bool closing;
	struct log_batch *spare;
	unsigned spare_count;
	unsigned salts_left;
	uint8_t salts[4096];
	uint64_t commits, events_appended, posts_failed;
};

uint64_t log_now_ns(void); /* monotonic, to a few ms */

/* ---- Reading (read.c) ---- */
enum tl_status log_head_in(struct tl_store_txn *txn, uint64_t *ret_seq, struct tl_err *err);
/* The value of the event `seq`. TL_ERR_CORRUPT: there is none, although something points to it. */
enum tl_status log_event_in(struct tl_store_txn *txn, uint64_t seq, struct log_value *ret_value, struct tl_err *err);
#endif
