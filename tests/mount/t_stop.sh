#!/bin/bash
# ^C ends a command that works for long: it has happened up to some place, the
# journal says which, and a replay comes to the same state; also when the daemon
# is killed right then, or in the middle of the command.
. "$(dirname "$0")/lib.sh"

# interrupted SIGNAL FILE LINE [UNDO]: ends whoever writes the line; what came of
# it is in $last and $row.  Where it was done sooner, UNDO is written and the
# signal comes earlier.
interrupted() {
	local delay
	for delay in 0.15 0.08 0.04 0.02; do
		{ timeout -s "$1" $delay bash -c 'echo "$1" >"$2"' - "$3" \
			"$m/$2"; } >>"$work/said" 2>&1
		last=$(cat "$m/last")
		[[ $last == -EINTR* ]] && break
		[ -z "${4-}" ] || do_it "$2" "$4"
	done
	row=$(tail -1 "$m/log")
	like "$2: $3" "$last" "-EINTR interrupted*"
	like "the row of $3" "$row" "*stop=[0-9]* ${3#stop=* } = -EINTR interrupted*"
	like "check after $3" "$(cat "$m/check")" "ok: *"
}

# pages: how many the interrupted touch came to.
pages() { sed 's/.*after \([0-9]*\) pages.*/\1/' <<<"$last"; }
resident() { awk '{ print $2 }' "$m/proc/1/statm"; }
do_it() { echo "$2" >"$m/$1" || fail "$2: $(cat "$m/last")"; }

start -o ram=64G,swap=0
do_it proc/1/ctl 'mmap 60G rw flags=noreserve as=a'
for signal in INT TERM HUP KILL; do
	do_it proc/1/ctl 'madvise a 60G dontneed'
	before=$(resident)
	interrupted $signal proc/1/ctl 'touch a 60G' 'madvise a 60G dontneed'
	n=$(pages)
	[ "$n" -gt 0 ] && [ "$n" -lt 8000000 ] || fail "$signal after $n pages"
	is "pages of the sentence, and resident" $(($(resident) - before)) "$n"
done
interrupted INT proc/1/ctl 'mmap 40G rw flags=populate,noreserve'
# A pool of pages that were never used may be there before any signal.
{ timeout -s INT 0.15 bash -c 'echo hugepages 2048 nr_hugepages 20000 >"$1"' - \
	"$m/ctl"; } >>"$work/said" 2>&1
case $?,$(cat "$m/last") in
0,0 | 124,-EINTR*) ;;
*) fail "a pool of 40 GiB: $(cat "$m/last")" ;;
esac
do_it ctl 'hugepages 2048 nr_hugepages 0'

# What was interrupted runs again, with its prefix, to the same place at most.
do_it proc/1/ctl 'madvise a 60G dontneed'
echo 'stop=7 touch a 60G' >"$m/proc/1/ctl" 2>/dev/null && fail "stop=7 is whole"
is "stop=7" "$(cat "$m/last" | sed 's/.*after//')" " 3583 pages"
echo 'stop=0 touch a' >"$m/proc/1/ctl" 2>/dev/null && fail "stop=0 is taken"
like "stop=0" "$(cat "$m/last")" "-EINVAL stop= takes the place*"

# A write of many lines ends between two of them, or in one.
lines=$(for i in $(seq 2000); do echo 'madvise a 1G dontneed'; echo 'touch a 1G'; done)
first=$(awk '{ n = $1 } END { print n }' "$m/log")
{ timeout -s INT 0.15 bash -c 'echo "$1" >"$2"' - "$lines" "$m/proc/1/ctl"; } \
	>>"$work/said" 2>&1
ran=$(($(awk '{ n = $1 } END { print n }' "$m/log") - first))
[ $ran -gt 0 ] && [ $ran -lt 3000 ] || fail "$ran of 4000 lines ran"
like "which is said" "$(cat "$m/last")" "-EINTR interrupted*"

