/* What the engine makes of everything that can happen to a call, told by a script. */
#include <stdio.h>

#include "scenario_fixture.h"

static const struct tl_trace_id some_trace = { { 7, 7, 7 } };

/* ---- Every scenario ---- */

static void
assert_names(const struct scenario *scenario, const struct played *played)
{
	char names[2000] = "";
	for (size_t i = 0; i < played->count; i++) {
		size_t len = strlen(names);
		(void)snprintf(names + len, sizeof names - len, "%s%s", i ? " " : "", tl_event_name(played->events[i].type));
	}
	if (strcmp(names, scenario->events) != 0)
		fail_msg("%s:\n  %s, not\n  %s", scenario->name, names, scenario->events);
}

static void
assert_end(const struct scenario *scenario, const struct played *played)
{
	const struct tl_trace_finished *end = &played_find(played, TL_EVENT_trace_finished, 0)->body.trace_finished;
	const char *status = scenario->status ? scenario->status : "interrupted";
	bool is_class = scenario->error_class ? tl_str_equal(end->error_class, tl_str_of(scenario->error_class))
					      : end->error_class.ptr == NULL;
	if (!tl_str_equal(end->status, tl_str_of(status)) || !is_class)
		fail_msg("%s: %.*s, %.*s, %.*s", scenario->name, TL_FMT(end->status), TL_FMT(end->error_class),
			TL_FMT(end->reason));
	assert_int_equal(end->reason.ptr == NULL, strcmp(status, "success") == 0);
	assert_int_equal(tl_str_find_char(end->reason, '\n'), SIZE_MAX);
}

static void
every_scenario_gives_its_events_and_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct played played;
		played_all(&scenarios[i], some_trace, &played);
		assert_names(&scenarios[i], &played);
		assert_end(&scenarios[i], &played);
		played_done(&played);
	}
}

static void
the_same_steps_give_the_same_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct played a, b;
		played_all(&scenarios[i], some_trace, &a);
		played_all(&scenarios[i], some_trace, &b);
		assert_int_equal(a.count, b.count);
		for (size_t j = 0; j < a.count; j++) {
			assert_null(tl_event_first_difference(&a.events[j], &b.events[j]));
			assert_memory_equal(&a.events[j].span_id, &b.events[j].span_id, sizeof(struct tl_span_id));
		}
		played_done(&a);
		played_done(&b);
	}
}

static void
spans_hang_together_and_time_goes_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct played played;
		played_all(&scenarios[i], some_trace, &played);
		struct tl_span_id root = played.events[1].span_id, call = played.events[0].span_id, attempt = { { 0 } };
		assert_true(tl_span_id_is_zero(played.events[1].parent_span_id));
		assert_true(tl_span_id_equal(played.events[0].parent_span_id, root));
		for (size_t j = 2; j < played.count; j++) {
			const struct tl_event *event = &played.events[j];
			assert_true(tl_trace_id_equal(event->trace_id, some_trace));
			if (event->type == TL_EVENT_attempt_started) {
				assert_false(tl_span_id_equal(event->span_id, attempt));
				attempt = event->span_id;
			}
			bool of_root = event->type == TL_EVENT_trace_finished, of_call = event->type == TL_EVENT_metrics_captured;
			assert_true(tl_span_id_equal(event->span_id, of_root ? root : of_call ? call : attempt));
			assert_true(tl_span_id_equal(event->parent_span_id, of_root   ? (struct tl_span_id){ { 0 } }
									    : of_call ? root
										      : call));
			if (scenarios[i].status || !of_root)
				assert_true(event->at.mono_ns >= played.events[j - 1].at.mono_ns);
		}
		played_done(&played);
	}
}

