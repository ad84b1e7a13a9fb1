// One trace: what it was, how it went, and four ways to look inside. The tab and the selected span are in the URL.

import type { ComponentChildren, VNode } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { rawHref } from "./api";
import { now_ms } from "./clock";
import { Drawer } from "./drawer";
import { Events } from "./events";
import { count, duration, plural, UNKNOWN, usd } from "./format";
import { CallMessages, Messages } from "./messages";
import { Pipeline } from "./pipeline";
import { href, place, TABS, type Tab } from "./router";
import { waterfall, type Waterfall } from "./spans";
import { Copy, LongText, StatusSign, StatusWord } from "./text";
import { refetch, shown, traceFailure } from "./trace";
import { order, rowOf } from "./traces";
import type { Call, Summary, TraceAnswer, TraceDocument } from "./types";
import { WaterfallView } from "./waterfall";

const TITLE_CHARS = 300;

// The heading is a name, not the text: the whole prompt stands below, among the messages.
function titleOf(prompt: string): string {
	const line = prompt.trim().replace(/\s+/g, " ");
	if (line === "") return "(empty prompt)";
	return line.length <= TITLE_CHARS ? line : `${line.slice(0, TITLE_CHARS)}…`;
}

function Heading({ status, prompt }: { status: string; prompt: string }): VNode {
	return (
		<h1 tabIndex={-1} id="trace-title">
			<StatusSign status={status} />
			<bdi>{titleOf(prompt)}</bdi>
		</h1>
	);
}

function Fact({ name, children, title }: { name: string; children: ComponentChildren; title?: string }): VNode {
	return (
		<div>
			<dt>{name}</dt>
			<dd title={title}>{children}</dd>
		</div>
	);
}

function priceWords(doc: TraceDocument): string {
	const cost = doc.calls[0]?.cost;
	if (doc.cost_nano_usd === null) return "No price is known for this model";
	if (!cost) return "";
	return cost.price === null ? `As told by the ${cost.source}` : `Price row ${cost.price.provider} ${cost.price.model} of ${cost.price.table}`;
}

// A trace that runs is as long as the clock says, and the clock's tick draws it again.
function elapsed(doc: TraceDocument): number {
	return doc.latency_ns ?? Math.max(0, now_ms.value * 1e6 - doc.started_unix_ns);
}

function Facts({ answer }: { answer: TraceAnswer }): VNode {
	const { document: doc } = answer;
	const { usage } = doc;
	const retries = Math.max(0, doc.attempts - Math.max(1, doc.calls.length));
	const estimated = usage?.source === "estimated" ? " (estimated)" : "";
	return (
		<dl class="facts">
			<Fact name="Trace">
				<span class="mono">{answer.short_id}</span>
			</Fact>
			<Fact name="Status">
				<StatusWord status={doc.status} /> {retries > 0 && plural(retries, "retry", "retries")}
			</Fact>
			<Fact name="Model">
				<bdi>{doc.model}</bdi>
			</Fact>
			<Fact name="Latency">{doc.latency_ns === null ? <span class="s run">{duration(elapsed(doc))}</span> : duration(doc.latency_ns)}</Fact>
			<Fact name="First content">{duration(doc.first_content_ns)}</Fact>
			<Fact name="Tokens in">
				{count(usage?.input_tokens ?? null)}
				{usage && usage.cached_tokens !== null && usage.cached_tokens > 0 && <span class="dim"> ({count(usage.cached_tokens)} cached)</span>}
				<span class="dim">{estimated}</span>
			</Fact>
			<Fact name="Tokens out">
				{count(usage?.output_tokens ?? null)}
				<span class="dim">{estimated}</span>
			</Fact>
			<Fact name="Cost" title={priceWords(doc)}>
				<span class="why">{doc.cost_nano_usd === null ? UNKNOWN : usd(doc.cost_nano_usd)}</span>
			</Fact>
			<Fact name="Calls">{count(doc.calls.length)}</Fact>
			{doc.replay_of !== null && (
				<Fact name="Replay of">
					<a class="link mono" href={href({ trace: doc.replay_of })}>
						{doc.replay_of.slice(0, 11)}
					</a>
				</Fact>
			)}
		</dl>
	);
}

function Trouble({ doc }: { doc: TraceDocument }): VNode | null {
	const { error, reason } = doc;
	if (error === null && reason === null) return null;
	const bad = doc.status === "failed" || doc.status === "interrupted";
	const codes = error === null ? [] : [error.http_status === null ? null : `HTTP ${error.http_status}`, error.type, error.code].filter((part) => part !== null);
	return (
		<div class={bad ? "note bad trouble" : "note trouble"} role="group" aria-label={bad ? "Error" : "Warning"}>
			{reason !== null && <LongText text={reason} />}
			{error !== null && (
				<>
					<div>
						<b>{error.class.replaceAll("_", " ")}</b> {codes.length > 0 && <bdi class="mono">{codes.join(", ")}</bdi>}
					</div>
					{error.message !== reason && <LongText text={error.message} />}
				</>
			)}
		</div>
	);
}

