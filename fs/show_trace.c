/*
 * proc/PID/trace, read: what the memory traces of the process came to.
 */
#include "renderers.h"
#include "show_proc.h"

static void line(struct sbuf *b, const char *name, uint64_t v)
{
	sbuf_str(b, name);
	sbuf_char(b, ' ');
	sbuf_dec(b, v);
	sbuf_char(b, '\n');
}

/*
 * accesses = loads + stores + fetches; lookups = hits of both levels +
 * misses, and exceeds accesses by those that cross a page.
 */
void show_trace(struct sbuf *b, const struct view *view, uint64_t id)
{
	const struct task *t = show_task(view, id);
	const struct trace_stats *s;

	if (!t)
		return;
	s = &t->trace;
	line(b, "accesses", s->accesses);
	line(b, "loads", s->loads);
	line(b, "stores", s->stores);
	line(b, "fetches", s->fetches);
	line(b, "tlb_lookups", s->lookups);
	line(b, "tlb_l1_hits", s->l1_hits);
	line(b, "tlb_l2_hits", s->l2_hits);
	line(b, "tlb_misses", s->misses);
	line(b, "page_walks", s->walks);
	line(b, "faults_minor", s->faults_minor);
	line(b, "faults_major", s->faults_major);
	line(b, "faults_refused", s->faults_refused);
	line(b, "outside", s->outside);
	line(b, "mapped", s->mapped);
	line(b, "bad_lines", s->bad_lines);
}
