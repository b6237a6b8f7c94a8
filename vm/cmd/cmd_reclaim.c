/* Swap areas, and reclaim on demand. */
#include <string.h>

#include "../compact/compact.h"
#include "../disk/disk.h"
#include "../reclaim/reclaim.h"
#include "../swap/swap.h"
#include "../swap/zram.h"
#include "handlers.h"

#define OWN_AREA "/dev/vdb"

static bool is_own(const struct arg *a)
{
	return !strcmp(a->text, OWN_AREA);
}

static int swapon_own(struct cmd *c, int64_t prio)
{
	if (swap_area_of(c->m, 0))
		return vm_fail(c->m, EBUSY, "%s is in use already", OWN_AREA);
	if (c->m->root->config.swap < 2 * c->m->page_size)
		return vm_fail(c->m, ENOENT,
			"the machine has no swap device: mount with swap=SIZE, "
			"or use a file");
	if (c->m->root->zram.backing)
		return vm_fail(c->m, EBUSY, "%s is the backing device of %s",
			OWN_AREA, ZRAM_NAME);
	return swap_on_own(c->m, prio);
}

/* A file, which size= makes if it is missing; a refusal leaves none behind. */
static int swapon_file(struct cmd *c, int64_t prio)
{
	const char *path = c->arg[0].text;
	bool made = false;
	idx_t i = disk_lookup(c->m, path, true);
	int err;

	if (!i && c->arg[2].given && c->m->fail.err == ENOENT) {
		vm_fail_clear(c->m);
		i = disk_create(c->m, path, 0600, c->actor->uid, c->actor->gid);
		made = i != 0;
	}
	if (!i)
		return -c->m->fail.err;
	if (swap_area_of(c->m, i))
		return vm_fail(c->m, EBUSY, "%s is a swap area already", path);
	err = c->arg[2].given ? swap_on_made(c->m, i, c->arg[2].num, prio)
			      : swap_on(c->m, i, prio);
	if (err && made)
		disk_unlink(c->m, path);
	return err;
}

/* swapon PATH [prio=N] [size=S] */
int cmd_swapon(struct cmd *c)
{
	int64_t prio = c->arg[1].given ? (int64_t)c->arg[1].num : -1;

	if (is_own(&c->arg[0]))
		return swapon_own(c, prio);
	if (!strcmp(c->arg[0].text, ZRAM_NAME))
		return swap_on_zram(
			c->m, c->arg[2].given ? c->arg[2].num : 0, prio);
	return swapon_file(c, prio);
}

/* mkswap PATH [size=S] */
int cmd_mkswap(struct cmd *c)
{
	const char *path = c->arg[0].text;
	idx_t i;

	if (is_own(&c->arg[0]))
		return vm_fail(c->m, EINVAL,
			"%s needs no header: swapon takes it as it is",
			OWN_AREA);
	if (!strcmp(path, ZRAM_NAME)) {
		if (c->arg[1].given)
			return vm_fail(c->m, EINVAL,
				"the size of %s is written to "
				"sys/block/zram0/disksize",
				ZRAM_NAME);
		return zram_make_swap(c->m);
	}
	i = disk_lookup(c->m, path, true);
	if (!i)
		return -c->m->fail.err;
	if (swap_area_of(c->m, i))
		return vm_fail(c->m, EBUSY, "%s is a swap area already", path);
	return swap_make(c->m, i,
		c->arg[1].given ? c->arg[1].num : inode_at(c->m, i)->size);
}

/* zram FILE TEXT...: words with one blank between them, or "one string" */
int cmd_zram(struct cmd *c)
{
	const char *word[MAX_WORDS];
	unsigned nr = arg_words(c, 1, word, MAX_WORDS);
	char text[2048] = "";
	size_t n = 0;

	for (unsigned i = 0; i < nr; i++) {
		if (n + strlen(word[i]) + 2 > sizeof(text))
			return vm_fail(c->m, E2BIG,
				"a file of %s takes up to %lu bytes", ZRAM_NAME,
				sizeof(text) - 2);
		n += vm_snprintf(
			text + n, sizeof(text) - n, i ? " %s" : "%s", word[i]);
	}
	return zram_file_write(c->m, c->arg[0].text, text);
}

/* The area in use that a path names; NULL with a sentence. */
static struct swap_area *area_named(struct cmd *c)
{
	const char *path = c->arg[0].text;
	struct swap_area *a;
	idx_t i = 0;

	if (!is_own(&c->arg[0]) && strcmp(path, ZRAM_NAME)) {
		i = disk_lookup(c->m, path, true);
		if (!i)
			return NULL;
	}
	a = strcmp(path, ZRAM_NAME) ? swap_area_of(c->m, i) : zram_area(c->m);
	if (!a)
		vm_fail(c->m, EINVAL, "%s is no swap area in use", path);
	return a;
}

