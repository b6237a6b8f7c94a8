#!/bin/bash
# Unmodified programs of Debian on a machine, by examples/with-proc: what they
# print is what the machine's own files say.
. "$(dirname "$0")/lib.sh"
with_proc=$(realpath "$(dirname "$0")/../../examples/with-proc")

for tool in free vmstat top ps pmap slabtop uptime sysctl htop script smem \
	numastat numactl lscpu lsof pidstat sar prometheus-node-exporter page-types; do
	command -v "$tool" >/dev/null ||
		fail "$tool is missing: examples/deps.sh test"
done

# ---- what with-proc says ----------------------------------------------------

# exits STATUS PATTERN ARG...: with-proc ARG... ends so.
exits() {
	local status=$1 pattern=$2
	shift 2
	timeout 20 "$with_proc" "$@" >"$work/said" 2>&1
	is "status of with-proc $*" $? "$status"
	like "with-proc $*" "$(cat "$work/said")" "$pattern"
}

exits 125 'with-proc: usage: *'
exits 125 'with-proc: usage: *' "$m"
exits 125 'with-proc: * is no directory*' "$work/nowhere" true
exits 125 'with-proc: no machine is mounted on *' "$work" true
start -o ram=256M,cpus=2,swap=64M
# Other tests mount and unmount elsewhere.
mounted() {
	awk -v w="$work/" '{ at = $5 "/" }
		index(at, w) == 1 || at ~ "^/(proc|sys)/" {
			print $5, $(NF - 2), $(NF - 1)
		}' /proc/self/mountinfo
}
mounts=$(mounted)
exits 127 'with-proc: there is no command no-such-tool' "$m" no-such-tool
exits 0 '' "$m" true
setpriv --reuid=65534 "$with_proc" "$m" true >"$work/said" 2>&1
is "status for an ordinary user" $? 125
like "for an ordinary user" "$(cat "$work/said")" 'with-proc: this needs root*'
exits 7 '' "$m" sh -c 'exit 7'
exits 143 '*' "$m" sh -c 'kill $$'
exits 0 'a  b c' "$m" echo 'a  b' c
exits 0 '3????' "$m" sh -c 'echo $$'
exits 0 "$(readlink "$m/proc/1/root")" "$m" readlink /proc/1/root
is "input" "$(echo word | "$with_proc" "$m" cat)" word
(cd "$work" && "$with_proc" mnt true) || fail "a relative mount point"
is "what stays mounted" "$(mounted)" "$mounts"

# ---- a machine with something to see ----------------------------------------

mkdir -p "$m/disk/usr/bin" "$m/disk/lib64"
cp -L /bin/cat "$m/disk/usr/bin/cat"
cp -L /bin/cat "$m/disk/data" # a program that runs may not be written to
ld=$(readelf -l /bin/cat | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
mkdir -p "$m/disk$(dirname "$ld")"
cp -L "$ld" "$m/disk$ld"
echo 'spawn /usr/bin/cat one two' >"$m/ctl" || fail "spawn"
pid=$(cat "$m/last")
p=$m/proc/$pid
cat >"$p/ctl" <<-'END' || fail "ctl"
	mmap 12M rw as=anon
	touch anon 9M w
	mmap 3M rw flags=shared as=shm
	touch shm 2M w
	mmap 64K rw flags=shared file=/data as=file
	touch file 16K
	write file "dirty"
	mlock anon 64K
	open /usr/bin/cat
	pread 0 4K 8K
	fork
	clone flags=vm,thread
END
echo 'tick 733100' >"$m/ctl" || fail "tick" # 2 hours, 2 minutes, 11 s
echo 'write file "dirty"' >"$p/ctl" || fail "write" # the flusher came by

# run TOOL ARG...: what it prints; it says nothing else and succeeds.
run() {
	timeout 20 "$with_proc" "$m" "$@" 2>"$work/err" || fail "$*: status $?"
	[ -s "$work/err" ] && fail "$* says: $(cat "$work/err")"
}
# pages: of the process's smaps
rss() { kb Rss "$m/proc/$1/smaps"; }
pss() { kb Pss "$m/proc/$1/smaps_rollup"; }
[ "$(kb Dirty)" -gt 0 ] && [ "$(kb Mapped)" -gt 2048 ] ||
	fail "nothing dirty, nothing mapped"

# ---- the formats of the kernel that runs the test ----------------------------

# shape FILE: its lines, N for each number and the spaces before it, and their
# lengths where numbers are aligned.
shape() {
	awk '{ n = length; if (!/ kB$/) n = ""; gsub(/[ \t]*[0-9]+/, "N")
		print $0, n }' "$1"
}
same_shape() {
	[ -r "/$1" ] || return
	is "format of $1" "$(shape "$m/$1")" "$(shape "/$1")"
}
node=sys/devices/system/node
case $(uname -r) in 6.18*) same_shape $node/node0/meminfo ;; esac
same_shape $node/node0/numastat
if [ -r /$node/node0/vmstat ]; then
	cut -d' ' -f1 "$m/$node/node0/vmstat" >"$work/ours"
	cut -d' ' -f1 /$node/node0/vmstat >"$work/theirs"
	is "names of $node/node0/vmstat" \
		"$(grep -Fxf "$work/theirs" "$work/ours")" \
		"$(grep -Fxf "$work/ours" "$work/theirs")"
