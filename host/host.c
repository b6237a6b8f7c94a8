#include "host.h"

#include <errno.h>
#include <sys/mman.h>

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

int host_resident(const void *base, size_t len, unsigned char *vec)
{
	return mincore((void *)base, len, vec) ? -errno : 0;
}
