#include "khugepaged.h"

#include "collapse.h"
#include "huge.h"

#define MS_NS 1000000ull
/* What a single tick makes up for, at most. */
#define MAX_SCANS 1000

static struct khugepaged *daemon_of(struct vm *m)
{
	return &m->root->khugepaged;
}

/* ---- the list ------------------------------------------------------------ */

int khugepaged_boot(struct vm *m)
{
	struct settings *s = &m->root->set;
	unsigned nr = 1u << huge_order(m);

	s->khugepaged.defrag = 1;
	s->khugepaged.pages_to_scan = nr * 8;
	s->khugepaged.max_ptes_none = nr - 1;
	s->khugepaged.max_ptes_swap = nr / 8;
	s->khugepaged.max_ptes_shared = nr / 2;
	s->khugepaged.scan_sleep_millisecs = 10000;
	s->khugepaged.alloc_sleep_millisecs = 60000;
	return 0;
}

void khugepaged_wake(struct vm *m)
{
	daemon_of(m)->due = m->root->ns;
}

static void list_add(struct vm *m, idx_t i)
{
	struct khugepaged *k = daemon_of(m);
	struct mm *mm = mm_at(m, i);

	if (!k->first)
		khugepaged_wake(m);
	mm->scanned = 1;
	mm->scan_prev = k->last;
	mm->scan_next = 0;
	if (k->last)
		mm_at(m, k->last)->scan_next = i;
	else
		k->first = i;
	k->last = i;
}

void khugepaged_enter(struct vm *m, const struct vma *v)
{
	if (!mm_at(m, v->mm)->scanned && huge_pages_wanted(&m->root->set) &&
		huge_scannable(m, v))
		list_add(m, v->mm);
}

void khugepaged_fork(struct vm *m, idx_t parent, idx_t child)
{
	if (mm_at(m, parent)->scanned)
		list_add(m, child);
}

/* It is done with the mm that it is at. */
static void next_mm(struct vm *m)
{
	struct khugepaged *k = daemon_of(m);

	k->at = mm_at(m, k->at)->scan_next;
	k->address = 0;
	k->full_scans += !k->at;
}

void khugepaged_exit(struct vm *m, idx_t i)
{
	struct khugepaged *k = daemon_of(m);
	struct mm *mm = mm_at(m, i);

	if (!mm->scanned)
		return;
	if (k->at == i)
		next_mm(m);
	if (mm->scan_next)
		mm_at(m, mm->scan_next)->scan_prev = mm->scan_prev;
	else
		k->last = mm->scan_prev;
	if (mm->scan_prev)
		mm_at(m, mm->scan_prev)->scan_next = mm->scan_next;
	else
		k->first = mm->scan_next;
	mm->scanned = 0;
}

/* ---- scanning ------------------------------------------------------------ */

static struct collapse_rules rules(const struct vm *m)
{
	const struct settings *s = &m->root->set;

	return (struct collapse_rules){s->khugepaged.max_ptes_none,
		s->khugepaged.max_ptes_swap, s->khugepaged.max_ptes_shared,
		true,
		s->khugepaged.defrag ? GFP_TRANSHUGE : GFP_TRANSHUGE_LIGHT};
}

/* How far a look at a span, or a VMA, went. */
enum visit { VISIT_ALL, VISIT_PART, VISIT_NO_MEMORY };

/* One of shared memory: it looks at no other after it. */
static enum visit scan_shmem(struct vm *m, struct vma *v, vaddr_t va)
{
	const struct collapse_rules r = rules(m);
	enum collapse e = collapse_shmem(m, v, va, &r);

	if (e == COLLAPSE_HUGE)
		e = collapse_map(m, v, va, false);
	daemon_of(m)->collapsed += e == COLLAPSE_OK || e == COLLAPSE_MAPPED;
	return e == COLLAPSE_NO_MEMORY ? VISIT_NO_MEMORY : VISIT_PART;
}

/* One span: PART if a huge page was tried. */
static enum visit scan_span(struct vm *m, struct vma *v, vaddr_t va)
{
	const struct collapse_rules r = rules(m);
	enum collapse e;

