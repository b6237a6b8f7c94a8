#!/bin/bash
# kill -9 at random moments, ROUNDS (300) times: while lines, long writes,
# copies to disk/, checkpoints, restore, forget, vacuum and remounts are on
# their way, and while a machine is being opened.  Nothing acknowledged may be
# lost, `pagefs --check` and SQLite find nothing, and a replay from boot comes
# to the same state.  BUILD is the build directory (build; build-asan).
#
#	[BUILD=...] tests/soak/kill.sh [ROUNDS [SEED]]
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$top/build}
ninja -C "$build" fs/pagefs >/dev/null
work=$(mktemp -d "${TMPDIR:-/tmp}/pagefs-kill.XXXXXX")
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$work/sanitizer
export UBSAN_OPTIONS=${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}log_path=$work/sanitizer
status=0
"$top/tests/soak/kill.py" "$build/fs/pagefs" "$work" "${1:-300}" \
	"${2:-$(date +%s)}" || status=1
cat "$work"/sanitizer.* >&2 2>/dev/null && status=1
if [ "$status" = 0 ]; then
	rm -r "$work"
else
	echo "see $work" >&2
fi
exit "$status"
