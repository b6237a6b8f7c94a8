#!/bin/bash
# Huge pages through the mount: the pool's files, khugepaged, MADV_COLLAPSE, and
# what numa_maps, smaps and the TLB say of them.
. "$(dirname "$0")/lib.sh"
start -o ram=256M,cpus=1
thp=$m/sys/kernel/mm/transparent_hugepage
pool=$m/sys/kernel/mm/hugepages/hugepages-2048kB
giant=$m/sys/kernel/mm/hugepages/hugepages-1048576kB

numa() {
	grep "^$1 " "$m/proc/1/numa_maps"
}

# The pool.
echo 4 >"$pool/nr_hugepages"
is "the sysctl follows" "$(cat "$m/proc/sys/vm/nr_hugepages")" 4
echo 3 >"$pool/nr_overcommit_hugepages"
is "overcommit" "$(cat "$pool/nr_overcommit_hugepages")" 3
for words in "3 4" -1 many ''; do
	! echo "$words" 2>/dev/null >"$pool/nr_hugepages" ||
		fail "nr_hugepages took \"$words\""
done
echo 1 >"$giant/nr_hugepages"
is "a page of 1 GiB in 256 MiB" "$(cat "$giant/nr_hugepages")" 0
! echo 1 2>/dev/null >"$giant/nr_overcommit_hugepages" || fail "overcommit"
like "why not" "$(cat "$m/last")" '-EINVAL pages of 1 GiB are not made on demand'
is "demote_size" "$(cat "$giant/demote_size")" 2048kB
! [ -e "$pool/demote" ] || fail "the smallest pages can be demoted"
node=$m/sys/devices/system/node/node0/hugepages/hugepages-2048kB
echo 5 >"$node/nr_hugepages"
is "of the node" "$(cat "$node/free_hugepages" "$pool/nr_hugepages")" "5
5"
is "meminfo of the node" "$(awk '/HugePages_Total/ { print $4 }' \
	"$m/sys/devices/system/node/node0/meminfo")" 5
echo 4 >"$m/proc/sys/vm/nr_hugepages_mempolicy"
is "by policy" "$(cat "$node/nr_hugepages")" 4
says 1 'mmap 8M rw flags=hugetlb addr=0x40000000 as=p' >/dev/null
says 1 'touch p 4M' >/dev/null
is "numa_maps of the pool" "$(numa 40000000)" "40000000 default \
file=/anon_hugepage\\040(deleted) huge anon=2 dirty=2 N0=2 \
kernelpagesize_kB=2048"

# Small pages become huge ones: asked for, and in the background.
says 1 'mmap 8M rw addr=0x50000000 as=b' >/dev/null
for at in 0 2M 4M; do
	says 1 "write b+$at \"x\"" >/dev/null
done
is "collapse" "$(says 1 'madvise b 2M collapse')" 0
is "AnonHugePages" "$(awk '/^AnonHugePages:/ { print $2 }' \
	"$m/proc/1/smaps_rollup")" 2048
echo madvise >"$thp/enabled"
echo 600 2>/dev/null >"$thp/khugepaged/max_ptes_none" && fail "511 are all"
echo 0 >"$thp/khugepaged/max_ptes_none"
is "hugepage" "$(says 1 'madvise b 8M hugepage')" 0
echo 'tick 1000' >"$m/ctl"
is "too many are missing" "$(cat "$thp/khugepaged/pages_collapsed")" 0
echo 511 >"$thp/khugepaged/max_ptes_none"
echo 'tick 1000' >"$m/ctl"
is "collapsed" "$(cat "$thp/khugepaged/pages_collapsed")" 2
like "full_scans" "$(cat "$thp/khugepaged/full_scans")" '[1-9]*'
is "numa_maps" "$(numa 50000000)" "50000000 default anon=1536 dirty=1536 \
active=0 N0=1536 kernelpagesize_kB=4"
is "vmstat" "$(grep thp_collapse_alloc "$m/proc/vmstat" | tr '\n' ' ')" \
	"thp_collapse_alloc 3 thp_collapse_alloc_failed 0 "

