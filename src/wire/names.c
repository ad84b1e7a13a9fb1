/* wire/names: the words of the door's tables, both ways. */
#include <tracellm/wire.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct {
	enum tl_api api;
	const char *name;
} apis[] = {
#define X(symbol, number, name, description) { symbol, name },
	TL_APIS(X)
#undef X
};

const char *
tl_api_name(enum tl_api api)
{
	for (size_t i = 0; i < COUNT(apis); i++)
		if (apis[i].api == api)
			return apis[i].name;
	return NULL;
}

bool
tl_api_parse(tl_str name, enum tl_api *ret)
{
	for (size_t i = 0; i < COUNT(apis); i++) {
		if (tl_str_equal(name, tl_str_of(apis[i].name))) {
			*ret = apis[i].api;
			return true;
		}
	}
	return false;
}

static const char *const finishes[] = {
	[TL_FINISH_NONE] = NULL,
	[TL_FINISH_STOP] = "stop",
	[TL_FINISH_LENGTH] = "length",
	[TL_FINISH_TOOL_CALLS] = "tool_calls",
	[TL_FINISH_CONTENT_FILTER] = "content_filter",
	[TL_FINISH_ERROR] = "error",
	[TL_FINISH_OTHER] = "other",
};

const char *
tl_finish_text(enum tl_finish finish)
{
	return (size_t)finish < COUNT(finishes) ? finishes[finish] : NULL;
}

static const struct {
	enum tl_error_class error;
	const char *text;
} errors[] = {
#define X(symbol, number, name) { symbol, name },
	TL_ERROR_CLASSES(X)
#undef X
};

const char *
tl_error_class_text(enum tl_error_class error)
{
	for (size_t i = 0; i < COUNT(errors); i++)
		if (errors[i].error == error)
			return errors[i].text;
	return errors[TL_ERROR_NONE].text;
}

bool
tl_error_class_parse(tl_str text, enum tl_error_class *ret)
{
	for (size_t i = 0; i < COUNT(errors); i++) {
		if (tl_str_equal(text, tl_str_of(errors[i].text))) {
			*ret = errors[i].error;
			return true;
		}
	}
	return false;
}
