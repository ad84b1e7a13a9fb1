/* provider: how to ask a model. Which address, which headers, which wire format, what may be tried again; and the way the bytes
 * come back. Knows no log.
 *
 * Asking is split so that a replay runs the same code: `prepare` (pure) makes the request from the inputs; `ask` moves bytes.
 * Three askers exist: over HTTP, the built-in sandbox, and `recorded`, which src/replay feeds itself and so is not an asker here
 * but the absence of one. */
#ifndef TRACELLM_PROVIDER_H
#define TRACELLM_PROVIDER_H

#include <tracellm/base.h>
#include <tracellm/net.h>
#include <tracellm/wire.h>

/* What the user asked for, after defaults. All slices borrowed by whoever holds the struct. */
struct tl_inputs {
	tl_str provider, provider_reason; /* "openai", "environment OPENAI_API_KEY" */
	tl_str model, model_reason;
	tl_str base_url; /* ptr NULL when `url` is exact */
	tl_str url;      /* the exact address (--url); ptr NULL: made from base_url */
	tl_str prompt;   /* standard input, a blank line, the argument; for a raw request empty */
	tl_str system;   /* ptr NULL: none */
	tl_str temperature;
	int64_t max_tokens; /* -1: none */
	bool stream;
	tl_bytes raw_request;          /* a complete body to send unchanged; ptr NULL: made from the settings */
	const struct tl_pair *headers; /* the user's own, sent last, replacing ours of the same name */
	size_t header_count;
	tl_str api_key;      /* ptr NULL: none */
	uint64_t timeout_ms; /* total for one attempt; 0: none */
	uint64_t retries_max;
};

/* What goes over the wire. Lives in the arena given to prepare. */
struct tl_request {
	enum tl_api api;
	tl_str url;
	struct tl_pair *headers;
	size_t header_count;
	tl_bytes body;
};

/* How one attempt ended, as the asker saw it. Times are from its start; 0: did not happen. */
struct tl_ask_end {
	enum tl_error_class error; /* TL_ERROR_NONE: the body is complete */
	tl_str message;            /* one line, without secrets; borrowed during the call */
	uint64_t dns_ns, connect_ns, tls_ns, first_byte_ns,
		total_ns; /* curl's NAMELOOKUP, CONNECT, APPCONNECT, STARTTRANSFER, TOTAL */
	bool connection_reused;
};

/* Told in this order: head once (not at all when no answer came), chunk any number of times, end exactly once. Slices are
 * borrowed during the call. */
struct tl_ask_sink {
	void *context;
	void (*head)(void *context, struct tl_stamp at, unsigned http_status, const struct tl_pair *headers, size_t header_count);
	void (*chunk)(void *context, struct tl_stamp at, tl_bytes bytes);
	void (*end)(void *context, struct tl_stamp at, const struct tl_ask_end *end);
};

struct tl_ask; /* one attempt under way; ends itself after `end` was told */

struct tl_provider {
	const char *name;
	const char *default_model;
	const char *default_base_url;
	const char *key_variable;      /* environment variable of the key; NULL: needs none */
	const char *base_url_variable; /* NULL: none */
	const char *request_id_header; /* lower case */
	enum tl_api api;
	/* Pure: the same inputs give the same bytes. TL_ERR_USAGE names an input that cannot be used. */
	enum tl_status (*prepare)(
		const struct tl_inputs *inputs, struct tl_arena *arena, struct tl_request *ret_request, struct tl_err *err);
	/* Starts sending; `request` is borrowed until `end` is told. On failure nothing is told. Loop thread. */
	enum tl_status (*ask)(struct tl_loop *loop, const struct tl_request *request, uint64_t timeout_ms,
		struct tl_ask_sink sink, struct tl_ask **ret_ask, struct tl_err *err);
	/* Ends it soon with TL_ERROR_INTERRUPTED; `end` is told from the loop, not from inside this call. */
	void (*cancel)(struct tl_ask *ask);
};

/* All providers, in the order in which they are considered; ends with NULL. Static. */
const struct tl_provider *const *tl_providers(void);
/* NULL: no such provider. */
const struct tl_provider *tl_provider_find(tl_str name);

/* ---- Trying again ----
 * Pure rules (OpenAI's and Anthropic's clients, as their sources have it): tried again are failures to connect, resets and
 * time-outs before the first body byte, 408, 409, 429 and 5xx; never other 4xx, `insufficient_quota`, or anything once a body
 * byte of a 2xx arrived. `x-should-retry: true|false` overrides the status. `retry-after-ms`, then `retry-after` (seconds or a
 * date) is waited when 0 < v <= 120 s; more than 120 s: not tried again. Otherwise min(0.5 * 2^n, 8) s * (1 - 0.25 * random). */
struct tl_retry_question {
	uint64_t number;      /* the attempt that just ended, from 1 */
	uint64_t retries_max; /* of the inputs */
	enum tl_error_class error;
	unsigned http_status; /* 0: none */
	bool body_started;    /* a body byte of a 2xx answer arrived */
	tl_str provider_code, provider_type;
	const struct tl_pair *headers;
	size_t header_count;
	uint64_t wall_ns; /* for Retry-After as a date */
	uint64_t random;  /* drawn from the trace's seed */
};

struct tl_retry_answer {
	bool retry;
	uint64_t wait_ns;
	int64_t retry_after_ms;  /* what the server asked for; -1: nothing */
	const char *wait_source; /* "retry-after" or "exponential"; NULL when not tried again */
};

struct tl_retry_answer tl_retry_decide(const struct tl_retry_question *question);

/* The first header of this name (any case), ptr NULL: none. */
tl_str tl_header_find(const struct tl_pair *headers, size_t count, tl_str name);

/* Name of the price list that applies to an address: "groq" for api.groq.com, "openai" where the host is unknown. Static. */
const char *tl_price_list_of(tl_str provider, tl_str url);

#endif
