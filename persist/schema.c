/*
 * The tables, how a database is recognised, and the configuration in it.
 * The comments inside the statements are kept by SQLite: `.schema` in the
 * sqlite3 shell shows them.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static const char schema_sql[] =
	"CREATE TABLE machine (\n"
	"  -- the configuration, and versions\n"
	"  key TEXT PRIMARY KEY,  -- ram, arch, ...; layout_version: of the\n"
	"                         -- state in checkpoints; config_sum: "
	"XXH3-64\n"
	"                         -- of the configuration\n"
	"  value TEXT NOT NULL\n"
	") WITHOUT ROWID;\n"
	"CREATE TABLE journal (\n"
	"  -- the truth: one row per acknowledged write, in order\n"
	"  seq INTEGER PRIMARY KEY,  -- number of its first line\n"
	"  time INTEGER NOT NULL,    -- simulated ns when it began\n"
	"  actor TEXT NOT NULL,      -- ctl, proc/5, proc/5/mem, "
	"proc/5/trace,\n"
	"                            -- trace/strace, disk\n"
	"  uid INTEGER NOT NULL,     -- who wrote it\n"
	"  gid INTEGER NOT NULL,\n"
	"  command NOT NULL,         -- the lines; of a long text the first\n"
	"  encoding TEXT,            -- of payload: raw, zstd (data that the\n"
	"                            -- command takes), text, text-zstd (the\n"
	"                            -- whole of a long text); NULL without\n"
	"  size INTEGER,             -- bytes of payload before compression\n"
	"  payload BLOB,\n"
	"  sum INTEGER NOT NULL      -- XXH3-64 of the row\n"
	");\n"
	"CREATE TABLE result (\n"
	"  -- what rows of the journal gave; derived, recomputed if missing\n"
	"  seq INTEGER PRIMARY KEY,  -- of the journal row\n"
	"  lines INTEGER NOT NULL,   -- lines executed: seq ... seq+lines-1\n"
	"  log_off INTEGER NOT NULL, -- offset of its first line in log\n"
	"  reply NOT NULL,           -- of one line, as it is; of several, a\n"
	"                            -- line `COUNT REPLY` per run of equals\n"
	"  sum INTEGER NOT NULL      -- XXH3-64 of the row\n"
	");\n"
	"CREATE VIEW event AS\n"
	"  -- the journal with its results, for people\n"
	"  SELECT seq, time, actor, uid, gid, command, encoding, size, "
	"payload,\n"
	"         lines, reply AS result, log_off\n"
	"  FROM journal LEFT JOIN result USING (seq);\n"
	"CREATE TABLE timeline (\n"
	"  -- the tree of timelines: each goes on from a line of another\n"
	"  id INTEGER PRIMARY KEY,\n"
	"  parent INTEGER,           -- NULL: the first\n"
	"  fork INTEGER NOT NULL,    -- line after which it left its parent;\n"
	"                            -- of the first: 0, or what `forget` "
	"kept\n"
	"  first INTEGER NOT NULL,   -- seq of its own first line\n"
	"  last INTEGER,             -- and last; NULL: the live one\n"
	"  line INTEGER NOT NULL,    -- lines of its path before the first\n"
	"  log INTEGER NOT NULL      -- size of log there\n"
	");\n"
	"INSERT INTO timeline VALUES (1, NULL, 0, 1, NULL, 0, 0);\n"
	"CREATE TABLE forgotten (\n"
	"  -- lines that `forget` dropped, until their rows are deleted\n"
	"  first INTEGER PRIMARY KEY, last INTEGER NOT NULL\n"
	");\n"
	"CREATE TABLE checkpoint (\n"
	"  -- saved states\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again\n"
	"  name TEXT UNIQUE,         -- NULL: automatic\n"
	"  seq INTEGER NOT NULL,     -- lines executed before it\n"
	"  time INTEGER NOT NULL,    -- simulated ns\n"
	"  log_off INTEGER NOT NULL, -- size of log\n"
	"  hash TEXT NOT NULL,       -- XXH3-128 of the state\n"
	"  layout INTEGER NOT NULL,  -- layout version of the state\n"
	"  parent INTEGER,           -- the checkpoint before\n"
	"  cost INTEGER NOT NULL,    -- ns to replay from the one before\n"
	"  sizes TEXT NOT NULL,      -- `SEGMENT BYTES` lines: what is in "
	"use\n"
	"  layers TEXT NOT NULL,     -- JSON list; a page is in the last that\n"
	"                            -- has it\n"
	"  sum INTEGER NOT NULL,     -- XXH3-64 of seq, time, log_off\n"
	"  described INTEGER         -- XXH3-64 of its rows in process, vma,\n"
	"                            -- zone, counter; NULL without a name\n"
	");\n"
	"CREATE TABLE process (\n"
	"  -- the processes of a checkpoint with a name\n"
	"  checkpoint INTEGER NOT NULL REFERENCES checkpoint(id),\n"
	"  pid INTEGER NOT NULL, ppid INTEGER NOT NULL,\n"
	"  comm TEXT NOT NULL, uid INTEGER NOT NULL, cpu INTEGER NOT NULL,\n"
	"  state TEXT NOT NULL,      -- R S T Z\n"
	"  vm_pages INTEGER NOT NULL, rss_anon INTEGER NOT NULL,\n"
	"  rss_file INTEGER NOT NULL, rss_shmem INTEGER NOT NULL,  -- pages\n"
	"  pgtables INTEGER NOT NULL,  -- bytes\n"
	"  locked INTEGER NOT NULL,  -- pages\n"
	"  min_flt INTEGER NOT NULL, maj_flt INTEGER NOT NULL,\n"
	"  PRIMARY KEY (checkpoint, pid)\n"
	") WITHOUT ROWID;\n"
	"CREATE TABLE vma (\n"
	"  -- their mappings\n"
	"  checkpoint INTEGER NOT NULL REFERENCES checkpoint(id),\n"
	"  pid INTEGER NOT NULL,\n"
	"  start INTEGER NOT NULL, end INTEGER NOT NULL,  -- [start, end)\n"
	"  perms TEXT NOT NULL,      -- as in maps\n"
	"  offset INTEGER NOT NULL,  -- in the file, bytes\n"
	"  name TEXT,                -- file, [heap], [stack], ...\n"
	"  PRIMARY KEY (checkpoint, pid, start)\n"
	") WITHOUT ROWID;\n"
	"CREATE TABLE zone (\n"
	"  -- the zones of RAM, in pages; freeN: free blocks of 2^N pages\n"
	"  checkpoint INTEGER NOT NULL REFERENCES checkpoint(id),\n"
	"  node INTEGER NOT NULL, name TEXT NOT NULL,\n"
	"  managed INTEGER NOT NULL,\n"
	"  free INTEGER NOT NULL, min INTEGER NOT NULL,\n"
	"  low INTEGER NOT NULL, high INTEGER NOT NULL,\n"
	"  free0 INTEGER NOT NULL, free1 INTEGER NOT NULL,\n"
	"  free2 INTEGER NOT NULL, free3 INTEGER NOT NULL,\n"
	"  free4 INTEGER NOT NULL, free5 INTEGER NOT NULL,\n"
	"  free6 INTEGER NOT NULL, free7 INTEGER NOT NULL,\n"
	"  free8 INTEGER NOT NULL, free9 INTEGER NOT NULL,\n"
	"  free10 INTEGER NOT NULL,\n"
	"  PRIMARY KEY (checkpoint, node, name)\n"
	") WITHOUT ROWID;\n"
	"CREATE TABLE counter (\n"
	"  -- what stats shows\n"
	"  checkpoint INTEGER NOT NULL REFERENCES checkpoint(id),\n"
	"  name TEXT NOT NULL,\n"
	"  value INTEGER NOT NULL,\n"
	"  PRIMARY KEY (checkpoint, name)\n"
	") WITHOUT ROWID;\n"
	"CREATE TABLE pack (\n"
	"  -- up to 64 pages of 4096 bytes of state; the packs of a layer are\n"
	"  -- what changed between two states\n"
	"  id INTEGER PRIMARY KEY,   -- layer * 1048576 + number\n"
	"  pages BLOB NOT NULL,      -- 8 bytes a page, little-endian: number "
	"of\n"
	"                            -- the segment << 56 | number of the "
	"page;\n"
	"                            -- bit 55: the page became zero, it has\n"
	"                            -- no data\n"
	"  sum INTEGER NOT NULL,     -- XXH3-64 of id, pages, data\n"
	"  data BLOB NOT NULL        -- zstd\n"
	");\n";

/* ---- recognising a file ------------------------------------------------- */

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static bool beside_exists(struct store *s, const char *suffix)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", s->path, suffix);
	return !stat(path, &st) && st.st_size > 0;
}

