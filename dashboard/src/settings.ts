// What the reader chose and the browser keeps: theme, folded list, single-key shortcuts. Works, forgetful, where storage is off.

import { effect, signal, type Signal } from "@preact/signals";

function kept(key: string, initial: string): Signal<string> {
	let value = initial;
	try {
		value = localStorage.getItem(key) ?? initial;
	} catch {
		// Storage may be blocked: the choice then lasts as long as the page.
	}
	const chosen = signal(value);
	effect(() => {
		const next = chosen.value;
		try {
			if (next === initial) localStorage.removeItem(key);
			else localStorage.setItem(key, next);
		} catch {
			// As above.
		}
	});
	return chosen;
}

// "" follows the system.
export const theme = kept("tracellm.theme", "");
export const listFolded = kept("tracellm.list", "shown");
export const singleKeys = kept("tracellm.keys", "on");

const systemDark = matchMedia("(prefers-color-scheme: dark)");

export function isDark(): boolean {
	return theme.value === "" ? systemDark.matches : theme.value === "dark";
}

export function toggleTheme(): void {
	const next = isDark() ? "light" : "dark";
	theme.value = (next === "dark") === systemDark.matches ? "" : next;
}

export function toggleList(): void {
	listFolded.value = listFolded.value === "shown" ? "folded" : "shown";
}

export function startTheme(): void {
	effect(() => {
		if (theme.value === "") delete document.documentElement.dataset["theme"];
		else document.documentElement.dataset["theme"] = theme.value;
	});
}
