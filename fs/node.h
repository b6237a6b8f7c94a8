/*
 * The node table: one row a file of the mount.  readdir, lookup, getattr,
 * link counts, help/files, the manual page and the tests of the table are all
 * derived from it.  To add a file, add its row in fs/node_table.c and its
 * show function's prototype in fs/renderers.h; nothing else.
 *
 * A path is a pattern.  A component that is a variable stands for every object
 * of its kind that exists:
 *
 *	PID      the processes (threads' leaders), ascending
 *	TID      the threads of proc/PID, ascending
 *	FD       the open files of proc/PID, ascending
 *	RANGE    the mappings of files in proc/PID: START-END, in hex
 *	N        the processors: "cpu/N", also with a prefix: ".../cpu/cpuN"
 *	NODE     the NUMA nodes: ".../node/nodeNODE"
 *	NODECPU  the processors of the node above
 *	CPUNODE  the node of the processor above
 *	HOSTPID  any other number in proc/: resolves, is not listed
 *	DISK     the simulated disks: vda, vdb, zram0
 *	DISKDEV  the same by number: 254:0
 *	HUGE     the sizes of huge pages: hugepages-2048kB
 *	NODEHUGE the same, below a node; the object is ID_PAIR(node, kB)
 *	CACHE    the caches of kernel objects, by name
 *	TOPIC    the topics and commands of help/
 *
 * The object's number travels to the handlers as `id`: the number of the last
 * variable in the path.
 *
 * Inode numbers say all that there is to know about a node, so that looking
 * one up needs no table and forgetting one needs nothing:
 *
 *	 63           42 41       32 31                    0
 *	+---------------+-----------+-----------------------+
 *	| view number   | row + 1   | id                    |
 *	+---------------+-----------+-----------------------+
 *
 * except that the mount's root is FUSE_ROOT_ID, 1.  Below disk/ the id is the
 * index of the simulated inode, in the row of disk/ itself.  View 0 is the
 * machine that was mounted, each other number a past moment that someone
 * looked at; see past.h.
 */
#ifndef PAGEFS_FS_NODE_H
#define PAGEFS_FS_NODE_H

#include "show.h"

enum node_kind {
	NODE_DIR,
	NODE_TEXT,   /* show; rendered at open, size 0, direct I/O */
	NODE_FILE,   /* show; fixed or slow text with its true size */
	NODE_LINK,   /* show gives the target */
	NODE_BINARY, /* pread at any offset; a store too if actor is MEM */
	NODE_CTL,    /* command lines of `actor`; replies when read */
	NODE_STREAM, /* bulk input of `actor`; show when read */
	NODE_QUERY,  /* lines answered by query; changes nothing */
	NODE_LOG,    /* the journal as text: grows, wakes poll */
	NODE_DISK,   /* the simulated disk's tree */
	NODE_SAVED,  /* directory: a moment for each checkpoint */
	NODE_ROWS,   /* directory: a moment for each number; lists none */
};

/* Two numbers as one object. */
#define ID_PAIR(high, low) ((uint64_t)(high) << 24 | (low))
#define ID_HIGH(id)	   ((id) >> 24)
#define ID_LOW(id)	   ((id)&0xffffff)

struct node {
	const char *path; /* "" is the root */
	enum node_kind kind;
	/* The command that takes what is written to it, '#' being the object's
	 * number, and its argument for that number: of a pair, '#' is the lower
	 * and the argument the upper. */
	const char *verb, *key;
	uint16_t mode;	/* permission bits */
	uint16_t actor; /* enum actor_kind of what is written to it */
	/* An array of numbers, which the command takes with commas: those
	 * before a mistake, which is none of its own. */
	bool several;
	bool any; /* the verb says it all, whatever is written */
	bool raw; /* any text, which the command takes as one "string" */
	/* For those alone who may look into the process, as ptrace(2) has it.
	 */
	bool looks;
	bool wakes;    /* poll() wakes when a command has run */
	bool constant; /* NODE_FILE: its text never changes */
	/* As long as an address space: a past state has it by name, but does
	 * not list it, so that diff -r of two moments ends. */
	bool endless;
	bool history; /* about the past: no past state has it inside */
	bool (*there)(const struct view *v, uint64_t id); /* NULL: always */
	/* Permission bits where they depend on the object; else NULL. */
	uint16_t (*mode_of)(const struct view *v, uint64_t id);
	show_fn *show;
	pread_fn *pread;
	query_fn *query;
	const char *help; /* one line */
};

static inline bool node_is_dir(const struct node *n)
{
	return n->kind == NODE_DIR || n->kind == NODE_DISK ||
	       n->kind == NODE_SAVED || n->kind == NODE_ROWS;
}

extern const struct node node_table[];
extern const unsigned nr_nodes;

#endif
