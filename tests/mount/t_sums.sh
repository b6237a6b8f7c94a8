#!/bin/bash
# Numbers of memory that can be had in two ways are the same, after each command
# of a random run under pressure.  t_sums.sh [SEED [STEPS]]
. "$(dirname "$0")/lib.sh"
seed=${1:-1} steps=${2:-60}

run() { # SEED OPTIONS
	start -o "$2"
	python3 "$(dirname "$0")/sums.py" "$m" "$1" "$steps" \
		>"$work/said" 2>&1 || fail "$2: $(head -c 4000 "$work/said")"
	[ "$steps" -le 60 ] || cat "$work/said"
}

run "$seed" ram=32M,swap=16M
stop
rm "$db"
run $((seed + 1)) ram=64M,swap=32M,nodes=2,cpus=2
stop
rm "$db"
run $((seed + 2)) ram=32M,swap=16M,policy=clock
finish
