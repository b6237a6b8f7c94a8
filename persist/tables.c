/*
 * The machine as rows, for questions in SQL: filled when a moment gets a name.
 * Derived from the state, and never read back.
 */
#include "store_i.h"

#include <stdarg.h>
#include <stdio.h>

#include "../vm/disk/disk.h"
#include "../vm/mm/mm.h"
#include "../vm/phys/phys.h"
#include "../vm/task/task.h"

static const char *const tables[] = {"process", "vma", "zone", "counter"};
#define NR_TABLES (sizeof(tables) / sizeof(tables[0]))

/* An INSERT of so many mappings costs half of as many of one. */
#define VMA_ROWS    64
#define VMA_COLUMNS 7
#define VMA_ROW	    "(?, ?, ?, ?, ?, ?, ?)"

struct fill {
	struct store *s;
	sqlite3_stmt *process, *vma, *vmas, *zone, *counter;
	int64_t id;	/* of the checkpoint */
	bool no_memory; /* for a text that was bound */
};

/* By letter: i 64-bit integer, t text or NULL, c the same that stays where it
 * is.  The parameters from `at` on; the first is the checkpoint. */
static void bind_list(struct fill *f, sqlite3_stmt *st, int at,
	const char *types, va_list *ap)
{
	sqlite3_bind_int64(st, at++, f->id);
	for (; *types; types++, at++)
		if (*types == 'i')
			sqlite3_bind_int64(
				st, at, (int64_t)va_arg(*ap, uint64_t));
		else if (sqlite3_bind_text(st, at, va_arg(*ap, const char *),
				 -1,
				 *types == 'c' ? SQLITE_STATIC
					       : SQLITE_TRANSIENT))
			f->no_memory = true;
}

static void bind(
	struct fill *f, sqlite3_stmt *st, int at, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	bind_list(f, st, at, types, &ap);
	va_end(ap);
}

static int run(struct fill *f, sqlite3_stmt *st)
{
	int rc = 0;

	if (f->no_memory)
		return store_fail(f->s, ENOMEM,
			"cannot write the checkpoint's tables: out of memory");
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_sql_fail(f->s, "write the checkpoint's tables");
	sqlite3_reset(st);
	return rc;
}

static int insert(struct fill *f, sqlite3_stmt *st, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	bind_list(f, st, 1, types, &ap);
	va_end(ap);
	return run(f, st);
}

static const char *special_name(
	const struct vm *m, const struct mm *mm, const struct vma *v)
{
	switch (v->special) {
	case VMA_VVAR:
		return "[vvar]";
	case VMA_VVAR_VCLOCK:
		return "[vvar_vclock]";
	case VMA_VDSO:
		return "[vdso]";
	}
	if (v->start <= mm->brk && v->end >= mm->start_brk)
		return "[heap]";
	if (v->start <= mm->start_stack && v->end >= mm->start_stack)
		return "[stack]";
	return NULL;
}

static const char *perms_of(uint64_t flags)
{
	static const char *const perms[] = {"---p", "r--p", "-w-p", "rw-p",
		"--xp", "r-xp", "-wxp", "rwxp", "---s", "r--s", "-w-s", "rw-s",
		"--xs", "r-xs", "-wxs", "rwxs"};

	return perms[!!(flags & VM_READ) + 2 * !!(flags & VM_WRITE) +
		     4 * !!(flags & VM_EXEC) + 8 * !!(flags & VM_MAYSHARE)];
}

/* As row `nr` of a statement. */
static void bind_vma(struct fill *f, sqlite3_stmt *st, int nr,
	const struct task *t, const struct mm *mm, const struct vma *v)
{
	const struct vm *m = f->s->vm;
	char path[4352];
	const char *name = path;

	if (v->file)
		disk_path(m, file_at(m, v->file)->inode, path, sizeof(path));
	else
		name = special_name(m, mm, v);
	bind(f, st, nr * VMA_COLUMNS + 1, v->file ? "iiicit" : "iiicic",
		(uint64_t)t->pid, v->start, v->end, perms_of(v->flags),
		v->file ? v->pgoff << m->page_shift : 0, name);
}

/* Only for those who have many. */
static int prepare_many(struct fill *f)
{
	char sql[64 + VMA_ROWS * sizeof(VMA_ROW ",")];
	int n = snprintf(sql, sizeof(sql), "INSERT INTO vma VALUES " VMA_ROW);

	for (int i = 1; i < VMA_ROWS; i++)
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, "," VMA_ROW);
	return store_prepare(f->s, sql, &f->vmas);
}

