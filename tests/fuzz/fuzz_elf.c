/*
 * Programs for execve: the input is a file, /p, that is also the interpreter
 * that corpus files name.  First the parser alone, then the whole of execve.
 */
#include <stdlib.h>

#include "../../vm/disk/disk.h"
#include "../../vm/task/elf_image.h"
#include "../../vm/task/task.h"
#include "fuzz.h"

static void parse(struct vm *m, const uint8_t *data, size_t size)
{
	struct elf_image img;
	Elf64_Phdr p;

	for (int role = ELF_PROGRAM; role <= ELF_INTERPRETER; role++) {
		vm_fail_clear(m);
		if (elf_parse(m, data, size < 64 ? size : 64, size, role, &img))
			continue;
		if (elf_segments(m, &img, data + img.phoff))
			continue;
		for (unsigned i = 0; i < img.phnum; i++) {
			elf_phdr(&img, i, &p);
			elf_check_load(
				m, &img, &p, 0, m->arch->native.task_size);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exec_args x = {.path = "/p"};
	struct vm *m = fuzz_machine();
	struct task *t;
	idx_t inode;

	parse(m, data, size);
	vm_fail_clear(m);
	inode = disk_create(m, "/p", 0755, 0, 0);
	if (!inode || disk_write(m, inode, 0, data, size) != (int64_t)size)
		abort();
	t = task_spawn(m, 0, 0, &x, NULL);
	if (t && task_exec(m, t, &x) == 0)
		task_exit(m, t, 0);
	fuzz_finish(m);
	return 0;
}
