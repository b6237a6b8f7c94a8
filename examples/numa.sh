#!/bin/bash
# NUMA by exercise: two nodes, two processes, and where their pages go.
#
#	examples/numa.sh
#
# Makes a machine of its own and removes it at the end.  Every number shown is
# read from the mount; at a terminal it waits for Enter between the steps.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
pf_machine ram=128M,swap=32M,cpus=4,nodes=2
node=$m/sys/devices/system/node

# do_it CTL COMMAND: shows it as it is typed, and its reply.
do_it() {
	printf "   \$ echo '%s' > %s\n" "$2" "$1"
	{ echo "$2" >"$m/$1"; } 2>/dev/null || true # last has the refusal
	sed 's/^/   /' "$m/$(dirname "$1")/last"
}
# maps [PID]: the process's mappings that have pages, by node.
maps() { grep -E ' N[01]=' "$m/proc/${1:-1}/numa_maps" | sed 's/^/   /'; }
events() {
	paste "$node"/node[01]/numastat |
		awk '{ printf "   %-15s node0 %6d  node1 %6d\n", $1, $2, $4 }'
}
free() { awk '/MemFree/ { printf "   node%d: %s kB free\n", $2, $4 }' \
	"$node"/node[01]/meminfo; }

pf_step "Two nodes: each has half of the memory and of the processors"
for n in 0 1; do
	echo "   node$n: processors $(cat "$node/node$n/cpulist")," \
		"distances $(cat "$node/node$n/distance")"
done
free

pf_step "By default memory is local: from the node of the processor that asks"
do_it ctl 'run 1 cpu=0'
do_it proc/1/ctl 'mmap 64K rw as=a'
do_it proc/1/ctl 'touch a 64K'
maps
do_it ctl 'run 1 cpu=3'
do_it proc/1/ctl 'mmap 64K rw as=b'
do_it proc/1/ctl 'touch b 64K'
maps
echo "   What was on node 0 stays there: that node is far away now."

pf_step "A task's policy: interleave spreads pages over the nodes in turn"
do_it proc/1/ctl 'set_mempolicy interleave nodes=all'
do_it proc/1/ctl 'mmap 64K rw as=c'
do_it proc/1/ctl 'touch c 64K'
maps
do_it proc/1/ctl 'get_mempolicy'

pf_step "A mapping's policy: mbind splits it where the policies differ"
do_it proc/1/ctl 'set_mempolicy default'
do_it proc/1/ctl 'mmap 64K rw as=d'
do_it proc/1/ctl 'mbind d 32K bind nodes=0'
do_it proc/1/ctl 'touch d 64K'
maps | tail -3
do_it proc/1/ctl 'mbind d 64K bind nodes=1 flags=strict'

pf_step "Pages that are there already can move"
do_it proc/1/ctl 'mbind d 64K bind nodes=1 flags=strict,move'
do_it proc/1/ctl 'move_pages 0 d d+32K d+64K'
do_it proc/1/ctl 'move_pages 0 d d+32K nodes=0,1'
do_it proc/1/ctl 'migrate_pages 0 1 0'
maps | head -2
grep '^pgmigrate' "$m/proc/vmstat" | sed 's/^/   /'

pf_step "Weights: three pages from node 0 for each from node 1"
do_it ctl 'weighted_interleave 0 3'
do_it proc/1/ctl 'mmap 64K rw as=e'
do_it proc/1/ctl 'mbind e 64K weighted_interleave nodes=all'
do_it proc/1/ctl 'touch e 64K'
maps | head -1

pf_step "Shared memory: the policy belongs to the object, for all who map it"
do_it proc/1/ctl 'mmap 64K rw flags=shared as=s'
do_it proc/1/ctl 'mbind s 32K bind nodes=1'
do_it proc/1/ctl 'fork'
do_it proc/2/ctl 'touch s 64K'
maps 2 | head -2

pf_step "A child has inherited the policies of the other mappings, too"
grep -E ' (bind|weighted)' "$m/proc/2/numa_maps" | sed 's/^/   /'

pf_step "A node that is full: the next one helps out (numa_miss, numa_foreign)"
do_it ctl 'run 2 cpu=0'
do_it proc/2/ctl 'mmap 60M rw as=big'
do_it proc/2/ctl 'touch big 60M'
maps 2 | head -1
free
events

pf_step "Bound to one node: a process that needs more than it has pages out there"
do_it proc/2/ctl 'munmap big 60M'
do_it proc/2/ctl 'set_mempolicy bind nodes=1'
do_it proc/2/ctl 'mmap 70M rw as=big'
do_it proc/2/ctl 'touch big 70M'
free
grep -E '^(pgscan_direct|pswpout|swpout_zero) ' "$m/proc/vmstat" |
	sed 's/^/   /'
echo "   Node 0 has room, and node 1 swaps: that is what bind means."
