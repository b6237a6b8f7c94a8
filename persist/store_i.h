/*
 * Inside persist/: struct store and what its files share.
 *
 *	open.c      opening, closing; order of the steps
 *	holder.c    one process at a time, and its name
 *	schema.c    the tables, identification, the configuration
 *	errors.c    SQLite's codes as errno and sentence
 *	journal.c   store_exec(): the one way in
 *	row.c       one journal row: encoding, checksum, decoding
 *	lines.c     splitting a text into command lines
 *	result.c    replies of executed rows, run-length encoded
 *	log.c       the journal as text
 *	burst.c     SQLite's locks: exclusive in bursts, shared when idle
 *	background.c  the store's thread: checkpoints, copying the WAL
 *	wal_io.c    a VFS that writes frames of the WAL at once
 *	group.c     durability=power: one sync for all who wait for one
 *	hash.c      hashes of pages and of the state, see state.h
 *	track.c     what is known about the pages of a machine
 *	save.c      writing a state;  load.c, unpack.c  reading one
 *	collect.c   deleting what no checkpoint needs
 *	snapshot.c  automatic checkpoints;  restore.c  choosing one
 *	replay.c    applying journal rows;  check.c  pagefs --check
 *	timeline.c  the tree of timelines; paths through it
 *	view.c      past moments;  checkpoint.c  moments with a name
 *	history.c   restore;  forget.c  forget;  vacuum.c  vacuum
 *	tree.c      the drawing of the timelines
 *	command.c   the commands of these;  tables.c  the machine as rows
 *	export.c    the journal as a script;  import.c  running one
 *	sql/        saved states as tables, for the sqlite3 shell
 *
 * One mutex guards a store: store_exec() changes the machine, everything else
 * only reads it.
 *
 * A past moment is a struct store as well, with a machine, a path and a log of
 * its own, on the connection and under the mutex of the live one, its
 * `parent`.  What builds it (loading a state, replay) runs with the mutex
 * held while it reads rows and lets go of it while it works on them; no SQLite
 * statement is in the middle of its rows then.
 */
#ifndef PAGEFS_STORE_I_H
#define PAGEFS_STORE_I_H

#include <pthread.h>
#ifdef PAGEFS_LOADABLE /* calls go to the SQLite that has loaded us, see sql/ \
			*/
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT3
#else
#include <sqlite3.h>
#endif
#include <string.h>
#include <zstd.h>

#include "state.h"
#include "store.h"

#define APPLICATION_ID 0x70676673 /* "pgfs", at offset 68 of the file */
#define JOURNAL_FORMAT 4	  /* user_version, at offset 60 */
#define SCRIPT_FORMAT  1	  /* of --export-journal */
#define ACTOR_TEXT_MAX 32

/* A growable array of bytes. */
struct bytes {
	char *data;
	size_t len, cap;
};
/* Room for n more bytes; NULL when the host has no memory. */
char *bytes_room(struct bytes *b, size_t n);
bool bytes_add(struct bytes *b, const void *data, size_t n);
void bytes_free(struct bytes *b);

/* A journal row in memory.  Pointers belong to whoever filled it in. */
struct row {
	uint64_t seq, time;
	struct event event;
};

/* The outcome of a row: derived data, see result.c. */
struct result {
	uint64_t seq, log_off;
	uint32_t lines;
	const char *reply;
	size_t reply_len;
	bool cut; /* its last lines are not on the path that is read */
	bool bad; /* it fails its checksum */
};

struct pending_result {
	uint64_t seq, log_off;
	uint32_t lines;
	uint32_t reply_len;
	size_t reply_at; /* in results.text */
};

struct results {
	struct pending_result *v;
	size_t nr, cap;
	struct bytes text;
};

/* Follows the replies of one row while it runs. */
struct tap {
	vm_reply_fn *fn;
	void *ctx;
	const char *text; /* the row's lines */
	size_t text_len, text_pos;
	uint64_t seq;	  /* of the next line */
	uint64_t log_len; /* log bytes of the lines so far */
	size_t fixed_len; /* of a log line, but for seq, command, reply */
	uint32_t lines;
	/* the run in progress: `run` equal replies */
	uint64_t run;
	struct reply last;
	char cur[SENTENCE_MAX + 64];
	size_t cur_len;
	struct bytes *out; /* "COUNT REPLY\n" of the finished runs */
	bool no_memory;
};

