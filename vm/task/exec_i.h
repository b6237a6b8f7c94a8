/* A program on its way into memory: what the steps of execve hand on. */
#ifndef PAGEFS_VM_EXEC_I_H
#define PAGEFS_VM_EXEC_I_H

#include "elf_image.h"
#include "../mm/mm.h"
#include "exec.h"
#include "task.h"

#define SCRIPT_HEAD  256u /* Linux: BINPRM_BUF_SIZE */
#define SCRIPT_DEPTH 5u	  /* interpreters of interpreters */

struct bprm {
	struct vm *m;
	struct task *t;
	const char *filename; /* as asked for: AT_EXECFN, comm */

	/* The program and its interpreter, opened; a reference each. */
	idx_t file, interp; /* 0 none */
	struct elf_image img, interp_img;
	uint8_t *tables; /* program headers of both, scratch memory */

	/*
	 * argv is what scripts put in front, in reverse, then the rest of the
	 * caller's.  Three words for the first script, two for each more.
	 */
	const char *front[3 + 2 * SCRIPT_DEPTH];
	unsigned nr_front;
	const char *const *argv;
	unsigned argc;
	const char *const *envp;
	unsigned envc;
	char line[SCRIPT_DEPTH + 1][SCRIPT_HEAD + 1];

	/* the image under construction */
	enum compat compat;
	const struct layout *layout; /* the same, as data */
	bool random;		     /* its addresses are random, see aslr.c */
	vaddr_t stack_top;	     /* one past the stack */
	vaddr_t p;		     /* lowest byte of the stack in use */
	vaddr_t p_low;		     /* lowest that p has been */
	vaddr_t execfn;
	vaddr_t bias, entry, phdr, interp_base;
	vaddr_t vdso;
	bool mapped;	  /* program and interpreter are there */
	struct cred cred; /* of the program */
	struct exec_rights rights;
	uint64_t stack_limit; /* the program's RLIMIT_STACK */
};

/*
 * Splits a "#!" line in head, SCRIPT_HEAD bytes and a NUL, in place: *name,
 * and *arg or NULL.  0; 1 if head is no script; -ENOEXEC.
 */
int script_parse(struct vm *m, char *head, char **name, char **arg);

/* Maps the segments of the program and its interpreter into t's mm; sets the
 * mm's code, data and break, and bias, entry, phdr, interp_base. */
int image_map(struct bprm *b);

/*
 * Random addresses (aslr.c).  aslr_begin() decides whether there are any and
 * places stack and mappings; the others return 0 or their argument if not.
 */
void aslr_begin(struct bprm *b);
uint64_t aslr_image(struct bprm *b); /* bytes above the base of PIEs */
vaddr_t aslr_brk(struct bprm *b, vaddr_t brk);	/* where the heap begins */
vaddr_t aslr_stack(struct bprm *b, vaddr_t sp); /* 16-byte aligned always */

/* Where the strings go, and whether they may have so much stack: 0, -E2BIG. */
int stack_measure(struct bprm *b);
/* The stack VMA and the strings; later, the vectors below them. */
int stack_strings(struct bprm *b);
int stack_tables(struct bprm *b);

#endif
