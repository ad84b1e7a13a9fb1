/* cli/server_main: the program `tracellm-server DATA_DIR PORT`, which `tracellm start` runs: log, worker, page, API, live channel
 * in one process. */
#include "server_note.h"

#include <tracellm/serve.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SWEEP_MS      5000u
#define GRACE_MS      5000u
#define LEASE_WAIT_MS 10000u

struct server {
	const char *data_dir;
	uint16_t port;
	int note_fd;
	struct tl_loop *loop;
	struct tl_log *log;
	struct tl_view *written, *read; /* the worker's and the loop's handle of the embedded view */
	struct tl_worker *worker;
	bool worker_runs;
	pthread_t worker_thread;
	struct tl_serve *serve;
	struct tl_timer *sweep;
	struct tl_signal *signals[2];
	bool draining;
};

static void *
follow(void *context)
{
	tl_worker_follow(context);
	return NULL;
}

/* Ends the traces of writers that died while the server runs. */
static void
on_sweep(void *context)
{
	struct server *server = context;
	uint64_t ended;
	struct tl_err err;
	if (tl_log_end_dead_writers(server->log, &ended, &err) != TL_OK)
		(void)fprintf(stderr, "tracellm: traces of dead writers could not be ended: %s\n", err.message);
}

static void
on_drained(void *context)
{
	struct server *server = context;
	tl_loop_stop(server->loop);
}

static void
on_signal(void *context, int signal_number)
{
	struct server *server = context;
	(void)signal_number;
	if (server->draining)
		return;
	server->draining = true;
	tl_serve_drain(server->serve, GRACE_MS, on_drained, server);
}

/* The page lies in share/ beside the program's bin/, in the source tree for a build that was not installed, or where
 * TRACELLM_PAGE_DIR says. */
static const char *
page_dir(char *out, size_t size)
{
	const char *given = getenv("TRACELLM_PAGE_DIR");
	if (given && *given)
		return given;
	ssize_t len = readlink("/proc/self/exe", out, size - 64);
	for (int up = 0; up < 2 && len > 0; up++) {
		out[len] = '\0';
		char *slash = strrchr(out, '/');
		len = slash ? slash - out : -1;
	}
	if (len >= 0) {
		memcpy(out + len, "/share/tracellm/dashboard", sizeof "/share/tracellm/dashboard");
		if (access(out, R_OK) == 0)
			return out;
	}
	return TL_SOURCE_PAGE_DIR;
}

static enum tl_status
open_data(struct server *server, struct tl_err *err)
{
	uint64_t ended;
	struct tl_log_options options = { .data_dir = server->data_dir, .mode = TL_LOG_APPEND };
	TL_TRY(tl_log_open(&options, &server->log, err));
	TL_TRY(server_note_take(server->data_dir, &server->note_fd, err));
	TL_TRY(tl_log_end_dead_writers(server->log, &ended, err));
	TL_TRY(tl_view_open_embedded(server->log, true, &server->written, err));
	TL_TRY(tl_worker_open(server->log, server->written, LEASE_WAIT_MS, &server->worker, err));
	return tl_view_open_embedded(server->log, false, &server->read, err);
}

static enum tl_status
open_loop(struct server *server, struct tl_err *err)
{
	static const int numbers[2] = { SIGINT, SIGTERM };
	char path[4096];
	TL_TRY(tl_loop_open(&server->loop, err));
	struct tl_serve_options options = {
		.loop = server->loop,
		.log = server->log,
		.view = server->read,
		.worker = server->worker,
		.host = TL_STR("127.0.0.1"),
		.port = server->port,
		.page_dir = page_dir(path, sizeof path),
	};
	TL_TRY(tl_serve_open(&options, &server->serve, err));
	for (int i = 0; i < 2; i++)
		TL_TRY(tl_signal_open(server->loop, numbers[i], on_signal, server, &server->signals[i], err));
	TL_TRY(tl_timer_open(server->loop, on_sweep, server, &server->sweep, err));
	tl_timer_set(server->sweep, SWEEP_MS, SWEEP_MS);
	return TL_OK;
}

static enum tl_status
run(struct server *server, struct tl_err *err)
{
	TL_TRY(open_data(server, err));
	TL_TRY(open_loop(server, err));
	int error = pthread_create(&server->worker_thread, NULL, follow, server->worker);
	if (error)
		return tl_err_errno(err, error, "the worker's thread cannot be started");
	server->worker_runs = true;
	TL_TRY(server_note_write(server->note_fd, tl_serve_port(server->serve), err));
	(void)printf("The page: http://localhost:%u\n", tl_serve_port(server->serve));
	(void)fflush(stdout);
	tl_loop_run(server->loop);
	return TL_OK;
}

static void
close_everything(struct server *server)
{
	if (server->worker_runs) {
		tl_worker_stop(server->worker);
		(void)pthread_join(server->worker_thread, NULL);
	}
	tl_timer_close(server->sweep);
	for (int i = 0; i < 2; i++)
		tl_signal_close(server->signals[i]);
	tl_serve_close(server->serve);
	tl_loop_close(server->loop);
	tl_worker_close(server->worker);
	if (server->written)
		server->written->ops->close(server->written);
	if (server->read)
		server->read->ops->close(server->read);
	tl_log_close(server->log);
	tl_close_cleanup(&server->note_fd);
}

int
main(int argc, char **argv)
{
	struct server server = { .note_fd = -1 };
	struct rlimit no_core = { 0, 0 };
	struct tl_err err;
	uint64_t port;
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc != 3 || !tl_str_to_u64(tl_str_of(argv[2]), &port) || port > 65535) {
		(void)fputs("usage: tracellm-server DATA_DIR PORT (`tracellm start` runs it)\n", stderr);
		return CLI_EXIT_USAGE;
	}
	server.data_dir = argv[1];
	server.port = (uint16_t)port;
	enum tl_status status = run(&server, &err);
	close_everything(&server);
	if (status == TL_OK)
		return CLI_EXIT_OK;
	(void)fprintf(stderr, "tracellm: %s\n", err.message);
	return CLI_EXIT_UNUSABLE;
}
