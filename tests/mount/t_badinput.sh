#!/bin/bash
# Bad input of every kind through a mount: the errno, one sentence, a state
# that is what it was, and a machine that goes on.
. "$(dirname "$0")/lib.sh"
start -o disk=64M
ctl=$m/proc/1/ctl
printf '%s\n' 'mmap 64K rw as=a' 'touch a 64K' 'label odd a+1' >"$ctl" ||
	fail "a mapping"

# What the machine is, counters, replies and the journal's number apart.
look() {
	local p

	for p in "$m"/proc/[0-9]*; do
		[ -L "$p" ] || cat "$p"/{maps,smaps,pagetable,limits,statm}
	done
	cat "$m"/proc/{buddyinfo,meminfo} "$m"/phys/{frames,zones} "$m/config"
	(cd "$m/disk" && find . -printf '%p %s %m\n' | sort)
}

alive() { # WHAT
	echo 'touch a' >"$ctl" || fail "$1: the machine goes on"
	[ "$(cat "$m/proc/1/maps" | wc -l)" -ge 5 ] || fail "$1: maps"
}

# refused FILE LINE PATTERN: the errno in write() is that of the reply; a line
# that does not parse leaves the very state; a line that does, all but
# counters.
refused() {
	local before=$(look) hash=$(cat "$m/state_hash") got word e

	printf '%s\n' "$2" 2>"$work/err" >"$m/$1" && {
		fail "'$2' succeeded"
		return
	}
	e=$(sed 's/.*write error: //' "$work/err")
	got=$(cat "$m/last")
	like "'$2'" "$got" "$3"
	case $got in
	-EINVAL*) word='Invalid argument' ;;
	-ENOMEM*) word='Cannot allocate memory' ;;
	-EFAULT*) word='Bad address' ;;
	-ENOENT*) word='No such file or directory' ;;
	-ENOEXEC*) word='Exec format error' ;;
	-EBADF*) word='Bad file descriptor' ;;
	-ERANGE*) word='Numerical result out of range' ;;
	-ESRCH*) word='No such process' ;;
	-ECHILD*) word='No child processes' ;;
	-EEXIST*) word='File exists' ;;
	-EPERM*) word='Operation not permitted' ;;
	-EACCES*) word='Permission denied' ;;
	*) word='(another reply)' ;;
	esac
	is "errno of '$2'" "$e" "$word"
	is "lines of the reply to '$2'" "$(cat "$m/last" | wc -l)" 1
	case $got in
	*'; usage: '* | '-EINVAL unknown command'*)
		is "state after '$2'" "$(cat "$m/state_hash")" "$hash" ;;
	esac
	[ "$(look)" = "$before" ] || fail "'$2' changed the machine"
}

while IFS='|' read -r line pattern; do
	refused proc/1/ctl "$line" "$pattern"
