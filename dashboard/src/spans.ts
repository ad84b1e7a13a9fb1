// From a document to the rows and bars of a waterfall. Pure. Rows are in preorder with the size of their subtree, so that
// folding one away costs only what stays visible; deep and wide trees are walked without recursion.

import { count, duration } from "./format";
import type { Attempt, Call, Span, TraceDocument } from "./types";

export type BarLook = "all" | "first" | "model" | "tool" | "wait" | "bad";

export interface Bar {
	look: BarLook;
	from_ns: number;
	to_ns: number;
}

export interface SpanRow {
	span: Span;
	depth: number;
	parent: number;
	after: number; // index of the first row that is not below this one
	note: string;
	call: Call | null;
	attempt: Attempt | null;
}

export interface Waterfall {
	rows: SpanRow[];
	total_ns: number;
	byId: Map<string, number>;
}

// A folded row shows the bars of what it hides, up to this many rows: more would be a smear.
const FOLDED_BARS_MAX = 64;

function childrenOf(spans: readonly Span[]): { roots: number[]; children: Map<string, number[]> } {
	const known = new Set(spans.map((span) => span.span_id));
	const children = new Map<string, number[]>();
	const roots: number[] = [];
	spans.forEach((span, index) => {
		const parent = span.parent_span_id;
		if (parent === null || parent === span.span_id || !known.has(parent)) return void roots.push(index);
		const siblings = children.get(parent);
		if (siblings) siblings.push(index);
		else children.set(parent, [index]);
	});
	return { roots, children };
}

function walk(spans: readonly Span[]): SpanRow[] {
	const { roots, children } = childrenOf(spans);
	const rows: SpanRow[] = [];
	const drawn = new Set<number>();
	const stack: { index: number; depth: number; parent: number }[] = [];
	function climb(from: readonly number[]): void {
		for (const index of from.toReversed()) stack.push({ index, depth: 0, parent: -1 });
		for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
			if (drawn.has(at.index)) continue;
			drawn.add(at.index);
			const span = spans[at.index] as Span;
			const here = rows.length;
			rows.push({ span, depth: at.depth, parent: at.parent, after: 0, note: "", call: null, attempt: null });
			const below = children.get(span.span_id) ?? [];
			for (const index of below.toReversed()) stack.push({ index, depth: at.depth + 1, parent: here });
		}
	}
	climb(roots);
	// Spans that are each other's parents hang from no root: still shown.
	if (rows.length < spans.length) spans.forEach((_, index) => climb(drawn.has(index) ? [] : [index]));
	return rows;
}

function closeSubtrees(rows: SpanRow[]): void {
	const open: number[] = [];
	rows.forEach((row, index) => {
		while (open.length > row.depth) (rows[open.pop() as number] as SpanRow).after = index;
		open.push(index);
	});
	for (const index of open) (rows[index] as SpanRow).after = rows.length;
}

function noteOf(row: SpanRow): string {
	if (row.attempt?.outcome === "failed") {
		const why = row.attempt.http_status ?? row.attempt.error?.class.replaceAll("_", " ") ?? "failed";
		return row.attempt.backoff_ns === null ? String(why) : `${why}, waited ${duration(row.attempt.backoff_ns)}`;
	}
	if (row.span.kind === "streaming" && row.call) return `${count(row.call.response_chunks)} chunks`;
	return row.span.status === "error" ? (row.span.error ?? "") : "";
}

export function endOf(span: Span, now_ns: number): number {
	return span.start_ns + (span.duration_ns ?? Math.max(0, now_ns - span.start_ns));
}