# Of shared memory: who gets them, and what becomes of them.
shm() {
	awk '/^Shmem(Huge|Pmd)/ { print $2 }' "$m/proc/meminfo" | tr '\n' ' '
}
is "shmem_enabled" "$(cat "$thp/shmem_enabled")" \
	"always within_size advise [never] deny force"
! echo sometimes 2>/dev/null >"$thp/shmem_enabled" || fail "sometimes"
like "its words" "$(cat "$m/last")" \
	'-EINVAL thp_shmem_enabled is never, always, within_size, advise, deny or*'
echo never >"$thp/hugepages-2048kB/shmem_enabled"
! echo force 2>/dev/null >"$thp/shmem_enabled" || fail "force, but never"
echo inherit >"$thp/hugepages-2048kB/shmem_enabled"
echo always >"$thp/shmem_enabled"
is "of 2 MiB" "$(cat "$thp/hugepages-2048kB/shmem_enabled")" \
	"always [inherit] within_size advise never"
says 1 'mmap 4M rw flags=shared addr=0x60000000 as=s' >/dev/null
says 1 'write s+12345 "x"' >/dev/null
is "one huge page" "$(shm)" "2048 2048 "
is "in the node's meminfo" "$(awk '/Shmem(Huge|Pmd)/ { print $4 }' \
	"$m/sys/devices/system/node/node0/meminfo" | tr '\n' ' ')" "2048 2048 "
is "vmstat of it" "$(grep -E '^(thp_file_(alloc|mapped)|nr_shmem_[hp])' \
	"$m/proc/vmstat" | tr '\n' ' ')" "nr_shmem_hugepages 1 \
nr_shmem_pmdmapped 1 thp_file_alloc 1 thp_file_mapped 1 "
mkdir "$m/checkpoints/huge"
is "a page less" "$(says 1 'munmap s 4K')" 0
is "the entry is empty" "$(shm)" "2048 0 "
says 1 'madvise s+64K 4K remove' >/dev/null
is "a hole" "$(shm)" "0 0 "
is "what was stored" "$(says 1 'read s+12345 1')" 'hex:78'
echo 'restore huge' >"$m/ctl"
is "back" "$(shm)" "2048 2048 "
echo never >"$thp/shmem_enabled"
says 1 'touch s+2M 4K' >/dev/null
is "small ones" "$(shm)" "2048 2048 "
is "asked for" "$(says 1 'madvise s+2M 2M collapse')" 0
is "two" "$(shm)" "4096 4096 "

# One entry of the TLB for all of it.
misses() {
	awk '$1 == "tlb_misses" { print $2 }' "$m/stats"
}
says 1 'write b+2M "y"' >/dev/null
before=$(misses)
says 1 'touch b+2M 2M' >/dev/null
is "misses in a huge page" "$(($(misses) - before))" 0
is "sizes in the TLB" "$(awk '$4 == "0x50200000" { print $1, $8 }' \
	"$m/cpu/0/tlb" | tr '\n' ' ')" "1 2M 2 2M "
says 1 'mprotect b+2M 4K r' >/dev/null
is "after a split" "$(awk '$8 == "2M" && $4 == "0x50200000"' \
	"$m/cpu/0/tlb")" ""

# Pages of 1 GiB survive the daemon, bytes and pool.
exercises=$("$top/examples/hugepages.sh" </dev/null) ||
	fail "examples/hugepages.sh: $exercises"
like "the exercises" "$exercises" '*1048576 kB: 1 pages, 1 free, 0 promised*'
start_giant() {
	db=$work/giant.db
	start -o ram=4G
}
fusermount3 -u "$m"
start_giant
giant=$m/sys/kernel/mm/hugepages/hugepages-1048576kB
echo 1 >"$giant/nr_hugepages"
says 1 'mmap 1G rw flags=hugetlb,huge_1gb addr=0x40000000 as=g' >/dev/null
says 1 'write g+777M "still"' >/dev/null
mkdir "$m/checkpoints/one"
says 1 'munmap g 1G' >/dev/null
is "then" "$(cat "$m/checkpoints/one/proc/1/numa_maps" | grep -c '=1048576$')" 1
echo 'restore one' >"$m/ctl"
fusermount3 -u "$m"
start_giant
is "after all" "$(says 1 'read g+777M 5')" "hex:7374696c6c"
is "free" "$(cat "$giant/free_hugepages")" 0
finish
