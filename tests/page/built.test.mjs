// The committed page is what its sources build, typed strictly, small, and free of anything the CSP forbids.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const DASHBOARD = fileURLToPath(new URL("../../dashboard/", import.meta.url));
const DIST = join(DASHBOARD, "dist");
const JS_MAX = 45_000;
const CSS_MAX = 8_000;

function filesOf(folder) {
	return readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1))
		.sort();
}

function npx(...command) {
	execFileSync("npx", ["--no-install", ...command], { cwd: DASHBOARD, stdio: "pipe" });
}

test("the sources pass the strict type check", () => {
	npx("tsc", "--noEmit");
});

test("the committed page is byte for byte what the sources build", () => {
	const fresh = mkdtempSync(join(tmpdir(), "tracellm-page-"));
	try {
		npx("vite", "build", "--outDir", fresh, "--logLevel", "error");
		assert.deepEqual(filesOf(fresh), filesOf(DIST));
		for (const file of filesOf(DIST)) assert.ok(readFileSync(join(fresh, file)).equals(readFileSync(join(DIST, file))), `${file} differs`);
	} finally {
		rmSync(fresh, { recursive: true });
	}
});

test("the page before its first paint is within its budget", () => {
	const sizeOf = (extension) =>
		filesOf(DIST)
			.filter((file) => file.endsWith(extension))
			.reduce((sum, file) => sum + gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length, 0);
	assert.ok(sizeOf(".js") <= JS_MAX, `${sizeOf(".js")} bytes of JavaScript`);
	assert.ok(sizeOf(".css") <= CSS_MAX, `${sizeOf(".css")} bytes of CSS`);
});

test("the page holds no inline script or style, no source map, nothing from elsewhere", () => {
	const html = readFileSync(join(DIST, "index.html"), "utf8");
	assert.doesNotMatch(html, /<style|style=|<script(?![^>]*\ssrc=)|\son[a-z]+=/);
	for (const file of filesOf(DIST)) {
		assert.match(file, /^(index\.html|assets\/[\w-]+-[\w-]{8}\.(js|css|svg))$/);
		const text = readFileSync(join(DIST, file), "utf8");
		assert.doesNotMatch(text, /sourceMappingURL|@import|url\(["']?https?:/);
	}
});

test("the sources never write markup from text", () => {
	for (const file of filesOf(join(DASHBOARD, "src"))) {
		const text = readFileSync(join(DASHBOARD, "src", file), "utf8");
		assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|: any\b|as any\b/, file);
	}
});
