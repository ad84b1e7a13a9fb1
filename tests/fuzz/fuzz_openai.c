/* fuzz: response bodies. The same bytes must give the same answer, however they are cut; the answer keeps the door's promises.
 * The first byte sets the HTTP status and the content type. */
#include <stdlib.h>
#include <string.h>

#include <tracellm/wire.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT (1u << 20)

static bool
same(tl_str a, tl_str b)
{
	return tl_str_equal(a, b) && !a.ptr == !b.ptr;
}

static void
check_alone(const struct tl_answer *answer)
{
	TL_ASSERT(!answer->first_content_at_ns == !tl_answer_has_content(answer));
	TL_ASSERT(!answer->refused_pieces == !answer->refused_message[0] && tl_utf8_valid(tl_str_of(answer->refused_message)));
	for (size_t i = 0; i < answer->choice_count; i++) {
		const struct tl_choice *choice = &answer->choices[i];
		TL_ASSERT(i == 0 || answer->choices[i - 1].index < choice->index);
		TL_ASSERT(!choice->finish_raw.len == (choice->finish == TL_FINISH_NONE));
		TL_ASSERT(tl_utf8_valid(choice->text) && tl_utf8_valid(choice->reasoning));
	}
}

static void
check_equal(const struct tl_answer *a, const struct tl_answer *b)
{
	TL_ASSERT(tl_digest_equal(tl_answer_digest(a), tl_answer_digest(b)));
	TL_ASSERT(memcmp(&a->usage, &b->usage, sizeof a->usage) == 0);
	TL_ASSERT(same(a->id, b->id) && same(a->model, b->model));
	TL_ASSERT(a->error.present == b->error.present && same(a->error.message, b->error.message));
	TL_ASSERT(same(a->error.type, b->error.type) && same(a->error.code, b->error.code));
	TL_ASSERT(a->streamed == b->streamed && a->terminated == b->terminated);
	TL_ASSERT(a->refused_pieces == b->refused_pieces && strcmp(a->refused_message, b->refused_message) == 0);
}

/* Feeds pieces of 1 to `piece_max` bytes, whose sizes follow from the input; 0: all at once. */
static struct tl_decoder *
feed(const uint8_t *data, size_t size, uint8_t kind, size_t piece_max)
{
	static const char *const types[] = { "", "application/json", "text/event-stream", "text/html" };
	struct tl_decoder *decoder;
	struct tl_err err;
	unsigned http_status = kind & 4 ? 500 : 200;
	TL_ASSERT(tl_decoder_open(TL_API_OPENAI_CHAT, http_status, tl_str_of(types[kind & 3]), LIMIT, &decoder, &err) == TL_OK);
	for (size_t at = 0, turn = 0, len; at < size; at += len) {
		len = piece_max ? 1 + data[turn++ % size] % piece_max : size;
		len = len < size - at ? len : size - at;
		/* A copy of its own, so that reading beyond it is seen. */
		uint8_t *piece = malloc(len);
		TL_ASSERT(piece);
		memcpy(piece, data + at, len);
		TL_ASSERT(tl_decoder_feed(decoder, (tl_bytes){ piece, len }, at + 1, &err) == TL_OK);
		free(piece);
		check_alone(tl_decoder_answer(decoder));
	}
	TL_ASSERT(tl_decoder_end(decoder, !(kind & 8), &err) == TL_OK);
	check_alone(tl_decoder_answer(decoder));
	return decoder;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = { 1, 5, 60 };
	if (size == 0 || size > LIMIT / 16)
		return 0;
	struct tl_decoder *whole = feed(data + 1, size - 1, data[0], 0);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct tl_decoder *cut = feed(data + 1, size - 1, data[0], pieces[i]);
		check_equal(tl_decoder_answer(whole), tl_decoder_answer(cut));
		tl_decoder_close(cut);
	}
	tl_decoder_close(whole);
	return 0;
}
