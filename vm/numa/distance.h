/* How far NUMA nodes are from each other, as the configuration says. */
#ifndef PAGEFS_VM_DISTANCE_H
#define PAGEFS_VM_DISTANCE_H

#include "../machine.h"

/* The numbers of a text; -1 if it is none of theirs. */
int distance_parse(struct vm_config *c, const char *text);
void distance_format(const struct vm_config *c, char *buf, size_t size);
/* Whether they are as many as the nodes need: 0, or -EINVAL and why. */
int distance_check(const struct vm_config *c, char *err);
/* 10 from a node to itself. */
unsigned distance_of(const struct vm_config *c, unsigned from, unsigned to);

#endif
