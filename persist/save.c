/*
 * Writing layers.  A save is one or more transactions: while much is unsaved,
 * slices of SLICE_PAGES, between which the machine may go on; then the last
 * one, which completes the layer for the moment it runs at.
 *
 * A page is hashed again when it is written: it may have changed since it was
 * found unsaved.  Where a transaction fails, track says again what it said
 * before.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#define SLICE_PAGES   256u /* 1 MiB */
#define REFRESH_PAGES 4096u
/* What the last transaction may have to write. */
#define NEAR_PAGES 256u
/* Pages that a layer may have twice before it ends however much is unsaved. */
#define CHASE_SLACK 16384u

struct undo {
	uint64_t page;
	uint32_t seg, layer;
};

struct pack {
	uint64_t key[PACK_PAGES];
	unsigned nr;
	size_t len; /* in s->saver.raw */
};

uint64_t pack_sum(int64_t id, const void *pages, size_t pages_len,
	const void *data, size_t len)
{
	XXH64_hash_t h = XXH3_64bits_withSeed(pages, pages_len, (uint64_t)id);

	return XXH3_64bits_withSeed(data, len, h);
}

static int insert_pack(struct store *s, sqlite3_stmt *st, const struct pack *p)
{
	struct saver *v = &s->saver;
	int64_t id = PACK_ID(v->layer, v->nr_packs);
	size_t bound = ZSTD_compressBound(p->len), n, keys;
	char *to;
	int rc = 0;

	s->packed.len = 0;
	to = bytes_room(&s->packed, bound);
	if (!to)
		return store_fail(s, ENOMEM, "no memory to save the state");
	n = ZSTD_compressCCtx(s->cctx, to, bound, v->raw, p->len, 1);
	if (ZSTD_isError(n))
		return store_fail(s, ENOMEM, "no memory to save the state");
	keys = p->nr * sizeof(p->key[0]);
	sqlite3_bind_int64(st, 1, id);
	sqlite3_bind_blob(st, 2, p->key, (int)keys, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, (int64_t)pack_sum(id, p->key, keys, to, n));
	sqlite3_bind_blob64(st, 4, to, n, SQLITE_STATIC);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_sql_fail(s, "save the state");
	sqlite3_reset(st);
	v->nr_packs++;
	return rc;
}

/* Adds a page to the pack and notes that the layer has it. */
static int add_page(struct store *s, struct pack *p,
	const struct vm_segment *seg, unsigned nr, uint64_t page)
{
	const struct track_page *known = &s->track->seg[nr].page[page];
	struct undo u = {page, nr, known->layer};
	uint8_t buf[STATE_PAGE];
	uint64_t key = PACK_KEY(nr, page);

	if (!bytes_add(&s->saver.undo, &u, sizeof(u)))
		return store_fail(s, ENOMEM, "no memory to save the state");
	if (!known->hash.lo && !known->hash.hi) {
		key |= PACK_ZERO;
	} else {
		memcpy(s->saver.raw + p->len, page_bytes(seg, page, buf),
			STATE_PAGE);
		p->len += STATE_PAGE;
	}
	p->key[p->nr++] = key;
	track_saved(s->track, nr, page, s->saver.layer);
	return 0;
}

static int open_layer(struct store *s)
{
	struct saver *v = &s->saver;
	uint32_t *next = &store_live(s)->saver.next_layer;

	if (!v->raw)
		v->raw = malloc(PACK_PAGES * STATE_PAGE);
	if (!v->raw || (!v->layer && track_add_layer(s->track, *next)))
		return store_fail(s, ENOMEM, "no memory to save the state");
	if (!v->layer) {
		v->layer = (*next)++;
		v->nr_packs = 0;
	}
	return 0;
}

/* Within the caller's transaction: up to `max` unsaved pages. */
static int put_pages(struct store *s, uint64_t max)
{
	struct pack p = {.nr = 0};
	struct vm_segment seg;
	sqlite3_stmt *st = NULL;
	uint64_t page = 0;
	unsigned nr = 0;
	int rc = 0;

	if (!s->track->nr_unsaved)
		return 0;
	rc = open_layer(s);
	if (!rc)
		rc = store_prepare(
			s, "INSERT INTO pack VALUES (?, ?, ?, ?)", &st);
	for (; !rc && max && track_next_unsaved(s->track, &nr, &page);
		page++, max--) {
		vm_segment(s->vm, nr, &seg);
		track_look(s->track, &seg, nr, page);
		rc = add_page(s, &p, &seg, nr, page);
		if (!rc && p.nr == PACK_PAGES) {
			rc = insert_pack(s, st, &p);
			p.nr = 0;
			p.len = 0;
		}
	}
	if (!rc && p.nr)
		rc = insert_pack(s, st, &p);
	sqlite3_finalize(st);
	return rc;
}

