// The walk-through in a real browser against the real server. Called by test_browser.py with the server's URL and a folder for pictures; says one line
// a test: {"ok": true, "name": "...", "why": "..."}. Asks the caller for what only it can do (trace, kill, restart) by {"do": "...", ...} on standard
// output and reads the answer, one JSON line, from standard input.

import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { launch, openPage } from "../page/browser.mjs";

const [url, pictures] = process.argv.slice(2);
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function ask(what, more = {}) {
	say({ do: what, ...more });
	return JSON.parse((await answers.next()).value);
}

async function test(name, body) {
	try {
		await body();
		say({ ok: true, name });
	} catch (error) {
		say({ ok: false, name, why: String(error.stack ?? error) });
	}
}

async function until(what, check, patience_ms = 10_000) {
	const end = Date.now() + patience_ms;
	while (!(await check())) {
		assert.ok(Date.now() < end, what);
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
}

const browser = await launch();
const page = await openPage(browser, `${url}/`);
const row = (id) => page.locator(`li[data-trace="${id}"]`);
const rows = () => page.locator("li[data-trace]").evaluateAll((all) => all.map((each) => each.dataset.trace));
const live = () => page.locator("header [role=status]").getByText("live").waitFor();
const picture = (name) => pictures && page.screenshot({ path: `${pictures}/${name}.png` });
let first;

await live();

await test("a trace made by another process appears by itself within a second", async () => {
	const asked = [];
	page.on("request", (request) => asked.push(request.url()));
	const seen = page.locator("li[data-trace]").first().waitFor().then(() => Date.now());
	const begun = await ask("trace", { prompt: "Explain transformers", wait: false });
	const took = (await seen) - begun.started_unix_ms;
	assert.ok(took < 1000, `it took ${took} ms`);
	assert.deepEqual(asked, [], "nothing was polled");
	first = await ask("traced");
	await row(first.trace_id).getByText("Explain transformers").waitFor();
	await until("the row says success", async () => /success/.test(await row(first.trace_id).locator(".s").first().getAttribute("title") ?? await row(first.trace_id).innerText()));
});

await test("a click shows everything: prompt, answer, waterfall, tokens, cost, stages", async () => {
	await row(first.trace_id).click();
	const main = page.locator("main[data-trace]");
	await main.waitFor();
	assert.ok(page.url().includes(first.trace_id.slice(0, 11)), page.url());
	await main.getByRole("treegrid").waitFor();
	const names = await main.locator(".span .name bdi").allTextContents();
	for (const name of ["trace", "chat sandbox", "attempt 1", "first byte", "streaming"]) assert.ok(names.includes(name), `${name} in ${names}`);
	const text = await main.innerText();
	for (const part of ["Explain transformers", "sandbox", "Latency", "Tokens in", "Cost"]) assert.ok(text.includes(part), part);
	await picture("inspector");
});

await test("the messages are whole, the answer to the last character", async () => {
	await page.goto(`${url}/traces/${first.trace_id}?tab=messages`);
	await page.locator("main[data-trace]").waitFor();
	assert.equal(await page.locator(".msg.answer .text").evaluate((each) => each.textContent), first.answer);
});

await test("all seven stages are there, the fifth and the sixth caused by this browser", async () => {
	await until("seven stages", async () => {
		const { stages } = await ask("stages", { id: first.trace_id });
		return stages.length === 7 && stages.every((stage) => stage.seq !== null);
	});
	await page.goto(`${url}/traces/${first.trace_id}?tab=pipeline`);
	await page.locator("main[data-trace]").waitFor();
	await until("the page shows them", async () => (await page.locator("main").innerText()).includes("Replay Available"));
	await picture("pipeline");
});

await test("a retry and a failure are shown as what they are", async () => {
	const retried = await ask("retried");
	await page.goto(`${url}/`);
	await row(retried.trace_id).click();
	const text = async () => page.locator("main[data-trace]").innerText();
	await until("both attempts", async () => (await text()).includes("attempt 1") && (await text()).includes("attempt 2"));
	assert.match(await text(), /warning/);
	assert.match(await text(), /429/);
	await picture("retry");
	const failed = await ask("failed");
	await page.goto(`${url}/traces/${failed.trace_id}`);
	await until("the reason", async () => (await text()).includes(failed.reason));
	await picture("failed");
});

await test("the server is killed and restarted with the page open: no gap, no double", async () => {
	await page.goto(`${url}/`);
	await live();
	await page.locator(".list[aria-busy=false]").waitFor();
	const before = await rows();
	await ask("kill");
	const made = [];
	for (let i = 0; i < 3; i++) made.push((await ask("trace", { prompt: `While it was away ${i}`, wait: true })).trace_id);
	await ask("restart");
	await live();
	made.push((await ask("trace", { prompt: "After it came back", wait: true })).trace_id);
	await until("all rows are there", async () => made.every((id) => true) && (await Promise.all(made.map((id) => row(id).count()))).every((count) => count === 1), 20_000);
	const after = await rows();
	assert.equal(new Set(after).size, after.length, "no row twice");
	assert.deepEqual(new Set(after), new Set([...made, ...before]));
	await until("they are all ended", async () => !(await page.locator(".list").innerText()).includes("streaming"));
});

await test("text from outside stays text", async () => {
	const hostile = await ask("trace", { prompt: "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>", wait: true });
	await page.goto(`${url}/traces/${hostile.trace_id}?tab=messages`);
	await page.locator("main[data-trace]").waitFor();
	await until("the text is shown", async () => (await page.locator("main").innerText()).includes("onerror"));
	assert.equal(await page.locator("main img").count(), 0);
	assert.notEqual(await page.title(), "owned");
});

if (pictures) {
	await page.goto(`${url}/traces/${first.trace_id}`);
	await page.locator("main[data-trace]").waitFor();
	await picture("list-light");
	await page.emulateMedia({ colorScheme: "dark" });
	await picture("list-dark");
}
await test("no script error and no violation of the content policy", async () => assert.deepEqual(page.troubles, []));
await browser.close();
say({ end: true });
process.exit(0);
