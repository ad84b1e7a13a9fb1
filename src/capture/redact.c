/* capture/redact: secrets become `*` of the same length. Knows header fields, URLs and values; no event, no socket. */
#include <tracellm/capture.h>

#include <string.h>

struct tl_redactor {
	char *secrets[TL_SECRETS_MAX];
	size_t lengths[TL_SECRETS_MAX];
	size_t count;
	bool is_first[256]; /* some secret begins with this byte */
};

enum tl_status
tl_redactor_open(struct tl_redactor **ret_redactor, struct tl_err *err)
{
	struct tl_redactor *redactor = tl_alloc(1, sizeof *redactor);
	if (!redactor)
		return tl_err_no_memory(err);
	*ret_redactor = redactor;
	return TL_OK;
}

void
tl_redactor_close(struct tl_redactor *redactor)
{
	if (!redactor)
		return;
	for (size_t i = 0; i < redactor->count; i++) {
		explicit_bzero(redactor->secrets[i], redactor->lengths[i]);
		tl_free(redactor->secrets[i]);
	}
	tl_free(redactor);
}

static bool
has_secret(const struct tl_redactor *redactor, tl_str secret)
{
	for (size_t i = 0; i < redactor->count; i++)
		if (tl_str_equal(secret, (tl_str){ redactor->secrets[i], redactor->lengths[i] }))
			return true;
	return false;
}

enum tl_status
tl_redactor_add(struct tl_redactor *redactor, tl_str secret, struct tl_err *err)
{
	if (secret.len < TL_SECRET_CHARS_MIN || secret.len > TL_SECRET_CHARS_MAX || has_secret(redactor, secret))
		return TL_OK;
	if (redactor->count == TL_SECRETS_MAX)
		return tl_err_set(err, TL_ERR_LIMIT, "more than %u secrets are to be kept out of the log", TL_SECRETS_MAX);
	char *copy = tl_alloc(1, secret.len);
	if (!copy)
		return tl_err_no_memory(err);
	memcpy(copy, secret.ptr, secret.len);
	redactor->secrets[redactor->count] = copy;
	redactor->lengths[redactor->count++] = secret.len;
	redactor->is_first[(uint8_t)secret.ptr[0]] = true;
	return TL_OK;
}

/* Length of the longest secret that stands at the start of `rest`; 0: none. */
static size_t
secret_length_at(const struct tl_redactor *redactor, tl_str rest)
{
	size_t longest = 0;
	for (size_t i = 0; i < redactor->count; i++) {
		size_t len = redactor->lengths[i];
		if (len > longest && len <= rest.len && memcmp(rest.ptr, redactor->secrets[i], len) == 0)
			longest = len;
	}
	return longest;
}

/* What is behind the place looked at is still as it was, so that secrets within one another and overlapping ones are all seen. */
void
tl_redact_bytes(const struct tl_redactor *redactor, char *bytes, size_t len, size_t starts_before)
{
	size_t secret_end = 0;
	for (size_t at = 0; at < len && (at < starts_before || at < secret_end); at++) {
		bool may_start = at < starts_before && redactor->is_first[(uint8_t)bytes[at]];
		size_t secret = may_start ? secret_length_at(redactor, (tl_str){ bytes + at, len - at }) : 0;
		if (at + secret > secret_end)
			secret_end = at + secret;
		if (at < secret_end)
			bytes[at] = '*';
	}
}

size_t
tl_redact_tail(const struct tl_redactor *redactor, tl_bytes bytes)
{
	size_t longest = 0;
	for (size_t i = 0; i < redactor->count; i++) {
		size_t most = redactor->lengths[i] - 1 < bytes.len ? redactor->lengths[i] - 1 : bytes.len;
		for (size_t len = most; len > longest; len--)
			if (memcmp(bytes.ptr + bytes.len - len, redactor->secrets[i], len) == 0)
				longest = len;
	}
	return longest;
}

/* ---- Header fields ---- */

