#!/bin/bash
# /dev/zram0: the files it is set up by, what they refuse, what it holds, and
# that all files and tools say the same of the disks; kill -9 in between.
. "$(dirname "$0")/lib.sh"
start -o ram=64M,swap=64M
z=$m/sys/block/zram0
with_proc=$(realpath "$(dirname "$0")/../../examples/with-proc")
echo 'spawn name=big' >"$m/ctl"
pid=$(cat "$m/last")
c=$m/proc/$pid/ctl

# write FILE TEXT: the errno's name, or 0
cat >"$work/write" <<'EOF'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
try:
    os.write(fd, (sys.argv[2] + "\n").encode())
    print(0)
except OSError as e:
    print(errno.errorcode[e.errno])
EOF

# refuses FILE TEXT ERRNO [PATTERN]: of the sentence in last
refuses() {
	is "$1 <- '$2'" "$(python3 "$work/write" "$z/$1" "$2")" "$3"
	like "$1 <- '$2' says" "$(cat "$m/last")" "-$3 ${4:-?*}"
}

# takes FILE TEXT
takes() {
	echo "$2" >"$z/$1" || fail "$1 <- '$2': $(cat "$m/last")"
}

# number FILE N: a number of mm_stat, stat, io_stat
number() {
	awk -v n="$2" 'NR == 1 { print $n }' "$z/$1"
}

# The disks' numbers are the same wherever they are shown.  pgpgin and pgpgout
# keep what a reset makes 0 in the others.
gone_in=0
gone_out=0
consistent() {
	local disk dev
	for disk in vda vdb zram0; do
		dev=$(cat "$m/sys/block/$disk/dev")
		is "$1: stat of $disk" \
			"$(awk -v d=$disk '$3 == d { print $4, $6, $8, $10 }' \
				"$m/proc/diskstats")" \
			"$(awk '{ print $1, $3, $5, $7 }' \
				"$m/sys/block/$disk/stat")"
		is "$1: number of $disk" \
			"$(awk -v d=$disk '$3 == d { print $1 ":" $2 }' \
				"$m/proc/diskstats")" "$dev"
		is "$1: link to $disk" \
			"$(readlink "$m/sys/dev/block/$dev")" \
			"../../block/$disk"
		is "$1: size of $disk" "$(awk -v d=$disk \
			'$4 == d { n = 2 * $3 } END { print n + 0 }' \
			"$m/proc/partitions")" \
			"$(cat "$m/sys/block/$disk/size")"
	done
	is "$1: size of zram0" $(($(cat "$z/size") * 512)) \
		"$(cat "$z/disksize")"
	is "$1: pgpgin" "$(awk '{ s += $6 } END { print s / 2 }' \
		"$m/proc/diskstats")" $(($(counter pgpgin) - gone_in))
	is "$1: pgpgout" "$(awk '{ s += $10 } END { print s / 2 }' \
		"$m/proc/diskstats")" $(($(counter pgpgout) - gone_out))
	is "$1: frames of the pool" $(($(number mm_stat 3) / 4096)) \
		"$(counter nr_zspages)"
}

# ---- without a size ----------------------------------------------------------
consistent "at first"
is "initstate" "$(cat "$z/initstate")" 0
is "comp_algorithm" "$(cat "$z/comp_algorithm")" "[lz4] lz4hc zstd "
refuses disksize "" EINVAL
refuses disksize 0 EINVAL
refuses disksize garbage EINVAL
refuses disksize -1 EINVAL
refuses disksize 9223372036854775808 ENOMEM '*four times the RAM*'
refuses disksize 18446744073709551615 ENOMEM
refuses disksize 257M ENOMEM
refuses comp_algorithm lzo EINVAL '*there are lz4, lz4hc, zstd*'
refuses comp_algorithm "$(printf 'a%.0s' {1..200})" E2BIG
refuses comp_algorithm "" EINVAL
refuses comp_algorithm $'lz4\t"\\\x01' EINVAL
refuses reset 0 EINVAL
refuses reset 65536 ERANGE
refuses reset junk EINVAL
refuses mem_limit -1 EINVAL
refuses mem_limit "" EINVAL
refuses mem_used_max 5 EINVAL
refuses compact 1 EINVAL '*no size*'
refuses algorithm_params level=x EINVAL
refuses algorithm_params "algo=zstd level=3" EINVAL '*no algorithm of*'
printf 'a\0b' 2>/dev/null >"$z/disksize" && fail "a NUL is no size"
head -c 3000 /dev/zero | tr '\0' 1 2>/dev/null >"$z/disksize" &&
	fail "a size of 3000 digits"