// `now_ns` counts from the trace's start: where spans that still run end for the moment.
export function waterfall(doc: TraceDocument, now_ns: number): Waterfall {
	const rows = walk(doc.spans);
	closeSubtrees(rows);
	const calls = new Map(doc.calls.map((call) => [call.span_id, call]));
	const attempts = new Map(doc.calls.flatMap((call) => call.attempts.map((attempt) => [attempt.span_id, attempt] as const)));
	const byId = new Map<string, number>();
	let total_ns = doc.latency_ns ?? 0;
	rows.forEach((row, index) => {
		byId.set(row.span.span_id, index);
		row.call = calls.get(row.span.span_id) ?? rows[row.parent]?.call ?? null;
		row.attempt = attempts.get(row.span.span_id) ?? null;
		row.note = noteOf(row);
		total_ns = Math.max(total_ns, endOf(row.span, now_ns));
	});
	return { rows, total_ns: Math.max(total_ns, 1), byId };
}

export function visibleRows(rows: readonly SpanRow[], folded: ReadonlySet<string>): number[] {
	const visible: number[] = [];
	for (let index = 0; index < rows.length; ) {
		const row = rows[index] as SpanRow;
		visible.push(index);
		index = folded.has(row.span.span_id) ? row.after : index + 1;
	}
	return visible;
}

const PHASES = new Map<string, BarLook>([
	["connect", "wait"],
	["first_byte", "first"],
	["streaming", "model"],
	["tool", "tool"],
	["trace", "all"],
	["call", "all"],
]);

function phaseBar(span: Span, now_ns: number): Bar {
	const look = span.status === "error" || span.status === "interrupted" ? "bad" : (PHASES.get(span.kind) ?? "model");
	return { look, from_ns: span.start_ns, to_ns: endOf(span, now_ns) };
}

function leaves(fall: Waterfall, index: number, now_ns: number): Bar[] {
	const row = fall.rows[index] as SpanRow;
	const bars: Bar[] = [];
	for (let at = index + 1; at < row.after; at++) {
		const below = fall.rows[at] as SpanRow;
		if (below.attempt?.outcome === "failed") bars.push(...attemptBars(fall, at, now_ns));
		else if (below.after === at + 1 && fall.rows[below.parent]?.attempt?.outcome !== "failed") bars.push(phaseBar(below.span, now_ns));
	}
	return bars;
}

function attemptBars(fall: Waterfall, index: number, now_ns: number): Bar[] {
	const { span, attempt, after } = fall.rows[index] as SpanRow;
	const end = endOf(span, now_ns);
	if (attempt?.outcome === "failed") {
		const bars: Bar[] = [{ look: "bad", from_ns: span.start_ns, to_ns: end }];
		if (attempt.backoff_ns !== null) bars.push({ look: "wait", from_ns: end, to_ns: end + attempt.backoff_ns });
		return bars;
	}
	return after === index + 1 ? [phaseBar(span, now_ns)] : leaves(fall, index, now_ns);
}

export function barsOf(fall: Waterfall, index: number, folded: boolean, now_ns: number): Bar[] {
	const row = fall.rows[index] as SpanRow;
	if (row.span.kind === "attempt") return attemptBars(fall, index, now_ns);
	const hidden = row.after - index - 1;
	if (folded && hidden > 0 && hidden <= FOLDED_BARS_MAX) return leaves(fall, index, now_ns);
	return [phaseBar(row.span, now_ns)];
}

// Round steps of 1, 2 or 5 of which at most `most` fit.
export function tickStep(total_ns: number, most: number): number {
	const raw = total_ns / most;
	const unit = 10 ** Math.floor(Math.log10(raw));
	return unit * ([1, 2, 5, 10].find((factor) => unit * factor >= raw) ?? 10);
}

export function tickLabel(at_ns: number, step_ns: number): string {
	if (at_ns === 0) return "0";
	if (step_ns >= 1e8) return `${(at_ns / 1e9).toFixed(step_ns >= 1e9 ? 0 : 1)}s`;
	if (step_ns >= 1e6) return `${(at_ns / 1e6).toFixed(0)} ms`;
	return `${(at_ns / 1e6).toFixed(step_ns >= 1e5 ? 1 : step_ns >= 1e4 ? 2 : 3)} ms`;
}
