#!/bin/bash
# kill -9 at any moment: the next mount has every acknowledged line, whole,
# and nothing that was not sent.
. "$(dirname "$0")/lib.sh"
start

# The daemon dies; the mount point is cleaned up and mounted again.
die() {
	local pid
	pid=$(daemon)
	kill -9 "$pid"
	gone "$pid"
	wait "${client:-}" 2>/dev/null
	fusermount3 -u "$m" || umount -l "$m"
	start
}

# Idle, after a few lines.
printf 'mmap 1M rw as=a\ntouch a 1M\nmunmap a+8K 4K\n' >"$m/proc/1/ctl"
hash=$(cat "$m/state_hash")
maps=$(cat "$m/proc/1/maps")
log=$(cat "$m/log")
die
is "state" "$(cat "$m/state_hash")" "$hash"
is "maps" "$(cat "$m/proc/1/maps")" "$maps"
is "log" "$(cat "$m/log")" "$log"

# In the middle of a stream of lines: a client counts its acknowledgements.
for delay in 0 0.01 0.1 0.3; do
	echo 'spawn' >"$m/ctl"
	pid=$(cat "$m/last")
	python3 -c '
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
os.write(fd, b"sbrk 4K\n")
open(sys.argv[2], "w").close()
n = 1
try:
    while True:
        os.write(fd, b"sbrk 4K\n")
        n += 1
except OSError:
    pass
print(n)' "$m/proc/$pid/ctl" "$work/begun" >"$work/acknowledged" &
	client=$!
	until [ -e "$work/begun" ]; do sleep 0.01; done
	rm "$work/begun"
	sleep "$delay"
	die
	told=$(cat "$work/acknowledged")
	brk=$(awk '/heap/{split($1, x, "-"); print x[1], x[2]}' \
		"$m/proc/$pid/maps")
	set -- $brk
	[ $# = 2 ] || set -- 0 0
	kept=$(((0x$2 - 0x$1) / 4096))
	[ "$kept" = "$told" ] || [ "$kept" = $((told + 1)) ] ||
		fail "acknowledged $told, kept $kept"
	[ "$told" -gt 0 ] || fail "nothing acknowledged"
done

# In the middle of a bulk write, and of a copy to disk/.
yes 'sbrk 0' | head -200000 >"$work/lines"
cat "$work/lines" >"$m/proc/1/ctl" 2>/dev/null &
client=$!
sleep 0.05
die
lines=$(wc -l <"$m/log")
is "log is whole lines" "$(tail -1 "$m/log" | grep -c 'sbrk 0 = 0x')" 1
head -c 20000000 /dev/urandom >"$work/big"
cp "$work/big" "$m/disk/big" 2>/dev/null &
client=$!
sleep 0.03
die
size=$(stat -c %s "$m/disk/big" 2>/dev/null || echo 0)
cmp -n "$size" "$work/big" "$m/disk/big" || fail "copied bytes differ"

# fsync on a control file is accepted.
python3 -c '
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
os.write(fd, b"tick\n")
os.fsync(fd)' "$m/ctl" || fail "fsync"
