/*
 * The machine as rows, for questions in SQL: filled when a moment gets a name.
 * Derived from the state, and never read back.
 */
#include "store_i.h"

#include <stdarg.h>

#include "../vm/disk/disk.h"
#include "../vm/mm/mm.h"
#include "../vm/phys/phys.h"
#include "../vm/task/task.h"

static const char *const tables[] = {"process", "vma", "zone", "counter"};
#define NR_TABLES (sizeof(tables) / sizeof(tables[0]))

struct fill {
	struct store *s;
	sqlite3_stmt *process, *vma, *zone, *counter;
	int64_t id; /* of the checkpoint */
};

/* Binds by letter: i 64-bit integer, t text or NULL; then inserts. */
static int insert(struct fill *f, sqlite3_stmt *st, const char *types, ...)
{
	int rc = 0;
	va_list ap;

	sqlite3_bind_int64(st, 1, f->id);
	va_start(ap, types);
	for (int i = 0; types[i]; i++)
		if (types[i] == 'i')
			sqlite3_bind_int64(
				st, i + 2, (int64_t)va_arg(ap, uint64_t));
		else
			sqlite3_bind_text(st, i + 2, va_arg(ap, const char *),
				-1, SQLITE_TRANSIENT);
	va_end(ap);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_sql_fail(f->s, "write the checkpoint's tables");
	sqlite3_reset(st);
	return rc;
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

static int fill_vma(struct fill *f, const struct task *t, const struct mm *mm,
	const struct vma *v)
{
	const struct vm *m = f->s->vm;
	char path[4352], perms[5] = "---p";
	const char *name = path;

	perms[0] = v->flags & VM_READ ? 'r' : '-';
	perms[1] = v->flags & VM_WRITE ? 'w' : '-';
	perms[2] = v->flags & VM_EXEC ? 'x' : '-';
	perms[3] = v->flags & VM_MAYSHARE ? 's' : 'p';
	if (v->file)
		disk_path(m, file_at(m, v->file)->inode, path, sizeof(path));
	else
		name = special_name(m, mm, v);
	return insert(f, f->vma, "iiitit", (uint64_t)t->pid, v->start, v->end,
		perms, v->file ? v->pgoff << m->page_shift : 0, name);
}

static int fill_process(struct fill *f, const struct task *t)
{
	const struct vm *m = f->s->vm;
	const struct mm *mm = t->mm ? mm_at(m, t->mm) : NULL;
	const struct task *parent = t->parent ? task_at(m, t->parent) : NULL;
	char state[2] = {(char)t->state}, comm[sizeof(t->comm) + 1] = "";
	const struct vma *v;
	int rc;

	memcpy(comm, t->comm, sizeof(t->comm));
	rc = insert(f, f->process, "iitiitiiiiiiii", (uint64_t)t->pid,
		(uint64_t)(parent ? parent->pid : 0), comm,
		(uint64_t)t->cred.uid, (uint64_t)t->cpu, state,
		mm ? mm->total_vm : 0, mm ? mm->rss[RSS_ANON] : 0,
		mm ? mm->rss[RSS_FILE] : 0, mm ? mm->rss[RSS_SHMEM] : 0,
		mm ? mm->pgtables : 0, mm ? mm->locked_vm : 0, t->min_flt,
		t->maj_flt);
	if (rc || !mm)
		return rc;
	vma_for_each (m, mm, v) {
		rc = fill_vma(f, t, mm, v);
		if (rc)
			return rc;
	}
	return 0;
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
		rc = store_prepare(s,
			"INSERT INTO vma VALUES (?, ?, ?, ?, ?, ?, ?)",
			&f->vma);
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
	sqlite3_finalize(f.zone);
	sqlite3_finalize(f.counter);
	return rc;
}
