/* provider/retry: whether to ask again, and when. Pure. */
#include <tracellm/provider.h>

#define RETRY_AFTER_MAX_NS (120 * TL_NS_PER_S)
#define BACKOFF_FIRST_NS   (TL_NS_PER_S / 2)
#define BACKOFF_MAX_NS     (8 * TL_NS_PER_S)

/* A wait beyond it is longer than any limit and need not be told apart. */
#define WAIT_CEILING_NS (UINT64_C(1000000000) * TL_NS_PER_S)

/* ---- What the server asked for ---- */

static bool
add_digits(tl_str digits, uint64_t first_unit_ns, bool fraction, uint64_t *ns)
{
	uint64_t unit_ns = first_unit_ns;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return false;
		if (fraction)
			unit_ns /= 10;
		*ns = (fraction ? *ns : *ns * 10) + (uint64_t)(digits.ptr[i] - '0') * unit_ns;
		if (*ns > WAIT_CEILING_NS)
			*ns = WAIT_CEILING_NS;
	}
	return true;
}

/* "1.5" of `unit_ns`; false: not a plain decimal number. */
static bool
decimal_ns(tl_str text, uint64_t unit_ns, uint64_t *ret_ns)
{
	tl_str fraction = tl_str_trim(text), whole = tl_str_split(&fraction, '.');
	uint64_t ns = 0;
	if (whole.len == 0 || !add_digits(whole, unit_ns, false, &ns) || !add_digits(fraction, unit_ns, true, &ns))
		return false;
	*ret_ns = ns;
	return true;
}

static bool
date_ns(tl_str text, uint64_t wall_ns, uint64_t *ret_ns)
{
	int64_t unix_s;
	if (!tl_http_date_parse(tl_str_trim(text), &unix_s))
		return false;
	uint64_t until_ns = unix_s < 0 ? 0 : (uint64_t)unix_s;
	if (__builtin_mul_overflow(until_ns, TL_NS_PER_S, &until_ns))
		until_ns = UINT64_MAX;
	*ret_ns = until_ns > wall_ns ? until_ns - wall_ns : 0;
	return true;
}

static tl_str
header(const struct tl_retry_question *question, tl_str name)
{
	return tl_header_find(question->headers, question->header_count, name);
}

static bool
asked_wait(const struct tl_retry_question *question, uint64_t *ret_ns)
{
	tl_str seconds = header(question, TL_STR("retry-after"));
	return decimal_ns(header(question, TL_STR("retry-after-ms")), TL_NS_PER_MS, ret_ns) ||
	       decimal_ns(seconds, TL_NS_PER_S, ret_ns) || date_ns(seconds, question->wall_ns, ret_ns);
}

/* ---- Whether ---- */

static bool
status_is_retried(unsigned http_status)
{
	return http_status == 408 || http_status == 409 || http_status == 429 || http_status >= 500;
}

/* Nothing has come back that could be an answer. A connection lost between head and body is called truncated, and is a reset
 * all the same. */
static bool
failure_is_retried(enum tl_error_class error)
{
	switch (error) {
	case TL_ERROR_DNS:
	case TL_ERROR_CONNECT:
	case TL_ERROR_TLS:
	case TL_ERROR_RESET:
	case TL_ERROR_TIMEOUT:
	case TL_ERROR_TRUNCATED:
		return true;
	default:
		return false;
	}
}

static bool
is_quota(tl_str text)
{
	return tl_str_equal(text, TL_STR("insufficient_quota"));
}

static bool
may_be_retried(const struct tl_retry_question *question)
{
	if (question->number > question->retries_max || question->body_started || question->error == TL_ERROR_INTERRUPTED)
		return false;
	if (is_quota(question->provider_code) || is_quota(question->provider_type))
		return false;
	if (question->http_status < 300)
		return failure_is_retried(question->error);
	tl_str should = header(question, TL_STR("x-should-retry"));
	if (tl_str_equal_ignore_case(should, TL_STR("true")))
		return true;
	return !tl_str_equal_ignore_case(should, TL_STR("false")) && status_is_retried(question->http_status);
}

/* ---- When ---- */

static uint64_t
backoff_ns(uint64_t number, uint64_t random)
{
	uint64_t wait_ns = BACKOFF_FIRST_NS;
	for (uint64_t n = 1; n < number && wait_ns < BACKOFF_MAX_NS; n++)
		wait_ns *= 2;
	/* Up to a quarter less, in 2^32 steps: the product stays within 64 bits. */
	return wait_ns - ((wait_ns / 4 * (random >> 32)) >> 32);
}

struct tl_retry_answer
tl_retry_decide(const struct tl_retry_question *question)
{
	struct tl_retry_answer answer = { .retry_after_ms = -1 };
	uint64_t asked_ns = 0;
	if (asked_wait(question, &asked_ns))
		answer.retry_after_ms = (int64_t)((asked_ns + TL_NS_PER_MS - 1) / TL_NS_PER_MS);
	answer.retry = asked_ns <= RETRY_AFTER_MAX_NS && may_be_retried(question);
	if (!answer.retry)
		return answer;
	answer.wait_ns = asked_ns > 0 ? asked_ns : backoff_ns(question->number, question->random);
	answer.wait_source = asked_ns > 0 ? "retry-after" : "exponential";
	return answer;
}