static void undo(struct store *s)
{
	const struct undo *u = (const struct undo *)s->saver.undo.data;
	size_t n = s->saver.undo.len / sizeof(*u);

	while (n-- > 0)
		track_unsaved(s->track, u[n].seg, u[n].page, u[n].layer);
	s->saver.undo.len = 0;
}

static void written(struct store *s)
{
	store_live(s)->saver.nr_pages +=
		s->saver.undo.len / sizeof(struct undo);
	s->saver.undo.len = 0;
}

/* The machine changes as fast as it is saved: most of the layer is hidden by
 * what it got later. */
static bool is_chasing(const struct store *s)
{
	const struct layer *l = track_layer(s->track, s->saver.layer);

	return l && l->pages > 2 * (uint64_t)l->live + CHASE_SLACK;
}

int save_slice(struct store *s, bool *near)
{
	struct track *t = s->track;
	bool all;
	int rc;

	if (!s->saver.rest_seen) {
		track_clean(t);
		if (track_refresh_rest(t))
			return store_fail(
				s, ENOMEM, "no memory to save the state");
		s->saver.rest_seen = true;
	}
	all = track_refresh(t, REFRESH_PAGES);
	*near = is_chasing(s) || (all && t->nr_unsaved <= NEAR_PAGES);
	if (*near || t->nr_unsaved < SLICE_PAGES)
		return 0;
	rc = burst_begin(store_live(s));
	if (!rc)
		rc = put_pages(s, SLICE_PAGES);
	if (!rc)
		rc = burst_commit(store_live(s));
	if (rc) {
		store_rollback(s);
		undo(s);
		return rc;
	}
	written(s);
	return 0;
}

/* "[3,7,9]" */
static int list_layers(struct store *s, struct bytes *out)
{
	const struct track *t = s->track;
	char text[16];
	bool ok = true;

	out->len = 0;
	for (unsigned i = 0; i < t->nr_layers && ok; i++) {
		if (!t->layer[i].live)
			continue;
		snprintf(text, sizeof(text), "%c%u", out->len ? ',' : '[',
			t->layer[i].id);
		ok = bytes_add(out, text, strlen(text));
	}
	ok = ok && bytes_add(out, out->len ? "]" : "[]", out->len ? 2 : 3);
	return ok ? 0 : store_fail(s, ENOMEM, "no memory to save the state");
}

#ifdef PAGEFS_VERIFY
/* The hash that was kept up to date is that of the bytes. */
static int verify(struct store *s, struct hash128 h)
{
	struct hash128 full;

	state_hash_full(s->vm, &full);
	if (hash_equal(h, full))
		return 0;
	fprintf(stderr, "pagefs: a change of the state went unnoticed\n");
	abort();
}
#else
static int verify(struct store *s, struct hash128 h)
{
	return 0;
}
#endif

int save_finish(struct store *s, struct saved *out)
{
	struct hash128 h;
	int rc;

	track_refresh(s->track, UINT64_MAX);
	if (track_refresh_rest(s->track))
		return store_fail(s, ENOMEM, "no memory to save the state");
	rc = put_pages(s, UINT64_MAX);
	if (!rc)
		rc = list_layers(s, &out->layers);
	if (rc)
		return rc;
	state_sizes(s->vm, out->sizes);
	h = track_hash(s->track);
	hash_text(h, out->hash);
	return verify(s, h);
}

void save_end(struct store *s, bool committed)
{
	struct track *t = s->track;
	unsigned nr = 0;

	if (!committed) {
		undo(s);
		return;
	}
	written(s);
	s->saver.layer = 0;
	s->saver.rest_seen = false;
	for (unsigned i = 0; i < t->nr_layers; i++)
		if (t->layer[i].live)
			t->layer[nr++] = t->layer[i];
	t->nr_layers = nr;
}

void saver_free(struct saver *v)
{
	free(v->raw);
	bytes_free(&v->undo);
}

void store_live_hash(struct store *s, char out[33])
{
	store_lock(s);
	track_refresh(s->track, UINT64_MAX);
	if (track_refresh_rest(s->track))
		store_state_hash(s->vm, out);
	else
		hash_text(track_hash(s->track), out);
	store_unlock(s);
}

void save_turn(struct store *s, struct store *past)
{
	struct track *t = s->track;

	s->track = past->track;
	s->track->vm = s->vm;
	past->track = t;
	past->track->vm = past->vm;
	s->saver.layer = 0;
	s->saver.rest_seen = false;
}
