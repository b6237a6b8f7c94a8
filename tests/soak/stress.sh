#!/bin/bash
# Many clients of one mount at once, for SECONDS (600): writers, readers,
# disk/, checkpoints, at/, and then the same with restores in between.  With
# -t the daemon is built with ThreadSanitizer, and must have no data race.
#
#	tests/soak/stress.sh [-t] [SECONDS]
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$top/build
if [ "${1:-}" = -t ]; then
	shift
	build=$top/build-tsan
	[ -d "$build" ] || meson setup "$build" "$top" -Db_sanitize=thread \
		-Db_lundef=false -Dbuildtype=debugoptimized
fi
seconds=${1:-600}
ninja -C "$build" fs/pagefs >/dev/null
work=$(mktemp -d "${TMPDIR:-/tmp}/pagefs-stress.XXXXXX")
m=$work/mnt
mkdir "$m"
failed=0

round() {
	local pid i
	TSAN_OPTIONS="log_path=$work/race" "$build/fs/pagefs" -f \
		-o ram=64M,disk=8M "$work/machine.db" "$m" >>"$work/out" 2>&1 &
	pid=$!
	for i in $(seq 200); do
		mountpoint -q "$m" && break
		sleep 0.05
	done
	"$top/tests/soak/stress.py" "$m" $((seconds / 2)) "$@" || failed=1
	grep -E '^Vm(HWM|RSS)' "/proc/$pid/status"
	fusermount3 -u "$m"
	wait "$pid" || failed=1
	"$build/fs/pagefs" --check "$work/machine.db" || failed=1
}

round
round restore
for f in "$work"/race.*; do
	[ -e "$f" ] || continue
	grep -h SUMMARY "$f" | sort | uniq -c
	echo "see $f"
	failed=1
done
[ "$failed" = 0 ] && rm -r "$work"
exit "$failed"
