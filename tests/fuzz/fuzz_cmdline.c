/* Command lines of every kind of control file, run on a small machine. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t kinds[] = {
		ACTOR_PROCESS, ACTOR_MACHINE, ACTOR_DISK, ACTOR_PROCESS};
	struct vm *m = fuzz_machine();
	struct vm_outcome out;
	struct event e = {0};

	if (size) {
		e.actor.kind = kinds[data[0] & 3];
		e.actor.id = e.actor.kind == ACTOR_PROCESS ? 1 : 0;
		e.text = (const char *)data + 1;
		e.text_len = size - 1;
		if (!vm_parse_first(m, &e))
			vm_apply(m, &e, NULL, NULL, &out);
	}
	fuzz_finish(m);
	return 0;
}
