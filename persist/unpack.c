/*
 * Pages out of packs, by several threads: who reads the database says which
 * pages of a pack count, and reads on.  No two jobs have a page in common, and
 * a sum does not depend on the order: so the state is the same whoever does
 * what.
 */
#include "store_i.h"

#include <stdlib.h>
#include <unistd.h>

#define HANDS_MAX 8
/* Jobs after which it pays to have more hands, and that wait at most. */
#define ALONE	  32
#define QUEUE_MAX 32

/* Hand 0 is the caller's. */
struct hand {
	struct unpacker *u;
	pthread_t thread;
	ZSTD_DCtx *dctx;
	uint8_t *raw;
};

struct unpacker {
	struct track *track;
	const struct vm_segment *seg;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct unpack_job *first, **last;
	unsigned waiting, taken;
	bool end;
	struct hash128 sum; /* of the pages that are done */
	int64_t bad;	    /* a pack that is damaged, or 0 */
	struct hand hand[HANDS_MAX];
	unsigned nr_hands;
};

bool pack_decompress(ZSTD_DCtx *dctx, const uint64_t *key, unsigned nr,
	const void *data, size_t len, uint8_t *raw)
{
	size_t want = 0;

	for (unsigned i = 0; i < nr; i++)
		want += key[i] & PACK_ZERO ? 0 : STATE_PAGE;
	return !want || ZSTD_decompressDCtx(dctx, raw, PACK_PAGES * STATE_PAGE,
				data, len) == want;
}

/* ---- a hand -------------------------------------------------------------- */

static struct hash128 take_page(
	struct unpacker *u, uint64_t key, const uint8_t *data)
{
	unsigned nr = PACK_KEY_SEG(key);
	uint64_t page = PACK_KEY_PAGE(key), at = page << STATE_SHIFT;
	const struct vm_segment *seg = &u->seg[nr];
	uint64_t room = seg->reserved - at;
	struct hash128 h = page_hash(data, nr, page);

	memcpy(seg->base + at, data, room < STATE_PAGE ? room : STATE_PAGE);
	u->track->seg[nr].page[page].hash = h;
	return h;
}

static bool do_job(
	struct hand *h, const struct unpack_job *j, struct hash128 *sum)
{
	const uint8_t *at = h->raw;

	if (!pack_decompress(h->dctx, j->key, j->nr, j->data, j->len, h->raw))
		return false;
	for (unsigned i = 0; i < j->nr; i++) {
		if (j->key[i] & PACK_ZERO)
			continue;
		if (j->wanted >> i & 1)
			hash_add(sum, take_page(h->u, j->key[i], at));
		at += STATE_PAGE;
	}
	return true;
}

/* The lock is held, and given up meanwhile. */
static void do_next(struct hand *h)
{
	struct unpacker *u = h->u;
	struct unpack_job *j = u->first;
	struct hash128 sum = {0, 0};
	bool ok = true, skip = u->bad;

	u->first = j->next;
	if (!u->first)
		u->last = &u->first;
	u->waiting--;
	pthread_mutex_unlock(&u->lock);
	if (!skip)
		ok = do_job(h, j, &sum);
	pthread_mutex_lock(&u->lock);
	hash_add(&u->sum, sum);
	if (!ok)
		u->bad = j->id;
	free(j);
}

static void *run(void *ctx)
{
	struct hand *h = ctx;
	struct unpacker *u = h->u;

	pthread_mutex_lock(&u->lock);
	while (u->first || !u->end) {
		if (u->first)
			do_next(h);
		else
			pthread_cond_wait(&u->more, &u->lock);
	}
	pthread_mutex_unlock(&u->lock);
	return NULL;
}

static bool hand_init(struct unpacker *u, struct hand *h)
{
	h->u = u;
	h->dctx = ZSTD_createDCtx();
	h->raw = malloc(PACK_PAGES * STATE_PAGE);
	return h->dctx && h->raw;
}

static void hand_free(struct hand *h)
{
	ZSTD_freeDCtx(h->dctx);
	free(h->raw);
	*h = (struct hand){0};
}

/* As many as there are; fewer will do. */
static void get_hands(struct unpacker *u)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	while (u->nr_hands < HANDS_MAX && u->nr_hands < cpus) {
		struct hand *h = &u->hand[u->nr_hands];

		if (!hand_init(u, h) ||
			pthread_create(&h->thread, NULL, run, h)) {
			hand_free(h);
			return;
		}
		u->nr_hands++;
	}
}

/* ---- the caller ---------------------------------------------------------- */

struct unpacker *unpacker_new(struct track *t, const struct vm_segment *seg)
{
	struct unpacker *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	if (!hand_init(u, &u->hand[0])) {
		hand_free(&u->hand[0]);
		free(u);
		return NULL;
	}
	u->track = t;
	u->seg = seg;
	u->last = &u->first;
	u->nr_hands = 1;
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->more, NULL);
	return u;
}

void unpacker_add(struct unpacker *u, struct unpack_job *j)
{
	j->next = NULL;
	pthread_mutex_lock(&u->lock);
	*u->last = j;
	u->last = &j->next;
	u->waiting++;
	pthread_cond_signal(&u->more);
	pthread_mutex_unlock(&u->lock);
}

void unpacker_work(struct unpacker *u)
{
	unsigned leave = QUEUE_MAX;

	pthread_mutex_lock(&u->lock);
	u->taken += u->waiting;
	if (u->nr_hands == 1 && u->taken > ALONE)
		get_hands(u);
	if (u->nr_hands == 1)
		leave = 0;
	while (u->waiting > leave)
		do_next(&u->hand[0]);
	pthread_mutex_unlock(&u->lock);
}

int64_t unpacker_end(struct unpacker *u)
{
	int64_t bad;

	pthread_mutex_lock(&u->lock);
	u->end = true;
	pthread_cond_broadcast(&u->more);
	pthread_mutex_unlock(&u->lock);
	run(&u->hand[0]);
	for (unsigned i = 1; i < u->nr_hands; i++) {
		pthread_join(u->hand[i].thread, NULL);
		hand_free(&u->hand[i]);
	}
	hand_free(&u->hand[0]);
	hash_add(&u->track->sum, u->sum);
	bad = u->bad;
	pthread_cond_destroy(&u->more);
	pthread_mutex_destroy(&u->lock);
	free(u);
	return bad;
}
