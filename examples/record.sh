#!/bin/bash
# Records a command with strace and replays it in a mounted machine.
#
#	examples/record.sh [-m MOUNTPOINT] [-l LOGFILE] [-n] CMD [ARG...]
#
# Runs CMD with address randomisation off, copies every file that it mapped or
# executed to disk/, feeds the log to trace/strace, and prints the report.
# -l keeps the log; -n stops before the replay.  Without -m the mount point is
# $PAGEFS_MNT, or ./mnt; $RECORD_TRACE names the calls to record, as strace -e
# trace= does.
set -eu

usage() {
	sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

mnt=${PAGEFS_MNT:-./mnt}
log=
replay=yes
while getopts m:l:nh opt; do
	case $opt in
	m) mnt=$OPTARG ;;
	l) log=$OPTARG ;;
	n) replay= ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage
[ -e "$mnt/trace/strace" ] || {
	echo "$0: no machine is mounted at $mnt (give one with -m)" >&2
	exit 1
}
for tool in strace setarch readelf; do
	command -v "$tool" >/dev/null || {
		echo "$0: $tool is missing; examples/deps.sh try installs it" >&2
		exit 1
	}
done
[ -n "$log" ] || {
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
}

warn() { echo "$0: $*" >&2; }

# copy PATH: the file with its directories, symbolic links kept as links, so
# that paths resolve on disk/ as they do here.
copy() {
	local rest=${1#/} at='' name

	while [ -n "$rest" ]; do
		name=${rest%%/*}
		case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
		[ -n "$name" ] || continue
		at=$at/$name
		if [ -L "$at" ]; then
			[ -L "$mnt/disk$at" ] ||
				ln -s -- "$(readlink "$at")" "$mnt/disk$at"
			name=$(readlink "$at")
			case $name in /*) ;; *) name=${at%/*}/$name ;; esac
			copy "$(realpath -s -m -- "$name")${rest:+/$rest}"
			return
		elif [ -d "$at" ]; then
			[ -d "$mnt/disk$at" ] || mkdir "$mnt/disk$at"
		elif [ -f "$at" ]; then
			cmp -s "$at" "$mnt/disk$at" 2>/dev/null ||
				cp --remove-destination -- "$at" "$mnt/disk$at" ||
				warn "cannot copy $at to $mnt/disk"
		fi
	done
}

# copy_program PATH: also the interpreter that it names.  The directory of
# simulated processes is the root of disk/: what was executed by a relative
# path gets a link there.
copy_program() {
	local real interp dir=

	[ -f "$1" ] || return 0
	real=$(realpath -s -- "$1")
	copy "$real"
	case $1 in
	/*) ;;
	*)
		interp=$(realpath -s -m -- "/$1")
		dir=$(realpath -m -- "${interp%/*}/.")
		mkdir -p "$mnt/disk$dir"
		[ -e "$mnt/disk$interp" ] || ln -sf -- "$real" "$mnt/disk$interp"
		;;
	esac
	real=$(readlink -f -- "$1")
	if [ "$(head -c 2 "$real" | tr -d '\0')" = '#!' ]; then
		interp=$(sed -n '1s/^#![[:blank:]]*\([^[:blank:]]*\).*/\1/p' "$real")
	else
		interp=$(readelf -l "$real" 2>/dev/null |
			sed -n 's/.*program interpreter: \(.*\)\]/\1/p')
	fi
	[ -z "$interp" ] || [ -e "$mnt/disk$interp" ] || copy_program "$interp"
}

# each COMMAND: runs it with each path read, strace's escapes undone.
each() {
	local escaped path

	sort -u | while IFS= read -r escaped; do
		escaped=${escaped//%/%%}
		# shellcheck disable=SC2059
		printf -v path "$escaped"
		"$1" "$path"
	done
}

copy_file() {
	[ ! -f "$1" ] || copy "$1"
}

status=0
setarch -R strace -f --decode-fds=path,pidfd -v -s 131072 -o "$log" \
	-e "trace=${RECORD_TRACE:-%memory,%process,?process_madvise}" \
	"$@" || status=$?

# Also an execve whose answer stands in a later line; strings hold \" for ".
LC_ALL=C sed -n 's/^[0-9]* *execve("\(\([^"\\]\|\\.\)*\)".*/\1/p' "$log" | each copy_program
LC_ALL=C sed -n 's/^[0-9]* *mmap2\{0,1\}(.*[0-9]<\([^>]*\)>, .*/\1/p' "$log" | each copy_file

if [ -n "$replay" ]; then
	cat "$log" >"$mnt/trace/strace"
	cat "$mnt/trace/strace"
fi
exit "$status"
