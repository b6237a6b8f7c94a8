/*
 * The configuration of a machine, by name: parsing, printing, limits.
 *
 * Each key is a row with a parser and a printer; what is printed parses back,
 * since the database keeps configurations as text.
 */
#include "config_i.h"

#include <string.h>

#include "format.h"
#include "number.h"
#include "numa/distance.h"
#include "reclaim/policy.h"
#include "swap/zcomp.h"

#define RAM_MIN	 (32 * MiB)
#define SWAP_MAX (16 * TiB)
#define DISK_MAX (4 * TiB)

#define ULL(x) ((unsigned long long)(x))
static const char *const vsyscall_names[] = {"none", "xonly", "emulate"};
static const char *const policy_names[] = {POLICY_NAMES};

static int refuse(
	char *err, const char *key, const char *value, const char *expected)
{
	vm_snprintf(err, SENTENCE_MAX, "%s=%.*s: expected %s", key, 60, value,
		expected);
	return -EINVAL;
}

/* ---- one pair of functions a key ---------------------------------------- */

typedef int set_fn(
	struct vm_config *c, const char *key, const char *value, char *err);
typedef void get_fn(
	const struct vm_config *c, const char *key, char *buf, size_t size);

/* What the architecture's row says, where the user said nothing. */
static void arch_defaults(struct vm_config *c, const struct arch *a)
{
	if (!(c->given & GIVEN_TLB))
		c->tlb = a->tlb;
	if (!(c->given & GIVEN_PCID))
		c->pcid = a->has_pcid;
}

static int set_arch(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	const struct arch *a = arch_find(value);
	size_t n;

	if (!a) {
		n = vm_snprintf(err, SENTENCE_MAX,
			"%s=%.*s: no such architecture; known:", key, 60,
			value);
		for (unsigned i = 0; i < nr_archs; i++)
			n += vm_snprintf(err + n, SENTENCE_MAX - n, " %s",
				arch_table[i].name);
		return -EINVAL;
	}
	memset(c->arch, 0, sizeof(c->arch));
	memcpy(c->arch, a->name, strlen(a->name));
	arch_defaults(c, a);
	return 0;
}

static void get_arch(
	const struct vm_config *c, const char *key, char *buf, size_t size)
{
	vm_snprintf(buf, size, "%s", c->arch);
}

static uint64_t *size_field(struct vm_config *c, const char *key)
{
	if (!strcmp(key, "ram"))
		return &c->ram;
	return strcmp(key, "swap") ? &c->disk : &c->swap;
}

static int set_size(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	uint64_t v;

	if (!number_parse_size(value, &v))
		return refuse(err, key, value,
			"a size in bytes below 2^64, such as 256M "
			"(K, M, G, T are powers of 1024)");
	*size_field(c, key) = v;
	return 0;
}

static void get_size(
	const struct vm_config *c, const char *key, char *buf, size_t size)
{
	uint64_t v = *size_field((struct vm_config *)c, key);
	unsigned k = 0;

	while (k < 4 && v && v % 1024 == 0) {
		v /= 1024;
		k++;
	}
	vm_snprintf(buf, size, k ? "%llu%c" : "%llu", ULL(v), " KMGT"[k]);
}

/* Numbers below 2^32 are stored as they are. */
static void get_u32(
	const struct vm_config *c, const char *key, char *buf, size_t size)
{
	vm_snprintf(buf, size, "%u",
		!strcmp(key, "cpus")	     ? c->cpus
		: !strcmp(key, "nodes")	     ? c->nodes
		: !strcmp(key, "pcid")	     ? c->pcid
		: !strcmp(key, "soft_dirty") ? c->soft_dirty
		: !strcmp(key, "lz4")	     ? c->lz4
		: !strcmp(key, "zstd")	     ? c->zstd
					     : c->frames);
}

static int set_cpus(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	uint64_t v;

	if (!number_parse(value, &v) || v < 1 || v > MAX_CPUS) {
		vm_snprintf(err, SENTENCE_MAX,
			"%s=%.*s: expected a number of processors from 1 "
			"to %u",
			key, 60, value, MAX_CPUS);
		return -EINVAL;
	}
	c->cpus = (uint32_t)v;
	return 0;
}

static int set_nodes(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	uint64_t v;

	if (!number_parse(value, &v) || v < 1 || v > MAX_NODES)
		return refuse(
			err, key, value, "a number of NUMA nodes from 1 to 8");
	c->nodes = (uint32_t)v;
	return 0;
}

_Static_assert(MAX_NODES == 8, "the sentences of nodes= say so");

static int set_distance(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	return distance_parse(c, value)
		       ? refuse(err, key, value,
				 "numbers from 10 to 254, as 21, 21:31:21 or "
				 "10:21:21:10")
		       : 0;
}

static void get_distance(
	const struct vm_config *c, const char *key, char *buf, size_t size)
{
	distance_format(c, buf, size);
}

static int set_pcid(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	if (strcmp(value, "0") && strcmp(value, "1"))
		return refuse(err, key, value,
			"0 or 1 (1: TLB entries carry an address-space id)");
	c->pcid = *value == '1';
	c->given |= GIVEN_PCID;
	return 0;
}

