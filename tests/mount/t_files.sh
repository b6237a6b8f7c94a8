#!/bin/bash
# Every file of docs/files.md, read with ordinary tools in every way: the same
# bytes each time, nothing changes, nothing hangs; and what is refused.
. "$(dirname "$0")/lib.sh"
shopt -s extglob
docs=$(dirname "$0")/../../docs/files.md
start -o ram=64M,cpus=2
cp /bin/cat "$m/disk/"
cp /lib64/ld-linux-x86-64.so.2 "$m/disk/ld.so"
mkdir "$m/disk/lib"
printf '%s\n' 'spawn name=other' 'spawn name=third' >"$m/ctl" || fail "spawn"
printf '%s\n' 'exec /ld.so' 'mmap 1M rw as=a' 'touch a 1M' 'write a "hello"' fork \
	'clone flags=vm,thread' >"$m/proc/2/ctl" || fail "a process"
printf '%s\n' 'mmap 4K rw flags=shared file=/cat addr=0x7ffff8000000' 'open /cat rdwr' \
	>"$m/proc/2/ctl" || fail "a mapped file"
printf ' L 10000000,4\n S 7fffffffe000,4\n' >"$m/proc/2/trace" || fail "trace"
printf '5 brk(NULL) = 0\n' >"$m/trace/strace" || fail "strace"
state() { cat "$m/state_hash" "$m/stats" "$m/log"; }
before=$(state)

# ---- each file of the list -------------------------------------------------

# binary FILE: one that is no text, read at an offset, not as a whole.
binary() {
	case $1 in */mem | */pagemap | */kpage* | phys/ram) true ;; *) false ;; esac
}

sed -n 's/^| `\([^`]*\)` | \(0[0-7]*\) .*/\1 \2/p' "$docs" >"$work/list"
[ "$(wc -l <"$work/list")" -gt 55 ] || fail "a short list of files"
while read -r name mode; do
	f=${name/task\/TID/task/2}
	f=${f/PID/2}
	f=${f/RANGE/7ffff8000000-7ffff8001000}
	f=${f/%FD/0}
	f=${f/HOSTPID/4321}
	f=${f/proc\/HOST2/proc/4321}
	f=${f/cpu\/N/cpu/1}
	f=${f/nodeNODE/node0}
	f=${f/cpuNODECPU/cpu0}
	f=${f/nodeCPUNODE/node0}
	f=${f/cpuN/cpu1}
	f=${f/DISKDEV/253:0}
	f=${f/DISK/zram0}
	f=${f/NODEHUGE/hugepages-1048576kB}
	f=${f/HUGE/hugepages-1048576kB}
	f=${f/TOPIC/mmap}
	f=${f/CACHE/dentry}
	[ -e "$m/$f" ] || [ -L "$m/$f" ] || {
		fail "$name does not exist"
		continue
	}
	is "mode of $name" "0$(stat -c %a "$m/$f")" "$mode"
	[ -L "$m/$f" ] && continue
	[ -d "$m/$f" ] && continue
	if binary "$f"; then
		dd if="$m/$f" of="$work/piece" bs=4096 count=1 2>/dev/null
		continue
	fi
	timeout 10 cat "$m/$f" >"$work/cat" || fail "cat $f"
	timeout 10 dd if="$m/$f" of="$work/dd" bs=7 2>/dev/null || fail "dd $f"
	cmp "$work/cat" "$work/dd" || fail "dd $f"
	dd if="$m/$f" of="$work/dd" bs=1M 2>/dev/null || fail "dd bs=1M $f"
	cmp "$work/cat" "$work/dd" || fail "dd bs=1M $f"
	timeout 10 cp "$m/$f" "$work/cp" || fail "cp $f"
	cmp "$work/cat" "$work/cp" || fail "cp $f"
	timeout 10 tail -n 3 "$m/$f" >"$work/tail" || fail "tail $f"
	cmp <(tail -n 3 "$work/cat") "$work/tail" || fail "tail $f"
	timeout 10 tail -c 20 "$m/$f" >"$work/tail" || fail "tail -c $f"
	cmp <(tail -c 20 "$work/cat") "$work/tail" || fail "tail -c $f"
	timeout 10 head -c 10 "$m/$f" >"$work/head" || fail "head $f"
	cmp <(head -c 10 "$work/cat") "$work/head" || fail "head $f"
	is "grep $f" "$(timeout 10 grep -ac '' "$m/$f")" \
		"$(grep -ac '' "$work/cat")"
	is "wc $f" "$(timeout 10 wc -c <"$m/$f")" "$(stat -c %s "$work/cat")"
done <"$work/list"

# ---- whole trees ------------------------------------------------------------

# Binary files of the size of an address space are left out.
tree() { # COMMAND...: what COMMAND says of every readable file
	(cd "$m" && find . \( -name mem -o -name pagemap -o -name ram \) -prune \
		-o -type f -print0 | sort -z | timeout 60 xargs -0 "$@")
}
tree sha256sum >"$work/one" || fail "reading everything"
tree sha256sum >"$work/two" || fail "reading everything again"
diff "$work/one" "$work/two" || fail "two readings differ"
[ "$(wc -l <"$work/one")" -gt 150 ] || fail "few files"
is "ls -lR" "$(ls -lR "$m" 2>&1 | grep -i 'cannot\|error\|?')" ""
is "find" "$(find "$m" 2>&1 >/dev/null)" ""
mkdir "$work/copy"
timeout 20 cp -r "$m/proc/1/task" "$work/task" || fail "cp -r of task/"
diff -r "$m/proc/1/task" "$work/task" || fail "cp -r of task/ differs"
timeout 20 cp -r "$m/help" "$work/help" || fail "cp -r of help/"
diff -r "$m/help" "$work/help" || fail "cp -r of help/ differs"
timeout 20 tar -C "$m" --exclude=mem --exclude=pagemap --exclude=ram \
	--exclude=walk -cf "$work/all.tar" proc cpu phys trace disk help README \
	2>"$work/err" || fail "tar: $(head -3 "$work/err")"
