#include "zram.h"

#include <lz4.h>
#include <stdlib.h>
#include <string.h>

#include "zpool.h"

static struct zram_entry *entry_at_page(const struct vm *m, uint32_t page)
{
	return (struct zram_entry *)m->arena.seg[SEG_ZRAM].base + page;
}

static struct zobject object_of(const struct zram_entry *e)
{
	return (struct zobject){e->group, e->nr};
}

uint32_t zram_library(void)
{
	return (uint32_t)LZ4_versionNumber();
}

int zram_usable(struct vm *m)
{
	uint32_t made = m->root->config.lz4, is = zram_library();

	if (made == is)
		return 0;
	return vm_fail(m, EOPNOTSUPP,
		"%s: the machine was made with lz4=%u and this is version %u "
		"of the library, which may compress to other lengths: a "
		"replay would differ",
		ZRAM_NAME, made, is);
}

struct swap_area *zram_area(struct vm *m)
{
	for (unsigned i = 0; i < m->root->swap_top; i++)
		if (m->root->swap[i].pages && m->root->swap[i].zram)
			return &m->root->swap[i];
	return NULL;
}

uint64_t zram_max(const struct vm_config *c)
{
	return c->ram * 4;
}

/* ---- compression ----------------------------------------------------------
 */

/* One word throughout. */
static bool same_filled(const uint8_t *p, uint64_t n, uint64_t *word)
{
	memcpy(word, p, sizeof(*word));
	return !memcmp(p, p + sizeof(*word), n - sizeof(*word));
}

/* The compressed length, or 0: more than ZRAM_HUGE, or no gain. */
static uint32_t compress(struct vm *m, const uint8_t *from, uint8_t *to)
{
	void *state = scratch_take(m, (uint64_t)LZ4_sizeofState());
	int n = 0;

	if (state)
		n = LZ4_compress_fast_extState(state, (const char *)from,
			(char *)to, (int)m->page_size, ZRAM_HUGE, 1);
	scratch_give(m, state);
	return (uint32_t)n;
}

static void decompress(
	const struct vm *m, const struct zram_entry *e, uint8_t *to)
{
	uint8_t packed[ZRAM_HUGE];
	int n;

	zpool_read(m, object_of(e), packed, e->len);
	n = LZ4_decompress_safe(
		(const char *)packed, (char *)to, e->len, (int)m->page_size);
	if (n != (int)m->page_size) /* a state that was tampered with */
		memset(to, 0, m->page_size);
}

/* ---- sums ---- */

static void count_entry(struct vm *m, const struct zram_entry *e, int64_t by)
{
	struct zram *z = &m->root->zram;

	if (!e->known)
		return;
	z->stored += (uint64_t)by;
	z->same += e->len ? 0 : (uint64_t)by;
	z->huge += e->len == m->page_size ? (uint64_t)by : 0;
	z->compressed += (uint64_t)by * e->len;
}

static void note_use(struct vm *m)
{
	struct zram *z = &m->root->zram;
	uint64_t used = phys_sum(m, pages[USE_ZPOOL]);

	if (used > z->used_max)
		z->used_max = used;
}

/* ---- pages ---- */

static bool store_object(
	struct vm *m, struct zram_entry *e, const uint8_t *from, uint32_t len)
{
	struct zobject o;

	if (!zpool_alloc(m, len, &o))
		return false;
	zpool_write(m, o, from, len);
	e->group = o.group;
	e->nr = o.nr & 0xffff;
	e->len = len & 0xffff;
	return true;
}

bool zram_store(struct vm *m, uint32_t page, const uint8_t *from)
{
	struct zram_entry e = {.known = m->page_size & 0xffff};
	uint8_t packed[ZRAM_HUGE];
	uint64_t word;

	if (same_filled(from, m->page_size, &word)) {
		e.word = word;
	} else {
		uint32_t n = compress(m, from, packed);
		bool ok = n ? store_object(m, &e, packed, n)
			    : store_object(m, &e, from, (uint32_t)m->page_size);

		if (!ok) {
			m->root->zram.failed_writes++;
			return false;
		}
		m->root->zram.huge_ever += !n;
	}
	zram_free(m, page);
	*entry_at_page(m, page) = e;
	count_entry(m, &e, 1);
	note_use(m);
	return true;
}

