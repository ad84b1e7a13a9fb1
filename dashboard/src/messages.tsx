// What was said: the messages of a call as a chat, whole. Nothing is cut; what is folded says how much it holds.

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { count, plural } from "./format";
import { Copy, Fold, LongText } from "./text";
import type { Call, Choice, Message, ToolCall, TraceDocument } from "./types";

const HISTORY_SHOWN = 12;

function ToolCallView({ call }: { call: ToolCall }): VNode {
	return (
		<div class="call">
			<div class="mono">
				<bdi>{call.name ?? "unnamed tool"}</bdi>
				<LongText text={`(${call.arguments ?? ""})`} class="arguments" />
			</div>
			{call.id !== null && (
				<div class="mono dim">
					<bdi>{call.id}</bdi>
				</div>
			)}
		</div>
	);
}

function Who({ role, side, children }: { role: string; side: string; children?: VNode | false }): VNode {
	return (
		<div class="who">
			<b>
				<bdi>{role}</bdi>
			</b>
			{children}
			<span class="spacer" />
			<span>{side}</span>
		</div>
	);
}

function size(text: string | null): string {
	return text === null || text === "" ? "" : plural(text.length, "character");
}

function Parts({ message }: { message: Message }): VNode {
	const parts = message.parts ?? [];
	if (parts.length === 0) return message.content === null ? <></> : <LongText text={message.content} />;
	return (
		<>
			{parts.map((part, index) =>
				part.text !== null ? (
					<LongText key={index} text={part.text} />
				) : (
					<Fold key={index} title={`${part.type}, ${plural((part.json ?? "").length, "character")} of JSON`}>
						{() => <LongText text={part.json ?? ""} class="mono" />}
					</Fold>
				),
			)}
		</>
	);
}

function MessageView({ message }: { message: Message }): VNode {
	const calls = message.tool_calls ?? [];
	const empty = message.content === null && (message.parts ?? []).length === 0 && calls.length === 0;
	return (
		<article class={`msg ${message.role}`} aria-label={`${message.role} message`}>
			<Who role={message.role} side={size(message.content)}>
				{(message.name !== null || message.tool_call_id !== null) && <bdi class="mono dim">{[message.name, message.tool_call_id].filter((part) => part !== null).join(" ")}</bdi>}
			</Who>
			<div class={message.role === "tool" ? "said mono" : "said"}>
				<Parts message={message} />
				{empty && <span class="faint">no content</span>}
				{calls.map((call, index) => (
					<ToolCallView key={index} call={call} />
				))}
			</div>
		</article>
	);
}

function finishWords(choice: Choice): string {
	const { finish_reason: reason, finish_reason_raw: raw } = choice;
	if (reason === null) return "";
	return raw !== null && raw !== reason ? `${reason} (${raw})` : reason;
}

function ChoiceView({ choice, running, only }: { choice: Choice; running: boolean; only: boolean }): VNode {
	const side = [size(choice.content), finishWords(choice)].filter((part) => part !== "").join(", ");
	return (
		<article class="msg assistant answer" aria-label={only ? "Answer" : `Answer ${choice.index + 1}`}>
			<Who role={only ? choice.role : `${choice.role} ${choice.index + 1}`} side={running ? `${side} so far` : side}>
				<span class="badge">answer</span>
			</Who>
			<div class="said">
				{choice.reasoning !== null && choice.reasoning !== "" && (
					<Fold title={`Reasoning, ${plural(choice.reasoning.length, "character")}`}>{() => <LongText text={choice.reasoning ?? ""} class="dim" />}</Fold>
				)}
				{choice.refusal !== null && choice.refusal !== "" && (
					<div class="note bad">
						<b>Refused: </b>
						<LongText text={choice.refusal} />
					</div>
				)}
				<LongText text={choice.content} />
				{choice.tool_calls.map((call, index) => (
					<ToolCallView key={index} call={call} />
				))}
			</div>
		</article>
	);
}

function Inputs({ messages }: { messages: readonly Message[] }): VNode {
	const [all, setAll] = useState(false);
	const hidden = all || messages.length <= HISTORY_SHOWN + 1 ? 0 : messages.length - HISTORY_SHOWN;
	return (
		<>
			{hidden > 0 && (
				<button type="button" class="quiet earlier" onClick={() => setAll(true)}>
					{`Show ${count(hidden)} earlier messages`}
				</button>
			)}
			{messages.slice(hidden).map((message, index) => (
				<MessageView key={hidden + index} message={message} />
			))}
		</>
	);
}

export function CallMessages({ call, doc }: { call: Call; doc: TraceDocument }): VNode {
	const running = doc.status === "running" && call.finish_reason === null;
	return (
		<>
			{call.input.length === 0 ? <Asked doc={doc} /> : <Inputs messages={call.input} />}
			{call.output.map((choice) => (
				<ChoiceView key={choice.index} choice={choice} running={running} only={call.output.length === 1} />
			))}
			{call.output.length === 0 && <p class="faint">{running ? "No answer yet." : "No answer came."}</p>}
		</>
	);
}

// What the document itself holds, for a trace without a call (yet) or a body that could not be read.
function Asked({ doc }: { doc: TraceDocument }): VNode {
	return <MessageView message={{ role: "user", content: doc.prompt, tool_calls: [], tool_call_id: null, name: null }} />;
}

export function Messages({ doc }: { doc: TraceDocument }): VNode {
	return (
		<div class="messages">
			<div class="tools">
				<Copy text={doc.prompt} label="Copy prompt" />
				<Copy text={doc.answer} label="Copy answer" />
			</div>
			{doc.calls.length === 0 && <Asked doc={doc} />}
			{doc.calls.map((call, index) => (
				<section key={call.span_id} aria-label={`Call ${index + 1}`}>
					{doc.calls.length > 1 && (
						<h2>
							Call {index + 1}: <bdi>{call.model}</bdi>
						</h2>
					)}
					<CallMessages call={call} doc={doc} />
				</section>
			))}
		</div>
	);
}
