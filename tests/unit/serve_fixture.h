/* For the tests of serve: a real log, view and worker, and a server on a loop in a thread of its own, so that a test can be a
 * plain blocking client. Traces are written event by event, as capture writes them. */
#ifndef SERVE_FIXTURE_H
#define SERVE_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "../support/events.h"
#include "log_fixture.h"
#include "raw_socket.h"

#include <tracellm/model.h>
#include <tracellm/serve.h>

/* ---- The server ---- */

struct served {
	struct tl_log *log;
	struct tl_view *view, *worker_view;
	struct tl_worker *worker;
	struct tl_loop *loop;
	struct tl_wake *stop;
	struct tl_serve *serve;
	pthread_t loop_thread, worker_thread;
	char page_dir[96], host[32];
	uint16_t port;
	struct tl_arena arena; /* of the traces made */
};

#define PAGE_TEXT   "<!doctype html><title>the page</title>"
#define SCRIPT_NAME "index-Abc_123.js"
#define SCRIPT_PATH "/assets/" SCRIPT_NAME
#define SCRIPT_TEXT "console.log('the script')"

static inline void
write_text(const char *dir, const char *name, const char *text)
{
	char path[192];
	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline void
write_page(struct served *served)
{
	char assets[128];
	(void)snprintf(served->page_dir, sizeof served->page_dir, "%s/page", data_dir);
	(void)snprintf(assets, sizeof assets, "%s/assets", served->page_dir);
	assert_int_equal(mkdir(served->page_dir, 0700), 0);
	assert_int_equal(mkdir(assets, 0700), 0);
	write_text(served->page_dir, "index.html", PAGE_TEXT);
	write_text(assets, SCRIPT_NAME, SCRIPT_TEXT);
	write_text(assets, "icon-1.svg", "<svg/>");
}

static inline void *
run_loop(void *context)
{
	tl_loop_run(((struct served *)context)->loop);
	return NULL;
}

static inline void *
run_worker(void *context)
{
	tl_worker_follow(((struct served *)context)->worker);
	return NULL;
}

static inline void
stop_loop(void *context)
{
	tl_loop_stop(((struct served *)context)->loop);
}

/* The part of it that a test may stop and start again. */
static inline void
serve_start(struct served *served)
{
	struct tl_err err;
	struct tl_serve_options options = {
		.log = served->log,
		.view = served->view,
		.worker = served->worker,
		.host = TL_STR("127.0.0.1"),
		.port = served->port,
		.page_dir = served->page_dir,
	};
	assert_ok(tl_loop_open(&served->loop, &err));
	options.loop = served->loop;
	assert_ok(tl_wake_open(served->loop, stop_loop, served, &served->stop, &err));
	assert_ok(tl_serve_open(&options, &served->serve, &err));
	served->port = tl_serve_port(served->serve);
	(void)snprintf(served->host, sizeof served->host, "localhost:%u", served->port);
	assert_int_equal(pthread_create(&served->loop_thread, NULL, run_loop, served), 0);
}

static inline void
serve_stop(struct served *served)
{
	tl_wake_send(served->stop);
	assert_int_equal(pthread_join(served->loop_thread, NULL), 0);
	tl_serve_close(served->serve);
	tl_loop_close(served->loop);
}

static inline struct served *
served_open(bool with_worker)
{
	struct tl_err err;
	struct served *served = calloc(1, sizeof *served);
	assert_non_null(served);
	tl_arena_init(&served->arena, 512u << 20);
	served->log = log_opened(TL_LOG_APPEND);
	write_page(served);
	assert_ok(tl_view_open_embedded(served->log, true, &served->worker_view, &err));
	assert_ok(tl_view_open_embedded(served->log, false, &served->view, &err));
	if (with_worker) {
		assert_ok(tl_worker_open(served->log, served->worker_view, 0, &served->worker, &err));
		assert_int_equal(pthread_create(&served->worker_thread, NULL, run_worker, served), 0);
	}
	serve_start(served);
	return served;
}

static inline void
served_close(struct served *served)
{
	serve_stop(served);
	if (served->worker) {
		tl_worker_stop(served->worker);
		assert_int_equal(pthread_join(served->worker_thread, NULL), 0);
		tl_worker_close(served->worker);
	}
	served->view->ops->close(served->view);
	served->worker_view->ops->close(served->worker_view);
	tl_log_close(served->log);
	tl_arena_done(&served->arena);
	free(served);
}

static inline int
served_setup(void **state)
{
	if (fixture_make(state))
		return -1;
	*state = served_open(true);
	return 0;
}

/* The view stays empty. */
static inline int
served_setup_without_worker(void **state)
{
	if (fixture_make(state))
		return -1;
	*state = served_open(false);
	return 0;
}

static inline int
served_teardown(void **state)
{
	served_close(*state);
	return fixture_remove(state);
}

#define TEST(name)                cmocka_unit_test_setup_teardown(name, served_setup, served_teardown)
#define TEST_WITHOUT_WORKER(name) cmocka_unit_test_setup_teardown(name, served_setup_without_worker, served_teardown)

/* ---- Traces ---- */

/* A trace on its way into the log, a few events at a time. */
struct made {
	struct tl_trace_id id;
	char id_text[TL_TRACE_ID_TEXT_SIZE];
	struct made_trace trace; /* all of it */
	size_t appended;
	uint64_t last_seq;
};

/* The next `count` events in one commit; fewer when fewer are left. */
static inline void
made_step(struct served *served, struct made *made, size_t count)
{
	struct tl_err err;
	uint64_t seq;
	size_t left = made->trace.count - made->appended;
	count = count < left ? count : left;
	if (count == 0)
		return;
	assert_ok(trace_append(served->log, &made->trace, made->appended, made->appended + count, &seq, &err));
	made->appended += count;
	made->last_seq = seq + count - 1;
}

static inline void
made_rest(struct served *served, struct made *made)
{
	made_step(served, made, made->trace.count);
}

/* Begun, as the plan says; an absent id and an absent start are filled in. */
static inline struct made
made_begin_as(struct served *served, struct trace_plan plan)
{
	static const struct tl_trace_id none;
	struct tl_err err;
	struct made made = { 0 };
	if (tl_trace_id_equal(plan.trace_id, none))
		plan.trace_id = tl_trace_id_new();
	if (plan.started.wall_ns == 0)
		plan.started = tl_stamp_now();
	made.id = plan.trace_id;
	tl_trace_id_text(made.id, made.id_text);
	assert_ok(trace_make(&plan, &served->arena, &made.trace, &err));
	made_step(served, &made, MADE_BEGIN_EVENTS);
	return made;
}

static inline struct made
made_begin(struct served *served, const char *prompt)
{
	return made_begin_as(served, (struct trace_plan){ .prompt = tl_str_of(prompt), .chunks = 3 });
}

static inline struct made
made_whole(struct served *served, const char *prompt)
{
	struct made made = made_begin(served, prompt);
	made_rest(served, &made);
	return made;
}

/* Events of that type that the log holds of a trace. */
static inline unsigned
count_events(struct tl_log *log, struct tl_trace_id id, enum tl_event_type type)
{
	struct tl_err err;
	struct tl_record_list list;
	struct tl_arena arena;
	unsigned count = 0;
	tl_arena_init(&arena, 64u << 20);
	assert_ok(tl_log_read_trace(log, id, 0, 100000, 32u << 20, &arena, &list, &err));
	for (size_t i = 0; i < list.count; i++)
		count += list.records[i].envelope.type == type;
	tl_arena_done(&arena);
	return count;
}

/* Waits until the log holds one, at most RAW_WAIT_S. */
static inline void
await_event(struct tl_log *log, struct tl_trace_id id, enum tl_event_type type)
{
	for (unsigned tries = 0; count_events(log, id, type) == 0; tries++) {
		if (tries > RAW_WAIT_S * 200)
			fail_msg("no %s came", tl_event_name((uint16_t)type));
		(void)usleep(5000);
	}
}

/* ---- HTTP ---- */

struct answer {
	unsigned status;
	char *head; /* the answer's start, NUL at the end of its head */
	char *body; /* terminated */
	size_t body_len;
};

#define ANSWER_MAX (8u << 20)

/* `fields`: further ones, each with its line end. `host` NULL: none is sent. */
static inline struct answer
http_as(const struct served *served, const char *method, const char *target, const char *host, const char *fields)
{
	char text[4096], host_line[128] = "";
	if (host)
		(void)snprintf(host_line, sizeof host_line, "Host: %s\r\n", host);
	(void)snprintf(text, sizeof text, "%s %s HTTP/1.1\r\n%sConnection: close\r\n%s\r\n", method, target, host_line, fields);
	int fd = raw_connect(served->port);
	assert_true(fd >= 0);
	assert_true(raw_send_z(fd, text));
	struct answer answer = { .head = malloc(ANSWER_MAX) };
	assert_non_null(answer.head);
	ssize_t len = raw_receive_all(fd, answer.head, ANSWER_MAX);
	assert_true(len > 0);
	(void)close(fd);
	char *end = strstr(answer.head, "\r\n\r\n");
	assert_non_null(end);
	end[2] = '\0';
	answer.body = end + 4;
	answer.body_len = (size_t)(answer.head + len - answer.body);
	assert_int_equal(sscanf(answer.head, "HTTP/1.1 %u", &answer.status), 1);
	return answer;
}

static inline struct answer
http_get(const struct served *served, const char *target)
{
	return http_as(served, "GET", target, served->host, "");
}

static inline void
answer_done(struct answer *answer)
{
	free(answer->head);
	*answer = (struct answer){ 0 };
}

static inline bool
has_field(const struct answer *answer, const char *line)
{
	char wanted[512];
	(void)snprintf(wanted, sizeof wanted, "\r\n%s\r\n", line);
	return strstr(answer->head, wanted) != NULL;
}

/* The JSON of the body, owned. */
static inline tl_json *
answer_tree(const struct answer *answer)
{
	struct tl_err err;
	tl_json *tree = NULL;
	assert_ok(tl_json_parse((tl_str){ answer->body, answer->body_len }, &tree, &err));
	return tree;
}

/* The JSON of a path that must answer 200, owned. */
static inline tl_json *
get_tree(const struct served *served, const char *target)
{
	struct answer answer = http_get(served, target);
	if (answer.status != 200)
		fail_msg("%s: %s", target, answer.body);
	tl_json *tree = answer_tree(&answer);
	answer_done(&answer);
	return tree;
}

static inline int64_t
int_at(const tl_json *object, const char *path)
{
	int64_t number = -1;
	if (!tl_json_int(tl_json_path(object, path), &number))
		fail_msg("%s is no number", path);
	return number;
}

#define assert_json_str(object, path, text) assert_true(tl_str_equal(tl_json_str(tl_json_path(object, path)), tl_str_of(text)))

/* A problem of that status whose detail holds `word`. */
static inline void
assert_problem(const struct served *served, const char *target, unsigned status, const char *word)
{
	struct answer answer = http_get(served, target);
	if (answer.status != status || !strstr(answer.body, word))
		fail_msg("%s: %u %s, not %u with '%s'", target, answer.status, answer.body, status, word);
	assert_true(has_field(&answer, "Content-Type: application/problem+json"));
	tl_json *tree = answer_tree(&answer);
	assert_json_str(tree, "type", "about:blank");
	assert_int_equal(int_at(tree, "status"), status);
	assert_true(tl_json_is_str(tl_json_get(tree, "title")) && tl_json_is_str(tl_json_get(tree, "detail")));
	tl_json_free(tree);
	answer_done(&answer);
}

/* Waits until the list holds `total` traces, at most RAW_WAIT_S. */
static inline void
await_listed(const struct served *served, int64_t total)
{
	for (unsigned tries = 0;; tries++) {
		tl_json *tree = get_tree(served, "/api/traces?limit=1&replays=1");
		int64_t found = int_at(tree, "total");
		tl_json_free(tree);
		if (found == total)
			return;
		if (tries > RAW_WAIT_S * 200)
			fail_msg("%lld traces are listed, not %lld", (long long)found, (long long)total);
		(void)usleep(5000);
	}
}

#endif