/* Body bytes told to the engine for attempt `number`, without the secrets. */
static void
told_bytes(const struct scenario *scenario, uint64_t number, struct tl_buf *out)
{
	uint64_t attempt = 1;
	struct tl_redactor *redactor = scenario_redactor();
	tl_buf_init(out, 1 << 20);
	for (const struct step *step = scenario->steps; step->kind != STEP_NONE; step++) {
		attempt += step->kind == STEP_WAKE;
		tl_bytes bytes = step->kind == STEP_CHUNK  ? tl_bytes_of(tl_str_of(step->text))
				 : step->kind == STEP_FILL ? scenario_fill(step->number)
							   : (tl_bytes){ NULL, 0 };
		if (attempt == number)
			tl_buf_add(out, bytes.ptr, bytes.len);
	}
	if (out->len)
		tl_redact_bytes(redactor, out->ptr, out->len, out->len);
	tl_redactor_close(redactor);
}

static void
assert_chunk(const struct tl_event *event, uint64_t *index, uint64_t *offset, uint64_t *last_ns, const struct tl_buf *told)
{
	const struct tl_response_chunk *chunk = &event->body.response_chunk;
	uint64_t sum = 0;
	assert_int_equal(chunk->index, *index);
	assert_int_equal(chunk->offset, *offset);
	assert_int_equal(chunk->http_status >= 0, *index == 0);
	assert_int_equal(chunk->content_type.ptr != NULL, *index == 0);
	assert_true(chunk->bytes.len > 0 && *offset + chunk->bytes.len <= told->len);
	assert_memory_equal(chunk->bytes.ptr, told->ptr + *offset, chunk->bytes.len);
	for (size_t i = 0; i < chunk->cuts.count; i++) {
		assert_true(chunk->cuts.items[i].bytes > 0);
		assert_true(chunk->cuts.items[i].at_ns >= *last_ns);
		assert_true(i == 0 || chunk->cuts.items[i].at_ns > *last_ns);
		*last_ns = chunk->cuts.items[i].at_ns;
		sum += chunk->cuts.items[i].bytes;
	}
	assert_int_equal(sum, chunk->bytes.len);
	*offset += sum;
	++*index;
}

static void
chunks_hold_every_byte_in_order_with_its_arrivals(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct played played;
		struct tl_buf told = { 0 };
		uint64_t number = 0, index = 0, offset = 0, last_ns = 0;
		played_all(&scenarios[i], some_trace, &played);
		for (size_t j = 0; j < played.count; j++) {
			const struct tl_event *event = &played.events[j];
			if (event->type == TL_EVENT_attempt_started) {
				assert_int_equal(event->body.attempt_started.number, ++number);
				tl_buf_done(&told);
				told_bytes(&scenarios[i], number, &told);
				index = offset = last_ns = 0;
			}
			if (event->type == TL_EVENT_response_chunk) {
				assert_int_equal(event->body.response_chunk.number, number);
				assert_chunk(event, &index, &offset, &last_ns, &told);
			}
			if (event->type == TL_EVENT_attempt_failed)
				assert_int_equal(event->body.attempt_failed.response_bytes, told.len);
			if (event->type == TL_EVENT_attempt_finished)
				assert_int_equal(event->body.attempt_finished.response_bytes, told.len);
			if (event->type == TL_EVENT_attempt_failed || event->type == TL_EVENT_attempt_finished)
				assert_int_equal(offset, told.len);
		}
		tl_buf_done(&told);
		played_done(&played);
	}
}

static void
assert_no_secret(const struct scenario *scenario, const struct tl_event *event)
{
	struct tl_err err;
	struct tl_buf body;
	tl_buf_init(&body, 16 << 20);
	assert_ok(tl_event_encode(event, &body, &err));
	if (tl_str_find(tl_buf_str(&body), TL_STR(SCENARIO_KEY)) != SIZE_MAX ||
		tl_str_find(tl_buf_str(&body), TL_STR(SCENARIO_TOKEN)) != SIZE_MAX ||
		tl_str_find(tl_buf_str(&body), TL_STR("token=abc")) != SIZE_MAX)
		fail_msg("%s: a secret is in %s", scenario->name, tl_event_name(event->type));
	tl_buf_done(&body);
}