done <<'TABLE'
frobnicate|-EINVAL unknown command "frobnicate"*
MMAP 4K rw|-EINVAL unknown command*
spawn|-EINVAL*
mmap|-EINVAL missing "LEN"; usage: mmap*
mmap 4K|-EINVAL missing "PROT"; usage: mmap*
mmap 4K rw zebra|-EINVAL nothing takes the word "zebra"; usage*
mmap 4K rw color=red|-EINVAL*color*; usage*
mmap 4K rw addr=1 addr=2|-EINVAL*addr*; usage*
mmap 4K rwz|-EINVAL PROT cannot be "rwz"; usage*
mmap 0 rw|-EINVAL the length is 0
mmap -1 rw|-EINVAL LEN cannot be below 0: "-1"; usage*
mmap 0x rw|-EINVAL LEN cannot be "0x"; usage*
mmap 4KK rw|-EINVAL LEN cannot be "4KK"; usage*
mmap 08 rw|-EINVAL LEN cannot be "08"; usage*
mmap 18446744073709551615 rw|-ENOMEM the length 18446744073709551615*
mmap 18446744073709551616 rw|-EINVAL LEN cannot be*; usage*
mmap 18014398509481984K rw|-EINVAL LEN cannot be*; usage*
mmap 128T rw|-ENOMEM*
mmap 4K rw addr=0x1001 flags=fixed|-EINVAL*0x1001*
mmap 4K rw addr=a flags=noreplace|-EEXIST*
mmap 4K rw off=1|-EINVAL offset 0x1 is not a multiple*4096
mmap 4K rw file=/none|-ENOENT*"none"
mmap 4K rw fd=77|-EBADF*
munmap odd 4K|-EINVAL address 0x*1 is not a multiple*4096
munmap a 0|-EINVAL the length is 0
munmap a 18446744073709551615|-EINVAL*
munmap 18446744073709551615 1|-EINVAL*
mprotect odd 4K r|-EINVAL*multiple*
mprotect 0x10000 4K r|-ENOMEM*0x10000*
mremap odd 4K 8K|-EINVAL*multiple*
mremap a 4K 0|-EINVAL the new length is 0
mremap a 4K 18446744073709551615|-EINVAL*
mremap a 4K 18446744073709547520|-EINVAL*18446744073709547520*
sbrk 0x7fffffffffffffff|-ENOMEM*
sbrk -0x8000000000000000|-ENOMEM*
madvise odd 4K normal|-EINVAL*multiple*
madvise a 4K zebra|-EINVAL*zebra*
mincore odd 1|-EINVAL*multiple*
mincore a 18446744073709551615|-ENOMEM*
msync odd 1 sync|-EINVAL*multiple*
mlock 0x10000 4K|-ENOMEM*0x10000*
read 0xffffffffffffffff 18446744073709551615|-EFAULT SIGSEGV MAPERR at 0xf*
write 0xffffffffffffffff "ab"|-EFAULT SIGSEGV MAPERR at 0xf*
write 0x8000000000000000 "ab"|-EFAULT SIGSEGV SI_KERNEL*canonical*
touch 0 18446744073709551615|-EFAULT SIGSEGV MAPERR at 0x0*
write a hex:6|-EINVAL DATA cannot be "hex:6"; usage*
write a "open|-EINVAL a quote is not closed*
push 18446744073709551615|-EINVAL 18446744073709551615 bytes*
pop 18446744073709551615|-EINVAL 18446744073709551615 bytes*
wait 4294967296|-ECHILD*
exec /none|-ENOENT*"none"
exec ""|-ENOENT*
setrlimit none 1|-EINVAL unknown limit "none"*
setrlimit stack 2M 1M|-EINVAL*
close 99999999999|-EBADF*
label 1a 0|-EINVAL NAME cannot be "1a"; usage*
touch nolabel|-EINVAL process 1 has no label "nolabel"*
touch a+|-EINVAL ADDR cannot be "a+"; usage*
exit|-EPERM init*
TABLE
while IFS='|' read -r line pattern; do
	refused ctl "$line" "$pattern"
done <<'TABLE'
spawn /none|-ENOENT*"none"
kill|-EINVAL missing "PID"; usage: kill*
kill 99999|-ESRCH*99999*
kill 18446744073709551615|-*
kill 1 65|-EINVAL*64*
run 99999|-ESRCH*99999*
run 1 cpu=99|-EINVAL*CPUs 0 to 1*
set nothing 1|-EINVAL*nothing*
set segv maybe|-EINVAL*maybe*
tick 1x|-EINVAL*; usage*
tick -1|-EINVAL N cannot be below 0: "-1"; usage*
tick 18446744073709551615|-ERANGE 18446744073709551615*
mmap 4K rw|-EINVAL*
TABLE

# Lines of 1 MiB and more, NUL bytes: refused before they are journaled.
hash=$(cat "$m/state_hash")
for f in ctl proc/1/ctl; do
	(printf 'touch a # '; head -c 1048580 /dev/zero | tr '\0' x; echo) |
		cat 2>"$work/err" >"$m/$f" && fail "$f: a line above 1 MiB"
	like "$f: a line above 1 MiB" "$(cat "$work/err")" '*Argument list too*'
	like "$f: a line above 1 MiB" "$(cat "$m/last")" '-E2BIG*1048576*'
	printf 'tick\0\n' | cat 2>"$work/err" >"$m/$f" && fail "$f: a NUL byte"
	like "$f: a NUL byte" "$(cat "$work/err")" '*Invalid argument*'
	like "$f: a NUL byte" "$(cat "$m/last")" '-EINVAL*NUL*'
done
is "state" "$(cat "$m/state_hash")" "$hash"

# Noise into every file that can be written.
cat >"$work/noise.py" <<'PY'
import os, random, sys
m = sys.argv[1]
files = [os.path.join(d, f) for d, _, fs in os.walk(m) for f in fs
         if not os.path.islink(os.path.join(d, f)) and "/disk/" not in d
         and os.stat(os.path.join(d, f)).st_mode & 0o200]
assert len(files) >= 8, files
words = [b"mmap", b"touch", b"spawn", b"1", b"a", b"\xff", b"rw", b"=", b"\n",
         b"\n", b"#", b'"', b"4K", b"execve(", b" L 04000000,8\n", b") = ",
         b"18446744073709551615", b"\0", b"7 mmap(", b"<unfinished ...>\n"]
