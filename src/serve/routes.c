/* serve/routes: the route table and the gate before it. Knows which handler answers which path, not how.
 *
 * Nothing passes the gate that a page of another origin could send: a browser names the origin it acts for, and DNS that was bent
 * to point here cannot make it send one of our own names as Host. */
#include "internal.h"

#include <stdio.h>

struct route {
	struct tl_route_info info;
	serve_handler_fn *handler;
};

/* A segment of capital letters stands for any one segment. HEAD goes wherever GET does. */
static const struct route routes[] = {
	{ { "GET", "/api/health", "the server, its log and its views" }, serve_api_health },
	{ { "GET", "/api/traces", "a page of the list of traces, newest first" }, serve_api_list },
	{ { "GET", "/api/traces/ID", "one trace: its document" }, serve_api_trace },
	{ { "GET", "/api/traces/ID/events", "its events and the seven stages" }, serve_api_events },
	{ { "GET", "/api/traces/ID/raw/request", "the bytes sent" }, serve_api_raw_request },
	{ { "GET", "/api/traces/ID/raw/response", "the bytes received" }, serve_api_raw_response },
	{ { "GET", "/ws", "the live channel (WebSocket)" }, serve_channel_upgrade },
	{ { "GET", "/", "the page" }, serve_files_page },
	{ { "GET", "/traces", "the page" }, serve_files_page },
	{ { "GET", "/traces/ID", "the page" }, serve_files_page },
	{ { "GET", "/assets/NAME", "a file of the page" }, serve_files_asset },
};

#define ROUTE_COUNT (sizeof routes / sizeof *routes)

const struct tl_route_info *
tl_route_info_at(size_t index)
{
	return index < ROUTE_COUNT ? &routes[index].info : NULL;
}

/* ---- The gate ---- */

static bool
is_own_host(const struct tl_serve *serve, tl_str host)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char own[32];
		(void)snprintf(own, sizeof own, "%s:%u", names[i], serve->port);
		if (tl_str_equal_ignore_case(host, tl_str_of(own)))
			return true;
		/* The port of http is left out where it is the usual one. */
		if (serve->port == 80 && tl_str_equal_ignore_case(host, tl_str_of(names[i])))
			return true;
	}
	return false;
}

static bool
is_own_origin(const struct tl_serve *serve, tl_str origin)
{
	tl_str scheme = TL_STR("http://");
	return tl_str_starts_with(origin, scheme) && is_own_host(serve, tl_str_from(origin, scheme.len));
}

/* How many fields of that name there are; `*ret_value` is the last one's. */
static unsigned
find_fields(const struct tl_server_request *request, tl_str name, tl_str *ret_value)
{
	unsigned count = 0;
	for (size_t i = 0; i < request->field_count; i++) {
		if (!tl_str_equal(request->fields[i].name, name))
			continue;
		*ret_value = request->fields[i].value;
		count++;
	}
	return count;
}

static bool
passes_gate(struct call *call)
{
	tl_str host, origin;
	char detail[160];
	if (find_fields(call->request, TL_STR("host"), &host) != 1 || !is_own_host(call->serve, host)) {
		(void)snprintf(detail, sizeof detail,
			"this server answers to the hosts localhost, 127.0.0.1 and [::1] with port %u only: open "
			"http://localhost:%u",
			call->serve->port, call->serve->port);
		serve_problem(call, 403, detail);
		return false;
	}
	unsigned origins = find_fields(call->request, TL_STR("origin"), &origin);
	if (origins > 1 || (origins == 1 && !is_own_origin(call->serve, origin))) {
		serve_problem(
			call, 403, "requests on behalf of pages of another origin are refused: use the page of this server");
		return false;
	}
	return true;
}

/* ---- Finding the route ---- */

static bool
is_wildcard(tl_str segment)
{
	return segment.len && segment.ptr[0] >= 'A' && segment.ptr[0] <= 'Z';
}

/* Both begin with '/'. */
static bool
matches(tl_str pattern, tl_str path, tl_str *ret_id)
{
	while (pattern.len && path.len) {
		tl_str wanted = tl_str_split(&pattern, '/'), segment = tl_str_split(&path, '/');
		if (is_wildcard(wanted) && segment.len)
			*ret_id = segment;
		else if (!tl_str_equal(wanted, segment))
			return false;
	}
	return pattern.len == 0 && path.len == 0;
}

static bool
answers_method(const struct route *route, tl_str method)
{
	return tl_str_equal(method, tl_str_of(route->info.method)) || tl_str_equal(method, TL_STR("HEAD"));
}

static const struct route *
find_route(struct call *call)
{
	for (size_t i = 0; i < ROUTE_COUNT; i++)
		if (matches(tl_str_of(routes[i].info.path), call->request->path, &call->id))
			return &routes[i];
	return NULL;
}

static enum tl_status
answer_no_route(struct call *call, struct tl_err *err)
{
	tl_str path = call->request->path;
	bool is_page = !tl_str_starts_with(path, TL_STR("/api")) && !tl_str_starts_with(path, TL_STR("/assets/"));
	if (is_page &&
		(tl_str_equal(call->request->method, TL_STR("GET")) || tl_str_equal(call->request->method, TL_STR("HEAD"))))
		return serve_files_page_not_found(call, err);
	return tl_err_set(err, TL_ERR_NOT_FOUND, "there is nothing at %.*s; docs/live.md lists the routes", TL_FMT(path));
}

static enum tl_status
answer(struct call *call, struct tl_err *err)
{
	const struct route *route = find_route(call);
	if (!route)
		return answer_no_route(call, err);
	if (!answers_method(route, call->request->method)) {
		serve_field(call, "Allow", TL_STR("GET, HEAD"));
		serve_problem(call, 405, "this route answers GET and HEAD");
		return TL_OK;
	}
	return route->handler(call, err);
}

void
serve_handle(void *context, const struct tl_server_request *request, struct tl_arena *arena, struct tl_server_response *response)
{
	struct call call = { .serve = context, .request = request, .arena = arena, .response = response };
	struct tl_err err;
	if (!serve_begin(&call) || !passes_gate(&call))
		return;
	if (answer(&call, &err) != TL_OK)
		serve_failure(&call, &err);
}
