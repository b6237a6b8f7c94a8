/*
 * One write(2) for a frame of the WAL instead of two.
 *
 * SQLite appends a frame as two writes: 24 bytes of header, then the page
 * right behind (https://www.sqlite.org/fileformat2.html#walformat).  The cost
 * of a small commit is mostly theirs.  So the header waits in memory for its
 * page:
 *
 *	| WAL header | frame | frame | header . page |
 *	                             ^ end
 *
 * Only a header at the end of what was written is one that a page follows:
 * SQLite rewrites headers alone, when a transaction replaces one of its
 * pages, but only before the end.
 */
#include "store_i.h"

#define FRAME_HEADER 24
#define PAGE_MAX     4096 /* larger pages are written as SQLite does it */

/* Lies behind the file of the VFS below. */
struct wal_file {
	const sqlite3_io_methods *real;
	sqlite3_io_methods methods;
	sqlite3_int64 end; /* of what was written; 0 not known yet */
	bool held;	   /* a header that belongs at end */
	char frame[FRAME_HEADER + PAGE_MAX];
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

static int write_held(sqlite3_file *f, struct wal_file *w)
{
	if (!w->held)
		return SQLITE_OK;
	w->held = false;
	return w->real->xWrite(f, w->frame, FRAME_HEADER, w->end);
}

static int wal_write(
	sqlite3_file *f, const void *data, int n, sqlite3_int64 off)
{
	struct wal_file *w = wal_of(f);
	int rc;

	if (n == FRAME_HEADER && off == w->end && !w->held) {
		memcpy(w->frame, data, FRAME_HEADER);
		w->held = true;
		return SQLITE_OK;
	}
	if (w->held && off == w->end + FRAME_HEADER && n <= PAGE_MAX) {
		w->held = false;
		memcpy(w->frame + FRAME_HEADER, data, (size_t)n);
		rc = w->real->xWrite(f, w->frame, FRAME_HEADER + n, w->end);
	} else {
		rc = write_held(f, w);
		if (!rc)
			rc = w->real->xWrite(f, data, n, off);
	}
	if (!rc && (off == 0 || off + n > w->end))
		w->end = off + n;
	return rc;
}

static int wal_sync(sqlite3_file *f, int flags)
{
	struct wal_file *w = wal_of(f);
	int rc = write_held(f, w);

	return rc ? rc : w->real->xSync(f, flags);
}

static int wal_open(sqlite3_vfs *v, const char *name, sqlite3_file *f,
	int flags, int *out_flags)
{
	int rc = below->xOpen(below, name, f, flags, out_flags);
	struct wal_file *w = wal_of(f);

	if (rc || !(flags & SQLITE_OPEN_WAL))
		return rc;
	memset(w, 0, sizeof(*w));
	w->real = f->pMethods;
	w->methods = *w->real;
	w->methods.xWrite = wal_write;
	w->methods.xSync = wal_sync;
	f->pMethods = &w->methods;
	return SQLITE_OK;
}

static void register_vfs(void)
{
	/* Counting its memory costs SQLite a mutex at each allocation. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
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
