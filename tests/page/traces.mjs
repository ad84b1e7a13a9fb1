// Traces for the page's tests, made whole: summary, document and events that agree with each other. Nothing random.

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
export const T0_MS = Date.now() - 600_000;

export function traceId(n) {
	let text = "";
	for (let rest = n * 2_654_435_761 + 40_503; text.length < 26; rest = Math.floor(rest / 7) + 97 * (text.length + n + 1)) text += ALPHABET[rest % 32];
	return `tr_${text}`;
}

export function spanId(n) {
	return n.toString(16).padStart(16, "0");
}

const MS = 1_000_000;

function span(n, parent, name, kind, start_ms, duration_ms, more = {}) {
	return {
		span_id: spanId(n),
		parent_span_id: parent === null ? null : spanId(parent),
		name,
		kind,
		start_ns: start_ms * MS,
		duration_ns: duration_ms === null ? null : duration_ms * MS,
		status: duration_ms === null ? "running" : "ok",
		error: null,
		attributes: [],
		events: [],
		...more,
	};
}

const RATE_LIMIT = { class: "http_status", message: "Rate limit reached for gpt-4o, try again in 400ms", http_status: 429, type: "requests", code: "rate_limit_exceeded" };

function spansOf({ retry, latency_ms, running }) {
	const model = "gpt-4o";
	const from = retry ? 540 : 2;
	const end = running ? null : latency_ms;
	const spans = [span(1, null, "trace", "trace", 0, end), span(2, 1, `chat ${model}`, "call", 1, end === null ? null : end - 2)];
	if (retry) spans.push(span(3, 2, "attempt 1", "attempt", 2, 138, { status: "error", error: "429 Too Many Requests" }));
	spans.push(
		span(4, 2, `attempt ${retry ? 2 : 1}`, "attempt", from, end === null ? null : end - from - 2, {
			attributes: [
				{ key: "gen_ai.request.model", value: model },
				{ key: "http.response.status_code", value: "200" },
				{ key: "server.address", value: "api.openai.com" },
			],
		}),
		span(5, 4, "connect", "connect", from, 31),
		span(6, 4, "first byte", "first_byte", from + 31, 310),
		span(7, 4, "streaming", "streaming", from + 341, end === null ? null : end - from - 343, { events: [{ name: "first content", at_ns: (from + 372) * MS }] }),
	);
	return spans;
}

function callOf(o) {
	const failedFirst = { number: 1, span_id: spanId(3), outcome: "failed", error: RATE_LIMIT, http_status: 429, response_bytes: 214, retry_after_ms: 400, backoff_ns: 400 * MS, backoff_source: "retry-after" };
	const last = {
		number: o.retry ? 2 : 1,
		span_id: spanId(4),
		outcome: o.running ? "running" : "finished",
		error: null,
		http_status: 200,
		response_bytes: 9_214,
		retry_after_ms: null,
		backoff_ns: null,
		backoff_source: null,
	};
	return {
		span_id: spanId(2),
		provider: "openai",
		provider_reason: "default",
		model: o.model,
		model_reason: "flag",
		model_served: `${o.model}-2026-08-06`,
		api: "openai.chat",
		url: "https://api.openai.com/v1/chat/completions",
		request_headers: [
			{ name: "authorization", value: "Bearer ****************" },
			{ name: "content-type", value: "application/json" },
		],
		request_bytes: 412,
		settings: { temperature: "0.7", max_tokens: null, stream: true, raw_request: false, timeout_ms: 60_000, retries_max: 2 },
		response_id: "chatcmpl-9x1",
		request_id: "req_8c41f09ae2",
		http_status: 200,
		response_headers: [{ name: "content-type", value: "text/event-stream" }],
		response_bytes: 9_214,
		response_chunks: 61,
		input: o.input ?? [{ role: "user", content: o.prompt, tool_calls: [], tool_call_id: null, name: null }],
		output: o.output ?? [{ index: 0, role: "assistant", content: o.answer, reasoning: null, refusal: null, tool_calls: [], finish_reason: o.running ? null : "stop", finish_reason_raw: o.running ? null : "stop" }],
		finish_reason: o.running ? null : "stop",
		finish_reason_raw: o.running ? null : "stop",
		usage: o.running ? null : usageOf(o),
		cost: o.running ? null : costOf(o),
		attempts: o.retry ? [failedFirst, last] : [last],
	};
}