static void
no_event_of_any_scenario_holds_a_secret(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct played played;
		played_all(&scenarios[i], some_trace, &played);
		for (size_t j = 0; j < played.count; j++)
			if (strcmp(scenarios[i].name, "redirect") != 0)
				assert_no_secret(&scenarios[i], &played.events[j]);
		played_done(&played);
	}
}

static void
an_echoed_secret_never_reaches_an_event_however_it_is_cut(void **state)
{
	(void)state;
	static const char text[] = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a " SCENARIO_KEY
				   " b " SCENARIO_TOKEN "\"},\"finish_reason\":\"stop\"}]}\n\n" DONE;
	char first[sizeof text], second[sizeof text], third[sizeof text];
	for (size_t a = 40; a < sizeof text - 1; a += 2) {
		for (size_t b = a; b < sizeof text - 1; b += 3) {
			struct scenario scenario = { .name = "echo", .status = "success" };
			struct played played;
			(void)snprintf(first, sizeof first, "%.*s", (int)a, text);
			(void)snprintf(second, sizeof second, "%.*s", (int)(b - a), text + a);
			(void)snprintf(third, sizeof third, "%s", text + b);
			struct step steps[] = { HEAD(5, SSE, 200), ARRIVE(10, first), TICK(300), ARRIVE(310, second), TICK(600),
				ARRIVE(610, third), END(620) };
			memcpy(scenario.steps, steps, sizeof steps);
			played_all(&scenario, some_trace, &played);
			for (size_t i = 0; i < played.count; i++)
				assert_no_secret(&scenario, &played.events[i]);
			played_done(&played);
		}
	}
}

/* ---- Details ---- */

static void
the_request_is_recorded_as_sent_without_secrets(void **state)
{
	(void)state;
	struct played played;
	played_all(scenario_named("streamed"), some_trace, &played);
	const struct tl_request_created *request = &played.events[0].body.request_created;
	assert_true(tl_str_equal(request->url, TL_STR("https://user:****************@api.openai.com/v1/chat/completions")));
	assert_true(tl_str_equal(request->base_url, TL_STR("https://user:****************@api.openai.com/v1")));
	assert_true(tl_str_equal(tl_str_of_bytes(request->prompt), TL_STR("Explain transformers")));
	assert_true(tl_str_equal(request->temperature, TL_STR("0.70")));
	assert_int_equal(request->key_chars, sizeof SCENARIO_KEY - 1);
	assert_false(request->raw_request);
	tl_str sent = tl_header_find(request->headers.items, request->headers.count, TL_STR("authorization"));
	assert_true(tl_str_equal(sent, TL_STR("Bearer ******************")));
	sent = tl_header_find(request->headers.items, request->headers.count, TL_STR("x-my-token"));
	assert_true(tl_str_equal(sent, TL_STR("****************")));
	assert_int_equal(request->user_headers.count, 2);
	const struct tl_trace_created *created = &played.events[1].body.trace_created;
	assert_int_equal(created->prompt_chars, 20);
	assert_int_equal(created->pipeline, TL_PIPELINE_VERSION);
	assert_int_equal(created->tags.count, 2);
	assert_null(created->environment.ptr);
	played_done(&played);
}

struct wishes {
	struct tl_engine *engine;
	struct tl_wish wish;
	struct played played;
};

static void
open_engine(struct wishes *wishes, const struct tl_plan *plan, const struct tl_redactor *redactor)
{
	struct tl_err err;
	memset(wishes, 0, sizeof *wishes);
	assert_ok(tl_engine_open(
		plan, tl_provider_find(TL_STR("openai")), redactor, played_emit, &wishes->played, &wishes->engine, &err));
}

static void
close_engine(struct wishes *wishes)
{
	tl_engine_close(wishes->engine);
	played_done(&wishes->played);
}

static void
step(struct wishes *wishes, struct step what)
{
	struct tl_err err;
	assert_ok(scenario_step(wishes->engine, &what, &wishes->wish, &err));
}

