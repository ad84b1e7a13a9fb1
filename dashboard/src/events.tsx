// The trace's events as the log holds them, a body on demand.

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, count, duration, plural, timeOfDay } from "./format";
import { LongText } from "./text";
import { events, eventsFailure, eventsState, fetchEvents, fetchNewEvents, shown } from "./trace";
import type { LogEvent } from "./types";
import { VirtualRows } from "./virtual";

const ROW_PX = 30;
const PREFETCH_ROWS = 40;
const SCROLL_FROM = 18; // rows; fewer stand in full height

function EventRow({ event, index, first, chosen, choose }: { event: LogEvent; index: number; first: LogEvent; chosen: boolean; choose(seq: number): void }): VNode {
	return (
		<div class={event.pipeline ? "event pipeline" : "event"} role="row" aria-rowindex={index + 2}>
			<span role="cell" class="r">
				{count(event.seq)}
			</span>
			<span role="cell" class="type">
				<button type="button" class="mono" aria-expanded={chosen} aria-controls={chosen ? "event-body" : undefined} onClick={() => choose(event.seq)}>
					<span aria-hidden="true">{chosen ? "▾ " : "▸ "}</span>
					{event.type}
				</button>
			</span>
			<span role="cell" class="r at" title={timeOfDay(event.unix_ns)}>
				{`+${duration(Math.max(0, event.unix_ns - first.unix_ns))}`}
			</span>
			<span role="cell" class="mono dim where">
				{event.span_id ?? ""}
			</span>
			<span role="cell" class="r size">
				{bytes(event.body_bytes)}
			</span>
		</div>
	);
}

function Columns(): VNode {
	return (
		<div class="event columns" role="row" aria-rowindex={1}>
			<span role="columnheader" class="r">
				Position
			</span>
			<span role="columnheader">Type</span>
			<span role="columnheader" class="r at">
				Time
			</span>
			<span role="columnheader" class="where">
				Span
			</span>
			<span role="columnheader" class="r size">
				Body
			</span>
		</div>
	);
}

function Body({ event }: { event: LogEvent }): VNode {
	const rest = { mono_ns: event.mono_ns, span_id: event.span_id, parent_span_id: event.parent_span_id, writer: event.writer };
	return (
		<section id="event-body" class="msg" aria-label={`Body of event ${event.seq}`}>
			<div class="who">
				<b class="mono">{event.type}</b>
				<span class="spacer" />
				<span>{`event ${count(event.seq)}, ${timeOfDay(event.unix_ns)}`}</span>
			</div>
			<div class="said">
				<LongText class="mono" text={JSON.stringify(event.body, null, 2)} />
				<LongText class="mono dim" text={JSON.stringify(rest)} />
			</div>
		</section>
	);
}

export function Events(): VNode {
	const scroller = useRef<HTMLDivElement>(null);
	const [chosen, choose] = useState<number | null>(null);
	const seq = shown.value?.seq;
	useEffect(fetchNewEvents, [seq]);

	const items = events.value;
	const first = items[0];
	const open = items.find((event) => event.seq === chosen);
	if (eventsFailure.value !== null) {
		return (
			<div class="nothing" role="alert">
				<p>{eventsFailure.value}</p>
				<button type="button" onClick={() => void fetchEvents()}>
					Try again
				</button>
			</div>
		);
	}
	if (first === undefined) return <p class="nothing">Reading the log…</p>;
	return (
		<>
			<p class="dim">{`${plural(items.length, "event")}${eventsState.value === "more" ? " so far, more below" : ""}; times count from the first`}</p>
			<div class={items.length > SCROLL_FROM ? "events long" : "events"} role="table" aria-label="Events" aria-rowcount={eventsState.value === "all" ? items.length + 1 : -1}>
				<VirtualRows
					head={<Columns />}
					scroller={scroller}
					class="eventrows"
					count={items.length}
					rowHeight={ROW_PX}
					onRange={(_from, last) => {
						if (eventsState.peek() === "more" && last >= items.length - PREFETCH_ROWS) void fetchEvents();
					}}
					row={(index) => {
						const event = items[index] as LogEvent;
						return <EventRow key={event.seq} event={event} index={index} first={first} chosen={event.seq === chosen} choose={(at) => choose(at === chosen ? null : at)} />;
					}}
				/>
			</div>
			{open && <Body event={open} />}
		</>
	);
}
