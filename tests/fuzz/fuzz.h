/* What the fuzz targets share: a small machine to run input in. */
#ifndef PAGEFS_FUZZ_H
#define PAGEFS_FUZZ_H

#include <stdint.h>

#include "../../vm/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A machine of 32 MiB, freshly booted; aborts when it cannot be made. */
struct vm *fuzz_machine(void);
/* Checks every invariant, aborts with the sentence if one does not hold, and
 * destroys the machine. */
void fuzz_finish(struct vm *m);

#endif
