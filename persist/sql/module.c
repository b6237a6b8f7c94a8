/*
 * The extension's entry, and what SQLite asks of a virtual table:
 * https://www.sqlite.org/vtab.html, "Table-valued functions".
 *
 * The arguments of a table-valued function are its hidden columns.  A plan is
 * a set of bits, and the values that go with them in this order:
 *
 *	ASK_MOMENT  ASK_PID  ASK_KEY  ASK_LOW  ASK_HIGH
 *
 * The last three limit the key, in whose order rows come.  SQLite compares it
 * again, so that a limit may be too wide.
 */
#include "sql_i.h"

#include <stdlib.h>

SQLITE_EXTENSION_INIT1

enum ask { ASK_MOMENT, ASK_PID, ASK_KEY, ASK_LOW, ASK_HIGH, NR_ASK, NOTHING };

/* What the three tables of one connection share. */
struct connection {
	struct states states;
	unsigned tables; /* registered */
};

struct module_arg {
	struct connection *conn;
	const struct sql_table *table;
};

struct vtab {
	sqlite3_vtab base;
	const struct module_arg *arg;
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct state *state;
	char *moment; /* as it was asked for */
	struct rows rows;
	bool more;
};

static const struct module_arg *arg_of(const sqlite3_vtab_cursor *cur)
{
	return ((const struct vtab *)cur->pVtab)->arg;
}

/* ---- tables -------------------------------------------------------------- */

static int vtab_connect(sqlite3 *db, void *arg, int argc,
	const char *const *argv, sqlite3_vtab **out, char **err)
{
	const struct module_arg *a = arg;
	int rc = sqlite3_declare_vtab(db, a->table->schema);
	struct vtab *v;

	if (rc)
		return rc;
	v = calloc(1, sizeof(*v));
	if (!v)
		return SQLITE_NOMEM;
	v->arg = a;
	*out = &v->base;
	return SQLITE_OK;
}

static int vtab_disconnect(sqlite3_vtab *v)
{
	free(v);
	return SQLITE_OK;
}

/* ---- plans --------------------------------------------------------------- */

static enum ask ask_of(
	const struct sql_table *t, const struct sqlite3_index_constraint *c)
{
	bool equal = c->op == SQLITE_INDEX_CONSTRAINT_EQ;

	if (equal && c->iColumn == t->moment)
		return ASK_MOMENT;
	if (equal && t->has_pid && c->iColumn == t->moment + 1)
		return ASK_PID;
	if (c->iColumn != t->key)
		return NOTHING;
	switch (c->op) {
	case SQLITE_INDEX_CONSTRAINT_EQ:
		return ASK_KEY;
	case SQLITE_INDEX_CONSTRAINT_GT:
	case SQLITE_INDEX_CONSTRAINT_GE:
		return ASK_LOW;
	case SQLITE_INDEX_CONSTRAINT_LT:
	case SQLITE_INDEX_CONSTRAINT_LE:
		return ASK_HIGH;
	}
	return NOTHING;
}

static void estimate(const struct sql_table *t, int plan, sqlite3_index_info *i)
{
	bool sorted = t->key >= 0 && (!t->has_pid || plan & 1 << ASK_PID);

	i->idxNum = plan;
	i->estimatedRows = 100000;
	if (plan & 1 << ASK_KEY)
		i->estimatedRows = 1;
	else if (plan & (1 << ASK_LOW | 1 << ASK_HIGH))
		i->estimatedRows = 10000;
	i->estimatedCost = 10.0 + (double)i->estimatedRows;
	i->orderByConsumed = sorted && i->nOrderBy == 1 &&
			     i->aOrderBy[0].iColumn == t->key &&
			     !i->aOrderBy[0].desc;
}

