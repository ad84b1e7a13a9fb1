/* The live channel of serve: frames in order, coming back without gap or double, a client that does not read, what clients
 * say. */
#include "serve_fixture.h"

#include "raw_websocket.h"
#include "unit.h"

#include <sys/resource.h>

/* One frame from the server, read. */
struct heard {
	char type[32];
	uint64_t seq;
	char trace_id[TL_TRACE_ID_TEXT_SIZE]; /* empty: none */
	char status[16];
	bool resumed;
};

static void
copy_text(const tl_json *value, char *out, size_t size)
{
	tl_str text = tl_json_str(value);
	(void)snprintf(out, size, "%.*s", TL_FMT(text));
}

static struct ws *
try_connect(const struct served *served, const char *target, int receive_buffer)
{
	struct ws *ws = calloc(1, sizeof *ws);
	assert_non_null(ws);
	struct sockaddr_in address = raw_address(served->port);
	ws->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(ws->fd >= 0);
	if (receive_buffer)
		assert_int_equal(setsockopt(ws->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer), 0);
	raw_bound(ws->fd);
	assert_int_equal(connect(ws->fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(ws_shake(ws->fd, target, served->host, ""), 101);
	return ws;
}

static void
ws_free(struct ws *ws)
{
	(void)close(ws->fd);
	free(ws);
}

/* False: the connection ended. */
static bool
hear(struct ws *ws, struct heard *ret)
{
	struct tl_err err;
	tl_json *tree = NULL;
	int64_t seq;
	if (ws_receive(ws) != WS_TEXT)
		return false;
	assert_ok(tl_json_parse((tl_str){ ws->text, ws->len }, &tree, &err));
	assert_true(tl_json_int(tl_json_get(tree, "seq"), &seq));
	*ret = (struct heard){ .seq = (uint64_t)seq, .resumed = tl_json_bool(tl_json_get(tree, "resumed")) };
	copy_text(tl_json_get(tree, "type"), ret->type, sizeof ret->type);
	copy_text(tl_json_path(tree, "trace.trace_id"), ret->trace_id, sizeof ret->trace_id);
	copy_text(tl_json_path(tree, "trace.status"), ret->status, sizeof ret->status);
	tl_json_free(tree);
	return true;
}

static struct heard
must_hear(struct ws *ws)
{
	struct heard heard;
	if (!hear(ws, &heard))
		fail_msg("nothing came any more (close code %u)", ws->close_code);
	return heard;
}

/* Reads up to the frame of that type about that trace (NULL: any) and returns it. */
static struct heard
await_heard(struct ws *ws, const char *type, const char *trace_id)
{
	for (;;) {
		struct heard heard = must_hear(ws);
		if (strcmp(heard.type, type) == 0 && (!trace_id || strcmp(heard.trace_id, trace_id) == 0))
			return heard;
	}
}

static struct ws *
greeted(const struct served *served, struct heard *ret_hello)
{
	struct ws *ws = try_connect(served, "/ws", 0);
	*ret_hello = must_hear(ws);
	assert_string_equal(ret_hello->type, "hello");
	return ws;
}

/* ---- Frames ---- */

static void
hello_names_the_log_and_its_head(void **state)
{
	struct served *served = *state;
	struct made made = made_begin(served, "Hello?");
	struct heard hello;
	char log_id[32];
	struct ws *ws = greeted(served, &hello);
	assert_int_equal(hello.seq, made.last_seq);
	assert_false(hello.resumed);
	(void)snprintf(log_id, sizeof log_id, "\"log_id\":\"%016llx\"", (unsigned long long)tl_log_id(served->log));
	assert_non_null(strstr(ws->text, log_id));
	assert_non_null(strstr(ws->text, "\"version\":\"" TL_VERSION "\""));
	ws_free(ws);
}

static void
a_trace_is_told_from_its_beginning_to_its_end(void **state)
{
	struct served *served = *state;
	struct heard hello;
	struct ws *ws = greeted(served, &hello);
	struct made made = made_begin(served, "Hello?");
	struct heard heard = must_hear(ws);
	assert_string_equal(heard.type, "trace.created");
	assert_string_equal(heard.trace_id, made.id_text);
	assert_string_equal(heard.status, "running");
	assert_int_equal(heard.seq, made.last_seq);
	made_step(served, &made, 2); /* attempt.started and a chunk */
	heard = must_hear(ws);
	while (heard.seq < made.last_seq) {
		assert_string_equal(heard.type, "trace.updated");
		heard = must_hear(ws);
	}
	assert_string_equal(heard.type, "trace.updated");
	assert_string_equal(heard.status, "running");
	made_rest(served, &made);
	heard = await_heard(ws, "trace.finished", made.id_text);
	assert_string_equal(heard.status, "success");
	assert_int_equal(heard.seq, made.last_seq);
	ws_free(ws);
}

static void
all_clients_are_told_and_the_end_is_recorded_once(void **state)
{
	struct served *served = *state;
	struct ws *ws[3];
	struct heard hello;
	for (size_t i = 0; i < 3; i++)
		ws[i] = greeted(served, &hello);
	struct made made = made_whole(served, "Hello?"), sentinel = made_whole(served, "the last");
	for (size_t i = 0; i < 3; i++) {
		(void)await_heard(ws[i], "trace.finished", made.id_text);
		(void)await_heard(ws[i], "trace.finished", sentinel.id_text);
	}
	await_event(served->log, sentinel.id, TL_EVENT_trace_emitted);
	assert_int_equal(count_events(served->log, made.id, TL_EVENT_trace_emitted), 1);
	assert_int_equal(count_events(served->log, sentinel.id, TL_EVENT_trace_emitted), 1);
	for (size_t i = 0; i < 3; i++)
		ws_free(ws[i]);
}

/* ---- Coming back ---- */

enum { TRACES = 60 };

/* What one page knows: how far it has followed the log, and what it was told of each trace. */
struct page {
	struct ws *ws;
	uint64_t cursor, catch_up_to, after; /* `after`: what the present connection asked for */
	uint64_t connection;
	struct {
		bool known, ended;
		uint64_t end_seq, ended_in; /* connection */
	} traces[TRACES];
};

static void
page_connect(const struct served *served, struct page *page)
{
	char target[64];
	(void)snprintf(target, sizeof target, "/ws?after=%llu", (unsigned long long)page->cursor);
	page->ws = try_connect(served, target, 0);
	struct heard hello = must_hear(page->ws);
	assert_string_equal(hello.type, "hello");
	assert_true(hello.resumed);
	assert_true(hello.seq >= page->cursor);
	page->after = page->cursor;
	page->catch_up_to = hello.seq;
	page->connection++;
}

static size_t
number_of(const struct made *made, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(made[i].id_text, id) == 0)
			return i;
	fail_msg("a frame about %s, which nobody made", id);
	return 0;
}

/* The rules of docs/live.md for one frame. */
static void
page_take(struct page *page, const struct heard *heard, const struct made *made, size_t count)
{
	size_t i = number_of(made, count, heard->trace_id);
	if (strcmp(heard->type, "trace.finished") == 0) {
		assert_true(page->traces[i].ended_in != page->connection); /* once a connection */
		if (page->traces[i].ended)
			assert_true(heard->seq > page->after); /* and not again once the page had come so far */
		page->traces[i].ended = true;
		page->traces[i].end_seq = heard->seq;
		page->traces[i].ended_in = page->connection;
	} else if (strcmp(heard->type, "trace.created") == 0) {
		assert_false(page->traces[i].known);
	} else {
		assert_string_equal(heard->type, "trace.updated");
	}
	page->traces[i].known = true;
	if (heard->seq > page->catch_up_to && heard->seq > page->cursor)
		page->cursor = heard->seq;
}

static void
a_client_that_comes_back_misses_nothing_and_is_told_no_end_twice(void **state)
{
	struct served *served = *state;
	uint64_t random = unit_seed();
	struct made *made = calloc(TRACES, sizeof *made);
	struct page page = { 0 };
	size_t begun = 0;
	assert_non_null(made);
	page_connect(served, &page);
	for (unsigned step = 0; step < 10000 && !(begun == TRACES && step > 2000); step++) {
		size_t what = unit_below(&random, 100);
		if (what < 15 && begun < TRACES) {
			made[begun++] = made_begin(served, "one of many");
		} else if (what < 60 && begun > 0) {
			made_step(served, &made[unit_below(&random, begun)], 1 + unit_below(&random, 3));
		} else if (what < 97) {
			/* Only what has surely been sent is waited for: the page must not stand still here. */
			char peeked;
			if (recv(page.ws->fd, &peeked, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
				struct heard heard = must_hear(page.ws);
				page_take(&page, &heard, made, begun);
			}
		} else {
			unit_below(&random, 2) ? raw_reset(page.ws->fd) : (void)close(page.ws->fd);
			free(page.ws);
			page_connect(served, &page);
		}
	}
	for (size_t i = 0; i < begun; i++)
		made_rest(served, &made[i]);
	for (size_t left = begun; left > 0;) {
		struct heard heard = must_hear(page.ws);
		page_take(&page, &heard, made, begun);
		left = 0;
		for (size_t i = 0; i < begun; i++)
			left += !page.traces[i].ended;
	}
	for (size_t i = 0; i < begun; i++)
		assert_true(page.traces[i].end_seq >= made[i].last_seq);
	ws_free(page.ws);
	free(made);
}

static void
a_server_that_was_killed_and_comes_back_is_followed_on(void **state)
{
	struct served *served = *state;
	struct page page = { 0 };
	struct made made[3];
	page_connect(served, &page);
	made[0] = made_begin(served, "before");
	made[1] = made_whole(served, "also before");
	struct heard heard = await_heard(page.ws, "trace.finished", made[1].id_text);
	page.cursor = heard.seq;
	serve_stop(served);
	ws_free(page.ws);
	made_rest(served, &made[0]);
	made[2] = made_whole(served, "meanwhile");
	serve_start(served);
	page_connect(served, &page);
	bool ended[3] = { false };
	while (!ended[0] || !ended[2]) { /* in the order of their last events, the view's among them */
		heard = must_hear(page.ws);
		ended[number_of(made, 3, heard.trace_id)] |= strcmp(heard.type, "trace.finished") == 0;
	}
	assert_false(ended[1]);
	ws_free(page.ws);
}

static void
what_cannot_be_repeated_is_told_to_load_the_list(void **state)
{
	struct served *served = *state;
	struct made made = made_whole(served, "Hello?");
	struct ws *ws = try_connect(served, "/ws?after=4000000000", 0);
	struct heard heard = must_hear(ws);
	assert_string_equal(heard.type, "hello");
	assert_false(heard.resumed);
	heard = must_hear(ws);
	assert_string_equal(heard.type, "resync");
	assert_true(heard.seq >= made.last_seq);
	made = made_begin(served, "and then");
	(void)await_heard(ws, "trace.created", made.id_text);
	ws_free(ws);
}

static void
what_was_missed_may_be_more_than_the_queue_of_a_slow_client_but_not_any_number(void **state)
{
	struct served *served = *state;
	enum { SOME = TL_SERVE_QUEUE_FRAMES_MAX + 100, MANY = TL_LIVE_CATCH_UP_TRACES + 1 };
	for (size_t i = 0; i < SOME; i++)
		(void)made_begin(served, "one of many");
	struct ws *ws = try_connect(served, "/ws?after=0", 0);
	struct heard heard = must_hear(ws);
	assert_true(heard.resumed);
	uint64_t last_seq = 0;
	for (size_t i = 0; i < SOME; i++) {
		heard = must_hear(ws);
		assert_string_equal(heard.type, "trace.updated");
		assert_true(heard.seq > last_seq);
		last_seq = heard.seq;
	}
	ws_free(ws);
	for (size_t i = SOME; i < MANY; i++)
		(void)made_begin(served, "one of many");
	ws = try_connect(served, "/ws?after=0", 0);
	assert_false(must_hear(ws).resumed);
	assert_string_equal(must_hear(ws).type, "resync");
	ws_free(ws);
}

/* ---- Too many, and one that does not read ---- */

static void
a_client_above_the_limit_is_refused_until_another_goes(void **state)
{
	struct served *served = *state;
	struct rlimit files;
	struct ws *ws[TL_SERVE_CLIENTS_MAX];
	struct heard hello;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_cur < 2 * TL_SERVE_CLIENTS_MAX + 64)
		skip();
	for (size_t i = 0; i < TL_SERVE_CLIENTS_MAX; i++)
		ws[i] = greeted(served, &hello);
	struct answer answer = http_as(served, "GET", "/ws", served->host,
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: close\r\n");
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.body, "as many clients as it can"));
	answer_done(&answer);
	struct made made = made_begin(served, "for all of them");
	for (size_t i = 0; i < TL_SERVE_CLIENTS_MAX; i++) {
		(void)await_heard(ws[i], "trace.created", made.id_text);
		ws_free(ws[i]);
	}
	for (int64_t left = 1; left > 0;) {
		tl_json *tree = get_tree(served, "/api/health");
		left = int_at(tree, "clients");
		tl_json_free(tree);
	}
	ws_free(greeted(served, &hello));
}

