#!/bin/bash
# numactl -H and numastat show what the machine's files say: each number, on
# machines of two and of four nodes, while memory is in use on all of them.
. "$(dirname "$0")/lib.sh"
with_proc=$(realpath "$(dirname "$0")/../../examples/with-proc")
tool() { timeout 20 "$with_proc" "$m" "$@" 2>"$work/err" || fail "$*: status $?"; }

for nodes in 2 4; do
	db=$work/$nodes.db
	start -o ram=256M,swap=64M,cpus=4,nodes=$nodes
	printf '%s\n' 'mmap 8M rw addr=0x10000000' \
		'mbind 0x10000000 8M interleave nodes=all' \
		'touch 0x10000000 8M w' 'set_mempolicy bind nodes=1' \
		'mmap 4M rw addr=0x20000000' 'touch 0x20000000 3M w' \
		'set_mempolicy default' 'open /f rdwr,creat' 'ftruncate 0 1M' \
		'pread 0 1M 0' 'push 10K' 'brk brk+64K' \
		'touch heap 40K w' >"$m/proc/1/ctl" || fail "$(cat "$m/last")"
	echo 6 >"$m/proc/sys/vm/nr_hugepages"
	printf '%s\n' 'mmap 4M rw flags=hugetlb addr=0x30000000' \
		'touch 0x30000000 4M w' >"$m/proc/1/ctl" || fail "$(cat "$m/last")"
	for args in "-H" "" -n -m "-p 1"; do
		case $args in
		-H) tool numactl -H ;;
		*) tool numastat $args ;;
		esac >"$work/told${args// /}"
	done
	python3 "$(dirname "$0")/numa_tools.py" "$m" "$work" || fail "$nodes nodes"
	stop
done
