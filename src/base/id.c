/* base/id: ids and their texts, entropy, seeded random, digests. sodium.h stops here and in log/. */
#include <tracellm/base.h>

#include <ctype.h>
#include <sodium.h>
#include <string.h>

#define ID_DIGITS 26

static const char crockford[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* 130 bits are written for 128: the digit at `index` holds bits 5 * index - 2 to 5 * index + 2, counted from the most
 * significant. */
static unsigned
digit_of(const uint8_t bytes[16], unsigned index)
{
	unsigned value = 0;
	for (int bit = (int)(5 * index) - 2, i = 0; i < 5; bit++, i++)
		value = value << 1 | (bit < 0 ? 0u : (unsigned)(bytes[bit / 8] >> (7 - bit % 8)) & 1u);
	return value;
}

static void
digit_set(uint8_t bytes[16], unsigned index, unsigned value)
{
	for (int bit = (int)(5 * index) - 2, i = 4; i >= 0; bit++, i--)
		if (bit >= 0 && (value >> i & 1u))
			bytes[bit / 8] = (uint8_t)(bytes[bit / 8] | 1u << (7 - bit % 8));
}

static int
crockford_value(char c)
{
	char lower = (char)tolower((unsigned char)c);
	if (lower == 'i' || lower == 'l')
		lower = '1';
	if (lower == 'o')
		lower = '0';
	const char *hit = lower ? strchr(crockford, lower) : NULL;
	return hit ? (int)(hit - crockford) : -1;
}

void
tl_trace_id_text(struct tl_trace_id id, char out[TL_TRACE_ID_TEXT_SIZE])
{
	memcpy(out, "tr_", 3);
	for (unsigned i = 0; i < ID_DIGITS; i++)
		out[3 + i] = crockford[digit_of(id.bytes, i)];
	out[3 + ID_DIGITS] = '\0';
}

enum tl_status
tl_trace_id_range(tl_str text, struct tl_trace_id *ret_first, struct tl_trace_id *ret_last, struct tl_err *err)
{
	bool prefixed = tl_str_equal_ignore_case(tl_str_slice(text, 0, 3), TL_STR("tr_"));
	tl_str digits = prefixed ? tl_str_from(text, 3) : text;
	if (digits.len == 0 || digits.len > ID_DIGITS)
		return tl_err_set(err, TL_ERR_PARSE, "'%.*s' is not a trace id: tr_ and 1 to %d characters are expected",
			TL_FMT(text), ID_DIGITS);
	struct tl_trace_id first = { { 0 } }, last = { { 0 } };
	for (unsigned i = 0; i < ID_DIGITS; i++) {
		int value = i < digits.len ? crockford_value(digits.ptr[i]) : 0;
		if (value < 0 || (i == 0 && value > 7))
			return tl_err_set(err, TL_ERR_PARSE, "'%.*s' is not a trace id: character %u cannot stand there",
				TL_FMT(text), i + 1 + (unsigned)(text.len - digits.len));
		digit_set(first.bytes, i, (unsigned)value);
		digit_set(last.bytes, i, i < digits.len ? (unsigned)value : 31u);
	}
	*ret_first = first;
	*ret_last = last;
	return TL_OK;
}

enum tl_status
tl_trace_id_parse(tl_str text, struct tl_trace_id *ret_id, struct tl_err *err)
{
	struct tl_trace_id first, last;
	if (text.len == 32 && tl_hex_parse(text, first.bytes, sizeof first.bytes)) {
		*ret_id = first;
		return TL_OK;
	}
	TL_TRY(tl_trace_id_range(text, &first, &last, err));
	if (!tl_trace_id_equal(first, last))
		return tl_err_set(err, TL_ERR_PARSE, "'%.*s' is not a whole trace id: tr_ and %d characters are expected",
			TL_FMT(text), ID_DIGITS);
	*ret_id = first;
	return TL_OK;
}

bool
tl_trace_id_equal(struct tl_trace_id a, struct tl_trace_id b)
{
	return tl_trace_id_compare(a, b) == 0;
}

int
tl_trace_id_compare(struct tl_trace_id a, struct tl_trace_id b)
{
	return memcmp(a.bytes, b.bytes, sizeof a.bytes);
}

void
tl_span_id_text(struct tl_span_id id, char out[TL_SPAN_ID_TEXT_SIZE])
{
	tl_hex((tl_bytes){ id.bytes, sizeof id.bytes }, out);
}

bool
tl_span_id_equal(struct tl_span_id a, struct tl_span_id b)
{
	return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

bool
tl_span_id_is_zero(struct tl_span_id id)
{
	return tl_span_id_equal(id, (struct tl_span_id){ { 0 } });
}

void
tl_entropy(void *out, size_t len)
{
	TL_ASSERT(sodium_init() >= 0);
	randombytes_buf(out, len);
}

struct tl_trace_id
tl_trace_id_new(void)
{
	struct tl_trace_id id;
	tl_entropy(id.bytes, sizeof id.bytes);
	return id;
}

void
tl_random_init(struct tl_random *random, const uint8_t seed[TL_SEED_SIZE])
{
	memcpy(random->seed, seed, TL_SEED_SIZE);
	random->drawn = 0;
}

void
tl_random_bytes(struct tl_random *random, void *out, size_t len)
{
	uint8_t count[8];
	for (unsigned i = 0; i < 8; i++)
		count[i] = (uint8_t)(random->drawn >> (8 * i));
	random->drawn++;
	struct tl_digest key = tl_digest_of2((tl_bytes){ random->seed, TL_SEED_SIZE }, (tl_bytes){ count, sizeof count });
	randombytes_buf_deterministic(out, len, key.bytes);
}

uint64_t
tl_random_u64(struct tl_random *random)
{
	uint8_t bytes[8];
	uint64_t value = 0;
	tl_random_bytes(random, bytes, sizeof bytes);
	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

struct tl_span_id
tl_random_span_id(struct tl_random *random)
{
	struct tl_span_id id;
	do
		tl_random_bytes(random, id.bytes, sizeof id.bytes);
	while (tl_span_id_is_zero(id));
	return id;
}

struct tl_digest
tl_digest_of(tl_bytes bytes)
{
	return tl_digest_of2(bytes, (tl_bytes){ NULL, 0 });
}

struct tl_digest
tl_digest_of2(tl_bytes a, tl_bytes b)
{
	struct tl_digest digest;
	crypto_generichash_state state;
	TL_ASSERT(crypto_generichash_init(&state, NULL, 0, sizeof digest.bytes) == 0);
	TL_ASSERT(crypto_generichash_update(&state, a.ptr, a.len) == 0);
	TL_ASSERT(crypto_generichash_update(&state, b.ptr, b.len) == 0);
	TL_ASSERT(crypto_generichash_final(&state, digest.bytes, sizeof digest.bytes) == 0);
	return digest;
}

void
tl_digest_text(struct tl_digest digest, char out[TL_DIGEST_TEXT_SIZE])
{
	tl_hex((tl_bytes){ digest.bytes, sizeof digest.bytes }, out);
}

bool
tl_digest_equal(struct tl_digest a, struct tl_digest b)
{
	return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}
