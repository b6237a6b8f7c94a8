/*
 * The machine as rows, for questions in SQL: what a moment gets with its name.
 * Derived from the state, and never read back.
 *
 * To describe a machine takes some milliseconds, to write what was found many:
 * so the rows lie in memory first, one behind the other,
 *
 *	table  'i' 8 bytes | 't' 4 bytes of length, text | 'n' (NULL)  ...
 *
 * and go to the database some at a time, while commands run.  The checksum of
 * them all is kept with the checkpoint; --check describes the machine that it
 * has replayed, and compares.
 */
#include "store_i.h"

#include <stdarg.h>
#include <stdio.h>
#include <xxhash.h>

#include "../vm/disk/disk.h"
#include "../vm/mm/mm.h"
#include "../vm/phys/phys.h"
#include "../vm/task/task.h"

enum table { PROCESS, VMA, ZONE, COUNTER, NR_TABLES };

/* All have the column `checkpoint` before these. */
static const struct {
	const char *name, *key;
	int columns;
} tables[NR_TABLES] = {
	[PROCESS] = {"process", "pid", 14},
	[VMA] = {"vma", "pid, start", 6},
	[ZONE] = {"zone", "node, name", 18},
	[COUNTER] = {"counter", "name", 2},
};

#define PATH_ROOM    4352
#define ROW_ROOM     (PATH_ROOM + 512)
#define DELETE_ROWS  512
#define ROWS_A_CLOCK 64

/* ---- describing --------------------------------------------------------- */

static char *put(char *p, char type, const void *data, size_t len)
{
	*p++ = type;
	memcpy(p, data, len);
	return p + len;
}

static char *put_text(char *p, const char *text)
{
	uint32_t len = text ? (uint32_t)strlen(text) : 0;

	p = put(p, text ? 't' : 'n', &len, text ? sizeof(len) : 0);
	memcpy(p, text ? text : "", len);
	return p + len;
}

/* By letter of `types`: i 64-bit integer, t text or NULL. */
static bool row(struct bytes *b, enum table t, const char *types, ...)
{
	char *begin = bytes_room(b, ROW_ROOM), *p = begin;
	va_list ap;

	if (!begin)
		return false;
	*p++ = (char)t;
	va_start(ap, types);
	for (; *types; types++) {
		if (*types == 'i') {
			uint64_t n = va_arg(ap, uint64_t);

			p = put(p, 'i', &n, sizeof(n));
		} else {
			p = put_text(p, va_arg(ap, const char *));
		}
	}
	va_end(ap);
	b->len += (size_t)(p - begin);
	return true;
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

static bool describe_vmas(struct bytes *b, const struct vm *m,
	const struct task *t, const struct mm *mm)
{
	char path[PATH_ROOM];
	const struct vma *v;
	idx_t of = 0; /* the inode whose path it is */
	bool ok = true;

	vma_for_each (m, mm, v) {
		idx_t inode = v->file ? file_at(m, v->file)->inode : 0;

		if (inode && inode != of)
			disk_path(m, inode, path, sizeof(path));
		of = inode ? inode : of;
		ok = ok && row(b, VMA, "iiitit", (uint64_t)t->pid, v->start,
				   v->end, perms_of(v->flags),
				   inode ? v->pgoff << m->page_shift : 0,
				   inode ? path : special_name(m, mm, v));
	}
	return ok;
}

static bool describe_process(
	struct bytes *b, const struct vm *m, const struct task *t)
{
	static const struct mm none;
	const struct mm *mm = t->mm ? mm_at(m, t->mm) : &none;
	const struct task *parent = t->parent ? task_at(m, t->parent) : NULL;
	char state[2] = {(char)t->state}, comm[sizeof(t->comm) + 1] = "";

	memcpy(comm, t->comm, sizeof(t->comm));
	return row(b, PROCESS, "iitiitiiiiiiii", (uint64_t)t->pid,
		       (uint64_t)(parent ? parent->pid : 0), comm,
		       (uint64_t)t->cred.uid, (uint64_t)t->cpu, state,
		       (uint64_t)mm->total_vm, (uint64_t)mm->rss[RSS_ANON],
		       (uint64_t)mm->rss[RSS_FILE],
		       (uint64_t)mm->rss[RSS_SHMEM], (uint64_t)mm->pgtables,
		       (uint64_t)mm->locked_vm, (uint64_t)t->min_flt,
		       (uint64_t)t->maj_flt) &&
	       (!t->mm || describe_vmas(b, m, t, mm));
}

static bool describe_zones(struct bytes *b, const struct vm *m)
{
	bool ok = true;

	for (unsigned i = 0; i < m->root->nr_zones && ok; i++) {
		const struct zone *z = &m->root->zone[i];
		uint64_t n[NR_ORDERS];

		for (unsigned o = 0; o < NR_ORDERS; o++)
			n[o] = zone_free_blocks(z, o);
		ok = row(b, ZONE, "itiiiiiiiiiiiiiiii",
			(uint64_t)(i / m->arch->nr_zones), zone_name(m, i),
			(uint64_t)z->managed, (uint64_t)z->nr_free,
			(uint64_t)z->min, (uint64_t)z->low, (uint64_t)z->high,
			n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8],
			n[9], n[10]);
	}
	return ok;
}

