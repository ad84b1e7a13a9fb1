/* wire/answer: an answer that grows piece by piece, in memory that grows with it. Knows no wire format.
 *
 * Texts are buffers of their own, so that a stream of n pieces costs O(n); the slices of the answer are renewed whenever their
 * buffer changes. */
#include "internal.h"

#include <string.h>

void
growing_init(struct growing *growing, size_t limit_bytes)
{
	*growing = (struct growing){
		.limit_bytes = limit_bytes,
		.answer.usage = { -1, -1, -1, -1, -1, -1 },
	};
	tl_arena_init(&growing->arena, limit_bytes);
}

static void
choice_parts_done(struct choice_parts *parts, size_t call_count)
{
	struct tl_buf *texts[] = { &parts->role, &parts->text, &parts->reasoning, &parts->refusal, &parts->audio_transcript,
		&parts->finish_raw };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		tl_buf_done(texts[i]);
	for (size_t i = 0; i < call_count; i++) {
		tl_buf_done(&parts->calls[i].id);
		tl_buf_done(&parts->calls[i].name);
		tl_buf_done(&parts->calls[i].arguments);
	}
}

void
growing_done(struct growing *growing)
{
	for (size_t i = 0; i < growing->answer.choice_count; i++)
		choice_parts_done(&growing->parts[i], growing->answer.choices[i].tool_call_count);
	tl_arena_done(&growing->arena);
}

/* Shifts the items from `at` on by one and clears the gap. */
static void
open_gap(void *items, size_t item_size, size_t count, size_t at)
{
	char *gap = (char *)items + at * item_size;
	memmove(gap + item_size, gap, (count - at) * item_size);
	memset(gap, 0, item_size);
}

static enum tl_status
grow(struct growing *growing, void *items, size_t *capacity, size_t count, size_t item_size, struct tl_err *err)
{
	if (tl_arena_grow(&growing->arena, items, capacity, count, item_size))
		return TL_OK;
	return tl_arena_failed(&growing->arena, (count ? 2 * count : 8) * item_size, err);
}

enum tl_status
growing_choice(struct growing *growing, uint64_t index, size_t *ret_at, struct tl_err *err)
{
	struct tl_answer *answer = &growing->answer;
	size_t at = answer->choice_count;
	while (at > 0 && answer->choices[at - 1].index > index)
		at--;
	if (at > 0 && answer->choices[at - 1].index == index) {
		*ret_at = at - 1;
		return TL_OK;
	}
	if (answer->choice_count == CHOICES_MAX) {
		*ret_at = CHOICES_MAX;
		return TL_OK;
	}
	size_t count = answer->choice_count;
	TL_TRY(grow(growing, &answer->choices, &growing->choice_capacity, count, sizeof *answer->choices, err));
	TL_TRY(grow(growing, &growing->parts, &growing->parts_capacity, count, sizeof *growing->parts, err));
	open_gap(answer->choices, sizeof *answer->choices, count, at);
	open_gap(growing->parts, sizeof *growing->parts, count, at);
	answer->choices[at].index = index;
	answer->choice_count++;
	*ret_at = at;
	return TL_OK;
}

enum tl_status
growing_call(struct growing *growing, size_t choice, uint64_t index, size_t *ret_at, struct tl_err *err)
{
	struct tl_choice *view = &growing->answer.choices[choice];
	struct choice_parts *parts = &growing->parts[choice];
	size_t count = view->tool_call_count, at = count;
	if (count == TOOL_CALLS_MAX) {
		*ret_at = TOOL_CALLS_MAX;
		return TL_OK;
	}
	TL_TRY(grow(growing, &view->tool_calls, &parts->call_view_capacity, count, sizeof *view->tool_calls, err));
	TL_TRY(grow(growing, &parts->calls, &parts->call_capacity, count, sizeof *parts->calls, err));
	while (at > 0 && parts->calls[at - 1].index > index)
		at--;
	open_gap(view->tool_calls, sizeof *view->tool_calls, count, at);
	open_gap(parts->calls, sizeof *parts->calls, count, at);
	parts->calls[at].index = index;
	view->tool_call_count++;
	*ret_at = at;
	return TL_OK;
}

enum tl_status
growing_append(struct growing *growing, struct tl_buf *buf, tl_str *view, tl_str more, struct tl_err *err)
{
	if (!more.ptr)
		return TL_OK;
	if (more.len > growing->limit_bytes - growing->text_bytes)
		return tl_err_set(err, TL_ERR_LIMIT, "the answer is longer than its limit of %zu bytes", growing->limit_bytes);
	buf->limit = growing->limit_bytes;
	tl_buf_add_str(buf, more);
	TL_TRY(tl_buf_status(buf, "the answer", err));
	growing->text_bytes += more.len;
	*view = tl_buf_str(buf);
	return TL_OK;
}

enum tl_status
growing_content(struct growing *growing, struct tl_buf *buf, tl_str *view, tl_str more, struct tl_err *err)
{
	TL_TRY(growing_append(growing, buf, view, more, err));
	if (more.len > 0 && growing->answer.first_content_at_ns == 0)
		growing->answer.first_content_at_ns = growing->at_ns;
	return TL_OK;
}

enum tl_status
growing_replace(struct growing *growing, struct tl_buf *buf, tl_str *view, tl_str text, struct tl_err *err)
{
	if (text.len == 0 || tl_str_equal(*view, text))
		return TL_OK;
	growing->text_bytes -= buf->len;
	tl_buf_clear(buf);
	return growing_append(growing, buf, view, text, err);
}

enum tl_status
growing_keep_first(struct growing *growing, tl_str *field, tl_str value, struct tl_err *err)
{
	if (!value.ptr || field->len > 0 || (field->ptr && value.len == 0))
		return TL_OK;
	tl_str copy = tl_arena_str(&growing->arena, value);
	if (!copy.ptr)
		return tl_arena_failed(&growing->arena, value.len + 1, err);
	*field = copy;
	return TL_OK;
}

bool
choice_has_content(const struct tl_choice *choice)
{
	return choice->text.len || choice->reasoning.len || choice->refusal.len || choice->audio_transcript.len ||
	       choice->tool_call_count;
}

bool
tl_answer_has_content(const struct tl_answer *answer)
{
	for (size_t i = 0; i < answer->choice_count; i++)
		if (choice_has_content(&answer->choices[i]))
			return true;
	return false;
}
