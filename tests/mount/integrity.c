/*
 * integrity PAGEFS DIR MACHINE SEED ROUNDS STEPS EVERY: random histories on a
 * mount, whose every byte an independent model knows (tests/unit/integrity.h).
 * MACHINE is a row of the table below.  After one command in EVERY, which the
 * seed chooses, the file `check` must say ok.
 *
 * In each round all bytes are compared, then one of these happens, and all are
 * compared again: the daemon is killed and the machine mounted anew; it is
 * unmounted and mounted; a checkpoint is made, a copy of this process goes on
 * for a while, the checkpoint is compared as a folder and restored.
 *
 * DIR/machine.db is left unmounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/integrity.h"

/* What they need is four times the RAM that their pools leave. */
static const struct config {
	const char *name, *options;
	const char *first[4]; /* lines to the machine, before all others */
	unsigned pool_pages;
	bool gigantic, policies;
} configs[] = {
	{.name = "plain", .options = "ram=32M,swap=192M,disk=64M"},
	{.name = "nodes",
		.options = "ram=64M,nodes=2,cpus=2,swap=192M,disk=64M",
		.first = {"set thp_shmem_enabled force",
			"set zone_reclaim_mode 1"}},
	{.name = "policies",
		.options = "ram=32M,swap=192M,disk=64M",
		.first = {"set policy_tick 50", "set ws_window 3000"},
		.policies = true},
	{.name = "pools",
		.options = "ram=1200M,swap=192M,disk=64M",
		.first = {"hugepages 1048576 nr_hugepages 1",
			"set nr_hugepages 48"},
		.pool_pages = 48,
		.gigantic = true},
};

static const struct config *config;
static const char *program;
static unsigned every; /* commands from one check to the next */
static uint64_t dice;  /* which they are; not of the history */
static char db[200], mnt[200];
static char root[260]; /* where to look: the mount, or a moment of it */
static pid_t daemon_pid;

__attribute__((noreturn)) static void die(const char *why)
{
	fprintf(stderr, "FAIL: %s: %s\n", why, strerror(errno));
	if (daemon_pid)
		kill(daemon_pid, SIGKILL);
	exit(1);
}

static void failed(const char *why)
{
	errno = 0;
	die(why);
}

/* ---- the daemon ---- */

static void command(const char *word)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), "fusermount3 %s %s", word, mnt);
	if (system(cmd))
		die(cmd);
}

static bool is_mounted(void)
{
	char path[260];

	snprintf(path, sizeof(path), "%s/ctl", mnt);
	return access(path, F_OK) == 0;
}

static void mount_machine(void)
{
	daemon_pid = fork();
	if (!daemon_pid) {
		execl(program, program, "-f", "-o", config->options, db, mnt,
			(char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 6000 && !is_mounted(); i++)
		usleep(10000);
	if (!is_mounted())
		failed("no mount");
}

static void unmount_machine(void)
{
	int status;

	command("-u");
	if (waitpid(daemon_pid, &status, 0) < 0 || status)
		failed("the daemon ended badly");
}

static void kill_machine(void)
{
	kill(daemon_pid, SIGKILL);
	waitpid(daemon_pid, NULL, 0);
	command("-uz");
}

/* ---- the rig ---- */

static int open_at(int flags, const char *fmt, ...)
{
	char path[400];
	int n = snprintf(
		path, sizeof(path), "%s/", flags == O_RDONLY ? root : mnt);
	va_list ap;
	int fd;

	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(path) - (size_t)n, fmt, ap);
	va_end(ap);
	fd = open(path, flags);
	if (fd < 0)
		die(path);
	return fd;
}

/* The machine counts all that it keeps once more. */
static void look_at_check(void)
{
	static char text[4096];
	ssize_t n;
	int fd;

	dice = dice * 6364136223846793005u + 1442695040888963407u;
	if ((dice >> 33) % every)
		return;
	fd = open_at(O_RDONLY, "check");
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		die("check");
	text[n] = 0;
	close(fd);
	if (strncmp(text, "ok: ", 4))
		failed(text);
}

static void run_line(uint32_t pid, const char *text, char *reply)
{
	int fd = pid ? open_at(O_RDWR, "proc/%u/ctl", pid)
		     : open_at(O_RDWR, "ctl");
	size_t len = strlen(text);
	char line[200];
	ssize_t n;

	memcpy(line, text, len);
	line[len] = '\n';
	n = write(fd, line, len + 1);
	if (n < 0 && errno == EIO)
		die(text);
	n = read(fd, reply, REPLY_MAX - 1);
	if (n <= 0)
		die(text);
	reply[n - 1] = 0;
	close(fd);
	look_at_check();
}

static void put(int fd, uint64_t off, const void *from, uint64_t len)
{
	if (pwrite(fd, from, len, (off_t)off) != (ssize_t)len)
		die("pwrite");
	close(fd);
	look_at_check();
}

static void run_store(uint32_t pid, uint64_t va, const void *from, uint64_t len)
{
	put(open_at(O_WRONLY, "proc/%u/mem", pid), va, from, len);
}

/* Many looks at one process follow each other. */
static struct {
	uint32_t pid;
	int fd;
} looking = {0, -1};

static void stop_looking(void)
{
	if (looking.fd >= 0)
		close(looking.fd);
	looking.fd = -1;
	looking.pid = 0;
}

static uint64_t run_look(uint32_t pid, uint64_t va, void *to, uint64_t len)
{
	ssize_t n;

	if (looking.pid != pid) {
		stop_looking();
		looking.fd = open_at(O_RDONLY, "proc/%u/mem", pid);
		looking.pid = pid;
	}
	n = pread(looking.fd, to, len, (off_t)va);
	if (n < 0)
		die("pread");
	return (uint64_t)n;
}

static void run_file_write(
	const char *path, uint64_t off, const void *from, uint64_t len)
{
	put(open_at(O_WRONLY, "disk%s", path), off, from, len);
}

static void run_file_truncate(const char *path, uint64_t size)
{
	int fd = open_at(O_WRONLY, "disk%s", path);

	if (ftruncate(fd, (off_t)size))
		die("ftruncate");
	close(fd);
	look_at_check();
}

static uint64_t run_file_look(
	const char *path, uint64_t off, void *to, uint64_t len)
{
	int fd = open_at(O_RDONLY, "disk%s", path);
	ssize_t n = pread(fd, to, len, (off_t)off);

	if (n < 0)
		die("pread");
	close(fd);
	return (uint64_t)n;
}

static const struct rig rig = {
	.line = run_line,
	.store = run_store,
	.look = run_look,
	.file_write = run_file_write,
	.file_truncate = run_file_truncate,
	.file_look = run_file_look,
	.failed = failed,
};

/* ---- rounds ---- */

static void go_on(struct history *h, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++)
		history_step(h);
}

