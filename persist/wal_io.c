/*
 * Frames of the WAL are written together, up to a commit.
 *
 * SQLite appends a frame as two writes: 24 bytes of header, then the page
 * right behind (https://www.sqlite.org/fileformat2.html#walformat).  The cost
 * of a small commit, and of a large one of small pages, is mostly theirs.  So
 * what is appended waits in memory:
 *
 *	| WAL header | frame | frame | frame . header . page . header |
 *	             in the file     ^ start                          ^ end
 *
 * A frame whose header has the size of the database in bytes 4 to 7 ends a
 * transaction: with its page, all goes to the file.  Nobody looks at a frame
 * before that but SQLite itself, which reads and rewrites frames of the
 * transaction in progress: then all is written first.
 */
#include "store_i.h"

#include <stdlib.h>

#define FRAME_HEADER 24
#define WAITING_MAX  65536
#define CUT_MAX	     (16 << 20)

/* Lies behind the file of the VFS below. */
struct wal_file {
	const sqlite3_io_methods *real;
	sqlite3_io_methods methods;
	sqlite3_int64 end;   /* of what was written or waits; 0 not known yet */
	sqlite3_int64 start; /* of what waits */
	int len;	     /* of what waits */
	bool commit;	     /* the newest header ends a transaction */
	char *waiting;	     /* WAITING_MAX bytes */
};

static sqlite3_vfs *below, vfs;

static size_t file_size(void)
{
	return ((size_t)below->szOsFile + 15) & ~(size_t)15;
}

static struct wal_file *wal_of(sqlite3_file *f)
{
	return (struct wal_file *)((char *)f + file_size());
}

static int write_waiting(sqlite3_file *f, struct wal_file *w)
{
	int len = w->len, rc;

	if (!len)
		return SQLITE_OK;
	w->len = 0;
	rc = w->real->xWrite(f, w->waiting, len, w->start);
	if (rc)
		w->end = w->start;
	return rc;
}

static bool is_commit(const char *header)
{
	return header[4] || header[5] || header[6] || header[7];
}

/* Right behind what there is. */
static int append(sqlite3_file *f, struct wal_file *w, const void *data, int n)
{
	int rc = SQLITE_OK;

	if (w->len + n > WAITING_MAX)
		rc = write_waiting(f, w);
	if (rc)
		return rc;
	if (!w->len)
		w->start = w->end;
	memcpy(w->waiting + w->len, data, (size_t)n);
	w->len += n;
	w->end += n;
	return n != FRAME_HEADER && w->commit ? write_waiting(f, w) : SQLITE_OK;
}

static int wal_write(
	sqlite3_file *f, const void *data, int n, sqlite3_int64 off)
{
	struct wal_file *w = wal_of(f);
	int rc;

	if (n == FRAME_HEADER)
		w->commit = is_commit(data);
	if (off && off == w->end && n <= WAITING_MAX)
		return append(f, w, data, n);
	rc = write_waiting(f, w);
	if (!rc)
		rc = w->real->xWrite(f, data, n, off);
	if (!rc && (off == 0 || off + n > w->end))
		w->end = off + n;
	return rc;
}

static int wal_read(sqlite3_file *f, void *to, int n, sqlite3_int64 off)
{
	struct wal_file *w = wal_of(f);
	int rc = SQLITE_OK;

	if (w->len && off + n > w->start)
		rc = write_waiting(f, w);
	return rc ? rc : w->real->xRead(f, to, n, off);
}

static int wal_size(sqlite3_file *f, sqlite3_int64 *size)
{
	struct wal_file *w = wal_of(f);
	int rc = write_waiting(f, w);

	return rc ? rc : w->real->xFileSize(f, size);
}

/*
 * A command that finds a long WAL copied cuts it to journal_size_limit.  To
 * give back much at once takes the file system long, so it is cut by
 * CUT_MAX bytes each time; what stays behind is of an older generation.
 */
static int wal_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct wal_file *w = wal_of(f);
	int rc = write_waiting(f, w);
	sqlite3_int64 now;

	w->end = 0;
	if (!rc)
		rc = w->real->xFileSize(f, &now);
	if (!rc && size && now - size > CUT_MAX)
		size = now - CUT_MAX;
	return rc ? rc : w->real->xTruncate(f, size);
}

static int wal_sync(sqlite3_file *f, int flags)
{
	struct wal_file *w = wal_of(f);
	int rc = write_waiting(f, w);

	return rc ? rc : w->real->xSync(f, flags);
}

/* What still waits was never committed. */
static int wal_close(sqlite3_file *f)
{
	struct wal_file *w = wal_of(f);

	free(w->waiting);
	w->waiting = NULL;
	return w->real->xClose(f);
}

static int wal_open(sqlite3_vfs *v, const char *name, sqlite3_file *f,
	int flags, int *out_flags)
{
	int rc = below->xOpen(below, name, f, flags, out_flags);
	struct wal_file *w = wal_of(f);

	if (rc || !(flags & SQLITE_OPEN_WAL))
		return rc;
	memset(w, 0, sizeof(*w));
	w->waiting = malloc(WAITING_MAX);
	if (!w->waiting) /* SQLite's own writes do as well */
		return rc;
	w->real = f->pMethods;
	w->methods = *w->real;
	w->methods.xWrite = wal_write;
	w->methods.xRead = wal_read;
	w->methods.xTruncate = wal_truncate;
	w->methods.xSync = wal_sync;
	w->methods.xFileSize = wal_size;
	w->methods.xClose = wal_close;
	f->pMethods = &w->methods;
	return SQLITE_OK;
}

static void register_vfs(void)
{
#ifndef PAGEFS_LOADABLE /* not ours to configure */
	/* Counting its memory costs SQLite a mutex at each allocation. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
#endif
	below = sqlite3_vfs_find(NULL);
	vfs = *below;
	vfs.zName = "pagefs";
	vfs.szOsFile = (int)(file_size() + sizeof(struct wal_file));
	vfs.xOpen = wal_open;
	sqlite3_vfs_register(&vfs, 0);
}

const char *wal_vfs(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, register_vfs);
	return vfs.zName;
}
