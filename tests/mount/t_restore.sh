#!/bin/bash
# restore: the machine as it was, on a new timeline; what was done since is
# still found in at/; what open files see.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/moments.sh"
start -o ram=32M,disk=8M,swap=0
newest() { awk '{ n = $1 } END { print n + 0 }' "$m/log"; }

printf 'mmap 64K rw as=a\ntouch a 8K\n' >"$m/proc/1/ctl"
echo 'spawn name=two' >"$m/ctl"
echo one >"$m/disk/f"
mkdir "$m/checkpoints/good"
good=$(newest)
copy "$m" "$work/good"

# Another way, which goes wrong.
printf 'munmap a 64K\n' >"$m/proc/1/ctl"
echo 'kill 2 9' >"$m/ctl"
echo 'spawn name=three' >"$m/ctl"
echo 'another file' >"$m/disk/f"
echo more >"$m/disk/g"
wrong=$(newest)
copy "$m" "$work/wrong"
links=$(stat -c %h "$m/proc")

# Open files, from before: python keeps them over the restore.
mkfifo "$work/go" "$work/done"
python3 - "$m" "$work/go" "$work/done" <<'PY' &
import errno, mmap, os, select, sys
m, go, done = sys.argv[1:]

def wants(what, got, wanted):
    if got != wanted:
        print("FAIL:", what, got, "wanted", wanted, file=sys.stderr)
        global failed
        failed = 1

failed = 0
ctl = os.open(m + "/ctl", os.O_RDWR)
os.write(ctl, b"tick\ntick")            # a reply, and half a line
maps = os.open(m + "/proc/1/maps", os.O_RDONLY)
before = os.pread(maps, 100000, 0)
disk = os.open(m + "/disk/f", os.O_RDONLY)
wants("disk file", os.pread(disk, 100, 0), b"another file\n")
last = os.open(m + "/last", os.O_RDONLY)
os.pread(last, 1000, 0)
poll = select.poll()
poll.register(last, select.POLLIN)
wants("poll before", poll.poll(0), [])
open(done, "w").close()
open(go).close()
wants("poll wakes", len(poll.poll(5000)), 1)
wants("last", os.pread(last, 1000, 0).strip().isdigit(), True)
wants("reply from before", os.read(ctl, 1000), b"0\n")
os.write(ctl, b" 7\n")                  # the other half
wants("a line in two halves", os.read(ctl, 1000), b"0\n")
now = os.pread(maps, 100000, 0)
wants("maps has changed", now != before, True)
wants("maps is the new one", now, open(m + "/proc/1/maps", "rb").read())
try:
    os.pread(disk, 100, 0)
    wants("a file of disk/ from before", "read", "ESTALE")
except OSError as e:
    # EIO: the kernel has seen that its number is another file's
    wants("a file of disk/ from before", e.errno in (errno.ESTALE, errno.EIO),
        True)
sys.exit(failed)
PY
client=$!
read -r <"$work/done"
copy "$m" "$work/wrong" # the client's first line came on top
wrong=$(newest)
echo 'restore good' >"$m/ctl" || fail "restore: $(cat "$m/last")"
is "reply" "$(cat "$m/last")" "$good"
is "state" "$(cat "$m/state_hash")" "$(cat "$work/good/state_hash")"
is "links of proc" "$(stat -c %h "$m/proc")" "$links"
rm -r "$work/now" 2>/dev/null
copy "$m" "$work/now"
cp "$work/good/last" "$work/now/last"
diff -r --no-dereference "$work/good" "$work/now" >"$work/diff" ||
	fail "restored: $(head "$work/diff")"
is "disk" "$(cat "$m/disk/f"; ls "$m/disk")" "$(printf 'one\nf')"
is "process 2 is back" "$(cat "$m/proc/2/comm")" two
: >"$work/go"
wait $client || fail "open files"

# On from there; the other way stays where it was.
echo 'spawn name=four' >"$m/ctl"
is "goes on from there" "$(cat "$m/last")" 3
echo 'a third' >"$m/disk/h"
copy "$m" "$work/third"
third=$(newest)
[ "$third" -gt "$wrong" ] || fail "a number is used twice"
same "the other timeline" "$work/wrong" "$m/at/$wrong"
same "before the branch" "$work/good" "$m/at/$good"
same "now" "$work/third" "$m/at/$third"
same "saved" "$work/good" "$m/checkpoints/good"
mkdir "$m/checkpoints/third"
like "timelines" "$(cat "$m/timelines")" "*good*third*"

# Across timelines, by number and back.
echo "restore $wrong" >"$m/ctl" || fail "restore $wrong"
is "the wrong way again" "$(cat "$m/state_hash")" \
	"$(cat "$work/wrong/state_hash")"
echo 'tick 3' >"$m/ctl"
echo 'restore third' >"$m/ctl" || fail "restore third"
is "and back" "$(cat "$m/state_hash")" "$(cat "$work/third/state_hash")"
same "log and all" "$work/third" "$m/at/-0"

# Refused.
hash=$(cat "$m/state_hash")
for what in nothing 999999 '' 'good 7'; do
	echo "restore $what" 2>/dev/null >"$m/ctl" && fail "restore $what"
	like "restore $what" "$(cat "$m/last")" "-E* *"
done
is "nothing changed" "$(cat "$m/state_hash")" "$hash"

# In the next mount, and after kill -9.
stop
start
is "next mount" "$(cat "$m/state_hash")" "$hash"
same "next mount" "$work/wrong" "$m/at/$wrong"
same "next mount" "$work/third" "$m/checkpoints/third"
echo "restore good" >"$m/ctl"
killed
is "after kill -9" "$(cat "$m/state_hash")" "$(cat "$work/good/state_hash")"
same "after kill -9" "$work/wrong" "$m/at/$wrong"
