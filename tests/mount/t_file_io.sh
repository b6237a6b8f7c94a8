#!/bin/bash
# Files that simulated processes read and write: one page cache for read(2),
# write(2), mmap and the host's own look at disk/.
. "$(dirname "$0")/lib.sh"
start -o ram=64M


# What a process writes the host sees at once, and so does a mapping.
fd=$(says 1 'open /notes rdwr,creat')
is "write" "$(says 1 "pwrite $fd \"hello\\n\"")" 6
is "the host's look" "$(cat "$m/disk/notes")" hello
is "dirty" "$(kb Dirty)" 4
at=$(says 1 "mmap 4K rw flags=shared fd=$fd as=notes")
is "mapping" "$(says 1 'read notes 5')" hex:68656c6c6f
says 1 'write notes "J"' >/dev/null
is "read after a store" "$(says 1 "pread $fd 5 0")" hex:4a656c6c6f
is "position" "$(says 1 "lseek $fd 0 cur")" 6
is "end of file" "$(says 1 "pread $fd 5")" hex:
is "into memory" "$(says 1 "pread $fd 4 0 to=stack-8K")" 4
is "there" "$(says 1 'read stack-8K 4')" hex:4a656c6c
like "mapped at" "$at" '0x*'

# What proc/PID/io, fd and fdinfo say; the kernel gave the same numbers for the
# same calls on ext4.
init=$m/proc/1
# charged LINE: the reply, and what the command added to io.
charged() {
	local before=$(cat "$init/io")
	says 1 "$1" | cut -d' ' -f1
	diff <(echo "$before") "$init/io" | sed -n 's/^[<>] //p' |
		awk '{ n[$1] = $2 - n[$1] }
			END { for (k in n) print k, n[k] }' | sort
}
f=$(says 1 'open /io rdwr,creat,append')
says 1 "mmap 4K rw flags=shared fd=$f as=io" >/dev/null
is "fd" "$(ls "$init/fd") $(readlink "$init/fd/$f")" "$fd
$f /io"
is "links of open files" "$(stat -c %A "$init/fd/$f" "$(ls -d "$init"/map_files/* |
	tail -1)" "$init/fd/$(says 1 'open /io')"; says 1 'close 2')" "lrwx------
lrw-------
lr-x------
0"
is "fdinfo" "$(cat "$init/fdinfo/$f")" "pos:	0
flags:	0102002
mnt_id:	1
ino:	$(awk '$6 == "/io" { print $5 }' "$init/maps")"
is "write" "$(charged "pwrite $f \"x\" 0 len=10000")" "10000
syscw: 1
wchar: 10000
write_bytes: 12288"
is "truncate" "$(charged "ftruncate $f 4K")" "0
cancelled_write_bytes: 8192"
is "read" "$(charged "pread $f 9 4090")" "hex:787878787878
rchar: 6
syscr: 1"
is "read at the end" "$(charged "pread $f 9 4096")" "hex:
syscr: 1"
is "not for reading" "$(charged 'pread 99 1')" "-EBADF"
says 1 "fsync $f" >/dev/null
is "store" "$(charged 'write io "J"')" "0
write_bytes: 4096"
says 1 'munmap io 4K' >/dev/null
printf 'sync\ndrop_caches 1\n' >"$m/ctl"
is "from the disk" "$(charged "pread $f 1 0")" "hex:4a
rchar: 1
read_bytes: 4096
syscr: 1"
exec 7<"$init/fdinfo/$f"
is "close" "$(says 1 "close $f")" 0
cat <&7 >/dev/null 2>&1 && fail "fdinfo of a closed file"
exec 7<&-
[ -e "$init/fdinfo/$f" ] && fail "fdinfo/$f is there"
rm "$m/disk/io"
is "personality" "$(says 1 'personality 0x40000'; cat "$init/personality")" "0x0
00040000"

# fsync, tick and drop_caches.
is "fsync" "$(says 1 "fsync $fd")" 0
is "clean" "$(kb Dirty)" 0
says 1 "pwrite $fd \"x\" 4K len=1M" >/dev/null
is "1 MiB dirty" "$(kb Dirty)" 1024
echo 'tick 3600' >"$m/ctl"
is "written after 30 s" "$(kb Dirty)" 0
cached=$(kb Cached)
echo 1 >"$m/proc/sys/vm/drop_caches"
is "dropped, but for the mapped page" $((cached - $(kb Cached))) 1024
cmp -s <(head -c 4096 "$m/disk/notes" | tail -c +7) \
	<(head -c 4090 /dev/zero) || fail "a hole between the writes"
is "the rest" "$(tail -c +4097 "$m/disk/notes" | tr -d x | wc -c)" 0

# Thresholds: the flusher starts by itself.
echo 262144 >"$m/proc/sys/vm/dirty_background_bytes"
is "the ratio no longer counts" \
	"$(cat "$m/proc/sys/vm/dirty_background_ratio")" 0
is "threshold" "$(counter nr_dirty_background_threshold)" 64
says 1 "pwrite $fd \"y\" 0 len=1M" >/dev/null
[ "$(kb Dirty)" -le 256 ] || fail "the flusher sleeps: $(kb Dirty)"

# Refusals, in Linux's words.
like "not open" "$(says 1 'pread 99 1')" '-EBADF*'
ro=$(says 1 'open /notes')
like "read-only" "$(says 1 "pwrite $ro \"x\"")" '-EBADF*'
like "exists" "$(says 1 'open /notes rdwr,creat,excl')" '-EEXIST*'
like "negative" "$(says 1 "lseek $fd -1")" '-EINVAL*'
like "beyond" "$(says 1 "lseek $fd 1G data")" '-ENXIO*'
like "limit" "$(says 1 'setrlimit fsize 8K'; says 1 "pwrite $fd \"x\" 8K")" \
	'*-EFBIG*'
is "up to the limit" "$(says 1 "pwrite $fd \"xyz\" 8191")" 1

# One number for a file, wherever it shows: stat, ls, maps, fdinfo, frames and
# the lists of pages.
number=$(stat -c %i "$m/disk/notes")
is "ls" "$(ls -i "$m/disk" | awk '$2 == "notes" { print $1 }')" "$number"
is "fdinfo" "$(sed -n 's/^ino:.//p' "$m/proc/1/fdinfo/$fd")" "$number"
is "maps" "$(awk '$6 == "/notes" { print $5 }' "$m/proc/1/maps" | sort -u)" \
	"$number"
of_files() { comm -12 <(sort -u) <(ls -i "$m/disk" | awk '{ print $1 }' | sort); }
frames=$(awk '$3 == "file" { print $4 }' "$m/phys/frames")
pages=$(sed -n 's/.* file:\([0-9]*\):.*/\1/p' "$m/phys/policy")
is "frames" "$(echo "$frames" | of_files)" "$(echo "$frames" | sort -u)"
is "pages" "$(echo "$pages" | of_files)" "$(echo "$frames" | sort -u)"
like "this file's" " $(echo $pages) " "* $number *"

# Each drop_caches leaves a line in the log, until 4 was given.
drops() { grep -o 'kernel (0): drop_caches: .*' "$m/kernel/dmesg" | paste -sd' '; }
before=$(drops)
echo 2 >"$m/proc/sys/vm/drop_caches"
is "told" "$(drops)" "$before${before:+ }kernel (0): drop_caches: 2"
echo 5 2>/dev/null >"$m/proc/sys/vm/drop_caches" && fail "drop_caches took 5"
echo 4 >"$m/proc/sys/vm/drop_caches"
before=$(drops)
like "told of 4" "$before" '*drop_caches: 4'
echo 3 >"$m/proc/sys/vm/drop_caches"
is "quiet" "$(drops)" "$before"