static int vtab_best_index(sqlite3_vtab *vt, sqlite3_index_info *info)
{
	const struct sql_table *t = ((struct vtab *)vt)->arg->table;
	int by[NR_ASK + 1] = {0}, plan = 0, nr = 0; /* by: 1 + constraint */

	for (int i = 0; i < info->nConstraint; i++) {
		enum ask ask = ask_of(t, &info->aConstraint[i]);
		bool usable = info->aConstraint[i].usable;

		/* Arguments are known before the table is asked. */
		if (!usable && (ask == ASK_MOMENT || ask == ASK_PID))
			return SQLITE_CONSTRAINT;
		if (usable && ask != NOTHING && !by[ask])
			by[ask] = 1 + i;
	}
	for (int ask = 0; ask < NR_ASK; ask++) {
		struct sqlite3_index_constraint_usage *u;

		if (!by[ask])
			continue;
		u = &info->aConstraintUsage[by[ask] - 1];
		u->argvIndex = ++nr;
		u->omit = ask == ASK_MOMENT || ask == ASK_PID;
		plan |= 1 << ask;
	}
	estimate(t, plan, info);
	return SQLITE_OK;
}

/* ---- cursors ------------------------------------------------------------- */

static int cursor_open(sqlite3_vtab *vt, sqlite3_vtab_cursor **out)
{
	struct cursor *c = calloc(1, sizeof(*c));

	if (!c)
		return SQLITE_NOMEM;
	*out = &c->base;
	return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *cur)
{
	struct cursor *c = (struct cursor *)cur;

	state_put(&arg_of(cur)->conn->states, c->state);
	free(c->moment);
	free(c->rows.tlb);
	free(c);
	return SQLITE_OK;
}

/* A sentence for whoever asked. */
static int refuse(sqlite3_vtab_cursor *cur, int err, const char *sentence)
{
	sqlite3_free(cur->pVtab->zErrMsg);
	cur->pVtab->zErrMsg =
		sqlite3_mprintf("%s: %s", arg_of(cur)->table->name, sentence);
	return err == -ENOMEM  ? SQLITE_NOMEM
	       : err == -EBUSY ? SQLITE_BUSY
			       : SQLITE_ERROR;
}

/* The machine of a moment.  One statement sees one moment under a name: what
 * a cursor has found is not looked up again. */
static int turn_to(struct cursor *c, const char *moment)
{
	struct states *states = &arg_of(&c->base)->conn->states;
	char err[STORE_ERR_MAX] = "";
	struct state *found;
	char *copy;
	int rc;

	if (c->moment && !strcmp(c->moment, moment))
		return SQLITE_OK;
	copy = strdup(moment);
	rc = copy ? state_get(states, moment, &found, err) : -ENOMEM;
	if (rc) {
		free(copy);
		return refuse(&c->base, rc, err);
	}
	state_put(states, c->state);
	c->state = found;
	free(c->moment);
	c->moment = copy;
	c->rows.vm = found->vm;
	return SQLITE_OK;
}

/* A limit of the key; what is no number is none. */
static void limit(struct rows *r, enum ask ask, sqlite3_value *v)
{
	sqlite3_int64 n = sqlite3_value_int64(v);
	int type = sqlite3_value_numeric_type(v);

	if (type != SQLITE_INTEGER && type != SQLITE_FLOAT)
		return;
	if (ask != ASK_HIGH)
		r->low = n < 0 ? 0 : (uint64_t)n;
	if (ask != ASK_LOW)
		r->high = n < 0 ? 0 : (uint64_t)n;
}

static int take_pid(struct cursor *c, sqlite3_value *v)
{
	sqlite3_int64 n = sqlite3_value_int64(v);

	if (sqlite3_value_numeric_type(v) != SQLITE_INTEGER || n < 1 ||
		n > PID_MAX)
		return refuse(&c->base, -EINVAL,
			"the second argument is the number of a process");
	c->rows.has_pid = true;
	c->rows.pid = (uint32_t)n;
	return SQLITE_OK;
}

static int take_argument(struct cursor *c, enum ask ask, sqlite3_value *v)
{
	const char *text;

	switch (ask) {
	case ASK_MOMENT:
		text = (const char *)sqlite3_value_text(v);
		return turn_to(c, text ? text : "");
	case ASK_PID:
		return take_pid(c, v);
	default:
		limit(&c->rows, ask, v);
		return SQLITE_OK;
	}
}

