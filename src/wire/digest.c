/* wire/digest: one number for everything a model said. Knows no wire format. */
#include "internal.h"

/* Chained: the digest so far, then eight bytes of number. */
static void
add_number(struct tl_digest *digest, uint64_t number)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(number >> (8 * i));
	*digest = tl_digest_of2((tl_bytes){ digest->bytes, TL_DIGEST_SIZE }, (tl_bytes){ bytes, sizeof bytes });
}

/* Length before bytes, so that no two rows of fields give the same sequence; absence is a length that no text has. */
static void
add_text(struct tl_digest *digest, tl_str text)
{
	add_number(digest, text.ptr ? text.len : UINT64_MAX);
	if (text.len > 0)
		*digest = tl_digest_of2((tl_bytes){ digest->bytes, TL_DIGEST_SIZE }, tl_bytes_of(text));
}

struct tl_digest
tl_answer_digest(const struct tl_answer *answer)
{
	struct tl_digest digest = { { 0 } };
	add_number(&digest, answer->choice_count);
	for (size_t i = 0; i < answer->choice_count; i++) {
		const struct tl_choice *choice = &answer->choices[i];
		add_number(&digest, choice->index);
		add_text(&digest, choice->role);
		add_text(&digest, choice->text);
		add_text(&digest, choice->reasoning);
		add_text(&digest, choice->refusal);
		add_text(&digest, choice->audio_transcript);
		add_text(&digest, choice->finish_raw);
		add_number(&digest, choice->tool_call_count);
		for (size_t j = 0; j < choice->tool_call_count; j++) {
			add_text(&digest, choice->tool_calls[j].id);
			add_text(&digest, choice->tool_calls[j].name);
			add_text(&digest, choice->tool_calls[j].arguments);
		}
	}
	return digest;
}
