/* Commands about credentials, and prctl. */
#include <string.h>

#include "../format.h"
#include "../task/prctl.h"
#include "handlers.h"

/* ---- ids ---- */

/* setgid, setregid, ...: the name says which family it is of. */
static bool is_group(const struct cmd *c)
{
	return !strcmp(c->def->name + strlen(c->def->name) - 3, "gid");
}

/* The system calls take 32 bits of what they are given; -1 is "keep". */
static uint32_t id_of(const struct cmd *c, unsigned i)
{
	return (uint32_t)c->arg[i].num;
}

/* setuid UID, setgid GID */
int cmd_setid(struct cmd *c)
{
	return cred_set_id(c->m, c->task, is_group(c), id_of(c, 0));
}

/* setreuid REAL EFFECTIVE, setregid */
int cmd_setreid(struct cmd *c)
{
	return cred_set_re(
		c->m, c->task, is_group(c), id_of(c, 0), id_of(c, 1));
}

/* setresuid REAL EFFECTIVE SAVED, setresgid */
int cmd_setresid(struct cmd *c)
{
	return cred_set_res(c->m, c->task, is_group(c), id_of(c, 0),
		id_of(c, 1), id_of(c, 2));
}

static int reply_number(struct cmd *c, int64_t r)
{
	if (r < 0)
		return (int)r;
	c->reply->kind = REPLY_DEC;
	c->reply->value = (uint64_t)r;
	return 0;
}

/* setfsuid UID, setfsgid GID */
int cmd_setfsid(struct cmd *c)
{
	return reply_number(
		c, cred_set_fs(c->m, c->task, is_group(c), id_of(c, 0)));
}

/* ---- capabilities ---- */

/* all, none, a number, or names joined by commas. */
static int cap_set(struct cmd *c, const char *s, const char *end, uint64_t *out)
{
	*out = 0;
	if (end - s == 4 && !memcmp(s, "none", 4))
		return 0;
	if (end - s == 3 && !memcmp(s, "all", 3))
		*out = CAPS_ALL;
	if (*out || !words_number(s, (size_t)(end - s), out))
		return 0;
	while (s <= end) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		const char *stop = comma ? comma : end;
		int cap = cred_cap_number(s, (size_t)(stop - s));

		if (cap < 0)
			return vm_fail(c->m, EINVAL,
				"\"%.*s\" is no capability; capabilities(7) "
				"has their names, as cap_sys_admin",
				(int)(stop - s), s);
		*out |= CAP_BIT(cap);
		s = stop + 1;
	}
	return 0;
}

/* The set that argument i makes of `now`. */
static int cap_arg(struct cmd *c, unsigned i, uint64_t now, uint64_t *out)
{
	const char *s = c->arg[i].text, *end = s + c->arg[i].len;
	char sign = c->arg[i].given && c->arg[i].len ? *s : 0;
	int err;

	*out = now;
	if (!c->arg[i].given)
		return 0;
	err = cap_set(c, s + (sign == '+' || sign == '-'), end, out);
	if (sign == '+')
		*out |= now;
	else if (sign == '-')
		*out = now & ~*out;
	return err;
}

/* capset [effective=SET] [permitted=SET] [inheritable=SET] */
int cmd_capset(struct cmd *c)
{
	const struct cred *now = &c->task->cred;
	uint64_t effective, permitted, inheritable;
	int err = cap_arg(c, 0, now->cap_effective, &effective);

	if (!err)
		err = cap_arg(c, 1, now->cap_permitted, &permitted);
	if (!err)
		err = cap_arg(c, 2, now->cap_inheritable, &inheritable);
	if (err)
		return err;
	return cred_capset(c->m, c->task, effective, permitted, inheritable);
}

/* ---- prctl ---- */

struct option {
	const char *name;
	unsigned op;
	const char *const *requests; /* words of ARG2 for 1, 2, ... */
};

static const char *const no_words[] = {NULL};
static const char *const ambient_words[] = {
	"is_set", "raise", "lower", "clear_all", NULL};
static const char *const mm_words[] = {"start_code", "end_code", "start_data",
	"end_data", "start_stack", "start_brk", "brk", "arg_start", "arg_end",
	"env_start", "env_end", "auxv", "exe_file", "map", "map_size", NULL};

static const struct option options[] = {
	{"set_pdeathsig", PR_SET_PDEATHSIG, no_words},
	{"get_pdeathsig", PR_GET_PDEATHSIG, no_words},
	{"get_dumpable", PR_GET_DUMPABLE, no_words},
	{"set_dumpable", PR_SET_DUMPABLE, no_words},
	{"get_keepcaps", PR_GET_KEEPCAPS, no_words},
	{"set_keepcaps", PR_SET_KEEPCAPS, no_words},
	{"capbset_read", PR_CAPBSET_READ, no_words},
	{"capbset_drop", PR_CAPBSET_DROP, no_words},
	{"get_securebits", PR_GET_SECUREBITS, no_words},
	{"set_securebits", PR_SET_SECUREBITS, no_words},
	{"set_mm", PR_SET_MM, mm_words},
	{"set_child_subreaper", PR_SET_CHILD_SUBREAPER, no_words},
	{"get_child_subreaper", PR_GET_CHILD_SUBREAPER, no_words},
	{"set_no_new_privs", PR_SET_NO_NEW_PRIVS, no_words},
	{"get_no_new_privs", PR_GET_NO_NEW_PRIVS, no_words},
	{"set_thp_disable", PR_SET_THP_DISABLE, no_words},
	{"get_thp_disable", PR_GET_THP_DISABLE, no_words},
	{"cap_ambient", PR_CAP_AMBIENT, ambient_words},
	{"set_mdwe", PR_SET_MDWE, no_words},
	{"get_mdwe", PR_GET_MDWE, no_words},
	{"set_memory_merge", PR_SET_MEMORY_MERGE, no_words},
	{"get_memory_merge", PR_GET_MEMORY_MERGE, no_words},
	{"set_vma", PR_SET_VMA, no_words},
};

#define NR_OPTIONS (sizeof(options) / sizeof(*options))

/* A request's word, the name of a capability, a number, a label +- offset. */
static int prctl_argument(
	struct cmd *c, const struct option *o, unsigned i, uint64_t *out)
{
	const struct arg *a = &c->arg[i];
	int cap = a->text ? cred_cap_number(a->text, a->len) : -1;

	for (unsigned k = 0; i == 1 && a->text && o->requests[k]; k++)
		if (strlen(o->requests[k]) == a->len &&
			!memcmp(o->requests[k], a->text, a->len)) {
			*out = k + 1;
			return 0;
		}
	*out = (uint64_t)cap;
	return cap < 0 ? arg_addr(c, i, out) : 0;
}

/* prctl OPTION [ARG2] [ARG3] [ARG4] [ARG5] */
int cmd_prctl(struct cmd *c)
{
	const struct option *o = options;
	uint64_t v[4];

	while (o < options + NR_OPTIONS && strcmp(o->name, c->arg[0].text))
		o++;
	if (o == options + NR_OPTIONS)
		return vm_fail(c->m, EINVAL,
			"prctl knows no option \"%s\"; help/prctl has them",
			c->arg[0].text);
	for (unsigned i = 0; i < 4; i++)
		if (prctl_argument(c, o, i + 1, &v[i]))
			return -c->m->fail.err;
	return reply_number(c, task_prctl(c->m, c->task, o->op, v));
}
