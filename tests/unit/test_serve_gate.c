/* The gate before every route of serve: the table is walked, and each route refuses what it must. */
#include "serve_fixture.h"

#include "raw_websocket.h"

#define ROUTES_MAX 64u

/* The route's path with something that exists in the place of its wildcard. */
static void
fill(const struct made *made, const char *pattern, char *out, size_t size)
{
	const char *wildcard = strstr(pattern, "/ID");
	const char *name = wildcard ? made->id_text : SCRIPT_NAME;
	size_t wildcard_len = wildcard ? 3 : 5;
	if (!wildcard)
		wildcard = strstr(pattern, "/NAME");
	if (wildcard)
		(void)snprintf(out, size, "%.*s/%s%s", (int)(wildcard - pattern), pattern, name, wildcard + wildcard_len);
	else
		(void)snprintf(out, size, "%s", pattern);
}

static unsigned
status_of(const struct served *served, const char *method, const char *target, const char *host, const char *fields)
{
	struct answer answer = http_as(served, method, target, host, fields);
	unsigned status = answer.status;
	answer_done(&answer);
	return status;
}

static void
assert_refused(const struct served *served, const char *target, const char *host, const char *fields)
{
	struct answer answer = http_as(served, "GET", target, host, fields);
	if (answer.status != 403)
		fail_msg("%s with host %s and %s: %u", target, host, fields, answer.status);
	assert_null(strstr(answer.body, "openai"));
	answer_done(&answer);
}

/* Calls `check` for each route, as a path that works. */
static void
for_each_route(struct served *served, void (*check)(struct served *served, const char *target, const char *path))
{
	struct made made = made_whole(served, "Hello?");
	size_t count = 0;
	for (const struct tl_route_info *info; (info = tl_route_info_at(count)); count++) {
		char target[256];
		assert_string_equal(info->method, "GET");
		assert_true(strlen(info->description) > 0);
		fill(&made, info->path, target, sizeof target);
		check(served, target, info->path);
	}
	assert_in_range(count, 8, ROUTES_MAX);
}

