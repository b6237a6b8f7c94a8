#!/bin/bash
# docs/database.md: every SELECT in it runs on a machine with history, and the
# answers are right; the journal as a script gives the same machine.
. "$(dirname "$0")/lib.sh"
docs=$(dirname "$0")/../../docs/database.md
start -o ram=32M,disk=8M,swap=0
printf 'mmap 64K rw as=a\ntouch a 12K\n' >"$m/proc/1/ctl"
echo 'checkpoint before' >"$m/ctl"
echo 'spawn name=other' >"$m/ctl"
printf 'mmap 20K rw as=b\ntouch b 20K\n' >"$m/proc/2/ctl"
printf 'mprotect b 4K none\nmadvise b+8K 4K guard_install\n' >"$m/proc/2/ctl"
printf 'touch a+12K 4K\nfork\n' >"$m/proc/1/ctl"
echo 'write a "x"' >"$m/proc/3/ctl"
echo 'munmap 1 1' 2>/dev/null >"$m/proc/2/ctl"
seq 3000 >"$m/disk/numbers"
for i in $(seq 100); do printf 'mmap 4K r\nmmap 4K rw\n'; done >"$m/proc/3/ctl"
printf 'mmap 4K r flags=shared file=/numbers\n' >"$m/proc/3/ctl"
echo 'checkpoint after' >"$m/ctl"
tick=$(tail -1 "$m/log" | cut -d' ' -f1)
echo 'restore before' >"$m/ctl"
echo 'spawn name=another' >"$m/ctl"
printf 'restore after\ntick\n' >"$m/ctl"
like "timelines" "$(cat "$m/timelines")" \
	"timeline 1: lines 1-$tick
|-- after 2: checkpoint before
*timeline 2: lines $((tick + 1))-$((tick + 1))
*checkpoint after
*timeline 3 (live): lines $((tick + 2))-$((tick + 2))*"
sleep 0.3

# Beside the mount, as the page says.
ln -s "$db" "$work/demo.db"
ln -s "$build" "$work/build"
# In a build for sanitizers, the shell of SQLite needs them as well.
preload=$(ldd "$work/build/persist/pagefs_sqlite.so" |
	awk '/lib(a|ub)san/ { print $3 }' | paste -sd:)
sqlite3() {
	LD_PRELOAD=$preload command sqlite3 "$@"
}
# ask STATEMENT: of the functions of the extension.
ask() {
	sqlite3 -readonly "$db" '.timeout 2000' \
		".load $work/build/persist/pagefs_sqlite" "$1"
}
grep '^sqlite3 -readonly demo.db "' "$docs" >"$work/examples"
[ "$(wc -l <"$work/examples")" -ge 10 ] || fail "few examples in $docs"
nr=0
while IFS= read -r example; do
	nr=$((nr + 1))
	(cd "$work" && eval "$example") >"$work/answer.$nr" 2>"$work/err" ||
		fail "$example: $(cat "$work/err")"
	[ -s "$work/answer.$nr" ] || fail "no rows: $example"
done <"$work/examples"

# answer WORD: of the example that holds it.
answer() {
	cat "$work/answer.$(grep -n -m 1 -e "$1" "$work/examples" |
		cut -d: -f1)"
}
like "appeared" "$(answer 'pid, printf')" '*2|*-*|rw-p|*'
is "mapping of 20K" "$(answer 'pid, printf' | grep -c '^2|')" \
	"$(grep -vc vsyscall "$m/checkpoints/after/proc/2/maps")"
like "gained" "$(answer 'AS kib')" '*2|other|2*'
like "counters" "$(answer 'a.value - b.value')" '*commands|*mmap|202*'
is "timelines" "$(answer 'id, parent, fork')" \
	"1||0|1|$tick
2|1|2|$((tick + 1))|$((tick + 1))
3|1|$tick|$((tick + 2))|"
like "failures" "$(answer "LIKE '-E%'")" '*munmap 1 1|-EINVAL*'

like "written pages" "$(answer 'WHERE dirty')" '*7ff*|*'
like "shared frames" "$(answer 'group_concat')" '*|1 7ff*, 3 7ff*'
like "kinds" "$(answer 'kib_in_use')" '*|pgtable|*'
like "first TLB" "$(answer 'setno, way')" '*|0|7ff*|*'

