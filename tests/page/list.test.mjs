// The list: rows come by frames, survive breaks, and stay quick and still when they should.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, openPage } from "./browser.mjs";
import { Fixture } from "./fixture.mjs";
import { gallery, makeTrace, TIMEOUT, traceId } from "./traces.mjs";

let browser;
let server;
let page;

before(async () => {
	browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
	server = await new Fixture().start();
});
afterEach(async () => {
	const troubles = page?.troubles ?? [];
	await page?.context().close();
	page = undefined;
	await server.stop();
	assert.deepEqual(troubles, []);
});

const row = (trace) => page.locator(`li[data-trace="${trace.summary.trace_id}"]`);
const state = () => page.locator("header [role=status]");
const ids = () => page.locator("li[data-trace]").evaluateAll((rows) => rows.map((each) => each.dataset.trace));

async function open(path = "/", options = {}) {
	page = await openPage(browser, server.url + path, options);
	await state().getByText("live").waitFor();
	await page.locator(".list[aria-busy=false]").waitFor();
}

function many(n, from = 1) {
	return Array.from({ length: n }, (_, index) => makeTrace(from + index, { seq: from + index, prompt: `Prompt number ${from + index}`, age_s: 10 + n - index }));
}

async function until(what, check) {
	const end = Date.now() + 10_000;
	while (!(await check())) {
		assert.ok(Date.now() < end, what);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

test("a row appears from a frame, without a reload and without asking the API again", async () => {
	server.add(...gallery());
	await open();
	const asked = server.requests.length;
	const trace = makeTrace(50, { status: "running", prompt: "Just now", answer: "", age_s: 0 });
	server.emit("trace.created", trace);
	await row(trace).getByText("Just now").waitFor();
	await row(trace).getByText("waiting").waitFor();
	assert.equal((await ids())[0], trace.summary.trace_id, "the newest is first");
	assert.equal(await page.locator(".total").textContent(), "8");
	assert.equal(server.requests.length, asked);
});

test("a row counts the characters while it streams and then shows what the trace took", async () => {
	await open();
	server.emit("trace.created", makeTrace(1, { status: "running", seq: 10, age_s: 0, answer: "" }));
	server.emit("trace.updated", makeTrace(1, { status: "running", seq: 11, age_s: 0, answer: "x".repeat(1312) }));
	await row(makeTrace(1)).getByText("streaming, 1\u202f312 characters").waitFor();
	server.emit("trace.finished", makeTrace(1, { seq: 12, age_s: 0 }));
	const text = await row(makeTrace(1)).getByText("$0.0019").locator("xpath=ancestor::li").innerText();
	for (const part of ["success", "gpt-4o", "1.24s", "12 → 184"]) assert.ok(text.includes(part), `${part} in ${text}`);
});

test("a frame older than its row changes nothing", async () => {
	await open();
	server.emit("trace.finished", makeTrace(1, { seq: 12, age_s: 5 }));
	await row(makeTrace(1)).getByText("success").waitFor();
	server.broadcast({ type: "trace.updated", seq: 11, trace: makeTrace(1, { seq: 11, status: "running" }).summary });
	server.emit("trace.finished", makeTrace(2, { seq: 13, age_s: 4 }));
	await row(makeTrace(2)).waitFor();
	assert.equal(await row(makeTrace(1)).getAttribute("data-status"), "success");
});

test("every status is a sign, a word and a colour", async () => {
	server.add(...gallery());
	await open();
	for (const trace of gallery()) {
		const status = trace.summary.status;
		assert.ok((await row(trace).locator(".when").innerText()).includes(status));
		assert.notEqual((await row(trace).locator("a > .s").innerText()).trim(), "");
	}
	await row(gallery()[3]).getByText("3 attempts, timeout").waitFor();
	assert.equal(TIMEOUT.class, "timeout");
});

test("after the server died and came back, the page resumes with after=SEQ: no gap and no double", async () => {
	server.add(...many(3));
	await open();
	server.emit("trace.created", makeTrace(4, { seq: 40, status: "running", age_s: 3 }));
	await row(makeTrace(4)).waitFor();
	await server.stop();
	await state().getByText("reconnecting").waitFor();
	server.add(makeTrace(4, { seq: 44, age_s: 3 }), makeTrace(5, { seq: 50, age_s: 2 }), makeTrace(6, { seq: 60, status: "running", age_s: 1 }));
	const asked = server.requests.length;
	await server.start();
	await state().getByText("live").waitFor();
	assert.equal(server.sockets.at(-1), "/ws?lines=1&after=40");
	await row(makeTrace(6)).waitFor();
	await row(makeTrace(4)).getByText("success").waitFor();
	assert.deepEqual(await ids(), [6, 5, 4, 3, 2, 1].map(traceId));
	assert.equal(await page.locator(".total").textContent(), "6");
	assert.equal(server.requests.length, asked, "the frames were enough");
});

test("a break during the catch-up asks again from the same place", async () => {
	server.add(...many(3));
	await open();
	server.emit("trace.created", makeTrace(4, { seq: 40, age_s: 3 }));
	await row(makeTrace(4)).waitFor();
	await server.stop();
	server.add(makeTrace(5, { seq: 50, age_s: 2 }), makeTrace(6, { seq: 60, age_s: 1 }));
	await server.start();
	await row(makeTrace(6)).waitFor();
	await server.stop();
	await state().getByText("reconnecting").waitFor();
	await server.start();
	await state().getByText("live").waitFor();
	assert.equal(server.sockets.at(-1), "/ws?lines=1&after=40", "nothing beyond hello's position has come");
});

test("another log starts the page from nothing", async () => {
	server.add(...many(3));
	await open();
	await server.stop();
	server.traces.clear();
	server.logId = "log-b";
	server.head = 1;
	server.add(makeTrace(90, { seq: 5, age_s: 1 }));
	await server.start();
	await row(makeTrace(90)).waitFor();
	assert.deepEqual(await ids(), [traceId(90)]);
});

test("resync loads the list again", async () => {
	server.add(...many(3));
	await open();
	server.add(makeTrace(7, { seq: 70, age_s: 1 }));
	server.broadcast({ type: "resync", seq: 70 });
	await row(makeTrace(7)).waitFor();
	assert.deepEqual(await ids(), [7, 3, 2, 1].map(traceId));
});

test("frames are applied about ten times a second, however many come", async () => {
	await open();
	const at = (chars) => makeTrace(1, { seq: 100 + chars, status: "running", age_s: 0, answer: "x".repeat(chars) });
	server.emit("trace.created", at(1));
	await row(at(1)).waitFor();
	await row(at(1)).evaluate((element) => {
		window.texts = 0;
		window.from = performance.now();
		new MutationObserver(() => window.texts++).observe(element.querySelector(".over3"), { childList: true, subtree: true, characterData: true });
	});
	for (let chars = 2; chars <= 300; chars++) {
		server.emit("trace.updated", at(chars));
		await new Promise((resolve) => setTimeout(resolve, 4));
	}
	await row(at(1)).getByText("streaming, 300 characters").waitFor();
	const { texts, tenths } = await page.evaluate(() => ({ texts: window.texts, tenths: (performance.now() - window.from) / 100 }));
	assert.ok(texts > 2 && texts <= tenths + 2, `${texts} changes in ${tenths.toFixed(1)} tenths of a second`);
});

test("filter tokens become the API's parameters and decide which frames make rows", async () => {
	server.add(...gallery());
	await open();
	await page.keyboard.press("/");
	await page.keyboard.type('status:success model:gpt-4o project:"default" tag:night ');
	await until("the list is asked with the filter", () => server.requests.at(-1).includes("tag=night"));
	const asked = new URL(server.requests.at(-1), server.url).searchParams;
	assert.deepEqual(Object.fromEntries([...asked].filter(([key]) => key !== "limit")), { status: "success", model: "gpt-4o", project: "default", tag: "night" });
	assert.equal(new URL(page.url()).searchParams.get("q"), "status:success model:gpt-4o project:default tag:night");
	await page.getByText("No trace matches this filter.").waitFor();
	server.emit("trace.finished", makeTrace(60, { age_s: 1, tags: ["day"] }));
	server.emit("trace.finished", makeTrace(61, { age_s: 1, tags: ["night"] }));
	await row(makeTrace(61)).waitFor();
	assert.deepEqual(await ids(), [traceId(61)]);
	await page.getByRole("button", { name: "Remove tag:night" }).click();
	await row(makeTrace(60)).waitFor();
});

test("a row that leaves the filter and one that enters it in the same moment change places", async () => {
	server.add(makeTrace(1, { status: "running", seq: 10, age_s: 9 }));
	await open("/?q=status:running");
	await row(makeTrace(1)).waitFor();
	server.emit("trace.finished", makeTrace(1, { seq: 12, age_s: 9 }));
	server.emit("trace.created", makeTrace(2, { status: "running", seq: 13, age_s: 3 }));
	await row(makeTrace(2)).waitFor();
	assert.deepEqual(await ids(), [traceId(2)]);
	assert.equal(await page.locator(".total").textContent(), "1");
});

test("a list that cannot be loaded says why and can be asked again", async () => {
	await open();
	server.add(...many(2));
	await page.route("**/api/traces?*", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: '{"title":"View unusable","detail":"disk I/O error"}' }));
	await page.goto(`${server.url}/`);
	await page.getByText("View unusable: disk I/O error").waitFor();
	await page.unroute("**/api/traces?*");
	await page.getByRole("button", { name: "Try again" }).click();
	await row(makeTrace(2)).waitFor();
});

