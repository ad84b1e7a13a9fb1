// The filter of the list: tokens in a box, typed or picked. What it holds is in the URL; this only edits it.

import type { VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import { count, STATUSES } from "./format";
import { FILTER_KEYS, formatFilter, parseFilter, type Token } from "./filter";
import { go, href } from "./router";
import { filter, loading, order, total, valuesOf } from "./traces";

const INPUT_ID = "filter";

export function focusFilter(): void {
	const input = document.getElementById(INPUT_ID);
	if (input instanceof HTMLInputElement) input.focus();
}

function set(tokens: readonly Token[], unknown: readonly string[] = []): void {
	go(href({ filter: [formatFilter(tokens), ...unknown].filter((part) => part !== "").join(" ") }), "replace");
}

function withToken(token: Token): Token[] {
	return [...filter.peek().tokens.filter(({ key }) => key !== token.key), token];
}

function without(key: string): Token[] {
	return filter.peek().tokens.filter((token) => token.key !== key);
}

function Chip({ token }: { token: Token }): VNode {
	return (
		<span class="tok">
			<span>
				<i>{token.key}:</i>
				<bdi>{token.value}</bdi>
			</span>
			<button type="button" aria-label={`Remove ${token.key}:${token.value}`} onClick={() => set(without(token.key))}>
				×
			</button>
		</span>
	);
}

function Pick({ name, values }: { name: string; values: readonly string[] }): VNode {
	const current = filter.value.tokens.find(({ key }) => key === name)?.value ?? "";
	const all = current === "" || values.includes(current) ? values : [current, ...values];
	function choose(value: string): void {
		set(value === "" ? without(name) : withToken({ key: name, value }));
	}
	return (
		<select aria-label={`Filter by ${name}`} value={current} onChange={(event) => choose(event.currentTarget.value)}>
			<option value="">{`any ${name}`}</option>
			{all.map((value) => (
				<option key={value} value={value}>
					{value}
				</option>
			))}
		</select>
	);
}

function TokenInput({ hint }: { hint: string }): VNode {
	const [draft, setDraft] = useState("");
	const input = useRef<HTMLInputElement>(null);

	function commit(): void {
		const text = draft.trim();
		if (text === "") return;
		const typed = parseFilter(text);
		setDraft("");
		set(parseFilter(formatFilter([...filter.peek().tokens, ...typed.tokens])).tokens, typed.unknown);
	}

	function onKeyDown(event: KeyboardEvent): void {
		const openQuote = (draft.match(/"/g)?.length ?? 0) % 2 === 1;
		if (event.key === "Enter" || (event.key === " " && /\S:\S/.test(draft) && !openQuote)) {
			event.preventDefault();
			commit();
		} else if (event.key === "Backspace" && draft === "") {
			set(filter.peek().tokens.slice(0, -1));
		} else if (event.key === "Escape") {
			setDraft("");
			input.current?.blur();
		}
	}

	return (
		<input
			ref={input}
			id={INPUT_ID}
			type="text"
			list="filter-words"
			autocomplete="off"
			spellcheck={false}
			aria-label="Filter, as key:value"
			aria-invalid={hint !== ""}
			aria-describedby="filter-hint"
			placeholder={filter.value.tokens.length === 0 ? "status:failed  model:…  project:…" : ""}
			value={draft}
			onInput={(event) => setDraft(event.currentTarget.value)}
			onKeyDown={onKeyDown}
			onBlur={commit}
		/>
	);
}

export function FilterBar(): VNode {
	const { tokens, unknown } = filter.value;
	void order.value; // the values offered are those of the rows
	const models = valuesOf((row) => row.model);
	const projects = valuesOf((row) => row.project);
	const hint = unknown.length === 0 ? "" : `No filter “${unknown.join(" ")}”. There are ${FILTER_KEYS.map(({ key }) => key).join(", ")}.`;
	const words = [
		...STATUSES.map((status) => `status:${status}`),
		...models.map((model) => `model:${model}`),
		...projects.map((project) => `project:${project}`),
		"replays:1",
	];
	return (
		<div class="filter" role="search" aria-label="Filter traces">
			<div class="line">
				<div class="box">
					{tokens.map((token) => (
						<Chip key={token.key} token={token} />
					))}
					<TokenInput hint={hint} />
					<kbd aria-hidden="true">/</kbd>
				</div>
				<span class="total" aria-label={`${total.value} traces`}>
					{loading.value === "first" && total.value === 0 ? "…" : count(total.value)}
				</span>
			</div>
			<div class="line picks">
				<Pick name="status" values={STATUSES} />
				<Pick name="model" values={models} />
				<Pick name="project" values={projects} />
			</div>
			<p id="filter-hint" class="hint" role="status">
				{hint}
			</p>
			<datalist id="filter-words">
				{words.map((word) => (
					<option key={word} value={word} />
				))}
			</datalist>
		</div>
	);
}
