/* net/client_call: one HTTP request and its response as it arrives. Knows curl's easy interface, not the loop. */
#include "client.h"

#include <string.h>

#include <curl/curl.h>

#include "field.h"

/* ---- the response ---- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9112 5.2: a line that starts with white space continues the one before; the break counts as spaces. */
static void
join_folded_lines(struct tl_buf *head)
{
	for (size_t i = 0; i + 2 < head->len; i++) {
		if (head->ptr[i] == '\r' && head->ptr[i + 1] == '\n' && is_blank(head->ptr[i + 2]))
			head->ptr[i] = head->ptr[i + 1] = ' ';
	}
}

/* The fields of a raw head; `fields` holds one for each line. Slices point into `head`. */
static size_t
split_fields(tl_str head, struct tl_pair *fields)
{
	size_t count = 0;
	(void)tl_str_split(&head, '\n'); /* the status line */
	while (head.len) {
		tl_str line = tl_str_split(&head, '\n');
		size_t colon = tl_str_find_char(line, ':');
		if (colon == SIZE_MAX)
			continue;
		fields[count].name = tl_str_trim(tl_str_slice(line, 0, colon));
		fields[count].value = tl_str_trim(tl_str_from(line, colon + 1));
		count++;
	}
	return count;
}

static size_t
count_lines(tl_str text)
{
	size_t lines = 0;
	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	return lines;
}

/* False: out of memory. */
static bool
tell_head(struct tl_http_call *call, struct tl_stamp at, unsigned status)
{
	join_folded_lines(&call->head);
	tl_str head = tl_buf_str(&call->head);
	TL_CLEANUP(tl_free_cleanup) struct tl_pair *fields = tl_alloc(count_lines(head) + 1, sizeof *fields);
	if (!fields)
		return false;
	call->head_told = true;
	call->events.head(call->events.context, at, status, fields, split_fields(head, fields));
	return true;
}

/* curl gives a head line by line: interim heads, the final one, and trailers behind the body. Returning another length ends
 * the transfer. */
static size_t
take_head_line(char *bytes, size_t size, size_t count, void *context)
{
	struct tl_stamp at = tl_stamp_now();
	struct tl_http_call *call = context;
	tl_str line = { bytes, size * count };
	if (call->cancelled)
		return 0;
	call->head_bytes += line.len;
	if (call->head_bytes > TL_HTTP_HEAD_LIMIT) {
		call->found = TL_HTTP_TOO_LARGE;
		return 0;
	}
	if (call->head_told)
		return line.len;
	if (tl_str_starts_with(line, TL_STR("HTTP/")))
		tl_buf_clear(&call->head);
	tl_buf_add_str(&call->head, line);
	if (tl_str_trim(line).len)
		return line.len;

	long status = 0;
	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return line.len;
	if (call->head.failed != TL_OK || !tell_head(call, at, (unsigned)status)) {
		call->found = TL_HTTP_OTHER;
		return 0;
	}
	return call->cancelled ? 0 : line.len;
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct tl_stamp at = tl_stamp_now();
	struct tl_http_call *call = context;
	size_t len = size * count;
	if (call->cancelled)
		return 0;
	size_t room = TL_HTTP_BODY_LIMIT - call->body_bytes;
	size_t told = len < room ? len : room;
	call->body_bytes += told;
	if (told)
		call->events.chunk(call->events.context, at, (tl_bytes){ (const uint8_t *)bytes, told });
	if (told < len)
		call->found = TL_HTTP_TOO_LARGE;
	return told < len || call->cancelled ? 0 : len;
}

/* ---- the request ---- */

static enum tl_status
check_url(const char *url, struct tl_err *err)
{
	CURLU *parts = curl_url();
	if (!parts)
		return tl_err_no_memory(err);
	char *scheme = NULL;
	CURLUcode failed = curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
	if (!failed)
		failed = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
	bool known = scheme && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
	curl_free(scheme);
	curl_url_cleanup(parts);
	/* The URL itself stays out of the message: its query may hold a key. */
	if (failed)
		return tl_err_set(err, TL_ERR_USAGE, "this URL cannot be used: %s", curl_url_strerror(failed));
	if (!known)
		return tl_err_set(err, TL_ERR_USAGE, "this URL cannot be used: only http and https are spoken");
	return TL_OK;
}

/* The name is checked before, so that it may be shown. */
static enum tl_status
add_field(struct tl_http_call *call, struct tl_pair field, struct tl_buf *line, struct tl_err *err)
{
	if (!field_is_token(field.name))
		return tl_err_set(err, TL_ERR_USAGE, "a request field's name is not a token (RFC 9110 5.6.2)");
	if (!field_is_value(field.value))
		return tl_err_set(
			err, TL_ERR_USAGE, "the value of request field %.*s holds a control character", TL_FMT(field.name));
	tl_buf_clear(line);
	tl_buf_add_str(line, field.name);
	/* curl reads "Name:" as "do not send Name" and "Name;" as "send it empty". */
	tl_buf_add_z(line, field.value.len ? ": " : ";");
	tl_buf_add_str(line, field.value);
	TL_TRY(tl_buf_status(line, "a request field", err));
	struct curl_slist *longer = curl_slist_append(call->fields, line->ptr);
	if (!longer)
		return tl_err_no_memory(err);
	call->fields = longer;
	return TL_OK;
}

