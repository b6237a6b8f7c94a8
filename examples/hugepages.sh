#!/bin/bash
# Huge pages by exercise: a pool of 2 MiB pages, pages of 1 GiB on two NUMA
# nodes, promises, what one entry of a page table then maps, demotion.
#
#	examples/hugepages.sh
#
# Makes a machine of its own and removes it at the end.  Every number shown is
# read from the mount; at a terminal it waits for Enter between the steps.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
pf_machine ram=8G,cpus=2,nodes=2
pools=$m/sys/kernel/mm/hugepages
node=$m/sys/devices/system/node

# do_it CTL COMMAND: shows it as it is typed, and its reply.
do_it() {
	printf "   \$ echo '%s' > %s\n" "$2" "$1"
	{ echo "$2" >"$m/$1"; } 2>/dev/null || true # last has the refusal
	sed 's/^/   /' "$m/$(dirname "$1")/last"
}
# The pools: pages, free ones, promised ones; and of each node.
pools() {
	local kb
	for kb in 2048 1048576; do
		(cd "$pools/hugepages-${kb}kB" && echo "   $kb kB:" \
			"$(cat nr_hugepages) pages," \
			"$(cat free_hugepages) free," \
			"$(cat resv_hugepages) promised; of nodes" \
			"$(cat "$node"/node[01]/hugepages/hugepages-${kb}kB/nr_hugepages |
				paste -sd' ')")
	done
}

pf_step "The pools are empty until somebody fills them"
pools
do_it ctl 'hugepages 2048 nr_hugepages 8'
do_it ctl 'hugepages 1048576 nr_hugepages 2'
pools
echo "   The same as echo 2 > sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages:"
echo "   one on each node, found by looking for 262144 frames side by side."

pf_step "mmap promises pages; the first touch takes one"
do_it proc/1/ctl 'mmap 2G rw flags=hugetlb,huge_1gb addr=0x40000000 as=g'
do_it proc/1/ctl 'mmap 1G rw flags=hugetlb,huge_1gb'
do_it proc/1/ctl 'write g+5M "five"'
pools
grep '^40000000 ' "$m/proc/1/numa_maps" | sed 's/^/   /'

pf_step "One entry of the second table maps it all, and one of the TLB"
grep -A1 '^pgd\[0\]' "$m/proc/1/pagetable" | sed 's/^/   /'
awk '$8 == "1G"' "$m/cpu/0/tlb" | sed 's/^/   /'
do_it proc/1/ctl 'munmap g 4K'

pf_step "Page by page on one node and the other: a policy"
do_it proc/1/ctl 'munmap g 2G'
do_it proc/1/ctl 'mmap 2G rw flags=hugetlb,huge_1gb addr=0x40000000 as=i'
do_it proc/1/ctl 'mbind i 2G interleave nodes=0-1'
do_it proc/1/ctl 'touch i 2G w'
grep '^40000000 ' "$m/proc/1/numa_maps" | sed 's/^/   /'

pf_step "A child has no promise: with an empty pool its copy is SIGBUS"
do_it proc/1/ctl 'fork'
do_it proc/2/ctl 'write i "child"'
do_it ctl 'kill 2 9'

pf_step "Free pages of 1 GiB become 512 smaller ones"
do_it proc/1/ctl 'munmap i 2G'
do_it ctl 'hugepages 1048576 demote 1'
pools
grep -E 'HugePages_Total|Hugetlb' "$m/proc/meminfo" | sed 's/^/   /'
