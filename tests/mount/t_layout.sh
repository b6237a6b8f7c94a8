#!/bin/bash
# Saved states of another layout, or with wrong hashes, are rebuilt from the
# journal at mount, and that is told on stderr, as a bar on a terminal, and in
# the system's log; a journal of another format is refused.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/moments.sh"
start -o ram=256M,disk=8M,swap=0
long_history 600
mkdir "$m/checkpoints/half"
long_history 1600
printf 'mmap 64K rw as=b\ntouch b\n' >"$m/proc/1/ctl"
mkdir "$m/checkpoints/all"
hash=$(cat "$m/state_hash")
half=$(cat "$m/checkpoints/half/state_hash")
copy "$m/checkpoints/half" "$work/half"
stop

# outdate LAYOUT: what a pagefs with another layout would have left.
outdate() {
	sqlite3 "$db" "UPDATE checkpoint SET layout = $1, hash = 'of $1'"
}
# rebuilt HOW: everything is there, with the same bytes.
rebuilt() {
	is "$1: state" "$(cat "$m/state_hash")" "$hash"
	is "$1: a checkpoint's" "$(cat "$m/checkpoints/half/state_hash")" \
		"$half"
	same "$1" "$work/half" "$m/checkpoints/half"
	is "$1: none is left" "$(sqlite3 -readonly "$db" "SELECT count(*) FROM
		checkpoint WHERE name NOT NULL AND layout = 999")" 0
}

# In a namespace of its own the system's log is ours.
outdate 999
[ -e /dev/log ] || { : >/dev/log && trap 'rm -f /dev/log; finish' EXIT; }
python3 - "$work" <<'PY' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1] + "/socket")
s.settimeout(60)
with open(sys.argv[1] + "/syslog", "wb", 0) as f:
    while True:
        line = s.recv(4096)
        if line == b"end":
            break
        f.write(line + b"\n")
PY
listener=$!
while [ ! -S "$work/socket" ]; do sleep 0.05; done
unshare -m bash -c "mount --bind '$work/socket' /dev/log &&
	'$PAGEFS' '$db' '$m' 2>'$work/err' && cat '$m/state_hash' &&
	fusermount3 -u '$m'" >"$work/hash" || fail "mount: $(cat "$work/err")"
gone "$(daemon)"
python3 -c "import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'end', sys.argv[1])" \
	"$work/socket"
wait "$listener"
is "state" "$(cat "$work/hash")" "$hash"
for log in err syslog; do
	text=$(cat "$work/$log")
	like "$log" "$text" \
		"*pagefs*layout version 999, this pagefs*rebuilding*"
	like "$log" "$text" "*replaying the journal: line * of *"
	like "$log" "$text" "*checkpoint after line * was rebuilt*"
done
start
rebuilt "log"
stop

# On a terminal.
outdate 998
script -qec "'$PAGEFS' '$db' '$m'" /dev/null </dev/null >"$work/terminal" ||
	fail "mount: $(cat "$work/terminal")"
like "a bar" "$(cat "$work/terminal")" '*replaying \[##*  *\]*%*\] 100%*'
[ "$(grep -c '100%' "$work/terminal")" -le 3 ] || fail "bars end twice"
rebuilt "bar"
stop

# Bytes that are damaged: afterwards nothing is.
sqlite3 "$db" "UPDATE pack SET data = zeroblob(length(data))"
start
like "damage" "$(cat "$work/out")" "*is not used*rebuilding*"
rebuilt "damage"
stop
replays

# A journal of a later pagefs.
format=$(sqlite3 "$db" 'PRAGMA user_version')
sqlite3 "$db" 'PRAGMA user_version = 99'
cp "$db" "$work/before"
for how in "" --check --export-journal; do
	at=$m
	[ -z "$how" ] || at=
	# shellcheck disable=SC2086
	refused "$how" "has journal format 99; this pagefs reads up to $format" \
		"$PAGEFS" $how "$db" $at
done
cmp "$db" "$work/before" || fail "a refused file has changed"
sqlite3 "$db" "PRAGMA user_version = $format"
