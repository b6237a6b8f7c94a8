#!/bin/bash
# A machine with several NUMA nodes: its files agree with each other, and
# numactl, numastat and lscpu read it as they would a real one.
. "$(dirname "$0")/lib.sh"
with_proc=$(realpath "$(dirname "$0")/../../examples/with-proc")
node=$m/sys/devices/system/node
run() { timeout 20 "$with_proc" "$m" "$@" 2>"$work/err" || fail "$*: status $?"; }

refused=$("$PAGEFS" -o arch=i386,nodes=2 "$work/none.db" "$m" 2>&1) &&
	fail "i386 has two nodes"
like "i386" "$refused" '*nodes=2: i386 is built without NUMA and has one node*'
refused=$("$PAGEFS" -o ram=64M,nodes=4 "$work/none.db" "$m" 2>&1) &&
	fail "four nodes in 64M"
like "small" "$refused" '*nodes=4: each node needs 32M of RAM*'

start -o ram=256M,swap=64M,cpus=4,nodes=2

# node_kb NODE LABEL: of its meminfo
node_kb() { awk -v l="$2:" '$3 == l { print $4 }' "$node/node$1/meminfo"; }

# The nodes' files add up to those of the machine.
sums() {
	local l f
	for l in MemTotal MemFree AnonPages Shmem Mapped Dirty KernelStack \
		PageTables Active Inactive Unevictable SwapCached; do
		is "$1: $l" $(($(node_kb 0 $l) + $(node_kb 1 $l))) "$(kb $l)"
	done
	awk '{ s[$1] += $2 } END { for (k in s) print k, s[k] }' \
		"$node"/node[01]/vmstat | sort >"$work/nodes"
	sort "$m/proc/vmstat" | join "$work/nodes" - >"$work/both"
	is "$1: lines of vmstat" "$(wc -l <"$work/both")" "$(wc -l <"$work/nodes")"
	is "$1: vmstat" "$(awk '$2 != $3' "$work/both")" ""
	# zoneinfo: free pages are those of buddyinfo, by node and zone
	is "$1: zoneinfo and buddyinfo" "$(awk '$1 == "Node" { z = $2 $4 }
		$1 == "pages" && $2 == "free" && $3 { print z, $3 }' \
		"$m/proc/zoneinfo")" "$(awk '{ n = 0
		for (i = 5; i <= NF; i++) n += $i * 2 ^ (i - 5)
		print $2 $4, n }' "$m/proc/buddyinfo")"
	for f in 0 1; do
		is "$1: numastat of $f" "$(awk '{ print $2 }' \
			"$node/node$f/numastat")" \
			"$(awk '/^numa_/ { print $2 }' "$node/node$f/vmstat")"
	done
}
sums "after boot"

is "online" "$(cat "$node/online" "$node/possible" "$node/has_cpu" \
	"$node/has_memory" "$node/has_normal_memory" | uniq)" 0-1
is "processors" "$(cat "$node"/node?/cpulist)" $'0-1\n2-3'
is "masks" "$(cat "$node"/node?/cpumap)" $'3\nc'
is "distances" "$(cat "$node"/node?/distance)" $'10 20\n20 10'
is "links" "$(cd "$node/node1" && echo cpu[0-9]*)" "cpu2 cpu3"
is "and back" "$(cd "$node/node1/cpu3/node1" && cat cpulist)" 2-3
like "status" "$(grep Mems "$m/proc/1/status")" '*,00000003*list:?0-1'
is "pagetypeinfo" "$(awk '/type +Movable/ { print $2 $4 }' \
	"$m/proc/pagetypeinfo" | tr '\n' ' ')" "0,DMA, 0,DMA32, 1,DMA32, "

# reclaim takes pages of the one node, and as Linux's file EAGAIN for the rest
printf '%s\n' 'open /cache rdwr,creat' 'ftruncate 0 8M' \
	'pread 0 8M 0' >"$m/proc/1/ctl"
before=$(node_kb 0 FilePages)
echo '4M swappiness=0' 2>/dev/null >"$node/node0/reclaim" ||
	like "reclaim" "$(cat "$m/last")" "-EAGAIN 10?? of 1024 pages*"
[ "$(node_kb 0 FilePages)" -le $((before - 4000)) ] || fail "reclaim took too little"
echo '4M swappiness=high' 2>"$work/err" >"$node/node0/reclaim" &&
	fail "reclaim takes nonsense"
