/* provider/price_list: whose prices apply at an address. Knows no price. */
#include <tracellm/provider.h>

/* A host, and all below it. Those without prices of their own in the table are named too: theirs are not OpenAI's. */
static const struct {
	const char *host, *list;
} lists[] = {
	{ "openai.com", "openai" },
	{ "openai.azure.com", "azure" },
	{ "cognitiveservices.azure.com", "azure" },
	{ "azure-api.net", "azure" },
	{ "anthropic.com", "anthropic" },
	{ "googleapis.com", "google" },
	{ "mistral.ai", "mistral" },
	{ "groq.com", "groq" },
	{ "deepseek.com", "deepseek" },
	{ "together.ai", "together" },
	{ "together.xyz", "together" },
	{ "cohere.ai", "cohere" },
	{ "cohere.com", "cohere" },
	{ "x.ai", "xai" },
	{ "aliyuncs.com", "alibaba" },
	{ "openrouter.ai", "openrouter" },
	{ "fireworks.ai", "fireworks" },
	{ "moonshot.ai", "moonshot" },
	{ "z.ai", "zai" },
	{ "perplexity.ai", "perplexity" },
	{ "cerebras.ai", "cerebras" },
	{ "nvidia.com", "nvidia" },
	{ "huggingface.co", "huggingface" },
	{ "github.ai", "github" },
	{ "ollama.com", "ollama" },
};

/* The host of a URL: without scheme, user, port and path. */
static tl_str
host_of(tl_str url)
{
	size_t scheme = tl_str_find(url, TL_STR("://"));
	tl_str host = tl_str_from(url, scheme == SIZE_MAX ? 0 : scheme + 3);
	for (const char *end = "/?#"; *end; end++)
		host = tl_str_slice(host, 0, tl_str_find_char(host, *end));
	size_t user = tl_str_find_char(host, '@');
	host = tl_str_from(host, user == SIZE_MAX ? 0 : user + 1);
	return tl_str_slice(host, 0, tl_str_find_char(host, ':'));
}

static bool
is_within(tl_str host, tl_str domain)
{
	if (host.len < domain.len)
		return false;
	size_t before = host.len - domain.len;
	return tl_str_equal_ignore_case(tl_str_from(host, before), domain) && (before == 0 || host.ptr[before - 1] == '.');
}

const char *
tl_price_list_of(tl_str provider, tl_str url)
{
	tl_str host = host_of(url);
	if (tl_str_equal(provider, TL_STR("sandbox")))
		return "sandbox";
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (is_within(host, tl_str_of(lists[i].host)))
			return lists[i].list;
	return "openai";
}
