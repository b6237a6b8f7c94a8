#!/bin/bash
# Commands go on beside checkpoints and restores; each checkpoint within a
# write has the lines before it in that write, and those of others whole.
. "$(dirname "$0")/lib.sh"
start -o ram=64M,swap=0
printf 'mmap 16M rw as=a\ntouch a 16M w\n' >"$m/proc/1/ctl"

# Two other clients write until told to stop, each a number of its own: what
# comes back is what was acknowledged last.
writer() { # NAME
	python3 - "$m/proc/1/ctl" "$1" "$work/stop" "$work/acked.$1" <<'PY' &
import os, sys
path, name, stop, acked = sys.argv[1:]
fd = os.open(path, os.O_WRONLY)
n = 0
while not os.path.exists(stop):
    n += 1
    at = 4096 * (n % 4096)
    os.write(fd, b"write a+%d \"%s %d\"\nbrk 0\n" % (at, name.encode(), n))
    if n == 50:
        open(acked + ".begun", "w").close()
open(acked, "w").write(str(n))
PY
}
writer x
writer y
for name in x y; do
	while [ ! -e "$work/acked.$name.begun" ]; do sleep 0.02; done
done

# Lines and checkpoints in one write.
for round in 1 2 3 4 5; do
	for i in 1 2 3 4; do
		printf 'spawn name=r%s.%s\ncheckpoint c%s.%s\n' \
			$round $i $round $i
	done >"$work/script"
	dd if="$work/script" of="$m/ctl" bs=64k status=none || fail "a write"
	mkdir "$m/checkpoints/d$round" || fail "mkdir"
done
# The machine turns while they write: between their lines, not within.
for where in c3.2 c5.4 -7 d4 c5.3; do
	printf 'restore %s\nspawn name=after.%s\ncheckpoint then.%s\n' \
		$where $where $where >"$work/script"
	dd if="$work/script" of="$m/ctl" bs=64k status=none ||
		fail "restore $where: $(cat "$m/last")"
done
# Two restores at once, and one of a moment that is not there.
echo 'restore c4.1' >"$m/ctl" &
one=$!
echo 'restore c4.2' >"$m/ctl" || fail "the second restore"
wait $one || fail "the first restore"
echo 'restore nosuch' 2>/dev/null >"$m/ctl" && fail "restore nosuch"

touch "$work/stop"
wait

names() { cat "$m/checkpoints/$1"/proc/[0-9]*/comm | grep -c '^r'; }
for round in 1 2 3 4 5; do
	for i in 1 2 3 4; do
		is "c$round.$i" "$(names "c$round.$i")" $((4 * (round - 1) + i))
	done
	is "d$round" "$(names "d$round")" $((4 * round))
done
for where in c3.2 c5.4 -7 d4 c5.3; do
	grep -qx "after.$where" "$m/checkpoints/then.$where"/proc/[0-9]*/comm ||
		fail "then.$where lacks the line before it"
done
# A row of two lines of a writer is never torn.
is "rows" "$(awk '$3 == "proc/1" && $4 == "write" { n++ }
	$3 == "proc/1" && $4 == "brk" { n-- }
	n < 0 || n > 1 { print; exit }
	END { print n }' "$m/log")" 0
# What was acknowledged is on one timeline or another.
stop
for name in x y; do
	[ "$(cat "$work/acked.$name")" -gt 100 ] || fail "$name hardly wrote"
	is "rows of $name" "$(sqlite3 "$db" "SELECT count(*) FROM event
		WHERE command LIKE 'write a+% \"$name %'")" \
		"$(cat "$work/acked.$name")"
done
