/* provider/sandbox_answer: what the sandbox says: a fixed rule over the request body, in the wire format of OpenAI Chat
 * Completions. Pure.
 *
 * The rule. The answer names itself, repeats the beginning of the last message and counts what was sent. A token is a word: a run
 * of bytes that are not ASCII white space. max_tokens (or max_completion_tokens) cuts behind so many words. `"stream": true`
 * gives an event stream, anything else one JSON body. */
#include "internal.h"

#include <inttypes.h>

/* Code points of the last message that are repeated. */
#define ECHO_CHARS_MAX 240u

#define BODY_LIMIT (1u << 20)

/* Beside the text: the role, then the finish, the usage and the end together. */
#define TEXT_PIECES_MAX (SANDBOX_PIECES_MAX - 2)

struct request {
	struct tl_request_view view;
	tl_str asked; /* text of the last message that has some */
	int64_t words_asked, words_max;
};

struct answer {
	tl_str text, id, model;
	int64_t words;
	bool cut;
};

/* ---- Words ---- */

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Length of the first word with the white space on both sides of it. */
static size_t
word_len(tl_str text)
{
	size_t len = 0;
	while (len < text.len && is_space(text.ptr[len]))
		len++;
	while (len < text.len && !is_space(text.ptr[len]))
		len++;
	while (len < text.len && is_space(text.ptr[len]))
		len++;
	return len;
}

static int64_t
count_words(tl_str text)
{
	int64_t words = 0;
	for (text = tl_str_trim(text); text.len > 0; words++)
		text = tl_str_from(text, word_len(text));
	return words;
}

static tl_str
first_words(tl_str text, int64_t count)
{
	size_t len = 0;
	for (; count > 0 && len < text.len; count--)
		len += word_len(tl_str_from(text, len));
	return tl_str_slice(text, 0, len);
}

/* ---- The request ---- */

static enum tl_status
read_request(tl_bytes body, struct tl_arena *arena, struct request *ret, struct tl_err *err)
{
	struct request request = { .words_max = INT64_MAX };
	TL_CLEANUP(tl_json_cleanup) tl_json *root = NULL;
	struct tl_err ignored;
	TL_TRY(tl_request_read(TL_API_OPENAI_CHAT, body, arena, &request.view, err));
	for (size_t i = 0; i < request.view.message_count; i++) {
		tl_str content = request.view.messages[i].content;
		request.words_asked += count_words(content);
		if (content.len > 0)
			request.asked = content;
	}
	int64_t max;
	if (tl_json_parse(tl_str_of_bytes(body), &root, &ignored) == TL_OK &&
		(tl_json_int(tl_json_get(root, "max_completion_tokens"), &max) ||
			tl_json_int(tl_json_get(root, "max_tokens"), &max)) &&
		max >= 0)
		request.words_max = max;
	*ret = request;
	return TL_OK;
}

/* ---- The answer ---- */

static tl_str
id_of(tl_bytes body, struct tl_arena *arena)
{
	char digest[TL_DIGEST_TEXT_SIZE];
	tl_digest_text(tl_digest_of(body), digest);
	return tl_arena_printf(arena, "chatcmpl-sandbox-%.16s", digest);
}

static void
add_text(struct tl_buf *text, const struct request *request)
{
	tl_str asked = tl_str_trim(request->asked), shown = tl_utf8_prefix(asked, ECHO_CHARS_MAX);
	size_t messages = request->view.message_count;
	tl_buf_add_z(text, "This is TraceLLM's sandbox, not a language model: it answers by a fixed rule and knows nothing.\n\n");
	if (asked.len == 0)
		tl_buf_add_z(text, "You sent no text.");
	else
		tl_buf_printf(text, "You asked:\n\n> ");
	for (tl_str rest = shown; rest.len > 0;) {
		tl_str line = tl_str_split(&rest, '\n');
		tl_buf_add_str(text, line);
		if (rest.len > 0)
			tl_buf_add_z(text, "\n> ");
	}
	tl_buf_printf(text, "%s\n\nThat was %zu message%s with %" PRId64 " word%s. ", shown.len < asked.len ? " …" : "", messages,
		messages == 1 ? "" : "s", request->words_asked, request->words_asked == 1 ? "" : "s");
	tl_buf_add_z(text, "Everything around this answer is real: the request, the stream it arrived in, the timings and the "
			   "events in the log. To ask a model, set OPENAI_API_KEY, or name a server with --base-url.");
}

static enum tl_status
make_answer(const struct request *request, tl_bytes body, struct tl_arena *arena, struct answer *ret, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf text = { 0 };
	tl_buf_init(&text, BODY_LIMIT);
	add_text(&text, request);
	TL_TRY(tl_buf_status(&text, "the sandbox's answer", err));
	tl_str whole = tl_buf_str(&text), kept = first_words(whole, request->words_max);
	struct answer answer = {
		.text = tl_arena_str(arena, kept),
		.id = id_of(body, arena),
		.model = request->view.model.len ? request->view.model : TL_STR("sandbox"),
		.words = count_words(kept),
		.cut = kept.len < whole.len,
	};
	if (!answer.text.ptr || !answer.id.ptr)
		return tl_arena_failed(arena, kept.len + 1, err);
	*ret = answer;
	return TL_OK;
}

/* ---- JSON ---- */

static tl_json *
head_json(const struct answer *answer, const char *object)
{
	tl_json *root = tl_json_new_object();
	tl_json_set_str(root, "id", answer->id);
	tl_json_set_str(root, "object", tl_str_of(object));
	tl_json_set_int(root, "created", 0); /* the same bytes whenever it is asked */
	tl_json_set_str(root, "model", answer->model);
	return root;
}

