/* wire/sse: an event stream cut into events. Knows no JSON. */
#include <tracellm/wire.h>

#include <string.h>

struct tl_sse {
	tl_sse_event_fn *on_event;
	void *context;
	size_t event_limit_bytes;
	struct tl_buf line; /* begun in an earlier piece */
	struct tl_buf type, data;
	bool has_data;      /* some data line came, be it empty */
	bool after_cr;      /* an LF right now belongs to the CR before it */
	bool after_start;   /* the first line is behind us: no BOM any more */
	bool line_too_long; /* the rest of this line is skipped */
	bool too_large;     /* this event is dropped */
	bool told_limit;    /* since the last report to the caller */
};

enum tl_status
tl_sse_open(size_t event_limit_bytes, tl_sse_event_fn *on_event, void *context, struct tl_sse **ret_sse, struct tl_err *err)
{
	struct tl_sse *sse = tl_alloc(1, sizeof *sse);
	if (!sse)
		return tl_err_no_memory(err);
	sse->on_event = on_event;
	sse->context = context;
	sse->event_limit_bytes = event_limit_bytes;
	tl_buf_init(&sse->line, event_limit_bytes);
	tl_buf_init(&sse->type, event_limit_bytes);
	tl_buf_init(&sse->data, event_limit_bytes);
	*ret_sse = sse;
	return TL_OK;
}

void
tl_sse_close(struct tl_sse *sse)
{
	if (!sse)
		return;
	tl_buf_done(&sse->line);
	tl_buf_done(&sse->type);
	tl_buf_done(&sse->data);
	tl_free(sse);
}

/* A full buffer costs the event, not the stream; only lost memory is a failure. */
static enum tl_status
check(struct tl_sse *sse, const struct tl_buf *buf, struct tl_err *err)
{
	if (buf->failed == TL_ERR_NO_MEMORY)
		return tl_err_no_memory(err);
	if (buf->failed == TL_ERR_LIMIT)
		sse->too_large = true;
	return TL_OK;
}

static enum tl_status
dispatch(struct tl_sse *sse, struct tl_err *err)
{
	bool told = sse->has_data && !sse->too_large;
	enum tl_status status = TL_OK;
	if (told) {
		tl_str type = sse->type.len ? tl_buf_str(&sse->type) : TL_STR("message");
		tl_str data = sse->data.len ? tl_buf_str(&sse->data) : TL_STR("");
		status = sse->on_event(sse->context, type, data, err);
	}
	if (sse->too_large)
		sse->told_limit = true;
	tl_buf_clear(&sse->type);
	tl_buf_clear(&sse->data);
	sse->has_data = false;
	sse->too_large = false;
	return status;
}

static enum tl_status
take_field(struct tl_sse *sse, tl_str name, tl_str value, struct tl_err *err)
{
	if (tl_str_equal(name, TL_STR("event"))) {
		tl_buf_clear(&sse->type);
		tl_buf_add_str(&sse->type, value);
		return check(sse, &sse->type, err);
	}
	if (!tl_str_equal(name, TL_STR("data")))
		return TL_OK;
	if (sse->has_data)
		tl_buf_add_char(&sse->data, '\n');
	sse->has_data = true;
	tl_buf_add_str(&sse->data, value);
	return check(sse, &sse->data, err);
}

static enum tl_status
take_line(struct tl_sse *sse, tl_str line, struct tl_err *err)
{
	if (!sse->after_start && tl_str_starts_with(line, TL_STR("\xef\xbb\xbf")))
		line = tl_str_from(line, 3);
	sse->after_start = true;
	if (line.len == 0)
		return dispatch(sse, err);
	size_t colon = tl_str_find_char(line, ':');
	if (colon == 0)
		return TL_OK;
	tl_str name = tl_str_slice(line, 0, colon), value = { "", 0 };
	if (colon != SIZE_MAX)
		value = tl_str_from(line, colon + 1);
	if (value.len > 0 && value.ptr[0] == ' ')
		value = tl_str_from(value, 1);
	return take_field(sse, name, value, err);
}

/* `tail` ends the line that `sse->line` began. */
static enum tl_status
end_line(struct tl_sse *sse, tl_str tail, struct tl_err *err)
{
	enum tl_status status = TL_OK;
	if (sse->line.len == 0 && !sse->line_too_long && tail.len <= sse->event_limit_bytes)
		return take_line(sse, tail, err);
	tl_buf_add_str(&sse->line, tail);
	TL_TRY(check(sse, &sse->line, err));
	if (sse->line.failed == TL_OK && !sse->line_too_long)
		status = take_line(sse, tl_buf_str(&sse->line), err);
	sse->after_start = true;
	sse->line_too_long = false;
	tl_buf_clear(&sse->line);
	return status;
}

static enum tl_status
begin_line(struct tl_sse *sse, tl_str start, struct tl_err *err)
{
	if (sse->line_too_long)
		return TL_OK;
	tl_buf_add_str(&sse->line, start);
	TL_TRY(check(sse, &sse->line, err));
	if (sse->line.failed == TL_ERR_LIMIT) {
		sse->line_too_long = true;
		tl_buf_clear(&sse->line);
	}
	return TL_OK;
}

/* Where the line at the start of `text` ends; `lf` is its first LF. Looking for a CR stops there, so that each byte is looked
 * at once. */
static size_t
line_end(tl_str text, size_t lf)
{
	size_t cr = tl_str_find_char(tl_str_slice(text, 0, lf), '\r');
	return cr != SIZE_MAX ? cr : lf;
}

static enum tl_status
report_limit(struct tl_sse *sse, struct tl_err *err)
{
	if (!sse->told_limit)
		return TL_OK;
	sse->told_limit = false;
	return tl_err_set(
		err, TL_ERR_LIMIT, "an event of the stream is larger than its limit of %zu bytes", sse->event_limit_bytes);
}

enum tl_status
tl_sse_feed(struct tl_sse *sse, tl_bytes piece, struct tl_err *err)
{
	tl_str rest = tl_str_of_bytes(piece);
	if (rest.len > 0 && sse->after_cr && rest.ptr[0] == '\n')
		rest = tl_str_from(rest, 1);
	if (piece.len > 0)
		sse->after_cr = false;
	size_t lf = tl_str_find_char(rest, '\n');
	while (rest.len > 0) {
		size_t end = line_end(rest, lf);
		if (end == SIZE_MAX) {
			TL_TRY(begin_line(sse, rest, err));
			break;
		}
		bool cr = rest.ptr[end] == '\r';
		size_t next = cr && end + 1 == lf ? end + 2 : end + 1;
		sse->after_cr = cr && next == rest.len && end + 1 == next;
		TL_TRY(end_line(sse, tl_str_slice(rest, 0, end), err));
		rest = tl_str_from(rest, next);
		if (lf != SIZE_MAX)
			lf = next > lf ? tl_str_find_char(rest, '\n') : lf - next;
	}
	return report_limit(sse, err);
}

enum tl_status
tl_sse_end(struct tl_sse *sse, struct tl_err *err)
{
	if (sse->line.len > 0 || sse->line_too_long)
		TL_TRY(end_line(sse, (tl_str){ "", 0 }, err));
	TL_TRY(dispatch(sse, err));
	sse->after_cr = false;
	sse->after_start = false;
	return report_limit(sse, err);
}
