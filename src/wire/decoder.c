/* wire/decoder: finds out what a body is, cuts it, and hands its JSON to the API's reader. Knows no member of that JSON. */
#include "internal.h"

#include <string.h>

/* As many bytes as tell the two kinds apart: "event:". */
#define HEAD_SIZE 6u

enum body_kind { BODY_UNKNOWN, BODY_STREAM, BODY_JSON };

struct tl_decoder {
	unsigned http_status;
	enum body_kind told; /* by the content type */
	enum body_kind kind; /* as the bytes have it */
	char head[HEAD_SIZE];
	size_t head_len;
	struct tl_sse *sse;
	struct tl_buf body; /* of a JSON body, until its end */
	bool done;          /* [DONE] was seen: what follows is not part of the answer */
	bool ended;
	bool cut; /* the transport lost the end: a broken last piece is no fault of the provider's */
	struct growing growing;
};

static enum body_kind
kind_of_type(tl_str content_type)
{
	tl_str rest = content_type, type = tl_str_trim(tl_str_split(&rest, ';'));
	if (tl_str_equal_ignore_case(type, TL_STR("text/event-stream")))
		return BODY_STREAM;
	return tl_str_equal_ignore_case(type, TL_STR("application/json")) ? BODY_JSON : BODY_UNKNOWN;
}

/* The first bytes behind white space decide where they are clear; then the content type does; then it is taken for JSON, whose
 * parser says what is wrong. */
static enum body_kind
kind_of_head(tl_str head, enum body_kind told, bool final)
{
	static const char *const fields[] = { ":", "data:", "event:", "id:", "retry:" };
	bool open = false;
	if (head.len > 0 && (head.ptr[0] == '{' || head.ptr[0] == '['))
		return BODY_JSON;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		tl_str field = tl_str_of(fields[i]);
		if (tl_str_starts_with(head, field))
			return BODY_STREAM;
		open = open || tl_str_starts_with(field, head);
	}
	if (open && !final)
		return BODY_UNKNOWN;
	return told == BODY_STREAM ? BODY_STREAM : BODY_JSON;
}

/* ---- Pieces ---- */

static void
count_refusal(struct tl_answer *answer, const struct tl_err *why)
{
	tl_str message = tl_str_of(why->message);
	size_t len = 0, next;
	if (answer->refused_pieces++ > 0)
		return;
	/* Cut between code points: the message goes into documents. */
	while ((next = tl_utf8_sequence(tl_str_from(message, len))) > 0 && len + next < sizeof answer->refused_message)
		len += next;
	memcpy(answer->refused_message, message.ptr, len);
	answer->refused_message[len] = '\0';
}

static bool
all_finished(const struct tl_answer *answer)
{
	for (size_t i = 0; i < answer->choice_count; i++)
		if (answer->choices[i].finish == TL_FINISH_NONE)
			return false;
	return answer->choice_count > 0;
}

/* What is refused is counted, and `*ret_whole` stays false. */
static enum tl_status
read_json(struct tl_decoder *decoder, tl_str text, struct openai_source source, bool *ret_whole, struct tl_err *err)
{
	TL_CLEANUP(tl_json_cleanup) tl_json *root = NULL;
	struct tl_err refused;
	bool repaired = false;
	enum tl_status status = wire_parse(text, &root, &repaired, &refused);
	if (status == TL_ERR_NO_MEMORY)
		return tl_err_no_memory(err);
	if ((status != TL_OK && !decoder->cut) || repaired)
		count_refusal(&decoder->growing.answer, &refused);
	if (status != TL_OK)
		return TL_OK;
	*ret_whole = true;
	return openai_read(&decoder->growing, root, source, err);
}

static enum tl_status
on_event(void *context, tl_str event, tl_str data, struct tl_err *err)
{
	struct tl_decoder *decoder = context;
	struct tl_answer *answer = &decoder->growing.answer;
	bool failed = decoder->http_status >= 400 || tl_str_equal(event, TL_STR("error")), whole = false;
	data = tl_str_trim(data);
	if (decoder->done || data.len == 0)
		return TL_OK;
	if (tl_str_starts_with(data, TL_STR("[DONE]"))) {
		decoder->done = true;
		answer->terminated = true;
		return TL_OK;
	}
	TL_TRY(read_json(decoder, data, (struct openai_source){ .streamed = true, .failed = failed }, &whole, err));
	answer->terminated = answer->terminated || all_finished(answer);
	return TL_OK;
}

/* ---- The door ---- */

