#include "zram_i.h"

#include <string.h>

#include "../disk/disk.h"
#include "zcomp.h"

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

/* ---- same pages -----------------------------------------------------------
 */

/* Bytes of a long of the machine. */
static unsigned word_bytes(const struct vm *m)
{
	return m->arch->native.addr_bits / 8;
}

/* One word throughout. */
static bool same_filled(const struct vm *m, const uint8_t *p, uint64_t *word)
{
	unsigned n = word_bytes(m);

	*word = 0;
	memcpy(word, p, n);
	return !memcmp(p, p + n, m->page_size - n);
}

static void fill(const struct vm *m, uint64_t word, uint8_t *to)
{
	unsigned n = word_bytes(m);

	for (uint64_t i = 0; i < m->page_size; i += n)
		memcpy(to + i, &word, n);
}

/* ---- sums ---- */

static void count_entry(struct vm *m, const struct zram_entry *e, int64_t by)
{
	struct zram *z = &m->root->zram;

	if (!e->known)
		return;
	z->stored += (uint64_t)by;
	z->same += entry_is_same(e) ? (uint64_t)by : 0;
	z->huge += entry_is_huge(m, e) ? (uint64_t)by : 0;
	z->bd_count += e->flags & ZRAM_WB ? (uint64_t)by : 0;
	z->compressed += (uint64_t)by * e->len;
}

/* Whether the pool may have as many frames as it has. */
static bool within_limit(struct vm *m)
{
	struct zram *z = &m->root->zram;
	uint64_t used = phys_sum(m, pages[USE_ZPOOL]);

	if (used > z->used_max)
		z->used_max = used;
	return !z->limit || used <= z->limit;
}

/* ---- pages ---- */

static bool store_object(struct vm *m, uint32_t page, struct zram_entry *e,
	const uint8_t *from, uint32_t len)
{
	struct zobject o;

	if (!zpool_alloc(m, len, page, &o))
		return false;
	if (!within_limit(m)) {
		zpool_free(m, o);
		return false;
	}
	zpool_write(m, o, from, len);
	e->group = o.group;
	e->nr = o.nr & 0xffff;
	e->len = len & 0xffff;
	return true;
}

static bool store_compressed(
	struct vm *m, uint32_t page, struct zram_entry *e, const uint8_t *from)
{
	const struct zram *z = &m->root->zram;
	uint8_t packed[ZCOMP_BYTES];
	uint32_t n = zcomp_compress(m, z->algorithm[0].alg - 1,
		z->algorithm[0].level, from, packed);

	if (n < ZPOOL_HUGE)
		return store_object(m, page, e, packed, n);
	if (!store_object(m, page, e, from, (uint32_t)m->page_size))
		return false;
	m->root->zram.huge_ever++;
	return true;
}

void zram_replace(struct vm *m, uint32_t page, struct zram_entry new)
{
	struct zram_entry *e = zram_entry_at(m, page);

	count_entry(m, e, -1);
	if (e->len)
		zpool_free(m, entry_object(e));
	*e = new;
	count_entry(m, e, 1);
}

static void drop_page(struct vm *m, uint32_t page)
{
	zram_replace(m, page, (struct zram_entry){0});
}

bool zram_store(struct vm *m, uint32_t page, const uint8_t *from)
{
	struct zram_entry e = {.known = m->page_size & 0xffff};
	uint64_t word;

	drop_page(m, page);
	if (same_filled(m, from, &word)) {
		e.word = word;
	} else if (!store_compressed(m, page, &e, from)) {
		m->root->zram.failed_writes++;
		return false;
	}
	zram_replace(m, page, e);
	return true;
}

void zram_load(const struct vm *m, uint32_t page, uint8_t *to)
{
	const struct zram_entry *e = zram_entry_at(m, page);
	unsigned alg = m->root->zram.algorithm[e->priority].alg - 1;
	uint8_t packed[ZPOOL_HUGE];

	if (e->len == m->page_size) {
		zpool_read(m, entry_object(e), to, e->len);
	} else if (e->len) {
		zpool_read(m, entry_object(e), packed, e->len);
		if (!zcomp_decompress(m, alg, packed, e->len, to))
			memset(to, 0, m->page_size); /* was tampered with */
	} else if (e->flags & ZRAM_WB) {
		vdb_read(m, e->word << m->page_shift, to);
	} else {
		fill(m, e->word, to);
	}
	memset(to + e->known, 0, m->page_size - e->known);
}

