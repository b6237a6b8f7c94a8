#!/bin/bash
# Mappings: every reply and every line of maps as a plain model has them.
# model_run.py MOUNT FROM TO OPS goes on with other seeds.
. "$(dirname "$0")/lib.sh"
start -o ram=64M
python3 "$(dirname "$0")/model_run.py" "$m" 0 40 100 || fail "the model differs"
finish
