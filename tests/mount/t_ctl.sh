#!/bin/bash
# Control files as bash, cat, dd and Python write them: which lines run, which
# error is reported, and that a failed line runs once.
. "$(dirname "$0")/lib.sh"
start
ctl=$m/proc/1/ctl
log_lines() { wc -l <"$m/log"; }

# One line, its reply, and the reply read back where it was written.
echo 'mmap 8K rw as=a' >"$ctl" || fail "echo"
like "last" "$(cat "$m/proc/1/last")" '0x7f*'
is "both lasts agree" "$(cat "$m/last")" "$(cat "$m/proc/1/last")"
exec 3<>"$ctl"
echo 'mmap 4K rw as=b' >&3
read -r addr <&3
like "reply to open file" "$addr" '0x7f*'
printf 'touch a\nbrk 0\n' >&3
read -r r1 <&3
read -r r2 <&3
is "first of two replies" "$r1" 0
like "second of two replies" "$r2" '0x5*'
echo 'touch 0x10' 2>/dev/null >&3 && fail "a refused access is no success"
read -r r2 <&3
like "refused access" "$r2" '-EFAULT SIGSEGV MAPERR at 0x10*'
read -r none <&3 && fail "a reply too many: $none"
exec 3>&-

# Replies stay apart: another client's are not ours.
exec 3<>"$ctl" 4<>"$ctl"
echo 'sbrk 0' >&4
read -r none <&3 && fail "a stranger's reply: $none"
read -r mine <&4
like "own reply" "$mine" '0x*'
exec 3>&- 4>&-

# bash goes on after a failed line; cat stops at it.
before=$(log_lines)
printf 'touch a\ntouch b\ntouch 0x20\ntouch a\n' >"$work/lines"
err=$( (while read -r l; do echo "$l"; done <"$work/lines" >"$ctl") 2>&1)
is "bash runs every line" $(($(log_lines) - before)) 4
before=$(log_lines)
err=$(cat "$work/lines" 2>&1 >"$ctl")
like "cat reports the errno" "$err" '*Bad address*'
is "cat: two lines, and the failed one once" $(($(log_lines) - before)) 3

# dd cuts lines inside; tee, cp and sed as programs do.
for i in $(seq 100); do echo "touch a # comment number $i"; done >"$work/many"
before=$(log_lines)
dd if="$work/many" of="$ctl" bs=512 conv=notrunc 2>/dev/null || fail "dd"
is "dd" $(($(log_lines) - before)) 100
dd if="$work/many" of="$ctl" bs=7 conv=notrunc 2>/dev/null || fail "dd bs=7"
is "dd, 7 bytes at a time" $(($(log_lines) - before)) 200
tee "$ctl" <"$work/many" >/dev/null || fail "tee"
cp "$work/many" "$ctl" || fail "cp"
sed '' "$work/many" >"$ctl" || fail "sed"
awk '{print}' "$work/many" >"$ctl" || fail "awk"
is "tee, cp, sed, awk" $(($(log_lines) - before)) 600

# Comments and blank lines do not run; a last line needs no newline.
before=$(log_lines)
printf '# nothing\n\n   \n\t# more\n' >"$ctl" || fail "comments"
is "comments" $(($(log_lines) - before)) 0
printf 'touch a' >"$ctl" || fail "no newline"
is "no newline" $(($(log_lines) - before)) 1
echo 'touch b' >>"$ctl" || fail "append"
is "append" $(($(log_lines) - before)) 2

# Python: every way to write, and the number of times a failed line runs.
cat >"$work/client.py" <<'PY'
import errno, os, sys
ctl, log = sys.argv[1], sys.argv[2]

def lines():
    with open(log) as f:
        return len(f.readlines())

def check(what, got, wanted):
    if got != wanted:
        print(f"FAIL: python {what}: got {got}, wanted {wanted}")

text = "touch a\ntouch b\ntouch 0x20\ntouch a\n"
before = lines()
try:
    with open(ctl, "w") as f:
        f.write(text)
    check("with open", "no error", "EFAULT")
except OSError as e:
    check("with open", e.errno, errno.EFAULT)
check("lines of with open", lines() - before, 3)

before = lines()
fd = os.open(ctl, os.O_RDWR)
check("short count", os.write(fd, text.encode()), 16)
for again in range(2):
    try:
        os.write(fd, text[16:].encode())
        check("retry", "no error", "EFAULT")
    except OSError as e:
        check("retry", e.errno, errno.EFAULT)
check("lines of os.write", lines() - before, 3)
check("next line", os.write(fd, b"touch a\n"), 8)
os.lseek(fd, 0, os.SEEK_SET)
replies = os.read(fd, 4096).decode().splitlines()
check("replies", [r.split()[0] for r in replies],
      ["0", "0", "-EFAULT", "-EFAULT", "0"])
os.close(fd)

# A failed line may be tried anew once the machine has changed.
fd = os.open(ctl, os.O_WRONLY)
line = b"touch 0x7fff00000000\n"
for step in ("", "mmap 4K rw addr=0x7fff00000000 flags=fixed\n"):
    if step:
        other = os.open(ctl, os.O_WRONLY)
        os.write(other, step.encode())
        os.close(other)
    try:
        check("second attempt", os.write(fd, line), len(line) if step else 0)
    except OSError as e:
        check("first attempt", e.errno, 0 if step else errno.EFAULT)