function usageOf(o) {
	return { input_tokens: o.tokens_in, output_tokens: o.tokens_out, cached_tokens: o.cached, cache_write_tokens: null, reasoning_tokens: null, source: "provider" };
}

function costOf(o) {
	return {
		nano_usd: o.cost,
		source: "price_table",
		price: { table: "2026-08-21", provider: "openai", model: o.model, input_nano_usd_per_mtok: 2_500_000_000, output_nano_usd_per_mtok: 10_000_000_000, cached_nano_usd_per_mtok: 1_250_000_000, cache_write_nano_usd_per_mtok: null },
	};
}

const STAGES = [
	["Request Created", "request.created"],
	["Trace Generated", "trace.created"],
	["Metrics Captured", "metrics.captured"],
	["Stored", "trace.stored"],
	["WebSocket Event Emitted", "trace.emitted"],
	["Dashboard Updated", "dashboard.updated"],
	["Replay Available", "replay.available"],
];

function eventsOf(o, started_unix_ns) {
	const reached = o.running ? 2 : 7;
	const stages = STAGES.map(([name, event], index) => {
		const after_ns = (index < 2 ? index * 0.2 : o.latency_ms + (index - 2) * 4) * MS;
		const hit = index < reached;
		return { stage: index + 1, name, event, seq: hit ? o.seq - 10 + index : null, unix_ns: hit ? started_unix_ns + after_ns : null, after_ns: hit ? after_ns : null, detail: hit && index === 3 ? "embedded" : null };
	});
	const items = Array.from({ length: o.eventCount }, (_, index) => {
		const stage = STAGES[index];
		return {
			seq: o.seq - 10 + index,
			type: stage?.[1] ?? "response.chunk",
			pipeline: index >= 3 && index < 7,
			unix_ns: started_unix_ns + index * 9 * MS,
			mono_ns: 1_000_000 + index * 9 * MS,
			span_id: spanId(7),
			parent_span_id: spanId(4),
			writer: 12,
			body_bytes: 120 + index,
			body: { text: `event body ${index}`, nested: { list: [1, 2, 3] } },
		};
	});
	return { items, stages };
}

const DEFAULTS = {
	status: "success",
	prompt: "Explain transformers",
	answer: "A transformer reads a whole sequence at once and lets every position look at every other.",
	model: "gpt-4o",
	project: "default",
	latency_ms: 1240,
	tokens_in: 12,
	tokens_out: 184,
	cached: null,
	cost: 1_870_000,
	tags: [],
	session: null,
	replay_of: null,
	reason: null,
	error: null,
	age_s: 40,
	eventCount: 24,
	spans: null,
	input: null,
	output: null,
};