# pagemap DIR: "VA FRAME" for each page of its mappings that is there.
pagemap() {
	local start end rest word
	grep -v vsyscall "$1/maps" | while IFS='- ' read -r start end rest; do
		dd if="$1/pagemap" bs=8 skip=$((0x$start / 4096)) \
			count=$(((0x$end - 0x$start) / 4096)) 2>/dev/null |
			od -An -v -t x8 -w8 | while read -r word; do
			[ $((0x$word >> 63)) = 0 ] || printf '%x %x\n' \
				$((0x$start)) $((0x$word & 0x7fffffffffffff))
			start=$(printf %x $((0x$start + 4096)))
		done
	done
}
# same WHAT: two files.
same() {
	[ -s "$work/a" ] || fail "$1: nothing to compare"
	diff "$work/a" "$work/b" >"$work/diff" ||
		fail "$1 differs from the mount: $(head -5 "$work/diff")"
}
for pid in 1 2 3; do
	awk '!/vsyscall/ { print $1, $2, $6 }' \
		"$m/checkpoints/after/proc/$pid/maps" >"$work/a"
	sqlite3 -readonly "$db" "SELECT printf('%x-%x %s %s', start, end, perms,
		ifnull(v.name, '')) FROM vma v JOIN checkpoint c ON c.id =
		v.checkpoint WHERE c.name = 'after' AND pid = $pid" >"$work/b"
	same "mappings of process $pid"
done

# tables MOMENT DIR: what the extension says is what the files say.
tables() {
	local pid cpu
	for pid in $(ls "$2/proc" | grep '^[0-9]*$'); do
		pagemap "$2/proc/$pid" >"$work/a"
		ask "SELECT printf('%x %x', va, pfn) FROM
			pagefs_pte('$1', $pid) WHERE pfn NOT NULL" >"$work/b"
		same "pagefs_pte('$1', $pid)"
	done
	sed 1d "$2/phys/frames" | awk '{ $2 = 2 ^ $2; print }' >"$work/a"
	ask "SELECT printf('0x%x %d %s %d 0x%x %d %s', pfn, pages, state, owner,
		idx, mapcount, flags) FROM pagefs_frame('$1')" >"$work/b"
	same "pagefs_frame('$1')"
	for cpu in "$2"/cpu/[0-9]*; do
		cpu=${cpu##*/}
		sed 1d "$2/cpu/$cpu/tlb" >>"$work/tlb"
		ask "SELECT printf('%d %d %d 0x%x 0x%x r%s%s%s%s%s %d %s', level,
			setno, way, va, pfn, iif(write, 'w', '-'),
			iif(exec, 'x', '-'), iif(user, 'u', '-'),
			iif(dirty, 'd', '-'), iif(global, 'g', '-'), pcid,
			iif(size = 4096, '4K', '2M'))
			FROM pagefs_tlb('$1') WHERE cpu = $cpu" >>"$work/tlb.sql"
	done
	mv "$work/tlb" "$work/a"
	mv "$work/tlb.sql" "$work/b"
	same "pagefs_tlb('$1')"
}
for moment in before after; do
	tables $moment "$m/checkpoints/$moment"
done
tables 7 "$m/at/7"
tables -3 "$m/at/-3"
tables -0 "$m"
is "kept and guard pages" "$(ask "SELECT sum(prot_none), sum(guard), sum(swap)
	FROM pagefs_pte('after', 2)")" "1|1|0"
ask "SELECT * FROM pagefs_pte('after')" >"$work/frames"
is "a limit finds what a scan finds" "$(ask "SELECT count(*) FROM
	pagefs_pte('after') p JOIN pagefs_frame('after') f ON f.pfn = p.pfn")" \
	"$(ask "SELECT count(*) FROM pagefs_pte('after') WHERE +pfn IN
		(SELECT +pfn FROM pagefs_frame('after'))")"
va=$(ask "SELECT max(va) FROM pagefs_pte('after', 1)")
is "limits" "$(ask "SELECT (SELECT count(*) FROM pagefs_pte('after', 1)),
	(SELECT count(*) FROM pagefs_pte('after', 1) WHERE va < $va),
	(SELECT count(*) FROM pagefs_pte('after', 1) WHERE va >= $va),
	(SELECT count(*) FROM pagefs_pte('after', 1) WHERE va = $va OR va < $va)
	")" "5|4|1|5"
