#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../host/host.h"

struct vm *fuzz_machine(void)
{
	struct vm_config c;
	char err[SENTENCE_MAX];
	struct vm *m;

	vm_config_default(&c);
	if (vm_config_set(&c, "ram", "32M", err) ||
		vm_config_set(&c, "disk", "8M", err))
		abort();
	m = vm_boot(&c, &host_mmap, err);
	if (!m) {
		fprintf(stderr, "%s\n", err);
		abort();
	}
	return m;
}

void fuzz_finish(struct vm *m)
{
	if (vm_check(m)) {
		fprintf(stderr, "%s\n", vm_sentence(m));
		abort();
	}
	vm_destroy(m);
}