static void
wishes_say_what_is_to_be_done(void **state)
{
	(void)state;
	struct tl_err err;
	struct wishes wishes;
	struct tl_plan plan = scenario_plan(some_trace);
	struct tl_redactor *redactor = scenario_redactor();
	open_engine(&wishes, &plan, redactor);
	assert_ok(tl_engine_start(wishes.engine, scenario_stamp(0), &wishes.wish, &err));
	assert_int_equal(wishes.wish.kind, TL_WISH_ASK);
	const struct tl_request *request = wishes.wish.request;
	tl_str sent = tl_header_find(request->headers, request->header_count, TL_STR("authorization"));
	assert_true(tl_str_equal(sent, TL_STR("Bearer " SCENARIO_KEY)));
	step(&wishes, (struct step)HEAD(5, JSON, 500));
	assert_int_equal(wishes.wish.kind, TL_WISH_LISTEN);
	assert_int_equal(wishes.wish.due_mono_ns, 0);
	step(&wishes, (struct step)ARRIVE(10, "{"));
	assert_int_equal(wishes.wish.due_mono_ns, scenario_stamp(10).mono_ns + TL_CHUNK_FLUSH_MS * TL_NS_PER_MS);
	step(&wishes, (struct step)ARRIVE(20, "}"));
	assert_int_equal(wishes.wish.due_mono_ns, scenario_stamp(10).mono_ns + TL_CHUNK_FLUSH_MS * TL_NS_PER_MS);
	step(&wishes, (struct step)TICK(259));
	assert_int_equal(wishes.wish.due_mono_ns, scenario_stamp(10).mono_ns + TL_CHUNK_FLUSH_MS * TL_NS_PER_MS);
	step(&wishes, (struct step)TICK(260));
	assert_int_equal(wishes.wish.due_mono_ns, 0);
	step(&wishes, (struct step)END(300));
	assert_int_equal(wishes.wish.kind, TL_WISH_WAIT);
	assert_true(wishes.wish.wait_ns > 370 * TL_NS_PER_MS && wishes.wish.wait_ns <= 500 * TL_NS_PER_MS);
	step(&wishes, (struct step)WAKE(900));
	assert_int_equal(wishes.wish.kind, TL_WISH_ASK);
	assert_ptr_equal(wishes.wish.request, request);
	close_engine(&wishes);
	tl_redactor_close(redactor);
}

static void
chunks_say_why_they_were_written(void **state)
{
	(void)state;
	static const struct {
		const char *scenario, *causes[3];
	} expected[] = {
		{ "streamed", { "end" } },
		{ "streamed, written by time", { "time", "time", "end" } },
		{ "streamed, written by size", { "size", "size", "end" } },
		{ "held bytes at a flush by size", { "size", "end" } },
	};
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		struct played played;
		played_all(scenario_named(expected[i].scenario), some_trace, &played);
		for (size_t j = 0; j < 3 && expected[i].causes[j]; j++)
			assert_true(tl_str_equal(played_find(&played, TL_EVENT_response_chunk, j)->body.response_chunk.cause,
				tl_str_of(expected[i].causes[j])));
		played_done(&played);
	}
}

static void
held_bytes_are_told_and_come_with_the_next_chunk(void **state)
{
	(void)state;
	struct played played;
	played_all(scenario_named("held bytes that were no secret"), some_trace, &played);
	static const uint64_t held[] = { 9, 5, 0 };
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(played_find(&played, TL_EVENT_response_chunk, i)->body.response_chunk.held_bytes, held[i]);
	const struct tl_cut_list *cuts = &played_find(&played, TL_EVENT_response_chunk, 1)->body.response_chunk.cuts;
	/* The held part of the first arrival keeps its time; the next two are told apart. */
	assert_int_equal(cuts->count, 2);
	assert_int_equal(cuts->items[0].bytes, 9);
	assert_int_equal(cuts->items[1].bytes, 2);
	played_done(&played);
}

