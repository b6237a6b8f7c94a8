#include "arena.h"

#include <string.h>

#include "disk/disk.h"
#include "input/input_i.h"
#include "machine.h"
#include "mm/mm.h"
#include "phys/phys.h"
#include "slab/slab.h"
#include "task/task.h"

static const struct {
	const char *name;
	size_t elem; /* of a pool */
} seg_def[NR_SEG] = {
	[SEG_ROOT] = {"root", 0},
	[SEG_RAM] = {"ram", 0},
	[SEG_FRAME] = {"frame", 0},
	[SEG_PAGEBLOCK] = {"pageblock", 0},
	[SEG_PCP] = {"pcp", 0},
	[SEG_TLB] = {"tlb", 0},
	[SEG_BLOCK] = {"block", 0},
	[SEG_SLOT] = {"slot", 0},
	[SEG_SWAP] = {"swap", 0},
	[SEG_ZRAM] = {"zram", 0},
	[SEG_DMESG] = {"dmesg", 0},
	[SEG_POLICY] = {"policy", 0},
	[SEG_TASK] = {"task", sizeof(struct task)},
	[SEG_MM] = {"mm", sizeof(struct mm)},
	[SEG_VMA] = {"vma", sizeof(struct vma)},
	[SEG_FAMILY] = {"family", sizeof(struct family)},
	[SEG_FILE] = {"file", sizeof(struct file)},
	[SEG_INODE] = {"inode", sizeof(struct inode)},
	[SEG_NAME] = {"name", DISK_NAME_SIZE},
	[SEG_RADIX] = {"radix", sizeof(struct radix_node)},
	[SEG_LABEL] = {"label", sizeof(struct label)},
	[SEG_FD] = {"fd", sizeof(struct fd)},
	[SEG_MPOL] = {"mpol", sizeof(struct mpol_range)},
	[SEG_CACHE] = {"cache", sizeof(struct cache)},
	[SEG_INPUT] = {"input", sizeof(union input_record)},
};

const char *arena_seg_name(enum seg_id id)
{
	return seg_def[id].name;
}

size_t pool_elem_size(enum seg_id id)
{
	return seg_def[id].elem;
}

int arena_reserve(struct vm *m, enum seg_id id, uint64_t bytes, uint64_t used)
{
	struct segment *s = &m->arena.seg[id];

	s->base = m->arena.host->reserve(bytes);
	if (!s->base)
		return vm_fail(m, ENOMEM,
			"the host has no %llu bytes of address space for the "
			"segment \"%s\"",
			(unsigned long long)bytes, seg_def[id].name);
	s->reserved = bytes;
	s->used = used;
	return 0;
}

int arena_track(struct vm *m, enum seg_id id)
{
	struct dirty_map *d = &m->arena.dirty[id];
	uint64_t last = m->arena.seg[id].reserved - 1;
	uint64_t pages = (last >> DIRTY_PAGE_SHIFT) + 1;

	d->bytes = pages + (last >> DIRTY_GROUP_SHIFT) + 1;
	d->page = m->arena.host->reserve(d->bytes);
	if (!d->page)
		return vm_fail(m, ENOMEM,
			"the host has no %llu bytes to follow changes of the "
			"segment \"%s\" with",
			(unsigned long long)d->bytes, seg_def[id].name);
	d->group = d->page + pages;
	return 0;
}

int arena_scratch(struct vm *m)
{
	m->arena.scratch = m->arena.host->reserve(SCRATCH_BYTES);
	if (m->arena.scratch)
		return 0;
	return vm_fail(m, ENOMEM,
		"the host has no %u bytes of address space for commands",
		SCRATCH_BYTES);
}

void *scratch_take(struct vm *m, uint64_t bytes)
{
	struct arena *a = &m->arena;
	uint64_t at = a->scratch_used;

	if (bytes > SCRATCH_BYTES - at)
		return NULL;
	a->scratch_used += (bytes + 15) & ~15ull;
	if (a->scratch_used > SCRATCH_BYTES)
		a->scratch_used = SCRATCH_BYTES;
	return a->scratch + at;
}

void scratch_give(struct vm *m, void *p)
{
	if (p)
		m->arena.scratch_used =
			(uint64_t)((uint8_t *)p - m->arena.scratch);
}

void arena_release(struct vm *m)
{
	if (m->arena.scratch)
		m->arena.host->release(m->arena.scratch, SCRATCH_BYTES);
	m->arena.scratch = NULL;
	for (unsigned i = 0; i < NR_SEG; i++) {
		struct segment *s = &m->arena.seg[i];
		struct dirty_map *d = &m->arena.dirty[i];

		if (d->page)
			m->arena.host->release(d->page, d->bytes);
		memset(d, 0, sizeof(*d));
		if (s->base)
			m->arena.host->release(s->base, s->reserved);
		memset(s, 0, sizeof(*s));
	}
}

idx_t pool_alloc(struct vm *m, enum seg_id id)
{
	struct pool_state *p = &m->root->pool[id];
	struct segment *s = &m->arena.seg[id];
	size_t elem = seg_def[id].elem;
	idx_t i = p->free;

	if (i) {
		uint32_t *obj = (uint32_t *)(s->base + (uint64_t)i * elem);

		p->free = *obj;
		*obj = 0;
	} else {
		if (!p->nr)
			p->nr = 1;
		if (((uint64_t)p->nr + 1) * elem > s->reserved) {
			vm_fail(m, ENOMEM,
				"the machine's table \"%s\" is full "
				"at %u entries",
				seg_def[id].name, p->nr - 1);
			return 0;
		}
		i = p->nr++;
		s->used = (uint64_t)p->nr * elem;
	}
	p->live++;
	return i;
}

void pool_free(struct vm *m, enum seg_id id, idx_t i)
{
	struct pool_state *p = &m->root->pool[id];
	size_t elem = seg_def[id].elem;
	void *obj = m->arena.seg[id].base + (uint64_t)i * elem;

	memset(obj, 0, elem);
	*(uint32_t *)obj = p->free;
	p->free = i;
	p->live--;
}

uint32_t pool_live(const struct vm *m, enum seg_id id)
{
	return m->root->pool[id].live;
}

uint32_t pool_room(const struct vm *m, enum seg_id id)
{
	uint64_t slots = m->arena.seg[id].reserved / seg_def[id].elem;

	return slots ? (uint32_t)(slots - 1) - pool_live(m, id) : 0;
}
