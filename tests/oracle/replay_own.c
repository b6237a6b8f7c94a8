/*
 * The process that a script finds: the mappings, limits and credentials that
 * the probe has on the running kernel, as run.py had them printed.
 */
#include <elf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../vm/disk/disk.h"
#include "../../vm/mm/hugetlb.h"
#include "../../vm/mm/mm_i.h"
#include "life.h"
#include "replay.h"
#include "stub.h"

#define MAX_OWN 32

static struct {
	vaddr_t start, end;
} own[MAX_OWN];
static int nr_own;

bool host_is_own(uint64_t start, uint64_t end)
{
	/* The gate is nobody's. */
	if (start >> 63)
		return true;
	for (int i = 0; i < nr_own; i++)
		if (start >= own[i].start && end <= own[i].end)
			return true;
	return false;
}

bool host_is_own_part(uint64_t start, uint64_t end)
{
	for (int i = 0; i < nr_own; i++)
		if (start < own[i].end && end > own[i].start)
			return true;
	return false;
}

/* What the probe's own stat says of its image; see run.py. */
static void own_stat(const char *line)
{
	struct mm *mm = mm_at(m, task->mm);
	vaddr_t *const fields[] = {&mm->start_code, &mm->end_code,
		&mm->start_stack, &mm->start_data, &mm->end_data,
		&mm->start_brk, &mm->arg_start, &mm->arg_end, &mm->env_start,
		&mm->env_end};
	char *end;

	line += strlen("stat");
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		*fields[i] = strtoull(line, &end, 16);
		line = end;
	}
}

/* One of the Cap lines of the probe's status. */
static bool own_caps(const char *line)
{
	struct cred *c = &task->cred;
	const struct {
		const char *name;
		uint64_t *set;
	} sets[] = {{"CapInh:", &c->cap_inheritable},
		{"CapPrm:", &c->cap_permitted}, {"CapEff:", &c->cap_effective},
		{"CapBnd:", &c->cap_bset}, {"CapAmb:", &c->cap_ambient}};

	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		if (!strncmp(line, sets[i].name, 7)) {
			*sets[i].set = strtoull(line + 7, NULL, 16);
			return true;
		}
	return false;
}

static uint64_t limit_in(const char *column)
{
	return column[0] == 'u' ? RLIM_UNLIMITED : strtoull(column, NULL, 10);
}

/* A line of the probe's limits: name, soft and hard limit in columns. */
static bool own_limit(const char *line)
{
	static const char *const names[NR_RLIMITS] = {"cpu time", "file size",
		"data size", "stack size", "core file size", "resident set",
		"processes", "open files", "locked memory", "address space",
		"file locks", "pending signals", "msgqueue size",
		"nice priority", "realtime priority", "realtime timeout"};

	if (strncmp(line, "Max ", 4))
		return false;
	for (unsigned i = 0; i < NR_RLIMITS; i++)
		if (!strncmp(line + 4, names[i], strlen(names[i])))
			task->rlim[i] = (struct rlimit_pair){
				limit_in(line + 26), limit_in(line + 47)};
	return true;
}

/*
 * The kernel's memory is the machine's, where it is a limit: frames are still
 * those of a small machine.
 */
static bool own_memory(const char *line)
{
	struct settings *set = &m->root->set;
	unsigned long long n;

	if (sscanf(line, "MemTotal: %llu", &n) == 1)
		m->root->totalram_pages = n * KiB >> m->page_shift;
	else if (sscanf(line, "SwapTotal: %llu", &n) == 1)
		m->root->swap_pages = n * KiB >> m->page_shift;
	else if (sscanf(line, "Committed_AS: %llu", &n) == 1)
		mm_leak_commit(m, n * KiB >> m->page_shift);
	else if (sscanf(line, "user_reserve_kbytes %llu", &n) == 1)
		set->user_reserve_kbytes = n;
	else if (sscanf(line, "admin_reserve_kbytes %llu", &n) == 1)
		set->admin_reserve_kbytes = n;
	else
		return false;
	return true;
}

