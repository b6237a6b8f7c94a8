/* Stores, loads, mappings and advice of random processes; part of
 * integrity.h. */
#ifndef PAGEFS_TESTS_INTEGRITY_OPS_H
#define PAGEFS_TESTS_INTEGRITY_OPS_H

#define RUN(r) (unsigned long long)va_of((r).first), (r).n * 4

/* ---- stores and loads ---- */

/* A page that was given up: the store found it as it was, or zero. */
static inline void store_lazy(struct history *h, const struct mproc *p,
	uint32_t page, uint32_t in, const uint8_t *from, uint32_t n)
{
	struct vpage *v = &p->v[page];
	uint8_t got[PG], zero[PG] = {0};

	h->rig->look(p->pid, va_of(page), got, PG);
	memcpy(zero + in, from, n);
	if (!memcmp(got, zero, PG))
		mpage_put(&h->k, &v->own);
	v->lazy = 0;
}

static inline void model_store(struct history *h, const struct mproc *p,
	uint64_t va, const uint8_t *from, uint64_t len)
{
	while (len) {
		uint32_t page = (uint32_t)((va - WINDOW) / PG), in = va % PG;
		uint32_t n = len < PG - in ? (uint32_t)len : PG - in;
		struct vpage *v = &p->v[page];

		if (v->lazy)
			store_lazy(h, p, page, in, from, n);
		memcpy(vpage_store(&h->k, v) + in, from, n);
		va += n;
		from += n;
		len -= n;
	}
}

/* Bytes that are known, from a place in the run on. */
static inline uint64_t any_place(
	struct history *h, const struct run *r, uint64_t *off)
{
	uint64_t end = (uint64_t)(r->n - 1) * PG + vpage_valid(&r->v[r->n - 1]);

	for (uint32_t i = 0; i < r->n - 1; i++)
		if (vpage_valid(&r->v[i]) < PG)
			end = (uint64_t)i * PG + vpage_valid(&r->v[i]);
	if (!end)
		return 0;
	*off = rnd(h, end);
	return 1 + rnd(h, end - *off);
}

static inline void op_write(struct history *h)
{
	uint8_t bytes[32 * PG];
	uint64_t off, len;
	struct run r;

	if (!any_writable(h, rnd(h, 2) ? 32 : 2, &r))
		return;
	len = any_place(h, &r, &off);
	if (!len)
		return;
	make_bytes(h, bytes, len);
	snprintf(h->did, sizeof(h->did), "%u stores %llu bytes at %#llx",
		r.p->pid, (unsigned long long)len,
		(unsigned long long)(va_of(r.first) + off));
	h->rig->store(r.p->pid, va_of(r.first) + off, bytes, len);
	model_store(h, r.p, va_of(r.first) + off, bytes, len);
}

/* Whole pages, each with bytes of its own. */
#define FILL_MAX 128u
static inline void fill(struct history *h, const struct run *r)
{
	static uint8_t bytes[FILL_MAX * PG];

	for (uint32_t i = 0; i < r->n; i++) {
		make_bytes(h, bytes + i * PG, PG);
		h->stamp++;
		memcpy(bytes + i * PG + rnd(h, PG - 4), &h->stamp, 4);
	}
	snprintf(h->did, sizeof(h->did), "%u fills %u pages at %#llx",
		r->p->pid, r->n, (unsigned long long)va_of(r->first));
	h->rig->store(r->p->pid, va_of(r->first), bytes, r->n * PG);
	model_store(h, r->p, va_of(r->first), bytes, r->n * PG);
}

static inline void op_fill(struct history *h)
{
	struct run r;

	if (!any_writable(h, FILL_MAX, &r))
		return;
	for (uint32_t i = 0; i < r.n; i++)
		if (vpage_valid(&r.v[i]) < PG)
			r.n = i;
	if (r.n)
		fill(h, &r);
}

static inline void hex_bytes(const char *hex, uint8_t *to, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		unsigned byte = 256;

		sscanf(hex + 2 * i, "%2x", &byte);
		to[i] = (uint8_t)byte;
	}
}

/* A load by the process, and what lies there before and after. */
static inline void op_read(struct history *h)
{
	uint32_t in = (uint32_t)rnd(h, PG), n;
	uint8_t got[100];
	struct run r;

	if (!any_run(h, 1, &r))
		return;
	n = PG - in < sizeof(got) ? PG - in : sizeof(got);
	if (rnd(h, 2))
		compare_look(h, r.p, r.first);
	say(h, r.p->pid, "read %#llx %u",
		(unsigned long long)va_of(r.first) + in, n);
	if (r.v->read && vpage_across(r.v) && *h->reply != '-')
		return;
	if (!r.v->read || vpage_beyond(r.v)) {
		if (!refused(h, r.v->read ? "EFAULT SIGBUS" : "EFAULT SIGSEGV"))
			wrong(h, "it is not refused: %s", h->reply);
		return;
	}
	done(h);
	hex_bytes(h->reply + 4, got, n);
	compare(h, r.p, r.first, in, got, n);
	compare_look(h, r.p, r.first);
}

