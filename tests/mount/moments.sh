# Sourced by the tests of past moments: copies of the mount, and comparison.

# Files that lie outside a moment, are as long as an address space, or links
# that lead nowhere.
outside='-name checkpoints -o -name at -o -name timelines -o -name mem'
outside="$outside -o -name pagemap -o -name exe"

# copy ROOT TO: all files of a mount or of a moment, bytes as read.
copy() {
	mkdir -p "$2"
	(cd "$1" && find . \( $outside \) -prune -o -type d -print0) |
		(cd "$2" && xargs -0 mkdir -p)
	(cd "$1" && find . \( $outside \) -prune -o ! -type d -print0 |
		xargs -0 cp -P --parents -t "$2") || fail "copy of $1"
	memory "$1" >"$2/memory"
}

# memory ROOT: exe of each process, and a sum of mem and of pagemap for each
# of its mappings.
memory() {
	python3 - "$1" <<'PY'
import hashlib, os, sys
root = sys.argv[1]
for pid in sorted(os.listdir(root + "/proc")):
    d = "%s/proc/%s/" % (root, pid)
    if not pid.isdigit() or not os.path.exists(d + "maps"):
        continue
    try:
        exe = os.readlink(d + "exe")
    except OSError as e:
        exe = e.errno
    mem = os.open(d + "mem", os.O_RDONLY)
    pagemap = os.open(d + "pagemap", os.O_RDONLY)
    for line in open(d + "maps"):
        begin, end = (int(x, 16) for x in line.split()[0].split("-"))
        if begin >= 1 << 47:
            continue
        try:
            data = os.pread(mem, end - begin, begin)
        except OSError as e:
            data = str(e.errno).encode()
        words = os.pread(pagemap, (end - begin) // 512, begin // 512)
        print(pid, exe, hex(begin), hashlib.sha1(data).hexdigest(),
            hashlib.sha1(words).hexdigest())
PY
}

# same WHAT COPY ROOT: a moment has the bytes that were copied then.
same() {
	cmp "$2/memory" <(memory "$3") || fail "$1: mem or pagemap"
	diff -r --no-dereference -x memory -x mem -x pagemap -x checkpoints \
		-x at -x timelines -x exe "$2" "$3" >"$work/diff" ||
		fail "$1: $(head -20 "$work/diff")"
}

# busy: the daemon's processor time, ms.
busy() { awk '{ print ($14 + $15) * 10 }' "/proc/$(daemon)/stat"; }

# long_history MS: commands until the daemon has worked so long; replaying them
# takes about as long.
long_history() {
	local i
	while [ "$(busy)" -lt "$1" ]; do
		for i in 1 2 3 4 5 6 7 8 9 10; do
			printf 'mmap 128M rw as=a\ntouch a 128M\nmunmap a 128M\n'
		done >"$m/proc/1/ctl"
	done
}

# killed: the daemon dies, and the machine is mounted again.
killed() {
	local pid
	pid=$(daemon)
	kill -9 "$pid"
	gone "$pid"
	fusermount3 -u "$m" || umount -l "$m"
	start "$@"
}

# refused WHAT ERROR COMMAND...: fails with these words.
refused() {
	local what=$1 error=$2 said
	shift 2
	said=$("$@" 2>&1) && fail "$what succeeded"
	like "$what" "$said" "*$error*"
}
