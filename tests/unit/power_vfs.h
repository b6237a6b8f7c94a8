/*
 * Power loss.  A SQLite VFS over the default one writes down what is done to
 * the files of a machine: writes, truncations, syncs, creations, deletions.
 * From that, power_cut() makes the files as they may be when the power fails at
 * any moment of it:
 *
 *	| write | write | sync | write | truncate | write |  cut
 *	 `--- in the file ---'  `--- may be in the file --'
 *
 * What was not synced is there or not, sector by sector and in any order: a
 * sector has its content after any of the writes to it, the size is that after
 * any of the writes and truncations.  The same goes for names: until the
 * directory is synced, a new file may be missing, a deleted one may be back.
 */
#ifndef PAGEFS_TEST_POWER_VFS_H
#define PAGEFS_TEST_POWER_VFS_H

#include <sys/stat.h>

#include "store_util.h"

#define SECTOR 512

enum { POWER_DB, POWER_WAL, POWER_JOURNAL, NR_NAMES };
static const char *const power_suffix[NR_NAMES] = {"", "-wal", "-journal"};

struct power_op {
	enum {
		OP_CREATE,
		OP_DELETE,
		OP_WRITE,
		OP_TRUNCATE,
		OP_SYNC,
		OP_SYNC_DIR
	} kind;
	int name;
	uint64_t off, len; /* of a truncation: the size */
	uint8_t *data;
};

/* A file, whatever name it has; its content is what was synced. */
struct power_file {
	uint8_t *data;
	uint64_t size;
	unsigned *op, nr; /* what was not, oldest first */
};

/* The file system at a moment of what was written down. */
struct power_disk {
	struct power_file *now[NR_NAMES], *synced[NR_NAMES];
	struct power_file *file[64]; /* all that ever were */
	unsigned nr_files, at;
};

static struct power_log {
	struct power_op *op;
	unsigned nr, cap;
} power_log;
static bool power_recording;
static pthread_mutex_t power_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned power_seed = 1;
static useconds_t power_sync_us; /* what a sync takes */
static bool power_sync_fails;

static inline unsigned power_below(unsigned n)
{
	return (unsigned)rand_r(&power_seed) % n;
}

/* ---- writing down ------------------------------------------------------- */

static inline void power_note(
	int kind, int name, const void *data, uint64_t off, uint64_t len)
{
	struct power_log *l = &power_log;
	struct power_op o = {kind, name, off, len, NULL};

	pthread_mutex_lock(&power_lock);
	if (power_recording) {
		if (data) {
			o.data = malloc(len);
			memcpy(o.data, data, len);
		}
		if (l->nr == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 1024;
			l->op = realloc(l->op, l->cap * sizeof(*l->op));
		}
		l->op[l->nr++] = o;
	}
	pthread_mutex_unlock(&power_lock);
}

/* Which of the machine's files a path is; -1 none. */
static inline int power_name(const char *path)
{
	size_t n = strlen(db_path);

	for (int i = 0; i < NR_NAMES && path && !strncmp(path, db_path, n); i++)
		if (!strcmp(path + n, power_suffix[i]))
			return i;
	return -1;
}

/* All syncs come here, SQLite's and the store's own. */
static inline int power_sync(int fd)
{
	char link[64], path[256] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		return -1;
	if (!strcmp(path, scratch))
		power_note(OP_SYNC_DIR, -1, NULL, 0, 0);
	else if (power_name(path) >= 0)
		power_note(OP_SYNC, power_name(path), NULL, 0, 0);
	if (power_sync_fails) {
		errno = EIO;
		return -1;
	}
	/* it is for what was written before it */
	if (power_sync_us)
		usleep(power_sync_us);
	return 0;
}

int fsync(int fd)
{
	return power_sync(fd);
}

int fdatasync(int fd)
{
	return power_sync(fd);
}

static sqlite3_vfs *power_real, power_vfs;
static sqlite3_io_methods power_methods[NR_NAMES];
static const sqlite3_io_methods *power_real_methods[NR_NAMES];

/* Which file it is lies behind the file of the VFS below. */
static inline int *power_of(sqlite3_file *f)
{
	return (int *)((char *)f + power_real->szOsFile);
}

