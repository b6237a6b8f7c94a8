/* Names of the flags of calls; see script.h. */
#include "script.h"

struct symbol {
	const char *name;
	uint64_t value;
};

static const struct symbol map_flags[] = {{"SHARED", 1}, {"PRIVATE", 2},
	{"SHARED_VALIDATE", 3}, {"DROPPABLE", 8}, {"FIXED", 0x10},
	{"ANON", 0x20}, {"32BIT", 0x40}, {"ABOVE4G", 0x80},
	{"GROWSDOWN", 0x100}, {"DENYWRITE", 0x800}, {"EXECUTABLE", 0x1000},
	{"LOCKED", 0x2000}, {"NORESERVE", 0x4000}, {"POPULATE", 0x8000},
	{"NONBLOCK", 0x10000}, {"STACK", 0x20000}, {"HUGETLB", 0x40000},
	{"SYNC", 0x80000}, {"NOREPLACE", 0x100000}, {"UNINIT", 0x4000000},
	{NULL, 0}};
static const struct symbol remap_flags[] = {
	{"MAYMOVE", 1}, {"FIXED", 2}, {"DONTUNMAP", 4}, {NULL, 0}};
static const struct symbol sync_flags[] = {
	{"ASYNC", 1}, {"INVALIDATE", 2}, {"SYNC", 4}, {NULL, 0}};
static const struct symbol lock_flags[] = {
	{"CURRENT", 1}, {"FUTURE", 2}, {"ONFAULT", 4}, {NULL, 0}};
static const struct symbol advice[] = {{"NORMAL", 0}, {"RANDOM", 1},
	{"SEQUENTIAL", 2}, {"WILLNEED", 3}, {"DONTNEED", 4}, {"FREE", 8},
	{"REMOVE", 9}, {"DONTFORK", 10}, {"DOFORK", 11}, {"MERGEABLE", 12},
	{"UNMERGEABLE", 13}, {"HUGEPAGE", 14}, {"NOHUGEPAGE", 15},
	{"DONTDUMP", 16}, {"DODUMP", 17}, {"WIPEONFORK", 18},
	{"KEEPONFORK", 19}, {"COLD", 20}, {"PAGEOUT", 21},
	{"POPULATE_READ", 22}, {"POPULATE_WRITE", 23}, {"DONTNEED_LOCKED", 24},
	{"COLLAPSE", 25}, {"HWPOISON", 100}, {"SOFT_OFFLINE", 101},
	{"GUARD_INSTALL", 102}, {"GUARD_REMOVE", 103}, {NULL, 0}};

static const struct symbol *table_of(char kind)
{
	return kind == 'm'   ? map_flags
	       : kind == 'r' ? remap_flags
	       : kind == 's' ? sync_flags
	       : kind == 'l' ? lock_flags
			     : advice;
}

uint64_t script_flags(char kind, char *s)
{
	uint64_t v = s ? 0 : script_value(s);

	while (s && *s) {
		const struct symbol *sym = table_of(kind);
		char *end = s, c;

		while (*end && *end != '|')
			end++;
		c = *end;
		*end = '\0';
		while (sym->name && !text_eq(sym->name, s))
			sym++;
		v |= sym->name ? sym->value : script_value(s);
		*end = c;
		s = c ? end + 1 : end;
	}
	return v;
}
