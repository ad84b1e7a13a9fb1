/* wire: pure formats. From the bytes a provider sent to messages, usage, finish reason and error. Knows no socket, no event, no
 * clock.
 *
 * A decoder is fed a response body in whatever pieces it arrived and can be asked at any time what is known so far:
 *
 *      struct tl_decoder *decoder;
 *      tl_decoder_open(TL_API_OPENAI_CHAT, 200, TL_STR("text/event-stream"), 64 << 20, &decoder, err);
 *      tl_decoder_feed(decoder, piece, at_ns, err);         any number of times
 *      tl_decoder_end(decoder, true, err);                  the body is complete
 *      tl_decoder_answer(decoder)->choices[0].text
 *
 * The same bytes in other pieces give the same answer, except for `first_content_at_ns`, which is the stamp of the piece that
 * completed the first content. */
#ifndef TRACELLM_WIRE_H
#define TRACELLM_WIRE_H

#include <tracellm/base.h>

/* number, name in events and documents, description. Numbers are for ever. */
#define TL_APIS(X) X(TL_API_OPENAI_CHAT, 1, "openai.chat", "OpenAI Chat Completions and everything compatible")

enum tl_api {
#define X(symbol, number, name, description) symbol = number,
	TL_APIS(X)
#undef X
};

const char *tl_api_name(enum tl_api api);
bool tl_api_parse(tl_str name, enum tl_api *ret);

/* ---- Server-Sent Events (WHATWG HTML 9.2.6) ----
 * Lines end in LF, CRLF or CR, also split over pieces; one leading BOM is dropped; comments are skipped; several data lines are
 * joined with LF; an event without data is dropped; one without a type is a "message". A last event without its blank line is
 * dispatched by tl_sse_end, as clients of LLM APIs do. */
struct tl_sse;
typedef enum tl_status tl_sse_event_fn(
	void *context, tl_str event, tl_str data, struct tl_err *err); /* slices borrowed during the call */

/* Owned, tl_sse_close. event_limit_bytes bounds one event's data and one line. */
enum tl_status tl_sse_open(
	size_t event_limit_bytes, tl_sse_event_fn *on_event, void *context, struct tl_sse **ret_sse, struct tl_err *err);
void tl_sse_close(struct tl_sse *sse); /* accepts NULL */
/* TL_ERR_LIMIT: an event is larger than its limit; it is skipped, the stream may go on being fed. A failure of `on_event` is
 * passed up. */
enum tl_status tl_sse_feed(struct tl_sse *sse, tl_bytes piece, struct tl_err *err);
enum tl_status tl_sse_end(struct tl_sse *sse, struct tl_err *err);

/* ---- What a body holds ---- */

enum tl_finish {
	TL_FINISH_NONE,
	TL_FINISH_STOP,
	TL_FINISH_LENGTH,
	TL_FINISH_TOOL_CALLS,
	TL_FINISH_CONTENT_FILTER,
	TL_FINISH_ERROR,
	TL_FINISH_OTHER
};
/* "stop", ...; NULL for TL_FINISH_NONE. */
const char *tl_finish_text(enum tl_finish finish);

/* Absent text has ptr NULL; present and empty text does not. */
struct tl_tool_call {
	tl_str id, name;
	tl_str arguments; /* the text the model sent, mostly JSON */
};

struct tl_choice {
	uint64_t index;
	tl_str role;
	tl_str text; /* of all text parts */
	tl_str reasoning;
	tl_str refusal;
	tl_str audio_transcript;
	struct tl_tool_call *tool_calls;
	size_t tool_call_count;
	tl_str finish_raw;
	enum tl_finish finish;
};

/* Totals as facts of the provider's own numbers, normalised so that `cached`, `cache_write` are parts of `input` and `reasoning`
 * is a part of `output`. Where the provider's own numbers contradict that, they stay as told. -1: not told. */
struct tl_usage {
	int64_t input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens;
	int64_t cost_nano_usd; /* what the provider itself says it charges, -1: not told */
};

struct tl_provider_error {
	bool present;
	tl_str message, type, code; /* code as text, also where it was a number */
};

/* Everything borrowed until the next feed, end or close of the decoder that made it. */
struct tl_answer {
	tl_str id, model;
	struct tl_choice *choices; /* ordered by index */
	size_t choice_count;
	struct tl_usage usage;
	struct tl_provider_error error; /* an error object in the body, whatever the status */
	bool streamed;                  /* the body is an event stream */
	bool terminated; /* its own end was seen: [DONE] or a finish reason in a stream; a whole JSON value otherwise */
	uint64_t first_content_at_ns; /* 0: no text, reasoning, refusal or tool call yet */
	uint64_t refused_pieces;      /* events or bodies whose JSON is not valid; see tl_decoder_feed */
	char refused_message[160];    /* why the first of them was refused */
};

