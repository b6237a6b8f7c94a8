/*
 * The functions behind the rows of the node table, by source file.
 */
#ifndef PAGEFS_FS_RENDERERS_H
#define PAGEFS_FS_RENDERERS_H

#include "show.h"

/* show_machine.c: files about the mount and the machine as a whole */
show_fn show_readme, show_config, show_stats, show_state_hash, show_last;
show_fn show_task_last, show_topic;

/* show_input.c: the memory of a process, and recorded programs */
pread_fn pread_mem;
show_fn show_strace;

/* show_link.c */
show_fn show_self, show_thread_self, show_hostpid;

#endif
