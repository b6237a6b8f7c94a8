/*
 * Rendering: the growable buffer that files are rendered into, and the shapes
 * of the functions that render.
 *
 * A renderer runs with the machine locked for reading.  It changes nothing,
 * and the core has made sure that its object (PID, CPU) exists.  It cannot
 * fail: when the buffer cannot grow, sbuf.failed is set, the rest is dropped,
 * and the core answers ENOMEM.
 */
#ifndef PAGEFS_FS_SHOW_H
#define PAGEFS_FS_SHOW_H

#include <string.h>

#include "../vm/format.h"
#include "../vm/kernel/dmesg.h"
#include "../vm/vm.h"

/* Simulated time 0 as the clock shows it: 2026-01-01 00:00:00 UTC. */
#define BOOT_EPOCH_S 1767225600ull

#define KERNEL_VERSION "#1 SMP @0"

struct store;
struct store_view;
struct refusals;

/*
 * One machine as the mount shows it: the live one, or a past state.  Every
 * handler gets a view; nothing of a machine is global.
 */
struct view {
	struct vm *vm;
	/* One of them has the log; the other is NULL. */
	struct store *store;	   /* of the machine that was mounted */
	struct store_view *moment; /* of a past state below that */
	bool past; /* nothing changes any more, and no history inside */
	/* Lines that never ran; NULL for a past state. */
	const struct refusals *refused;
	uint32_t uid, gid; /* who mounted */
	uint32_t nr;	   /* 0 is the live machine; part of inode numbers */
	/* Who opened the file that is read, see access.h. */
	uint32_t caller, caller_gid;
	/* Asked by what takes long to render; may be NULL. */
	vm_stop_fn *stop;
	void *stop_ctx;
};

struct sbuf {
	char *data;
	size_t len, cap;
	bool failed;
};

void sbuf_free(struct sbuf *b);
/* Makes room for n more bytes: false when there is no memory. */
bool sbuf_grow(struct sbuf *b, size_t n);
/* For lines where speed does not matter. */
void sbuf_printf(struct sbuf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Where the next n bytes go, or NULL (then failed is set).  The fast way for
 * a line of bounded length: take room once, write, sbuf_end().
 */
static inline char *sbuf_room(struct sbuf *b, size_t n)
{
	if (b->cap - b->len < n && !sbuf_grow(b, n))
		return NULL;
	return b->data + b->len;
}

static inline void sbuf_end(struct sbuf *b, const char *end)
{
	b->len = (size_t)(end - b->data);
}

static inline void sbuf_mem(struct sbuf *b, const void *s, size_t n)
{
	char *p = sbuf_room(b, n);

	if (!p)
		return;
	memcpy(p, s, n);
	b->len += n;
}

static inline void sbuf_str(struct sbuf *b, const char *s)
{
	sbuf_mem(b, s, strlen(s));
}

static inline void sbuf_char(struct sbuf *b, char c)
{
	char *p = sbuf_room(b, 1);

	if (!p)
		return;
	*p = c;
	b->len++;
}

static inline void sbuf_dec(struct sbuf *b, uint64_t v)
{
	char *p = sbuf_room(b, 20);

	if (p)
		b->len += format_dec(p, v);
}

static inline void sbuf_hex(struct sbuf *b, uint64_t v)
{
	char *p = sbuf_room(b, 16);

	if (p)
		b->len += format_hex(p, v);
}

/* At least `width` hex digits, zero-padded: %08llx. */
static inline void sbuf_hex_pad(struct sbuf *b, uint64_t v, unsigned width)
{
	char *p = sbuf_room(b, width + 16);

	if (p)
		b->len += format_hex_pad(p, v, width);
}

/* n times c. */
static inline void sbuf_fill(struct sbuf *b, char c, size_t n)
{
	char *p = sbuf_room(b, n);

	if (!p)
		return;
	memset(p, c, n);
	b->len += n;
}

/* Right-aligned decimal: %8llu. */
static inline void sbuf_dec_pad(struct sbuf *b, uint64_t v, unsigned width)
{
	char t[20];
	unsigned n = format_dec(t, v);

	if (n < width)
		sbuf_fill(b, ' ', width - n);
	sbuf_mem(b, t, n);
}

/* Renders a file; id is the PID, TID or CPU of the path, 0 without one. */
typedef void show_fn(struct sbuf *b, const struct view *v, uint64_t id);

/*
 * Reads a binary file: the bytes at `off`, 0 at its end, or -errno.  May
 * return less than len only at the end of the file.
 */
typedef int64_t pread_fn(
	const struct view *v, uint64_t id, void *buf, size_t len, uint64_t off);

/*
 * Answers one line of text written to a file that takes questions and changes
 * nothing (cpu/N/walk).  0, or -errno with the sentence in b.
 */
typedef int query_fn(struct sbuf *b, const struct view *v, uint64_t id,
	const char *line, size_t len);

#endif
