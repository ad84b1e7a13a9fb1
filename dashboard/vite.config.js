import { defineConfig } from "vite";

// The output is committed and compared byte for byte by a test: nothing in here may depend on the machine or the day.
export default defineConfig({
	publicDir: false,
	oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
	build: {
		target: ["chrome123", "firefox121", "safari17.5"],
		outDir: "dist",
		emptyOutDir: true,
		assetsDir: "assets",
		assetsInlineLimit: 0,
		sourcemap: false,
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
	},
});