static void
a_stalled_client_gets_a_resync_and_harms_nobody(void **state)
{
	struct served *served = *state;
	enum { MANY = 3000, PROJECT = 4000 };
	char *project = malloc(PROJECT);
	assert_non_null(project);
	memset(project, 'p', PROJECT);
	struct ws *stalled = try_connect(served, "/ws", 4096);
	assert_string_equal(must_hear(stalled).type, "hello");
	struct heard hello;
	struct ws *reader = greeted(served, &hello);
	unsigned created = 0;
	for (size_t i = 0; i < MANY; i++) {
		struct made made = made_begin_as(served, (struct trace_plan){ .project = { project, PROJECT } });
		struct heard heard = await_heard(reader, "trace.created", made.id_text);
		assert_int_equal(heard.seq, made.last_seq);
	}
	struct made last = made_begin(served, "the last");
	(void)await_heard(reader, "trace.created", last.id_text);
	struct heard heard = must_hear(stalled);
	for (; strcmp(heard.type, "resync") != 0; heard = must_hear(stalled))
		created += strcmp(heard.type, "trace.created") == 0;
	assert_true(created < MANY);
	assert_true(heard.seq > hello.seq);
	uint64_t resync_seq = heard.seq;
	while (strcmp(heard.trace_id, last.id_text) != 0) {
		heard = must_hear(stalled);
		assert_true(
			heard.seq > resync_seq || strcmp(heard.type, "resync") == 0 || strcmp(heard.type, "trace.updated") == 0);
	}
	ws_free(stalled);
	ws_free(reader);
	free(project);
}

