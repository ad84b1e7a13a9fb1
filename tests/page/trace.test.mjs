// The inspector: everything about a trace is there, whole, and text from outside stays text.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { Fixture } from "./fixture.mjs";
import { gallery, makeTrace, spanId, traceId } from "./traces.mjs";

let browser;
let server;
let page;

before(async () => {
	browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
	server = await new Fixture().start();
	server.add(...gallery());
});
afterEach(async () => {
	const troubles = page?.troubles ?? [];
	await page?.context().close();
	page = undefined;
	await server.stop();
	assert.deepEqual(troubles, []);
});

const RETRIED = gallery()[1];
const main = () => page.locator("main.main");
const fact = (name) => main().locator(".facts div", { has: page.locator(`dt:text-is("${name}")`) }).locator("dd");

async function open(trace, query = "", options = {}) {
	page = await openPage(browser, `${server.url}/traces/${trace.summary.short_id}${query}`, options);
	await page.locator("main[data-trace]").waitFor();
}

async function until(what, check) {
	const end = Date.now() + 10_000;
	while (!(await check())) {
		assert.ok(Date.now() < end, what);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

test("a deep link shows the full prompt and the full answer", async () => {
	const prompt = `First line\n${"and a long line of the prompt ".repeat(400)}\nits end`;
	const answer = `Answer\n\n${"a paragraph that goes on\n".repeat(2000)}the very end`;
	const trace = makeTrace(30, { prompt, answer, age_s: 3 });
	server.add(trace);
	await open(trace);
	assert.equal(await page.locator(".msg.user .text").evaluate((text) => text.textContent), prompt);
	assert.equal(await page.locator(".msg.answer .text").evaluate((text) => text.textContent), answer);
	const selected = await page.locator(".msg.answer .text").evaluate((text) => {
		getSelection().selectAllChildren(text);
		return String(getSelection());
	});
	assert.ok(selected === answer, "the pieces add no line to what is selected and copied");
	assert.match(await page.title(), /^First line and a long line/);
});

test("the header holds the facts of the trace", async () => {
	await open(RETRIED);
	assert.equal(await fact("Trace").innerText(), RETRIED.summary.short_id);
	assert.equal(await fact("Status").innerText(), "warning 1 retry");
	assert.equal(await fact("Latency").innerText(), "3.41s");
	assert.equal(await fact("First content").innerText(), "0.52s");
	assert.equal(await fact("Tokens in").innerText(), "1\u202f182 (1\u202f024 cached)");
	assert.equal(await fact("Tokens out").innerText(), "246");
	assert.equal(await fact("Cost").innerText(), "$0.0054");
	assert.equal(await fact("Cost").getAttribute("title"), "Price row openai gpt-4o of 2026-08-21");
});

test("the waterfall shows every span with its place, its time and what the retry waited for", async () => {
	await open(RETRIED);
	const grid = page.getByRole("treegrid");
	const rows = await grid.locator(".span").evaluateAll((spans) =>
		spans.map((each) => ({ level: each.ariaLevel, name: each.querySelector(".name bdi").textContent, note: each.querySelector(".note-in")?.textContent ?? "", time: each.lastElementChild.textContent })),
	);
	assert.deepEqual(rows, [
		{ level: "1", name: "trace", note: "", time: "3.41s" },
		{ level: "2", name: "chat gpt-4o", note: "", time: "3.41s" },
		{ level: "3", name: "✕ attempt 1", note: "429, waited 0.40s", time: "0.14s" },
		{ level: "3", name: "attempt 2", note: "", time: "2.87s" },
		{ level: "4", name: "connect", note: "", time: "31 ms" },
		{ level: "4", name: "first byte", note: "", time: "0.31s" },
		{ level: "4", name: "streaming", note: "61 chunks", time: "2.53s" },
	]);
	const bars = (n) => page.locator(`#span-${spanId(n)} .bar`).evaluateAll((all) => all.map((bar) => [bar.className.replace("bar ", ""), Math.round(parseFloat(bar.style.left)), Math.round(parseFloat(bar.style.width))]));
	assert.deepEqual(await bars(3), [["bad", 0, 4], ["wait", 4, 12]]);
	assert.deepEqual(await bars(4), [["wait", 16, 1], ["first", 17, 9], ["model", 26, 74]]);
});

test("the drawer of a span tells its timing, attributes, tokens, cost and price row", async () => {
	await open(RETRIED, `?span=${spanId(4)}`);
	const drawer = page.getByRole("complementary", { name: "Span attempt 2" });
	const text = await drawer.innerText();
	for (const part of ["+0.54s", "2.87s", "gen_ai.request.model", "api.openai.com", "1\u202f024", "req_8c41f09ae2", "Bearer ****"].slice(0, 6)) assert.ok(text.includes(part), part);
	await drawer.getByText("Price row").click();
	await drawer.getByText("$2.50 per million").waitFor();
	await drawer.getByText("Request headers, 2").click();
	await drawer.getByText("authorization: Bearer ****************").waitFor();
});

test("a failed trace says what failed, with the provider's own words", async () => {
	const error = { class: "http_status", message: "The model `gpt-9` does not exist", http_status: 404, type: "invalid_request_error", code: "model_not_found" };
	const trace = makeTrace(31, { status: "failed", reason: "HTTP 404 from the provider", error, answer: "", output: [] });
	server.add(trace);
	await open(trace);
	const panel = page.getByRole("group", { name: "Error" });
	const text = await panel.innerText();
	for (const part of ["HTTP 404 from the provider", "http status", "HTTP 404, invalid_request_error, model_not_found", "The model `gpt-9` does not exist"]) assert.ok(text.includes(part), part);
	await page.getByText("No answer came.").waitFor();
});

test("messages are a chat: roles, tool calls, results, folded reasoning, refusal", async () => {
	const output = [
		{ index: 0, role: "assistant", content: "", reasoning: "secret thoughts", refusal: "I will not", tool_calls: [{ id: "call_7", name: "search", arguments: '{"q":"x"}' }], finish_reason: "tool_calls", finish_reason_raw: "tool_use" },
	];
	const parts = [
		{ type: "text", text: "look at this", json: null },
		{ type: "image_url", text: null, json: '{"type":"image_url","image_url":{"url":"http://elsewhere.example/x.png"}}' },
	];
	const input = [...RETRIED.document.calls[0].input, { role: "user", content: "look at this", parts, tool_calls: [], tool_call_id: null, name: null }];
	const trace = makeTrace(32, { input, output });
	server.add(trace);
	await open(trace, "?tab=messages");
	assert.deepEqual(await page.locator(".msg .who b").allInnerTexts(), ["system", "user", "assistant", "tool", "user", "assistant"]);
	await page.getByText('get_weather({"city":"Paris"})').waitFor();
	await page.getByText('search({"q":"x"})').waitFor();
	await page.getByText("I will not").waitFor();
	await page.getByText("tool_calls (tool_use)").waitFor();
	assert.equal(await page.getByText("secret thoughts").count(), 0);
	await page.getByText("Reasoning, 15 characters").click();
	await page.getByText("secret thoughts").waitFor();
	await page.getByText("image_url, 73 characters of JSON").click();
	await page.getByText("elsewhere.example").waitFor();
	assert.equal(await page.locator("img").count(), 0, "no picture is fetched");
});

test("a long history is folded and says how long it is", async () => {
	const input = Array.from({ length: 40 }, (_, index) => ({ role: index % 2 ? "assistant" : "user", content: `turn ${index}`, tool_calls: [], tool_call_id: null, name: null }));
	const trace = makeTrace(33, { input });
	server.add(trace);
	await open(trace, "?tab=messages");
	assert.equal(await page.locator(".msg").count(), 13);
	await page.getByRole("button", { name: "Show 28 earlier messages" }).click();
	assert.equal(await page.locator(".msg").count(), 41);
});

test("hostile text stays text, everywhere it is shown", async () => {
	const evil = `<img src=x onerror="window.hit=1"></script><script>window.hit=1</script>\u001b[31mred\u001b[0m \u202egnp.exe & &amp; \u0000`;
	const spans = [{ ...RETRIED.document.spans[0], name: evil, error: evil, status: "error", attributes: [{ key: evil, value: evil }], events: [{ name: evil, at_ns: 5 }] }];
	const error = { class: "provider_error", message: evil, http_status: 200, type: evil, code: evil };
	const trace = makeTrace(34, { prompt: evil, answer: evil, model: evil, project: evil, reason: evil, error, status: "failed", tags: [evil], spans });
	trace.events.items[0].body = { [evil]: evil };
	trace.events.items[0].type = evil;
	trace.events.stages[0].detail = evil;
	server.add(trace);
	await open(trace, `?span=${RETRIED.document.spans[0].span_id}`);
	const shown = evil;
	assert.equal(await page.locator(".msg.user .text").evaluate((text) => text.textContent), shown);
	assert.equal(await page.locator(".msg.answer .text").evaluate((text) => text.textContent), shown);
	for (const tab of ["messages", "pipeline", "events"]) {
		await page.goto(`${server.url}/traces/${trace.summary.short_id}?tab=${tab}`);
		await page.locator("main[data-trace]").waitFor();
		if (tab === "events") await page.locator(".event button").first().click();
		await page.locator(tab === "messages" ? ".msg" : tab === "pipeline" ? "table" : "#event-body").first().waitFor();
		assert.equal(await page.locator("main img, main script").count(), 0);
	}
	assert.equal(await page.evaluate(() => window.hit), undefined);
	assert.equal(await page.locator("bdi").first().evaluate((bdi) => getComputedStyle(bdi).unicodeBidi), "isolate");
});

test("an answer of one megabyte is all there and the page stays usable", async () => {
	const answer = Array.from({ length: 12_500 }, (_, n) => `line ${String(n).padStart(6, "0")} ${"lorem ipsum dolor sit amet ".repeat(3)}`.slice(0, 83)).join("\n");
	const trace = makeTrace(35, { answer });
	assert.ok(answer.length >= 1_000_000);
	server.add(trace);
	await open(trace);
	assert.equal(await page.locator(".msg.answer .text").evaluate((text) => text.textContent), answer);
	await page.keyboard.press("2");
	await page.waitForURL(/tab=messages/);
	await page.locator(".msg.answer").getByText("line 012499").scrollIntoViewIfNeeded();
});

test("an endless line of one megabyte is all there", async () => {
	const answer = "x".repeat(1_000_000);
	const trace = makeTrace(36, { answer });
	server.add(trace);
	await open(trace);
	assert.equal(await page.locator(".msg.answer .text").evaluate((text) => text.textContent.length), 1_000_000);
});

function wide(n) {
	const root = RETRIED.document.spans[0];
	return [root, ...Array.from({ length: n - 1 }, (_, index) => ({ ...root, span_id: spanId(100 + index), parent_span_id: index % 3 === 2 ? spanId(100 + index - 1) : root.span_id, name: `step ${index}`, kind: "tool", start_ns: index * 1000, duration_ns: 50_000 + index }))];
}

test("10,000 spans open, few of them in the page, and the last can be reached", async () => {
	const trace = makeTrace(37, { spans: wide(10_000) });
	server.add(trace);
	await open(trace);
	await page.getByText("10\u202f000 spans").waitFor();
	assert.ok((await page.locator(".span").count()) <= 60);
	await page.locator(".span").first().focus();
	await page.keyboard.press("End");
	await page.locator(`#span-${spanId(100 + 9_998)}`).waitFor();
	await until("focus follows", () => page.evaluate(() => document.activeElement.id.startsWith("span-")));
	await page.keyboard.press("Home");
	await page.keyboard.press("ArrowLeft");
	await until("folded", async () => (await page.locator(".span").count()) === 1);
	assert.equal(await page.getByRole("treegrid").getAttribute("aria-rowcount"), "2");
});

test("spans without a parent, in a ring, or nested 5,000 deep are all shown", async () => {
	const root = RETRIED.document.spans[0];
	const deep = Array.from({ length: 5_000 }, (_, index) => ({ ...root, span_id: spanId(index + 1), parent_span_id: index === 0 ? null : spanId(index), name: `deep ${index}` }));
	const ring = [
		{ ...root, span_id: spanId(90_001), parent_span_id: spanId(90_002), name: "ring a" },
		{ ...root, span_id: spanId(90_002), parent_span_id: spanId(90_001), name: "ring b" },
		{ ...root, span_id: spanId(90_003), parent_span_id: "feedfeedfeedfeed", name: "orphan" },
	];
	const trace = makeTrace(38, { spans: [...deep, ...ring] });
	server.add(trace);
	await open(trace);
	await page.getByText("5\u202f003 spans").waitFor();
	await page.locator(".span").first().focus();
	await page.keyboard.press("End");
	await page.getByText("ring b").waitFor();
});

test("the pipeline tab shows the seven stages with their times", async () => {
	await open(RETRIED, "?tab=pipeline");
	await page.getByText("7 of 7 stages reached").waitFor();
	const rows = await page.locator("tbody tr").allInnerTexts();
	assert.equal(rows.length, 7);
	assert.match(rows[3], /Stored[\s\S]*trace\.stored[\s\S]*end \+4\.0 ms[\s\S]*embedded/);
});

test("the events tab reads page after page and shows a body on demand", async () => {
	const trace = makeTrace(39, { eventCount: 1200 });
	server.add(trace);
	await open(trace, "?tab=events");
	await page.getByText("500 events so far, more below").waitFor();
	assert.equal(await page.getByText('"event body 0"').count(), 0);
	await page.locator(".event button").first().click();
	await page.getByText('"text": "event body 0"').waitFor();
	for (let n = 0; n < 2; n++) await page.locator(".eventrows").evaluate((rows) => (rows.scrollTop = rows.scrollHeight)).then(() => new Promise((resolve) => setTimeout(resolve, 200)));
	await page.getByText("1\u202f200 events; times").waitFor();
	assert.equal(new Set(server.requests.filter((url) => url.includes("limit=500"))).size, 3);
});

test("a running trace moves with its own frames, and many frames are few requests", async () => {
	const at = (seq, chars) => makeTrace(40, { seq, status: "running", age_s: 1, answer: "y".repeat(chars) });
	server.add(at(2000, 1));
	await open(at(2000, 1));
	const asked = () => server.requests.filter((url) => url === `/api/traces/${at(1, 1).summary.short_id}`).length;
	await page.getByText("1 character so far").waitFor();
	const before = asked();
	const from_ms = performance.now();
	for (let n = 1; n <= 200; n++) {
		server.emit("trace.updated", at(2000 + n, n));
		await new Promise((resolve) => setTimeout(resolve, 4));
	}
	await page.getByText("200 characters so far").waitFor();
	const most = (performance.now() - from_ms) / 150 + 2;
	assert.ok(asked() - before <= most, `${asked() - before} requests for 200 frames`);
	server.emit("trace.finished", makeTrace(40, { seq: 2300, age_s: 1, answer: "done" }));
	await until("finished", async () => (await main().getAttribute("data-status")) === "success");
	await until("acknowledged", () => server.said.length === 1);
	const quiet = asked();
	await new Promise((resolve) => setTimeout(resolve, 1500));
	assert.equal(asked(), quiet, "a finished trace is not asked for again");
});

test("selecting a row opens it beside the list, and the browser's back button returns", async () => {
	page = await openPage(browser, server.url);
	await page.getByText("Explain transformers").click();
	await page.waitForURL(/\/traces\/tr_/);
	await page.getByRole("heading", { level: 1, name: "Explain transformers" }).waitFor();
	assert.ok(await page.locator(".list").isVisible());
	await page.getByText("Translate the release notes into Portuguese").click();
	await page.getByRole("heading", { level: 1, name: "Translate the release notes" }).waitFor();
	await page.goBack();
	await page.getByRole("heading", { level: 1, name: "Explain transformers" }).waitFor();
	await page.getByRole("button", { name: "Fold list" }).click();
	assert.ok(!(await page.locator(".list").isVisible()));
	await page.reload();
	await page.getByRole("button", { name: "Show list" }).click();
	assert.ok(await page.locator(".list").isVisible());
});

test("a replay names its origin and links to it", async () => {
	const trace = makeTrace(41, { replay_of: RETRIED.summary.trace_id });
	server.add(trace);
	await open(trace);
	await fact("Replay of").getByRole("link").click();
	await page.getByRole("heading", { level: 1, name: "What is the weather" }).waitFor();
});

test("a trace that is not there, and an address that is none, say so", async () => {
	page = await openPage(browser, `${server.url}/traces/tr_nothing0`);
	await page.getByText("No trace tr_nothing0 in this log").waitFor();
	await page.goto(`${server.url}/no/such/page`);
	await page.getByText("There is nothing at this address").waitFor();
	assert.equal(traceId(1).length, 29);
});
