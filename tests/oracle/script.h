/*
 * The script language in which one history of memory calls is told to two
 * listeners: probe.c asks the running kernel, replay.c asks the machine.  What
 * they answer can then be compared line by line, because this file does all
 * the reading and writing.  README.md documents the language.
 *
 * It is compiled without a C library for the probe, whose address space must
 * hold nothing but what the kernel put there.
 */
#ifndef PAGEFS_ORACLE_SCRIPT_H
#define PAGEFS_ORACLE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of the system calls on x86-64; in a 32-bit program they are names. */
enum call {
	CALL_MMAP = 9,
	CALL_MPROTECT = 10,
	CALL_MUNMAP = 11,
	CALL_BRK = 12,
	CALL_MREMAP = 25,
	CALL_MSYNC = 26,
	CALL_MINCORE = 27,
	CALL_MADVISE = 28,
	CALL_FTRUNCATE = 77,
	CALL_SETUID = 105,
	CALL_SETGID = 106,
	CALL_SETREUID = 113,
	CALL_SETREGID = 114,
	CALL_SETRESUID = 117,
	CALL_SETRESGID = 119,
	CALL_SETFSUID = 122,
	CALL_SETFSGID = 123,
	CALL_PERSONALITY = 135,
	CALL_MLOCK = 149,
	CALL_MUNLOCK = 150,
	CALL_MLOCKALL = 151,
	CALL_MUNLOCKALL = 152,
	CALL_PRCTL = 157,
	CALL_REMAP_FILE_PAGES = 216,
	CALL_MLOCK2 = 325,
	CALL_MBIND = 237,
	CALL_SET_MEMPOLICY = 238,
	CALL_SET_HOME_NODE = 450,
	CALL_MSEAL = 462,
};

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };

struct fault {
	int sig, code; /* sig 0: none */
	uint64_t addr, err;
};

/* ---- what the listener provides ---- */
/* An argument as the process passes it: 32 bits of it, or 64. */
uint64_t host_word(uint64_t v);
/* Value, or -errno. */
int64_t host_call(enum call nr, const uint64_t arg[6]);
/* The byte read; *f tells a refused access. */
uint8_t host_access(
	enum access kind, uint64_t addr, uint8_t value, struct fault *f);
/* At most `max` bytes of mincore's vector; 0 or -errno. */
int64_t host_mincore(uint64_t addr, uint64_t len, uint8_t *vec, size_t max);
enum file_kind {
	FILE_DISK = 'f',
	FILE_MEMORY = 'm', /* memfd */
	FILE_SHM = 's',	   /* of /dev/shm */
};
/* A file whose page i is filled with the letter 'A' + i % 26; its number. */
int64_t host_file(const char *name, uint64_t bytes, enum file_kind kind);
/* A memfd of huge pages. */
int64_t host_hugetlb(const char *name, uint64_t bytes, uint64_t log2);
int64_t host_open(const char *path, unsigned mode);
/* The file behind a descriptor, opened anew. */
int64_t host_reopen(int64_t fd, unsigned mode);
int64_t host_close(int64_t fd);
/* Soft and hard limit, prlimit's way. */
/* move_pages(2), of at most 16 pages; nodes NULL asks.  The nodes of
 * migrate_pages(2) are masks.  Of listeners that are one process. */
int64_t host_move_pages(int pid, int nr, const uint64_t *page,
	const int32_t *node, int flags, int32_t *status);
