#!/bin/bash
# The files of proc/ beside those of the kernel that runs the test: the same
# lines in the same order with the same columns; and unmodified tools on them.
. "$(dirname "$0")/lib.sh"
start
page=4096

# A process with something of each kind: a program, heap, stack, anonymous
# and shared memory, some of it touched.
mkdir -p "$m/disk/usr/bin" "$m/disk/lib64"
cp -L /bin/cat "$m/disk/usr/bin/cat" || fail "cp to disk/"
ld=$(readelf -l /bin/cat | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
mkdir -p "$m/disk$(dirname "$ld")"
cp -L "$ld" "$m/disk$ld" || fail "cp of the interpreter"
echo 'spawn /usr/bin/cat one two' >"$m/ctl" || fail "spawn"
pid=$(cat "$m/last")
p=$m/proc/$pid
echo 'mmap 64K rw as=anon' >"$p/ctl" || fail "mmap"
anon=$(cat "$p/last")
cat >"$p/ctl" <<-'END' || fail "ctl"
	touch anon 5000 w
	touch anon+32K
	mmap 16K rw flags=shared as=shm
	touch shm 4096 w
	sbrk 128K
	fork
END
child=$(cat "$p/last")

# layout FILE: each line's label, and for numbers that are aligned to the right
# the column of their end and what follows.
layout() {
	awk 'match($0, /:[ \t]*/) {
		label = substr($0, 1, RSTART)
		if (match($0, /:[ \t]*  [0-9]+/))
			print label, RSTART + RLENGTH - 1,
				substr($0, RSTART + RLENGTH)
		else
			print label
	}' "$1"
}

# same_layout WHAT OURS THEIRS MINIMUM: the labels that both have come in the
# same order and their lines have the same columns.
same_layout() {
	layout "$2" | LC_ALL=C awk '!n[$1]++' >"$work/ours"
	layout "$3" | LC_ALL=C awk '!n[$1]++' >"$work/theirs"
	awk 'NR == FNR { have[$1]; next } $1 in have' \
		"$work/theirs" "$work/ours" >"$work/ours.common"
	awk 'NR == FNR { have[$1]; next } $1 in have' \
		"$work/ours" "$work/theirs" >"$work/theirs.common"
	is "$1: order of labels" "$(cut -d' ' -f1 "$work/ours.common")" \
		"$(cut -d' ' -f1 "$work/theirs.common")"
	awk 'NR == FNR { end[$1] = $2; unit[$1] = $3; next }
		$2 && end[$1] && ($2 != end[$1] || $3 != unit[$1])' \
		"$work/ours.common" "$work/theirs.common" >"$work/different"
	[ -s "$work/different" ] && fail "$1: $(cat "$work/different")"
	[ "$(wc -l <"$work/ours.common")" -ge "$4" ] ||
		fail "$1: only $(wc -l <"$work/ours.common") lines in common"
}

cat /proc/self/status >"$work/status"
same_layout status "$p/status" "$work/status" 30
cat /proc/self/smaps >"$work/smaps"
same_layout smaps "$p/smaps" "$work/smaps" 15
same_layout smaps_rollup "$p/smaps_rollup" /proc/self/smaps_rollup 15
# A number too wide for its column moves the line's end.
awk 'length($2) <= 8' /proc/meminfo >"$work/meminfo"
same_layout meminfo "$m/proc/meminfo" "$work/meminfo" 35

# Tables with fixed columns: the text around the numbers is the same.
cut -c1-26,68- "$p/limits" >"$work/a"
cut -c1-26,68- /proc/self/limits >"$work/b"
cmp -s "$work/a" "$work/b" || fail "limits: $(diff "$work/a" "$work/b")"
is "fields of stat" "$(awk '{ print NF }' "$p/stat")" \
	"$(awk '{ print NF }' /proc/self/stat)"
is "fields of statm" "$(awk '{ print NF }' "$p/statm")" 7
is "fields of cpu in stat" "$(awk '/^cpu / { print NF }' "$m/proc/stat")" 11
grep -Eqv '^Node 0, zone +[A-Za-z0-9]+( +[0-9]+){11} $' \
	"$m/proc/buddyinfo" && fail "buddyinfo: $(cat "$m/proc/buddyinfo")"
is "width of buddyinfo" "$(awk '{ print length }' "$m/proc/buddyinfo" |
	sort -u)" 99

