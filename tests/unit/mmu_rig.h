/* What the tests of mmu/ share: a machine, a process, a mapping. */
#ifndef PAGEFS_TESTS_MMU_RIG_H
#define PAGEFS_TESTS_MMU_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../host/host.h"
#include "../../vm/abi.h"
#include "../../vm/phys/pcp.h"
#include "../../vm/mmu/mmu_i.h"
#include "../../vm/vm.h"

/* NULL-terminated pairs of key and value. */
static inline struct vm *rig_boot(const char *const *set)
{
	struct vm_config c;
	char err[SENTENCE_MAX];
	struct vm *m;

	vm_config_default(&c);
	for (; *set; set += 2)
		if (vm_config_set(&c, set[0], set[1], err))
			fail_msg("%s=%s: %s", set[0], set[1], err);
	m = vm_boot(&c, &host_mmap, err);
	if (!m)
		fail_msg("%s", err);
	return m;
}

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
