#!/bin/bash
# Every byte of a machine with a quarter of the memory that its processes need
# is right, also after kill -9, a new mount, and a restore; see integrity.c.
#
#	SEED=7 ROUNDS=30 STEPS=2000 t_integrity.sh
. "$(dirname "$0")/lib.sh"
needs "$build/tests/mount/integrity"
"$build/tests/mount/integrity" "$PAGEFS" "$work" "${SEED:-1}" \
	"${ROUNDS:-3}" "${STEPS:-300}" >>"$work/said" 2>&1 || {
	cat "$work/said" >&2
	fusermount3 -uzq "$m"
	fail "seed ${SEED:-1}"
}
finish
