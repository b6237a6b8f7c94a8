/*
 * Moments and their machines; see past.h.
 *
 * A machine is opened, in a thread of its own, and closed without the lock.
 * What the lock guards: the tables, the counts of each moment, its state, and
 * the list of idle ones.
 */
#include "past.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tree.h"

/* Each takes a processor and the memory of a machine. */
#define MAX_BUILDING 4
/* How often those who wait are asked whether they still do. */
#define ASK_NS 100000000

enum past_state { PAST_EMPTY, PAST_BUILDING, PAST_READY };

struct past {
	struct machine machine;
	struct pasts *set;
	struct store_view *store; /* ready: what the machine is part of */
	struct moment moment;
	struct past *next_nr, *next_moment; /* in the tables */
	struct past *newer, *older;	    /* idle */
	uint64_t references;		    /* of the kernel */
	uint32_t users;	  /* requests, open files, its build */
	uint32_t waiting; /* requests that want it built */
	atomic_bool stop; /* the build: nobody does any more */
	enum past_state state;
	uint32_t failures; /* builds that failed, and why the last did */
	int err;
};

void machine_init(struct machine *mach)
{
	memset(mach, 0, sizeof(*mach));
	fair_init(&mach->lock);
}

void machine_destroy(struct machine *mach)
{
	fair_destroy(&mach->lock);
}

/* ---- the tables ---------------------------------------------------------- */

static struct past **nr_bucket(struct pasts *ps, uint32_t nr)
{
	return &ps->by_nr[nr % PAST_BUCKETS];
}

static struct past **moment_bucket(struct pasts *ps, const struct moment *m)
{
	return &ps->by_moment[(m->id * 2 + m->kind) % PAST_BUCKETS];
}

static struct past *find_nr(struct pasts *ps, uint32_t nr)
{
	struct past *p = *nr_bucket(ps, nr);

	while (p && p->machine.view.nr != nr)
		p = p->next_nr;
	return p;
}

static struct past *find_moment(struct pasts *ps, const struct moment *m)
{
	struct past *p = *moment_bucket(ps, m);

	/* the database uses the id of a row that is gone again */
	while (p && (p->moment.kind != m->kind || p->moment.id != m->id ||
			    p->moment.seq != m->seq))
		p = p->next_moment;
	return p;
}

/* A number that no view has; 0 if all are taken. */
static uint32_t free_number(struct pasts *ps)
{
	for (uint32_t i = 1; i < MAX_VIEWS; i++) {
		ps->next_nr = ps->next_nr % (MAX_VIEWS - 1) + 1;
		if (!find_nr(ps, ps->next_nr))
			return ps->next_nr;
	}
	return 0;
}

static struct past *past_new(struct pasts *ps, const struct moment *m)
{
	uint32_t nr = free_number(ps);
	struct past *p = nr ? calloc(1, sizeof(*p)) : NULL;

	if (!p)
		return NULL;
	machine_init(&p->machine);
	p->machine.view = ps->like;
	p->machine.view.nr = nr;
	p->machine.past = p;
	p->set = ps;
	p->moment = *m;
	p->next_nr = *nr_bucket(ps, nr);
	*nr_bucket(ps, nr) = p;
	p->next_moment = *moment_bucket(ps, m);
	*moment_bucket(ps, m) = p;
	return p;
}

/* Frees a moment that nobody refers to, and whose machine is gone. */
static void drop_if_unused(struct past *p)
{
	struct past **at;

	if (p->references || p->users || p->state != PAST_EMPTY)
		return;
	for (at = nr_bucket(p->set, p->machine.view.nr); *at != p;)
		at = &(*at)->next_nr;
	*at = p->next_nr;
	for (at = moment_bucket(p->set, &p->moment); *at != p;)
		at = &(*at)->next_moment;
	*at = p->next_moment;
	machine_destroy(&p->machine);
	free(p);
}

/* ---- idle machines ------------------------------------------------------- */

static void idle_add(struct past *p)
{
	struct pasts *ps = p->set;

	p->newer = NULL;
	p->older = ps->newest;
	*(ps->newest ? &ps->newest->newer : &ps->oldest) = p;
	ps->newest = p;
}

static void idle_remove(struct past *p)
{
	struct pasts *ps = p->set;

	*(p->newer ? &p->newer->older : &ps->newest) = p->older;
	*(p->older ? &p->older->newer : &ps->oldest) = p->newer;
	p->newer = p->older = NULL;
}

/* Drops idle machines until at most `limit` are built.  The lock is given up
 * while one is closed. */
static void shrink(struct pasts *ps, unsigned limit)
{
	while (ps->oldest && ps->nr_built > limit) {
		struct past *p = ps->oldest;
		struct store_view *store = p->store;

		idle_remove(p);
		p->store = NULL;
		p->machine.view.vm = NULL;
		p->machine.view.moment = NULL;
		p->state = PAST_EMPTY;
		ps->nr_built--;
		drop_if_unused(p);
		pthread_mutex_unlock(&ps->lock);
		store_view_close(store);
		pthread_mutex_lock(&ps->lock);
	}
}

static void leave(struct past *p)
{
	struct pasts *ps = p->set;

	if (--p->users)
		return;
	if (p->state == PAST_READY) {
		idle_add(p);
		shrink(ps, ps->limit);
	} else {
		drop_if_unused(p);
	}
}

/* ---- building ------------------------------------------------------------ */

