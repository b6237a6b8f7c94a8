#!/bin/bash
# Memory pressure: swap areas, reclaim, the OOM killer, and what the files say
# of them; kill -9 in between.
. "$(dirname "$0")/lib.sh"
start -o ram=64M,swap=64M
echo 'spawn name=big' >"$m/ctl"
pid=$(cat "$m/last")
p=$m/proc/$pid

# One page out and back, in another frame with the same bytes.
says "$pid" 'mmap 96M rw as=b' >/dev/null
says "$pid" 'write b "swapped"' >/dev/null
is "pageout" "$(says "$pid" 'madvise b 4K pageout')" 0
is "VmSwap" "$(kb VmSwap "$p/status")" 4
page=$((16#$(sed -n 's/^\([0-9a-f]*\)-.*rw-p 00000000 00:00 0 *$/\1/p' \
	"$p/maps" | head -1) / 4096))
word() {
	dd if="$p/pagemap" bs=8 skip="$page" count=1 2>/dev/null |
		od -An -t x8 | tr -d ' '
}
is "pagemap: swapped, type 0, offset 1" "$(word)" 4000000000000020
is "smaps Swap" "$(awk '/^Swap:/ { s += $2 } END { print s }' "$p/smaps")" 4
is "smaps SwapPss" \
	"$(awk '/^SwapPss:/ { s += $2 } END { print s }' "$p/smaps")" 4
is "looking changes nothing" "$(dd if="$p/mem" bs=1 count=7 \
	skip=$((page * 4096)) iflag=skip_bytes 2>/dev/null)" swapped
is "pages written" "$(counter pswpout)" 1
is "its bytes" "$(says "$pid" 'read b 7')" hex:73776170706564
is "pages read" "$(counter pswpin)" 1
is "SwapCached" "$(kb SwapCached)" 4

# A second area, by a file with mkswap's header.
truncate -s 0 "$m/disk/sw"
dd if=/dev/zero bs=1M count=48 2>/dev/null >"$work/sw"
/sbin/mkswap "$work/sw" >/dev/null 2>&1 || fail "mkswap"
# a hole has no block: fill it
python3 - "$work/sw" <<'EOF'
import sys
with open(sys.argv[1], 'r+b') as f:
    for page in range(1, 48 * 256):
        f.seek(page * 4096 + 100)
        f.write(b'x')
EOF
cp "$work/sw" "$m/disk/sw" || fail "cp to disk/"
is "swapon" "$(says 0 'swapon /sw prio=7')" 0
like "again" "$(says 0 'swapon /sw')" '-EBUSY *'
like "no header" "$(says 0 'swapon /none')" '-ENOENT *'
like "proc/swaps" "$(sed -n 3p "$m/proc/swaps")" '/sw *file*49148*7'
is "SwapTotal" "$(kb SwapTotal)" $((65532 + 49148))
echo x 2>/dev/null >>"$m/disk/sw" && fail "a swap file could be written"

# Half again as much as RAM, every page with its own bytes.
for i in $(seq 0 4096 $((90 << 20))); do
	[ $((i % 1048576)) = 0 ] && echo "write b+$i \"page $i\""
	echo "touch b+$i w"
done >"$work/lines"
cat "$work/lines" >"$p/ctl" || fail "touch 90M: $(cat "$p/last")"
like "VmSwap" "$(kb VmSwap "$p/status")" '[3-9][0-9]???'
# 90 MiB and the last page touched, and a page of the stack
is "rss and swap" "$(($(kb RssAnon "$p/status") + $(kb VmSwap "$p/status")))" \
	$((92160 + 4 + 4))
[ "$(counter pgsteal_kswapd)" -gt 0 ] || fail "kswapd took nothing"
[ "$(counter pgsteal_anon)" -gt 0 ] || fail "no anonymous page was taken"
is "scanned" "$(($(counter pgscan_kswapd) + $(counter pgscan_direct) + \
	$(counter pgscan_proactive)))" \
	"$(($(counter pgscan_anon) + $(counter pgscan_file)))"
