/* What the running kernel tells of the probe under /proc. */
#include "probe_sys.h"
#include "script.h"

static int64_t pagemap_fd = -1;

void proc_setup(void)
{
	if (pagemap_fd >= 0)
		SYS3(SYS_CLOSE, pagemap_fd, 0, 0);
	pagemap_fd = SYS3(SYS_OPEN, "/proc/self/pagemap", 0, 0);
	look_faults_begin();
}

size_t host_proc(const char *name, char *buf, size_t size)
{
	char path[64] = "/proc/self/";
	size_t skip = name[0] == '/' ? 5 : 11;
	int64_t fd, r = 1;
	size_t n = 0;

	for (size_t i = 0; i <= text_len(name) && i < 48; i++)
		path[skip + i] = name[i];
	fd = SYS3(SYS_OPEN, path, 0, 0);
	while (r > 0) {
		r = SYS3(SYS_READ, fd, buf + n, size - 1 - n);
		n += r > 0 ? (size_t)r : 0;
	}
	SYS3(SYS_CLOSE, fd, 0, 0);
	buf[n] = '\0';
	return n;
}

int64_t host_pagemap(uint64_t page, uint64_t nr, uint64_t *word)
{
	return read_words(pagemap_fd, page, nr, word);
}

uint64_t host_map_count(void)
{
	static char part[1 << 16];
	int64_t fd = SYS3(SYS_OPEN, "/proc/self/maps", 0, 0), r;
	uint64_t n = 0;

	while ((r = SYS3(SYS_READ, fd, part, sizeof(part))) > 0)
		for (int64_t i = 0; i < r; i++)
			n += part[i] == '\n';
	SYS3(SYS_CLOSE, fd, 0, 0);
	return n - (sizeof(void *) == 8);
}

static void word_of(const char *path, uint64_t pfn, uint64_t *word)
{
	int64_t fd = SYS3(SYS_OPEN, path, 0, 0);

	read_words(fd, pfn, 1, word);
	SYS3(SYS_CLOSE, fd, 0, 0);
}

void host_kpage(uint64_t pfn, uint64_t *count, uint64_t *flags)
{
	word_of("/proc/kpagecount", pfn, count);
	word_of("/proc/kpageflags", pfn, flags);
}

void host_faults(uint64_t n[2])
{
	static uintptr_t usage[18];

	SYS3(SYS_GETRUSAGE, 0, usage, 0);
	n[0] = usage[8];
	n[1] = usage[9];
}

int64_t host_clear_refs(const char *word)
{
	int64_t fd = SYS3(SYS_OPEN, "/proc/self/clear_refs", 1, 0);
	int64_t r = SYS3(SYS_WRITE, fd, word, text_len(word));

	SYS3(SYS_CLOSE, fd, 0, 0);
	return r > 0 ? 0 : r;
}

/* ---- nodes -------------------------------------------------------------- */

int64_t host_move_pages(int pid, int nr, const uint64_t *page,
	const int32_t *node, int flags, int32_t *status)
{
	uintptr_t address[16];

	for (int i = 0; i < nr; i++)
		address[i] = (uintptr_t)page[i];
	return syscall6(SYS_MOVE_PAGES, (uint64_t)pid, (uint64_t)nr,
		SYS_ARG(address), SYS_ARG(node), SYS_ARG(status),
		(uint64_t)flags);
}

int64_t host_migrate_pages(int pid, uint64_t from, uint64_t to)
{
	return SYS4(SYS_MIGRATE_PAGES, (intptr_t)pid, 65, &from, &to);
}