/* With the lock.  `err` is the store's. */
static void build_ended(struct past *p, struct store_view *store, int err)
{
	struct pasts *ps = p->set;

	ps->nr_building--;
	p->state = err ? PAST_EMPTY : PAST_READY;
	if (!err) {
		p->store = store;
		p->machine.view.moment = store;
		p->machine.view.vm = store_view_vm(store);
	} else {
		ps->nr_built--;
	}
	if (err && err != EINTR) {
		p->failures++;
		/* history before this row may have been forgotten */
		p->err = err == ENOENT ? ESTALE : err;
	}
	pthread_cond_broadcast(&ps->changed);
	leave(p);
}

static void *build(void *ctx)
{
	struct past *p = ctx;
	struct pasts *ps = p->set;
	struct store_view *store = NULL;
	char where[24], why[STORE_ERR_MAX];
	int err;

	snprintf(where, sizeof(where), "%llu",
		(unsigned long long)p->moment.seq);
	pthread_mutex_lock(&ps->lock);
	shrink(ps, ps->limit);
	pthread_mutex_unlock(&ps->lock);
	err = -store_view_open(ps->store, where, &p->stop, &store, why);
	pthread_mutex_lock(&ps->lock);
	build_ended(p, store, err);
	pthread_mutex_unlock(&ps->lock);
	return NULL;
}

/* With the lock; the moment is empty and in use.  0 or an errno. */
static int build_begin(struct past *p)
{
	pthread_t thread;
	int err;

	atomic_store(&p->stop, false);
	err = pthread_create(&thread, NULL, build, p);
	if (err)
		return err;
	pthread_detach(thread);
	p->state = PAST_BUILDING;
	p->users++;
	p->set->nr_built++;
	p->set->nr_building++;
	return 0;
}

static void wait_a_moment(struct pasts *ps)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ASK_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&ps->changed, &ps->lock, &until);
}

/* Ready when it returns 0.  The moment is in use. */
static int make_ready(struct past *p, bool (*gave_up)(void *ctx), void *ctx)
{
	uint32_t failures = p->failures;
	int err = 0;

	p->waiting++;
	while (!err && p->state != PAST_READY) {
		/* Who builds it fails for all who wait. */
		if (p->failures != failures)
			err = p->err;
		else if (gave_up(ctx))
			err = EINTR;
		else if (p->state == PAST_EMPTY &&
			 p->set->nr_building < MAX_BUILDING)
			err = build_begin(p);
		else
			wait_a_moment(p->set);
	}
	if (!--p->waiting && p->state == PAST_BUILDING)
		atomic_store(&p->stop, true);
	return err;
}

int pasts_enter(struct pasts *ps, uint32_t nr, bool (*gave_up)(void *ctx),
	void *ctx, struct machine **out)
{
	struct past *p;
	int err = ESTALE;

	pthread_mutex_lock(&ps->lock);
	p = find_nr(ps, nr);
	if (p) {
		if (!p->users++ && p->state == PAST_READY)
			idle_remove(p);
		err = p->state == PAST_READY ? 0 : make_ready(p, gave_up, ctx);
		if (err)
			leave(p);
		else
			*out = &p->machine;
	}
	pthread_mutex_unlock(&ps->lock);
	return err;
}

void past_leave(struct past *p)
{
	struct pasts *ps = p->set;

	pthread_mutex_lock(&ps->lock);
	leave(p);
	pthread_mutex_unlock(&ps->lock);
}

/* ---- what the kernel knows ----------------------------------------------- */

uint32_t pasts_look_up(struct pasts *ps, const struct moment *m)
{
	uint32_t nr = 0;
	struct past *p;

	pthread_mutex_lock(&ps->lock);
	p = find_moment(ps, m);
	if (!p)
		p = past_new(ps, m);
	if (p) {
		p->references++;
		nr = p->machine.view.nr;
	}
	pthread_mutex_unlock(&ps->lock);
	return nr;
}

bool pasts_refer(struct pasts *ps, uint32_t nr)
{
	struct past *p;

	pthread_mutex_lock(&ps->lock);
	p = find_nr(ps, nr);
	if (p)
		p->references++;
	pthread_mutex_unlock(&ps->lock);
	return p;
}

void pasts_forget(struct pasts *ps, uint32_t nr, uint64_t n)
{
	struct past *p;

	pthread_mutex_lock(&ps->lock);
	p = find_nr(ps, nr);
	if (p) {
		p->references -= n < p->references ? n : p->references;
		drop_if_unused(p);
	}
	pthread_mutex_unlock(&ps->lock);
}

bool pasts_moment(struct pasts *ps, uint32_t nr, struct moment *out)
{
	struct past *p;

	pthread_mutex_lock(&ps->lock);
	p = find_nr(ps, nr);
	if (p)
		*out = p->moment;
	pthread_mutex_unlock(&ps->lock);
	return p;
}

/* ---- life ---------------------------------------------------------------- */

void pasts_init(struct pasts *ps)
{
	memset(ps, 0, sizeof(*ps));
	pthread_mutex_init(&ps->lock, NULL);
	pthread_cond_init(&ps->changed, NULL);
}

void pasts_begin(struct pasts *ps, struct store *s, const struct view *like,
	unsigned limit)
{
	ps->store = s;
	ps->like = *like;
	ps->limit = limit ? limit : 1;
}

void pasts_free(struct pasts *ps)
{
	pthread_mutex_lock(&ps->lock);
	while (ps->nr_building)
		wait_a_moment(ps);
	pthread_mutex_unlock(&ps->lock);
	for (unsigned i = 0; i < PAST_BUCKETS; i++) {
		while (ps->by_nr[i]) {
			struct past *p = ps->by_nr[i];

			ps->by_nr[i] = p->next_nr;
			if (p->store)
				store_view_close(p->store);
			machine_destroy(&p->machine);
			free(p);
		}
	}
	memset(ps->by_moment, 0, sizeof(ps->by_moment));
	ps->newest = ps->oldest = NULL;
}
