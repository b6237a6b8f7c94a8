/*
 * proc/PID/status: the process in words, for people and for ps.
 * Source of fields and widths: Linux fs/proc/array.c, task_mmu.c.
 */
#include "../vm/task/signal.h"
#include "../vm/mmu/mmu.h"
#include "renderers.h"
#include "show_proc.h"

uint64_t mm_rss_pages(const struct mm *mm)
{
	return mm->rss[RSS_FILE] + mm->rss[RSS_ANON] + mm->rss[RSS_SHMEM];
}

uint64_t mm_text_pages(const struct vm *m, const struct mm *mm)
{
	uint64_t mask = m->page_size - 1;

	return ((mm->end_code + mask) >> m->page_shift) -
	       (mm->start_code >> m->page_shift);
}

unsigned task_nr_threads(const struct vm *m, const struct task *t)
{
	unsigned nr = 0;

	for (idx_t i = m->root->first_task; i; i = task_at(m, i)->next)
		nr += task_at(m, i)->tgid == t->tgid;
	return nr;
}

static const char *state_name(uint32_t state)
{
	switch (state) {
	case TASK_RUNNING:
		return "R (running)";
	case TASK_SUSPENDED:
		return "D (disk sleep)";
	case TASK_STOPPED:
		return "T (stopped)";
	case TASK_ZOMBIE:
		return "Z (zombie)";
	default:
		return "S (sleeping)";
	}
}

/* The table of descriptors grows by doubling, from 64 on; a zombie has none. */
static unsigned fd_table_size(const struct vm *m, const struct task *t)
{
	unsigned size = t->mm ? 64 : 0;

	for (idx_t i = t->fds; i; i = fd_at(m, i)->next)
		while (fd_at(m, i)->number >= size)
			size *= 2;
	return size;
}

static void identity_lines(
	struct sbuf *b, const struct vm *m, const struct task *t)
{
	const struct task_group *g = &task_leader(m, t)->group;
	const struct cred *c = &t->cred;
	unsigned ppid = t->parent ? task_at(m, t->parent)->tgid : 0;

	sbuf_printf(b, "Name:\t%.15s\n%sState:\t%s\n", t->comm,
		t->mm ? "Umask:\t0022\n" : "", state_name(t->state));
	sbuf_printf(b, "Tgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\n", t->tgid,
		t->pid, ppid);
	sbuf_printf(b, "TracerPid:\t0\nUid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid,
		c->suid, c->fsuid);
	sbuf_printf(b, "Gid:\t%u\t%u\t%u\t%u\nFDSize:\t%u\nGroups:\t \n",
		c->gid, c->egid, c->sgid, c->fsgid, fd_table_size(m, t));
	sbuf_printf(b, "NStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\n",
		t->tgid, t->pid, g->pgrp, g->session);
	sbuf_str(b, "Kthread:\t0\n");
}

static void kb(struct sbuf *b, const char *label, uint64_t bytes)
{
	sbuf_str(b, label);
	sbuf_dec_pad(b, bytes >> 10, 8);
	sbuf_str(b, " kB\n");
}

static void memory_lines(
	struct sbuf *b, const struct vm *m, const struct mm *mm)
{
	unsigned s = m->page_shift;
	uint64_t rss = mm_rss_pages(mm), text = mm_text_pages(m, mm);

	if (text > mm->exec_vm)
		text = mm->exec_vm;
	kb(b, "VmPeak:\t",
		(mm->hiwater_vm > mm->total_vm ? mm->hiwater_vm : mm->total_vm)
			<< s);
	kb(b, "VmSize:\t", mm->total_vm << s);
	kb(b, "VmLck:\t", mm->locked_vm << s);
	kb(b, "VmPin:\t", 0);
	kb(b, "VmHWM:\t", (mm->hiwater_rss > rss ? mm->hiwater_rss : rss) << s);
	kb(b, "VmRSS:\t", rss << s);
	kb(b, "RssAnon:\t", mm->rss[RSS_ANON] << s);
	kb(b, "RssFile:\t", mm->rss[RSS_FILE] << s);
	kb(b, "RssShmem:\t", mm->rss[RSS_SHMEM] << s);
	kb(b, "VmData:\t", mm->data_vm << s);
	kb(b, "VmStk:\t", mm->stack_vm << s);
	kb(b, "VmExe:\t", text << s);
	kb(b, "VmLib:\t", (mm->exec_vm - text) << s);
	kb(b, "VmPTE:\t", mm->pgtables);
	kb(b, "VmSwap:\t", mm->swapped << s);
	kb(b, "HugetlbPages:\t", mm->hugetlb << m->page_shift);
	sbuf_printf(
		b, "CoreDumping:\t0\nTHP_enabled:\t%d\n", mm->thp_disable != 1);
	sbuf_str(b, "untag_mask:\t0xffffffffffffffff\n");
}