int schema_check_format(struct store *s, uint32_t application, uint32_t format)
{
	if (application != APPLICATION_ID)
		return store_fail(s, EINVAL,
			"%s belongs to another program: it is left untouched",
			s->path);
	if (format > JOURNAL_FORMAT)
		return store_fail(s, EINVAL,
			"%s has journal format %u; this pagefs reads up to %u",
			s->path, format, JOURNAL_FORMAT);
	if (format < JOURNAL_FORMAT)
		return store_fail(s, EINVAL,
			"%s has journal format %u, of a pagefs before the "
			"first release; this one reads %u",
			s->path, format, JOURNAL_FORMAT);
	return 0;
}

/* The power failed while the tables were made, before the header was on the
 * disk: SQLite empties the file by the journal beside it. */
static bool is_unfinished(struct store *s, const unsigned char *h, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (h[i])
			return false;
	return beside_exists(s, "-journal");
}

/*
 * Looks at the header without SQLite, which might write to the file.  The
 * format: https://www.sqlite.org/fileformat.html#the_database_header
 */
int schema_identify(struct store *s, int fd, bool *is_new)
{
	unsigned char h[100];
	struct stat st;
	ssize_t n = pread(fd, h, sizeof(h), 0);
	uint64_t page, expect;
	int rc;

	*is_new = false;
	if (n < 0 || fstat(fd, &st))
		return store_fail(s, errno, "cannot read %s: %s", s->path,
			strerror(errno));
	if (!n) {
		*is_new = true;
		return 0;
	}
	if (is_unfinished(s, h, (size_t)n))
		return 0;
	if (n < (ssize_t)sizeof(h) || memcmp(h, "SQLite format 3", 16))
		return store_fail(s, EINVAL,
			"%s is no database of pagefs: it is left untouched",
			s->path);
	rc = schema_check_format(s, be32(h + 68), be32(h + 60));
	if (rc)
		return rc;
	page = (uint64_t)h[16] << 8 | h[17];
	expect = be32(h + 28) * (page == 1 ? 65536 : page);
	if ((uint64_t)st.st_size < expect && !beside_exists(s, "-wal") &&
		!beside_exists(s, "-journal"))
		return store_fail(s, EUCLEAN,
			"%s is cut short: it should have %llu bytes and has "
			"%llu",
			s->path, (unsigned long long)expect,
			(unsigned long long)st.st_size);
	return 0;
}