/* Where the last store_log_read() stopped: at the beginning of a line. */
struct log_cursor {
	bool valid;
	struct row row;
	struct bytes text, reply, line;
	char actor[ACTOR_TEXT_MAX];
	uint64_t last; /* line of the row */
	uint32_t lines, line_no;
	bool plain; /* the reply is that of one line */
	size_t text_pos, reply_pos;
	uint64_t run_left;
	const char *cur;
	size_t cur_len;
	uint64_t off;
};

enum burst {
	BURST_SHARED,	 /* normal locking, no transaction */
	BURST_HELD,	 /* normal locking; a write transaction without
			  * writes keeps other writers away, not readers */
	BURST_EXCLUSIVE, /* nobody else; commits without file locks */
};

/* One row of the table of timelines: lines first...last. */
struct timeline {
	int64_t id, parent; /* parent: 0 for the first */
	uint64_t fork;	    /* it goes on from the state after this line */
	uint64_t first;	    /* its own first line */
	uint64_t last;	    /* UINT64_MAX: the live one */
	uint64_t line;	    /* root->seq at the fork */
	uint64_t log;	    /* size of log there */
};

/*
 * The path of a machine, how it came to be: stretches of timelines, oldest
 * first.  Machines count the lines of their path (root->seq, from 1), which
 * differs from the lines' seq as soon as there was a restore.
 */
struct stretch {
	uint64_t first, last; /* seqs; an empty one has last == first - 1 */
	uint64_t line;	      /* that `first` has on the path */
};
struct course {
	struct stretch *v;
	unsigned nr;
};

/* What was done before a line of ctl; see store_ahead_begin(). */
struct store_ahead {
	struct store_ahead *next;
	pthread_t thread;
	struct reply reply; /* of the whole line, if it */
	bool ran;
	char where[CHECKPOINT_NAME_MAX + 1]; /* of `restore` */
	uint64_t seq;
	struct store_view *view; /* the past machine; the old one when done */
	bool done;
};

/* The layer being written; see save.c. */
struct saver {
	uint32_t layer; /* 0: none */
	uint32_t next_layer;
	uint32_t nr_packs; /* tried in it */
	uint64_t nr_pages; /* in all packs of the database */
	uint64_t ns;	   /* that the slices took */
	bool rest_seen;	   /* the segments without a dirty map, once */
	uint8_t *raw;	   /* of one pack */
	struct bytes undo; /* of the transaction in progress */
};

/* The store's thread, and what it is to do; see background.c. */
struct background {
	pthread_t thread;
	pthread_cond_t wake;
	bool running, stop;
	bool save, wal, collect;
	bool worked;  /* since it let other processes in */
	bool copying; /* the WAL, by another connection */
	int copied;   /* frames of the WAL */
};

/* Who waits for a sync of the WAL; see group.c. */
struct group {
	pthread_mutex_t lock;
	pthread_cond_t ended; /* a sync */
	atomic_ullong synced; /* so many commits */
	atomic_int err;	      /* of a sync that failed */
	bool syncing;	      /* somebody is at it */
	unsigned waiting;     /* whose commits are not synced */
	unsigned expected;    /* whom the last sync served */
	uint64_t took;	      /* it, ns */
};

struct store {
	struct store *parent;	    /* of a past moment, else NULL */
	const atomic_bool *stop;    /* gives up building it; may be NULL */
	struct timeline *timelines; /* all, in order; the last is live */
	unsigned nr_timelines;
	struct course course; /* of the machine */
	uint64_t restores;    /* store_restores() */

	sqlite3 *db;
	struct vm *vm;
	struct track *track; /* of vm */
	struct saver saver;
	struct group group;
	struct background back;
	struct vm_config config;
	char *path;
	char sentence[STORE_ERR_MAX];
	pthread_mutex_t lock;
	atomic_uint waiting; /* who wants the lock */
	struct store_ahead *aheads;
	unsigned building; /* past moments, which need their layers */
	int64_t held;	   /* a checkpoint without a name that is to stay */
	bool changing;	   /* somebody changes the history, for a while */
	pthread_cond_t changed;
	void (*notice)(void *ctx, const char *sentence);
	void (*progress)(void *ctx, uint64_t line, uint64_t lines);
	void *notice_ctx;
	int lock_fd;
	bool read_only, power, no_snapshot_at_close;
	bool shared;  /* open: from here on, its lock guards it */
	bool alone;   /* nobody else wants it: --check */
	bool counted; /* by holder_add_reader() */