static int fill_vmas(struct fill *f, const struct task *t, const struct mm *mm)
{
	int left = (int)mm->map_count, nr = 0, rc = 0;
	const struct vma *v;
	sqlite3_stmt *st;

	vma_for_each (f->s->vm, mm, v) {
		bool many = nr || left >= VMA_ROWS;

		if (many && !f->vmas)
			rc = prepare_many(f);
		if (rc)
			return rc;
		st = many ? f->vmas : f->vma;
		bind_vma(f, st, nr++, t, mm, v);
		left--;
		if (many && nr < VMA_ROWS)
			continue;
		rc = run(f, st);
		nr = 0;
	}
	return rc;
}

static int fill_process(struct fill *f, const struct task *t)
{
	const struct vm *m = f->s->vm;
	const struct mm *mm = t->mm ? mm_at(m, t->mm) : NULL;
	const struct task *parent = t->parent ? task_at(m, t->parent) : NULL;
	char state[2] = {(char)t->state}, comm[sizeof(t->comm) + 1] = "";
	int rc;

	memcpy(comm, t->comm, sizeof(t->comm));
	rc = insert(f, f->process, "iitiitiiiiiiii", (uint64_t)t->pid,
		(uint64_t)(parent ? parent->pid : 0), comm,
		(uint64_t)t->cred.uid, (uint64_t)t->cpu, state,
		mm ? mm->total_vm : 0, mm ? mm->rss[RSS_ANON] : 0,
		mm ? mm->rss[RSS_FILE] : 0, mm ? mm->rss[RSS_SHMEM] : 0,
		mm ? mm->pgtables : 0, mm ? mm->locked_vm : 0, t->min_flt,
		t->maj_flt);
	return rc || !mm ? rc : fill_vmas(f, t, mm);
}

static int fill_zones(struct fill *f)
{
	const struct vm *m = f->s->vm;
	int rc = 0;

	for (unsigned i = 0; i < m->root->nr_zones && !rc; i++) {
		const struct zone *z = &m->root->zone[i];
		uint64_t n[NR_ORDERS];

		for (unsigned o = 0; o < NR_ORDERS; o++)
			n[o] = zone_free_blocks(z, o);
		rc = insert(f, f->zone, "tiiiiiiiiiiiiiiii", zone_name(m, i),
			z->managed, z->nr_free, z->min, z->low, z->high, n[0],
			n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9],
			n[10]);
	}
	return rc;
}

static int fill_counters(struct fill *f)
{
	static const char *const names[] = {
#define X(c, name) name,
		VM_COUNTERS(X)
#undef X
	};
	int rc = 0;

	for (unsigned i = 0; i < NR_COUNTERS && !rc; i++)
		rc = insert(f, f->counter, "ti", names[i],
			f->s->vm->root->count[i]);
	return rc;
}

static int prepare(struct fill *f)
{
	struct store *s = f->s;
	int rc = store_prepare(s,
		"INSERT INTO process VALUES "
		"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		&f->process);

	if (!rc)
		rc = store_prepare(
			s, "INSERT INTO vma VALUES " VMA_ROW, &f->vma);
	if (!rc)
		rc = store_prepare(s,
			"INSERT INTO zone VALUES (?, ?, ?, ?, ?, ?, ?, "
			"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			&f->zone);
	if (!rc)
		rc = store_prepare(
			s, "INSERT INTO counter VALUES (?, ?, ?)", &f->counter);
	return rc;
}

int tables_clear(struct store *s, int64_t checkpoint)
{
	char sql[96];
	int rc = 0;

	for (size_t i = 0; i < NR_TABLES && !rc; i++) {
		sqlite3_snprintf(sizeof(sql), sql,
			"DELETE FROM %s WHERE checkpoint = %lld", tables[i],
			(long long)checkpoint);
		rc = store_sql(s, sql, "forget the checkpoint's tables");
	}
	return rc;
}

int tables_fill(struct store *s, int64_t checkpoint)
{
	struct fill f = {.s = s, .id = checkpoint};
	int rc = tables_clear(s, checkpoint);

	if (!rc)
		rc = prepare(&f);
	for (struct task *t = task_next(s->vm, 0); t && !rc;
		t = task_next(s->vm, t->pid + 1))
		rc = fill_process(&f, t);
	if (!rc)
		rc = fill_zones(&f);
	if (!rc)
		rc = fill_counters(&f);
	sqlite3_finalize(f.process);
	sqlite3_finalize(f.vma);
	sqlite3_finalize(f.vmas);
	sqlite3_finalize(f.zone);
	sqlite3_finalize(f.counter);
	return rc;
}
