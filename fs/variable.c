/*
 * The variables of path patterns: which objects exist, in which order, and
 * what they are called.
 */
#include "tree.h"

#include "../vm/mm/mm.h"
#include "../vm/slab/slab.h"
#include "../vm/task/task.h"
#include "disks.h"
#include "help.h"

/* A plain decimal number without leading zeros; NO_OBJECT if it is none. */
static uint64_t parse_number(const char *s, size_t len)
{
	uint64_t n = 0;

	if (!len || len > 9 || (len > 1 && *s == '0'))
		return NO_OBJECT;
	for (; len; s++, len--) {
		if (*s < '0' || *s > '9')
			return NO_OBJECT;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	return n;
}

/* Of the objects 0 to n-1: the one after `after`, and the one of a name. */
static uint64_t next_below(uint64_t n, uint64_t after)
{
	uint64_t id = after == NO_OBJECT ? 0 : after + 1;

	return id < n ? id : NO_OBJECT;
}

static uint64_t find_below(uint64_t n, const char *name, size_t len)
{
	uint64_t id = parse_number(name, len);

	return id < n ? id : NO_OBJECT;
}

static size_t format_number(
	const struct view *v, uint64_t id, char *buf, size_t size)
{
	return size < 20 ? 0 : format_dec(buf, id);
}

/* ---- processes ---- */

static uint64_t pid_next(const struct view *v, uint64_t parent, uint64_t after)
{
	uint32_t from = after == NO_OBJECT ? 1 : (uint32_t)after + 1;
	const struct task *t = task_next(v->vm, from);

	while (t && t->pid != t->tgid)
		t = task_next(v->vm, t->pid + 1);
	return t ? t->pid : NO_OBJECT;
}

static bool pid_exists(const struct view *v, uint64_t id)
{
	return task_find(v->vm, (uint32_t)id) != NULL;
}

static uint64_t pid_find(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	uint64_t id = parse_number(name, len);

	return id != NO_OBJECT && pid_exists(v, id) ? id : NO_OBJECT;
}

/* ---- threads of a process ---- */

static uint64_t tid_next(const struct view *v, uint64_t parent, uint64_t after)
{
	uint32_t from = after == NO_OBJECT ? 1 : (uint32_t)after + 1;
	const struct task *t = task_next(v->vm, from);

	while (t && t->tgid != parent)
		t = task_next(v->vm, t->pid + 1);
	return t ? t->pid : NO_OBJECT;
}

static uint64_t tid_find(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	uint64_t id = parse_number(name, len);
	const struct task *t = NULL;

	if (id != NO_OBJECT)
		t = task_find(v->vm, (uint32_t)id);
	return t && t->tgid == parent ? id : NO_OBJECT;
}

static bool tid_exists(const struct view *v, uint64_t id)
{
	return pid_exists(v, id);
}

/* ---- processors ---- */

static uint64_t cpu_next(const struct view *v, uint64_t parent, uint64_t after)
{
	return next_below(v->vm->root->config.cpus, after);
}

static bool cpu_exists(const struct view *v, uint64_t id)
{
	return id < v->vm->root->config.cpus;
}

static uint64_t cpu_find(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	return find_below(v->vm->root->config.cpus, name, len);
}

/* ---- NUMA nodes; the processors of one, and the node of a processor ---- */

static uint64_t node_next(const struct view *v, uint64_t parent, uint64_t after)
{
	return next_below(v->vm->root->config.nodes, after);
}

static bool node_exists(const struct view *v, uint64_t id)
{
	return id < v->vm->root->config.nodes;
}

static uint64_t node_find(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	return find_below(v->vm->root->config.nodes, name, len);
}

static uint64_t node_cpu_next(
	const struct view *v, uint64_t node, uint64_t after)
{
	uint64_t id = cpu_next(v, 0, after);

	while (id != NO_OBJECT && v->vm->cpu_node[id] != node)
		id = cpu_next(v, 0, id);
	return id;
}

static bool node_cpu_exists(const struct view *v, uint64_t id)
{
	return cpu_exists(v, id);
}

static uint64_t node_cpu_find(
	const struct view *v, uint64_t node, const char *name, size_t len)
{
	uint64_t id = cpu_find(v, 0, name, len);

	return id != NO_OBJECT && v->vm->cpu_node[id] == node ? id : NO_OBJECT;
}

static uint64_t cpu_node_next(
	const struct view *v, uint64_t cpu, uint64_t after)
{
	return after == NO_OBJECT ? v->vm->cpu_node[cpu] : NO_OBJECT;
}

static bool cpu_node_exists(const struct view *v, uint64_t id)
{
	return node_exists(v, id);
}

static uint64_t cpu_node_find(
	const struct view *v, uint64_t cpu, const char *name, size_t len)
{
	uint64_t id = node_find(v, 0, name, len);

	return id == v->vm->cpu_node[cpu] ? id : NO_OBJECT;
}

/* ---- the host's processes: any number, never listed ---- */

static uint64_t host_next(const struct view *v, uint64_t parent, uint64_t after)
{
	return NO_OBJECT;
}

static bool host_exists(const struct view *v, uint64_t id)
{
	return true;
}

static uint64_t host_find(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	return parse_number(name, len);
}

/* ---- disks, by name and by number ---- */

static bool disk_exists(const struct view *v, uint64_t id)
{
	return disk_is_there(v->vm, (unsigned)id);
}

static uint64_t disk_next(const struct view *v, uint64_t parent, uint64_t after)
{
	uint64_t id = next_below(NR_DISKS, after);

	while (id != NO_OBJECT && !disk_exists(v, id))
		id = next_below(NR_DISKS, id);
	return id;
}

static size_t disk_format(
	const struct view *v, uint64_t id, char *buf, size_t size)
{
	return vm_snprintf(buf, size, "%s", disk_label((unsigned)id));
}

static size_t disk_dev_format(
	const struct view *v, uint64_t id, char *buf, size_t size)
{
	unsigned major, minor;

	disk_numbers((unsigned)id, &major, &minor);
	return vm_snprintf(buf, size, "%u:%u", major, minor);
}

/* The disk that has that name by one of the two. */
static uint64_t disk_called(const struct view *v, const char *name, size_t len,
	size_t (*format)(
		const struct view *v, uint64_t id, char *buf, size_t size))
{
	char text[16];

	for (uint64_t id = 0; id < NR_DISKS; id++)
		if (disk_exists(v, id) &&
			format(v, id, text, sizeof(text)) == len &&
			!memcmp(text, name, len))
			return id;
	return NO_OBJECT;
}

static uint64_t disk_find(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	return disk_called(v, name, len, disk_format);
}

static uint64_t disk_dev_find(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	return disk_called(v, name, len, disk_dev_format);
}

/* ---- sizes of huge pages, in kB: levels whose entries may map one ---- */

static uint64_t huge_next(const struct view *v, uint64_t parent, uint64_t after)
{
	const struct arch *a = v->vm->arch;

	for (unsigned l = a->nr_levels - 1u; l-- > 0;) {
		uint64_t kb = 1ull << (a->level[l].shift - 10);

		if (a->level[l].may_be_leaf &&
			(after == NO_OBJECT || kb > after))
			return kb;
	}
	return NO_OBJECT;
}

static bool huge_exists(const struct view *v, uint64_t id)
{
	return id && huge_next(v, 0, id - 1) == id;
}

static uint64_t node_huge_next(
	const struct view *v, uint64_t node, uint64_t after)
{
	uint64_t kb =
		huge_next(v, 0, after == NO_OBJECT ? NO_OBJECT : ID_LOW(after));

	return kb == NO_OBJECT ? NO_OBJECT : ID_PAIR(node, kb);
}

static bool node_huge_exists(const struct view *v, uint64_t id)
{
	return node_exists(v, ID_HIGH(id)) && huge_exists(v, ID_LOW(id));
}

#define HUGE_PREFIX "hugepages-"
#define HUGE_SUFFIX "kB"

static size_t huge_format(
	const struct view *v, uint64_t id, char *buf, size_t size)
{
	return vm_snprintf(buf, size, HUGE_PREFIX "%llu" HUGE_SUFFIX,
		(unsigned long long)ID_LOW(id));
}

static uint64_t huge_find(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	size_t before = strlen(HUGE_PREFIX), after = strlen(HUGE_SUFFIX);
	uint64_t id;

	if (len <= before + after || memcmp(name, HUGE_PREFIX, before) ||
		memcmp(name + len - after, HUGE_SUFFIX, after))
		return NO_OBJECT;
	id = parse_number(name + before, len - before - after);
	return id != NO_OBJECT && huge_exists(v, id) ? id : NO_OBJECT;
}

static uint64_t node_huge_find(
	const struct view *v, uint64_t node, const char *name, size_t len)
{
	uint64_t kb = huge_find(v, 0, name, len);

	return kb == NO_OBJECT ? NO_OBJECT : ID_PAIR(node, kb);
}

/* ---- mappings of files, by the index of their VMA ---- */

/* In order of address. */
static uint64_t range_next(
	const struct view *v, uint64_t parent, uint64_t after)
{
	const struct task *t = task_find(v->vm, (uint32_t)parent);
	idx_t i;

	if (!t || !t->mm)
		return NO_OBJECT;
	if (after == NO_OBJECT)
		i = mm_at(v->vm, t->mm)->first;
	else if (vma_at(v->vm, (idx_t)after)->mm == t->mm)
		i = vma_at(v->vm, (idx_t)after)->next;
	else
		return NO_OBJECT; /* unmapped while they were listed */
	while (i && !vma_at(v->vm, i)->file)
		i = vma_at(v->vm, i)->next;
	return i ? i : NO_OBJECT;
}

static bool range_exists(const struct view *v, uint64_t id)
{
	return id < v->vm->root->pool[SEG_VMA].nr &&
	       vma_at(v->vm, (idx_t)id)->file;
}

static size_t range_format(
	const struct view *v, uint64_t id, char *buf, size_t size)
{
	const struct vma *vma = vma_at(v->vm, (idx_t)id);

	return vm_snprintf(buf, size, "%llx-%llx",
		(unsigned long long)vma->start, (unsigned long long)vma->end);
}

static const struct task *range_owner(const struct view *v, uint64_t id)
{
	idx_t mm = vma_at(v->vm, (idx_t)id)->mm;

	for (idx_t i = v->vm->root->first_task; i; i = task_at(v->vm, i)->next)
		if (task_at(v->vm, i)->mm == mm)
			return task_at(v->vm, i);
	return NULL;
}

static uint64_t range_find(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	const struct task *t = task_find(v->vm, (uint32_t)parent);
	char text[64];
	vaddr_t start = 0;
	const struct vma *vma;
	idx_t i;

	for (size_t k = 0; k < len && name[k] != '-'; k++) {
		const char *digits = "0123456789abcdef";
		const char *d = name[k] ? strchr(digits, name[k]) : NULL;

		if (!d)
			return NO_OBJECT;
		start = start << 4 | (uint64_t)(d - digits);
	}
	vma = t && t->mm ? vma_lookup(v->vm, t->mm, start) : NULL;
	if (!vma || !vma->file)
		return NO_OBJECT;
	i = vma_index(v->vm, vma);
	return range_format(v, i, text, sizeof(text)) == len &&
			       !memcmp(text, name, len)
		       ? i
		       : NO_OBJECT;
}

/* ---- open files of a process, by the index of their struct fd ---- */

static uint64_t fd_next(const struct view *v, uint64_t parent, uint64_t after)
{
	const struct task *t = task_find(v->vm, (uint32_t)parent);
	idx_t i = t ? t->fds : 0;

	if (after == NO_OBJECT)
		return i ? i : NO_OBJECT;
	while (i && i != after)
		i = fd_at(v->vm, i)->next;
	i = i ? fd_at(v->vm, i)->next : 0; /* closed meanwhile: the end */
	return i ? i : NO_OBJECT;
}

static bool fd_exists(const struct view *v, uint64_t id)
{
	return id < v->vm->root->pool[SEG_FD].nr &&
	       fd_at(v->vm, (idx_t)id)->file;
}

static const struct task *fd_owner(const struct view *v, uint64_t id)
{
	idx_t i, fd;

	for (i = v->vm->root->first_task; i; i = task_at(v->vm, i)->next)
		for (fd = task_at(v->vm, i)->fds; fd;
			fd = fd_at(v->vm, fd)->next)
			if (fd == id)
				return task_at(v->vm, i);
	return NULL;
}

static size_t fd_format(
	const struct view *v, uint64_t id, char *buf, size_t size)
{
	return format_number(v, fd_at(v->vm, (idx_t)id)->number, buf, size);
}

static uint64_t fd_find(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	const struct task *t = task_find(v->vm, (uint32_t)parent);
	uint64_t number = parse_number(name, len);

	for (idx_t i = t ? t->fds : 0; i; i = fd_at(v->vm, i)->next)
		if (fd_at(v->vm, i)->number == number)
			return i;
	return NO_OBJECT;
}

/* ---- caches of kernel objects, in the order of their making ---- */

static uint64_t cache_next(
	const struct view *v, uint64_t parent, uint64_t after)
{
	idx_t i = after == NO_OBJECT ? v->vm->root->first_cache
				     : cache_at(v->vm, (idx_t)after)->next;

	return i ? i : NO_OBJECT;
}

static bool cache_exists(const struct view *v, uint64_t id)
{
	return id < v->vm->root->pool[SEG_CACHE].nr &&
	       cache_at(v->vm, (idx_t)id)->size;
}

static size_t cache_format(
	const struct view *v, uint64_t id, char *buf, size_t size)
{
	return vm_snprintf(buf, size, "%s", cache_at(v->vm, (idx_t)id)->name);
}

static uint64_t cache_named(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	idx_t i = cache_find(v->vm, name, len);

	return i ? i : NO_OBJECT;
}

/* ---- pages of help/ ---- */

static uint64_t topic_next(
	const struct view *v, uint64_t parent, uint64_t after)
{
	uint64_t id = after == NO_OBJECT ? 0 : after + 1;

	while (id < help_count() && !help_name((unsigned)id))
		id++;
	return id < help_count() ? id : NO_OBJECT;
}

static bool topic_exists(const struct view *v, uint64_t id)
{
	return id < help_count() && help_name((unsigned)id);
}

static uint64_t topic_find(
	const struct view *v, uint64_t parent, const char *name, size_t len)
{
	for (unsigned i = 0; i < help_count(); i++) {
		const char *s = help_name(i);

		if (s && strlen(s) == len && memcmp(s, name, len) == 0)
			return i;
	}
	return NO_OBJECT;
}

static size_t topic_format(
	const struct view *v, uint64_t id, char *buf, size_t size)
{
	const char *s = help_name((unsigned)id);
	size_t n = strlen(s);

	if (n >= size)
		return 0;
	memcpy(buf, s, n);
	return n;
}

#define VARIABLE(text, kind)                                    \
	.name = text, .next = kind##_next, .find = kind##_find, \
	.exists = kind##_exists

const struct variable variable_table[] = {
	{VARIABLE("PID", pid), .format = format_number, .task = true},
	{VARIABLE("TID", tid), .format = format_number, .task = true},
	{VARIABLE("N", cpu), .format = format_number, .fixed = true},
	{VARIABLE("NODE", node), .format = format_number, .fixed = true},
	{VARIABLE("NODECPU", node_cpu), .format = format_number, .fixed = true},
	{VARIABLE("CPUNODE", cpu_node), .format = format_number, .fixed = true},
	{VARIABLE("HOSTPID", host), .format = format_number},
	{VARIABLE("RANGE", range), .format = range_format,
		.owner = range_owner},
	{VARIABLE("FD", fd), .format = fd_format, .owner = fd_owner},
	{VARIABLE("DISK", disk), .format = disk_format, .fixed = true},
	{.name = "DISKDEV",
		.next = disk_next,
		.find = disk_dev_find,
		.exists = disk_exists,
		.format = disk_dev_format,
		.fixed = true},
	{VARIABLE("HUGE", huge), .format = huge_format, .fixed = true},
	{VARIABLE("NODEHUGE", node_huge), .format = huge_format, .fixed = true},
	{.name = "CACHE",
		.next = cache_next,
		.find = cache_named,
		.exists = cache_exists,
		.format = cache_format},
	{VARIABLE("TOPIC", topic), .format = topic_format, .fixed = true},
};
const unsigned nr_variables =
	sizeof(variable_table) / sizeof(variable_table[0]);