static uint64_t *number_field(struct vm_config *c, const char *key)
{
	return strcmp(key, "aslr") ? &c->seed : &c->aslr;
}

static int set_number(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	uint64_t v;

	if (!number_parse(value, &v))
		return refuse(err, key, value, "a number below 2^64");
	*number_field(c, key) = v;
	return 0;
}

static void get_number(
	const struct vm_config *c, const char *key, char *buf, size_t size)
{
	vm_snprintf(buf, size, "%llu",
		ULL(*number_field((struct vm_config *)c, key)));
}

static uint32_t name_index(
	const char *const *names, uint32_t nr, const char *value)
{
	uint32_t i = 0;

	while (i < nr && strcmp(value, names[i]))
		i++;
	return i;
}

static int set_vsyscall(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	uint32_t i = name_index(vsyscall_names, 3, value);

	if (i == 3)
		return refuse(err, key, value, "none, xonly or emulate");
	c->vsyscall = i;
	return 0;
}

static void get_vsyscall(
	const struct vm_config *c, const char *key, char *buf, size_t size)
{
	vm_snprintf(buf, size, "%s", vsyscall_names[c->vsyscall % 3]);
}

static int set_soft_dirty(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	if (strcmp(value, "0") && strcmp(value, "1"))
		return refuse(err, key, value,
			"0 or 1 (1: as with CONFIG_MEM_SOFT_DIRTY)");
	c->soft_dirty = *value == '1';
	return 0;
}

static int set_policy(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	uint32_t i = name_index(policy_names, NR_POLICIES, value);

	if (i == NR_POLICIES)
		return refuse(err, key, value,
			"linux, fifo, lru, mru, clock, eclock, nru, lfu, "
			"aging, random, ws or opt");
	c->policy = i;
	return 0;
}

static void get_policy(
	const struct vm_config *c, const char *key, char *buf, size_t size)
{
	vm_snprintf(buf, size, "%s", policy_names[c->policy % NR_POLICIES]);
}

static int set_frames(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	uint64_t v;

	if (!number_parse(value, &v) || v > UINT32_MAX)
		return refuse(err, key, value,
			"a number of pages below 2^32, 0: as many as fit");
	c->frames = (uint32_t)v;
	return 0;
}

static int set_version(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	uint64_t v;

	if (!number_parse(value, &v) || v > UINT32_MAX)
		return refuse(err, key, value, "a version, as 10904 for 1.9.4");
	*(!strcmp(key, "lz4") ? &c->lz4 : &c->zstd) = (uint32_t)v;
	return 0;
}

/* In the order of key_table. */
const char *const vm_config_keys[] = {"arch", "ram", "swap", "disk", "cpus",
	"nodes", "distance", "pcid", "tlb", "seed", "vsyscall", "aslr",
	"soft_dirty", "policy", "frames", "lz4", "zstd", NULL};

const char *const vm_config_help[] = {
	"x86_64 or i386",
	"bytes of RAM",
	"bytes of the swap area",
	"bytes of the simulated disk",
	"processors, 1 to 64",
	"NUMA nodes, 1 to 8, that RAM and processors are spread over",
	"of the nodes from each other: one, or one each pair, or rows",
	"1: TLB entries carry their process's PCID, 0: none do",
	"entries/ways of each level of the TLB",
	"of the generator that all random values come from",
	"none, xonly or emulate, as the kernel's parameter",
	"seed of random address layouts, 0: none is random",
	"1: clear_refs and pagemap track which pages are stored to",
	"of page replacement: linux, fifo, lru, clock, ..., see help/policies",
	"pages that a textbook policy keeps, 0: as many as fit",
	"version of the library that compresses swap; that of creation",
	"the same of the one for the algorithm zstd",
	NULL,
};

static const struct {
	set_fn *set;
	get_fn *get;
} key_table[] = {
	{set_arch, get_arch},
	{set_size, get_size},
	{set_size, get_size},
	{set_size, get_size},
	{set_cpus, get_u32},
	{set_nodes, get_u32},
	{set_distance, get_distance},
	{set_pcid, get_u32},
	{config_set_tlb, config_get_tlb},
	{set_number, get_number},
	{set_vsyscall, get_vsyscall},
	{set_number, get_number},
	{set_soft_dirty, get_u32},
	{set_policy, get_policy},
	{set_frames, get_u32},
	{set_version, get_u32},
	{set_version, get_u32},
};

static int key_find(const char *key)
{
	for (int i = 0; vm_config_keys[i]; i++)
		if (!strcmp(vm_config_keys[i], key))
			return i;
	return -1;
}

/* ---- public ------------------------------------------------------------- */

void vm_config_default(struct vm_config *c)
{
	const struct arch *a = arch_find("x86_64");

	memset(c, 0, sizeof(*c));
	memcpy(c->arch, a->name, strlen(a->name));
	arch_defaults(c, a);
	c->ram = 256 * MiB;
	c->swap = 64 * MiB;
	c->disk = 256 * MiB;
	c->cpus = 2;
	c->nodes = 1;
	c->nr_distances = 1;
	c->distance[0] = 20;
	c->seed = 1;
	c->vsyscall = 1;
	c->lz4 = zcomp_lz4_version();
	c->zstd = zcomp_zstd_version();
}

