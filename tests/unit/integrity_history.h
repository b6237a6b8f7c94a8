/* Processes, files, the machine, and how often each comes; part of
 * integrity.h. */
#ifndef PAGEFS_TESTS_INTEGRITY_HISTORY_H
#define PAGEFS_TESTS_INTEGRITY_HISTORY_H

/* ---- processes ---- */

static inline void op_fork(struct history *h)
{
	struct mproc *p = any_proc(h), *child = NULL;

	for (unsigned i = 0; i < MAX_PROCS; i++)
		if (!h->k.proc[i].pid)
			child = &h->k.proc[i];
	if (!child)
		return;
	say(h, p->pid, "fork");
	done(h);
	mproc_begin(child, (uint32_t)strtoul(h->reply, NULL, 10));
	mproc_fork(&h->k, child, p);
}

/* The first process stays: it has the files open. */
static inline void op_exit(struct history *h)
{
	struct mproc *p = any_proc(h);
	uint32_t pid = p->pid;

	if (p == h->k.proc || rnd(h, 4))
		return;
	for (uint32_t i = 0; i < WINDOW_PAGES; i++)
		h->locked -= p->v[i].locked;
	mproc_end(&h->k, p);
	say(h, 0, "kill %u 9", pid);
	done(h);
}

/* ---- files; descriptor i of the first process is file i ---- */

static inline void op_file_write(struct history *h)
{
	unsigned i = (unsigned)rnd(h, NR_FILES);
	struct mobject *o = h->k.file[i];
	uint64_t len = 1 + rnd(h, 20 * PG), off;
	uint8_t bytes[20 * PG];

	off = rnd(h, (uint64_t)FILE_PAGES * PG - len);
	if (i < FIRST_SHM && rnd(h, 2)) {
		make_bytes(h, bytes, len);
		snprintf(h->did, sizeof(h->did), "%llu bytes to %s at %llu",
			(unsigned long long)len, o->path,
			(unsigned long long)off);
		h->rig->file_write(o->path, off, bytes, len);
	} else {
		memset(bytes, 'a' + (int)rnd(h, 26), len);
		say(h, h->k.proc[0].pid, "pwrite %u \"%c\" %llu len=%llu", i,
			bytes[0], (unsigned long long)off,
			(unsigned long long)len);
		done(h);
	}
	mobject_write(&h->k, o, off, bytes, len);
}

static inline void op_file_read(struct history *h)
{
	unsigned i = (unsigned)rnd(h, NR_FILES);
	const struct mobject *o = h->k.file[i];
	uint8_t got[100];
	uint32_t in, n;
	struct vpage v = {.obj = (struct mobject *)o};

	if (!o->size)
		return;
	v.index = (uint32_t)rnd(h, (o->size + PG - 1) / PG);
	in = (uint32_t)rnd(h, mobject_valid(o, v.index));
	n = mobject_valid(o, v.index) - in;
	if (n > sizeof(got))
		n = sizeof(got);
	say(h, h->k.proc[0].pid, "pread %u %u %llu", i, n,
		(unsigned long long)v.index * PG + in);
	done(h);
	hex_bytes(h->reply + 4, got, n);
	if (memcmp(got, vpage_bytes(&v) + in, n))
		wrong(h, "page %u of %s is not what was written", v.index,
			o->path);
}

static inline void op_file_size(struct history *h)
{
	unsigned i = (unsigned)rnd(h, NR_FILES);
	struct mobject *o = h->k.file[i];
	uint64_t size = rnd(h, (uint64_t)FILE_PAGES * PG + 1);

	if (rnd(h, 2))
		size = size / PG * PG;
	if (i < FIRST_SHM && rnd(h, 2)) {
		snprintf(h->did, sizeof(h->did), "%s gets %llu bytes", o->path,
			(unsigned long long)size);
		h->rig->file_truncate(o->path, size);
	} else {
		say(h, h->k.proc[0].pid, "ftruncate %u %llu", i,
			(unsigned long long)size);
		done(h);
	}
	model_truncate(&h->k, o, size);
}

static inline void op_file_advise(struct history *h)
{
	static const char *const word[] = {"dontneed", "willneed"};
	unsigned i = (unsigned)rnd(h, NR_FILES);

	if (rnd(h, 2))
		say(h, h->k.proc[0].pid, "fsync %u", i);
	else
		say(h, h->k.proc[0].pid, "posix_fadvise %u 0 0 %s", i,
			word[rnd(h, 2)]);
	done(h);
	compare_file(h, h->k.file[i]);
}

static inline void op_msync(struct history *h)
{
	struct run r;

	if (!any_run(h, 64, &r))
		return;
	say(h, r.p->pid, "msync %#llx %uK sync", RUN(r));
	done(h);
}

/* ---- the machine ---- */

