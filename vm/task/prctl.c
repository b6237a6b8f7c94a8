/* prctl(2): what is about the process and its address space. */
#include "prctl.h"

#include "../mm/mm.h"
#include "../mmu/mmu.h"
#include "signal.h"
#include "task_i.h"

#define THP_EXCEPT_ADVISED 2u

static int unused_args(struct vm *m)
{
	return vm_fail(m, EINVAL, "arguments that are not used are 0");
}

static int set_dumpable(struct vm *m, struct mm *mm, uint64_t value)
{
	if (value > 1)
		return vm_fail(m, EINVAL, "set_dumpable takes 0 or 1");
	mm->dumpable = (uint32_t)value;
	return 0;
}

/* From now on nothing that is writable becomes executable. */
static int set_mdwe(struct vm *m, struct mm *mm, const uint64_t a[4])
{
	uint64_t bits = a[0];

	if (a[1] || a[2] || a[3])
		return unused_args(m);
	if (bits & ~(uint64_t)(MDWE_REFUSE_EXEC_GAIN | MDWE_NO_INHERIT) ||
		bits == MDWE_NO_INHERIT)
		return vm_fail(m, EINVAL,
			"set_mdwe takes 0, 1 (refuse_exec_gain) or 3 (and "
			"children are free)");
	if (mm->mdwe && mm->mdwe != bits)
		return vm_fail(m, EPERM,
			"mdwe is %u already and cannot be taken back",
			mm->mdwe);
	mm->mdwe = (uint32_t)bits;
	return 0;
}

static int set_thp_disable(struct vm *m, struct mm *mm, const uint64_t a[4])
{
	if (a[2] || a[3])
		return unused_args(m);
	if (a[1] & ~(uint64_t)THP_EXCEPT_ADVISED || (!a[0] && a[1]))
		return vm_fail(m, EINVAL,
			"set_thp_disable takes 0 or 1, and then 2 (except "
			"where advised)");
	mm->thp_disable = a[0] ? 1 | (uint32_t)a[1] : 0;
	return 0;
}

static int set_memory_merge(struct vm *m, idx_t mm, const uint64_t a[4])
{
	if (a[1] || a[2] || a[3])
		return unused_args(m);
	mm_set_merge_any(m, mm, a[0] != 0);
	return 0;
}

static int64_t get(struct vm *m, uint32_t value, const uint64_t a[4])
{
	return a[0] || a[1] || a[2] || a[3] ? unused_args(m) : (int64_t)value;
}

/* It is for the end of the thread that is the parent, and not handed on. */
static int set_pdeathsig(struct vm *m, struct task *t, uint64_t sig)
{
	if (sig > NR_SIGNALS)
		return vm_fail(
			m, EINVAL, "signals are 1 to 64, and 0 for none");
	t->pdeath_signal = (uint32_t)sig;
	return 0;
}

uint32_t task_personality(struct task *t, uint32_t persona)
{
	uint32_t old = t->personality;

	if (persona != UINT32_MAX)
		t->personality = persona;
	return old;
}

int64_t task_prctl(
	struct vm *m, struct task *t, unsigned op, const uint64_t a[4])
{
	struct mm *mm = mm_at(m, t->mm);
	int64_t r = cred_prctl(m, t, op, a);

	if (r != -ENOSYS)
		return r;
	switch (op) {
	case PR_SET_PDEATHSIG:
		return set_pdeathsig(m, t, a[0]);
	case PR_GET_PDEATHSIG:
		return mem_put_int(m, t, a[0], t->pdeath_signal);
	case PR_GET_DUMPABLE:
		return mm->dumpable;
	case PR_SET_DUMPABLE:
		return set_dumpable(m, mm, a[0]);
	case PR_SET_MDWE:
		return set_mdwe(m, mm, a);
	case PR_GET_MDWE:
		return get(m, mm->mdwe, a);
	case PR_SET_THP_DISABLE:
		return set_thp_disable(m, mm, a);
	case PR_GET_THP_DISABLE:
		return get(m, mm->thp_disable, a);
	case PR_SET_MEMORY_MERGE:
		return set_memory_merge(m, t->mm, a);
	case PR_GET_MEMORY_MERGE:
		return get(m, mm->merge_any, a);
	case PR_SET_CHILD_SUBREAPER:
		task_leader(m, t)->group.subreaper = a[0] != 0;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return task_leader(m, t)->group.subreaper;
	case PR_SET_MM:
		return mm_set_field(m, t, a);
	case PR_SET_VMA:
		return vm_fail(m, EINVAL,
			"names of mappings need CONFIG_ANON_VMA_NAME, which "
			"this kernel lacks");
	default:
		return vm_fail(m, EINVAL,
			"prctl %u is not about memory or credentials", op);
	}
}
