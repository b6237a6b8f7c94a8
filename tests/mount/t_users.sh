#!/bin/bash
# Users of the host look at processes: what each may see is what the running
# kernel lets them see of processes with the same credentials.
. "$(dirname "$0")/lib.sh"
look=$(dirname "$0")/look.py
probe=$build/tests/oracle/probe
needs "$probe"

start -o allow_other,ram=64M
chmod 755 "$work"
mkdir "$m/disk/bin"
cp "$probe" "$m/disk/bin/sleeper"
chmod 755 "$m/disk/bin/sleeper"

# Three processes here and there: root's; of user 65534 from its birth; and
# one that was root and has become 65534.
pids=()
new() {
	setarch -R "$@" >/dev/null 2>&1 &
	pids+=($!)
}
as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
new sleep 60
new "${as[@]}" sleep 60
new python3 -c 'import os, time
os.setgroups([]); os.setgid(65534); os.setuid(65534); time.sleep(60)'
trap 'kill "${pids[@]}" 2>/dev/null; finish' EXIT

spawn() {
	echo "spawn /bin/sleeper $*" >"$m/ctl"
	cat "$m/last"
}
theirs=($(spawn) $(spawn uid=65534 gid=65534) $(spawn))
printf 'setgid 65534\nsetuid 65534\n' >"$m/proc/${theirs[2]}/ctl"

# Until each of the three is what it is to be.
for i in $(seq 200); do
	ready=$(cat "/proc/${pids[0]}/comm" "/proc/${pids[1]}/comm" 2>&1 |
		grep -c sleep)$(grep -c '^Uid:.65534' "/proc/${pids[2]}/status")
	[ "$ready" = 21 ] && break
	sleep 0.05
done
is "processes" "$ready" 21

# reader UID: what the user may see of each process, twice.
reader() {
	for i in 0 1 2; do
		python3 "$look" "$1" /proc "${pids[i]}" \
			>"$work/kernel" 2>&1
		python3 "$look" "$1" "$m/proc" "${theirs[i]}" \
			>"$work/machine" 2>&1
		diff "$work/kernel" "$work/machine" >"$work/diff" ||
			fail "user $1, process $i: $(cat "$work/diff")"
		grep -q '^mmap_min_addr' "$work/kernel" ||
			fail "user $1, process $i: $(cat "$work/kernel")"
	done
}
reader 0
reader 65534
reader 1

# A user commands the processes that are theirs, and no other.
stranger() { setpriv --reuid="$1" --regid="$1" --clear-groups "${@:2}"; }
stranger 65534 sh -c "echo 'sbrk 4K' >$m/proc/${theirs[1]}/ctl" ||
	fail "65534 and its own process"
for pid in "${theirs[0]}" "${theirs[2]}"; do
	stranger 65534 sh -c "echo 'sbrk 4K' >$m/proc/$pid/ctl" 2>/dev/null &&
		fail "65534 and process $pid"
done
# Open files: theirs, those of root, and of a process that was root.
for pid in "${theirs[@]}"; do
	echo 'open /bin/sleeper' >"$m/proc/$pid/ctl"
done
is "owners of open files" "$(for pid in "${theirs[@]}"; do
	stat -c %u "$m/proc/$pid/fd/0"
done | paste -sd' ')" "0 65534 0"
is "whose fdinfo is seen" "$(for pid in "${theirs[@]}"; do
	stranger 65534 cat "$m/proc/$pid/fdinfo/0" 2>&1 | grep -Eo 'flags|denied'
done | paste -sd' ')" "denied flags denied"
# Once open, a file stays readable, as in Linux.
exec 7< <(stranger 65534 sh -c "exec 3<$m/proc/${theirs[1]}/maps
	read go; cat <&3" < <(sleep 0.3; echo))
sleep 0.1
echo 'setuid 1' >"$m/proc/${theirs[1]}/ctl" 2>/dev/null
cat <&7 | grep -q stack || fail "maps that were open"
