#!/bin/sh
# The machine is pure: libvm.a needs nothing of its host but memory, and what
# compresses pages, which does no more either.
# usage: purity.sh LIBVM.A
set -eu
lib=$1

# Symbols that some member needs and no member defines.
needs=$(nm -u "$lib" | awk 'NF == 2 { print $2 }' | sort -u)
defines=$(nm --defined-only "$lib" | awk 'NF == 3 { print $3 }' | sort -u)
[ -n "$needs" ] && [ -n "$defines" ] || {
	echo "nm finds no symbols in $lib"
	exit 1
}
foreign=$(printf '%s\n' "$needs" | while read -r s; do
	printf '%s\n' "$defines" | grep -qxF "$s" || echo "$s"
done)

status=0
for s in $foreign; do
	case $s in
	memcpy | memmove | memset | memcmp | memchr | memrchr | memmem) ;;
	strlen | strnlen | strcmp | strncmp | strchr | strrchr | strstr) ;;
	malloc | calloc | realloc | free) ;;
	LZ4_* | ZSTD_*) ;; # work on the memory that they are given
	__assert_fail | __stack_chk_fail | _GLOBAL_OFFSET_TABLE_) ;;
	__asan_* | __ubsan_* | __sanitizer_* | __gcov_* | __llvm_*) ;;
	*)
		echo "libvm.a uses $s, which is no memory or string function"
		status=1
		;;
	esac
done
exit $status
