#!/bin/bash
# Page replacement: every table of docs/policies.md is what a machine does,
# examples/policies.sh agrees with the textbooks, and a policy's order survives
# kill -9 and a restore.
. "$(dirname "$0")/lib.sh"

start -o ram=64M,swap=64M
python3 "$(dirname "$0")/policies.py" "$top/docs/policies.md" "$m" \
	>"$work/said" 2>&1 || fail "docs/policies.md: $(cat "$work/said")"

out=$("$top/examples/policies.sh" "$m") || fail "examples/policies.sh: $out"
case $out in *DIFFERENT*) fail "$out" ;; esac

# A refused setting names what there is.
echo 'set policy lifo' 2>/dev/null >"$m/ctl" && fail "lifo is a policy"
like "no such policy" "$(cat "$m/last")" "-EINVAL policy is linux, fifo, *opt*"

# The order is state: a killed machine goes on with it.
ref() { # PAGE...
	for p; do printf ' S %x,4\n' $((0x20000000 + p * 4096)); done
}
echo 'mmap 1M rw addr=0x20000000 flags=fixed' >"$m/proc/1/ctl"
for policy in fifo lru mru clock eclock nru lfu aging random ws opt; do
	printf 'set policy %s\nset frames 5\nset policy_tick 7\n' $policy >"$m/ctl"
	# shellcheck disable=SC2046
	ref $(seq 0 11) 3 4 3 5 9 11 2 >"$m/proc/1/trace"
	cp "$m/phys/policy" "$work/before"
	echo "checkpoint $policy" >"$m/ctl"
	ref 1 2 3 4 5 6 3 7 8 >"$m/proc/1/trace"
	cp "$m/phys/policy" "$work/after"
	cp "$m/phys/evictions" "$work/out"
	is "$policy: five pages" "$(grep -c 0x20 "$work/after")" \
		"$(awk '$1 == "page_ins" { n = $2 } $1 == "evictions" { n -= $2 }
			END { print n }' "$work/after")"
	kill -9 "$(daemon)"
	fusermount3 -u -z "$m"
	start
	is "$policy: killed" "$(cat "$m/phys/policy")" "$(cat "$work/after")"
	echo "restore $policy" >"$m/ctl"
	is "$policy: restored" "$(cat "$m/phys/policy")" "$(cat "$work/before")"
	ref 1 2 3 4 5 6 3 7 8 >"$m/proc/1/trace"
	is "$policy: again" "$(cat "$m/phys/evictions")" "$(cat "$work/out")"
done

# Bytes come back right.
printf 'set policy clock\nset frames 3\n' >"$m/ctl"
for p in 0 1 2 3 4 5 6; do
	echo "write 0x2000${p}000 \"page $p\"" >"$m/proc/1/ctl"
done
for p in 0 1 2 3 4 5 6; do
	is "page $p" "$(dd if="$m/proc/1/mem" bs=1 count=6 iflag=skip_bytes \
		skip=$((0x20000000 + p * 4096)) 2>/dev/null)" "page $p"
done
echo 'set policy linux' >"$m/ctl"
finish