const TAB_NAMES: Record<Tab, string> = { waterfall: "Waterfall", messages: "Messages", pipeline: "Pipeline", events: "Events" };

function Tabs({ answer }: { answer: TraceAnswer }): VNode {
	return (
		<div class="tabs">
			<nav aria-label="Views of this trace">
				{TABS.map((tab) => (
					<a key={tab} href={href({ tab })} data-replace aria-current={place.value.tab === tab ? "page" : undefined}>
						{TAB_NAMES[tab]}
					</a>
				))}
			</nav>
			<span class="spacer" />
			<Copy text={answer.short_id} label="Copy id" />
			<a class="quiet" href={rawHref(answer.trace_id, "request")} download>
				Request
			</a>
			<a class="quiet" href={rawHref(answer.trace_id, "response")} download>
				Response
			</a>
		</div>
	);
}

function selectedCall(doc: TraceDocument, fall: Waterfall, span: string | null): Call | undefined {
	const row = span === null ? undefined : fall.rows[fall.byId.get(span) ?? -1];
	return row?.call ?? doc.calls.at(-1);
}

function WaterfallTab({ answer }: { answer: TraceAnswer }): VNode {
	const doc = answer.document;
	const now_ns = elapsed(doc);
	const fall = useMemo(() => waterfall(doc, now_ns), [doc, now_ns]);
	const { span } = place.value;
	const call = selectedCall(doc, fall, span);
	return (
		<div class="body">
			<div class="left">
				<Trouble doc={doc} />
				<WaterfallView key={doc.trace_id} fall={fall} now_ns={now_ns} />
				{call === undefined || doc.calls.length === 1 ? (
					<>
						<h2>Messages</h2>
						<Messages doc={doc} />
					</>
				) : (
					<>
						<h2>Messages of the {span === null ? "last" : "selected"} call</h2>
						<CallMessages call={call} doc={doc} />
					</>
				)}
			</div>
			<Drawer answer={answer} fall={fall} span={span} />
		</div>
	);
}

function TabBody({ answer }: { answer: TraceAnswer }): VNode {
	const { tab } = place.value;
	if (tab === "waterfall") return <WaterfallTab answer={answer} />;
	return (
		<div class="left only">
			<Trouble doc={answer.document} />
			{tab === "messages" && <Messages doc={answer.document} />}
			{tab === "pipeline" && <Pipeline />}
			{tab === "events" && <Events key={answer.trace_id} />}
		</div>
	);
}

// What the list knows already is shown while the document is on its way.
function Coming({ id }: { id: string }): VNode {
	const known = order.value.map((each) => rowOf(each)?.peek()).find((row): row is Summary => row !== undefined && (row.trace_id === id || row.short_id === id));
	if (traceFailure.value !== null) {
		return (
			<div class="nothing" role="alert">
				<h1 tabIndex={-1} id="trace-title">
					{traceFailure.value}
				</h1>
				<button type="button" onClick={() => refetch(true)}>
					Try again
				</button>
			</div>
		);
	}
	return (
		<div class="head">
			{known ? (
				<Heading status={known.status} prompt={known.prompt} />
			) : (
				<h1 id="trace-title" tabIndex={-1}>
					Loading…
				</h1>
			)}
			<dl class="facts">
				<Fact name="Trace">
					<span class="mono">{known?.short_id ?? id}</span>
				</Fact>
			</dl>
		</div>
	);
}

export function Inspector(): VNode {
	const id = place.value.trace ?? "";
	const answer = shown.value;
	const main = useRef<HTMLElement>(null);
	useEffect(() => {
		if (main.current) main.current.scrollTop = 0;
		// Where the list makes room for the trace, the focus follows.
		if (matchMedia("(max-width: 900px)").matches) document.getElementById("trace-title")?.focus();
	}, [id]);

	if (answer === null) {
		return (
			<main class="main" ref={main} aria-busy="true">
				<Coming id={id} />
			</main>
		);
	}
	const doc = answer.document;
	return (
		<main class="main" ref={main} data-trace={answer.trace_id} data-status={doc.status}>
			<div class="head">
				<a class="back quiet" href={href({ trace: null })}>
					← Traces
				</a>
				<Heading status={doc.status} prompt={doc.prompt} />
				<Facts answer={answer} />
				{traceFailure.value !== null && (
					<p class="note" role="alert">
						Not up to date: {traceFailure.value}
					</p>
				)}
			</div>
			<Tabs answer={answer} />
			<TabBody answer={answer} />
		</main>
	);
}
