/* Logs for trace/strace. */
#include "../../vm/input/input.h"
#include "fuzz.h"

static void swallow(void *ctx, const char *s, size_t n)
{
	*(size_t *)ctx += n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vm *m = fuzz_machine();
	struct actor a = {.kind = ACTOR_STRACE};
	size_t n = 0;

	strace_feed(m, &a, (const char *)data, size / 2, true);
	strace_feed(m, &a, (const char *)data + size / 2, size - size / 2,
		size & 1);
	strace_report(m, swallow, &n);
	fuzz_finish(m);
	return 0;
}
