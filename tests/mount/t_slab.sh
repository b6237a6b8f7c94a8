#!/bin/bash
# Kernel objects: kmalloc and caches of commands, slabs and their sums, names
# and inodes under pressure, and the same bytes after a replay.
. "$(dirname "$0")/lib.sh"
start -o ram=64M,disk=64M,cpus=2,swap=64M

k() { echo "$1" >"$m/kernel/ctl" 2>"$work/err" && cat "$m/last"; }
cache() { cat "$m/sys/kernel/slab/$1/$2"; }

# sums WHEN: slabinfo, phys/slabs, meminfo, zoneinfo, vmstat and kpageflags
# count the same pages; those of large kmallocs are in the sums of the kernel
# alone, as they are no slabs.
large=0
sums() {
	local kb pages slabs
	kb=$(kb Slab)
	is "$1: parts" "$(($(kb SReclaimable) + $(kb SUnreclaim)))" "$kb"
	pages=$((kb / 4)) slabs=$((kb / 4 - large))
	is "$1: slabinfo" "$(awk 'NR > 2 { n += $6 * $15 } END { print n }' \
		"$m/proc/slabinfo")" "$slabs"
	is "$1: slabs" "$(awk 'NR > 1 { n += 2 ^ $2 } END { print n }' \
		"$m/phys/slabs")" "$slabs"
	is "$1: zoneinfo" "$(awk '/^ *nr_slab_/ { n += $2 } END { print n }' \
		"$m/proc/zoneinfo")" "$pages"
	is "$1: vmstat" "$(awk '/^nr_slab_/ { n += $2 } END { print n }' \
		"$m/proc/vmstat")" "$pages"
	is "$1: node" "$(awk '$3 == "Slab:" { print $4 }' \
		"$m/sys/devices/system/node/node0/meminfo")" "$kb"
	is "$1: kpageflags" "$(od -An -v -tu8 -w8 "$m/proc/kpageflags" |
		awk '{ n += int($1 / 128) % 2 } END { print n }')" "$slabs"
	like "$1: check" "$(head -1 "$m/check")" "ok*"
}
sums boot

# An object is as large as its cache's; the last freed comes first.
a=$(k "kmalloc 100")
b=$(k "kmalloc 100")
is "side by side" $((b - a)) 128
like "kernel address" "$a" "0xffff888*"
is "ksize" "$(k "ksize $a")" 128
k "kfree $a" >/dev/null
is "last freed, first" "$(k "kmalloc 120")" "$a"
is "used" "$(awk '$NF == "kmalloc-128" { print $5 }' "$m/phys/slabs")" 2/32
is "cleared" "$(k "kmalloc 8 gfp=zero" >/dev/null && cache kmalloc-8 slabs)" "1 N0=1"
is "dma" "$(k "kmalloc 8 gfp=dma" >/dev/null && cache dma-kmalloc-8 cache_dma)" 1
[ $(($(k "kmalloc 8 gfp=dma") - 0xffff888000000000)) -lt $((16 << 20)) ] ||
	fail "not in ZONE_DMA"
big=$(k "kmalloc 20K")
is "a block" "$(k "ksize $big")" 32768
is "grows in place" "$(k "krealloc $big 32K")" "$big"
big=$(k "krealloc $big 33K")
is "and away" "$(k "ksize $big")" 65536
unreclaimable=$(kb SUnreclaim)
huge=$(k "kmalloc 4M gfp=reclaimable")
is "counts as slab" "$(kb SUnreclaim)" $((unreclaimable + 4096))
large=$((1024 + 16)) # pages
sums "large blocks"
k "kfree $huge" >/dev/null
k "kfree $big" >/dev/null
large=0
sums "none"
is "no bytes" "$(k "kmalloc 0")" 0x10
is "of none" "$(k "kfree 16")" 0

# What Linux would not survive is refused, and says why.
refused() {
	local got
	k "$1" >/dev/null && fail "$1 was not refused"
	got=$(cat "$m/last")
	like "$1" "$got" "$2"
}
refused "kfree $((b + 8))" "-EINVAL *8 bytes inside an object of \"kmalloc-128\"*"
own=$(printf '%#x' $((0xffff888000000000 + $(
	awk '$NF == "task_struct" { print $1; exit }' "$m/phys/slabs") * 4096)))
