#!/bin/bash
# Compaction under a live process: frames change, bytes do not, and larger
# blocks are free.  Settings of allocator and watermarks act at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../examples/lib.sh"
start -o ram=64M
pf_open "$m" 1

# frames ADDR COUNT: the process's frames there, every second page.
frames() {
	python3 - "$m/proc/1/pagemap" "$1" "$2" <<-'END'
	import struct, sys
	with open(sys.argv[1], "rb", buffering=0) as f:
	    for i in range(1, int(sys.argv[3]), 2):
	        f.seek((int(sys.argv[2], 16) // 4096 + i) * 8)
	        print(struct.unpack("Q", f.read(8))[0] & (1 << 55) - 1)
	END
}
# blocks ORDER: free blocks of it and above, in units of it.
blocks() {
	awk -v o="$1" '{ for (k = o; k < 11; k++) n += $(5 + k) * 2 ^ (k - o) }
		END { print n + 0 }' "$m/proc/buddyinfo"
}
unused() {
	awk '/pages free/ { n += $3 } $1 == "count:" { n += $2 } END { print n }' \
		"$m/proc/zoneinfo"
}

addr=$(pf 'mmap 16M rw as=buf')
pf 'touch buf 16M' >/dev/null
for i in 0 1 2 3 4 5 6 7; do
	pf "write buf+$((i * 2048 + 4))K \"page $i\"" >/dev/null
done
# Every second page goes.
for ((i = 0; i < 16 * 256; i += 2)); do
	echo "madvise buf+$((i * 4))K 4K dontneed"
done >"$m/proc/1/ctl"
frames "$addr" 4096 >"$work/before"
small=$(blocks 9) pages=$(unused)
echo 1 >"$m/proc/sys/vm/compact_memory"
frames "$addr" 4096 >"$work/after"
[ "$(blocks 9)" -gt "$small" ] ||
	fail "no larger blocks: $(cat "$m/proc/buddyinfo")"
is "as many are free" "$(unused)" "$pages"
is "free blocks" "$(blocks 0)" "$(counter nr_free_pages)"
moved=$(paste "$work/before" "$work/after" | awk '$1 != $2' | wc -l)
[ "$moved" -gt 500 ] || fail "only $moved pages are elsewhere"
[ "$(counter pgmigrate_success)" -ge "$moved" ] || fail "pgmigrate_success"
is "one page a frame" "$(sort -u "$work/after" | wc -l)" 2048
for i in 0 1 2 3 4 5 6 7; do
	is "bytes" "$(pf "read buf+$((i * 2048 + 4))K 6")" "hex:$(printf 'page %s' \
		"$i" | od -An -tx1 | tr -d ' ')"
done
echo 2 2>/dev/null >"$m/proc/sys/vm/compact_memory" && fail "2 was taken"
echo 1 >"$m/sys/devices/system/node/node0/compact"
grep -q 'compact_memory 1 node=0' "$m/log" || fail "the node's file"

min() { awk '$1 == "min" { n += $2 } END { print n }' "$m/proc/zoneinfo"; }
echo 4096 >"$m/proc/sys/vm/min_free_kbytes"
least=$(min)
[ $((1024 + 32 - least)) -lt 4 ] || fail "min watermarks are $least pages"
echo 8 >"$m/proc/sys/vm/percpu_pagelist_high_fraction"
is "high_min and high_max" \
	"$(awk '$1 == "high_min:" { print $2 }' "$m/proc/zoneinfo")" \
	"$(awk '$1 == "high_max:" { print $2 }' "$m/proc/zoneinfo")"
echo 7 2>/dev/null >"$m/proc/sys/vm/percpu_pagelist_high_fraction" &&
	fail "a seventh was taken"
pf_close

"$(dirname "$0")/../../examples/compaction.sh" </dev/null >"$work/exercises" ||
	fail "examples/compaction.sh: $(tail -5 "$work/exercises")"
grep -q '^   compact_success [1-9]' "$work/exercises" ||
	fail "examples/compaction.sh: no block was made"
before=$(sed -n 's/^   before //p' "$work/exercises")
after=$(sed -n 's/^   after *//p' "$work/exercises")
[ -n "$before" ] && [ "$before" != "$after" ] ||
	fail "examples/compaction.sh: no page moved"
finish
