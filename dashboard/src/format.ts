// Numbers and times in the words people read. Pure: the time of day is handed in.

import type { Status } from "./types";

export const UNKNOWN = "–";
const NARROW_SPACE = "\u202f";

// 1182 -> 1 182
export function count(n: number | null): string {
	if (n === null) return UNKNOWN;
	return String(n).replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

// Three figures, in the unit that keeps them: 0.31 ms, 42 ms, 1.24s, 30.0s, 12m 05s.
export function duration(ns: number | null): string {
	if (ns === null) return UNKNOWN;
	if (ns === 0) return "0";
	const ms = ns / 1e6;
	if (ms < 1) return `${ms.toFixed(2)} ms`;
	if (ms < 9.95) return `${ms.toFixed(1)} ms`;
	if (ms < 99.5) return `${ms.toFixed(0)} ms`;
	const s = ms / 1e3;
	if (s < 9.995) return `${s.toFixed(2)}s`;
	if (s < 119.95) return `${s.toFixed(1)}s`;
	const whole = Math.round(s);
	if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
	return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
}

function two(n: number): string {
	return String(n).padStart(2, "0");
}

// Four decimals as long as they say something, then two significant figures.
export function usd(nano: number | null): string {
	if (nano === null) return UNKNOWN;
	const value = nano / 1e9;
	if (nano === 0) return "$0";
	if (Math.abs(value) >= 0.001) return `$${value.toFixed(4)}`;
	return `$${value.toFixed(Math.min(9, 1 - Math.floor(Math.log10(Math.abs(value)))))}`;
}

export function perMillion(nano: number | null): string {
	if (nano === null) return UNKNOWN;
	return `$${(nano / 1e9).toFixed(2)} per million`;
}

export function bytes(n: number): string {
	if (n < 1000) return `${n} B`;
	if (n < 1e6) return `${(n / 1e3).toFixed(1)} kB`;
	return `${(n / 1e6).toFixed(1)} MB`;
}

export function age(unix_ns: number, now_ms: number): string {
	const s = Math.max(0, (now_ms - unix_ns / 1e6) / 1e3);
	if (s < 2) return "now";
	if (s < 60) return `${Math.floor(s)} s`;
	if (s < 3600) return `${Math.floor(s / 60)} min`;
	if (s < 86400) return `${Math.floor(s / 3600)} h`;
	if (s < 30 * 86400) return `${Math.floor(s / 86400)} d`;
	return day(unix_ns);
}

function day(unix_ns: number): string {
	const at = new Date(unix_ns / 1e6);
	return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

export function timeOfDay(unix_ns: number): string {
	const at = new Date(unix_ns / 1e6);
	const ms = String(at.getMilliseconds()).padStart(3, "0");
	return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

export function dateTime(unix_ns: number): string {
	return `${day(unix_ns)} ${timeOfDay(unix_ns)}`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
	return `${count(n)} ${n === 1 ? one : many}`;
}

interface StatusLook {
	sign: string;
	css: string;
}

const LOOKS = new Map<string, StatusLook>([
	["running", { sign: "◌", css: "run" }],
	["success", { sign: "✓", css: "ok" }],
	["warning", { sign: "!", css: "warn" }],
	["failed", { sign: "✕", css: "bad" }],
	["interrupted", { sign: "⊘", css: "bad" }],
]);

export const STATUSES: readonly Status[] = ["running", "success", "warning", "failed", "interrupted"];

export function lookOf(status: string): StatusLook {
	return LOOKS.get(status) ?? { sign: "?", css: "" };
}
