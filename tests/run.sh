#!/bin/bash
# Builds pagefs and runs every test: plain, then with the address and the
# undefined-behaviour sanitizers, then the fuzzers for a short while.
#
#	tests/run.sh            everything
#	tests/run.sh unit       one suite: unit, mount, oracle, asan or fuzz
set -eu
cd "$(dirname "$0")/.."

./examples/deps.sh test

if [ ! -c /dev/fuse ]; then
	echo "tests/run.sh: there is no /dev/fuse; the mount tests need it." >&2
	echo "In a container, run it with --device /dev/fuse --cap-add SYS_ADMIN." >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "tests/run.sh: the mount tests need root (mount, kernel probes)." >&2
	exit 1
fi

passed=0
failed=0

# suite BUILD_DIR SUITE: runs one suite and adds up its results.
suite() {
	local log=$1/meson-logs/testlog-$2.json ok bad

	echo "== $1: $2"
	rm -f "$log"
	meson test -C "$1" --no-rebuild --suite "$2" --logbase "testlog-$2" \
		--print-errorlogs ${3:+--timeout-multiplier "$3"} || true
	[ -f "$log" ] || { failed=$((failed + 1)); return; }
	ok=$(grep -c '"result": "OK"' "$log" || true)
	bad=$(grep -vc '"result": "OK"' "$log" || true)
	passed=$((passed + ok))
	failed=$((failed + bad))
	[ "$ok" -gt 0 ] || failed=$((failed + 1))
}

# build DIR TARGETS OPTIONS...
build() {
	local dir=$1 targets=$2
	shift 2
	[ -f "$dir/build.ninja" ] || meson setup "$dir" "$@" >/dev/null
	# shellcheck disable=SC2086
	ninja -C "$dir" $targets >"$dir/build.log" 2>&1 || {
		cat "$dir/build.log" >&2
		exit 1
	}
}

want=${1:-all}

build build all
case $want in
all | unit) suite build unit ;;
esac
case $want in
all | mount) suite build mount ;;
esac
case $want in
all | oracle) suite build oracle ;;
esac
case $want in
all | asan)
	build build-asan 'all benches' -Dbuildtype=debug -Doptimization=1 \
		-Db_sanitize=address,undefined -Db_lundef=false
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	suite build-asan unit 4
	suite build-asan mount 4
	;;
esac
case $want in
all | fuzz)
	echo "== fuzz"
	if ./tests/fuzz/run.sh "${FUZZ_SECONDS:-10}"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
	;;
esac

echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
