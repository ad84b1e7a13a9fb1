/* bench/append: what the log costs over bare LMDB. Rounds of both, one after the other, on the same file system; medians of the
 * rounds.
 *
 *      bench_append [--rounds N] [--seconds S] [--dir DIR] [--writers W] [--body BYTES]
 *
 * ours: threads, each with so many events in flight (1: it waits until each is durable); traces of 20 events. bare: one thread,
 * as many puts a transaction as our commits had on average, each of an event's bytes (envelope and body) under its seq,
 * MDB_APPEND, the same sync flags. */
#include <tracellm/log.h>

#include <inttypes.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define ROUNDS_MAX       31u
#define WRITERS_MAX      64u
#define IN_FLIGHT_MAX    64u
#define BODY_MAX         2048u
#define EVENTS_PER_TRACE 20u

struct options {
	unsigned rounds;
	double seconds;
	const char *dir;
	unsigned writers, body_bytes; /* 0: all */
};

struct shape {
	unsigned writers, in_flight, body_bytes;
};

struct result {
	double events_per_s, events_per_commit, cpu_us_per_event, bytes_per_event;
};

static _Noreturn void
die(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_append: %s: %s\n", what, why);
	exit(1);
}

static double
now_s(void)
{
	return (double)tl_stamp_now().mono_ns / 1e9;
}

