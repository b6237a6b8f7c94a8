/*
 * The replies to what was written through one open file, read back through
 * the same.
 *
 * Replies are a stream, but the file has a position that programs move:
 * bash's `read` takes a block, keeps one line and seeks back over the rest,
 * Python does the same before it writes.  So the position that a request
 * comes with is compared with the one that the previous request left: a step
 * back within the bytes read last gives these bytes again.  All other seeks
 * are ignored.
 */
#ifndef PAGEFS_FS_REPLIES_H
#define PAGEFS_FS_REPLIES_H

#include <stddef.h>
#include <stdint.h>

/* Unread replies kept; of more the oldest are dropped, and the reader finds
 * the line "# N replies dropped" in their place. */
#define REPLIES_LIMIT (1u << 20)

struct replies {
	char *buf;
	size_t len, cap;
	size_t next;	  /* first unread byte */
	size_t last_read; /* bytes before `next` that may be read again */
	uint64_t pos;	  /* the file position after the last request */
	uint64_t dropped; /* lines */
};

/* Adds a line; the newline is added here. */
void replies_add(struct replies *r, const char *line, size_t len);
/* A request comes at `off`: a step back gives replies back. */
void replies_seek(struct replies *r, uint64_t off);
/* Bytes at *data, at most len; 0 when there is nothing to read. */
size_t replies_read(
	struct replies *r, uint64_t off, size_t len, const char **data);
/* n bytes were written at off: the file position is beyond them now. */
void replies_wrote(struct replies *r, uint64_t off, size_t n);
void replies_free(struct replies *r);

#endif
