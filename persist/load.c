/*
 * Loading a saved state: its layers from the newest to the oldest, of each
 * page the first that comes.  Here it is said which pages of which packs these
 * are; unpack.c fills them in meanwhile, by several threads.  Every pack is
 * compared with its sum, and the whole with the hash of the state: what is
 * loaded is what was saved.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

#define PACKS_AT_A_TIME 16 /* then others have a turn */

struct loading {
	struct store *s;
	struct track *t;
	struct vm_segment *seg;
	sqlite3_stmt *packs;
	struct unpacker *unpacker;
	uint32_t layer; /* the one being loaded */
};

/* ---- what the checkpoint row says --------------------------------------- */

static int load_sizes(struct store *s, struct vm *m, const char *text)
{
	const char *p = text ? text : "";
	struct vm_segment seg;

	for (unsigned i = 0; i < vm_nr_segments(); i++) {
		size_t n;
		char *end;
		uint64_t used;

		vm_segment(m, i, &seg);
		n = strlen(seg.name);
		if (strncmp(p, seg.name, n) || p[n] != ' ')
			break;
		used = strtoull(p + n + 1, &end, 10);
		if (*end != '\n' || used > seg.reserved)
			break;
		vm_segment_set_used(m, i, used);
		p = end + 1;
		if (!*p && i == vm_nr_segments() - 1)
			return 0;
	}
	return store_fail(s, EUCLEAN, "the list of its segments is damaged");
}

bool layers_next(const char **text, uint32_t *id)
{
	unsigned long v;
	char *end;

	if (**text != '[' && **text != ',')
		return false;
	v = strtoul(*text + 1, &end, 10);
	if (end == *text + 1 || !v || v > UINT32_MAX)
		return false;
	*id = (uint32_t)v;
	*text = end;
	return true;
}

static int load_list(struct store *s, struct track *t, const char *text)
{
	const char *p = text ? text : "";
	uint32_t id, last = 0;

	while (layers_next(&p, &id) && id > last) {
		if (track_add_layer(t, id))
			return store_fail(s, ENOMEM, "out of memory");
		last = id;
	}
	if (!strcmp(p, "]") && t->nr_layers)
		return 0;
	return store_fail(s, EUCLEAN, "the list of its layers is damaged");
}

/* ---- packs -------------------------------------------------------------- */

int pack_read(struct store *s, sqlite3_stmt *st, struct pack_view *p)
{
	size_t len;

	p->id = sqlite3_column_int64(st, 0);
	p->key = sqlite3_column_blob(st, 1);
	len = (size_t)sqlite3_column_bytes(st, 1);
	p->nr = (unsigned)(len / sizeof(*p->key));
	p->data = sqlite3_column_blob(st, 3);
	p->len = (size_t)sqlite3_column_bytes(st, 3);
	if (!p->nr || p->nr > PACK_PAGES || len % sizeof(*p->key) ||
		pack_sum(p->id, p->key, len, p->data, p->len) !=
			(uint64_t)sqlite3_column_int64(st, 2))
		return store_fail(s, EUCLEAN, "pack %lld fails its checksum",
			(long long)p->id);
	return 0;
}

int pack_unpack(struct store *s, const struct pack_view *p, uint8_t *raw)
{
	if (pack_decompress(s->dctx, p->key, p->nr, p->data, p->len, raw))
		return 0;
	return store_fail(s, EUCLEAN, "pack %lld is damaged", (long long)p->id);
}

static bool is_needed(const struct loading *l, uint64_t key)
{
	unsigned seg = PACK_KEY_SEG(key);
	uint64_t page = PACK_KEY_PAGE(key);

	return seg < vm_nr_segments() && page < l->t->seg[seg].nr_pages &&
	       !l->t->seg[seg].page[page].layer;
}

/* Which pages of the pack count: those of no newer one.  Bits are for those
 * that have bytes. */
static uint64_t claim_pages(struct loading *l, const struct pack_view *p)
{
	uint64_t wanted = 0;

	for (unsigned i = 0; i < p->nr; i++) {
		if (!is_needed(l, p->key[i]))
			continue;
		track_loaded(l->t, PACK_KEY_SEG(p->key[i]),
			PACK_KEY_PAGE(p->key[i]), l->layer);
		if (!(p->key[i] & PACK_ZERO))
			wanted |= 1ull << i;
	}
	return wanted;
}

