/*
 * Contents under copy-on-write: processes fork, store through private, shared
 * and file mappings, exit; every byte must read back as a plain model says.
 */
#include "fault_rig.h"

#define PAGES	  24u /* of each area */
#define NR_PROC	  8u
#define FILE_SIZE (20u * 4096 + 100)

enum area { PRIVATE, SHARED, FILE_PRIVATE, FILE_SHARED, NR_AREAS };

/* What one process should see in its private areas, by byte 0 and 77 of each
 * page. */
struct model {
	struct task *t;
	uint8_t anon[PAGES][2], file[PAGES][2];
	bool own[PAGES]; /* the process has its own copy of the file's page */
};

static struct model proc[NR_PROC];
static uint8_t shared[PAGES][2], file_bytes[PAGES][2];
static idx_t inode;

static vaddr_t area(enum area a)
{
	return RIG_BASE + a * MiB;
}

static const unsigned byte_at[2] = {0, 77};

static uint8_t *cell(struct model *p, enum area a, unsigned page, unsigned k)
{
	switch (a) {
	case PRIVATE:
		return &p->anon[page][k];
	case SHARED:
		return &shared[page][k];
	case FILE_PRIVATE:
		return p->own[page] ? &p->file[page][k] : &file_bytes[page][k];
	default:
		return &file_bytes[page][k];
	}
}

static void start(void)
{
	idx_t file;

	memset(proc, 0, sizeof(proc));
	memset(shared, 0, sizeof(shared));
	memset(file_bytes, 0, sizeof(file_bytes));
	inode = make_file("/f", FILE_SIZE / 4096);
	disk_truncate(m, inode, FILE_SIZE);
	for (unsigned i = 0; i < FILE_SIZE / 4096; i++)
		file_bytes[i][0] = file_bytes[i][1] = (uint8_t)(i % 251 + 1);
	file = open_rw("/f");
	map(area(PRIVATE), PAGES, RW, ANON, 0, 0);
	map(area(SHARED), PAGES, RW, MAP_SHARED | MAP_ANONYMOUS, 0, 0);
	map(area(FILE_PRIVATE), PAGES, RW, MAP_PRIVATE, file, 0);
	map(area(FILE_SHARED), PAGES, RW, MAP_SHARED, file, 0);
	file_put(m, file);
	proc[0].t = t;
}

static bool beyond(enum area a, unsigned page)
{
	return a >= FILE_PRIVATE && page > FILE_SIZE / 4096;
}

static void check_cell(struct model *p, enum area a, unsigned page, unsigned k)
{
	vaddr_t va = page_at(area(a), page) + byte_at[k];
	uint8_t b = 0;
	int err = load_of(p->t, va, &b);

	if (beyond(a, page)) {
		assert_int_equal(err, -EFAULT);
		assert_int_equal(sf.sig, SIGBUS);
		return;
	}
	assert_int_equal(err, 0);
	if (b != *cell(p, a, page, k))
		fail_msg("process %u area %u page %u byte %u: 0x%x, not 0x%x",
			p->t->pid, a, page, byte_at[k], b,
			*cell(p, a, page, k));
}

static void store(
	struct model *p, enum area a, unsigned page, unsigned k, uint8_t value)
{
	vaddr_t va = page_at(area(a), page) + byte_at[k];

	if (beyond(a, page)) {
		assert_int_equal(store_of(p->t, va, value), -EFAULT);
		return;
	}
	if (a == FILE_PRIVATE && !p->own[page]) {
		p->own[page] = true;
		memcpy(p->file[page], file_bytes[page], 2);
	}
	assert_int_equal(store_of(p->t, va, value), 0);
	*cell(p, a, page, k) = value;
}

static void fork_into(struct model *to, struct model *from)
{
	*to = *from;
	to->t = task_fork(m, from->t, 0);
	if (!to->t)
		fail_msg("%s", vm_sentence(m));
}

