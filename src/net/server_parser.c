/* net/server_parser: whole requests out of bytes, by http_parser. Knows limits and the rules of RFC 9110 and 9112 that
 * decide whether something is a request at all; knows no socket. */
#include "server_parser.h"

#include <string.h>

#include <http_parser.h>

#include "field.h"
#include "server_target.h"

#define ARENA_LIMIT (4 * TL_SERVER_HEAD_LIMIT + TL_SERVER_FIELDS_MAX * sizeof(struct tl_pair))

/* Positions in the raw head. */
struct span {
	uint32_t start, end;
};

struct field_span {
	struct span name, value;
};

struct server_parser {
	http_parser http;
	struct tl_buf head; /* raw, as far as it came; the first bytes of a body may follow it */
	struct tl_buf body;
	struct tl_arena arena;
	struct span target;
	struct field_span fields[TL_SERVER_FIELDS_MAX];
	size_t field_count;
	bool in_value; /* the last piece belonged to a value */
	bool head_done, done;
	bool wants_continue;
	const char *piece;   /* what is being parsed, */
	size_t piece_offset; /* and where it lies in `head` */
	struct parsed parsed;
};

static struct span
span_of(const struct server_parser *parser, const char *at, size_t len)
{
	size_t start = parser->piece_offset + (size_t)(at - parser->piece);
	return (struct span){ (uint32_t)start, (uint32_t)(start + len) };
}

static tl_str
text_of(const struct server_parser *parser, struct span span)
{
	return (tl_str){ parser->head.ptr + span.start, span.end - span.start };
}

/* Ends the parse: any return but zero makes http_parser stop. */
static int
refuse(struct server_parser *parser, unsigned status)
{
	parser->parsed.refused = status;
	return -1;
}

/* ---- pieces ---- */

static int
on_target(http_parser *http, const char *at, size_t len)
{
	struct server_parser *parser = http->data;
	struct span span = span_of(parser, at, len);
	if (!parser->target.end)
		parser->target.start = span.start;
	parser->target.end = span.end;
	return 0;
}

static int
on_name(http_parser *http, const char *at, size_t len)
{
	struct server_parser *parser = http->data;
	if (parser->head_done) /* a trailer: taken note of by nobody */
		return 0;
	struct span span = span_of(parser, at, len);
	if (parser->in_value || parser->field_count == 0) {
		if (parser->field_count == TL_SERVER_FIELDS_MAX)
			return refuse(parser, 431);
		parser->fields[parser->field_count++] = (struct field_span){ .name = span };
		parser->in_value = false;
	}
	parser->fields[parser->field_count - 1].name.end = span.end;
	return 0;
}

static int
on_value(http_parser *http, const char *at, size_t len)
{
	struct server_parser *parser = http->data;
	if (parser->head_done)
		return 0;
	struct span span = span_of(parser, at, len);
	struct field_span *field = &parser->fields[parser->field_count - 1];
	if (!parser->in_value)
		field->value = span;
	else if (span.start != field->value.end) /* a folded line: RFC 9112 5.2 lets a server refuse it */
		return refuse(parser, 400);
	field->value.end = span.end;
	parser->in_value = true;
	return 0;
}

static int
on_body(http_parser *http, const char *at, size_t len)
{
	struct server_parser *parser = http->data;
	tl_buf_add(&parser->body, at, len);
	if (parser->body.failed == TL_OK)
		return 0;
	return refuse(parser, parser->body.failed == TL_ERR_LIMIT ? 413 : 503);
}

static int
on_done(http_parser *http)
{
	struct server_parser *parser = http->data;
	parser->done = true;
	http_parser_pause(http, 1);
	return 0;
}

/* ---- the head ---- */

