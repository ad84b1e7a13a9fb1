/* bench/live: from commit to WebSocket frame. Appends traces to a running server's log at a steady rate and watches so many
 * clients of its live channel; the time of a frame is from the moment the append that held its last event returned (it is
 * durable) to the moment the frame was read from the socket.
 *
 *      bench_live DATA_DIR PORT [--clients N] [--rate EVENTS_PER_S] [--seconds S] */
#include "../tests/support/events.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX   500u
#define SEQS_MAX      4000000u
#define SAMPLES_MAX   20000000u
#define CLIENT_BUFFER (256u << 10)

struct options {
	const char *data_dir;
	uint16_t port;
	unsigned clients, rate, seconds;
};

struct client {
	int fd;
	char *bytes;
	size_t len;
};

/* Monotonic time at which each event of ours was durable; 0: not yet. */
static _Atomic uint64_t durable_at[SEQS_MAX];
static _Atomic bool stopped;
static uint64_t *samples;
static size_t sample_count, frame_count;

static _Noreturn void
die(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_live: %s: %s\n", what, why);
	exit(1);
}

/* ---- Writer ---- */

static void
pace(uint64_t start_ns, uint64_t events, unsigned rate)
{
	uint64_t due_ns = start_ns + events * TL_NS_PER_S / rate;
	struct timespec due = { .tv_sec = (time_t)(due_ns / TL_NS_PER_S), .tv_nsec = (long)(due_ns % TL_NS_PER_S) };
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static void
note_durable(uint64_t first_seq, size_t count)
{
	uint64_t now = tl_stamp_now().mono_ns;
	for (size_t i = 0; i < count && first_seq + i < SEQS_MAX; i++)
		atomic_store(&durable_at[first_seq + i], now);
}

/* One trace: begun, then its end, in two appends. */
static uint64_t
append_one(struct tl_log *log, struct tl_arena *arena)
{
	struct trace_plan plan = { .trace_id = tl_trace_id_new(),
		.started = tl_stamp_now(),
		.prompt = TL_STR("A question of a benchmark"),
		.answer = TL_STR("An answer of some length, as models like to give them."),
		.chunks = 3 };
	struct made_trace trace;
	struct tl_err err;
	uint64_t seq;
	if (trace_make(&plan, arena, &trace, &err) != TL_OK ||
		trace_append(log, &trace, 0, MADE_BEGIN_EVENTS, &seq, &err) != TL_OK)
		die("append", err.message);
	note_durable(seq, MADE_BEGIN_EVENTS);
	if (trace_append(log, &trace, MADE_BEGIN_EVENTS, trace.count, &seq, &err) != TL_OK)
		die("append", err.message);
	note_durable(seq, trace.count - MADE_BEGIN_EVENTS);
	return trace.count;
}

static void *
write_events(void *context)
{
	const struct options *options = context;
	struct tl_log *log;
	struct tl_err err;
	if (tl_log_open(&(struct tl_log_options){ .data_dir = options->data_dir, .mode = TL_LOG_APPEND }, &log, &err) != TL_OK)
		die("log", err.message);
	uint64_t start_ns = tl_stamp_now().mono_ns, events = 0;
	while (events < (uint64_t)options->rate * options->seconds) {
		TL_CLEANUP(tl_arena_done) struct tl_arena arena;
		tl_arena_init(&arena, 1u << 20);
		events += append_one(log, &arena);
		pace(start_ns, events, options->rate);
	}
	double took_s = (double)(tl_stamp_now().mono_ns - start_ns) / 1e9;
	(void)fprintf(stderr, "bench_live: %" PRIu64 " events in %.1f s\n", events, took_s);
	tl_log_close(log);
	(void)sleep(1);
	atomic_store(&stopped, true);
	return NULL;
}

/* ---- Clients ---- */

static void
connect_client(struct client *client, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	char request[256];
	int len = snprintf(request, sizeof request,
		"GET /ws?lines=1 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: "
		"Upgrade\r\nSec-WebSocket-Key: "
		"dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
		port);
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	client->bytes = malloc(CLIENT_BUFFER);
	if (!client->bytes || connect(client->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
		write(client->fd, request, (size_t)len) != len)
		die("client", strerror(errno));
}

static void
take_frame(tl_str frame, uint64_t now_ns)
{
	uint64_t seq;
	size_t at = tl_str_find(frame, TL_STR("\"seq\":"));
	if (tl_str_find(frame, TL_STR("\"trace\":")) == SIZE_MAX || at == SIZE_MAX)
		return;
	tl_str rest = tl_str_from(frame, at + 6);
	tl_str digits = tl_str_split(&rest, ',');
	frame_count++;
	/* A frame can be quicker than the return of the append it is about: then it took no time. */
	if (!tl_str_to_u64(digits, &seq) || seq >= SEQS_MAX || sample_count == SAMPLES_MAX)
		return;
	uint64_t durable = atomic_load(&durable_at[seq]);
	if (durable || atomic_load(&durable_at[seq - 1]))
		samples[sample_count++] = durable && now_ns > durable ? now_ns - durable : 0;
}

/* Server frames are not masked; ours are short, so lengths of 7 and 16 bits are enough. */
static size_t
take_bytes(struct client *client, uint64_t now_ns)
{
	size_t at = 0;
	while (client->len - at >= 4) {
		const unsigned char *head = (const unsigned char *)client->bytes + at;
		if (head[0] == 'H') {
			size_t end = tl_str_find((tl_str){ client->bytes + at, client->len - at }, TL_STR("\r\n\r\n"));
			if (end == SIZE_MAX)
				return at;
			at += end + 4;
			continue;
		}
		size_t len = head[1] & 127u, skip = 2;
		if (len == 126) {
			len = (size_t)head[2] << 8 | head[3];
			skip = 4;
		}
		if (client->len - at < skip + len)
			return at;
		tl_str rest = { client->bytes + at + skip, len };
		while (rest.ptr)
			take_frame(tl_str_split(&rest, '\n'), now_ns);
		at += skip + len;
	}
	return at;
}

static void
read_client(struct client *client)
{
	ssize_t got = read(client->fd, client->bytes + client->len, CLIENT_BUFFER - client->len);
	if (got <= 0)
		die("client", got < 0                        ? strerror(errno)
			      : client->len == CLIENT_BUFFER ? "a frame longer than the buffer"
							     : "the server closed it");
	client->len += (size_t)got;
	size_t taken = take_bytes(client, tl_stamp_now().mono_ns);
	memmove(client->bytes, client->bytes + taken, client->len - taken);
	client->len -= taken;
}

static void
read_all(struct client *clients, unsigned count)
{
	struct pollfd polled[CLIENTS_MAX];
	for (unsigned i = 0; i < count; i++)
		polled[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
	while (!atomic_load(&stopped)) {
		if (poll(polled, count, 100) < 0)
			die("poll", strerror(errno));
		for (unsigned i = 0; i < count; i++)
			if (polled[i].revents)
				read_client(&clients[i]);
	}
}

/* ---- Result ---- */

static int
compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

static double
percentile_ms(double share)
{
	size_t index = (size_t)((double)sample_count * share);
	return sample_count ? (double)samples[index < sample_count ? index : sample_count - 1] / 1e6 : 0;
}

static void
read_options(int argc, char **argv, struct options *options)
{
	if (argc < 3)
		die("usage", "bench_live DATA_DIR PORT [--clients N] [--rate N] [--seconds S]");
	*options = (struct options){
		.data_dir = argv[1], .port = (uint16_t)strtoul(argv[2], NULL, 10), .clients = 200, .rate = 2000, .seconds = 10
	};
	for (int i = 3; i + 1 < argc; i += 2) {
		unsigned value = (unsigned)strtoul(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--clients") == 0 && value <= CLIENTS_MAX)
			options->clients = value;
		else if (strcmp(argv[i], "--rate") == 0 && value > 0)
			options->rate = value;
		else if (strcmp(argv[i], "--seconds") == 0 && value > 0)
			options->seconds = value;
		else
			die(argv[i], "not an option, or out of its limits");
	}
}

int
main(int argc, char **argv)
{
	static struct client clients[CLIENTS_MAX];
	struct options options;
	pthread_t writer;
	read_options(argc, argv, &options);
	samples = malloc(SAMPLES_MAX * sizeof *samples);
	if (!samples)
		die("memory", "none");
	for (unsigned i = 0; i < options.clients; i++)
		connect_client(&clients[i], options.port);
	if (pthread_create(&writer, NULL, write_events, &options) != 0)
		die("thread", "none");
	read_all(clients, options.clients);
	(void)pthread_join(writer, NULL);
	qsort(samples, sample_count, sizeof *samples, compare);
	(void)printf("{\"bench\":\"live\",\"clients\":%u,\"rate\":%u,\"seconds\":%u,\"frames\":%zu,\"p50_ms\":%.2f,\"p99_ms\":%."
		     "2f,\"max_ms\":%.2f}\n",
		options.clients, options.rate, options.seconds, frame_count, percentile_ms(0.5), percentile_ms(0.99),
		percentile_ms(1.0));
	return 0;
}