os.close(fd)

# Unfinished lines at close, and an error there.
before = lines()
try:
    with open(ctl, "w") as f:
        f.write("touch a\ntouch 0x20")
    check("error at close", "none", "EFAULT")
except OSError as e:
    check("error at close", e.errno, errno.EFAULT)
check("lines with error at close", lines() - before, 2)

# r+ with Python's own buffer.
f = open(ctl, "r+")
f.write("sbrk 0\n"); f.flush()
check("r+", f.readline()[:2], "0x")
f.write("sbrk 0\n"); f.flush()
check("r+ again", f.readline()[:2], "0x")
f.close()
PY
out=$(python3 "$work/client.py" "$ctl" "$m/log" 2>&1)
[ -z "$out" ] || fail "$out"

# Bad input: the errno, a sentence, nothing changed.
state=$(cat "$m/state_hash")
bad() { # WHAT STRERROR SENTENCE < input
	local e
	e=$(cat 2>&1 >"$ctl")
	like "$1: errno" "$e" "*$2*"
	like "$1: sentence" "$(cat "$m/proc/1/last")" "$3"
}
echo 'frobnicate 3' | bad "unknown verb" Invalid '-EINVAL unknown command*'
echo 'mmap' | bad "missing argument" Invalid '-EINVAL*usage: mmap*'
echo 'munmap 0 4K zebra' | bad "surplus word" Invalid '-EINVAL*usage: munmap*'
echo 'touch 99999999999999999999' | bad "overflow" Invalid '-EINVAL*usage*'
head -c 300 /dev/zero | bad "NUL bytes" Invalid '-EINVAL*NUL*'
printf 'tou\0ch a\n' | bad "a NUL byte" Invalid '-EINVAL*NUL*'
head -c 1500000 /dev/zero | tr '\0' x |
	bad "a line of 1.5 MB" "Argument list too long" '-E2BIG*1048576*'
is "nothing changed" "$(cat "$m/state_hash")" "$state"
head -c 100000 /dev/urandom >"$ctl" 2>/dev/null
echo 'munmap 0x7fff00000000 18446744073709551615' 2>/dev/null >"$ctl" &&
	fail "2^64-1"
like "2^64-1" "$(cat "$m/proc/1/last")" '-EINVAL*'
echo 'touch a' >"$ctl" || fail "alive after bad input"

# A line of one MiB, comment included, is fine.
(printf 'touch a # '; head -c 1000000 /dev/zero | tr '\0' x; echo) >"$ctl" ||
	fail "a line of one MB"

# Many replies: the oldest are dropped, with a notice.
python3 - "$ctl" <<'PY' || fail "many replies"
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
text = b"touch a\n" * 131072
for i in range(8):
    done = 0
    while done < len(text):
        done += os.write(fd, text[done:])
got = b""
while True:
    r = os.read(fd, 1 << 20)
    if not r:
        break
    got += r
lines = got.splitlines()
notice = lines[0].split()
assert notice[0] == b"#" and notice[2:] == [b"replies", b"dropped"], lines[0]
assert int(notice[1]) + len(lines) - 1 == 8 * 131072, (lines[0], len(lines))
os.close(fd)
PY

# Truncation, seeking and every open flag succeed.
: >"$ctl" || fail "truncate"
truncate -s 0 "$ctl" || fail "truncate -s"
python3 -c '
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
os.lseek(fd, 100, os.SEEK_SET)
os.write(fd, b"touch a\n")
os.fsync(fd)
os.close(fd)' "$ctl" || fail "flags"

# spawn, and a process of one's own; a process that is gone.
echo spawn >"$m/ctl" || fail "spawn"
pid=$(cat "$m/last")
is "PID" "$pid" 2
exec 5<"$m/proc/$pid/maps"
echo "kill $pid 9" >"$m/ctl" || fail "kill"
[ -e "$m/proc/$pid" ] && fail "process still there"
cat <&5 >/dev/null 2>"$work/err" && fail "maps of a dead process"
like "maps of a dead process" "$(cat "$work/err")" '*No such process*'
exec 5<&-

# proc/PID/mem: stores and looks.
addr=$(awk '/rw-p.*stack/{split($1,x,"-"); print x[2]}' "$m/proc/1/maps")
python3 - "$m/proc/1/mem" "$addr" <<'PY' || fail "mem"
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
top = int(sys.argv[2], 16)
assert os.pread(fd, 8, top - 64) == bytes(8)
assert os.pwrite(fd, b"hello", top - 64) == 5
assert os.pread(fd, 5, top - 64) == b"hello"
assert os.pwrite(fd, b"x" * 100, top - 16) == 16   # cut at the end
for call in (lambda: os.pread(fd, 8, 0x10), lambda: os.pwrite(fd, b"x", 0x10)):
    try:
        call()
        raise SystemExit("no EIO")
    except OSError as e:
        assert e.errno == 5, e
PY
like "mem: sentence" "$(cat "$m/proc/1/last")" '-EFAULT SIGSEGV MAPERR at 0x10*'
