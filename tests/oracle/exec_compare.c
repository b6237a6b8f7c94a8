/*
 * Prints an address space as it is right after execve, before the program's
 * first instruction: once as the running kernel builds it, once as the
 * machine does.  exec_compare.sh compares the two.
 *
 *	exec_compare kernel|model [OPTION...] PROGRAM [ARG...]
 *
 *	-s BYTES    RLIMIT_STACK        -a BYTES    RLIMIT_AS of the program
 *	-i FILE     its interpreter, which a damaged one may not tell
 *	-m COUNT    max_map_count, which has to be the host's
 *
 * A program that cannot be executed has an errno, or kills its process.
 * exec_damage.py makes such programs.
 *
 * Left out or blanked: device and inode, the random bytes, and what auxv says
 * about the host's processor and the inside of its vdso.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../host/host.h"
#include "../../vm/disk/disk.h"
#include "../../vm/mm/mm.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/task/task.h"
#include "../../vm/vm.h"

extern char **environ;

static rlim_t limit_as = RLIM_INFINITY; /* of the program alone */
/* What the machine needs, too: a damaged program does not tell. */
static const char *interpreter;
static const char *max_map_count;

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "exec_compare: %s: %s\n", what, why);
	exit(2);
}

/* ---- the common print ---------------------------------------------------- */

/* mm fields, in the order of /proc/PID/stat. */
static const char *const field_name[] = {"start_code", "end_code",
	"start_stack", "start_data", "end_data", "start_brk", "arg_start",
	"arg_end", "env_start", "env_end"};
#define NR_FIELDS 10

static uint64_t word_at(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	memcpy(&v, p, bytes);
	return v;
}

static bool varies(uint64_t type)
{
	return type == AT_HWCAP || type == AT_HWCAP2 ||
	       type == AT_MINSIGSTKSZ || type == AT_SYSINFO;
}

/* Blanks, in the bytes of the stack from sp on, what differs by host. */
static void blank(uint8_t *stack, uint64_t len, uint64_t sp, unsigned bytes)
{
	uint8_t *p = stack + bytes;

	for (int lists = 0; lists < 2; p += bytes)
		lists += word_at(p, bytes) == 0;
	for (; word_at(p, bytes); p += 2 * bytes) {
		uint64_t type = word_at(p, bytes);
		uint64_t value = word_at(p + bytes, bytes);

		if (varies(type))
			memset(p + bytes, 0, bytes);
		if (type == AT_RANDOM && value - sp < len - 16)
			memset(stack + (value - sp), 0, 16);
	}
}

static void print_stack(
	uint8_t *stack, uint64_t len, uint64_t sp, unsigned bytes)
{
	blank(stack, len, sp, bytes);
	for (uint64_t i = 0; i < len; i += 16) {
		printf("%012" PRIx64, sp + i);
		for (uint64_t k = i; k < i + 16 && k < len; k++)
			printf(" %02x", stack[k]);
		putchar('\n');
	}
}

static void print_fields(const uint64_t *field)
{
	for (int i = 0; i < NR_FIELDS; i++)
		printf("%-12s %" PRIx64 "\n", field_name[i], field[i]);
}

/* ---- the kernel's -------------------------------------------------------- */

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "r");
	if (!f)
		die(path, strerror(errno));
	return f;
}

static unsigned kernel_present(FILE *pagemap, uint64_t start, uint64_t end)
{
	unsigned nr = 0;

	for (uint64_t va = start; va < end; va += 4096) {
		uint64_t e = 0;

		if (pread(fileno(pagemap), &e, 8, (off_t)(va / 4096 * 8)) == 8)
			nr += e >> 63;
	}
	return nr;
}

static uint64_t kernel_maps(pid_t pid, FILE *maps, FILE *pagemap)
{
	char line[PATH_MAX + 128], perms[5];
	uint64_t start, end, off, top = 0;

	while (fgets(line, sizeof(line), maps)) {
		int name = 0;

		line[strcspn(line, "\n")] = '\0';
		sscanf(line,
			"%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n",
			&start, &end, perms, &off, &name);
		if (!strcmp(line + name, "[vsyscall]"))
			continue;
		printf("%08" PRIx64 "-%08" PRIx64 " %s %08" PRIx64
		       " present %u %s\n",
			start, end, perms, off,
			kernel_present(pagemap, start, end), line + name);
		if (!strcmp(line + name, "[stack]"))
			top = end;
	}
	return top;
}

static void kernel_fields(FILE *stat, uint64_t *field)
{
	static const int at[NR_FIELDS] = {
		26, 27, 28, 45, 46, 47, 48, 49, 50, 51};
	char text[2048];
	char *p, *save = NULL;
	int nr = 2, i = 0;

	if (!fgets(text, sizeof(text), stat))
		die("stat", "cannot be read");
	p = strtok_r(strrchr(text, ')') + 1, " ", &save);
	for (nr = 3; p && i < NR_FIELDS; nr++) {
		if (nr == at[i])
			field[i++] = strtoull(p, NULL, 10);
		p = strtok_r(NULL, " ", &save);
	}
}

