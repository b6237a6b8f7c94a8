/*
 * Traces that lie on disk/: a cursor reads records from the file, without the
 * page cache, and a copy of it that goes ahead tells opt the future.
 */
#include "../cmd/command.h"
#include "../disk/disk.h"
#include "../mmu/future.h"
#include "../reclaim/policy.h"
#include "input.h"

#include <string.h>

#define CHUNK_RECORDS 8192u
#define PIECE_RECORDS (MiB / 8) /* after so many, daemons run */
#define TEXT_BYTES    65536u

struct cursor {
	struct vm *m;
	idx_t inode;
	bool binary;
	uint64_t off, size; /* of the file, in bytes */
	uint64_t bad;	    /* lines that are no records */
	uint8_t *text;
};

static struct cursor cursor_at_start(struct vm *m, idx_t inode, uint8_t *text)
{
	struct cursor c = {
		.m = m,
		.inode = inode,
		.size = inode_at(m, inode)->size,
		.text = text,
	};
	char head[8];

	c.binary = disk_read(m, inode, 0, head, 8) == 8 && memchr(head, 0, 8);
	return c;
}

/* Parses up to TEXT_BYTES; what is longer than that is no line. */
static size_t take_text(struct cursor *c, uint64_t *rec, size_t max)
{
	size_t len = disk_read(c->m, c->inode, c->off, c->text, TEXT_BYTES - 1);
	size_t used, nr;

	if (c->off + len == c->size && c->text[len - 1] != '\n')
		c->text[len++] = '\n';
	nr = lackey_parse((char *)c->text, len, rec, max, &used, &c->bad);
	c->bad += !used;
	c->off += used ? used : len;
	if (c->off > c->size)
		c->off = c->size;
	return nr;
}

/* The next records, at most max; 0 at the end. */
static size_t take(struct cursor *c, uint64_t *rec, size_t max)
{
	size_t nr = 0;

	if (c->binary) {
		nr = (size_t)disk_read(
			     c->m, c->inode, c->off, rec, max * sizeof(*rec)) /
		     sizeof(*rec);
		c->off += nr * sizeof(*rec);
		return nr;
	}
	while (!nr && c->off < c->size)
		nr = take_text(c, rec, max);
	return nr;
}

static void skip(struct cursor *c, uint64_t *rec, uint64_t nr)
{
	size_t n = 1;

	if (c->binary) {
		c->off = nr < c->size / 8 ? nr * 8 : c->size;
		return;
	}
	for (; nr && n; nr -= n)
		n = take(c, rec,
			nr < CHUNK_RECORDS ? (size_t)nr : CHUNK_RECORDS);
	c->bad = 0;
}

/* opt looks at the rest of the file, as far as it can remember. */
static void look_ahead(const struct cursor *from, struct task *t, uint64_t *rec)
{
	struct cursor ahead = *from;
	struct vm *m = from->m;
	size_t n;

	policy_forget_future(m);
	do
		n = take(&ahead, rec, CHUNK_RECORDS);
	while (n && future_learn(m, rec, n) == n);
	policy_learned(m, mm_at(m, t->mm));
}

/* Up to a piece; how many records, 0 at the end.  *halts: the line is to end
 * behind them. */
static uint64_t run_piece(struct cursor *c, struct task *t, uint64_t *rec,
	uint64_t nr, bool *halts)
{
	uint64_t done = 0;
	size_t n = 1, ran;

	while (done < nr && n && !t->oom_victim) {
		*halts = vm_halts(c->m);
		if (*halts)
			break;
		if (c->m->root->set.policy == POLICY_OPT && !future_left(c->m))
			look_ahead(c, t, rec);
		n = nr - done < CHUNK_RECORDS ? (size_t)(nr - done)
					      : CHUNK_RECORDS;
		n = take(c, rec, n);
		ran = trace_run(c->m, t, rec, n);
		done += ran;
		*halts = ran < n && !t->oom_victim;
		if (*halts)
			break;
	}
	return done;
}

static int run(struct cursor *c, uint32_t pid, uint64_t *rec, uint64_t nr,
	uint64_t *done)
{
	struct vm *m = c->m;
	struct task *t = task_find(m, pid);
	bool halts = false;
	uint64_t n = 1;

	for (; n && *done < nr; *done += n) {
		uint64_t piece = nr - *done;

		if (*done) {
			command_done(m);
			t = task_find(m, pid);
			if (!t || !t->mm)
				return vm_fail(m, ESRCH,
					"process %u was killed in the middle "
					"of the trace",
					pid);
			phys_run_as(m, t);
		}
		n = run_piece(c, t, rec,
			piece < PIECE_RECORDS ? piece : PIECE_RECORDS, &halts);
		t->trace.bad_lines += c->bad;
		c->bad = 0;
		if (t->oom_victim)
			return vm_fail(m, ENOMEM,
				"out of memory: process %u was chosen by the "
				"OOM killer in the middle of the trace; "
				"kernel/dmesg has the report",
				pid);
		if (halts)
			return vm_fail(m, EINTR,
				"interrupted after %llu accesses",
				(unsigned long long)(*done + n));
	}
	return 0;
}

int trace_file_run(struct vm *m, uint32_t pid, idx_t inode, uint64_t first,
	uint64_t nr, uint64_t *done)
{
	uint64_t *rec = scratch_take(m, CHUNK_RECORDS * 8 + TEXT_BYTES);
	struct cursor c;
	int err;

	*done = 0;
	if (!rec)
		return vm_fail(m, ENOMEM, "no memory to read a trace");
	c = cursor_at_start(m, inode, (uint8_t *)(rec + CHUNK_RECORDS));
	if (c.binary && c.size % 8) {
		scratch_give(m, rec);
		return vm_fail(m, EINVAL,
			"a binary trace is 8 bytes an access; %llu bytes of "
			"the file are left over",
			(unsigned long long)(c.size % 8));
	}
	skip(&c, rec, first);
	err = run(&c, pid, rec, nr, done);
	if (m->root->set.policy == POLICY_OPT)
		policy_unlearn(m);
	scratch_give(m, rec);
	return err;
}
