#!/bin/bash
# A file system that is full at every write of every kind of operation.  The
# database lies on a tmpfs that has room for 0, 1, 2, ... pages more: the
# operation is refused with ENOSPC and a sentence, nothing has changed, reads
# go on, and the same operation works once there is room.
. "$(dirname "$0")/lib.sh"
disk=$work/disk
mkdir "$disk"
mount -t tmpfs -o size=128M pagefs-test "$disk" || fail "tmpfs"
trap 'fusermount3 -uq "$m"; umount -l "$disk"; finish' EXIT
main=$db
db=$disk/machine.db
ballast=$disk/ballast

# fill PAGES: leaves room for so many, and none in the last page of the WAL.
fill() {
	local free
	for _ in $(seq 100); do # the daemon may write a little, too
		rm -f "$ballast"
		free=$(stat -f -c %f "$disk")
		fallocate -l $(((free - $1) * 4096)) "$ballast" 2>/dev/null
		free=$(stat -f -c %f "$disk")
		[ "$free" = "$1" ] && break
		sleep 0.05
	done
	is "pages left" "$free" "$1"
	while [ "$1" = 0 ] && mountpoint -q "$m" &&
		line proc/1/ctl 'touch a' 2>/dev/null; do
		:
	done
}

# try WORDS...: as they are, what they say in $work/err.
try() {
	"$@" 2>"$work/err"
}

# line FILE LINE: one write to a file of the mount.
line() {
	echo "$2" >"$m/$1"
}

# What a reader sees: of the state and of what is kept of the past.
seen() {
	(
		cat "$m/state_hash" "$m/log" "$m/timelines" "$m/proc/1/maps"
		ls -l --time-style=+%s "$m/checkpoints" "$m/disk"
		cat "$m/disk/old"
	) | sha256sum
}

# Reads go on, those of the past as well, which are built now.
reads() {
	like "$1: maps" "$(cat "$m/proc/1/maps")" '*stack*'
	like "$1: log" "$(tail -1 "$m/log")" '[0-9]* = *'
	is "$1: a file" "$(cat "$m/disk/old")" "old"
	is "$1: a moment" "$(cat "$m/$moment/disk/old")" old
	is "$1: a checkpoint" "$(cat "$m/checkpoints/kept/disk/old")" "old"
}

# full NAME REPLY DONE UNDO WORDS...: the words are refused while there is no
# room, and work when there is.  REPLY is the file that has the sentence, DONE a
# shell condition that holds when they worked, UNDO brings things back.
full() {
	local name=$1 reply=$2 done=$3 undo=$4 pages refused=0 before
	shift 4
	for pages in 0 0 0 0 0 0 1 2 3 4 6 8 12 16 24 32 48 64 96 128 192 256 512 1024 \
		2048 4096 8192 16384; do
		[ $pages = 0 ] && [ $refused -gt 0 ] && continue
		stop
		start # the WAL is empty: each write needs room
		refresh
		fill $pages
		hash=$(cat "$m/state_hash")
		before=$(seen)
		if try "$@"; then
			eval "$done" || fail "$name: not done, $pages pages"
			rm "$ballast"
			eval "$undo" || fail "$name: cannot be undone"
			# what is small fits in where a larger line did not
			[ $pages$refused = 00 ] && continue
			break
		fi
		refused=$((refused + 1))
		like "$name: errno, $pages pages" "$(cat "$work/err")" \
			'*No space left on device*'
		like "$name: sentence, $pages pages" "$(cat "$m/$reply")" \
			"-ENOSPC *$db is full; make room*"
		is "$name: state, $pages pages" "$(seen)" "$before"
		reads "$name, $pages pages"
		if [ $((refused % 3)) = 0 ]; then # what was not done is not found
			kill -9 "$(daemon)"
			fusermount3 -u "$m"
			start
			is "$name: after kill -9" "$(seen)" "$before"
		fi
		rm "$ballast"
		try "$@" || fail "$name: room was made: $(cat "$work/err")"
		eval "$done" || fail "$name: not done when room was made"
		eval "$undo" || fail "$name: cannot be undone"
	done
	echo "$name: refused $refused times, needs $pages pages at most"
	[ $refused -gt 0 ] || fail "$name: never refused"
	[ "$pages" -lt 16384 ] || fail "$name: refused to the end"
}

# Other bytes than those that are saved, which no compression makes small.
refresh() {
	head -c $((100000 + RANDOM % 9000)) /dev/urandom >"$work/noise"
	cp "$work/noise" "$m/disk/noise" || fail "cp"
}
changed='[ "$(cat "$m/state_hash")" != "$hash" ]'
same='[ "$(cat "$m/state_hash")" = "$hash" ]'

start -o ram=64M,swap=64K
line proc/1/ctl 'mmap 8M rw as=a'
line proc/1/ctl 'mmap 64K rw as=b'
touch "$m/disk/old"
echo old >"$m/disk/old"
for i in $(seq 60); do line proc/1/ctl "touch a+$((i * 4096))"; done
mkdir "$m/checkpoints/kept" "$m/checkpoints/moved"
moment=at/$(stat -c %s "$m/checkpoints/kept")

