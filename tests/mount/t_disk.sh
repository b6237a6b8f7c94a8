#!/bin/bash
# disk/: an ordinary tree of files to ordinary tools, kept over a remount.
. "$(dirname "$0")/lib.sh"
start -o disk=64M
d=$m/disk

# Copies in and out, of all sizes around a block and a request.
mkdir "$d/sizes" || fail "mkdir"
for n in 0 1 4095 4096 4097 131072 131073 1048577 5000000; do
	head -c "$n" /dev/urandom >"$work/f.$n"
	cp "$work/f.$n" "$d/sizes/" || fail "cp $n"
	cmp "$work/f.$n" "$d/sizes/f.$n" || fail "cmp $n"
	is "size of $n" "$(stat -c %s "$d/sizes/f.$n")" "$n"
done

# Names that need quoting in the journal.
for name in 'a b' 'quote"quote' 'back\slash' $'new\nline' 'ünï' '#hash' \
	'-dash' 'a=b' $'\001\177'; do
	echo "$name" >"$d/$name" || fail "create '$name'"
	is "read '$name'" "$(cat "$d/$name")" "$name"
	mv -- "$d/$name" "$d/moved" || fail "mv '$name'"
	mv -- "$d/moved" "$d/$name" || fail "mv back '$name'"
done
long=$(printf '%0255d' 7)
echo x >"$d/$long" || fail "a name of 255 bytes"
echo x 2>/dev/null >"$d/8$long" && fail "a name of 256 bytes"

# Trees: tar, cp -r, mv, rm -r, links.
mkdir -p "$work/tree/one/two/three" && echo hi >"$work/tree/one/two/three/f"
ln -s one/two "$work/tree/link"
chmod 750 "$work/tree/one"
for i in $(seq 300); do echo "$i" >"$work/tree/one/two/n$i"; done
cp -r "$work/tree" "$d/copied" || fail "cp -r"
diff -r "$work/tree" "$d/copied" || fail "diff -r"
tar -C "$work" -cf - tree | tar -C "$d" -xf - || fail "tar"
diff -r "$work/tree" "$d/tree" || fail "diff of tar"
is "mode" "$(stat -c %a "$d/tree/one")" 750
is "links of a directory" "$(stat -c %h "$d/tree")" 3
is "symbolic link" "$(readlink "$d/tree/link")" one/two
is "through the link" "$(cat "$d/tree/link/three/f")" hi
is "names" "$(ls "$d/tree/one/two" | wc -l)" 301
tar -C "$d" -cf "$work/out.tar" tree || fail "tar out"
mv "$d/tree" "$d/renamed" || fail "mv of a directory"
is "after mv" "$(cat "$d/renamed/one/two/three/f")" hi
rm -r "$d/renamed" || fail "rm -r"
[ -e "$d/renamed" ] && fail "still there"
rmdir "$d/copied" 2>"$work/err" && fail "rmdir of a full directory"
like "rmdir" "$(cat "$work/err")" '*not empty*'

# Appending, writing in the middle, truncating, sparse files.
echo one >"$d/t" && echo two >>"$d/t"
is "append" "$(cat "$d/t")" $'one\ntwo'
printf X | dd of="$d/t" bs=1 seek=1 conv=notrunc 2>/dev/null
is "middle" "$(cat "$d/t")" $'oXe\ntwo'
truncate -s 2 "$d/t"
is "shorter" "$(cat "$d/t")" oX
truncate -s 1G "$d/sparse" || fail "a sparse file larger than the disk"
is "size of sparse" "$(stat -c '%s %b' "$d/sparse")" "1073741824 0"
chmod 600 "$d/t" && is "chmod" "$(stat -c %a "$d/t")" 600
chown 1000:1001 "$d/t" && is "chown" "$(stat -c %u:%g "$d/t")" 1000:1001
touch "$d/t" || fail "touch"
echo new >"$work/new" && mv "$work/new" "$d/t" || fail "mv over"
is "mv over" "$(cat "$d/t")" new
ln "$d/t" "$d/hard" 2>"$work/err" && fail "a hard link"
like "hard link" "$(cat "$work/err")" '*not permitted*'

# mmap, shared and private.
python3 - "$d/mapped" <<'PY' || fail "mmap"
import mmap, sys
path = sys.argv[1]
with open(path, "wb") as f:
    f.write(b"a" * 10000)
with open(path, "r+b") as f:
    p = mmap.mmap(f.fileno(), 0)
    p[5000:5005] = b"hello"
    p.flush()
    p.close()
assert open(path, "rb").read()[4999:5006] == b"ahelloa"
PY

# What a simulated process stores into a shared mapping is in the file.
head -c 8192 /dev/zero >"$d/shared"
cat "$d/shared" >/dev/null
printf '%s\n' 'mmap 8K rw flags=shared file=/shared as=s' 'write s "stored"' \
	>"$m/proc/1/ctl" || fail "store: $(cat "$m/proc/1/last")"
is "store seen" "$(head -c 6 "$d/shared")" stored
echo 'munmap s 8K' >"$m/proc/1/ctl"
is "store seen after munmap" "$(head -c 6 "$d/shared")" stored

# A full disk: ENOSPC, and nothing by half.
head -c 80000000 /dev/zero | tr '\0' x 2>/dev/null >"$d/full" 2>"$work/err" &&
	fail "more than the disk holds"
like "last" "$(cat "$m/last")" '-ENOSPC*'
rm "$d/full" || fail "rm when full"
echo fits >"$d/fits" || fail "room again"

# A file that is removed while open.
exec 5<"$d/fits"
rm "$d/fits"
cat <&5 >/dev/null 2>&1
exec 5<&-

# Everything is there after a remount.
(cd "$d" && find . -type f -exec sha256sum {} + | sort -k2) >"$work/before"
(cd "$d" && find . -printf '%p %y %m %l\n' | sort) >>"$work/before"
hash=$(cat "$m/state_hash")
stop
start
is "state over a remount" "$(cat "$m/state_hash")" "$hash"
(cd "$d" && find . -type f -exec sha256sum {} + | sort -k2) >"$work/after"
(cd "$d" && find . -printf '%p %y %m %l\n' | sort) >>"$work/after"
diff "$work/before" "$work/after" || fail "files after a remount"
