// The HTTP side of the server. Every call rejects with an ApiError that says, in the server's own words, what was wrong.

import type { EventsAnswer, Page, TraceAnswer } from "./types";

export class ApiError extends Error {
	readonly status: number;

	constructor(status: number, message: string) {
		super(message);
		this.status = status;
	}
}

function problem(body: unknown, fallback: string): string {
	if (typeof body !== "object" || body === null) return fallback;
	const { title, detail } = body as { title?: unknown; detail?: unknown };
	return [title, detail].filter((part) => typeof part === "string" && part !== "").join(": ") || fallback;
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
	let response: Response;
	try {
		response = await fetch(path, { headers: { accept: "application/json" }, signal: signal ?? null });
	} catch (cause) {
		if (signal?.aborted) throw cause;
		throw new ApiError(0, "The server does not answer");
	}
	const body: unknown = await response.json().catch(() => null);
	if (!response.ok) throw new ApiError(response.status, problem(body, `HTTP ${response.status}`));
	if (body === null) throw new ApiError(response.status, "The answer is not JSON");
	return body as T;
}

export function getTraces(filter: URLSearchParams, limit: number, after: string | null, signal?: AbortSignal): Promise<Page> {
	const parameters = new URLSearchParams(filter);
	parameters.set("limit", String(limit));
	if (after !== null) parameters.set("after", after);
	return get(`/api/traces?${parameters}`, signal);
}

export function getTrace(id: string, signal?: AbortSignal): Promise<TraceAnswer> {
	return get(`/api/traces/${encodeURIComponent(id)}`, signal);
}

export function getEvents(id: string, limit: number, after: string | number | null, signal?: AbortSignal): Promise<EventsAnswer> {
	const parameters = new URLSearchParams({ limit: String(limit) });
	if (after !== null) parameters.set("after", String(after));
	return get(`/api/traces/${encodeURIComponent(id)}/events?${parameters}`, signal);
}

export function rawHref(id: string, what: "request" | "response"): string {
	return `/api/traces/${encodeURIComponent(id)}/raw/${what}`;
}

export function wordsOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
