#!/bin/bash
# Builds pagefs, mounts a machine, and replays a real program in it: the
# machine's maps are the kernel's.  Leaves the machine mounted at ./mnt.
#
#	examples/quickstart.sh [DIRECTORY]    default: ./pagefs-demo
set -eu
cd "$(dirname "$0")/.."
top=$PWD

./examples/deps.sh try
if [ ! -c /dev/fuse ]; then
	echo "$0: there is no /dev/fuse. Load the module (modprobe fuse), or in" >&2
	echo "a container: --device /dev/fuse --cap-add SYS_ADMIN." >&2
	exit 1
fi
if [ ! -w /dev/fuse ]; then # also as root of a user namespace
	echo "$0: /dev/fuse is not writable for you (mode" \
		"$(stat -c %a /dev/fuse), most systems have 666): run this as" >&2
	echo "root, or let root say: chmod 666 /dev/fuse" >&2
	exit 1
fi

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. Build"
if [ ! -w "$top" ]; then
	echo "$0: cannot write to $top to build there; clone it to a place of" >&2
	echo "your own, or run this as its owner." >&2
	exit 1
fi
[ -f build/build.ninja ] || meson setup build >/dev/null
ninja -C build fs/pagefs persist/pagefs_sqlite.so >build/build.log 2>&1 || {
	cat build/build.log >&2
	exit 1
}
pagefs=$top/build/fs/pagefs
echo "$pagefs: $("$pagefs" --version 2>&1 | head -1)"

dir=${1:-$top/pagefs-demo}
mkdir -p "$dir"
mnt=$dir/mnt
db=$dir/quickstart.db
work=$dir/work
mkdir -p "$work"
if mountpoint -q "$mnt" 2>/dev/null || [ -d "$mnt" ] && ! ls "$mnt" >/dev/null 2>&1; then
	fusermount3 -u "$mnt" 2>/dev/null || umount -l "$mnt" 2>/dev/null || true
	sleep 0.3
fi
mkdir -p "$mnt"
rm -f "$db" "$db"-wal "$db"-shm

say "2. Mount a machine with 256 MiB of RAM at $mnt"
"$pagefs" -o ram=256M "$db" "$mnt"
ls "$mnt"
cp "$mnt/proc/buddyinfo" "$work/buddyinfo.before" 2>/dev/null ||
	cat "$mnt/proc/buddyinfo" >"$work/buddyinfo.before"

say "3. Record the host's own  /bin/cat /proc/self/maps  with strace"
RECORD_TRACE=%memory,%process,write env -i RECORD_TRACE=%memory,%process,write \
	PATH="$PATH" "$top/examples/record.sh" -n -m "$mnt" -l "$work/run.strace" \
	/bin/cat /proc/self/maps >"$work/kernel.maps"
echo "$(wc -l <"$work/run.strace") lines, $(wc -l <"$work/kernel.maps") mappings"

say "4. Replay it up to the moment at which cat printed its maps"
sed '/ write(1/,$d' "$work/run.strace" >"$work/until-write.strace"
cat "$work/until-write.strace" >"$mnt/trace/strace"
cat "$mnt/trace/strace"
pid=$(sed -n '1s/.*-> \([0-9]*\) .*/\1/p' "$mnt/trace/strace")
cat "$mnt/proc/$pid/maps" >"$work/machine.maps"

say "5. The machine's maps beside the kernel's (device and inode columns cut)"
plain() { sed -E 's/^([^ ]+ [^ ]+ [^ ]+) [^ ]+ [0-9]+ */\1 /' "$1"; }
plain "$work/kernel.maps" >"$work/kernel.plain"
plain "$work/machine.maps" >"$work/machine.plain"
cat "$work/machine.maps"
if diff "$work/kernel.plain" "$work/machine.plain"; then
	echo "diff: no difference in $(wc -l <"$work/machine.plain") lines"
else
	echo "$0: the maps differ" >&2
	exit 1
fi

say "6. One page: pagemap, the walk, and the page tables in phys/ram by hand"
va=0x$(sed -n 's/^\([0-9a-f]*\)-.*\[stack\].*/\1/p' "$work/machine.maps")
va=$(printf '0x%x' $((0x7ffffffff000 - 8)))
echo "touch $va" >"$mnt/proc/$pid/ctl"
echo "run $pid" >"$mnt/ctl"
cpu=0
entry=$(dd if="$mnt/proc/$pid/pagemap" bs=8 skip=$((va / 4096)) count=1 2>/dev/null |
	od -An -tx8 | tr -d ' ')
pfn_pagemap=$((0x$entry & ((1 << 55) - 1)))
cr3=$(sed -n 's/^cr3 *\(.*\)/\1/p' "$mnt/cpu/$cpu/regs")
table=$((cr3 & 0x000ffffffffff000))
for shift in 39 30 21 12; do
	at=$((table + ((va >> shift) & 511) * 8))
	entry=0x$(dd if="$mnt/phys/ram" bs=8 skip=$((at / 8)) count=1 2>/dev/null |
		od -An -tx8 | tr -d ' ')
	printf 'bits %2d-%2d: entry at 0x%09x holds %s\n' $((shift + 8)) $shift "$at" "$entry"
	table=$((entry & 0x000ffffffffff000))
done
echo "by hand: frame $((table / 4096)); pagemap: frame $pfn_pagemap"
[ $((table / 4096)) = "$pfn_pagemap" ] || { echo "$0: they differ" >&2; exit 1; }

say "7. buddyinfo before and after"
cat "$work/buddyinfo.before"
echo "--"
cat "$mnt/proc/buddyinfo"

say "8. kill -9, and mount again: the same state"
cat "$mnt/proc/buddyinfo" >"$work/buddyinfo.killed"
daemon=$(pgrep -f "^$pagefs -o ram=256M $db " | head -1)
kill -9 "$daemon"
fusermount3 -u "$mnt" 2>/dev/null || umount -l "$mnt"
"$pagefs" "$db" "$mnt"
cmp "$work/machine.maps" <(cat "$mnt/proc/$pid/maps")
cmp "$work/buddyinfo.killed" <(cat "$mnt/proc/buddyinfo")
echo "maps and buddyinfo are the same bytes"

say "The machine stays mounted at $mnt. Five things to try:"
cat <<TXT
  cd $mnt
  echo 'mmap 64K rw as=buf' > proc/$pid/ctl; cat proc/$pid/last; cat proc/$pid/maps
  echo 'touch buf 64K' > proc/$pid/ctl; grep -A 4 '^7ffff7d' proc/$pid/smaps
  echo 'write 0x10 "x"' > proc/$pid/ctl; cat proc/$pid/last      # refused, with the rule
  echo fork > proc/$pid/ctl; ls proc; tail -3 log
  exec 3<>cpu/0/walk; echo 'stack' >&3; cat <&3                  # the hardware walk, step by step
Unmount with:  fusermount3 -u $mnt
TXT
