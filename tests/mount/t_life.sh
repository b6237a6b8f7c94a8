#!/bin/bash
# Processes: vfork, threads, zombies and what their files show, orphans, wait.
. "$(dirname "$0")/lib.sh"
start -o ram=64M
echo 'spawn name=a' >"$m/ctl"

# The parent is suspended until the child ends.
is "vfork" "$(says 2 vfork)" 3
is "suspended" "$(line 2 State)" "D (disk sleep)"
like "its commands" "$(says 2 'mmap 4K rw')" "-EAGAIN*vfork*"
is "what others may ask for" "$(says 2 'oom_score_adj 1')" 0
is "one memory" "$(says 3 'mmap 4K rw as=x')" 0x7ffff7ff6000
is "exit" "$(says 3 'exit 3')" 0
is "released" "$(line 2 State)" "R (running)"

# The child is a zombie: no memory, no files, its code in field 52.
is "zombie" "$(line 3 State)" "Z (zombie)"
is "no memory lines" "$(grep -c '^Vm' "$m/proc/3/status")" 0
is "no umask" "$(line 3 Umask)" ""
is "descriptors" "$(line 3 FDSize)" 0
is "maps" "$(cat "$m/proc/3/maps")" ""
is "statm" "$(cat "$m/proc/3/statm")" "0 0 0 0 0 0 0"
is "exit code" "$(field 3 52)" 768
is "vsize" "$(field 3 23)" 0
like "its commands" "$(says 3 'mmap 4K rw')" "-ESRCH*exited*"
is "waitid" "$(says 2 'waitid flags=nowait')" "3 exited 3"
is "wait" "$(says 2 'wait 3')" 3
like "nobody left" "$(says 2 wait)" "-ECHILD*"

# Threads: one process, and a leader that ends before them.
is "fork" "$(says 2 fork)" 4
is "thread" "$(says 4 'clone flags=thread')" 5
is "listed" "$(ls "$m/proc/4/task" | tr '\n' ' ')" "4 5 "
says 4 'mmap 8K rw as=y' >/dev/null
says 5 'touch 0x7ffff7ff4000 8K' >/dev/null
is "faults of the process" "$(field 4 10)" 2
is "of its leader" "$(cut -d' ' -f10 "$m/proc/4/task/4/stat")" 0
is "the leader ends" "$(says 4 'exit 1')" 0
is "zombie leader" "$(line 4 State) $(line 4 Threads)" "Z (zombie) 2"
like "not waited for" "$(says 2 'wait 4')" "-EAGAIN*"
is "the rest ends" "$(says 5 'exit_group 2')" 0
is "waitid" "$(says 2 waitid)" "4 exited 2"
is "faults of children" "$(field 2 11)" 2

# Orphans go to the nearest subreaper, then to init.
is "subreaper" "$(says 2 'prctl set_child_subreaper 1')" 0
is "child" "$(says 2 fork)" 6
is "grandchild" "$(says 6 fork)" 7
echo 'kill 6 9' >"$m/ctl"
is "adopted" "$(line 7 PPid)" 2
is "killed" "$(says 2 'waitid 6')" "6 killed 9"
is "the group" "$(field 7 5) $(field 7 6)" "2 2"
echo 'kill 2 9' >"$m/ctl"
is "init's" "$(line 7 PPid)" 1
says 7 'exit 0' >/dev/null
[ -e "$m/proc/7" ] && fail "init does not wait for its children"

# The program that a process says to run; Linux keeps the old one while it is
# mapped.
cp /bin/true "$m/disk/other"
cp /bin/true "$m/disk/third"
chmod 755 "$m/disk/other"
echo 'spawn name=e' >"$m/ctl"
e=$(cat "$m/last")
is "open" "$(says "$e" 'open /other') $(says "$e" 'open /third')" "0 1"
chmod 644 "$m/disk/third"
like "not executable" "$(says "$e" 'prctl set_mm exe_file 1')" "-EACCES*"
like "not open" "$(says "$e" 'prctl set_mm exe_file 7')" "-EBADF*"
is "exe_file" "$(says "$e" 'prctl set_mm exe_file 0')" 0
is "exe" "$(readlink "$m/proc/$e/exe")" /other
x=$(says "$e" 'mmap 4K r fd=0')
chmod 755 "$m/disk/third"
like "mapped" "$(says "$e" 'prctl set_mm exe_file 1')" "-EBUSY*mapped at $x*"
is "unmapped" "$(says "$e" "munmap $x 4K")" 0
is "exe_file" "$(says "$e" 'prctl set_mm exe_file 1')" 0

# The older scale of the OOM score is the kernel's, where one may set it.
both_scales() { # DIR of a process
	for n in $(seq 0 15); do
		echo "$n" >"$1/oom_adj"
		cat "$1/oom_score_adj" "$1/oom_adj"
	done
	for n in 940 941 950 999 1000; do
		echo "$n" >"$1/oom_score_adj"
		cat "$1/oom_adj"
	done
}
(both_scales "/proc/$BASHPID") >"$work/kernel"
both_scales "$m/proc/$e" >"$work/machine"
cmp "$work/kernel" "$work/machine" || fail "oom_adj"
echo 16 2>/dev/null >"$m/proc/$e/oom_adj" && fail "oom_adj 16"

# mappings of files, in the order of their addresses
mkdir -p "$m/disk/lib"
head -c 8192 /dev/zero >"$m/disk/lib/f"
echo 'spawn name=b' >"$m/ctl"
p=$(cat "$m/last")
says "$p" 'mmap 4K r file=/lib/f addr=0x30000000 flags=fixed' >/dev/null
says "$p" 'mmap 4K r file=/lib/f addr=0x20000000 flags=fixed' >/dev/null
is "map_files" "$(ls -U "$m/proc/$p/map_files" | tr '\n' ' ')" \
	"20000000-20001000 30000000-30001000 "
finish
