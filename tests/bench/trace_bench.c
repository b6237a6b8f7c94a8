/*
 * Trace simulation against its floor: a loop that does nothing but look up a
 * two-level TLB of the same geometry.  Both run over the same records in one
 * process, in turn; medians of five.
 *
 *	trace_bench [FILE]		measures
 *	trace_bench files TEXT FILE	makes FILE of lackey's TEXT, or both
 *					when there is no TEXT
 *
 * FILE holds binary records (vm/mmu/mmu.h).  Without it a trace is generated:
 * straight code, a hot stack, sweeps over arrays, a walk of pointers.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../host/host.h"
#include "../../vm/input/input.h"
#include "../../vm/mmu/mmu.h"
#include "../../vm/vm.h"
#include "trace_floor.h"

#define NR_GENERATED (16u << 20)
#define NR_TEXT	     (2u << 20) /* records formatted as lackey's text */

/* ---- traces ---------------------------------------------------------------
 */

/*
 * Half of a program's accesses are fetches; of the others most go to the
 * stack or on along an array, a few anywhere in 16 MiB.
 */
static uint64_t *generate(size_t nr)
{
	uint64_t *rec = malloc(nr * sizeof(*rec));
	uint64_t seed = 88172645463325252ull, pc = 0x401000, array = 0;
	uint64_t sp = 0x1fff000000;

	for (size_t i = 0; rec && i < nr; i++) {
		uint64_t r = random_next(&seed), what = r >> 8 & 63;
		uint64_t kind = r & 3 ? TRACE_LOAD : TRACE_STORE;

		if (i & 1) {
			pc += 4;
			if (!(r & 15)) /* a jump, now and then a far one */
				pc = 0x401000 + (r >> 32 & 0xfff) +
				     (r & 0x700 ? 0 : (r >> 44 & 0x3f) << 12);
			rec[i] = TRACE_RECORD(TRACE_FETCH, 2, pc);
		} else if (what < 34) {
			rec[i] = TRACE_RECORD(
				kind, 3, sp - (r >> 32 & 0x3ff) * 8);
		} else if (what < 61) {
			array = (array + 8) & (4 * MiB - 1);
			rec[i] = TRACE_RECORD(kind, 3, 0x10000000 + array);
		} else if (what < 63) {
			rec[i] = TRACE_RECORD(
				TRACE_MODIFY, 2, 0x4c0000 + (r >> 32 & 0x7fc));
		} else {
			rec[i] = TRACE_RECORD(
				kind, 3, 0x20000000 + (r >> 40) % (16 * MiB));
		}
	}
	return rec;
}

static uint64_t *load(const char *path, size_t *nr)
{
	FILE *f = fopen(path, "rb");
	uint64_t *rec = NULL;
	long len;

	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	*nr = (size_t)len / 8;
	rec = malloc(*nr * 8 + 1);
	if (rec && fread(rec, 8, *nr, f) != *nr) {
		free(rec);
		rec = NULL;
	}
	fclose(f);
	return rec;
}

/* ---- the machine ------------------------------------------------------------
 */

static struct vm *boot(void)
{
	struct vm_config c;
	char err[SENTENCE_MAX];
	struct vm *m;

	vm_config_default(&c);
	if (vm_config_set(&c, "ram", "1G", err) ||
		vm_config_set(&c, "tlb", "64/4,1536/12", err)) {
		fprintf(stderr, "%s\n", err);
		return NULL;
	}
	m = vm_boot(&c, &host_mmap, err);
	if (m)
		m->root->set.trace_map_auto = 1;
	else
		fprintf(stderr, "%s\n", err);
	return m;
}

/* A process of its own each time: its first touches are part of the job. */
static double machine_run(
	struct vm *m, const uint64_t *rec, size_t nr, struct trace_stats *st)
{
	const struct exec_args x = {.path = NULL};
	struct task *t = task_spawn(m, 0, 0, &x, "bench");
	double start = now();

	trace_run(m, t, rec, nr);
	start = now() - start;
	*st = t->trace;
	task_exit(m, t, 0);
	return start;
}

