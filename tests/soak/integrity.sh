#!/bin/bash
# Random histories of a machine that needs four times its RAM, whose every byte
# a model knows: in this program with the invariant check after every command,
# then on mounts with kill -9, new mounts, checkpoints and restores, and the
# check after one command in four; one seed after the other, for MINUTES (10),
# from SEED (the time) on.  BUILD is the build directory (build; build-asan).
#
#	[BUILD=...] tests/soak/integrity.sh [MINUTES [SEED]]
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$top/build}
ninja -C "$build" fs/pagefs tests/mount/integrity \
	tests/unit/test_integrity >/dev/null
end=$((SECONDS + 60 * ${1:-10}))
seed=${2:-$(date +%s)}
while [ $SECONDS -lt $end ]; do
	PAGEFS_SEED=$seed PAGEFS_STEPS=20000 \
		"$build/tests/unit/test_integrity" >/dev/null
	SEED=$seed ROUNDS=9 STEPS=2000 EVERY=4 PAGEFS=$build/fs/pagefs \
		"$top/tests/mount/t_integrity.sh"
	echo "seed $seed: every byte is right"
	seed=$((seed + 1))
done
