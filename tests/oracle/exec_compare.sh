#!/bin/bash
# Compares execve of real programs: the running kernel's address space at the
# first instruction against the machine's.  Needs ptrace, gcc, x86-64.
# Exit: 0 equal, 1 different or cannot run here, 130 interrupted.
set -u
tool=${1:?usage: exec_compare.sh EXEC_COMPARE}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export TMPDIR=$dir # the compiler's
trap 'trap "" INT TERM
	echo "interrupted: $nr compared, $fails different"
	exit 130' INT TERM
fails=0
nr=0

[ "$(uname -m)" = x86_64 ] || { echo "needs x86_64"; exit 1; }
[ "$(id -u)" = 0 ] || { echo "needs root, to read another's mm"; exit 1; }
env -i "$tool" kernel /bin/true >/dev/null 2>&1 ||
	{ echo "needs ptrace"; exit 1; }

# same NAME [ENVIRONMENT...] -- [-s LIMIT] PROGRAM [ARG...]
same() {
	local name=$1 vars=()

	shift
	while [ "$1" != -- ]; do vars+=("$1"); shift; done
	shift
	env -i "${vars[@]}" "$tool" kernel "$@" >"$dir/kernel" 2>"$dir/err"
	env -i "${vars[@]}" "$tool" model "$@" >"$dir/model" 2>>"$dir/err"
	nr=$((nr + 1))
	if [ -s "$dir/kernel" ] && cmp -s "$dir/kernel" "$dir/model"; then
		echo "ok   $name"
	else
		echo "FAIL $name"
		diff "$dir/kernel" "$dir/model" | head -20
		cat "$dir/err"
		fails=$((fails + 1))
	fi
}

# cc NAME FLAGS...: builds a program with initialised data, bss and a page of
# zeroes beyond it; false when this host's compiler cannot.
cc() {
	local out=$dir/$1

	shift
	printf '%s\n' 'int d = 3; char big[70000]; static char small[9];' \
		'int main(int c, char **v) { small[0] = c; return d + big[c]; }' |
		gcc -x c -O1 -o "$out" "$@" - 2>/dev/null
}

for prog in /bin/cat /bin/ls /bin/bash /usr/bin/sort /bin/sleep; do
	same "$prog" -- $prog
	same "$prog with arguments" HOME=/root A=1 -- $prog one "two words" ''
done

cc static -static && same static BB=22 -- "$dir/static" one two
cc static_pie -static-pie && same static-pie -- "$dir/static_pie" x
cc nopie -no-pie && same non-PIE -- "$dir/nopie" x
cc pie -pie && same PIE -- "$dir/pie"
cc execstack -z execstack && same "executable stack" -- "$dir/execstack"
cc align -pie -Wl,-z,max-page-size=0x200000 &&
	same "2 MiB alignment" -- "$dir/align"
cc static_align -static-pie -Wl,-z,max-page-size=0x200000 &&
	same "static-pie, 2 MiB alignment" -- "$dir/static_align"
cc noseparate -Wl,-z,noseparate-code && same noseparate-code -- "$dir/noseparate"
for kind in -pie -no-pie -static -static-pie; do
	cc m32 -m32 $kind && same "32-bit $kind" X=y -- "$dir/m32" a b
done
cc m32x -m32 -z execstack && same "32-bit executable stack" -- "$dir/m32x"

# A program that does not mention its stack.
printf '%s\n' '.globl _start' '_start: nop' >"$dir/s.s"
as "$dir/s.s" -o "$dir/s.o" && ld -z noexecstack "$dir/s.o" -o "$dir/bare" &&
	same "assembler, 64-bit" -- "$dir/bare"
as --32 "$dir/s.s" -o "$dir/s.o" &&
	ld -m elf_i386 "$dir/s.o" -o "$dir/bare32" 2>/dev/null &&
	same "32-bit without PT_GNU_STACK" -- "$dir/bare32"

# The loader itself, run directly.
same "ld.so run directly" -- /lib64/ld-linux-x86-64.so.2 /bin/cat

printf '#!/bin/cat -n  \nx\n' >"$dir/script"
printf '#! %s\n' "$dir/script" >"$dir/script2"
printf 'no program\n' >"$dir/text"
printf '#!%s\n' "$dir/loop" >"$dir/loop"
chmod +x "$dir"/script* "$dir/text" "$dir/loop"
same script -- "$dir/script" a b
same "script of a script" LONG=1 -- "$dir/script2" a b
same "not a program" -- "$dir/text"
same "script that runs itself" -- "$dir/loop"
for cut in 3 20 63 64 100 700 800 810; do
	head -c $cut /bin/cat >"$dir/cut"
	chmod +x "$dir/cut"
	same "cut after $cut bytes" -- "$dir/cut"
done

big=$(head -c 1000 /dev/zero | tr '\0' x)
vars=()
for i in $(seq 50); do vars+=("V$i=$big"); done
same "50 KB of environment" "${vars[@]}" -- /bin/cat
args=()
for i in $(seq 3000); do args+=("$i"); done
same "3000 arguments" -- /bin/cat "${args[@]}"
for limit in 16384 65536 131072 10000000 134217728 1073741824 unlimited; do
	same "stack limit $limit" A=1 -- -s $limit /bin/cat
done
same "stack limit 65536, 50 KB of environment" "${vars[@]}" -- -s 65536 /bin/cat
same "stack limit 65536, 3000 arguments" -- -s 65536 /bin/cat "${args[@]}"
same "stack limit 16384, 50 KB: too big" "${vars[@]}" -- -s 16384 /bin/cat
same "a string of 131071 bytes" \
	"A=$(head -c 131069 /dev/zero | tr '\0' x)" -- /bin/cat

echo "$nr compared, $fails different"
[ $fails = 0 ]