/* ---- configuration ------------------------------------------------------ */

#define ALL_KEYS (~0u)

/* Over the keys whose bits are set, by their place in vm_config_keys: a
 * database of an earlier version lacks those that came later. */
static void config_sum(const struct vm_config *c, unsigned keys, char out[17])
{
	XXH64_hash_t h = 0;
	char value[VM_CONFIG_VALUE_MAX];

	for (const char *const *k = vm_config_keys; *k; k++) {
		if (!(keys >> (k - vm_config_keys) & 1))
			continue;
		memset(value, 0, sizeof(value));
		vm_config_get(c, *k, value, sizeof(value));
		h = XXH3_64bits_withSeed(*k, strlen(*k) + 1, h);
		h = XXH3_64bits_withSeed(value, strlen(value) + 1, h);
	}
	snprintf(out, 17, "%016llx", (unsigned long long)h);
}

static int set_key(struct store *s, struct vm_config *c, const char *key,
	const char *value)
{
	char err[SENTENCE_MAX];

	if (!vm_config_set(c, key, value, err))
		return 0;
	return store_fail(s, EINVAL, "%s", err);
}

static int apply_options(
	struct store *s, struct vm_config *c, const struct store_options *o)
{
	int rc;

	for (unsigned i = 0; i < o->nr_keys; i++) {
		if (!o->values[i])
			continue;
		rc = set_key(s, c, o->keys[i], o->values[i]);
		if (rc)
			return rc;
	}
	return 0;
}

static unsigned key_bit(const char *key)
{
	for (unsigned i = 0; vm_config_keys[i]; i++)
		if (!strcmp(key, vm_config_keys[i]))
			return 1u << i;
	return 0;
}

