// The page for everybody: by keyboard alone, at 320 pixels, in both themes, for assistive technology.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { AXE, launch, openPage } from "./browser.mjs";
import { Fixture } from "./fixture.mjs";
import { gallery, makeTrace, spanId } from "./traces.mjs";

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

const RETRIED = gallery()[1].summary.trace_id;
const FAILED = gallery()[3].summary.trace_id;

async function open(path, options = {}) {
	page = await openPage(browser, server.url + path, options);
	await page.locator("header [role=status]").getByText("live").waitFor();
	await page.locator(path.startsWith("/traces") ? "main[data-trace]" : "li[data-trace]").first().waitFor();
}

async function focusIs(selector) {
	await page.waitForFunction((wanted) => document.activeElement?.matches(wanted), selector);
}

test("a walk by keyboard: rows, open, tabs, spans, back, filter, theme, help", async () => {
	await open("/");
	await page.keyboard.press("j");
	await focusIs("li:nth-child(1) a");
	await page.keyboard.press("j");
	await page.keyboard.press("ArrowDown");
	await focusIs("li:nth-child(3) a");
	await page.keyboard.press("k");
	await focusIs("li:nth-child(2) a");
	await page.keyboard.press("Enter");
	await page.waitForURL(`**/traces/${RETRIED}`);
	await page.locator("main[data-trace]").waitFor();
	for (const [key, tab] of [["2", "messages"], ["3", "pipeline"], ["4", "events"]]) {
		await page.keyboard.press(key);
		await page.waitForURL(`**?tab=${tab}`);
	}
	await page.keyboard.press("1");
	await page.waitForURL(`**/traces/${RETRIED}`);
	await page.locator(".span[tabindex='0']").focus();
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("ArrowDown");
	await focusIs(`#span-${spanId(3)}`);
	await page.keyboard.press("Enter");
	await page.waitForURL(`**?span=${spanId(3)}`);
	await page.getByRole("complementary", { name: "Span attempt 1" }).waitFor();
	await page.keyboard.press("ArrowLeft");
	await focusIs(`#span-${spanId(2)}`);
	await page.keyboard.press("ArrowLeft");
	await page.waitForFunction(() => document.querySelectorAll(".span").length === 2);
	await page.keyboard.press("ArrowRight");
	await page.waitForFunction(() => document.querySelectorAll(".span").length === 7);
	await page.keyboard.press("Escape");
	await page.waitForURL(`${server.url}/`);
	await focusIs("li:nth-child(2) a");
	await page.keyboard.press("/");
	await focusIs("#filter");
	await page.keyboard.type("jkpt?");
	assert.equal(await page.locator("#filter").inputValue(), "jkpt?", "single keys are off in a field");
	await page.keyboard.press("Escape");
	await page.keyboard.press("t");
	assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
	await page.keyboard.press("?");
	await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
	await page.keyboard.press("Escape");
	await page.getByRole("dialog").waitFor({ state: "hidden" });
});

test("single-letter keys can be turned off, and stay off", async () => {
	await open("/");
	await page.keyboard.press("?");
	await page.getByLabel("Single-letter keys").uncheck();
	await page.keyboard.press("Escape");
	await page.keyboard.press("p");
	await page.reload();
	await page.locator("header [role=status]").getByText("live").waitFor();
	await page.keyboard.press("p");
	await page.keyboard.press("?");
	assert.equal(await page.getByRole("button", { name: "Pause" }).count(), 1);
	assert.equal(await page.getByRole("dialog").count(), 0);
});

test("the focus is visible on every stop of the tab key", async () => {
	await open(`/traces/${RETRIED}`);
	for (let stop = 0; stop < 24; stop++) {
		await page.keyboard.press("Tab");
		const drawn = await page.evaluate(() => {
			const box = document.activeElement?.closest(".box") ?? document.activeElement;
			return document.activeElement === document.body || getComputedStyle(box).outlineStyle !== "none";
		});
		assert.ok(drawn, `stop ${stop}`);
	}
});

test("the theme follows the system until the reader chooses, and the choice is kept", async () => {
	await open("/", { colorScheme: "dark" });
	const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	assert.equal(await background(), "rgb(20, 20, 20)");
	await page.getByRole("button", { name: "Light" }).click();
	assert.equal(await background(), "rgb(251, 251, 250)");
	await page.reload();
	assert.equal(await background(), "rgb(251, 251, 250)");
});

const VIEWS = ["/", `/traces/${RETRIED}?span=${spanId(4)}`, `/traces/${FAILED}`, `/traces/${RETRIED}?tab=messages`, `/traces/${RETRIED}?tab=pipeline`, `/traces/${RETRIED}?tab=events`, "/?q=status:failed%20nonsense"];

for (const colorScheme of ["light", "dark"]) {
	test(`axe finds nothing in any view, ${colorScheme}`, async () => {
		for (const path of VIEWS) {
			await open(path, { colorScheme, reducedMotion: "reduce", bypassCSP: true });
			await page.waitForTimeout(150);
			await page.addScriptTag({ path: AXE });
			const found = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
			assert.deepEqual(
				found.violations.map(({ id, nodes }) => `${path} ${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`),
				[],
			);
			await page.context().close();
		}
		page = undefined;
	});
}

test("nothing scrolls sideways at 320 pixels, in any view", async () => {
	server.add(makeTrace(44, { prompt: "p".repeat(500), answer: "a".repeat(3000), model: "m".repeat(120), project: "q".repeat(120) }));
	for (const path of [...VIEWS, `/traces/${makeTrace(44).summary.short_id}`]) {
		await open(path, { viewport: { width: 320, height: 640 } });
		await page.waitForTimeout(100);
		const wide = await page.evaluate(() =>
			[document.documentElement, ...document.querySelectorAll(".main, .rows, .left, .drawer, .head, .tabs, header, .filter")].filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => `${box.className || box.tagName} ${box.scrollWidth} > ${box.clientWidth}`),
		);
		assert.deepEqual(wide, [], path);
		await page.context().close();
	}
	page = undefined;
});

test("with less motion asked for, nothing moves by itself", async () => {
	await open("/", { reducedMotion: "reduce" });
	assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
});
