#!/bin/bash
# quick
# The README's first command, on a machine that has the packages: it ends with the page's URL, and a second run builds nothing.
set -uo pipefail
# shellcheck source=tests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export TRACELLM_LINK_DIR=$HOME/links
work=$(mktemp -d)
trap '"$TRACELLM_BIN/tracellm" stop >/dev/null 2>&1; rm -rf "$work"' EXIT

first() {
	"$TRACELLM_SOURCE/quickstart" --port "$port" >"$work/first" 2>"$work/first.err" || {
		cat "$work/first" "$work/first.err"
		return 1
	}
}
again() {
	find "$TRACELLM_BIN" -maxdepth 1 -type f -printf '%p %T@\n' | sort >"$work/before"
	"$TRACELLM_SOURCE/quickstart" --port "$port" >"$work/second" 2>&1 || {
		cat "$work/second"
		return 1
	}
	grep -q 'ninja: no work to do' "$work/second" && ! grep -q -e Installing: -e Linked "$work/second"
}
six_lines_in_order() {
	grep -oE '^(Trace ID:     tr_[0-9a-z]{8,26}|Model:        sandbox|Latency:      [0-9]+\.[0-9]{2}s|Prompt Tokens:  [0-9]+|Completion Tokens: [0-9]+|Status:       success)$' \
		"$work/first" | sed 's/:.*//' | tr '\n' ',' | grep -qx 'Trace ID,Model,Latency,Prompt Tokens,Completion Tokens,Status,'
}
url_is_last() {
	[ "$(tail -n 1 "$work/first")" = "The page: http://127.0.0.1:$port/" ] || [ "$(tail -n 1 "$work/first")" = "The page: http://localhost:$port/" ] || {
		tail -n 1 "$work/first"
		return 1
	}
}
page_answers() {
	curl -fsS --noproxy '*' "$(tail -n 1 "$work/first" | sed 's/^The page: //')" | grep -qi '<!doctype html>'
}
foreign_file_stays() {
	rm "$TRACELLM_LINK_DIR/tracellm" && echo mine >"$TRACELLM_LINK_DIR/tracellm" &&
		"$TRACELLM_SOURCE/quickstart" >"$work/third" 2>&1 &&
		[ "$(cat "$TRACELLM_LINK_DIR/tracellm")" = mine ] && grep -q 'is not ours and stays' "$work/third"
}
older_link_is_replaced() {
	ln -sf /somewhere/else/build/release/tracellm "$TRACELLM_LINK_DIR/tracellm" &&
		"$TRACELLM_SOURCE/quickstart" >"$work/fourth" 2>&1 &&
		[ "$(readlink "$TRACELLM_LINK_DIR/tracellm")" = "$TRACELLM_SOURCE/build/release/tracellm" ]
}

check "quickstart ends well" first
check "it prints the trace in the six lines" six_lines_in_order
check "its last line is the page's URL" url_is_last
check "the page answers there" page_answers
check "the program is linked into the PATH" test "$(readlink "$TRACELLM_LINK_DIR/tracellm")" = "$TRACELLM_SOURCE/build/release/tracellm"
check "a second run installs, builds and links nothing" again
check "somebody else's tracellm in the PATH stays" foreign_file_stays
check "the link of another checkout is replaced" older_link_is_replaced
done_testing
