#!/bin/bash
# Objects of shared memory, seals, and the files that tell and change what the
# kernel keeps of pages.
. "$(dirname "$0")/lib.sh"
start
p1=$m/proc/1
echo 'spawn name=other' >"$m/ctl"
pid=$(cat "$m/last")
p2=$m/proc/$pid

# Two processes that are not related share an object, by its name.
is "first shm" "$(says 1 'shm ring 16K')" 0
is "second shm" "$(says "$pid" 'shm ring')" 0
says 1 'mmap 16K rw flags=shared fd=0 as=r' >/dev/null
says "$pid" 'mmap 16K rw flags=shared fd=0 as=r' >/dev/null
says 1 'write r+4K "hello"' >/dev/null
is "read by the other" "$(says "$pid" 'read r+4K 5')" hex:68656c6c6f
like "its name" "$(grep ring "$p2/maps")" '*rw-s 00000000 * /dev/shm/ring'
is "its bytes on disk/" "$(dd if="$m/disk/dev/shm/ring" bs=1 skip=4096 \
	count=5 2>/dev/null)" hello
printf 'HE' | dd of="$m/disk/dev/shm/ring" bs=1 seek=4096 conv=notrunc \
	2>/dev/null || fail "write to disk/dev/shm"
is "what was written there" "$(says 1 'read r+4K 5')" hex:48456c6c6f
is "its size" "$(stat -c %s "$m/disk/dev/shm/ring")" 16384

# Cut short, it is SIGBUS for both; a hole reads as zeros.
says 1 'ftruncate 0 8K' >/dev/null
like "beyond the end" "$(says "$pid" 'touch r+8K r')" '-EFAULT SIGBUS ADRERR*'
says 1 'madvise r+4K 4K remove' >/dev/null
is "a hole" "$(says "$pid" 'read r+4K 2')" hex:0000
rm "$m/disk/dev/shm/ring" || fail "rm shm"
like "removed" "$(grep ring "$p2/maps")" '*/dev/shm/ring (deleted)'
is "memory stays" "$(says "$pid" 'touch r w')" 0
like "a bad name" "$(says 1 'shm a/b')" '-EINVAL*one name*'

# memfd; other pages of it; a seal.
is "memfd" "$(says 1 'memfd buf 16K')" 1
says 1 'mmap 16K rw flags=shared fd=1 as=f' >/dev/null
like "its name" "$(grep memfd "$p1/maps")" '*/memfd:buf (deleted)'
says 1 'write f+8K "third"' >/dev/null
is "remap" "$(says 1 'remap_file_pages f 4K 2')" 0
is "pages moved" "$(says 1 'read f 5')" hex:7468697264
is "mseal" "$(says 1 'mseal f 4K')" 0
like "sealed" "$(says 1 'munmap f 4K')" '-EPERM*sealed*'
like "flag" "$(grep -A30 memfd "$p1/smaps" | grep -m1 VmFlags)" '*sl*'

# clear_refs, and what it refuses.
says 1 'mmap 16K rw as=a' >/dev/null
says 1 'touch a 16K w' >/dev/null
before=$(awk '/^Referenced/ { n += $2 } END { print n }' "$p1/smaps")
[ "$before" -ge 16 ] || fail "referenced before: $before"
echo 1 >"$p1/clear_refs" || fail "clear_refs"
is "referenced" "$(awk '/^Referenced/ { n += $2 } END { print n }' \
	"$p1/smaps")" 0
says 1 'munmap a 16K' >/dev/null
echo 5 >"$p1/clear_refs" || fail "clear_refs 5"
is "peak is now" "$(awk '/^VmHWM/ { print $2 }' "$p1/status")" \
	"$(awk '/^VmRSS/ { print $2 }' "$p1/status")"
for bad in 0 6 -1 x ''; do
	echo "$bad" 2>/dev/null >"$p1/clear_refs" && fail "clear_refs '$bad'"
done
like "journaled" "$(grep -c 'clear_refs' "$m/log")" '[2-9]*'

# oom_score_adj
echo 500 >"$p2/oom_score_adj" || fail "oom_score_adj"
is "oom_score_adj" "$(cat "$p2/oom_score_adj")" 500
echo -1001 2>/dev/null >"$p2/oom_score_adj" && fail "oom_score_adj -1001"
is "still" "$(cat "$p2/oom_score_adj")" 500

# numa_maps and the words of frames.
says 1 'mmap 8K rw as=n' >/dev/null
says 1 'touch n 8K w' >/dev/null
like "numa_maps" "$(grep 'anon=2' "$p1/numa_maps" | tail -1)" \
	'7f* default anon=2 dirty=2 active=0 N0=2 kernelpagesize_kB=4'
python3 - "$m" <<'PY' || fail "words of frames"
import struct, sys
m = sys.argv[1]
line = [l for l in open(f"{m}/proc/1/numa_maps") if "anon=2 " in l][-1]
va = int(line.split()[0], 16)
def word(path, i):
    with open(path, "rb", buffering=0) as f:
        f.seek(i * 8)
        return struct.unpack("Q", f.read(8))[0]
pfn = word(f"{m}/proc/1/pagemap", va >> 12) & (1 << 55) - 1
assert word(f"{m}/proc/kpagecount", pfn) == 1
flags = word(f"{m}/proc/kpageflags", pfn)
assert flags >> 11 & 1 and flags >> 12 & 1 and flags >> 14 & 1, hex(flags)
all_flags = b""
with open(f"{m}/proc/kpageflags", "rb", buffering=0) as f:
    while part := f.read(1 << 16):
        all_flags += part
free = sum(w[0] >> 10 & 1 for w in struct.iter_unpack("Q", all_flags))
told = [l for l in open(f"{m}/proc/meminfo") if l.startswith("MemFree")][0]
assert free * 4 == int(told.split()[1]), (free * 4, told)
PY

# map_files
range=$(awk '/memfd/ { print $1; exit }' "$p1/maps" | sed 's/^0*//; s/-0*/-/')
is "map_files" "$(readlink "$p1/map_files/$range")" '/memfd:buf (deleted)'
is "as many as maps has" "$(ls "$p1/map_files" | wc -l)" \
	"$(grep -c ' /' "$p1/maps")"
[ ! -e "$p1/map_files/1000-2000" ] || fail "map_files: no such mapping"
finish
