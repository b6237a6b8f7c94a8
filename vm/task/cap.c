/*
 * Capabilities: their names, capset(2), the requests of prctl(2) about them,
 * and what execve makes of them.  Source: Linux security/commoncap.c,
 * capabilities(7).
 */
#include <string.h>

#include "cred.h"
#include "prctl.h"
#include "task_i.h"

static const char *const names[NR_CAPS] = {
	"cap_chown",
	"cap_dac_override",
	"cap_dac_read_search",
	"cap_fowner",
	"cap_fsetid",
	"cap_kill",
	"cap_setgid",
	"cap_setuid",
	"cap_setpcap",
	"cap_linux_immutable",
	"cap_net_bind_service",
	"cap_net_broadcast",
	"cap_net_admin",
	"cap_net_raw",
	"cap_ipc_lock",
	"cap_ipc_owner",
	"cap_sys_module",
	"cap_sys_rawio",
	"cap_sys_chroot",
	"cap_sys_ptrace",
	"cap_sys_pacct",
	"cap_sys_admin",
	"cap_sys_boot",
	"cap_sys_nice",
	"cap_sys_resource",
	"cap_sys_time",
	"cap_sys_tty_config",
	"cap_mknod",
	"cap_lease",
	"cap_audit_write",
	"cap_audit_control",
	"cap_setfcap",
	"cap_mac_override",
	"cap_mac_admin",
	"cap_syslog",
	"cap_wake_alarm",
	"cap_block_suspend",
	"cap_audit_read",
	"cap_perfmon",
	"cap_bpf",
	"cap_checkpoint_restore",
};

int cred_cap_number(const char *name, size_t len)
{
	for (int i = 0; i < NR_CAPS; i++)
		if (strlen(names[i]) == len && !memcmp(names[i], name, len))
			return i;
	return -1;
}

/* ---- capset(2) ---------------------------------------------------------- */

/* -EPERM naming the first capability of `more`; 0 if there is none. */
static int too_many(struct vm *m, uint64_t more, const char *what)
{
	unsigned first = 0;

	if (!more)
		return 0;
	while (!(more & CAP_BIT(first)))
		first++;
	return vm_fail(m, EPERM, "%s %s", names[first], what);
}

int cred_capset(struct vm *m, struct task *t, uint64_t effective,
	uint64_t permitted, uint64_t inheritable)
{
	struct cred new = t->cred;
	int err = 0;

	effective &= CAPS_ALL;
	permitted &= CAPS_ALL;
	inheritable &= CAPS_ALL;
	if (!task_capable(t, CAP_SETPCAP))
		err = too_many(m,
			inheritable &
				~(new.cap_inheritable | new.cap_permitted),
			"would be inheritable; it is not permitted, and the "
			"process lacks cap_setpcap");
	if (!err)
		err = too_many(m,
			inheritable & ~(new.cap_inheritable | new.cap_bset),
			"would be inheritable; the bounding set lacks it");
	if (!err)
		err = too_many(m, permitted & ~new.cap_permitted,
			"would be permitted; once given up it stays so");
	if (!err)
		err = too_many(m, effective & ~permitted,
			"would be effective without being permitted");
	if (err)
		return err;
	new.cap_effective = effective;
	new.cap_permitted = permitted;
	new.cap_inheritable = inheritable;
	new.cap_ambient &= permitted &inheritable;
	cred_commit(m, t, &new);
	return 0;
}

/* ---- prctl(2) ----------------------------------------------------------- */

static int bad_cap(struct vm *m, uint64_t cap)
{
	return vm_fail(m, EINVAL, "capabilities are 0 to %u, not %llu",
		NR_CAPS - 1, (unsigned long long)cap);
}

static int capbset_drop(struct vm *m, struct task *t, uint64_t cap)
{
	if (!task_capable(t, CAP_SETPCAP))
		return vm_fail(m, EPERM,
			"changing the bounding set needs cap_setpcap");
	if (cap >= NR_CAPS)
		return bad_cap(m, cap);
	t->cred.cap_bset &= ~CAP_BIT(cap);
	return 0;
}

static int set_securebits(struct vm *m, struct task *t, uint64_t bits)
{
	uint64_t changed = t->cred.securebits ^ bits;
	uint64_t locks = t->cred.securebits & SECURE_LOCKS;

	if (changed & (locks | locks >> 1) ||
		bits & ~(uint64_t)(SECURE_BITS | SECURE_LOCKS))
		return vm_fail(m, EPERM,
			"bits 0x%llx are locked or unknown (securebits are "
			"0x%x)",
			(unsigned long long)bits, t->cred.securebits);
	if (!task_capable(t, CAP_SETPCAP) &&
		(!changed || changed & ~(SECURE_EXEC | SECURE_EXEC << 1)))
		return vm_fail(
			m, EPERM, "changing securebits needs cap_setpcap");
	t->cred.securebits = (uint32_t)bits;
	return 0;
}

