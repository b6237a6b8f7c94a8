"""rights.py DISK MOUNT SEED: who may open and make which file.

Builds a random tree twice, in a directory of the host and on DISK (disk/ of
MOUNT): directories and files of three users with random modes, links to
anywhere.  Then processes of four users open random paths with random flags;
the kernel, asked by children that have the host's tree as their root, must say
the same, and both trees must be the same in the end.
"""
import atexit, errno, os, random, shutil, signal, stat, sys, tempfile

disk, mount, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = random.Random(seed)
host = tempfile.mkdtemp()
users = [(0, 0), (1000, 1000), (1001, 1000), (1002, 1002)]
names = ["a", "b", "c", "f", "g", "l", "new"]


def fail(*words):
    sys.exit(f"seed {seed}: " + " ".join(map(str, words)))


def build(parent, depth):
    for name in rng.sample(names[:-1], 5):
        path, kind = f"{parent}/{name}", rng.choice("ddfl")
        uid, gid = rng.choice(users)
        mode = rng.randrange(512) | rng.choice([0, 0, 0o111, 0o555])
        if kind == "l":
            target = random_path()
            for root in host, disk:
                os.symlink(target, root + path)
            continue
        for root in host, disk:
            if kind == "d":
                os.mkdir(root + path)
            else:
                open(root + path, "w").close()
        if kind == "d":
            if depth:
                build(path, depth - 1)
            mode |= rng.choice([0, 0, 0o2000])
        for root in host, disk:
            os.chown(root + path, uid, gid)
            os.chmod(root + path, mode)


def random_path():
    parts = rng.choices(names + [".", ".."], k=rng.randrange(1, 5))
    return (rng.choice(["/", "", ""]) + "/".join(parts)
            + rng.choice(["", "", "", "/"]))


class Kernel:
    """Children of the host, one a user, that open files in turn."""

    def __init__(self, uid, gid):
        asks, self.ask = os.pipe()
        self.answer, answers = os.pipe()
        if pid := os.fork():
            os.close(asks), os.close(answers)
            atexit.register(os.waitpid, pid, 0)
            atexit.register(os.kill, pid, signal.SIGKILL)
            return
        os.chroot(host)
        os.chdir("/")
        os.umask(0)
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        while line := os.read(asks, 4096).decode():
            flags, path = line.split(" ", 1)
            try:
                os.close(os.open(path, int(flags), 0o644))
                said = "0"
            except OSError as e:
                said = "-" + errno.errorcode[e.errno]
            os.write(answers, said.encode())
        os._exit(0)

    def open(self, path, flags):
        os.write(self.ask, f"{flags} {path}".encode())
        return os.read(self.answer, 64).decode()


def line(pid, text):
    ctl = f"{mount}/ctl" if pid == 0 else f"{mount}/proc/{pid}/ctl"
    fd = os.open(ctl, os.O_RDWR)
    try:
        os.write(fd, text.encode() + b"\n")
    except OSError:
        pass
    said = os.read(fd, 4096).decode()
    os.close(fd)
    return said.split()[0]


class Machine:
    def __init__(self, uid, gid):
        self.pid = line(0, f"spawn uid={uid} gid={gid}")

    def open(self, path, flags):
        said = line(self.pid, f'open "{path}" {flags} mode=0644')
        if said.startswith("-"):
            return said
        line(self.pid, f"close {said}")
        return "0"


def tree(root):
    out = []
    for where, dirs, files in os.walk(root):
        dirs.sort()
        for name in sorted(dirs + files):
            path = os.path.join(where, name)
            st = os.lstat(path)
            what = os.readlink(path) if stat.S_ISLNK(st.st_mode) else ""
            out.append((path[len(root):], oct(st.st_mode), st.st_uid,
                        st.st_gid, what))
    return out


os.umask(0)
os.chmod(host, 0o1777)
os.chmod(disk, 0o1777)
build("", 2)
kernels = [Kernel(*u) for u in users]
machines = [Machine(*u) for u in users]
seen = {}
for i in range(1500):
    who = rng.randrange(len(users))
    flags = rng.choice([os.O_RDONLY, os.O_WRONLY, os.O_RDWR, 3])
    flags |= rng.choice([0, 0, os.O_CREAT, os.O_CREAT, os.O_CREAT | os.O_EXCL])
    flags |= rng.choice([0, 0, 0, os.O_TRUNC])
    path = random_path()
    if not path.startswith("/"):
        path = "/" + path
    wanted = kernels[who].open(path, flags)
    got = machines[who].open(path, flags)
    if got != wanted:
        fail(f"user {users[who]} opens {path} with {flags:#o}: {got}, the "
             f"kernel {wanted}")
    seen[wanted] = seen.get(wanted, 0) + 1
if (ours := tree(disk)) != (theirs := tree(host)):
    fail("trees:", *set(ours) ^ set(theirs))
if seen.get("-EACCES", 0) < 50 or seen.get("0", 0) < 50:
    fail("too few of some answers:", seen)
shutil.rmtree(host)
