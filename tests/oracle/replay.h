/* The machine that replay plays in. */
#ifndef PAGEFS_ORACLE_REPLAY_H
#define PAGEFS_ORACLE_REPLAY_H

#include "../../vm/vm.h"
#include "script.h"

extern struct vm *m;
extern struct task *task; /* whose calls the script makes */

#endif
