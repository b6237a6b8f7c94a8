/*
 * The files of proc/ about the system: uptime, loadavg, version, stat,
 * cpuinfo, filesystems, swaps.  Time is the machine's own.
 * Sources: Linux fs/proc/{uptime,loadavg,version,stat}.c,
 * arch/x86/kernel/cpu/proc.c.
 */
#include "../vm/phys/phys.h"
#include "../vm/task/task.h"
#include "../vm/disk/disk.h"
#include "../vm/swap/zram.h"
#include "../vm/kernel/dmesg.h"
#include "../vm/kernel/psi.h"
#include "renderers.h"

#define NS_PER_SECOND 1000000000ull
#define NS_PER_TICK   10000000ull /* USER_HZ is 100 */

/* How long a CPU ran processes, ns: never longer than the machine is up. */
static uint64_t cpu_busy_ns(const struct vm *m, unsigned cpu)
{
	uint64_t ns = 0;

	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next)
		if (task_at(m, i)->cpu == cpu)
			ns += task_at(m, i)->utime_ns;
	return ns < m->root->ns ? ns : m->root->ns;
}

static void seconds(struct sbuf *b, uint64_t ns)
{
	sbuf_printf(b, "%llu.%02llu", (unsigned long long)(ns / NS_PER_SECOND),
		(unsigned long long)(ns / NS_PER_TICK % 100));
}

void show_uptime(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	uint64_t idle = 0;

	for (unsigned c = 0; c < m->root->config.cpus; c++)
		idle += m->root->ns - cpu_busy_ns(m, c);
	seconds(b, m->root->ns);
	sbuf_char(b, ' ');
	seconds(b, idle);
	sbuf_char(b, '\n');
}

struct task_totals {
	unsigned running, total, newest;
};

static struct task_totals count_tasks(const struct vm *m)
{
	struct task_totals n = {0, 0, 0};

	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next) {
		const struct task *t = task_at(m, i);

		n.total++;
		n.running += t->state == TASK_RUNNING;
	}
	n.newest = m->root->next_pid - 1;
	return n;
}

/* Every process that is not stopped is runnable, and counts. */
void show_loadavg(struct sbuf *b, const struct view *view, uint64_t id)
{
	struct load l = view->vm->root->load;
	struct task_totals n = count_tasks(view->vm);

	load_update(view->vm->root, n.running, &l);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t avg = l.avg[i] + 10; /* half a hundredth, as Linux */

		sbuf_printf(b, "%u.%02u ", load_int(avg), load_hundredths(avg));
	}
	sbuf_printf(b, "%u/%u %u\n", n.running, n.total, n.newest);
}

void show_version(struct sbuf *b, const struct view *view, uint64_t id)
{
	sbuf_printf(b,
		"Linux version " KERNEL_RELEASE
		" (pagefs@%s) (simulated) " KERNEL_VERSION "\n",
		view->vm->arch->machine);
}

static void cpu_times(
	struct sbuf *b, uint64_t busy_ns, uint64_t idle_ns, uint64_t wait_ns)
{
	/* user nice system idle iowait irq softirq steal guest guest_nice */
	idle_ns -= wait_ns < idle_ns ? wait_ns : idle_ns;
	sbuf_printf(b, " %llu 0 0 %llu %llu 0 0 0 0 0\n",
		(unsigned long long)(busy_ns / NS_PER_TICK),
		(unsigned long long)(idle_ns / NS_PER_TICK),
		(unsigned long long)(wait_ns / NS_PER_TICK));
}

void show_system_stat(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	unsigned cpus = m->root->config.cpus;
	struct task_totals n = count_tasks(m);
	uint64_t busy = 0, wait = 0;

	for (unsigned c = 0; c < cpus; c++) {
		busy += cpu_busy_ns(m, c);
		wait += m->root->cpu[c].iowait_ns;
	}
	sbuf_str(b, "cpu ");
	cpu_times(b, busy, m->root->ns * cpus - busy, wait);
	for (unsigned c = 0; c < cpus; c++) {
		sbuf_printf(b, "cpu%u", c);
		busy = cpu_busy_ns(m, c);
		cpu_times(
			b, busy, m->root->ns - busy, m->root->cpu[c].iowait_ns);
	}
	sbuf_printf(b,
		"intr 0\nctxt %llu\nbtime %llu\nprocesses %u\n"
		"procs_running %u\nprocs_blocked 0\n"
		"softirq 0 0 0 0 0 0 0 0 0 0 0\n",
		(unsigned long long)m->root->count[CNT_CONTEXT_SWITCHES],
		BOOT_EPOCH_S, n.newest, n.running);
}

