// One trace in the list: the prompt is its title. The same elements make one, two or three lines; the style sheet decides.

import type { VNode } from "preact";
import { now_ms } from "./clock";
import { age, count, dateTime, duration, plural, usd } from "./format";
import { href } from "./router";
import { StatusSign, StatusWord } from "./text";
import { rowOf } from "./traces";
import type { Summary } from "./types";

const BAR_FROM_S = 0.05;
const BAR_TO_S = 60;
const BAR_PX = 60;

// Logarithmic, so that 0.2 s and 20 s can be told apart from 2 s in sixty pixels, and the same for every list.
function barWidth(latency_ns: number): number {
	const share = Math.log(latency_ns / 1e9 / BAR_FROM_S) / Math.log(BAR_TO_S / BAR_FROM_S);
	return Math.round(Math.min(1, Math.max(0.03, share)) * BAR_PX);
}

function progressOf(trace: Summary): string {
	const tries = trace.attempts > 1 ? `attempt ${trace.attempts}, ` : "";
	return trace.answer_chars === 0 ? `${tries}waiting` : `${tries}streaming, ${plural(trace.answer_chars, "character")}`;
}

function troubleOf(trace: Summary): string {
	const words = [plural(trace.attempts, "attempt"), (trace.error_class ?? trace.reason ?? trace.status).replaceAll("_", " ")];
	return (trace.attempts > 1 ? words : words.slice(1)).join(", ");
}

function Latency({ trace }: { trace: Summary }): VNode {
	if (trace.latency_ns === null) return <span class="lat">–</span>;
	return (
		<span class="lat" title={`Latency ${duration(trace.latency_ns)}; the bar is logarithmic from 0.05 s to 60 s`}>
			<i class={trace.status === "failed" ? "latbar bad" : "latbar"} style={{ width: `${barWidth(trace.latency_ns)}px` }} />
			{duration(trace.latency_ns)}
		</span>
	);
}

function Measures({ trace }: { trace: Summary }): VNode {
	if (trace.status === "running") return <span class="over3 run">{progressOf(trace)}</span>;
	const nothingCame = trace.prompt_tokens === null && trace.completion_tokens === null && trace.cost_nano_usd === null;
	if (nothingCame && trace.status !== "success") {
		return (
			<>
				<Latency trace={trace} />
				<span class="over2 bad" title={trace.reason ?? undefined}>
					{troubleOf(trace)}
				</span>
			</>
		);
	}
	const estimated = trace.tokens_estimated ? "~" : "";
	return (
		<>
			<Latency trace={trace} />
			<span class="num" title={trace.tokens_estimated ? "Tokens in → out, estimated" : "Tokens in → out"}>
				<span class="vh">tokens </span>
				{`${estimated}${count(trace.prompt_tokens)} → ${count(trace.completion_tokens)}`}
			</span>
			<span class="num">{usd(trace.cost_nano_usd)}</span>
		</>
	);
}

function Age({ trace }: { trace: Summary }): VNode {
	return (
		<span class="age" title={dateTime(trace.started_unix_ns)}>
			{age(trace.started_unix_ns, now_ms.value)}
		</span>
	);
}

export interface RowProps {
	id: string;
	index: number;
	of: number;
	selected: boolean;
	focusable: boolean;
}

export function Row({ id, index, of, selected, focusable }: RowProps): VNode {
	const trace = rowOf(id)?.value;
	if (!trace) return <li class="row" />;
	return (
		<li aria-posinset={index + 1} aria-setsize={of} data-trace={id} data-status={trace.status}>
			<a class="row" href={href({ trace: id })} id={`row-${id}`} aria-current={selected ? "true" : undefined} tabIndex={focusable ? 0 : -1}>
				<StatusSign status={trace.status} />
				<span class="p">
					<bdi>{trace.prompt === "" ? "(empty prompt)" : trace.prompt}</bdi>
					{trace.replay_of !== null && <span class="badge">replay</span>}
				</span>
				<span class="when">
					<StatusWord status={trace.status} /> <Age trace={trace} />
				</span>
				<span class="m">
					<span class="mono id">{trace.short_id.replace(/^tr_/, "")}</span>
					<span class="model">
						<bdi>{trace.model}</bdi>
					</span>
					<Measures trace={trace} />
				</span>
			</a>
		</li>
	);
}