static void check_everything(void)
{
	for (unsigned i = 0; i < NR_PROC; i++)
		for (unsigned c = 0; proc[i].t && c < NR_AREAS * PAGES; c++) {
			check_cell(&proc[i], c / PAGES, c % PAGES, 0);
			check_cell(&proc[i], c / PAGES, c % PAGES, 1);
		}
	for (unsigned i = 0; i < FILE_SIZE / 4096; i++) {
		uint8_t b = 0;

		disk_read(m, inode, i * 4096u + byte_at[1], &b, 1);
		assert_int_equal(b, file_bytes[i][1]);
	}
	vmtest_check(m);
}

/* Drops pages: private anonymous ones read as zero, private copies of the
 * file's are the file's again, shared ones stay. */
static void drop(struct model *p, enum area a, unsigned page)
{
	vm_fail_clear(m);
	assert_int_equal(
		mm_madvise(m, p->t, page_at(area(a), page), m->page_size, 4),
		0);
	if (a == PRIVATE)
		memset(p->anon[page], 0, 2);
	if (a == FILE_PRIVATE)
		p->own[page] = false;
}

static void step(uint64_t r)
{
	struct model *p = &proc[r % NR_PROC], *q = &proc[(r >> 8) % NR_PROC];
	enum area a = (r >> 16) % NR_AREAS;
	unsigned page = (r >> 24) % PAGES, k = r >> 32 & 1;
	unsigned what = (r >> 40) % 64;

	vm_fail_clear(m);
	if (!p->t)
		return;
	if (what < 2 && !q->t) {
		fork_into(q, p);
	} else if (what == 3 && p != &proc[0]) {
		task_exit(m, p->t, 0);
		p->t = NULL;
	} else if (what < 6) {
		drop(p, a, page);
	} else if (what == 6) {
		mm_msync(m, p->t, area(FILE_SHARED), PAGES << m->page_shift, 4);
	} else if (what == 7 && page < FILE_SIZE / 4096) {
		file_bytes[page][k] = (uint8_t)(r >> 48);
		disk_write(m, inode, page * 4096u + byte_at[k],
			&file_bytes[page][k], 1);
	} else if (what == 8) {
		mm_mprotect(
			m, p->t, area(a), PAGES << m->page_shift, PROT_READ);
		check_cell(p, a, page, k);
		mm_mprotect(m, p->t, area(a), PAGES << m->page_shift, RW);
	} else if (what < 36) {
		store(p, a, page, k, (uint8_t)(r >> 48));
	} else {
		check_cell(p, a, page, k);
	}
}

static void test_contents(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;

	start();
	for (unsigned i = 0; i < 40000; i++) {
		step(vmtest_random(&seed));
		if (i % 2000 == 0)
			check_everything();
	}
	check_everything();
	assert_true(m->root->count[CNT_FAULT_COW] > 200);
	assert_true(m->root->count[CNT_FAULT_REUSE] > 100);
	assert_true(m->root->count[CNT_FORKS] > 30);
}

/* The zero page and holes stay without bytes of their own when copied. */
static void test_no_bytes_for_zeros(void **state)
{
	struct frame *f;

	disk_placeholder(m, "/sparse", 4 * 4096);
	map(RIG_BASE, 4, RW, MAP_PRIVATE, open_rw("/sparse"), 0);
	vm_fail_clear(m);
	assert_int_equal(
		mem_access(m, t, RIG_BASE, 1, ACC_WRITE, NULL, &sf), 0);
	f = frame_at(m, pfn_of(t, RIG_BASE));
	assert_int_equal(f->state, FRAME_ANON);
	assert_false(f->flags & FR_BYTES);
	put(RIG_BASE, 1);
	assert_true(f->flags & FR_BYTES);
	file_put(m, vma_lookup(m, t->mm, RIG_BASE)->file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_contents),
		RIG_TEST(test_no_bytes_for_zeros),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
