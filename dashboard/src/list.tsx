// The list of traces: virtual rows under the filter, the pill that says what is held back, and the cursor the keyboard moves.

import { effect, signal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { FilterBar } from "./filterbar";
import { count, plural } from "./format";
import { reloadAgain } from "./live";
import { checkPaint } from "./paint";
import { place } from "./router";
import { failure, filter, heldCount, indexOf, loading, loadMore, order, paused, release, rowOf, scrolled, total } from "./traces";
import { Row } from "./row";
import { shown } from "./trace";
import { revealRow, VirtualRows } from "./virtual";

const PREFETCH_ROWS = 30;

const cursor = signal<string | null>(null);
const element = { current: null as HTMLDivElement | null };

type Density = "wide" | "mid" | "narrow";
const ROW_PX: Record<Density, number> = { wide: 38, mid: 59, narrow: 81 };
let rowPx = ROW_PX.mid;

function densityOf(width: number): Density {
	return width >= 860 ? "wide" : width >= 400 ? "mid" : "narrow";
}

function focusRow(id: string): void {
	const index = indexOf(id);
	if (index < 0) return;
	cursor.value = id;
	revealRow(element.current, index, rowPx);
	// The row may be drawn only after the scroll event.
	requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(`row-${id}`)?.focus({ preventScroll: true })));
}

export function moveCursor(by: number): void {
	const ids = order.peek();
	const from = cursor.peek() ?? shown.peek()?.trace_id ?? null;
	const at = from === null ? -1 : ids.indexOf(from);
	const to = at < 0 ? (by > 0 ? 0 : ids.length - 1) : Math.min(Math.max(0, at + by), ids.length - 1);
	const id = ids[to];
	if (id !== undefined) focusRow(id);
}

export function openCursor(): void {
	if (cursor.peek() !== null) document.getElementById(`row-${cursor.peek()}`)?.click();
}

export function showTop(): void {
	if (element.current) element.current.scrollTop = 0;
	release();
}

function useDensity(host: { current: HTMLElement | null }): Density {
	const [density, setDensity] = useState<Density>(densityOf(innerWidth));
	useEffect(() => {
		if (!host.current) return undefined;
		const observer = new ResizeObserver(([entry]) => {
			const width = entry?.contentRect.width ?? 0;
			if (width > 0) setDensity(densityOf(width));
		});
		observer.observe(host.current);
		return () => observer.disconnect();
	}, []);
	return density;
}

function Pill(): VNode {
	const held = heldCount.value;
	return (
		<div class="pillbox" role="status">
			{held > 0 && (
				<button type="button" class="pill" onClick={showTop}>
					{`${count(held)} new`}
				</button>
			)}
			{held === 0 && paused.value && (
				<button type="button" class="pill" onClick={showTop}>
					Paused, resume
				</button>
			)}
		</div>
	);
}

function Nothing(): VNode | null {
	if (failure.value !== null) {
		return (
			<div class="nothing" role="alert">
				<p>{failure.value.words}</p>
				<button type="button" onClick={failure.value.loading === "first" ? reloadAgain : () => void loadMore()}>
					Try again
				</button>
			</div>
		);
	}
	if (loading.value === "more") return <p class="more">Loading more…</p>;
	if (order.value.length > 0 || loading.value !== "no") return null;
	if (filter.value.tokens.length > 0) return <p class="nothing">No trace matches this filter.</p>;
	return (
		<div class="nothing">
			<p>No traces yet. This list fills by itself when you run</p>
			<code class="mono">tracellm trace "Explain transformers"</code>
		</div>
	);
}

function Heading(): VNode {
	return (
		<div class="row columns" aria-hidden="true">
			<span />
			<span>Prompt</span>
			<span class="when">Status, age</span>
			<span class="m">
				<span>Trace</span>
				<span>Model</span>
				<span>Latency</span>
				<span class="num">Tokens in → out</span>
				<span class="num">Cost</span>
			</span>
		</div>
	);
}

export function List(): VNode {
	const host = useRef<HTMLElement>(null);
	const density = useDensity(host);
	const ids = order.value;
	const selected = shown.value?.trace_id ?? ids.find((id) => place.value.trace !== null && id.startsWith(place.value.trace)) ?? null;
	const stop = cursor.value !== null && rowOf(cursor.value) ? cursor.value : (selected ?? ids[0] ?? null);
	rowPx = ROW_PX[density];

	function onRange(_first: number, last: number): void {
		if (last >= ids.length - PREFETCH_ROWS) void loadMore();
		checkPaint();
	}
	function onScrolled(top: number): void {
		checkPaint();
		const away = top > rowPx / 2;
		if (away === scrolled.peek()) return;
		scrolled.value = away;
		if (!away && !paused.peek()) release();
	}

	return (
		<section ref={host} class={`list ${density}`} aria-label="Traces" aria-busy={loading.value === "first"}>
			<FilterBar />
			<Pill />
			<VirtualRows
				list
				head={density === "wide" && <Heading />}
				class="rows"
				scroller={element}
				count={ids.length}
				rowHeight={rowPx}
				onRange={onRange}
				onScrolled={onScrolled}
				row={(index) => {
					const id = ids[index] as string;
					return <Row key={id} id={id} index={index} of={Math.max(total.value, ids.length)} selected={id === selected} focusable={id === stop} />;
				}}
				after={<Nothing />}
			/>
			{ids.length > 0 && <span class="vh">{plural(ids.length, "trace")} loaded</span>}
		</section>
	);
}

// The cursor follows what the pointer opened.
export function startList(): void {
	effect(() => {
		if (shown.value !== null) cursor.value = shown.value.trace_id;
	});
}