static int cursor_filter(sqlite3_vtab_cursor *cur, int plan, const char *name,
	int argc, sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)cur;
	char err[STORE_ERR_MAX] = "";
	int rc = SQLITE_OK, nr = 0;

	c->rows.has_pid = false;
	c->rows.low = 0;
	c->rows.high = UINT64_MAX;
	if (!(plan & 1 << ASK_MOMENT) ||
		sqlite3_value_type(argv[0]) == SQLITE_NULL)
		return refuse(cur, -EINVAL,
			"the first argument is a moment: the name of a "
			"checkpoint, the number of a line, or '-N'");
	for (int ask = 0; ask < NR_ASK && !rc; ask++)
		if (plan & 1 << ask)
			rc = take_argument(c, (enum ask)ask, argv[nr++]);
	if (rc)
		return rc;
	rc = arg_of(cur)->table->first(&c->rows, err);
	if (rc < 0)
		return refuse(cur, rc, err);
	c->more = rc;
	return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *cur)
{
	struct cursor *c = (struct cursor *)cur;

	c->more = arg_of(cur)->table->next(&c->rows);
	return SQLITE_OK;
}

static int cursor_eof(sqlite3_vtab_cursor *cur)
{
	return !((struct cursor *)cur)->more;
}

static int cursor_column(sqlite3_vtab_cursor *cur, sqlite3_context *ctx, int i)
{
	struct cursor *c = (struct cursor *)cur;
	const struct sql_table *t = arg_of(cur)->table;

	if (i == t->moment)
		sqlite3_result_text(ctx, c->moment, -1, SQLITE_TRANSIENT);
	else
		t->column(&c->rows, ctx, i);
	return SQLITE_OK;
}

static int cursor_rowid(sqlite3_vtab_cursor *cur, sqlite3_int64 *out)
{
	*out = arg_of(cur)->table->rowid(&((struct cursor *)cur)->rows);
	return SQLITE_OK;
}

/* Without xCreate a table exists by itself, without CREATE VIRTUAL TABLE. */
static const sqlite3_module module = {
	.xConnect = vtab_connect,
	.xBestIndex = vtab_best_index,
	.xDisconnect = vtab_disconnect,
	.xOpen = cursor_open,
	.xClose = cursor_close,
	.xFilter = cursor_filter,
	.xNext = cursor_next,
	.xEof = cursor_eof,
	.xColumn = cursor_column,
	.xRowid = cursor_rowid,
};

/* ---- the extension ------------------------------------------------------- */

static void module_free(void *arg)
{
	struct module_arg *a = arg;

	if (!--a->conn->tables) {
		states_free(&a->conn->states);
		free(a->conn);
	}
	free(a);
}

static int add_table(
	sqlite3 *db, struct connection *conn, const struct sql_table *t)
{
	struct module_arg *a = malloc(sizeof(*a));

	if (!a)
		return SQLITE_NOMEM;
	*a = (struct module_arg){conn, t};
	conn->tables++;
	/* a failure frees the argument as well */
	return sqlite3_create_module_v2(db, t->name, &module, a, module_free);
}

/* SQLite derives the name from the file's. */
__attribute__((visibility("default"))) int sqlite3_pagefssqlite_init(
	sqlite3 *db, char **err, const sqlite3_api_routines *api);

int sqlite3_pagefssqlite_init(
	sqlite3 *db, char **err, const sqlite3_api_routines *api)
{
	struct connection *conn;
	int rc = SQLITE_OK;

	SQLITE_EXTENSION_INIT2(api);
	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return SQLITE_NOMEM;
	conn->states.db = db;
	conn->tables = 1; /* ours, while there are none */
	for (unsigned i = 0; i < nr_sql_tables && !rc; i++)
		rc = add_table(db, conn, &sql_tables[i]);
	if (!--conn->tables) {
		states_free(&conn->states);
		free(conn);
	}
	return rc;
}
