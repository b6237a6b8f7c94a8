/* System calls on open files: what they read and write goes through the page
 * cache, which mappings share. */
#include <string.h>

#include "../disk/disk.h"
#include "../format.h"
#include "../mmu/mmu.h"
#include "handlers.h"

#define RW_MAX 0x7ffff000ull /* Linux: MAX_RW_COUNT */

/* The open file of the first argument, with the rights that `mode` names. */
static int named_file(struct cmd *c, uint32_t mode, idx_t *file)
{
	uint64_t fd = c->arg[0].num;

	*file = fd <= INT32_MAX ? fd_lookup(c->m, c->task, (int)fd) : 0;
	if (!*file)
		return vm_fail(c->m, EBADF,
			"no open file has descriptor %s%llu",
			arg_sign(&c->arg[0]),
			(unsigned long long)arg_abs(&c->arg[0]));
	if (mode & ~file_at(c->m, *file)->mode)
		return vm_fail(c->m, EBADF,
			"descriptor %llu is not open for %s",
			(unsigned long long)fd,
			mode & FMODE_WRITE ? "writing" : "reading");
	return 0;
}

static struct inode *inode_of(struct cmd *c, idx_t file)
{
	return inode_at(c->m, file_at(c->m, file)->inode);
}

/* Neither they nor their sum are negative. */
static int check_range(struct cmd *c, uint64_t off, uint64_t len)
{
	if (off <= INT64_MAX && len <= INT64_MAX && off + len <= INT64_MAX)
		return 0;
	return vm_fail(c->m, EINVAL,
		"offset 0x%llx and length 0x%llx are not both in 0 ... 2^63-1",
		(unsigned long long)off, (unsigned long long)len);
}

static void reply_number(struct cmd *c, uint64_t n)
{
	c->reply->kind = REPLY_DEC;
	c->reply->value = n;
}

/* ---- open --------------------------------------------------------------- */

/* open PATH [FLAGS] [mode=], with the numbers of open(2) */
int cmd_open(struct cmd *c)
{
	static const uint32_t access[] = {FMODE_READ, FMODE_WRITE,
		FMODE_READ | FMODE_WRITE, OPEN_NEITHER};
	const uint32_t known =
		3 | OPEN_CREAT | OPEN_EXCL | OPEN_TRUNC | OPEN_APPEND;
	uint64_t num = c->arg[1].num;
	uint32_t flags = access[num & 3] | ((uint32_t)num & known & ~3u);
	uint32_t mode = c->arg[2].given ? (uint32_t)c->arg[2].num : 0644;
	idx_t file;
	int fd;

	if (num & ~(uint64_t)known)
		return vm_fail(c->m, EINVAL,
			"FLAGS has the bits 0x%llx, which do nothing here: "
			"rdonly, wronly, rdwr, creat, excl, trunc and append "
			"are known",
			(unsigned long long)(num & ~(uint64_t)known));
	file = file_open_flags(c->m, c->task, c->arg[0].text, flags, mode);
	if (!file)
		return -c->m->fail.err;
	fd = fd_install(c->m, c->task, file, -1);
	if (fd < 0) {
		file_put(c->m, file);
		return fd;
	}
	reply_number(c, (uint64_t)fd);
	return 0;
}

/* close FD */
int cmd_close(struct cmd *c)
{
	if (c->arg[0].num > INT32_MAX)
		return vm_fail(c->m, EBADF, "no file descriptor is that large");
	return fd_close(c->m, c->task, (int)c->arg[0].num);
}

/* ---- read, write -------------------------------------------------------- */

struct transfer {
	idx_t file;
	uint64_t off, len, done;
	vaddr_t user; /* where the bytes go, with to= */
	bool to_user;
	uint8_t shown[BYTES_SHOWN];
};

/* A transfer of many pages may halt: what was done stays, as Linux has it. */
static bool halts_behind(struct cmd *c, const struct transfer *t)
{
	return !((t->done >> c->m->page_shift) % PLACE_PAGES) && vm_halts(c->m);
}

static int halted_behind(struct cmd *c, const struct transfer *t)
{
	if (!vm_halted(c->m))
		return 0;
	return vm_fail(c->m, EINTR, "interrupted after %llu bytes",
		(unsigned long long)t->done);
}