void zram_load(const struct vm *m, uint32_t page, uint8_t *to)
{
	const struct zram_entry *e = entry_at_page(m, page);

	if (e->len == m->page_size)
		zpool_read(m, object_of(e), to, e->len);
	else if (e->len)
		decompress(m, e, to);
	else
		for (uint64_t i = 0; i < m->page_size; i += sizeof(e->word))
			memcpy(to + i, &e->word, sizeof(e->word));
	memset(to + e->known, 0, m->page_size - e->known);
}

void zram_zero_tail(struct vm *m, uint32_t page, uint64_t in)
{
	struct zram_entry *e = entry_at_page(m, page);

	if (!in)
		zram_free(m, page);
	else if (in < e->known)
		e->known = in & 0xffff;
}

void zram_free(struct vm *m, uint32_t page)
{
	struct zram_entry *e = entry_at_page(m, page);

	count_entry(m, e, -1);
	m->root->zram.freed += e->known != 0;
	if (e->len)
		zpool_free(m, object_of(e));
	*e = (struct zram_entry){0};
}

/* ---- check ---- */

#define BAD(m, ...) vm_fail((m), EIO, __VA_ARGS__)

/* Counts the objects of each group in `uses`, by frame. */
static int check_entries(struct vm *m, uint16_t *uses, struct zram *sum)
{
	const struct swap_area *a = zram_area(m);

	for (uint32_t i = 0; a && i < a->pages; i++) {
		const struct zram_entry *e = entry_at_page(m, i);

		if (!e->known)
			continue;
		if (e->known > m->page_size || e->len > m->page_size ||
			(e->len && !zpool_has(m, object_of(e))) ||
			!slot_at(m, a->base + i)->used)
			return BAD(m,
				"page %u of %s leads to frame %u, object %u, "
				"of %u bytes",
				i, ZRAM_NAME, e->group, e->nr, e->len);
		sum->stored++;
		sum->same += !e->len;
		sum->huge += e->len == m->page_size;
		sum->compressed += e->len;
		if (e->len)
			uses[e->group]++;
	}
	return 0;
}

static int check_groups(struct vm *m, const uint16_t *uses)
{
	uint64_t frames = 0;

	for (pfn_t pfn = 0; pfn < m->root->max_pfn; pfn++) {
		if (!uses[pfn])
			continue;
		if (zpool_in_use(m, pfn) != uses[pfn])
			return BAD(m,
				"the group of frame %u has %u objects and "
				"counts %u",
				pfn, uses[pfn], zpool_in_use(m, pfn));
		for (pfn_t f = pfn; f; f = (pfn_t)frame_at(m, f)->index)
			frames++;
	}
	if (frames == phys_sum(m, pages[USE_ZPOOL]))
		return 0;
	return BAD(m, "groups of the pool have %llu frames, %llu are counted",
		(unsigned long long)frames,
		(unsigned long long)phys_sum(m, pages[USE_ZPOOL]));
}

int zram_check(struct vm *m)
{
	const struct zram *z = &m->root->zram;
	struct zram sum = {0};
	uint16_t *uses;
	int err;

	if (!zram_area(m) && !phys_sum(m, pages[USE_ZPOOL]))
		return 0;
	uses = calloc(m->root->max_pfn + 1u, sizeof(*uses));
	if (!uses)
		return vm_fail(m, ENOMEM, "no host memory to check zram");
	err = check_entries(m, uses, &sum);
	if (!err)
		err = check_groups(m, uses);
	free(uses);
	if (err ||
		(sum.stored == z->stored && sum.same == z->same &&
			sum.huge == z->huge && sum.compressed == z->compressed))
		return err;
	return BAD(m, "%s has %llu pages of %llu bytes and counts %llu of %llu",
		ZRAM_NAME, (unsigned long long)sum.stored,
		(unsigned long long)sum.compressed,
		(unsigned long long)z->stored,
		(unsigned long long)z->compressed);
}
