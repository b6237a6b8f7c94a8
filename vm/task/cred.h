/*
 * Credentials: who a task is and what it may do.
 *
 * Each task has its own, as in Linux; a child and a new thread copy them.
 * Nothing in the machine asks "is this root?": it asks for one capability.
 * Source: Linux kernel/sys.c, kernel/capability.c, security/commoncap.c,
 * fs/proc/base.c; credentials(7), capabilities(7).
 */
#ifndef PAGEFS_VM_CRED_H
#define PAGEFS_VM_CRED_H

#include "../types.h"

/* Linux's numbers; the names of all are in cap.c. */
enum {
	CAP_DAC_OVERRIDE = 1,
	CAP_DAC_READ_SEARCH = 2,
	CAP_FOWNER = 3,
	CAP_KILL = 5,
	CAP_SETGID = 6,
	CAP_SETUID = 7,
	CAP_SETPCAP = 8,
	CAP_IPC_LOCK = 14,
	CAP_SYS_RAWIO = 17,
	CAP_SYS_PTRACE = 19,
	CAP_SYS_ADMIN = 21,
	CAP_SYS_NICE = 23,
	CAP_SYS_RESOURCE = 24,
	CAP_CHECKPOINT_RESTORE = 40,
	NR_CAPS = 41, /* of Linux 6.18 */
};
#define CAPS_ALL   ((1ull << NR_CAPS) - 1)
#define CAP_BIT(c) (1ull << (c))

/* securebits: each has its lock in the bit above. */
#define SECURE_NOROOT		    0x01u
#define SECURE_NO_SETUID_FIXUP	    0x04u
#define SECURE_KEEP_CAPS	    0x10u
#define SECURE_NO_CAP_AMBIENT_RAISE 0x40u
#define SECURE_EXEC		    0x500u /* two bits that only user space reads */
#define SECURE_BITS		    0x555u
#define SECURE_LOCKS		    (SECURE_BITS << 1)

struct cred {
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint64_t cap_inheritable, cap_permitted, cap_effective;
	uint64_t cap_bset, cap_ambient;
	uint32_t securebits;
	uint32_t no_new_privs;
};

struct vm;
struct task;

/* Of a user who logs in: root has every capability, all others have none. */
struct cred cred_of_user(uint32_t uid, uint32_t gid);

bool task_capable(const struct task *t, unsigned cap);

/* 21 for "cap_sys_admin"; -1 if there is no such capability. */
int cred_cap_number(const char *name, size_t len);

/* ---- system calls: 0 or a value, or -errno with a sentence ---- */
#define ID_KEEP UINT32_MAX /* -1: leave this one alone */

/* setuid(2) and setgid(2), setreuid, setresuid, setfsuid and theirs; `group`
 * chooses between the two families. */
int cred_set_id(struct vm *m, struct task *t, bool group, uint32_t id);
int cred_set_re(
	struct vm *m, struct task *t, bool group, uint32_t real, uint32_t eff);
int cred_set_res(struct vm *m, struct task *t, bool group, uint32_t real,
	uint32_t eff, uint32_t saved);
/* Never fails: the old id, changed or not. */
int64_t cred_set_fs(struct vm *m, struct task *t, bool group, uint32_t id);
/* capset(2). */
int cred_capset(struct vm *m, struct task *t, uint64_t effective,
	uint64_t permitted, uint64_t inheritable);
/* The requests of prctl(2) that are about credentials; -ENOSYS without a
 * sentence for all others. */
int64_t cred_prctl(
	struct vm *m, struct task *t, unsigned op, const uint64_t arg[4]);

/* What execve of a file with these permission bits and owner makes of *c. */
struct exec_rights {
	bool secure; /* the program is told so by AT_SECURE */
	bool tame;   /* what its personality has of dangers is cleared */
};
struct exec_rights cred_exec(
	struct cred *c, uint32_t mode, uint32_t uid, uint32_t gid);

/* ---- looking at others ---- */
/*
 * Whether a process of credentials c may look at t (Linux's
 * PTRACE_MODE_READ_FSCREDS): the same user with no less capabilities and a
 * dumpable t, or CAP_SYS_PTRACE.
 */
bool cred_may_look(
	const struct vm *m, const struct cred *c, const struct task *t);
/* The same for a system call of one process about another, which goes by real
 * ids (PTRACE_MODE_READ_REALCREDS). */
bool cred_may_read(
	const struct vm *m, const struct task *by, const struct task *t);
/* Who owns the files of proc/PID. */
void cred_proc_owner(
	const struct vm *m, const struct task *t, uint32_t *uid, uint32_t *gid);

#endif
