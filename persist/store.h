/*
 * The database of one machine: journal, snapshots, replay.
 *
 * The journal is the truth: every acknowledged write is a row in it before
 * the machine changes.  A snapshot is a cache: it may be missing or damaged,
 * and is then rebuilt by replay.  Results are derived data: they are written
 * a little later than their commands, and recomputed if they are missing.
 */
#ifndef PAGEFS_STORE_H
#define PAGEFS_STORE_H

#include <stdatomic.h>
#include <stdio.h>

#include "../vm/vm.h"

struct store;

struct store_options {
	bool read_only;
	bool power; /* what was settled also survives power loss */
	bool no_snapshot_at_close;
	/* A past moment to look at instead of the newest (see store_view_open()
	 * for its words); NULL the newest.  Needs read_only. */
	const char *at;
	/* Configuration the user asked for; keys not given are NULL.  On an
	 * existing database a contradiction is -EINVAL naming both values. */
	const char *const *keys, *const *values;
	unsigned nr_keys;
	/* Called with sentences for the user (replay progress, rebuilt
	 * snapshots); may be NULL. */
	void (*notice)(void *ctx, const char *sentence);
	/* Called ten times a second while the journal is replayed at opening,
	 * and with line == lines at its end, if it took that long; NULL:
	 * notices tell each second.  The context is the notices'. */
	void (*progress)(void *ctx, uint64_t line, uint64_t lines);
	void *notice_ctx;
};

#define STORE_ERR_MAX 512

/*
 * Opens or creates a machine.  0 with *out; or -errno with one sentence in
 * err (STORE_ERR_MAX bytes): -EBUSY names the process that has it, -EINVAL a
 * foreign file or a configuration that contradicts, -EUCLEAN a damaged one.
 * Open it in the process that works on it: SQLite does not survive fork(2).
 * A read-only store may look at a machine that is mounted, as it is now.
 */
int store_open(const char *path, const struct store_options *o,
	struct store **out, char *err);
/* Writes pending results and a snapshot, closes. */
void store_close(struct store *s);

/*
 * The live machine.  The caller serialises store_exec() and store_restore()
 * against readers.  The handle stays the same for the life of the store: a
 * restore changes what it holds.
 */
struct vm *store_vm(struct store *s);

/*
 * Journal first, then apply.  Returns 0 when the event was journaled and
 * applied: then *out says how far it got.  -EINVAL when its first line does
 * not parse (nothing journaled); -ENOSPC, -EROFS, -EIO when the journal did
 * not take it (nothing changed).  store_sentence() then tells why.
 *
 * Lines of ctl whose row in the command table is the store's (checkpoint,
 * restore, forget, vacuum) are run by the store, between the journal rows of
 * the lines around them.  They change what is kept, not the machine: they are
 * not in the journal, have no seq, and their newest reply is in *out alone
 * (out->by_store).  One that fails ends the event as any other line does.
 */
int store_exec(struct store *s, const struct event *e, vm_reply_fn *fn,
	void *ctx, struct vm_outcome *out);
/*
 * What takes long of such a line can be done before it, while commands and
 * readers go on: store_ahead_begin() runs the whole line, or builds the machine
 * for a restore; store_exec() then gives the reply, or turns to that machine.
 * A line without it does all in store_exec().  `restore -N` counts from when it
 * was prepared.
 *
 *	size = store_part(event, &ours);  the lines before one of these, or
 *					  it alone
 *	a = store_ahead_begin(store, part);	the machine is not locked
 *	store_exec(store, part, ...);		it is
 *	store_ahead_end(store, a);		it is not
 */
struct store_ahead;
size_t store_part(const struct event *e, bool *ours);
struct store_ahead *store_ahead_begin(struct store *s, const struct event *e);
void store_ahead_end(struct store *s, struct store_ahead *a);
/* Why the newest call of this thread failed, or a line of it was refused. */
const char *store_sentence(const struct store *s);

/*
 * With durability=power, what these functions have written when they return is
 * not safe yet: this waits until it is.  Whoever tells others of it calls this
 * first, without locks that others need to write: one sync serves all who
 * wait.  Not even what was read from the machine is safe before.  0 or -EIO.
 */
int store_settle(struct store *s);

/* Everything written so far survives power loss.  0 or -errno. */
int store_sync(struct store *s);

/* Something that can wait: called when the mount has been idle for a moment
 * (writes results, lets other processes read the database). */
void store_idle(struct store *s);

/* Takes a snapshot now.  0 or -errno. */
int store_snapshot(struct store *s);

/* XXH3-128 of the state as 32 hex digits and NUL. */
void store_state_hash(struct vm *m, char out[33]);
/* The same of the live machine, from the pages that changed since it was
 * last saved or asked for. */
void store_live_hash(struct store *s, char out[33]);

