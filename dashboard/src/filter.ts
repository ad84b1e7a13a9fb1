// The filter of the list: `key:value` tokens as text, as the API's parameters, and as a test on a row that a frame brought.

import type { Summary } from "./types";

export interface Token {
	key: string;
	value: string;
}

interface FilterKey {
	key: string;
	hint: string;
	matches(trace: Summary, value: string): boolean;
}

// `replays` widens the list, so it has no row test of its own: see matchesAll.
export const FILTER_KEYS: readonly FilterKey[] = [
	{ key: "status", hint: "running, success, warning, failed or interrupted", matches: (t, v) => t.status === v },
	{ key: "model", hint: "model as requested", matches: (t, v) => t.model === v },
	{ key: "project", hint: "project name", matches: (t, v) => t.project === v },
	{ key: "provider", hint: "provider name", matches: (t, v) => t.provider === v },
	{ key: "session", hint: "session name", matches: (t, v) => t.session === v },
	{ key: "tag", hint: "one tag, exactly", matches: (t, v) => t.tags.includes(v) },
	{ key: "replays", hint: "1 includes replays", matches: () => true },
];

const BY_KEY = new Map(FILTER_KEYS.map((entry) => [entry.key, entry]));

const TOKEN = /([a-z_]+):(?:"([^"]*)"|(\S+))|(\S+)/gi;

export interface Parsed {
	tokens: Token[];
	unknown: string[];
}

// One value for each key: a later token replaces an earlier one. What is no filter is handed back, never ignored.
export function parseFilter(text: string): Parsed {
	const values = new Map<string, string>();
	const unknown: string[] = [];
	for (const found of text.matchAll(TOKEN)) {
		const key = found[1]?.toLowerCase() ?? "";
		const value = found[2] ?? found[3] ?? "";
		if (BY_KEY.has(key) && value !== "") values.set(key, value);
		else unknown.push(found[0]);
	}
	return { tokens: Array.from(values, ([key, value]) => ({ key, value })), unknown };
}

export function formatFilter(tokens: readonly Token[]): string {
	return tokens.map(({ key, value }) => `${key}:${/\s/.test(value) ? `"${value}"` : value}`).join(" ");
}

export function toParameters(tokens: readonly Token[]): URLSearchParams {
	return new URLSearchParams(tokens.map(({ key, value }) => [key, value]));
}

export function matchesAll(trace: Summary, tokens: readonly Token[]): boolean {
	const replays = tokens.some(({ key, value }) => key === "replays" && value === "1");
	if (trace.replay_of !== null && !replays) return false;
	return tokens.every(({ key, value }) => BY_KEY.get(key)?.matches(trace, value) ?? true);
}
