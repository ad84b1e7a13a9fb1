/* wire/openai_usage: tokens and cost in the words of OpenAI Chat Completions and its relatives. */
#include "internal.h"

#include <math.h>

/* Where each count may be, the first that is there counts. Relatives: Mistral (num_cached_tokens, once prompt_token_details),
 * DeepSeek (prompt_cache_hit_tokens), Moonshot and Anthropic's own endpoint (cached_tokens), servers that use the names of the
 * Responses API. */
static const char *const input_paths[] = { "prompt_tokens", "input_tokens", NULL };
static const char *const output_paths[] = { "completion_tokens", "output_tokens", NULL };
static const char *const cached_paths[] = { "num_cached_tokens", "prompt_tokens_details.cached_tokens",
	"prompt_token_details.cached_tokens", "prompt_cache_hit_tokens", "input_tokens_details.cached_tokens", "cached_tokens",
	NULL };
static const char *const cache_write_paths[] = { "prompt_tokens_details.cache_write_tokens",
	"input_tokens_details.cache_write_tokens", NULL };
static const char *const reasoning_paths[] = { "completion_tokens_details.reasoning_tokens",
	"output_tokens_details.reasoning_tokens", "reasoning_tokens", NULL };

/* -1: nowhere. */
static int64_t
first_count(const tl_json *usage, const char *const *paths)
{
	int64_t count;
	for (; *paths; paths++)
		if (tl_json_int(tl_json_path(usage, *paths), &count) && count >= 0)
			return count;
	return -1;
}

static int64_t
rounded(double nano)
{
	return nano >= 0 && nano < 9e18 ? llround(nano) : -1;
}

static int64_t
cost_of(const tl_json *usage)
{
	const tl_json *cost = tl_json_get(usage, "cost");
	double value;
	if (tl_json_real(cost, &value) || tl_json_real(tl_json_get(cost, "total_cost"), &value))
		return rounded(value * 1e9);
	/* xAI: a tick is 10^-10 USD. */
	if (tl_json_real(tl_json_get(usage, "cost_in_usd_ticks"), &value))
		return rounded(value / 10);
	return -1;
}

static bool
has(const tl_json *usage, const char *key)
{
	double number;
	return tl_json_real(tl_json_get(usage, key), &number);
}

static bool
add_is(int64_t a, int64_t b, int64_t c, int64_t sum)
{
	int64_t total;
	return !__builtin_add_overflow(a, b, &total) && !__builtin_add_overflow(total, c, &total) && total == sum;
}

/* xAI leaves reasoning out of completion_tokens, and cached tokens out of prompt_tokens where they are more. The total tells;
 * without one, the members that only xAI sends do. */
static void
include_parts(struct tl_usage *told, const tl_json *usage)
{
	static const char *const total_path[] = { "total_tokens", NULL };
	int64_t total = first_count(usage, total_path);
	bool xai = has(usage, "cost_in_usd_ticks") || has(usage, "num_sources_used");
	if (told->input_tokens < 0 || told->output_tokens < 0)
		return;
	if (told->reasoning_tokens > 0) {
		bool without = add_is(told->input_tokens, told->output_tokens, 0, total);
		bool with = add_is(told->input_tokens, told->output_tokens, told->reasoning_tokens, total);
		if (with || (xai && !without))
			told->output_tokens += told->reasoning_tokens;
	}
	if (xai && told->cached_tokens > told->input_tokens)
		told->input_tokens += told->cached_tokens;
}

static void
take(int64_t *count, int64_t told)
{
	if (told >= 0)
		*count = told;
}

static void
read_usage_object(struct tl_usage *usage, const tl_json *object)
{
	struct tl_usage told = {
		.input_tokens = first_count(object, input_paths),
		.output_tokens = first_count(object, output_paths),
		.cached_tokens = first_count(object, cached_paths),
		.cache_write_tokens = first_count(object, cache_write_paths),
		.reasoning_tokens = first_count(object, reasoning_paths),
		.cost_nano_usd = cost_of(object),
	};
	include_parts(&told, object);
	take(&usage->input_tokens, told.input_tokens);
	take(&usage->output_tokens, told.output_tokens);
	take(&usage->cached_tokens, told.cached_tokens);
	take(&usage->cache_write_tokens, told.cache_write_tokens);
	take(&usage->reasoning_tokens, told.reasoning_tokens);
	take(&usage->cost_nano_usd, told.cost_nano_usd);
}

/* llama.cpp tells the counts beside its timings, also where no usage was asked for. */
static void
read_timings(struct tl_usage *usage, const tl_json *timings)
{
	int64_t prompt, cached = 0, predicted;
	if (!tl_json_int(tl_json_get(timings, "prompt_n"), &prompt) ||
		!tl_json_int(tl_json_get(timings, "predicted_n"), &predicted) || prompt < 0 || predicted < 0)
		return;
	if (tl_json_int(tl_json_get(timings, "cache_n"), &cached) && cached >= 0)
		usage->cached_tokens = cached;
	if (__builtin_add_overflow(prompt, cached > 0 ? cached : 0, &usage->input_tokens))
		usage->input_tokens = -1;
	usage->output_tokens = predicted;
}

void
openai_read_usage(struct tl_usage *usage, const tl_json *root)
{
	const tl_json *object = tl_json_get(root, "usage");
	if (tl_json_kind_of(object) != TL_JSON_OBJECT)
		object = tl_json_path(root, "x_groq.usage");
	/* Moonshot puts it into the choice. */
	if (tl_json_kind_of(object) != TL_JSON_OBJECT)
		object = tl_json_get(tl_json_at(tl_json_get(root, "choices"), 0), "usage");
	if (tl_json_kind_of(object) == TL_JSON_OBJECT)
		read_usage_object(usage, object);
	if (usage->input_tokens < 0 && usage->output_tokens < 0)
		read_timings(usage, tl_json_get(root, "timings"));
}