like "reclaim" "$(cat "$work/err")" "*Resource temporarily unavailable"
sums "after reclaim"

# ---- tools ------------------------------------------------------------------

run numactl -H >"$work/told"
is "numactl -H" "$(awk '/size|free|cpus/ { $1 = ""; print }' "$work/told")" \
	" 0 cpus: 0 1
 0 size: $(($(node_kb 0 MemTotal) / 1024)) MB
 0 free: $(($(node_kb 0 MemFree) / 1024)) MB
 1 cpus: 2 3
 1 size: $(($(node_kb 1 MemTotal) / 1024)) MB
 1 free: $(($(node_kb 1 MemFree) / 1024)) MB"
is "its distances" "$(awk '/^ / { print $2, $3 }' "$work/told")" \
	$'10 20\n20 10'
is "numastat" "$(run numastat | awk 'NR > 1 { print $2, $3 }')" \
	"$(paste -d' ' "$node"/node[01]/numastat | awk '{ print $2, $4 }')"
is "numastat -m" "$(run numastat -m | awk '$1 ~ /^(MemTotal|MemFree)$/ {
	print $1, $2, $3, $4 }')" "$(for l in MemTotal MemFree; do
	awk -v l=$l -v a="$(node_kb 0 $l)" -v b="$(node_kb 1 $l)" 'BEGIN {
		printf "%s %.2f %.2f %.2f\n", l, a / 1024, b / 1024,
			(a + b) / 1024 }'
done)"
is "lscpu" "$(run lscpu | awk -F: '/^NUMA|^Socket/ { gsub(/ /, "", $2)
	print $2 }' | tr '\n' ' ')" "2 2 0,1 2,3 "

# ---- policies ---------------------------------------------------------------

p=$m/proc/1
cat >"$p/ctl" <<-'END' || fail "ctl: $(cat "$p/last")"
	mmap 4M rw as=a
	mbind a 1M bind nodes=1
	mbind a+1M 1M interleave nodes=all
	mbind a+2M 1M preferred nodes=1
	touch a 4M
END
echo 'run 1 cpu=3' >"$m/ctl" || fail "run"
cat >"$p/ctl" <<-'END' || fail "ctl: $(cat "$p/last")"
	mmap 1M rw addr=0x10000000 as=b
	touch b 1M
	mmap 8M rw flags=shared addr=0x20000000 as=s
	touch s 8M
END
# places START: policy and pages by node of that mapping.
places() {
	awk -v a="$1" '$1 == a { out = $2
		for (i = 3; i <= NF; i++) if ($i ~ /^N[0-9]=/) out = out " " $i
		print out }' "$p/numa_maps"
}
is "places" "$(awk '$4 ~ /dirty/ && $2 !~ /default/ { print $2, $5, $6, $7 }' \
	"$p/numa_maps" | sed 's/active=0 //')" \
	$'bind:1 N1=256 kernelpagesize_kB=4
interleave:0-1 N0=128 N1=128
prefer:1 N1=256 kernelpagesize_kB=4'
is "local" "$(places 10000000)" "default N1=256"
is "shared" "$(places 20000000)" "default N1=2048"
is "interleave_hit" "$(awk '/interleave/ { print $2 }' \
	"$node"/node?/numastat | tr '\n' ' ')" "128 128 "
sums "with policies"
is "numastat -p" "$(run numastat -p 1 | awk '$1 == "Total" { print $2, $3 }')" \
	"$(awk '{ for (i = 3; i <= NF; i++) if (split($i, w, "=") == 2 &&
		w[1] ~ /^N[01]$/) n[w[1]] += w[2] }
		END { printf "%.2f %.2f\n", n["N0"] / 256, n["N1"] / 256 }' \
		"$p/numa_maps")"
{ echo 'mbind a 1M bind nodes=0 flags=strict' >"$p/ctl"; } 2>/dev/null &&
	fail "a misplaced page is no error"
like "strict" "$(cat "$p/last")" '-EIO strict: the page of * is on node 1*'

# ---- pages that move --------------------------------------------------------

# on N: how many pages of b are on that node.
on() { awk -v n="N$1" '$1 == "10000000" { for (i = 3; i <= NF; i++)
	if (split($i, w, "=") == 2 && w[1] == n) print w[2] }' \
	"$p/numa_maps"; }
