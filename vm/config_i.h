/* What the files of the configuration share. */
#ifndef PAGEFS_VM_CONFIG_I_H
#define PAGEFS_VM_CONFIG_I_H

#include "vm.h"

/* Keys whose default depends on arch=, once they were given by name. */
#define GIVEN_TLB  1u
#define GIVEN_PCID 2u

/* ---- the TLB (config_tlb.c) ---- */
/*
 * "64/4" for a single level, "64/4,1536/12" for two, "64/4,1536/12,32/4,4/4"
 * with those for huge pages and for pages of 1 GiB beside level 1.  As a comma
 * separates mount options, ':' may stand for it.  0, or -EINVAL with err.
 */
int config_set_tlb(
	struct vm_config *c, const char *key, const char *value, char *err);
void config_get_tlb(
	const struct vm_config *c, const char *key, char *buf, size_t size);
/* Sets are indexed by address bits, so their number is a power of two. */
int config_check_tlb(const struct tlb_geometry *g, char *err);

#endif
