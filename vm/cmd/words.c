/* The words that stand for bits and numbers: PROT, flags, advice. */
#include <string.h>

#include "../format.h"
#include "../abi.h"
#include "../numa/mempolicy.h"
#include "../phys/phys.h"
#include "../slab/slab.h"
#include "command.h"

struct word_value {
	const char *word;
	uint64_t value;
};

static const struct word_value map_words[] = {
	{"shared", MAP_SHARED},
	{"private", MAP_PRIVATE},
	{"shared_validate", MAP_SHARED_VALIDATE},
	{"droppable", MAP_DROPPABLE},
	{"fixed", MAP_FIXED},
	{"noreplace", MAP_FIXED_NOREPLACE},
	{"anonymous", MAP_ANONYMOUS},
	{"32bit", MAP_32BIT},
	{"above4g", MAP_ABOVE4G},
	{"growsdown", MAP_GROWSDOWN},
	{"locked", MAP_LOCKED},
	{"noreserve", MAP_NORESERVE},
	{"populate", MAP_POPULATE},
	{"nonblock", MAP_NONBLOCK},
	{"stack", MAP_STACK},
	{"hugetlb", MAP_HUGETLB},
	{"huge_2mb", 21u << MAP_HUGE_SHIFT},
	{"huge_4mb", 22u << MAP_HUGE_SHIFT},
	{"huge_1gb", 30u << MAP_HUGE_SHIFT},
	{"sync", MAP_SYNC},
	{NULL, 0},
};

static const struct word_value memfd_words[] = {
	{"hugetlb", MFD_HUGETLB},
	{"huge_2mb", 21u << MAP_HUGE_SHIFT},
	{"huge_4mb", 22u << MAP_HUGE_SHIFT},
	{"huge_1gb", 30u << MAP_HUGE_SHIFT},
	{NULL, 0},
};

static const struct word_value remap_words[] = {
	{"maymove", MREMAP_MAYMOVE},
	{"fixed", MREMAP_FIXED},
	{"dontunmap", MREMAP_DONTUNMAP},
	{"none", 0},
	{NULL, 0},
};

static const struct word_value advice_words[] = {
	{"normal", 0},
	{"random", 1},
	{"sequential", 2},
	{"willneed", 3},
	{"dontneed", 4},
	{"free", 8},
	{"remove", 9},
	{"dontfork", 10},
	{"dofork", 11},
	{"mergeable", 12},
	{"unmergeable", 13},
	{"hugepage", 14},
	{"nohugepage", 15},
	{"dontdump", 16},
	{"dodump", 17},
	{"wipeonfork", 18},
	{"keeponfork", 19},
	{"cold", 20},
	{"pageout", 21},
	{"populate_read", 22},
	{"populate_write", 23},
	{"dontneed_locked", 24},
	{"collapse", 25},
	{"guard_install", 102},
	{"guard_remove", 103},
	{NULL, 0},
};

static const struct word_value ms_words[] = {
	{"async", 1},
	{"invalidate", 2},
	{"sync", 4},
	{NULL, 0},
};

static const struct word_value mcl_words[] = {
	{"current", 1},
	{"future", 2},
	{"onfault", 4},
	{NULL, 0},
};

static const struct word_value clone_words[] = {
	{"vm", CLONE_VM},
	{"sighand", CLONE_SIGHAND},
	{"vfork", CLONE_VFORK},
	{"parent", CLONE_PARENT},
	{"thread", CLONE_VM | CLONE_SIGHAND | CLONE_THREAD},
	{NULL, 0},
};

static const struct word_value wait_words[] = {
	{"exited", WAIT_EXITED},
	{"stopped", WAIT_STOPPED},
	{"continued", WAIT_CONTINUED},
	{"nowait", WAIT_KEEP},
	{NULL, 0},
};

static const struct word_value open_words[] = {
	{"rdonly", 0},
	{"wronly", 1},
	{"rdwr", 2},
	{"creat", OPEN_CREAT},
	{"excl", OPEN_EXCL},
	{"trunc", OPEN_TRUNC},
	{"append", OPEN_APPEND},
	{NULL, 0},
};

static const struct word_value whence_words[] = {
	{"set", 0},
	{"cur", 1},
	{"end", 2},
	{"data", 3},
	{"hole", 4},
	{NULL, 0},
};

static const struct word_value fadvise_words[] = {
	{"normal", 0},
	{"random", 1},
	{"sequential", 2},
	{"willneed", 3},
	{"dontneed", 4},
	{"noreuse", 5},
	{NULL, 0},
};

static const struct word_value gfp_words[] = {
	{"dma", GFP_WORD(GFP_DMA)},
	{"dma32", GFP_WORD(GFP_DMA32)},
	{"kernel", GFP_WORD(GFP_KERNEL)},
	{"highuser", GFP_WORD(GFP_HIGHUSER)},
	{"movable", GFP_WORD_MOVABLE},
	{"reclaimable", GFP_WORD_RECLAIMABLE},
	{"zero", GFP_WORD_ZERO},
	{"atomic", GFP_ATOMIC *GFP_WORD_HOW},
	{"nowait", GFP_NOWAIT *GFP_WORD_HOW},
	{"high", GFP_HIGH *GFP_WORD_HOW},
	{"noretry", GFP_NORETRY *GFP_WORD_HOW},
	{"retry_mayfail", GFP_MAYFAIL *GFP_WORD_HOW},
	{"nofail", GFP_NOFAIL *GFP_WORD_HOW},
	{"memalloc", GFP_MEMALLOC *GFP_WORD_HOW},
	{"nomemalloc", GFP_NOMEMALLOC *GFP_WORD_HOW},
	{NULL, 0},
};