// n makes the id; everything else has a default.
export function makeTrace(n, options = {}) {
	const o = { ...DEFAULTS, seq: 1000 + n * 20, ...options };
	o.running = o.status === "running";
	o.retry = o.status === "warning";
	const failed = o.status === "failed" || o.status === "interrupted";
	const id = traceId(n);
	const started_unix_ns = (Date.now() - o.age_s * 1000) * MS;
	const latency_ns = o.running ? null : o.latency_ms * MS;
	const known = !o.running && !failed;
	const attempts = options.attempts ?? (o.retry ? 2 : 1);
	const summary = {
		trace_id: id,
		short_id: id.slice(0, 11),
		status: o.status,
		reason: o.reason,
		provider: "openai",
		model: o.model,
		project: o.project,
		session: o.session,
		tags: o.tags,
		prompt: o.prompt.slice(0, 160),
		started_unix_ns,
		latency_ns,
		first_content_ns: known ? 520 * MS : null,
		prompt_tokens: known ? o.tokens_in : null,
		completion_tokens: known ? o.tokens_out : null,
		tokens_estimated: false,
		cost_nano_usd: known ? o.cost : null,
		attempts,
		answer_chars: o.answer.length,
		error_class: o.error?.class ?? null,
		replay_of: o.replay_of,
		seq: o.seq,
	};
	const document = {
		trace_id: id,
		fold: 1,
		source: "cli",
		replay_of: o.replay_of,
		status: o.status,
		reason: o.reason,
		project: o.project,
		environment: null,
		session: o.session,
		user: null,
		tags: o.tags,
		provider: "openai",
		model: o.model,
		model_served: `${o.model}-2026-08-06`,
		started_unix_ns,
		latency_ns,
		first_byte_ns: known ? 341 * MS : null,
		first_content_ns: known ? 520 * MS : null,
		prompt: o.prompt,
		prompt_chars: o.prompt.length,
		prompt_bytes: o.prompt.length,
		answer: o.answer,
		finish_reason: known ? "stop" : null,
		attempts,
		usage: known ? usageOf(o) : null,
		cost_nano_usd: known ? o.cost : null,
		error: o.error,
		calls: o.calls ?? [callOf(o)],
		spans: o.spans ?? spansOf(o),
	};
	return { summary, document, events: eventsOf(o, started_unix_ns) };
}

export const TIMEOUT = { class: "timeout", message: "no byte for 30 s after the request was sent", http_status: null, type: null, code: null };

// The traces of the picture ../shared/ui draws: one of each kind.
export function gallery() {
	return [
		makeTrace(1, { status: "running", prompt: "Summarise the open invoices of March", model: "claude-sonnet-4-5", age_s: 1, answer: "x".repeat(312) }),
		makeTrace(2, {
			status: "warning",
			reason: "success after 1 retry: attempt 1 was refused with HTTP 429",
			prompt: "What is the weather in Paris, and should I take a coat?",
			answer: "It is 7 °C with rain and a strong wind in Paris. Yes, take a coat, and one that keeps the wind out.",
			project: "billing-agent",
			latency_ms: 3410,
			tokens_in: 1182,
			tokens_out: 246,
			cached: 1024,
			cost: 5_415_000,
			age_s: 12,
			input: [
				{ role: "system", content: "You answer briefly.", tool_calls: [], tool_call_id: null, name: null },
				{ role: "user", content: "What is the weather in Paris, and should I take a coat?", tool_calls: [], tool_call_id: null, name: null },
				{ role: "assistant", content: "I will look that up.", tool_calls: [{ id: "call_1", name: "get_weather", arguments: '{"city":"Paris"}' }], tool_call_id: null, name: null },
				{ role: "tool", content: '{"temp_c": 7, "sky": "rain", "wind_kmh": 31}', tool_calls: [], tool_call_id: "call_1", name: "get_weather" },
			],
		}),
		makeTrace(3, { age_s: 40 }),
		makeTrace(4, { status: "failed", prompt: "Extract the totals from the attached table", model: "gemini-2.5-flash", latency_ms: 30_000, attempts: 3, reason: "no answer in 3 attempts", error: TIMEOUT, answer: "", output: [], age_s: 125 }),
		makeTrace(5, { prompt: "Translate the release notes into Portuguese", model: "mistral-large-latest", latency_ms: 2020, tokens_in: 640, tokens_out: 702, cost: 6_800_000, age_s: 190 }),
		makeTrace(6, { status: "interrupted", prompt: "Write the minutes of the meeting", reason: "stopped by Ctrl-C", latency_ms: 840, age_s: 250, answer: "The meeting opened at" }),
		makeTrace(7, { prompt: "Which of these customers pay late? (7 calls)", latency_ms: 18_700, tokens_in: 31_204, tokens_out: 2_918, cost: 107_200_000, age_s: 260 }),
	];
}
