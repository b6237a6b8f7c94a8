"""Runs the tables of docs/policies.md on the machine mounted at MOUNTPOINT.

    policies.py DOCUMENT MOUNTPOINT

A block that begins with `policy=` is a table: its pages are accessed on the
machine, and its rows must be what the machine did.
"""

import re
import sys

BASE = 0x10000000
document, mnt = sys.argv[1:]
failures = 0


def fail(what, got, wanted):
    global failures
    failures += 1
    print(f"FAIL: {what}:\n  got    {got}\n  wanted {wanted}", file=sys.stderr)


def write(path, text):
    with open(f"{mnt}/{path}", "w", encoding="ascii") as f:
        f.write(text)


def value(path, key):
    with open(f"{mnt}/{path}", encoding="ascii") as f:
        for line in f:
            if line.split()[0] == key:
                return int(line.split()[1])
    return None


def record(page, store):
    return f" {'S' if store else 'L'} {BASE + page * 4096:x},1\n"


def evicted():
    """The pages that left, by the access at which they did."""
    out = {}
    with open(f"{mnt}/phys/evictions", encoding="ascii") as f:
        for line in list(f)[1:]:
            access, page = line.split()[1], line.split()[3]
            out.setdefault(int(access), []).append(
                (int(page.split(":")[1], 16) - BASE) // 4096)
    return out


def run_table(settings, pages, stores):
    """Faults, access by access, and what left.  The future of opt is known of
    one write alone: its faults are those at which a page came into memory that
    was not there."""
    write("ctl", "set policy linux\n")
    for setting in settings:
        write("ctl", "set " + setting.replace("=", " ") + "\n")
    if "policy=opt" in settings:
        write("proc/1/trace", "".join(map(record, pages, stores)))
        out, there, faults = evicted(), set(), []
        for i, page in enumerate(pages):
            faults.append(page not in there)
            there = (there | {page}) - set(out.get(i + 1, []))
        if sum(faults) != value("phys/policy", "page_ins"):
            fail("opt", value("phys/policy", "page_ins"), sum(faults))
        return faults, out
    faults = []
    for page, store in zip(pages, stores):
        before = value("phys/policy", "page_ins")
        write("proc/1/trace", record(page, store))
        faults.append(value("phys/policy", "page_ins") > before)
    return faults, evicted()


def table(lines):
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    pages = [int(page) for page in rows["page"]]
    stores = [s == "w" for s in rows.get("store", ["."] * len(pages))]
    faults, out = run_table(lines[0].split(), pages, stores)
    got = ["*" if fault else "." for fault in faults]
    if got != rows["fault"]:
        fail(lines[0] + ", faults", got, rows["fault"])
    got = [",".join(map(str, out.get(i + 1, []))) or "."
           for i in range(len(pages))]
    if got != rows["out"]:
        fail(lines[0] + ", out", got, rows["out"])
    if lines[-1] != f"{sum(faults)} faults":
        fail(lines[0], f"{sum(faults)} faults", lines[-1])


def main():
    with open(document, encoding="ascii") as f:
        tables = re.findall(r"^```\n(policy=.*?)^```$", f.read(), re.M | re.S)
    write("proc/1/ctl", f"mmap 1M rw addr={BASE:#x} flags=fixed\n")
    for text in tables:
        table(text.splitlines())
    print(f"{len(tables)} tables")
    sys.exit(bool(failures) or not tables)


main()
