#!/bin/bash
# timetravel.sh: save a machine, break a program in it, find the line that did
# it, go back, and try another way.
#
#	examples/timetravel.sh [MACHINE.db MOUNTPOINT]
#
# Without arguments a machine is made in a temporary directory, and goes away.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
pagefs=${PAGEFS:-$here/../build/fs/pagefs}
if [ $# = 2 ]; then
	db=$1 mnt=$2
else
	work=$(mktemp -d "${TMPDIR:-/tmp}/timetravel.XXXXXX")
	db=$work/machine.db mnt=$work/mnt
	mkdir "$mnt"
fi

leave() {
	fusermount3 -u "$mnt"
	[ -z "${work:-}" ] || rm -r "$work"
}

say() { printf '\n# %s\n' "$*"; }
# do COMMAND: shown, then run.
run() {
	printf '$ %s\n' "${*//$mnt\//}"
	eval "$@"
}

"$pagefs" -o ram=64M "$db" "$mnt"
trap leave EXIT

say "A process with a buffer of 64 KiB, a word at its end, and a child."
run "echo 'mmap 64K rw as=buf' > $mnt/proc/1/ctl"
run "echo 'write buf+60K \"precious\"' > $mnt/proc/1/ctl"
run "echo fork > $mnt/proc/1/ctl"
run "mkdir $mnt/checkpoints/good"
run "ls -l $mnt/checkpoints"

say "Then much happens, and one of these lines is a mistake."
for i in 1 2 3 4; do
	echo "touch buf+$((i * 4))K 4K w" >"$mnt/proc/1/ctl"
	echo "touch buf 32K" >"$mnt/proc/2/ctl"
done
echo 'mprotect buf 64K r' >"$mnt/proc/2/ctl"
echo 'madvise buf+56K 8K dontneed' >"$mnt/proc/1/ctl"
echo 'tick 10' >"$mnt/ctl"
echo 'touch buf+60K' >"$mnt/proc/1/ctl"

# word DIRECTORY: what process 1 has at buf+60K, in that moment.
buf=$(sed -n 's/.*mmap 64K rw as=buf = //p' "$mnt/log" | head -1)
word() {
	dd if="$1/proc/1/mem" bs=8 count=1 iflag=skip_bytes \
		skip=$((buf + 60 * 1024)) 2>/dev/null | tr '\0' .
}
say "The word is gone: $(word "$mnt") instead of" \
	"$(word "$mnt/checkpoints/good")."
run "diff -r -x exe $mnt/checkpoints/good/proc/1 $mnt/proc/1 |
	grep -E '^[<>] (Rss|Vm)' || true"

say "Every line is a moment: halve the range until one is left."
low=$(stat -c %s "$mnt/checkpoints/good")
high=$(tail -1 "$mnt/log" | cut -d' ' -f1)
while [ $((high - low)) -gt 1 ]; do
	mid=$(((low + high) / 2))
	word=$(word "$mnt/at/$mid")
	echo "at/$mid: $word"
	if [ "$word" = precious ]; then low=$mid; else high=$mid; fi
done
say "It was line $high:"
run "grep '^$high ' $mnt/log"

say "Back to the line before it, and on another way."
run "echo 'restore $low' > $mnt/ctl"
run "echo 'madvise buf+56K 4K dontneed' > $mnt/proc/1/ctl"
echo "the word is there: $(word "$mnt")"

say "Both ways are kept."
run "cat $mnt/timelines"
echo "at/$high still has $(word "$mnt/at/$high")"
