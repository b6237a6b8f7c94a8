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
echo 'munmap 1 1' 2>/dev/null >"$m/proc/2/ctl"
seq 3000 >"$m/disk/numbers"
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
like "counters" "$(answer 'a.value - b.value')" '*commands|*mmap|1*'
is "timelines" "$(answer 'id, parent, fork')" \
	"1||0|1|$tick
2|1|2|$((tick + 1))|$((tick + 1))
3|1|$tick|$((tick + 2))|"
like "failures" "$(answer "LIKE '-E%'")" '*munmap 1 1|-EINVAL*'

# The same machine elsewhere.
hash=$(cat "$m/state_hash")
stop
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
"$PAGEFS" --export-journal "$db" >/dev/null 2>"$work/err" &&
	fail "exported a history without its beginning"
like "why" "$(cat "$work/err")" '*does not begin at boot*'
rm "$db"