# A line without its newline runs when the file is closed.
do_it proc/1/ctl 'madvise a 60G dontneed'
{ timeout -s INT 0.15 bash -c 'printf "touch a 60G" >"$1"' - "$m/proc/1/ctl"; } \
	>>"$work/said" 2>&1
like "at close" "$(tail -1 "$m/log")" "*stop=* touch a 60G = -EINTR*"

# Who handles the signal is told; a timer of theirs interrupts nothing.
do_it proc/1/ctl 'madvise a 60G dontneed'
python3 - "$m/proc/1/ctl" <<'END' || fail "who handles signals"
import ctypes, errno, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open(sys.argv[1], os.O_WRONLY)

def write(line):
    n = libc.write(fd, line, len(line))
    return n if n >= 0 else -ctypes.get_errno()

ticks = 0
def tick(*_):
    global ticks
    ticks += 1
signal.signal(signal.SIGALRM, tick)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
whole = b"touch a 2G\n"
assert write(whole) == len(whole) and ticks, ticks
signal.setitimer(signal.ITIMER_REAL, 0)
if os.fork() == 0:
    import time
    time.sleep(0.3)
    os.kill(os.getppid(), signal.SIGINT)
    os._exit(0)
signal.signal(signal.SIGINT, lambda *_: None)
assert write(b"touch a 60G\n") == -errno.EINTR
# once more is a new attempt, which is not interrupted
line = b"touch a 1G\n"
assert write(line) == len(line)
END

# The daemon dies right after: the place is in the journal.
do_it proc/1/ctl 'madvise a 60G dontneed'
interrupted INT proc/1/ctl 'touch a 60G' 'madvise a 60G dontneed'
hash=$(cat "$m/state_hash")
n=$(resident)
pid=$(daemon)
kill -KILL "$pid"
gone "$pid"
fusermount3 -uz "$m"
start
is "resident after kill -9" "$(resident)" "$n"
is "the state after kill -9" "$(cat "$m/state_hash")" "$hash"

# It dies in the middle: nobody was told anything, the line happens as a whole.
do_it proc/1/ctl 'madvise a 60G dontneed'
before=$(resident)
{ bash -c 'echo "touch a 8G" >"$1"' - "$m/proc/1/ctl"; } >>"$work/said" 2>&1 &
writer=$!
sleep 0.2
pid=$(daemon)
kill -KILL "$pid"
gone "$pid"
wait $writer
fusermount3 -uz "$m"
start
is "resident after kill -9 in the middle" $(($(resident) - before)) $((8 << 18))
do_it proc/1/ctl 'munmap a 60G'
stop

# One thread serves all: the kernel's word does not come, the program's does.
start -s
do_it proc/1/ctl 'mmap 60G rw flags=noreserve as=a'
interrupted INT proc/1/ctl 'touch a 60G' 'madvise a 60G dontneed'
do_it proc/1/ctl 'munmap a 60G'
hash=$(cat "$m/state_hash")
stop
replays
replays_to "$hash"
rm "$db"

# Traces: in a file on disk/, in windows of it, and as they are written; also
# while a policy looks into the future.
db=$work/trace.db
start -o ram=64M,swap=128M,disk=64M
python3 - "$m/disk/t" <<'END' || fail "a trace"
import array, sys
a = array.array("Q", [(i & 1) << 62 | 3 << 58 | 0x10000000 +
                      i * 7919 % 16384 * 4096 for i in range(4 << 20)])
with open(sys.argv[1], "wb") as f:
    a.tofile(f)
END
do_it proc/1/ctl 'mmap 64M rw addr=0x10000000 flags=fixed,private'
do_it ctl 'set frames 500'
for policy in lru opt; do
	do_it ctl "set policy $policy"
	interrupted INT proc/1/ctl 'replay_trace /t'
	like "how far" "$last" "*interrupted after [1-9]* accesses"
	interrupted INT proc/1/ctl 'replay_trace /t 1000000'
	{ timeout -s INT 0.15 cat "$m/disk/t" >"$m/proc/1/trace"; } \
		>>"$work/said" 2>&1
	do_it proc/1/ctl 'replay_trace /t 0 1000'
done
finish
