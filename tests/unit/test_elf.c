/* The ELF parser on good, cut and absurd files. */
#include "../../vm/task/elf_image.h"
#include "elf_rig.h"

#define TOP 0x7ffffffff000ull

/* Parses as execve does; 0 or -errno. */
static int parse(struct vm *m, const struct rig *r, size_t len,
	enum elf_role role, struct elf_image *img)
{
	int err;

	vm_fail_clear(m);
	err = elf_parse(m, r->b, len < 64 ? len : 64, len, role, img);
	if (err)
		return err;
	assert_true(img->phoff + img->phnum * img->phentsize <= len);
	return elf_segments(m, img, r->b + img->phoff);
}

static struct vm *blank(const char *arch)
{
	static struct vm m;

	memset(&m, 0, sizeof(m));
	m.arch = arch_find(arch);
	m.page_shift = 12;
	m.page_size = 4096;
	return &m;
}

static void test_good(void **state)
{
	struct vm *m = blank("x86_64");
	struct elf_image img;
	Elf64_Phdr p;
	struct rig r;

	for (int is64 = 0; is64 < 2; is64++) {
		rig_program(&r, is64, ET_DYN, 0x10000);
		rig_interp(&r, "/lib/ld.so");
		assert_int_equal(parse(m, &r, RIG_BYTES, ELF_PROGRAM, &img), 0);
		assert_int_equal(img.is64, is64);
		assert_true(img.dyn);
		assert_int_equal(img.phnum, 4);
		assert_int_equal(img.nr_loads, 2);
		assert_int_equal(img.entry, 0x10400);
		assert_int_equal(img.span, 0x3800 + 0x3900);
		assert_int_equal(img.align, 0x1000);
		assert_int_equal(img.stack, ELF_STACK_NOEXEC);
		assert_int_equal(img.interp_off, 0x300);
		assert_int_equal(img.interp_len, 11);
		elf_phdr(&img, 1, &p);
		assert_int_equal(p.p_offset, 0x2800);
		assert_int_equal(p.p_vaddr, 0x13800);
		assert_int_equal(p.p_memsz, 0x3900);
		assert_int_equal(p.p_flags, PF_R | PF_W);
	}
}

/* Every length: an errno until the headers are whole, then success. */
static void test_cut(void **state)
{
	struct vm *m = blank("x86_64");
	struct elf_image img;
	struct rig r;

	for (int is64 = 0; is64 < 2; is64++) {
		size_t whole = is64 ? 64 + 3 * 56 : 52 + 3 * 32;

		rig_program(&r, is64, ET_EXEC, 0x400000);
		for (size_t len = 0; len < whole + 50; len++) {
			int bad = len < whole;

			assert_int_equal(parse(m, &r, len, ELF_PROGRAM, &img),
				bad ? -ENOEXEC : 0);
			assert_int_equal(
				parse(m, &r, len, ELF_INTERPRETER, &img),
				bad ? -ELIBBAD : 0);
			assert_int_equal(!vm_sentence(m)[0], !bad);
		}
	}
}

static void set16(struct rig *r, size_t at, uint16_t v)
{
	memcpy(r->b + at, &v, sizeof(v));
}

static void test_bad_header(void **state)
{
	static const struct {
		size_t at;
		uint16_t value;
		int err;
		const char *sentence;
	} row[] = {
		{0, 0x457e, -ENOEXEC, "\\177ELF"},
		{offsetof(Elf64_Ehdr, e_type), ET_REL, -ENOEXEC, "e_type is 1"},
		{offsetof(Elf64_Ehdr, e_type), ET_CORE, -ENOEXEC,
			"e_type is 4"},
		{offsetof(Elf64_Ehdr, e_machine), EM_AARCH64, -ENOEXEC,
			"e_machine is 183, which arch=x86_64"},
		{offsetof(Elf64_Ehdr, e_phentsize), 55, -ENOEXEC,
			"e_phentsize is 55"},
		{offsetof(Elf64_Ehdr, e_phnum), 0, -ENOEXEC, "e_phnum is 0"},
		{offsetof(Elf64_Ehdr, e_phnum), 1171, -ENOEXEC, "1171"},
		{offsetof(Elf64_Ehdr, e_phnum), 0xffff, -ENOEXEC, "65535"},
		{offsetof(Elf64_Ehdr, e_phnum), 1000, -ENOEXEC,
			"56000 bytes of program headers at offset 64"},
		{offsetof(Elf64_Ehdr, e_phoff) + 6, 0x8000, -ENOEXEC, "offset"},
		{offsetof(Elf64_Ehdr, e_phoff) + 6, 0xffff, -ENOEXEC, "offset"},
	};
	struct vm *m = blank("x86_64");
	struct elf_image img;
	struct rig r;

	for (size_t i = 0; i < COUNT(row); i++) {
		rig_program(&r, true, ET_EXEC, 0x400000);
		set16(&r, row[i].at, row[i].value);
		assert_int_equal(
			parse(m, &r, RIG_BYTES, ELF_PROGRAM, &img), row[i].err);
		assert_sentence(vm_sentence(m), row[i].sentence);
	}
}

/* Of the last program header, as it is looked at once it is mapped. */
static int check_last(struct vm *m, struct rig *r, enum elf_role role)
{
	struct elf_image img;
	Elf64_Phdr p;

	assert_int_equal(parse(m, r, RIG_BYTES, role, &img), 0);
	elf_phdr(&img, img.phnum - 1, &p);
	return elf_check_load(m, &img, &p, 0, TOP);
}