static void show_kernel(pid_t pid)
{
	FILE *mem = open_proc(pid, "mem");
	FILE *exe = open_proc(pid, "exe");
	uint64_t field[NR_FIELDS], top, len;
	Elf32_Ehdr head;
	uint8_t *stack;

	top = kernel_maps(
		pid, open_proc(pid, "maps"), open_proc(pid, "pagemap"));
	kernel_fields(open_proc(pid, "stat"), field);
	print_fields(field);
	if (!top) { /* a segment took its place */
		puts("no stack");
		return;
	}
	len = top - field[2];
	stack = malloc(len);
	if (!stack ||
		pread(fileno(mem), stack, len, (off_t)field[2]) !=
			(ssize_t)len ||
		fread(&head, 1, sizeof(head), exe) != sizeof(head))
		die("mem", strerror(errno));
	print_stack(stack, len, field[2], head.e_machine == EM_X86_64 ? 8 : 4);
	free(stack);
}

static int run_kernel(char **argv)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		const struct rlimit as = {limit_as, RLIM_INFINITY};

		personality(ADDR_NO_RANDOMIZE);
		setrlimit(RLIMIT_AS, &as);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execve(argv[0], argv, environ);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork", strerror(errno));
	if (WIFEXITED(status)) {
		printf("%s\n", strerrorname_np(WEXITSTATUS(status)));
		return 0;
	}
	/* SIGTRAP tells that it begins, another signal that it will not. */
	if (WSTOPSIG(status) == SIGTRAP)
		show_kernel(pid);
	else
		printf("killed by SIG%s\n", sigabbrev_np(WSTOPSIG(status)));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return 0;
}

/* ---- the machine's ------------------------------------------------------- */

static void model_mkdirs(struct vm *m, const char *path)
{
	char dir[PATH_MAX];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(p - path), path);
		disk_mkdir(m, dir, 0755, 0, 0);
		vm_fail_clear(m);
	}
}

static uint8_t *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	uint8_t *bytes;

	if (!f || fstat(fileno(f), &st))
		die(path, strerror(errno));
	*len = (size_t)st.st_size;
	bytes = calloc(1, *len + 4096);
	if (!bytes || fread(bytes, 1, *len, f) != *len)
		die(path, "cannot be read");
	fclose(f);
	return bytes;
}

static void model_install(struct vm *m, const char *path);

/* Where program header i, if it is PT_INTERP, says the path lies; else 0. */
static uint64_t interp_offset(const uint8_t *bytes, size_t len, unsigned i)
{
	const Elf64_Ehdr *h = (const void *)bytes;
	const Elf32_Ehdr *h32 = (const void *)bytes;
	const Elf64_Phdr *p;
	const Elf32_Phdr *p32;

	if (bytes[EI_CLASS] == ELFCLASS64) {
		p = (const void *)(bytes + h->e_phoff + i * sizeof(*p));
		if (i >= h->e_phnum || h->e_phoff + (i + 1) * sizeof(*p) > len)
			return 0;
		return p->p_type == PT_INTERP ? p->p_offset : 0;
	}
	p32 = (const void *)(bytes + h32->e_phoff + i * sizeof(*p32));
	if (i >= h32->e_phnum || h32->e_phoff + (i + 1) * sizeof(*p32) > len)
		return 0;
	return p32->p_type == PT_INTERP ? p32->p_offset : 0;
}

/* The interpreter that the bytes name, by #! or PT_INTERP. */
static void install_interp(struct vm *m, const uint8_t *bytes, size_t len)
{
	char name[256];

	if (bytes[0] == '#' &&
		sscanf((const char *)bytes, "#! %255s", name) == 1)
		model_install(m, name);
	if (memcmp(bytes, ELFMAG, SELFMAG))
		return;
	for (unsigned i = 0; i < 64; i++) {
		uint64_t off = interp_offset(bytes, len, i);

		if (off && off < len && bytes[off])
			model_install(m, (const char *)bytes + off);
	}
}

/* Copies a file of the host under its real path, and links path to it. */
static void model_install(struct vm *m, const char *path)
{
	char real[PATH_MAX];
	uint8_t *bytes;
	idx_t inode;
	size_t len;

	if (!realpath(path, real))
		return; /* then the machine will not find it either */
	if (disk_lookup(m, real, true))
		return;
	vm_fail_clear(m);
	bytes = slurp(real, &len);
	model_mkdirs(m, real);
	inode = disk_create(m, real, 0755, 0, 0);
	if (!inode || disk_write(m, inode, 0, bytes, len) < 0)
		die(real, vm_sentence(m));
	if (strcmp(real, path)) {
		model_mkdirs(m, path);
		if (disk_symlink(m, real, path, 0, 0))
			die(path, vm_sentence(m));
	}
	install_interp(m, bytes, len);
	free(bytes);
}