int vm_config_set(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	int i = key_find(key);
	size_t n;

	if (i >= 0)
		return key_table[i].set(c, key, value, err);
	n = vm_snprintf(err, SENTENCE_MAX,
		"no machine option is called \"%.*s\"; known:", 40, key);
	for (i = 0; vm_config_keys[i]; i++)
		n += vm_snprintf(
			err + n, SENTENCE_MAX - n, " %s", vm_config_keys[i]);
	return -EINVAL;
}

void vm_config_get(
	const struct vm_config *c, const char *key, char *buf, size_t size)
{
	int i = key_find(key);

	if (i >= 0)
		key_table[i].get(c, key, buf, size);
	else if (size)
		*buf = '\0';
}

/* Refuses a size outside its limits or that ends inside a page. */
static int check_size(const struct vm_config *c, const char *key, uint64_t min,
	uint64_t max, unsigned page_shift, char *err)
{
	struct vm_config limit = *c;
	uint64_t v = *size_field((struct vm_config *)c, key);
	char have[32], least[32], most[32];

	get_size(c, key, have, sizeof(have));
	if (v & ((1ull << page_shift) - 1)) {
		vm_snprintf(err, SENTENCE_MAX,
			"%s=%s is no multiple of the page size, %u", key, have,
			1u << page_shift);
		return -EINVAL;
	}
	if (v >= min && v <= max)
		return 0;
	*size_field(&limit, key) = min;
	get_size(&limit, key, least, sizeof(least));
	*size_field(&limit, key) = max;
	get_size(&limit, key, most, sizeof(most));
	vm_snprintf(err, SENTENCE_MAX,
		"%s=%s is outside the limits of %s: %s to %s", key, have,
		c->arch, least, most);
	return -EINVAL;
}

/* Each node has room for what a machine with one node needs. */
static int check_nodes(
	const struct vm_config *c, const struct arch *a, char *err)
{
	if (c->nodes < 1 || c->nodes > MAX_NODES) {
		vm_snprintf(err, SENTENCE_MAX,
			"nodes=%u is outside the limits: 1 to %u", c->nodes,
			MAX_NODES);
		return -EINVAL;
	}
	if (c->nodes > a->max_nodes) {
		vm_snprintf(err, SENTENCE_MAX,
			"nodes=%u: %s is built without NUMA and has one node",
			c->nodes, a->name);
		return -EINVAL;
	}
	if (c->nodes > 1 && c->ram / c->nodes < RAM_MIN) {
		vm_snprintf(err, SENTENCE_MAX,
			"nodes=%u: each node needs 32M of RAM, a part of ram= "
			"is %lluM",
			c->nodes, ULL(c->ram / c->nodes / MiB));
		return -EINVAL;
	}
	return distance_check(c, err);
}

int vm_config_check(const struct vm_config *c, char *err)
{
	const struct arch *a;
	int ret;

	if (strnlen(c->arch, sizeof(c->arch)) == sizeof(c->arch) ||
		!(a = arch_find(c->arch))) {
		vm_snprintf(err, SENTENCE_MAX,
			"no architecture is called \"%.*s\"",
			(int)sizeof(c->arch), c->arch);
		return -EINVAL;
	}
	ret = check_size(c, "ram", RAM_MIN, a->ram_max, a->page_shift, err);
	if (!ret)
		ret = check_size(c, "swap", 0, SWAP_MAX, a->page_shift, err);
	if (!ret)
		ret = check_size(c, "disk", 0, DISK_MAX, a->page_shift, err);
	if (!ret)
		ret = config_check_tlb(&c->tlb, err);
	if (!ret)
		ret = check_nodes(c, a, err);
	if (ret)
		return ret;
	if (c->cpus < 1 || c->cpus > MAX_CPUS) {
		vm_snprintf(err, SENTENCE_MAX,
			"cpus=%u is outside the limits: 1 to %u", c->cpus,
			MAX_CPUS);
		return -EINVAL;
	}
	if (c->pcid > a->has_pcid) {
		vm_snprintf(err, SENTENCE_MAX,
			"pcid=%u: the TLB of %s has no address-space ids",
			c->pcid, a->name);
		return -EINVAL;
	}
	if (c->soft_dirty > (a->pte.soft_dirty != 0)) {
		vm_snprintf(err, SENTENCE_MAX,
			"soft_dirty=%u: %s does not track stores",
			c->soft_dirty, a->name);
		return -EINVAL;
	}
	if (c->policy >= NR_POLICIES) {
		vm_snprintf(err, SENTENCE_MAX, "policy %u is none of the %u",
			c->policy, NR_POLICIES);
		return -EINVAL;
	}
	if (c->vsyscall > 2) {
		vm_snprintf(err, SENTENCE_MAX,
			"vsyscall is %u, which is none of none, xonly, emulate",
			c->vsyscall);
		return -EINVAL;
	}
	return 0;
}
