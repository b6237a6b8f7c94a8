/*
 * Machines of past moments, next to the one that was mounted.
 *
 * A struct past is a moment that someone has looked up: a number of a row, or
 * a checkpoint.  It has a view number, which is part of the inode numbers
 * below it, and lives as long as the kernel knows one of those.  Its machine
 * is another matter: it takes memory, so it is built when something inside is
 * asked for, stays while requests and open files use it, and is then among
 * the few idle ones that are kept.  A moment never changes: a machine that is
 * built once more gives the same bytes.
 *
 *	            enter                    build ends
 *	  empty ------------> building ------------------> ready, in use
 *	    ^                    |                           |      ^
 *	    |<-------------------+ nobody waits any more     |      |
 *	    |  more idle ones than the limit           leave |      | enter
 *	    +------------------------------- ready, idle <---+------+
 *
 * The request that finds a moment empty has it built by a new thread, without
 * any lock; it waits, as do others that want the same moment, and all else
 * goes on.  Whoever is killed stops waiting.
 */
#ifndef PAGEFS_FS_PAST_H
#define PAGEFS_FS_PAST_H

#include <pthread.h>
#include <stdatomic.h>

#include "../persist/store.h"
#include "fair.h"
#include "refusal.h"
#include "show.h"

struct past;

/* A machine as the session serves it. */
struct machine {
	struct view view;
	struct fair_lock lock;
	struct refusals *refused; /* NULL: nobody asks for them */
	struct past *past;	  /* NULL: the machine that was mounted */
	uint64_t version;	  /* grows with every change */
	uint64_t store_restores;  /* what the store has counted of them */
	atomic_uint restores;	  /* how often it became a past one */
	atomic_bool restored;	  /* the kernel has not been told yet */
	uint32_t nr_tasks;	  /* that directories were last counted with */
	atomic_bool recount;
};

void machine_init(struct machine *mach);
void machine_destroy(struct machine *mach);

enum past_kind { PAST_ROW, PAST_CHECKPOINT };

/* Which moment: two checkpoints of one row are two directories. */
struct moment {
	enum past_kind kind;
	uint64_t id; /* of the checkpoint; the row's number */
	uint64_t seq;
	uint64_t time; /* simulated ns; of checkpoints */
};

#define PAST_BUCKETS 1024

struct pasts {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a build has ended, or a machine is idle */
	struct view like;	/* what their views have in common */
	struct store *store;
	struct past *by_nr[PAST_BUCKETS], *by_moment[PAST_BUCKETS];
	struct past *newest, *oldest; /* idle machines, by last use */
	unsigned nr_built;	      /* ready and building */
	unsigned nr_building;
	unsigned limit; /* idle machines go when more than this are built */
	uint32_t next_nr;
};

void pasts_init(struct pasts *ps);
/* `limit` machines are kept, at least one. */
void pasts_begin(struct pasts *ps, struct store *s, const struct view *like,
	unsigned limit);
/* Closes all.  No request runs any more. */
void pasts_free(struct pasts *ps);

/*
 * Finds or makes a moment's view, and counts one reference of the kernel.  Its
 * number, or 0 when there is no memory or no number left.
 */
uint32_t pasts_look_up(struct pasts *ps, const struct moment *m);
/* The kernel has one more reference to an inode of the view.  False if there
 * is no such view. */
bool pasts_refer(struct pasts *ps, uint32_t nr);
/* The kernel has dropped n. */
void pasts_forget(struct pasts *ps, uint32_t nr, uint64_t n);
/* Which moment a view is of; false if there is no such view. */
bool pasts_moment(struct pasts *ps, uint32_t nr, struct moment *out);

/*
 * Makes the machine of a view stay until past_leave(), having it built if need
 * be.  0 or an errno: EINTR when gave_up(), which is called now and then with
 * the lock held, said so.
 */
int pasts_enter(struct pasts *ps, uint32_t nr, bool (*gave_up)(void *ctx),
	void *ctx, struct machine **out);
void past_leave(struct past *p);

#endif