static bool
lower_case(struct tl_arena *arena, tl_str name, tl_str *ret)
{
	char *copy = tl_arena_alloc(arena, name.len + 1);
	if (!copy)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		copy[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	*ret = (tl_str){ copy, name.len };
	return true;
}

/* A value whose first line is empty and goes on in the next: folded too, but http_parser hands it over in one piece. */
static bool
has_fold(const struct server_parser *parser)
{
	for (size_t i = 0; i < parser->field_count; i++) {
		const struct field_span *field = &parser->fields[i];
		/* An empty value is told where its line ends; that is no fold (RFC 9110 5.5 allows it). */
		bool empty = field->value.end == field->value.start;
		if (!empty && memchr(parser->head.ptr + field->name.end, '\n', field->value.start - field->name.end))
			return true;
	}
	return false;
}

/* 0, or the status to refuse with. */
static unsigned
collect_fields(struct server_parser *parser)
{
	struct tl_server_request *request = &parser->parsed.request;
	struct tl_pair *fields = tl_arena_array(&parser->arena, parser->field_count + 1, sizeof *fields);
	if (!fields)
		return 503;
	for (size_t i = 0; i < parser->field_count; i++) {
		if (!field_is_token(text_of(parser, parser->fields[i].name)))
			return 400;
		if (!lower_case(&parser->arena, text_of(parser, parser->fields[i].name), &fields[i].name))
			return 503;
		tl_str value = tl_str_trim(text_of(parser, parser->fields[i].value));
		/* Copied: the raw head may move while a body is still coming in behind it. */
		fields[i].value = tl_arena_str(&parser->arena, value);
		if (!fields[i].value.ptr)
			return 503;
	}
	request->fields = fields;
	request->field_count = parser->field_count;
	return 0;
}

/* RFC 6455 4.2.1: a GET of HTTP/1.1 without a body, version 13, a key of 16 bytes in base64. */
static bool
is_websocket_upgrade(struct server_parser *parser)
{
	const struct tl_server_request *request = &parser->parsed.request;
	const struct tl_pair *fields = request->fields;
	size_t count = request->field_count;
	tl_str version, key;
	bool sized = parser->http.content_length > 0 && parser->http.content_length != UINT64_MAX;
	if (parser->http.method != HTTP_GET || parser->http.http_minor < 1 || sized || (parser->http.flags & F_CHUNKED))
		return false;
	if (!field_has_token(fields, count, TL_STR("upgrade"), TL_STR("websocket")) ||
		!field_has_token(fields, count, TL_STR("connection"), TL_STR("upgrade")))
		return false;
	if (!field_single(fields, count, TL_STR("sec-websocket-version"), &version) || !tl_str_equal(version, TL_STR("13")))
		return false;
	if (!field_single(fields, count, TL_STR("sec-websocket-key"), &key) || key.len != 24 ||
		!tl_str_ends_with(key, TL_STR("==")))
		return false;
	for (size_t i = 0; i < 22; i++) {
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", key.ptr[i]))
			return false;
	}
	parser->parsed.websocket_key = key;
	return true;
}

/* The status to refuse this head with, or 0. */
static unsigned
check_head(struct server_parser *parser)
{
	const http_parser *http = &parser->http;
	struct tl_server_request *request = &parser->parsed.request;
	if (http->http_major != 1 || http->http_minor > 1)
		return 505;
	if (http->method == HTTP_CONNECT)
		return 501;
	if (has_fold(parser))
		return 400;
	unsigned refused = collect_fields(parser);
	if (refused)
		return refused;

	const struct tl_pair *fields = request->fields;
	size_t count = request->field_count;
	tl_str host = TL_STR("");
	size_t hosts = field_count(fields, count, TL_STR("host"));
	if (hosts > 1 || (hosts == 0 && http->http_minor == 1)) /* RFC 9112 3.2 */
		return 400;
	(void)field_single(fields, count, TL_STR("host"), &host);
	/* RFC 9112 6.1 and 6.3: both lengths, or a coding that HTTP/1.0 does not have, are how requests get smuggled. */
	size_t codings = field_count(fields, count, TL_STR("transfer-encoding"));
	if (codings && (http->http_minor == 0 || field_count(fields, count, TL_STR("content-length"))))
		return 400;
	if (http->content_length != UINT64_MAX && http->content_length > TL_SERVER_BODY_LIMIT)
		return 413;
	if (field_count(fields, count, TL_STR("expect"))) {
		if (!field_has_token(fields, count, TL_STR("expect"), TL_STR("100-continue")))
			return 417;
		parser->wants_continue = http->http_minor == 1;
	}
	if (!target_parse(text_of(parser, parser->target), host, &parser->arena, &request->path, &request->query))
		return 400;
	return 0;
}

static int
on_head(http_parser *http)
{
	struct server_parser *parser = http->data;
	struct tl_server_request *request = &parser->parsed.request;
	parser->head_done = true;
	unsigned status = check_head(parser);
	if (status)
		return refuse(parser, status);
	request->method = tl_str_of(http_method_str((enum http_method)http->method));
	request->query = tl_arena_str(&parser->arena, request->query);
	request->upgrade_websocket = is_websocket_upgrade(parser);
	/* Any other upgrade is declined by answering the request as it stands (RFC 9110 7.8). */
	http->upgrade = request->upgrade_websocket;
	parser->parsed.version_minor = http->http_minor;
	parser->parsed.keep_alive = http_should_keep_alive(http) != 0;
	parser->parsed.head_only = http->method == HTTP_HEAD;
	return 0;
}

/* ---- feeding ---- */

static const http_parser_settings settings = {
	.on_url = on_target,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_done,
};

static unsigned
status_of_error(enum http_errno error)
{
	switch (error) {
	case HPE_HEADER_OVERFLOW:
		return 431;
	case HPE_INVALID_TRANSFER_ENCODING:
		return 501;
	default:
		return 400;
	}
}

enum parse_state
server_parse(struct server_parser *parser, tl_bytes bytes, size_t *ret_used)
{
	const char *piece = (const char *)bytes.ptr;
	size_t len = bytes.len;
	if (!parser->head_done) {
		size_t room = TL_SERVER_HEAD_LIMIT - parser->head.len;
		len = len < room ? len : room;
		parser->piece = piece;
		parser->piece_offset = parser->head.len;
		tl_buf_add(&parser->head, piece, len);
		if (parser->head.failed != TL_OK) {
			parser->parsed.refused = 503;
			return PARSE_REFUSED;
		}
	}
	*ret_used = http_parser_execute(&parser->http, &settings, piece, len);
	enum http_errno error = HTTP_PARSER_ERRNO(&parser->http);
	if (parser->done && !parser->parsed.refused) {
		parser->parsed.request.body = tl_bytes_of(tl_buf_str(&parser->body));
		return PARSE_READY;
	}
	if (!parser->parsed.refused && error != HPE_OK)
		parser->parsed.refused = status_of_error(error);
	if (!parser->parsed.refused && !parser->head_done && parser->head.len == TL_SERVER_HEAD_LIMIT)
		parser->parsed.refused = parser->field_count ? 431 : 414;
	return parser->parsed.refused ? PARSE_REFUSED : PARSE_MORE;
}

bool
server_parser_wants_continue(struct server_parser *parser)
{
	bool wants = parser->head_done && !parser->done && parser->wants_continue && !parser->body.len;
	if (wants)
		parser->wants_continue = false;
	return wants;
}

const struct parsed *
server_parser_parsed(const struct server_parser *parser)
{
	return &parser->parsed;
}

void
server_parser_reset(struct server_parser *parser)
{
	http_parser_init(&parser->http, HTTP_REQUEST);
	tl_buf_clear(&parser->head);
	tl_buf_done(&parser->body);
	tl_arena_done(&parser->arena);
	tl_arena_init(&parser->arena, ARENA_LIMIT);
	parser->target = (struct span){ 0, 0 };
	parser->field_count = 0;
	parser->in_value = parser->head_done = parser->done = parser->wants_continue = false;
	parser->parsed = (struct parsed){ .refused = 0 };
}

struct server_parser *
server_parser_open(void)
{
	struct server_parser *parser = tl_alloc(1, sizeof *parser);
	if (!parser)
		return NULL;
	parser->http.data = parser;
	tl_buf_init(&parser->head, TL_SERVER_HEAD_LIMIT);
	tl_buf_init(&parser->body, TL_SERVER_BODY_LIMIT);
	server_parser_reset(parser);
	return parser;
}

void
server_parser_close(struct server_parser *parser)
{
	if (!parser)
		return;
	tl_buf_done(&parser->head);
	tl_buf_done(&parser->body);
	tl_arena_done(&parser->arena);
	tl_free(parser);
}
