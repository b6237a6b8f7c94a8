/*
 * proc/pressure/: time lost to waiting, as averages and in all.  One command
 * runs at a time and all else waits for it, so all wait when one does; nobody
 * waits for a processor.  Source: Linux kernel/sched/psi.c (psi_show).
 */
#include "../vm/kernel/psi.h"

#include "renderers.h"

static void line(struct sbuf *b, const char *who, const uint64_t avg[3],
	uint64_t total_ns)
{
	static const char *const name[3] = {"avg10", "avg60", "avg300"};

	sbuf_str(b, who);
	for (unsigned i = 0; i < 3; i++)
		sbuf_printf(b, " %s=%u.%02u", name[i], load_int(avg[i]),
			load_hundredths(avg[i]));
	sbuf_printf(b, " total=%llu\n", (unsigned long long)total_ns / 1000);
}

static void show(struct sbuf *b, const struct view *v, enum psi_kind kind)
{
	struct psi p = v->vm->root->psi;

	psi_update(v->vm->root, &p);
	line(b, "some", p.avg[kind], p.total[kind]);
	line(b, "full", p.avg[kind], p.total[kind]);
}

void show_pressure_memory(struct sbuf *b, const struct view *v, uint64_t id)
{
	show(b, v, PSI_MEMORY);
}

void show_pressure_io(struct sbuf *b, const struct view *v, uint64_t id)
{
	show(b, v, PSI_IO);
}

void show_pressure_cpu(struct sbuf *b, const struct view *v, uint64_t id)
{
	static const uint64_t none[3];

	line(b, "some", none, 0);
	line(b, "full", none, 0);
}
