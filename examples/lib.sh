# shellcheck shell=bash
# Sourced by bash scripts that drive a mounted machine.
#
#	. examples/lib.sh
#	pf_open mnt 1                 the control file of process 1 (no PID: ctl)
#	addr=$(pf 'mmap 8K rw')       prints the reply
#	pf 'touch 0x10' || echo "refused"
#	pf_close
#
# or, with a machine of the script's own, which goes away when it ends:
#
#	pf_machine ram=64M; pf_open "$m" 1
#
# Replies come back through the open file that the command was written to,
# so scripts that run at the same time do not see each other's.

# pf_machine OPTIONS: makes a machine in a temporary directory and mounts it at
# $m; it is removed at the end of the script, or by pf_end.
pf_machine() {
	local pagefs=${PAGEFS:-${BASH_SOURCE[0]%/*}/../build/fs/pagefs}

	[ -x "$pagefs" ] || pagefs=$(command -v pagefs) || {
		echo "$0: build pagefs first: meson setup build; ninja -C build" >&2
		exit 1
	}
	pf_work=$(mktemp -d)
	m=$pf_work/mnt
	mkdir "$m"
	trap pf_end EXIT
	"$pagefs" -o "$1" "$pf_work/machine.db" "$m"
}

pf_end() {
	local fd

	[ -n "${pf_work-}" ] || return 0
	for fd in $pf_fds; do exec {fd}>&-; done # nothing may be open
	mountpoint -q "$m" && fusermount3 -u "$m"
	rm -rf "$pf_work"
	pf_work= pf_fds=
}
pf_fds=

# pf_step TITLE: a heading; at a terminal it waits for Enter before it.
pf_step() {
	[ ! -t 0 ] || { printf '\n[Enter]'; read -r _; }
	printf '\n\033[1m== %s\033[0m\n' "$*"
}

# pf_open MOUNTPOINT [PID]: the next commands go to this control file.  Its file
# descriptor is $PF; a script that talks to several processes keeps the numbers,
# and says which one it means: PF=$child pf 'sbrk 4K'.
pf_open() {
	exec {PF}<>"$1/${2:+proc/$2/}ctl"
	pf_fds+=" $PF"
}

# pf COMMAND...: runs each, prints its reply.  Stops at the first that is
# refused (its reply begins with -E) with status 1; status 2 when no machine
# answers.
pf() {
	local command reply written

	for command; do
		written=yes
		{ echo "$command" >&"$PF"; } 2>/dev/null || written=
		if ! IFS= read -r reply <&"$PF"; then
			[ -z "$written" ] || continue # blank, or a comment
			echo "pf: no reply to '$command': is the machine" \
				"mounted, the process alive?" >&2
			return 2
		fi
		printf '%s\n' "$reply"
		case $reply in -E*) return 1 ;; esac
	done
}

pf_close() {
	exec {PF}>&-
}

# pf_stat MOUNTPOINT KEY: one counter of stats.
pf_stat() {
	local key value

	while read -r key value; do
		if [ "$key" = "$2" ]; then
			echo "$value"
			return
		fi
	done <"$1/stats"
	echo "pf_stat: stats has no $2" >&2
	return 1
}

# pf_check MOUNTPOINT: whether all that the machine counts adds up.
pf_check() {
	grep -q ^ok "$1/check" && return
	cat "$1/check" >&2
	return 1
}

# pf_walk MOUNTPOINT PID ADDRESS: the page walk, entry by entry.
pf_walk() {
	local fd line status=0

	exec {fd}<>"$1/cpu/0/walk"
	{ echo "$2 $3" >&"$fd"; } 2>/dev/null || status=1
	while IFS= read -r line <&"$fd"; do
		printf '%s\n' "$line"
	done
	exec {fd}>&-
	return "$status"
}

# pf_frame MOUNTPOINT PID ADDRESS: the frame number in pagemap, 0 if none.
pf_frame() {
	local addr=$3 word

	word=$(dd if="$1/proc/$2/pagemap" bs=8 skip=$((addr / 4096)) count=1 \
		2>/dev/null | od -An -tx8 | tr -d ' ')
	echo $((0x$word & ((1 << 55) - 1)))
}
