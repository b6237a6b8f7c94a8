/* Commands of kernel code: kmalloc and caches of its own. */
#include "../slab/kmalloc.h"
#include "handlers.h"

static int give_address(struct cmd *c, vaddr_t addr)
{
	if (!addr)
		return -c->m->fail.err;
	c->reply->kind = REPLY_HEX;
	c->reply->value = addr;
	return 0;
}

/* kmalloc SIZE [gfp=WORDS] */
int cmd_kmalloc(struct cmd *c)
{
	unsigned gfp;

	if (gfp_wanted(c, c->arg[1].num, &gfp))
		return -EINVAL;
	return give_address(c, kmalloc(c->m, c->arg[0].num, gfp,
				       c->arg[1].num & GFP_WORD_ZERO));
}

/* krealloc ADDR SIZE [gfp=WORDS] */
int cmd_krealloc(struct cmd *c)
{
	unsigned gfp;

	if (gfp_wanted(c, c->arg[2].num, &gfp))
		return -EINVAL;
	return give_address(c, krealloc(c->m, c->arg[0].num, c->arg[1].num, gfp,
				       c->arg[2].num & GFP_WORD_ZERO));
}

/* kfree ADDR */
int cmd_kfree(struct cmd *c)
{
	return kfree(c->m, c->arg[0].num);
}

/* ksize ADDR */
int cmd_ksize(struct cmd *c)
{
	int64_t size = ksize(c->m, c->arg[0].num);

	if (size < 0)
		return (int)size;
	c->reply->kind = REPLY_DEC;
	c->reply->value = (uint64_t)size;
	return 0;
}

/* kmem_cache_create NAME SIZE [align=N] [flags=WORDS] */
int cmd_kmem_cache_create(struct cmd *c)
{
	char name[CACHE_NAME_MAX + 1]; /* too long remains too long */

	vm_snprintf(
		name, sizeof(name), "%.*s", (int)c->arg[0].len, c->arg[0].text);
	return cache_create(c->m, name, c->arg[1].num, c->arg[2].num,
		       (uint32_t)c->arg[3].num | CACHE_BY_COMMAND)
		       ? 0
		       : -c->m->fail.err;
}

/* The cache that the first argument names. */
static int named(struct cmd *c, idx_t *cache)
{
	*cache = cache_find(c->m, c->arg[0].text, c->arg[0].len);
	if (*cache)
		return 0;
	return vm_fail(c->m, ENOENT,
		"there is no cache \"%.*s\": proc/slabinfo has their names",
		(int)c->arg[0].len, c->arg[0].text);
}

/* kmem_cache_destroy NAME */
int cmd_kmem_cache_destroy(struct cmd *c)
{
	idx_t cache;
	int err = named(c, &cache);

	return err ? err : cache_destroy(c->m, cache);
}

/* kmem_cache_shrink NAME */
int cmd_kmem_cache_shrink(struct cmd *c)
{
	idx_t cache;
	int err = named(c, &cache);

	if (!err)
		cache_shrink(c->m, cache);
	return err;
}

/* kmem_cache_alloc NAME [gfp=WORDS] */
int cmd_kmem_cache_alloc(struct cmd *c)
{
	unsigned gfp;
	idx_t cache;
	int err = named(c, &cache);

	if (err)
		return err;
	if (!(cache_at(c->m, cache)->flags & CACHE_BY_COMMAND))
		return vm_fail(c->m, EINVAL,
			"the cache \"%s\" is the kernel's: kmem_cache_create "
			"makes others",
			cache_at(c->m, cache)->name);
	if (gfp_wanted(c, c->arg[1].num, &gfp))
		return -EINVAL;
	return give_address(
		c, cache_take(c->m, cache, gfp, c->arg[1].num & GFP_WORD_ZERO));
}

/* kmem_cache_free NAME ADDR */
int cmd_kmem_cache_free(struct cmd *c)
{
	idx_t cache;
	int err = named(c, &cache);

	return err ? err : cache_give(c->m, cache, c->arg[1].num);
}
