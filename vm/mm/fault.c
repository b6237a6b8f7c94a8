/*
 * The page-fault handler: finds the VMA, grows a stack, checks the right, and
 * says why an access is refused.  What makes the page is in handle_fault().
 *
 * Source: Linux arch/x86/mm/fault.c (do_user_addr_fault, access_error,
 * bad_area): a fetch counts as a read until its page is present, so fetching
 * from a mapping without the right first brings the page in and then fails
 * with the present bit set in the error code.
 */
#include "../abi.h"
#include "page_i.h"

#define MAPERR	   1
#define ACCERR	   2
#define ADRERR	   2
#define EC_PRESENT 1u

static int signal_to(struct vm *m, struct sigfault *f, int sig, int code,
	enum vm_counter counter)
{
	f->sig = sig;
	f->code = code;
	m->root->count[counter]++;
	return -EFAULT;
}

static int general_protection(struct vm *m, struct sigfault *f)
{
	unsigned bits = m->arch->va_bits;

	vm_fail(m, EFAULT,
		"bits 63 to %u of the address do not copy bit %u: it is not "
		"canonical",
		bits, bits - 1);
	f->addr = 0;
	f->error_code = 0;
	return signal_to(m, f, SIGSEGV, SI_KERNEL, CNT_SEGV_KERNEL);
}

/* The kernel lets nothing out about its own half: always "present". */
static int kernel_address(struct vm *m, struct sigfault *f)
{
	vm_fail(m, EFAULT,
		"the address belongs to the kernel: user space ends at 0x%llx",
		(unsigned long long)m->arch->native.task_size);
	f->error_code |= EC_PRESENT;
	return signal_to(m, f, SIGSEGV, MAPERR, CNT_SEGV_MAPERR);
}

static int no_mapping(struct vm *m, const struct vma *above, struct sigfault *f)
{
	if (above)
		vm_fail(m, EFAULT,
			"no mapping holds this address; the nearest above "
			"starts at 0x%llx",
			(unsigned long long)above->start);
	else
		vm_fail(m, EFAULT,
			"no mapping holds this address, and none lies above");
	return signal_to(m, f, SIGSEGV, MAPERR, CNT_SEGV_MAPERR);
}

static int no_right(struct vm *m, const struct vma *v, enum access_kind kind,
	struct sigfault *f)
{
	static const char *const what[] = {
		[ACC_READ] = "loads",
		[ACC_WRITE] = "stores",
		[ACC_EXEC] = "fetches",
	};

	vm_fail(m, EFAULT,
		"the mapping 0x%llx-0x%llx is %c%c%c%c: %s are not permitted",
		(unsigned long long)v->start, (unsigned long long)v->end,
		v->flags & VM_READ ? 'r' : '-', v->flags & VM_WRITE ? 'w' : '-',
		v->flags & VM_EXEC ? 'x' : '-',
		v->flags & VM_MAYSHARE ? 's' : 'p', what[kind]);
	return signal_to(m, f, SIGSEGV, ACCERR, CNT_SEGV_ACCERR);
}

static bool refused(const struct vma *v, enum access_kind kind, uint32_t ec)
{
	if (kind == ACC_WRITE)
		return !(v->flags & VM_WRITE);
	return ec & EC_PRESENT || !(v->flags & VM_ACCESS);
}

/* The VMA of va, a stack grown down to it if need be; NULL with *f set. */
static struct vma *find_area(
	struct vm *m, struct task *t, vaddr_t va, struct sigfault *f)
{
	struct vma *v = vma_find(m, t->mm, va);

	if (!v || (v->start > va && !(v->flags & VM_GROWSDOWN))) {
		no_mapping(m, v, f);
		return NULL;
	}
	if (v->start <= va)
		return v;
	if (mm_expand_stack(m, t, v, va)) {
		refuse_as(m, EFAULT);
		signal_to(m, f, SIGSEGV, MAPERR, CNT_SEGV_MAPERR);
		return NULL;
	}
	m->root->count[CNT_FAULT_STACK]++;
	return v;
}

int mm_fault(struct vm *m, struct task *t, vaddr_t va, enum access_kind kind,
	uint32_t error_code, struct sigfault *f)
{
	struct vma *v;

	*f = (struct sigfault){.addr = va, .error_code = error_code};
	if (!arch_canonical(m->arch, va))
		return general_protection(m, f);
	if (va >= m->arch->native.task_size)
		return kernel_address(m, f);
	v = find_area(m, t, va, f);
	if (!v)
		return -EFAULT;
	if (refused(v, kind, error_code))
		return no_right(m, v, kind, f);
	switch (handle_fault(m, t, v, va, kind == ACC_WRITE)) {
	case 0:
		return 0;
	case FAULT_BUS:
		return signal_to(m, f, SIGBUS, ADRERR, CNT_BUS_ADRERR);
	case FAULT_GUARD:
		return signal_to(m, f, SIGSEGV, MAPERR, CNT_SEGV_MAPERR);
	default:
		return -ENOMEM;
	}
}