/* swapoff PATH */
int cmd_swapoff(struct cmd *c)
{
	struct swap_area *a = area_named(c);

	return a ? swap_off(c->m, a) : -c->m->fail.err;
}

/* reclaim N */
int cmd_reclaim(struct cmd *c)
{
	c->reply->kind = REPLY_DEC;
	c->reply->value = reclaim_pages(c->m, c->arg[0].num);
	if (vm_halted(c->m))
		return vm_fail(c->m, EINTR,
			"interrupted: %llu pages were taken back",
			(unsigned long long)c->reply->value);
	return 0;
}

/* ---- reclaim_node NODE TEXT: "64M swappiness=max" ---- */

static bool is_space(char c)
{
	return c && strchr(" \t\n\v\f\r", c);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* Digits in the base that they begin with; the end, s itself without any. */
static const char *take_number(const char *s, uint64_t *v)
{
	static const char digit[] = "0123456789abcdef";
	bool hex = s[0] == '0' && lower(s[1]) == 'x' && s[2] &&
		   strchr(digit, lower(s[2]));
	unsigned base = hex ? 16 : *s == '0' ? 8 : 10;
	const char *d;

	s += hex ? 2 : 0;
	for (*v = 0; *s && (d = strchr(digit, lower(*s))); s++) {
		if (d - digit >= (int)base)
			break;
		*v = *v * base + (uint64_t)(d - digit);
	}
	return s;
}

/* The same with K, M, G, T, P or E behind it. */
static const char *take_bytes(const char *s, uint64_t *v)
{
	static const char unit[] = "kmgtpe";
	const char *end = take_number(s, v), *u;

	if (end == s || !*end || !(u = strchr(unit, lower(*end))))
		return end;
	*v <<= 10 * (u - unit + 1);
	return end + 1;
}

/* One word, "swappiness=10"; false if it is none. */
static bool take_swappiness(const char *s, size_t len, int *swappiness)
{
	static const char key[] = "swappiness=";
	const size_t n = sizeof(key) - 1;
	const char *end;
	uint64_t v;

	if (len <= n || memcmp(s, key, n))
		return false;
	s += n;
	len -= n;
	if (len == 3 && !memcmp(s, "max", 3)) {
		*swappiness = SWAPPINESS_ANON_ONLY;
		return true;
	}
	end = take_number(s, &v);
	*swappiness = (int)v;
	return end == s + len && v < SWAPPINESS_ANON_ONLY;
}

static int refuse_text(struct cmd *c, const char *text)
{
	return vm_fail(c->m, EAGAIN,
		"\"%s\" is not bytes, and perhaps swappiness= with 0 to 200 "
		"or max behind them",
		text);
}

/* What Linux's user_proactive_reclaim() reads. */
static int take_text(struct cmd *c, uint64_t *bytes, int *swappiness)
{
	const char *text = c->arg[1].text, *s = text, *at, *end;

	for (end = s + strlen(s); end > s && is_space(end[-1]); end--)
		;
	while (is_space(*s))
		s++;
	at = take_bytes(s, bytes);
	if (at == s)
		return refuse_text(c, text);
	while (is_space(*at))
		at++;
	for (; at < end; at++) {
		const char *stop = memchr(at, ' ', (size_t)(end - at));

		stop = stop ? stop : end;
		if (stop > at &&
			!take_swappiness(at, (size_t)(stop - at), swappiness))
			return refuse_text(c, text);
		at = stop;
	}
	return 0;
}

int cmd_reclaim_node(struct cmd *c)
{
	uint64_t node = c->arg[0].num, bytes;
	int swappiness = -1, err;

	if (node >= c->m->root->config.nodes)
		return vm_fail(c->m, ENODEV,
			"the nodes are 0 to %u, there is none of %s%llu",
			c->m->root->config.nodes - 1, arg_sign(&c->arg[0]),
			(unsigned long long)arg_abs(&c->arg[0]));
	err = take_text(c, &bytes, &swappiness);
	return err ? err
		   : reclaim_node(c->m, (unsigned)node,
			     bytes >> c->m->page_shift, swappiness);
}

/* compact_memory N [node=NODE] */
int cmd_compact_memory(struct cmd *c)
{
	uint64_t nr = c->m->root->config.nodes, node = c->arg[1].num;

	if (c->arg[0].num != 1)
		return vm_fail(c->m, EINVAL,
			"compact_memory takes 1, not %s%llu",
			arg_sign(&c->arg[0]),
			(unsigned long long)arg_abs(&c->arg[0]));
	if (c->arg[1].given && node >= nr)
		return vm_fail(c->m, EINVAL,
			"the nodes are 0 to %llu, there is none of %s%llu",
			(unsigned long long)nr - 1, arg_sign(&c->arg[1]),
			(unsigned long long)arg_abs(&c->arg[1]));
	for (unsigned n = 0; n < nr && !vm_halted(c->m); n++)
		if (!c->arg[1].given || n == node)
			compact_node(c->m, n);
	return 0;
}