# Operations of more than one word, and pipelines.
lines() {
	for i in $(seq 20); do echo "touch a+${i}K"; done >"$work/lines"
	cat "$work/lines" >"$m/proc/1/ctl"
}
memory() {
	head -c 3000 "$work/noise" | dd bs=4096 conv=notrunc status=none \
		of="$m/proc/1/mem" seek="$((0x$a))" oflag=seek_bytes
}
bytes() {
	dd if="$work/noise" of="$m/disk/more" bs=128K conv=notrunc status=none
}
trace() {
	for i in $(seq 9); do echo " S $(printf %x $((0x$a + i * 64))),8"; done \
		>"$work/trace"
	cat "$work/trace" >"$m/proc/1/trace"
}
forget() {
	line ctl "forget before=$next"
}
a=$(sed -n '/rw-p 00000000 00:00 0 *$/s/-.*//p' "$m/proc/1/maps" | head -1)

p=proc/1
no_undo=:
full "a command" $p/last "$changed" $no_undo line $p/ctl 'touch b'
full "a label" $p/last "$changed" $no_undo line $p/ctl 'label here a+4K'
full "many lines" $p/last "$changed" $no_undo lines
full "memory" $p/last "$changed" $no_undo memory
full "a trace" $p/last "$changed" $no_undo trace
full "oom_score_adj" $p/last "$changed" $no_undo line $p/oom_score_adj 7
full "a setting" last "$changed" $no_undo line ctl 'set read_ahead_kb 64'
full "a sysctl" last "$changed" $no_undo line proc/sys/vm/swappiness 70
full "a process" last "$changed" $no_undo line ctl spawn
full "pages" last "$changed" $no_undo line kernel/ctl alloc_pages
touch "$m/disk/more"
full "a file's bytes" last "$changed" $no_undo bytes
full "a file's size" last "$changed" $no_undo truncate -s +1 "$m/disk/more"
full "a file" last '[ -e $m/disk/f ]' 'rm $m/disk/f' touch "$m/disk/f"
full "a directory" last '[ -d $m/disk/d ]' 'rmdir $m/disk/d' mkdir "$m/disk/d"
full "a link" last '[ -L $m/disk/l ]' 'rm $m/disk/l' ln -s old "$m/disk/l"
full "a mode" last "$changed" 'chmod 644 $m/disk/old' chmod 600 "$m/disk/old"
touch "$m/disk/x"
full "a name" last '[ -e $m/disk/y ]' 'mv $m/disk/y $m/disk/x' \
	mv "$m/disk/x" "$m/disk/y"
full "no name" last '[ ! -e $m/disk/x ]' 'touch $m/disk/x' rm "$m/disk/x"

# History: the machine is the same before and after.
k=checkpoints
full "mkdir $k/new" last "$same && [ -d \$m/$k/new ]" "rmdir \$m/$k/new" \
	mkdir "$m/$k/new"
full "checkpoint new" last "$same && [ -d \$m/$k/new ]" "rmdir \$m/$k/new" \
	line ctl 'checkpoint new'
full "rename" last "$same && [ -d \$m/$k/to ]" "mv \$m/$k/to \$m/$k/moved" \
	mv "$m/$k/moved" "$m/$k/to"
full "rmdir" last "$same && [ ! -e \$m/$k/moved ]" "mkdir \$m/$k/moved" \
	rmdir "$m/$k/moved"
full "restore" last "[ \$(cat \$m/disk/old) = old ] && $changed" $no_undo \
	line ctl 'restore kept'
hash=$(cat "$m/state_hash")
stop
db=$db replays_to "$hash"
start
next=10
full "forget" last "$same" 'next=$((next + 1))' forget
rmdir "$m/$k/kept" "$m/$k/moved"
# Few free pages, before the last ones: fill() has to write as much.
line ctl "forget before=$(($(awk 'END { print $1 }' "$m/log") - 1))" ||
	fail "forget"
line ctl vacuum || fail "vacuum"
refresh() {
	for _ in 1 2; do
		head -c $((100000 + RANDOM % 9000)) /dev/urandom >"$m/disk/noise" ||
			fail "noise"
	done
	line ctl "forget before=$(($(awk 'END { print $1 }' "$m/log") - 1))" ||
		fail "forget"
}
reads() { :; } # there is nothing of the past
full "vacuum" last "$same" $no_undo line ctl vacuum

# Without room for the WAL it is not mounted, and nothing is lost.
hash=$(cat "$m/state_hash")
stop
fill 0
"$PAGEFS" "$db" "$m" 2>"$work/err" && fail "mounted without room"
like "a mount without room" "$(cat "$work/err")" "*$db is full; make room*"
rm "$ballast"
start
is "state after that" "$(cat "$m/state_hash")" "$hash"
stop
replays
umount "$disk"
trap finish EXIT
finish
