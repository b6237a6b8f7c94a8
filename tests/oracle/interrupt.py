#!/usr/bin/env python3
"""Interrupts judges: interrupt.py BUILD EXEC_COMPARE.

Each is begun in a session of its own, and gets SIGINT, with all of its process
group, several times.  It must end soon, tell what was compared so far, find no
difference, and leave no process and no file behind.
"""
import ctypes
import glob
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PR_SET_CHILD_SUBREAPER = 36
ENOUGH = "99999999"


def judges(build, exec_compare):
    run, build = HERE + "/run.py", "--build=" + build
    script = HERE + "/probes/01-mmap-args.orc"
    return [
        [run, build, "--kind=32", "--mix", "0", ENOUGH, "120"],
        [run, build, "--kind=64-life", "0", ENOUGH, "80"],
        [run, build, "--kind=jobs", "0", ENOUGH, "60"],
        [run, build, *[script] * 10000],
        [HERE + "/count.py", build, "0", ENOUGH, "200"],
        [HERE + "/exec_damage.py", exec_compare, "0", ENOUGH],
        [HERE + "/aslr.py", build, ENOUGH],
        [HERE + "/exec_compare.sh", exec_compare],
    ]


def wait_for_probes(p):
    """On a busy machine it takes a while until the first one runs."""
    while p.poll() is None:
        for path in glob.glob(f"/proc/{p.pid}/task/*/children"):
            try:
                with open(path) as children:
                    if children.read():
                        return
            except OSError:  # the thread has ended
                pass
        time.sleep(.005)


def interrupted(command, directory):
    """What it says, and its exit status; after 20 s it hangs."""
    with tempfile.TemporaryFile("w+") as said:
        p = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True, env={**os.environ, "TMPDIR": directory})
        wait_for_probes(p)
        time.sleep(random.uniform(.1, .4) if command[0].endswith(".sh")
                   else random.uniform(.2, 1.2))
        for _ in range(5):
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGINT)
            time.sleep(random.uniform(0, .02))
        try:
            status = p.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
            status = "hangs"
        said.seek(0)
        return said.read(), status


def nobody_left():
    """Orphans come to this process: those that were killed end at once."""
    try:
        for _ in range(100):
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(.05)
    except ChildProcessError:
        return True
    return False


def wrong(command):
    with tempfile.TemporaryDirectory() as directory:
        said, status = interrupted(command, directory)
        left = os.listdir(directory)
    if status != 130 or not re.search("^interrupted: ", said, re.M) or \
            re.search("differs|DIFFERENT|Traceback", said):
        return f"ends with {status} and says:\n{said}"
    if left:
        return f"leaves files behind: {left}"
    if not nobody_left():
        return "leaves processes behind"
    return None


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    bad = 0
    for command in judges(*sys.argv[1:]):
        name = " ".join(os.path.basename(c) for c in command[:4])
        what = wrong(command)
        print(f"{name}: {what or 'ends well'}", flush=True)
        bad |= what is not None
    return bad


if __name__ == "__main__":
    sys.exit(main())
