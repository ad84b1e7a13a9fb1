/* fuzz: event streams. The same bytes must give the same events, however they are cut. The first byte sets the limit. */
#include <stdlib.h>
#include <string.h>

#include <tracellm/wire.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came of a stream. */
struct outcome {
	struct tl_digest digest;
	size_t events, too_large, limit;
};

static void
mix(struct outcome *outcome, tl_str text)
{
	struct tl_digest part = tl_digest_of(tl_bytes_of(text));
	outcome->digest =
		tl_digest_of2((tl_bytes){ outcome->digest.bytes, TL_DIGEST_SIZE }, (tl_bytes){ part.bytes, TL_DIGEST_SIZE });
}

static enum tl_status
on_event(void *context, tl_str event, tl_str data, struct tl_err *err)
{
	struct outcome *outcome = context;
	(void)err;
	TL_ASSERT(event.len > 0 && event.len <= outcome->limit + strlen("message") && data.len <= outcome->limit);
	TL_ASSERT(tl_str_find_char(event, '\n') == SIZE_MAX && tl_str_find_char(data, '\r') == SIZE_MAX);
	outcome->events++;
	mix(outcome, event);
	mix(outcome, data);
	return TL_OK;
}

/* Feeds pieces of 1 to `piece_max` bytes, whose sizes follow from the input; 0: all at once. */
static struct outcome
feed(const uint8_t *data, size_t size, size_t limit, size_t piece_max)
{
	struct outcome outcome = { .limit = limit };
	struct tl_sse *sse;
	struct tl_err err;
	TL_ASSERT(tl_sse_open(limit, on_event, &outcome, &sse, &err) == TL_OK);
	for (size_t at = 0, turn = 0, len; at < size; at += len) {
		len = piece_max ? 1 + data[turn++ % size] % piece_max : size;
		len = len < size - at ? len : size - at;
		/* A copy of its own, so that reading beyond it is seen. */
		uint8_t *piece = malloc(len);
		TL_ASSERT(piece);
		memcpy(piece, data + at, len);
		enum tl_status status = tl_sse_feed(sse, (tl_bytes){ piece, len }, &err);
		TL_ASSERT(status == TL_OK || status == TL_ERR_LIMIT);
		outcome.too_large |= status == TL_ERR_LIMIT;
		free(piece);
	}
	enum tl_status status = tl_sse_end(sse, &err);
	TL_ASSERT(status == TL_OK || status == TL_ERR_LIMIT);
	outcome.too_large |= status == TL_ERR_LIMIT;
	tl_sse_close(sse);
	return outcome;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = { 1, 3, 17, 200 };
	size_t limit = size > 0 && data[0] % 2 ? 8u + data[0] : 1u << 20;
	struct outcome whole = feed(data, size, limit, 0);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct outcome cut = feed(data, size, limit, pieces[i]);
		TL_ASSERT(cut.events == whole.events && cut.too_large == whole.too_large);
		TL_ASSERT(tl_digest_equal(cut.digest, whole.digest));
	}
	return 0;
}