static inline void op_touch(struct history *h)
{
	bool write = rnd(h, 2);
	struct run r;

	if (!any_run(h, 64, &r) || (write ? !r.v->write : !r.v->read))
		return;
	cut_beyond(&r);
	if (!r.n)
		return;
	say(h, r.p->pid, "touch %#llx %uK %c", RUN(r), write ? 'w' : 'r');
	done(h);
	for (uint32_t i = 0; write && i < r.n; i++) {
		compare_look(h, r.p, r.first + i);
		r.v[i].lazy = 0;
		vpage_store(&h->k, &r.v[i]);
	}
}

/* A store where none is allowed. */
static inline void op_refused(struct history *h)
{
	struct run r;

	if (!any_run(h, 1, &r) || (r.v->write && !vpage_beyond(r.v)) ||
		(r.v->write && vpage_across(r.v)))
		return;
	say(h, r.p->pid, "write %#llx \"no\"",
		(unsigned long long)va_of(r.first));
	if (!refused(h, r.v->write ? "EFAULT SIGBUS" : "EFAULT SIGSEGV"))
		wrong(h, "it is not refused: %s", h->reply);
}

/* ---- mappings ---- */

static inline void op_map(struct history *h)
{
	static const char *const kind[] = {
		"private", "private", "private", "shared"};
	struct mproc *p = any_proc(h);
	uint32_t n = 1 + (uint32_t)rnd(h, rnd(h, 16) ? 64 : 600);
	uint32_t first = (uint32_t)rnd(h, WINDOW_PAGES - n), off = 0;
	struct vpage like = {.mapped = 1, .read = 1, .write = 1};
	struct mobject *fresh = NULL;
	char file[48] = "";
	bool huge = !rnd(h, 12); /* as a huge page would lie */

	if (huge) {
		n = HUGE_PAGES + (uint32_t)rnd(h, FILE_PAGES - HUGE_PAGES);
		first = (uint32_t)rnd(h, WINDOW_PAGES - n) & ~(HUGE_PAGES - 1);
	}
	like.shared = rnd(h, 3) == 0;
	if (rnd(h, 2)) {
		like.obj = h->k.file[rnd(h, NR_FILES)];
		if (n > 100 && !huge)
			n = 100;
		off = huge ? 0 : (uint32_t)rnd(h, FILE_PAGES - n);
		snprintf(file, sizeof(file), " file=%s off=%u", like.obj->path,
			off * PG);
	} else if (like.shared) {
		like.obj = fresh = mobject_new("", n, (uint64_t)n * PG);
	}
	say(h, p->pid, "mmap %uK rw addr=%#llx flags=%s,fixed%s", n * 4,
		(unsigned long long)va_of(first), kind[like.shared * 3], file);
	done(h);
	for (uint32_t i = 0; i < n; i++) {
		h->locked -= p->v[first + i].locked;
		vpage_map(&h->k, &p->v[first + i], like, off + i);
	}
}

static inline void op_unmap(struct history *h)
{
	struct mproc *p = any_proc(h);
	uint32_t n = 1 + (uint32_t)rnd(h, 40);
	struct run r = {p, (uint32_t)rnd(h, WINDOW_PAGES - n), n, NULL};

	say(h, p->pid, "munmap %#llx %uK", RUN(r));
	done(h);
	for (uint32_t i = 0; i < n; i++) {
		h->locked -= p->v[r.first + i].locked;
		vpage_clear(&h->k, &p->v[r.first + i]);
	}
}

static inline void op_protect(struct history *h)
{
	static const char *const prot[] = {"none", "r", "rw", "rw"};
	unsigned to = (unsigned)rnd(h, 4);
	struct run r;

	if (!any_run(h, 64, &r))
		return;
	say(h, r.p->pid, "mprotect %#llx %uK %s", RUN(r), prot[to]);
	done(h);
	for (uint32_t i = 0; i < r.n; i++) {
		r.v[i].read = to != 0;
		r.v[i].write = to >= 2;
	}
}

static inline bool overlap(uint32_t a, uint32_t n, uint32_t b, uint32_t m)
{
	return a < b + m && b < a + n;
}

