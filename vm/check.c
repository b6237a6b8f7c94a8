/*
 * The machine's own check: everything that is kept is computed anew and
 * compared, part by part, by the check.c of each directory.
 */
#include <stdlib.h>
#include <string.h>

#include "disk/dcache.h"
#include "disk/disk.h"
#include "format.h"
#include "mm/hugetlb.h"
#include "mm/khugepaged.h"
#include "mm/rmap.h"
#include "mmu/mmu.h"
#include "phys/lru.h"
#include "phys/pcp.h"
#include "reclaim/policy.h"
#include "slab/slab.h"
#include "swap/swap.h"
#include "task/task.h"
#include "vm.h"

static const struct {
	const char *name;
	int (*run)(struct vm *m);
} part[] = {
	{"frames", phys_check},
	{"lists of pages", lru_check},
	{"slabs", slab_check},
	{"policy", policy_check},
	{"address spaces", mm_check},
	{"reverse mappings", rmap_check},
	{"swap", swap_check},
	{"huge pages", hugetlb_check},
	{"khugepaged", khugepaged_check},
	{"page tables and TLBs", mmu_check},
	{"processes", task_check},
	{"NUMA policies", numa_check},
	{"disk and page cache", disk_check},
	{"names and inodes", dcache_check},
};

#define NR_PARTS (sizeof(part) / sizeof(*part))

int vm_check(struct vm *m)
{
	int ret = 0;

	vm_fail_clear(m);
	for (unsigned i = 0; !ret && i < NR_PARTS; i++)
		ret = part[i].run(m);
	return ret;
}

unsigned vm_findings(const struct vm *m, vm_stop_fn *stop, void *stop_ctx,
	vm_tell_fn *tell, void *ctx)
{
	/* a handle of its own has a sentence of its own: many may look */
	struct vm *look = malloc(sizeof(*look));
	char text[SENTENCE_MAX + 32];
	unsigned nr = 0;

	if (!look) {
		tell(ctx, "the host has no memory to check");
		return 1;
	}
	*look = *m;
	look->halt.asked = stop;
	look->halt.ctx = stop_ctx;
	for (unsigned i = 0; i < NR_PARTS; i++) {
		vm_fail_clear(look);
		if (!part[i].run(look) && !vm_halted(look))
			continue;
		if (vm_halted(look)) {
			tell(ctx, "given up: whoever asked was interrupted");
			nr++;
			break;
		}
		vm_snprintf(text, sizeof(text), "%s: %s", part[i].name,
			vm_sentence(look));
		tell(ctx, text);
		nr++;
	}
	free(look);
	return nr;
}

size_t vm_frames_text(const struct vm *m, char *buf, size_t size)
{
	uint64_t free = 0, pcp = 0, total = m->root->totalram_pages;

	for (unsigned i = 0; i < m->root->nr_zones; i++) {
		free += m->root->zone[i].nr_free;
		pcp += pcp_pages(m, &m->root->zone[i]);
	}
	return vm_snprintf(buf, size,
		"ok: %llu frames, of them %llu free, %llu on lists of "
		"processors, %llu in use",
		(unsigned long long)total, (unsigned long long)free,
		(unsigned long long)pcp,
		(unsigned long long)(total - free - pcp));
}