for path in sorted(files):
    r = random.Random(path[len(m):])
    for n in range(24):
        if n % 2:
            data = r.randbytes(r.randrange(1, 20000))
        else:
            data = b" ".join(r.choices(words, k=r.randrange(1, 60)))
        fd = os.open(path, os.O_RDWR)
        try:
            os.pwrite(fd, data, r.choice((0, 5, 1 << 40, (1 << 63) - 9)))
        except OSError:
            pass
        try:
            os.close(fd)
        except OSError:
            pass
PY
echo 'spawn name=victim' >"$m/ctl"
timeout 60 python3 "$work/noise.py" "$m" || fail "noise"
alive "noise"

# Binary noise alone changes nothing: no line of it parses.
hash=$(cat "$m/state_hash")
for f in ctl proc/1/ctl cpu/0/walk; do
	for n in 1 100 5000; do
		head -c 70000 /bin/cat | tail -c $((n * 10)) | tr '\n#' 'ab' |
			cat 2>/dev/null >"$m/$f" && fail "noise in $f"
	done
done
is "state after noise" "$(cat "$m/state_hash")" "$hash"

# ELF files: cut at many lengths, and with headers of nonsense.
gcc -O1 -static -nostdlib -x c -o "$work/tiny" - <<'C' || fail "gcc"
int data = 1;
char bss[100000];
void _start(void) { bss[0] = (char)data; }
C
cp "$work/tiny" "$m/disk/tiny" && echo 'spawn /tiny' >"$m/ctl" || fail "tiny"
echo "kill $(cat "$m/last") 9" >"$m/ctl"
rm "$m/disk/tiny"
free=$(sed -n 's/^MemFree: *//p' "$m/proc/meminfo")
cat >"$work/elf.py" <<'PY'
import os, random, sys
m, tiny = sys.argv[1], open(sys.argv[2], "rb").read()
r = random.Random(7)
odd = [0, 1, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 1 << 63, (1 << 64) - 1,
       0x1000, 0xfff, 0x7fffffffe000, (1 << 64) - 4096]
tries = [("cut", tiny[:n]) for n in
         [*range(0, 70, 3), *range(64, 450, 11), *range(500, len(tiny), 997)]]
for at in range(0, 64 + 56 * 4, 2):
    size = r.choice((1, 2, 4, 8))
    b = bytearray(tiny)
    v = r.choice(odd) & (1 << 8 * size) - 1
    b[at:at + size] = v.to_bytes(size, "little")
    tries.append(("byte %d = %#x" % (at, v), bytes(b)))
for n in range(40):
    b = bytearray(tiny)
    for k in range(r.randrange(1, 9)):
        b[r.randrange(16, 64 + 56 * 4)] = r.randrange(256)
    tries.append(("noise", bytes(b)))
refusals = set()
ctl = os.open(m + "/ctl", os.O_RDWR)
for what, data in tries:
    with open(m + "/disk/x", "wb") as f:
        f.write(data)
    os.chmod(m + "/disk/x", 0o755)
    try:
        os.write(ctl, b"spawn /x\n")
    except OSError:
        pass
    reply = os.read(ctl, 4096).decode()
    if reply.startswith("-"):
        refusals.add(reply.split()[0])
        assert len(reply.split()) > 3 and reply.count("\n") == 1, (what, reply)
    else:
        os.write(ctl, b"kill %d 9\n" % int(reply))
        assert os.read(ctl, 4096) == b"0\n", what
assert {"-ENOEXEC", "-EINVAL"} <= refusals, refusals
os.unlink(m + "/disk/x")
PY
timeout 60 python3 "$work/elf.py" "$m" "$work/tiny" || fail "ELF files"
is "free memory after ELF files" \
	"$(sed -n 's/^MemFree: *//p' "$m/proc/meminfo")" "$free"
alive "ELF files"

