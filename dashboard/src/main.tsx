// Starts the parts and ties them together; the only module that knows them all.

import { render } from "preact";
import { App } from "./app";
import { startClock } from "./clock";
import { startKeys } from "./keys";
import { startList } from "./list";
import { startLive } from "./live";
import { checkPaint, expectPaint, onPaintTold, startPaint } from "./paint";
import { startRouter } from "./router";
import { startTheme } from "./settings";
import { lookAtStages, noteFrame, refetch, startTrace } from "./trace";
import { loadFirst, onApplied, startTraces, takeFrame } from "./traces";

startTheme();
startRouter();
startClock();
startTraces();
startTrace();
startList();
startPaint();
startKeys();
onApplied(checkPaint);
onPaintTold(lookAtStages);

startLive({
	reload(fromNothing) {
		refetch(fromNothing);
		return loadFirst(fromNothing);
	},
	frame(frame) {
		takeFrame(frame);
		noteFrame(frame);
		if (frame.type === "trace.finished") expectPaint(frame.trace.trace_id, frame.seq);
	},
});

const root = document.getElementById("app");
if (root) render(<App />, root);