static void
a_retry_is_recorded_with_what_was_asked_and_waited(void **state)
{
	(void)state;
	struct played played;
	played_all(scenario_named("429 with retry-after, then an answer"), some_trace, &played);
	const struct tl_attempt_failed *failed = &played_find(&played, TL_EVENT_attempt_failed, 0)->body.attempt_failed;
	assert_true(failed->will_retry);
	assert_int_equal(failed->http_status, 429);
	assert_int_equal(failed->retry_after_ms, 2000);
	assert_int_equal(failed->backoff_ns, 2 * TL_NS_PER_S);
	assert_true(tl_str_equal(failed->backoff_source, TL_STR("retry-after")));
	assert_true(tl_str_equal(failed->message, TL_STR("HTTP 429: slow down")));
	assert_true(tl_str_equal(failed->error_code, TL_STR("rate_limit")));
	assert_null(failed->transport_error.ptr);
	assert_true(
		tl_str_equal(played_find(&played, TL_EVENT_trace_finished, 0)->body.trace_finished.reason, TL_STR("1 retry")));
	played_done(&played);

	played_all(scenario_named("500 until no more is allowed"), some_trace, &played);
	failed = &played_find(&played, TL_EVENT_attempt_failed, 2)->body.attempt_failed;
	assert_false(failed->will_retry);
	assert_int_equal(failed->backoff_ns, -1);
	assert_null(failed->backoff_source.ptr);
	assert_int_equal(played_find(&played, TL_EVENT_trace_finished, 0)->body.trace_finished.attempts, 3);
	played_done(&played);
}

static void
metrics_are_those_of_the_answer_that_was_used(void **state)
{
	(void)state;
	struct played played;
	played_all(scenario_named("streamed"), some_trace, &played);
	const struct tl_metrics_captured *metrics = &played_find(&played, TL_EVENT_metrics_captured, 0)->body.metrics_captured;
	assert_int_equal(metrics->latency_ns, 120 * TL_NS_PER_MS + 123);
	assert_int_equal(metrics->first_byte_ns, 4 * TL_NS_PER_MS);
	assert_int_equal(metrics->first_content_ns, 20 * TL_NS_PER_MS + 123);
	assert_int_equal(metrics->input_tokens, 12);
	assert_int_equal(metrics->output_tokens, 5);
	assert_int_equal(metrics->cached_tokens, 4);
	assert_true(tl_str_equal(metrics->usage_source, TL_STR("provider")));
	/* 8 at 2.5, 4 at 1.25, 5 at 10 USD a million. */
	assert_int_equal(metrics->cost_nano_usd, 8 * 2500 + 4 * 1250 + 5 * 10000);
	assert_true(tl_str_equal(metrics->price_model, TL_STR("gpt-4o-2024-08-06")));
	assert_true(tl_str_equal(metrics->finish_reason, TL_STR("stop")));
	assert_int_equal(metrics->answer_chars, 5);
	played_done(&played);

	played_all(scenario_named("429 with retry-after, then an answer"), some_trace, &played);
	metrics = &played_find(&played, TL_EVENT_metrics_captured, 0)->body.metrics_captured;
	assert_int_equal(metrics->first_byte_ns, 2014 * TL_NS_PER_MS + 123);
	assert_true(tl_str_equal(metrics->usage_source, TL_STR("estimated")));
	assert_int_equal(metrics->output_tokens, 1);
	assert_int_equal(metrics->input_tokens, (9 + 20 + 3) / 4);
	played_done(&played);

	played_all(scenario_named("401"), some_trace, &played);
	metrics = &played_find(&played, TL_EVENT_metrics_captured, 0)->body.metrics_captured;
	assert_null(metrics->usage_source.ptr);
	assert_int_equal(metrics->cost_nano_usd, -1);
	played_done(&played);
}

