// Every span of the trace on one time axis: a treegrid of virtual rows that the arrow keys walk, fold and select.

import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { duration, plural } from "./format";
import { go, href, place } from "./router";
import { barsOf, endOf, tickLabel, tickStep, visibleRows, type Bar, type SpanRow, type Waterfall } from "./spans";
import { revealRow, VirtualRows } from "./virtual";

const ROW_PX = 26;
const INDENT_MAX = 10;
const SCROLL_FROM = 24; // rows; fewer stand in full height
const TICKS = 6;
const TICKS_NARROW = 3;
const NARROW_PX = 440;

function percent(part: number, whole: number): string {
	return `${((part / whole) * 100).toFixed(3)}%`;
}

function BarView({ bar, total_ns }: { bar: Bar; total_ns: number }): VNode {
	return <i class={`bar ${bar.look}`} style={{ left: percent(bar.from_ns, total_ns), width: percent(bar.to_ns - bar.from_ns, total_ns) }} />;
}

function Axis({ fall, most }: { fall: Waterfall; most: number }): VNode {
	const step = tickStep(fall.total_ns, most);
	const ticks: number[] = [];
	for (let at = 0; at < fall.total_ns; at += step) ticks.push(at);
	return (
		<div class="axis" role="row" aria-rowindex={1}>
			<span role="columnheader">{plural(fall.rows.length, "span")}</span>
			<span role="columnheader" class="t" aria-label="Timeline">
				{ticks.map((at) => (
					<span key={at} class={at === 0 ? "zero" : at / fall.total_ns > 0.94 ? "end" : ""} style={{ left: percent(at, fall.total_ns) }}>
						{tickLabel(at, step)}
					</span>
				))}
			</span>
			<span role="columnheader" class="r">
				Time
			</span>
		</div>
	);
}

interface RowViewProps {
	fall: Waterfall;
	index: number;
	position: number;
	folded: boolean;
	selected: boolean;
	focusable: boolean;
	now_ns: number;
	onFold(id: string): void;
}

function spoken(row: SpanRow, now_ns: number): string {
	const took = row.span.duration_ns === null ? `running for ${duration(endOf(row.span, now_ns) - row.span.start_ns)}` : `took ${duration(row.span.duration_ns)}`;
	return `starts at ${duration(row.span.start_ns)}, ${took}`;
}

function RowView({ fall, index, position, folded, selected, focusable, now_ns, onFold }: RowViewProps): VNode {
	const row = fall.rows[index] as SpanRow;
	const { span } = row;
	const hasBelow = row.after > index + 1;
	const bad = span.status === "error" || span.status === "interrupted" || row.attempt?.outcome === "failed";
	return (
		<div
			class="span"
			role="row"
			id={`span-${span.span_id}`}
			tabIndex={focusable ? 0 : -1}
			aria-level={row.depth + 1}
			aria-rowindex={position + 2}
			aria-selected={selected}
			aria-expanded={hasBelow ? !folded : undefined}
			onClick={() => go(href({ span: span.span_id }), "replace")}
		>
			<span class="name" role="gridcell" style={{ "--d": Math.min(row.depth, INDENT_MAX) }} title={row.note === "" ? span.name : `${span.name}: ${row.note}`}>
				<span
					class="twist"
					aria-hidden="true"
					onClick={(event) => {
						if (!hasBelow) return;
						event.stopPropagation();
						onFold(span.span_id);
					}}
				>
					{hasBelow ? (folded ? "▸" : "▾") : ""}
				</span>
				<bdi class={bad ? "s bad" : ""}>
					{bad && <span aria-hidden="true">✕ </span>}
					{span.name}
				</bdi>
				{row.note !== "" && <bdi class="note-in dim">{row.note}</bdi>}
			</span>
			<span class="track" role="gridcell" aria-label={spoken(row, now_ns)}>
				{barsOf(fall, index, folded, now_ns).map((bar, at) => (
					<BarView key={at} bar={bar} total_ns={fall.total_ns} />
				))}
				{span.events.map((moment, at) => (
					<i key={`e${at}`} class="moment" title={`${moment.name} at ${duration(moment.at_ns)}`} style={{ left: percent(moment.at_ns, fall.total_ns) }} />
				))}
			</span>
			<span class="r" role="gridcell">
				{span.duration_ns === null ? <span class="s run">{duration(endOf(span, now_ns) - span.start_ns)}</span> : duration(span.duration_ns)}
			</span>
		</div>
	);
}