/* ---- What clients say ---- */

static void
say_painted(struct ws *ws, const char *trace_id, uint64_t seq)
{
	char text[160];
	(void)snprintf(
		text, sizeof text, "{\"type\":\"painted\",\"trace_id\":\"%s\",\"seq\":%llu}", trace_id, (unsigned long long)seq);
	assert_true(ws_send(ws, text));
}

static void
what_a_client_painted_is_recorded_once(void **state)
{
	struct served *served = *state;
	struct made early = made_whole(served, "before anybody looked");
	struct heard hello;
	struct ws *ws = greeted(served, &hello), *other = greeted(served, &hello);
	struct made running = made_begin(served, "running"), made = made_whole(served, "Hello?");
	struct made sentinel = made_whole(served, "the last");
	struct heard end = await_heard(ws, "trace.finished", made.id_text);
	(void)await_heard(ws, "trace.finished", sentinel.id_text);
	(void)await_heard(other, "trace.finished", made.id_text);
	say_painted(ws, early.id_text, early.last_seq);     /* its end was never sent to this client */
	say_painted(ws, running.id_text, running.last_seq); /* it has not ended */
	say_painted(ws, made.id_text, end.seq);
	say_painted(ws, made.id_text, end.seq);
	await_event(served->log, made.id, TL_EVENT_dashboard_updated);
	say_painted(other, made.id_text, end.seq);
	say_painted(ws, sentinel.id_text, sentinel.last_seq);
	await_event(served->log, sentinel.id, TL_EVENT_dashboard_updated);
	/* A message that is answered says that everything before it was read. */
	assert_true(ws_send(other, "{\"type\":\"goodbye\"}"));
	while (ws_receive(other) == WS_TEXT)
		;
	assert_int_equal(other->close_code, 1008);
	assert_int_equal(count_events(served->log, made.id, TL_EVENT_dashboard_updated), 1);
	assert_int_equal(count_events(served->log, running.id, TL_EVENT_dashboard_updated), 0);
	assert_int_equal(count_events(served->log, early.id, TL_EVENT_dashboard_updated), 0);
	ws_free(ws);
	ws_free(other);
}