test("the list is where it was when a narrow page comes back from a trace", async () => {
	server.add(...many(90));
	await open("/", { viewport: { width: 500, height: 700 } });
	await page.locator(".rows").evaluate((rows) => (rows.scrollTop = 1180));
	await page.locator("li[data-trace] a").nth(10).click();
	await page.locator("main[data-trace]").waitFor();
	assert.ok(!(await page.locator(".list").isVisible()));
	await page.goBack();
	await page.locator(".list").waitFor();
	assert.equal(await page.locator(".rows").evaluate((rows) => rows.scrollTop), 1180);
});

test("a word that is no filter is said to be none", async () => {
	await open();
	await page.keyboard.press("/");
	await page.keyboard.type("nonsense");
	await page.keyboard.press("Enter");
	await page.getByText("No filter “nonsense”").waitFor();
	assert.equal(await page.getByLabel("Filter, as key:value").getAttribute("aria-invalid"), "true");
});

test("replays stay out of the list unless asked for", async () => {
	await open();
	server.emit("trace.finished", makeTrace(1, { age_s: 2, replay_of: traceId(9) }));
	server.emit("trace.finished", makeTrace(2, { age_s: 1 }));
	await row(makeTrace(2)).waitFor();
	assert.deepEqual(await ids(), [traceId(2)]);
	await page.goto(`${server.url}/?q=replays:1`);
	await row(makeTrace(1)).getByText("replay").waitFor();
	assert.ok(server.requests.at(-1).includes("replays=1"));
});

