#include "vm_flags.h"

#include "../vm/mm/mm.h"

/* Names of VmFlags in the order of their bits, which is that of the file. */
static const struct {
	uint64_t flag;
	char name[4];
} vm_flag_names[] = {
	{VM_READ, "rd "},
	{VM_WRITE, "wr "},
	{VM_EXEC, "ex "},
	{VM_SHARED, "sh "},
	{VM_MAYREAD, "mr "},
	{VM_MAYWRITE, "mw "},
	{VM_MAYEXEC, "me "},
	{VM_MAYSHARE, "ms "},
	{VM_GROWSDOWN, "gd "},
	{VM_PFNMAP, "pf "},
	{VM_MAYBE_GUARD, "gu "},
	{VM_LOCKED, "lo "},
	{VM_IO, "io "},
	{VM_SEQ_READ, "sr "},
	{VM_RAND_READ, "rr "},
	{VM_DONTCOPY, "dc "},
	{VM_DONTEXPAND, "de "},
	{VM_LOCKONFAULT, "lf "},
	{VM_ACCOUNT, "ac "},
	{VM_NORESERVE, "nr "},
	{VM_HUGETLB, "ht "},
	{VM_SYNC, "sf "},
	{VM_WIPEONFORK, "wf "},
	{VM_DONTDUMP, "dd "},
	{VM_SOFTDIRTY, "sd "},
	{VM_MIXEDMAP, "mm "},
	{VM_HUGEPAGE, "hg "},
	{VM_NOHUGEPAGE, "nh "},
	{VM_MERGEABLE, "mg "},
	{VM_DROPPABLE, "dp "},
	{VM_SEALED, "sl "},
};

void vm_flags_text(struct sbuf *b, uint64_t flags)
{
	for (unsigned i = 0;
		i < sizeof(vm_flag_names) / sizeof(vm_flag_names[0]); i++)
		if (flags & vm_flag_names[i].flag)
			sbuf_mem(b, vm_flag_names[i].name, 3);
}
