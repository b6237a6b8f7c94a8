/* Where things lie in the text of stub.c, in bytes from its entry. */
#ifndef PAGEFS_ORACLE_STUB_H
#define PAGEFS_ORACLE_STUB_H

#define STUB_PATH  "/mnt/stub" /* in the namespace of conduct.c */
#define STUB_PIECE 16
#define STUB_BRK   0x555555a00000 /* the initial break */

enum {
	STUB_CALL = 0,
	STUB_READ = 1 * STUB_PIECE,
	STUB_WRITE = 2 * STUB_PIECE,
	STUB_NAME = 3 * STUB_PIECE,
	STUB_ARGV = 4 * STUB_PIECE
};

#endif
