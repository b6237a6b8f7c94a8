/*
 * User and group ids, and what a change of them does to capabilities.
 * Source: Linux kernel/sys.c, kernel/cred.c (commit_creds),
 * security/commoncap.c (cap_emulate_setxuid).
 */
#include "cred.h"

#include "../mm/mm.h"
#include "task_i.h"

/* What fsuid 0 alone has of the effective set: what is about files. */
#define CAPS_FS                                                          \
	(0x1full | 1ull << 9 | 1ull << 27 | 1ull << 32) /* chown, dac_*, \
	fowner, fsetid; linux_immutable; mknod; mac_override */

struct cred cred_of_user(uint32_t uid, uint32_t gid)
{
	uint64_t caps = uid ? 0 : CAPS_ALL;

	return (struct cred){
		.uid = uid,
		.euid = uid,
		.suid = uid,
		.fsuid = uid,
		.gid = gid,
		.egid = gid,
		.sgid = gid,
		.fsgid = gid,
		.cap_permitted = caps,
		.cap_effective = caps,
		.cap_bset = CAPS_ALL,
	};
}

bool task_capable(const struct task *t, unsigned cap)
{
	return t->cred.cap_effective & CAP_BIT(cap);
}

void cred_commit(struct vm *m, struct task *t, const struct cred *new)
{
	const struct cred *old = &t->cred;

	if (t->mm &&
		(old->euid != new->euid || old->egid != new->egid ||
			old->fsuid != new->fsuid || old->fsgid != new->fsgid ||
			new->cap_permitted & ~old->cap_permitted)) {
		mm_at(m, t->mm)->dumpable = 0;
		t->pdeath_signal = 0;
	}
	t->cred = *new;
}

/* ---- the two families of ids -------------------------------------------- */

/* The ids of a family lie in a row: real, effective, saved, file system. */
enum { REAL, EFFECTIVE, SAVED, FS };

static uint32_t *ids(struct cred *c, bool group)
{
	return group ? &c->gid : &c->uid;
}

static bool may_set_id(const struct task *t, bool group)
{
	return task_capable(t, group ? CAP_SETGID : CAP_SETUID);
}

static bool all_differ(const uint32_t *id, unsigned n, uint32_t from)
{
	for (unsigned i = 0; i < n; i++)
		if (id[i] == from)
			return false;
	return true;
}

static bool has_root(const struct cred *c)
{
	return !c->uid || !c->euid || !c->suid;
}

/* Who stops being root loses what root has; see capabilities(7). */
static void fix_caps(struct cred *new, const struct cred *old)
{
	if (old->securebits & SECURE_NO_SETUID_FIXUP)
		return;
	if (has_root(old) && !has_root(new)) {
		if (!(old->securebits & SECURE_KEEP_CAPS))
			new->cap_permitted = new->cap_effective = 0;
		new->cap_ambient = 0;
	}
	if (!old->euid && new->euid)
		new->cap_effective = 0;
	if (old->euid && !new->euid)
		new->cap_effective = new->cap_permitted;
}

static int commit_ids(
	struct vm *m, struct task *t, bool group, const struct cred *c)
{
	struct cred new = *c;

	if (!group)
		fix_caps(&new, &t->cred);
	cred_commit(m, t, &new);
	return 0;
}

static int no_right(struct vm *m, bool group, uint32_t id)
{
	return vm_fail(m, EPERM,
		"%s %u is none of the process's own, and it lacks cap_set%cid",
		group ? "group" : "user", id, group ? 'g' : 'u');
}

int cred_set_id(struct vm *m, struct task *t, bool group, uint32_t id)
{
	struct cred new = t->cred;
	uint32_t *n = ids(&new, group), *old = ids(&t->cred, group);

	if (id == ID_KEEP)
		return vm_fail(m, EINVAL, "-1 is no id");
	if (may_set_id(t, group))
		n[REAL] = n[SAVED] = id;
	else if (id != old[REAL] && id != old[SAVED])
		return no_right(m, group, id);
	n[EFFECTIVE] = n[FS] = id;
	return commit_ids(m, t, group, &new);
}

