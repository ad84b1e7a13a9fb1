// The seven stages every trace passes: short in the drawer, in full on their own tab.

import type { VNode } from "preact";
import { count, duration, timeOfDay, UNKNOWN } from "./format";
import { stages } from "./trace";
import type { Stage } from "./types";

function detailOf(stage: Stage): string {
	if (stage.detail === null || stage.detail === undefined) return "";
	return typeof stage.detail === "string" ? stage.detail : JSON.stringify(stage.detail);
}

function Mark({ reached }: { reached: boolean }): VNode {
	return (
		<span class={reached ? "s ok" : "faint"}>
			<span aria-hidden="true">{reached ? "✓" : "·"}</span>
			<span class="vh">{reached ? "reached: " : "not reached: "}</span>
		</span>
	);
}

const METRICS_CAPTURED = 3;

// Stages after the call's end are measured from it: what they add is milliseconds, whatever the call took.
function after(stage: Stage, all: readonly Stage[]): string {
	if (stage.after_ns === null) return "";
	if (stage.stage === 1) return "start";
	const end_ns = all.find((other) => other.stage === METRICS_CAPTURED)?.after_ns ?? null;
	if (stage.stage <= METRICS_CAPTURED || end_ns === null || stage.after_ns < end_ns) return `+${duration(stage.after_ns)}`;
	return `end +${duration(stage.after_ns - end_ns)}`;
}

export function StagesShort(): VNode | null {
	if (stages.value.length === 0) return null;
	return (
		<>
			<h2>Pipeline</h2>
			<ol class="stages">
				{stages.value.map((stage) => (
					<li key={stage.stage}>
						<Mark reached={stage.seq !== null} />
						<span class={stage.seq === null ? "faint" : ""}>{stage.name}</span>
						<span class="faint">{after(stage, stages.value)}</span>
					</li>
				))}
			</ol>
		</>
	);
}

export function Pipeline(): VNode {
	if (stages.value.length === 0) return <p class="nothing">Reading the log…</p>;
	const reached = stages.value.filter((stage) => stage.seq !== null).length;
	return (
		<div class="tablebox">
			<table class="wide">
				<caption>{`${reached} of ${stages.value.length} stages reached`}</caption>
				<thead>
					<tr>
						<th scope="col">Stage</th>
						<th scope="col">Event</th>
						<th scope="col" class="r">
							Position
						</th>
						<th scope="col" class="r">
							Time
						</th>
						<th scope="col" class="r">
							After
						</th>
						<th scope="col">Detail</th>
					</tr>
				</thead>
				<tbody>
					{stages.value.map((stage) => (
						<tr key={stage.stage} class={stage.seq === null ? "faint" : ""}>
							<th scope="row">
								<Mark reached={stage.seq !== null} /> {stage.stage} {stage.name}
							</th>
							<td class="mono">{stage.event}</td>
							<td class="r">{stage.seq === null ? UNKNOWN : count(stage.seq)}</td>
							<td class="r">{stage.unix_ns === null ? UNKNOWN : timeOfDay(stage.unix_ns)}</td>
							<td class="r" title={stage.after_ns === null ? undefined : `${duration(stage.after_ns)} after the start`}>
								{after(stage, stages.value) || UNKNOWN}
							</td>
							<td>
								<bdi>{detailOf(stage)}</bdi>
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}
