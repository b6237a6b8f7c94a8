#!/bin/bash
# Builds the libFuzzer targets with clang and runs each for some seconds over
# its corpus.
#
#	tests/fuzz/run.sh [SECONDS] [TARGET...]
set -eu
cd "$(dirname "$0")/../.."
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
seconds=${1:-10}
shift || true
out=build-fuzz
mkdir -p "$out"

if [ ! -f "$out/build.ninja" ]; then
	CC=clang meson setup "$out" -Dfuzz=true -Db_sanitize=address,undefined \
		-Dbuildtype=debugoptimized -Db_lundef=false >/dev/null
fi
targets=${*:-cmdline elf strace lackey}
for t in $targets; do
	ninja -C "$out" "tests/fuzz/fuzz_$t" >"$out/build.log" 2>&1 || {
		tail -40 "$out/build.log" >&2
		exit 1
	}
done
for t in $targets; do
	work=$(mktemp -d)
	echo "fuzz_$t for $seconds s"
	if ! "$out/tests/fuzz/fuzz_$t" -max_total_time="$seconds" \
		-timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$out/" "$work" "tests/fuzz/corpus/$t" \
		>"$out/fuzz_$t.log" 2>&1; then
		tail -40 "$out/fuzz_$t.log" >&2
		echo "fuzz_$t found something; the input is in $out/" >&2
		rm -rf "$work"
		exit 1
	fi
	grep -E 'number_of_executed_units' "$out/fuzz_$t.log" || true
	rm -rf "$work"
done
