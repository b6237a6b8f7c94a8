/*
 * Bulk input: memory traces (proc/PID/trace), strace logs (trace/strace) and
 * stores through proc/PID/mem.  What a write brings becomes the payload of
 * one event; a record or line that the write cuts is carried to the next.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../vm/input/input.h"
#include "../vm/mm/mm.h"
#include "session.h"

enum stream_kind { STREAM_UNKNOWN, STREAM_BINARY, STREAM_TEXT };

/* The most records of one event: a payload of 1 MiB. */
#define MAX_RECORDS (MAX_CHUNK / 8)

static int stream_exec(fuse_req_t req, struct open_file *f, const char *text,
	const void *blob, size_t len)
{
	struct vm_outcome out;
	struct event e = file_event(req, f);

	e.text = text;
	e.text_len = strlen(text);
	e.blob = blob;
	e.blob_len = len;
	return exec_event(f, &e, NULL, &out);
}

static bool carry_add(struct open_file *f, const char *buf, size_t len)
{
	if (f->carry.len + len > 2 * MAX_CHUNK)
		return false;
	sbuf_mem(&f->carry, buf, len);
	return !f->carry.failed;
}

static int too_long(struct open_file *f)
{
	f->carry.len = 0;
	refuse_input(f, E2BIG,
		"a line is longer than 1048576 bytes: this is no log");
	return E2BIG;
}

/* ---- lackey's text ------------------------------------------------------ */

struct records {
	uint64_t *rec;
	size_t nr;
	uint64_t bad;
};

static int records_run(fuse_req_t req, struct open_file *f, struct records *r)
{
	char text[40] = "trace";
	int err;

	if (!r->nr && !r->bad)
		return 0;
	if (r->bad)
		snprintf(text, sizeof(text), "trace %llu",
			(unsigned long long)r->bad);
	err = stream_exec(req, f, text, r->rec, r->nr * 8);
	r->nr = 0;
	r->bad = 0;
	return err;
}

/* Parses whole lines into records, and runs them whenever they fill up. */
static int records_take(fuse_req_t req, struct open_file *f, struct records *r,
	const char *text, size_t len)
{
	size_t done = 0, used = 1;
	int err = 0;

	while (done < len && used && !err) {
		if (r->nr == MAX_RECORDS && (err = records_run(req, f, r)))
			break;
		r->nr += lackey_parse(text + done, len - done, r->rec + r->nr,
			MAX_RECORDS - r->nr, &used, &r->bad);
		done += used;
	}
	return err;
}

static int text_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len)
{
	struct records r = {.rec = malloc(MAX_CHUNK)};
	const char *last = memrchr(buf, '\n', len);
	const char *first = memchr(buf, '\n', len);
	size_t whole = last ? (size_t)(last - buf) + 1 : 0, begin = 0;
	int err = r.rec ? 0 : ENOMEM;

	if (!err && f->carry.len && first) {
		begin = (size_t)(first - buf) + 1;
		if (carry_add(f, buf, begin))
			err = records_take(
				req, f, &r, f->carry.data, f->carry.len);
		else
			err = too_long(f);
		f->carry.len = 0;
	}
	if (!err)
		err = records_take(req, f, &r, buf + begin, whole - begin);
	if (!err)
		err = records_run(req, f, &r);
	free(r.rec);
	if (!err && f->carry.len + (len - whole) > MAX_CHUNK)
		return too_long(f);
	if (!err && !carry_add(f, buf + whole, len - whole))
		err = ENOMEM;
	return err;
}

/* ---- binary records ----------------------------------------------------- */

static int binary_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len)
{
	size_t all = f->carry.len + len, whole = all & ~(size_t)7;
	size_t taken = whole > f->carry.len ? whole - f->carry.len : 0;
	int err = 0;

	if (!f->carry.len && whole) {
		err = stream_exec(req, f, "trace", buf, whole);
	} else if (whole) {
		if (!carry_add(f, buf, taken))
			return ENOMEM;
		err = stream_exec(req, f, "trace", f->carry.data, whole);
		f->carry.len = 0;
	}
	if (!err && !carry_add(f, buf + taken, len - taken))
		err = ENOMEM;
	return err;
}

/* ---- both --------------------------------------------------------------- */