void zram_note_read(struct vm *m, uint32_t page)
{
	struct zram_entry *e = zram_entry_at(m, page);

	e->flags &= (uint8_t)~ZRAM_IDLE;
	if (!(e->flags & ZRAM_WB))
		return;
	m->root->zram.bd_reads++;
	disk_count(m, DISK_VDB, 1, 0);
}

void zram_zero_tail(struct vm *m, uint32_t page, uint64_t in)
{
	struct zram_entry *e = zram_entry_at(m, page);

	if (!in)
		zram_free(m, page);
	else if (in < e->known)
		e->known = in & 0xffff;
}

void zram_free(struct vm *m, uint32_t page)
{
	m->root->zram.freed += zram_entry_at(m, page)->known != 0;
	drop_page(m, page);
}

/* ---- the device ---- */

/* As after boot: the algorithm is the default one, without a level. */
void zram_boot(struct vm *m)
{
	struct zram *z = &m->root->zram;

	*z = (struct zram){
		.wb_limit = z->wb_limit,
		.wb_limit_enable = z->wb_limit_enable,
	};
	z->algorithm[0].alg = ZCOMP_DEFAULT + 1;
	for (unsigned i = 0; i < NR_ZRAM_ALGORITHMS; i++)
		z->algorithm[i].level = ZCOMP_NO_LEVEL;
	m->root->io[DISK_ZRAM] = (struct disk_io){0};
}

int zram_may_have(struct vm *m, uint64_t bytes)
{
	uint64_t max = zram_max(&m->root->config);

	if (!bytes)
		return vm_fail(m, EINVAL, "%s takes a size above 0: 64M, say",
			ZRAM_NAME);
	if (bytes <= max)
		return 0;
	return vm_fail(m, ENOMEM,
		"%llu bytes are too many for %s: at most %llu, four times the "
		"RAM",
		(unsigned long long)bytes, ZRAM_NAME, (unsigned long long)max);
}

int zram_init(struct vm *m, uint64_t bytes)
{
	struct zram *z = &m->root->zram;
	struct segment *seg = &m->arena.seg[SEG_ZRAM];
	uint64_t end;

	if (!bytes)
		return zram_may_have(m, bytes);
	if (z->bytes)
		return vm_fail(m, EBUSY,
			"%s has a size, %llu bytes: write 1 to its reset first",
			ZRAM_NAME, (unsigned long long)z->bytes);
	if (zram_may_have(m, bytes))
		return -ENOMEM;
	for (unsigned i = 0; i < NR_ZRAM_ALGORITHMS; i++)
		if (z->algorithm[i].alg &&
			zcomp_usable(m, z->algorithm[i].alg - 1))
			return -EOPNOTSUPP;
	z->bytes = zram_rounded(m, bytes);
	end = zram_pages(m) * sizeof(struct zram_entry);
	if (seg->used < end)
		seg->used = end;
	return 0;
}

int zram_reset(struct vm *m)
{
	if (zram_area(m))
		return vm_fail(m, EBUSY,
			"%s is in use as swap: swapoff %s first", ZRAM_NAME,
			ZRAM_NAME);
	for (uint32_t i = 0; i < zram_pages(m); i++)
		drop_page(m, i);
	zram_boot(m);
	return 0;
}

int zram_make_swap(struct vm *m)
{
	uint8_t page[DISK_BLOCK];

	if (zram_area(m))
		return vm_fail(m, EBUSY, "%s is in use as swap", ZRAM_NAME);
	if (!zram_pages(m))
		return vm_fail(m, EINVAL,
			"%s has no size: write it to "
			"sys/block/zram0/disksize, or give size=",
			ZRAM_NAME);
	if (swap_header(m, m->root->zram.bytes, page))
		return -EINVAL;
	disk_count(m, DISK_ZRAM, 0, 1);
	if (zram_store(m, 0, page))
		return 0;
	return vm_fail(m, EIO,
		"%s has no room for the header: no memory, or mem_limit is "
		"reached",
		ZRAM_NAME);
}
