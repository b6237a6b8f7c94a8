/*
 * Inside persist/: saved states.  Part of store_i.h, which includes it.
 *
 *	save.c      writing a state;  load.c, unpack.c  reading one
 *	snapshot.c  automatic checkpoints;  restore.c  choosing one
 *	collect.c   deleting what no checkpoint needs
 */
#ifndef PAGEFS_SAVED_I_H
#define PAGEFS_SAVED_I_H

/* A pack's id tells its layer; its keys tell pages. */
#define PACKS_MAX	    (1 << 20)
#define PACK_ID(layer, nr)  ((int64_t)(layer) << 20 | (nr))
#define PACK_ZERO	    (1ull << 55) /* the page is all zero: no data */
#define PACK_KEY(seg, page) ((uint64_t)(seg) << 56 | (page))
#define PACK_KEY_SEG(key)   ((unsigned)((key) >> 56))
#define PACK_KEY_PAGE(key)  ((key) & (PACK_ZERO - 1))

/* What a checkpoint row says of its state. */
struct saved {
	char hash[33];
	char sizes[SIZES_MAX]; /* see state_sizes() */
	struct bytes layers;   /* "[3,7,9]", with NUL */
};

/*
 * save.c.  With the store's lock held, outside a transaction: writes a slice
 * of what is unsaved; *near tells that the rest is so little that
 * save_finish() is quick.  A loop of these may let go of the lock in between.
 */
int save_slice(struct store *s, bool *near);
/* Within the caller's transaction: the rest, for the state as it is now.  The
 * caller stores *out as a checkpoint. */
int save_finish(struct store *s, struct saved *out);
/* After the transaction: whether it was committed. */
void save_end(struct store *s, bool committed);
/* The machines of two stores have been exchanged.  A layer that was begun is
 * garbage then. */
void save_turn(struct store *s, struct store *past);
void saver_free(struct saver *v);
uint64_t pack_sum(int64_t id, const void *pages, size_t pages_len,
	const void *data, size_t len);

/*
 * load.c.  Fills in a machine from vm_blank() and makes its track; the caller
 * calls vm_reindex().  -EUCLEAN with a sentence when it is damaged.  An empty
 * hash is not compared.
 */
int state_load(struct store *s, const struct saved *from, struct vm *m,
	struct track **out);
struct pack_view {
	int64_t id;
	const uint64_t *key;
	unsigned nr;
	const void *data;
	size_t len;
};
/* The current row of SELECT id, pages, sum, data; compares its sum. */
int pack_read(struct store *s, sqlite3_stmt *st, struct pack_view *p);
/* Its pages into raw (PACK_PAGES), without those that are zero. */
int pack_unpack(struct store *s, const struct pack_view *p, uint8_t *raw);
/*
 * unpack.c.  Puts pages of packs in place, with their hashes; unpacker_end()
 * adds these to the track's sum.  No two jobs have a page in common.
 */
struct unpack_job {
	struct unpack_job *next;
	int64_t id;
	uint64_t wanted; /* a bit for each key */
	unsigned nr;
	size_t len;
	uint64_t key[PACK_PAGES];
	char data[]; /* compressed */
};
struct unpacker *unpacker_new(struct track *t, const struct vm_segment *seg);
/* Takes over a job from malloc(). */
void unpacker_add(struct unpacker *u, struct unpack_job *j);
/* Helps until few jobs wait. */
void unpacker_work(struct unpacker *u);
/* Until all are done.  A pack that is damaged, or 0. */
int64_t unpacker_end(struct unpacker *u);
/* False when it is damaged.  `raw` has PACK_PAGES pages. */
bool pack_decompress(ZSTD_DCtx *dctx, const uint64_t *key, unsigned nr,
	const void *data, size_t len, uint8_t *raw);
/* Walks a list of layers; false at its end. */
bool layers_next(const char **text, uint32_t *id);

/* collect.c */
/* Deletes packs that no checkpoint and not the live machine need, rows of lines
 * that were forgotten and of checkpoints that lost their names: some at a
 * time; *more when there are more. */
int collect_garbage(struct store *s, bool *more);
/* All of it; the lock is let go of in between. */
void collect_all(struct store *s);
/* In the store's thread if there is something; some of it without a thread. */
void collect_if_due(struct store *s);
/* Fills in s->saver.next_layer. */
int collect_open(struct store *s);

/* snapshot.c */
int snapshot_take(struct store *s);
/* Saves most of what snapshot_take() would.  The lock is held, and let go of
 * again and again: the machine may be another afterwards. */
int snapshot_ahead(struct store *s);
/* Takes one when replay since the last would take too long. */
void snapshot_if_due(struct store *s, bool idle);

/* restore.c */
/* The moment of a checkpoint: columns, and whether their sum is right. */
#define MOMENT_COLUMNS "seq, time, log_off, sum"
uint64_t moment_sum(uint64_t seq, uint64_t time, uint64_t log_off);
bool moment_is_sound(sqlite3_stmt *st, int col);
/* In place of the layout version: to be rebuilt. */
#define LAYOUT_DAMAGED 0
/* Columns of a checkpoint from which saved_read() reads its state. */
#define SAVED_COLUMNS "hash, sizes, layers"
int saved_read(struct store *s, sqlite3_stmt *st, int col, struct saved *out);
/* Loads the newest usable checkpoint, or boots.  Fills in s->vm, s->track,
 * log_size. */
int restore_newest(struct store *s);

#endif
