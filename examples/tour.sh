#!/bin/bash
# A tour of the machine: lazy allocation, the zero page, copy-on-write, stack
# growth, page tables, the TLB.  Every number shown is read from the mount.
#
#	examples/tour.sh [MOUNTPOINT]
#
# Without a mount point it makes a machine of its own, and removes it at the
# end.  At a terminal it waits for Enter between the steps.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

m=${1:-}
[ -n "$m" ] || pf_machine ram=64M
[ -e "$m/ctl" ] || {
	echo "$0: no machine is mounted at $m" >&2
	exit 1
}

say() { printf '%s\n' "$@"; }
# do_it COMMAND: shows it as it is typed, and its reply.
do_it() {
	printf "   \$ echo '%s' > proc/%s/ctl\n" "$1" "$who"
	pf "$1" | sed 's/^/   /'
	return "${PIPESTATUS[0]}"
}
# MemFree, and what processors keep for themselves.
free_kb() {
	awk '/pages free/ { n += $3 } $1 == "count:" { n += $2 }
		END { print n * 4 }' "$m/proc/zoneinfo"
}
# rss PID ADDRESS: Rss of the mapping that starts there, kB.
rss() {
	awk -v start="^${2#0x}-" '$0 ~ start { on = 1 }
		on && $1 == "Rss:" { print $2; exit }' "$m/proc/$1/smaps"
}
stat() { pf_stat "$m" "$1"; }
stack_kb() {
	local range
	range=$(awk '/\[stack\]/ { print $1 }' "$m/proc/$who/maps")
	echo $(((0x${range#*-} - 0x${range%-*}) / 1024))
}

pf_step "A process"
say "A process without a program has a stack, the vdso, and an empty heap."
free_at_start=$(free_kb)
pf_open "$m"
machine=$PF
who=$(pf 'spawn name=tour') # the process that do_it speaks to
say "   \$ echo 'spawn name=tour' > ctl; cat last" "   $who" \
	"   \$ cat proc/$who/maps"
sed 's/^/   /' "$m/proc/$who/maps"
pf_open "$m" "$who"
parent=$PF

pf_step "Memory is given at the first touch"
say "mmap gives addresses, no memory:"
do_it 'mmap 1M rw as=buf'
buf=0x$(awk '/rw-p/ { sub(/-.*/, "", $1); print $1; exit }' "$m/proc/$who/maps")
say "   Rss of it in smaps: $(rss "$who" "$buf") kB"
before=$(stat pgfault)
say "Storing into the first 10 pages faults 10 times, a frame each:"
do_it 'touch buf 40K'
say "   Rss now: $(rss "$who" "$buf") kB; faults: $(($(stat pgfault) - before))"
say "   mincore, a digit for each of the first 16 pages:"
do_it 'mincore buf 64K'

pf_step "A load needs no frame of its own: the zero page"
say "Loading from a page never stored to maps the one frame of zeros:"
do_it 'read buf+512K 8'
page=$((buf + 512 * 1024))
zero=$(awk '$1 == "zero_pfn" { print $2 }' "$m/phys/zones")
say "   pagemap: frame $(pf_frame "$m" "$who" $page)" \
	"   the zero page, phys/zones: frame $((zero))"
say "A store ends that:"
do_it 'write buf+512K "mine"'
say "   pagemap: frame $(pf_frame "$m" "$who" $page)"

pf_step "fork copies page tables, not pages"
do_it 'write buf "parent"'
child=$(pf fork)
say "   \$ echo fork > proc/$who/ctl; cat proc/$who/last" "   $child"
say "Both map the same frame, and neither may store (no W in PWUAD):"
say "   parent: frame $(pf_frame "$m" "$who" "$buf"), child: frame $(pf_frame "$m" "$child" "$buf")"
pf_walk "$m" "$who" "$buf" | grep pte | sed 's/^/   parent: /'
pf_walk "$m" "$child" "$buf" | grep pte | sed 's/^/   child:  /'
before=$(stat fault_cow)
say "The child's store faults, and gets a copy:"
tour=$who
who=$child
pf_open "$m" "$child"
do_it 'write buf "child"'
say "   copies: $(($(stat fault_cow) - before)); parent: frame $(pf_frame "$m" "$tour" "$buf"), child: frame $(pf_frame "$m" "$child" "$buf")"
do_it 'exit'
pf_close
PF=$parent
who=$tour
say "The parent still reads its own bytes:"
do_it 'read buf 6'
before=$(stat fault_reuse)
say "It is alone with its frame now; a store makes it writable, no copy:"
do_it 'write buf "again"'
say "   reused: $(($(stat fault_reuse) - before)); frame $(pf_frame "$m" "$who" "$buf")"

pf_step "The stack grows by itself"
say "   [stack] has $(stack_kb) kB"
do_it 'push 300K'
say "   [stack] has $(stack_kb) kB"
say "up to RLIMIT_STACK:"
do_it 'push 10M' || true

pf_step "The page tables lie in RAM"
say "The hardware's walk, a table a level:"
pf_walk "$m" "$who" "$buf" | sed 's/^/   /'
entry=$(pf_walk "$m" "$who" "$buf" | awk '/^pte/ { print $3 }')
say "The last entry again, 8 bytes of phys/ram at $entry:"
dd if="$m/phys/ram" bs=8 skip=$((entry / 8)) count=1 2>/dev/null |
	od -An -tx8 | sed 's/^/  /'

pf_step "The TLB"
PF=$machine pf "run $who cpu=0" >/dev/null
do_it 'mmap 8M rw as=big'
do_it 'touch big 8M'
for kb in 64 1024 8192; do
	pf "touch big ${kb}K" >/dev/null
	l1=$(stat tlb_l1_hits) l2=$(stat tlb_l2_hits) miss=$(stat tlb_misses)
	pf "touch big ${kb}K" >/dev/null
	printf '   %4d pages, second pass: %4d hits in level 1, %4d in level 2, %d misses\n' \
		$((kb / 4)) $(($(stat tlb_l1_hits) - l1)) \
		$(($(stat tlb_l2_hits) - l2)) $(($(stat tlb_misses) - miss))
done
say "The levels, entries/ways: $(awk '$1 == "tlb" { print $2 }' "$m/config")." \
	"Passing in order through more than a level holds always misses it."

pf_step "Nothing is left behind"
do_it 'exit'
say "   free at the start: $free_at_start kB, now: $(free_kb) kB, with the pages" \
	"that processors keep on lists of their own (pagesets in proc/zoneinfo)"
say "Everything that happened is in log; the last three lines:"
tail -3 "$m/log" | sed 's/^/   /'
