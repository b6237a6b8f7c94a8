#!/bin/bash
# SIGTERM while files are read and the machine is restored: the daemon ends,
# whatever pages the kernel waits for, and the database is sound.
. "$(dirname "$0")/lib.sh"
start -o ram=64M
for i in 1 2 3 4; do
	head -c 512K /dev/urandom >"$m/disk/f$i" || fail "disk/f$i"
done
mkdir "$m/checkpoints/a" || fail "mkdir"
for round in 1 2 3 4 5; do
	for i in 1 2 3 4; do
		while cat "$m/disk/f$i" >"$work/sink$i"; do :; done 2>"$work/why$i" &
	done
	while echo 'restore a' | dd of="$m/ctl" conv=nocreat,notrunc; do
		:
	done 2>"$work/why" &
	sleep "0.$((round + 1))"
	pid=$(daemon)
	kill -TERM "$pid"
	gone "$pid"
	wait
	mountpoint -q "$m" && fail "round $round: still mounted"
	replays
	start
done
