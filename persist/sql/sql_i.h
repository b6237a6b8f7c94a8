/*
 * pagefs_sqlite: any moment of a machine as tables, inside the SQLite that has
 * its database open.
 *
 *	SELECT ... FROM pagefs_pte('before', 5)
 *	        |
 *	module.c   arguments, cursors, constraints    one struct sql_table each
 *	tables.c   the rows of the three tables       (const struct vm)
 *	look.c     the machine of a moment, from the rows of journal,
 *	           checkpoint, pack
 *
 * Everything is read through the connection that loads the extension.  A second
 * one to the same file, made by another copy of SQLite in the same process,
 * would take away the locks of the first when it closes the file: fcntl(2).
 * For that reason, too, calls go through the table of functions that SQLite
 * hands over (sqlite3ext.h), never to a library linked here.
 */
#ifndef PAGEFS_SQL_I_H
#define PAGEFS_SQL_I_H

#include "../store_i.h"

#include "../../vm/mmu/mmu.h"
#include "../../vm/task/task.h"

/* ---- look.c -------------------------------------------------------------- */

/* The machine after a line.  Those that cursors use stay; of the others one
 * is kept for the next question. */
struct state {
	struct state *next;
	uint64_t seq;
	struct vm *vm;
	unsigned users;
};

struct states {
	sqlite3 *db;
	struct state *first;
};

/* `where` is a line's number, `-N` or a checkpoint's name.  0, or -errno with a
 * sentence in err (STORE_ERR_MAX bytes). */
int state_get(
	struct states *all, const char *where, struct state **out, char *err);
void state_put(struct states *all, struct state *st);
void states_free(struct states *all);

/* ---- tables.c ------------------------------------------------------------ */

/* A leaf entry of a process's page tables. */
struct leaf {
	vaddr_t va;
	paddr_t at;
	uint64_t entry;
	unsigned level;
};

struct tlb_row {
	unsigned cpu;
	struct tlb_view v;
};

struct rows {
	const struct vm *vm;
	/* what was asked for */
	bool has_pid;
	uint32_t pid;
	uint64_t low, high; /* of the key, both inclusive */
	/* pagefs_pte: the process and its entry; then where to go on */
	const struct task *task;
	struct leaf leaf;
	/* pagefs_frame */
	pfn_t pfn;
	unsigned order;
	/* pagefs_tlb: all of them */
	struct tlb_row *tlb;
	size_t nr_tlb, at_tlb;
};

struct sql_table {
	const char *name;
	const char *schema; /* CREATE TABLE; its last columns are the
			     * arguments: moment, perhaps pid */
	int moment;	    /* number of that column */
	bool has_pid;
	int key; /* the column that rows are in order of; -1: none */
	/* Finds the first row.  1, 0 when there is none, or -errno with a
	 * sentence in err. */
	int (*first)(struct rows *r, char *err);
	bool (*next)(struct rows *r);
	void (*column)(const struct rows *r, sqlite3_context *ctx, int col);
	/* A number that no other row of the same moment has: SQLite tells rows
	 * apart by it where a WHERE has an OR. */
	sqlite3_int64 (*rowid)(const struct rows *r);
};

extern const struct sql_table sql_tables[];
extern const unsigned nr_sql_tables;

#endif
