/*
 * The client side of the benchmarks.  Every subcommand measures two things in
 * turn, five rounds each, and prints the medians: what pagefs takes, what the
 * other takes, and the ratio.
 *
 *	client write FILE NULLFILE LINE N	an acknowledged write, us
 *	client cat FILE NULLFILE N		open+read+close, us
 *	client maps FILE N			ns a line; N mappings in this
 *						process for the kernel's own
 *	client pagemap FILE ADDR LEN		MB/s against the kernel's own
 *	client bulk FILE BASE PAGES		1 MiB of touch lines, lines/s
 *	client feed FILE DATA			1 MiB writes of DATA, seconds
 *	client many MOUNT LINE N		lines/s of four processes that
 *						write to four processes' ctl,
 *						and of one alone, thousands
 *	client wait FILE LINE COMMAND		the longest write while a
 *						command of the shell runs, and
 *						in as long without, ms
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 5
#define TURNS  101 /* of small operations: too short to be disturbed often */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Of what takes longer whenever another program runs: the lower quartile. */
static double quartile(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return v[n / 4];
}

static int must_open(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static double time_writes(int fd, const char *line, long n)
{
	size_t len = strlen(line);
	double t = now();

	for (long i = 0; i < n; i++)
		if (write(fd, line, len) != (ssize_t)len) {
			perror("write");
			exit(1);
		}
	return (now() - t) / (double)n * 1e6;
}

static double time_cats(const char *path, long n)
{
	static char buf[1 << 16];
	double t = now();

	for (long i = 0; i < n; i++) {
		int fd = must_open(path, O_RDONLY);

		if (read(fd, buf, sizeof(buf)) <= 0)
			exit(1);
		close(fd);
	}
	return (now() - t) / (double)n * 1e6;
}

/* Reads a file to its end; returns bytes, counts lines. */
static size_t slurp(const char *path, size_t *lines)
{
	static char buf[1 << 20];
	int fd = must_open(path, O_RDONLY);
	size_t total = 0;
	ssize_t r;

	*lines = 0;
	while ((r = read(fd, buf, sizeof(buf))) > 0) {
		total += (size_t)r;
		for (char *p = buf;
			(p = memchr(p, '\n', (size_t)(buf + r - p))); p++)
			++*lines;
	}
	close(fd);
	return total;
}

static double time_maps(const char *path)
{
	size_t lines;
	double t = now();

	slurp(path, &lines);
	return (now() - t) / (double)lines * 1e9;
}

static double time_pagemap(int fd, uint64_t va, uint64_t len)
{
	static char buf[512 << 10];
	uint64_t left = len / 4096 * 8;
	off_t off = (off_t)(va / 4096 * 8);
	double t = now();

	while (left) {
		ssize_t r = pread(
			fd, buf, left < sizeof(buf) ? left : sizeof(buf), off);

		if (r <= 0) {
			perror("pagemap");
			exit(1);
		}
		off += r;
		left -= (uint64_t)r;
	}
	return (double)(len / 4096 * 8) / (now() - t) / 1e6;
}

/* Two measurements in turn, and their ratio. */
static void report(double x, double y, const char *unit)
{
	printf("%.2f %.2f %.2f %s\n", x, y, x / y, unit);
}

static int cmd_write(char **v)
{
	int a = must_open(v[0], O_WRONLY), b = must_open(v[1], O_WRONLY);
	long n = atol(v[3]);
	double x[TURNS], y[TURNS];
	char line[256];

	snprintf(line, sizeof(line), "%s\n", v[2]);
	for (int i = 0; i < TURNS; i++) {
		x[i] = time_writes(a, line, n / TURNS);
		y[i] = time_writes(b, line, n / TURNS);
	}
	report(quartile(x, TURNS), quartile(y, TURNS), "us");
	return 0;
}

static int cmd_cat(char **v)
{
	long n = atol(v[2]);
	double x[TURNS], y[TURNS];

	for (int i = 0; i < TURNS; i++) {
		x[i] = time_cats(v[0], n / TURNS);
		y[i] = time_cats(v[1], n / TURNS);
	}
	report(quartile(x, TURNS), quartile(y, TURNS), "us");
	return 0;
}

static int cmd_maps(char **v)
{
	long n = atol(v[1]);
	double x[ROUNDS], y[ROUNDS];

	for (long i = 0; i < n; i++)
		mmap(NULL, 4096, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < ROUNDS; i++) {
		x[i] = time_maps(v[0]);
		y[i] = time_maps("/proc/self/maps");
	}
	report(median(x, ROUNDS), median(y, ROUNDS), "ns/line");
	return 0;
}

static int cmd_pagemap(char **v)
{
	uint64_t va = strtoull(v[1], NULL, 0), len = strtoull(v[2], NULL, 0);
	int a = must_open(v[0], O_RDONLY);
	int b = must_open("/proc/self/pagemap", O_RDONLY);
	char *mine = mmap(NULL, len, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double x[ROUNDS], y[ROUNDS];

	if (mine == MAP_FAILED)
		return 1;
	madvise(mine, len, MADV_NOHUGEPAGE);
	for (uint64_t i = 0; i < len; i += 4096)
		mine[i] = 1;
	for (int i = 0; i < ROUNDS; i++) {
		x[i] = time_pagemap(a, va, len);
		y[i] = time_pagemap(b, (uint64_t)(uintptr_t)mine, len);
	}
	report(median(x, ROUNDS), median(y, ROUNDS), "MB/s");
	return 0;
}

static int cmd_bulk(char **v)
{
	uint64_t base = strtoull(v[1], NULL, 0);
	long pages = atol(v[2]);
	int fd = must_open(v[0], O_WRONLY);
	char *buf = malloc((1 << 20) + 64);
	double x[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		size_t n = 0;
		long lines = 0;
		double t;

		while (n < (1 << 20) - 32) {
			n += (size_t)sprintf(buf + n, "touch 0x%lx\n",
				(unsigned long)(base +
						(uint64_t)(lines % pages) *
							4096));
			lines++;
		}
		t = now();
		if (write(fd, buf, n) != (ssize_t)n) {
			perror("write");
			return 1;
		}
		x[i] = (double)lines / (now() - t) / 1e6;
	}
	printf("%.2f M lines/s\n", median(x, ROUNDS));
	free(buf);
	return 0;
}

static int cmd_feed(char **v)
{
	int in = must_open(v[1], O_RDONLY), out = must_open(v[0], O_WRONLY);
	off_t size = lseek(in, 0, SEEK_END);
	char *data = mmap(NULL, (size_t)size, PROT_READ,
		MAP_PRIVATE | MAP_POPULATE, in, 0);
	double t = now();

	if (data == MAP_FAILED)
		return 1;
	for (off_t o = 0; o < size;) {
		size_t n = (size_t)(size - o < 1 << 20 ? size - o : 1 << 20);
		ssize_t r = write(out, data + o, n);

		if (r <= 0) {
			perror("write");
			return 1;
		}
		o += r;
	}
	if (close(out)) {
		perror("close");
		return 1;
	}
	printf("%.4f\n", now() - t);
	return 0;
}

/* Seconds to write all of the data, a MiB at a time, to a file that is opened
 * for it. */
static double time_log(const char *path, const char *data, size_t size)
{
	double t = now();
	int out = must_open(path, O_WRONLY);

	for (size_t o = 0; o < size;) {
		size_t n = size - o < 1 << 20 ? size - o : 1 << 20;
		ssize_t r = write(out, data + o, n);

		if (r <= 0) {
			perror(path);
			exit(1);
		}
		o += (size_t)r;
	}
	if (close(out)) {
		perror(path);
		exit(1);
	}
	return now() - t;
}

/* The same for a loop that reads it and splits lines at their commas. */
static double time_split(const char *path, size_t *lines, size_t *words)
{
	static char buf[1 << 20];
	FILE *in = fopen(path, "r");
	double t = now();

	*lines = *words = 0;
	if (!in)
		exit(1);
	while (fgets(buf, sizeof(buf), in)) {
		++*lines;
		for (char *p = buf; (p = strchr(p, ',')); p++)
			++*words;
	}
	fclose(in);
	return now() - t;
}

static int cmd_log(char **v)
{
	int in = must_open(v[1], O_RDONLY);
	size_t size = (size_t)lseek(in, 0, SEEK_END), lines, words;
	char *data =
		mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, in, 0);
	double x[ROUNDS], y[ROUNDS];

	if (data == MAP_FAILED)
		return 1;
	for (int i = 0; i < ROUNDS; i++) {
		y[i] = time_split(v[1], &lines, &words);
		x[i] = time_log(v[0], data, size);
		y[i] = (double)lines / y[i] / 1e3;
		x[i] = (double)lines / x[i] / 1e3;
	}
	report(median(x, ROUNDS), median(y, ROUNDS), "K/s");
	return 0;
}

/* Thousand lines a second of `writers` processes together. */
static double write_rate(
	const char *mount, const char *line, long n, int writers)
{
	double t = now();

	for (int i = 0; i < writers; i++) {
		char path[300];

		if (fork())
			continue;
		snprintf(path, sizeof(path), "%s/proc/%d/ctl", mount, i + 1);
		time_writes(must_open(path, O_WRONLY), line, n);
		_exit(0);
	}
	for (int i = 0; i < writers; i++) {
		int status;

		wait(&status);
		if (status)
			exit(1);
	}
	return (double)(writers * n) / (now() - t) / 1e3;
}

static int cmd_many(char **v)
{
	double x[ROUNDS], y[ROUNDS];
	long n = atol(v[2]);
	char line[256];

	snprintf(line, sizeof(line), "%s\n", v[1]);
	for (int i = 0; i < ROUNDS; i++) {
		x[i] = write_rate(v[0], line, n, 4);
		y[i] = write_rate(v[0], line, n * 4, 1);
	}
	report(median(x, ROUNDS), median(y, ROUNDS), "K/s");
	return 0;
}

/* The longest write until the child ends, or without one for `secs`; *secs
 * is how long it was. */
static double longest_write(int fd, const char *line, pid_t child, double *secs)
{
	size_t len = strlen(line);
	double begin = now(), t = begin, end, most = 0;

	do {
		if (write(fd, line, len) != (ssize_t)len) {
			perror("write");
			exit(1);
		}
		end = now();
		if (end - t > most)
			most = end - t;
		t = end;
	} while (child ? !waitpid(child, NULL, WNOHANG) : end - begin < *secs);
	*secs = end - begin;
	return most * 1e3;
}

static int cmd_wait(char **v)
{
	int fd = must_open(v[0], O_WRONLY);
	double secs = 0.2, x, y;
	char line[256];
	pid_t child;

	snprintf(line, sizeof(line), "%s\n", v[1]);
	longest_write(fd, line, 0, &secs);
	child = fork();
	if (!child) {
		execl("/bin/sh", "sh", "-c", v[2], NULL);
		_exit(127);
	}
	x = longest_write(fd, line, child, &secs);
	y = longest_write(fd, line, 0, &secs);
	report(x, y, "ms");
	return 0;
}

static const struct {
	const char *name;
	int args;
	int (*run)(char **v);
} commands[] = {
	{"write", 4, cmd_write},
	{"cat", 3, cmd_cat},
	{"maps", 2, cmd_maps},
	{"pagemap", 3, cmd_pagemap},
	{"bulk", 3, cmd_bulk},
	{"feed", 2, cmd_feed},
	{"log", 2, cmd_log},
	{"many", 3, cmd_many},
	{"wait", 3, cmd_wait},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (argc > 1 && !strcmp(argv[1], commands[i].name) &&
			argc == commands[i].args + 2)
			return commands[i].run(argv + 2);
	fprintf(stderr,
		"usage: client write|cat|maps|pagemap|bulk|feed|log|many|wait "
		"...\n");
	return 2;
}
