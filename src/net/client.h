/* net, private: the HTTP client's own files. client.c drives curl's transfers on the loop, client_call.c is one request and
 * its response, client_end.c says how a call ended. curl's handles are opaque here (`void *`, as curl itself declares them). */
#ifndef TL_NET_CLIENT_H
#define TL_NET_CLIENT_H

#include "internal.h"

struct curl_slist;

TAILQ_HEAD(call_list, tl_http_call);

#define CALL_MESSAGE_SIZE 256 /* CURL_ERROR_SIZE */

struct tl_http_call {
	TAILQ_ENTRY(tl_http_call) entry;
	struct call_list *list; /* the one it is in */
	struct client *client;
	void *easy;
	struct curl_slist *fields;
	struct tl_http_events events;
	struct tl_buf head; /* the response head under way, raw */
	size_t head_bytes;  /* of all heads, interim ones and trailers too */
	size_t body_bytes;  /* told so far */
	bool head_told;     /* the final one */
	bool in_multi;      /* curl runs it */
	bool cancelled;
	enum tl_http_failure found; /* what we, not curl, found wrong; else TL_HTTP_DONE */
	char message[CALL_MESSAGE_SIZE];
};

/* A call that is ready to run but in no list yet. Owned, call_free. */
enum tl_status call_new(
	const struct tl_http_request *request, struct tl_http_events events, struct tl_http_call **ret_call, struct tl_err *err);
void call_free(struct tl_http_call *call); /* accepts NULL; in no multi any more */
/* Tells `end` of a call that curl finished with this CURLcode. */
void call_tell_end(struct tl_http_call *call, int curl_code);

/* What a finished call came to. */
enum tl_http_failure call_failure(const struct tl_http_call *call, int curl_code);
/* One line without the URL or any field; borrowed as long as the call lives. */
const char *call_message(struct tl_http_call *call, enum tl_http_failure failure, int curl_code);

#endif
