/* provider/http: asks over HTTP. Knows no wire format. */
#include "internal.h"

struct http_ask {
	struct tl_ask ask;
	struct tl_http_call *call;
};

static const enum tl_error_class classes[] = {
	[TL_HTTP_DONE] = TL_ERROR_NONE,
	[TL_HTTP_DNS] = TL_ERROR_DNS,
	[TL_HTTP_CONNECT] = TL_ERROR_CONNECT,
	[TL_HTTP_TLS] = TL_ERROR_TLS,
	[TL_HTTP_TIMEOUT] = TL_ERROR_TIMEOUT,
	[TL_HTTP_RESET] = TL_ERROR_RESET,
	[TL_HTTP_TRUNCATED] = TL_ERROR_TRUNCATED,
	[TL_HTTP_TOO_LARGE] = TL_ERROR_TOO_LARGE,
	[TL_HTTP_MALFORMED] = TL_ERROR_MALFORMED,
	[TL_HTTP_CANCELLED] = TL_ERROR_INTERRUPTED,
	[TL_HTTP_OTHER] = TL_ERROR_OTHER,
};

static void
on_head(void *context, struct tl_stamp at, unsigned status, const struct tl_pair *fields, size_t count)
{
	struct http_ask *http = context;
	http->ask.sink.head(http->ask.sink.context, at, status, fields, count);
}

static void
on_chunk(void *context, struct tl_stamp at, tl_bytes bytes)
{
	struct http_ask *http = context;
	http->ask.sink.chunk(http->ask.sink.context, at, bytes);
}

static void
on_end(void *context, struct tl_stamp at, const struct tl_http_end *http_end)
{
	struct http_ask *http = context;
	struct tl_ask_end end = {
		.error = classes[http_end->failure],
		.message = tl_str_of(http_end->message),
		.dns_ns = http_end->dns_ns,
		.connect_ns = http_end->connect_ns,
		.tls_ns = http_end->tls_ns,
		.first_byte_ns = http_end->first_byte_ns,
		.total_ns = http_end->total_ns,
		.connection_reused = http_end->connection_reused,
	};
	http->ask.sink.end(http->ask.sink.context, at, &end);
	tl_free(http);
}

enum tl_status
http_ask(struct tl_loop *loop, const struct tl_request *request, uint64_t timeout_ms, struct tl_ask_sink sink,
	struct tl_ask **ret_ask, struct tl_err *err)
{
	struct http_ask *http = tl_alloc(1, sizeof *http);
	if (!http)
		return tl_err_no_memory(err);
	struct tl_http_request http_request = {
		.method = TL_STR("POST"),
		.url = request->url,
		.fields = request->headers,
		.field_count = request->header_count,
		.body = request->body,
		.timeout_ms = timeout_ms,
	};
	struct tl_http_events events = { .context = http, .head = on_head, .chunk = on_chunk, .end = on_end };
	http->ask.sink = sink;
	enum tl_status status = tl_http_call_start(loop, &http_request, events, &http->call, err);
	if (status != TL_OK) {
		tl_free(http);
		return status;
	}
	*ret_ask = &http->ask;
	return TL_OK;
}

void
http_cancel(struct tl_ask *ask)
{
	struct http_ask *http = (struct http_ask *)ask;
	tl_http_call_cancel(http->call);
}