/* Sets of CPUs print as hex words of 32, the highest first. */
static void cpu_mask(struct sbuf *b, unsigned nr)
{
	unsigned word = (nr - 1) / 32, bits = nr - word * 32;

	sbuf_hex_pad(b, (1ull << bits) - 1, (bits + 3) / 4);
	while (word--)
		sbuf_str(b, ",ffffffff");
}

/* As wide as a kernel for x86_64 has it: 1024 nodes; one without NUMA. */
static void mems_lines(struct sbuf *b, const struct vm *m)
{
	unsigned nodes = m->root->config.nodes;

	sbuf_str(b, "Mems_allowed:\t");
	for (unsigned i = 1; m->arch->max_nodes > 1 && i < 1024 / 32; i++)
		sbuf_str(b, "00000000,");
	sbuf_hex_pad(b, (1u << nodes) - 1, m->arch->max_nodes > 1 ? 8 : 1);
	sbuf_str(b, "\nMems_allowed_list:\t0");
	if (nodes > 1)
		sbuf_printf(b, "-%u", nodes - 1);
	sbuf_char(b, '\n');
}

static void mask_line(struct sbuf *b, const char *name, uint64_t bits)
{
	sbuf_printf(b, "%s:\t%016llx\n", name, (unsigned long long)bits);
}

static void privilege_lines(
	struct sbuf *b, const struct vm *m, const struct task *t)
{
	const struct task_group *g = &task_leader(m, t)->group;
	unsigned cpus = m->root->config.cpus;
	const struct cred *c = &t->cred;

	sbuf_printf(b, "Threads:\t%u\nSigQ:\t%llu/%llu\n",
		task_nr_threads(m, t),
		(unsigned long long)signals_queued(m, c->uid),
		(unsigned long long)t->rlim[RLIM_SIGPENDING].soft);
	mask_line(b, "SigPnd", task_own_signals(t));
	mask_line(b, "ShdPnd", g->sig_pending);
	mask_line(b, "SigBlk", 0);
	mask_line(b, "SigIgn", g->sig_ignored);
	mask_line(b, "SigCgt", 0);
	mask_line(b, "CapInh", c->cap_inheritable);
	mask_line(b, "CapPrm", c->cap_permitted);
	mask_line(b, "CapEff", c->cap_effective);
	mask_line(b, "CapBnd", c->cap_bset);
	mask_line(b, "CapAmb", c->cap_ambient);
	sbuf_printf(b, "NoNewPrivs:\t%u\n", c->no_new_privs);
	sbuf_str(b, "Seccomp:\t0\n"
		    "Seccomp_filters:\t0\n"
		    "Speculation_Store_Bypass:\tnot vulnerable\n"
		    "SpeculationIndirectBranch:\tnot affected\n"
		    "Cpus_allowed:\t");
	cpu_mask(b, cpus);
	if (cpus > 1)
		sbuf_printf(b, "\nCpus_allowed_list:\t0-%u\n", cpus - 1);
	else
		sbuf_str(b, "\nCpus_allowed_list:\t0\n");
	mems_lines(b, m);
	sbuf_str(b, "voluntary_ctxt_switches:\t0\n"
		    "nonvoluntary_ctxt_switches:\t0\n");
}

void show_status(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct task *t = show_task(view, id);

	if (!t)
		return;
	identity_lines(b, view->vm, t);
	if (t->mm)
		memory_lines(b, view->vm, mm_at(view->vm, t->mm));
	privilege_lines(b, view->vm, t);
}
