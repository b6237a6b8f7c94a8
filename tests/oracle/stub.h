/* Where things lie in the text of stub.c, in bytes from its entry. */
#ifndef PAGEFS_ORACLE_STUB_H
#define PAGEFS_ORACLE_STUB_H

/* In the namespace of conduct.c: the stub, and one that may be written. */
#define STUB_PATH   "/mnt/stub"
#define STUB_PATH32 "/mnt/stub32"
#define STUB_COPY   "/mnt/copy"
#define STUB_COPY32 "/mnt/copy32"
#define STUB_PIECE  16
/* The initial break, in 64 and in 32 bits. */
#define STUB_BRK   0x555555a00000
#define STUB_BRK32 0x56a00000

enum {
	STUB_CALL = 0,
	STUB_READ = 1 * STUB_PIECE,
	STUB_WRITE = 2 * STUB_PIECE,
	/* The names, in the order above, and argv for each. */
	STUB_NAME = 3 * STUB_PIECE,
	STUB_ARGV = 7 * STUB_PIECE,
	STUB_MASK = 11 * STUB_PIECE, /* STUB_MASKS, of 64 bits each */
};

#define STUB_NAMES 4
/* Sets of nodes that a call can name. */
#define STUB_MASKS 0, 1, 2, 3, 0x8000000000000001

#endif
