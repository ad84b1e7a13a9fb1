// The drawer beside the waterfall: everything about the selected span, and what its call cost.

import type { ComponentChildren, VNode } from "preact";
import { bytes, count, dateTime, duration, perMillion, plural, UNKNOWN, usd } from "./format";
import { StagesShort } from "./pipeline";
import type { SpanRow, Waterfall } from "./spans";
import { Fold, LongText, Copy } from "./text";
import type { Attempt, Call, Cost, NameValue, TraceAnswer, TraceDocument, Usage } from "./types";

export function Facts({ rows }: { rows: readonly (readonly [string, ComponentChildren] | null)[] }): VNode {
	return (
		<dl class="pairs">
			{rows.map(
				(row) =>
					row !== null && (
						<div key={row[0]}>
							<dt>{row[0]}</dt>
							<dd>
								<bdi>{row[1]}</bdi>
							</dd>
						</div>
					),
			)}
		</dl>
	);
}

// A fact only when it is known.
function known(name: string, value: ComponentChildren): readonly [string, ComponentChildren] | null {
	return value === null || value === "" ? null : [name, value];
}

function CostView({ cost }: { cost: Cost }): VNode {
	const { price } = cost;
	if (price === null) return <Facts rows={[["Cost", usd(cost.nano_usd)], ["Source", cost.source.replaceAll("_", " ")]]} />;
	return (
		<>
			<Facts rows={[["Cost", usd(cost.nano_usd)]]} />
			<Fold title="Price row">
				{() => (
					<Facts
						rows={[
							["Table", price.table],
							["Row", `${price.provider} ${price.model}`],
							["Input", perMillion(price.input_nano_usd_per_mtok)],
							["Output", perMillion(price.output_nano_usd_per_mtok)],
							price.cached_nano_usd_per_mtok === null ? null : ["Cached input", perMillion(price.cached_nano_usd_per_mtok)],
							price.cache_write_nano_usd_per_mtok === null ? null : ["Cache write", perMillion(price.cache_write_nano_usd_per_mtok)],
						]}
					/>
				)}
			</Fold>
		</>
	);
}

function UsageView({ usage }: { usage: Usage | null }): VNode {
	if (usage === null) return <p class="faint">Not known.</p>;
	return (
		<Facts
			rows={[
				["Input", count(usage.input_tokens)],
				usage.cached_tokens === null ? null : ["of it cached", count(usage.cached_tokens)],
				usage.cache_write_tokens === null ? null : ["of it written to cache", count(usage.cache_write_tokens)],
				["Output", count(usage.output_tokens)],
				usage.reasoning_tokens === null ? null : ["of it reasoning", count(usage.reasoning_tokens)],
				usage.source === "estimated" ? ["Counted by", "estimate"] : ["Counted by", usage.source],
			]}
		/>
	);
}

function Headers({ title, headers }: { title: string; headers: readonly NameValue[] }): VNode | null {
	if (headers.length === 0) return null;
	return <Fold title={`${title}, ${headers.length}`}>{() => <LongText class="mono" text={headers.map(({ name, value }) => `${name}: ${value}`).join("\n")} />}</Fold>;
}

function CallView({ call }: { call: Call }): VNode {
	const { settings } = call;
	return (
		<>
			<h2>Tokens of this call</h2>
			<UsageView usage={call.usage} />
			{call.cost === null ? <Facts rows={[["Cost", "not known"]]} /> : <CostView cost={call.cost} />}
			<h2>Request</h2>
			<Facts
				rows={[
					["Provider", `${call.provider} (${call.provider_reason})`],
					["Model", `${call.model} (${call.model_reason})`],
					known("Served", call.model_served),
					["API", call.api],
					["Temperature", settings.temperature ?? "not set"],
					["Max tokens", settings.max_tokens === null ? "not set" : count(settings.max_tokens)],
					["Streamed", settings.stream ? "yes" : "no"],
					["Body", bytes(call.request_bytes)],
				]}
			/>
			<p class="mono url">
				<bdi>{call.url}</bdi>
			</p>
			<Headers title="Request headers" headers={call.request_headers} />
			<h2>Response</h2>
			<Facts
				rows={[
					["HTTP status", call.http_status ?? UNKNOWN],
					["Body", `${bytes(call.response_bytes)} in ${plural(call.response_chunks, "chunk")}`],
					known("Request id", call.request_id),
					known("Response id", call.response_id),
				]}
			/>
			<Headers title="Response headers" headers={call.response_headers} />
		</>
	);
}

function AttemptFacts({ attempt }: { attempt: Attempt }): VNode {
	return (
		<Facts
			rows={[
				["Outcome", attempt.outcome],
				known("HTTP status", attempt.http_status),
				["Body", bytes(attempt.response_bytes)],
				attempt.retry_after_ms === null ? null : ["Server asked to wait", duration(attempt.retry_after_ms * 1e6)],
				attempt.backoff_ns === null ? null : ["Waited", `${duration(attempt.backoff_ns)} (${attempt.backoff_source ?? "unknown"})`],
			]}
		/>
	);
}

