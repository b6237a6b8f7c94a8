#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

static void *host_reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void host_release(void *base, size_t bytes)
{
	munmap(base, bytes);
}

const struct vm_host host_mmap = {
	.reserve = host_reserve,
	.release = host_release,
};

/*
 * The PAGEMAP_SCAN ioctl (Linux 6.7, Documentation/admin-guide/mm/pagemap.rst)
 * skips holes without looking at every page.  Declared here because the
 * headers of older systems lack it.
 */
struct scan_region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags, start, end, walk_end;
	uint64_t vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask;
	uint64_t category_anyof_mask, return_mask;
};

#define SCAN_IOCTL   _IOWR('f', 16, struct scan_arg)
#define SCAN_PRESENT (1u << 3)
#define SCAN_SWAPPED (1u << 4)

static int scan(int fd, const void *base, size_t len, unsigned char *vec)
{
	struct scan_region region[256];
	uint64_t start = (uintptr_t)base, end = start + len;
	struct scan_arg arg = {.size = sizeof(arg),
		.start = start,
		.end = end,
		.vec = (uintptr_t)region,
		.vec_len = sizeof(region) / sizeof(region[0]),
		.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
		.return_mask = SCAN_PRESENT | SCAN_SWAPPED};

	memset(vec, 0, (len + PAGE - 1) / PAGE);
	while (arg.start < end) {
		int n = ioctl(fd, SCAN_IOCTL, &arg);

		if (n < 0)
			return -errno;
		for (int i = 0; i < n; i++)
			memset(vec + (region[i].start - start) / PAGE, 1,
				(region[i].end - region[i].start) / PAGE);
		arg.start = arg.walk_end;
	}
	return 0;
}

/* Older kernels: an entry a page, of which bits 63 and 62 tell. */
static int read_pagemap(
	int fd, const void *base, size_t len, unsigned char *vec)
{
	size_t pages = (len + PAGE - 1) / PAGE;
	uint64_t entry[1024], first = (uintptr_t)base / PAGE;

	for (size_t i = 0; i < pages;) {
		size_t want = pages - i < 1024 ? pages - i : 1024;
		ssize_t n = pread(fd, entry, want * sizeof(entry[0]),
			(off_t)((first + i) * sizeof(entry[0])));

		if (n < (ssize_t)sizeof(entry[0]))
			return n < 0 ? -errno : -EIO;
		want = (size_t)n / sizeof(entry[0]);
		for (size_t k = 0; k < want; k++)
			vec[i + k] = entry[k] >> 62 != 0;
		i += want;
	}
	return 0;
}

/* Not mincore(2): it does not tell a page that was swapped out from one that
 * never was. */
int host_resident(const void *base, size_t len, unsigned char *vec)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : scan(fd, base, len, vec);

	if (rc && fd >= 0)
		rc = read_pagemap(fd, base, len, vec);
	/* Without /proc, any page may hold something. */
	if (rc)
		memset(vec, 1, (len + PAGE - 1) / PAGE);
	if (fd >= 0)
		close(fd);
	return 0;
}
