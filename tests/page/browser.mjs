// Debian's Chromium for the page's tests, and a page that fails its test on any script error or CSP violation.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(fileURLToPath(new URL("../../dashboard/package.json", import.meta.url)));
const { chromium } = require("playwright-core");

export const AXE = require.resolve("axe-core/axe.min.js");

export function launch() {
	return chromium.launch({
		executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
		args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
	});
}

export async function openPage(browser, url, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1400, height: 860 }, ...options });
	const page = await context.newPage();
	page.troubles = [];
	page.on("pageerror", (error) => page.troubles.push(String(error)));
	page.on("console", (message) => {
		// A refused connection is logged by the browser itself and is what some tests are about.
		if (message.type() === "error" && !/ERR_CONNECTION|WebSocket connection|Failed to load resource/.test(message.text())) page.troubles.push(message.text());
	});
	await page.goto(url);
	return page;
}
