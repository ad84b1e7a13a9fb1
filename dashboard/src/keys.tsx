// The keyboard: one table, from which the dispatcher works and the help dialog is written.

import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { focusFilter } from "./filterbar";
import { moveCursor, openCursor } from "./list";
import { go, href, place, TABS } from "./router";
import { singleKeys, toggleList, toggleTheme } from "./settings";
import { togglePause } from "./traces";

interface Key {
	keys: readonly string[];
	shown: string;
	does: string;
	run(key: string): void;
	inList?: boolean; // only while the focus is in the list or nowhere
	always?: boolean; // not one of the single keys that can be turned off
}

export const helpOpen = signal(false);

function back(): void {
	if (place.value.trace === null) return;
	go(href({ trace: null }));
	requestAnimationFrame(() => document.querySelector<HTMLElement>(".list a[tabindex='0']")?.focus());
}

function openTab(key: string): void {
	const tab = TABS[Number(key) - 1];
	if (tab !== undefined && place.value.trace !== null) go(href({ tab }), "replace");
}

const KEYS: readonly Key[] = [
	{ keys: ["j"], shown: "j", does: "Next trace", run: () => moveCursor(1) },
	{ keys: ["k"], shown: "k", does: "Previous trace", run: () => moveCursor(-1) },
	{ keys: ["ArrowDown", "ArrowUp"], shown: "↓ ↑", does: "Next, previous row of the list", run: (key) => moveCursor(key === "ArrowDown" ? 1 : -1), inList: true, always: true },
	{ keys: ["Enter"], shown: "Enter", does: "Open the trace", run: openCursor, inList: true, always: true },
	{ keys: ["Escape"], shown: "Esc", does: "Back to the list", run: back, always: true },
	{ keys: ["1", "2", "3", "4"], shown: "1 – 4", does: "Waterfall, messages, pipeline, events", run: openTab },
	{ keys: ["/"], shown: "/", does: "Filter", run: focusFilter },
	{ keys: ["p"], shown: "p", does: "Pause and resume the list", run: togglePause },
	{ keys: ["["], shown: "[", does: "Fold the list away", run: toggleList },
	{ keys: ["t"], shown: "t", does: "Dark or light", run: toggleTheme },
	{ keys: ["?"], shown: "?", does: "This help", run: () => (helpOpen.value = true) },
];

const IN_WATERFALL: readonly (readonly [string, string])[] = [
	["↓ ↑", "Next, previous span"],
	["→ ←", "Unfold, fold"],
	["Enter", "Select the span"],
];

function isTyping(target: EventTarget | null): boolean {
	return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function onKeyDown(event: KeyboardEvent): void {
	if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || helpOpen.value) return;
	const key = KEYS.find(({ keys }) => keys.includes(event.key));
	if (!key || (!key.always && singleKeys.value !== "on")) return;
	const target = event.target instanceof Element ? event.target : document.body;
	if (key.inList && target !== document.body && !target.closest(".rows")) return;
	if (event.key === "Enter" && target.closest("a, button")) return; // the browser presses it
	event.preventDefault();
	key.run(event.key);
}

export function startKeys(): void {
	document.addEventListener("keydown", onKeyDown);
}

function KeyRow({ shown, does }: { shown: string; does: string }): VNode {
	return (
		<div>
			<dt>
				{shown.split(" ").map((part) => (part === "–" ? " – " : <kbd key={part}>{part}</kbd>))}
			</dt>
			<dd>{does}</dd>
		</div>
	);
}

export function Help(): VNode {
	const dialog = useRef<HTMLDialogElement>(null);
	useEffect(() => {
		if (helpOpen.value && !dialog.current?.open) dialog.current?.showModal();
		if (!helpOpen.value) dialog.current?.close();
	}, [helpOpen.value]);
	return (
		<dialog ref={dialog} aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
			<div class="helphead">
				<h2 id="help-title">Keyboard</h2>
				<button type="button" onClick={() => (helpOpen.value = false)}>
					Close
				</button>
			</div>
			<dl class="keys">
				{KEYS.map(({ shown, does }) => (
					<KeyRow key={shown} shown={shown} does={does} />
				))}
			</dl>
			<h2>In the waterfall</h2>
			<dl class="keys">
				{IN_WATERFALL.map(([shown, does]) => (
					<KeyRow key={shown} shown={shown} does={does} />
				))}
			</dl>
			<label class="check">
				<input type="checkbox" checked={singleKeys.value === "on"} onChange={(event) => (singleKeys.value = event.currentTarget.checked ? "on" : "off")} />
				Single-letter keys
			</label>
		</dialog>
	);
}
