#include "future.h"

#include <string.h>

#include "mmu_i.h"

#define RECORDS_MAX  (1u << 25)
#define USES_MAX     (9u * RECORDS_MAX) /* 32 KiB lie on 9 pages of 4 KiB */
#define PAGES_MAX    (1u << 24)
#define SLOTS	     (2u * PAGES_MAX)
#define RECENT	     1024u
#define SIZE_MAX_LOG 15u
#define KEPT_RECORDS (1u << 22) /* 16 MiB */

/*
 * A use of a page is a number:
 *
 *	0                none
 *	1 ...            record n - 1 uses the first page that it touches
 *	EXTRA ...        a record uses a further page: extra[n - EXTRA]
 *	HEADS + i        before the first use of page i
 */
#define EXTRA	  (RECORDS_MAX + 1)
#define EXTRA_MAX (USES_MAX - RECORDS_MAX)
#define HEADS	  (EXTRA + EXTRA_MAX)

struct extra {
	uint64_t vpn;
	uint32_t record;
};

struct known_page {
	uint64_t vpn;
	uint32_t last; /* use that is known */
	uint32_t slot; /* of the hash table */
};

/* Records are counted from the first one learnt. */
struct future {
	uint32_t nr_pages, nr_extra;
	uint32_t extra_at; /* no extra before it is of a record to come */
	size_t known, done, at;
	struct {
		uint64_t vpn;
		uint32_t page;
	} recent[RECENT];
	uint32_t slot[SLOTS]; /* page by hash, linear probing */
	struct known_page page[PAGES_MAX + 1];
	uint32_t next[HEADS + PAGES_MAX + 1]; /* use of the same page */
	struct extra extra[EXTRA_MAX];
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

/* The page's number, a new one if it was not met yet; 0: there are too many. */
static __attribute__((noinline)) uint32_t meet_again(
	struct future *f, uint64_t vpn)
{
	uint32_t slot = find_slot(f, vpn), page = f->slot[slot];

	if (!page && f->nr_pages == PAGES_MAX)
		return 0;
	if (!page) {
		page = f->slot[slot] = ++f->nr_pages;
		f->page[page] = (struct known_page){vpn, HEADS + page, slot};
		f->next[HEADS + page] = 0;
	}
	f->recent[vpn % RECENT].vpn = vpn;
	f->recent[vpn % RECENT].page = page;
	return page;
}

static inline uint32_t meet(struct future *f, uint64_t vpn)
{
	uint32_t page = f->recent[vpn % RECENT].page;

	if (page && f->recent[vpn % RECENT].vpn == vpn)
		return page;
	return meet_again(f, vpn);
}

/* ---- learning ------------------------------------------------------------ */

void future_forget(struct vm *m)
{
	struct future *f = m->future, *fresh;

	if (f->known > KEPT_RECORDS) { /* the host gets its memory back */
		fresh = m->arena.host->reserve(sizeof(*f));
		if (fresh) {
			future_free(m);
			m->future = fresh;
			return;
		}
	}
	for (uint32_t i = 1; i <= f->nr_pages; i++)
		f->slot[f->page[i].slot] = 0;
	memset(f->recent, 0, sizeof(f->recent));
	f->nr_pages = f->nr_extra = f->extra_at = 0;
	f->known = f->done = f->at = 0;
}

/* Links a use behind the last one of its page; false if there are more pages
 * than can be known. */
static inline bool add_use(struct future *f, uint64_t vpn, uint32_t use)
{
	uint32_t page = meet(f, vpn);

	if (!page)
		return false;
	f->next[f->page[page].last] = use;
	f->next[use] = 0;
	f->page[page].last = use;
	return true;
}

/* Of pages behind the first that a record touches. */
static bool add_more(struct vm *m, uint64_t vpn, uint64_t last)
{
	struct future *f = m->future;

	for (; vpn <= last; vpn++) {
		f->extra[f->nr_extra] = (struct extra){vpn, (uint32_t)f->known};
		if (!add_use(f, vpn, EXTRA + f->nr_extra++))
			return false;
	}
	return true;
}

size_t future_learn(struct vm *m, const void *records, size_t nr)
{
	uint64_t pages_each = ((1ull << SIZE_MAX_LOG) >> m->page_shift) + 1;
	size_t most = USES_MAX / pages_each;
	struct future *f = m->future;
	const uint8_t *at = records;

	if (most > RECORDS_MAX)
		most = RECORDS_MAX;
	if (nr > most - f->known)
		nr = most - f->known;
	for (size_t i = 0; i < nr; i++, f->known++) {
		uint64_t rec, vpn, last;
		vaddr_t va;

		memcpy(&rec, at + i * sizeof(rec), sizeof(rec));
		va = record_va(m, rec);
		vpn = va >> m->page_shift;
		last = (va + record_size(rec, va) - 1) >> m->page_shift;
		if (!add_use(f, vpn, (uint32_t)f->known + 1) ||
			(vpn != last && !add_more(m, vpn + 1, last)))
			return i;
	}
	return nr;
}

size_t future_left(const struct vm *m)
{
	return m->future->known - m->future->done;
}

/* ---- asking -------------------------------------------------------------- */

void future_at(struct vm *m, size_t record)
{
	m->future->at = m->future->done + record;
}

void future_done(struct vm *m, size_t nr)
{
	m->future->done += nr;
	m->future->at = m->future->done;
}

uint32_t future_nr_pages(const struct vm *m)
{
	return m->future->nr_pages;
}

vaddr_t future_va(const struct vm *m, uint32_t page)
{
	return m->future->page[page].vpn << m->page_shift;
}

uint64_t future_hit(const struct vm *m)
{
	return m->future->done + 1;
}

uint64_t future_use(struct vm *m, vaddr_t va)
{
	struct future *f = m->future;
	uint64_t vpn = va >> m->page_shift;
	uint32_t i = f->extra_at;

	while (i < f->nr_extra && f->extra[i].record < f->at)
		i++;
	f->extra_at = i;
	for (; i < f->nr_extra && f->extra[i].record == f->at; i++)
		if (f->extra[i].vpn == vpn)
			return EXTRA + i;
	return f->at + 1;
}

uint64_t future_before(const struct vm *m, uint32_t page)
{
	return HEADS + page;
}

uint64_t future_next(const struct vm *m, uint64_t use)
{
	const struct future *f = m->future;
	uint32_t next = use ? f->next[use] : 0;

	if (!next)
		return FUTURE_NEVER;
	return next < EXTRA ? next - 1 : f->extra[next - EXTRA].record;
}