static const struct word_value mpol_words[] = {
	{"default", MPOL_DEFAULT},
	{"preferred", MPOL_PREFERRED},
	{"bind", MPOL_BIND},
	{"interleave", MPOL_INTERLEAVE},
	{"local", MPOL_LOCAL},
	{"preferred_many", MPOL_PREFERRED_MANY},
	{"weighted_interleave", MPOL_WEIGHTED_INTERLEAVE},
	{"static", MPOL_F_STATIC_NODES},
	{"relative", MPOL_F_RELATIVE_NODES},
	{"balancing", MPOL_F_NUMA_BALANCING},
	{NULL, 0},
};

static const struct word_value mpolflags_words[] = {
	{"node", MPOL_F_NODE},
	{"addr", MPOL_F_ADDR},
	{"mems_allowed", MPOL_F_MEMS_ALLOWED},
	{NULL, 0},
};

static const struct word_value mf_words[] = {
	{"strict", MPOL_MF_STRICT},
	{"move", MPOL_MF_MOVE},
	{"move_all", MPOL_MF_MOVE_ALL},
	{NULL, 0},
};

static const struct word_value access_words[] = {
	{"r", 0},
	{"w", 1},
	{"x", 2},
	{NULL, 0},
};

static const struct word_value cache_words[] = {
	{"reclaim_account", CACHE_RECLAIMABLE},
	{"dma", CACHE_DMA},
	{"hwcache_align", CACHE_HWALIGN},
	{"constructed", CACHE_CONSTRUCTED},
	{NULL, 0},
};

static const struct {
	const struct word_value *words;
	bool many; /* several, joined by commas */
} tables[] = {
	[ARG_MAPFLAGS] = {map_words, true},
	[ARG_MEMFDFLAGS] = {memfd_words, true},
	[ARG_REMAPFLAGS] = {remap_words, true},
	[ARG_ADVICE] = {advice_words, false},
	[ARG_MSFLAGS] = {ms_words, true},
	[ARG_MCLFLAGS] = {mcl_words, true},
	[ARG_CLONEFLAGS] = {clone_words, true},
	[ARG_WAITFLAGS] = {wait_words, true},
	[ARG_OPENFLAGS] = {open_words, true},
	[ARG_WHENCE] = {whence_words, false},
	[ARG_FADVICE] = {fadvise_words, false},
	[ARG_GFP] = {gfp_words, true},
	[ARG_CACHEFLAGS] = {cache_words, true},
	[ARG_MPOL] = {mpol_words, true},
	[ARG_MPOLFLAGS] = {mpolflags_words, true},
	[ARG_MFFLAGS] = {mf_words, true},
	[ARG_ACCESS] = {access_words, false},
	[ARG_REST] = {NULL, false},
};

/* "none", or letters of rwx in any order, with '-' for what is missing. */
static int prot_letters(const char *s, size_t n, uint64_t *out)
{
	if (n == 4 && !memcmp(s, "none", 4))
		return 0;
	for (size_t i = 0; i < n; i++)
		switch (s[i]) {
		case 'r':
			*out |= PROT_READ;
			break;
		case 'w':
			*out |= PROT_WRITE;
			break;
		case 'x':
			*out |= PROT_EXEC;
			break;
		case '-':
			break;
		default:
			return -1;
		}
	return n ? 0 : -1;
}

static int word_lookup(
	const struct word_value *t, const char *s, size_t n, uint64_t *out)
{
	for (; t->word; t++)
		if (strlen(t->word) == n && !memcmp(t->word, s, n)) {
			*out |= t->value;
			return 0;
		}
	return -1;
}

/* Rights, and then words of mprotect(2): "rw,growsdown". */
static int prot_parse(const char *s, size_t n, uint64_t *out)
{
	static const struct word_value more[] = {
		{"growsdown", PROT_GROWSDOWN},
		{"growsup", PROT_GROWSUP},
		{"sem", PROT_SEM},
		{NULL, 0},
	};
	const char *end = s + n, *comma = memchr(s, ',', n);

	*out = 0;
	if (prot_letters(s, (size_t)((comma ? comma : end) - s), out))
		return -1;
	while (comma) {
		s = comma + 1;
		comma = memchr(s, ',', (size_t)(end - s));
		if (word_lookup(
			    more, s, (size_t)((comma ? comma : end) - s), out))
			return -1;
	}
	return 0;
}

int words_parse(enum arg_type type, const char *text, size_t len, uint64_t *out)
{
	const char *end = text + len;

	if (type == ARG_PROT)
		return prot_parse(text, len, out);
	*out = 0;
	if (!tables[type].words)
		return -1;
	for (;;) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		const char *stop = comma ? comma : end;

		if (word_lookup(tables[type].words, text, (size_t)(stop - text),
			    out))
			return -1;
		if (!comma)
			return 0;
		if (!tables[type].many)
			return -1;
		text = comma + 1;
	}
}

size_t words_list(enum arg_type type, char *buf, size_t size)
{
	size_t n = 0;

	if (type == ARG_PROT)
		return vm_snprintf(buf, size,
			"none or letters of rwx; then "
			"growsdown growsup sem, after commas");
	if (size)
		*buf = '\0';
	if (type >= sizeof(tables) / sizeof(*tables) || !tables[type].words)
		return 0;
	for (const struct word_value *t = tables[type].words; t->word; t++)
		n += vm_snprintf(
			buf + n, size - n, "%s%s", n ? " " : "", t->word);
	return n;
}
