#!/bin/bash
# The sessions that README.md and docs/ show: each command prints what is
# written below it.
. "$(dirname "$0")/lib.sh"

for document in $(cd "$top" && grep -l '^```sh$' README.md docs/*.md); do
	mkdir -p "$work/$document"
	python3 "$(dirname "$0")/sessions.py" "$top/$document" "$build" \
		"$work/$document" >"$work/said" 2>&1 || fail "$(cat "$work/said")"
done
like "documents with sessions" "$(cd "$work" && ls -d README.md docs/*.md |
	tr '\n' ' ')" 'README.md *docs/memory.md *docs/policies.md *'
finish
