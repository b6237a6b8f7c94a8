#!/bin/bash
# Who may search directories, open files and make new ones: the running kernel
# is asked the same.  PAGEFS_SEED=N begins with another tree.
. "$(dirname "$0")/lib.sh"
first=${PAGEFS_SEED:-1}
for seed in $(seq "$first" $((first + 3))); do
	start -o ram=64M,disk=8M
	python3 "$(dirname "$0")/rights.py" "$m/disk" "$m" "$seed" ||
		fail "seed $seed"
	stop
	rm "$db"
done

# Nobody but root makes files in a directory of root's.
start -o ram=64M,disk=8M
pid=$(says 0 'spawn uid=1000')
mkdir "$m/disk/d" && chmod 700 "$m/disk/d" && echo x >"$m/disk/d/f"
like "no new file" "$(says "$pid" 'open /new creat,wronly')" \
	'-EACCES the directory / has mode 0755 and owner 0: user 1000 may not write to it*'
like "no new file there" "$(says "$pid" 'open /d/x creat,rdwr')" \
	'-EACCES the directory /d has mode 0700 and owner 0: user 1000 may not search it*'
like "no file there" "$(says "$pid" 'open /d/f')" '-EACCES*'
like "none to map" "$(says "$pid" 'mmap 4K r file=/d/f')" '-EACCES*'
like "none to run" "$(says "$pid" 'exec /d/f')" '-EACCES*'
like "none to replay" "$(says "$pid" 'replay_trace /d/f')" '-EACCES*'
is "root's" "$(says 1 'open /d/x creat,rdwr')" 0
is "none was made" "$(ls "$m/disk" "$m/disk/d" | paste -sd' ')" \
	"$m/disk: d  $m/disk/d: f x"

# /dev/shm is for everybody, an object in it for its owner.
is "theirs" "$(says "$pid" 'shm ring 4K')" 0
is "whose" "$(stat -c '%u %a' "$m/disk/dev/shm/ring")" "1000 600"
other=$(says 0 'spawn uid=1001')
like "not another's" "$(says "$other" 'shm ring')" '-EACCES*'
is "root's too" "$(says 1 'shm ring')" 1
is "/dev/shm" "$(stat -c %a "$m/disk/dev/shm")" 1777