like "mkswap without a size" "$(says 0 'mkswap /dev/zram0')" \
	'-EINVAL *no size*'
like "swapon without a size" "$(says 0 'swapon /dev/zram0')" \
	'-EINVAL *no size*'
like "no such file" "$(says 0 'zram stat 1')" '-EINVAL *no file*'
is "what is only written" "$(cat "$z/reset" 2>/dev/null)" ""

# ---- set up as by a distribution ---------------------------------------------
takes comp_algorithm zstd
takes algorithm_params "algo=zstd level=9"
takes disksize 32M
takes mem_limit 1M
is "initstate" "$(cat "$z/initstate")" 1
is "comp_algorithm" "$(cat "$z/comp_algorithm")" "lz4 lz4hc [zstd] "
refuses disksize 32M EBUSY '*reset*'
refuses comp_algorithm lz4 EBUSY
like "no header" "$(says 0 'swapon /dev/zram0')" \
	'-EINVAL *no swap header*mkswap*'
is "mkswap" "$(says 0 'mkswap /dev/zram0')" 0
is "the header is a page" "$(number mm_stat 1)" 4096
is "which was written" "$(number stat 5)" 1
is "swapon" "$(says 0 'swapon /dev/zram0 prio=100')" 0
like "proc/swaps" "$(sed -n 3p "$m/proc/swaps")" \
	'/dev/zram0 *partition*32764*0*100'
refuses reset 1 EBUSY '*swapoff*'
refuses disksize 1M EBUSY
like "mkswap in use" "$(says 0 'mkswap /dev/zram0')" '-EBUSY *'
consistent "set up"
# the header that was there for the swapon without one was read as well
reads=$(number stat 1)

# ---- pages of each kind ------------------------------------------------------
# 64 of text, 16 of one word, 16 of noise, 16 of zeros
says "$pid" 'mmap 448K rw as=b' >/dev/null
python3 - >"$work/lines" <<'EOF'
import random
rng = random.Random(5)
for page in range(112):
    if page < 64:
        print(f'write b+{page * 4096} "the page {page} of some text"')
    elif page < 96:
        for at in range(0, 4096, 512):
            piece = "5a" * 512 if page < 80 else rng.randbytes(512).hex()
            print(f"write b+{page * 4096 + at} hex:{piece}")
    else:
        print(f"touch b+{page * 4096} w")
EOF
cat "$work/lines" >"$c" || fail "writes: $(cat "$m/proc/$pid/last")"
is "pageout" "$(says "$pid" 'madvise b 448K pageout')" 0
is "stored: the header, text, words, noise" "$(number mm_stat 1)" \
	$(((1 + 64 + 16 + 16) * 4096))
is "same_pages" "$(number mm_stat 6)" 16
is "huge_pages" "$(number mm_stat 8)" 16
is "huge_pages_since" "$(number mm_stat 9)" 16
is "mem_limit" "$(number mm_stat 4)" $((1 << 20))
[ "$(number mm_stat 2)" -gt $((16 * 4096)) ] &&
	[ "$(number mm_stat 2)" -lt $((16 * 4096 + 65 * 100)) ] ||
	fail "compressed: $(number mm_stat 2)"
is "requests" "$(number stat 1) $(number stat 5)" "$reads 97"
is "Used" "$(awk '$1 == "/dev/zram0" { print $4 }' "$m/proc/swaps")" 448
is "pswpout" "$(counter pswpout)" 96
is "zeros are no request" "$(counter swpout_zero)" 16
consistent "swapped out"

