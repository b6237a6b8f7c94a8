/* Commands of a process about NUMA nodes, named after their system calls. */
#include <string.h>

#include "../format.h"
#include "../numa/mempolicy.h"
#include "handlers.h"

/* set_mempolicy MODE [nodes=] */
int cmd_set_mempolicy(struct cmd *c)
{
	return numa_set_mempolicy(c->m, c->task, c->arg[0].num, c->arg[1].num);
}

/* mbind ADDR LEN MODE [nodes=] [flags=] */
int cmd_mbind(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	if (err)
		return err;
	return numa_mbind(c->m, c->task, va, c->arg[1].num, c->arg[2].num,
		c->arg[3].num, c->arg[4].num);
}

/* get_mempolicy [addr=] [flags=]: a policy, nodes or a node. */
int cmd_get_mempolicy(struct cmd *c)
{
	uint64_t flags = c->arg[1].num;
	char *text = c->reply->text;
	struct mpol_answer a;
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	if (!err)
		err = numa_get_mempolicy(c->m, c->task, va, flags, &a);
	if (err)
		return err;
	c->reply->kind = REPLY_TEXT;
	if (flags & MPOL_F_MEMS_ALLOWED)
		mpol_nodes_text(a.nodes, text, MPOL_TEXT);
	else if (flags & MPOL_F_NODE)
		vm_snprintf(text, MPOL_TEXT, "%u", a.number);
	else
		mpol_text(&(struct mempolicy){.mode = a.number}, a.nodes, text);
	return 0;
}

/* set_mempolicy_home_node ADDR LEN NODE */
int cmd_set_mempolicy_home_node(struct cmd *c)
{
	vaddr_t va;
	int err = arg_addr(c, 0, &va);

	return err ? err
		   : numa_set_home_node(c->m, c->task, va, c->arg[1].num,
			     c->arg[2].num, 0);
}

/* weighted_interleave NODE|auto WEIGHT|BOOL: the files of that name. */
int cmd_weighted_interleave(struct cmd *c)
{
	const struct arg *what = &c->arg[0], *to = &c->arg[1];
	uint64_t node, weight;

	if (what->len == 4 && !memcmp(what->text, "auto", 4)) {
		bool on = memchr("eEyYtT1", to->text[0], 7) ||
			  !strcmp(to->text, "on");

		if (on || memchr("dDnNfF0", to->text[0], 7) ||
			!strncmp(to->text, "of", 2))
			return numa_set_weight_auto(c->m, on);
	} else if (!words_number(what->text, what->len, &node) &&
		   !words_number(to->text, to->len, &weight)) {
		return numa_set_weight(c->m, node, weight);
	}
	return vm_fail(
		c->m, EINVAL, "a node has a weight, a number; auto is 0 or 1");
}

/* migrate_pages PID FROM TO */
int cmd_migrate_pages(struct cmd *c)
{
	uint64_t all = (1u << c->m->root->config.nodes) - 1;
	uint64_t from = c->arg[1].num, to = c->arg[2].num;
	int64_t left;
	int pid;

	if (arg_int(c, 0, &pid))
		return -ERANGE;
	left = numa_migrate_pages(c->m, c->task, pid,
		from == ~0ull ? all : from, to == ~0ull ? all : to);
	if (left < 0)
		return (int)left;
	c->reply->kind = REPLY_DEC;
	c->reply->value = (uint64_t)left;
	return 0;
}

/* ---- move_pages PID ADDR... [nodes=] [flags=] ---- */

/* The addresses; labels are those of the process. */
static int take_pages(struct cmd *c, const struct task *o, vaddr_t *page)
{
	const char *word[MAX_WORDS];
	unsigned nr = arg_words(c, 1, word, MAX_WORDS);

	for (unsigned i = 0; i < nr; i++) {
		struct arg a = {0};

		if (words_addr(word[i], &a))
			return vm_fail(c->m, EINVAL,
				"\"%s\" is no address: a number, a label, or "
				"either +offset",
				word[i]);
		page[i] = 0;
		if (a.text && label_get(c->m, o, a.text, a.len, &page[i]))
			return -c->m->fail.err;
		page[i] += a.num;
	}
	return 0;
}

/* "1,0,1", a node for each page, or one for all. */
static int take_nodes(struct cmd *c, unsigned nr, int *node)
{
	const char *s = c->arg[2].text, *end = s + c->arg[2].len;
	unsigned n = 0;

	for (; s <= end && n < nr; n++) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		const char *stop = comma ? comma : end;
		bool minus = s < stop && *s == '-';
		uint64_t v;

		if (words_number(s + minus, (size_t)(stop - s) - minus, &v) ||
			v > INT32_MAX)
			break;
		node[n] = minus ? -(int)v : (int)v;
		s = stop + 1;
	}
	if (s <= end || (n != nr && n != 1))
		return vm_fail(c->m, EINVAL,
			"nodes= is a node, or one for each of the %u pages, as "
			"1,0,1",
			nr);
	for (; n < nr; n++)
		node[n] = node[0];
	return 0;
}

/* "1", "ENOENT", or "-" for one that was not told; the length. */
static size_t status_word(char *buf, size_t size, int status)
{
	if (status == MOVE_UNTOLD)
		return vm_snprintf(buf, size, "-");
	if (status < 0)
		return vm_snprintf(buf, size, "%s", vm_errno_name(-status));
	return vm_snprintf(buf, size, "%d", status);
}

/* "0 1 ENOENT", behind "3 left: " if so many did not move; cut with "..." where
 * it is too long for a reply. */
static void put_status(
	struct reply *r, int left, unsigned nr, const int *status)
{
	size_t n = 0;

	r->kind = REPLY_TEXT;
	r->text[0] = '\0';
	if (left)
		n = vm_snprintf(r->text, sizeof(r->text), "%d left: ", left);
	for (unsigned i = 0; i < nr; i++) {
		if (n + 16 > sizeof(r->text)) {
			vm_snprintf(r->text + n, sizeof(r->text) - n, "...");
			return;
		}
		if (i)
			r->text[n++] = ' ';
		n += status_word(r->text + n, sizeof(r->text) - n, status[i]);
	}
}

int cmd_move_pages(struct cmd *c)
{
	struct move_request r = {.nr = c->arg[1].words, .flags = c->arg[3].num};
	int node[MAX_WORDS], status[MAX_WORDS], pid, err;
	vaddr_t page[MAX_WORDS];
	const struct task *o;

	if (arg_int(c, 0, &pid))
		return -ERANGE;
	o = pid ? task_find(c->m, (uint32_t)pid) : c->task;
	err = take_pages(c, o ? o : c->task, page);
	if (!err && c->arg[2].given)
		err = take_nodes(c, r.nr, node);
	if (err)
		return err;
	r.page = page;
	r.node = c->arg[2].given ? node : NULL;
	err = numa_move_pages(c->m, c->task, pid, &r, status);
	if (err < 0)
		return err;
	put_status(c->reply, err, r.nr, status);
	return 0;
}