static unsigned model_present(
	const struct vm *m, const struct mm *mm, const struct vma *v)
{
	unsigned nr = 0;

	for (vaddr_t va = v->start; va < v->end; va += 4096)
		nr += pte_present(m, pt_get(m, mm, va));
	return nr;
}

static uint64_t model_maps(const struct vm *m, const struct mm *mm)
{
	const struct vma *v;
	uint64_t top = 0;
	char name[PATH_MAX];

	vma_for_each (m, mm, v) {
		name[vma_name(m, mm, v, name, sizeof(name))] = '\0';
		printf("%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64
		       " present %u %s\n",
			v->start, v->end, v->flags & VM_READ ? 'r' : '-',
			v->flags & VM_WRITE ? 'w' : '-',
			v->flags & VM_EXEC ? 'x' : '-',
			v->flags & VM_MAYSHARE ? 's' : 'p',
			v->file ? v->pgoff << 12 : 0, model_present(m, mm, v),
			name);
		if (!strcmp(name, "[stack]"))
			top = v->end;
	}
	return top;
}

static void show_model(const struct vm *m, const struct mm *mm)
{
	uint64_t field[NR_FIELDS] = {mm->start_code, mm->end_code,
		mm->start_stack, mm->start_data, mm->end_data, mm->start_brk,
		mm->arg_start, mm->arg_end, mm->env_start, mm->env_end};
	const struct layout *l = mm_layout(m, mm);
	uint64_t top = model_maps(m, mm), len = top - mm->start_stack;
	uint8_t *stack = top ? malloc(len) : NULL;

	print_fields(field);
	if (!top) {
		puts("no stack");
		return;
	}
	if (!stack || mem_look(m, mm, mm->start_stack, stack, len) != len)
		die("stack", "cannot be read");
	print_stack(stack, len, mm->start_stack, l->addr_bits / 8);
	free(stack);
}

static int run_model(char **argv)
{
	struct exec_args x = {.path = argv[0],
		.argv = (const char *const *)argv,
		.envp = (const char *const *)environ};
	char err[SENTENCE_MAX];
	const struct exec_args bare = {0};
	struct vm_config c;
	struct rlimit r;
	struct sysinfo host;
	struct task *t;
	uint64_t ram;
	struct vm *m;

	while (argv[x.argc])
		x.argc++;
	while (environ[x.envc])
		x.envc++;
	vm_config_default(&c);
	m = vm_boot(&c, &host_mmap, err);
	if (!m)
		die("boot", err);
	model_install(m, argv[0]);
	if (interpreter)
		model_install(m, interpreter);
	t = task_spawn(m, getuid(), getgid(), &bare, NULL);
	if (!t)
		die("spawn", vm_sentence(m));
	t = task_fork(m, t, SIGCHLD); /* whose parent keeps it as a zombie */
	if (!t)
		die("fork", vm_sentence(m));
	getrlimit(RLIMIT_STACK, &r);
	t->rlim[RLIM_STACK].soft = r.rlim_cur;
	t->rlim[RLIM_AS].soft = limit_as;
	/* What is too much to promise is the host's. */
	ram = m->root->totalram_pages;
	sysinfo(&host);
	m->root->totalram_pages =
		(host.totalram + host.totalswap) * host.mem_unit / 4096;
	if (max_map_count)
		m->root->set.max_map_count =
			(uint32_t)strtoul(max_map_count, NULL, 10);
	if (!task_exec(m, t, &x)) {
		show_model(m, mm_at(m, t->mm));
	} else {
		fprintf(stderr, "%s\n", vm_sentence(m));
		if (t->mm)
			printf("%s\n", vm_errno_name(m->fail.err));
		else
			printf("killed by SIG%s\n",
				sigabbrev_np(t->exit_code & 0x7f));
	}
	vm_fail_clear(m);
	m->root->totalram_pages = ram;
	if (vm_check(m))
		printf("vm_check: %s\n", vm_sentence(m));
	vm_destroy(m);
	return 0;
}

int main(int argc, char **argv)
{
	bool kernel = argc > 1 && !strcmp(argv[1], "kernel");
	char **prog = argv + 2;
	struct rlimit r;
	bool as;

	while (prog[0] && prog[1] && prog[0][0] == '-') {
		if (prog[0][1] == 'i' || prog[0][1] == 'm') {
			*(prog[0][1] == 'i' ? &interpreter : &max_map_count) =
				prog[1];
			prog += 2;
			continue;
		}
		as = prog[0][1] == 'a';
		r.rlim_max = RLIM_INFINITY;
		r.rlim_cur = strcmp(prog[1], "unlimited")
				     ? strtoull(prog[1], NULL, 0)
				     : RLIM_INFINITY;
		if (!as && setrlimit(RLIMIT_STACK, &r))
			die("setrlimit", strerror(errno));
		if (as)
			limit_as = r.rlim_cur;
		prog += 2;
	}
	if (argc < 3 || !*prog)
		die("usage", "kernel|model [-s STACK_LIMIT] [-a AS_LIMIT] "
			     "PROGRAM [ARG...]");
	return kernel ? run_kernel(prog) : run_model(prog);
}