/* To another place of the window, shorter or (without a file) longer. */
static inline void op_move(struct history *h)
{
	uint32_t to, n;
	struct run r;
	bool stay;

	if (!any_run(h, rnd(h, 16) ? 32 : 600, &r) || r.v->locked)
		return;
	n = r.n;
	stay = rnd(h, 4) == 0;
	if (!stay && rnd(h, 2))
		n = 1 + (uint32_t)rnd(h, r.v->obj ? r.n : 2 * r.n);
	to = (uint32_t)rnd(h, WINDOW_PAGES - n);
	if (overlap(r.first, r.n, to, n))
		return;
	say(h, r.p->pid,
		"mremap %#llx %uK %uK flags=maymove,fixed%s addr=%#llx", RUN(r),
		n * 4, stay ? ",dontunmap" : "", (unsigned long long)va_of(to));
	if (refused(h, "EFAULT")) /* more than one VMA */
		return;
	done(h);
	for (uint32_t i = 0; i < n; i++) {
		struct vpage like = r.v[i < r.n ? i : 0], *v = &r.p->v[to + i];

		h->locked -= v->locked;
		if (i < r.n) {
			vpage_move(&h->k, v, &r.v[i]);
			like = *v;
		}
		like.own = NULL;
		like.lazy = 0;
		if (i >= r.n) {
			like = r.p->v[to];
			like.own = NULL;
			like.lazy = 0;
			vpage_map(&h->k, v, like, 0);
		} else if (stay) {
			vpage_map(&h->k, &r.v[i], like, like.index);
		}
	}
	for (uint32_t i = n; i < r.n; i++)
		vpage_clear(&h->k, &r.v[i]);
}

static inline void op_lock(struct history *h)
{
	struct run r;

	if (!any_run(h, 16, &r))
		return;
	if (r.v->locked || h->locked > 200) {
		say(h, r.p->pid, "munlock %#llx %uK", RUN(r));
		done(h);
		for (uint32_t i = 0; i < r.n; i++) {
			h->locked -= r.v[i].locked;
			r.v[i].locked = 0;
		}
		return;
	}
	cut_beyond(&r);
	if (!r.n || !r.v->read)
		return;
	say(h, r.p->pid, "mlock %#llx %uK", RUN(r));
	done(h);
	for (uint32_t i = 0; i < r.n; i++) {
		r.v[i].locked = 1;
		h->locked++;
		if (!r.v[i].write || r.v[i].shared)
			continue;
		compare_look(h, r.p, r.first + i);
		vpage_store(&h->k, &r.v[i]);
	}
}

/* ---- advice ---- */

enum effect { NOTHING, DROP, LAZY, HOLE, WIPE, KEEP, DONTFORK, DOFORK };

static inline void advise_page(
	struct history *h, struct vpage *v, enum effect e)
{
	switch (e) {
	case DROP:
		if (!v->shared)
			vpage_drop_own(&h->k, v);
		return;
	case LAZY:
		v->lazy = v->own != NULL;
		return;
	case HOLE:
		mobject_zero(&h->k, v->obj, (uint64_t)v->index * PG,
			(uint64_t)v->index * PG + PG);
		return;
	case WIPE:
	case KEEP:
		v->wipe = e == WIPE;
		return;
	case DONTFORK:
	case DOFORK:
		v->dontfork = e == DONTFORK;
		return;
	case NOTHING:
		return;
	}
}

static inline void op_advise(struct history *h)
{
	static const struct {
		const char *word;
		enum effect effect;
	} a[] = {
		{"dontneed", DROP},
		{"dontneed", DROP},
		{"free", LAZY},
		{"free", LAZY},
		{"pageout", NOTHING},
		{"pageout", NOTHING},
		{"cold", NOTHING},
		{"willneed", NOTHING},
		{"hugepage", NOTHING},
		{"nohugepage", NOTHING},
		{"collapse", NOTHING},
		{"random", NOTHING},
		{"sequential", NOTHING},
		{"normal", NOTHING},
		{"remove", HOLE},
		{"wipeonfork", WIPE},
		{"keeponfork", KEEP},
		{"dontfork", DONTFORK},
		{"dofork", DOFORK},
	};
	unsigned i = (unsigned)rnd(h, sizeof(a) / sizeof(a[0]));
	enum effect e = a[i].effect;
	struct run r;

	if (!any_run(h, rnd(h, 32) ? 64 : 1200, &r) || r.v->locked)
		return;
	if ((e == LAZY || e == WIPE || e == KEEP) && r.v->obj)
		return;
	if (e == HOLE && (!r.v->obj || !r.v->shared || !r.v->write))
		return;
	say(h, r.p->pid, "madvise %#llx %uK %s", RUN(r), a[i].word);
	if (e == HOLE && refused(h, "EOPNOTSUPP"))
		return;
	if (!strcmp(a[i].word, "collapse") && *h->reply == '-')
		return; /* too small, not anonymous, or no memory */
	done(h);
	for (uint32_t j = 0; j < r.n; j++)
		advise_page(h, &r.v[j], e);
}

#endif
