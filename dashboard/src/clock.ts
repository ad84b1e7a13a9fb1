// The time of day as a signal that ticks once a second while somebody looks. It moves ages and running bars, and asks nobody.

import { signal } from "@preact/signals";

export const now_ms = signal(Date.now());

function tick(): void {
	if (document.visibilityState === "visible") now_ms.value = Date.now();
}

export function startClock(): void {
	setInterval(tick, 1000);
	document.addEventListener("visibilitychange", tick);
}
