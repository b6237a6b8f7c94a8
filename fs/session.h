/*
 * The FUSE session: one mount, the machines it shows, and what is open.
 * Private to fs/.
 *
 * Locks.  machine.lock guards a machine: everyone who looks takes it shared,
 * who changes it (a command) takes it alone; the store has a lock of its own
 * inside.  open_file.lock guards what one open file has rendered and what it
 * keeps of its writes, replies included; it is taken before machine.lock.
 * pasts.lock is taken last and held for moments only, never while a past
 * state is built.
 */
#ifndef PAGEFS_FS_SESSION_H
#define PAGEFS_FS_SESSION_H

#define FUSE_USE_VERSION 312

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../persist/store.h"
#include "lines.h"
#include "past.h"
#include "refusal.h"
#include "options.h"
#include "replies.h"
#include "tree.h"

#define MAX_CHUNK   (1u << 20) /* bytes of one request */
#define UNKNOWN_INO 0xffffffff /* of a name that has not been looked up */
/* Requests at once: more than may wait for past states to be built. */
#define MAX_THREADS 256
/* Those that stay: requests go round among all that wait, and a command costs
 * twice when each finds its stack and buffers gone from the cache. */
#define IDLE_THREADS 4

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

/* See ending.c. */
struct ending {
	pthread_t thread, loop;
	pthread_mutex_t lock;
	pthread_cond_t told;
	unsigned telling;  /* threads between ending_tell() and ending_told() */
	bool stop;	   /* a signal came */
	atomic_bool ended; /* the loop did */
};

/* All open files, so that those whose RELEASE never came are freed too. */
struct open_files {
	pthread_mutex_t lock;
	struct open_file *first;
};

struct session {
	struct machine live;
	struct refusals refused; /* of live */
	struct pasts pasts;
	struct open_files files;
	struct fuse_session *se;
	struct timespec mounted;
	struct pollers pollers;
	struct idle idle;
	struct ending ending;
	bool read_only;
	bool single; /* one thread serves all */
};

struct open_file {
	struct open_file *next, **prev; /* session.files */
	struct session *session;
	struct machine *machine;
	struct place place;
	const struct node *node;
	uint32_t uid, gid; /* of who opened it, on the host */
	bool readable, writable;
	bool rendered;
	bool wrote;	   /* something came since the last flush */
	fuse_req_t asking; /* the request in progress, while it is */
	long asked_ns;	   /* when it was looked at last */
	pthread_mutex_t lock;
	struct sbuf text;	/* rendered */
	struct lines lines;	/* written, control files */
	struct replies replies; /* to what was written */
	struct sbuf carry;	/* written, streams: a cut record or line */
	int stream_kind;	/* enum stream_kind, see stream.c */
	bool goes_on;	     /* a log: what comes belongs to the one before */
	uint64_t seen;	     /* poll: the machine's version last read */
	uint32_t generation; /* disk: of the inode that was opened */
	uint32_t restores;   /* disk: of the machine when it was opened */
};

static inline struct session *req_session(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline struct open_file *file_of(const struct fuse_file_info *fi)
{
	return (struct open_file *)(uintptr_t)fi->fh;
}

/*
 * Takes an inode number apart and finds its machine, which stays until
 * machine_leave().  A past one is built if it is not in memory.  0 or an
 * errno: ESTALE for a number that leads nowhere.
 */
int machine_enter(
	fuse_req_t req, fuse_ino_t ino, struct place *p, struct machine **out);
void machine_leave(struct machine *mach);

/* ---- ending.c ---- */
/* Whether nobody waits for the answer any more: the program is ended, or the
 * mount.  ctx is the fuse_req_t. */
bool request_gave_up(void *ctx);

/* ---- lookup.c ---- */
void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int set,
	struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n);
