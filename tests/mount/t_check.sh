#!/bin/bash
# check: the machine counts everything it keeps once more.  It says ok of a
# machine under pressure, of moments and checkpoints; reading changes nothing,
# many read at once, and RAM that was never used is not looked at.
. "$(dirname "$0")/lib.sh"

# sums: whether each zone is the sum of what its frames are used for.
sums() {
	awk -F'[:=]' '/^node/ {
		n = split($3, part, "+"); sum = 0
		for (i = 1; i <= n; i++) sum += part[i] + 0
		if (sum != $2 + 0) { print; exit 1 }
		zones++
	} END { exit !zones }' "$1"
}

start -o ram=64M,swap=128M,nodes=2,cpus=2
like "after boot" "$(cat "$m/check")" "ok: *"
cat >"$m/proc/1/ctl" <<'END' || fail "commands"
mmap 60M rw as=a
touch a 60M
mmap 4M rw flags=shared as=s
touch s 4M
fork
touch a 8M w
END
mkdir "$m/checkpoints/full"
echo 'swapon /dev/zram0 size=16M prio=5' >"$m/ctl" || fail "zram"
echo 'set thp_enabled always' >"$m/ctl"
echo 'touch a 60M w' >"$m/proc/2/ctl" || fail "touch"
hash=$(cat "$m/state_hash")
cat "$m/check" >"$work/check"
is "the state afterwards" "$(cat "$m/state_hash")" "$hash"
like "under pressure" "$(cat "$work/check")" "ok: *"
sums "$work/check" || fail "a zone is not the sum of its frames"
like "swapped" "$(grep ^swap "$work/check")" "swap: [1-9]*"
like "of a checkpoint" "$(cat "$m/checkpoints/full/check")" "ok: *"
like "of a moment" "$(cat "$m/at/-1/check")" "ok: *"
is "of now, as a moment" "$(cat "$m/at/-0/check")" "$(cat "$work/check")"
is "a file to look at" "$(stat -c %a "$m/check")" 444

# Many look while commands run.
for i in 1 2 3 4; do
	for j in 1 2 3 4 5 6; do cat "$m/check"; done >"$work/look$i" &
done
for i in 1 2 3 4 5 6 7 8 9; do
	echo "madvise a+${i}M 1M pageout"
	echo "touch a+${i}M 1M"
done >"$m/proc/1/ctl"
wait
is "answers" "$(cat "$work"/look? | grep -c '^ok: ')" 24
is "sentences" "$(cat "$work"/look? | grep -vcE '^(ok|node|lists|address|swap|disk)')" 0

# --check says the same of the machine that it has replayed.
line=$(head -1 "$m/check")
stop
like "--check" "$("$PAGEFS" --check "$db" 2>&1)" "* is sound: *, the machine is $line"
rm "$db"

# RAM and swap that were never used cost nothing: 1 TiB of each has a frame table
# of 6 GiB.
start -o ram=1T,swap=1T,nodes=8
echo 'mmap 2T rw flags=noreserve as=a
touch a 64M' >"$m/proc/1/ctl"
before=$(awk '/VmRSS/ { print $2 }' "/proc/$(daemon)/status")
like "of 1 TiB" "$(cat "$m/check")" "ok: *"
after=$(awk '/VmRSS/ { print $2 }' "/proc/$(daemon)/status")
[ $((after - before)) -lt 32768 ] || fail "it took $((after - before)) kB to look"
finish
