# shellcheck shell=bash
# Sourced by bash scripts that drive a mounted machine.
#
#	. examples/lib.sh
#	pf_open mnt 1                 the control file of process 1 (no PID: ctl)
#	addr=$(pf 'mmap 8K rw')       prints the reply
#	pf 'touch 0x10' || echo "refused"
#	pf_close
#
# Replies come back through the open file that the command was written to,
# so scripts that run at the same time do not see each other's.

# pf_open MOUNTPOINT [PID]: the next commands go to this control file.  Its
# file descriptor is $PF; a script that talks to several processes keeps the
# numbers, and says which one it means: PF=$child pf 'sbrk 4K'.
pf_open() {
	exec {PF}<>"$1/${2:+proc/$2/}ctl"
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
