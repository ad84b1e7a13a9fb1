/* provider/openai: OpenAI Chat Completions, and every server that speaks it, by base URL. */
#include "internal.h"

static enum tl_status
prepare(const struct tl_inputs *inputs, struct tl_arena *arena, struct tl_request *ret_request, struct tl_err *err)
{
	static const char *const schemes[] = { "https://", "http://", NULL };
	return prepare_chat(inputs, schemes, arena, ret_request, err);
}

const struct tl_provider provider_openai = {
	.name = "openai",
	.default_model = "gpt-4o",
	.default_base_url = "https://api.openai.com/v1",
	.key_variable = "OPENAI_API_KEY",
	.base_url_variable = "OPENAI_BASE_URL",
	.request_id_header = "x-request-id",
	.api = TL_API_OPENAI_CHAT,
	.prepare = prepare,
	.ask = http_ask,
	.cancel = http_cancel,
};