static inline int power_write(
	sqlite3_file *f, const void *data, int n, sqlite3_int64 off)
{
	int name = *power_of(f);

	power_note(OP_WRITE, name, data, (uint64_t)off, (uint64_t)n);
	return power_real_methods[name]->xWrite(f, data, n, off);
}

static inline int power_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int name = *power_of(f);

	power_note(OP_TRUNCATE, name, NULL, 0, (uint64_t)size);
	return power_real_methods[name]->xTruncate(f, size);
}

static inline int power_open(sqlite3_vfs *vfs, const char *path,
	sqlite3_file *f, int flags, int *out_flags)
{
	int name = power_name(path);
	bool is_new = name >= 0 && access(path, F_OK);
	int rc = power_real->xOpen(power_real, path, f, flags, out_flags);

	if (rc || name < 0)
		return rc;
	if (is_new)
		power_note(OP_CREATE, name, NULL, 0, 0);
	*power_of(f) = name;
	power_real_methods[name] = f->pMethods;
	power_methods[name] = *f->pMethods;
	power_methods[name].xWrite = power_write;
	power_methods[name].xTruncate = power_truncate;
	f->pMethods = &power_methods[name];
	return rc;
}

static inline int power_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	if (power_name(path) >= 0 && !access(path, F_OK))
		power_note(OP_DELETE, power_name(path), NULL, 0, 0);
	return power_real->xDelete(power_real, path, sync_dir);
}

/* Before the first store is opened: the store's own VFS goes on top. */
static inline void power_register(void)
{
	power_real = sqlite3_vfs_find(NULL);
	power_vfs = *power_real;
	power_vfs.zName = "power";
	power_vfs.szOsFile += (int)sizeof(int);
	power_vfs.xOpen = power_open;
	power_vfs.xDelete = power_delete;
	sqlite3_vfs_register(&power_vfs, 1);
}

/* A new log; the caller keeps the one there was, or has freed it. */
static inline void power_begin(void)
{
	power_log = (struct power_log){0};
	power_recording = true;
	/* the store creates the database itself */
	if (access(db_path, F_OK))
		power_note(OP_CREATE, POWER_DB, NULL, 0, 0);
}

static inline void power_end(void)
{
	power_recording = false;
}

static inline void power_free(void)
{
	for (unsigned i = 0; i < power_log.nr; i++)
		free(power_log.op[i].data);
	free(power_log.op);
	power_log = (struct power_log){0};
}

static inline unsigned power_now(void)
{
	unsigned nr;

	pthread_mutex_lock(&power_lock);
	nr = power_log.nr;
	pthread_mutex_unlock(&power_lock);
	return nr;
}

/* ---- what the disk has -------------------------------------------------- */

static inline void file_resize(struct power_file *f, uint64_t size)
{
	uint8_t *p = realloc(f->data, size ? size : 1);

	assert_non_null(p);
	if (size > f->size)
		memset(p + f->size, 0, size - f->size);
	f->data = p;
	f->size = size;
}

static inline struct power_file *disk_create(struct power_disk *d)
{
	struct power_file *f = calloc(1, sizeof(*f));

	assert_true(d->nr_files < 64);
	file_resize(f, 0);
	d->file[d->nr_files++] = f;
	return f;
}

static inline void disk_empty(struct power_disk *d)
{
	memset(d, 0, sizeof(*d));
}

/* What lies in the directory now is on the disk. */
static inline void disk_begin(struct power_disk *d)
{
	disk_empty(d);
	for (int i = 0; i < NR_NAMES; i++) {
		char path[128];
		FILE *f;
		long n;

		snprintf(path, sizeof(path), "%s%s", db_path, power_suffix[i]);
		f = fopen(path, "r");
		if (!f)
			continue;
		d->now[i] = d->synced[i] = disk_create(d);
		fseek(f, 0, SEEK_END);
		n = ftell(f);
		rewind(f);
		file_resize(d->now[i], (uint64_t)n);
		assert_int_equal(fread(d->now[i]->data, 1, (size_t)n, f), n);
		fclose(f);
	}
}

static inline void disk_free(struct power_disk *d)
{
	for (unsigned i = 0; i < d->nr_files; i++) {
		free(d->file[i]->data);
		free(d->file[i]->op);
		free(d->file[i]);
	}
}

