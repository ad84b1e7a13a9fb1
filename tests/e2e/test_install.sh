#!/bin/bash
# `meson install` puts everything where it belongs, and the installed program works from there.
set -uo pipefail
# shellcheck source=tests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A release of its own, so that the prefix is the usual one whatever build/release was set up with.
build_it() {
	meson setup "$work/build" "$TRACELLM_SOURCE" --buildtype=release -Dtests=false --prefix=/usr/local && ninja -C "$work/build"
}
install_it() {
	DESTDIR=$work/root meson install -C "$work/build" --no-rebuild
}
nothing_outside() {
	[ "$(cd "$work/root" && ls)" = usr ] && [ "$(cd "$work/root/usr" && ls)" = local ]
}
pages_parts_are_all_there() {
	(cd "$TRACELLM_SOURCE/dashboard/dist" && find . -type f | sort) >"$work/committed"
	(cd "$prefix/share/tracellm/dashboard" && find . -type f | sort) >"$work/installed"
	cmp "$work/committed" "$work/installed"
}
man_page_is_readable() {
	local page=$prefix/share/man/man1/tracellm.1
	[ -f "$page" ] && grep -q '^\.TH TRACELLM 1' "$page"
}
version_agrees() {
	[ "$("$prefix/bin/tracellm" --version)" = "$("$TRACELLM_BIN/tracellm" --version)" ]
}

prefix=$work/root/usr/local
check "a release is set up and built" build_it
check "it installs below DESTDIR" install_it
check "nothing lands outside the prefix" nothing_outside
for program in tracellm tracellm-server; do
	check "bin/$program is a program" test -x "$prefix/bin/$program"
done
check "the page is in share/tracellm/dashboard" test -f "$prefix/share/tracellm/dashboard/index.html"
check "every file of the built page is installed" pages_parts_are_all_there
check "the man page is in share/man/man1" man_page_is_readable
if [ -f "$TRACELLM_SOURCE/include/tracellm.h" ]; then
	check "the C API is in include" test -f "$prefix/include/tracellm.h"
fi
check "the installed program runs and tells the version of the build" version_agrees
done_testing
