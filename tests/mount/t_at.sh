#!/bin/bash
# at/: the mount as it was after each line, also in the next mount and after
# kill -9; names that are none; many moments in little memory.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/moments.sh"
start -o ram=32M,disk=8M,swap=0

newest() { awk '{ n = $1 } END { print n + 0 }' "$m/log"; }
step() {
	copy "$m" "$work/$(newest)"
}
step
printf 'mmap 1M rw as=a\n' >"$m/proc/1/ctl"
step
echo 'touch a 64K' >"$m/proc/1/ctl"
step
echo 'touch 0x10' 2>/dev/null >"$m/proc/1/ctl" # a fault is a line, too
step
echo 'spawn name=two' >"$m/ctl"
step
printf 'mmap 16K rw as=b\ntouch b 16K\nmunmap b 4K\n' >"$m/proc/2/ctl"
step
head -c 100000 /dev/zero | tr '\0' x >"$m/disk/file"
step
rm "$m/disk/file"
step
echo 'kill 2 9' >"$m/ctl"
step
last=$(newest)

all() {
	local i
	for i in 0 1 2 3 4 7 $((last - 1)) "$last"; do
		[ -d "$work/$i" ] || continue
		same "$1: at/$i" "$work/$i" "$m/at/$i"
	done
}
all "at once"
same "-0" "$work/$last" "$m/at/-0"
same "-1" "$work/$((last - 1))" "$m/at/-1"
same "back to the beginning" "$work/0" "$m/at/-$last"

# In the middle of a write of many lines.
is "after the first of three" "$(wc -l <"$m/at/5/log")" 5
like "its last line" "$(tail -1 "$m/at/5/log")" "5 *mmap 16K*"

# -N is where it was when it was entered.
cd "$m/at/-1" || fail "cd"
hash=$(cat state_hash)
for i in 1 2 3; do echo tick >"$m/ctl"; done
is "a directory that was entered" "$(cat state_hash)" "$hash"
cd "$work" || exit 1
is "the name moves" "$(cat "$m/at/-3/state_hash")" \
	"$(cat "$work/$last/state_hash")"

# Nothing is listed, so walks of the mount end.
is "at lists nothing" "$(ls -A "$m/at")" ""
timeout 60 find "$m" >/dev/null || fail "find"
[ -e "$m/at/1/at" ] && fail "at/ inside"

# Names that are none build nothing.
for name in 99999 -99999 01 +1 0x1 x '' ' 1' 1x -x - 18446744073709551616 \
	-18446744073709551616; do
	[ -n "$name" ] || continue
	refused "at/$name" "No such file" ls "$m/at/$name"
done
refused "mkdir" "Operation not permitted" mkdir "$m/at/x"
refused "rmdir" "Operation not permitted" rmdir "$m/at/1"
refused "a command" "Read-only" sh -c "echo tick >'$m/at/1/ctl'"

# In the next mount, and after kill -9.
stop
start
all "next mount"
killed
all "after kill -9"

# Many moments, little memory: each process writes 8 MiB into RAM.
for i in 1 2 3 4 5 6 7 8; do
	printf 'mmap 2M rw as=m%d\ntouch m%d 2M w\n' $i $i >"$m/proc/1/ctl"
done
stop
start -o at_cache=2
last=$(newest)
for i in $(seq 1 "$last"); do
	cat "$m/at/$i/state_hash" || fail "at/$i"
done >"$work/hashes"
is "each is another" "$(sort -u "$work/hashes" | wc -l)" "$last"
rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$(daemon)/status")
[ "$rss" -lt 150000 ] || ldd "$PAGEFS" | grep -q libasan || fail "$last moments take $rss kB"
for i in $(seq 1 "$last"); do
	cat "$m/at/$i/state_hash" &
done | sort >"$work/parallel"
sort "$work/hashes" | cmp - "$work/parallel" || fail "all at once"

# While one is open it stays, whatever else is looked at.
exec 3<"$m/at/3/log"
for i in $(seq 4 12); do cat "$m/at/$i/stats" >/dev/null; done
is "an open file" "$(wc -l <&3)" 3
exec 3<&-

# -o at=SEQ
stop
start -o at=3
same "-o at=3" "$work/3" "$m"
stop
refused "-o at= lines back" "number of a line" "$PAGEFS" -o at=-1 "$db" "$m"
refused "-o at= in the future" "999999" "$PAGEFS" -o at=999999 "$db" "$m"
