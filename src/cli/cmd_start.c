/* cli/cmd_start: `tracellm start`, `stop`, `status`. The server itself is another program (server_main.c), so that this one need
 * not load what it links. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_WAIT_MS 20000u
#define STOP_WAIT_MS  20000u
#define LOOK_MS       20u

static void
sleep_ms(unsigned ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	(void)nanosleep(&time, NULL);
}

/* tracellm-server lies beside this program. */
static enum tl_status
server_path(char *out, size_t size, struct tl_err *err)
{
	ssize_t len = readlink("/proc/self/exe", out, size - 16);
	if (len < 0)
		return tl_err_errno(err, errno, "the program's own place cannot be found");
	out[len] = '\0';
	char *slash = strrchr(out, '/');
	TL_ASSERT(slash && size - (size_t)(slash - out) > sizeof "/tracellm-server");
	memcpy(slash, "/tracellm-server", sizeof "/tracellm-server");
	return access(out, X_OK) == 0 ? TL_OK : tl_err_errno(err, errno, "%s cannot be run", out);
}

static void
exec_server(const char *path, const char *data_dir, const char *port)
{
	char *arguments[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)data_dir, (char *)(uintptr_t)port, NULL };
	(void)execv(path, arguments);
	(void)fprintf(stderr, "tracellm: %s cannot be run: %s\n", path, strerror(errno));
	_exit(CLI_EXIT_UNUSABLE);
}

/* In the child: its own session, standard output and error into a file beside the log. */
static void
leave_terminal(const char *data_dir)
{
	char path[4096];
	int null = open("/dev/null", O_RDWR), log;
	(void)setsid();
	(void)mkdir(data_dir, 0700);
	(void)snprintf(path, sizeof path, "%s/server.log", data_dir);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(log >= 0 ? log : null, STDOUT_FILENO);
	(void)dup2(log >= 0 ? log : null, STDERR_FILENO);
}

static void
open_page(uint64_t port)
{
	char url[64];
	(void)snprintf(url, sizeof url, "http://localhost:%llu", (unsigned long long)port);
	pid_t child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_RDWR);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		(void)execlp("xdg-open", "xdg-open", url, (char *)NULL);
		_exit(127);
	}
}

/* Waits until the server has written its note, or has ended. */
static enum tl_status
wait_ready(const char *data_dir, pid_t child, struct cli_server *ret_server, struct tl_err *err)
{
	for (unsigned waited = 0; waited < READY_WAIT_MS; waited += LOOK_MS) {
		int state;
		TL_TRY(cli_server_find(data_dir, ret_server, err));
		if (ret_server->running)
			return TL_OK;
		if (waitpid(child, &state, WNOHANG) == child)
			return tl_err_set(err, TL_ERR_IO, "the server did not start; %s/server.log says why", data_dir);
		sleep_ms(LOOK_MS);
	}
	return tl_err_set(
		err, TL_ERR_TIMEOUT, "the server did not get ready in %u s; see %s/server.log", READY_WAIT_MS / 1000, data_dir);
}

static enum tl_status
start(const struct cli_line *line, struct tl_arena *arena, struct tl_err *err)
{
	char path[4096];
	struct cli_server server;
	const char *data_dir;
	uint64_t port;
	TL_TRY(cli_number(line, CLI_port, 0, 65535, 3000, &port, err));
	TL_TRY(cli_data_dir(line, arena, &data_dir, err));
	TL_TRY(server_path(path, sizeof path, err));
	tl_str port_text = tl_arena_printf(arena, "%llu", (unsigned long long)port);
	if (!port_text.ptr)
		return tl_arena_failed(arena, 0, err);
	TL_TRY(cli_server_find(data_dir, &server, err));
	if (server.running)
		return tl_err_set(err, TL_ERR_BUSY, "the server runs already: http://localhost:%llu (process %llu)",
			(unsigned long long)server.port, (unsigned long long)server.pid);
	bool detach = cli_given(line, CLI_detach);
	if (!detach && !cli_given(line, CLI_open))
		exec_server(path, data_dir, port_text.ptr);
	pid_t child = fork();
	if (child < 0)
		return tl_err_errno(err, errno, "no process could be started");
	if (child == 0) {
		if (detach)
			leave_terminal(data_dir);
		exec_server(path, data_dir, port_text.ptr);
	}
	TL_TRY(wait_ready(data_dir, child, &server, err));
	if (cli_given(line, CLI_open))
		open_page(server.port);
	if (detach)
		(void)printf("The server runs: http://localhost:%llu\n", (unsigned long long)server.port);
	while (!detach && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return TL_OK;
}

int
cli_run_start(const struct cli_line *line)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_err err;
	tl_arena_init(&arena, 1u << 20);
	return start(line, &arena, &err) == TL_OK ? CLI_EXIT_OK : cli_usage(&err, CLI_COMMAND_start);
}

static enum tl_status
stop(const struct cli_line *line, struct tl_arena *arena, struct tl_err *err)
{
	struct cli_server server;
	const char *data_dir;
	TL_TRY(cli_data_dir(line, arena, &data_dir, err));
	TL_TRY(cli_server_find(data_dir, &server, err));
	if (!server.running)
		return tl_err_set(err, TL_ERR_NOT_FOUND, "no server runs for %s", data_dir);
	if (kill((pid_t)server.pid, SIGTERM) != 0)
		return tl_err_errno(err, errno, "process %llu cannot be told to stop", (unsigned long long)server.pid);
	for (unsigned waited = 0; waited < STOP_WAIT_MS; waited += LOOK_MS) {
		sleep_ms(LOOK_MS);
		TL_TRY(cli_server_find(data_dir, &server, err));
		if (!server.running)
			return TL_OK;
	}
	return tl_err_set(err, TL_ERR_TIMEOUT, "the server did not stop in %u s", STOP_WAIT_MS / 1000);
}

int
cli_run_stop(const struct cli_line *line)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct tl_err err;
	tl_arena_init(&arena, 1u << 20);
	return stop(line, &arena, &err) == TL_OK ? CLI_EXIT_OK : cli_fail(&err);
}

int
cli_run_status(const struct cli_line *line)
{
	TL_CLEANUP(tl_arena_done) struct tl_arena arena;
	struct cli_server server;
	const char *data_dir;
	struct tl_err err;
	tl_arena_init(&arena, 1u << 20);
	if (cli_data_dir(line, &arena, &data_dir, &err) != TL_OK || cli_server_find(data_dir, &server, &err) != TL_OK)
		return cli_fail(&err);
	if (cli_given(line, CLI_json)) {
		char url[64];
		tl_json *object = tl_json_new_object();
		(void)snprintf(url, sizeof url, "http://localhost:%llu", (unsigned long long)server.port);
		tl_json_set_bool(object, "running", server.running);
		tl_json_set_str_or_null(object, "url", server.running ? tl_str_of(url) : (tl_str){ NULL, 0 });
		tl_json_set(object, "pid", server.running ? tl_json_new_int((int64_t)server.pid) : tl_json_new_null());
		tl_json_set_str(object, "data_dir", tl_str_of(data_dir));
		(void)cli_print_json(object);
	} else if (server.running) {
		(void)printf("The server runs: http://localhost:%llu (process %llu)\nThe data is in   %s\n",
			(unsigned long long)server.port, (unsigned long long)server.pid, data_dir);
	} else {
		(void)printf("No server runs for %s\n", data_dir);
	}
	return server.running ? CLI_EXIT_OK : CLI_EXIT_NOT_FOUND;
}