static bool describe_counters(struct bytes *b, const struct vm *m)
{
	static const char *const names[] = {
#define X(c, name) name,
		VM_COUNTERS(X)
#undef X
	};
	bool ok = true;

	for (unsigned i = 0; i < NR_COUNTERS && ok; i++)
		ok = row(b, COUNTER, "ti", names[i],
			(uint64_t)m->root->count[i]);
	return ok;
}

int tables_describe(struct store *s, const struct vm *m, struct bytes *out)
{
	bool ok = true;

	out->len = 0;
	for (struct task *t = task_next(m, 0); t && ok;
		t = task_next(m, t->pid + 1))
		ok = describe_process(out, m, t);
	ok = ok && describe_zones(out, m) && describe_counters(out, m);
	return ok ? 0
		  : store_fail(s, ENOMEM,
			    "cannot write the checkpoint's tables: out of "
			    "memory");
}

uint64_t tables_sum(const struct bytes *rows)
{
	return XXH3_64bits(rows->data, rows->len);
}

/* ---- writing ------------------------------------------------------------ */

struct value {
	char type;
	uint32_t len;
	int64_t n;
	const char *text;
};

/* Reads the value at p; returns where the next one begins. */
static const char *read_value(const char *p, struct value *v)
{
	v->type = *p++;
	if (v->type == 'i') {
		memcpy(&v->n, p, sizeof(v->n));
		return p + sizeof(v->n);
	}
	if (v->type == 'n')
		return p;
	memcpy(&v->len, p, sizeof(v->len));
	v->text = p + sizeof(v->len);
	return v->text + v->len;
}

static const char *next_row(const char *p)
{
	int columns = tables[(int)*p++].columns;
	struct value v;

	while (columns--)
		p = read_value(p, &v);
	return p;
}

/* Binds the row at p, from the second parameter on. */
static void bind_row(sqlite3_stmt *st, const char *p)
{
	int columns = tables[(int)*p++].columns;
	struct value v;

	for (int i = 2; i < columns + 2; i++) {
		p = read_value(p, &v);
		if (v.type == 'i')
			sqlite3_bind_int64(st, i, v.n);
		else if (v.type == 't')
			sqlite3_bind_text(
				st, i, v.text, (int)v.len, SQLITE_STATIC);
		else
			sqlite3_bind_null(st, i);
	}
}

