/* What the mount's files tell of the process. */
#include <stdlib.h>
#include <string.h>

#include "../../fs/renderers.h"
#include "../../fs/show_kpage.h"
#include "../../fs/show_pagemap.h"
#include "../../fs/tree.h"
#include "../../vm/mm/mm.h"
#include "../../vm/phys/phys.h"
#include "../../vm/task/task.h"
#include "life.h"
#include "replay.h"
#include "stub.h"

/* As the mount lists it. */
static void list_map_files(struct sbuf *b, const struct view *view)
{
	const struct variable *v = variable_table;
	uint64_t id = NO_OBJECT;
	char text[64];

	while (strcmp(v->name, "RANGE"))
		v++;
	while ((id = v->next(view, task->pid, id)) != NO_OBJECT)
		sbuf_printf(b, "%.*s\n",
			(int)v->format(view, id, text, sizeof(text)), text);
}

size_t host_proc(const char *name, char *buf, size_t size)
{
	static const struct {
		const char *name;
		show_fn *show;
	} files[] = {{"smaps", show_smaps}, {"status", show_status},
		{"statm", show_statm}, {"maps", show_maps}, {"stat", show_stat},
		{"/meminfo", show_meminfo}, {"limits", show_limits},
		{"cmdline", show_cmdline}, {"environ", show_environ},
		{"auxv", show_auxv}, {"smaps_rollup", show_smaps_rollup},
		{"numa_maps", show_numa_maps}, {"oom_score", show_oom_score},
		{"oom_score_adj", show_oom_score_adj},
		{"personality", show_personality}};
	const struct view view = {.vm = m};
	struct sbuf b = {0};
	size_t n;

	if (*name != '/' && !task_find(m, task->pid))
		;
	else if (!strcmp(name, "map_files") && task->pid == task->tgid)
		list_map_files(&b, &view);
	else if (!strcmp(name, "stat") && task->pid != task->tgid)
		show_thread_stat(&b, &view, task->pid);
	else
		for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
			if (!strcmp(files[i].name, name))
				files[i].show(&b, &view, task->pid);
	n = b.len < size ? b.len : size - 1;
	memcpy(buf, b.data, n);
	buf[n] = '\0';
	sbuf_free(&b);
	return n;
}

uint64_t host_map_count(void)
{
	return mm_at(m, task->mm)->map_count;
}

int64_t host_pagemap(uint64_t page, uint64_t nr, uint64_t *word)
{
	if (!task->mm)
		return 0;
	return pagemap_read(
		m, mm_at(m, task->mm), word, nr * 8, page * 8, true);
}

void host_kpage(uint64_t pfn, uint64_t *count, uint64_t *flags)
{
	*count = kpage_count(m, (pfn_t)pfn);
	*flags = kpage_flags(m, (pfn_t)pfn);
}

void host_faults(uint64_t n[2])
{
	n[0] = task->min_flt;
	n[1] = task->maj_flt;
}

int64_t host_clear_refs(const char *word)
{
	int64_t n;
	char *end;

	n = strtoll(word, &end, 10);
	vm_fail_clear(m);
	return mm_clear_refs(m, task, *end ? 0 : n);
}

/* ---- nodes -------------------------------------------------------------- */

int64_t host_move_pages(int pid, int nr, const uint64_t *page,
	const int32_t *node, int flags, int32_t *status)
{
	vaddr_t address[16];
	const struct move_request r = {
		.nr = (unsigned)nr,
		.page = address,
		.node = node,
		.flags = (unsigned)flags,
	};

	for (int i = 0; i < nr; i++)
		address[i] = host_word(page[i]);
	vm_fail_clear(m);
	phys_run_as(m, task);
	return numa_move_pages(m, task, pid, &r, status);
}

int64_t numa_call(enum call nr, const uint64_t a[6])
{
	switch (nr) {
	case CALL_MBIND:
		return numa_mbind(m, task, a[0], a[1], a[2], a[3], a[4]);
	case CALL_SET_MEMPOLICY:
		return numa_set_mempolicy(m, task, a[0], a[1]);
	case CALL_SET_HOME_NODE:
		return numa_set_home_node(m, task, a[0], a[1], a[2], a[3]);
	default:
		return -ENOSYS;
	}
}

int64_t host_migrate_pages(int pid, uint64_t from, uint64_t to)
{
	int64_t r = life_fetch(STUB_CALL);

	if (r)
		return r;
	vm_fail_clear(m);
	phys_run_as(m, task);
	return numa_migrate_pages(m, task, pid, from, to);
}