static int read_piece(struct cmd *c, struct transfer *t)
{
	uint8_t page[65536];
	struct sigfault f = {0};
	uint64_t room = BYTES_SHOWN - t->done;
	int64_t n = file_read(c->m, t->file, t->off, t->len, t->done, page);
	int err;

	if (n <= 0)
		return (int)n;
	if (t->to_user) {
		err = mem_access(c->m, c->task, t->user + t->done, (uint64_t)n,
			ACC_WRITE, page, &f);
		if (err)
			return err;
	} else if (t->done < BYTES_SHOWN) {
		memcpy(t->shown + t->done, page,
			(uint64_t)n < room ? (uint64_t)n : room);
	}
	t->done += (uint64_t)n;
	return (int)n;
}

/* pread FD LEN [OFF] [to=ADDR]: without OFF, read(2). */
int cmd_pread(struct cmd *c)
{
	struct transfer t = {.len = c->arg[1].num, .to_user = c->arg[3].given};
	bool at_pos = !c->arg[2].given;
	int n, err = arg_signed(c, 2);

	if (!err)
		err = named_file(c, FMODE_READ, &t.file);
	if (!err && t.to_user)
		err = arg_addr(c, 3, &t.user);
	if (err)
		return err;
	t.off = at_pos ? file_at(c->m, t.file)->pos : c->arg[2].num;
	err = check_range(c, t.off, t.len);
	if (err)
		return err;
	c->task->io.syscr++;
	if (inode_of(c, t.file)->type == INODE_DIR)
		return vm_fail(c->m, EISDIR, "a directory is not read so");
	if (t.len > RW_MAX)
		t.len = RW_MAX;
	do
		n = read_piece(c, &t);
	while (n > 0 && t.done < t.len && !halts_behind(c, &t));
	c->task->io.rchar += t.done;
	if (t.done)
		file_read_end(c->m, t.file, t.off + t.done);
	if (n < 0 && !t.done)
		return n;
	if (at_pos)
		file_at(c->m, t.file)->pos += t.done;
	if (t.to_user)
		reply_number(c, t.done);
	else
		reply_bytes(c->reply, t.shown, t.done);
	return halted_behind(c, &t);
}

/* What RLIMIT_FSIZE leaves of a write at off; 0 or -EFBIG. */
static int limit_size(struct cmd *c, uint64_t off, uint64_t *len)
{
	uint64_t limit = c->task->rlim[RLIM_FSIZE].soft;

	if (!*len || limit == RLIM_UNLIMITED)
		return 0;
	if (off >= limit)
		return vm_fail(c->m, EFBIG,
			"byte 0x%llx is beyond RLIMIT_FSIZE, which is %llu",
			(unsigned long long)off, (unsigned long long)limit);
	if (*len > limit - off)
		*len = limit - off;
	return 0;
}

/* Fills a page-sized buffer with DATA, over and over, as byte `done` of the
 * write has it. */
static void repeat(struct cmd *c, uint64_t done, uint8_t *to, uint64_t n)
{
	const char *data = c->arg[1].text;
	size_t len = c->arg[1].len;

	for (uint64_t i = 0; i < n; i++)
		to[i] = (uint8_t)data[(done + i) % len];
}

static int64_t write_pieces(struct cmd *c, struct transfer *t)
{
	uint8_t page[4096];
	int64_t n = 0;

	while (t->done < t->len) {
		uint64_t part = t->len - t->done;

		if (part > sizeof(page))
			part = sizeof(page);
		repeat(c, t->done, page, part);
		n = file_write(c->m, t->file, t->off + t->done, page, part);
		if (n <= 0)
			break;
		t->done += (uint64_t)n;
		disk_throttle(c->m);
		if (t->done < t->len && halts_behind(c, t))
			break;
	}
	return n;
}

/* pwrite FD DATA [OFF] [len=N]: without OFF, write(2). */
int cmd_pwrite(struct cmd *c)
{
	struct transfer t = {.len = c->arg[1].len};
	bool at_pos = !c->arg[2].given;
	int err = arg_signed(c, 2);
	struct file *f;
	int64_t n;

	if (!err)
		err = named_file(c, FMODE_WRITE, &t.file);
	if (err)
		return err;
	f = file_at(c->m, t.file);
	if (c->arg[3].given)
		t.len = c->arg[1].len ? c->arg[3].num : 0;
	t.off = f->mode & FMODE_APPEND ? inode_of(c, t.file)->size
		: at_pos	       ? f->pos
				       : c->arg[2].num;
	err = check_range(c, t.off, t.len);
	if (t.len > RW_MAX)
		t.len = RW_MAX;
	if (err)
		return err;
	c->task->io.syscw++;
	err = limit_size(c, t.off, &t.len);
	if (err)
		return err;
	n = write_pieces(c, &t);
	c->task->io.wchar += t.done;
	if (n < 0 && !t.done)
		return (int)n;
	vm_fail_clear(c->m);
	if (at_pos)
		f->pos = t.off + t.done;
	reply_number(c, t.done);
	return halted_behind(c, &t);
}

