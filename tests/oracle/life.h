/* Commands about several tasks: what life.c, conduct.c and replay share. */
#ifndef PAGEFS_ORACLE_LIFE_H
#define PAGEFS_ORACLE_LIFE_H

#include <stdbool.h>
#include <stdint.h>

/* Paths of the stub: in 64 and 32 bits, and of a copy of each. */
extern const char *const life_programs[];

/* replay: the stub's entry in 64 and 32 bits, 0 if it runs the probe. */
extern uint64_t life_entry[2];
void life_begin(void);
/* The chosen task fetches that piece of the stub; -EAGAIN, -ESRCH: it cannot.
 */
int64_t life_fetch(unsigned piece);

/* Commands of life.c; false if it is none of them. */
bool life_command(char **word, int nr);

/* ---- what the listener provides: the task that the script speaks of ---- */
/* The next task above that TID, 0 at the end; the stub's first, which all
 * others come from, is left out. */
uint32_t life_next(uint32_t tid);
/* Whether there is such a task; it becomes the one whose calls are made. */
bool life_choose(uint32_t tid);
uint32_t life_chosen(void);
/* Calls of a task that vfork has suspended are refused with EAGAIN, those of
 * one that is dead with ESRCH. */
/* TID of the child, or -errno. */
int64_t life_clone(uint64_t flags);
/* programs are numbers in life_programs */
int64_t life_exec(unsigned program);
bool life_is32(void); /* the chosen task */
/* open(2) with O_RDONLY etc.: a descriptor, or -errno. */
int64_t life_open(unsigned program, unsigned mode);
/* The other arguments are addresses in the task's memory. */
int64_t life_prlimit(int64_t pid, unsigned which, uint64_t new, uint64_t old);
int64_t life_mincore(uint64_t addr, uint64_t len, uint64_t vec);
int64_t life_get_mempolicy(
	uint64_t mode, uint64_t mask, uint64_t addr, uint64_t flags);
void life_exit(int code, bool group);
void life_kill(uint32_t pid);
/* Written by another, who has the same capabilities: 0 or -errno. */
int64_t life_oom_score_adj(const char *n);
/* PID of the child, or -errno; 0: none has ended. */
int64_t life_wait(int64_t pid, uint64_t options);

#endif
