/* provider/registry: which providers there are. */
#include "internal.h"

static const struct tl_provider *const providers[] = { &provider_openai, &provider_sandbox, NULL };

const struct tl_provider *const *
tl_providers(void)
{
	return providers;
}

const struct tl_provider *
tl_provider_find(tl_str name)
{
	for (const struct tl_provider *const *provider = providers; *provider; provider++)
		if (tl_str_equal(name, tl_str_of((*provider)->name)))
			return *provider;
	return NULL;
}