test("while the list is scrolled, new rows wait behind a pill", async () => {
	server.add(...many(90));
	await open();
	await page.locator(".rows").evaluate((rows) => (rows.scrollTop = 1000));
	const first = () => page.locator(".rows").evaluate((rows) => rows.scrollTop);
	await until("scrolled", async () => (await first()) === 1000);
	server.emit("trace.created", makeTrace(200, { age_s: 1, status: "running", seq: 5000 }));
	server.emit("trace.finished", makeTrace(200, { age_s: 1, seq: 5001 }));
	server.emit("trace.created", makeTrace(201, { age_s: 0, seq: 5002 }));
	await page.getByRole("button", { name: "2 new" }).click();
	await row(makeTrace(200)).waitFor();
	assert.equal(await first(), 0);
	assert.equal(await page.locator(".pill").count(), 0);
});

test("p pauses the list and lets go again", async () => {
	server.add(...many(3));
	await open();
	await page.keyboard.press("p");
	await state().getByText("paused").waitFor();
	server.emit("trace.created", makeTrace(8, { seq: 800, age_s: 1 }));
	await page.getByRole("button", { name: "1 new" }).waitFor();
	assert.equal(await row(makeTrace(8)).count(), 0);
	await page.keyboard.press("p");
	await row(makeTrace(8)).waitFor();
});

