/*
 * Past moments: a machine of its own, built beside the live one.
 */
#include "store_i.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../vm/machine.h"

struct store_view {
	struct store s;
	uint64_t seq;
};

/* ---- the mutex ---------------------------------------------------------- */

#ifdef PAGEFS_VERIFY
/* A mutex of this kind says to whoever has it already that he has it. */
void store_lock_init(struct store *s)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&s->lock, &a);
	pthread_mutexattr_destroy(&a);
}

void store_assert_locked(struct store *s)
{
	if (s->parent)
		s = s->parent;
	if (!s->shared || pthread_mutex_lock(&s->lock) == EDEADLK)
		return;
	fprintf(stderr, "pagefs: the database was used without the lock\n");
	abort();
}
#else
void store_lock_init(struct store *s)
{
	pthread_mutex_init(&s->lock, NULL);
}

void store_assert_locked(struct store *s)
{
}
#endif

void store_lock(struct store *s)
{
	if (s->parent)
		s = s->parent;
	atomic_fetch_add(&s->waiting, 1);
	pthread_mutex_lock(&s->lock);
	atomic_fetch_sub(&s->waiting, 1);
}

void store_unlock(struct store *s)
{
	pthread_mutex_unlock(s->parent ? &s->parent->lock : &s->lock);
}

void store_let_go(struct store *s)
{
	if (s->parent && !s->parent->alone)
		pthread_mutex_unlock(&s->parent->lock);
}

/* A mutex goes to whoever asks at the right moment: those who wait come
 * first. */
void store_lock_last(struct store *s)
{
	const struct timespec moment = {.tv_nsec = 20000};

	if (s->parent)
		s = s->parent;
	for (int i = 0; i < 50 && atomic_load(&s->waiting); i++)
		nanosleep(&moment, NULL);
	pthread_mutex_lock(&s->lock);
}

int store_take_back(struct store *s)
{
	if (!s->parent || s->parent->alone)
		return 0;
	store_lock_last(s);
	if (!s->stop || !atomic_load(s->stop))
		return 0;
	return store_fail(s, EINTR, "given up");
}

/* ---- words -------------------------------------------------------------- */

/* 1: a number of digits alone, 0: none, -ERANGE: too large. */
static int parse_seq(const char *p, uint64_t *out)
{
	uint64_t n = 0;

	if (!*p)
		return 0;
	for (const char *c = p; *c; c++)
		if (*c < '0' || *c > '9')
			return 0;
	for (; *p; p++)
		if (__builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, (unsigned)(*p - '0'), &n))
			return -ERANGE;
	*out = n;
	return n <= INT64_MAX ? 1 : -ERANGE;
}

bool moment_is_number(const char *where)
{
	uint64_t n;

	return parse_seq(where + (*where == '-'), &n) != 0;
}

static int lines_back(struct store *s, uint64_t n, uint64_t *seq)
{
	const struct stretch *first = &s->course.v[0];
	uint64_t line = s->vm->root->seq;

	if (n > line || line - n + 1 < first->line)
		return store_fail(s, ENOENT,
			"%llu lines back is before the first that is kept; "
			"the path has %llu",
			(unsigned long long)n,
			(unsigned long long)(line + 1 - first->line));
	*seq = course_seq(&s->course, line - n);
	return 0;
}

int moment_find(struct store *s, const char *where, uint64_t *seq)
{
	struct store_checkpoint c;
	struct course trial;
	uint64_t n;
	int rc = parse_seq(where + (*where == '-'), &n);

	if (rc < 0)
		return store_fail(
			s, ENOENT, "%s is no line of the journal", where);
	if (!rc) {
		rc = checkpoint_find(s, where, &c);
		*seq = c.seq;
		return rc;
	}
	if (*where == '-')
		return lines_back(s, n, seq);
	*seq = n;
	rc = course_to(s, n, &trial);
	if (!rc)
		course_free(&trial);
	return rc;
}

int store_find(struct store *s, const char *where, uint64_t *seq, char *err)
{
	int rc;

	store_lock(s);
	rc = moment_find(s, where, seq);
	if (rc)
		snprintf(err, STORE_ERR_MAX, "%s", s->sentence);
	store_unlock(s);
	return rc;
}

/* ---- views -------------------------------------------------------------- */

static int view_begin(struct store_view *v, struct store *parent)
{
	struct store *s = &v->s;

	s->parent = parent;
	s->db = parent->db;
	s->config = parent->config;
	s->path = parent->path;
	s->lock_fd = -1;
	s->read_only = true;
	s->notice = parent->notice;
	s->progress = parent->progress;
	s->notice_ctx = parent->notice_ctx;
	s->snapshot_seq = NO_SNAPSHOT;
	s->log_base = parent->log_base;
	s->cctx = ZSTD_createCCtx();
	s->dctx = ZSTD_createDCtx();
	if (!s->cctx || !s->dctx)
		return store_fail(s, ENOMEM, "out of memory");
	return store_prepare_all(s);
}

int view_new(struct store *s, uint64_t seq, struct store_view **out)
{
	struct store_view *v = calloc(1, sizeof(*v));
	int rc;

	*out = NULL;
	if (!v)
		return store_fail(s, ENOMEM, "out of memory");
	v->seq = seq;
	rc = course_to(s, seq, &v->s.course);
	if (rc) {
		free(v);
		return rc;
	}
	rc = view_begin(v, s);
	if (rc) {
		store_fail(s, -rc, "%s", v->s.sentence);
		view_close(v);
		return rc;
	}
	*out = v;
	return 0;
}

int view_open(struct store *s, uint64_t seq, const atomic_bool *stop,
	struct store_view **out)
{
	struct store_view *v;
	int rc = view_new(s, seq, &v);

	*out = NULL;
	if (rc)
		return rc;
	v->s.stop = stop;
	s->building++;
	rc = store_build(&v->s, seq);
	s->building--;
	v->s.stop = NULL;
	if (rc) {
		store_fail(s, -rc, "%s", v->s.sentence);
		view_close(v);
		return rc;
	}
	*out = v;
	return 0;
}

struct store *view_store(struct store_view *v)
{
	return &v->s;
}

void view_detach(struct store_view *v)
{
	store_finalize(&v->s);
	v->s.db = NULL;
	v->s.path = NULL;
}

void view_free(struct store_view *v)
{
	store_release(&v->s);
	free(v);
}

void view_close(struct store_view *v)
{
	view_detach(v);
	view_free(v);
}

int store_view_open(struct store *s, const char *where, const atomic_bool *stop,
	struct store_view **out, char *err)
{
	uint64_t seq;
	int rc;

	*out = NULL;
	store_lock(s);
	rc = moment_find(s, where, &seq);
	if (!rc)
		rc = view_open(s, seq, stop, out);
	if (rc)
		snprintf(err, STORE_ERR_MAX, "%s", s->sentence);
	store_unlock(s);
	return rc;
}

struct vm *store_view_vm(struct store_view *v)
{
	return v->s.vm;
}

uint64_t store_view_seq(const struct store_view *v)
{
	return v->seq;
}

uint64_t store_view_time(const struct store_view *v)
{
	return v->s.vm->root->ns;
}

uint64_t store_view_log_size(struct store_view *v)
{
	return store_log_size(&v->s);
}

int64_t store_view_log_read(
	struct store_view *v, uint64_t off, char *buf, size_t len)
{
	return store_log_read(&v->s, off, buf, len);
}

void store_view_close(struct store_view *v)
{
	if (!v)
		return;
	store_lock(&v->s);
	view_detach(v);
	store_unlock(&v->s);
	view_free(v);
}