static tl_json *
usage_json(const struct request *request, const struct answer *answer)
{
	tl_json *usage = tl_json_new_object();
	tl_json_set_int(usage, "prompt_tokens", request->words_asked);
	tl_json_set_int(usage, "completion_tokens", answer->words);
	tl_json_set_int(usage, "total_tokens", request->words_asked + answer->words);
	return usage;
}

/* One choice whose `key` ("delta", "message") holds role and content, where they are given. */
static tl_json *
choices_json(const char *key, tl_str role, tl_str content, const char *finish)
{
	tl_json *choices = tl_json_new_array(), *choice = tl_json_new_object(), *message = tl_json_new_object();
	if (role.ptr)
		tl_json_set_str(message, "role", role);
	if (content.ptr)
		tl_json_set_str(message, "content", content);
	tl_json_set_int(choice, "index", 0);
	tl_json_set(choice, key, message);
	tl_json_set_str_or_null(choice, "finish_reason", tl_str_of(finish));
	tl_json_add(choices, choice);
	return choices;
}

static enum tl_status
add_event(struct tl_buf *out, const struct answer *answer, tl_json *moved_choices, tl_json *moved_usage, struct tl_err *err)
{
	TL_CLEANUP(tl_json_cleanup) tl_json *root = head_json(answer, "chat.completion.chunk");
	tl_json_set(root, "choices", moved_choices);
	tl_json_set(root, "usage", moved_usage);
	tl_buf_add_z(out, "data: ");
	TL_TRY(tl_json_write(root, out, err));
	tl_buf_add_z(out, "\n\n");
	return tl_buf_status(out, "the sandbox's answer", err);
}

/* ---- Pieces ---- */

static enum tl_status
end_piece(struct sandbox_answer *out, struct tl_buf *piece, struct tl_arena *arena, struct tl_err *err)
{
	TL_ASSERT(out->piece_count < SANDBOX_PIECES_MAX);
	tl_bytes bytes = tl_arena_bytes(arena, tl_bytes_of(tl_buf_str(piece)));
	if (!bytes.ptr)
		return tl_arena_failed(arena, piece->len + 1, err);
	out->pieces[out->piece_count++] = bytes;
	tl_buf_clear(piece);
	return TL_OK;
}

static enum tl_status
answer_in_stream(const struct request *request, const struct answer *answer, struct tl_arena *arena, struct sandbox_answer *out,
	struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf piece = { 0 };
	const tl_str none = { NULL, 0 };
	int64_t words_each = answer->words / (int64_t)TEXT_PIECES_MAX + 1;
	tl_buf_init(&piece, BODY_LIMIT);
	TL_TRY(add_event(&piece, answer, choices_json("delta", TL_STR("assistant"), TL_STR(""), NULL), tl_json_new_null(), err));
	TL_TRY(end_piece(out, &piece, arena, err));
	for (tl_str rest = answer->text; rest.len > 0;) {
		tl_str words = first_words(rest, words_each);
		TL_TRY(add_event(&piece, answer, choices_json("delta", none, words, NULL), tl_json_new_null(), err));
		TL_TRY(end_piece(out, &piece, arena, err));
		rest = tl_str_from(rest, words.len);
	}
	const char *finish = answer->cut ? "length" : "stop";
	TL_TRY(add_event(&piece, answer, choices_json("delta", none, none, finish), tl_json_new_null(), err));
	TL_TRY(add_event(&piece, answer, tl_json_new_array(), usage_json(request, answer), err));
	tl_buf_add_z(&piece, "data: [DONE]\n\n");
	TL_TRY(tl_buf_status(&piece, "the sandbox's answer", err));
	return end_piece(out, &piece, arena, err);
}

static enum tl_status
answer_in_one(const struct request *request, const struct answer *answer, struct tl_arena *arena, struct sandbox_answer *out,
	struct tl_err *err)
{
	TL_CLEANUP(tl_json_cleanup) tl_json *root = head_json(answer, "chat.completion");
	TL_CLEANUP(tl_buf_done) struct tl_buf piece = { 0 };
	tl_buf_init(&piece, BODY_LIMIT);
	tl_json_set(root, "choices", choices_json("message", TL_STR("assistant"), answer->text, answer->cut ? "length" : "stop"));
	tl_json_set(root, "usage", usage_json(request, answer));
	TL_TRY(tl_json_write(root, &piece, err));
	return end_piece(out, &piece, arena, err);
}

enum tl_status
sandbox_answer(tl_bytes body, struct tl_arena *arena, struct sandbox_answer *ret_answer, struct tl_err *err)
{
	struct sandbox_answer out = { .http_status = 200, .content_type = TL_STR("application/json") };
	struct request request;
	struct answer answer;
	TL_TRY(read_request(body, arena, &request, err));
	TL_TRY(make_answer(&request, body, arena, &answer, err));
	out.request_id = answer.id;
	if (!request.view.valid) {
		static const char refusal[] = "{\"error\":{\"message\":\"the request body is not a JSON object\","
					      "\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}";
		out.http_status = 400;
		out.pieces[out.piece_count++] = (tl_bytes){ (const uint8_t *)refusal, sizeof refusal - 1 };
	} else if (request.view.stream) {
		out.content_type = TL_STR("text/event-stream");
		TL_TRY(answer_in_stream(&request, &answer, arena, &out, err));
	} else {
		TL_TRY(answer_in_one(&request, &answer, arena, &out, err));
	}
	*ret_answer = out;
	return TL_OK;
}