is "lists are all pages" \
	"$(awk '/^(Active|Inactive)\((anon|file)\)|^Unevictable/ { s += $2 }
		END { print s }' "$m/proc/meminfo")" \
	"$(awk 'NR > 1 && ($3 == "anon" || $3 == "file" || $3 == "shmem") {
		s += 4 * 2 ^ $2 } END { print s }' "$m/phys/frames")"

# Every byte, after kill -9 and a new mount.
check_bytes() {
	local i want
	for i in $(seq 0 1048576 $((90 << 20))); do
		want=hex:$(printf 'page %s' "$i" | od -An -tx1 | tr -d ' \n')
		is "page $i" "$(says "$pid" \
			"read b+$i $((5 + ${#i}))")" "$want"
	done
}
kill -9 "$(daemon)"
fusermount3 -u "$m"
start
check_bytes
like "reclaim" "$(says 0 'reclaim 100')" '1[0-3]?'
is "swapoff" "$(says 0 'swapoff /sw')" 0
is "one area left" "$(wc -l <"$m/proc/swaps")" 2
check_bytes

# Compressed swap takes RAM, as much as what it holds needs.
is "zram: swapon" "$(says 0 'swapon /dev/zram0 size=32M prio=100')" 0
like "zram: again" "$(says 0 'swapon /dev/zram0')" '-EBUSY *'
like "zram: proc/swaps" "$(sed -n 3p "$m/proc/swaps")" \
	'/dev/zram0 *partition*32764*100'
is "zram: disksize" "$(cat "$m/sys/block/zram0/disksize")" $((32 << 20))
says "$pid" 'madvise b 24M pageout' >/dev/null
read -r orig compr used limit _ same _ huge _ <"$m/sys/block/zram0/mm_stat"
[ "$orig" -ge $((23 * 4096)) ] && [ "$compr" -lt $((orig / 8)) ] &&
	[ "$used" -ge "$compr" ] && [ "$used" -lt $((orig / 4)) ] ||
	fail "zram: mm_stat $orig $compr $used"
is "zram: no limit" "$limit" 0
is "zram: frames" $((used / 4096)) "$(grep -c zspage "$m/phys/frames")"
is "zram: nr_zspages" $((used / 4096)) "$(counter nr_zspages)"
kill -9 "$(daemon)"
fusermount3 -u "$m"
start
check_bytes
is "zram: swapoff" "$(says 0 'swapoff /dev/zram0')" 0
read -r orig _ used _ <"$m/sys/block/zram0/mm_stat"
is "zram: the header is left" "$orig" 4096
is "zram: its frames" $((used / 4096)) "$(counter nr_zspages)"
echo 1 >"$m/sys/block/zram0/reset" || fail "zram: reset"
is "zram: given back" "$(counter nr_zspages)" 0
check_bytes

# Too much for RAM and swap: the worst dies, the others live.
echo 'spawn name=small' >"$m/ctl"
small=$(cat "$m/last")
says "$small" 'mmap 16M rw as=s' >/dev/null
says "$small" 'touch s 16M w' >/dev/null
says "$pid" 'mmap 96M rw as=more' >/dev/null
like "told" "$(says "$pid" 'touch more 96M w')" '-ENOMEM *OOM killer*'
[ ! -e "$p" ] || fail "the killed process is still there"
is "oom_kill" "$(counter oom_kill)" 1
grep -q "Out of memory: Killed process $pid (big) total-vm:" \
	"$m/kernel/dmesg" || fail "no report: $(tail -3 "$m/kernel/dmesg")"
grep -q 'big invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE' \
	"$m/kernel/dmesg" || fail "no head of the report"
is "dmesg -F" "$(dmesg -F "$m/kernel/dmesg" | tail -1 | sed "s/^ *//")" \
	"$(tail -1 "$m/kernel/dmesg")"
is "the other lives" "$(says "$small" 'touch s 16M r')" 0
finish
