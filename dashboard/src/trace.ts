// The trace in the inspector: its document, its stages and its events. A running trace is fetched again when its own frames
// say that it moved, one request at a time, with a rest in proportion to what the last one cost.

import { batch, effect, signal } from "@preact/signals";
import { ApiError, getEvents, getTrace, wordsOf } from "./api";
import { checkPaint } from "./paint";
import { place } from "./router";
import type { LogEvent, Stage, TraceAnswer, TraceFrame } from "./types";

const REST_MIN_MS = 150;
const REST_FACTOR = 4;
const EVENTS_PAGE = 500;
// Stages 4 to 7 are written by others after the end and no frame announces them: look again, this often, then leave it.
const STAGE_LOOKS_MS = [250, 1000, 3000];

export const shown = signal<TraceAnswer | null>(null);
export const traceFailure = signal<string | null>(null);
export const stages = signal<readonly Stage[]>([]);
export const events = signal<readonly LogEvent[]>([]);
export const eventsState = signal<"unasked" | "loading" | "more" | "all">("unasked");
export const eventsFailure = signal<string | null>(null);

let wantedId: string | null = null;
let session: AbortController | null = null;
let wantedSeq = 0;
let fetching = false;
let again = false;
let restTimer = 0;
let stageTimer = 0;
let eventsAfter: string | number | null = null;

async function fetchTrace(): Promise<void> {
	if (fetching || wantedId === null || session === null) return;
	const mine = session.signal;
	fetching = true;
	again = false;
	const started_ms = performance.now();
	try {
		const answer = await getTrace(wantedId, mine);
		if (mine.aborted) return;
		batch(() => {
			shown.value = answer;
			traceFailure.value = null;
		});
		checkPaint();
		void fetchStages(0);
	} catch (error) {
		if (mine.aborted) return;
		traceFailure.value = error instanceof ApiError && error.status === 404 ? `No trace ${wantedId} in this log` : wordsOf(error);
	} finally {
		if (!mine.aborted) {
			fetching = false;
			rest(performance.now() - started_ms);
		}
	}
}

function rest(cost_ms: number): void {
	clearTimeout(restTimer);
	restTimer = window.setTimeout(() => {
		restTimer = 0;
		if (again || (shown.peek() !== null && wantedSeq > (shown.peek()?.seq ?? 0))) void fetchTrace();
	}, Math.max(REST_MIN_MS, REST_FACTOR * cost_ms));
}

async function fetchStages(look: number): Promise<void> {
	clearTimeout(stageTimer);
	const answer = shown.peek();
	if (answer === null || session === null) return;
	const mine = session.signal;
	try {
		const { stages: found } = await getEvents(answer.trace_id, 1, null, mine);
		if (mine.aborted) return;
		const moved = found.some((stage, index) => stage.seq !== (stages.peek()[index]?.seq ?? null));
		stages.value = found;
		if (moved && eventsState.peek() === "all") fetchNewEvents();
		const wait_ms = STAGE_LOOKS_MS[look];
		const complete = found.every((stage) => stage.seq !== null);
		if (complete || wait_ms === undefined || answer.document.status === "running") return;
		if (Date.now() - answer.document.started_unix_ns / 1e6 - (answer.document.latency_ns ?? 0) / 1e6 > 60_000) return;
		stageTimer = window.setTimeout(() => void fetchStages(look + 1), wait_ms);
	} catch {
		// The stages are beside the point when the document itself could not be had, and that has been said.
	}
}

export async function fetchEvents(): Promise<void> {
	const answer = shown.peek();
	const state = eventsState.peek();
	if (answer === null || session === null || state === "loading" || state === "all") return;
	const mine = session.signal;
	eventsState.value = "loading";
	try {
		const page = await getEvents(answer.trace_id, EVENTS_PAGE, eventsAfter, mine);
		if (mine.aborted) return;
		eventsAfter = page.next ?? page.items.at(-1)?.seq ?? eventsAfter;
		batch(() => {
			events.value = [...events.peek(), ...page.items];
			stages.value = page.stages;
			eventsFailure.value = null;
			eventsState.value = page.next === null ? "all" : "more";
		});
	} catch (error) {
		if (mine.aborted) return;
		batch(() => {
			eventsFailure.value = wordsOf(error);
			eventsState.value = "more";
		});
	}
}

// Reads the events that came after the last one shown, when the tab is opened again or the trace moved.
export function fetchNewEvents(): void {
	if (eventsState.peek() === "all") eventsState.value = "more";
	void fetchEvents();
}

export function noteFrame(frame: TraceFrame): void {
	const answer = shown.peek();
	const id = frame.trace.trace_id;
	if (wantedId === null || !(answer === null ? id.startsWith(wantedId) : id === answer.trace_id)) return;
	wantedSeq = Math.max(wantedSeq, frame.seq);
	if (answer !== null && frame.seq > answer.seq && restTimer === 0) void fetchTrace();
}

// After a break nobody knows what was missed. A trace that has ended has missed nothing, unless this is another log.
export function refetch(anyway: boolean): void {
	const status = shown.peek()?.document.status;
	if (wantedId === null || (!anyway && status !== undefined && status !== "running")) return;
	again = true;
	if (restTimer === 0) void fetchTrace();
}

export function lookAtStages(traceId: string): void {
	if (shown.peek()?.trace_id === traceId) void fetchStages(0);
}

function open(id: string | null): void {
	session?.abort();
	session = id === null ? null : new AbortController();
	clearTimeout(restTimer);
	clearTimeout(stageTimer);
	restTimer = 0;
	fetching = false;
	again = false;
	wantedSeq = 0;
	eventsAfter = null;
	wantedId = id;
	batch(() => {
		shown.value = null;
		traceFailure.value = null;
		stages.value = [];
		events.value = [];
		eventsFailure.value = null;
		eventsState.value = "unasked";
	});
	void fetchTrace();
}

export function startTrace(): void {
	effect(() => {
		const id = place.value.trace;
		if (id !== wantedId) open(id);
	});
}
