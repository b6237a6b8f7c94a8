#!/bin/bash
# Prints a table of what pagefs costs beside a floor measured in the same run:
# a null FUSE file system, the running kernel, a single-purpose loop, SQLite
# alone.  Figures are medians of interleaved rounds, lower quartiles where the
# scheduler decides: other programs make them longer, none makes them shorter.
#
#	tests/bench/run.sh [NAME...]
#	names: write cat many wait bulk trace strace policies ram64g maps pagemap mm faults journal save at
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "$0: run it as root" >&2; exit 1; }
[ -f build/build.ninja ] || meson setup build >/dev/null
ninja -C build fs/pagefs benches >/dev/null
bin=$PWD/build/tests/bench
pagefs=$PWD/build/fs/pagefs
names=${*:-write cat bulk trace strace policies ram64g maps pagemap mm faults journal save at}

dir=$(mktemp -d)
mkdir "$dir/m" "$dir/n"
mount_both() { # PREFIX PAGEFS-OPTIONS
	$1 "$bin/nullfs" "$dir/n"
	$1 "$pagefs" -o "$2" "$dir/m.db" "$dir/m"
}
unmount() {
	fusermount3 -u "$dir/m" 2>/dev/null || true
	fusermount3 -u "$dir/n" 2>/dev/null || true
	while pgrep -f "$dir/m.db" >/dev/null; do sleep 0.05; done
	rm -f "$dir"/m.db*
}
trap 'unmount; rm -rf "$dir"' EXIT

row() { printf '%-44s %10s %10s %8s %-8s %s\n' "$@"; }
wants() { case " $names " in *" $1 "*) return 0 ;; esac; return 1; }

row "what" pagefs floor ratio unit target
ratio_row() { # NAME TARGET COMMAND...
	local name=$1 target=$2 out
	shift 2
	out=$("$@")
	# shellcheck disable=SC2086
	set -- $out
	row "$name" "$1" "$2" "$3" "$4" "$target"
}

if wants write || wants cat; then
	for where in pinned unpinned; do
		pin=
		t=1.25
		[ $where = unpinned ] || { pin="taskset -c $(($(nproc) - 1))"; t=1.5; }
		mount_both "$pin" ram=256M
		! wants write || ratio_row "journaled command, $where" "<= $t" \
			$pin "$bin/client" write "$dir/m/proc/1/ctl" \
			"$dir/n/ctl" "brk 0" 20000
		! wants cat || ratio_row "open+read+close buddyinfo, $where" \
			"<= $t" $pin "$bin/client" cat \
			"$dir/m/proc/buddyinfo" "$dir/n/text" 10000
		unmount
	done
fi

# Group commit: where each row is synced, writers share the syncs.
if wants many; then
	for durability in process power; do
		n=5000 target='> 1'
		[ $durability = process ] || n=200 target='>= 2'
		mount_both "" ram=256M,durability=$durability
		printf 'spawn\nspawn\nspawn\n' >"$dir/m/ctl"
		ratio_row "4 writers (floor: one), $durability" "$target" \
			"$bin/client" many "$dir/m" "brk 0" $n
		unmount
	done
fi

if wants bulk; then
	mount_both "" ram=1G
	echo 'mmap 256M rw addr=0x100000000 flags=fixed' >"$dir/m/proc/1/ctl"
	out=$("$bin/client" bulk "$dir/m/proc/1/ctl" 0x100000000 60000)
	row "1 MiB writes of touch lines, journaled" "${out% M*}" - - "M/s" ">= 3"
	unmount
fi

# A real program's accesses, as valgrind's lackey prints them: those in the
# file that $TRACE names, or of an ls.  Without valgrind they are made up.
make_trace() {
	[ -z "${TRACE:-}" ] || ln -s "$(realpath "$TRACE")" "$dir/trace.txt"
	[ -e "$dir/trace.txt" ] || ! command -v valgrind >/dev/null ||
		valgrind --tool=lackey --trace-mem=yes --basic-counts=no \
			--log-fd=9 ls -l /usr/bin /usr/lib \
			9>"$dir/trace.txt" >/dev/null
	"$bin/trace_bench" files "$dir/trace.txt" "$dir/trace.bin"
}

if wants trace; then
	make_trace
	"$bin/trace_bench" "$dir/trace.bin"
	for kind in bin txt; do
		mount_both "" ram=1G
		echo 'set trace_map auto' >"$dir/m/ctl"
		n=$(($(stat -c %s "$dir/trace.bin") / 8))
		s=$(for i in 1 2 3 4 5; do
			"$bin/client" feed "$dir/m/proc/1/trace" \
				"$dir/trace.$kind"
		done | sort -n | sed -n 2p)
		rate=$(awk "BEGIN { printf \"%.0f\", $n / $s / 1e6 }")
		target='>= 100'
		[ $kind = bin ] || target='>= 50'
		row "trace through the mount, $kind" "$rate" - - "M/s" "$target"
		unmount
	done
fi

! wants policies || "$bin/policy_bench"

