/* wire/internal: what the files of this room share.
 *
 *      decoder.c    bytes: an event stream or one JSON body?
 *      parse.c      its JSON, strictly, after repairs
 *      openai*.c    what the members mean
 *      answer.c     the answer as it grows */
#ifndef WIRE_INTERNAL_H
#define WIRE_INTERNAL_H

#include <tracellm/wire.h>

/* Beyond these a body is not an answer any more; what is over is not read. */
#define CHOICES_MAX    256u
#define TOOL_CALLS_MAX 1024u

/* ---- parse.c ---- */

/* Parses strictly. What only our door's strictness refuses is replaced and parsed again: an integer over 64 bits becomes a real;
 * broken UTF-8 and a lone surrogate escape become U+FFFD, which `*ret_repaired` tells, and `err` then says what was refused at
 * first. Owned, tl_json_free. TL_ERR_PARSE, TL_ERR_LIMIT (too deep), TL_ERR_NO_MEMORY. */
enum tl_status wire_parse(tl_str text, tl_json **ret_root, bool *ret_repaired, struct tl_err *err);

/* ---- answer.c: the answer as it grows ---- */

struct call_parts {
	uint64_t index; /* tool_call.index; several calls may share one */
	struct tl_buf id, name, arguments;
};

struct choice_parts {
	struct tl_buf role, text, reasoning, refusal, audio_transcript, finish_raw;
	struct call_parts *calls; /* beside tool_calls of the choice */
	size_t call_capacity, call_view_capacity;
};

/* `answer` is always up to date: its slices point into the buffers of `parts`. */
struct growing {
	struct tl_answer answer;
	struct choice_parts *parts; /* beside answer.choices */
	size_t choice_capacity, parts_capacity;
	struct tl_arena arena; /* arrays, id, model, error */
	size_t text_bytes, limit_bytes;
	uint64_t at_ns; /* stamp for first_content_at_ns */
};

void growing_init(struct growing *growing, size_t limit_bytes);
void growing_done(struct growing *growing);
/* Position of the choice with this index, made when it is new; CHOICES_MAX: there are too many. */
enum tl_status growing_choice(struct growing *growing, uint64_t index, size_t *ret_at, struct tl_err *err);
/* A new call behind those with the same or a smaller index; TOOL_CALLS_MAX: there are too many. */
enum tl_status growing_call(struct growing *growing, size_t choice, uint64_t index, size_t *ret_at, struct tl_err *err);
/* Appends `more` to a text (of `buf`, shown as `*view`); absent text (ptr NULL) changes nothing, empty text makes it present. */
enum tl_status growing_append(struct growing *growing, struct tl_buf *buf, tl_str *view, tl_str more, struct tl_err *err);
/* The same for text that counts as content. */
enum tl_status growing_content(struct growing *growing, struct tl_buf *buf, tl_str *view, tl_str more, struct tl_err *err);
/* Puts `text` in the place of what is there, unless it is empty. */
enum tl_status growing_replace(struct growing *growing, struct tl_buf *buf, tl_str *view, tl_str text, struct tl_err *err);
/* Keeps a copy of `value` in `*field` when nothing but emptiness is there yet. */
enum tl_status growing_keep_first(struct growing *growing, tl_str *field, tl_str value, struct tl_err *err);
bool choice_has_content(const struct tl_choice *choice);

/* ---- openai.c, openai_call.c, openai_usage.c ---- */

/* What is known about the piece beside its JSON. */
struct openai_source {
	bool streamed;
	bool failed; /* an error status or an event named "error": a bare message is one, too */
};

/* Reads one value: a chunk, a whole body, or an array of them. */
enum tl_status openai_read(struct growing *growing, const tl_json *root, struct openai_source source, struct tl_err *err);
enum tl_finish openai_finish(tl_str raw);
/* `tool_calls` and the older `function_call` of a delta or message. */
enum tl_status openai_read_calls(
	struct growing *growing, size_t choice, const tl_json *message, bool streamed, struct tl_err *err);
/* Adds what `root` tells about tokens and cost to `usage`; what it does not tell stays. */
void openai_read_usage(struct tl_usage *usage, const tl_json *root);
/* The text of a string; any other value as JSON; ptr NULL for null and absence. Copied into `arena`. */
enum tl_status json_as_text(const tl_json *value, struct tl_arena *arena, tl_str *ret_text, struct tl_err *err);

#endif
