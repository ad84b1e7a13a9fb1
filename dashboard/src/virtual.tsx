// Rows of one height, of which only those in view are in the page. The parent owns the data and gives one element for an index.

import type { ComponentChildren, VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const OVERSCAN = 6;

export interface VirtualProps {
	count: number;
	rowHeight: number;
	row(index: number): VNode;
	scroller: { current: HTMLDivElement | null };
	list?: boolean;
	class?: string;
	head?: ComponentChildren; // stays at the top while the rows scroll under it
	after?: ComponentChildren;
	onRange?(first: number, last: number): void;
	onScrolled?(top: number): void;
}

interface Range {
	first: number;
	last: number;
}

function rangeOf(element: HTMLElement | null, rowHeight: number, count: number): Range {
	const top = element?.scrollTop ?? 0;
	const height = element?.clientHeight || innerHeight;
	const first = Math.min(Math.max(0, Math.floor(top / rowHeight) - OVERSCAN), Math.max(0, count - 1));
	return { first, last: Math.min(count, Math.ceil((top + height) / rowHeight) + OVERSCAN) };
}

export function VirtualRows(props: VirtualProps): VNode {
	const { count, rowHeight, scroller } = props;
	const [, redraw] = useState(0);
	const drawn = useRef<Range>({ first: 0, last: 0 });
	const height = useRef(rowHeight);
	const range = rangeOf(scroller.current, rowHeight, count);
	drawn.current = range;

	function look(): void {
		const now = rangeOf(scroller.current, rowHeight, count);
		if (now.first !== drawn.current.first || now.last !== drawn.current.last) redraw((n) => n + 1);
	}

	// Another row height is another layout of the same rows: keep the first one where it is.
	useLayoutEffect(() => {
		const element = scroller.current;
		if (element && height.current !== rowHeight) element.scrollTop = (element.scrollTop / height.current) * rowHeight;
		height.current = rowHeight;
		look();
	}, [rowHeight, count]);

	useEffect(() => {
		const element = scroller.current;
		if (!element) return undefined;
		const observer = new ResizeObserver(() => look());
		observer.observe(element);
		return () => observer.disconnect();
	}, [rowHeight, count]);

	useEffect(() => props.onRange?.(range.first, range.last), [range.first, range.last, count]);

	function onScroll(): void {
		look();
		props.onScrolled?.(scroller.current?.scrollTop ?? 0);
	}

	const rows: VNode[] = [];
	for (let index = range.first; index < range.last; index++) rows.push(props.row(index));
	const Window = props.list ? "ol" : "div";
	return (
		<div ref={scroller} class={`scroller ${props.class ?? ""}`} onScroll={onScroll}>
			{props.head}
			<div class="sizer" style={{ height: `${count * rowHeight}px` }}>
				<Window class="window" style={{ transform: `translateY(${range.first * rowHeight}px)` }}>
					{rows}
				</Window>
			</div>
			{props.after}
		</div>
	);
}

// Scrolls no more than needed to have the row whole in view, below the head.
export function revealRow(scroller: HTMLElement | null, index: number, rowHeight: number): void {
	if (!scroller) return;
	const head = scroller.querySelector<HTMLElement>(":scope > .sizer")?.offsetTop ?? 0;
	const top = index * rowHeight;
	const lowest = head + top + rowHeight - scroller.clientHeight;
	if (top < scroller.scrollTop) scroller.scrollTop = top;
	else if (lowest > scroller.scrollTop) scroller.scrollTop = lowest;
}
