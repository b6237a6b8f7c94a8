#!/bin/bash
# Every byte of machines with a quarter of the memory that their processes need
# is right, also after kill -9, a new mount, and a restore, and the machine's own
# check says ok after every command; see integrity.c.
#
#	SEED=7 ROUNDS=30 STEPS=2000 EVERY=1 t_integrity.sh [MACHINE...]
. "$(dirname "$0")/lib.sh"
needs "$build/tests/mount/integrity"
seed=${SEED:-1}
[ $# -gt 0 ] || set -- plain nodes policies pools
for machine; do
	[ ! -f "$db" ] || rm "$db"
	"$build/tests/mount/integrity" "$PAGEFS" "$work" "$machine" "$seed" \
		"${ROUNDS:-3}" "${STEPS:-200}" "${EVERY:-1}" >>"$work/said" 2>&1 || {
		cat "$work/said" >&2
		fusermount3 -uzq "$m"
		fail "$machine, seed $seed"
		break
	}
	replays
done
finish