/* A statement with a parameter for each column of a table. */
static int prepare(struct store *s, const char *begin, enum table t,
	const char *end, sqlite3_stmt **out)
{
	char sql[512];
	int n = snprintf(sql, sizeof(sql), begin, tables[t].name);

	for (int i = 0; i <= tables[t].columns; i++)
		n += snprintf(
			sql + n, sizeof(sql) - (size_t)n, "%s?", i ? ", " : "");
	snprintf(sql + n, sizeof(sql) - (size_t)n, "%s", end);
	return store_prepare(s, sql, out);
}

static int fail(struct store *s)
{
	return store_sql_fail(s, "write the checkpoint's tables");
}

static int insert_some(struct store *s, struct description *d)
{
	uint64_t until = clock_ns() + TABLES_SLICE_NS;
	sqlite3_stmt *st[NR_TABLES] = {NULL};
	const char *p = d->rows.data + d->at, *end = d->rows.data + d->rows.len;
	int rc = 0;

	for (unsigned i = 0; p < end && !rc; i++) {
		enum table t = (enum table) * p;

		if (i % ROWS_A_CLOCK == 0 && clock_ns() > until)
			break;
		if (!st[t])
			rc = prepare(
				s, "INSERT INTO %s VALUES (", t, ")", &st[t]);
		if (rc)
			break;
		sqlite3_bind_int64(st[t], 1, d->id);
		bind_row(st[t], p);
		p = next_row(p);
		if (sqlite3_step(st[t]) != SQLITE_DONE)
			rc = fail(s);
		sqlite3_reset(st[t]);
	}
	for (int t = 0; t < NR_TABLES; t++)
		sqlite3_finalize(st[t]);
	if (!rc)
		d->at = (size_t)(p - d->rows.data);
	return rc;
}

int tables_clear(struct store *s, int64_t checkpoint, bool *more)
{
	char sql[256];
	int rc = 0;

	*more = false;
	for (int t = 0; t < NR_TABLES && !rc && !*more; t++) {
		snprintf(sql, sizeof(sql),
			"DELETE FROM %s WHERE checkpoint = %lld AND (%s) IN "
			"(SELECT %s FROM %s WHERE checkpoint = %lld LIMIT %d)",
			tables[t].name, (long long)checkpoint, tables[t].key,
			tables[t].key, tables[t].name, (long long)checkpoint,
			DELETE_ROWS);
		rc = store_sql(s, sql, "write the checkpoint's tables");
		*more = !rc && sqlite3_changes(s->db) == DELETE_ROWS;
	}
	return rc;
}

int tables_write(struct store *s, struct description *d)
{
	size_t at = d->at;
	bool more = false;
	int rc = burst_begin(s);

	if (rc)
		return rc;
	if (d->cleared)
		rc = insert_some(s, d);
	else
		rc = tables_clear(s, d->id, &more);
	if (!rc)
		rc = burst_commit(s);
	if (rc) {
		store_rollback(s);
		d->at = at;
		return rc;
	}
	d->cleared |= !more;
	return d->at < d->rows.len;
}

/* Steps from one checkpoint to the next in the table's index. */
int tables_find_stray(struct store *s, int64_t *checkpoint)
{
	char sql[512];
	int rc = 0;

	*checkpoint = 0;
	for (int t = 0; t < NR_TABLES && !rc && !*checkpoint; t++) {
		sqlite3_stmt *st;

		snprintf(sql, sizeof(sql),
			"WITH ids(id) AS (SELECT min(checkpoint) FROM %s UNION "
			"ALL SELECT (SELECT min(checkpoint) FROM %s WHERE "
			"checkpoint > id) FROM ids WHERE id NOT NULL) "
			"SELECT id FROM ids WHERE id <> ? AND id NOT IN "
			"(SELECT id FROM checkpoint WHERE name NOT NULL) "
			"LIMIT 1",
			tables[t].name, tables[t].name);
		rc = store_prepare(s, sql, &st);
		if (rc)
			break;
		sqlite3_bind_int64(st, 1, s->held);
		if (sqlite3_step(st) == SQLITE_ROW)
			*checkpoint = sqlite3_column_int64(st, 0);
		sqlite3_finalize(st);
	}
	return rc;
}

