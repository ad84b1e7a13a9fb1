/* log/envelope: the stored bytes of an event, to and from. Knows no table and no thread. */
#include "internal.h"

#include <inttypes.h>
#include <string.h>

/* Offsets of the envelope, as drawn in the door. */
enum {
	SEQ_AT = 0,
	TRACE_ID_AT = 8,
	SPAN_ID_AT = 24,
	PARENT_SPAN_ID_AT = 32,
	TYPE_AT = 40,
	VERSION_AT = 42,
	BODY_LENGTH_AT = 44,
	WALL_NS_AT = 48,
	MONO_NS_AT = 56,
	WRITER_AT = 64,
	BODY_DIGEST_AT = 72,
};
_Static_assert(BODY_DIGEST_AT + TL_DIGEST_SIZE == TL_ENVELOPE_SIZE, "the door draws 104 bytes");

static void
put_number(uint8_t *out, uint64_t number, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		out[i] = (uint8_t)(number >> (8 * i));
}

static uint64_t
get_number(const uint8_t *in, unsigned size)
{
	uint64_t number = 0;
	for (unsigned i = size; i-- > 0;)
		number = number << 8 | in[i];
	return number;
}

void
log_put_u64(uint8_t *out, uint64_t number)
{
	put_number(out, number, 8);
}

uint64_t
log_get_u64(const uint8_t *in)
{
	return get_number(in, 8);
}

void
tl_envelope_encode(const struct tl_envelope *envelope, uint32_t body_length, uint8_t out[TL_ENVELOPE_SIZE])
{
	log_put_u64(out + SEQ_AT, envelope->seq);
	memcpy(out + TRACE_ID_AT, envelope->trace_id.bytes, sizeof envelope->trace_id.bytes);
	memcpy(out + SPAN_ID_AT, envelope->span_id.bytes, sizeof envelope->span_id.bytes);
	memcpy(out + PARENT_SPAN_ID_AT, envelope->parent_span_id.bytes, sizeof envelope->parent_span_id.bytes);
	put_number(out + TYPE_AT, envelope->type, 2);
	put_number(out + VERSION_AT, envelope->version, 2);
	put_number(out + BODY_LENGTH_AT, body_length, 4);
	log_put_u64(out + WALL_NS_AT, envelope->at.wall_ns);
	log_put_u64(out + MONO_NS_AT, envelope->at.mono_ns);
	log_put_u64(out + WRITER_AT, envelope->writer);
	memcpy(out + BODY_DIGEST_AT, envelope->body_digest.bytes, TL_DIGEST_SIZE);
}

void
tl_envelope_decode(const uint8_t in[TL_ENVELOPE_SIZE], struct tl_envelope *ret_envelope, uint32_t *ret_body_length)
{
	ret_envelope->seq = log_get_u64(in + SEQ_AT);
	memcpy(ret_envelope->trace_id.bytes, in + TRACE_ID_AT, sizeof ret_envelope->trace_id.bytes);
	memcpy(ret_envelope->span_id.bytes, in + SPAN_ID_AT, sizeof ret_envelope->span_id.bytes);
	memcpy(ret_envelope->parent_span_id.bytes, in + PARENT_SPAN_ID_AT, sizeof ret_envelope->parent_span_id.bytes);
	ret_envelope->type = (uint16_t)get_number(in + TYPE_AT, 2);
	ret_envelope->version = (uint16_t)get_number(in + VERSION_AT, 2);
	*ret_body_length = (uint32_t)get_number(in + BODY_LENGTH_AT, 4);
	ret_envelope->at.wall_ns = log_get_u64(in + WALL_NS_AT);
	ret_envelope->at.mono_ns = log_get_u64(in + MONO_NS_AT);
	ret_envelope->writer = log_get_u64(in + WRITER_AT);
	memcpy(ret_envelope->body_digest.bytes, in + BODY_DIGEST_AT, TL_DIGEST_SIZE);
}

void
log_stream_key(uint64_t trace_number, uint64_t seq, uint8_t out[LOG_STREAM_KEY])
{
	tl_store_u64_key(trace_number, out);
	tl_store_u64_key(seq, out + 8);
}

void
log_value_prepare(const struct tl_record *record, uint64_t writer, const uint8_t salt[LOG_SALT_SIZE], uint8_t *out)
{
	struct tl_envelope envelope = record->envelope;
	uint8_t *salted = out + LOG_SALT_AT;
	memcpy(salted, salt, LOG_SALT_SIZE);
	if (record->body.len > 0)
		memcpy(out + LOG_BODY_AT, record->body.ptr, record->body.len);
	envelope.seq = 0;
	envelope.writer = writer;
	envelope.body_digest = tl_digest_of((tl_bytes){ salted, LOG_SALT_SIZE + record->body.len });
	tl_envelope_encode(&envelope, (uint32_t)record->body.len, out);
}

struct tl_digest
log_link_after(struct tl_digest previous, tl_bytes envelope_bytes)
{
	struct tl_digest envelope_hash = tl_digest_of(envelope_bytes);
	return tl_digest_of2((tl_bytes){ previous.bytes, TL_DIGEST_SIZE }, (tl_bytes){ envelope_hash.bytes, TL_DIGEST_SIZE });
}

void
log_value_finish(uint8_t *value, uint64_t seq, struct tl_digest *link)
{
	log_put_u64(value + SEQ_AT, seq);
	*link = log_link_after(*link, (tl_bytes){ value, TL_ENVELOPE_SIZE });
	memcpy(value + LOG_LINK_AT, link->bytes, TL_DIGEST_SIZE);
}

enum tl_status
log_value_read(uint64_t seq, tl_bytes value, struct log_value *ret_value, struct tl_err *err)
{
	struct log_value read;
	uint32_t body_length;
	if (value.len < LOG_BODY_AT)
		return tl_err_set(err, TL_ERR_CORRUPT, "event %" PRIu64 " has %zu bytes, at least %u are expected", seq,
			value.len, LOG_BODY_AT);
	tl_envelope_decode(value.ptr, &read.envelope, &body_length);
	if (read.envelope.seq != seq)
		return tl_err_set(
			err, TL_ERR_CORRUPT, "event %" PRIu64 " says that it is event %" PRIu64, seq, read.envelope.seq);
	if (body_length != value.len - LOG_BODY_AT)
		return tl_err_set(err, TL_ERR_CORRUPT, "event %" PRIu64 " says that its body has %" PRIu32 " bytes, it has %zu",
			seq, body_length, value.len - LOG_BODY_AT);
	read.envelope_bytes = (tl_bytes){ value.ptr, TL_ENVELOPE_SIZE };
	memcpy(read.link.bytes, value.ptr + LOG_LINK_AT, TL_DIGEST_SIZE);
	read.salted_body = (tl_bytes){ value.ptr + LOG_SALT_AT, value.len - LOG_SALT_AT };
	read.body = (tl_bytes){ value.ptr + LOG_BODY_AT, body_length };
	*ret_value = read;
	return TL_OK;
}
