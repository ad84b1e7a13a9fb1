// Tells the server when the end of a trace was really on the screen: after the frame after the one that drew it, with the
// document visible and the row (or the inspector) inside the viewport. Once for each trace.

import { send } from "./live";

const REMEMBERED_MAX = 10_000;

const waiting = new Map<string, number>();
const told = new Set<string>();
let scheduled = false;
let afterTold: (traceId: string) => void = () => {};

// Oldest out first: both collections keep insertion order.
function bound(collection: Map<string, number> | Set<string>): void {
	if (collection.size <= REMEMBERED_MAX) return;
	const oldest = collection.keys().next();
	if (!oldest.done) collection.delete(oldest.value);
}

export function expectPaint(traceId: string, seq: number): void {
	if (told.has(traceId)) return;
	waiting.set(traceId, seq);
	bound(waiting);
	checkPaint();
}

export function checkPaint(): void {
	if (scheduled || waiting.size === 0) return;
	scheduled = true;
	requestAnimationFrame(() => requestAnimationFrame(report));
}

export function onPaintTold(callback: (traceId: string) => void): void {
	afterTold = callback;
}

function isInView(element: Element): boolean {
	const box = element.getBoundingClientRect();
	if (box.width === 0 || box.height === 0) return false;
	const frame = element.closest(".scroller")?.getBoundingClientRect();
	const top = Math.max(0, frame?.top ?? 0);
	const bottom = Math.min(innerHeight, frame?.bottom ?? innerHeight);
	return box.bottom > top && box.top < bottom;
}

function report(): void {
	scheduled = false;
	if (document.visibilityState !== "visible") return;
	for (const element of document.querySelectorAll<HTMLElement>("[data-trace]")) {
		const traceId = element.dataset["trace"] ?? "";
		const seq = waiting.get(traceId);
		if (seq === undefined || element.dataset["status"] === "running" || !isInView(element)) continue;
		if (!send({ type: "painted", trace_id: traceId, seq })) return;
		waiting.delete(traceId);
		told.add(traceId);
		bound(told);
		afterTold(traceId);
	}
}

export function startPaint(): void {
	document.addEventListener("visibilitychange", checkPaint);
}
