/* The event table: every event type and every field of its body, once. The enum, the structs, the codec, the checks, `tracellm
 * show --events` and docs/events.md are made from it, so they cannot drift.
 *
 * From log format 1 on, numbers and meanings are for ever: adding a field (with the next free key) is free, a changed meaning is
 * a new type.
 *
 * TL_EVENTS: number, identifier, name, role, stage, description
 *      role    CAPTURE   makes the document; PIPELINE: stages 4 to 7 and replay, never touches a document and does not move a
 *      view stage   1 to 7 of the walk-through, 0: none
 *
 * TL_FIELDS_<identifier>: key, kind, identifier, description (with the unit)
 *      STR     text            absent: ptr NULL, not stored
 *      BYTES   bytes           the same
 *      U64     number          always stored
 *      I64     number or -1    -1: not known, not stored
 *      BOOL                    always stored
 *      DIGEST  32 bytes        all zero: absent, not stored
 *      STRS PAIRS CUTS         lists; empty: not stored */
#ifndef TRACELLM_MODEL_EVENT_TABLE_H
#define TRACELLM_MODEL_EVENT_TABLE_H

#define TL_EVENTS(X)                                                                                                             \
	X(1, request_created, "request.created", CAPTURE, 1, "A call to a model: its inputs and the exact body made of them.")   \
	X(2, trace_created, "trace.created", CAPTURE, 2, "A trace begins; always in one commit with its first request.created.") \
	X(3, attempt_started, "attempt.started", CAPTURE, 0, "One try of a call begins. Its span id is the attempt's.")          \
	X(4, attempt_failed, "attempt.failed", CAPTURE, 0, "One try ended without a usable answer.")                             \
	X(5, attempt_finished, "attempt.finished", CAPTURE, 0, "One try ended with an answer.")                                  \
	X(6, response_chunk, "response.chunk", CAPTURE, 0, "Bytes of a response body as they arrived.")                          \
	X(7, metrics_captured, "metrics.captured", CAPTURE, 3, "What a call took, used and cost.")                               \
	X(8, trace_finished, "trace.finished", CAPTURE, 0, "A trace ends.")                                                      \
	X(9, trace_stored, "trace.stored", PIPELINE, 4, "A view holds the document of the ended trace.")                         \
	X(10, trace_emitted, "trace.emitted", PIPELINE, 5, "The end of the trace was sent to clients of the live channel.")      \
	X(11, dashboard_updated, "dashboard.updated", PIPELINE, 6, "A client says that it painted the ended trace.")             \
	X(12, replay_available, "replay.available", PIPELINE, 7, "A fresh fold equals the document read back from the view.")    \
	X(13, replay_started, "replay.started", PIPELINE, 0, "This trace is made by replaying another one.")                     \
	X(14, replay_finished, "replay.finished", PIPELINE, 0, "How that replay ended.")

/* The seven stages of the walk-through: number, name. The event that reaches one is in the table above. */
#define TL_STAGES(X)                    \
	X(1, "Request Created")         \
	X(2, "Trace Generated")         \
	X(3, "Metrics Captured")        \
	X(4, "Stored")                  \
	X(5, "WebSocket Event Emitted") \
	X(6, "Dashboard Updated")       \
	X(7, "Replay Available")
#define TL_STAGE_COUNT 7u

#define TL_FIELDS_request_created(F)                                                                       \
	F(1, STR, source, "how the call came in: cli")                                                     \
	F(2, STR, api, "wire format, openai.chat")                                                         \
	F(3, STR, provider, "provider asked")                                                              \
	F(4, STR, provider_reason, "why it was chosen: flag, environment NAME, default")                   \
	F(5, STR, model, "model as requested")                                                             \
	F(6, STR, model_reason, "why it was chosen: flag, environment NAME, default, request")             \
	F(7, BYTES, prompt, "the prompt as given; absent for a complete body")                             \
	F(8, STR, system, "system prompt")                                                                 \
	F(9, STR, temperature, "decimal text")                                                             \
	F(10, I64, max_tokens, "limit of the answer, tokens")                                              \
	F(11, BOOL, stream, "a stream was asked for")                                                      \
	F(12, BOOL, raw_request, "the body was given complete and sent unchanged")                         \
	F(13, STR, url, "address, without secrets")                                                        \
	F(14, STR, base_url, "input the address was made from, without secrets; absent when it was exact") \
	F(15, PAIRS, headers, "request header fields as sent, credentials overwritten")                    \
	F(16, PAIRS, user_headers, "those the user gave, credentials overwritten")                         \
	F(17, BYTES, body, "request body as sent, secrets overwritten")                                    \
	F(18, U64, timeout_ms, "limit of one attempt, ms; 0: none")                                        \
	F(19, U64, retries_max, "further attempts allowed")                                                \
	F(20, I64, key_chars, "length of the API key; -1: none was used")

