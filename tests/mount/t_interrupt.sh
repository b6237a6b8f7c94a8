#!/bin/bash
# A moment whose building takes long: ^C ends the wait, and the build when
# nobody else waits for it; other signals change nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/moments.sh"
start -o ram=256M,disk=8M,swap=0
long_history 1000
last=$(awk '{ n = $1 } END { print n }' "$m/log")
hash=$(cat "$m/at/$((last - 1))/state_hash")
stop
# Without saved states the way to the end of the journal is long.
sqlite3 "$db" 'DELETE FROM checkpoint; DELETE FROM pack'
start -o at_cache=1
late=$m/at/$((last - 1))

ms() { echo $(($(date +%s%N) / 1000000)); }

# quiet: what busy says when it has stopped growing.
quiet() {
	local now before=-1
	while now=$(busy); [ "$now" != "$before" ]; do
		before=$now
		sleep 0.2
	done
	echo "$now"
}

t=$(ms)
work_all=$(busy)
is "it is built" "$(cat "$late/state_hash")" "$hash"
long=$(($(ms) - t))
work_all=$(($(busy) - work_all))
[ $long -gt 350 ] || fail "too quick to be interrupted: $long ms"
cat "$m/at/1/state_hash" >/dev/null # takes the place of the long one

# interrupted NAME SIGNAL: how long a cat takes that gets one after 0.1 s.
interrupted() {
	t=$(ms)
	{ timeout -s "$2" 0.1 cat "$late/state_hash"; } >"$work/cat" 2>&1
	t=$(($(ms) - t))
	[ $t -lt $((long * 3 / 4)) ] || fail "$1: $t of $long ms"
	is "$1: output" "$(grep -c "$hash" "$work/cat")" 0
}
for signal in INT TERM KILL; do
	t0=$(busy)
	interrupted $signal $signal
	t=$(($(quiet) - t0))
	[ $t -lt $((work_all / 2)) ] ||
		fail "after $signal it builds on: $t of $work_all ms"
done

# Somebody else waits: the build goes on, and what was built stays.
cat "$late/state_hash" >"$work/other" &
interrupted "one of two" INT
wait $!
is "the other's answer" "$(cat "$work/other")" "$hash"
cat "$m/at/1/state_hash" >/dev/null

# A signal with a handler, as of a timer or a child, ends no wait.
is "a timer" "$(python3 - "$late/state_hash" <<'PY'
import signal, sys
n = 0
def tick(*_):
    global n
    n += 1
signal.signal(signal.SIGALRM, tick)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
print(open(sys.argv[1]).read().strip(), n > 0)
PY
)" "$hash True"
cat "$m/at/1/state_hash" >/dev/null

# At unmount, nobody waits for a build that was given up.
interrupted "the last" INT
is "afterwards" "$(cat "$late/state_hash")" "$hash"
stop

# ^C to the program in the foreground while somebody waits for a build.
for single in -f "-f -s"; do
	# shellcheck disable=SC2086 # two options
	env --default-signal=INT "$PAGEFS" $single "$db" "$m" \
		>>"$work/out" 2>&1 &
	pid=$!
	for i in $(seq 500); do
		mountpoint -q "$m" && break
		sleep 0.02
	done
	cat "$late/state_hash" >"$work/cut" 2>/dev/null &
	reader=$!
	sleep 0.1
	t=$(ms)
	kill -INT $pid
	wait $pid || fail "$single: status $? after ^C"
	t=$(($(ms) - t))
	[ $t -lt $((long * 3 / 4)) ] || fail "$single: ends after $t of $long ms"
	mountpoint -q "$m" && fail "$single: it is still mounted"
	wait $reader && fail "$single: a moment that was not built was read"
	rm "$work/cut"
done
