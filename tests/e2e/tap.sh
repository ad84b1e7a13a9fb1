# shellcheck shell=bash
# TAP for end-to-end scripts in bash, to be sourced. `check "sentence" command...` is one test; `skip "sentence" reason` one that cannot be run
# here; `done_testing` closes. A failed test shows its command and what it printed.
tap_count=0
tap_failed=0

check() {
	local sentence=$1 output
	shift
	tap_count=$((tap_count + 1))
	if output=$("$@" 2>&1); then
		echo "ok $tap_count - $sentence"
	else
		tap_failed=$((tap_failed + 1))
		printf '%s\n' "$ $*" "$output" | sed 's/^/# /'
		echo "not ok $tap_count - $sentence"
	fi
}

skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

done_testing() {
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
}
