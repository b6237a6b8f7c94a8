#!/bin/bash
# The rules of style that a machine can check: clang-format 14, and at most
# 600 lines a file.
#
#	tests/style.sh [SOURCE_ROOT]
set -u
cd "${1:-$(dirname "$0")/..}" || exit 1
command -v clang-format >/dev/null || {
	echo "clang-format is missing: examples/deps.sh test" >&2
	exit 1
}
failures=0

# sources PATTERN...: the files of the project, without what was built.
sources() {
	git ls-files "$@" 2>/dev/null && return
	for pattern; do
		find . -path './build*' -prune -o -name "$pattern" -print
	done
}

mapfile -t files < <(sources '*.c' '*.h')
unformatted=$(printf '%s\n' "${files[@]}" |
	xargs -P 2 -n 40 clang-format --dry-run 2>&1 |
	sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: warning:.*/\1/p' | sort -u)
if [ -n "$unformatted" ]; then
	echo "clang-format -i these:" $unformatted >&2
	failures=1
fi

mapfile -t files < <(sources '*.c' '*.h' '*.sh' '*.py')
for f in "${files[@]}"; do
	[ -f "$f" ] || continue
	n=$(wc -l <"$f")
	[ "$n" -le 600 ] || {
		echo "$f has $n lines, more than 600: split it" >&2
		failures=1
	}
done
exit "$failures"
