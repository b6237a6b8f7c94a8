#!/bin/sh
# same.sh GENDOCS WHAT FILE: FILE is what the tables say.
"$1" "$2" | diff "$3" - && exit 0
echo "$3 is out of date: $1 $2 > $3" >&2
exit 1
