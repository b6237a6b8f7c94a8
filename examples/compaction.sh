#!/bin/bash
# Fragmentation and compaction by exercise: memory in pieces, what that means
# for large blocks, and how pages move together under a live process.
#
#	examples/compaction.sh
#
# Makes a machine of its own and removes it at the end.  Every number shown is
# read from the mount; at a terminal it waits for Enter between the steps.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
pf_machine ram=64M,swap=0
pf_open "$m" 1

# do_it CTL COMMAND: shows it as it is typed, and its reply.
do_it() {
	printf "   \$ echo '%s' > %s\n" "$2" "$1"
	{ echo "$2" >"$m/$1"; } 2>/dev/null || true # last has the refusal
	sed 's/^/   /' "$m/last"
}
blocks() {
	echo "   free blocks of order   0    1    2    3    4    5    6    7    8    9   10"
	awk '{ printf "   %-18s", $4; for (o = 5; o <= 15; o++) printf "%5d", $o
		print "" }' "$m/proc/buddyinfo"
}
# The fragmentation index of zone DMA32, order 9: towards 1, memory is there and
# in pieces; towards 0, there is none; -1, a block is free.
index() {
	awk '/DMA32/ { print "   extfrag_index of DMA32, order 9:", $(NF - 1) }' \
		"$m/sys/kernel/debug/extfrag/extfrag_index"
	awk '/DMA32/ { print "   unusable for order 9:", $(NF - 1) }' \
		"$m/sys/kernel/debug/extfrag/unusable_index"
}
# frames FROM COUNT: of every second page of buf, from pagemap, whose entries
# have the frame in their low bits.
frames() {
	local i

	for ((i = $1; i < $1 + 2 * $2; i += 2)); do
		dd if="$m/proc/1/pagemap" bs=8 skip=$((addr / 4096 + i)) \
			count=1 status=none | od -An -tu4 |
			awk '{ printf "%d ", $1 }'
	done
	echo
}
# give STEP FIRST...: of each STEP pages of buf some are given up.
give() {
	local i first step=$1

	shift
	for first; do
		for ((i = first; i < 43 * 256; i += step)); do
			echo "madvise buf+$((i * 4))K 4K dontneed"
		done
	done >"$m/proc/1/ctl"
}
events() {
	grep -E "^($1) " "$m/proc/vmstat" | sed 's/^/   /'
}

pf_step "A machine that has just begun: memory lies in blocks of 1024 frames"
blocks
index

pf_step "A process fills 43 MiB and gives every second page back"
addr=$(($(pf 'mmap 43M rw as=buf')))
pf 'touch buf 43M w' >/dev/null
give 2 0
pf 'write buf+4K "page 1"' >/dev/null
awk '/MemFree/ { print "   " $0 }' "$m/proc/meminfo"
blocks
index
echo "   Half of memory is free, and hardly a block is larger than a page."

pf_step "Page blocks and their types: the process's pages can move, page tables cannot"
sed -n '/Number of blocks/,$p' "$m/proc/pagetypeinfo" | sed 's/^/   /'

pf_step "Frames of pages 1, 3, 5, ... of buf, and their bytes"
before=$(frames 1 8)
echo "   frames $before"
do_it proc/1/ctl 'read buf+4K 6'

pf_step "compact_memory: pages move to the high end, free frames become blocks"
echo "   \$ echo 1 > proc/sys/vm/compact_memory"
echo 1 >"$m/proc/sys/vm/compact_memory"
blocks
index
after=$(frames 1 8)
echo "   before $before"
echo "   after  $after"
echo "   The addresses are the same, and so are the bytes:"
do_it proc/1/ctl 'read buf+4K 6'
events 'compact_migrate_scanned|compact_free_scanned|compact_isolated|pgmigrate_success|pgmigrate_fail'

pf_step "In pieces again; now the kernel itself asks for blocks of 512 frames"
pf 'touch buf 43M w' >/dev/null
give 4 0 1
while (echo 'alloc_pages order=9 gfp=nowait' >"$m/kernel/ctl") 2>/dev/null; do
	:
done
blocks
echo "   Requests that cannot wait took what there was; the one that was refused woke"
echo "   kcompactd, which has made a block since. The next has pages moved itself:"
events 'compact_daemon_wake|compact_daemon_migrate_scanned'
do_it kernel/ctl 'alloc_pages order=9'
do_it kernel/ctl 'alloc_pages order=9'
events 'compact_stall|compact_success|compact_fail'

echo "   (What faults for huge pages do: sys/kernel/mm/transparent_hugepage/defrag.)"
pf_close
pf_end