	enum burst burst;
	uint64_t open_since;   /* ns: others can read, unless EXCLUSIVE */
	uint64_t shut_since;   /* ns: the last time they could for long ended */
	bool readers_shut_out; /* by an exclusive lock that failed halfway */
	int wal_frames;	       /* frames in the WAL after the last commit */
	atomic_ullong commits; /* so many */
	sqlite3_stmt *insert_row, *replace_row, *delete_row, *insert_result;
	sqlite3_stmt *find_result, *select_row, *rollback;

	ZSTD_CCtx *cctx;
	ZSTD_DCtx *dctx;
	struct bytes packed;

	struct results results;
	bool result_lost;   /* for want of memory */
	struct bytes reply; /* of the row in progress */
	uint64_t log_size;
	uint64_t log_base; /* what `forget` dropped of it */
	struct log_cursor cursor;

	uint64_t work_ns;	/* what replay since the snapshot costs */
	uint64_t snapshot_cost; /* ns the newest snapshot took */
	uint64_t snapshot_seq;	/* of the newest snapshot, or NO_SNAPSHOT */
};
#define NO_SNAPSHOT UINT64_MAX

/* Who has the connection: the live machine's store. */
static inline struct store *store_live(struct store *s)
{
	return s->parent ? s->parent : s;
}