fi
is "head of slabinfo" "$(head -2 "$m/proc/slabinfo")" \
	"$(head -2 /proc/slabinfo)"
is "head of partitions" "$(head -2 "$m/proc/partitions")" \
	"$(head -2 /proc/partitions)"
is "fields of diskstats" "$(awk '{ print NF }' "$m/proc/diskstats" | sort -u)" \
	"$(awk '{ print NF }' /proc/diskstats | sort -u)"
for f in proc/sys/kernel/pid_max proc/sys/fs/file-nr proc/sys/vm/dirty_ratio \
	sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages \
	sys/kernel/mm/transparent_hugepage/hpage_pmd_size; do
	same_shape $f
done
for f in enabled defrag; do
	f=sys/kernel/mm/transparent_hugepage/$f
	[ ! -r "/$f" ] ||
		is "words of $f" "$(tr -d '[]' <"$m/$f")" \
			"$(tr -d '[]' <"/$f")"
done
for f in $(cd "$m/proc/sys" && find . -type f); do
	[ -e "/proc/sys/$f" ] || fail "Linux has no sysctl $f"
done

# ---- what each tool says: the same as the machine's files ----------------------

# listed: PID, RSS and VSZ of each process, as status has them
listed() {
	local s
	for s in "$m"/proc/[0-9]*/status; do
		awk '/^Pid:/ { p = $2 } /^VmSize/ { v = $2 } /^VmRSS/ { r = $2 }
			END { print p, r, v }' "$s"
	done | sort -n
}
# types: how many frames have which flags; as page-types, without those for
# kernel hackers, and without those of compound pages that are not of the pool.
types() {
	python3 - "$m/proc/kpageflags" <<-'END'
	import collections, os, struct, sys
	fd, data = os.open(sys.argv[1], os.O_RDONLY), b""
	while part := os.read(fd, 1 << 19):
	    data += part
	count = collections.Counter()
	for f, in struct.iter_unpack("Q", data):
	    f &= (1 << 32) - 1
	    count[f if f >> 17 & 1 else f & ~(3 << 15)] += 1
	for f in sorted(count):
	    print("0x%016x %d" % (f, count[f]))
	END
}
# present PID: pages that its pagemap shows with a frame or in swap
present() {
	python3 - "$m/proc/$1" <<-'END'
	import os, struct, sys
	pages, pagemap = 0, os.open(sys.argv[1] + "/pagemap", os.O_RDONLY)
	for line in open(sys.argv[1] + "/maps"):
	    start, end = (int(a, 16) for a in line.split()[0].split("-"))
	    if start >> 47:
	        continue
	    entries = os.pread(pagemap, (end - start) >> 9, start >> 9)
	    for e, in struct.iter_unpack("Q", entries):
	        pages += e >> 62 & 1 or (e >> 63 and e & (1 << 55) - 1 != 0)
	print(pages)
	END
}

