#!/bin/bash
# Bulk input: memory traces as text and as records, in every chunk size, and
# strace logs cut anywhere.
. "$(dirname "$0")/lib.sh"
start
trace=$m/proc/1/trace
count() { sed -n 's/^accesses *\([0-9]*\).*/\1/p' "$trace" | head -1; }
echo 'mmap 1M rw addr=0x10000000 flags=fixed' >"$m/proc/1/ctl"

# The same accesses as text and as records.
python3 - "$work" <<'PY'
import random, struct, sys
random.seed(1)
kinds = {" L": 0, " S": 1, "I ": 2, " M": 3}
text, rec = [], []
for i in range(200000):
    k = random.choice(list(kinds))
    va = 0x10000000 + random.randrange(0x100000 - 8)
    text.append("%s %08x,%d\n" % (k, va, 8))
    rec.append(struct.pack("<Q", kinds[k] << 62 | 3 << 58 | va))
open(sys.argv[1] + "/t.txt", "w").write("".join(text))
open(sys.argv[1] + "/t.bin", "wb").write(b"".join(rec))
PY
before=$(count)
cat "$work/t.txt" >"$trace" || fail "text"
text=$(($(count) - before))
[ "$text" -ge 200000 ] || fail "text: $text accesses"
before=$(count)
cat "$work/t.bin" >"$trace" || fail "records"
is "records as text" $(($(count) - before)) "$text"
for bs in 1000 4093 1048576; do
	for kind in txt bin; do
		before=$(count)
		dd if="$work/t.$kind" of="$trace" bs=$bs conv=notrunc \
			2>/dev/null || fail "dd bs=$bs $kind"
		is "dd bs=$bs $kind" $(($(count) - before)) "$text"
	done
done
before=$(count)
head -c 40 "$work/t.bin" | dd of="$trace" bs=3 2>/dev/null
printf ' L 10000000,4' >"$trace" || fail "a last line without newline"
is "five records and a line" $(($(count) - before)) \
	$((5 + 1 + $(head -5 "$work/t.txt" | grep -c M)))

# Odd ends and noise.
head -c 12 "$work/t.bin" | cat 2>"$work/err" >"$trace" && fail "half a record"
like "half a record" "$(cat "$work/err")" '*Invalid*'
like "half a record" "$(cat "$m/proc/1/last")" '*4 bytes*left over*'
head -c 100000 /dev/urandom | cat 2>/dev/null >"$trace"
printf 'what is this\n' >"$trace" 2>/dev/null
before=$(count)
printf '==1== Lackey\n L 10000000,4\n' >"$trace" || fail "valgrind's own lines"
is "alive" $(($(count) - before)) 1

# A log of a process: calls compared, cut anywhere.
cat >"$work/run.strace" <<'LOG'
100   brk(NULL) = 0x555555560000
100   mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7fc0000
100   munmap(0x7ffff7fc0000, 4096) = 0
LOG
cat "$work/run.strace" >"$m/trace/strace" || fail "strace"
like "report" "$(cat "$m/trace/strace")" '100 -> * calls 3 *'
whole=$(sed 's/-> [0-9]*/->/' "$m/trace/strace")
dd if="$work/run.strace" of="$m/trace/strace" bs=11 2>/dev/null || fail "cut"
is "cut log" "$(sed 's/-> [0-9]*/->/' "$m/trace/strace")" "$whole"
head -n 1 "$work/run.strace" >"$m/trace/strace" || fail "first line"
tail -n +2 "$work/run.strace" >>"$m/trace/strace" || fail "appended lines"
is "appended log" "$(sed 's/-> [0-9]*/->/' "$m/trace/strace")" "$whole"
head -c -1 "$work/run.strace" >"$m/trace/strace" || fail "no newline"
is "no newline" "$(sed 's/-> [0-9]*/->/' "$m/trace/strace")" "$whole"
head -c 100000 /dev/urandom | cat 2>/dev/null >"$m/trace/strace"
echo '200 execve("/bin/none", ["none"], [""]) = 0' 2>/dev/null \
	>"$m/trace/strace" && fail "a missing program"
like "a missing program" "$(cat "$m/last")" '-ENOENT*bin*'

# The walk answers where it was asked.
exec 3<>"$m/cpu/0/walk"
state=$(cat "$m/state_hash")
echo '1 0x10000000' >&3 || fail "walk"
like "walk" "$(cat <&3)" '*pgd*'
echo 'nonsense' 2>/dev/null >&3 && fail "walk of nonsense"
like "walk of nonsense" "$(cat <&3)" '-EINVAL *'
exec 3>&-
is "a question changes nothing" "$(cat "$m/state_hash")" "$state"