/*
 * A trace is text if no NUL byte is among its first 8: a record of an address
 * below 2^48 has one in its second byte from the end.
 */
static int trace_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len)
{
	char *all;
	size_t n;
	int err;

	if (f->stream_kind == STREAM_BINARY)
		return binary_write(req, f, buf, len);
	if (f->stream_kind == STREAM_TEXT)
		return text_write(req, f, buf, len);
	if (!carry_add(f, buf, len))
		return ENOMEM;
	if (f->carry.len < 8)
		return 0;
	f->stream_kind =
		memchr(f->carry.data, 0, 8) ? STREAM_BINARY : STREAM_TEXT;
	all = f->carry.data;
	n = f->carry.len;
	f->carry = (struct sbuf){0};
	err = trace_write(req, f, all, n);
	free(all);
	return err;
}

/* Opening the file begins a new log, unless it is opened to append. */
static int strace_exec(
	fuse_req_t req, struct open_file *f, const char *log, size_t len)
{
	int err = stream_exec(
		req, f, f->goes_on ? "strace" : "strace new", log, len);

	f->goes_on |= !err;
	return err;
}

static int strace_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len)
{
	const char *last = memrchr(buf, '\n', len);
	size_t whole = last ? (size_t)(last - buf) + 1 : 0;
	int err = 0;

	if (!whole && f->carry.len + len > MAX_CHUNK)
		return too_long(f);
	if (whole && !f->carry.len) {
		err = strace_exec(req, f, buf, whole);
	} else if (whole) {
		if (!carry_add(f, buf, whole))
			return ENOMEM;
		err = strace_exec(req, f, f->carry.data, f->carry.len);
		f->carry.len = 0;
	}
	if (!err && !carry_add(f, buf + whole, len - whole))
		err = ENOMEM;
	return err;
}

int64_t stream_write(
	fuse_req_t req, struct open_file *f, const char *buf, size_t len)
{
	int err = f->node->actor == ACTOR_STRACE
			  ? strace_write(req, f, buf, len)
			  : trace_write(req, f, buf, len);

	return err ? -err : (int64_t)len;
}

/* The end of the input: a last line without newline, or half a record. */
int stream_flush(fuse_req_t req, struct open_file *f)
{
	char text[120];
	size_t len = f->carry.len;

	if (!len)
		return 0;
	if (f->node->actor == ACTOR_STRACE)
		return -strace_write(req, f, "\n", 1);
	if (f->stream_kind == STREAM_UNKNOWN && !memchr(f->carry.data, 0, len))
		f->stream_kind = STREAM_TEXT;
	if (f->stream_kind == STREAM_TEXT)
		return -text_write(req, f, "\n", 1);
	f->carry.len = 0;
	snprintf(text, sizeof(text),
		"a binary trace is 8 bytes an access; %zu bytes are left over",
		len);
	refuse_input(f, EINVAL, text);
	return -EINVAL;
}

/* ---- proc/PID/mem ------------------------------------------------------- */

/*
 * How many of len bytes at va lie in mappings that allow stores: a write that
 * runs beyond them is cut there, as the kernel cuts it.  All of them when the
 * first byte has no such mapping: then the store itself will tell why.
 */
static size_t writable_bytes(struct vm *m, uint32_t pid, vaddr_t va, size_t len)
{
	const struct task *t = task_find(m, pid);
	struct vma *v = t && t->mm ? vma_lookup(m, t->mm, va) : NULL;
	vaddr_t end = va;

	while (v && v->start <= end && v->flags & VM_WRITE && end - va < len) {
		end = v->end;
		v = v->next ? vma_at(m, v->next) : NULL;
	}
	return end > va && end - va < len ? end - va : len;
}

int64_t mem_write(fuse_req_t req, struct open_file *f, const char *buf,
	size_t len, uint64_t off)
{
	char text[40];
	int err;

	len = writable_bytes(
		f->machine->view.vm, (uint32_t)f->place.id, off, len);
	snprintf(text, sizeof(text), "write 0x%llx", (unsigned long long)off);
	err = stream_exec(req, f, text, buf, len);
	/* What the process sees as a fault is an I/O error of this file. */
	if (err == EFAULT)
		err = EIO;
	return err ? -err : (int64_t)len;
}
