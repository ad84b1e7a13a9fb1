/* Ids, random numbers, digests.
 *
 * A trace id is 128 random bits, so that it is an OpenTelemetry trace id. Its text is `tr_` and the 128-bit number in 26 digits
 * of lower-case Crockford base32 (0-9 a-z without i l o u), most significant first; the first digit is therefore 0 to 7. A prefix
 * of the text is a range of ids:
 *
 *      tr_2kf9q3m1          every id from 2kf9q3m1000... to 2kf9q3m1zzz... */
#ifndef TRACELLM_BASE_ID_H
#define TRACELLM_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include <tracellm/base/err.h>
#include <tracellm/base/text.h>

struct tl_trace_id {
	uint8_t bytes[16];
};

struct tl_span_id {
	uint8_t bytes[8]; /* all zero: no span */
};

#define TL_TRACE_ID_TEXT_SIZE 30 /* tr_ + 26 + NUL */
#define TL_SPAN_ID_TEXT_SIZE  17 /* 16 hex digits + NUL */
/* People are shown at least this many digits behind tr_. */
#define TL_TRACE_ID_SHOWN 8

void tl_trace_id_text(struct tl_trace_id id, char out[TL_TRACE_ID_TEXT_SIZE]);
/* The whole text form (with or without tr_, either case; i and l read as 1, o as 0, as Crockford has it), or 32 hex digits.
 * TL_ERR_PARSE names the offending character. */
enum tl_status tl_trace_id_parse(tl_str text, struct tl_trace_id *ret_id, struct tl_err *err);
/* First and last id that start with `text` (1 to 26 digits, as above). TL_ERR_PARSE: no such text. */
enum tl_status tl_trace_id_range(tl_str text, struct tl_trace_id *ret_first, struct tl_trace_id *ret_last, struct tl_err *err);
bool tl_trace_id_equal(struct tl_trace_id a, struct tl_trace_id b);
int tl_trace_id_compare(struct tl_trace_id a, struct tl_trace_id b); /* as memcmp */

void tl_span_id_text(struct tl_span_id id, char out[TL_SPAN_ID_TEXT_SIZE]);
bool tl_span_id_equal(struct tl_span_id a, struct tl_span_id b);
bool tl_span_id_is_zero(struct tl_span_id id);

/* Bytes from the system's generator. Any thread. */
void tl_entropy(void *out, size_t len);
struct tl_trace_id tl_trace_id_new(void);

/* Random numbers from a seed: the same seed gives the same sequence on every machine (ChaCha20 keyed with BLAKE2b(seed, count)).
 * What a trace draws, it draws from here, and the seed is in its first event, so that a replay draws the same. Plain data; one
 * thread at a time. */
#define TL_SEED_SIZE 32
struct tl_random {
	uint8_t seed[TL_SEED_SIZE];
	uint64_t drawn;
};

void tl_random_init(struct tl_random *random, const uint8_t seed[TL_SEED_SIZE]);
void tl_random_bytes(struct tl_random *random, void *out, size_t len);
uint64_t tl_random_u64(struct tl_random *random);
struct tl_span_id tl_random_span_id(struct tl_random *random); /* never zero */

/* BLAKE2b-256 (RFC 7693). */
#define TL_DIGEST_SIZE 32
struct tl_digest {
	uint8_t bytes[TL_DIGEST_SIZE];
};

#define TL_DIGEST_TEXT_SIZE 65
struct tl_digest tl_digest_of(tl_bytes bytes);
/* Of `a` followed by `b`. */
struct tl_digest tl_digest_of2(tl_bytes a, tl_bytes b);
void tl_digest_text(struct tl_digest digest, char out[TL_DIGEST_TEXT_SIZE]); /* 64 hex digits */
bool tl_digest_equal(struct tl_digest a, struct tl_digest b);

#endif
