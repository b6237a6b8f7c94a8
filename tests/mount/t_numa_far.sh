#!/bin/bash
# Nodes at different distances: a ring of four, on which requests go to the
# near ones first; node reclaim, and the settings of zones.
. "$(dirname "$0")/lib.sh"
with_proc=$(realpath "$(dirname "$0")/../../examples/with-proc")
node=$m/sys/devices/system/node
vm=$m/proc/sys/vm
run() { timeout 20 "$with_proc" "$m" "$@" 2>"$work/err" || fail "$*: status $?"; }

refused=$("$PAGEFS" -o nodes=2,distance=20:21:22 "$work/none.db" "$m" 2>&1) &&
	fail "three distances of two nodes"
like "too many" "$refused" '*distance= has 3 numbers; 2 nodes take 1 for all*'
refused=$("$PAGEFS" -o nodes=2,distance=10:20:10:10 "$work/none.db" "$m" 2>&1) &&
	fail "a node at distance 10"
like "too near" "$refused" '*distance= number 3 is 10: a node is 10 from*'

start -o ram=256M,swap=64M,cpus=4,nodes=4,distance=20:31:20:20:31:20
is "kept" "$(awk '$1 == "distance" { print $2 }' "$m/config")" \
	20:31:20:20:31:20
is "distances" "$(cat "$node"/node?/distance)" '10 20 31 20
20 10 20 31
31 20 10 20
20 31 20 10'
is "numactl -H" "$(run numactl -H | awk '/^ +[0-3]:/ { $1 = ""; print }')" \
	' 10 20 31 20
 20 10 20 31
 31 20 10 20
 20 31 20 10'

event() { awk -v e="$2" '$1 == e { print $2 }' "$node/node$1/numastat"; }
zone_free() { awk -v n="$1," '$1 == "Node" { at = $2 == n && $4 != "DMA" }
	at && $1 == "pages" { print $3; exit }' "$m/proc/zoneinfo"; }

# Node 0 is full: the next are 1 and 3, which are 20 away, and then 2.
p=$m/proc/1
cat >"$p/ctl" <<-'END' || fail "ctl: $(cat "$p/last")"
	mmap 200M rw flags=noreserve as=a
	touch a 80M
END
[ "$(event 1 numa_miss)" -gt 5000 ] || fail "node 1 does not help"
is "not yet" "$(event 2 numa_miss) $(event 3 numa_miss)" "0 0"
echo 'touch a 130M' >"$p/ctl"
[ "$(event 3 numa_miss)" -gt 1000 ] || fail "node 3 does not help"
is "the far one last" "$(event 2 numa_miss)" 0
is "wanted on node 0" "$(event 0 numa_foreign)" \
	$(($(event 1 numa_miss) + $(event 3 numa_miss)))
is "numastat" "$(run numastat | awk '$1 == "numa_miss" { print $2, $3, $4, $5 }')" \
	"$(for n in 0 1 2 3; do event $n numa_miss; done | xargs)"

# Bound to all but node 0, from there: the near ones first, in that order.
# A home node is where it begins instead.
cat >"$p/ctl" <<-'END' || fail "ctl: $(cat "$p/last")"
	munmap a 200M
	mmap 2M rw addr=0x10000000 as=b
	mbind b 2M bind nodes=1-3
	set_mempolicy_home_node b+1M 1M 2
	touch b 2M
END
like "nearest" "$(grep '^10000000 ' "$p/numa_maps")" '* bind:1-3 * N1=256 *'
like "home" "$(grep '^10100000 ' "$p/numa_maps")" '* bind:1-3 * N2=256 *'

# migratepages(8) would do the same to a process of the host.
exec 4<>"$p/ctl"
tell() { echo "$*" >&4 && read -r reply <&4; }
tell migrate_pages 0 1,2 3,0
is "to where the others are" "$reply" 0
like "1 to 0" "$(grep '^10000000 ' "$p/numa_maps")" '* N0=256 *'
like "2 to 3" "$(grep '^10100000 ' "$p/numa_maps")" '* N3=256 *'
tell munmap b 2M
exec 4<&-

# ---- node reclaim: page cache goes before a request goes elsewhere ----------

cat >"$p/ctl" <<-'END' || fail "ctl: $(cat "$p/last")"
	open /f rdwr,creat
	ftruncate 0 30M
	pread 0 30M 0
	mmap 40M rw as=c
END
run sysctl -q -w vm.zone_reclaim_mode=1 vm.min_unmapped_ratio=2
is "set" "$(cat "$vm/zone_reclaim_mode" "$vm/min_unmapped_ratio" | xargs)" "1 2"
before=$(event 0 numa_foreign)
echo 'touch c 40M' >"$p/ctl"
is "all on node 0" "$(($(event 0 numa_foreign) - before))" 0
[ "$(counter zone_reclaim_success)" -gt 50 ] || fail "node reclaim does not help"
[ "$(counter zone_reclaim_failed)" -lt 20 ] || fail "node reclaim is in vain"
{ echo 101 >"$vm/min_unmapped_ratio"; } 2>/dev/null && fail "101 percent"
{ echo 101 >"$vm/min_slab_ratio"; } 2>/dev/null && fail "101 percent"

# ---- what zones keep, and what is counted ----------------------------------

is "ratios" "$(xargs <"$vm/lowmem_reserve_ratio")" "256 256 32 0 0"
managed=$(awk '$1 == "managed" && ++n == 2 { print $2 }' "$m/proc/zoneinfo")
protected() { awk '/protection:/ { gsub(/[(),]/, ""); print $3; exit }' \
	"$m/proc/zoneinfo"; }
is "protection" "$(protected)" $((managed / 256))
run sysctl -q -w "vm.lowmem_reserve_ratio=64 128"
is "some of them" "$(xargs <"$vm/lowmem_reserve_ratio")" "64 128 32 0 0"
is "protection follows" "$(protected)" $((managed / 64))
echo 0 >"$vm/lowmem_reserve_ratio"
is "none" "$(protected)" 0
echo 8 9 x >"$vm/lowmem_reserve_ratio"
like "up to a word" "$(xargs <"$vm/lowmem_reserve_ratio")" "8 9 *"
echo 1 2 3 4 5 6 >"$vm/lowmem_reserve_ratio"
like "as many as there are" "$(xargs <"$vm/lowmem_reserve_ratio")" "1 2 3 *"

echo 0 >"$vm/numa_stat"
is "forgotten" "$(awk '{ n += $2 } END { print n }' "$node"/node?/numastat)" 0
echo 1 >"$vm/numa_stat"
for word in Node default; do
	echo $word >"$vm/numa_zonelist_order" || fail "order $word"
done
{ echo zone >"$vm/numa_zonelist_order"; } 2>/dev/null && fail "order zone"
is "order" "$(cat "$vm/numa_zonelist_order")" Node
