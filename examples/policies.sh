#!/bin/bash
# Page faults of a reference string under each textbook policy, as a lecture
# counts them by hand.
#
#	examples/policies.sh [MOUNTPOINT [FRAMES PAGE...]]
#
# Without a mount point it makes a machine of its own, and removes it at the
# end.  Without pages it takes the textbooks' strings and compares the counts
# with theirs; status 1 if one is different.  7w is a store to page 7.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

m=${1:-}
[ -n "$m" ] || pf_machine ram=64M,swap=64M
[ -e "$m/ctl" ] || {
	echo "$0: no machine is mounted at $m" >&2
	exit 1
}

# A process of its own, whose pages are numbered from 0.
pf_open "$m"
pid=$(pf 'spawn name=pages')
pf_close
pf_open "$m" "$pid"
base=$(pf 'mmap 64M rw flags=noreserve')
pf_close

# refer PAGE...: the accesses, in one piece, so that opt knows them.
refer() {
	local page kind text=

	for page; do
		kind=L
		[ "$page" = "${page%w}" ] || kind=S
		text+=$(printf ' %s %x,1' $kind $((base + ${page%w} * 4096)))$'\n'
	done
	printf '%s' "$text" >"$m/proc/$pid/trace"
}

# faults POLICY FRAMES PAGE...
faults() {
	echo "set frames $2" >"$m/ctl"
	echo "set policy $1" >"$m/ctl"
	shift 2
	refer "$@"
	awk '$1 == "page_ins" { print $2 }' "$m/phys/policy"
}

status=0
# known FAULTS POLICY FRAMES PAGE...
known() {
	local wanted=$1 got

	shift
	got=$(faults "$@")
	[ "$got" = "$wanted" ] || status=1
	printf '%-7s %s frames: %2s faults, textbook %2s%s\n' "$1" "$2" "$got" \
		"$wanted" "$([ "$got" = "$wanted" ] || echo ' DIFFERENT')"
}

if [ $# -gt 2 ]; then
	shift
	for policy in fifo lru mru clock eclock nru lfu aging random ws opt; do
		printf '%-7s %s faults\n' $policy "$(faults $policy "$@")"
	done
else
	string='7 0 1 2 0 3 0 4 2 3 0 3 2 1 2 0 1 7 0 1'
	echo "$string   (Silberschatz, Galvin, Gagne)"
	# shellcheck disable=SC2086
	{
		known 15 fifo 3 $string
		known 12 lru 3 $string
		known 9 opt 3 $string
	}
	string='1 2 3 4 1 2 5 1 2 3 4 5'
	echo "$string   (Belady's anomaly: FIFO is worse with more)"
	# shellcheck disable=SC2086
	{
		known 9 fifo 3 $string
		known 10 fifo 4 $string
		known 10 lru 3 $string
		known 8 lru 4 $string
		known 7 opt 3 $string
		known 6 opt 4 $string
	}
	string='2 3 2 1 5 2 4 5 3 2 5 2'
	echo "$string   (Stallings)"
	# shellcheck disable=SC2086
	{
		known 9 fifo 3 $string
		known 7 lru 3 $string
		known 6 opt 3 $string
		known 8 clock 3 $string
	}
fi
printf 'set policy linux\nset frames 0\n' >"$m/ctl"
echo "kill $pid 9" >"$m/ctl"
exit $status