# refused STATEMENT SENTENCE
refused() {
	ask "$1" >"$work/out2" 2>&1 && fail "no error: $1"
	like "$1" "$(cat "$work/out2")" "$2"
}
refused "SELECT * FROM pagefs_pte('none', 1)" '*no checkpoint "none"*'
refused "SELECT * FROM pagefs_pte(999, 1)" '*no line 999*'
refused "SELECT * FROM pagefs_pte('-999', 1)" '*999 lines back*'
refused "SELECT * FROM pagefs_pte(7, 99)" '*no process 99*'
refused "SELECT * FROM pagefs_frame()" '*the first argument is a moment*'
refused "SELECT * FROM pagefs_pte(7, 'x')" '*number of a process*'
like "no machine" "$(sqlite3 "$work/other" \
	".load $work/build/persist/pagefs_sqlite" 'CREATE TABLE t (x)' \
	'SELECT * FROM pagefs_tlb(1)' 2>&1)" '*other belongs to another program*'

# The same machine elsewhere.
hash=$(cat "$m/state_hash")
stop
ask "SELECT * FROM pagefs_pte('after')" | cmp - "$work/frames" ||
	fail "without a mount the tables differ"
sqlite3 "$db" ".load $work/build/persist/pagefs_sqlite" 'BEGIN IMMEDIATE' \
	"SELECT count(*) FROM pagefs_frame('before')" \
	".shell sqlite3 '$db' 'BEGIN IMMEDIATE'" >"$work/out2" 2>&1
like "a lock stays where it is" "$(cat "$work/out2")" '*is locked*'
sqlite3 "$db" "VACUUM INTO '$work/hurt.db'"
sqlite3 "$work/hurt.db" 'UPDATE pack SET data = zeroblob(8)'
is "damaged states are rebuilt" "$(db=$work/hurt.db ask \
	"SELECT count(*) FROM pagefs_pte('after')")" \
	"$(wc -l <"$work/frames")"
"$PAGEFS" --export-journal "$db" >"$work/script" || fail "export"
"$PAGEFS" --import-journal "$work/new.db" "$work/script" || fail "import"
"$PAGEFS" --import-journal "$work/new2.db" - <"$work/script" || fail "stdin"
"$PAGEFS" --export-journal "$work/new2.db" | cmp - "$work/script" ||
	fail "the script of the copy differs"
like "hash" "$(tail -1 "$work/script")" "@end $hash"
"$PAGEFS" --import-journal -o ram=64M "$work/new3.db" "$work/script" \
	2>"$work/err" && fail "another configuration"
like "which one" "$(cat "$work/err")" '*ram*'
is "an old copy" "$("$PAGEFS" --import-journal "$work/none.db" /dev/null \
	2>&1 | grep -c '@end')" 1

# A history that is cut short.
start
echo "forget before=$((tick + 2))" 2>"$work/err" >"$m/ctl" &&
	fail "forgot checkpoints"
like "which" "$(cat "$m/last")" '-ENOTEMPTY the checkpoint "before"*'
rmdir "$m/checkpoints/before" "$m/checkpoints/after"
printf 'forget before=%d\nvacuum\n' $((tick + 2)) >"$m/ctl" || fail "forget"
is "same state" "$(cat "$m/state_hash")" "$hash"
is "log is short" "$(cat "$m/log")" ""
[ -e "$m/at/1" ] && fail "line 1 is still there"
echo tick >"$m/ctl"
hash=$(cat "$m/state_hash")
stop
replays
start
is "the next mount" "$(cat "$m/state_hash")" "$hash"
stop
sqlite3 "$db" "VACUUM INTO '$work/hurt2.db'"
sqlite3 "$work/hurt2.db" 'UPDATE pack SET data = zeroblob(8)'
db=$work/hurt2.db refused "SELECT * FROM pagefs_frame($((tick + 2)))" \
	'*hurt2.db begins with the state after line*which is damaged*'
"$PAGEFS" --export-journal "$db" >/dev/null 2>"$work/err" &&
	fail "exported a history without its beginning"
like "why" "$(cat "$work/err")" '*does not begin at boot*'
rm "$db"

# Pages in swap have a place there, and no frame.
start -o ram=32M,swap=1M
printf 'mmap 32K rw as=s\ntouch s 32K\nmadvise s 32K pageout\n' >"$m/proc/1/ctl"
is "pages in swap" "$(ask "SELECT count(*), min(swap_type), max(swap_type),
	min(swap_offset), max(swap_offset), count(pfn), count(write)
	FROM pagefs_pte('-0', 1) WHERE swap")" "8|0|0|1|8|0|0"