static int put(struct store *s, const char *key, const char *value)
{
	sqlite3_stmt *st;
	int rc = store_prepare(
		s, "INSERT OR REPLACE INTO machine VALUES (?, ?)", &st);

	if (rc)
		return rc;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, value, -1, SQLITE_STATIC);
	if (sqlite3_step(st) != SQLITE_DONE)
		rc = store_sql_fail(s, "create the machine");
	sqlite3_finalize(st);
	return rc;
}

static int put_config(struct store *s)
{
	char value[VM_CONFIG_VALUE_MAX];
	int rc = 0;

	for (const char *const *k = vm_config_keys; *k && !rc; k++) {
		vm_config_get(&s->config, *k, value, sizeof(value));
		rc = put(s, *k, value);
	}
	if (rc)
		return rc;
	config_sum(&s->config, ALL_KEYS, value);
	rc = put(s, "config_sum", value);
	if (rc)
		return rc;
	snprintf(value, sizeof(value), "%d", VM_LAYOUT_VERSION);
	return put(s, "layout_version", value);
}

/*
 * The tables are made in one transaction under a rollback journal, so that
 * the identification is in the file itself before there is a WAL.
 */
int schema_create(struct store *s, const struct store_options *o)
{
	char sql[256], why[SENTENCE_MAX];
	int rc;

	vm_config_default(&s->config);
	rc = apply_options(s, &s->config, o);
	if (rc)
		return rc;
	if (vm_config_check(&s->config, why))
		return store_fail(s, EINVAL, "%s", why);
	/* A small commit writes whole pages to the WAL: one of 4096 bytes
	 * costs it twice what one of 1024 does.  Saved states take many pages
	 * of either size, and are written as fast.  What says which page
	 * leads to each lets `vacuum` move pages one by one. */
	snprintf(sql, sizeof(sql),
		"PRAGMA page_size=1024; BEGIN;"
		"PRAGMA auto_vacuum=INCREMENTAL;"
		"PRAGMA application_id=%d; PRAGMA user_version=%d;",
		APPLICATION_ID, JOURNAL_FORMAT);
	rc = store_sql(s, sql, "create the machine");
	if (!rc)
		rc = store_sql(s, schema_sql, "create the machine");
	if (!rc)
		rc = put_config(s);
	if (!rc)
		rc = store_sql(s, "COMMIT", "create the machine");
	if (rc)
		store_rollback(s);
	return rc;
}

static int damaged(struct store *s, const char *what)
{
	return store_fail(s, EUCLEAN,
		"%s is damaged: the configuration in table machine %s", s->path,
		what);
}

static int read_config(struct store *s)
{
	char stored_sum[17] = "", sum[17];
	unsigned keys = 0;
	sqlite3_stmt *st;
	int rc = store_prepare(s, "SELECT key, value FROM machine", &st), step;

	if (rc)
		return rc;
	vm_config_default(&s->config);
	while (!rc && (step = sqlite3_step(st)) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(st, 0);
		const char *val = (const char *)sqlite3_column_text(st, 1);

		if (!key || !val)
			rc = damaged(s, "has an empty field");
		else if (!strcmp(key, "config_sum"))
			snprintf(stored_sum, sizeof(stored_sum), "%s", val);
		else if (strcmp(key, "layout_version"))
			rc = set_key(s, &s->config, key, val)
				     ? damaged(s, "does not parse")
				     : 0;
		keys |= key_bit(key ? key : "");
	}
	if (!rc && step != SQLITE_DONE)
		rc = store_sql_fail(s, "read the configuration");
	sqlite3_finalize(st);
	if (rc)
		return rc;
	config_sum(&s->config, keys, sum);
	return strcmp(sum, stored_sum) ? damaged(s, "fails its checksum") : 0;
}

/* Reads the configuration; what the user asks for must agree with it. */
int schema_load(struct store *s, const struct store_options *o)
{
	char has[VM_CONFIG_VALUE_MAX], wants[VM_CONFIG_VALUE_MAX];
	struct vm_config asked;
	int rc = read_config(s);

	if (rc)
		return rc;
	asked = s->config;
	rc = apply_options(s, &asked, o);
	if (rc)
		return rc;
	for (const char *const *k = vm_config_keys; *k; k++) {
		vm_config_get(&s->config, *k, has, sizeof(has));
		vm_config_get(&asked, *k, wants, sizeof(wants));
		if (strcmp(has, wants))
			return store_fail(s, EINVAL,
				"%s was created with %s=%.60s; %s=%.60s "
				"contradicts it",
				s->path, *k, has, *k, wants);
	}
	return 0;
}