# A page of each kind comes back, and its slot is given up.
for page in 0 70 90 100; do
	says "$pid" "touch b+$((page * 4096)) w" >/dev/null
done
is "read" "$(number stat 1)" $((reads + 3))
is "slots freed" "$(number io_stat 4)" 3
is "same_pages left" "$(number mm_stat 6)" 15
is "huge_pages left" "$(number mm_stat 8)" 15
is "huge_pages_since stays" "$(number mm_stat 9)" 16
is "Used" "$(awk '$1 == "/dev/zram0" { print $4 }' "$m/proc/swaps")" 432
consistent "swapped in"

# ---- the tools ---------------------------------------------------------------
if [ "$(id -u)" = 0 ]; then
	"$with_proc" "$m" lsblk -bno NAME,MAJ:MIN,SIZE,RO,RM >"$work/lsblk"
	is "lsblk zram0" "$(awk '$1 == "zram0"' "$work/lsblk" | tr -s ' ')" \
		"zram0 253:0 $((32 << 20)) 0 0"
	is "lsblk vdb" "$(awk '$1 == "vdb"' "$work/lsblk" | tr -s ' ')" \
		"vdb 254:16 $((64 << 20)) 0 0"
	is "swapon --show" "$("$with_proc" "$m" swapon --bytes --noheadings \
		--show=NAME,SIZE,USED 2>/dev/null | tail -1 | tr -s ' ')" \
		"/dev/zram0 $((32764 << 10)) $((432 << 10))"
	is "vmstat -d" "$("$with_proc" "$m" vmstat -d |
		awk '$1 == "zram0" { print $2, $4, $6, $8 }')" \
		"$((reads + 3)) $(((reads + 3) * 8)) 97 776"
	is "iostat" "$("$with_proc" "$m" iostat -dk |
		awk '$1 == "zram0" { print $6, $7 }')" \
		"$(((reads + 3) * 4)) 388"
fi

# ---- the limit ---------------------------------------------------------------
used=$(number mm_stat 3)
takes mem_limit "$used"
says "$pid" 'mmap 64K rw as=n' >/dev/null
awk '$1 == "write" && $3 ~ /^hex/ { sub(/b\+/, "", $2); $2 -= 80 * 4096
	if ($2 >= 0) print "write n+" $2, $3 }' "$work/lines" >"$work/more"
is "lines" "$(wc -l <"$work/more")" 128
cat "$work/more" >"$c" || fail "more: $(cat "$m/proc/$pid/last")"
is "pageout" "$(says "$pid" 'madvise n 64K pageout')" 0
[ "$(number io_stat 2)" -gt 8 ] || fail "no write failed: $(cat "$z/io_stat")"
[ "$(number mm_stat 3)" -le "$used" ] || fail "above the limit"
consistent "at the limit"
takes mem_limit 0
is "pageout" "$(says "$pid" 'madvise n 64K pageout')" 0
is "huge_pages" "$(number mm_stat 8)" $((15 + 16))
takes mem_used_max 0
is "mem_used_max" "$(number mm_stat 5)" "$(number mm_stat 3)"

# ---- compaction --------------------------------------------------------------
# of 4000 pages of a quarter of noise three in four go
says "$pid" 'mmap 1M rw as=q' >/dev/null
python3 - >"$work/lines" <<'EOF'
import random
rng = random.Random(6)
for page in range(256):
    for at in range(0, 1024, 512):
        print(f"write q+{page * 4096 + at} hex:{rng.randbytes(512).hex()}")
EOF
cat "$work/lines" >"$c" || fail "writes: $(cat "$m/proc/$pid/last")"
is "pageout" "$(says "$pid" 'madvise q 1M pageout')" 0
for page in {0..255}; do
	[ $((page % 4)) = 0 ] || echo "touch q+$((page * 4096)) w"
done >"$c"
used=$(number mm_stat 3)
takes compact 1
[ "$(number mm_stat 7)" -gt 30 ] || fail "compacted: $(number mm_stat 7)"
is "mem_used_total" "$(number mm_stat 3)" \
	$((used - $(number mm_stat 7) * 4096))
