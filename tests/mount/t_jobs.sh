#!/bin/bash
# Job control: signals and what they do by default, stopped processes, wait,
# process groups and sessions, orphaned groups, permissions.
. "$(dirname "$0")/lib.sh"
start -o ram=64M
echo 'spawn name=a' >"$m/ctl"

# Stop and continue, and what the parent is told, once.
is "fork" "$(says 2 fork)" 3
like "nothing to tell" "$(says 2 'waitid flags=stopped,continued')" "-EAGAIN*news*"
is "stop" "$(says 2 'kill 3 19')" 0
is "stopped" "$(line 3 State)" "T (stopped)"
is "by what" "$(field 3 52)" 19
like "its commands" "$(says 3 'mmap 4K rw')" "-EAGAIN*stopped*kill 3 18*"
is "what others may ask for" "$(says 3 'oom_score_adj 1')" 0
is "waitid, again" "$(says 2 'waitid flags=stopped,nowait')" "3 stopped 19"
is "waitid" "$(says 2 'waitid flags=stopped')" "3 stopped 19"
like "told" "$(says 2 'waitid flags=stopped')" "-EAGAIN*"
is "told, in stat" "$(field 3 52)" 0
is "a signal waits" "$(says 2 'kill 3 15')" 0
is "pending" "$(line 3 ShdPnd)" 0000000000004000
is "alive" "$(line 3 State)" "T (stopped)"
is "ignore it" "$(says 2 'kill 3 18')" 0
is "and it ends" "$(says 2 waitid)" "3 killed 15"
is "another child" "$(says 2 fork)" 4
echo 'kill 4 19
kill 4 18' >"$m/ctl"
is "goes on" "$(says 2 'waitid flags=stopped,continued')" "4 continued 18"
echo 'kill 4 20' >"$m/ctl"
is "SIGTSTP does not stop an orphaned group" "$(line 4 State)" "R (running)"

# Ignored signals; who ignores SIGCHLD has no zombies.
is "ignore" "$(says 4 'sigaction 15 ignore')" 0
is "ignored" "$(line 4 SigIgn)" 0000000000004000
echo 'kill 4' >"$m/ctl"
is "lives" "$(line 4 State)" "R (running)"
is "a child too" "$(says 4 fork)" 5
is "ignored" "$(line 5 SigIgn)" 0000000000004000
like "never" "$(says 4 'sigaction 9 ignore')" "-EINVAL*"
like "no handlers" "$(says 4 'sigaction 10 0x400000')" "-EINVAL*handlers*"
is "no zombies" "$(says 4 'sigaction 17 ignore')" 0
says 5 'exit 1' >/dev/null
[ -e "$m/proc/5" ] && fail "a zombie whose parent ignores SIGCHLD"
like "no children" "$(says 4 wait)" "-ECHILD*"
like "no signal" "$(says 4 'kill 2 65')" "-EINVAL*"
like "nobody" "$(says 4 'kill 99 0')" "-ESRCH*"

# Groups and sessions.
like "a leader" "$(says 2 setsid)" "-EPERM*leads a session*"
is "a group" "$(says 2 'setpgid 4 0')" 0
is "its number" "$(says 2 'getpgid 4')" 4
is "in stat" "$(field 4 5) $(field 4 6) $(line 4 NSpgid)" "4 2 4"
like "leads a group" "$(says 4 setsid)" "-EPERM*"
is "fork" "$(says 4 fork)" 6
is "inherited" "$(says 6 getpgid)" 4
is "setsid" "$(says 6 setsid)" 6
is "getsid" "$(says 6 'getsid 0') $(says 2 'getsid 6')" "6 6"
like "another session" "$(says 4 'setpgid 6 4')" "-EPERM*session*"
like "not a child" "$(says 4 'setpgid 2 4')" "-ESRCH*"
is "to a group" "$(says 4 fork)" 7
is "stop it" "$(says 2 'kill -4 19')" 0
is "both" "$(field 4 3)$(field 7 3)$(field 6 3)" "TTR"

# Its last tie to the session goes: SIGHUP ends it, SIGCONT wakes it for that.
says 2 'exit_group 0' >/dev/null
[ -e "$m/proc/4" ] && fail "the stopped orphans live"
[ -e "$m/proc/7" ] && fail "the stopped orphans live"
is "another session lives" "$(line 6 PPid) $(line 6 State)" "1 R (running)"

# Rights.
echo 'spawn uid=1000 gid=1000' >"$m/ctl"
u=$(cat "$m/last")
like "no right" "$(says "$u" 'kill 6 15')" "-EPERM*cap_kill*"
like "nobody may" "$(says "$u" 'kill -6 15')" "-EPERM*"
is "root may" "$(says 6 "kill $u 9")" 0
[ -e "$m/proc/$u" ] && fail "killed"
like "init" "$(echo 'kill 1 9' 2>/dev/null >"$m/ctl"; cat "$m/last")" "-EPERM*"
is "from inside it is dropped" "$(says 6 'kill 1 9')" 0

# The kernel tells of a fault that ends a process.
echo 'set segv kill' >"$m/ctl"
like "fault" "$(says 6 'read 0x1234')" "-EFAULT*dies*"
like "the log" "$(tail -1 "$m/kernel/dmesg")" \
	"*a\[6\]: segfault at 1234 ip 0000000000000000 sp 00007fff* error 4*"
finish
