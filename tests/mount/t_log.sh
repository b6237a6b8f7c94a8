#!/bin/bash
# log and last: what they say, that log grows under tail -f, that both wake
# poll(), that reading anything changes nothing.
. "$(dirname "$0")/lib.sh"
start
is "empty log" "$(cat "$m/log")" ""
printf 'mmap 8K rw as=a\ntouch a\n' >"$m/proc/1/ctl"
echo 'touch 0x10' 2>/dev/null >"$m/proc/1/ctl"
echo 'spawn name=other' >"$m/ctl"
like "line 1" "$(sed -n 1p "$m/log")" '1 0.0* proc/1 mmap 8K rw as=a = 0x7f*'
like "line 2" "$(sed -n 2p "$m/log")" '2 0.0* proc/1 touch a = 0'
like "line 3" "$(sed -n 3p "$m/log")" \
	'3 0.0* proc/1 touch 0x10 = -EFAULT SIGSEGV*'
like "line 4" "$(sed -n 4p "$m/log")" '4 0.0* ctl spawn name=other = 2'
is "size" "$(stat -c %s "$m/log")" "$(wc -c <"$m/log")"
is "tail -c" "$(tail -c 4 "$m/log")" "= 2"

# A line that does not parse is in last, not in log.
echo nonsense 2>/dev/null >"$m/ctl"
like "refused" "$(cat "$m/last")" '-EINVAL unknown command "nonsense"*'
is "lines" "$(wc -l <"$m/log")" 4
like "another's last" "$(cat "$m/proc/1/last")" '-EFAULT*'
echo tick >"$m/ctl"
is "outdated" "$(cat "$m/last")" 0

# tail -f
timeout 20 tail -n 0 -f -s 0.1 "$m/log" >"$work/tail" &
tail=$!
sleep 0.5
for i in 1 2 3; do
	echo "tick $i" >"$m/ctl"
	sleep 0.3
done
sleep 0.5
kill $tail
wait $tail 2>/dev/null
is "tail -f" "$(grep -c tick "$work/tail")" 3

# poll
python3 - "$m" <<'PY' || fail "poll"
import os, select, sys, threading, time
m = sys.argv[1]

def command():
    time.sleep(0.2)
    with open(m + "/ctl", "w") as f:
        f.write("tick\n")

for name in ("last", "log"):
    fd = os.open(m + "/" + name, os.O_RDONLY)
    p = select.poll()
    p.register(fd, select.POLLIN)
    assert p.poll(0), name + ": not ready at first"
    os.pread(fd, 1 << 20, 0)
    assert not p.poll(100), name + ": ready with nothing new"
    t = threading.Thread(target=command)
    t.start()
    begin = time.monotonic()
    assert p.poll(5000), name + ": never woken"
    woken = time.monotonic() - begin
    assert 0.1 < woken < 1.5, (name, woken)
    os.pread(fd, 1 << 20, 0)
    t.join()
    os.close(fd)
PY

# Reading everything changes nothing, and every file can be read.
before=$(cat "$m/state_hash" "$m/log" "$m/stats" "$m/proc/1/maps")
find "$m" -name .host -prune -o -name self -o -name thread-self -o \
	-path "*/phys/ram" -o -path "*/proc/*/mem" -o -path "*/pagemap" -o \
	-type f -print |
	grep -Ev '/(self|thread-self|ram|mem|pagemap)$' >"$work/files"
while read -r f; do
	timeout 20 cat "$f" >/dev/null || fail "cat $f"
done <"$work/files"
[ "$(wc -l <"$work/files")" -gt 100 ] || fail "few files"
is "state after reading all" \
	"$(cat "$m/state_hash" "$m/log" "$m/stats" "$m/proc/1/maps")" "$before"

# Help for every command and file; README fits a screen.
[ "$(wc -l <"$m/README")" -le 40 ] || fail "README is too long"
is "size of README" "$(stat -c %s "$m/README")" "$(wc -c <"$m/README")"
for c in mmap spawn touch set; do
	like "help/$c" "$(cat "$m/help/$c")" "*$c*Example*"
done
like "help/files" "$(cat "$m/help/files")" '*proc/PID/maps*'

# A snapshot: one open file shows one state.
exec 5<"$m/proc/1/maps"
head -c 10 <&5 >/dev/null
echo 'mmap 4K rw' >"$m/proc/1/ctl"
python3 - "$m/proc/1/maps" "$m/proc/1/ctl" <<'PY' || fail "snapshot"
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
first = os.pread(fd, 100000, 0)
with open(sys.argv[2], "w") as f:
    f.write("mmap 1M r flags=private\n")
assert os.pread(fd, 100000, 20) == first[20:]
second = os.pread(fd, 100000, 0)
assert second != first
assert os.pread(fd, 100000, 20) == second[20:]
PY
exec 5<&-

# Link counts follow the processes, though the kernel caches them.
before=$(stat -c %h "$m/proc")
echo spawn >"$m/ctl"
pid=$(cat "$m/last")
is "one more" "$(stat -c %h "$m/proc")" $((before + 1))
echo "kill $pid 9" >"$m/ctl"
is "one less" "$(stat -c %h "$m/proc")" "$before"

# Owners: what a process's files belong to.
is "ctl of a process" "$(stat -c '%a %u' "$m/proc/1/ctl")" "600 0"
is "maps" "$(stat -c %a "$m/proc/1/maps")" 444
is "ctl" "$(stat -c '%a %u' "$m/ctl")" "644 $(id -u)"
is "a host process" "$(readlink "$m/proc/99999")" .host/99999
is "self" "$(readlink "$m/proc/self")" .host/self
[ -e "$m/nothing" ] && fail "a file that is none"
touch "$m/new" 2>/dev/null && fail "a new file beside ctl"
rm "$m/ctl" 2>/dev/null && fail "ctl removed"
mkdir "$m/proc/x" 2>/dev/null && fail "a directory in proc"
true
