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

#include "../vm/vm.h"

struct store;

struct store_options {
	bool read_only;
	bool power; /* each acknowledged write also survives power loss */
	bool no_snapshot_at_close;
	/* Configuration the user asked for; keys not given are NULL.  On an
	 * existing database a contradiction is -EINVAL naming both values. */
	const char *const *keys, *const *values;
	unsigned nr_keys;
	/* Called with sentences for the user (replay progress, rebuilt
	 * snapshots); may be NULL. */
	void (*notice)(void *ctx, const char *sentence);
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

/* The live machine.  The caller serialises store_exec() against readers. */
struct vm *store_vm(struct store *s);

/*
 * Journal first, then apply.  Returns 0 when the event was journaled and
 * applied: then *out says how far it got.  -EINVAL when its first line does
 * not parse (nothing journaled); -ENOSPC, -EROFS, -EIO when the journal did
 * not take it (nothing changed).  store_sentence() then tells why.
 */
int store_exec(struct store *s, const struct event *e, vm_reply_fn *fn,
	void *ctx, struct vm_outcome *out);
const char *store_sentence(const struct store *s);

/* Everything acknowledged so far survives power loss.  0 or -errno. */
int store_sync(struct store *s);

/* Something that can wait: called when the mount has been idle for a moment
 * (writes results, lets other processes read the database). */
void store_idle(struct store *s);

/* Takes a snapshot now.  0 or -errno. */
int store_snapshot(struct store *s);

/* XXH3-128 of the state as 32 hex digits and NUL. */
void store_state_hash(struct vm *m, char out[33]);

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