timeout 60 diff -r --exclude=mem --exclude=pagemap \
	--exclude=ram "$m" "$m" || fail "diff -r"

# A whole process: mem ends with EIO, as Linux's; pagemap is 256 GiB.
ls "$m/proc/1" | grep -vx 'pagemap' >"$work/names"
(cd "$m/proc/1" && xargs -a "$work/names" \
	timeout 60 cp -r -t "$work/copy") 2>"$work/err"
[ $? = 124 ] && fail "cp -r of proc/1 hangs"
cmp "$work/copy/maps" "$m/proc/1/maps" || fail "cp -r of proc/1: maps"

is "state after reading all" "$(state)" "$before"

# ---- binary files at offsets ------------------------------------------------

python3 - "$m" <<'PY' || fail "binary files"
import errno, os, sys
m = sys.argv[1]
maps = [l.split() for l in open(m + "/proc/2/maps")]
start, end = (int(x, 16) for x in maps[0][0].split("-"))
mem = os.open(m + "/proc/2/mem", os.O_RDONLY)
assert os.pread(mem, 5, start) == b"hello"
assert os.pread(mem, 1 << 20, start)[:6] == b"hello\0"
for off in (0, 1, 1 << 47, (1 << 63) - 4097):
    try:
        os.pread(mem, 4096, off)
        raise SystemExit("mem at %#x: no EIO" % off)
    except OSError as e:
        assert e.errno in (errno.EIO, errno.EINVAL), (off, e)
pm = os.open(m + "/proc/2/pagemap", os.O_RDONLY)
word = int.from_bytes(os.pread(pm, 8, start // 4096 * 8), "little")
assert word >> 63, hex(word)
ram = os.open(m + "/phys/ram", os.O_RDONLY)
frame = word & (1 << 55) - 1
assert os.pread(ram, 5, frame * 4096) == b"hello"
assert os.pread(ram, 8, (64 << 20) - 4) == b"\0" * 4
assert os.pread(ram, 8, 64 << 20) == b""
assert os.pread(ram, 8, (1 << 63) - 9) == b""
for n in (1, 7, 9):
    try:
        os.pread(pm, n, 0)
        raise SystemExit("pagemap: %d bytes" % n)
    except OSError as e:
        assert e.errno == errno.EINVAL
assert len(os.pread(pm, 1 << 20, start // 4096 * 8)) >= 2048
assert os.pread(pm, 8, (1 << 62)) == b""
PY

# ---- what is refused --------------------------------------------------------

for f in nothing proc/1/nothing proc/0/maps proc/99999/maps cpu/2/tlb cpu/x \
	cpu/-1 cpu/00/tlb proc/01/maps phys/none help/none proc/1/task/2/stat \
	disk/none trace/none proc/4294967298/maps proc/2x; do
	cat "$m/$f" >/dev/null 2>"$work/err" && fail "$f exists"
	like "$f" "$(cat "$work/err")" '*No such file or directory*'
done
for f in README help/mmap last log config stats state_hash proc/1/maps \
	proc/1/last proc/meminfo cpu/0/regs phys/ram phys/frames; do
	echo x 2>"$work/err" >"$m/$f" && fail "$f was written"
	like "writing $f" "$(cat "$work/err")" \
		'*@(Permission denied|Read-only*|Operation not*)*'
	rm -f "$m/$f" 2>/dev/null && fail "$f was removed"
	chmod 777 "$m/$f" 2>/dev/null && fail "$f got another mode"
	mv "$m/$f" "$m/other" 2>/dev/null && fail "$f was moved"
done
for d in . proc proc/1 cpu phys trace help; do
	touch "$m/$d/new" 2>/dev/null && fail "a file in $d"
	mkdir "$m/$d/new" 2>/dev/null && fail "a directory in $d"
	ln -s x "$m/$d/new" 2>/dev/null && fail "a link in $d"
	rmdir "$m/$d" 2>/dev/null && fail "$d removed"
done
is "state after refusals" "$(state)" "$before"
for f in proc/1 proc cpu/0 disk; do
	cat "$m/$f" 2>"$work/err" && fail "cat of a directory"
	like "$f" "$(cat "$work/err")" '*Is a directory*'
done
is "statfs" "$(stat -f -c %T "$m" | wc -l)" 1
df "$m" >/dev/null || fail "df"

# A stranger reads what Linux shows to all, and no more.
stop
start -o allow_other
chmod 755 "$work"
stranger() { setpriv --reuid nobody --clear-groups "$@" 2>"$work/err"; }
for f in proc/2/stat proc/2/status proc/meminfo config log; do
	stranger cat "$m/$f" >/dev/null || fail "a stranger and $f"
done
for f in proc/2/mem proc/2/ctl proc/2/trace proc/2/pagemap proc/2/maps; do
	stranger head -c 8 "$m/$f" >/dev/null && fail "a stranger read $f"
	like "a stranger and $f" "$(cat "$work/err")" '*Permission denied*'
done
before=$(state)
stranger sh -c "echo tick >'$m/ctl'" && fail "a stranger's command"
stranger sh -c "echo 'sbrk 4K' >'$m/proc/2/ctl'" && fail "a stranger's sbrk"
is "state after a stranger" "$(state)" "$before"
