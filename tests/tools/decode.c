/* tests/tools/decode: what our decoder reads in response bodies, as JSON, for a script that has its own opinion.
 *
 * stdin: a line "STATUS LENGTH PIECE CONTENT-TYPE" and LENGTH bytes, any number of times; the body is fed in pieces of PIECE
 * bytes (0: at once). stdout: one line of JSON for each. */
#include <stdio.h>
#include <stdlib.h>

#include <tracellm/wire.h>

#define LIMIT (64u << 20)

static tl_json *
calls_json(const struct tl_choice *choice)
{
	tl_json *calls = tl_json_new_array();
	for (size_t i = 0; i < choice->tool_call_count; i++) {
		tl_json *call = tl_json_new_object();
		tl_json_set_str(call, "id", choice->tool_calls[i].id);
		tl_json_set_str(call, "name", choice->tool_calls[i].name);
		tl_json_set_str(call, "arguments", choice->tool_calls[i].arguments);
		tl_json_add(calls, call);
	}
	return calls;
}

static tl_json *
choices_json(const struct tl_answer *answer)
{
	tl_json *choices = tl_json_new_array();
	for (size_t i = 0; i < answer->choice_count; i++) {
		const struct tl_choice *choice = &answer->choices[i];
		tl_json *object = tl_json_new_object();
		tl_json_set_int(object, "index", (int64_t)choice->index);
		tl_json_set_str(object, "role", choice->role);
		tl_json_set_str(object, "text", choice->text);
		tl_json_set_str(object, "reasoning", choice->reasoning);
		tl_json_set_str(object, "refusal", choice->refusal);
		tl_json_set_str(object, "audio_transcript", choice->audio_transcript);
		tl_json_set(object, "tool_calls", calls_json(choice));
		tl_json_set_str(object, "finish_raw", choice->finish_raw);
		tl_json_set_str(object, "finish", tl_str_of(tl_finish_text(choice->finish)));
		tl_json_add(choices, object);
	}
	return choices;
}

static tl_json *
usage_json(const struct tl_usage *usage)
{
	tl_json *object = tl_json_new_object();
	tl_json_set_int(object, "input", usage->input_tokens);
	tl_json_set_int(object, "output", usage->output_tokens);
	tl_json_set_int(object, "cached", usage->cached_tokens);
	tl_json_set_int(object, "cache_write", usage->cache_write_tokens);
	tl_json_set_int(object, "reasoning", usage->reasoning_tokens);
	tl_json_set_int(object, "cost_nano_usd", usage->cost_nano_usd);
	return object;
}

static tl_json *
error_json(const struct tl_provider_error *error)
{
	if (!error->present)
		return tl_json_new_null();
	tl_json *object = tl_json_new_object();
	tl_json_set_str(object, "message", error->message);
	tl_json_set_str(object, "type", error->type);
	tl_json_set_str(object, "code", error->code);
	return object;
}

static tl_json *
answer_json(const struct tl_answer *answer)
{
	tl_json *root = tl_json_new_object();
	tl_json_set_str(root, "id", answer->id);
	tl_json_set_str(root, "model", answer->model);
	tl_json_set(root, "choices", choices_json(answer));
	tl_json_set(root, "usage", usage_json(&answer->usage));
	tl_json_set(root, "error", error_json(&answer->error));
	tl_json_set_bool(root, "streamed", answer->streamed);
	tl_json_set_bool(root, "terminated", answer->terminated);
	tl_json_set_int(root, "refused_pieces", (int64_t)answer->refused_pieces);
	return root;
}

static void
must(enum tl_status status, const struct tl_err *err)
{
	if (status == TL_OK)
		return;
	(void)fprintf(stderr, "decode: %s\n", err->message);
	exit(1);
}

static void
decode(unsigned http_status, tl_str content_type, tl_bytes body, size_t piece_len)
{
	struct tl_err err;
	struct tl_decoder *decoder;
	struct tl_buf out;
	must(tl_decoder_open(TL_API_OPENAI_CHAT, http_status, content_type, LIMIT, &decoder, &err), &err);
	if (piece_len == 0)
		piece_len = body.len;
	for (size_t at = 0; at < body.len; at += piece_len) {
		size_t len = body.len - at < piece_len ? body.len - at : piece_len;
		must(tl_decoder_feed(decoder, (tl_bytes){ body.ptr + at, len }, at + 1, &err), &err);
	}
	must(tl_decoder_end(decoder, true, &err), &err);
	TL_CLEANUP(tl_json_cleanup) tl_json *root = answer_json(tl_decoder_answer(decoder));
	tl_buf_init(&out, SIZE_MAX / 2);
	must(tl_json_write(root, &out, &err), &err);
	(void)printf("%.*s\n", (int)out.len, out.ptr);
	tl_buf_done(&out);
	tl_decoder_close(decoder);
}

int
main(void)
{
	char head[512];
	while (fgets(head, sizeof head, stdin)) {
		tl_str rest = tl_str_trim(tl_str_of(head));
		uint64_t status, len, piece;
		bool read = tl_str_to_u64(tl_str_split(&rest, ' '), &status) && tl_str_to_u64(tl_str_split(&rest, ' '), &len) &&
			    tl_str_to_u64(tl_str_split(&rest, ' '), &piece);
		uint8_t *body = read && len <= LIMIT ? malloc(len + 1) : NULL;
		if (!body || fread(body, 1, len, stdin) != len) {
			(void)fprintf(stderr, "decode: broken input\n");
			return 1;
		}
		decode((unsigned)status, rest, (tl_bytes){ body, len }, piece);
		free(body);
	}
	return 0;
}
