#!/bin/bash
# Random histories against the running kernel until stopped, or for SECONDS.
# A difference ends it, made as short as it can be.
#
#	tests/soak/oracle.sh [SECONDS [FIRST-SEED]]
set -eu
cd "$(dirname "$0")/../.."
ninja -C build tests/oracle/probe tests/oracle/replay >/dev/null
exec tests/oracle/run.py --build=build "--seconds=${1:-0}" \
	"${2:-$(date +%s)}" 99999999999 120
