#!/bin/bash
# Other processes read the database beside a client that never pauses.
. "$(dirname "$0")/lib.sh"
start -o ram=64M
python3 - "$m/proc/1/ctl" "$work/stop" <<'PY' &
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
while not os.path.exists(sys.argv[2]):
    for i in range(100):
        os.write(fd, b"brk 0\n")
PY
writer=$!
sleep 1.2

# rows: how many there are, asked by a new process each time, which waits for
# 2 s at most.
rows() {
	sqlite3 -readonly "$db" '.timeout 2000' 'SELECT count(*) FROM journal'
}
before=0
for i in 1 2 3 4 5; do
	n=$(rows) || fail "the database is locked"
	[ "${n:-0}" -gt "$before" ] || fail "$n rows after $before"
	before=${n:-0}
	sleep 0.$((i * 17))
done

# One that stays sees one moment, and new ones later: commands go on.
exec 3> >(sqlite3 -readonly "$db" >"$work/stays" 2>&1)
reader=$!
cat >&3 <<'SQL'
.timeout 2000
BEGIN;
SELECT count(*) FROM journal;
.system sleep 0.3
SELECT count(*) FROM journal;
COMMIT;
SELECT count(*) FROM journal;
SQL
exec 3>&-
wait $reader
mapfile -t seen <"$work/stays"
is "within a transaction" "${seen[1]}" "${seen[0]}"
[ "${seen[2]}" -gt "${seen[1]}" ] || fail "nothing came: ${seen[*]}"

touch "$work/stop"
wait $writer
