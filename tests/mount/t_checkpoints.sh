#!/bin/bash
# checkpoints/: mkdir saves, rmdir forgets, mv renames; inside is the mount as
# it was, byte for byte, also in the next mount and after kill -9.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/moments.sh"
start -o ram=32M,disk=8M,swap=0
printf 'mmap 64K rw as=a\ntouch a 12K\nwrite a "before"\n' >"$m/proc/1/ctl"
echo 'spawn name=other' >"$m/ctl"
printf 'mmap 8K rw as=b\ntouch b 8K\n' >"$m/proc/2/ctl"
mkdir "$m/disk/d"
seq 5000 >"$m/disk/d/numbers"
ln -s numbers "$m/disk/d/link"

# What is saved is what is there.
is "none yet" "$(ls "$m/checkpoints")" ""
is "links without" "$(stat -c %h "$m/checkpoints")" 2
mkdir "$m/checkpoints/before" || fail "mkdir"
copy "$m" "$work/before"
same "at once" "$work/before" "$m/checkpoints/before"

# ls -l shows the row and the simulated time.
row=$(tail -1 "$m/log" | cut -d' ' -f1)
seconds=$(awk '$1 == "time_ns" { print int($2 / 1000000000) }' "$m/stats")
is "row and time" "$(stat -c '%s %Y' "$m/checkpoints/before")" \
	"$row $((1767225600 + seconds))"
is "links" "$(stat -c %h "$m/checkpoints")" 3
like "ls -l" "$(ls -l "$m/checkpoints")" "*drwxr-xr-x * $row *before"

# Changes leave it as it was.
printf 'munmap a+4K 4K\nwrite a "after!"\n' >"$m/proc/1/ctl"
echo 'kill 2 9' >"$m/ctl"
seq 100 >"$m/disk/d/numbers"
rm "$m/disk/d/link"
echo 'tick 600' >"$m/ctl"
same "after changes" "$work/before" "$m/checkpoints/before"
like "diff" "$(diff -r -x mem -x pagemap \
	"$m/checkpoints/before/proc/1" "$m/proc/1" 2>"$work/err")" "*VmSize*"
is "complaints of diff" "$(cat "$work/err")" ""
[ -d "$m/proc/2" ] && fail "process 2 is there"
[ -d "$m/checkpoints/before/proc/2" ] || fail "it was there"
timeout 20 diff -r "$m/checkpoints/before/proc/1" "$m/proc/1" \
	>"$work/diff" 2>/dev/null
[ $? != 124 ] || fail "diff -r of a process does not end"
like "and tells the differences" "$(cat "$work/diff")" "*VmRSS*"

# ctl does the same as mkdir.
copy "$m" "$work/later"
row=$(tail -1 "$m/log" | cut -d' ' -f1)
echo 'checkpoint later' >"$m/ctl" || fail "checkpoint in ctl"
is "reply" "$(cat "$m/last")" "$row"
same "by ctl" "$work/later" "$m/checkpoints/later"
is "both" "$(ls "$m/checkpoints" | tr '\n' ' ')" "before later "
[ "$(stat -c %Y "$m/checkpoints/later")" -ge \
	$((5 + $(stat -c %Y "$m/checkpoints/before"))) ] || fail "time goes on"
like "timelines" "$(cat "$m/timelines")" "*before*later*"

# A past moment has no past inside, and walks of the mount end.
is "no past inside" "$(ls "$m/checkpoints/before" |
	grep -E '^(checkpoints|at|timelines)$')" ""
[ -e "$m/checkpoints/before/at" ] && fail "at/ inside"
timeout 60 find "$m" >/dev/null || fail "find does not end"
timeout 60 diff -r --no-dereference -x exe "$m/checkpoints/before" \
	"$m/checkpoints/later" >"$work/diff"
[ $? = 1 ] || fail "diff -r of two moments: $(head -3 "$work/diff")"

# Nothing inside can be changed.
c=$m/checkpoints/before
ro='Read-only file system'
refused "a command" "$ro" sh -c "echo tick >'$c/ctl'"
refused "a command of a process" "$ro" sh -c "echo 'brk 0' >'$c/proc/1/ctl'"
refused "a store" "$ro" sh -c "echo x >'$c/proc/1/mem'"
refused "a new file" "$ro" touch "$c/disk/new"
refused "a file" "$ro" sh -c "echo x >>'$c/disk/d/numbers'"
refused "truncate" "$ro" truncate -s 1 "$c/disk/d/numbers"
refused "chmod" "$ro" chmod 600 "$c/disk/d/numbers"
refused "touch" "$ro" touch "$c/disk/d/numbers"
refused "rm" "$ro" rm "$c/disk/d/numbers"
refused "mkdir" "$ro" mkdir "$c/disk/e"
refused "rmdir" "$ro" rmdir "$c/disk/d"
refused "ln -s" "$ro" ln -s x "$c/disk/l"
refused "mv" "$ro" mv "$c/disk/d/numbers" "$c/disk/d/n"
refused "mv into it" "$ro" mv "$m/disk/d/numbers" "$c/disk/n"
same "nothing changed" "$work/before" "$c"