static bool
has_field(const struct tl_http_request *request, tl_str name)
{
	for (size_t i = 0; i < request->field_count; i++) {
		if (tl_str_equal_ignore_case(request->fields[i].name, name))
			return true;
	}
	return false;
}

static enum tl_status
add_fields(struct tl_http_call *call, const struct tl_http_request *request, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf line;
	tl_buf_init(&line, TL_HTTP_HEAD_LIMIT);
	for (size_t i = 0; i < request->field_count; i++)
		TL_TRY(add_field(call, request->fields[i], &line, err));

	/* What curl would add by itself to a POST. */
	static const char *const unwanted[] = { "Expect", "Content-Type" };
	for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++) {
		if (has_field(request, tl_str_of(unwanted[i])))
			continue;
		tl_buf_clear(&line);
		tl_buf_printf(&line, "%s:", unwanted[i]);
		TL_TRY(tl_buf_status(&line, "a request field", err));
		struct curl_slist *longer = curl_slist_append(call->fields, line.ptr);
		if (!longer)
			return tl_err_no_memory(err);
		call->fields = longer;
	}
	return TL_OK;
}

static bool
set_request(struct tl_http_call *call, const struct tl_http_request *request, const char *url, const char *method)
{
	CURL *easy = call->easy;
	bool may_have_body = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
	bool failed = curl_easy_setopt(easy, CURLOPT_URL, url) || curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->fields);
	if (request->body.len || may_have_body) {
		failed = failed || curl_easy_setopt(easy, CURLOPT_POST, 1L) ||
			 curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len) ||
			 curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len ? (const char *)request->body.ptr : "");
	} else if (strcmp(method, "HEAD") == 0) {
		failed = failed || curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	}
	return !failed && !curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static bool
set_rules(struct tl_http_call *call, uint64_t timeout_ms)
{
	CURL *easy = call->easy;
	long timeout = timeout_ms > INT32_MAX ? INT32_MAX : (long)timeout_ms;
	return !(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") ||
		 curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) || curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) ||
		 curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L) ||
		 /* Ending a call must not wait for the thread that resolves its name. */
		 curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) ||
		 curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)TL_HTTP_CONNECT_TIMEOUT_MS) ||
		 curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout) || curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) ||
		 /* A proxy's answer to CONNECT is not the response. */
		 curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) ||
		 curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->message) || curl_easy_setopt(easy, CURLOPT_PRIVATE, call) ||
		 curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head_line) ||
		 curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) || curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) ||
		 curl_easy_setopt(easy, CURLOPT_WRITEDATA, call));
}

static enum tl_status
prepare(struct tl_http_call *call, const struct tl_http_request *request, struct tl_err *err)
{
	if (!field_is_token(request->method))
		return tl_err_set(err, TL_ERR_USAGE, "the request method is not a token (RFC 9110 9.1)");
	if (tl_str_find_char(request->url, '\0') != SIZE_MAX)
		return tl_err_set(err, TL_ERR_USAGE, "this URL cannot be used: it holds a NUL");
	TL_CLEANUP(tl_free_cleanup) char *url = strndup(request->url.ptr ? request->url.ptr : "", request->url.len);
	TL_CLEANUP(tl_free_cleanup) char *method = strndup(request->method.ptr, request->method.len);
	if (!url || !method)
		return tl_err_no_memory(err);
	TL_TRY(check_url(url, err));
	TL_TRY(add_fields(call, request, err));
	call->easy = curl_easy_init();
	if (!call->easy || !set_request(call, request, url, method) || !set_rules(call, request->timeout_ms))
		return tl_err_no_memory(err);
	return TL_OK;
}

enum tl_status
call_new(const struct tl_http_request *request, struct tl_http_events events, struct tl_http_call **ret_call, struct tl_err *err)
{
	_Static_assert(CALL_MESSAGE_SIZE >= CURL_ERROR_SIZE, "curl's message fits");
	struct tl_http_call *call = tl_alloc(1, sizeof *call);
	if (!call)
		return tl_err_no_memory(err);
	call->events = events;
	tl_buf_init(&call->head, TL_HTTP_HEAD_LIMIT);
	enum tl_status status = prepare(call, request, err);
	if (status != TL_OK) {
		call_free(call);
		return status;
	}
	*ret_call = call;
	return TL_OK;
}

void
call_free(struct tl_http_call *call)
{
	if (!call)
		return;
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->fields);
	tl_buf_done(&call->head);
	tl_free(call);
}