test("10,000 rows load by scrolling and few of them are in the page", async () => {
	server.add(...many(10_000));
	await open();
	for (let loaded = 0; loaded < 10_000; ) {
		await page.locator(".rows").evaluate((rows) => (rows.scrollTop = rows.scrollHeight));
		await new Promise((resolve) => setTimeout(resolve, 15));
		loaded = await page.locator(".sizer").evaluate((sizer) => Math.round(sizer.offsetHeight / 38));
	}
	await page.locator(".rows").evaluate((rows) => (rows.scrollTop = rows.scrollHeight));
	await row(makeTrace(1)).waitFor();
	assert.ok((await page.locator("li[data-trace]").count()) <= 60);
	assert.equal(new Set(server.requests.filter((url) => url.startsWith("/api/traces?"))).size, server.requests.length, "no page was asked twice");
	server.emit("trace.finished", makeTrace(1, { seq: 99_999, age_s: 10_010, prompt: "changed far down" }));
	await row(makeTrace(1)).getByText("changed far down").waitFor();
});

test("the end of a trace is acknowledged once, after its row was painted", async () => {
	await open();
	server.emit("trace.created", makeTrace(1, { seq: 10, status: "running", age_s: 0 }));
	await row(makeTrace(1)).waitFor();
	assert.deepEqual(server.said, []);
	server.emit("trace.finished", makeTrace(1, { seq: 12, age_s: 0 }));
	await until("acknowledged", () => server.said.length > 0);
	server.emit("trace.finished", makeTrace(1, { seq: 12, age_s: 0 }));
	server.emit("trace.finished", makeTrace(2, { seq: 14, age_s: 0 }));
	await until("the second too", () => server.said.length > 1);
	assert.deepEqual(server.said, [
		{ type: "painted", trace_id: traceId(1), seq: 12 },
		{ type: "painted", trace_id: traceId(2), seq: 14 },
	]);
});

test("a row out of view is acknowledged only when it is scrolled into view", async () => {
	server.add(...many(90));
	await open();
	const drawn = await ids();
	const below = makeTrace(90 - (drawn.length - 1), { seq: 5000, age_s: 10 + drawn.length });
	assert.equal(below.summary.trace_id, drawn.at(-1), "drawn in advance, below the edge");
	server.emit("trace.finished", below);
	server.emit("trace.finished", makeTrace(90, { seq: 5001, age_s: 11 }));
	await until("the visible one", () => server.said.length === 1);
	assert.equal(server.said[0].trace_id, traceId(90));
	await page.locator(".rows").evaluate((rows) => (rows.scrollTop = 400));
	await until("the other", () => server.said.length === 2);
	assert.deepEqual(server.said[1], { type: "painted", trace_id: below.summary.trace_id, seq: 5000 });
});

test("without the live channel the list still loads and says that it is not live", async () => {
	server.add(...many(2));
	page = await openPage(browser, "about:blank");
	await page.addInitScript(() => {
		window.WebSocket = class extends EventTarget {
			constructor() {
				super();
				setTimeout(() => this.dispatchEvent(new Event("close")), 5);
			}
		};
	});
	await page.goto(server.url);
	await row(makeTrace(2)).waitFor();
	await state().getByText("reconnecting").waitFor();
});
