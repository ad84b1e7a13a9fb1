/* net/client_end: how a call ended: curl's codes in our words, its times, its message. */
#include "client.h"

#include <string.h>

#include <curl/curl.h>

static const struct {
	CURLcode code;
	enum tl_http_failure failure;
} failures[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, TL_HTTP_DNS },
	{ CURLE_COULDNT_RESOLVE_PROXY, TL_HTTP_DNS },
	{ CURLE_COULDNT_CONNECT, TL_HTTP_CONNECT },
	{ CURLE_INTERFACE_FAILED, TL_HTTP_CONNECT },
	{ CURLE_PROXY, TL_HTTP_CONNECT },
	{ CURLE_SSL_CONNECT_ERROR, TL_HTTP_TLS },
	{ CURLE_SSL_CERTPROBLEM, TL_HTTP_TLS },
	{ CURLE_SSL_CIPHER, TL_HTTP_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, TL_HTTP_TLS },
	{ CURLE_SSL_CACERT_BADFILE, TL_HTTP_TLS },
	{ CURLE_SSL_ISSUER_ERROR, TL_HTTP_TLS },
	{ CURLE_SSL_PINNEDPUBKEYNOTMATCH, TL_HTTP_TLS },
	{ CURLE_SSL_INVALIDCERTSTATUS, TL_HTTP_TLS },
	{ CURLE_SSL_CLIENTCERT, TL_HTTP_TLS },
	{ CURLE_USE_SSL_FAILED, TL_HTTP_TLS },
	{ CURLE_OPERATION_TIMEDOUT, TL_HTTP_TIMEOUT },
	{ CURLE_GOT_NOTHING, TL_HTTP_RESET },
	{ CURLE_SEND_ERROR, TL_HTTP_RESET },
	{ CURLE_RECV_ERROR, TL_HTTP_RESET },
	{ CURLE_HTTP2, TL_HTTP_RESET },
	{ CURLE_HTTP2_STREAM, TL_HTTP_RESET },
	{ CURLE_PARTIAL_FILE, TL_HTTP_TRUNCATED },
	{ CURLE_WEIRD_SERVER_REPLY, TL_HTTP_MALFORMED },
	{ CURLE_UNSUPPORTED_PROTOCOL, TL_HTTP_MALFORMED }, /* the answer is no HTTP: the URL's scheme was checked before */
	{ CURLE_BAD_CONTENT_ENCODING, TL_HTTP_MALFORMED },
};

enum tl_http_failure
call_failure(const struct tl_http_call *call, int curl_code)
{
	if (call->cancelled)
		return TL_HTTP_CANCELLED;
	if (call->found != TL_HTTP_DONE)
		return call->found;
	if (curl_code == CURLE_OK)
		return call->head_told ? TL_HTTP_DONE : TL_HTTP_MALFORMED;
	/* curl reports a broken chunk as a receive error; only its words tell the two apart. */
	if (curl_code == CURLE_RECV_ERROR && strstr(call->message, "chunked-encoding"))
		return TL_HTTP_MALFORMED;
	/* One field line beyond curl's own limit, which is above ours. */
	if (curl_code == CURLE_OUT_OF_MEMORY && call->in_multi && !call->head_told)
		return TL_HTTP_TOO_LARGE;
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		if (failures[i].code != (CURLcode)curl_code)
			continue;
		bool cut = failures[i].failure == TL_HTTP_RESET && call->head_told;
		return cut ? TL_HTTP_TRUNCATED : failures[i].failure;
	}
	return TL_HTTP_OTHER;
}

const char *
call_message(struct tl_http_call *call, enum tl_http_failure failure, int curl_code)
{
	switch (failure) {
	case TL_HTTP_DONE:
		return "complete";
	case TL_HTTP_CANCELLED:
		return "cancelled";
	case TL_HTTP_TOO_LARGE:
		return call->head_told && call->body_bytes == TL_HTTP_BODY_LIMIT ? "the response body is over 64 MiB"
										 : "the response head is over 64 KiB";
	case TL_HTTP_MALFORMED:
	case TL_HTTP_OTHER:
		/* curl's own words may quote what the peer sent. */
		return curl_code == CURLE_OK ? "the answer has no head" : curl_easy_strerror((CURLcode)curl_code);
	default:
		break;
	}
	if (!call->message[0])
		return curl_easy_strerror((CURLcode)curl_code);
	for (char *c = call->message; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = ' ';
	}
	return call->message;
}

static uint64_t
time_ns(CURL *easy, CURLINFO what)
{
	curl_off_t us = 0;
	(void)curl_easy_getinfo(easy, what, &us);
	return us > 0 ? (uint64_t)us * 1000 : 0;
}

void
call_tell_end(struct tl_http_call *call, int curl_code)
{
	struct tl_stamp at = tl_stamp_now();
	CURL *easy = call->easy;
	long connects = 0;
	(void)curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
	bool reused = connects == 0 && time_ns(easy, CURLINFO_PRETRANSFER_TIME_T) > 0;
	enum tl_http_failure failure = call_failure(call, curl_code);
	struct tl_http_end end = {
		.failure = failure,
		.message = call_message(call, failure, curl_code),
		/* A connection that was there already has times from before this call. */
		.dns_ns = reused ? 0 : time_ns(easy, CURLINFO_NAMELOOKUP_TIME_T),
		.connect_ns = reused ? 0 : time_ns(easy, CURLINFO_CONNECT_TIME_T),
		.tls_ns = reused ? 0 : time_ns(easy, CURLINFO_APPCONNECT_TIME_T),
		.first_byte_ns = time_ns(easy, CURLINFO_STARTTRANSFER_TIME_T),
		.total_ns = time_ns(easy, CURLINFO_TOTAL_TIME_T),
		.connection_reused = reused,
	};
	call->cancelled = true; /* a cancel from within comes too late */
	call->events.end(call->events.context, at, &end);
}