tools() {
total=$(kb MemTotal)
free=$(kb MemFree)
available=$(kb MemAvailable)
cached=$(($(kb Cached) + $(kb SReclaimable)))
swapped=$(($(kb SwapTotal) - $(kb SwapFree)))
# ---- procps -----------------------------------------------------------------

is "free" "$(run free -k | awk '/^Mem/ { print $2, $3, $4, $5, $6, $7 }
	/^Swap/ { print $2, $3, $4 }')" \
	"$total $((total - available)) $free $(kb Shmem) $cached $available
$(kb SwapTotal) $swapped $(kb SwapFree)"
is "vmstat" "$(run vmstat | awk 'NR == 3 { print $3, $4, $5, $6 }')" \
	"$swapped $free 0 $cached"
run vmstat -s >"$work/told"
while read -r label want; do
	is "vmstat -s: $label" "$(awk -v l="$label" '{ n = $1
		$1 = ""; gsub(/ /, "_"); if ($0 == "_" l) print n }' \
		"$work/told")" "$want"
done <<END
K_total_memory $total
K_free_memory $free
K_active_memory $(kb Active)
K_inactive_memory $(kb Inactive)
K_total_swap $(kb SwapTotal)
K_used_swap $swapped
K_free_swap $(kb SwapFree)
pages_swapped_in $(counter pswpin)
pages_swapped_out $(counter pswpout)
K_paged_in $(counter pgpgin)
K_paged_out $(counter pgpgout)
CPU_context_switches $(awk '$1 == "ctxt" { print $2 }' "$m/proc/stat")
boot_time $(awk '$1 == "btime" { print $2 }' "$m/proc/stat")
idle_cpu_ticks $(awk '$1 == "cpu" { print $5 }' "$m/proc/stat")
END
is "vmstat -m" "$(run vmstat -m |
	awk '$1 != "Cache" { print $1, $2, $3, $4, $5 }')" \
	"$(awk 'NR > 2 { print $1, $2, $3, $4, $5 }' "$m/proc/slabinfo" |
		LC_ALL=C sort)"
is "vmstat -d" "$(run vmstat -d | awk 'NR > 2 { print $1, $2, $4, $6, $8 }')" \
	"$(awk '{ print $3, $4, $6, $8, $10 }' "$m/proc/diskstats")"
[ "$(awk '$3 == "vda" { print $4 }' "$m/proc/diskstats")" -gt 0 ] ||
	fail "diskstats: nothing was read"
is "slabtop" "$(run slabtop -o -s a | awk 'NR > 7 { print $8, $2, $1 }' |
	LC_ALL=C sort)" "$(awk 'NR > 2 { print $1, $2, $3 }' \
	"$m/proc/slabinfo" | LC_ALL=C sort)"
is "tasks in slabs" "$(awk '$NF == "task_struct" { n += $5 } END { print n }' \
	"$m/phys/slabs")" "$(ls -d "$m"/proc/[0-9]*/task/* | wc -l)"
n=$(awk '$1 == "procs_running" { print $2 }' "$m/proc/stat").00
like "uptime" "$(run uptime)" "*up  2:02,*load average: $n, $n, $n"
is "sysctl" "$(run sysctl -n vm.overcommit_memory vm.max_map_count)" \
	$'0\n65530'

listed >"$work/want"
[ "$(wc -l <"$work/want")" = 3 ] || fail "processes: $(cat "$work/want")"
is "ps aux" "$(run ps aux | awk 'NR > 1 { print $2, $6, $5 }' | sort -n)" \
	"$(cat "$work/want")"
is "ps -eL" "$(run ps -eL | awk 'NR > 1 { print $1, $2 }' | sort -n)" \
	"$(cd "$m/proc" && ls -d [0-9]*/task/* | sed 's#/task/# #' | sort -n)"
is "ps args" "$(run ps -o args= -p "$pid")" "/usr/bin/cat one two"
run top -b -n 1 -E k >"$work/told"
is "top" "$(awk 'seen && NF > 9 { print $1, $6, $5 } $1 == "PID" { seen = 1 }' \
	"$work/told" | sort -n)" "$(cat "$work/want")"
is "top's memory" "$(tr -d ',' <"$work/told" | awk '/^KiB Mem/ {
	print $4, $6, $10 }' | sed 's/\.0//g')" "$total $free $cached"
is "top's swap" "$(tr -d ',' <"$work/told" | awk '/^KiB Swap/ {
	print $3, $5, $7 }' | sed 's/\.0//g')" \
	"$(kb SwapTotal) $(kb SwapFree) $swapped"
is "pmap" "$(run pmap "$pid" | awk '$1 == "total" { print $2 }')" \
	"$(kb Size "$p/smaps")K"
is "pmap -x" "$(run pmap -x "$pid" | awk '$1 == "total" { print $3, $4 }')" \
	"$(kb Size "$p/smaps") $(rss "$pid")"
