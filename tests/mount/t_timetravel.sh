#!/bin/bash
# examples/timetravel.sh: finds the line that lost the word, and goes another
# way.
. "$(dirname "$0")/lib.sh"
"$(dirname "$0")/../../examples/timetravel.sh" "$db" "$m" >"$work/tour" \
	2>"$work/complaints" || fail "timetravel.sh"
is "complaints" "$(cat "$work/complaints")" ""
has() {
	grep -Eq "$2" "$work/tour" || {
		cat "$work/tour" >&2
		fail "timetravel: $1"
	}
}
has "gone" '^# The word is gone: \.{8} instead of precious\.$'
has "differences" '^[<] VmRSS:'
has "halving" '^at/[0-9]+: precious$'
has "the line" '^[0-9]+ .* proc/1 madvise buf\+56K 8K dontneed = 0$'
has "another way" '^the word is there: precious$'
has "timelines" 'after 12: timeline 2'
has "both" '^at/13 still has \.{8}$'