static int set_keepcaps(struct vm *m, struct task *t, uint64_t on)
{
	if (on > 1)
		return vm_fail(m, EINVAL, "set_keepcaps takes 0 or 1");
	if (t->cred.securebits & SECURE_KEEP_CAPS << 1)
		return vm_fail(m, EPERM, "securebits lock keep_caps");
	t->cred.securebits &= ~SECURE_KEEP_CAPS;
	t->cred.securebits |= on ? SECURE_KEEP_CAPS : 0;
	return 0;
}

static int64_t ambient(struct vm *m, struct task *t, const uint64_t a[4])
{
	struct cred *c = &t->cred;
	uint64_t cap = a[1];

	if (a[2] || a[3] || (a[0] == PR_CAP_AMBIENT_CLEAR_ALL && cap))
		return vm_fail(m, EINVAL, "arguments that are not used are 0");
	if (a[0] == PR_CAP_AMBIENT_CLEAR_ALL) {
		c->cap_ambient = 0;
		return 0;
	}
	if (cap >= NR_CAPS)
		return bad_cap(m, cap);
	switch (a[0]) {
	case PR_CAP_AMBIENT_IS_SET:
		return c->cap_ambient >> cap & 1;
	case PR_CAP_AMBIENT_LOWER:
		c->cap_ambient &= ~CAP_BIT(cap);
		return 0;
	case PR_CAP_AMBIENT_RAISE:
		if (!(c->cap_permitted & c->cap_inheritable & CAP_BIT(cap)) ||
			c->securebits & SECURE_NO_CAP_AMBIENT_RAISE)
			return vm_fail(m, EPERM,
				"%s is not both permitted and inheritable, or "
				"securebits forbid it",
				names[cap]);
		c->cap_ambient |= CAP_BIT(cap);
		return 0;
	default:
		return vm_fail(m, EINVAL,
			"cap_ambient takes is_set, raise, lower or clear_all");
	}
}

static int64_t no_new_privs(
	struct vm *m, struct task *t, unsigned op, const uint64_t a[4])
{
	bool set = op == PR_SET_NO_NEW_PRIVS;

	if (a[0] != set || a[1] || a[2] || a[3])
		return vm_fail(m, EINVAL,
			"set_no_new_privs takes 1, get_no_new_privs nothing");
	if (!set)
		return t->cred.no_new_privs;
	t->cred.no_new_privs = 1;
	return 0;
}

int64_t cred_prctl(
	struct vm *m, struct task *t, unsigned op, const uint64_t a[4])
{
	switch (op) {
	case PR_CAPBSET_READ:
		return a[0] < NR_CAPS ? (int64_t)(t->cred.cap_bset >> a[0] & 1)
				      : bad_cap(m, a[0]);
	case PR_CAPBSET_DROP:
		return capbset_drop(m, t, a[0]);
	case PR_GET_SECUREBITS:
		return t->cred.securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(m, t, a[0]);
	case PR_GET_KEEPCAPS:
		return !!(t->cred.securebits & SECURE_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return set_keepcaps(m, t, a[0]);
	case PR_CAP_AMBIENT:
		return ambient(m, t, a);
	case PR_SET_NO_NEW_PRIVS:
	case PR_GET_NO_NEW_PRIVS:
		return no_new_privs(m, t, op, a);
	default:
		return -ENOSYS;
	}
}

/* ---- execve ------------------------------------------------------------- */

#define S_ISUID 04000u
#define S_ISGID 02000u
#define S_IXGRP 0010u

/* The capabilities of root, where securebits do not make root a user as any
 * other. */
static void privileged_root(struct cred *c, bool *effective)
{
	*effective = false;
	if (c->securebits & SECURE_NOROOT || (c->euid && c->uid))
		return;
	c->cap_permitted = c->cap_bset | c->cap_inheritable;
	*effective = !c->euid;
}

/* The ids of the file; whether it gives any. */
static bool take_ids(struct cred *c, uint32_t mode, uint32_t uid, uint32_t gid)
{
	bool group = (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);

	if (c->no_new_privs)
		return false;
	if (mode & S_ISUID)
		c->euid = uid;
	if (group)
		c->egid = gid;
	return group || mode & S_ISUID;
}

struct exec_rights cred_exec(
	struct cred *c, uint32_t mode, uint32_t uid, uint32_t gid)
{
	const struct cred old = *c;
	bool given = take_ids(c, mode, uid, gid);
	bool effective, changed, gained;

	c->cap_permitted = 0;
	privileged_root(c, &effective);
	changed = c->euid != old.euid || c->egid != old.fsgid;
	gained = c->cap_permitted & ~old.cap_permitted;
	if ((changed || gained) && c->no_new_privs) {
		c->euid = c->uid;
		c->egid = c->gid;
		c->cap_permitted &= old.cap_permitted;
	}
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	if (changed)
		c->cap_ambient = 0;
	c->cap_permitted |= c->cap_ambient;
	c->cap_effective = effective ? c->cap_permitted : c->cap_ambient;
	c->securebits &= ~SECURE_KEEP_CAPS;
	return (struct exec_rights){
		.secure = changed || c->euid != old.uid || c->egid != old.gid ||
			  (c->uid && (effective || c->cap_permitted &
							   ~c->cap_ambient)),
		.tame = given || gained,
	};
}
