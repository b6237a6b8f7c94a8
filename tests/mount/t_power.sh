#!/bin/bash
# durability=power: whatever changes the machine or its history is synced
# before it is acknowledged, and what reads changes nothing.
. "$(dirname "$0")/lib.sh"

# under_strace OPTION: mounts, and writes the daemon's syncs down.  Leaks
# cannot be looked for in a process that is traced.
under_strace() {
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 \
		strace -f -qq -e trace=fdatasync,fsync -o "$work/syncs" \
		"$PAGEFS" -f -o "$1" "$db" "$m" >>"$work/out" 2>&1 &
	tracer=$!
	for i in $(seq 500); do
		mountpoint -q "$m" && break
		sleep 0.02
	done
	: >"$work/syncs"
}
syncs() { grep -c sync "$work/syncs"; }
ended() {
	stop
	wait "$tracer" || fail "the daemon's status: $?"
}

# synced WHAT: what standard input says, as a script, is synced when it ends.
synced() {
	local before
	before=$(syncs)
	(cd "$m" && bash -e) || fail "$1"
	[ "$(syncs)" -gt "$before" ] || fail "$1 is not synced"
}
# reads WHAT: nothing to sync.
reads() {
	local before
	before=$(syncs)
	(cd "$m" && bash -e) >/dev/null || fail "$1"
	is "syncs of $1" "$(syncs)" "$before"
}

under_strace ram=64M,disk=8M,durability=power
synced "a command" <<<'echo spawn >ctl'
synced "a line without its newline" <<<'printf "mmap 64K rw as=a" >proc/2/ctl'
synced "one that fails" <<<'! echo "munmap 0x10 1" 2>/dev/null >proc/2/ctl'
synced "a store through mem" <<<'printf x | dd of=proc/2/mem bs=1 \
	seek=$(($(awk "/rw/ { print \"0x\" substr(\$1, 1, 12) }" \
	proc/2/maps | head -1))) conv=notrunc status=none'
synced "a trace" <<<'printf " S %s,8\n" "$(awk -F- "{ print \$1; exit }" \
	proc/2/maps)" >proc/2/trace'
synced "a log of strace" <<<'echo "9 brk(NULL) = 0x1000" >trace/strace'
synced "a value" <<<'echo 60 >proc/sys/vm/swappiness'
synced "clear_refs" <<<'echo 1 >proc/2/clear_refs'
synced "a new file" <<<': >disk/f'
synced "its bytes" <<<'echo hello | dd of=disk/f conv=notrunc status=none'
synced "truncate" <<<'truncate -s 3 disk/f'
synced "open with O_TRUNC" <<<': >disk/f'
synced "chmod" <<<'chmod 600 disk/f'
synced "a directory" <<<'mkdir disk/d'
synced "a link" <<<'ln -s f disk/l'
synced "a new name" <<<'mv disk/f disk/d/g'
synced "a name that goes" <<<'rm disk/d/g'
synced "a directory that goes" <<<'rmdir disk/d'
synced "a checkpoint" <<<'mkdir checkpoints/one'
synced "its new name" <<<'mv checkpoints/one checkpoints/two'
synced "a checkpoint by command" <<<'echo checkpoint three >ctl'
synced "restore" <<<'echo restore two >ctl'
synced "rmdir of a checkpoint" <<<'rmdir checkpoints/two'
synced "fsync" <<<'sync ctl'
sleep 0.3 # what the journal writes when idle
reads "files" <<<'cat last log proc/2/maps stats proc/meminfo at/-1/log'
reads "names" <<<'ls -l . proc disk checkpoints'
ended

# Commands of several clients share their syncs.
under_strace durability=power
printf 'spawn\nspawn\nspawn\n' >"$m/ctl"
before=$(syncs)
for pid in 1 2 3 4; do
	(for i in $(seq 50); do echo 'brk 0'; done |
		dd of="$m/proc/$pid/ctl" bs=6 status=none) &
	pids+=" $!"
done
for pid in $pids; do
	wait "$pid" || fail "a writer"
done
n=$(($(syncs) - before))
[ $n -ge 50 ] && [ $n -lt 160 ] || fail "$n syncs of 200 commands"
ended

under_strace durability=process
before=$(syncs)
for i in $(seq 20); do echo tick >"$m/ctl"; done
[ $(($(syncs) - before)) -lt 5 ] || fail "commands are synced"
ended

# What cannot be replayed from boot afterwards.
machine=$db
db=$work/short.db
under_strace durability=power
echo tick >"$m/ctl"
synced "forget" <<<'echo "forget before=1" >ctl'
echo tick >"$m/ctl"
ended
replays
db=$machine
