#!/bin/bash
# The memory trace of a real program, as Valgrind's lackey prints it and as
# records: both give the same counts, and those that can be counted without a
# machine are right.
. "$(dirname "$0")/lib.sh"
valgrind --tool=lackey --trace-mem=yes --log-file="$work/true.lackey" /bin/true ||
	fail "valgrind"
[ "$(grep -c '^ [LSM]' "$work/true.lackey")" -gt 10000 ] || fail "a short trace"

# The records of the text; what to expect with every access mapped; the pages.
python3 - "$work" >"$work/expected" <<'PY'
import re, struct, sys
work = sys.argv[1]
kinds = {" L": 0, " S": 1, "I ": 2, " M": 3}
count = dict.fromkeys(
    "accesses loads stores fetches tlb_lookups faults_minor".split(), 0)
zero, own = set(), set()
out = open(work + "/true.bin", "wb")

def touch(page, write):
    count["tlb_lookups"] += 1
    if page not in own and (write or page not in zero):
        count["faults_minor"] += 1
        (own if write else zero).add(page)

for line in open(work + "/true.lackey"):
    m = re.match(r"(I | [LSM]) ([0-9a-f]+),(\d+)$", line)
    if not m:
        continue
    kind, va = kinds[m[1]], int(m[2], 16)
    log2 = min((int(m[3]) - 1).bit_length(), 6)
    out.write(struct.pack("<Q", kind << 62 | log2 << 58 | va))
    for k in (0, 1) if kind == 3 else (kind,):
        count["accesses"] += 1
        count[("loads", "stores", "fetches")[k]] += 1
        for page in sorted({va >> 12, va + (1 << log2) - 1 >> 12}):
            touch(page, k == 1)
for name, n in count.items():
    print(name, n)
open(work + "/pages", "w").write("%d\n" % len(own))
PY

# feed FILE: a new machine takes it; the counts go to $work/counts.
feed() {
	start
	echo 'set trace_map auto' >"$m/ctl" || fail "set trace_map"
	cat "$1" >"$m/proc/1/trace" || fail "feed $1"
	cat "$m/proc/1/trace" >"$work/counts"
}

value() { sed -n "s/^$1 //p" "$work/counts"; }

feed "$work/true.lackey"
cp "$work/counts" "$work/counts.text"
diff "$work/expected" <(grep -Ff <(sed 's/ .*/ /' "$work/expected") \
	"$work/counts") || fail "text: other counts than expected"
is "hits and misses" "$(($(value tlb_l1_hits) + $(value tlb_l2_hits) + \
	$(value tlb_misses)))" "$(value tlb_lookups)"
is "outside" "$(value outside) $(value bad_lines)" "0 0"
[ "$(value mapped)" -gt 3 ] || fail "few mappings for what was outside"
rss=$(awk '/^Rss/ { n += $2 } END { print n / 4 }' "$m/proc/1/smaps")
[ "$rss" -ge "$(cat "$work/pages")" ] || fail "$rss pages are resident"
before=$(cat "$m/state_hash")
stop
start
is "state over a remount" "$(cat "$m/state_hash")" "$before"
diff "$work/counts" "$m/proc/1/trace" || fail "counts over a remount"
stop
rm -f "$db"*

feed "$work/true.bin"
diff "$work/counts.text" "$work/counts" || fail "records: other counts"

# Twice as much: all that is mapped stays so.
faults=$(value faults_minor)
cat "$work/true.bin" >"$m/proc/1/trace" || fail "again"
cat "$m/proc/1/trace" >"$work/counts"
is "accesses again" "$(value accesses)" \
	$((2 * $(sed -n 's/^accesses //p' "$work/expected")))
is "faults again" "$(value faults_minor)" "$faults"
stop
rm -f "$db"*

# Without trace_map, what no mapping holds is counted and changes nothing.
start
maps=$(cat "$m/proc/1/maps")
cat "$work/true.lackey" >"$m/proc/1/trace" || fail "outside"
cat "$m/proc/1/trace" >"$work/counts"
is "all outside" "$(value outside) $(value accesses) $(value mapped)" \
	"$(sed -n 's/^accesses //p' "$work/expected") $(sed -n \
		's/^accesses //p' "$work/expected") 0"
is "maps" "$(cat "$m/proc/1/maps")" "$maps"

# A trace of a process that is replayed from a log: all inside.
cat >"$work/run.strace" <<'LOG'
7 mmap(0x1000000, 65536, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0) = 0x1000000
LOG
cat "$work/run.strace" >"$m/trace/strace" || fail "strace"
pid=$(sed -n 's/^7 -> \([0-9]*\) .*/\1/p' "$m/trace/strace")
printf '%s\n' ' L 01000000,4' ' S 01000000,4' ' L 0100ffff,1' \
	' L 0100fffe,4' 'I  01000000,1' ' L ffffffffffffffff,1' ' L 0,8' \
	>"$m/proc/$pid/trace" || fail "seven lines"
cat "$m/proc/$pid/trace" >"$work/counts"
is "inside, refused, outside" \
	"$(value accesses) $(value faults_minor) $(value faults_refused) \
$(value outside)" "7 2 2 3"

# Lines that are cut or no lines at all are counted.
bad=$(value bad_lines)
printf '%s\n' ' L 0100' ' L ,4' 'L 01000000,4' ' L 01000000,4x' \
	' L 01000000,0' ' X 01000000,4' ' L 11112222333344445,4' ' L 1,-4' \
	'I 01000000,1' ' ' '==3== fine' '' ' L 01000000,4' \
	>"$m/proc/$pid/trace" || fail "bad lines"
cat "$m/proc/$pid/trace" >"$work/counts"
is "bad lines" "$(value bad_lines) $(value accesses)" $((bad + 10))" 8"
(head -c 20 "$work/true.lackey" | tr '\n' ' '
	head -c 1100000 /dev/zero | tr '\0' x) 2>/dev/null |
	cat 2>"$work/err" >"$m/proc/$pid/trace" && fail "a line of 1.1 MB"
like "a line of 1.1 MB" "$(cat "$work/err")" '*Argument list too long*'
like "a line of 1.1 MB" "$(cat "$m/proc/$pid/last")" '-E2BIG *'
for n in 7 9 15 4097; do
	head -c $n "$work/true.bin" | cat 2>"$work/err" >"$m/proc/$pid/trace"
	like "$n bytes of records" "$(cat "$work/err")" '*Invalid argument*'
	like "$n bytes of records" "$(cat "$m/proc/$pid/last")" \
		"-EINVAL *8 bytes an access; $((n % 8)) bytes are left over"
done
: >"$m/proc/$pid/trace" || fail "an empty trace"
