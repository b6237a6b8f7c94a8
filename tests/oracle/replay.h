/* The machine that replay plays in. */
#ifndef PAGEFS_ORACLE_REPLAY_H
#define PAGEFS_ORACLE_REPLAY_H

#include "../../vm/vm.h"
#include "script.h"

extern struct vm *m;
extern struct task *task; /* whose calls the script makes */

/* Ends the replay: something that cannot fail has failed. */
void die(const char *what);
/* Gives the process what the file says of the probe (replay_own.c). */
void load_own(const char *path);

#endif
