/*
 * Links from proc/ into the host's /proc, for tools that look for themselves.
 */
#include "renderers.h"

void show_self(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, ".host/self");
}

void show_thread_self(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, ".host/thread-self");
}

void show_hostpid(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, ".host/");
	sbuf_dec(b, id);
}

void show_mounts(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, "self/mounts");
}

void show_net(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, "self/net");
}
