/*
 * checkpoints/ and at/: directories of past moments.
 *
 * In checkpoints/ mkdir saves, rmdir forgets and rename renames; each name is
 * a moment, whose size is its row and whose time is the simulated one.  at/
 * knows every row by its number, and `-N` as the N-th before the newest; it
 * lists none.  Looking up a name builds nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "session.h"

bool is_moments(const struct place *p)
{
	return !p->view && p->row < nr_nodes &&
	       (node_table[p->row].kind == NODE_SAVED ||
		       node_table[p->row].kind == NODE_ROWS);
}

static bool is_saved(const struct place *dir)
{
	return node_table[dir->row].kind == NODE_SAVED;
}

/* ---- names --------------------------------------------------------------- */

/* A number as it is printed, perhaps with '-' before it. */
static bool is_row_name(const char *name)
{
	const char *digits = name + (*name == '-');
	size_t n = strspn(digits, "0123456789");

	return n && n < 20 && !digits[n] && (n == 1 || *digits != '0');
}

static int find_checkpoint(
	struct session *s, const char *name, struct moment *m)
{
	struct store_checkpoint c;
	int err;

	fair_read(&s->live.lock);
	err = -store_checkpoint_find(s->live.view.store, name, &c);
	fair_unlock(&s->live.lock);
	if (!err)
		*m = (struct moment){
			PAST_CHECKPOINT, (uint64_t)c.id, c.seq, c.time};
	return err;
}

static int find_row(struct session *s, const char *name, struct moment *m)
{
	char why[STORE_ERR_MAX];
	uint64_t seq;
	int err;

	if (!is_row_name(name))
		return ENOENT;
	fair_read(&s->live.lock);
	err = -store_find(s->live.view.store, name, &seq, why);
	fair_unlock(&s->live.lock);
	if (!err)
		*m = (struct moment){PAST_ROW, seq, seq, 0};
	return err;
}

static void fill_attr(struct session *s, const struct place *p,
	const struct moment *m, struct stat *st)
{
	const struct view past = {.past = true};
	const struct place root = {0};

	memset(st, 0, sizeof(*st));
	st->st_ino = place_ino(p);
	st->st_mode = S_IFDIR | node_table[0].mode;
	st->st_nlink = tree_nlink(&past, &root);
	st->st_uid = s->live.view.uid;
	st->st_gid = s->live.view.gid;
	st->st_size = (off_t)m->seq;
	st->st_blksize = 4096;
	st->st_mtim = s->mounted;
	if (m->kind == PAST_CHECKPOINT)
		st->st_mtim = (struct timespec){
			.tv_sec = (time_t)(BOOT_EPOCH_S + m->time / 1000000000),
			.tv_nsec = (long)(m->time % 1000000000),
		};
	st->st_atim = st->st_ctim = st->st_mtim;
}

int moment_attr(struct session *s, const struct place *p, struct stat *st)
{
	struct moment m;

	if (!pasts_moment(&s->pasts, p->view, &m))
		return ESTALE;
	fill_attr(s, p, &m, st);
	return 0;
}

int moment_lookup(struct session *s, const struct place *dir, const char *name,
	struct fuse_entry_param *e)
{
	struct place p = {0};
	struct moment m;
	int err = is_saved(dir) ? find_checkpoint(s, name, &m)
				: find_row(s, name, &m);

	if (err)
		return err;
	p.view = pasts_look_up(&s->pasts, &m);
	if (!p.view)
		return ENOMEM;
	memset(e, 0, sizeof(*e));
	e->ino = place_ino(&p);
	fill_attr(s, &p, &m, &e->attr);
	e->attr_timeout = attr_timeout(&p);
	/* What a number of lines back means changes with every line. */
	if (!is_saved(dir) && *name != '-')
		e->entry_timeout = entry_timeout(&p);
	return 0;
}

/* ---- listings ------------------------------------------------------------ */

struct listing {
	fuse_req_t req;
	struct sbuf *b;
};

static int list_checkpoint(void *ctx, const struct store_checkpoint *c)
{
	const struct stat st = {.st_mode = S_IFDIR, .st_ino = UNKNOWN_INO};
	struct listing *l = ctx;

	list_add(l->req, l->b, c->name, &st);
	return l->b->failed ? -ENOMEM : 0;
}

int moments_list(fuse_req_t req, const struct place *dir, struct sbuf *b)
{
	const struct machine *mach = &req_session(req)->live;
	struct listing l = {req, b};
	struct stat st = {.st_mode = S_IFDIR, .st_ino = place_ino(dir)};

	list_add(req, b, ".", &st);
	st.st_ino = ROOT_INO;
	list_add(req, b, "..", &st);
	if (!is_saved(dir) || !mach->view.store)
		return b->failed ? ENOMEM : 0;
	return -store_checkpoint_list(mach->view.store, list_checkpoint, &l);
}

static int count_checkpoint(void *ctx, const struct store_checkpoint *c)
{
	++*(unsigned *)ctx;
	return 0;
}

unsigned moments_nlink(struct session *s, const struct place *dir)
{
	unsigned n = 2;

	if (is_saved(dir) && s->live.view.store)
		store_checkpoint_list(s->live.view.store, count_checkpoint, &n);
	return n;
}

/* ---- changes ------------------------------------------------------------- */

/* Whether names in there can be changed: 0 or an errno. */
static int may_change(struct session *s, const struct place *dir)
{
	if (!is_saved(dir))
		return EPERM;
	return s->read_only ? EROFS : 0;
}

/* After a change, which the store has made while commands ran: `rc` is what it
 * said, its sentence goes to `last`.  The errno of the answer. */
static int changed(struct session *s, int rc)
{
	struct machine *mach = &s->live;
	int err;

	fair_write(&mach->lock);
	if (rc)
		refusal_note(mach->refused, mach->view.vm, 0, -rc,
			store_sentence(mach->view.store));
	mach->version++;
	idle_touch(s);
	fair_unlock(&mach->lock);
	err = settle(s, -rc);
	poll_wake(s);
	return err;
}

void moment_mkdir(fuse_req_t req, const struct place *dir, const char *name)
{
	struct session *s = req_session(req);
	struct fuse_entry_param e;
	int err = may_change(s, dir);

	if (!err)
		err = changed(s, store_checkpoint(s->live.view.store, name));
	if (!err)
		err = moment_lookup(s, dir, name, &e);
	if (err)
		fuse_reply_err(req, err);
	else
		reply_entry(req, &e);
}

void moment_rmdir(fuse_req_t req, const struct place *dir, const char *name)
{
	struct session *s = req_session(req);
	int err = may_change(s, dir);

	if (!err)
		err = changed(
			s, store_checkpoint_remove(s->live.view.store, name));
	fuse_reply_err(req, err);
}

/* A name that is taken stays: to lose a checkpoint takes rmdir. */
void moment_rename(fuse_req_t req, const struct place *dir, const char *name,
	const struct place *to, const char *to_name, unsigned flags)
{
	struct session *s = req_session(req);
	int err;

	if (to->view)
		err = EROFS;
	else if (to->row != dir->row)
		err = EPERM;
	else if (flags & ~1u) /* RENAME_NOREPLACE is what we do */
		err = EINVAL;
	else
		err = may_change(s, dir);
	if (!err)
		err = changed(s, store_checkpoint_rename(s->live.view.store,
					 name, to_name, false));
	fuse_reply_err(req, err);
}