function speedOf(row: SpanRow): readonly [string, ComponentChildren] | null {
	const tokens = row.call?.usage?.output_tokens ?? null;
	const took_ns = row.span.duration_ns;
	if (row.span.kind !== "streaming" || tokens === null || took_ns === null || took_ns <= 0) return null;
	return ["Speed", `${count(Math.round(tokens / (took_ns / 1e9)))} tokens/s`];
}

const PHASES: readonly (readonly [string, string])[] = [
	["connect", "Connect"],
	["first_byte", "First byte after"],
	["streaming", "Streaming"],
];

// How long each phase below this span took, by name.
function phasesOf(fall: Waterfall, row: SpanRow): (readonly [string, ComponentChildren] | null)[] {
	if (row.span.kind !== "attempt") return [];
	const at = fall.byId.get(row.span.span_id) ?? 0;
	const below = fall.rows.slice(at + 1, row.after).map(({ span }) => span);
	return PHASES.map(([kind, name]) => {
		const phase = below.find((span) => span.kind === kind);
		return phase === undefined ? null : [name, phase.duration_ns === null ? "running" : duration(phase.duration_ns)];
	});
}

function SpanView({ row, fall, doc }: { row: SpanRow; fall: Waterfall; doc: TraceDocument }): VNode {
	const { span, attempt } = row;
	const share = span.duration_ns !== null && doc.latency_ns ? `${((span.duration_ns / doc.latency_ns) * 100).toFixed(1)}% of the trace` : null;
	const error = attempt?.error?.message ?? span.error;
	return (
		<>
			<h2>
				<bdi>{span.name}</bdi>
			</h2>
			<Facts
				rows={[
					["Started", `+${duration(span.start_ns)}`],
					["Duration", span.duration_ns === null ? "running" : duration(span.duration_ns)],
					known("Share", share),
					...phasesOf(fall, row),
					["Status", span.status],
					speedOf(row),
					["Span", <span class="mono">{span.span_id}</span>],
				]}
			/>
			{attempt && <AttemptFacts attempt={attempt} />}
			{error !== null && error !== undefined && (
				<div class="note bad">
					<LongText text={error} />
				</div>
			)}
			{span.events.length > 0 && (
				<>
					<h2>Moments</h2>
					<Facts rows={span.events.map((moment) => [moment.name, `+${duration(moment.at_ns)}`] as const)} />
				</>
			)}
			{span.attributes.length > 0 && (
				<>
					<h2>Attributes</h2>
					<dl class="attributes">
						{span.attributes.map(({ key, value }, index) => (
							<div key={index}>
								<dt class="mono">
									<bdi>{key}</bdi>
								</dt>
								<dd class="mono">
									<LongText text={value} />
								</dd>
							</div>
						))}
					</dl>
				</>
			)}
		</>
	);
}

function callWords(call: Call): string {
	const tokens = call.usage === null ? UNKNOWN : `${count(call.usage.input_tokens)} → ${count(call.usage.output_tokens)}`;
	return `${tokens}, ${usd(call.cost?.nano_usd ?? null)}`;
}

function TraceView({ answer }: { answer: TraceAnswer }): VNode {
	const { document: doc } = answer;
	const only = doc.calls.length === 1 ? doc.calls[0] : undefined;
	return (
		<>
			<h2>Trace</h2>
			<Facts
				rows={[
					["Started", dateTime(doc.started_unix_ns)],
					["Source", doc.source],
					["Provider", doc.provider],
					known("Served", doc.model_served),
					["Project", doc.project],
					known("Environment", doc.environment),
					known("Session", doc.session),
					known("User", doc.user),
					known("Tags", doc.tags.join(", ")),
					doc.first_byte_ns === null ? null : ["First byte", duration(doc.first_byte_ns)],
					known("Finish", doc.finish_reason),
				]}
			/>
			<h2>Tokens</h2>
			<UsageView usage={doc.usage} />
			{only?.cost ? <CostView cost={only.cost} /> : <Facts rows={[["Cost", doc.cost_nano_usd === null ? "not known" : usd(doc.cost_nano_usd)]]} />}
			{doc.calls.length > 1 && (
				<>
					<h2>Calls</h2>
					<Facts rows={doc.calls.map((call, index) => [`${index + 1} ${call.model}`, callWords(call)] as const)} />
				</>
			)}
			<Fold title="Identity">
				{() => (
					<>
						<LongText class="mono" text={`${doc.trace_id}\ndocument ${answer.digest}\nevent ${answer.seq}\nfold ${doc.fold}`} />
						<Copy text={doc.trace_id} label="Copy full id" />
					</>
				)}
			</Fold>
		</>
	);
}

export function Drawer({ answer, fall, span }: { answer: TraceAnswer; fall: Waterfall; span: string | null }): VNode {
	const row = span === null ? undefined : fall.rows[fall.byId.get(span) ?? -1];
	return (
		<aside class="drawer" aria-label={row ? `Span ${row.span.name}` : "Trace details"}>
			{row ? <SpanView row={row} fall={fall} doc={answer.document} /> : <TraceView answer={answer} />}
			{row?.call && <CallView call={row.call} />}
			<StagesShort />
		</aside>
	);
}
