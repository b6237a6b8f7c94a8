/* The geometry of the TLB as an option: parsing, printing, limits. */
#include "config_i.h"

#include <string.h>

#include "format.h"
#include "number.h"

#define TLB_MAX_ENTRIES 65536u
#define TLB_MAX_WAYS	256u

/* One array of a TLB, "ENTRIES/WAYS"; *s moves behind it. */
static bool parse_tlb_array(
	const char **s, struct tlb_geometry *g, unsigned array)
{
	uint64_t entries, ways;
	const char *p = number_read(*s, &entries);

	if (!p || *p != '/')
		return false;
	p = number_read(p + 1, &ways);
	if (!p || entries > TLB_MAX_ENTRIES || ways > TLB_MAX_WAYS)
		return false;
	g->entries[array] = (uint32_t)entries;
	g->ways[array] = (uint32_t)ways;
	*s = p;
	return true;
}

static bool power_of_two(uint64_t v)
{
	return v && !(v & (v - 1));
}

int config_check_tlb(const struct tlb_geometry *g, char *err)
{
	static const char *const name[] = {
		[TLB_L1] = "level 1",
		[TLB_L2] = "level 2",
		[TLB_HUGE] = "for huge pages",
		[TLB_GIGANTIC] = "for pages of 1 GiB",
	};

	for (unsigned l = 0; l < NR_TLBS; l++) {
		uint32_t entries = g->entries[l], ways = g->ways[l];

		if (l != TLB_L1 && !entries && !ways)
			continue;
		if (entries && entries <= TLB_MAX_ENTRIES && ways &&
			ways <= TLB_MAX_WAYS && entries % ways == 0 &&
			power_of_two(entries / ways))
			continue;
		vm_snprintf(err, SENTENCE_MAX,
			"tlb %s: %u entries in %u ways do not make a number "
			"of sets that is a power of two",
			name[l], entries, ways);
		return -EINVAL;
	}
	return 0;
}

int config_set_tlb(
	struct vm_config *c, const char *key, const char *value, char *err)
{
	struct tlb_geometry g;
	const char *s = value;
	bool ok;
	int ret;

	memset(&g, 0, sizeof(g));
	ok = parse_tlb_array(&s, &g, TLB_L1);
	for (unsigned l = TLB_L2; l < NR_TLBS && ok && *s; l++) {
		ok = *s == ',' || *s == ':';
		s++;
		ok = ok && parse_tlb_array(&s, &g, l);
	}
	if (!ok || *s) {
		vm_snprintf(err, SENTENCE_MAX,
			"%s=%.*s: expected ENTRIES/WAYS of level 1, level 2, "
			"huge pages and pages of 1 GiB, as 64/4 or "
			"64/4,1536/12,32/4,4/4, up to %u entries and %u ways",
			key, 60, value, TLB_MAX_ENTRIES, TLB_MAX_WAYS);
		return -EINVAL;
	}
	ret = config_check_tlb(&g, err);
	if (ret)
		return ret;
	c->tlb = g;
	c->given |= GIVEN_TLB;
	return 0;
}

void config_get_tlb(
	const struct vm_config *c, const char *key, char *buf, size_t size)
{
	const struct tlb_geometry *g = &c->tlb;
	unsigned nr = NR_TLBS;
	size_t n = 0;

	while (nr > 1 && !g->entries[nr - 1])
		nr--;

	for (unsigned l = 0; l < nr; l++)
		n += vm_snprintf(buf + n, size - n, "%s%u/%u", l ? "," : "",
			g->entries[l], g->ways[l]);
}
