#!/bin/bash
# Records a command with strace and replays it in a mounted machine.
#
#	examples/record.sh [-m MOUNTPOINT] [-l LOGFILE] [-n] CMD [ARG...]
#
# Runs CMD with address randomisation off, copies every file that it mapped or
# executed to disk/, feeds the log to trace/strace, and prints the report.
# -l keeps the log; -n stops before the replay.  Without -m the mount point is
# $PAGEFS, or ./mnt.
set -eu

usage() {
	sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

mnt=${PAGEFS:-./mnt}
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
		echo "$0: $tool is missing; see examples/deps.sh try" >&2
		exit 1
	}
done
[ -n "$log" ] || { log=$(mktemp); trap 'rm -f "$log"' EXIT; }

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
				ln -s "$(readlink "$at")" "$mnt/disk$at"
			name=$(readlink "$at")
			case $name in /*) ;; *) name=${at%/*}/$name ;; esac
			copy "$(realpath -s -m "$name")${rest:+/$rest}"
			return
		elif [ -d "$at" ]; then
			[ -d "$mnt/disk$at" ] || mkdir "$mnt/disk$at"
		elif [ -f "$at" ]; then
			cmp -s "$at" "$mnt/disk$at" 2>/dev/null ||
				cp "$at" "$mnt/disk$at"
		fi
	done
}

# copy_program PATH: also the interpreter that it names.
copy_program() {
	local real interp

	real=$(readlink -f "$1") || return 0
	[ -f "$real" ] || return 0
	copy "$1"
	if [ "$(head -c 2 "$real" | tr -d '\0')" = '#!' ]; then
		interp=$(sed -n '1s/^#! *\([^ ]*\).*/\1/p' "$real")
	else
		interp=$(readelf -l "$real" 2>/dev/null |
			sed -n 's/.*program interpreter: \(.*\)\]/\1/p')
	fi
	[ -z "$interp" ] || [ -e "$mnt/disk$interp" ] || copy_program "$interp"
}

status=0
setarch -R strace -f -y -v -s 65536 -o "$log" -e "trace=${RECORD_TRACE:-%memory,%process}" \
	"$@" || status=$?

grep -o 'execve("[^"]*".*= 0$' "$log" | sed 's/execve("\([^"]*\)".*/\1/' |
	sort -u | while read -r path; do copy_program "$path"; done
grep 'mmap(' "$log" | grep -o '[0-9]<[^>]*>' | sed 's/^[0-9]*<\(.*\)>$/\1/' |
	sort -u | while read -r path; do
	[ ! -f "$path" ] || copy "$path"
done

if [ -n "$replay" ]; then
	cat "$log" >"$mnt/trace/strace"
	cat "$mnt/trace/strace"
fi
exit "$status"