/* A copy of the model goes on; the machine comes back to where this one is. */
static void go_back(struct history *h, unsigned round, unsigned steps)
{
	int status;
	pid_t pid;

	say(h, 0, "checkpoint c%u", round);
	done(h);
	pid = fork();
	if (!pid) {
		h->random += 0x1000;
		go_on(h, steps);
		compare_all(h);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) < 0 || status)
		failed("after a checkpoint");
	stop_looking();
	snprintf(root, sizeof(root), "%s/checkpoints/c%u", mnt, round);
	compare_all(h);
	stop_looking();
	strcpy(root, mnt);
	say(h, 0, "restore c%u", round);
	done(h);
}

static void interrupt(struct history *h, unsigned round, unsigned steps)
{
	stop_looking();
	switch (round % 3) {
	case 0:
		kill_machine();
		mount_machine();
		return;
	case 1:
		go_back(h, round, steps);
		return;
	default:
		unmount_machine();
		mount_machine();
	}
}

static void find_config(const char *name)
{
	for (unsigned i = 0; i < sizeof(configs) / sizeof(configs[0]); i++)
		if (!strcmp(configs[i].name, name))
			config = &configs[i];
	if (!config)
		failed("no such machine");
}

static void begin(struct history *h, uint64_t seed)
{
	char reply[REPLY_MAX];

	for (unsigned i = 0; i < 4 && config->first[i]; i++) {
		run_line(0, config->first[i], reply);
		if (*reply == '-')
			failed(reply);
	}
	history_begin(h, &rig, seed);
	h->pool_pages = config->pool_pages;
	h->gigantic = config->gigantic;
	h->policies = config->policies;
}

int main(int argc, char **argv)
{
	static struct history h;
	unsigned rounds, steps;

	if (argc != 8)
		failed("integrity PAGEFS DIR MACHINE SEED ROUNDS STEPS EVERY");
	program = argv[1];
	find_config(argv[3]);
	dice = strtoull(argv[4], NULL, 0);
	every = (unsigned)strtoul(argv[7], NULL, 10);
	if (!every)
		failed("EVERY is 1 at least");
	snprintf(db, sizeof(db), "%s/machine.db", argv[2]);
	snprintf(mnt, sizeof(mnt), "%s/mnt", argv[2]);
	strcpy(root, mnt);
	rounds = (unsigned)strtoul(argv[5], NULL, 10);
	steps = (unsigned)strtoul(argv[6], NULL, 10);
	mount_machine();
	begin(&h, strtoull(argv[4], NULL, 0));
	for (unsigned i = 0; i < rounds; i++) {
		go_on(&h, steps);
		compare_all(&h);
		interrupt(&h, i, steps);
		compare_all(&h);
	}
	printf("%u steps, %u pages of bytes at the end\n", h.step, h.k.live);
	model_free(&h.k);
	stop_looking();
	unmount_machine();
	return 0;
}
