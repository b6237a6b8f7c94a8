#!/bin/bash
# proc/sys/vm has every file that the kernel has, or docs/fidelity.md says why
# not; and what some of them do that no other test is about.
. "$(dirname "$0")/lib.sh"
vm=$m/proc/sys/vm
doc=$(dirname "$0")/../../docs/fidelity.md

start
for f in /proc/sys/vm/*; do
	if [ -e "$vm/${f##*/}" ]; then
		is "mode of ${f##*/}" "$(stat -c %a "$vm/${f##*/}")" \
			"$(stat -c %a "$f")"
	else
		grep -q "\`${f##*/}\`" "$doc" || fail "no ${f##*/}, unsaid"
	fi
done
for f in "$vm"/*; do
	[ -e "/proc/sys/vm/${f##*/}" ] || fail "the kernel has no ${f##*/}"
done

# Programs map from the bottom up, once they are executed anew.
echo 1 >"$vm/legacy_va_layout" || fail "legacy_va_layout"
echo 'spawn' >"$m/ctl"
child=$(cat "$m/last")
echo 'mmap 4K rw' >"$m/proc/$child/ctl"
like "from the bottom up" "$(cat "$m/proc/$child/last")" '0x2aaa*'
echo 'mmap 4K rw' >"$m/proc/1/ctl"
like "as it began" "$(cat "$m/proc/1/last")" '0x7fff*'