int cred_set_re(
	struct vm *m, struct task *t, bool group, uint32_t real, uint32_t eff)
{
	struct cred new = t->cred;
	uint32_t *n = ids(&new, group), *old = ids(&t->cred, group);
	bool any = may_set_id(t, group);

	if (real != ID_KEEP) {
		if (!any && all_differ(old, 2, real))
			return no_right(m, group, real);
		n[REAL] = real;
	}
	if (eff != ID_KEEP) {
		if (!any && all_differ(old, 3, eff))
			return no_right(m, group, eff);
		n[EFFECTIVE] = eff;
	}
	if (real != ID_KEEP || (eff != ID_KEEP && eff != old[REAL]))
		n[SAVED] = n[EFFECTIVE];
	n[FS] = n[EFFECTIVE];
	return commit_ids(m, t, group, &new);
}

int cred_set_res(struct vm *m, struct task *t, bool group, uint32_t real,
	uint32_t eff, uint32_t saved)
{
	const uint32_t want[3] = {real, eff, saved};
	struct cred new = t->cred;
	uint32_t *n = ids(&new, group), *old = ids(&t->cred, group);
	bool change = eff != ID_KEEP && eff != old[FS];

	for (unsigned i = REAL; i <= SAVED; i++) {
		if (want[i] == ID_KEEP)
			continue;
		if (!may_set_id(t, group) && all_differ(old, 3, want[i]))
			return no_right(m, group, want[i]);
		change |= want[i] != old[i];
		n[i] = want[i];
	}
	if (!change)
		return 0;
	n[FS] = n[EFFECTIVE];
	return commit_ids(m, t, group, &new);
}

int64_t cred_set_fs(struct vm *m, struct task *t, bool group, uint32_t id)
{
	struct cred new = t->cred;
	uint32_t *n = ids(&new, group), old = n[FS];

	if (id == ID_KEEP || id == old ||
		(!may_set_id(t, group) && all_differ(n, 4, id)))
		return old;
	n[FS] = id;
	if (!group && !(new.securebits &SECURE_NO_SETUID_FIXUP)) {
		if (!old)
			new.cap_effective &= ~CAPS_FS;
		else if (!id)
			new.cap_effective |= new.cap_permitted &CAPS_FS;
	}
	cred_commit(m, t, &new);
	return old;
}

/* ---- looking at others -------------------------------------------------- */

static bool same_ids(uint32_t id, const uint32_t *their)
{
	return id == their[REAL] && id == their[EFFECTIVE] &&
	       id == their[SAVED];
}

/* Linux: __ptrace_may_access(), for ids and capabilities of the one or the
 * other kind. */
static bool may_look(const struct vm *m, uint32_t uid, uint32_t gid,
	uint64_t caps, const struct task *t)
{
	if (!same_ids(uid, &t->cred.uid) || !same_ids(gid, &t->cred.gid))
		return false;
	if (t->mm && mm_at(m, t->mm)->dumpable != 1)
		return false;
	return !(t->cred.cap_permitted & ~caps);
}

bool cred_may_look(
	const struct vm *m, const struct cred *c, const struct task *t)
{
	return c->cap_effective & CAP_BIT(CAP_SYS_PTRACE) ||
	       may_look(m, c->fsuid, c->fsgid, c->cap_effective, t);
}

bool cred_may_read(
	const struct vm *m, const struct task *by, const struct task *t)
{
	const struct cred *c = &by->cred;

	return by->tgid == t->tgid || task_capable(by, CAP_SYS_PTRACE) ||
	       may_look(m, c->uid, c->gid, c->cap_permitted, t);
}

void cred_proc_owner(
	const struct vm *m, const struct task *t, uint32_t *uid, uint32_t *gid)
{
	bool own = t->mm && mm_at(m, t->mm)->dumpable == 1;

	*uid = own ? t->cred.euid : 0;
	*gid = own ? t->cred.egid : 0;
}
