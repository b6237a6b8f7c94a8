/* What the tests of faults share: a machine with one bare process, and short
 * words for mapping and accessing. */
#ifndef PAGEFS_TESTS_FAULT_RIG_H
#define PAGEFS_TESTS_FAULT_RIG_H

#include "vmtest.h"

#include "../../vm/abi.h"
#include "../../vm/disk/disk.h"
#include "../../vm/mm/migrate.h"
#include "../../vm/mm/mm.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/phys/lru.h"
#include "../../vm/phys/pageblock.h"
#include "../../vm/swap/swap.h"
#include "../../vm/task/task.h"

static struct vm *m;
static struct task *t;
static struct sigfault sf;
static uint64_t free_at_start;

#define RIG_BASE 0x10000000ull
#define RW	 (PROT_READ | PROT_WRITE)
#define ANON	 (MAP_PRIVATE | MAP_ANONYMOUS)

static inline struct task *rig_task(uint32_t uid)
{
	const struct exec_args x = {.path = NULL};
	struct task *n = task_spawn(m, uid, uid, &x, "rig");

	if (!n)
		fail_msg("%s", vm_sentence(m));
	return n;
}

/* *state is the architecture's name. */
static inline int rig_setup(void **state)
{
	m = vmtest_boot(*state, "64M");
	free_at_start = vmtest_free_pages(m);
	t = rig_task(1000);
	return 0;
}

/* The first process behind init that still runs, or NULL. */
static inline struct task *rig_running(void)
{
	struct task *n = task_next(m, 2);

	while (n && n->state == TASK_ZOMBIE)
		n = task_next(m, n->pid + 1);
	return n;
}

/* Ends every process but init and removes every file. */
static inline void rig_clear(void)
{
	char path[DISK_NAME_SIZE];
	idx_t child;

	struct task *n;

	while ((n = rig_running()))
		task_exit(m, n, 0);
	while ((child = inode_at(m, m->root->disk_root)->child)) {
		disk_path(m, child, path, sizeof(path));
		assert_int_equal(disk_unlink(m, path), 0);
	}
}

static inline int rig_teardown(void **state)
{
	struct swap_area *own = swap_area_of(m, 0);

	vmtest_check(m);
	rig_clear();
	/* what init has there comes back */
	if (own)
		assert_int_equal(swap_off(m, own), 0);
	vmtest_end(m, free_at_start);
	return 0;
}

#define RIG_TEST(f)                                     \
	{#f " x86_64", f, rig_setup, rig_teardown,      \
		(void *)(uintptr_t) "x86_64"},          \
	{                                               \
#f " i386", f, rig_setup, rig_teardown, \
			(void *)(uintptr_t) "i386"      \
	}

/* Maps at a fixed address. */
static inline void map_of(struct task *of, vaddr_t at, uint64_t pages,
	uint64_t prot, uint64_t flags, idx_t file, uint64_t page)
{
	const struct mmap_args a = {
		.addr = at,
		.len = pages << m->page_shift,
		.prot = prot,
		.flags = flags | MAP_FIXED,
		.file = file,
		.off = page << m->page_shift,
	};

	if (mm_mmap(m, of, &a) != (int64_t)at)
		fail_msg("%s", vm_sentence(m));
}

static inline void map(vaddr_t at, uint64_t pages, uint64_t prot,
	uint64_t flags, idx_t file, uint64_t page)
{
	map_of(t, at, pages, prot, flags, file, page);
}

static inline vaddr_t page_at(vaddr_t base, uint64_t page)
{
	return base + (page << m->page_shift);
}

/* A file of that many pages; each byte tells its page. */
static inline idx_t make_file(const char *path, uint64_t pages)
{
	idx_t f = disk_create(m, path, 0666, 1000, 1000);
	uint8_t page[DISK_BLOCK];

	for (uint64_t i = 0; i < pages; i++) {
		memset(page, (int)(i % 251) + 1, sizeof(page));
		disk_write(m, f, i * DISK_BLOCK, page, sizeof(page));
	}
	return f;
}

/* Reads its first pages into the cache. */
static inline void cache_all(idx_t inode, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++)
		cache_get(m, inode, i, NULL);
}

static inline idx_t open_rw(const char *path)
{
	idx_t f = file_open(m, NULL, path, FMODE_READ | FMODE_WRITE);

	if (!f)
		fail_msg("%s", vm_sentence(m));
	return f;
}

/* One byte; the error, with sf set. */
static inline int load_of(struct task *of, vaddr_t va, uint8_t *byte)
{
	vm_fail_clear(m);
	return mem_access(m, of, va, 1, ACC_READ, byte, &sf);
}

static inline int store_of(struct task *of, vaddr_t va, uint8_t byte)
{
	vm_fail_clear(m);
	return mem_access(m, of, va, 1, ACC_WRITE, &byte, &sf);
}

/* The same where it must succeed. */
static inline uint8_t get_of(struct task *of, vaddr_t va)
{
	uint8_t b = 0;

	if (load_of(of, va, &b))
		fail_msg("%s", vm_sentence(m));
	return b;
}

static inline void put_of(struct task *of, vaddr_t va, uint8_t byte)
{
	if (store_of(of, va, byte))
		fail_msg("%s", vm_sentence(m));
}

static inline uint8_t get(vaddr_t va)
{
	return get_of(t, va);
}

static inline void put(vaddr_t va, uint8_t byte)
{
	put_of(t, va, byte);
}

static inline struct mm *mm_of(const struct task *of)
{
	return mm_at(m, of->mm);
}

static inline uint64_t entry_of(struct task *of, vaddr_t va)
{
	return pt_get(m, mm_of(of), va);
}

static inline pfn_t pfn_of(struct task *of, vaddr_t va)
{
	uint64_t e = entry_of(of, va);

	return pte_present(m, e) ? pte_pfn(m, e) : PFN_NONE;
}

/* Moves the page at va of t to another frame; the one that it left is free. */
static inline pfn_t move_page(vaddr_t va)
{
	pfn_t from = pfn_of(t, va), to;

	assert_true(page_movable(m, from));
	to = buddy_alloc(
		m, GFP_HIGHUSER_MOVABLE, 0, FRAME_KERNEL, USE_KERNEL, false);
	assert_true(to);
	zone_of(m, to)->pages[USE_KERNEL]--;
	lru_del(m, from);
	migrate_page(m, to, from);
	free_block(m, zone_of(m, from), from, 0);
	return to;
}

static inline bool writable(struct task *of, vaddr_t va)
{
	return entry_of(of, va) & m->arch->pte.write;
}

/* Minor faults of the process since the last call. */
static inline uint64_t minor_faults(void)
{
	static uint64_t last;
	uint64_t n = t->min_flt - last;

	last = t->min_flt;
	return n;
}

#endif
