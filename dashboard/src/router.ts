// Where the page is: the URL read into a signal, and links written from it. The URL is the only place this state lives.

import { signal } from "@preact/signals";

export const TABS = ["waterfall", "messages", "pipeline", "events"] as const;
export type Tab = (typeof TABS)[number];

export interface Place {
	page: "list" | "trace" | "nowhere";
	trace: string | null;
	tab: Tab;
	span: string | null;
	filter: string;
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

function read(): Place {
	const query = new URLSearchParams(location.search);
	const tab = TABS.find((name) => name === query.get("tab")) ?? "waterfall";
	const trace = /^\/traces\/([^/]+)\/?$/.exec(location.pathname)?.[1] ?? null;
	const page = trace !== null ? "trace" : location.pathname === "/" || location.pathname === "/traces" ? "list" : "nowhere";
	return { page, trace: trace === null ? null : decoded(trace), tab, span: query.get("span"), filter: query.get("q") ?? "" };
}

export const place = signal<Place>(read());

// The link to the place given by `change`, keeping the filter. A new trace starts on its first tab with nothing selected.
export function href(change: Partial<Pick<Place, "trace" | "tab" | "span" | "filter">>): string {
	const here = place.value;
	const trace = change.trace === undefined ? here.trace : change.trace;
	const same = trace !== null && trace === here.trace;
	const tab = change.tab ?? (same ? here.tab : "waterfall");
	const span = change.span === undefined ? (same ? here.span : null) : change.span;
	const filter = change.filter ?? here.filter;
	const query = new URLSearchParams();
	if (trace !== null && tab !== "waterfall") query.set("tab", tab);
	if (trace !== null && span !== null) query.set("span", span);
	if (filter !== "") query.set("q", filter);
	const path = trace === null ? "/" : `/traces/${encodeURIComponent(trace)}`;
	return query.size === 0 ? path : `${path}?${query}`;
}

export function go(url: string, how: "push" | "replace" = "push"): void {
	if (url !== location.pathname + location.search) {
		if (how === "push") history.pushState(null, "", url);
		else history.replaceState(null, "", url);
	}
	place.value = read();
}

// Plain clicks on our own links stay in the page; everything the browser does better (new tab, download) is left to it.
function followClick(event: MouseEvent): void {
	if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
	const link = event.target instanceof Element ? event.target.closest("a") : null;
	if (!link || link.target !== "" || link.hasAttribute("download") || link.origin !== location.origin) return;
	if (link.pathname.startsWith("/api/")) return;
	event.preventDefault();
	go(link.pathname + link.search, link.dataset["replace"] === undefined ? "push" : "replace");
}

export function startRouter(): void {
	addEventListener("popstate", () => {
		place.value = read();
	});
	document.addEventListener("click", followClick);
}
