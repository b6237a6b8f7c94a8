#!/bin/bash
# Traces on disk/: opt against Belady's rule, every policy against the same
# trace as it is written.  t_replay_trace.sh [SEED [MEBIBYTES]]
. "$(dirname "$0")/lib.sh"

start -o ram=64M,swap=64M
python3 "$(dirname "$0")/replay_trace.py" "$m" "$@" >"$work/said" 2>&1 ||
	fail "$(head -c 4000 "$work/said")"

# The journal has the line, and not what the file holds.
echo 'replay_trace /trace 5 1000' >"$m/proc/1/ctl"
is "reply" "$(cat "$m/proc/1/last")" 1000
like "log" "$(tail -1 "$m/log")" '* proc/1 replay_trace /trace 5 1000 = 1000'
finish