function useNarrow(scroller: { current: HTMLDivElement | null }): boolean {
	const [narrow, setNarrow] = useState(false);
	useEffect(() => {
		if (!scroller.current) return undefined;
		const observer = new ResizeObserver(([entry]) => setNarrow((entry?.contentRect.width ?? NARROW_PX) < NARROW_PX));
		observer.observe(scroller.current);
		return () => observer.disconnect();
	}, []);
	return narrow;
}

// `now_ns` is where spans that still run end for the moment, as in spans.ts.
export function WaterfallView({ fall, now_ns }: { fall: Waterfall; now_ns: number }): VNode {
	const scroller = useRef<HTMLDivElement>(null);
	const grid = useRef<HTMLDivElement>(null);
	const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
	const [cursor, setCursor] = useState<string | null>(null);
	const narrow = useNarrow(scroller);
	const visible = useMemo(() => visibleRows(fall.rows, folded), [fall, folded]);
	const most = narrow ? TICKS_NARROW : TICKS;
	const selected = place.value.span;
	const wantedId = cursor ?? selected;
	const wanted = wantedId === null ? -1 : (fall.byId.get(wantedId) ?? -1);
	const stop = visible.includes(wanted) ? wanted : visible[0];

	function fold(id: string): void {
		const next = new Set(folded);
		if (!next.delete(id)) next.add(id);
		setFolded(next);
	}

	function focus(position: number): void {
		const index = visible[Math.min(Math.max(0, position), visible.length - 1)];
		if (index === undefined) return;
		const id = (fall.rows[index] as SpanRow).span.span_id;
		setCursor(id);
		// The grid holds the focus until the row is drawn, so that no key pressed meanwhile is lost with the old row.
		grid.current?.focus({ preventScroll: true });
		revealRow(scroller.current, visible.indexOf(index), ROW_PX);
		requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(`span-${id}`)?.focus({ preventScroll: true })));
	}

	function sideways(index: number, position: number, key: string): void {
		const row = fall.rows[index] as SpanRow;
		const hasBelow = row.after > index + 1;
		const isFolded = folded.has(row.span.span_id);
		if (key === "ArrowRight" && hasBelow) return isFolded ? fold(row.span.span_id) : focus(position + 1);
		if (key === "ArrowLeft" && hasBelow && !isFolded) return fold(row.span.span_id);
		if (key === "ArrowLeft" && row.parent >= 0) focus(visible.indexOf(row.parent));
	}

	function onKeyDown(event: KeyboardEvent): void {
		if (stop === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
		const at = visible.indexOf(stop);
		const rowsInView = Math.max(1, Math.floor((scroller.current?.clientHeight ?? ROW_PX) / ROW_PX) - 1);
		const moves = new Map([
			["ArrowDown", at + 1],
			["ArrowUp", at - 1],
			["PageDown", at + rowsInView],
			["PageUp", at - rowsInView],
			["Home", 0],
			["End", visible.length - 1],
		]);
		const to = moves.get(event.key);
		if (to !== undefined) focus(to);
		else if (event.key === "Enter" || event.key === " ") go(href({ span: (fall.rows[stop] as SpanRow).span.span_id }), "replace");
		else if (event.key === "ArrowLeft" || event.key === "ArrowRight") sideways(stop, at, event.key);
		else return;
		event.preventDefault();
		event.stopPropagation();
	}

	if (fall.rows.length === 0) return <p class="nothing">No spans yet.</p>;
	return (
		<div
			ref={grid}
			tabIndex={-1}
			class={`waterfall ${narrow ? "tight" : ""} ${visible.length > SCROLL_FROM ? "long" : ""}`}
			role="treegrid"
			aria-label="Spans"
			aria-rowcount={visible.length + 1}
			style={{ "--step": percent(tickStep(fall.total_ns, most), fall.total_ns) }}
			onKeyDown={onKeyDown}
			onFocusIn={(event: FocusEvent) => {
				const id = event.target instanceof HTMLElement ? event.target.id.replace(/^span-/, "") : "";
				if (fall.byId.has(id)) setCursor(id);
			}}
		>
			<VirtualRows
				head={<Axis fall={fall} most={most} />}
				scroller={scroller}
				class="spans"
				count={visible.length}
				rowHeight={ROW_PX}
				row={(position) => {
					const index = visible[position] as number;
					const id = (fall.rows[index] as SpanRow).span.span_id;
					return (
						<RowView
							key={id}
							fall={fall}
							index={index}
							position={position}
							folded={folded.has(id)}
							selected={id === selected}
							focusable={index === stop}
							now_ns={now_ns}
							onFold={fold}
						/>
					);
				}}
			/>
		</div>
	);
}
