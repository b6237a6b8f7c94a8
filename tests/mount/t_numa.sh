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

# kb NODE LABEL: of its meminfo
kb() { awk -v l="$2:" '$3 == l { print $4 }' "$node/node$1/meminfo"; }
total() { awk -v l="$1:" '$1 == l { print $2 }' "$m/proc/meminfo"; }

# The nodes' files add up to those of the machine.
sums() {
	local l f
	for l in MemTotal MemFree AnonPages Shmem Mapped Dirty KernelStack \
		PageTables Active Inactive Unevictable SwapCached; do
		is "$1: $l" $(($(kb 0 $l) + $(kb 1 $l))) "$(total $l)"
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

# ---- tools ------------------------------------------------------------------

run numactl -H >"$work/told"
is "numactl -H" "$(awk '/size|free|cpus/ { $1 = ""; print }' "$work/told")" \
	" 0 cpus: 0 1
 0 size: $(($(kb 0 MemTotal) / 1024)) MB
 0 free: $(($(kb 0 MemFree) / 1024)) MB
 1 cpus: 2 3
 1 size: $(($(kb 1 MemTotal) / 1024)) MB
 1 free: $(($(kb 1 MemFree) / 1024)) MB"
is "its distances" "$(awk '/^ / { print $2, $3 }' "$work/told")" \
	$'10 20\n20 10'
is "numastat" "$(run numastat | awk 'NR > 1 { print $2, $3 }')" \
	"$(paste -d' ' "$node"/node[01]/numastat | awk '{ print $2, $4 }')"
is "numastat -m" "$(run numastat -m | awk '$1 ~ /^(MemTotal|MemFree)$/ {
	print $1, $2, $3, $4 }')" "$(for l in MemTotal MemFree; do
	awk -v l=$l -v a="$(kb 0 $l)" -v b="$(kb 1 $l)" 'BEGIN {
		printf "%s %.2f %.2f %.2f\n", l, a / 1024, b / 1024,
			(a + b) / 1024 }'
done)"
is "lscpu" "$(run lscpu | awk -F: '/^NUMA|^Socket/ { gsub(/ /, "", $2)
	print $2 }' | tr '\n' ' ')" "2 2 0,1 2,3 "
