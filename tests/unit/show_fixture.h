/*
 * A machine with one process beside init, and a buffer to render into: what
 * the tests of the renderers share.
 */
#ifndef PAGEFS_TESTS_SHOW_FIXTURE_H
#define PAGEFS_TESTS_SHOW_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "../../fs/renderers.h"
#include "../../vm/abi.h"
#include "../../vm/disk/disk.h"
#include "../../vm/mmu/mmu.h"
#include "vmtest.h"

struct show {
	struct view view;
	struct vm *m;
	struct task *t; /* bare: stack and vdso group */
	struct sbuf b;
	uint64_t free_at_boot;
};

static inline uint64_t show_free_pages(const struct vm *m)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < m->root->nr_zones; i++)
		n += m->root->zone[i].nr_free;
	return n;
}

static inline int show_boot(void **state, const char *arch)
{
	struct show *s = calloc(1, sizeof(*s));
	const struct exec_args bare = {0};

	s->m = vmtest_boot(arch, "64M");
	s->view.vm = s->m;
	s->free_at_boot = vmtest_free_pages(s->m);
	s->t = task_spawn(s->m, 1000, 100, &bare, "bare");
	assert_non_null(s->t);
	*state = s;
	return 0;
}

static inline int show_setup(void **state)
{
	return show_boot(state, "x86_64");
}

static inline int show_setup_i386(void **state)
{
	return show_boot(state, "i386");
}

/* Ends the process: every page must come back, every invariant hold. */
static inline int show_teardown(void **state)
{
	struct show *s = *state;
	struct task *t;

	/* children that end before their parent stay zombies until it ends */
	for (uint32_t pid = 2; (t = task_next(s->m, pid)); pid = t->pid + 1)
		if (t->state != TASK_ZOMBIE)
			task_exit(s->m, t, 0);
	if (vm_check(s->m))
		fail_msg("%s", vm_sentence(s->m));
	if (!phys_sum(s->m, pages[USE_FILE]))
		assert_int_equal(vmtest_free_pages(s->m), s->free_at_boot);
	vm_destroy(s->m);
	sbuf_free(&s->b);
	free(s);
	return 0;
}

/* Renders into the buffer; the text is NUL-terminated. */
static inline const char *show_text(struct show *s, show_fn *fn, uint64_t id)
{
	s->b.len = 0;
	fn(&s->b, &s->view, id);
	sbuf_char(&s->b, 0);
	assert_false(s->b.failed);
	return s->b.data;
}

static inline vaddr_t show_mmap(struct show *s, vaddr_t addr, uint64_t len,
	uint64_t prot, uint64_t flags)
{
	const struct mmap_args a = {
		.addr = addr, .len = len, .prot = prot, .flags = flags};
	int64_t r = mm_mmap(s->m, s->t, &a);

	if (r < 0)
		fail_msg("%s", vm_sentence(s->m));
	return (vaddr_t)r;
}

static inline void show_touch(
	struct show *s, struct task *t, vaddr_t va, uint64_t len, bool write)
{
	struct sigfault f;

	assert_int_equal(mem_access(s->m, t, va, len,
				 write ? ACC_WRITE : ACC_READ, NULL, &f),
		0);
}

/* The text between two lines: from the line that starts with `from` up to the
 * next that starts with `to` (the end if NULL).  Caller frees. */
static inline char *show_part(
	const char *text, const char *from, const char *to)
{
	const char *p = strstr(text, from), *e;

	assert_non_null(p);
	e = to ? strstr(p + 1, to) : p + strlen(p);
	assert_non_null(e);
	return strndup(p, (size_t)(e - p));
}

static inline bool show_starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* The number after a label at the start of a line. */
static inline uint64_t show_number(const char *text, const char *label)
{
	const char *p = text;
	size_t n = strlen(label);

	while (p && strncmp(p, label, n)) {
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		fail_msg("no line starts with \"%s\"", label);
	return strtoull(p + n, NULL, 10);
}

#define PAGE		 4096ull
#define PROT_RW		 (PROT_READ | PROT_WRITE)
#define MAP_PRIVATE_ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define MAP_SHARED_ANON	 (MAP_SHARED | MAP_ANONYMOUS)

#endif