/* Pages of compressed swap are moved, and compressed again. */
static inline void op_zram(struct history *h)
{
	static const char *const lines[] = {"compact 1", "idle all",
		"recompress type=huge",
		"recompress type=idle max_pages=50 algo=zstd"};

	if (!h->swap_is_on[1]) {
		say(h, 0, "zram reset 1");
		done(h);
		say(h, 0, "zram recomp_algorithm algo=zstd");
		done(h);
		return;
	}
	say(h, 0, "zram %s", lines[rnd(h, 4)]);
	if (!refused(h, "ENOMEM") && !refused(h, "EINVAL"))
		done(h);
}

/* All pages come back, as far as they fit; without the machine's own area they
 * would soon fit no more. */
static inline void op_swap(struct history *h)
{
	static const char *const area[] = {"/swap", "/dev/zram0"};
	unsigned i;

	say(h, 0, "swapoff /dev/vdb");
	if (!refused(h, "ENOMEM")) {
		done(h);
		say(h, 0, "swapon /dev/vdb prio=%u", (unsigned)rnd(h, 3));
		done(h);
	}
	op_zram(h);
	i = (unsigned)rnd(h, 2);
	if (!h->swap_is_on[i])
		say(h, 0, "swapon %s size=16M prio=%u", area[i],
			(unsigned)rnd(h, 3));
	else
		say(h, 0, "swapoff %s", area[i]);
	if (refused(h, "ENOMEM"))
		return;
	done(h);
	h->swap_is_on[i] = !h->swap_is_on[i];
}

static inline void op_machine(struct history *h)
{
	static const char *const line[] = {"sync", "drop_caches 1", "tick 700",
		"drop_caches 3", "tick 3000", "set swappiness 0",
		"set swappiness 60", "set swappiness 200", "set page-cluster 0",
		"set page-cluster 3", "set page-cluster 31",
		"set thp_enabled never", "set thp_enabled always",
		"set thp_enabled madvise", "set thp_shmem_enabled force",
		"set thp_shmem_enabled force", "set thp_shmem_enabled always",
		"set thp_shmem_enabled never", "set fault_around_pages 1",
		"set fault_around_pages 16", "compact_memory 1",
		"compact_memory 1", "set thp_defrag always",
		"set thp_defrag madvise", "set thp_defrag never",
		"set thp_defrag defer", "set khugepaged_defrag 0",
		"set khugepaged_defrag 1", "set compaction_proactiveness 0",
		"set compaction_proactiveness 100"};

	if (!rnd(h, 16))
		say(h, 0, "set nr_hugepages %u",
			h->pool_pages + (unsigned)rnd(h, 2));
	else if (rnd(h, 2))
		say(h, 0, "reclaim %u", (unsigned)rnd(h, 2000));
	else
		say(h, 0, "%s", line[rnd(h, sizeof(line) / sizeof(line[0]))]);
	done(h);
}

/* ---- huge pages of the pools ---- */

static inline void pool_store(struct history *h, uint32_t i)
{
	uint64_t size = h->pool.bytes / POOL_PLACES;

	h->pool.off[i] = size * i + rnd(h, size - PLACE_BYTES);
	make_bytes(h, h->pool.b[i], PLACE_BYTES);
	snprintf(h->did, sizeof(h->did), "%u bytes into a huge page at %#llx",
		PLACE_BYTES, (unsigned long long)(POOL_AT + h->pool.off[i]));
	h->rig->store(h->k.proc[0].pid, POOL_AT + h->pool.off[i], h->pool.b[i],
		PLACE_BYTES);
}

/* There may be too little memory for the pool, and then for the mapping. */
static inline void pool_map(struct history *h)
{
	static const char *const kind[] = {"private", "shared"};
	bool big = h->gigantic && rnd(h, 2);
	unsigned mib = big ? 1024 : 8;

	if (!big)
		say(h, 0, "set nr_hugepages %u", h->pool_pages + 4);
	say(h, h->k.proc[0].pid,
		"mmap %uM rw addr=%#llx flags=%s,fixed,hugetlb%s", mib, POOL_AT,
		kind[rnd(h, 2)], big ? ",huge_1gb" : "");
	if (refused(h, "ENOMEM"))
		return;
	done(h);
	h->pool.bytes = (uint64_t)mib << 20;
	for (uint32_t i = 0; i < POOL_PLACES; i++)
		pool_store(h, i);
}

static inline void op_pool(struct history *h)
{
	uint32_t pid = h->k.proc[0].pid;

	if (!h->pool.bytes) {
		pool_map(h);
		return;
	}
	compare_pool(h);
	if (rnd(h, 3)) {
		pool_store(h, (uint32_t)rnd(h, POOL_PLACES));
		return;
	}
	say(h, pid, "munmap %#llx %lluM", POOL_AT,
		(unsigned long long)h->pool.bytes >> 20);
	done(h);
	h->pool.bytes = 0;
}

/* ---- replacement ---- */

