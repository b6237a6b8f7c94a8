/*
 * Which pages of a file the running kernel has in its cache after each call:
 * what it read ahead.
 *
 *	ahead FILE PAGES DEVICE < CALLS
 *
 * CALLS are lines as proc/PID/ctl takes them, in the few forms that ahead.py
 * writes.  For each comes one line: the major and minor faults of a touch, and
 * the cached pages as ranges.  DEVICE: the block device, whose requests are
 * waited for.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define PAGE  4096L
#define FILES 16

static const char *path, *device;
static long pages;
static int fd[FILES];
static unsigned nr_files;
static long major, minor;

static int advice_of(const char *word)
{
	static const char *const name[] = {
		"normal", "random", "sequential", "willneed", "dontneed"};
	int i = 0;

	while (strcmp(word, name[i]))
		i++;
	return i; /* the numbers of MADV_* and POSIX_FADV_* are the same */
}

static void touch(volatile char *at, char how)
{
	struct rusage a, b;

	getrusage(RUSAGE_SELF, &a);
	if (how == 'w')
		*at = 1;
	else
		(void)*at;
	getrusage(RUSAGE_SELF, &b);
	major = b.ru_majflt - a.ru_majflt;
	minor = b.ru_minflt - a.ru_minflt;
}

static void map(const char *line)
{
	char prot[8], flags[16];
	long len, at;
	unsigned i;
	int p = 0;

	if (sscanf(line, "mmap %ld %7s flags=%15s fd=%u addr=%li", &len, prot,
		    flags, &i, &at) != 5)
		errx(1, "%s", line);
	p |= strchr(prot, 'r') ? PROT_READ : 0;
	p |= strchr(prot, 'w') ? PROT_WRITE : 0;
	p |= strchr(prot, 'x') ? PROT_EXEC : 0;
	if (mmap((void *)at, (size_t)len, p,
		    MAP_FIXED | (*flags == 's' ? MAP_SHARED : MAP_PRIVATE),
		    fd[i], 0) == MAP_FAILED)
		err(1, "%s", line);
}

static void call(const char *line)
{
	static char buf[1 << 22];
	char word[16], how;
	long a, b;
	unsigned i;

	if (!strncmp(line, "open", 4))
		fd[nr_files++] = open(path, O_RDWR);
	else if (sscanf(line, "pread %u %ld %ld", &i, &a, &b) == 3)
		pread(fd[i], buf, (size_t)a, b);
	else if (sscanf(line, "pread %u %ld", &i, &a) == 2)
		read(fd[i], buf, (size_t)a);
	else if (sscanf(line, "lseek %u %ld", &i, &a) == 2)
		lseek(fd[i], a, SEEK_SET);
	else if (sscanf(line, "posix_fadvise %u %ld %ld %15s", &i, &a, &b,
			 word) == 4)
		posix_fadvise(fd[i], a, b, advice_of(word));
	else if (sscanf(line, "readahead %u %ld %ld", &i, &a, &b) == 3)
		readahead(fd[i], a, (size_t)b);
	else if (sscanf(line, "madvise %li %ld %15s", &a, &b, word) == 3)
		madvise((void *)a, (size_t)b, advice_of(word));
	else if (sscanf(line, "touch %li 1 %c", &a, &how) == 2)
		touch((char *)a, how);
	else
		map(line);
}

/* The device has done all that was asked of it. */
static void settle(void)
{
	char name[64];
	long reads = 1;
	FILE *f;

	snprintf(name, sizeof(name), "/sys/block/%s/inflight", device);
	while (reads) {
		f = fopen(name, "r");
		if (!f || fscanf(f, "%ld", &reads) != 1)
			err(1, "%s", name);
		fclose(f);
		usleep(300);
	}
}

static void show(const char *look)
{
	static unsigned char in[1 << 16];

	mincore((void *)look, (size_t)(pages * PAGE), in);
	printf("%ld/%ld", major, minor);
	for (long i = 0, to; i < pages; i = to + 1) {
		for (to = i; to < pages && in[to] & 1; to++)
			;
		if (to > i)
			printf(" %ld-%ld", i, to - 1);
	}
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[200], *look;
	int f;

	if (argc != 4)
		errx(1, "usage: ahead FILE PAGES DEVICE");
	path = argv[1];
	pages = atol(argv[2]);
	device = argv[3];
	f = open(path, O_RDONLY);
	if (f < 0)
		err(1, "%s", path);
	fsync(f);
	posix_fadvise(f, 0, 0, POSIX_FADV_DONTNEED);
	look = mmap(NULL, (size_t)(pages * PAGE), PROT_READ, MAP_SHARED, f, 0);
	while (fgets(line, sizeof(line), stdin)) {
		major = minor = 0;
		call(line);
		settle();
		show(look);
	}
	return 0;
}