bool
tl_header_is_credential(tl_str name)
{
	static const char *const names[] = { "authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key",
		"cookie", "set-cookie", "x-amz-security-token", "openai-api-key" };
	static const char *const endings[] = { "-token", "-secret", "-password" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (tl_str_equal_ignore_case(name, tl_str_of(names[i])))
			return true;
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		tl_str ending = tl_str_of(endings[i]);
		if (name.len > ending.len && tl_str_equal_ignore_case(tl_str_from(name, name.len - ending.len), ending))
			return true;
	}
	return false;
}

tl_str
tl_header_secret(tl_str value)
{
	static const char *const schemes[] = { "bearer ", "basic ", "digest ", "token " };
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		tl_str scheme = tl_str_of(schemes[i]);
		if (tl_str_equal_ignore_case(tl_str_slice(value, 0, scheme.len), scheme))
			return tl_str_from(value, scheme.len);
	}
	return value;
}

tl_str
tl_redact_text(const struct tl_redactor *redactor, tl_str text, struct tl_arena *arena)
{
	tl_str copy = tl_arena_str(arena, text);
	if (copy.ptr)
		tl_redact_bytes(redactor, (char *)(uintptr_t)copy.ptr, copy.len, copy.len);
	return copy;
}

/* Overwrites `part`, which lies in memory that was just copied and is ours. */
static void
overwrite(tl_str part)
{
	if (part.len)
		memset((char *)(uintptr_t)part.ptr, '*', part.len);
}

enum tl_status
tl_redact_headers(const struct tl_redactor *redactor, const struct tl_pair *headers, size_t count, struct tl_arena *arena,
	struct tl_pair_list *ret_headers, struct tl_err *err)
{
	struct tl_pair_list list = { tl_arena_array(arena, count, sizeof *list.items), count };
	for (size_t i = 0; i < count && list.items; i++) {
		list.items[i].name = tl_arena_str(arena, headers[i].name);
		list.items[i].value = tl_redact_text(redactor, headers[i].value, arena);
		if (!list.items[i].name.ptr || !list.items[i].value.ptr)
			return tl_arena_failed(arena, 0, err);
		if (tl_header_is_credential(headers[i].name))
			overwrite(tl_header_secret(list.items[i].value));
	}
	if (!list.items)
		return tl_arena_failed(arena, count * sizeof *list.items, err);
	*ret_headers = list;
	return TL_OK;
}

/* ---- URLs ---- */

static bool
is_secret_query_field(tl_str name)
{
	static const char *const names[] = { "key", "api_key", "api-key", "apikey", "access_token", "token", "secret", "password",
		"signature", "sig", "code" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (tl_str_equal_ignore_case(name, tl_str_of(names[i])))
			return true;
	return false;
}

static void
redact_query(tl_str url)
{
	size_t mark = tl_str_find_char(url, '?');
	if (mark == SIZE_MAX)
		return;
	tl_str rest = tl_str_from(url, mark + 1);
	rest = tl_str_slice(rest, 0, tl_str_find_char(rest, '#'));
	while (rest.len > 0) {
		tl_str value = tl_str_split(&rest, '&');
		tl_str name = tl_str_split(&value, '=');
		if (is_secret_query_field(name))
			overwrite(value);
	}
}

static void
redact_password(tl_str url)
{
	size_t scheme = tl_str_find(url, TL_STR("://"));
	if (scheme == SIZE_MAX)
		return;
	tl_str authority = tl_str_from(url, scheme + 3);
	for (size_t i = 0; i < authority.len; i++)
		if (strchr("/?#", authority.ptr[i]))
			authority = tl_str_slice(authority, 0, i);
	size_t at = SIZE_MAX;
	for (size_t i = 0; i < authority.len; i++)
		if (authority.ptr[i] == '@')
			at = i;
	if (at == SIZE_MAX)
		return;
	tl_str user = tl_str_slice(authority, 0, at);
	size_t colon = tl_str_find_char(user, ':');
	if (colon != SIZE_MAX)
		overwrite(tl_str_from(user, colon + 1));
}

tl_str
tl_redact_url(const struct tl_redactor *redactor, tl_str url, struct tl_arena *arena)
{
	tl_str copy = tl_redact_text(redactor, url, arena);
	if (copy.ptr) {
		redact_query(copy);
		redact_password(copy);
	}
	return copy;
}
