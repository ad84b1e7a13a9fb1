// The frame around everything: header with the state of the channel, the list, and the trace beside it.

import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import { count } from "./format";
import { Inspector } from "./inspector";
import { Help, helpOpen } from "./keys";
import { headSeq, link, type Link } from "./live";
import { List } from "./list";
import { href, place } from "./router";
import { isDark, listFolded, theme, toggleList, toggleTheme } from "./settings";
import { shown } from "./trace";
import { paused, togglePause } from "./traces";

const LINK_WORDS: Record<Link, string> = { connecting: "connecting", live: "live", waiting: "reconnecting" };
const TITLE_CHARS = 60;

function LinkState(): VNode {
	const words = link.value === "live" && paused.value ? "paused" : LINK_WORDS[link.value];
	return (
		<span class="linkstate">
			<span class={`dot ${words}`} aria-hidden="true" />
			<span role="status">{words}</span>
			{headSeq.value > 0 && (
				<span class="position" title="Position in the log">
					, event {count(headSeq.value)}
				</span>
			)}
		</span>
	);
}

function Header(): VNode {
	void theme.value;
	const folded = listFolded.value === "folded";
	return (
		<header>
			<a class="brand" href={href({ trace: null })}>
				TraceLLM
			</a>
			<nav aria-label="Pages">
				<a href={href({ trace: null })} aria-current={place.value.page === "list" ? "page" : undefined}>
					Traces
				</a>
			</nav>
			<span class="spacer" />
			<LinkState />
			<span class="buttons">
				{place.value.trace !== null && (
					<button type="button" class="quiet foldlist" onClick={toggleList}>
						{folded ? "Show list" : "Fold list"}
					</button>
				)}
				<button type="button" class="quiet" onClick={togglePause}>
					{paused.value ? "Resume" : "Pause"}
				</button>
				<button type="button" class="quiet" onClick={toggleTheme}>
					{isDark() ? "Light" : "Dark"}
				</button>
				<button type="button" class="quiet" aria-label="Keyboard help" onClick={() => (helpOpen.value = true)}>
					<kbd>?</kbd>
				</button>
			</span>
		</header>
	);
}

function Nowhere(): VNode {
	return (
		<main class="main">
			<div class="nothing">
				<h1>There is nothing at this address</h1>
				<a class="link" href="/">
					All traces
				</a>
			</div>
		</main>
	);
}

function titleOf(): string {
	const prompt = shown.value?.document.prompt.trim().replace(/\s+/g, " ") ?? "";
	if (place.value.page !== "trace" || prompt === "") return "TraceLLM";
	return `${prompt.length > TITLE_CHARS ? `${prompt.slice(0, TITLE_CHARS)}…` : prompt} – TraceLLM`;
}

export function App(): VNode {
	const { page } = place.value;
	const title = titleOf();
	useEffect(() => {
		document.title = title;
	}, [title]);
	const layout = page === "list" ? "alone" : listFolded.value === "folded" ? "folded" : "beside";
	return (
		<>
			<Header />
			<div class={`split ${layout}`}>
				<div class="listbox" role={page === "list" ? "main" : undefined}>
					{page === "list" && <h1 class="vh">Traces</h1>}
					<List />
				</div>
				{page === "trace" && <Inspector />}
				{page === "nowhere" && <Nowhere />}
			</div>
			<Help />
		</>
	);
}
