/*
 * poll(2) on `last` and `log`: ready when a command has run since the file
 * was read through this open file; all other files are always ready.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "session.h"

static bool poll_keep(struct pollers *p, struct fuse_pollhandle *ph)
{
	bool kept = true;

	pthread_mutex_lock(&p->lock);
	if (p->nr == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;
		void *h = realloc(p->handle, cap * sizeof(*p->handle));

		kept = h != NULL;
		if (kept) {
			p->handle = h;
			p->cap = cap;
		}
	}
	if (kept) {
		p->handle[p->nr++] = ph;
		atomic_store(&p->waiting, p->nr);
	}
	pthread_mutex_unlock(&p->lock);
	return kept;
}

/* A command has run: wakes whoever waits.  Costs one load if nobody does. */
void poll_wake(struct session *s)
{
	struct pollers *p = &s->pollers;

	if (!atomic_load(&p->waiting))
		return;
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->nr; i++) {
		fuse_lowlevel_notify_poll(p->handle[i]);
		fuse_pollhandle_destroy(p->handle[i]);
	}
	p->nr = 0;
	atomic_store(&p->waiting, 0);
	pthread_mutex_unlock(&p->lock);
}

void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	struct fuse_pollhandle *ph)
{
	struct open_file *f = file_of(fi);
	unsigned ready = POLLOUT | POLLWRNORM;
	bool kept = false;

	/* The handle is kept before the state is looked at: a command that
	 * runs in between wakes it. */
	if (f->node->wakes && ph)
		kept = poll_keep(&f->session->pollers, ph);
	pthread_mutex_lock(&f->lock);
	fair_read(&f->machine->lock);
	if (!f->node->wakes || f->seen != f->machine->version)
		ready |= POLLIN | POLLRDNORM;
	fair_unlock(&f->machine->lock);
	pthread_mutex_unlock(&f->lock);
	if (ph && !kept)
		fuse_pollhandle_destroy(ph);
	fuse_reply_poll(req, ready);
}