static void
check_hosts(struct served *served, const char *target, const char *path)
{
	(void)path;
	char port_only[64], other_port[64], dotted[64], twice[128];
	(void)snprintf(port_only, sizeof port_only, "evil.example:%u", served->port);
	(void)snprintf(other_port, sizeof other_port, "localhost:%u", served->port ^ 1u);
	(void)snprintf(dotted, sizeof dotted, "localhost.:%u", served->port);
	(void)snprintf(twice, sizeof twice, "localhost:%u.evil.example", served->port);
	const char *const wrong[] = { port_only, other_port, dotted, twice, "localhost", "127.0.0.1", "evil.example", "0.0.0.0" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_refused(served, target, wrong[i], "");
}

static void
every_route_refuses_a_host_that_is_not_its_own(void **state)
{
	for_each_route(*state, check_hosts);
}

static void
check_origins(struct served *served, const char *target, const char *path)
{
	(void)path;
	char wrong_port[96], https[96], prefixed[96], two[160];
	(void)snprintf(wrong_port, sizeof wrong_port, "Origin: http://localhost:%u\r\n", served->port ^ 1u);
	(void)snprintf(https, sizeof https, "Origin: https://localhost:%u\r\n", served->port);
	(void)snprintf(prefixed, sizeof prefixed, "Origin: http://localhost:%u.evil.example\r\n", served->port);
	(void)snprintf(two, sizeof two, "Origin: http://evil.example\r\nOrigin: http://localhost:%u\r\n", served->port);
	const char *const wrong[] = { wrong_port, https, prefixed, two, "Origin: null\r\n", "Origin: http://evil.example\r\n" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_refused(served, target, served->host, wrong[i]);
}

static void
every_route_refuses_an_origin_that_is_not_its_own(void **state)
{
	for_each_route(*state, check_origins);
}

static void
check_methods(struct served *served, const char *target, const char *path)
{
	(void)path;
	const char *const wrong[] = { "POST", "PUT", "DELETE", "PATCH", "OPTIONS" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct answer answer = http_as(served, wrong[i], target, served->host, "");
		if (answer.status != 405 || !has_field(&answer, "Allow: GET, HEAD"))
			fail_msg("%s %s: %s", wrong[i], target, answer.head);
		answer_done(&answer);
	}
}

static void
every_route_answers_other_methods_with_those_it_allows(void **state)
{
	for_each_route(*state, check_methods);
}

static void
check_own(struct served *served, const char *target, const char *path)
{
	unsigned expected = strcmp(path, "/ws") == 0 ? 426 : 200;
	const char *const names[] = { "localhost", "127.0.0.1", "[::1]", "LocalHost" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char host[64], origin[96];
		(void)snprintf(host, sizeof host, "%s:%u", names[i], served->port);
		(void)snprintf(origin, sizeof origin, "Origin: http://%s\r\n", host);
		assert_int_equal(status_of(served, "GET", target, host, ""), expected);
		assert_int_equal(status_of(served, "GET", target, served->host, origin), expected);
		assert_int_equal(status_of(served, "HEAD", target, host, origin), expected);
	}
}

static void
every_route_answers_its_own_hosts_and_origins_and_none(void **state)
{
	for_each_route(*state, check_own);
}

static void
check_fields(struct served *served, const char *target, const char *path)
{
	(void)path;
	const char *const hosts[] = { served->host, "evil.example" };
	for (size_t i = 0; i < 2; i++) {
		struct answer answer = http_as(served, "GET", target, hosts[i], "");
		assert_true(has_field(&answer,
			"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
			"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
		assert_true(has_field(&answer, "X-Content-Type-Options: nosniff"));
		assert_true(has_field(&answer, "Referrer-Policy: no-referrer"));
		assert_true(has_field(&answer, "Cross-Origin-Opener-Policy: same-origin"));
		assert_true(has_field(&answer, "Cross-Origin-Resource-Policy: same-origin"));
		assert_non_null(strstr(answer.head, "\r\nCache-Control: "));
		assert_null(strstr(answer.head, "Access-Control"));
		answer_done(&answer);
	}
}

static void
every_answer_has_the_fields_that_confine_the_page(void **state)
{
	for_each_route(*state, check_fields);
}

static unsigned
shake(const struct served *served, const char *host, const char *fields)
{
	int fd = raw_connect(served->port);
	assert_true(fd >= 0);
	unsigned status = ws_shake(fd, "/ws", host, fields);
	(void)close(fd);
	return status;
}

static void
the_live_channel_is_behind_the_same_gate(void **state)
{
	struct served *served = *state;
	char own[96];
	(void)snprintf(own, sizeof own, "Origin: http://%s\r\n", served->host);
	assert_int_equal(shake(served, served->host, own), 101);
	assert_int_equal(shake(served, served->host, ""), 101);
	assert_int_equal(shake(served, served->host, "Origin: null\r\n"), 403);
	assert_int_equal(shake(served, served->host, "Origin: http://evil.example\r\n"), 403);
	assert_int_equal(shake(served, "evil.example", own), 403);
}

static void
what_is_no_route_is_not_there(void **state)
{
	struct served *served = *state;
	const char *const unknown[] = { "/api", "/api/", "/api/nothing", "/api/traces/x/y", "/assets/", "/assets/nothing.js",
		"/api/traces/x/raw/other", "/assets/../index.html", "/assets/..%2findex.html", "/assets/%2e%2e/index.html", "//",
		"/etc/passwd" };
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		assert_int_equal(status_of(served, "GET", unknown[i], served->host, ""), 404);
		unsigned status = status_of(served, "POST", unknown[i], served->host, "");
		assert_true(status == 404 || status == 405);
		assert_refused(served, unknown[i], "evil.example", "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_route_refuses_a_host_that_is_not_its_own),
		TEST(every_route_refuses_an_origin_that_is_not_its_own),
		TEST(every_route_answers_other_methods_with_those_it_allows),
		TEST(every_route_answers_its_own_hosts_and_origins_and_none),
		TEST(every_answer_has_the_fields_that_confine_the_page),
		TEST(the_live_channel_is_behind_the_same_gate),
		TEST(what_is_no_route_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