static void compare(struct vm *m, const uint64_t *rec, size_t nr)
{
	double machine[ROUNDS], plain[ROUNDS], a, b;
	struct trace_stats st;
	uint64_t misses = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		double start = now();

		misses = floor_run(rec, nr);
		plain[i] = now() - start;
		machine[i] = machine_run(m, rec, nr, &st);
	}
	a = (double)nr / median(machine, ROUNDS) / 1e6;
	b = (double)nr / median(plain, ROUNDS) / 1e6;
	printf(ROW, "trace in vm/ (floor: a loop of the TLB alone)", a, b,
		a / b, "M/s", ">= 250, >= 0.33");
	fprintf(stderr,
		"trace_bench: accesses %llu misses %llu (floor %llu) faults "
		"%llu\n",
		(unsigned long long)st.accesses, (unsigned long long)st.misses,
		(unsigned long long)misses,
		(unsigned long long)st.faults_minor);
}

/* ---- lackey's text
 * ----------------------------------------------------------- */

static size_t to_text(char *text, const uint64_t *rec, size_t nr)
{
	static const char *const head[] = {" L ", " S ", "I  ", " M "};
	size_t len = 0;

	for (size_t i = 0; i < nr; i++)
		len += (size_t)sprintf(text + len, "%s%08llx,%u\n",
			head[rec[i] >> 62],
			(unsigned long long)(rec[i] & ((1ull << 58) - 1)),
			1u << (rec[i] >> 58 & 15));
	return len;
}

static void parse(const uint64_t *rec, size_t nr)
{
	char *text = malloc(nr * 32);
	uint64_t *out = malloc(nr * sizeof(*out)), bad = 0;
	double t[ROUNDS];
	size_t len, used, got = 0;

	if (!text || !out)
		return;
	len = to_text(text, rec, nr);
	for (unsigned i = 0; i < ROUNDS; i++) {
		double start = now();

		got = lackey_parse(text, len, out, nr, &used, &bad);
		t[i] = now() - start;
	}
	if (got != nr || memcmp(out, rec, nr * sizeof(*rec)))
		fprintf(stderr, "trace_bench: the text reads DIFFERENTLY\n");
	printf("%-44s %10.0f %10s %8s %-8s %s\n", "lackey's text, parsed",
		(double)got / median(t, ROUNDS) / 1e6, "-", "-", "M/s", "");
	free(text);
	free(out);
}

/* ---- files ------------------------------------------------------------------
 */

static bool save(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");
	bool ok = f && fwrite(data, 1, len, f) == len;

	return f && !fclose(f) && ok;
}

static int convert(FILE *in, const char *to)
{
	static char text[1 << 20];
	static uint64_t rec[sizeof(text) / 8];
	FILE *out = fopen(to, "wb");
	size_t len = 0, used, nr;
	uint64_t bad;

	while (out && (nr = fread(text + len, 1, sizeof(text) - len, in))) {
		len += nr;
		nr = lackey_parse(text, len, rec, sizeof(rec) / 8, &used, &bad);
		fwrite(rec, 8, nr, out);
		memmove(text, text + used, len - used);
		len -= used;
	}
	return !out || fclose(out);
}

static int make_files(const char *text_path, const char *path)
{
	FILE *in = fopen(text_path, "rb");
	uint64_t *rec;
	char *text;

	if (in)
		return convert(in, path);
	rec = generate(NR_GENERATED);
	text = malloc(NR_GENERATED * 32ull);
	return !rec || !text || !save(path, rec, NR_GENERATED * 8ull) ||
	       !save(text_path, text, to_text(text, rec, NR_GENERATED));
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "files"))
		return make_files(argv[2], argv[3]);

	size_t nr = NR_GENERATED;
	uint64_t *rec = argc > 1 ? load(argv[1], &nr) : generate(nr);
	struct vm *m = boot();

	if (!rec || !nr || !m) {
		fprintf(stderr,
			"usage: trace_bench [FILE of 8-byte records]\n");
		return 1;
	}
	compare(m, rec, nr);
	parse(rec, nr < NR_TEXT ? nr : NR_TEXT);
	free(rec);
	vm_destroy(m);
	return 0;
}