/* The features that the simulated processor has, by Linux's names. */
static void cpu_flags(struct sbuf *b, const struct vm *m)
{
	const struct arch *a = m->arch;

	sbuf_str(b, "fpu vme de pse tsc msr cx8 pge cmov");
	if (a->entry_bytes == 8)
		sbuf_str(b, " pae");
	if (a->pte.noexec)
		sbuf_str(b, " nx");
	if (a->va_bits > 32)
		sbuf_str(b, " pdpe1gb lm");
	if (a->has_pcid && m->root->config.pcid)
		sbuf_str(b, " pcid");
	if (a->va_bits > 48)
		sbuf_str(b, " la57");
}

void show_cpuinfo(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	const struct tlb_geometry *tlb = &m->root->config.tlb;
	unsigned cpus = m->root->config.cpus;

	for (unsigned c = 0; c < cpus; c++) {
		sbuf_printf(b,
			"processor\t: %u\nvendor_id\t: pagefs\n"
			"cpu family\t: 6\nmodel\t\t: 1\n"
			"model name\t: pagefs %s\nstepping\t: 0\n"
			"cpu MHz\t\t: 1000.000\n",
			c, m->arch->name);
		sbuf_printf(b,
			"physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\n"
			"cpu cores\t: %u\napicid\t\t: %u\n"
			"initial apicid\t: %u\nfpu\t\t: yes\n"
			"fpu_exception\t: yes\ncpuid level\t: 1\nwp\t\t: yes\n"
			"flags\t\t: ",
			cpus, c, cpus, c, c);
		cpu_flags(b, m);
		sbuf_printf(b,
			"\nbugs\t\t:\nbogomips\t: 2000.00\n"
			"TLB size\t: %u %uK pages\nclflush size\t: 64\n"
			"cache_alignment\t: 64\n"
			"address sizes\t: %u bits physical, %u bits virtual\n"
			"power management:\n\n",
			tlb->entries[TLB_L1] + tlb->entries[TLB_L2],
			(unsigned)(m->page_size >> 10), m->arch->pa_bits,
			m->arch->va_bits);
	}
}

void show_filesystems(struct sbuf *b, const struct view *view, uint64_t id)
{
	sbuf_str(b, "nodev\tproc\nnodev\ttmpfs\n\text4\n");
}

static void area_name(
	const struct vm *m, const struct swap_area *a, char *buf, size_t size)
{
	if (a->inode)
		disk_path(m, a->inode, buf, size);
	else
		vm_snprintf(buf, size, "%s", a->zram ? ZRAM_NAME : "/dev/vdb");
}

/* kB, with the second tab that short numbers get. */
static void swap_kb(struct sbuf *b, uint64_t kb)
{
	sbuf_printf(b, "%llu\t%s", (unsigned long long)kb,
		kb < 10000000 ? "\t" : "");
}

/* In order of priority.  The machine's own area is a partition of its disk;
 * the first page of each is the header. */
void show_swaps(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct vm *m = view->vm;
	unsigned s = m->page_shift - 10;
	char name[DISK_NAME_SIZE];

	sbuf_str(b, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	for (unsigned i = 0; i < MAX_SWAP_AREAS; i++) {
		const struct swap_area *a = &m->root->swap[i];

		if (!a->pages)
			continue;
		area_name(m, a, name, sizeof(name));
		sbuf_str(b, name);
		for (size_t n = strlen(name); n < 40 || n == strlen(name); n++)
			sbuf_char(b, ' ');
		sbuf_str(b, a->inode ? "file\t\t" : "partition\t");
		swap_kb(b, ((uint64_t)a->pages - 1) << s);
		swap_kb(b, (uint64_t)a->used << s);
		sbuf_printf(b, "%d\n", a->prio);
	}
}

void show_dmesg(struct sbuf *b, const struct view *view, uint64_t id)
{
	char *p = sbuf_room(b, DMESG_BYTES);

	if (p)
		sbuf_end(b, p + dmesg_copy(view->vm, p));
}
