#!/bin/bash
# kernel/ctl: blocks of the buddy allocator, and what is left of free memory.
. "$(dirname "$0")/lib.sh"
start -o ram=64M

# take ARGS: the block's first frame.
take() {
	echo "alloc_pages $*" >"$m/kernel/ctl" && cat "$m/last"
}

before=$(kb MemFree)
buddy=$(cat "$m/proc/buddyinfo")
pfn=$(take order=5 gfp=zero)
is "aligned" $((pfn % 32)) 0
is "128 KiB less" $((before - $(kb MemFree))) 128
like "phys/frames" "$(grep "^0x$(printf %x "$pfn") " "$m/phys/frames")" \
	'*kernel*'
echo "free_pages $pfn" >"$m/kernel/ctl"
is "all back" "$(kb MemFree)" "$before"
is "and merged" "$(cat "$m/proc/buddyinfo")" "$buddy"

# Every second page of the DMA zone: plenty is free, and order 1 has nothing.
pages=()
while pfn=$(take gfp=dma 2>/dev/null) && [ "$pfn" -ge 0 ] 2>/dev/null; do
	[ "$pfn" -lt 4096 ] || break
	pages+=("$pfn")
done
for pfn in "${pages[@]}"; do
	[ $((pfn % 2)) = 0 ] || echo "free_pages $pfn"
done >"$m/kernel/ctl"

# indices FILE: what the free blocks of buddyinfo make of each index.
indices() {
	python3 - "$1" "$m/proc/buddyinfo" <<-'END'
	import sys
	which, path = sys.argv[1:]
	for line in open(path):
	    words = line.split()
	    nr = [int(w) for w in words[4:]]
	    pages = sum(n << o for o, n in enumerate(nr))
	    out = []
	    for k in range(11):
	        fit = sum(n << (o - k) for o, n in enumerate(nr) if o >= k)
	        if which == "unusable_index":
	            i = (pages - (fit << k)) * 1000 // pages if pages else 1000
	        elif not sum(nr):
	            i = 0
	        elif fit:
	            i = -1000
	        else:
	            i = 1000 - (1000 + (pages * 1000 >> k)) // sum(nr)
	        whole = int(i / 1000)  # to 0, as C does
	        out.append("%*d.%03d " % (
	            2 if which == "extfrag_index" else 1,
	            whole, i - whole * 1000))
	    print("Node 0, zone %8s %s" % (words[3], "".join(out)))
	END
}
for file in unusable_index extfrag_index; do
	is "$file" "$(cat "$m/sys/kernel/debug/extfrag/$file")" \
		"$(indices $file)"
done
part=$(awk '/ DMA / { print $6 * 1000 }' \
	"$m/sys/kernel/debug/extfrag/unusable_index")
[ "$part" -gt 900 ] || fail "order 1 can use most of free memory: $part"
[ "${#pages[@]}" -gt 1000 ] || fail "only ${#pages[@]} pages were taken"