int64_t host_migrate_pages(int pid, uint64_t from, uint64_t to);
void host_getrlimit(unsigned which, uint64_t limit[2]);
int64_t host_setrlimit(unsigned which, const uint64_t limit[2]);
/* Effective, permitted, inheritable. */
void host_capget(uint64_t caps[3]);
int64_t host_capset(const uint64_t caps[3]);
/* Writes /proc/sys/vm/NAME; 0 or -errno. */
int64_t host_sysctl(const char *name, const char *value);
void host_fork(void);
/* The script goes on in a child; its parent ends at once. */
void host_orphan(void);
void host_exit(int code);
/* The text of /proc/self/NAME, cut to size and NUL-terminated; its length. */
/* A file of /proc/self, or of /proc if its name begins with a slash. */
size_t host_proc(const char *name, char *buf, size_t size);
/* The words of nr pages; bytes read or -errno as read(2) has it. */
int64_t host_pagemap(uint64_t page, uint64_t nr, uint64_t *word);
/* kpagecount and kpageflags of a frame. */
void host_kpage(uint64_t pfn, uint64_t *count, uint64_t *flags);
/* Minor and major faults so far. */
void host_faults(uint64_t n[2]);
int64_t host_clear_refs(const char *word);
/* Mappings of the process, the gate not counted. */
uint64_t host_map_count(void);
/* Whether a mapping was there before the script. */
bool host_is_own(uint64_t start, uint64_t end);
/* Whether a part of it was: the probe's own accesses fall there. */
bool host_is_own_part(uint64_t start, uint64_t end);
/* A command that only one listener knows; false if it does not either. */
bool host_command(char **word, int nr);
void host_write(const char *text, size_t len);

/* ---- what the script gives ---- */
/* Runs a whole script. */
void script_run(const char *text, size_t len, uint64_t brk0, bool echo);
/* A child's names and results are not its parent's: what a listener keeps
 * that runs both in one process. */
struct script_names {
	struct {
		char name[32];
		uint64_t value;
	} variable[64];
	int nr;
	int64_t last_result;
};
void script_names_get(struct script_names *n);
void script_names_set(const struct script_names *n);
/* Skips the lines of a child: up to the exit that matches a fork. */
void script_skip_child(void);
/* The same, and says why there is none. */
void fork_failed(int64_t r);

/* rights.c: limits and capabilities; false if it is none of them. */
bool rights_command(char **word, int nr);
/* nodes.c: commands about NUMA nodes; false if it is none of them. */
bool nodes_command(char **word, int nr);
/* look.c: commands that look; false if it is none of them. */
bool look_command(char **word, int nr);
/* Bytes of RAM and swap: what one mapping may have at most. */
uint64_t look_memory(void);
/* What `faults` counts begins here. */
void look_faults_begin(void);
/* The same for a child, and back to its parent's count. */
void look_child_begins(void);
void look_child_ends(void);

/* What `brk0` stands for. */
extern uint64_t script_brk0;
/* Answers with a file's descriptor, which has that name from then on. */
void script_file(const char *name, int64_t fd);
/* A number or expression of the language. */
uint64_t script_value(const char *word);

/* The same, or names joined by |, of the flags of m mmap, r mremap, s msync, l
 * mlockall or a madvise (script_flags.c). */
uint64_t script_flags(char kind, char *word);

/* ---- output ---- */
void put_char(char c);
void put_text(const char *s);
void put_line(const char *p); /* up to its end, and a newline */
void put_hex(uint64_t v);
void put_dec(int64_t v);
void put_result(int64_t r);
void put_flush(void);

/* One line of maps, the mapping's device and inode replaced by numbers that
 * count the objects in order of appearance. */
void put_maps_line(const char *line, const char *end);
/* A child's objects are not its parent's. */
unsigned inodes_seen(void);
void inodes_forget(unsigned n);
extern bool script_raw;	     /* leave device and inode alone */
extern bool script_hugetlb;  /* of a pool: tell of it */
extern bool script_gigantic; /* not of the pool that meminfo shows */
extern bool script_huge;     /* huge pages may be there: tell of all pages */

/* ---- text without a C library ---- */
size_t text_len(const char *s);
const char *line_end(const char *p); /* behind the newline, or at the end */
bool text_eq(const char *a, const char *b);
bool text_starts(const char *s, const char *prefix);
uint64_t text_hex(const char **p);

#endif
