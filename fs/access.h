/*
 * Who looks: users of the host as users of the machine.
 *
 * A user of the host acts in the machine as the user of the same number,
 * without capabilities.  Root, and whoever mounted the machine, act as its
 * root, with every capability.  Files of the machine's root belong, on the
 * host, to whoever mounted it.
 */
#ifndef PAGEFS_FS_ACCESS_H
#define PAGEFS_FS_ACCESS_H

#include "../vm/task/task.h"
#include "show.h"

/* The machine's user that a host's user acts as, and the other way round. */
uint32_t user_of_host(const struct view *v, uint32_t uid);
uint32_t host_of_user(const struct view *v, uint32_t uid);
uint32_t group_of_host(const struct view *v, uint32_t uid, uint32_t gid);
uint32_t host_of_group(const struct view *v, uint32_t gid);

/* The credentials of v->caller. */
struct cred caller_cred(const struct view *v);
/* May v->caller look into the process, as ptrace(2) asks? */
bool caller_may_look(const struct view *v, const struct task *t);
/* 0, or -EACCES where a file is for those who may look into its process. */
struct place;
int caller_check(const struct view *v, const struct place *p);

#endif