static void
a_client_that_says_nonsense_is_closed_with_the_reason(void **state)
{
	static const struct {
		const char *text;
		unsigned code;
	} cases[] = {
		{ "", 1007 },
		{ "nonsense", 1007 },
		{ "{\"type\":\"painted\"", 1007 },
		{ "{\"type\":\"hello\"}", 1008 },
		{ "[]", 1008 },
		{ "7", 1008 },
		{ "{}", 1008 },
		{ "{\"type\":\"painted\"}", 1008 },
		{ "{\"type\":\"painted\",\"trace_id\":\"tr_2kf9\",\"seq\":1}", 1008 },
		{ "{\"type\":\"painted\",\"trace_id\":7,\"seq\":1}", 1008 },
		{ "{\"type\":\"painted\",\"trace_id\":\"tr_00000000000000000000000001\",\"seq\":\"1\"}", 1008 },
		{ "{\"type\":\"painted\",\"trace_id\":\"tr_00000000000000000000000001\",\"seq\":-1}", 1008 },
	};
	struct served *served = *state;
	struct heard hello;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ws *ws = greeted(served, &hello);
		assert_true(ws_send(ws, cases[i].text));
		assert_int_equal(ws_receive(ws), WS_CLOSED);
		if (ws->close_code != cases[i].code)
			fail_msg("'%s': %u, not %u", cases[i].text, ws->close_code, cases[i].code);
		ws_free(ws);
	}
	char large[5000];
	memset(large, ' ', sizeof large);
	struct ws *ws = greeted(served, &hello);
	assert_true(ws_send_frame(ws, 1, large, sizeof large));
	assert_int_equal(ws_receive(ws), WS_CLOSED);
	assert_int_equal(ws->close_code, 1009);
	ws_free(ws);
}