enum tl_status
tl_decoder_open(enum tl_api api, unsigned http_status, tl_str content_type, size_t limit_bytes, struct tl_decoder **ret_decoder,
	struct tl_err *err)
{
	TL_ASSERT(api == TL_API_OPENAI_CHAT);
	struct tl_decoder *decoder = tl_alloc(1, sizeof *decoder);
	if (!decoder)
		return tl_err_no_memory(err);
	decoder->http_status = http_status;
	decoder->told = kind_of_type(content_type);
	growing_init(&decoder->growing, limit_bytes);
	tl_buf_init(&decoder->body, limit_bytes);
	*ret_decoder = decoder;
	return TL_OK;
}

void
tl_decoder_close(struct tl_decoder *decoder)
{
	if (!decoder)
		return;
	growing_done(&decoder->growing);
	tl_sse_close(decoder->sse);
	tl_buf_done(&decoder->body);
	tl_free(decoder);
}

static enum tl_status
feed_kind(struct tl_decoder *decoder, tl_bytes piece, struct tl_err *err)
{
	if (decoder->kind == BODY_STREAM)
		return tl_sse_feed(decoder->sse, piece, err);
	tl_buf_add(&decoder->body, piece.ptr, piece.len);
	return tl_buf_status(&decoder->body, "the response body", err);
}

/* Moves bytes of `*piece` into the head until the kind is known: white space and a byte order mark say nothing. */
static enum body_kind
sniff(struct tl_decoder *decoder, tl_bytes *piece)
{
	enum body_kind kind = BODY_UNKNOWN;
	while (kind == BODY_UNKNOWN && piece->len > 0) {
		char c = (char)piece->ptr[0];
		*piece = (tl_bytes){ piece->ptr + 1, piece->len - 1 };
		if (decoder->head_len == 0 && strchr(" \t\r\n", c) && c != '\0')
			continue;
		decoder->head[decoder->head_len++] = c;
		tl_str head = { decoder->head, decoder->head_len };
		if (tl_str_equal(head, TL_STR("\xef\xbb\xbf")))
			decoder->head_len = 0;
		else if (!tl_str_starts_with(TL_STR("\xef\xbb\xbf"), head))
			kind = kind_of_head(head, decoder->told, false);
	}
	return kind;
}

static enum tl_status
begin(struct tl_decoder *decoder, enum body_kind kind, struct tl_err *err)
{
	tl_bytes head = { (const uint8_t *)decoder->head, decoder->head_len };
	if (kind == BODY_STREAM)
		TL_TRY(tl_sse_open(decoder->body.limit, on_event, decoder, &decoder->sse, err));
	decoder->kind = kind;
	decoder->growing.answer.streamed = kind == BODY_STREAM;
	return feed_kind(decoder, head, err);
}

enum tl_status
tl_decoder_feed(struct tl_decoder *decoder, tl_bytes piece, uint64_t at_ns, struct tl_err *err)
{
	if (decoder->ended)
		return TL_OK;
	decoder->growing.at_ns = at_ns;
	if (decoder->kind == BODY_UNKNOWN) {
		enum body_kind kind = sniff(decoder, &piece);
		if (kind == BODY_UNKNOWN)
			return TL_OK;
		enum tl_status status = begin(decoder, kind, err);
		decoder->ended = status != TL_OK; /* its first bytes are lost */
		TL_TRY(status);
	}
	return feed_kind(decoder, piece, err);
}

static enum tl_status
end_json(struct tl_decoder *decoder, struct tl_err *err)
{
	struct openai_source source = { .failed = decoder->http_status >= 400 };
	bool whole = false;
	TL_TRY(read_json(decoder, tl_buf_str(&decoder->body), source, &whole, err));
	decoder->growing.answer.terminated = whole;
	return TL_OK;
}

enum tl_status
tl_decoder_end(struct tl_decoder *decoder, bool complete, struct tl_err *err)
{
	if (decoder->ended)
		return TL_OK;
	decoder->ended = true;
	decoder->cut = !complete;
	if (decoder->kind == BODY_UNKNOWN && decoder->head_len > 0)
		TL_TRY(begin(decoder, kind_of_head((tl_str){ decoder->head, decoder->head_len }, decoder->told, true), err));
	if (decoder->kind == BODY_STREAM)
		return tl_sse_end(decoder->sse, err);
	decoder->growing.answer.streamed = decoder->kind == BODY_UNKNOWN && decoder->told == BODY_STREAM;
	return decoder->kind == BODY_JSON ? end_json(decoder, err) : TL_OK;
}

const struct tl_answer *
tl_decoder_answer(const struct tl_decoder *decoder)
{
	return &decoder->growing.answer;
}
