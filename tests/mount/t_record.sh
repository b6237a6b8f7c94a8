#!/bin/bash
# examples/record.sh: what it copies to disk/, and what it says when it cannot.
. "$(dirname "$0")/lib.sh"
record=$(cd "$(dirname "$0")/../../examples" && pwd)/record.sh
start -o disk=128M
record() { env -i PATH=/usr/bin:/bin "$record" "$@"; }

# refused WHAT PATTERN COMMAND...: it fails, with one line.
refused() {
	local what=$1 pattern=$2 out

	shift 2
	out=$("$@" 2>&1) && fail "$what: no error"
	like "$what" "$out" "$pattern"
}
refused "no command" '*record.sh*-m MOUNTPOINT*CMD*' "$record" -m "$m"
refused "an unknown option" '*record.sh*CMD*' "$record" -z true
refused "no machine" "*no machine is mounted at $work/none*" \
	"$record" -m "$work/none" true
refused "no machine in \$PAGEFS_MNT" "*no machine is mounted at $work/none*" \
	env PAGEFS_MNT="$work/none" "$record" true
mkdir "$work/bin"
for tool in bash sed mktemp rm dirname env; do
	ln -s "$(type -P $tool)" "$work/bin/$tool"
done
refused "no strace" '*strace is missing*deps.sh*' \
	env PATH="$work/bin" "$record" -m "$m" true
hash=$(cat "$m/state_hash")
refused "an unknown program" '*frobnicate*' record -m "$m" frobnicate
is "state after it" "$(cat "$m/state_hash")" "$hash"

# A command's own output and status are its own; the report follows.
out=$(record -m "$m" sh -c 'echo hello; exit 7')
is "status" $? 7
like "output" "$out" $'hello\n* -> * calls * differ 0'
out=$(echo typed | record -m "$m" /bin/cat)
like "input" "$out" $'typed\n* -> *'
out=$(cd "$work" && env PAGEFS_MNT=mnt "$record" true)
like "\$PAGEFS_MNT, relative" "$out" '* -> * differ 0'
out=$(record -n -m "$m" -l "$work/a log" true)
is "-n" "$out" ""
grep -q 'execve(' "$work/a log" || fail "-l kept no log"

# Programs, interpreters and libraries are there, links as links.
[ -x "$m/disk/usr/bin/sh" ] || fail "no sh"
is "a link" "$(readlink "$m/disk/bin")" "$(readlink /bin)"
cmp /bin/cat "$m/disk/bin/cat" || fail "cat"
cmp /lib64/ld-linux-x86-64.so.2 "$m/disk/lib64/ld-linux-x86-64.so.2" ||
	fail "the interpreter"

# Programs whose execve is cut by other processes' lines; names with spaces.
mkdir "$work/with space"
for i in 1 2 3 4 5 6; do cp /bin/true "$work/with space/true $i"; done
cat >"$work/many" <<'SH'
#!/bin/sh
for i in 1 2 3 4 5 6; do "./with space/true $i" & done
wait
SH
chmod +x "$work/many"
out=$(cd "$work" && record -m "$m" -l "$work/log" ./many)
is "processes" "$(echo "$out" | grep -c ' calls .* differ 0$')" 7
is "lines of the report" "$(echo "$out" | wc -l)" 7
for i in 1 2 3 4 5 6; do
	cmp /bin/true "$m/disk$work/with space/true $i" || fail "program $i"
	pid=$(grep -l "true $i" "$m"/proc/[0-9]*/comm)
	like "maps of $i" "$(cat "${pid%/comm}/maps")" \
		"*$work/with space/true $i*"
	is "exe of $i" "$(readlink "${pid%/comm}/exe")" \
		"$work/with space/true $i"
done

# A program that changed since is copied anew.
cp /bin/false "$work/with space/true 1"
(cd "$work" && record -m "$m" "./with space/true 1" >"$work/said") &&
	fail "status of false"
cmp /bin/false "$m/disk$work/with space/true 1" || fail "the new program"
grep -q 'differ 0$' "$work/said" || fail "the new program: $(cat "$work/said")"

# No room on disk/: said, and the log is refused for the missing program.
head -c 200M /dev/zero | tr '\0' x >"$m/disk/ballast" 2>/dev/null
cp /bin/bash "$work/big"
out=$(record -m "$m" "$work/big" -c : 2>&1) && fail "no room: no error"
like "no room" "$out" "*cannot copy $work/big*"
rm "$m/disk/ballast"
out=$(record -m "$m" "$work/big" -c :) || fail "room again"
like "room again" "$out" '*differ 0'
