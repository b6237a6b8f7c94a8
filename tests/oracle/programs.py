"""The programs that judges ask, and the end of a judge that is interrupted.

Each program is in a session of its own: ^C is for the judge, which then ends
what it started.  So no answer is one that a signal has cut short.
"""
import contextlib
import glob
import os
import signal
import subprocess
import sys
import threading

INTERRUPTED = 130

running = set()
lock = threading.Lock()
stopped = threading.Event()


class Stopped(Exception):
    """There is no answer any more: the judge ends."""


def run(cmd, script="", timeout=None, **options):
    """What it says to a script: stdout, stderr, and whether it hangs."""
    with lock:
        if stopped.is_set():
            raise Stopped
        p = subprocess.Popen(
            cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True, **options)
        running.add(p)
    hangs = False
    try:
        out, err = p.communicate(script.encode(), timeout)
    except subprocess.TimeoutExpired as e:
        out, err, hangs = e.stdout or b"", b"", True
    finally:
        with lock:
            running.remove(p)
            kill(p)
        p.wait()
    if stopped.is_set():
        raise Stopped
    return out.decode(), err.decode(), hangs


def kill(p):
    """With all that it has started, unless it has ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        if p.returncode is None:
            os.killpg(p.pid, signal.SIGKILL)


def stop():
    """No thread gets an answer from now on."""
    stopped.set()
    with lock:
        for p in running:
            kill(p)


def remove_files():
    """Those of programs that ended before they could: others do not miss
    them, as each program unlinks its own once it is open."""
    for path in glob.glob("/tmp/oracle-[A-Z]") + \
            glob.glob("/dev/shm/oracle-[A-Z]"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


@contextlib.contextmanager
def telling(compared):
    """An interrupt ends the judge with what compared() says."""
    try:
        yield
    except KeyboardInterrupt:
        stop()
        print("interrupted:", compared())
        sys.exit(INTERRUPTED)


def judge(main):
    """Exits with what main returns.  The first SIGINT or SIGTERM raises
    KeyboardInterrupt in it, also where a shell has begun it in the background
    and so with SIGINT ignored."""
    def interrupt(*_):
        for s in (signal.SIGINT, signal.SIGTERM):
            signal.signal(s, signal.SIG_IGN)
        raise KeyboardInterrupt

    for s in (signal.SIGINT, signal.SIGTERM):
        signal.signal(s, interrupt)
    status = INTERRUPTED
    try:
        with telling(lambda: "nothing was compared to its end"):
            status = main()
    finally:
        if stopped.is_set():
            remove_files()
    sys.exit(status)