is "pmap -X" "$(run pmap -X "$pid" | tail -1 | awk '{ print $1, $2 }')" \
	"$(kb Size "$p/smaps") $(rss "$pid")"

# ---- htop, numactl, smem, lscpu ----------------------------------------------

(sleep 1; printf q) | TERM=xterm timeout 20 "$with_proc" "$m" script -qec \
	'stty cols 150 rows 40; htop -d 5' /dev/null >"$work/told" 2>&1 ||
	fail "htop: $(cat "$work/told")"
like "htop" "$(sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g; s/\x1b(B//g' "$work/told" |
	tr -d '\r\n')" '*Tasks: *3*1 thr*Uptime: *02:02:1[1-9]*/usr/bin/cat*'
run numactl -H >"$work/told"
is "numactl" "$(awk '/size|free/ { print $4 }' "$work/told")" \
	"$((total / 1024))"$'\n'"$((free / 1024))"
like "numactl" "$(cat "$work/told")" 'available: 1 nodes (0)*cpus: 0 1*'
is "numastat" "$(run numastat | awk 'NR > 1 { print $2 }')" \
	"$(awk '{ print $2 }' "$m/sys/devices/system/node/node0/numastat")"
is "numastat -m" "$(run numastat -m | awk '$1 ~ /^(MemTotal|AnonPages)$/ {
	print $1, $2 }')" "$(awk '$3 ~ /^(MemTotal|AnonPages):/ {
	sub(/:/, "", $3); printf "%s %.2f\n", $3, $4 / 1024 }' \
	"$m/sys/devices/system/node/node0/meminfo")"
is "numastat -p" "$(run numastat -p "$pid" | awk '$1 == "Total" { print $NF }')" \
	"$(sed -n 's/.* N0=\([0-9]*\).*/\1/p' "$p/numa_maps" |
		awk '{ n += $1 } END { printf "%.2f\n", n / 256 }')"
is "smem" "$(run smem -H -c 'pid rss pss' | awk '{ print $1, $2, $3 }' |
	sort -n)" "$(for i in 1 "$pid" $((pid + 1)); do
	echo "$i $(rss "$i") $(kb Pss "$m/proc/$i/smaps")"
done)"
is "lscpu" "$(run lscpu | awk -F: '/^CPU\(s\)|^Core|^Socket|^NUMA node\(/ {
	gsub(/ /, "", $2); print $2 }' | tr '\n' ' ')" '2 2 1 1 '

# ---- lsof, sysstat -------------------------------------------------------------

is "lsof" "$(run lsof -a -p "$pid" -d 0-9 -F fan)" "p$pid
f0
ar
n/usr/bin/cat"
is "pidstat" "$(run pidstat -d -p "$pid" | awk 'NR == 4 { print $4, $5 }')" \
	"$(awk 'NR == FNR { up = $1; next } { n[$1] = $2 / 1024 / up }
		END { printf "%.2f %.2f\n", n["read_bytes:"], n["write_bytes:"] }' \
		"$m/proc/uptime" "$p/io")"
is "sar" "$(run sar -r 1 1 | awk '/^Average/ { print $2, $3 }' | tail -1)" \
	"$free $available"

# ---- psutil, node exporter, page-types ----------------------------------------

/usr/bin/python3 -c 'import psutil' || fail "psutil: examples/deps.sh test"
is "psutil" "$(run /usr/bin/python3 - <<-'END'
	import psutil
	m, s = psutil.virtual_memory(), psutil.swap_memory()
	print(m.total >> 10, m.available >> 10, m.free >> 10, m.cached >> 10,
	      m.shared >> 10, s.total >> 10, s.free >> 10)
	for p in psutil.process_iter():
	    i = p.memory_info()
	    print(p.pid, i.rss >> 10, i.vms >> 10)
	d = psutil.disk_io_counters(perdisk=True)["vda"]
	print(psutil.cpu_count(), d.read_count, d.write_bytes)
	for p in psutil.process_iter():
	    print(p.pid, p.io_counters().read_bytes, p.num_fds())
	END
)" "$total $available $free $cached $(kb Shmem) $(kb SwapTotal) $(kb SwapFree)
$(cat "$work/want")
2 $(awk '$3 == "vda" { print $4, $10 * 512 }' "$m/proc/diskstats")
$(for i in 1 "$pid" $((pid + 1)); do
	echo "$i $(awk '$1 == "read_bytes:" { print $2 }' "$m/proc/$i/io")" \
		"$(ls "$m/proc/$i/fd" | wc -l)"
done)"