static void test_bad_segment(void **state)
{
	static const struct {
		uint64_t off, vaddr, filesz, memsz;
		int err, interp_err;
		const char *sentence;
	} row[] = {
		{0, 0x400000, 0x1001, 0x1000, -EINVAL, -ENOMEM,
			"p_filesz 0x1001 is larger than its p_memsz 0x1000"},
		{0, TOP, 0, 0, -EINVAL, -ENOMEM, "does not end below"},
		{0, TOP - 0x1000, 0, 0x1001, -EINVAL, -ENOMEM, "0x1001 bytes"},
		{0, 0x1000, 0, UINT64_MAX, -EINVAL, -ENOMEM, "does not end"},
		{0, UINT64_MAX, 0, 1, -EINVAL, -ENOMEM, "does not end"},
		{0, 0xffff800000000000, 0, 1, -EINVAL, -ENOMEM, "does not end"},
	};
	struct vm *m = blank("x86_64");
	struct rig r;

	for (size_t i = 0; i < COUNT(row); i++) {
		rig_program(&r, true, ET_DYN, 0);
		rig_add(&r, PT_LOAD, PF_R, row[i].off, row[i].vaddr,
			row[i].filesz, row[i].memsz);
		assert_int_equal(check_last(m, &r, ELF_PROGRAM), row[i].err);
		assert_sentence(vm_sentence(m), row[i].sentence);
		assert_int_equal(
			check_last(m, &r, ELF_INTERPRETER), row[i].interp_err);
	}
}

static void test_odd_but_good(void **state)
{
	struct vm *m = blank("x86_64");
	struct elf_image img;
	struct rig r;

	/* Overlapping segments, an odd alignment, a huge one. */
	rig_program(&r, true, ET_DYN, 0);
	rig_add(&r, PT_LOAD, PF_R, 0, 0x1000, 0x3000, 0x3000);
	rig_ph(&r, 0)->p_align = 0x300000;
	rig_ph(&r, 1)->p_align = 1ull << 63;
	rig_ph(&r, 3)->p_align = 0;
	assert_int_equal(parse(m, &r, RIG_BYTES, ELF_PROGRAM, &img), 0);
	assert_int_equal(img.nr_loads, 3);
	assert_true(img.align == 1ull << 63);

	/* The last PT_GNU_STACK counts; the first PT_INTERP does. */
	rig_program(&r, true, ET_DYN, 0);
	rig_add(&r, PT_GNU_STACK, PF_R | PF_W | PF_X, 0, 0, 0, 0);
	rig_add(&r, PT_INTERP, PF_R, 0x500, 0, 9, 9);
	rig_add(&r, PT_INTERP, PF_R, 0x600, 0, 1, 1);
	assert_int_equal(parse(m, &r, RIG_BYTES, ELF_PROGRAM, &img), 0);
	assert_int_equal(img.stack, ELF_STACK_EXEC);
	assert_int_equal(img.interp_off, 0x500);

	/* No segment at all. */
	rig_header(&r, true, ET_DYN);
	rig_add(&r, PT_NOTE, 0, 0, 0, 0, 0);
	assert_int_equal(parse(m, &r, RIG_BYTES, ELF_PROGRAM, &img), 0);
	assert_int_equal(img.span, 0);

	/* Paths that are none. */
	rig_program(&r, true, ET_DYN, 0);
	rig_add(&r, PT_INTERP, PF_R, 0x300, 0, 1, 1);
	assert_int_equal(parse(m, &r, RIG_BYTES, ELF_PROGRAM, &img), -ENOEXEC);
	rig_ph(&r, 3)->p_filesz = 4097;
	assert_int_equal(parse(m, &r, RIG_BYTES, ELF_PROGRAM, &img), -ENOEXEC);
	assert_sentence(vm_sentence(m), "PT_INTERP has 4097 bytes");
}

/* Which machine runs what. */
static void test_class(void **state)
{
	struct vm *m = blank("i386");
	struct elf_image img;
	struct rig r;

	rig_program(&r, true, ET_EXEC, 0x400000);
	assert_int_equal(parse(m, &r, RIG_BYTES, ELF_PROGRAM, &img), -ENOEXEC);
	assert_sentence(vm_sentence(m), "e_machine is 62, which arch=i386");
	rig_program(&r, false, ET_EXEC, 0x400000);
	assert_int_equal(parse(m, &r, RIG_BYTES, ELF_PROGRAM, &img), 0);
}

/* Headers of noise: any answer, but never a look outside the file. */
static void test_noise(void **state)
{
	struct vm *m = blank("x86_64");
	uint64_t seed = 88172645463325252ull;
	struct elf_image img;
	struct rig r;

	for (int round = 0; round < 20000; round++) {
		rig_program(&r, round & 1, ET_DYN, 0);
		for (int k = 0; k < 4; k++)
			r.b[4 + vmtest_random(&seed) % 250] =
				(uint8_t)vmtest_random(&seed);
		parse(m, &r, RIG_BYTES, ELF_PROGRAM, &img);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bad_header),
		cmocka_unit_test(test_bad_segment),
		cmocka_unit_test(test_odd_but_good),
		cmocka_unit_test(test_class),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