/* errors.c: fill in the sentence, return the negative errno. */
int store_fail(struct store *s, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* For a failed SQLite call; `doing` completes "cannot ...". */
int store_sql_fail(struct store *s, const char *doing);
void store_notice(struct store *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Runs SQL without results; 0 or store_sql_fail(). */
int store_sql(struct store *s, const char *sql, const char *doing);
int store_prepare(struct store *s, const char *sql, sqlite3_stmt **out);
/* The number that a query of one row and column gives; `doing` as above. */
int store_number(
	struct store *s, const char *sql, const char *doing, uint64_t *out);
/* Undoes a transaction that failed, if SQLite has not done so. */
void store_rollback(struct store *s);

/* holder.c */
int holder_lock(struct store *s, bool *created);
void holder_unlock(struct store *s);
/* Counts a read-only store of the process that has the machine; false if
 * another process has it, or none. */
bool holder_add_reader(struct store *s, int change);
/* Somebody has the database open for reading. */
bool holder_has_readers(const struct store *s);
/* "process 123 (pagefs)", for sentences. */
void holder_name(const struct store *s, char *buf, size_t size);

/* schema.c */
int schema_identify(struct store *s, int fd, bool *is_new);
/* Whether the two numbers in its header make it a machine that we can read. */
int schema_check_format(struct store *s, uint32_t application, uint32_t format);
int schema_create(struct store *s, const struct store_options *o);
int schema_load(struct store *s, const struct store_options *o);

/* open.c: a connection without a machine, for open and check. */
int store_connect(struct store *s, const struct store_options *o);
struct store *store_new(const char *path, const struct store_options *o);
void store_free(struct store *s);
void store_release(struct store *s); /* all but the struct itself */
/* Of a store without a machine: its path is to end with a past moment. */
int store_turn(struct store *s, const char *where, uint64_t *seq);
/* Makes the machine at the end of the path, which is line `seq`; UINT64_MAX
 * when that is the newest. */
int store_build(struct store *s, uint64_t seq);
int store_prepare_all(struct store *s);
void store_finalize(struct store *s); /* the statements of that */

/* row.c */
size_t actor_format(const struct actor *a, char *buf, size_t size);
bool actor_parse(const char *text, struct actor *a);
int row_insert(struct store *s, const struct row *r);
/* In the place of the row with that seq. */
int row_replace(struct store *s, const struct row *r);
/* SELECT list of a row, to be read by row_read(). */
#define ROW_COLUMNS                              \
	"j.seq, j.time, j.actor, j.uid, j.gid, " \
	"j.command, j.encoding, j.size, j.payload, j.sum"
/* Decodes the current row; unpacked text or blob goes to *buf.  Pointers are
 * valid until the statement moves on.  -EUCLEAN when the checksum differs. */
int row_read(
	struct store *s, sqlite3_stmt *st, struct row *r, struct bytes *buf);

/* lines.c: the next line that is neither blank nor comment, trimmed. */
bool next_line(const char *text, size_t len, size_t *pos, const char **line,
	size_t *line_len);

/* result.c */
void tap_begin(struct tap *t, struct store *s, const struct row *r,
	vm_reply_fn *fn, void *ctx);
void tap_reply(void *ctx, const struct reply *r, const char *line, size_t len);
/* Completes s->reply; -ENOMEM when replies were lost. */
int tap_end(struct tap *t, struct store *s);
int results_add(struct store *s, uint64_t seq, uint32_t lines,
	const char *reply, size_t len);
/* Writes the pending ones within the caller's transaction. */
int results_write(struct store *s);
void results_clear(struct store *s);
int results_flush(struct store *s);
/* Columns of a stored one, to be read by result_read(). */
#define RESULT_COLUMNS "r.seq, r.lines, r.log_off, r.reply, r.sum"
void result_read(sqlite3_stmt *st, int col, struct result *out);
/* The result of the row that holds line `seq`, pending or stored.  1 found, 0
 * none, or -errno; -EUCLEAN if it fails its checksum.  The reply is valid until
 * the next call. */
int result_find(struct store *s, uint64_t seq, struct result *out);
unsigned decimal_digits(uint64_t n);
size_t log_fixed_len(const struct row *r);

/* burst.c */
int burst_enter(struct store *s);
void burst_leave(struct store *s);
/* Gives exclusive locking up, for another connection. */
void burst_share(struct store *s);
/* Steps a one-row statement, falling back to shared locks when a reader is in
 * the way.  SQLITE_DONE or an error code. */
int burst_step(struct store *s, sqlite3_stmt *st);
int burst_begin(struct store *s);
int burst_commit(struct store *s);
int burst_wal_hook(void *ctx, sqlite3 *db, const char *name, int frames);

/* wal_io.c: the name of the VFS. */
const char *wal_vfs(void);

#include "saved_i.h"

/* replay.c */
struct replay {
	/* Called before each row, and after the last with r == NULL; may be
	 * NULL.  Non-zero stops. */
	int (*before)(void *ctx, const struct row *r);
	/* Called after each row with what it gave; `stored` is NULL when the
	 * database has no result for it. */
	int (*after)(void *ctx, const struct row *r, const struct result *got,
		const struct result *stored);
	void *ctx;
};
int replay(struct store *s, const struct replay *how);
int replay_boot(struct store *s);

uint64_t clock_ns(void);
/* The same, some milliseconds behind: for who asks after each row. */
uint64_t clock_coarse_ns(void);

/* timeline.c */
int timelines_load(struct store *s);
/* The path to the state after line `seq`, or with UINT64_MAX the live one.
 * -ENOENT when the journal has no such line (any more). */
int course_to(struct store *s, uint64_t seq, struct course *out);
void course_free(struct course *p);
/* From the machine's count of lines to a seq, and back. */
uint64_t course_seq(const struct course *p, uint64_t line);
uint64_t course_line(const struct course *p, uint64_t seq);
/* Whether the state after line `seq` lies on the path. */
bool course_has(const struct course *p, uint64_t seq);

const struct timeline *timeline_live(const struct store *s);
/* The timeline that the state after line `seq` belongs to, or NULL. */
const struct timeline *timeline_of(const struct store *s, uint64_t seq);
uint64_t timeline_last(const struct store *s, const struct timeline *t);

/*
 * background.c, with the lock held: asks the store's thread for one of its
 * works, which *what is; false when there is no thread.
 */
bool background_wants(struct store *s, bool *what);
void background_stop(struct store *s); /* without the lock */
/* Copies the WAL in the caller's thread; the lock is let go of meanwhile. */
void background_copy(struct store *s);
/* Within a long work: lets others have the lock, and in the store's thread
 * copies the WAL if that is due.  False when the work is to be given up. */
bool background_pause(struct store *s);

/* view.c: the mutex of the live machine's store. */
void store_lock(struct store *s);
/* The same, letting those who wait go first. */
void store_lock_last(struct store *s);
void store_unlock(struct store *s);
void store_lock_init(struct store *s);
/* In builds for debugging: ends the program when somebody uses the connection
 * of a store that is open without its lock. */
void store_assert_locked(struct store *s);
/*
 * Building a past moment lets others have it while nothing of the database is
 * needed.  -EINTR when the work is to be given up.  These do nothing for the
 * live machine's store.
 */
void store_let_go(struct store *s);
int store_take_back(struct store *s);
/* With the mutex held; the sentence is the store's. */
int moment_find(struct store *s, const char *where, uint64_t *seq);
bool moment_is_number(const char *where);
/* A view without a machine, and one with. */
int view_new(struct store *s, uint64_t seq, struct store_view **out);
int view_open(struct store *s, uint64_t seq, const atomic_bool *stop,
	struct store_view **out);
struct store *view_store(struct store_view *v);
void view_close(struct store_view *v);
/* view_close() in two: what is the database's, then the memory, which takes
 * longer and needs no mutex. */
void view_detach(struct store_view *v);
void view_free(struct store_view *v);

/* checkpoint.c: with the mutex held. */
int checkpoint_find(
	struct store *s, const char *name, struct store_checkpoint *out);
int checkpoint_list(struct store *s,
	int (*fn)(void *ctx, const struct store_checkpoint *c), void *ctx);
int checkpoint_create(struct store *s, const char *name, uint64_t *seq);
/* The saved state after line `seq`, one without a name if possible; *id is 0 if
 * there is none. */
int state_find(struct store *s, uint64_t seq, int64_t *id, bool *named);
/* Changes of history last, and let others have the lock: one at a time. */
void change_begin(struct store *s);
void change_end(struct store *s);

/* journal.c: syncs the WAL; the WAL, the database, and their names; without
 * the lock.  0 or -errno. */
int sync_wal(struct store *s);
int sync_files(struct store *s);

/* group.c */
void group_init(struct group *g);
void group_free(struct group *g);
/* -EIO with a sentence after a sync that failed: what is written from then on
 * could not be acknowledged. */
int group_check(struct store *s);

/* command.c: writes with commands of the store's own among their lines. */
bool command_is_mixed(const struct event *e);
int command_exec_mixed(struct store *s, const struct event *e, vm_reply_fn *fn,
	void *ctx, struct vm_outcome *out);

/* journal.c: an event of the machine; as store_exec(), the mutex held. */
int journal_exec(struct store *s, const struct event *e, vm_reply_fn *fn,
	void *ctx, struct vm_outcome *out);

/* rebuild.c: named checkpoints of another layout, told in notices. */
void rebuild_outdated(struct store *s);

/* tables.c: a machine as rows, which go to the database some at a time. */
#define TABLES_SLICE_NS 3000000u
struct description {
	int64_t id; /* of the checkpoint */
	struct bytes rows;
	size_t at;    /* those before it are written */
	bool cleared; /* of rows that the checkpoint had */
};
int tables_describe(struct store *s, const struct vm *m, struct bytes *out);
uint64_t tables_sum(const struct bytes *rows);
/* A transaction of its own.  1 when there is more to write, 0 or -errno. */
int tables_write(struct store *s, struct description *d);
/* Within the caller's transaction: some rows of a checkpoint. */
int tables_clear(struct store *s, int64_t checkpoint, bool *more);
/* A checkpoint without a name, or none any more, that has rows; 0 none. */
int tables_find_stray(struct store *s, int64_t *checkpoint);
/* Whether the checkpoint has these rows and no others: 0, 1 with the first
 * difference, or -errno. */
int tables_compare(
	struct store *s, const struct description *d, char *where, size_t size);

/* history.c: with the mutex held. */
int history_restore(struct store *s, const char *where);
/* Builds the past machine for a restore to come. */
int history_ahead(struct store *s, const char *where, struct store_ahead *a);

/* forget.c, vacuum.c: with the mutex held, and let go of again and again. */
/* Saves the state after a line, unless it is saved, and holds it.  Describes
 * it if `rows` is not NULL. */
int save_moment(struct store *s, uint64_t seq, struct bytes *rows);
int history_forget(struct store *s, uint64_t before, uint64_t *lines);
int history_vacuum(struct store *s, uint64_t *freed);

#endif
