#!/bin/bash
# quick
# scripts/install judged with a package list and a package manager of the test's own: no package of this machine is touched.
set -uo pipefail
# shellcheck source=tests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

install=$TRACELLM_SOURCE/scripts/install
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
export TRACELLM_PACKAGES=$work/packages.txt CALLS=$work/calls

printf '[build]\ngcc   # a remark\nmeson\n\n[run]\nlibfoo1\n[test]\nlibbar-dev\n' >"$TRACELLM_PACKAGES"

# dpkg-query knows the packages of $HAVE; apt-get and sudo only write down that they were called.
cat >"$work/bin/dpkg-query" <<'END'
#!/bin/bash
case " $HAVE " in *" ${*: -1} "*) printf installed ;; *) exit 1 ;; esac
END
cat >"$work/bin/apt-get" <<'END'
#!/bin/bash
echo "apt-get $* $DEBIAN_FRONTEND" >>"$CALLS"
END
cat >"$work/bin/id" <<'END'
#!/bin/bash
echo "$FAKE_UID"
END
cat >"$work/bin/sudo" <<'END'
#!/bin/bash
echo "sudo" >>"$CALLS"
exec "$@"
END
chmod +x "$work/bin/"*

# `with UID "HAVE" arguments...`: what install says, with the exit code as its last line. The calls are in $CALLS.
with() {
	: >"$CALLS"
	FAKE_UID=$1 HAVE=$2 PATH=$work/bin:$PATH "$install" "${@:3}" 2>&1
	echo "exit $?"
}

equal() {
	[ "$1" = "$2" ] || {
		printf 'got:\n%s\nexpected:\n%s\n' "$1" "$2"
		return 1
	}
}

said=$(with 0 "gcc meson libfoo1" build run)
check "with everything installed no package manager is called" equal "$said$(cat "$CALLS")" "exit 0"

said=$(with 0 "gcc" --missing build run)
check "the missing packages of the named sections are named, remarks left out" equal "$said" $'meson\nlibfoo1\nexit 0'

said=$(with 0 "gcc" --missing test)
check "a section is only itself" equal "$said" $'libbar-dev\nexit 0'

said=$(with 0 "gcc" build run)
check "what is missing is installed in one go, without questions" equal "$(sed 's/-o [^ ]* //' "$CALLS")" \
	$'apt-get -q -y update noninteractive\napt-get -q -y install --no-install-recommends meson libfoo1 noninteractive'

with 1000 "gcc" build >"$work/said"
check "a user installs with sudo" grep -qx sudo "$CALLS"

rm "$work/bin/sudo"
mkdir "$work/few"
for tool in awk bash dirname env; do ln -s "$(command -v $tool)" "$work/few/$tool"; done
: >"$CALLS"
said=$(FAKE_UID=1000 HAVE=gcc PATH=$work/bin:$work/few "$install" build 2>&1)
code=$?
check "a user without sudo is told the command for root" equal "$said, $code, $(cat "$CALLS")" \
	"Missing packages, and neither root nor sudo to install them. As root: apt-get install meson, 1, "

said=$(with 0 "" attic)
check "a section that does not exist is refused" equal "$said" "install: no section 'attic' in $TRACELLM_PACKAGES"$'\n'"exit 2"

unset TRACELLM_PACKAGES
said=$("$install" --missing build run test)
check "the list of this project is complete on the machine that runs its tests" equal "$said" ""

done_testing
