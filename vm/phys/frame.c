/* Frames: what they are, what they hold, which are in use. */
#include <string.h>

#include "phys_i.h"

void frame_clear(struct vm *m, pfn_t pfn)
{
	if (!(frame_at(m, pfn)->flags & FR_BYTES))
		return;
	ram_mark(m, pfn_to_pa(m, pfn));
	memset(ram_at(m, pfn_to_pa(m, pfn)), 0, m->page_size);
	frame_at(m, pfn)->flags &= (uint16_t)~FR_BYTES;
}

void frame_copy(struct vm *m, pfn_t to, pfn_t from)
{
	uint8_t *dst = ram_at(m, pfn_to_pa(m, to));

	if (frame_at(m, from)->flags & FR_BYTES) {
		memcpy(frame_bytes(m, to), ram_at(m, pfn_to_pa(m, from)),
			m->page_size);
	} else if (frame_at(m, to)->flags & FR_BYTES) {
		ram_mark(m, pfn_to_pa(m, to));
		memset(dst, 0, m->page_size);
		frame_at(m, to)->flags &= (uint16_t)~FR_BYTES;
	}
}

bool frame_is_zero(const struct vm *m, pfn_t pfn)
{
	const uint8_t *p = ram_at(m, pfn_to_pa(m, pfn));

	return !(frame_at(m, pfn)->flags & FR_BYTES) ||
	       (!p[0] && !memcmp(p, p + 1, m->page_size - 1));
}

const struct frame *frame_whole(const struct vm *m, pfn_t pfn)
{
	const struct arch *a = m->arch;

	for (unsigned l = a->nr_levels - 1u; l-- && a->level[l].may_be_leaf;) {
		unsigned order = a->level[l].shift - m->page_shift;
		const struct frame *f = frame_at(m, pfn >> order << order);

		if (f->state == FRAME_HUGETLB && f->order == order)
			return f;
	}
	return frame_at(m, pfn);
}

enum frame_state phys_frame_state(const struct vm *m, pfn_t pfn)
{
	pfn_t at = pfn, end;

	if (!phys_next_managed(m, &at, &end) || at != pfn)
		return FRAME_RESERVED;
	return frame_whole(m, pfn)->state;
}

const char *frame_state_name(unsigned state)
{
	static const char *const name[] = {
		[FRAME_FRESH] = "fresh",
		[FRAME_FREE] = "free",
		[FRAME_TAIL] = "tail",
		[FRAME_PCP] = "pcp",
		[FRAME_RESERVED] = "reserved",
		[FRAME_ANON] = "anon",
		[FRAME_FILE] = "file",
		[FRAME_SHMEM] = "shmem",
		[FRAME_PGTABLE] = "pgtable",
		[FRAME_STACK] = "stack",
		[FRAME_KERNEL] = "kernel",
		[FRAME_ZPOOL] = "zspage",
		[FRAME_HUGETLB] = "hugetlb",
		[FRAME_SLAB] = "slab",
	};

	return state < sizeof(name) / sizeof(name[0]) ? name[state] : "?";
}

void frame_flags_text(unsigned flags, char buf[FRAME_FLAGS_TEXT])
{
	static const struct {
		unsigned bit;
		const char *name;
	} flag[] = {
		{FR_BYTES, "bytes"},
		{FR_EXCLUSIVE, "exclusive"},
		{FR_DIRTY, "dirty"},
		{FR_UPTODATE, "uptodate"},
		{FR_REFERENCED, "referenced"},
		{FR_ACTIVE, "active"},
		{FR_SWAPBACKED, "swapbacked"},
		{FR_ZERO, "zero"},
		{FR_MLOCKED, "mlocked"},
		{FR_SWAPCACHE, "swapcache"},
		{FR_WORKINGSET, "workingset"},
	};
	size_t len = 0;

	for (unsigned i = 0; i < sizeof(flag) / sizeof(flag[0]); i++) {
		size_t n = strlen(flag[i].name);

		if (!(flags & flag[i].bit))
			continue;
		if (len)
			buf[len++] = ',';
		memcpy(buf + len, flag[i].name, n);
		len += n;
	}
	if (!len)
		buf[len++] = '-';
	buf[len] = 0;
}

/* The end of the fresh range that holds pfn, 0 if none does. */
static pfn_t fresh_end(const struct vm *m, pfn_t pfn)
{
	for (unsigned i = 0; i < m->root->nr_zones; i++) {
		const struct zone *z = &m->root->zone[i];

		for (unsigned k = 0; k < z->nr_fresh; k++)
			if (pfn >= z->fresh[k].start && pfn < z->fresh[k].end)
				return z->fresh[k].end;
	}
	return 0;
}

/* The end of the block, free or of a processor's list, that holds pfn, 0 if
 * none does. */
static pfn_t free_end(const struct vm *m, pfn_t pfn)
{
	for (unsigned order = 0; order <= MAX_ORDER; order++) {
		pfn_t head = pfn & ~((1u << order) - 1);
		const struct frame *f = frame_at(m, head);

		if ((f->state == FRAME_FREE || f->state == FRAME_PCP) &&
			head + (1u << f->order) > pfn)
			return head + (1u << f->order);
	}
	return fresh_end(m, pfn);
}

/* The first block in use of [*pfn, end); moves *pfn to end if there is none. */
static bool next_used(
	const struct vm *m, pfn_t *pfn, pfn_t end, unsigned *order)
{
	while (*pfn < end) {
		const struct frame *f = frame_at(m, *pfn);
		pfn_t skip;

		if (f->state > FRAME_RESERVED) {
			*order = f->order;
			return true;
		}
		skip = free_end(m, *pfn);
		*pfn = skip ? skip : *pfn + 1;
	}
	return false;
}

bool phys_next_used(const struct vm *m, pfn_t *pfn, unsigned *order)
{
	pfn_t end;

	/* blocks in use lie side by side: mostly the next one is one */
	if (*pfn < m->root->max_pfn &&
		frame_at(m, *pfn)->state > FRAME_RESERVED) {
		*order = frame_at(m, *pfn)->order;
		return true;
	}
	while (phys_next_managed(m, pfn, &end))
		if (next_used(m, pfn, end, order))
			return true;
	return false;
}
