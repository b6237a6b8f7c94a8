#!/bin/bash
# Real programs, recorded with strace and replayed: every call gives the
# kernel's answer, and at its end each process has the kernel's maps.
#
# self_maps.c, preloaded or linked in, writes a process's own /proc/self/maps
# when it ends; so does the log end there.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
record=$here/../../examples/record.sh
source=$here/self_maps.c
python=$(readlink -f "$(python3 -c 'import sys; print(sys.executable)')")
start -o ram=512M,disk=512M

# Maps without the device and inode columns.
plain() { sed -E 's/^([^ ]+ [^ ]+ [^ ]+) [^ ]+ [0-9]+ */\1 /'; }

# compare NAME PROCESSES: every process of the report has no difference, and
# the maps that PROCESSES of them wrote are the machine's.
compare() {
	local f real pid nr=0

	grep -q ' calls ' "$m/trace/strace" || fail "$1: an empty report"
	grep -v ' differ 0$' "$m/trace/strace" && fail "$1: differs"
	for f in "$work"/maps.*; do
		[ -e "$f" ] || continue
		nr=$((nr + 1))
		real=${f##*.}
		pid=$(sed -n "s/^$real -> \([0-9]*\) .*/\1/p" "$m/trace/strace")
		plain <"$f" >"$work/kernel"
		plain <"$m/proc/$pid/maps" >"$work/machine"
		grep -q '[[]stack[]]' "$work/kernel" || fail "$1: no maps"
		diff "$work/kernel" "$work/machine" || fail "$1: maps differ"
	done
	[ "$nr" -ge "$2" ] || fail "$1: $nr of $2 processes wrote maps"
}

# program NAME PROCESSES COMMAND...: records and compares.
program() {
	local name=$1 nr=$2

	shift 2
	rm -f "$work"/maps.*
	(cd "$work" && env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 \
		"$record" -m "$m" -l "$work/log" \
		env SELF_MAPS="$work/maps" "$@") >"$work/said" 2>&1 || {
		cat "$work/said"
		fail "$name: record.sh"
	}
	compare "$name" "$nr"
}

build() { gcc -O1 "$@" "$source" || fail "gcc $*"; }
build -shared -fPIC -o "$work/self_maps.so"
preload=LD_PRELOAD=$work/self_maps.so

# cat prints its own maps; the log is cut where it does.
env -i PATH=/usr/bin:/bin RECORD_TRACE=%memory,%process,write \
	"$record" -n -m "$m" -l "$work/log" /bin/cat /proc/self/maps \
	>"$work/maps.0" || fail "cat: record.sh"
real=$(sed -n '1s/ .*//p' "$work/log")
mv "$work/maps.0" "$work/maps.$real"
sed '/ write(1/,$d' "$work/log" >"$m/trace/strace" || fail "cat: replay"
compare cat 1

# Dynamic programs of the system.
seq 3000 >"$work/numbers"
program ls 1 $preload ls -l /usr/bin
program sort 1 $preload sort -r "$work/numbers"
program bash 1 $preload bash -c 'x=$(echo a; :); for i in 1 2 3; do x+=$i; done'
program "a pipeline" 4 $preload bash -c 'ls | sort | head -2'
program dash 2 $preload sh -c 'cat /dev/null; (cat /dev/null); true'
program awk 1 $preload awk '{ s[$1] = $1 } END { print length(s) }' \
	"$work/numbers"
program python3 1 $preload "$python" -c 'import json; print([0] * 300000 == 1)'
program "python3, threads and children" 2 $preload "$python" -c '
import subprocess, threading
t = threading.Thread(target=lambda: bytearray(5 << 20))
t.start()
t.join()
subprocess.run(["true"], check=True)'
program "python3, eight threads" 1 $preload "$python" -c '
import threading, zlib
def work(n):
    keep = [bytearray(100 * i) for i in range(n)]
    return zlib.compress(b"".join(keep))
all = [threading.Thread(target=work, args=(100 * i,)) for i in range(8)]
for t in all:
    t.start()
for t in all:
    t.join()'
program "files without a name" 1 $preload "$python" -c '
import mmap, os
keep = []
def shared(fd, n=8192):
    keep.append(mmap.mmap(fd, n))
memfd = os.memfd_create("some")
os.ftruncate(memfd, 20000)
shared(memfd)
shared(memfd, 20000)
name = "gone (it seems)"
fd = os.open(name, os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 8192)
os.unlink(name)
shared(fd)
keep.append(mmap.mmap(-1, 12288))
keep.append(mmap.mmap(-1, 12288, flags=mmap.MAP_PRIVATE))'

# A compiler run: gcc, cc1, as, collect2 and ld, each by fork and exec.
cat >"$work/small.c" <<'C'
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#define F(n) static double f##n(double x) { return sin(x * n) + cos(x / n); }
F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9)
int main(void)
{
	double x = rand();

	return printf("%f\n", f1(x) + f2(x) + f3(x) + f4(x) + f5(x) + f6(x) +
		f7(x) + f8(x) + f9(x)) < 0;
}
C
for options in -O0 "-O2 -g -pipe"; do
	# shellcheck disable=SC2086 # several options
	program "gcc $options" 5 $preload gcc $options -o "$work/small" \
		"$work/small.c" -lm
	sed -n 's/.* -> \([0-9]*\) .*/\1/p' "$m/trace/strace" |
		while read -r pid; do cat "$m/proc/$pid/comm"; done |
		sed 's/.*-linux-gnu-//; s/[-.].*//' | sort | tr '\n' ' ' \
		>"$work/ran"
	is "what gcc $options ran" "$(cat "$work/ran")" "as cc1 collect2 gcc ld "
