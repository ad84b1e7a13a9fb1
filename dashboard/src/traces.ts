// The rows of the list: loaded in pages, kept current by frames, at most ten times a second. Each row is its own signal,
// so that an update paints one row. Newest first; a frame older than its row changes nothing.

import { batch, computed, effect, signal, type Signal } from "@preact/signals";
import { getTraces, wordsOf } from "./api";
import { matchesAll, parseFilter, toParameters } from "./filter";
import { place } from "./router";
import type { Summary, TraceFrame } from "./types";

const FIRST_PAGE = 100;
const NEXT_PAGE = 200;
const FLUSH_EVERY_MS = 100;
const HELD_MAX = 10_000;

export const order = signal<readonly string[]>([]);
export const total = signal(0);
export const loading = signal<"first" | "more" | "no">("first");
export const failure = signal<{ words: string; loading: "first" | "more" } | null>(null);
export const paused = signal(false);
export const scrolled = signal(false);
export const heldCount = signal(0);
export const filterText = computed(() => place.value.filter);
export const filter = computed(() => parseFilter(filterText.value));

const rows = new Map<string, Signal<Summary>>();
let next: string | null = null;
let request: AbortController | null = null;

// Frames not applied yet, the newest for each trace: those of the last moment, and new rows held while nobody wants the list to move.
const incoming = new Map<string, TraceFrame>();
let overflowed = false;
let flushTimer = 0;
let flushed_ms = 0;
let afterFlush: () => void = () => {};

export function rowOf(id: string): Signal<Summary> | undefined {
	return rows.get(id);
}

export function indexOf(id: string): number {
	return order.value.indexOf(id);
}

export function valuesOf(pick: (row: Summary) => string): string[] {
	return [...new Set(Array.from(rows.values(), (row) => pick(row.peek())))].sort();
}

function isNewer(a: Summary, b: Summary): boolean {
	if (a.started_unix_ns !== b.started_unix_ns) return a.started_unix_ns > b.started_unix_ns;
	return a.trace_id > b.trace_id;
}

// Index of the first row that is older than `trace`.
function slotFor(trace: Summary, ids: readonly string[]): number {
	let low = 0;
	let high = ids.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		const other = rows.get(ids[middle] as string)?.peek();
		if (other && isNewer(other, trace)) low = middle + 1;
		else high = middle;
	}
	return low;
}

type Applied = "as it was" | "moved" | "held";

// Applies one frame: to its row, and to `ids` when rows come or go. A new row may have to be held back.
function apply(frame: TraceFrame, ids: string[]): Applied {
	const { trace } = frame;
	const row = rows.get(trace.trace_id);
	const wanted = matchesAll(trace, filter.peek().tokens);
	if (row) {
		if (trace.seq < row.peek().seq) return "as it was";
		row.value = trace;
		if (wanted) return "as it was";
		rows.delete(trace.trace_id);
		ids.splice(ids.indexOf(trace.trace_id), 1);
		total.value--;
		return "moved";
	}
	if (!wanted) return "as it was";
	const slot = slotFor(trace, ids);
	if (slot === ids.length && next !== null) return "as it was"; // beyond what is loaded: its page will bring it
	if (scrolled.peek()) return "held";
	rows.set(trace.trace_id, signal(trace));
	ids.splice(slot, 0, trace.trace_id);
	total.value++;
	return "moved";
}

function countHeld(): number {
	let held = 0;
	for (const { trace } of incoming.values()) if (!rows.has(trace.trace_id) && matchesAll(trace, filter.peek().tokens)) held++;
	return held;
}

function flush(): void {
	flushTimer = 0;
	flushed_ms = performance.now();
	if (loading.peek() === "first") return;
	batch(() => {
		if (!paused.peek()) {
			const ids = [...order.peek()];
			let moved = false;
			for (const [id, frame] of incoming) {
				const applied = apply(frame, ids);
				moved ||= applied === "moved";
				if (applied !== "held") incoming.delete(id);
			}
			if (moved) order.value = ids;
		}
		heldCount.value = countHeld();
	});
	afterFlush();
}

function flushSoon(): void {
	if (flushTimer !== 0) return;
	const wait_ms = Math.max(0, FLUSH_EVERY_MS - (performance.now() - flushed_ms));
	flushTimer = window.setTimeout(flush, wait_ms);
}

export function takeFrame(frame: TraceFrame): void {
	const waiting = incoming.get(frame.trace.trace_id);
	if (waiting && waiting.trace.seq > frame.trace.seq) return;
	if (!waiting && incoming.size >= HELD_MAX) overflowed = true;
	else incoming.set(frame.trace.trace_id, frame);
	flushSoon();
}

export function onApplied(callback: () => void): void {
	afterFlush = callback;
}

export async function loadFirst(fromNothing: boolean): Promise<boolean> {
	request?.abort();
	const mine = (request = new AbortController());
	if (fromNothing) clear();
	batch(() => {
		loading.value = "first";
		failure.value = null;
	});
	try {
		const page = await getTraces(toParameters(filter.peek().tokens), FIRST_PAGE, null, mine.signal);
		if (mine.signal.aborted) return false;
		overflowed = false;
		batch(() => {
			rows.clear();
			for (const item of page.items) rows.set(item.trace_id, signal(item));
			order.value = page.items.map((item) => item.trace_id);
			total.value = page.total;
			next = page.next;
			loading.value = "no";
		});
		flush();
		return true;
	} catch (error) {
		if (mine.signal.aborted) return false;
		batch(() => {
			loading.value = "no";
			failure.value = { words: wordsOf(error), loading: "first" };
		});
		return false;
	}
}

function clear(): void {
	incoming.clear();
	rows.clear();
	next = null;
	batch(() => {
		order.value = [];
		total.value = 0;
		heldCount.value = 0;
	});
}

export async function loadMore(): Promise<void> {
	if (next === null || loading.peek() !== "no") return;
	const mine = (request = new AbortController());
	batch(() => {
		loading.value = "more";
		failure.value = null;
	});
	try {
		const page = await getTraces(toParameters(filter.peek().tokens), NEXT_PAGE, next, mine.signal);
		if (mine.signal.aborted) return;
		batch(() => {
			const fresh = page.items.filter((item) => !rows.has(item.trace_id));
			for (const item of fresh) rows.set(item.trace_id, signal(item));
			order.value = [...order.peek(), ...fresh.map((item) => item.trace_id)];
			next = page.next;
			loading.value = "no";
		});
	} catch (error) {
		if (mine.signal.aborted) return;
		batch(() => {
			loading.value = "no";
			failure.value = { words: wordsOf(error), loading: "more" };
		});
	}
}

// Lets go of everything held back.
export function release(): void {
	batch(() => {
		paused.value = false;
		scrolled.value = false;
	});
	if (overflowed) void loadFirst(false);
	else flush();
}

export function togglePause(): void {
	if (paused.value) {
		paused.value = false;
		if (overflowed) void loadFirst(false);
		else flush();
	} else paused.value = true;
}

// Another filter is another list. Frames go on coming and are sorted by the new one.
export function startTraces(): void {
	let shown = formatKey();
	effect(() => {
		const wanted = formatKey();
		if (wanted === shown) return;
		shown = wanted;
		void loadFirst(false);
	});
}

function formatKey(): string {
	return toParameters(filter.value.tokens).toString();
}