#define TL_FIELDS_trace_created(F)                                                       \
	F(1, STR, provider, "provider of the first call")                                \
	F(2, STR, model, "model of the first call")                                      \
	F(3, U64, prompt_chars, "prompt length, code points")                            \
	F(4, U64, prompt_bytes, "prompt length, bytes")                                  \
	F(5, STR, project, "project")                                                    \
	F(6, STR, environment, "environment")                                            \
	F(7, STR, session, "session")                                                    \
	F(8, STR, user, "user")                                                          \
	F(9, STRS, tags, "tags")                                                         \
	F(10, DIGEST, seed, "seed of everything random in this trace: span ids, jitter") \
	F(11, U64, pipeline, "version of the rules that made these events")              \
	F(12, STR, replay_of, "full id of the origin, when this trace was made by a replay")

#define TL_FIELDS_attempt_started(F)           \
	F(1, U64, number, "which try, from 1") \
	F(2, STR, url, "address, without secrets")

/* What both ends of an attempt hold. */
#define TL_FIELDS_attempt_end(F)                                                       \
	F(1, U64, number, "which try, from 1")                                         \
	F(2, I64, http_status, "status of the answer, if there was one")               \
	F(3, PAIRS, headers, "response header fields, credentials overwritten")        \
	F(4, STR, request_id, "the provider's request id")                             \
	F(5, I64, head_ns, "attempt start to response head, ns, by our clock")         \
	F(6, U64, dns_ns, "attempt start to name resolved, ns; 0: did not happen")     \
	F(7, U64, connect_ns, "attempt start to connected, ns; 0: did not happen")     \
	F(8, U64, tls_ns, "attempt start to TLS ready, ns; 0: did not happen")         \
	F(9, U64, first_byte_ns, "attempt start to first byte, ns; 0: did not happen") \
	F(10, U64, total_ns, "attempt start to its end, ns")                           \
	F(11, BOOL, connection_reused, "no new connection was made")                   \
	F(12, U64, response_bytes, "body bytes received")

#define TL_FIELDS_attempt_failed(F)                                                                                              \
	TL_FIELDS_attempt_end(F) F(13, STR, transport_error, "error class of the transport; absent: the body was complete")      \
		F(14, STR, transport_message, "its message")                                                                     \
			F(15, STR, error_class, "error class of the attempt, docs/trace-document.md") F(                         \
				16, STR, message, "one line for people") F(17, STR, error_type, "the provider's own error type") \
				F(18, STR, error_code, "the provider's own error code")                                          \
					F(19, BOOL, will_retry, "another attempt follows")                                       \
						F(20, I64, retry_after_ms, "what the server asked to wait, ms")                  \
							F(21, I64, backoff_ns, "what is waited before the next attempt, ns")     \
								F(22, STR, backoff_source, "retry-after or exponential")         \
									F(23, I64, signal, "signal number of an interruption")

#define TL_FIELDS_attempt_finished(F) TL_FIELDS_attempt_end(F)

#define TL_FIELDS_response_chunk(F)                                                                           \
	F(1, U64, number, "which try, from 1")                                                                \
	F(2, U64, index, "which chunk event of this try, from 0")                                             \
	F(3, U64, offset, "position of the first byte in the body")                                           \
	F(4, BYTES, bytes, "body bytes, secrets overwritten")                                                 \
	F(5, CUTS, cuts, "arrivals: (ns since the attempt's start, bytes), in order, together all the bytes") \
	F(6, STR, cause, "why it was written now: time, size or end")                                         \
	F(7, U64, held_bytes, "bytes kept back because they may begin a secret")                              \
	F(8, I64, http_status, "status of the answer; on index 0")                                            \
	F(9, STR, content_type, "content type of the answer; on index 0")

