/* What the decoder's tests share: a body fed in pieces, answers compared. */
#ifndef DECODER_FIXTURE_H
#define DECODER_FIXTURE_H

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include <tracellm/wire.h>

#define FIXTURE_LIMIT (1u << 20)

static inline void
assert_text(tl_str got, const char *expected)
{
	if (got.len != strlen(expected) || (got.len && memcmp(got.ptr, expected, got.len) != 0))
		fail_msg("'%.*s' instead of '%s'", TL_FMT(got), expected);
}

static inline struct tl_decoder *
decoder_new(unsigned http_status, const char *content_type)
{
	struct tl_decoder *decoder = NULL;
	struct tl_err err;
	assert_int_equal(
		tl_decoder_open(TL_API_OPENAI_CHAT, http_status, tl_str_of(content_type), FIXTURE_LIMIT, &decoder, &err), TL_OK);
	return decoder;
}

/* A copy of exactly these bytes, so that the sanitizer sees a read beyond them. */
static inline void
decoder_feed(struct tl_decoder *decoder, const char *bytes, size_t len, uint64_t at_ns)
{
	struct tl_err err;
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	assert_int_equal(tl_decoder_feed(decoder, (tl_bytes){ copy, len }, at_ns, &err), TL_OK);
	free(copy);
}

static inline void
decoder_end(struct tl_decoder *decoder, bool complete)
{
	struct tl_err err;
	assert_int_equal(tl_decoder_end(decoder, complete, &err), TL_OK);
}

/* Fed in pieces of `piece_len` (0: at once) and ended. */
static inline struct tl_decoder *
decoded_as(unsigned http_status, const char *content_type, const char *body, size_t piece_len)
{
	struct tl_decoder *decoder = decoder_new(http_status, content_type);
	size_t len = strlen(body);
	for (size_t at = 0, now; at < len; at += now) {
		now = piece_len == 0 || piece_len > len - at ? len - at : piece_len;
		decoder_feed(decoder, body + at, now, at + now);
	}
	decoder_end(decoder, true);
	return decoder;
}

static inline void
assert_same_usage(const struct tl_usage *a, const struct tl_usage *b)
{
	assert_int_equal(a->input_tokens, b->input_tokens);
	assert_int_equal(a->output_tokens, b->output_tokens);
	assert_int_equal(a->cached_tokens, b->cached_tokens);
	assert_int_equal(a->cache_write_tokens, b->cache_write_tokens);
	assert_int_equal(a->reasoning_tokens, b->reasoning_tokens);
	assert_int_equal(a->cost_nano_usd, b->cost_nano_usd);
}

static inline bool
same_text(tl_str a, tl_str b)
{
	return tl_str_equal(a, b) && (a.ptr == NULL) == (b.ptr == NULL);
}

static inline void
assert_same_answer(const struct tl_answer *a, const struct tl_answer *b)
{
	assert_true(tl_digest_equal(tl_answer_digest(a), tl_answer_digest(b)));
	assert_true(same_text(a->id, b->id) && same_text(a->model, b->model));
	assert_same_usage(&a->usage, &b->usage);
	assert_int_equal(a->error.present, b->error.present);
	assert_true(same_text(a->error.message, b->error.message) && same_text(a->error.type, b->error.type) &&
		    same_text(a->error.code, b->error.code));
	assert_int_equal(a->streamed, b->streamed);
	assert_int_equal(a->terminated, b->terminated);
	assert_int_equal(a->refused_pieces, b->refused_pieces);
	assert_string_equal(a->refused_message, b->refused_message);
	assert_int_equal(a->first_content_at_ns == 0, b->first_content_at_ns == 0);
}

/* The body read at once; before that it was fed byte by byte, in threes and in random pieces, with the same answer each time. */
static inline struct tl_decoder *
decoded_with_status(unsigned http_status, const char *content_type, const char *body)
{
	static uint64_t random;
	if (random == 0)
		random = unit_seed();
	struct tl_decoder *whole = decoded_as(http_status, content_type, body, 0);
	for (size_t round = 0; round < 8; round++) {
		struct tl_decoder *other = decoder_new(http_status, content_type);
		size_t len = strlen(body);
		for (size_t at = 0, now; at < len; at += now) {
			now = round == 0 ? 1 : round == 1 ? 3 : 1 + unit_below(&random, 1 + len / (8 * round));
			now = now > len - at ? len - at : now;
			decoder_feed(other, body + at, now, at + now);
		}
		decoder_end(other, true);
		assert_same_answer(tl_decoder_answer(whole), tl_decoder_answer(other));
		tl_decoder_close(other);
	}
	return whole;
}

static inline struct tl_decoder *
decoded(const char *content_type, const char *body)
{
	return decoded_with_status(200, content_type, body);
}

#endif
