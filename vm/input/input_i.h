/* What input/ keeps between two writes of one log, in SEG_INPUT. */
#ifndef PAGEFS_VM_INPUT_I_H
#define PAGEFS_VM_INPUT_I_H

#include "../machine.h"

/*
 * One record: a traced process, a call that is unfinished, or a difference
 * between the log's answer and ours.  256 bytes so that one pool serves all.
 */
union input_record {
	idx_t next;
	uint8_t bytes[256];
};

#endif
