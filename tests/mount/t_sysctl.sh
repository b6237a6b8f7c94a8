#!/bin/bash
# proc/sys/vm has every file that the kernel has, or docs/fidelity.md says why
# not; and what some of them do that no other test is about.
. "$(dirname "$0")/lib.sh"
vm=$m/proc/sys/vm
doc=$(dirname "$0")/../../docs/fidelity.md

start
for f in /proc/sys/vm/*; do
	if [ -e "$vm/${f##*/}" ]; then
		is "mode of ${f##*/}" "$(stat -c %a "$vm/${f##*/}")" \
			"$(stat -c %a "$f")"
	else
		grep -q "\`${f##*/}\`" "$doc" || fail "no ${f##*/}, unsaid"
	fi
done
for f in "$vm"/*; do
	[ -e "/proc/sys/vm/${f##*/}" ] || fail "the kernel has no ${f##*/}"
done
python3 "$(dirname "$0")/sysctl.py" "$m" || fail "what they refuse"

# A refusal says what the file takes.
# told FILE TEXT WORDS
told() {
	printf %s "$2" 2>/dev/null >"$m/$1" && fail "$2 into $1"
	is "$2 into $1" "$(cat "$m/last")" "-EINVAL $3, not \"${2%$'\n'}\""
}
weights=sys/kernel/mm/mempolicy/weighted_interleave
for text in $'\n' +5 5x 18446744073709551616 201 x; do
	told proc/sys/vm/swappiness "$text" \
		"swappiness is a number from 0 to 200"
done
told proc/sys/vm/drop_caches 18446744073709551616 "drop_caches takes a number"
told $weights/node0 $'\n' "node0 takes a number"
told proc/1/oom_score_adj 5x "oom_score_adj takes a number"
echo +5 >"$m/proc/1/oom_score_adj" || fail "a plus elsewhere"
is "what a plus is there" "$(cat "$m/proc/1/oom_score_adj")" 5
echo 0 >"$m/proc/1/oom_score_adj"

# Elsewhere a number may have a plus and ends at a NUL, but has no white space
# around it, except in files of processes.
put() {
	python3 - "$@" <<-'END'
	import errno, os, sys
	path, text = sys.argv[1], eval(sys.argv[2])
	try:
	    print(os.write(os.open(path, os.O_WRONLY), text))
	except OSError as e:
	    print(errno.errorcode[e.errno])
	END
}
# puts FILE KERNELS TEXT...: the machine's file answers as the kernel's
puts() {
	local file=$m/$1 kernels=$2 text old new
	shift 2
	for text; do
		old=$(cat "$kernels")
		new=$(put "$kernels" "$text")
		is "$kernels" "$(cat "$kernels")" "$old"
		is "$text into $file" "$(put "$file" "$text")" "$new"
	done
}
shapes() {
	printf 'b"%s"\n' "$1" "+$1" " $1" "$1 " "$1\\n" "$1\\n\\n" "$1\\0" \
		"$1\\0x" "$1x" "$1 1" x "+-$1" "-+1" "\\n" " "
}
huge=sys/kernel/mm/transparent_hugepage
score=$(cat /proc/self/oom_score_adj)
mapfile -t texts < <(shapes "$score")
puts proc/1/oom_score_adj /proc/$$/oom_score_adj "${texts[@]}"
if [ -w /$huge/khugepaged/max_ptes_swap ]; then
	for file in $huge/khugepaged/max_ptes_swap $huge/enabled; do
		mapfile -t texts < <(shapes \
			"$(sed 's/.*\[\(.*\)\].*/\1/' "/$file")")
		puts "$file" "/$file" "${texts[@]}"
	done
fi

# Any text compacts a node, and what is to be reclaimed ends at a NUL.
node=sys/devices/system/node/node0
for text in 0 x '' "1 2"; do
	echo "$text" >"$m/$node/compact" || fail "\"$text\" into compact"
done
while read -r text want; do
	is "$text into reclaim" "$(put "$m/$node/reclaim" "$text")" \
		"$want"
	[ ! -w "/$node/reclaim" ] ||
		is "$text into the kernel's" \
			"$(put "/$node/reclaim" "$text")" "$want"
done <<'END'
b"\0" EAGAIN
b"0\0x" 3
b"0"+b"\x20"*5000+b"x" 4096
b"x"*5000 EAGAIN
b"0x" EAGAIN
END

# Programs map from the bottom up, once they are executed anew.
echo 1 >"$vm/legacy_va_layout" || fail "legacy_va_layout"
echo 'spawn' >"$m/ctl"
child=$(cat "$m/last")
echo 'mmap 4K rw' >"$m/proc/$child/ctl"
like "from the bottom up" "$(cat "$m/proc/$child/last")" '0x2aaa*'
echo 'mmap 4K rw' >"$m/proc/1/ctl"
like "as it began" "$(cat "$m/proc/1/last")" '0x7fff*'