/* One of the probe's mappings: execve gave the machine's process the same. */
static void own_range(const char *line)
{
	unsigned long long start, end;
	const struct vma *v;

	if (sscanf(line, "%llx-%llx", &start, &end) < 2 || start >> 63 ||
		nr_own == MAX_OWN)
		return;
	v = vma_lookup(m, task->mm, start);
	if (!v || v->start != start || v->end != end) {
		fprintf(stderr, "replay: the machine has no %s", line);
		exit(2);
	}
	own[nr_own].start = start;
	own[nr_own++].end = end;
}

void load_own(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[512];

	if (!f) {
		perror(path);
		exit(2);
	}
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "stat ", 5))
			own_stat(line);
		else if (!own_caps(line) && !own_limit(line) &&
			 !own_memory(line))
			own_range(line);
	}
	fclose(f);
	for (int i = 0; i < nr_own; i++)
		for (int advice = 22; advice < 24; advice++)
			mm_madvise(m, task, own[i].start,
				own[i].end - own[i].start, advice);
}

void own_pools(const char *huge, const char *gigantic)
{
	unsigned long nr = 0, more = 0, lost = 0;

	if (huge && sscanf(huge, "%lu,%lu,%lu", &nr, &more, &lost) != 3)
		die("--hugetlb");
	m->root->set.nr_overcommit_hugepages = more;
	hugetlb_resize(m, 1, nr, 1);
	if (hugetlb_promise(m, 1, lost))
		die("hugetlb");
	if (gigantic)
		hugetlb_resize(m, 2, strtoull(gigantic, NULL, 0), 1);
}

/* ---- its program --------------------------------------------------------- */

/* What was just written is in the kernel's cache. */
static void copy_bytes(FILE *f, idx_t inode)
{
	char page[4096];
	uint64_t off = 0;
	size_t n;

	while ((n = fread(page, 1, sizeof(page), f)) > 0) {
		if (disk_write(m, inode, off, page, n) < 0 ||
			!cache_get(m, inode, off / sizeof(page), NULL))
			die("copy");
		off += n;
	}
}

/* Copies a file of the host to that path of the machine's disk. */
static void copy_program(const char *name, char *path)
{
	FILE *f = fopen(name, "r");
	idx_t inode;

	if (!f) {
		perror(name);
		exit(2);
	}
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		disk_mkdir(m, path, 0777, 0, 0);
		*p = '/';
	}
	inode = disk_create(m, path, 0755, 0, 0);
	if (!inode)
		die(path);
	copy_bytes(f, inode);
	fclose(f);
}

/* The field of a 32-bit program is at the same place. */
static uint64_t entry_of(const char *name)
{
	FILE *f = fopen(name, "r");
	Elf64_Ehdr h;

	if (!f || fread(&h, sizeof(h), 1, f) != 1)
		die(name);
	fclose(f);
	return h.e_ident[EI_CLASS] == ELFCLASS64 ? h.e_entry
						 : (uint32_t)h.e_entry;
}

/* The stub of both widths, as conduct.c has it. */
static const char *copy_stubs(const char *name, size_t dir_len)
{
	bool is32 = !strcmp(name + dir_len, "stub32");
	char from[PATH_MAX], to[64];

	for (unsigned i = 0; i < STUB_NAMES; i++) {
		snprintf(from, sizeof(from), "%.*s%s", (int)dir_len, name,
			i % 2 ? "stub32" : "stub");
		snprintf(to, sizeof(to), "%s", life_programs[i]);
		copy_program(from, to);
		life_entry[i % 2] = entry_of(from);
	}
	return life_programs[is32];
}

const char *copy_programs(const char *name)
{
	static char path[PATH_MAX];
	size_t dir_len;

	if (!realpath(name, path)) {
		perror(name);
		exit(2);
	}
	dir_len = (size_t)(strrchr(path, '/') + 1 - path);
	if (!strncmp(path + dir_len, "stub", 4))
		return copy_stubs(path, dir_len);
	copy_program(name, path);
	return path;
}
