/*
 * The FUSE session: one mount, the machines it shows, and what is open.
 * Private to fs/.
 *
 * Locks.  machine.lock guards a machine: everyone who looks takes it shared,
 * who changes it (a command, the journal) takes it alone.  open_file.lock
 * guards what one open file has rendered; it is taken before machine.lock.
 * What an open file keeps of its writes, replies included, is guarded by
 * machine.lock, since writes hold it anyway.
 */
#ifndef PAGEFS_FS_SESSION_H
#define PAGEFS_FS_SESSION_H

#define FUSE_USE_VERSION 312

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../persist/store.h"
#include "lines.h"
#include "refusal.h"
#include "replies.h"
#include "tree.h"

#define MAX_CHUNK (1u << 20) /* bytes of one request */

struct machine {
	struct view view;
	pthread_rwlock_t lock;
	struct refusals refused;
	uint32_t nr_tasks; /* that directories were last counted with */
	atomic_bool recount;
};

/* Calls of poll() that wait for a command; see poll.c. */
struct pollers {
	pthread_mutex_t lock;
	struct fuse_pollhandle **handle;
	size_t nr, cap;
	atomic_size_t waiting;
};

/* Calls store_idle() when the machine has been left alone; see idle.c. */
struct idle {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_bool busy;     /* something happened since store_idle() */
	atomic_uint activity; /* grows with each change */
	bool stop, started;
};

/* All open files, so that those whose RELEASE never came are freed too. */
struct open_files {
	pthread_mutex_t lock;
	struct open_file *first;
};

struct session {
	struct machine live;
	struct open_files files;
	struct fuse_session *se;
	struct timespec mounted;
	struct pollers pollers;
	struct idle idle;
	bool read_only;
};

struct open_file {
	struct open_file *next, **prev; /* session.files */
	struct session *session;
	struct machine *machine;
	struct place place;
	const struct node *node;
	uint32_t uid; /* of who opened it */
	bool readable, writable;
	bool rendered;
	bool wrote; /* something came since the last flush */
	pthread_mutex_t lock;
	struct sbuf text;	/* rendered */
	struct lines lines;	/* written, control files */
	struct replies replies; /* to what was written */
	struct sbuf carry;	/* written, streams: a cut record or line */
	int stream_kind;	/* enum stream_kind, see stream.c */
	bool goes_on;	     /* a log: what comes belongs to the one before */
	uint64_t seen;	     /* poll: the machine's seq last read */
	uint32_t generation; /* disk: of the inode that was opened */
};

static inline struct session *req_session(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline struct open_file *file_of(const struct fuse_file_info *fi)
{
	return (struct open_file *)(uintptr_t)fi->fh;
}

/* The machine that an inode belongs to. */
struct machine *session_machine(struct session *s, const struct place *p);

/* ---- lookup.c ---- */
void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int set,
	struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t ino);

/* Fills in what stat(2) shows; 0 or an errno.  The machine is locked. */
int node_attr(struct session *s, struct machine *mach, const struct place *p,
	struct stat *st);
/* Seconds that the kernel may cache a name and its attributes. */
double entry_timeout(const struct place *p);
double attr_timeout(const struct place *p);

/* Processes have come or gone: the kernel forgets the link counts of the
 * directories that list them.  Called before the request is answered. */
void directories_changed(struct session *s);

/* ---- readdir.c ---- */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* ---- file.c ---- */
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size,
	off_t off, struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
	struct fuse_file_info *fi);
struct open_file *open_file_new(
	struct session *s, const struct place *p, int flags);
void open_file_free(struct open_file *f);

/* ---- ctl.c ---- */
/* Journals and applies an event by the caller of req; 0 or an errno, with the
 * sentence noted for `last`.  The machine is locked. */
int exec_event(struct open_file *f, const struct event *e, vm_reply_fn *fn,
	struct vm_outcome *out);
/* The process whose file it is, 0 if it is none's. */
uint32_t file_pid(const struct open_file *f);
/* The actor of a write to the file. */
struct actor file_actor(fuse_req_t req, const struct open_file *f);
/* Notes a sentence about input that is never run. */
void refuse_input(struct open_file *f, int err, const char *sentence);
int64_t ctl_write(fuse_req_t req, struct open_file *f, const char *buf,
	size_t len, uint64_t off);
int ctl_flush(fuse_req_t req, struct open_file *f);

/* ---- stream.c: proc/PID/trace, trace/strace, proc/PID/mem, cpu/N/walk ---- */
int64_t stream_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len);
int stream_flush(fuse_req_t req, struct open_file *f);
int64_t mem_write(fuse_req_t req, struct open_file *f, const char *buf,
	size_t len, uint64_t off);
int64_t query_write(
	struct open_file *f, const char *buf, size_t len, uint64_t off);
int query_flush(struct open_file *f);

/* ---- disk_ops.c, disk_io.c ---- */
bool disk_find(struct machine *mach, const struct place *dir, const char *name,
	struct place *out);
int disk_attr(struct session *s, struct machine *mach, const struct place *p,
	struct stat *st);
uint32_t disk_generation(const struct machine *mach, const struct place *p);
int disk_setattr(fuse_req_t req, struct machine *mach, const struct place *p,
	const struct stat *st, int set);
int64_t disk_file_write(fuse_req_t req, struct open_file *f, const char *buf,
	size_t len, uint64_t off);
int64_t disk_file_read(
	struct open_file *f, char *buf, size_t len, uint64_t off);
int disk_readlink(struct machine *mach, const struct place *p, struct sbuf *b);
int disk_open(fuse_req_t req, struct open_file *f, int flags);
/* All names of a directory, for readdir: fuse_dirent records in b. */
int disk_list(fuse_req_t req, struct machine *mach, const struct place *dir,
	struct sbuf *b);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *fi);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	dev_t dev);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
	const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
	fuse_ino_t to, const char *to_name, unsigned flags);

/* ---- poll.c, idle.c ---- */
void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	struct fuse_pollhandle *ph);
void poll_wake(struct session *s);
int idle_start(struct session *s);
void idle_stop(struct session *s);
/* A change has been made: cheap, called with the machine locked. */
void idle_touch(struct session *s);

/* ---- session.c ---- */
/* Reads libfuse's options; 0, or -1 after libfuse has said why on stderr. */
int session_new(struct session *s, struct fuse_args *args);
/* Mounts; 0, or -1 after a sentence on stderr. */
int session_mount(struct session *s, struct store *store,
	const char *mountpoint, bool read_only);
/* Serves until unmounted or told to stop by a signal; the exit status. */
int session_serve(struct session *s, bool single);
void session_unmount(struct session *s);
void session_free(struct session *s);

#endif
