// Text from outside: always a text node, whole, in its own direction. Long text is laid out piece by piece as it comes into view.

import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { lookOf } from "./format";

const PIECE_CHARS = 8_192;
const LINE_CHARS = 90;
const LINE_HEIGHT_PX = 20;

// Pieces end at a line feed, so that drawing them as blocks adds no line; one endless line stays one piece.
export function pieces(text: string): string[] {
	const parts: string[] = [];
	let from = 0;
	while (text.length - from > PIECE_CHARS) {
		const end = text.indexOf("\n", from + PIECE_CHARS);
		if (end < 0) break;
		parts.push(text.slice(from, end + 1));
		from = end + 1;
	}
	parts.push(text.slice(from));
	return parts;
}

function guessedHeight(piece: string): number {
	let lines = 0;
	for (const line of piece.split("\n")) lines += Math.max(1, Math.ceil(line.length / LINE_CHARS));
	return lines * LINE_HEIGHT_PX;
}

export function LongText({ text, class: css = "" }: { text: string; class?: string }): VNode {
	const parts = useMemo(() => pieces(text), [text]);
	if (parts.length === 1) {
		return (
			<div class={`text ${css}`} dir="auto">
				{text}
			</div>
		);
	}
	return (
		<div class={`text ${css}`} dir="auto">
			{parts.map((part, index) => (
				<div key={index} class="piece" style={{ "--guess": `${guessedHeight(part)}px` }}>
					{part}
				</div>
			))}
		</div>
	);
}

export function Copy({ text, label }: { text: string; label: string }): VNode {
	const [said, say] = useState("");
	async function copy(): Promise<void> {
		try {
			await navigator.clipboard.writeText(text);
			say("Copied");
		} catch {
			say("Not allowed here");
		}
		setTimeout(() => say(""), 1500);
	}
	return (
		<button type="button" class="quiet" onClick={() => void copy()}>
			{said === "" ? label : said}
			<span class="vh" role="status">
				{said}
			</span>
		</button>
	);
}

// Drawn only once opened: its inside may be large.
export function Fold({ title, children, open = false }: { title: string; children: () => VNode; open?: boolean }): VNode {
	const [isOpen, setOpen] = useState(open);
	return (
		<details class="fold" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
			<summary>{title}</summary>
			{isOpen && children()}
		</details>
	);
}

// The sign of a status; the word beside it is StatusWord's.
export function StatusSign({ status }: { status: string }): VNode {
	const look = lookOf(status);
	return (
		<span class={`s ${look.css}`} aria-hidden="true">
			{look.sign}
		</span>
	);
}

export function StatusWord({ status }: { status: string }): VNode {
	return <span class={`s ${lookOf(status).css}`}>{status}</span>;
}
