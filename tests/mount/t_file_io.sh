#!/bin/bash
# Files that simulated processes read and write: one page cache for read(2),
# write(2), mmap and the host's own look at disk/.
. "$(dirname "$0")/lib.sh"
start -o ram=64M

# say LINE: a command of process 1; its reply.
say() {
	echo "$1" >"$m/proc/1/ctl" 2>/dev/null; cat "$m/proc/1/last"
}
# meminfo FIELD, vmstat NAME: a number.
meminfo() { awk -v f="$1:" '$1 == f { print $2 }' "$m/proc/meminfo"; }
vmstat() { awk -v f="$1" '$1 == f { print $2 }' "$m/proc/vmstat"; }

# What a process writes the host sees at once, and so does a mapping.
fd=$(say 'open /notes rdwr,creat')
is "write" "$(say "pwrite $fd \"hello\\n\"")" 6
is "the host's look" "$(cat "$m/disk/notes")" hello
is "dirty" "$(meminfo Dirty)" 4
at=$(say "mmap 4K rw flags=shared fd=$fd as=notes")
is "mapping" "$(say 'read notes 5')" hex:68656c6c6f
say 'write notes "J"' >/dev/null
is "read after a store" "$(say "pread $fd 5 0")" hex:4a656c6c6f
is "position" "$(say "lseek $fd 0 cur")" 6
is "end of file" "$(say "pread $fd 5")" hex:
is "into memory" "$(say "pread $fd 4 0 to=stack-8K")" 4
is "there" "$(say 'read stack-8K 4')" hex:4a656c6c
like "mapped at" "$at" '0x*'

# What proc/PID/io, fd and fdinfo say; the kernel gave the same numbers for the
# same calls on ext4.
init=$m/proc/1
# charged LINE: the reply, and what the command added to io.
charged() {
	local before=$(cat "$init/io")
	say "$1" | cut -d' ' -f1
	diff <(echo "$before") "$init/io" | sed -n 's/^[<>] //p' |
		awk '{ n[$1] = $2 - n[$1] }
			END { for (k in n) print k, n[k] }' | sort
}
f=$(say 'open /io rdwr,creat,append')
say "mmap 4K rw flags=shared fd=$f as=io" >/dev/null
is "fd" "$(ls "$init/fd") $(readlink "$init/fd/$f")" "$fd
$f /io"
is "links of open files" "$(stat -c %A "$init/fd/$f" "$(ls -d "$init"/map_files/* |
	tail -1)" "$init/fd/$(say 'open /io')"; say 'close 2')" "lrwx------
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
say "fsync $f" >/dev/null
is "store" "$(charged 'write io "J"')" "0
write_bytes: 4096"
say 'munmap io 4K' >/dev/null
printf 'sync\ndrop_caches 1\n' >"$m/ctl"
is "from the disk" "$(charged "pread $f 1 0")" "hex:4a
rchar: 1
read_bytes: 4096
syscr: 1"
exec 7<"$init/fdinfo/$f"
is "close" "$(say "close $f")" 0
cat <&7 >/dev/null 2>&1 && fail "fdinfo of a closed file"
exec 7<&-
[ -e "$init/fdinfo/$f" ] && fail "fdinfo/$f is there"
rm "$m/disk/io"
is "personality" "$(say 'personality 0x40000'; cat "$init/personality")" "0x0
00040000"

# fsync, tick and drop_caches.
is "fsync" "$(say "fsync $fd")" 0
is "clean" "$(meminfo Dirty)" 0
say "pwrite $fd \"x\" 4K len=1M" >/dev/null
is "1 MiB dirty" "$(meminfo Dirty)" 1024
echo 'tick 3600' >"$m/ctl"
is "written after 30 s" "$(meminfo Dirty)" 0
cached=$(meminfo Cached)
echo 1 >"$m/proc/sys/vm/drop_caches"
is "dropped, but for the mapped page" $((cached - $(meminfo Cached))) 1024
cmp -s <(head -c 4096 "$m/disk/notes" | tail -c +7) \
	<(head -c 4090 /dev/zero) || fail "a hole between the writes"
is "the rest" "$(tail -c +4097 "$m/disk/notes" | tr -d x | wc -c)" 0

# Thresholds: the flusher starts by itself.
echo 262144 >"$m/proc/sys/vm/dirty_background_bytes"
is "the ratio no longer counts" \
	"$(cat "$m/proc/sys/vm/dirty_background_ratio")" 0
is "threshold" "$(vmstat nr_dirty_background_threshold)" 64
say "pwrite $fd \"y\" 0 len=1M" >/dev/null
[ "$(meminfo Dirty)" -le 256 ] || fail "the flusher sleeps: $(meminfo Dirty)"

# Refusals, in Linux's words.
like "not open" "$(say 'pread 99 1')" '-EBADF*'
ro=$(say 'open /notes')
like "read-only" "$(say "pwrite $ro \"x\"")" '-EBADF*'
like "exists" "$(say 'open /notes rdwr,creat,excl')" '-EEXIST*'
like "negative" "$(say "lseek $fd -1")" '-EINVAL*'
like "beyond" "$(say "lseek $fd 1G data")" '-ENXIO*'
like "limit" "$(say 'setrlimit fsize 8K'; say "pwrite $fd \"x\" 8K")" \
	'*-EFBIG*'
is "up to the limit" "$(say "pwrite $fd \"xyz\" 8191")" 1