# A million calls of two processes, half of which are about memory; one in five
# is cut by the other's.
make_log() {
	awk 'BEGIN {
		a = "0x7ffff7fef000"
		rw = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0"
		elf = "\"\\177ELF\\2\\1\\1\\3\\0\\0\\0\\0\\0\\0\\0\\0\"..."
		f = "/etc/ld.so.cache"
		for (i = 0; i < 100000; i++) {
			me = 1000 + i % 2; other = 1001 - i % 2
			print me, "mmap(NULL, 8192, " rw " <unfinished ...>"
			print other, "brk(NULL) = 0x555555555000"
			print me, "<... mmap resumed>) = " a
			print me, "openat(AT_FDCWD, \"" f "\", O_RDONLY) = 3<" f ">"
			print me, "read(3<" f ">, " elf ", 832) = 832"
			print me, "mprotect(" a ", 4096, PROT_READ) = 0"
			print me, "madvise(" a ", 8192, MADV_DONTNEED) = 0"
			print me, "close(3<" f ">) = 0"
			print me, "rt_sigprocmask(SIG_SETMASK, [], NULL, 8) = 0"
			print me, "munmap(" a ", 8192) = 0"
		}
	}' >"$dir/log"
}

if wants strace; then
	make_log
	mount_both "" ram=256M
	ratio_row "strace log of 1,000,000 lines (floor: split)" ">= 300" \
		"$bin/client" log "$dir/m/trace/strace" "$dir/log"
	! grep 'not understood' "$dir/m/trace/strace"
	unmount
fi

if wants ram64g; then
	t0=$(date +%s%N)
	"$pagefs" -o ram=64G "$dir/m.db" "$dir/m"
	t1=$(date +%s%N)
	pid=$(pgrep -f "$dir/m.db" | head -1)
	row "mount with ram=64G" $(((t1 - t0) / 1000000)) - - ms "< 500"
	row "resident then" \
		"$(awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$pid/status")" \
		- - MiB "< 100"
	unmount
fi

if wants maps; then
	mount_both "" ram=256M
	awk 'BEGIN { for (i = 0; i < 65000; i++)
		print "mmap 4K " (i % 2 ? "r" : "rw") }' >"$dir/m/proc/1/ctl"
	ratio_row "maps of 65,000 VMAs (floor: the kernel's)" "<= 0.50" \
		"$bin/client" maps "$dir/m/proc/1/maps" 65000
	unmount
fi

if wants pagemap; then
	mount_both "" ram=2G
	printf 'mmap 1G rw addr=0x100000000 flags=fixed\ntouch 0x100000000 1G w\n' \
		>"$dir/m/proc/1/ctl"
	ratio_row "pagemap of 1 GiB touched (floor: the kernel's)" ">= 2" \
		"$bin/client" pagemap "$dir/m/proc/1/pagemap" 0x100000000 \
		$((1 << 30))
	unmount
fi

# The longest that a writer waits beside what takes long; floor: the longest in
# as long without it, which is what other programs do to both.
wait_row() { # NAME COMMAND
	ratio_row "longest write beside $1" "< 20" "$bin/client" wait \
		"$dir/m/proc/1/ctl" "brk 0" "$2"
}
if wants wait; then
	mount_both "" ram=1G
	m=$dir/m
	echo 'mmap 512M rw addr=0x100000000 flags=fixed' >"$m/proc/1/ctl"
	python3 - "$m/proc/1/mem" <<'PY'
import os, random, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
r = random.Random(1)
for at in range(0x100000000, 0x120000000, 1 << 20):
    half = [r.randbytes(2048) + bytes(2048) for page in range(256)]
    os.pwrite(fd, b"".join(half), at)
PY
	sync # the disk is not to be busy with that
	wait_row "mkdir checkpoints/a, 512 MiB" "mkdir $m/checkpoints/a"
	wait_row "copying of its WAL" "sleep 1"
	wait_row "checkpoint b" "echo checkpoint b >$m/ctl"
	wait_row "restore of 512 MiB" "echo restore a >$m/ctl"
	wait_row "entering at/" "cat $m/at/-9/proc/1/maps >/dev/null"
	wait_row "copying of a busy WAL" "sleep 5"
	unmount
	mount_both "" ram=256M
	awk 'BEGIN { for (i = 0; i < 65000; i++)
		print "mmap 4K " (i % 2 ? "r" : "rw") }' >"$m/proc/1/ctl"
	wait_row "mkdir checkpoints/c, 65,000 VMAs" "mkdir $m/checkpoints/c"
	wait_row "rmdir checkpoints/c" "rmdir $m/checkpoints/c"
	wait_row "forget" \
		"echo forget before=\$(tail -1 $m/log | cut -d' ' -f1) >$m/ctl"
	wait_row "vacuum" "echo vacuum >$m/ctl"
	unmount
fi

! wants mm || [ ! -x "$bin/mm_bench" ] || "$bin/mm_bench"
! wants faults || [ ! -x "$bin/faults_bench" ] || "$bin/faults_bench"
! wants journal || [ ! -x "$bin/journal_bench" ] || "$bin/journal_bench"
! wants save || [ ! -x "$bin/save_bench" ] || "$bin/save_bench"
! wants at || [ ! -x "$bin/at_bench" ] || "$bin/at_bench"
