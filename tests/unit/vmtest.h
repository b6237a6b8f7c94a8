/* What the tests of the machine share: boot one, end it with its checks. */
#ifndef PAGEFS_TESTS_VMTEST_H
#define PAGEFS_TESTS_VMTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../host/host.h"
#include "../../vm/phys/pcp.h"
#include "../../vm/phys/phys.h"
#include "../../vm/vm.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define assert_sentence(have, part)                                          \
	do {                                                                 \
		if (!strstr((have), (part)))                                 \
			fail_msg("\"%s\" does not hold \"%s\"", have, part); \
	} while (0)

/* NULL-terminated pairs of key and value. */
static inline struct vm *vmtest_boot_with(const char *const *set)
{
	char err[SENTENCE_MAX] = "";
	struct vm_config c;
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

static inline struct vm *vmtest_boot(const char *arch, const char *ram)
{
	const char *const set[] = {"arch", arch, "ram", ram, NULL};

	return vmtest_boot_with(set);
}

static inline uint64_t vmtest_slab_pages(const struct vm *m)
{
	return phys_sum(m, pages[USE_SLAB_RECLAIMABLE]) +
	       phys_sum(m, pages[USE_SLAB_UNRECLAIMABLE]);
}

/* Slabs count as free: vm_check() knows how many objects they have to hold. */
static inline uint64_t vmtest_free_pages(const struct vm *m)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < m->root->nr_zones; i++)
		n += m->root->zone[i].nr_free + pcp_pages(m, &m->root->zone[i]);
	return n + vmtest_slab_pages(m);
}

/* From now on processors keep no pages: each request reaches the free lists. */
static inline void vmtest_no_pcp(struct vm *m)
{
	pcp_drain_all(m);
	for (unsigned i = 0; i < m->root->nr_zones; i++)
		m->root->zone[i].pcp_high_min = m->root->zone[i].pcp_high_max =
			0;
}

static inline void vmtest_check(struct vm *m)
{
	if (vm_check(m))
		fail_msg("%s", vm_sentence(m));
}

/* Every test ends so: invariants hold, and as many pages are free as before. */
static inline void vmtest_end(struct vm *m, uint64_t free_pages)
{
	vmtest_check(m);
	assert_int_equal(vmtest_free_pages(m), free_pages);
	vm_destroy(m);
}

/* A generator for random tests, seeded: every run is the same. */
static inline uint64_t vmtest_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

#endif
