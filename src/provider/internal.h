/* provider/internal: what the files of this room share. */
#ifndef PROVIDER_INTERNAL_H
#define PROVIDER_INTERNAL_H

#include <tracellm/provider.h>

/* Each asker's own struct begins with it. */
struct tl_ask {
	struct tl_ask_sink sink;
};

extern const struct tl_provider provider_openai;
extern const struct tl_provider provider_sandbox;

/* ---- prepare.c: requests in the manner of OpenAI Chat Completions ---- */

/* TL_ERR_USAGE: neither a base URL nor an address, a scheme that is not among `schemes` (ends with NULL), bytes that no header
 * or URL may hold, a temperature that is no number. */
enum tl_status prepare_chat(const struct tl_inputs *inputs, const char *const *schemes, struct tl_arena *arena,
	struct tl_request *ret_request, struct tl_err *err);

/* ---- http.c ---- */
enum tl_status http_ask(struct tl_loop *loop, const struct tl_request *request, uint64_t timeout_ms, struct tl_ask_sink sink,
	struct tl_ask **ret_ask, struct tl_err *err);
void http_cancel(struct tl_ask *ask);

/* ---- sandbox_answer.c: what the sandbox says, a function of the request body alone ---- */

#define SANDBOX_PIECES_MAX 24u

struct sandbox_answer {
	unsigned http_status;
	tl_str content_type, request_id;
	tl_bytes pieces[SANDBOX_PIECES_MAX]; /* as they are told, one by one */
	size_t piece_count;
};

/* Lives in `arena`. */
enum tl_status sandbox_answer(tl_bytes body, struct tl_arena *arena, struct sandbox_answer *ret_answer, struct tl_err *err);

#endif
