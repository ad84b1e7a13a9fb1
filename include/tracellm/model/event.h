/* One event, decoded; and the way between it and bytes.
 *
 * A body is a msgpack map from field key (positive integer, ascending) to value, keys and kinds as in event_table.h. Encoding is
 * deterministic: the same event gives the same bytes. Decoding ignores unknown keys (a newer writer) and gives absent fields
 * their absent value; a known key of the wrong kind is TL_ERR_CORRUPT. */
#ifndef TRACELLM_MODEL_EVENT_H
#define TRACELLM_MODEL_EVENT_H

#include <tracellm/base.h>
#include <tracellm/model/event_table.h>

#define TL_EVENT_VERSION 1 /* layout of the bodies written today */

struct tl_str_list {
	tl_str *items;
	size_t count;
};

struct tl_pair_list {
	struct tl_pair *items;
	size_t count;
};

/* One arrival of body bytes. */
struct tl_cut {
	uint64_t at_ns; /* since the attempt's start */
	uint64_t bytes;
};

struct tl_cut_list {
	struct tl_cut *items;
	size_t count;
};

enum tl_event_type {
#define X(number, identifier, name, role, stage, description) TL_EVENT_##identifier = number,
	TL_EVENTS(X)
#undef X
};

#define TL_KIND_STR    tl_str
#define TL_KIND_BYTES  tl_bytes
#define TL_KIND_U64    uint64_t
#define TL_KIND_I64    int64_t
#define TL_KIND_BOOL   bool
#define TL_KIND_DIGEST struct tl_digest
#define TL_KIND_STRS   struct tl_str_list
#define TL_KIND_PAIRS  struct tl_pair_list
#define TL_KIND_CUTS   struct tl_cut_list

#define F(key, kind, identifier, description) TL_KIND_##kind identifier;
#define X(number, identifier, name, role, stage, description) \
	struct tl_##identifier {                              \
		TL_FIELDS_##identifier(F)                     \
	};
TL_EVENTS(X)
#undef X
#undef F

/* Envelope and body. Slices are borrowed from whatever the event was decoded from or built on. */
struct tl_event {
	uint64_t seq; /* 0: not in a log yet */
	struct tl_trace_id trace_id;
	struct tl_span_id span_id, parent_span_id;
	struct tl_stamp at;
	uint16_t type; /* an enum tl_event_type, or a number of a newer version: then `body` is empty */
	uint16_t version;
	union {
#define X(number, identifier, name, role, stage, description) struct tl_##identifier identifier;
		TL_EVENTS(X)
#undef X
	} body;
};

enum tl_event_role { TL_EVENT_ROLE_CAPTURE, TL_EVENT_ROLE_PIPELINE };

enum tl_field_kind {
	TL_FIELD_STR,
	TL_FIELD_BYTES,
	TL_FIELD_U64,
	TL_FIELD_I64,
	TL_FIELD_BOOL,
	TL_FIELD_DIGEST,
	TL_FIELD_STRS,
	TL_FIELD_PAIRS,
	TL_FIELD_CUTS
};

struct tl_field {
	uint8_t key;
	enum tl_field_kind kind;
	size_t offset; /* in the body's struct */
	const char *name;
	const char *description;
};

struct tl_event_info {
	uint16_t type;
	const char *name;
	enum tl_event_role role;
	unsigned stage;
	const char *description;
	const struct tl_field *fields;
	size_t field_count;
};

/* The row of the table; NULL: a type this version does not know. Static. */
const struct tl_event_info *tl_event_info(uint16_t type);
/* Rows in order of number; NULL after the last. */
const struct tl_event_info *tl_event_info_at(size_t index);
/* "request.created"; "unknown" for a type this version does not know. */
const char *tl_event_name(uint16_t type);
/* "Request Created" for 1, to TL_STAGE_COUNT. Static. */
const char *tl_stage_name(unsigned stage);
/* True for pipeline events and for types this version does not know: they make no document. */
bool tl_event_is_pipeline(uint16_t type);

/* An event of this type with every field absent. */
struct tl_event tl_event_make(enum tl_event_type type, struct tl_trace_id trace_id, struct tl_span_id span_id,
	struct tl_span_id parent_span_id, struct tl_stamp at);

/* Appends the body's bytes. TL_ERR_LIMIT: `out` is full. */
enum tl_status tl_event_encode(const struct tl_event *event, struct tl_buf *out, struct tl_err *err);
/* Fills event->body for event->type. Text and bytes are borrowed from `body`, lists live in `arena`. An unknown type gives an
 * empty body and TL_OK. TL_ERR_CORRUPT names event and field. */
enum tl_status tl_event_decode(tl_bytes body, struct tl_arena *arena, struct tl_event *event, struct tl_err *err);
/* A copy that lives in `arena`. */
enum tl_status tl_event_copy(const struct tl_event *event, struct tl_arena *arena, struct tl_event *ret_copy, struct tl_err *err);
/* The first field in which two events of one type differ, NULL: none. */
const struct tl_field *tl_event_first_difference(const struct tl_event *a, const struct tl_event *b);
/* The body as a JSON object, fields in table order, absent ones left out. Bytes show as text, cut at `bytes_max` (0: not cut),
 * with `<name>_length` beside them when cut. Owned. */
tl_json *tl_event_body_json(const struct tl_event *event, size_t bytes_max);
/* One field as JSON, as above. Owned. */
tl_json *tl_event_field_json(const struct tl_event *event, const struct tl_field *field, size_t bytes_max);

/* What ends the trace of a writer that died: the same event whoever writes it. */
struct tl_event tl_event_writer_died(struct tl_trace_id trace_id, struct tl_span_id root_span_id, struct tl_stamp at);

#endif