static double
cpu_s(void)
{
	struct rusage usage;
	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Bytes handed to write calls so far (proc(5), /proc/pid/io). */
static double
written_bytes(void)
{
	char line[64];
	double bytes = 0;
	FILE *io = fopen("/proc/self/io", "re");
	while (io && fgets(line, sizeof line, io))
		if (strncmp(line, "wchar: ", 7) == 0)
			bytes = strtod(line + 7, NULL);
	if (io)
		(void)fclose(io);
	return bytes;
}

static void
make_dir(const struct options *options, char out[256])
{
	(void)snprintf(out, 256, "%s/tracellm-bench-XXXXXX", options->dir);
	if (!mkdtemp(out))
		die("mkdtemp", out);
}

static void
remove_dir(const char *dir)
{
	char command[300];
	(void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
	FILE *shell = popen(command, "r");
	if (!shell || pclose(shell) != 0)
		die("rm -rf", dir);
}

/* ---- ours ---- */
struct run {
	struct tl_log *log;
	const struct shape *shape;
	atomic_bool stop;
	atomic_uint_fast64_t appended;
};

static void *
append_until_stopped(void *context)
{
	struct run *run = context;
	uint8_t body[BODY_MAX];
	struct tl_err err;
	struct tl_record record = { .envelope = { .type = 1, .version = 1 }, .body = { body, run->shape->body_bytes } };
	uint64_t appended = 0;
	tl_entropy(body, sizeof body);
	struct tl_log_ticket tickets[IN_FLIGHT_MAX];
	while (!atomic_load_explicit(&run->stop, memory_order_relaxed)) {
		struct tl_log_ticket *ticket = &tickets[appended % run->shape->in_flight];
		if (appended >= run->shape->in_flight && tl_log_wait(run->log, *ticket, NULL, &err) != TL_OK)
			die("wait", err.message);
		uint64_t place = appended++ % EVENTS_PER_TRACE;
		if (place == 0)
			record.envelope.trace_id = tl_trace_id_new();
		record.opens_trace = place == 0;
		record.closes_trace = place == EVENTS_PER_TRACE - 1;
		record.envelope.at = tl_stamp_now();
		if (tl_log_submit(run->log, &record, 1, ticket, &err) != TL_OK)
			die("submit", err.message);
	}
	for (uint64_t i = 0; i < appended && i < run->shape->in_flight; i++)
		if (tl_log_wait(run->log, tickets[i], NULL, &err) != TL_OK)
			die("wait", err.message);
	atomic_fetch_add(&run->appended, appended);
	return NULL;
}

static struct result
run_ours(const struct options *options, const struct shape *shape)
{
	char dir[256];
	struct tl_err err;
	struct run run = { .shape = shape };
	make_dir(options, dir);
	struct tl_log_options log_options = { .data_dir = dir, .mode = TL_LOG_APPEND };
	if (tl_log_open(&log_options, &run.log, &err) != TL_OK)
		die("open", err.message);
	pthread_t threads[WRITERS_MAX];
	double started = now_s(), cpu = cpu_s(), written = written_bytes();
	for (unsigned i = 0; i < shape->writers; i++)
		if (pthread_create(&threads[i], NULL, append_until_stopped, &run) != 0)
			die("pthread_create", "failed");
	struct timespec pause = { .tv_sec = (time_t)options->seconds,
		.tv_nsec = (long)((options->seconds - (double)(time_t)options->seconds) * 1e9) };
	(void)nanosleep(&pause, NULL);
	atomic_store(&run.stop, true);
	for (unsigned i = 0; i < shape->writers; i++)
		(void)pthread_join(threads[i], NULL);
	double took = now_s() - started;
	cpu = cpu_s() - cpu;
	written = written_bytes() - written;
	struct tl_log_stat stat;
	if (tl_log_stat(run.log, &stat, &err) != TL_OK)
		die("stat", err.message);
	tl_log_close(run.log);
	remove_dir(dir);
	double appended = (double)atomic_load(&run.appended);
	return (struct result){ appended / took, appended / (double)stat.commits, cpu * 1e6 / appended, written / appended };
}

/* ---- bare LMDB ---- */
static void
check(int result, const char *what)
{
	if (result != 0)
		die(what, mdb_strerror(result));
}

static void
put_group(MDB_env *env, MDB_dbi table, uint64_t *seq, unsigned count, uint8_t *event, size_t event_size)
{
	MDB_txn *txn;
	check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
	for (unsigned i = 0; i < count; i++) {
		uint64_t key_number = __builtin_bswap64(++*seq);
		MDB_val key = { sizeof key_number, &key_number }, value = { event_size, event };
		check(mdb_put(txn, table, &key, &value, MDB_APPEND), "put");
	}
	check(mdb_txn_commit(txn), "commit");
}

static struct result
run_bare(const struct options *options, const struct shape *shape, double events_per_commit)
{
	char dir[256];
	uint8_t event[TL_ENVELOPE_SIZE + BODY_MAX];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi table;
	make_dir(options, dir);
	tl_entropy(event, sizeof event);
	check(mdb_env_create(&env), "create");
	check(mdb_env_set_mapsize(env, (size_t)64 << 30), "set_mapsize");
	check(mdb_env_set_maxdbs(env, 1), "set_maxdbs");
	check(mdb_env_open(env, dir, MDB_NOTLS, 0600), "open");
	check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
	check(mdb_dbi_open(txn, "events", MDB_CREATE, &table), "dbi_open");
	check(mdb_txn_commit(txn), "commit");
	uint64_t seq = 0;
	double started = now_s(), cpu = cpu_s(), written = written_bytes(), commits = 0, due = 0;
	while (now_s() - started < options->seconds) {
		/* The mean need not be a whole number. */
		due += events_per_commit;
		unsigned count = (unsigned)due;
		due -= count;
		put_group(env, table, &seq, count, event, TL_ENVELOPE_SIZE + shape->body_bytes);
		commits++;
	}
	double took = now_s() - started;
	cpu = cpu_s() - cpu;
	written = written_bytes() - written;
	mdb_env_close(env);
	remove_dir(dir);
	return (struct result){ (double)seq / took, (double)seq / commits, cpu * 1e6 / (double)seq, written / (double)seq };
}

/* ---- rounds ---- */
static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double
median(double *values, unsigned count)
{
	qsort(values, count, sizeof *values, by_size);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void
print_line(const struct shape *shape, unsigned round, const char *what, const struct result *result)
{
	printf("{\"bench\":\"append\",\"writers\":%u,\"in_flight\":%u,\"body_bytes\":%u,\"round\":%u,\"what\":\"%s\",\"events_"
	       "per_s\":%.0f,\"events_per_commit\":%.2f,"
	       "\"cpu_us_per_event\":%.2f,\"written_bytes_per_event\":%.0f}\n",
		shape->writers, shape->in_flight, shape->body_bytes, round, what, result->events_per_s, result->events_per_commit,
		result->cpu_us_per_event, result->bytes_per_event);
	(void)fflush(stdout);
}

static void
measure(const struct options *options, const struct shape *shape, char *table_row, size_t size)
{
	double ours[ROUNDS_MAX], bare[ROUNDS_MAX], ratio[ROUNDS_MAX], group[ROUNDS_MAX];
	for (unsigned round = 0; round < options->rounds; round++) {
		struct result a = run_ours(options, shape);
		struct result b = run_bare(options, shape, a.events_per_commit);
		print_line(shape, round, "log", &a);
		print_line(shape, round, "bare", &b);
		ours[round] = a.events_per_s;
		bare[round] = b.events_per_s;
		group[round] = a.events_per_commit;
		ratio[round] = a.events_per_s / b.events_per_s;
	}
	unsigned n = options->rounds;
	double middle = median(ratio, n);
	(void)snprintf(table_row, size, "%7u %9u %10u %12.0f %12.0f %14.1f %7.2f  (%.2f to %.2f)\n", shape->writers,
		shape->in_flight, shape->body_bytes, median(ours, n), median(bare, n), median(group, n), middle, ratio[0],
		ratio[n - 1]);
}

int
main(int argc, char **argv)
{
	static const struct shape shapes[] = { { 1, 1, 200 }, { 1, 1, 2048 }, { 1, 64, 200 }, { 1, 64, 2048 }, { 64, 1, 200 },
		{ 64, 1, 2048 } };
	enum { SHAPES = sizeof shapes / sizeof shapes[0] };
	struct options options = { .rounds = 5, .seconds = 1, .dir = "/tmp" };
	char rows[SHAPES][128];
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--rounds") == 0)
			options.rounds = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seconds") == 0)
			options.seconds = strtod(argv[i + 1], NULL);
		else if (strcmp(argv[i], "--dir") == 0)
			options.dir = argv[i + 1];
		else if (strcmp(argv[i], "--writers") == 0)
			options.writers = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--body") == 0)
			options.body_bytes = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else
			die(argv[i], "known are --rounds N, --seconds S, --dir DIR, --writers W, --body BYTES");
	}
	if (options.rounds < 1 || options.rounds > ROUNDS_MAX)
		die("--rounds", "allowed are 1 to 31");
	unsigned measured = 0;
	for (unsigned i = 0; i < SHAPES; i++)
		if ((options.writers == 0 || options.writers == shapes[i].writers) &&
			(options.body_bytes == 0 || options.body_bytes == shapes[i].body_bytes))
			measure(&options, &shapes[i], rows[measured++], sizeof rows[0]);
	printf("\n%7s %9s %10s %12s %12s %14s %7s\n", "writers", "in flight", "body bytes", "log ev/s", "bare ev/s",
		"events/commit", "ratio");
	for (unsigned i = 0; i < measured; i++)
		(void)fputs(rows[i], stdout);
	return 0;
}
