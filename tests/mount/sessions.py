"""Runs the sessions of a document.

    sessions.py DOCUMENT BUILD DIRECTORY

A session is the blocks of `sh` from one in which a machine is made (pagefs -o)
to the next such one.  It runs in one bash, in a fresh directory that has build/
and examples/.  What follows a line that begins with `$ ` is what the command
prints, errors included; `...` stands for anything in its line, and alone in a
line for any lines.
"""

import os
import re
import subprocess
import sys

document, build, work = sys.argv[1:]
top = os.path.realpath(os.path.dirname(__file__) + "/../..")


def steps(block):
    """The commands of a block, each with the lines that it is to print."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def matches(got, wanted):
    pattern = "".join(
        "(.*\n)*" if line == "..." else
        re.escape(line).replace(re.escape("..."), ".*") + "\n"
        for line in wanted)
    return re.fullmatch(pattern, "".join(line + "\n" for line in got))


def run(session, where):
    """What each command printed."""
    os.makedirs(where + "/mnt")
    os.symlink(build, where + "/build")
    os.symlink(top + "/examples", where + "/examples")
    script = f"PATH={build}/fs:$PATH\n" + "".join(
        command + "\nprintf '\\0'\n" for command, _ in session)
    with open(where + "/script", "w", encoding="ascii") as f:
        f.write(script)
    done = subprocess.run(["bash", "script"], cwd=where, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="ascii")
    subprocess.run(["fusermount3", "-u", "-z", where + "/mnt"],
                   stderr=subprocess.DEVNULL, check=False)
    text = re.sub(r"\bscript: line \d+: ", "bash: ", done.stdout)
    return [part.splitlines() for part in text.split("\0")[:-1]]


def main():
    with open(document, encoding="ascii") as f:
        blocks = re.findall(r"^```sh\n(.*?)^```$", f.read(), re.M | re.S)
    sessions = []
    for block in blocks:
        if re.search(r"^\$ pagefs -o ", block, re.M):
            sessions.append([])
        sessions[-1] += steps(block)
    failures = 0
    for number, session in enumerate(sessions):
        printed = run(session, f"{work}/session{number}")
        for i, (command, wanted) in enumerate(session):
            got = printed[i] if i < len(printed) else ["(did not run)"]
            if not matches([line.rstrip() for line in got], wanted):
                failures += 1
                print(f"FAIL: {document}: $ {command}", "  got", *got,
                      "  wanted", *wanted, sep="\n", file=sys.stderr)
    print(f"{sum(map(len, sessions))} commands in {len(sessions)} sessions")
    sys.exit(bool(failures) or not sessions)


main()
