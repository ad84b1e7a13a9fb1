// The live channel: one WebSocket, kept open. It knows how far this page has followed the log and asks for exactly the rest
// after a break. It does not know what rows are.

import { signal } from "@preact/signals";
import type { Frame, TraceFrame } from "./types";

export type Link = "connecting" | "live" | "waiting";

export interface LiveHandlers {
	// Load the state as of now from the API. True when it is loaded, false when that failed.
	reload(fromNothing: boolean): Promise<boolean>;
	frame(frame: TraceFrame): void;
}

export const link = signal<Link>("connecting");
export const headSeq = signal(0);

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 10_000;
const HELLO_PATIENCE_MS = 500;

let handlers: LiveHandlers;
let socket: WebSocket | null = null;
let retries = 0;
let retryTimer = 0;
let loadedOnce = false;

let logId: string | null = null;
// Everything up to `cursor` is known here; null until a list has been loaded under this connection or an earlier one.
let cursor: number | null = null;
// Highest seq seen while a reload is under way; becomes the cursor when it succeeds.
let seen = 0;
// While the server repeats what was missed, frames come in no promised order: the cursor waits for one beyond this.
let catchUpTo = 0;
let reloads = 0;

async function reload(seq: number, fromNothing: boolean): Promise<void> {
	const mine = ++reloads;
	cursor = null;
	catchUpTo = 0;
	seen = seq;
	loadedOnce = true;
	const loaded = await handlers.reload(fromNothing);
	// Without a hello nobody knows which log, or up to where.
	if (loaded && mine === reloads && logId !== null) cursor = seen;
}

export function reloadAgain(): void {
	void reload(seen, false);
}

function onHello(frame: Extract<Frame, { type: "hello" }>): void {
	retries = 0;
	link.value = "live";
	headSeq.value = frame.seq;
	const sameLog = frame.log_id === logId;
	const otherLog = logId !== null && !sameLog;
	logId = frame.log_id;
	if (sameLog && frame.resumed && cursor !== null) catchUpTo = frame.seq;
	else void reload(frame.seq, otherLog);
}

function onTrace(frame: TraceFrame): void {
	if (frame.seq > headSeq.value) headSeq.value = frame.seq;
	seen = Math.max(seen, frame.seq);
	if (cursor !== null && frame.seq > catchUpTo) cursor = Math.max(cursor, frame.seq);
	handlers.frame(frame);
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null;
}

// What is no frame is left alone: a newer server may say more than this page knows.
function parse(line: string): Frame | null {
	try {
		const value: unknown = JSON.parse(line);
		if (!isObject(value) || typeof value["type"] !== "string" || typeof value["seq"] !== "number") return null;
		if (value["type"].startsWith("trace.") && !(isObject(value["trace"]) && typeof value["trace"]["trace_id"] === "string")) return null;
		return value as Frame;
	} catch {
		return null;
	}
}

// Where several frames waited, the server sends them in one message, one a line.
function onMessage(event: MessageEvent): void {
	const data: unknown = event.data;
	if (typeof data === "string") for (const line of data.split("\n")) onFrame(parse(line));
}

function onFrame(frame: Frame | null): void {
	switch (frame?.type) {
		case "hello":
			return onHello(frame);
		case "trace.created":
		case "trace.updated":
		case "trace.finished":
			return onTrace(frame);
		case "resync":
			headSeq.value = Math.max(headSeq.value, frame.seq);
			return void reload(frame.seq, false);
	}
}

function onClose(): void {
	socket = null;
	link.value = "waiting";
	if (!loadedOnce) void reload(0, false);
	const ceiling_ms = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** retries++);
	retryTimer = window.setTimeout(connect, ceiling_ms * (0.5 + Math.random() / 2));
}

function connect(): void {
	clearTimeout(retryTimer);
	if (socket !== null) return;
	const scheme = location.protocol === "https:" ? "wss" : "ws";
	const after = cursor === null ? "" : `&after=${cursor}`;
	socket = new WebSocket(`${scheme}://${location.host}/ws?lines=1${after}`);
	socket.addEventListener("message", onMessage);
	socket.addEventListener("close", onClose);
	if (link.value !== "waiting") link.value = "connecting";
}

// The way back of the channel. False when it is not open: nothing was sent.
export function send(message: object): boolean {
	if (socket?.readyState !== WebSocket.OPEN) return false;
	socket.send(JSON.stringify(message));
	return true;
}

export function startLive(to: LiveHandlers): void {
	handlers = to;
	connect();
	// The list waits for `hello`, so that nothing falls between the two; but not for a socket that never opens.
	setTimeout(() => {
		if (!loadedOnce) void reload(0, false);
	}, HELLO_PATIENCE_MS);
	addEventListener("online", connect);
	document.addEventListener("visibilitychange", () => {
		if (document.visibilityState === "visible") connect();
	});
}