# A walk of page tables is a question, and may be asked.
exec 3<>"$c/cpu/0/walk"
echo '1 0x0' >&3
read -r answer <&3
like "walk" "$answer" "cr3 *"
exec 3>&-

# Names.
refused "a name that is taken" "File exists" mkdir "$m/checkpoints/later"
refused "a number" "Invalid argument" mkdir "$m/checkpoints/17"
like "says why" "$(cat "$m/last")" "-EINVAL *"
refused "a name that is none" "No such file" rmdir "$m/checkpoints/none"
refused "a file" "" touch "$m/checkpoints/file"
refused "mv to a name that is taken" "File exists" \
	mv -T "$m/checkpoints/later" "$m/checkpoints/before"
refused "mv elsewhere" "" mv "$m/checkpoints/later" "$m/disk/later"
refused "mkdir in at" "Operation not permitted" mkdir "$m/at/x"
name=$(printf 'a b\303\251%.0s' $(seq 40))
mkdir "$m/checkpoints/$name" || fail "a name with blanks and letters"
rmdir "$m/checkpoints/$name" || fail "and gone"
mv "$m/checkpoints/before" "$m/checkpoints/first" || fail "mv"
is "after mv" "$(ls "$m/checkpoints" | tr '\n' ' ')" "first later "
same "renamed" "$work/before" "$m/checkpoints/first"
[ -e "$m/checkpoints/before" ] && fail "the old name is there"

# An open file of a moment outlives its name; the name can be used again.
exec 3<"$m/checkpoints/later/proc/1/maps"
rmdir "$m/checkpoints/later" || fail "rmdir"
cmp - "$work/later/proc/1/maps" <&3 || fail "an open file"
exec 3<&-
[ -e "$m/checkpoints/later" ] && fail "rmdir left it"
echo 'spawn' >"$m/ctl"
mkdir "$m/checkpoints/later" || fail "the name again"
copy "$m" "$work/again"
same "the name again" "$work/again" "$m/checkpoints/later"

# In the next mount, and after kill -9.
stop
start
same "next mount" "$work/before" "$m/checkpoints/first"
same "next mount" "$work/again" "$m/checkpoints/later"
mkdir "$m/checkpoints/acknowledged"
killed
is "after kill -9" "$(ls "$m/checkpoints" | tr '\n' ' ')" \
	"acknowledged first later "
same "after kill -9" "$work/before" "$m/checkpoints/first"
same "after kill -9" "$work/again" "$m/checkpoints/acknowledged"

# -o at= shows one, -o ro can look at all.
stop
start -o at=first
same "-o at=" "$work/before" "$m"
refused "a command" "$ro" sh -c "echo tick >'$m/ctl'"
is "no past inside" "$(ls "$m" | grep -E '^(checkpoints|at|timelines)$')" ""
stop
start -o ro
same "-o ro" "$work/before" "$m/checkpoints/first"
refused "mkdir" "$ro" mkdir "$m/checkpoints/more"
refused "rmdir" "$ro" rmdir "$m/checkpoints/first"
stop
refused "-o at= of nothing" "nothing" "$PAGEFS" -o at=nothing "$db" "$m"

# A row of the table of checkpoints that is used again is another moment, while
# somebody still has a file of the old one open.
rm -f "$db"*
start -o ram=32M,disk=8M,swap=0
echo 'mmap 64K rw as=a' >"$m/proc/1/ctl"
echo 'write a "here"' >"$m/proc/1/ctl"
mkdir "$m/checkpoints/here"
here=$(awk '{ n = $1 } END { print n }' "$m/log")
echo "restore $((here - 1))" >"$m/ctl"
echo 'write a "another"' >"$m/proc/1/ctl"
mkdir "$m/checkpoints/other"
exec 3<"$m/checkpoints/other/state_hash"
echo 'restore here' >"$m/ctl"
rmdir "$m/checkpoints/other" "$m/checkpoints/here"
echo "forget before=$here" >"$m/ctl"
echo 'write a "new"' >"$m/proc/1/ctl"
mkdir "$m/checkpoints/new"
is "a new moment" "$(cat "$m/checkpoints/new/state_hash")" \
	"$(cat "$m/state_hash")"
exec 3<&-
stop
rm "$db"*
