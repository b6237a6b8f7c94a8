/*
 * cpu/N/walk: the hardware's walk for an address, entry by entry.
 *
 *	ADDR            walks from CR3 of this processor
 *	PID ADDR        walks from the top table of that process
 *
 * ADDR is a number, or a label or label+offset of the process.  The answer
 *
 *	cr3 0x1f40000 pid 1
 *	pgd[255] at 0x1f407f8 raw 0x1f41067 PWUA------ next 0x1f41000
 *	...
 *	pte[511] at 0x1f43ff8 raw 0x8000000001f44067 PWUAD---X- next 0x1f44000
 *	physical 0x1f44010 page 4096 rights rw-u
 *
 * can be checked by hand: `at` is an offset into phys/ram, and the 8 bytes
 * there (4 on i386) are `raw`.  A walk that does not get to a page ends with
 * `stopped LEVEL: reason`.
 */
#include "renderers.h"
#include "pte_text.h"
#include "show.h"

static void walk_step(struct sbuf *b, const struct vm *m, vaddr_t va,
	const struct walk_step *s)
{
	const struct arch *a = m->arch;
	char bits[PTE_TEXT_LEN + 1];

	pte_text(m, s->level, s->entry, bits);
	sbuf_printf(b, "%s[%u] at 0x%llx raw 0x%llx %s",
		a->level[s->level].name, arch_index(a, s->level, va),
		(unsigned long long)s->at, (unsigned long long)s->entry, bits);
	if (s->entry & a->pte.present)
		sbuf_printf(b, " next 0x%llx",
			(unsigned long long)(s->entry & a->pte.addr));
	sbuf_char(b, '\n');
}

/* Why a walk found no page. */
static void walk_stopped(
	struct sbuf *b, const struct vm *m, const struct walk_step *s)
{
	unsigned type;
	uint32_t offset;

	sbuf_printf(b, "stopped %s: ", m->arch->level[s->level].name);
	if (!s->entry) {
		sbuf_str(b, "the entry is empty\n");
		return;
	}
	switch (pte_kind(m, s->entry)) {
	case PTE_SWAPPED:
		pte_swap_place(m, s->entry, &type, &offset);
		sbuf_printf(b, "the page is in swap %u at offset 0x%x\n", type,
			offset);
		break;
	case PTE_GUARDS:
		sbuf_str(b, "the page is a guard, each access is SIGSEGV\n");
		break;
	case PTE_TAKEN:
		sbuf_str(b, "the huge page was taken away\n");
		break;
	default:
		sbuf_str(b, "the page is kept without any right\n");
	}
}

static void walk_end(struct sbuf *b, const struct vm *m, const struct walk *w)
{
	const struct walk_step *s = &w->step[w->nr ? w->nr - 1 : 0];

	if (w->present)
		sbuf_printf(b, "physical 0x%llx page %llu rights r%c%c%c\n",
			(unsigned long long)w->pa, (unsigned long long)w->size,
			w->write ? 'w' : '-', w->noexec ? '-' : 'x',
			w->user ? 'u' : '-');
	else
		walk_stopped(b, m, s);
}

/* The walk of va from a CR3 value; pid only names whose table it is. */
static void walk_text(struct sbuf *b, const struct vm *m, paddr_t cr3,
	uint32_t pid, vaddr_t va)
{
	struct walk w;

	sbuf_printf(b, "cr3 0x%llx pid %u\n", (unsigned long long)cr3, pid);
	if (!arch_canonical(m->arch, va)) {
		sbuf_printf(b,
			"stopped before the walk: 0x%llx is not canonical, "
			"bits %u to 63 differ\n",
			(unsigned long long)va, m->arch->va_bits - 1);
		return;
	}
	pt_walk(m, cr3 & m->arch->pte.addr, va, &w);
	for (unsigned i = 0; i < w.nr; i++)
		walk_step(b, m, va, &w.step[i]);
	walk_end(b, m, &w);
}

/* ---- the question ---- */

struct words {
	const char *at, *end;
};

static bool next_word(struct words *w, const char **word, size_t *len)
{
	while (w->at < w->end && (*w->at == ' ' || *w->at == '\t'))
		w->at++;
	*word = w->at;
	while (w->at < w->end && *w->at != ' ' && *w->at != '\t')
		w->at++;
	*len = (size_t)(w->at - *word);
	return *len > 0;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* Decimal, 0x hex or 0 octal, whole: false otherwise or above 2^64. */
static bool parse_number(const char *s, size_t len, uint64_t *v)
{
	unsigned base = 10;

	if (len > 2 && s[0] == '0' && (s[1] | 0x20) == 'x') {
		base = 16;
		s += 2;
		len -= 2;
	} else if (len > 1 && s[0] == '0') {
		base = 8;
	}
	*v = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned d = (unsigned)digit_of(s[i]);

		if (d >= base || __builtin_mul_overflow(*v, base, v) ||
			__builtin_add_overflow(*v, d, v))
			return false;
	}
	return len > 0;
}

/* A number, a label, or label+offset. */
static bool parse_address(const struct vm *m, const struct task *t,
	const char *s, size_t len, vaddr_t *va)
{
	const char *plus = memchr(s, '+', len);
	size_t n = plus ? (size_t)(plus - s) : len;
	uint64_t off = 0;

	if (parse_number(s, len, va))
		return true;
	if (plus && !parse_number(plus + 1, len - n - 1, &off))
		return false;
	if (!t || !label_lookup(m, t, s, n, va))
		return false;
	*va += off;
	return true;
}

static int refuse(
	struct sbuf *b, int err, const char *why, const char *word, size_t len)
{
	sbuf_str(b, why);
	sbuf_mem(b, word, len < 64 ? len : 64);
	sbuf_str(b, "'; ADDR walks from this processor's CR3, PID ADDR from "
		    "that process's table");
	return -err;
}

int query_walk(struct sbuf *b, const struct view *view, uint64_t id,
	const char *line, size_t len)
{
	const struct vm *m = view->vm;
	const struct cpu *c = &m->root->cpu[id];
	const struct task *t = c->current ? task_at(m, c->current) : NULL;
	struct words w = {line, line + len};
	paddr_t cr3 = c->cr3;
	const char *word, *second;
	size_t n, n2;
	uint64_t pid;
	vaddr_t va;

	if (!next_word(&w, &word, &n))
		return refuse(b, EINVAL, "no address in '", line, 0);
	if (next_word(&w, &second, &n2)) {
		if (!parse_number(word, n, &pid) || pid > UINT32_MAX)
			return refuse(b, EINVAL, "no PID: '", word, n);
		t = task_find(m, (uint32_t)pid);
		if (!t || !t->mm)
			return refuse(b, ESRCH,
				"no process with memory has "
				"PID '",
				word, n);
		cr3 = pfn_to_pa(m, mm_at(m, t->mm)->pgd);
		word = second;
		n = n2;
	}
	if (next_word(&w, &second, &n2))
		return refuse(b, EINVAL, "one word too many: '", second, n2);
	if (!parse_address(m, t, word, n, &va))
		return refuse(b, EINVAL, "no address: '", word, n);
	walk_text(b, m, cr3, t ? t->pid : 0, va);
	return 0;
}