/* ftruncate FD SIZE */
int cmd_ftruncate(struct cmd *c)
{
	idx_t file;
	int err = arg_signed(c, 1);

	if (!err)
		err = named_file(c, 0, &file);
	if (err)
		return err;
	if (!(file_at(c->m, file)->mode & FMODE_WRITE))
		return vm_fail(c->m, EINVAL,
			"descriptor %llu is not open for writing",
			(unsigned long long)c->arg[0].num);
	return disk_truncate(c->m, file_at(c->m, file)->inode, c->arg[1].num);
}

/* ---- position ----------------------------------------------------------- */

enum { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE };

/* The first byte at or behind off that lies in data, or in a hole. */
static int seek_kind(struct cmd *c, idx_t file, uint64_t *off, bool data)
{
	uint64_t size = inode_of(c, file)->size;

	if (*off >= size)
		return vm_fail(c->m, ENXIO,
			"offset 0x%llx is not inside the file, which has "
			"0x%llx bytes",
			(unsigned long long)*off, (unsigned long long)size);
	*off = disk_seek(c->m, file_at(c->m, file)->inode, *off, data);
	if (*off < size)
		return 0;
	*off = size; /* the end of the file is a hole */
	return data ? vm_fail(c->m, ENXIO, "a hole reaches to the file's end")
		    : 0;
}

/* Where a position may be: Linux's vfs_setpos(). */
static int check_position(struct cmd *c, idx_t file, uint64_t off)
{
	uint64_t most = inode_size_max(inode_of(c, file));

	if (off <= most)
		return 0;
	return vm_fail(c->m, EINVAL,
		"position 0x%llx is negative, or beyond what a file can have, "
		"0x%llx bytes",
		(unsigned long long)off, (unsigned long long)most);
}

/* lseek FD OFF [WHENCE] */
int cmd_lseek(struct cmd *c)
{
	uint64_t off = c->arg[1].num, whence = c->arg[2].num;
	idx_t file;
	int err = named_file(c, 0, &file);

	if (err)
		return err;
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		off += file_at(c->m, file)->pos;
		break;
	case SEEK_END:
		off += inode_of(c, file)->size;
		break;
	case SEEK_DATA:
		err = seek_kind(c, file, &off, true);
		break;
	case SEEK_HOLE:
		err = seek_kind(c, file, &off, false);
		break;
	default:
		err = vm_fail(c->m, EINVAL,
			"WHENCE is set, cur, end, data or hole, 0 to 4, not "
			"%llu",
			(unsigned long long)whence);
	}
	if (!err)
		err = check_position(c, file, off);
	if (err)
		return err;
	file_at(c->m, file)->pos = off;
	reply_number(c, off);
	return 0;
}

/* ---- the cache ---------------------------------------------------------- */

/* fsync FD */
int cmd_fsync(struct cmd *c)
{
	idx_t file;
	int err = named_file(c, 0, &file);

	if (!err)
		inode_sync(c->m, file_at(c->m, file)->inode, 0, UINT64_MAX);
	return err;
}

/* sync */
int cmd_sync(struct cmd *c)
{
	disk_sync(c->m);
	return 0;
}

/* posix_fadvise FD OFF LEN ADVICE: OFF may be any number, also a negative one,
 * as in Linux. */
int cmd_fadvise(struct cmd *c)
{
	uint64_t advice = c->arg[3].num;
	idx_t file;
	int err = named_file(c, 0, &file);

	if (!err)
		err = arg_signed(c, 2);
	if (!err && advice > FADV_NOREUSE)
		err = vm_fail(c->m, EINVAL,
			"ADVICE is normal, random, sequential, willneed, "
			"dontneed or noreuse, 0 to 5, not %llu",
			(unsigned long long)advice);
	return err ? err
		   : file_advise(c->m, file, c->arg[1].num, c->arg[2].num,
			     (enum file_advice)advice);
}

/* readahead FD OFF LEN */
int cmd_readahead(struct cmd *c)
{
	idx_t file;
	int err = named_file(c, FMODE_READ, &file);

	if (!err && inode_of(c, file)->type == INODE_DIR)
		err = vm_fail(
			c->m, EINVAL, "readahead is for regular files alone");
	if (!err)
		err = arg_signed(c, 2);
	return err ? err
		   : file_advise(c->m, file, c->arg[1].num, c->arg[2].num,
			     FADV_WILLNEED);
}