static int load_pack(struct loading *l, int64_t *id)
{
	struct unpack_job *j;
	struct pack_view p;
	uint64_t wanted;
	int rc = pack_read(l->s, l->packs, &p);

	if (rc)
		return rc;
	*id = p.id;
	track_layer(l->t, l->layer)->pages += p.nr;
	wanted = claim_pages(l, &p);
	if (!wanted)
		return 0;
	j = malloc(sizeof(*j) + p.len);
	if (!j)
		return store_fail(l->s, ENOMEM, "out of memory");
	*j = (struct unpack_job){
		.id = p.id, .wanted = wanted, .nr = p.nr, .len = p.len};
	memcpy(j->key, p.key, p.nr * sizeof(p.key[0]));
	memcpy(j->data, p.data, p.len);
	unpacker_add(l->unpacker, j);
	return 0;
}

/* Some packs below *id, which becomes the last one's; 0 at the end. */
static int load_some(struct loading *l, int64_t *id)
{
	int rc = 0, step = SQLITE_DONE;
	unsigned n = 0;

	sqlite3_bind_int64(l->packs, 1, PACK_ID(l->layer, 0));
	sqlite3_bind_int64(l->packs, 2, *id);
	*id = 0;
	while (!rc && n++ < PACKS_AT_A_TIME &&
		(step = sqlite3_step(l->packs)) == SQLITE_ROW)
		rc = load_pack(l, id);
	if (!rc && step != SQLITE_ROW && step != SQLITE_DONE)
		rc = store_sql_fail(l->s, "read the saved state");
	if (step != SQLITE_ROW)
		*id = 0;
	sqlite3_reset(l->packs);
	return rc;
}

static int load_layer(struct loading *l, uint32_t id)
{
	int64_t at = PACK_ID(id + 1, 0);
	int rc = 0;

	l->layer = id;
	while (!rc && at) {
		rc = load_some(l, &at);
		store_let_go(l->s);
		unpacker_work(l->unpacker);
		if (store_take_back(l->s) && !rc)
			rc = -EINTR;
	}
	if (!rc && !track_layer(l->t, id)->pages)
		rc = store_fail(l->s, EUCLEAN, "layer %u is missing", id);
	return rc;
}

static int load_layers(struct loading *l)
{
	int rc = store_prepare(l->s,
		"SELECT id, pages, sum, data FROM pack "
		"WHERE id >= ? AND id < ? ORDER BY id DESC",
		&l->packs);

	if (rc)
		return rc;
	for (unsigned i = l->t->nr_layers; i > 0 && !rc; i--)
		rc = load_layer(l, l->t->layer[i - 1].id);
	sqlite3_finalize(l->packs);
	return rc;
}

/* All pages are in place; the unpacker is gone. */
static int end_unpacking(struct loading *l, int rc)
{
	int64_t bad;

	store_let_go(l->s);
	bad = unpacker_end(l->unpacker);
	if (store_take_back(l->s) && !rc)
		rc = -EINTR;
	if (!rc && bad)
		rc = store_fail(
			l->s, EUCLEAN, "pack %lld is damaged", (long long)bad);
	return rc;
}

/* Completes l; the caller frees. */
static int prepare(struct loading *l, struct vm *m)
{
	unsigned nr = vm_nr_segments();

	l->t = track_new(m);
	l->seg = calloc(nr, sizeof(*l->seg));
	if (l->t && l->seg)
		l->unpacker = unpacker_new(l->t, l->seg);
	if (!l->unpacker)
		return store_fail(l->s, ENOMEM, "out of memory");
	for (unsigned i = 0; i < nr; i++)
		vm_segment(m, i, &l->seg[i]);
	return 0;
}

/* What vm_blank() wrote is no part of a saved state. */
static void wipe(struct loading *l)
{
	for (unsigned i = 0; i < vm_nr_segments(); i++)
		if (!l->seg[i].dirty.page && l->seg[i].used)
			memset(l->seg[i].base, 0, l->seg[i].used);
}

int state_load(struct store *s, const struct saved *from, struct vm *m,
	struct track **out)
{
	struct loading l = {.s = s};
	char hash[33];
	int rc = prepare(&l, m);

	*out = NULL;
	if (!rc)
		wipe(&l);
	if (!rc)
		rc = load_sizes(s, m, from->sizes);
	if (!rc)
		rc = load_list(s, l.t, from->layers.data);
	if (!rc)
		rc = load_layers(&l);
	if (l.unpacker)
		rc = end_unpacking(&l, rc);
	if (!rc) {
		hash_text(track_hash(l.t), hash);
		if (*from->hash && strcmp(hash, from->hash))
			rc = store_fail(
				s, EUCLEAN, "the hash of the state is wrong");
	}
	free(l.seg);
	if (rc)
		track_free(l.t);
	else
		*out = l.t;
	return rc;
}
