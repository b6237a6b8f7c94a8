/* The simulated disks, by enum disk_id: vda of disk/; vdb, the swap area, if
 * there is one; zram0. */
#ifndef PAGEFS_FS_DISKS_H
#define PAGEFS_FS_DISKS_H

#include "../vm/machine.h"

bool disk_is_there(const struct vm *m, unsigned disk);
const char *disk_label(unsigned disk);
/* Its major and minor number. */
void disk_numbers(unsigned disk, unsigned *major, unsigned *minor);

#endif