# A log cut anywhere: each cut is taken, its whole lines counted.
cp "$work/tiny" "$m/disk/tiny"
cat >"$work/cut.py" <<'PY'
import os, sys
m = sys.argv[1]
log = b"""9 execve("/tiny", ["tiny"], ["A=1"]) = 0
9 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3</lib/some.so>, 0) = 0x7ffff7fee000
9 clone(child_stack=NULL, flags=CLONE_VM|SIGCHLD <unfinished ...>
10 brk(NULL <unfinished ...>
9 <... clone resumed>) = 10
10 <... brk resumed>) = 0x41a000
9 mremap(0x7ffff7fee000, 8192, 16384, MREMAP_MAYMOVE) = 0x7ffff7fea000
9 --- SIGCHLD {si_signo=SIGCHLD, si_pid=10} ---
10 +++ exited with 0 +++
9 exit_group(0) = ?
"""
for cut in [*range(0, len(log), 5), len(log)]:
    pids = [p for p in os.listdir(m + "/proc")
            if p.isdigit() and int(p) > 9 and not
            os.path.islink(m + "/proc/" + p)]
    for text in (log[:cut], log[cut:]):
        try:
            with open(m + "/trace/strace", "wb") as f:
                f.write(text)
        except OSError:
            pass
        open(m + "/trace/strace").read()
    with open(m + "/ctl", "w") as f:
        for p in pids:
            f.write("kill %s 9\n" % p)
PY
timeout 60 python3 "$work/cut.py" "$m" || fail "cut logs"
alive "cut logs"

# ---- databases -------------------------------------------------------------

# unusable WHAT PATTERN DATABASE: the mount is refused with one sentence.
unusable() {
	local out

	out=$(timeout 20 "${run[@]}" "$PAGEFS" "$3" "$m.more" 2>&1) &&
		fail "$1: mounted"
	like "$1" "$out" "$2"
	is "$1: lines" "$(echo "$out" | wc -l)" 1
	mountpoint -q "$m.more" && fail "$1: mounted"
}

run=()
mkdir "$m.more"
hash=$(cat "$m/state_hash")
unusable "in use" "*machine.db*$(daemon)*" "$db"
is "the holder's state" "$(cat "$m/state_hash")" "$hash"
alive "a second mount"
unusable "a directory" "*$work*" "$work"
unusable "a device" "*/dev/null*" /dev/null
sqlite3 "$work/other.db" 'CREATE TABLE mail(id)'
unusable "another program's" "*other.db*" "$work/other.db"
stop
replays
for size in 1 100 512 5000 40000; do
	head -c $size "$db" >"$work/cut.db"
	unusable "cut to $size bytes" "*cut.db*" "$work/cut.db"
	rm -f "$work"/cut.db*
done
chmod 755 "$work"
chmod 600 "$db"
chown nobody "$m.more"
run=(setpriv --reuid nobody --clear-groups)
unusable "unreadable" "*machine.db*ermission*" "$db"
run=()

# A file system that is read-only, or full.
mkdir "$work/disk"
mount -t tmpfs -o size=4M pagefs-test "$work/disk" || fail "tmpfs"
trap 'fusermount3 -uq "$m"; umount -l "$work/disk"; finish' EXIT
main=$db
db=$work/disk/machine.db
start
echo 'mmap 64K rw as=a' >"$ctl"
stop
mount -o remount,ro "$work/disk"
unusable "read-only" "*machine.db*ead-only*" "$db"
mount -o remount,rw "$work/disk"

# long BYTES: a line that needs so much room.
long() {
	printf 'touch a # '
	head -c "$1" /dev/urandom | base64 -w0 2>/dev/null
	echo
}
start
for i in $(seq 100); do
	hash=$(cat "$m/state_hash")
	long 70000 | cat 2>"$work/err" >"$ctl" || break
done
like "full: errno" "$(cat "$work/err")" '*No space left on device*'
for f in last proc/1/last; do
	like "full: $f" "$(cat "$m/$f")" "-ENOSPC*$db*full*"
done
is "full: state" "$(cat "$m/state_hash")" "$hash"
like "full: maps" "$(cat "$m/proc/1/maps")" '*stack*'
like "full: log" "$(tail -n 1 "$m/log")" '*touch a*= 0'
cp "$work/tiny" "$m/disk/" 2>/dev/null
hash=$(cat "$m/state_hash")
pid=$(daemon)
kill -9 "$pid"
gone "$pid"
fusermount3 -u "$m"
start
is "full: state after kill -9" "$(cat "$m/state_hash")" "$hash"
mount -o remount,size=16M "$work/disk"
long 70000 >"$ctl" || fail "full: room was made"
cp "$work/tiny" "$m/disk/" || fail "full: a file, room was made"
cmp "$work/tiny" "$m/disk/tiny" || fail "full: a file"
stop
replays
head -c 20M /dev/zero 2>/dev/null >"$work/disk/ballast"
unusable "no room for a machine" "*full*" "$work/disk/new.db"
umount "$work/disk"
trap finish EXIT
db=$main
