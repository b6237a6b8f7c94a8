/* What the tests of mmu/ share: a machine, a process, a mapping. */
#ifndef PAGEFS_TESTS_MMU_RIG_H
#define PAGEFS_TESTS_MMU_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include "../../vm/abi.h"
#include "../../vm/mmu/mmu_i.h"
#include "vmtest.h"

static inline struct task *rig_spawn(struct vm *m)
{
	const struct exec_args x = {.path = NULL};
	struct task *t = task_spawn(m, 0, 0, &x, "rig");

	if (!t)
		fail_msg("%s", m->fail.text);
	return t;
}

static inline vaddr_t rig_map(
	struct vm *m, struct task *t, uint64_t pages, uint64_t prot)
{
	const struct mmap_args a = {
		.len = pages * m->page_size,
		.prot = prot,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS,
	};
	int64_t va = mm_mmap(m, t, &a);

	if (va < 0 && va > -4096)
		fail_msg("%s", m->fail.text);
	return (vaddr_t)va;
}

static inline uint64_t rig_free_pages(const struct vm *m)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < m->root->nr_zones; i++)
		n += m->root->zone[i].nr_free + pcp_pages(m, &m->root->zone[i]);
	return n;
}

/* One access of one byte; what mem_access() returned. */
static inline int rig_touch(
	struct vm *m, struct task *t, vaddr_t va, enum access_kind kind)
{
	struct sigfault f;

	vm_fail_clear(m);
	return mem_access(m, t, va, 1, kind, NULL, &f);
}

/* The machine's own checks hold; then it is gone. */
static inline void rig_end(struct vm *m)
{
	if (vm_check(m))
		fail_msg("%s", m->fail.text);
	vm_destroy(m);
}

/* xorshift64 */
static inline uint64_t rig_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

#endif
