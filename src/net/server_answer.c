/* net/server_answer: answers as bytes, and their way out. Knows nothing of what is answered. */
#include "server.h"

#include <stdio.h>

#include "field.h"

#define HEAD_LIMIT (64u << 10)

/* status, reason (RFC 9110 15) */
#define REASONS(X)                                \
	X(200, "OK")                              \
	X(201, "Created")                         \
	X(202, "Accepted")                        \
	X(204, "No Content")                      \
	X(301, "Moved Permanently")               \
	X(302, "Found")                           \
	X(303, "See Other")                       \
	X(304, "Not Modified")                    \
	X(307, "Temporary Redirect")              \
	X(308, "Permanent Redirect")              \
	X(400, "Bad Request")                     \
	X(401, "Unauthorized")                    \
	X(403, "Forbidden")                       \
	X(404, "Not Found")                       \
	X(405, "Method Not Allowed")              \
	X(406, "Not Acceptable")                  \
	X(408, "Request Timeout")                 \
	X(409, "Conflict")                        \
	X(410, "Gone")                            \
	X(411, "Length Required")                 \
	X(412, "Precondition Failed")             \
	X(413, "Content Too Large")               \
	X(414, "URI Too Long")                    \
	X(415, "Unsupported Media Type")          \
	X(417, "Expectation Failed")              \
	X(421, "Misdirected Request")             \
	X(422, "Unprocessable Content")           \
	X(426, "Upgrade Required")                \
	X(429, "Too Many Requests")               \
	X(431, "Request Header Fields Too Large") \
	X(500, "Internal Server Error")           \
	X(501, "Not Implemented")                 \
	X(502, "Bad Gateway")                     \
	X(503, "Service Unavailable")             \
	X(504, "Gateway Timeout")                 \
	X(505, "HTTP Version Not Supported")

static const char *
reason_of(unsigned status)
{
	switch (status) {
#define X(number, text) \
	case number:    \
		return text;
		REASONS(X)
#undef X
	default:
		return "Unknown";
	}
}

/* ---- the way out ---- */

static void
written(uv_write_t *write, int status)
{
	struct connection *connection = write->data;
	tl_buf_done(&connection->output);
	if (connection->state != CONNECTION_WRITING)
		return;
	if (status < 0) {
		connection_close(connection);
		return;
	}
	connection_answered(connection);
	connection_go_on(connection);
}

/* What the kernel takes at once is never copied. True: all of it has left. */
static bool
send_bytes(struct connection *connection, tl_str head, tl_str body)
{
	uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
	uv_buf_t parts[2] = {
		{ .base = (char *)(uintptr_t)head.ptr, .len = head.len },
		{ .base = (char *)(uintptr_t)body.ptr, .len = body.len },
	};
	int sent = uv_try_write(stream, parts, body.len ? 2 : 1);
	if (sent < 0 && sent != UV_EAGAIN) {
		connection_close(connection);
		return false;
	}
	size_t done = sent < 0 ? 0 : (size_t)sent;
	if (done == head.len + body.len)
		return true;
	tl_str head_rest = tl_str_from(head, done);
	tl_str body_rest = tl_str_from(body, done > head.len ? done - head.len : 0);
	tl_buf_init(&connection->output, head_rest.len + body_rest.len);
	tl_buf_add_str(&connection->output, head_rest);
	tl_buf_add_str(&connection->output, body_rest);
	uv_buf_t rest = { .base = connection->output.ptr, .len = connection->output.len };
	connection->write.data = connection;
	if (connection->output.failed != TL_OK || uv_write(&connection->write, stream, &rest, 1, written)) {
		connection_close(connection);
		return false;
	}
	(void)uv_read_stop(stream);
	connection->output_left = uv_stream_get_write_queue_size(stream);
	connection_enter(connection, CONNECTION_WRITING, connection->server->options.write_timeout_ms);
	return false;
}

/* ---- answers ---- */

/* A line break in a value would let whoever chose it write fields and answers of their own. */
static bool
is_clean(const struct tl_server_response *response)
{
	bool clean = response->status >= 200 && response->status <= 599 && field_is_value(response->content_type);
	for (size_t i = 0; i < response->field_count; i++)
		clean = clean && response->fields[i].name.len && field_is_value(response->fields[i].name) &&
			field_is_value(response->fields[i].value);
	return clean;
}

static void
write_head(const struct connection *connection, const struct tl_server_response *response, struct tl_buf *out)
{
	const struct parsed *parsed = server_parser_parsed(connection->parser);
	tl_buf_printf(out, "HTTP/1.1 %u %s\r\n", response->status, reason_of(response->status));
	if (response->content_type.len)
		tl_buf_printf(out, "Content-Type: %.*s\r\n", TL_FMT(response->content_type));
	for (size_t i = 0; i < response->field_count; i++)
		tl_buf_printf(out, "%.*s: %.*s\r\n", TL_FMT(response->fields[i].name), TL_FMT(response->fields[i].value));
	if (response->status != 204) /* RFC 9110 8.6 */
		tl_buf_printf(out, "Content-Length: %zu\r\n", response->body.len);
	if (connection->close_after)
		tl_buf_add_z(out, "Connection: close\r\n");
	else if (parsed->version_minor == 0)
		tl_buf_add_z(out, "Connection: keep-alive\r\n");
	tl_buf_add_z(out, "\r\n");
}

bool
answer_send(struct connection *connection, const struct tl_server_response *response)
{
	static const struct tl_server_response broken = { .status = 500 };
	if (!is_clean(response))
		response = &broken;
	bool body_allowed =
		response->status != 204 && response->status != 304 && !server_parser_parsed(connection->parser)->head_only;
	TL_CLEANUP(tl_buf_done) struct tl_buf head;
	tl_buf_init(&head, HEAD_LIMIT);
	write_head(connection, response, &head);
	if (head.failed != TL_OK) {
		tl_buf_clear(&head);
		connection->close_after = true;
		response = &broken;
		write_head(connection, response, &head);
	}
	tl_str body = body_allowed ? tl_str_of_bytes(response->body) : TL_STR("");
	if (!send_bytes(connection, tl_buf_str(&head), body))
		return false;
	connection_answered(connection);
	return connection->state == CONNECTION_IDLE;
}

bool
answer_problem(struct connection *connection, unsigned status)
{
	char body[160];
	int len = snprintf(
		body, sizeof body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u}", reason_of(status), status);
	connection->close_after = true;
	const struct tl_server_response response = {
		.status = status,
		.content_type = TL_STR("application/problem+json"),
		.body = { (const uint8_t *)body, (size_t)len },
	};
	return answer_send(connection, &response);
}

/* Too short not to fit, and a peer that waits for it has read everything before. */
void
answer_continue(struct connection *connection)
{
	static char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	uv_buf_t part = { .base = line, .len = sizeof line - 1 };
	if (uv_try_write((uv_stream_t *)&connection->tcp, &part, 1) != (int)part.len)
		connection_close(connection);
}