/* ---- comparing ---------------------------------------------------------- */

/* "2, 4194304, rw-p": the row at p, as far as there is room. */
static void print_row(const char *p, char *to, size_t size)
{
	int columns = tables[(int)*p++].columns;
	size_t n = 0;

	for (int i = 0; i < columns && n < size; i++) {
		const char *comma = i ? ", " : "";
		struct value v;

		p = read_value(p, &v);
		if (v.type == 'i')
			n += (size_t)snprintf(to + n, size - n, "%s%lld", comma,
				(long long)v.n);
		else if (v.type == 't')
			n += (size_t)snprintf(to + n, size - n, "%s%.*s", comma,
				(int)v.len, v.text);
		else
			n += (size_t)snprintf(
				to + n, size - n, "%sNULL", comma);
	}
}

/* "(checkpoint, pid, ...) IS (": names that are words of SQL are quoted. */
static int prepare_find(struct store *s, enum table t, sqlite3_stmt **out)
{
	char begin[512], sql[128];
	sqlite3_stmt *names;
	int rc;

	snprintf(sql, sizeof(sql),
		"SELECT group_concat('\"' || name || '\"') FROM "
		"pragma_table_info('%s')",
		tables[t].name);
	rc = store_prepare(s, sql, &names);
	if (rc)
		return rc;
	if (sqlite3_step(names) == SQLITE_ROW)
		snprintf(begin, sizeof(begin),
			"SELECT 1 FROM %%s WHERE (%s) IS (",
			(const char *)sqlite3_column_text(names, 0));
	else
		rc = store_sql_fail(s, "read the tables");
	sqlite3_finalize(names);
	return rc ? rc : prepare(s, begin, t, ")", out);
}

static int count_rows(struct store *s, enum table t, int64_t id, uint64_t *nr)
{
	sqlite3_stmt *st;
	char sql[128];
	int rc;

	snprintf(sql, sizeof(sql),
		"SELECT count(*) FROM %s WHERE checkpoint = %lld",
		tables[t].name, (long long)id);
	rc = store_prepare(s, sql, &st);
	if (rc)
		return rc;
	if (sqlite3_step(st) == SQLITE_ROW)
		*nr = (uint64_t)sqlite3_column_int64(st, 0);
	else
		rc = store_sql_fail(s, "read the tables");
	sqlite3_finalize(st);
	return rc;
}

/* Each row of a table is there: 0 with their number, or 1. */
static int find_rows(struct store *s, enum table t, const struct description *d,
	uint64_t *nr, char *where, size_t size)
{
	const char *p = d->rows.data, *end = p + d->rows.len;
	char text[200];
	sqlite3_stmt *st;
	int rc = prepare_find(s, t, &st);

	for (; !rc && p < end; p = next_row(p)) {
		if (*p != (char)t)
			continue;
		++*nr;
		sqlite3_bind_int64(st, 1, d->id);
		bind_row(st, p);
		rc = sqlite3_step(st) != SQLITE_ROW;
		sqlite3_reset(st);
		if (!rc)
			continue;
		print_row(p, text, sizeof(text));
		snprintf(where, size, "table %s has no row (%s)",
			tables[t].name, text);
	}
	sqlite3_finalize(st);
	return rc;
}

int tables_compare(
	struct store *s, const struct description *d, char *where, size_t size)
{
	int rc = 0;

	for (int t = 0; t < NR_TABLES && !rc; t++) {
		uint64_t nr = 0, stored = 0;

		rc = find_rows(s, (enum table)t, d, &nr, where, size);
		if (!rc)
			rc = count_rows(s, (enum table)t, d->id, &stored);
		if (rc || nr == stored)
			continue;
		snprintf(where, size,
			"table %s has %llu rows, replay gives "
			"%llu",
			tables[t].name, (unsigned long long)stored,
			(unsigned long long)nr);
		rc = 1;
	}
	return rc;
}