static inline void file_write(struct power_file *f, const struct power_op *o)
{
	if (o->kind == OP_TRUNCATE) {
		file_resize(f, o->len);
		return;
	}
	if (o->off + o->len > f->size)
		file_resize(f, o->off + o->len);
	memcpy(f->data + o->off, o->data, o->len);
}

/* One step of what was written down.  Returns whether it was a sync. */
static inline bool disk_step(struct power_disk *d)
{
	unsigned at = d->at++;
	const struct power_op *o = &power_log.op[at];
	struct power_file *f = o->name < 0 ? NULL : d->now[o->name];

	switch (o->kind) {
	case OP_CREATE:
		d->now[o->name] = disk_create(d);
		return false;
	case OP_DELETE:
		d->now[o->name] = NULL;
		return false;
	case OP_SYNC_DIR:
		memcpy(d->synced, d->now, sizeof(d->now));
		return true;
	case OP_SYNC:
		for (unsigned i = 0; f && i < f->nr; i++)
			file_write(f, &power_log.op[f->op[i]]);
		if (f)
			f->nr = 0;
		return true;
	case OP_WRITE:
	case OP_TRUNCATE:
		assert_non_null(f);
		f->op = realloc(f->op, (f->nr + 1) * sizeof(*f->op));
		f->op[f->nr++] = at;
	}
	return false;
}

/* ---- cutting ------------------------------------------------------------ */

static inline uint64_t size_after(const struct power_file *f, unsigned nr)
{
	uint64_t size = f->size;

	for (unsigned i = 0; i < nr; i++) {
		const struct power_op *o = &power_log.op[f->op[i]];

		if (o->kind == OP_TRUNCATE)
			size = o->len;
		else if (o->off + o->len > size)
			size = o->off + o->len;
	}
	return size;
}

/* A sector has the first of the writes to it; what a truncation cut off is
 * gone if the size knows of it. */
static inline void cut_sector(struct power_file *to, const struct power_file *f,
	uint64_t at, unsigned sized, unsigned nr)
{
	uint64_t end = at + SECTOR < to->size ? at + SECTOR : to->size;

	for (unsigned i = 0; i < f->nr; i++) {
		const struct power_op *o = &power_log.op[f->op[i]];
		uint64_t a = at, b = end;

		if (o->kind == OP_TRUNCATE) {
			a = o->len > a ? o->len : a;
			if (i < sized && a < b)
				memset(to->data + a, 0, b - a);
			continue;
		}
		a = o->off > a ? o->off : a;
		b = o->off + o->len < b ? o->off + o->len : b;
		if (i < nr && a < b)
			memcpy(to->data + a, o->data + (a - o->off), b - a);
	}
}

static inline bool touches(const struct power_file *f, uint64_t at)
{
	for (unsigned i = 0; i < f->nr; i++) {
		const struct power_op *o = &power_log.op[f->op[i]];

		if (o->kind == OP_TRUNCATE ||
			(o->off < at + SECTOR && o->off + o->len > at))
			return true;
	}
	return false;
}

static inline void write_cut(const struct power_file *f, int name, bool random)
{
	unsigned nr = random ? f->nr : 0, sized = power_below(nr + 1);
	struct power_file to = {0};
	bool whole = power_below(2);
	char path[128];
	FILE *out;

	file_resize(&to, f->size);
	memcpy(to.data, f->data, f->size);
	file_resize(&to, size_after(f, sized));
	for (uint64_t at = 0; nr && at < to.size; at += SECTOR)
		if (touches(f, at))
			cut_sector(&to, f, at, sized,
				whole ? power_below(2) * nr
				      : power_below(nr + 1));
	snprintf(path, sizeof(path), "%s%s", db_path, power_suffix[name]);
	out = fopen(path, "w");
	assert_int_equal(fwrite(to.data, 1, to.size, out), to.size);
	fclose(out);
	free(to.data);
}

/* Makes the files as after a cut: with what was synced alone, or with some of
 * the rest. */
static inline void power_cut(const struct power_disk *d, bool random)
{
	char path[128];

	for (int i = 0; i < NR_NAMES; i++) {
		const struct power_file *f = d->synced[i];

		snprintf(path, sizeof(path), "%s%s", db_path, power_suffix[i]);
		unlink(path);
		if (random && power_below(2))
			f = d->now[i];
		if (f)
			write_cut(f, i, random);
	}
	snprintf(path, sizeof(path), "%s-shm", db_path);
	unlink(path);
}

#endif