used=$(cache kmalloc-8k objects)
refused "kfree $own" "-EINVAL *\"task_struct\" at $own is the kernel's own"
refused "krealloc $own 8K" "-EINVAL *is the kernel's own"
is "nothing is left over" "$(cache kmalloc-8k objects)" "$used"
k "kfree $b" >/dev/null
refused "kfree $b" "-EINVAL double free*"
refused "ksize $b" "-EINVAL use after free: the object of \"kmalloc-128\"*"
refused "krealloc $b 8K" "-EINVAL use after free*"
refused "kfree 0x400000" "-EINVAL*"
refused "kfree 0xffffffffffffffff" "-EINVAL*"
refused "ksize 0x8000000000000000" "-EINVAL*"
refused "kmalloc 5M" "-ENOMEM*4 MiB*"
refused "kmalloc 0x8000000000000000" "-ENOMEM*"
refused "kmalloc 8 gfp=highuser" "-EINVAL*"
refused "kmem_cache_create x 0" "-EINVAL*"
refused "kmem_cache_create x 64 align=3" "-EINVAL*"
refused "kmem_cache_create dentry 64" "-EEXIST*"
refused "kmem_cache_create $(printf 'x%.0s' {1..32}) 64" "-EINVAL*"
refused "kmem_cache_create a/b 64" "-EINVAL*without a slash*"
refused "kmem_cache_create .. 64" "-EINVAL*"
ls "$m/sys/kernel/slab" >/dev/null || fail "sys/kernel/slab cannot be listed"
refused "kmem_cache_alloc dentry" "-EINVAL*"
refused "kmem_cache_alloc nothing" "-ENOENT*"
refused "kmem_cache_destroy vm_area_struct" "-EINVAL*"

# A cache of one's own.
k "kmem_cache_create students 100 flags=hwcache_align" >/dev/null
is "layout" "$(cache students object_size) $(cache students slab_size) $(
	cache students align) $(cache students objs_per_slab)" "100 128 64 32"
for _ in {1..40}; do
	o=$(k "kmem_cache_alloc students")
done
is "two slabs" "$(cache students slabs)" "2 N0=2"
refused "kmem_cache_free dentry $o" "-EINVAL wrong cache*"
refused "kmem_cache_destroy students" "-EBUSY*40 objects*"
k "kmem_cache_free students $o" >/dev/null
like "first in slabinfo" "$(sed -n 3p "$m/proc/slabinfo")" "students *"
sums "caches of commands"

# The kernel's own objects come and go with what they describe.
before=$(cache task_struct total_objects)
for _ in {1..40}; do
	echo "spawn" >"$m/ctl"
done
[ "$(cache task_struct total_objects | cut -d' ' -f1)" -gt "${before%% *}" ] ||
	fail "40 processes need no slab"
is "tasks" "$(awk '$NF == "task_struct" { n += $5 } END { print n }' \
	"$m/phys/slabs")" "$(ls -d "$m"/proc/[0-9]*/task/* | wc -l)"
sums "processes"

# Names and inodes: looked up, kept, and dropped.
mkdir "$m/disk/d"
for i in {1..1500}; do
	: >"$m/disk/d/$i"
done
[ "$(kb SReclaimable)" -gt 1500 ] || fail "1500 files: $(kb SReclaimable) kB"
sums "files"
echo 2 >"$m/proc/sys/vm/drop_caches"
[ "$(kb SReclaimable)" -lt 300 ] || fail "dropped: $(kb SReclaimable) kB"
is "drop_slab" "$(counter drop_slab)" 1
sums "drop_caches"
is "a look changes nothing" "$(ls "$m/disk/d" | wc -l) $(kb SReclaimable)" \
	"1500 $(kb SReclaimable)"

# Under pressure they go by themselves.
echo "open /d/1" >"$m/proc/1/ctl"
fd=$(cat "$m/last")
echo "close $fd" >"$m/proc/1/ctl"
for i in {1..1500}; do
	echo "open /d/$i"
	echo "close $fd"
done >"$m/proc/1/ctl"
had=$(kb SReclaimable)
[ "$had" -gt 1500 ] || fail "looked up: $had kB"
echo "spawn" >"$m/ctl"
pid=$(cat "$m/last")
printf 'mmap 80M rw as=a\ntouch a 80M w\n' >"$m/proc/$pid/ctl" || true
[ "$(kb SReclaimable)" -lt $((had * 4 / 5)) ] ||
	fail "under pressure: $(kb SReclaimable) of $had kB"
[ "$(counter slabs_scanned)" -gt 1000 ] || fail "slabs_scanned"
sums "pressure"

"$top/examples/slab.sh" </dev/null >"$work/exercises" ||
	fail "examples/slab.sh: $(tail -5 "$work/exercises")"
is "slabs that nearly nobody uses" \
	"$(grep -c '^   students: 26 objects, 26 pages$' "$work/exercises")" 1
is "and all come back" \
	"$(grep -c '^   students: 0 objects, 0 pages$' "$work/exercises")" 1
like "the machine of the exercises" "$(tail -1 "$work/exercises")" "*check: ok:*"

finish