/*
 * ---- history ----
 *
 * Every line that ran has a number, its seq, which no other line ever gets.
 * `restore` goes on from a past moment on a new timeline:
 *
 *	timeline 1:  1 2 3 4 5 6 7
 *	                   |
 *	timeline 2:        '--- 8 9 10        (restore 4)
 *
 * The machine's path is then 1 2 3 4 8 9 10; lines 5 6 7 stay where they are.
 * A moment is the state after a line, so its seq alone names it on whatever
 * timeline it lies; 0 is the machine after boot.  In the middle of a row of
 * many lines it is the state after that line.
 */

/* The newest line of the live machine's path. */
uint64_t store_seq(struct store *s);

/*
 * Past moments.  `where` is a seq ("1234"), a number of lines back on the
 * live path ("-10"; "-0" is now), or a checkpoint's name.  The machine is
 * built in the caller's thread from the nearest saved state at or before it,
 * and a replay of the rest; commands go on meanwhile.  -EINVAL for words that
 * can name no moment, -ENOENT for one that is not there, -EINTR when *stop
 * became true, else as store_open().  err has STORE_ERR_MAX bytes.
 */
struct store_view;
int store_view_open(struct store *s, const char *where, const atomic_bool *stop,
	struct store_view **out, char *err);
/* Which moment the words name, without building it. */
int store_find(struct store *s, const char *where, uint64_t *seq, char *err);
struct vm *store_view_vm(struct store_view *v);
uint64_t store_view_seq(const struct store_view *v);
uint64_t store_view_time(const struct store_view *v); /* simulated ns */
/* The log as it was then. */
uint64_t store_view_log_size(struct store_view *v);
int64_t store_view_log_read(
	struct store_view *v, uint64_t off, char *buf, size_t len);
/* All views are closed before their store. */
void store_view_close(struct store_view *v);

/* A checkpoint is a moment with a name. */
#define CHECKPOINT_NAME_MAX 255
struct store_checkpoint {
	char name[CHECKPOINT_NAME_MAX + 1];
	int64_t id; /* of its rows in the tables; inode numbers */
	uint64_t seq;
	uint64_t time; /* simulated ns */
	uint32_t timeline;
	uint32_t reserved;
};

/*
 * Names: 1-255 bytes of UTF-8 without '/' and control characters, not "." and
 * "..", and no number (with or without '-'), which would be a seq: else
 * -EINVAL (-ENAMETOOLONG for a long one).  -EEXIST for a name that is taken.
 * The sentence is store_sentence()'s.
 */
int store_checkpoint(struct store *s, const char *name);
int store_checkpoint_remove(struct store *s, const char *name);
/* Replaces a checkpoint of the name `to`, if `replace` and there is one. */
int store_checkpoint_rename(
	struct store *s, const char *from, const char *to, bool replace);
/* 0, -ENOENT, or another -errno. */
int store_checkpoint_find(
	struct store *s, const char *name, struct store_checkpoint *out);
/* In order of seq, then name; a non-zero return of fn ends it and is
 * returned.  fn must not call the store. */
int store_checkpoint_list(struct store *s,
	int (*fn)(void *ctx, const struct store_checkpoint *c), void *ctx);

/*
 * Goes on from a past moment (words as store_view_open()'s) on a new timeline.
 * What was the machine until now stays reachable by its seqs.
 */
int store_restore(struct store *s, const char *where);
/* How many there were since it was opened. */
uint64_t store_restores(struct store *s);

/* Drops all history before a moment of the live path; what comes after it
 * stays exact.  Timelines that left before it go as well.  -ENOTEMPTY when a
 * checkpoint lies before it and the caller has not removed it. */
int store_forget(struct store *s, uint64_t before);

/* The tree of timelines as text, to be freed by the caller; NULL without
 * memory. */
char *store_timelines(struct store *s);

/*
 * The live path as a script that does the same to a fresh machine of the same
 * configuration; docs/database.md has its format.  0 or -errno with err.
 */
int store_export(const char *path, FILE *to, char *err);
/* Runs such a script on a machine, which is created if there is none. */
int store_import(
	const char *path, const struct store_options *o, FILE *from, char *err);

/* ---- the log: the journal as text, one line per command ----
 *	SEQ SECONDS.NANOSECONDS ACTOR COMMAND = RESULT
 */
uint64_t store_log_size(struct store *s);
/* Bytes read at off, or -errno. */
int64_t store_log_read(struct store *s, uint64_t off, char *buf, size_t len);

/*
 * pagefs --check: SQLite's integrity check, then a replay of the whole
 * journal that compares the hash at every snapshot.  Prints findings through
 * notice.  0 sound, 1 with the first difference, -errno when it cannot run.
 */
int store_check(const char *path, const struct store_options *o, char *err);

#endif
