#!/bin/bash
# The page in dashboard/dist is what its sources make, byte for byte: rebuilt from a clean copy, in a folder of another name.
set -uo pipefail
# shellcheck source=tests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

rebuild() {
	cp -r "$TRACELLM_SOURCE/dashboard" "$work/page" &&
		rm -rf "$work/page/dist" "$work/page/node_modules" &&
		cd "$work/page" &&
		npm ci --no-audit --no-fund --prefer-offline &&
		npm run build
}

if ! node=$("$TRACELLM_SOURCE/scripts/node" 2>"$work/why"); then
	skip "the committed page is what its sources make" "no Node 20.19 or newer to be had: $(tail -n 1 "$work/why")"
else
	PATH=$(tail -n 1 <<<"$node"):$PATH
	check "the page builds from a clean copy" rebuild
	check "the committed page is what its sources make" diff -r "$TRACELLM_SOURCE/dashboard/dist" "$work/page/dist"
fi
done_testing