static inline void op_policy(struct history *h)
{
	static const char *const name[] = {"linux", "fifo", "clock", "nru",
		"lru", "lfu", "aging", "ws", "opt", "mru"};

	if (!h->policies)
		return;
	if (rnd(h, 2))
		say(h, 0, "set policy %s",
			name[rnd(h, sizeof(name) / sizeof(name[0]))]);
	else
		say(h, 0, "set frames %u", rnd(h, 2) ? 900u : 0u);
	done(h);
}

/* Pages go from node to node, and no byte changes.  ENODEV: there is one node.
 */
static inline void op_nodes(struct history *h)
{
	static const char *const policy[] = {"default", "interleave nodes=all",
		"preferred nodes=0", "local", "preferred_many nodes=all"};
	struct run r;

	if (!any_run(h, 100, &r))
		return;
	switch (rnd(h, 4)) {
	case 0:
		say(h, h->k.proc[0].pid, "migrate_pages %u %u %u", r.p->pid,
			(unsigned)rnd(h, 2), (unsigned)rnd(h, 2));
		if (refused(h, "EINVAL"))
			return;
		break;
	case 1:
		say(h, r.p->pid,
			"move_pages 0 %#llx %#llx nodes=%u flags=move_all",
			(unsigned long long)va_of(r.first),
			(unsigned long long)va_of(r.first + r.n - 1),
			(unsigned)rnd(h, 2));
		if (refused(h, "ENODEV"))
			return;
		break;
	default:
		say(h, r.p->pid, "mbind %#llx %uK %s flags=%s", RUN(r),
			policy[rnd(h, 5)], rnd(h, 2) ? "move" : "move_all");
	}
	if (!refused(h, "ENOMEM"))
		done(h);
}

/* ---- the history ---- */

static inline struct mproc *begin_process(struct history *h, unsigned i)
{
	struct mproc *p = &h->k.proc[i];

	say(h, 0, "spawn");
	done(h);
	mproc_begin(p, (uint32_t)strtoul(h->reply, NULL, 10));
	return p;
}

static inline void begin_file(struct history *h, unsigned i)
{
	char path[24];

	snprintf(path, sizeof(path), "%s%u",
		i < FIRST_SHM ? "/f" : "/dev/shm/s", i);
	if (i < FIRST_SHM)
		say(h, h->k.proc[0].pid, "open %s rdwr,creat", path);
	else
		say(h, h->k.proc[0].pid, "shm s%u 0", i);
	done(h);
	h->k.file[i] = mobject_new(path, FILE_PAGES, 0);
	h->k.file[i]->refs = 1;
}

/* All processes but one fill their windows, piece by piece in any order. */
static inline void begin_full(struct history *h)
{
	static const struct vpage anon = {.mapped = 1, .read = 1, .write = 1};
	uint32_t nr = WINDOW_PAGES / 64, odd = (uint32_t)rnd(h, nr / 2) * 2 + 1;

	for (unsigned i = 1; i < MAX_PROCS; i++) {
		struct mproc *p = begin_process(h, i);

		say(h, p->pid, "mmap %uK rw addr=%#llx flags=private,fixed",
			WINDOW_PAGES * 4, WINDOW);
		done(h);
		for (uint32_t j = 0; j < WINDOW_PAGES; j++)
			vpage_map(&h->k, &p->v[j], anon, 0);
	}
	for (uint32_t j = 0; j < nr; j++)
		for (unsigned i = 1; i < MAX_PROCS; i++) {
			struct mproc *p = &h->k.proc[i];
			uint32_t at = (j * odd + i) % nr * 64;

			fill(h, &(struct run){p, at, 64, &p->v[at]});
		}
}

static inline void history_begin(
	struct history *h, const struct rig *rig, uint64_t seed)
{
	*h = (struct history){.rig = rig,
		.seed = seed,
		.random = (seed + 1) * 0x9e3779b97f4a7c15u};
	begin_process(h, 0);
	for (unsigned i = 0; i < NR_FILES; i++)
		begin_file(h, i);
	begin_full(h);
}

static inline void history_step(struct history *h)
{
	static const struct {
		void (*op)(struct history *h);
		unsigned weight;
	} op[] = {
		{op_write, 30},
		{op_fill, 120},
		{op_read, 40},
		{op_touch, 15},
		{op_refused, 3},
		{op_map, 20},
		{op_unmap, 3},
		{op_protect, 10},
		{op_move, 8},
		{op_lock, 4},
		{op_advise, 20},
		{op_fork, 4},
		{op_exit, 1},
		{op_file_write, 10},
		{op_file_read, 8},
		{op_file_size, 4},
		{op_file_advise, 3},
		{op_msync, 3},
		{op_swap, 1},
		{op_nodes, 8},
		{op_pool, 6},
		{op_policy, 3},
		{op_machine, 8},
	};
	unsigned all = 0, at, i;

	for (i = 0; i < sizeof(op) / sizeof(op[0]); i++)
		all += op[i].weight;
	at = (unsigned)rnd(h, all);
	for (i = 0; at >= op[i].weight; i++)
		at -= op[i].weight;
	h->step++;
	op[i].op(h);
}

#endif
