/* What the files of task/ share among themselves. */
#ifndef PAGEFS_VM_TASK_I_H
#define PAGEFS_VM_TASK_I_H

#include "task.h"

#define PID_INIT     1u
#define PID_RESERVED 300u /* after a wrap, lower ones stay unused */

/* Linux's limits of PID 1; sized by RAM where Linux does so. */
void rlimit_default(const struct vm *m, struct rlimit_pair *rlim);

/* The name a task shows: the base name of path, cut to 15 bytes. */
void task_set_comm(struct task *t, const char *path);

/* A place behind all other children of their parents. */
uint64_t task_next_sibling(struct vm *m);
/* Frees a task that no longer has an mm, files or labels. */
void task_delete(struct vm *m, struct task *t);
/* Gives t, which leads its process no more or never did, another PID. */
void task_take_pid(struct vm *m, struct task *t, uint32_t pid);

/* t becomes the leader and only thread of its process: Linux's de_thread(). */
void task_become_leader(struct vm *m, struct task *t);

/* commit_creds(): t is *new from now on; who changed is not dumpable. */
void cred_commit(struct vm *m, struct task *t, const struct cred *new);

/*
 * Kernel stacks (kstack.c).  A task that is born has one; 0 or -ENOMEM.  What
 * its low end says of the task is written by kstack_note(), after each change.
 */
int kstack_alloc(struct vm *m, struct task *t);
void kstack_note(struct vm *m, const struct task *t);
void kstack_free(struct vm *m, struct task *t);
int kstack_check(struct vm *m, const struct task *t);

void label_forget_all(struct vm *m, struct task *t);
int label_copy_all(struct vm *m, struct task *to, const struct task *from);
int fd_copy_all(struct vm *m, struct task *to, const struct task *from);

#endif
