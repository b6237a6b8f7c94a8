#!/bin/bash
# examples/lib.sh and examples/tour.sh: the numbers that the tour shows, and
# the replies and the status that scripts get.
. "$(dirname "$0")/lib.sh"
examples=$(cd "$(dirname "$0")/../../examples" && pwd)
. "$examples/lib.sh"
start -o ram=64M

# Pages that nobody uses: free ones, and those that processors keep.
free() {
	awk '/pages free/ { n += $3 } $1 == "count:" { n += $2 } END { print n }' \
		"$m/proc/zoneinfo"
}
before=$(free)
"$examples/tour.sh" "$m" </dev/null >"$work/tour" 2>&1 || {
	cat "$work/tour" >&2
	fail "tour.sh"
}
# has WHAT REGEX
has() {
	grep -Eq "$2" "$work/tour" || {
		cat "$work/tour" >&2
		fail "tour: $1"
	}
}
has "nothing before the first touch" '^   Rss of it in smaps: 0 kB$'
has "a fault a page" '^   Rss now: 40 kB; faults: 10$'
has "mincore" '^   1{10}0{6}$'
zero=$(awk '$1 == "zero_pfn" { print $2 }' "$m/phys/zones")
has "zero page" "^   pagemap: frame $((zero))\$"
has "fork shares" '^   parent: frame ([0-9]+), child: frame \1$'
has "parent's entry without W" '^   parent: pte.* P-UAD'
has "child's entry without W" '^   child: +pte.* P-U-D'
has "a copy" '^   copies: 1; '
has "the parent's bytes" '^   hex:706172656e74$'
has "no copy for the last one" '^   reused: 1; '
has "stack before" 'has 132 kB'
has "stack after" 'has 304 kB'
has "stack limit" 'RLIMIT_STACK is 8388608'
has "level 1" '  16 pages, second pass:   16 hits in level 1,    0 in level 2, 0'
has "level 2" ' 256 pages, second pass:    0 hits in level 1,  256 in level 2, 0'
has "too many" '2048 pages, second pass:    0 hits in level 1,    0 in level 2, 2048'
is "the same entry by the walk and in phys/ram" \
	"$(sed -n 's/^   pte.* raw 0x\([0-9a-f]*\) .*/\1/p' "$work/tour")" \
	"$(sed -n 's/^   \(8[0-9a-f]\{15\}\)$/\1/p' "$work/tour")"
is "free memory" "$(free)" "$before"

# A machine of its own, gone afterwards.
TMPDIR=$work "$examples/tour.sh" </dev/null >"$work/own" 2>&1 ||
	fail "tour.sh without a mount: $(tail -3 "$work/own")"
is "leftovers" "$(ls -d "$work"/tmp.* 2>/dev/null)" ''

# lib.sh: replies and status.
pf_open "$m" 1
init=$PF
addr=$(pf 'mmap 8K rw as=a') || fail "mmap"
like "address" "$addr" '0x7f*'
is "two commands" "$(pf 'touch a' 'mincore a 8K')" $'0\n10'
out=$(pf 'touch a' 'touch 0x10' 'touch a+4K')
is "status of a refused one" $? 1
is "stops there" "$(echo "$out" | wc -l)" 2
like "its reply" "$out" $'0\n-EFAULT SIGSEGV MAPERR at 0x10*'
is "a comment" "$(pf '# nothing' '')" ''
is "frame" "$(pf_frame "$m" 1 $((addr + 4096)))" 0
is "frame and walk" "$(printf '0x%x' $(($(pf_frame "$m" 1 "$addr") * 4096)))" \
	"$(pf_walk "$m" 1 a | sed -n 's/^physical \([^ ]*\) .*/\1/p')"
pf_walk "$m" 99 a >"$work/walk"
is "walk of no process" $? 1
like "walk of no process" "$(cat "$work/walk")" '-ESRCH *'
is "stat" "$(pf_stat "$m" forks)" 1
pf_stat "$m" nonsense 2>/dev/null && fail "a counter that is none"
pf_open "$m"
pid=$(pf spawn)
like "other file" "$(PF=$init pf 'brk 0')" '0x*'
pf_close
pf_open "$m" "$pid"
pf 'exit 3' >/dev/null || fail "exit"
like "a process that is gone" "$(pf 'brk 0' 2>&1)" '-ESRCH *'
pf_close
PF=$init pf_close
