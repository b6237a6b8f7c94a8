/*
 * Files about the machine as a whole: replies, configuration, counters.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../persist/store.h"
#include "../vm/cmd/command.h"
#include "refusal.h"
#include "renderers.h"

static void show_reply(struct sbuf *b, const struct reply *r)
{
	char line[SENTENCE_MAX + 64];

	sbuf_mem(b, line, vm_reply_format(r, line, sizeof(line)));
	sbuf_char(b, '\n');
}

static void show_refusal(struct sbuf *b, const struct refusal *r)
{
	char line[600];

	sbuf_mem(b, line, refusal_format(r->err, r->text, line, sizeof(line)));
	sbuf_char(b, '\n');
}

void show_last(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct refusal *r = refusal_newest(v->refused, v->vm);

	if (r)
		show_refusal(b, r);
	else
		show_reply(b, &v->vm->root->last);
}

void show_task_last(struct sbuf *b, const struct view *v, uint64_t id)
{
	const struct refusal *r = refusal_of(v->refused, (uint32_t)id);

	if (r)
		show_refusal(b, r);
	else
		show_reply(b, &task_find(v->vm, (uint32_t)id)->last);
}

/* What `set` changes of what the machine was created with. */
static bool is_setting(const struct vm *m, const char *key)
{
	char value[128];
	const char *name;

	for (unsigned i = 0; settings_get(m, i, &name, value, sizeof(value));
		i++)
		if (!strcmp(name, key))
			return true;
	return false;
}

/* What the machine was created with, then what `set` changes; what is both as
 * it is now. */
void show_config(struct sbuf *b, const struct view *v, uint64_t id)
{
	char value[VM_CONFIG_VALUE_MAX];
	const char *name;

	for (unsigned i = 0; vm_config_keys[i]; i++) {
		if (is_setting(v->vm, vm_config_keys[i]))
			continue;
		vm_config_get(&v->vm->root->config, vm_config_keys[i], value,
			sizeof(value));
		sbuf_printf(b, "%s %s\n", vm_config_keys[i], value);
	}
	for (unsigned i = 0;
		settings_get(v->vm, i, &name, value, sizeof(value)); i++)
		sbuf_printf(b, "%s %s\n", name, value);
}

/*
 * Effective access time of the accesses so far, in hundredths of ns: each
 * costs the TLB and the memory, a walk the memory for each entry it reads, a
 * fault what the cost model says.
 */
static uint64_t effective_access_centi_ns(const struct root *root)
{
	const struct settings *set = &root->set;
	uint64_t n = root->count[CNT_TLB_LOOKUPS];
	double extra;

	if (!n)
		return 0;
	extra = (double)root->count[CNT_WALK_REFS] * set->cost_mem_ns +
		(double)root->count[CNT_PGFAULT] * set->cost_fault_ns;
	return (uint64_t)(100.0 * (set->cost_tlb_ns + set->cost_mem_ns) +
			  100.0 * extra / (double)n + 0.5);
}

/* The live machine's is kept up to date, a past one's is counted anew. */
static void put_state_hash(struct sbuf *b, const struct view *v)
{
	char hash[33];

	if (v->store && store_vm(v->store) == v->vm)
		store_live_hash(v->store, hash);
	else
		store_state_hash(v->vm, hash);
	sbuf_printf(b, "%s\n", hash);
}

void show_stats(struct sbuf *b, const struct view *v, uint64_t id)
{
	static const char *const names[] = {
#define X(c, name) name,
		VM_COUNTERS(X)
#undef X
	};
	const struct root *root = v->vm->root;
	uint64_t eat = effective_access_centi_ns(root);

	for (unsigned i = 0; i < NR_COUNTERS; i++) {
		sbuf_str(b, names[i]);
		sbuf_char(b, ' ');
		sbuf_dec(b, root->count[i]);
		sbuf_char(b, '\n');
	}
	sbuf_printf(b, "eat_ns %llu.%02u\n", (unsigned long long)(eat / 100),
		(unsigned)(eat % 100));
	sbuf_printf(b, "time_ns %llu\n", (unsigned long long)root->ns);
	sbuf_printf(b, "seq %llu\n", (unsigned long long)root->seq);
	sbuf_str(b, "state_hash ");
	put_state_hash(b, v);
}

void show_state_hash(struct sbuf *b, const struct view *v, uint64_t id)
{
	put_state_hash(b, v);
}

void show_timelines(struct sbuf *b, const struct view *v, uint64_t id)
{
	char *text = v->store ? store_timelines(v->store) : NULL;

	if (text)
		sbuf_str(b, text);
	free(text);
}