consistent "compacted"

# ---- kill -9 -----------------------------------------------------------------
tail -n +1 "$z"/*stat "$m/proc/diskstats" "$m/proc/swaps" >"$work/before"
kill -9 "$(daemon)"
fusermount3 -u "$m"
start
tail -n +1 "$z"/*stat "$m/proc/diskstats" "$m/proc/swaps" >"$work/after"
cmp "$work/before" "$work/after" || fail "kill -9 changed something"
grep 'q+0 \|q+16384 ' "$work/lines" | while read -r _ at piece; do
	is "bytes of $at" "$(says "$pid" "read $at 32")" "${piece:0:68}"
done
is "text" "$(says "$pid" "read b+16384 10")" hex:74686520706167652034

# ---- swapoff, reset, another size --------------------------------------------
is "swapoff" "$(says 0 'swapoff /dev/zram0')" 0
is "the header is left" "$(number mm_stat 1)" 4096
is "swapon again" "$(says 0 'swapon /dev/zram0')" 0
is "swapoff" "$(says 0 'swapoff /dev/zram0')" 0
gone_in=$(($(number stat 3) / 2))
gone_out=$(($(number stat 7) / 2))
takes reset 1
is "nothing is left" "$(tr -s ' ' <"$z/mm_stat")" " 0 0 0 0 0 0 0 0 0"
is "nor of requests" "$(tr -d ' 0' <"$z/stat")" ""
is "nor of the size" "$(cat "$z/disksize" "$z/initstate" | tr '\n' ' ')" "0 0 "
is "nor of the algorithm" "$(cat "$z/comp_algorithm")" "[lz4] lz4hc zstd "
consistent "reset"
takes disksize 8M
is "mkswap" "$(says 0 'mkswap /dev/zram0')" 0
is "swapon" "$(says 0 'swapon /dev/zram0')" 0
like "of the new size" "$(sed -n 3p "$m/proc/swaps")" '/dev/zram0 *8188*'
is "swapoff" "$(says 0 'swapoff /dev/zram0')" 0
gone_in=$((gone_in + $(number stat 3) / 2))
gone_out=$((gone_out + $(number stat 7) / 2))
is "in one" "$(says 0 'swapon /dev/zram0 size=4M')" 0
like "of that size" "$(sed -n 3p "$m/proc/swaps")" '/dev/zram0 *4092*'
consistent "in one"

# ---- recompression, writeback ------------------------------------------------
refuses recomp_algorithm "algo=zstd" EBUSY
refuses backing_dev /dev/vdb EBUSY
refuses recompress type=huge EINVAL '*recomp_algorithm*'
refuses writeback type=huge ENODEV '*backing_dev*'
is "swapoff" "$(says 0 'swapoff /dev/zram0')" 0
gone_in=$((gone_in + $(number stat 3) / 2))
gone_out=$((gone_out + $(number stat 7) / 2))
takes reset 1
refuses recomp_algorithm "priority=1" EINVAL
refuses recomp_algorithm "algo=zstd priority=4" EINVAL
refuses recomp_algorithm "algo=none" EINVAL
refuses backing_dev /dev/zram0 EINVAL
refuses backing_dev /nowhere ENOENT
refuses backing_dev / ENOTBLK
refuses backing_dev /dev/vdb EBUSY '*in use as swap*'
is "swapoff" "$(says 0 'swapoff /dev/vdb')" 0
takes backing_dev /dev/vdb
takes recomp_algorithm "algo=zstd"
is "recomp_algorithm" "$(cat "$z/recomp_algorithm")" "#1: lz4 lz4hc [zstd] "
is "backing_dev" "$(cat "$z/backing_dev")" /dev/vdb
like "swapon of it" "$(says 0 'swapon /dev/vdb')" '-EBUSY *'
refuses idle all EINVAL '*no size*'
takes disksize 8M
is "mkswap" "$(says 0 'mkswap /dev/zram0')" 0
header=$(number mm_stat 2)
is "swapon" "$(says 0 'swapon /dev/zram0 prio=100')" 0
# 32 pages of letters of 16 kinds, which lz4 keeps whole, and noise again
says "$pid" 'mmap 128K rw as=h' >/dev/null
python3 - >"$work/letters" <<'EOF'
import random
rng = random.Random(7)
for at in range(0, 128 << 10, 512):
    text = "".join(rng.choice("0123456789abcdef") for _ in range(512))
    print(f'write h+{at} "{text}"')
EOF
cat "$work/letters" >"$c" || fail "writes: $(cat "$m/proc/$pid/last")"
is "pageout" "$(says "$pid" 'madvise h 128K pageout')" 0
is "huge_pages" "$(number mm_stat 8)" 32
refuses idle 3600 EINVAL
takes idle all
says "$pid" 'touch h 4K r' >/dev/null
is "pageout" "$(says "$pid" 'madvise h 128K pageout')" 0
before=$(number mm_stat 2)
takes recompress "type=huge_idle max_pages=8"
is "all but 8 are huge" "$(number mm_stat 8)" 24
takes recompress "type=huge_idle"
is "but the one that was read" "$(number mm_stat 8)" 1
[ $(((before - $(number mm_stat 2)) / 31)) -gt 1500 ] ||
	fail "recompressed: $before, $(number mm_stat 2)"
takes writeback_limit 5
takes writeback_limit_enable 1
refuses writeback page_indexes=0-99999 ERANGE
takes writeback "type=huge page"
is "bd_stat" "$(tr -s ' ' <"$z/bd_stat")" " 1 0 1"
refuses writeback page_indexes=1-32 EIO '*writeback_limit*'
is "writeback_limit" "$(cat "$z/writeback_limit")" 0
is "bd_stat" "$(tr -s ' ' <"$z/bd_stat")" " 5 0 5"
takes writeback_limit_enable 0
takes writeback page_indexes=1-40
is "compr_data_size: the header" "$(number mm_stat 2)" "$header"
is "requests of vdb" "$(awk '{ print $5 }' "$m/sys/block/vdb/stat")" \
	"$(awk '{ print $3 }' "$z/bd_stat")"
consistent "written back"
kill -9 "$(daemon)"
fusermount3 -u "$m"
start
grep 'h+0 \|h+130560 ' "$work/letters" | while read -r _ at text; do
	is "bytes of $at" "$(says "$pid" "read $at 8")" \
		"hex:$(printf %s "${text:1:8}" | od -An -tx1 | tr -d ' \n')"
done
is "bd_stat" "$(tr -s ' ' <"$z/bd_stat")" " 30 2 32"
consistent "read from vdb"
is "swapoff" "$(says 0 'swapoff /dev/zram0')" 0
gone_in=$((gone_in + $(number stat 3) / 2))
gone_out=$((gone_out + $(number stat 7) / 2))
takes reset 1
is "no backing_dev" "$(cat "$z/backing_dev")" none
is "nothing there" "$(tr -s ' ' <"$z/bd_stat")" " 0 0 0"
consistent "reset again"

# ---- mkswap of other areas ---------------------------------------------------
like "mkswap of vdb" "$(says 0 'mkswap /dev/vdb')" '-EINVAL *'
is "swapon of a file" "$(says 0 'swapon /f size=1M')" 0
like "which is in use" "$(says 0 'mkswap /f')" '-EBUSY *'
is "swapoff" "$(says 0 'swapoff /f')" 0
is "mkswap" "$(says 0 'mkswap /f size=2M')" 0
is "swapon" "$(says 0 'swapon /f prio=300')" 0
like "of two" "$(grep '^/f ' "$m/proc/swaps")" '/f *file*2044*'
# pages of a swap file are requests to vda
writes=$(awk '{ print $5 }' "$m/sys/block/vda/stat")
is "pageout" "$(says "$pid" 'madvise q 256K pageout')" 0
is "requests of vda" "$(awk '{ print $5 }' "$m/sys/block/vda/stat")" \
	$((writes + 64))
consistent "a file"
finish