static void
an_interruption_names_its_signal(void **state)
{
	(void)state;
	struct played played;
	played_all(scenario_named("terminated in the answer"), some_trace, &played);
	assert_int_equal(played_find(&played, TL_EVENT_attempt_failed, 0)->body.attempt_failed.signal, SIGTERM);
	const struct tl_trace_finished *end = &played_find(&played, TL_EVENT_trace_finished, 0)->body.trace_finished;
	assert_int_equal(end->signal, SIGTERM);
	assert_true(tl_str_equal(end->reason, TL_STR("interrupted by SIGTERM")));
	played_done(&played);
	played_all(scenario_named("interrupted while waiting"), some_trace, &played);
	assert_int_equal(played_find(&played, TL_EVENT_attempt_failed, 0)->body.attempt_failed.signal, -1);
	assert_int_equal(played_find(&played, TL_EVENT_trace_finished, 0)->body.trace_finished.signal, SIGINT);
	played_done(&played);
}

/* What a replay will count is what was recorded, so the record counts it as well. */
static void
lengths_are_those_of_what_is_recorded(void **state)
{
	(void)state;
	struct tl_err err;
	struct wishes wishes;
	struct tl_plan plan = scenario_plan(some_trace);
	struct tl_redactor *redactor = scenario_redactor();
	static const char secret[] = "\xc3\xa4\xc3\xb6\xc3\xbc-secret";
	assert_ok(tl_redactor_add(redactor, tl_str_of(secret), &err));
	plan.inputs.prompt = tl_str_of(secret);
	open_engine(&wishes, &plan, redactor);
	assert_ok(tl_engine_start(wishes.engine, scenario_stamp(0), &wishes.wish, &err));
	const struct tl_trace_created *created = &wishes.played.events[1].body.trace_created;
	assert_int_equal(created->prompt_bytes, 13);
	assert_int_equal(created->prompt_chars, 13);
	close_engine(&wishes);
	tl_redactor_close(redactor);
}

static void
a_complete_body_is_sent_and_recorded_unchanged(void **state)
{
	(void)state;
	struct tl_err err;
	struct wishes wishes;
	struct tl_plan plan = scenario_plan(some_trace);
	struct tl_redactor *redactor = scenario_redactor();
	tl_str body = TL_STR("{ \"model\":\"m\", \"messages\":[{\"role\":\"user\",\"content\":\"one\"},"
			     "{\"role\":\"assistant\",\"content\":\"two\"},{\"role\":\"user\",\"content\":\"drei\"}] }");
	plan.inputs.raw_request = tl_bytes_of(body);
	plan.inputs.prompt = (tl_str){ NULL, 0 };
	open_engine(&wishes, &plan, redactor);
	assert_ok(tl_engine_start(wishes.engine, scenario_stamp(0), &wishes.wish, &err));
	const struct tl_request_created *request = &wishes.played.events[0].body.request_created;
	assert_true(request->raw_request);
	assert_null(request->prompt.ptr);
	assert_true(tl_str_equal(tl_str_of_bytes(request->body), body));
	assert_true(tl_str_equal(tl_str_of_bytes(wishes.wish.request->body), body));
	assert_int_equal(wishes.played.events[1].body.trace_created.prompt_chars, 4);
	close_engine(&wishes);
	tl_redactor_close(redactor);
}

static void
inputs_that_cannot_be_used_emit_nothing(void **state)
{
	(void)state;
	struct tl_err err;
	struct wishes wishes;
	struct tl_plan plan = scenario_plan(some_trace);
	struct tl_redactor *redactor = scenario_redactor();
	plan.inputs.temperature = TL_STR("hot");
	open_engine(&wishes, &plan, redactor);
	assert_int_equal(tl_engine_start(wishes.engine, scenario_stamp(0), &wishes.wish, &err), TL_ERR_USAGE);
	assert_int_equal(wishes.played.count, 0);
	close_engine(&wishes);
	tl_redactor_close(redactor);
}

/* ---- Failures ---- */

struct counter {
	size_t left;
};

