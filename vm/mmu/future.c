#include "future.h"

#include <string.h>

#include "mmu_i.h"

#define RECORDS_MAX  (1u << 25)
#define USES_MAX     (9ull * RECORDS_MAX) /* 32 KiB lie on 9 pages of 4 KiB */
#define PAGES_MAX    (1u << 24)
#define SLOTS	     (2u * PAGES_MAX)
#define RECENT	     1024u
#define NO_USE	     0u
#define SIZE_MAX_LOG 15u

/* One use of a page; number 0 is none. */
struct use {
	uint32_t record, next;
};

struct known_page {
	uint64_t vpn;
	uint32_t use;  /* the first that is still to come */
	uint32_t slot; /* of the hash table */
};

struct future {
	uint32_t nr_pages;
	size_t at;
	struct {
		uint64_t vpn;
		uint32_t page;
	} recent[RECENT];
	uint32_t slot[SLOTS]; /* page by hash, linear probing */
	struct known_page page[PAGES_MAX + 1];
	struct use use[USES_MAX + 1];
};

int future_init(struct vm *m)
{
	m->future = m->arena.host->reserve(sizeof(struct future));
	if (m->future)
		return 0;
	return vm_fail(m, ENOMEM,
		"the host has no %llu bytes of address space for the future",
		(unsigned long long)sizeof(struct future));
}

void future_free(struct vm *m)
{
	if (m->future)
		m->arena.host->release(m->future, sizeof(struct future));
	m->future = NULL;
}

/* ---- pages --------------------------------------------------------------- */

/* Neighbours stay neighbours. */
static uint32_t hash(uint64_t vpn)
{
	return (uint32_t)(vpn + (vpn >> 18) * 0x9e3779b97f4a7c15 % SLOTS) %
	       SLOTS;
}

/* The slot where the page is, or belongs. */
static uint32_t find_slot(const struct future *f, uint64_t vpn)
{
	uint32_t i = hash(vpn);

	while (f->slot[i] && f->page[f->slot[i]].vpn != vpn)
		i = (i + 1) % SLOTS;
	return i;
}

uint32_t future_page(const struct vm *m, vaddr_t va)
{
	uint64_t vpn = va >> m->page_shift;

	return m->future->nr_pages ? m->future->slot[find_slot(m->future, vpn)]
				   : 0;
}

/* The page's number, a new one if it was not met yet; 0: there are too many. */
static uint32_t meet(struct future *f, uint64_t vpn)
{
	uint32_t recent = vpn % RECENT, slot;

	if (f->recent[recent].page && f->recent[recent].vpn == vpn)
		return f->recent[recent].page;
	slot = find_slot(f, vpn);
	if (!f->slot[slot]) {
		if (f->nr_pages == PAGES_MAX)
			return 0;
		f->slot[slot] = ++f->nr_pages;
		f->page[f->nr_pages] = (struct known_page){vpn, NO_USE, slot};
	}
	f->recent[recent].vpn = vpn;
	f->recent[recent].page = f->slot[slot];
	return f->slot[slot];
}

/* ---- learning ------------------------------------------------------------ */

void future_forget(struct vm *m)
{
	struct future *f = m->future;

	for (uint32_t i = 1; i <= f->nr_pages; i++)
		f->slot[f->page[i].slot] = 0;
	memset(f->recent, 0, sizeof(f->recent));
	f->nr_pages = 0;
	f->at = 0;
}

/* False if there are more pages than can be known. */
static bool learn(struct vm *m, const uint8_t *records, size_t nr)
{
	struct future *f = m->future;
	uint32_t uses = NO_USE;

	for (size_t i = nr; i-- > 0;) {
		vaddr_t va, last;
		uint64_t rec;

		memcpy(&rec, records + i * sizeof(rec), sizeof(rec));
		va = record_va(m, rec);
		last = va + record_size(rec, va) - 1;
		for (uint64_t vpn = va >> m->page_shift;
			vpn <= last >> m->page_shift; vpn++) {
			uint32_t page = meet(f, vpn);

			if (!page)
				return false;
			f->use[++uses] =
				(struct use){(uint32_t)i, f->page[page].use};
			f->page[page].use = uses;
		}
	}
	return true;
}

size_t future_learn(struct vm *m, const void *records, size_t nr)
{
	uint64_t pages_each = ((1ull << SIZE_MAX_LOG) >> m->page_shift) + 1;

	if (nr > RECORDS_MAX)
		nr = RECORDS_MAX;
	if (nr > USES_MAX / pages_each)
		nr = USES_MAX / pages_each;
	for (;; nr /= 2) {
		future_forget(m);
		if (learn(m, records, nr))
			return nr;
	}
}

/* ---- asking -------------------------------------------------------------- */

void future_at(struct vm *m, size_t record)
{
	m->future->at = record;
}

uint32_t future_nr_pages(const struct vm *m)
{
	return m->future->nr_pages;
}

vaddr_t future_va(const struct vm *m, uint32_t page)
{
	return m->future->page[page].vpn << m->page_shift;
}

/* The first use of a known page at or behind a record. */
static uint64_t use_from(struct future *f, uint32_t page, size_t record)
{
	struct known_page *p = &f->page[page];

	while (p->use && f->use[p->use].record < record)
		p->use = f->use[p->use].next;
	return p->use ? f->use[p->use].record : FUTURE_NEVER;
}

uint64_t future_next(const struct vm *m, uint32_t page)
{
	return page ? use_from(m->future, page, m->future->at) : FUTURE_NEVER;
}

void future_used(struct vm *m, uint32_t page)
{
	if (page)
		use_from(m->future, page, m->future->at + 1);
}
