#!/bin/bash
# Kernel objects by exercise: how a cache cuts objects out of slabs, what a free
# object looks like, why memory that is nearly empty may not come back, and how
# names and inodes are dropped.
#
#	examples/slab.sh
#
# Makes a machine of its own and removes it at the end.  Every number shown is
# read from the mount; at a terminal it waits for Enter between the steps.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
pf_machine ram=64M,cpus=1,disk=32M,swap=0

# k COMMAND: a line for kernel/ctl; prints the reply.
k() {
	{ echo "$1" >"$m/kernel/ctl"; } 2>/dev/null || true # last has the refusal
	cat "$m/last"
}
# do_it COMMAND: the same, shown as it is typed; the reply is in $got, too.
do_it() {
	echo "   \$ echo '$1' > kernel/ctl"
	got=$(k "$1")
	echo "   $got"
}
# slabs CACHE: its slabs as phys/slabs shows them.
slabs() {
	sed -n '1s/^/   /p' "$m/phys/slabs"
	awk -v c="$1" '$NF == c { print "   " $0 }' "$m/phys/slabs"
}
# of CACHE: objects that somebody has, and the pages of all its slabs.
of() {
	awk -v c="$1" '$NF == c { n += $5; pages += 2 ^ $2 }
		END { printf "   %s: %d objects, %d pages\n", c, n, pages }' \
		"$m/phys/slabs"
}
# word ADDR: eight bytes of RAM at an address of the kernel.
word() {
	dd if="$m/phys/ram" bs=8 count=1 status=none \
		skip=$((($1 - 0xffff888000000000) / 8)) | od -An -tx8
}

pf_step "kmalloc: the smallest cache that has room, objects side by side"
for size in 100 120 96 33; do
	do_it "kmalloc $size"
	printf '   ksize: %s bytes are there\n' "$(k "ksize $got")"
done
slabs kmalloc-128

pf_step "A free object holds the address of the next one, and comes first"
a=$(k 'kmalloc 512')
b=$(k 'kmalloc 512')
do_it "kfree $a"
do_it "kfree $b"
echo "   in the middle of the object at $b: $(word $((b + 256)))"
do_it 'kmalloc 300'
[ "$got" = "$b" ] && echo "   The one that was freed last: who still uses it uses another's memory."

pf_step "What would corrupt a kernel is refused, and says why"
do_it "kfree $a"
do_it "kfree $(printf '%#x' $((b + 8)))"
do_it "krealloc $a 1K"

pf_step "A cache of one's own: 100 bytes, and the same in lines of the CPU's cache"
k 'kmem_cache_create students 100' >/dev/null
k 'kmem_cache_create aligned 100 flags=hwcache_align' >/dev/null
for cache in students aligned; do
	(cd "$m/sys/kernel/slab/$cache" && printf '   %-9s%s bytes each, %s in a slab of %s page\n' \
		"$cache" "$(cat slab_size)" "$(cat objs_per_slab)" "$((1 << $(cat order)))")
done

pf_step "1000 students come, and all but each 39th leave"
students=()
for ((i = 0; i < 1000; i++)); do
	students+=("$(k 'kmem_cache_alloc students')")
done
of students
for ((i = 0; i < 1000; i++)); do
	[ $((i % 39)) = 0 ] || echo "kmem_cache_free students ${students[i]}"
done >"$m/kernel/ctl"
of students
echo "   An object cannot move, since whoever has it knows its address: no page came"
echo "   back, though 97 of 100 objects did. Now the others leave:"
for ((i = 0; i < 1000; i += 39)); do
	echo "kmem_cache_free students ${students[i]}"
done >"$m/kernel/ctl"
of students
do_it 'kmem_cache_shrink students'
of students

pf_step "What the kernel remembers about processes"
of task_struct
for _ in 1 2 3 4 5 6 7 8 9 10; do echo spawn; done >"$m/ctl"
of task_struct
of vm_area_struct

pf_step "Names and inodes stay when nobody needs them, until somebody needs room"
mkdir "$m/disk/d"
for ((i = 0; i < 1000; i++)); do
	: >"$m/disk/d/$i"
done
of dentry
of ext4_inode_cache
grep SReclaimable "$m/proc/meminfo" | sed 's/^/   /'
echo "   \$ echo 2 > proc/sys/vm/drop_caches"
echo 2 >"$m/proc/sys/vm/drop_caches"
of dentry
of ext4_inode_cache
grep SReclaimable "$m/proc/meminfo" | sed 's/^/   /'
echo "   (What is left are slabs that the processor and the node keep at hand.)"
head -1 "$m/check" | sed 's/^/   check: /'
pf_end
