/* Valgrind lackey's text: the parser must stay inside its buffers. */
#include <stdlib.h>
#include <string.h>

#include "../../vm/input/input.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a heap copy of the exact size, so that a read beyond it is seen */
	char *text = malloc(size ? size : 1);
	uint64_t rec[64], bad = 0;
	size_t done = 0;

	memcpy(text, data, size);
	while (done < size) {
		size_t used = 0;
		size_t n = lackey_parse(
			text + done, size - done, rec, 64, &used, &bad);

		if (n > 64 || used > size - done)
			abort();
		if (!used)
			break;
		done += used;
	}
	free(text);
	return 0;
}
