#!/bin/bash
# The command line: what is accepted, and one sentence for what is not.
. "$(dirname "$0")/lib.sh"

# refused WHAT PATTERN ARGS...: exit status 1, a sentence, no mount.
refused() {
	local what=$1 pattern=$2 out
	shift 2
	out=$(timeout 20 "$PAGEFS" "$@" 2>&1) && fail "$what: accepted"
	like "$what" "$out" "$pattern"
	is "$what: lines" "$(echo "$out" | wc -l)" 1
	mountpoint -q "$m" && fail "$what: mounted"
}

like "--version" "$("$PAGEFS" --version)" 'pagefs *'
like "--help" "$("$PAGEFS" --help)" '*usage: pagefs*ram=256M*'
refused "no arguments" '*usage: pagefs*'
refused "no mount point" '*usage: pagefs*' "$db"
refused "missing directory" "*$work/none/x.db*No such file*" \
	"$work/none/x.db" "$m"
refused "missing mount point" "*$work/none*No such file*" "$db" "$work/none"
: >"$work/file"
refused "a file as mount point" "*$work/file*Not a directory*" \
	"$db" "$work/file"
cat "$work/file" || fail "mounted on a file"
refused "unknown architecture" '*arch*vax*' -o arch=vax "$db" "$m"
refused "bad number" '*ram*' -o ram=lots "$db" "$m"
refused "too little RAM" '*' -o ram=64K "$db" "$m"
refused "no value" '*cpus*needs a value*' -o cpus "$db" "$m"
refused "twice" '*ram*twice*' -o ram=64M,ram=32M "$db" "$m"
refused "bad durability" '*durability*' -o durability=maybe "$db" "$m"
refused "unknown option" 'pagefs: unknown option nonsense=1 (*' \
	-o nonsense=1 "$db" "$m"
refused "mistyped" 'pagefs: unknown option ramm=64M: did you mean ram\?*' \
	-o rw,ramm=64M,cpus=2 "$db" "$m"
refused "mistyped, ours" '*unknown option at_cash=3: did you mean at_cache\?*' \
	-o at_cash=3 "$db" "$m"
refused "mistyped, libfuse's" '*alow_other: did you mean allow_other\?*' \
	-o alow_other "$db" "$m"
refused "mistyped word" '*unknown option --chek: did you mean --check\?*' \
	--chek "$db"
refused "unknown letter" 'pagefs: unknown option -x (*' -x "$db" "$m"
refused "three words" '*one word too many*' "$db" "$m" "$m"
refused "check of nothing" '*' --check "$work/none.db"
[ -e "$db" ] && fail "a refused mount left a database"

# Created with options, which later mounts need not repeat.
start -o ram=64M,cpus=3 -o swap=16M
like "config" "$(cat "$m/config")" $'*ram 64M*'
is "cpus" "$(ls "$m/cpu" | wc -l)" 3
like "mount" "$(grep "$m" /proc/mounts)" "$db $m fuse.pagefs *"

# In use: the holder is named.
out=$("$PAGEFS" "$db" "$m" 2>&1) && fail "mounted twice"
like "busy" "$out" "*$(daemon)*"
stop
start
like "config kept" "$(cat "$m/config")" $'*ram 64M*cpus 3*'
stop
start -o ram=64M
stop
refused "contradiction" '*64M*128M*' -o ram=128M "$db" "$m"
refused "another architecture" '*x86_64*i386*' -o arch=i386 "$db" "$m"

# Read-only: all can be seen, nothing changed.
start -o ro
like "ro: maps" "$(cat "$m/proc/1/maps")" '*stack*'
echo tick 2>"$work/err" >"$m/ctl" && fail "ro: a command"
touch "$m/disk/x" 2>/dev/null && fail "ro: a file"
stop

# Foreground, one thread, relative paths, and a signal.
for sig in TERM INT; do
	(cd "$work" && exec "$PAGEFS" -f -s machine.db mnt >>"$work/out" 2>&1) &
	pid=$!
	for i in $(seq 100); do
		mountpoint -q "$m" && break
		sleep 0.05
	done
	echo tick >"$m/ctl" || fail "-f -s"
	case $sig in
	INT) # background jobs of a script ignore SIGINT
		fusermount3 -u "$m" ;;
	*) kill -$sig "$pid" ;;
	esac
	wait "$pid" || fail "exit status after $sig"
	mountpoint -q "$m" && fail "mounted after $sig"
done

# As mount(8) calls its helper.
ln -s "$PAGEFS" "$work/mount.fuse.pagefs"
"$work/mount.fuse.pagefs" "$db" "$m" -o rw,nosuid,noauto,x-systemd.automount \
	>>"$work/out" 2>&1 || fail "mount.fuse.pagefs"
[ -e "$m/ctl" ] || fail "not mounted by the helper"
stop
(cd "$work" && "$PAGEFS" -o durability=power machine.db mnt) || fail "relative"
echo tick >"$m/ctl" || fail "durability=power"
stop

# Closed standard streams.
"$PAGEFS" "$db" "$m" <&- >&- 2>&- || fail "closed streams"
echo tick >"$m/ctl" || fail "closed streams"
stop

# Foreign and damaged files.
echo "this is no database, it is a letter" >"$work/letter.db"
refused "text file" '*letter.db*' "$work/letter.db" "$m"
python3 - "$work/other.db" <<'PY'
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("create table mail(id integer)")
c.commit()
PY
refused "database of another program" '*other.db*' "$work/other.db" "$m"
cp "$db" "$work/cut.db"
truncate -s 6000 "$work/cut.db"
out=$("$PAGEFS" "$work/cut.db" "$m" 2>&1) && fail "a cut database: accepted"
mountpoint -q "$m" && fail "a cut database: mounted"
"$PAGEFS" --check "$work/letter.db" >/dev/null 2>&1 && fail "check of a letter"
is "the letter is whole" "$(cat "$work/letter.db")" \
	"this is no database, it is a letter"
true
