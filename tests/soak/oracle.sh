#!/bin/bash
# Random histories against the running kernel until stopped, or for SECONDS.
# A difference ends it, made as short as it can be.
#
#	tests/soak/oracle.sh [SECONDS [FIRST-SEED [OPTION OF run.py]...]]
set -eu
cd "$(dirname "$0")/../.."
ninja -C build tests/oracle/{probe,probe32,replay} >/dev/null
exec tests/oracle/run.py --build=build "--seconds=${1:-1000000000}" "${@:3}" \
	"${2:-$(date +%s)}" 99999999999 120