#define TL_FIELDS_metrics_captured(F)                                                                 \
	F(1, U64, latency_ns, "trace start to end, ns, waits included")                               \
	F(2, I64, first_byte_ns, "trace start to the first byte of the last answer, ns")              \
	F(3, I64, first_content_ns, "trace start to the first text, reasoning or tool-call byte, ns") \
	F(4, I64, input_tokens, "tokens in, in total")                                                \
	F(5, I64, output_tokens, "tokens out, in total")                                              \
	F(6, I64, cached_tokens, "of the input, read from a cache")                                   \
	F(7, I64, cache_write_tokens, "of the input, written to a cache")                             \
	F(8, I64, reasoning_tokens, "of the output, reasoning")                                       \
	F(9, STR, usage_source, "provider or estimated")                                              \
	F(10, STR, finish_reason, "canonical finish reason of the first choice")                      \
	F(11, STR, model_served, "model the answer names")                                            \
	F(12, STR, response_id, "the answer's own id")                                                \
	F(13, DIGEST, answer_digest, "digest over everything in the answer's choices")                \
	F(14, U64, answer_chars, "text of the first choice, code points")                             \
	F(15, U64, refused_pieces, "stream events whose JSON was not valid")                          \
	F(16, I64, cost_nano_usd, "cost, nano-USD")                                                   \
	F(17, STR, cost_source, "provider or price_table")                                            \
	F(18, STR, price_table, "date of the price table used")                                       \
	F(19, STR, price_provider, "price row used: list")                                            \
	F(20, STR, price_model, "price row used: model")                                              \
	F(21, I64, price_input, "price row used: input, nano-USD per million tokens")                 \
	F(22, I64, price_output, "price row used: output, nano-USD per million tokens")               \
	F(23, I64, price_cached, "price row used: cached input, nano-USD per million tokens")         \
	F(24, I64, price_cache_write, "price row used: cache write, nano-USD per million tokens")

#define TL_FIELDS_trace_finished(F)                                                       \
	F(1, STR, status, "success, warning, failed or interrupted")                      \
	F(2, STR, reason, "one line for people; absent for success")                      \
	F(3, STR, error_class, "error class, docs/trace-document.md; absent for success") \
	F(4, I64, signal, "signal number of an interruption")                             \
	F(5, U64, attempts, "tries started")

#define TL_FIELDS_trace_stored(F)                         \
	F(1, STR, view, "name of the view")               \
	F(2, U64, checkpoint, "last seq in the document") \
	F(3, DIGEST, digest, "digest of the document")

#define TL_FIELDS_trace_emitted(F)                               \
	F(1, U64, clients, "clients the last frame was sent to") \
	F(2, U64, frames, "frames sent about this trace so far")

#define TL_FIELDS_dashboard_updated(F)                                                \
	F(1, U64, latency_ns, "commit of the trace's end to the acknowledgement, ns") \
	F(2, U64, client, "number of the client in this run of the server")

#define TL_FIELDS_replay_available(F)       \
	F(1, STR, view, "name of the view") \
	F(2, DIGEST, digest, "digest of both")

#define TL_FIELDS_replay_started(F) \
	F(1, STR, mode, "offline")  \
	F(2, STR, origin, "full id of the origin")

#define TL_FIELDS_replay_finished(F)                                                   \
	F(1, STR, origin, "full id of the origin")                                     \
	F(2, BOOL, identical, "every event was made again, byte for byte")             \
	F(3, U64, compared, "events compared")                                         \
	F(4, I64, divergence_index, "which event of the origin differs first, from 0") \
	F(5, STR, divergence_event, "its name")                                        \
	F(6, STR, divergence_field, "its first field that differs")                    \
	F(7, DIGEST, document_digest, "digest of the origin's document folded from its events")

#endif