exec 4<>"$p/ctl"
tell() { echo "$*" >&4 && read -r reply <&4; }
tell move_pages 0 b b+4K b+1020K b+1M 0x1000
is "where pages are" "$reply" "1 1 1 EFAULT EFAULT"
before=$(counter pgmigrate_success)
tell move_pages 0 b b+4K nodes=0
is "two move" "$reply $(on 0) $(on 1) $(($(counter pgmigrate_success) - before))" "0 0 2 254 2"
tell migrate_pages 0 1 0
is "all move" "$reply $(on 0) $(on 1)" "0 256 "
sums "after they moved"
tell mbind b 512K bind nodes=1 flags=move,strict
is "mbind moves" "$reply $(on 1)" "0 128"
tell mbind b 1M default
tell migrate_pages 0 all 1
exec 4<&-

# Pressure on one node alone, and on both.
cat >"$p/ctl" <<-'END' || fail "ctl: $(cat "$p/last")"
	set_mempolicy bind nodes=1
	mmap 150M rw flags=noreserve as=much
	touch much 150M
END
[ "$(node_kb 0 MemFree)" -gt 80000 ] || fail "node 0 is used: $(node_kb 0 MemFree)"
[ "$(kb SwapFree)" -lt 40000 ] || fail "node 1 does not swap"
sums "node 1 is short"
cat >"$p/ctl" <<-'END' || fail "ctl: $(cat "$p/last")"
	set_mempolicy default
	touch much 150M
	mmap 80M rw flags=noreserve as=more
	touch more 80M
END
sums "both are short"
[ "$(awk '/numa_miss/ { n += $2 } END { print n }' "$node"/node?/numastat)" \
	-gt 1000 ] || fail "nothing was found elsewhere"
is "misses are foreign" "$(awk '/numa_miss/ { print $2 }' "$m/proc/vmstat")" \
	"$(awk '/numa_foreign/ { print $2 }' "$m/proc/vmstat")"

# ---- weights, objects ---------------------------------------------------------

weights=$m/sys/kernel/mm/mempolicy/weighted_interleave
is "weights" "$(cat "$weights"/node? "$weights/auto" | tr '\n' ' ')" "1 1 true "
echo 3 >"$weights/node1" || fail "a weight"
is "weights by hand" "$(cat "$weights"/node? "$weights/auto" | tr '\n' ' ')" \
	"1 3 false "
for bad in 0 256 x ""; do
	{ echo "$bad" >"$weights/node0"; } 2>/dev/null && fail "weight '$bad'"
done
{ echo 1 >"$weights/auto"; } 2>/dev/null && fail "auto without bandwidths"
cat >"$p/ctl" <<-'END' || fail "ctl: $(cat "$p/last")"
	set_mempolicy default
	munmap much 150M
	munmap more 80M
	mmap 64K rw addr=0x30000000 as=w
	mbind w 64K weighted_interleave nodes=all
	touch w 64K
	mmap 64K rw flags=shared addr=0x40000000 as=o
	mbind o 32K bind nodes=1
	mbind o+32K 32K bind nodes=0
	fork
END
child=$(cat "$p/last")
echo 'touch o 64K' >"$m/proc/$child/ctl" || fail "touch"
like "one and three" "$(grep '^30000000 ' "$p/numa_maps")" \
	'* weighted interleave:0-1 *N0=4 N1=12 *'
is "the object's policy" "$(awk '/^4000/ { print $1, $2, $NF, $(NF - 1) }' \
	"$m/proc/$child/numa_maps" | tr '\n' ' ')" \
	"40000000 bind:1 kernelpagesize_kB=4 N1=8 40008000 bind:0 $(:
	)kernelpagesize_kB=4 N0=8 "
sums "with weights"

# ---- the exercises ----------------------------------------------------------

"$(dirname "$0")/../../examples/numa.sh" </dev/null >"$work/exercises" ||
	fail "examples/numa.sh: $(tail -5 "$work/exercises")"
like "exercises" "$(tr -d '\n' <"$work/exercises")" \
	'*N0=16 N1=16*N0=24 N1=24*-EIO strict*   1 1 1*   0 1*N0=12 N1=4 *N1=8 *numa_foreign *node0 *node1 *bind means.'