/* True when some choice holds text, reasoning, refusal, a tool call or an audio transcript. */
bool tl_answer_has_content(const struct tl_answer *answer);
/* Digest over everything in the choices (roles, texts, tool calls, finish reasons), each field with its length: equal exactly
 * when they are equal. */
struct tl_digest tl_answer_digest(const struct tl_answer *answer);

struct tl_decoder;
/* `http_status` and `content_type` (may be empty) are the response's; the first bytes decide where they contradict it clearly.
 * Owned, tl_decoder_close. limit_bytes bounds the memory for the answer. */
enum tl_status tl_decoder_open(enum tl_api api, unsigned http_status, tl_str content_type, size_t limit_bytes,
	struct tl_decoder **ret_decoder, struct tl_err *err);
void tl_decoder_close(struct tl_decoder *decoder); /* accepts NULL */
/* TL_ERR_LIMIT, TL_ERR_NO_MEMORY only: what the provider wrote is never an error of this call. An event (or body) whose JSON is
 * not valid is counted in the answer and the rest is read on. Where only its characters are wrong (broken UTF-8, half a surrogate
 * pair) it is read all the same, with U+FFFD in their place. Pieces after the end are ignored. */
enum tl_status tl_decoder_feed(struct tl_decoder *decoder, tl_bytes piece, uint64_t at_ns, struct tl_err *err);
/* `complete`: the transport says that the body ended where it should; without it a broken last event is not counted as refused.
 * Feeding ends here. */
enum tl_status tl_decoder_end(struct tl_decoder *decoder, bool complete, struct tl_err *err);
const struct tl_answer *tl_decoder_answer(const struct tl_decoder *decoder);

/* Error classes of docs/trace-document.md a call can end in. */
#define TL_ERROR_CLASSES(X)                        \
	X(TL_ERROR_NONE, 0, "")                    \
	X(TL_ERROR_DNS, 1, "dns")                  \
	X(TL_ERROR_CONNECT, 2, "connect")          \
	X(TL_ERROR_TLS, 3, "tls")                  \
	X(TL_ERROR_TIMEOUT, 4, "timeout")          \
	X(TL_ERROR_RESET, 5, "reset")              \
	X(TL_ERROR_TRUNCATED, 6, "truncated")      \
	X(TL_ERROR_HTTP_STATUS, 7, "http_status")  \
	X(TL_ERROR_PROVIDER, 8, "provider_error")  \
	X(TL_ERROR_EMPTY, 9, "empty")              \
	X(TL_ERROR_MALFORMED, 10, "malformed")     \
	X(TL_ERROR_TOO_LARGE, 11, "too_large")     \
	X(TL_ERROR_REDIRECT, 12, "redirect")       \
	X(TL_ERROR_INTERRUPTED, 13, "interrupted") \
	X(TL_ERROR_WRITER_DIED, 14, "writer_died") \
	X(TL_ERROR_OTHER, 15, "other")

enum tl_error_class {
#define X(symbol, number, name) symbol = number,
	TL_ERROR_CLASSES(X)
#undef X
};

const char *tl_error_class_text(enum tl_error_class error);
bool tl_error_class_parse(tl_str text, enum tl_error_class *ret);

/* ---- Requests ---- */

struct tl_message_part {
	tl_str type;
	tl_str text; /* ptr NULL unless it is text */
	tl_str json; /* the part re-encoded, ptr NULL when it is text */
};

struct tl_message {
	tl_str role;
	tl_str content; /* text parts joined by a line feed; ptr NULL when there is none */
	struct tl_message_part *parts;
	size_t part_count; /* 0 when the content is one string */
	struct tl_tool_call *tool_calls;
	size_t tool_call_count;
	tl_str tool_call_id, name;
};

struct tl_request_view {
	tl_str model;
	struct tl_message *messages;
	size_t message_count;
	bool stream;
	bool valid; /* false: not JSON, or not an object; everything else is empty then */
};

/* Reads a request body as far as it can be read; never fails on what somebody wrote. Everything lives in `arena`. */
enum tl_status tl_request_read(
	enum tl_api api, tl_bytes body, struct tl_arena *arena, struct tl_request_view *ret_view, struct tl_err *err);

/* The settings of a request that we make ourselves. */
struct tl_request_settings {
	tl_str model, prompt;
	tl_str system;      /* ptr NULL: none */
	tl_str temperature; /* decimal text, checked to be a JSON number; ptr NULL: none */
	int64_t max_tokens; /* -1: none */
	bool stream;
};

/* The body for `settings`, deterministic byte for byte. TL_ERR_PARSE: temperature is not a JSON number; the prompt may be any
 * bytes (broken UTF-8 becomes U+FFFD). Lives in `arena`. */
enum tl_status tl_request_write(enum tl_api api, const struct tl_request_settings *settings, struct tl_arena *arena,
	tl_bytes *ret_body, struct tl_err *err);

#endif
