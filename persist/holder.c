/*
 * One process at a time has a machine for writing.
 *
 * The lock is flock(2) on the database itself: it goes with the process that
 * holds it, however that ends, and leaves no file behind.  It does not meet
 * SQLite's locks, which are fcntl(2) ranges, but closing any descriptor of a
 * file drops all fcntl locks its process has there: the descriptor of the
 * lock is therefore closed after SQLite's, and a second open within one
 * process is refused by the list below, before it opens a descriptor.
 */
#include "store_i.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

struct held {
	dev_t dev;
	ino_t ino;
	const struct store *by;
	unsigned readers; /* read-only stores of this process */
	struct held *next;
};

static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct held *held_list;

static struct held *held_find(dev_t dev, ino_t ino)
{
	struct held *h = held_list;

	while (h && (h->dev != dev || h->ino != ino))
		h = h->next;
	return h;
}

static void process_name(int pid, char *buf, size_t size)
{
	char path[64], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (f) {
		if (!fgets(comm, sizeof(comm), f))
			comm[0] = 0;
		comm[strcspn(comm, "\n")] = 0;
		fclose(f);
	}
	snprintf(buf, size, comm[0] ? "process %d (%s)" : "process %d", pid,
		comm);
}

/* Looks for the inode in /proc/locks: "1: FLOCK ADVISORY WRITE 123 fd:00:7". */
static int lock_owner(const struct stat *st)
{
	char line[256];
	int owner = 0;
	FILE *f = fopen("/proc/locks", "re");

	if (!f)
		return 0;
	while (!owner && fgets(line, sizeof(line), f)) {
		unsigned maj, min;
		unsigned long ino;
		char kind[16];
		int pid;

		if (sscanf(line, "%*s %15s %*s WRITE %d %x:%x:%lu", kind, &pid,
			    &maj, &min, &ino) == 5 &&
			ino == st->st_ino && pid > 0 && pid != getpid())
			owner = pid;
	}
	fclose(f);
	return owner;
}

void holder_name(const struct store *s, char *buf, size_t size)
{
	struct stat st;
	int pid = 0;

	if (!stat(s->path, &st)) {
		pthread_mutex_lock(&held_lock);
		if (s->lock_fd < 0 && held_find(st.st_dev, st.st_ino))
			pid = getpid();
		pthread_mutex_unlock(&held_lock);
		if (!pid)
			pid = lock_owner(&st);
	}
	if (pid)
		process_name(pid, buf, size);
	else
		snprintf(buf, size, "another process");
}

bool holder_add_reader(struct store *s, int change)
{
	struct held *h = NULL;
	struct stat st;

	pthread_mutex_lock(&held_lock);
	if (!stat(s->path, &st))
		h = held_find(st.st_dev, st.st_ino);
	if (h)
		h->readers += (unsigned)change;
	pthread_mutex_unlock(&held_lock);
	return h;
}

static bool own_readers(const struct store *s)
{
	bool any = false;

	pthread_mutex_lock(&held_lock);
	for (struct held *h = held_list; h; h = h->next)
		any |= h->by == s && h->readers;
	pthread_mutex_unlock(&held_lock);
	return any;
}

/* Where SQLite puts its reader locks: os_unix.c, SHARED_FIRST, SHARED_SIZE. */
bool holder_has_readers(const struct store *s)
{
	struct flock l = {.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = 0x40000002,
		.l_len = 510};

	return fcntl(s->lock_fd, F_GETLK, &l) || l.l_type != F_UNLCK ||
	       own_readers(s);
}

static int open_fail(struct store *s, int err)
{
	char parent[STORE_ERR_MAX / 2];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", s->path);
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = 0;
	else
		strcpy(parent, ".");
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		return store_fail(s, err,
			"cannot open %s: there is no directory %s", s->path,
			parent);
	case EISDIR:
		return store_fail(s, err,
			"cannot open %s: it is a directory, not a file",
			s->path);
	case EACCES:
		return store_fail(s, err,
			"cannot open %s: no permission to read and write it",
			s->path);
	case EROFS:
		return store_fail(s, err,
			"cannot open %s: its file system is read-only; mount "
			"with -o ro to look at it",
			s->path);
	}
	return store_fail(s, err, "cannot open %s: %s", s->path, strerror(err));
}

static int in_use(struct store *s)
{
	char who[96];

	holder_name(s, who, sizeof(who));
	return store_fail(s, EBUSY, "%s is in use by %s", s->path, who);
}

/*
 * Takes the lock, waiting a moment: a process that was killed, or that writes
 * its last snapshot after an unmount, is about to let go.
 */
static int lock_patiently(int fd)
{
	struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

	for (int i = 0; i < 100; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		nanosleep(&pause, NULL);
	}
	errno = EWOULDBLOCK;
	return -1;
}

int holder_lock(struct store *s, bool *created)
{
	struct held *h;
	struct stat st;
	int rc = 0, fd;

	pthread_mutex_lock(&held_lock);
	*created = false;
	if (!stat(s->path, &st)) {
		if (held_find(st.st_dev, st.st_ino)) {
			pthread_mutex_unlock(&held_lock);
			return in_use(s);
		}
		if (!S_ISREG(st.st_mode)) {
			pthread_mutex_unlock(&held_lock);
			return S_ISDIR(st.st_mode)
				       ? open_fail(s, EISDIR)
				       : store_fail(s, EINVAL,
						 "%s is not a regular file",
						 s->path);
		}
	} else {
		*created = errno == ENOENT;
	}
	fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	h = fd < 0 ? NULL : malloc(sizeof(*h));
	if (fd < 0) {
		rc = open_fail(s, errno);
		*created = false;
	} else if (!h || fstat(fd, &st)) {
		rc = store_fail(s, ENOMEM, "out of memory");
	} else if (lock_patiently(fd)) {
		rc = errno == EWOULDBLOCK ? -EBUSY : open_fail(s, errno);
		*created = false;
	}
	if (rc) {
		free(h);
		if (fd >= 0)
			close(fd);
	} else {
		*h = (struct held){st.st_dev, st.st_ino, s, 0, held_list};
		held_list = h;
		s->lock_fd = fd;
	}
	pthread_mutex_unlock(&held_lock);
	return rc == -EBUSY ? in_use(s) : rc;
}

void holder_unlock(struct store *s)
{
	pthread_mutex_lock(&held_lock);
	for (struct held **p = &held_list; *p; p = &(*p)->next) {
		struct held *h = *p;

		if (h->by != s)
			continue;
		*p = h->next;
		free(h);
		break;
	}
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	s->lock_fd = -1;
	pthread_mutex_unlock(&held_lock);
}