# exporter PORT: one scrape of those collectors that read the machine's files.
exporter() {
	run bash -c '
	prometheus-node-exporter --web.listen-address=127.0.0.1:$0 \
		--log.level=error --path.udev.data=/ --collector.disable-defaults \
		--collector.meminfo --collector.meminfo_numa \
		--collector.vmstat --collector.stat --collector.cpu \
		--collector.loadavg --collector.diskstats --collector.filefd \
		--collector.pressure &
	for i in $(seq 100); do
		(exec 3<>"/dev/tcp/127.0.0.1/$0") 2>/dev/null && break
		sleep 0.1
	done
	exec 3<>"/dev/tcp/127.0.0.1/$0"
	printf "GET /metrics HTTP/1.0\r\n\r\n" >&3
	cat <&3
	kill %1' "$1" | tr -d '\r'
}
exporter $((20000 + $$ % 20000)) >"$work/told"
metric() { awk -v n="$1" '$1 == n { printf "%.0f\n", $2 }' "$work/told"; }
is "collectors" "$(grep -c '^node_scrape_collector_success{.*} 1' \
	"$work/told")" 9
is "pressure" "$(metric node_pressure_io_waiting_seconds_total)" \
	"$(awk '$1 == "some" { sub("total=", "", $5)
		printf "%.0f\n", $5 / 1e6 }' "$m/proc/pressure/io")"
is "MemTotal" "$(metric node_memory_MemTotal_bytes)" $((total * 1024))
is "MemFree" "$(metric node_memory_MemFree_bytes)" $((free * 1024))
is "Dirty" "$(metric node_memory_Dirty_bytes)" $(($(kb Dirty) * 1024))
is "of the node" "$(metric 'node_memory_numa_MemFree{node="0"}')" \
	$((free * 1024))
is "pgfault" "$(metric node_vmstat_pgfault)" "$(counter pgfault)"
is "boot time" "$(metric node_boot_time_seconds)" \
	"$(awk '$1 == "btime" { print $2 }' "$m/proc/stat")"
is "read" "$(metric 'node_disk_read_bytes_total{device="vda"}')" \
	"$(awk '$3 == "vda" { print $6 * 512 }' "$m/proc/diskstats")"

is "page-types" "$(run page-types | awk '/^0x/ { print $1, $2 }' | sort)" \
	"$(types)"
is "page-types of a process" "$(run page-types -p "$pid" |
	awk '$1 == "total" { print $2 }')" "$(present "$pid")"
}
tools

# ---- and the same when memory is short and swap is in use ----------------------

{
	echo 'mmap 240M rw flags=noreserve as=much'
	for page in $(seq 0 4 1024); do
		echo "write much+$((page * 4))K \"page $page\""
	done
	echo 'touch much 240M'
	echo 'read much 4M'
} >"$p/ctl" || fail "pressure: $(cat "$p/last")"
[ "$(counter pswpout)" -gt 200 ] && [ "$(counter pswpin)" -gt 100 ] &&
	[ "$(kb SwapFree)" -lt "$(kb SwapTotal)" ] ||
	fail "no pressure: $(grep pswp "$m/proc/vmstat")"
tools

# ---- the machine's settings ---------------------------------------------------

run sysctl -q -w vm.overcommit_memory=2 vm.max_map_count=1000
is "written by sysctl" "$(cat "$m"/proc/sys/vm/{overcommit_memory,max_map_count})" \
	$'2\n1000'
like "the journal has it" "$(tail -1 "$m/log")" '*set max_map_count 1000 = 0'
{ echo 3 >"$m/proc/sys/vm/overcommit_memory"; } 2>/dev/null &&
	fail "overcommit_memory 3 is taken"
like "sentence" "$(cat "$m/last")" '-EINVAL overcommit_memory is a number *'
{ echo word >"$m/proc/sys/vm/overcommit_memory"; } 2>/dev/null &&
	fail "a word is taken"
is "value" "$(cat "$m/proc/sys/vm/overcommit_memory")" 2
{ echo 1 >"$m/proc/sys/fs/file-nr"; } 2>/dev/null &&
	fail "file-nr can be written"
is "what stays mounted" "$(mounted)" "$mounts"