# pagetypeinfo: the kernel's lines but for the numbers (a kernel with CMA has
# one type more); each order's free blocks are those of buddyinfo.
types() {
	sed -E '/CMA/d; /Normal/d; s/>/ /g; s/[0-9]+/n/g; s/ +/ /g' "$1"
}
grep -q CMA /proc/pagetypeinfo ||
	is "pagetypeinfo" "$(types "$m/proc/pagetypeinfo")" \
		"$(types /proc/pagetypeinfo)"
is "width of pagetypeinfo" \
	"$(awk '/^Node.*type/ { print length }' "$m/proc/pagetypeinfo" | sort -u)" \
	"$(grep -v '>' /proc/pagetypeinfo |
		awk '/^Node.*type/ { print length }' | sort -u)"
is "types in buddyinfo" "$(awk '/^Node.*type/ {
		if ($4 != last) { if (last) print line(); split("", n) }
		last = $4
		for (o = 0; o < 11; o++) n[o] += $(7 + o)
	} END { print line() }
	function line(  o, s) {
		for (o = 0; o < 11; o++) s = s " " n[o] + 0
		return last s
	}' "$m/proc/pagetypeinfo" | tr -d ,)" \
	"$(awk '{ $1 = $2 = $3 = ""; $0 = $0; $1 = $1; print }' \
		"$m/proc/buddyinfo")"

# zoneinfo and vmstat: names that both have come in the same order.
for f in zoneinfo vmstat; do
	awk '{ print $1 }' "$m/proc/$f" | awk '!n[$0]++' >"$work/ours"
	awk '{ print $1 }' "/proc/$f" | awk '!n[$0]++' >"$work/theirs"
	is "$f" "$(grep -Fxf "$work/theirs" "$work/ours")" \
		"$(grep -Fxf "$work/ours" "$work/theirs")"
done

# maps: each line by itself, names at column 73.
grep -Evq '^[0-9a-f]{8,}-[0-9a-f]{8,} [r-][w-][x-][sp] [0-9a-f]{8,} [0-9a-f]{2}:[0-9a-f]{2} [0-9]+ ( *[^ ].*)?$' \
	"$p/maps" && fail "maps: $(cat "$p/maps")"
awk 'NF > 5 && substr($0, 73, 1) == " " && substr($0, 74, 1) != " " { n++ }
	NF > 5 { all++ } END { exit !(all && n == all) }' "$p/maps" ||
	fail "names of maps are not at column 73: $(cat "$p/maps")"
like "last line" "$(tail -1 "$p/maps")" 'ffffffffff600000-*[[]vsyscall]'
is "exe" "$(readlink "$p/exe")" /usr/bin/cat
readlink "$m/proc/1/exe" && fail "init runs no program"
is "cmdline" "$(tr '\0' ' ' <"$p/cmdline")" "/usr/bin/cat one two "
is "comm" "$(cat "$p/comm")" cat
is "auxv ends" "$(od -An -tx8 -v "$p/auxv" | tail -1 | tr -d ' 0')" ""

# Sums: what smaps adds up to is what status and statm say, and free memory
# is the same three times.
total() { awk -v l="$1" '$1 == l { s += $2 } END { print s + 0 }' "$2"; }
is "Rss" "$(total Rss: "$p/smaps")" "$(total VmRSS: "$p/status")"
is "Rss of rollup" "$(total Rss: "$p/smaps_rollup")" \
	"$(total Rss: "$p/smaps")"
is "Anonymous" "$(total Anonymous: "$p/smaps")" "$(total RssAnon: "$p/status")"
is "resident" $(($(cut -d' ' -f2 "$p/statm") * 4)) \
	"$(total VmRSS: "$p/status")"
is "Size" "$(total Size: "$p/smaps")" \
	$(($(total VmSize: "$p/status") + 4)) # and the vsyscall page
