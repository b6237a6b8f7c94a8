#!/bin/bash
# The sessions that README.md and docs/ show: each command prints what is
# written below it.  What they name in their sentences is there: options and
# settings are taken, files can be written, scripts and variables exist.
. "$(dirname "$0")/lib.sh"

for document in $(cd "$top" && grep -l '^```sh$' README.md docs/*.md); do
	mkdir -p "$work/$document"
	python3 "$(dirname "$0")/sessions.py" "$top/$document" "$build" \
		"$work/$document" >"$work/said" 2>&1 || fail "$(cat "$work/said")"
done
like "documents with sessions" "$(cd "$work" && ls -d README.md docs/*.md |
	tr '\n' ' ')" \
	'README.md *docs/memory.md *docs/policies.md docs/tools.md docs/traces.md '

# What stands between backquotes, a line each.
(cd "$top" && sed '/^```/,/^```/d' README.md tests/README.md docs/*.md) |
	grep -o '`[^`]*`' | tr -d '`' | sort -u >"$work/named"

# named PATTERN: those that the extended expression is all of; there are some.
named() {
	grep -Ex "$1" "$work/named" || fail "nothing is like $1"
}

while read -r _ options; do
	db=$work/options.db
	start -o "$options"
	stop
	rm "$db"*
done < <(named '\-o [a-z_]+=[0-9A-Za-z,_=]+')
db=$work/machine.db
start -o ram=256M
for line in $(named 'set [a-z_]+ [a-z0-9]+' | tr ' ' :); do
	is "${line//:/ }" "$(says 0 "${line//:/ }")" 0
done
while read -r _ word _ file; do
	echo "$word" >"$m/$file" || fail "echo $word > $file"
done < <(named 'echo [a-z0-9]+ > (proc|sys)/[^ ]*')
for file in $(grep -oE '(^|[ =])(examples|tests|tools|vm|fs|persist|host|docs)/[a-zA-Z0-9_./-]+' \
	"$work/named" | tr -d ' =' | grep -v '_NAME\|tests/unit/test_'); do
	[ -e "$top/$file" ] || fail "there is no $file"
done
for file in $(grep -oE '\bbuild/[a-z_/]+[a-z]\b' "$work/named"); do
	[ -e "$build/${file#build/}" ] || [ -e "$build/${file#build/}.so" ] ||
		fail "there is no $file"
done
for file in $(grep -oE '\btest_[a-z_]+\.c' "$work/named"); do
	[ -e "$top/tests/unit/$file" ] || fail "there is no $file"
done
for name in $(grep -oE 'PAGEFS_[A-Z_]+' "$work/named"); do
	grep -rqs "\"$name\"" "$top/tests" || fail "nobody reads $name"
done
for option in $(grep -oE '^pagefs --[a-z-]+' "$work/named" | cut -d' ' -f2); do
	"$PAGEFS" --help | grep -q -e " $option" || fail "pagefs has no $option"
done
finish
