/* The simulated disks: 0 is vda, the disk of disk/; 1 is vdb, the swap area,
 * if there is one. */
#ifndef PAGEFS_FS_DISKS_H
#define PAGEFS_FS_DISKS_H

#include "../vm/machine.h"

unsigned nr_disks(const struct vm *m);

#endif