free=$(awk '{ for (o = 0; o < 11; o++) n += $(5 + o) * 2 ^ o }
	END { print n * 4 }' "$m/proc/buddyinfo")
is "MemFree" "$(total MemFree: "$m/proc/meminfo")" "$free"
is "nr_free_pages" $(($(total nr_free_pages "$m/proc/vmstat") * 4)) "$free"
is "pages free of zones" "$(awk '$1 == "pages" && $2 == "free" { n += $3 }
	END { print n * 4 }' "$m/proc/zoneinfo")" "$free"

# pagemap, the walk and the bytes of RAM agree.
# (od does not seek in files whose size is 0.)
eight_at() { # FILE OFFSET: eight bytes as one hex number
	dd if="$1" bs=8 count=1 iflag=skip_bytes skip=$(($2)) 2>/dev/null |
		od -An -tx8 | tr -d ' '
}
word() { eight_at "$2/pagemap" $(($1 / page * 8)); }
exec 3<>"$m/cpu/0/walk"
echo "$pid anon" >&3
walk=$(cat <&3)
exec 3>&-
like "walk" "$walk" "cr3 0x* pid $pid"$'\n'"pgd*"$'\n'"physical 0x*"
leaf=$(echo "$walk" | grep '^pte')
at=$(echo "$leaf" | sed 's/.* at \(0x[0-9a-f]*\) .*/\1/')
raw=$(echo "$leaf" | sed 's/.* raw 0x\([0-9a-f]*\) .*/\1/')
frame=$(echo "$leaf" | sed 's/.* next \(0x[0-9a-f]*\).*/\1/')
is "entry in phys/ram" "$(eight_at "$m/phys/ram" "$at" | sed 's/^0*//')" "$raw"
w=0x$(word "$anon" "$p")
is "frame in pagemap" $((w & (1 << 55) - 1)) $((frame / page))
is "the child has it too" "$(word "$anon" "$m/proc/$child")" "$(word \
	"$anon" "$p")"
dd if="$p/pagemap" bs=7 count=1 of=/dev/null 2>"$work/dd" &&
	fail "pagemap: an odd size is no error"
grep -q 'Invalid argument' "$work/dd" || fail "$(cat "$work/dd")"
is "beyond the top" "$(eight_at "$p/pagemap" $((1 << 48)))" ""

# Reading changes nothing.
before=$(cat "$m/state_hash")
for f in "$m"/proc/* "$p"/* "$m"/cpu/0/* "$m"/phys/{frames,zones}; do
	[ -f "$f" ] && case $f in
	*/mem | */pagemap | */self | */thread-self) ;;
	*) cat "$f" >/dev/null || fail "cat $f" ;;
	esac
done
is "state after reading" "$(cat "$m/state_hash")" "$before"

# Unmodified tools, with the mount's proc/ over /proc.
with_proc=$(dirname "$0")/../../examples/with-proc
tool() {
	"$with_proc" "$m" "$@" 2>"$work/err"
}
if tool true; then
	out=$(tool pmap "$pid") || fail "pmap: $(cat "$work/err")"
	like "pmap" "$out" "$pid:   /usr/bin/cat one two"$'\n'"*"
	is "pmap's total" "$(echo "$out" | awk '$1 == "total" { print $2 }')" \
		"$(($(total VmSize: "$p/status") + 4))K"
	out=$(tool pmap -x "$pid") || fail "pmap -x: $(cat "$work/err")"
	is "pmap -x" "$(echo "$out" | awk '$1 == "total" { print $4 }')" \
		"$(total VmRSS: "$p/status")"
	out=$(tool ps -o pid=,ppid=,stat=,vsz=,rss=,comm= -p "$pid") ||
		fail "ps: $(cat "$work/err")"
	is "ps" "$(echo "$out" | awk '{ print $1, $2, $4, $5, $6 }')" \
		"$pid 1 $(total VmSize: "$p/status") $(total VmRSS: \
			"$p/status") cat"
	out=$(tool free -k) || fail "free: $(cat "$work/err")"
	is "free" "$(echo "$out" | awk '/^Mem:/ { print $2, $4 }')" \
		"$(total MemTotal: "$m/proc/meminfo") $free"
	out=$(tool vmstat) || fail "vmstat: $(cat "$work/err")"
	is "vmstat" "$(echo "$out" | awk 'NR == 3 { print $4 }')" "$free"
else
	echo "no private mount namespace: tools not run" >&2
fi
stop

# A 32-bit machine: addresses of eight digits, names at column 49.
rm -f "$db"
start -o arch=i386,ram=64M
like "stack on i386" "$(grep stack "$m/proc/1/maps")" \
	'bffdf000-c0000000 rw-p 00000000 00:00 0          [[]stack]'
grep -q '^HighTotal:' "$m/proc/meminfo" || fail "no HighTotal on i386"