void op_forget_multi(
	fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
/* Gives the kernel an entry; one of a past moment counts as a reference, and
 * has been counted already. */
void reply_entry(fuse_req_t req, const struct fuse_entry_param *e);

/* Fills in what stat(2) shows; 0 or an errno.  The machine is locked. */
int node_attr(struct session *s, struct machine *mach, const struct place *p,
	struct stat *st);
/* Seconds that the kernel may cache a name and its attributes. */
double entry_timeout(const struct place *p);
double attr_timeout(const struct place *p);

/* Processes have come or gone: the kernel forgets the link counts of the
 * directories that list them; after a restore also what it keeps of open
 * files of disk/.  Called before the request is answered. */
void directories_changed(struct session *s);

/* ---- readdir.c ---- */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* ---- value.c ---- */
int64_t value_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len);

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
/* Keeps the machine, which the caller has entered, until it is freed; NULL
 * without memory, and then the machine is left. */
struct open_file *open_file_new(struct session *s, struct machine *mach,
	const struct place *p, int flags);
void open_file_free(struct open_file *f);
/* Notes who opens a file, and asks whether they may: 0 or an errno. */
int may_open(fuse_req_t req, struct open_file *f);

/* ---- ctl.c ---- */
/* Journals and applies an event by the caller of req; 0 or an errno, with the
 * sentence noted for `last`.  The machine is locked. */
int exec_event(struct open_file *f, const struct event *e, vm_reply_fn *fn,
	struct vm_outcome *out);
/* Whether the program that has f->asking is ended; a vm_stop_fn. */
bool asker_gave_up(void *ctx, size_t line, uint64_t place);
/* An event of whoever writes to the file, still without text: it ends early
 * when they are ended. */
struct event file_event(fuse_req_t req, struct open_file *f);
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
uint32_t disk_entry_generation(
	const struct machine *mach, const struct place *p);
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

/* ---- moments.c: the directories checkpoints/ and at/ ---- */
bool is_moments(const struct place *p);
/* Finds the moment that a name means; 0 or an errno. */
int moment_lookup(struct session *s, const struct place *dir, const char *name,
	struct fuse_entry_param *e);
/* The attributes of a moment's own directory, which need no machine. */
int moment_attr(struct session *s, const struct place *p, struct stat *st);
int moments_list(fuse_req_t req, const struct place *dir, struct sbuf *b);
/* Links of checkpoints/ and at/. */
unsigned moments_nlink(struct session *s, const struct place *dir);
void moment_mkdir(fuse_req_t req, const struct place *dir, const char *name);
void moment_rmdir(fuse_req_t req, const struct place *dir, const char *name);
void moment_rename(fuse_req_t req, const struct place *dir, const char *name,
	const struct place *to, const char *to_name, unsigned flags);
/* Adds a record of struct fuse_dirent. */
void list_add(fuse_req_t req, struct sbuf *b, const char *name,
	const struct stat *st);

/* ---- file.c ---- */
/* Nobody hears of the machine before what it shows is as safe as durability=
 * promises.  Called without its lock before an answer; `err` is that of the
 * request so far, and what is returned that of the answer. */
int settle(struct session *s, int err);

/* ---- poll.c, idle.c ---- */
void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	struct fuse_pollhandle *ph);
void poll_wake(struct session *s);
int idle_start(struct session *s);
void idle_stop(struct session *s);
/* A change has been made: cheap, called with the machine locked. */
void idle_touch(struct session *s);

/* ---- ending.c ---- */
/* From here on SIGHUP, SIGINT and SIGTERM end the loop of this thread, and do
 * nothing else until ending_stop().  0 or an errno. */
int ending_start(struct session *s);
void ending_stop(struct session *s);
/* Before and after telling the kernel what makes it wait for answers; false:
 * the session ends, nobody is told. */
bool ending_tell(struct session *s);
void ending_told(struct session *s);

/* ---- session.c ---- */
/* Reads libfuse's options; 0, or -1 after libfuse has said why on stderr. */
int session_new(struct session *s, struct fuse_args *args);
/* Mounts; 0, or -1 after a sentence on stderr. */
int session_mount(
	struct session *s, struct store *store, const struct options *o);
/* Serves until unmounted or told to stop by a signal; the exit status. */
int session_serve(struct session *s, bool single);
/* Closes what is open, past states included; the store can go then. */
void session_unmount(struct session *s);
void session_free(struct session *s);

#endif