static enum tl_status
refuse_after(void *context, const struct tl_event *event, struct tl_err *err)
{
	struct counter *counter = context;
	(void)event;
	if (counter->left == 0)
		return tl_err_set(err, TL_ERR_FULL, "the disk is full");
	counter->left--;
	return TL_OK;
}

static void
an_event_that_is_not_taken_ends_the_work(void **state)
{
	(void)state;
	const struct scenario *scenario = scenario_named("500 until no more is allowed");
	struct tl_plan plan = scenario_plan(some_trace);
	struct tl_redactor *redactor = scenario_redactor();
	for (size_t taken = 0;; taken++) {
		struct tl_err err;
		struct tl_wish wish;
		struct counter counter = { taken };
		enum tl_status status = scenario_try(scenario, &plan, redactor, refuse_after, &counter, &wish, &err);
		if (status == TL_OK) {
			assert_int_equal(taken, 12);
			break;
		}
		assert_int_equal(status, TL_ERR_FULL);
	}
	tl_redactor_close(redactor);
}

#ifdef TL_FAULTS
static void
memory_that_runs_out_is_told_and_never_changes_an_event(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct played whole;
		struct tl_plan plan = scenario_plan(some_trace);
		struct tl_redactor *redactor = scenario_redactor();
		whole.count = 0;
		scenario_play(&scenarios[i], some_trace, played_emit, &whole);
		enum tl_status status = TL_ERR_NO_MEMORY;
		for (uint64_t nth = 1; status != TL_OK; nth++) {
			struct tl_err err;
			struct tl_wish wish;
			struct played played = { .count = 0 };
			tl_fault_arm(TL_FAULT_ALLOC, nth);
			status = scenario_try(&scenarios[i], &plan, redactor, played_emit, &played, &wish, &err);
			bool reached = tl_fault_reached(TL_FAULT_ALLOC) >= nth;
			tl_fault_arm(TL_FAULT_ALLOC, 0);
			if (status != (reached ? TL_ERR_NO_MEMORY : TL_OK))
				fail_msg("%s, allocation %llu: status %d", scenarios[i].name, (unsigned long long)nth,
					(int)status);
			for (size_t j = 0; j < played.count; j++) {
				const struct tl_field *field = tl_event_first_difference(&whole.events[j], &played.events[j]);
				if (field)
					fail_msg("%s, allocation %llu: %s of event %zu changed", scenarios[i].name,
						(unsigned long long)nth, field->name, j);
			}
			tl_arena_done(&played.arena);
		}
		tl_redactor_close(redactor);
		played_done(&whole);
	}
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scenario_gives_its_events_and_its_end),
		cmocka_unit_test(the_same_steps_give_the_same_bytes),
		cmocka_unit_test(spans_hang_together_and_time_goes_on),
		cmocka_unit_test(chunks_hold_every_byte_in_order_with_its_arrivals),
		cmocka_unit_test(no_event_of_any_scenario_holds_a_secret),
		cmocka_unit_test(an_echoed_secret_never_reaches_an_event_however_it_is_cut),
		cmocka_unit_test(the_request_is_recorded_as_sent_without_secrets),
		cmocka_unit_test(wishes_say_what_is_to_be_done),
		cmocka_unit_test(chunks_say_why_they_were_written),
		cmocka_unit_test(held_bytes_are_told_and_come_with_the_next_chunk),
		cmocka_unit_test(a_retry_is_recorded_with_what_was_asked_and_waited),
		cmocka_unit_test(metrics_are_those_of_the_answer_that_was_used),
		cmocka_unit_test(an_interruption_names_its_signal),
		cmocka_unit_test(lengths_are_those_of_what_is_recorded),
		cmocka_unit_test(a_complete_body_is_sent_and_recorded_unchanged),
		cmocka_unit_test(inputs_that_cannot_be_used_emit_nothing),
		cmocka_unit_test(an_event_that_is_not_taken_ends_the_work),
#ifdef TL_FAULTS
		cmocka_unit_test(memory_that_runs_out_is_told_and_never_changes_an_event),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
