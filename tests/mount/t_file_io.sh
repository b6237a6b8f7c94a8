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