	if (v->file)
		return scan_shmem(m, v, va);
	e = collapse_scan(m, v, va, &r);
	if (e != COLLAPSE_OK)
		return VISIT_ALL;
	e = collapse_make(m, v, va, &r);
	daemon_of(m)->collapsed += e == COLLAPSE_OK;
	return e == COLLAPSE_NO_MEMORY ? VISIT_NO_MEMORY : VISIT_PART;
}

/*
 * Spans of one VMA from k->address on, until *progress, in pages, reaches
 * `pages` or a huge page was tried.
 */
static enum visit scan_vma(
	struct vm *m, struct vma *v, uint64_t pages, uint64_t *progress)
{
	struct khugepaged *k = daemon_of(m);
	vaddr_t start = huge_up(m, v->start), end = huge_down(m, v->end);

	if (!huge_scannable(m, v) || k->address > end) {
		++*progress;
		return VISIT_ALL;
	}
	if (k->address < start)
		k->address = start;
	while (k->address < end) {
		enum visit r = scan_span(m, v, k->address);

		k->address += huge_size(m);
		*progress += 1u << huge_order(m);
		if (r != VISIT_ALL || *progress >= pages)
			return r == VISIT_NO_MEMORY ? r : VISIT_PART;
	}
	return VISIT_ALL;
}

/* The mm that it is at, as far as `pages` allow; false if memory ran out. */
static bool scan_mm(struct vm *m, uint64_t pages, uint64_t *progress)
{
	struct khugepaged *k = daemon_of(m);
	struct mm *mm = mm_at(m, k->at);
	struct vma *v =
		mm->thp_disable == 1 ? NULL : vma_find(m, k->at, k->address);

	++*progress;
	for (; v; v = v->next ? vma_at(m, v->next) : NULL) {
		enum visit r = scan_vma(m, v, pages, progress);

		if (r != VISIT_ALL)
			return r != VISIT_NO_MEMORY;
	}
	next_mm(m);
	return true;
}

/* One waking period; false if memory ran out. */
static bool scan(struct vm *m)
{
	struct khugepaged *k = daemon_of(m);
	uint64_t pages = m->root->set.khugepaged.pages_to_scan;
	uint64_t progress = 0;
	unsigned rounds = 0;

	while (progress < pages) {
		if (!k->at && ++rounds == 2)
			return true;
		if (!k->at)
			k->at = k->first;
		if (!scan_mm(m, pages, &progress))
			return false;
	}
	return true;
}

void khugepaged_run(struct vm *m)
{
	const struct settings *s = &m->root->set;
	struct khugepaged *k = daemon_of(m);
	unsigned nr = 0;

	while (huge_pages_wanted(s) && k->first && k->due <= m->root->ns) {
		uint32_t sleep = scan(m) ? s->khugepaged.scan_sleep_millisecs
					 : s->khugepaged.alloc_sleep_millisecs;

		if (!sleep || ++nr == MAX_SCANS)
			k->due = m->root->ns;
		k->due += sleep * MS_NS;
		if (!sleep || nr == MAX_SCANS)
			return;
	}
}

/* ---- check --------------------------------------------------------------- */

int khugepaged_check(struct vm *m)
{
	const struct khugepaged *k = daemon_of(m);
	uint32_t listed = 0, scanned = 0;
	idx_t prev = 0;
	bool here = !k->at;

	for (idx_t i = 1; i < m->root->pool[SEG_MM].nr; i++)
		scanned += mm_at(m, i)->pgd && mm_at(m, i)->scanned;
	for (idx_t i = k->first; i && listed <= scanned; listed++) {
		const struct mm *mm = mm_at(m, i);

		if (!mm->scanned || mm->scan_prev != prev)
			break;
		here |= i == k->at;
		prev = i;
		i = mm->scan_next;
	}
	if (listed == scanned && k->last == prev && here)
		return 0;
	return vm_fail(m, EIO, "khugepaged's list has %u mms, %u are on it",
		listed, scanned);
}
