/*
 * From chunks of bytes to command lines: what a control file does with the
 * writes of one open file.
 *
 * Programs cut text as they like: bash writes line by line, cat 128 KiB at a
 * time, dd 512 bytes, Python 8192.  And they differ in what they do after a
 * short count or an error:
 *
 *	bash    goes on with its next line
 *	cat     sends the rest again, reports its errno and stops
 *	Python  does the same, and sends the failed line once more at close
 *
 * So a line that fails is kept: as long as the next write begins with the
 * same bytes, it gets the stored errno and the line does not run again.
 */
#ifndef PAGEFS_FS_LINES_H
#define PAGEFS_FS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_LIMIT (1u << 20) /* bytes of a line, its newline excluded */

struct lines {
	char *buf; /* the beginning of a line, or the failed bytes */
	size_t len, cap;
	int failed;	/* errno that buf is to get again; 0: buf is a line's
			 * beginning */
	bool delivered; /* the client has seen that errno */
	uint64_t age;	/* of the machine when it failed */
};

/* What became of a text of whole lines. */
struct lines_done {
	size_t bytes; /* before the failed line */
	uint64_t age; /* of the machine, after */
};

/*
 * What the lines are handed to.  run() executes whole lines (the last may
 * lack its newline) and returns 0, or the errno of the line at done->bytes.
 * refuse() says a sentence about a line that is never run.  again() tells
 * that the errno of a failed line is given once more.
 */
struct lines_ops {
	int (*run)(void *ctx, const char *text, size_t len,
		struct lines_done *done);
	void (*refuse)(void *ctx, int err, const char *sentence);
	void (*again)(void *ctx);
};

/*
 * Takes one write.  `age` is a number that grows whenever the machine
 * executes a line.  Returns the bytes taken, at least 1; or -errno when the
 * first line that this write completes has failed.
 */
int64_t lines_write(struct lines *l, const char *buf, size_t len, uint64_t age,
	const struct lines_ops *ops, void *ctx);

/* Runs what is left, a last line without newline.  0 or -errno. */
int lines_flush(struct lines *l, const struct lines_ops *ops, void *ctx);

void lines_free(struct lines *l);

#endif
