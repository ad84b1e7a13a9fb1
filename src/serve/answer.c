/* serve/answer: what every answer has in common, JSON and problems. Knows no route. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#define JSON_LIMIT    (256u << 20)
#define PROBLEM_LIMIT 4096u

#define PAIR(name, value)                       \
	{                                       \
		{ name, sizeof name - 1 },      \
		{                               \
			value, sizeof value - 1 \
		}                               \
	}

/* The page holds text from models and programs: scripts and styles come from our own files only, and nobody may frame it. */
static const struct tl_pair fields_of_all[] = {
	PAIR("Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
	PAIR("X-Content-Type-Options", "nosniff"),
	PAIR("Referrer-Policy", "no-referrer"),
	PAIR("Cross-Origin-Opener-Policy", "same-origin"),
	PAIR("Cross-Origin-Resource-Policy", "same-origin"),
};

#define FIELDS_OF_ALL (sizeof fields_of_all / sizeof *fields_of_all)

bool
serve_begin(struct call *call)
{
	call->fields = tl_arena_array(call->arena, CALL_FIELDS_MAX, sizeof *call->fields);
	*call->response = (struct tl_server_response){ .status = 503, .fields = call->fields };
	if (!call->fields)
		return false;
	memcpy(call->fields, fields_of_all, sizeof fields_of_all);
	call->response->field_count = FIELDS_OF_ALL;
	return true;
}

void
serve_field(struct call *call, const char *name, tl_str value)
{
	TL_ASSERT(call->response->field_count < CALL_FIELDS_MAX);
	call->fields[call->response->field_count++] = (struct tl_pair){ tl_str_of(name), value };
}

void
serve_body(struct call *call, unsigned status, const char *content_type, tl_bytes body)
{
	call->response->status = status;
	call->response->content_type = tl_str_of(content_type);
	call->response->body = body;
}

static enum tl_status
write_json(struct call *call, const tl_json *json, size_t limit, tl_bytes *ret_body, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf out;
	tl_buf_init(&out, limit);
	TL_TRY(tl_json_write(json, &out, err));
	tl_bytes body = tl_arena_bytes(call->arena, tl_bytes_of(tl_buf_str(&out)));
	if (!body.ptr)
		return tl_arena_failed(call->arena, out.len, err);
	*ret_body = body;
	return TL_OK;
}

enum tl_status
serve_json(struct call *call, tl_json *moved, struct tl_err *err)
{
	TL_CLEANUP(tl_json_cleanup) tl_json *json = moved;
	tl_bytes body;
	TL_TRY(write_json(call, json, JSON_LIMIT, &body, err));
	serve_field(call, "Cache-Control", TL_STR("no-store"));
	serve_body(call, 200, "application/json", body);
	return TL_OK;
}

/* ---- Problems (RFC 9457) ---- */

static const struct {
	enum tl_status status;
	unsigned http;
} failures[] = {
	{ TL_ERR_USAGE, 400 },
	{ TL_ERR_PARSE, 400 },
	{ TL_ERR_RANGE, 400 },
	{ TL_ERR_NOT_FOUND, 404 },
	{ TL_ERR_AMBIGUOUS, 409 },
	{ TL_ERR_BUSY, 503 },
	{ TL_ERR_NO_MEMORY, 503 },
};

static const struct {
	unsigned status;
	const char *title;
} titles[] = {
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 426, "Upgrade Required" },
	{ 500, "Internal Server Error" },
	{ 503, "Service Unavailable" },
};

static const char *
title_of(unsigned status)
{
	for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

void
serve_problem(struct call *call, unsigned status, const char *detail)
{
	TL_CLEANUP(tl_json_cleanup) tl_json *json = tl_json_new_object();
	tl_json_set_str(json, "type", TL_STR("about:blank"));
	tl_json_set_str(json, "title", tl_str_of(title_of(status)));
	tl_json_set_int(json, "status", status);
	tl_json_set_str(json, "detail", tl_str_of(detail));
	struct tl_err err;
	tl_bytes body = { NULL, 0 };
	if (write_json(call, json, PROBLEM_LIMIT, &body, &err) != TL_OK)
		status = 503;
	serve_field(call, "Cache-Control", TL_STR("no-store"));
	serve_body(call, status, "application/problem+json", body);
}

void
serve_failure(struct call *call, const struct tl_err *err)
{
	unsigned status = 500;
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
		if (failures[i].status == err->status)
			status = failures[i].http;
	serve_problem(call, status, err->message);
}

void
serve_set_int_or_null(tl_json *object, const char *key, bool known, int64_t number)
{
	if (known)
		tl_json_set_int(object, key, number);
	else
		tl_json_set_null(object, key);
}
