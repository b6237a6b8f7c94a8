# Sourced by the mount tests: a directory, a machine, a mount, and checks.
#
#	$PAGEFS  the program, build/fs/pagefs if not given
#	$top     the sources      $build  where PAGEFS was built
#	$work    a directory that goes away
#	$db      the database     $m      the mount point
#
# At the end of each test `check` is read, the machine is unmounted, `pagefs
# --check` replays its journal, and a copy of the database without saved states
# is mounted: so each test also proves that replay gives the same state.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PAGEFS=$(realpath "${PAGEFS:-$top/build/fs/pagefs}")
build=$(dirname "$(dirname "$PAGEFS")")

# needs PROGRAM...: ends a test of programs that are not built.
needs() {
	local program
	for program; do
		[ -x "$program" ] || {
			echo "$0: there is no $program; ninja -C build makes" \
				"it; PAGEFS names another build/fs/pagefs" >&2
			exit 1
		}
	done
}
needs "$PAGEFS"
work=$(mktemp -d "${TMPDIR:-/tmp}/pagefs-test.XXXXXX")
db=$work/machine.db
m=$work/mnt
mkdir "$m"

# A daemon has no stderr: sanitizers write to files, which fail the test.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$work/sanitizer
export UBSAN_OPTIONS=${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}log_path=$work/sanitizer

# Also in a subshell, as in "$(...)", where a variable would be lost.
fail() {
	echo "FAIL: $*" >&2
	echo >>"$work/failures"
}

# is WHAT GOT WANTED
is() {
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

# like WHAT GOT PATTERN (a shell pattern)
like() {
	case $2 in
	$3) ;;
	*) fail "$1: got '$2', wanted something like '$3'" ;;
	esac
}

# says PID LINE: the reply to a line of a process, of the machine if PID is 0.
says() {
	local ctl=$m/proc/$1/ctl reply
	[ "$1" != 0 ] || ctl=$m/ctl
	exec 5<>"$ctl"
	echo "$2" 2>/dev/null >&5
	read -r reply <&5
	exec 5>&-
	echo "$reply"
}

# field PID N: of stat
field() {
	cut -d' ' -f"$2" "$m/proc/$1/stat"
}

# line PID NAME: of status
line() {
	sed -n "s/^$2:[[:space:]]*//p" "$m/proc/$1/status"
}

# kb NAME [FILE]: the lines of that name in meminfo, or a file like it, added up
kb() {
	awk -v l="$1:" '$1 == l { s += $2; n++ } END { if (n) print s }' \
		"${2:-$m/proc/meminfo}"
}

# counter NAME: of vmstat
counter() {
	awk -v l="$1" '$1 == l { print $2 }' "$m/proc/vmstat"
}

# start [OPTIONS...]: mounts the machine.  What the program says goes to
# $work/out.
start() {
	"$PAGEFS" "$@" "$db" "$m" >>"$work/out" 2>&1 || {
		cat "$work/out" >&2
		fail "mount failed: $*"
		exit 1
	}
}

# The daemon that serves $m.
daemon() {
	pgrep -f -- "$db $m\$" | tail -1
}

# stop: unmounts, and waits until the daemon has closed the database.
stop() {
	local pid
	pid=$(daemon)
	fusermount3 -u "$m" || fail "unmount failed"
	gone "$pid"
}

# gone PID: waits until a process has ended; init may reap it later.
gone() {
	local i
	for i in $(seq 500); do
		grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" ||
			return 0
		sleep 0.02
	done
	fail "process $1 does not end"
}

# Whether the machine's journal replays to the same results and states.
replays() {
	"$PAGEFS" --check "$db" >"$work/check" 2>&1 || {
		cat "$work/check" >&2
		fail "pagefs --check"
	}
}

# Whether another process, that has the journal alone, comes to state $1.
replays_to() {
	sqlite3 "$db" "VACUUM INTO '$work/replay.db'" &&
		sqlite3 "$work/replay.db" 'DELETE FROM pack;
			DELETE FROM checkpoint' ||
		fail "a copy without saved states"
	db=$work/replay.db
	start
	is "state after replay" "$(cat "$m/state_hash")" "$1"
	stop
}

finish() {
	local status=$? hash failures
	trap - EXIT
	fusermount3 -uq "$m.more" 2>/dev/null
	if ! mountpoint -q "$m" 2>/dev/null && [ -f "$db" ]; then
		start
	fi
	if hash=$(cat "$m/state_hash" 2>/dev/null); then
		like "check at the end" "$(cat "$m/check")" "ok: *"
		stop
		replays
		replays_to "$hash"
	elif [ -f "$db" ]; then
		fail "no state_hash at the end"
		fusermount3 -uzq "$m" 2>/dev/null
	fi
	if grep -Eiq 'error|assert|sanitizer|abort' "$work/out" 2>/dev/null; then
		cat "$work/out" >&2
		fail "the program complained"
	fi
	cat "$work"/sanitizer.* >&2 2>/dev/null && fail "a sanitizer complained"
	failures=$(cat "$work/failures" 2>/dev/null | wc -l)
	[ "$failures" = 0 ] && [ "$status" = 0 ] || {
		echo "$failures failures, status $status" >&2
		fusermount3 -uzq "$m" 2>/dev/null
		rm -rf "$work"
		exit 1
	}
	rm -rf "$work"
	exit 0
}
trap finish EXIT
