// Shapes of what the server sends, after docs/trace-document.md and docs/live.md. Nothing here is logic.
// `*_unix_ns` is larger than 2^53: read as a double it is right to a quarter of a microsecond, enough to show.

export type Status = "running" | "success" | "warning" | "failed" | "interrupted";

export interface Summary {
	trace_id: string;
	short_id: string;
	status: Status;
	reason: string | null;
	provider: string;
	model: string;
	project: string;
	session: string | null;
	tags: string[];
	prompt: string;
	started_unix_ns: number;
	latency_ns: number | null;
	first_content_ns: number | null;
	prompt_tokens: number | null;
	completion_tokens: number | null;
	tokens_estimated: boolean;
	cost_nano_usd: number | null;
	attempts: number;
	answer_chars: number;
	error_class: string | null;
	replay_of: string | null;
	seq: number;
}

export interface Page {
	total: number;
	items: Summary[];
	next: string | null;
}

export interface Usage {
	input_tokens: number | null;
	output_tokens: number | null;
	cached_tokens: number | null;
	cache_write_tokens: number | null;
	reasoning_tokens: number | null;
	source: string;
}

export interface Failure {
	class: string;
	message: string;
	http_status: number | null;
	type: string | null;
	code: string | null;
}

export interface NameValue {
	name: string;
	value: string;
}

export interface ToolCall {
	id: string | null;
	name: string | null;
	arguments: string | null;
}

export interface Part {
	type: string;
	text: string | null;
	json: string | null;
}

export interface Message {
	role: string;
	content: string | null;
	parts?: Part[] | null;
	tool_calls: ToolCall[];
	tool_call_id: string | null;
	name: string | null;
}

export interface Choice {
	index: number;
	role: string;
	content: string;
	reasoning: string | null;
	refusal: string | null;
	tool_calls: ToolCall[];
	finish_reason: string | null;
	finish_reason_raw: string | null;
}

export interface Price {
	table: string;
	provider: string;
	model: string;
	input_nano_usd_per_mtok: number;
	output_nano_usd_per_mtok: number;
	cached_nano_usd_per_mtok: number | null;
	cache_write_nano_usd_per_mtok: number | null;
}

export interface Cost {
	nano_usd: number;
	source: string;
	price: Price | null;
}

export interface Attempt {
	number: number;
	span_id: string;
	outcome: "running" | "finished" | "failed";
	error: Failure | null;
	http_status: number | null;
	response_bytes: number;
	retry_after_ms: number | null;
	backoff_ns: number | null;
	backoff_source: string | null;
}

export interface Settings {
	temperature: string | null;
	max_tokens: number | null;
	stream: boolean;
	raw_request: boolean;
	timeout_ms: number;
	retries_max: number;
}

export interface Call {
	span_id: string;
	provider: string;
	provider_reason: string;
	model: string;
	model_reason: string;
	model_served: string | null;
	api: string;
	url: string;
	request_headers: NameValue[];
	request_bytes: number;
	settings: Settings;
	response_id: string | null;
	request_id: string | null;
	http_status: number | null;
	response_headers: NameValue[];
	response_bytes: number;
	response_chunks: number;
	input: Message[];
	output: Choice[];
	finish_reason: string | null;
	finish_reason_raw: string | null;
	usage: Usage | null;
	cost: Cost | null;
	attempts: Attempt[];
}

export interface Span {
	span_id: string;
	parent_span_id: string | null;
	name: string;
	kind: string;
	start_ns: number;
	duration_ns: number | null;
	status: "running" | "ok" | "error" | "interrupted";
	error: string | null;
	attributes: { key: string; value: string }[];
	events: { name: string; at_ns: number }[];
}

export interface TraceDocument {
	trace_id: string;
	fold: number;
	source: string;
	replay_of: string | null;
	status: Status;
	reason: string | null;
	project: string;
	environment: string | null;
	session: string | null;
	user: string | null;
	tags: string[];
	provider: string;
	model: string;
	model_served: string | null;
	started_unix_ns: number;
	latency_ns: number | null;
	first_byte_ns: number | null;
	first_content_ns: number | null;
	prompt: string;
	prompt_chars: number;
	prompt_bytes: number;
	answer: string;
	finish_reason: string | null;
	attempts: number;
	usage: Usage | null;
	cost_nano_usd: number | null;
	error: Failure | null;
	calls: Call[];
	spans: Span[];
}

export interface TraceAnswer {
	trace_id: string;
	short_id: string;
	digest: string;
	seq: number;
	document: TraceDocument;
}

export interface LogEvent {
	seq: number;
	type: string;
	pipeline: boolean;
	unix_ns: number;
	mono_ns: number;
	span_id: string | null;
	parent_span_id: string | null;
	writer: string | number | null;
	body_bytes: number;
	body: unknown;
}

export interface Stage {
	stage: number;
	name: string;
	event: string;
	seq: number | null;
	unix_ns: number | null;
	after_ns: number | null;
	detail: unknown;
}

export interface EventsAnswer {
	items: LogEvent[];
	stages: Stage[];
	next: number | string | null;
}

export type Frame =
	| { type: "hello"; seq: number; log_id: string; version: string; resumed: boolean }
	| { type: "trace.created" | "trace.updated" | "trace.finished"; seq: number; trace: Summary }
	| { type: "resync"; seq: number };

export type TraceFrame = Extract<Frame, { trace: Summary }>;