done

# Lines that nobody understands are counted, and end nothing.
{
	head -20 "$work/log"
	printf '%s\n' 'no line of strace' '7 mmap(((' '<... gone resumed>) = 3'
	sed 1,20d "$work/log"
} >"$m/trace/strace" || fail "unknown lines"
rm "$work"/maps.*
grep -q '^3 of [0-9]* lines were not understood$' "$m/trace/strace" ||
	fail "unknown lines: $(tail -1 "$m/trace/strace")"

# Programs of every kind.
build -DMAIN -o "$work/pie" -pie -fPIE
build -DMAIN -o "$work/nopie" -no-pie
build -DMAIN -o "$work/static" -static
build -DMAIN -o "$work/static_pie" -static-pie -fPIE
build -DMAIN -o "$work/m32" -m32
build -DMAIN -o "$work/m32_static" -m32 -static
build -DTHREADS=8 -o "$work/threads" -pthread
build -DTHREADS=3 -o "$work/m32_threads" -m32 -pthread
program "a position-independent program" 1 "$work/pie"
program "a program at fixed addresses" 1 "$work/nopie"
program "a static program" 1 "$work/static"
program "a static program, position-independent" 1 "$work/static_pie"
program "a 32-bit program" 1 "$work/m32"
program "a static 32-bit program" 1 "$work/m32_static"
program "a program of eight threads" 1 "$work/threads"
program "a 32-bit program of three threads" 1 "$work/m32_threads"

# By relative paths, with names of all kinds, through a #! line, with long
# arguments.
mkdir "$work/a b<c>,(d) \"é" && cp "$work/pie" "$work/a b<c>,(d) \"é/100% pie\\"
program "a relative path" 1 ./static
program "an odd name" 1 "a b<c>,(d) \"é/100% pie\\"
printf '#! %s -f\n# a comment\n' "$work/a" >"$work/script"
ln -s "$work/static" "$work/a"
chmod +x "$work/script"
program "a script" 1 "$work/script" x
big=$(head -c 100000 /dev/zero | tr '\0' x)
program "long arguments" 1 "$work/pie" "$big" $(seq 2000) "$big"
