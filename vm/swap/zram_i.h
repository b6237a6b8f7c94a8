/* What the parts of /dev/zram0 share. */
#ifndef PAGEFS_VM_ZRAM_I_H
#define PAGEFS_VM_ZRAM_I_H

#include "zpool.h"
#include "zram.h"

static inline bool entry_is_huge(const struct vm *m, const struct zram_entry *e)
{
	return e->len == m->page_size;
}

/* One word repeated. */
static inline bool entry_is_same(const struct zram_entry *e)
{
	return e->known && !e->len && !(e->flags & ZRAM_WB);
}

static inline struct zobject entry_object(const struct zram_entry *e)
{
	return (struct zobject){e->group, e->nr};
}

/* ---- zram.c ---- */
/* An entry takes the place of what the page was. */
void zram_replace(struct vm *m, uint32_t page, struct zram_entry new);

/* ---- zram_file.c: what is written ---- */
#define OPTION_MAX 128

/* KEY=VALUE; a word without '=' is a key alone. */
struct zram_option {
	char key[OPTION_MAX], value[OPTION_MAX];
};

/* The next one, *s behind it and the blanks that follow: false at the end, and,
 * with a sentence, if it is too long. */
bool zram_option(struct vm *m, const char **s, struct zram_option *o);
/* A decimal number and nothing else: 0, or EINVAL and ERANGE without a
 * sentence. */
int zram_decimal(const char *s, uint64_t max, uint64_t *out);
/* 0, or -EINVAL: it has no size yet. */
int zram_need_init(struct vm *m);
/* The priority of an algorithm that was chosen, from `first` on; or -EINVAL. */
int zram_priority(struct vm *m, unsigned first, const char *name);

/* ---- zram_post.c: idle, recompress; zram_back.c: the backing device ---- */
typedef int zram_write_fn(struct vm *m, const char *text);
zram_write_fn zram_write_idle, zram_write_recompress;
zram_write_fn zram_write_backing_dev, zram_write_writeback;
zram_write_fn zram_write_writeback_limit, zram_write_writeback_limit_enable;

/*
 * Takes marked pages (ZRAM_PP) the largest first, of one 64th of a page the
 * last first, as Linux does; `one` returns 0, 1 to stop, or an errno, which
 * stops too.  No page is marked behind it.
 */
int zram_post_process(struct vm *m,
	int (*one)(struct vm *m, uint32_t page, void *ctx), void *ctx);

#endif
