// A server for the page's tests: the built page under the real CSP, the API of docs/live.md over traces kept in memory, and
// `/ws` that a test drives by hand. It records what the page asked and said.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const DASHBOARD = fileURLToPath(new URL("../../dashboard/", import.meta.url));
const { WebSocketServer } = createRequire(join(DASHBOARD, "package.json"))("ws");

export const CSP =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES = new Map([
	[".html", "text/html; charset=utf-8"],
	[".js", "text/javascript; charset=utf-8"],
	[".css", "text/css; charset=utf-8"],
	[".svg", "image/svg+xml"],
]);

const FILTERS = new Map([
	["status", (trace, value) => trace.status === value],
	["model", (trace, value) => trace.model === value],
	["provider", (trace, value) => trace.provider === value],
	["project", (trace, value) => trace.project === value],
	["session", (trace, value) => trace.session === value],
	["tag", (trace, value) => trace.tags.includes(value)],
]);

export class Fixture {
	traces = new Map(); // trace_id -> { summary, document, events }
	requests = []; // "/api/…" as asked
	sockets = []; // "/ws…" as asked
	said = []; // frames from the page
	logId = "log-a";
	head = 1;
	resume = true;
	#http = null;
	#ws = null;
	port = 0;

	get url() {
		return `http://127.0.0.1:${this.port}`;
	}

	add(...traces) {
		for (const trace of traces) {
			this.traces.set(trace.summary.trace_id, trace);
			this.head = Math.max(this.head, trace.summary.seq);
		}
	}

	async start() {
		this.#http = createServer((request, response) => {
			this.#answer(request, response).catch((error) => {
				response.writeHead(500).end(String(error));
			});
		});
		this.#ws = new WebSocketServer({ noServer: true });
		this.#http.on("upgrade", (request, socket, head) => this.#ws.handleUpgrade(request, socket, head, (client) => this.#greet(client, request.url)));
		await new Promise((resolve, reject) => {
			this.#http.once("error", reject);
			this.#http.listen(this.port, "127.0.0.1", resolve);
		});
		this.port = this.#http.address().port;
		return this;
	}

	// The server dies; start() again takes the same port.
	async stop() {
		for (const client of this.#ws.clients) client.terminate();
		this.#http.closeAllConnections();
		await new Promise((resolve) => this.#http.close(resolve));
	}

	// As the server does it: the trace is in the view, then its frame goes to everybody.
	emit(type, trace) {
		this.add(trace);
		this.broadcast({ type, seq: trace.summary.seq, trace: trace.summary });
	}

	broadcast(frame) {
		for (const client of this.#ws.clients) client.send(JSON.stringify(frame));
	}

	#greet(client, url) {
		this.sockets.push(url);
		client.on("message", (data) => this.said.push(JSON.parse(String(data))));
		const after = new URL(url, this.url).searchParams.get("after");
		const resumed = after !== null && this.resume;
		client.send(JSON.stringify({ type: "hello", seq: this.head, log_id: this.logId, version: "test", resumed }));
		if (!resumed) return;
		for (const { summary } of this.traces.values()) {
			if (summary.seq <= Number(after)) continue;
			const type = summary.status === "running" ? "trace.updated" : "trace.finished";
			client.send(JSON.stringify({ type, seq: summary.seq, trace: summary }));
		}
	}

	async #answer(request, response) {
		const url = new URL(request.url, this.url);
		if (!url.pathname.startsWith("/api/")) return this.#file(url.pathname, response);
		this.requests.push(request.url);
		const [, , , id, rest] = url.pathname.split("/");
		if (id === undefined) return json(response, 200, this.#list(url.searchParams));
		const trace = this.#find(decodeURIComponent(id));
		if (!trace) return json(response, 404, { type: "about:blank", title: "Not found", status: 404, detail: `no trace ${id}` });
		if (rest === undefined) {
			const { summary, document } = trace;
			return json(response, 200, { trace_id: summary.trace_id, short_id: summary.short_id, digest: "d".repeat(64), seq: summary.seq, document });
		}
		return json(response, 200, eventsPage(trace.events, url.searchParams));
	}

	#find(prefix) {
		return this.traces.get(prefix) ?? [...this.traces.values()].find(({ summary }) => summary.trace_id.startsWith(prefix));
	}

	#list(parameters) {
		const replays = parameters.get("replays") === "1";
		const all = [...this.traces.values()]
			.map(({ summary }) => summary)
			.filter((summary) => replays || summary.replay_of === null)
			.filter((summary) => [...FILTERS].every(([key, matches]) => !parameters.has(key) || matches(summary, parameters.get(key))))
			.sort((a, b) => b.started_unix_ns - a.started_unix_ns || (a.trace_id < b.trace_id ? 1 : -1));
		const from = Number(parameters.get("after") ?? 0);
		const limit = Number(parameters.get("limit") ?? 50);
		return { total: all.length, items: all.slice(from, from + limit), next: from + limit < all.length ? String(from + limit) : null };
	}

	async #file(path, response) {
		const asset = path.startsWith("/assets/") ? normalize(path) : "/index.html";
		try {
			const body = await readFile(join(DASHBOARD, "dist", asset));
			response.writeHead(200, { "content-type": TYPES.get(extname(asset)), "content-security-policy": CSP, "x-content-type-options": "nosniff" });
			response.end(body);
		} catch {
			response.writeHead(404).end();
		}
	}
}

function json(response, status, value) {
	response.writeHead(status, { "content-type": status === 200 ? "application/json" : "application/problem+json" });
	response.end(JSON.stringify(value));
}

function eventsPage({ items, stages }, parameters) {
	const after = Number(parameters.get("after") ?? 0);
	const limit = Number(parameters.get("limit") ?? 500);
	const rest = items.filter((event) => event.seq > after);
	const page = rest.slice(0, limit);
	return { items: page, stages, next: rest.length > limit ? page.at(-1).seq : null };
}