static void
health_counts_the_clients(void **state)
{
	struct served *served = *state;
	struct heard hello;
	struct ws *ws = greeted(served, &hello), *other = greeted(served, &hello);
	tl_json *tree = get_tree(served, "/api/health");
	assert_int_equal(int_at(tree, "clients"), 2);
	tl_json_free(tree);
	ws_free(ws);
	ws_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_WITHOUT_WORKER(hello_names_the_log_and_its_head),
		TEST_WITHOUT_WORKER(a_trace_is_told_from_its_beginning_to_its_end),
		TEST(all_clients_are_told_and_the_end_is_recorded_once),
		TEST(a_client_that_comes_back_misses_nothing_and_is_told_no_end_twice),
		TEST(a_server_that_was_killed_and_comes_back_is_followed_on),
		TEST(what_cannot_be_repeated_is_told_to_load_the_list),
		TEST_WITHOUT_WORKER(what_was_missed_may_be_more_than_the_queue_of_a_slow_client_but_not_any_number),
		TEST_WITHOUT_WORKER(a_client_above_the_limit_is_refused_until_another_goes),
		TEST_WITHOUT_WORKER(a_stalled_client_gets_a_resync_and_harms_nobody),
		TEST(what_a_client_painted_is_recorded_once),
		TEST(a_client_that_says_nonsense_is_closed_with_the_reason),
		TEST(health_counts_the_clients),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
