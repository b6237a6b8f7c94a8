/*
 * Power loss at every sync, with nothing or with any part of what was not
 * synced: the machine opens, and is what it was after one of its commands.
 * With durability=power none that was acknowledged is missing, with
 * durability=process the newest may be.
 */
#include <limits.h>

#include "power_vfs.h"

#define STATES	512
#define WRITERS 4
#define LINES	10 /* of each */

/* What is seen of a machine. */
struct seen {
	char hash[33], names[512];
	uint64_t seq, log_size, first;
};

/* After each command that returned.  When: in what was written down. */
static struct state {
	struct seen seen;
	unsigned at, told; /* it was written; it was acknowledged */
	bool durable;
} states[STATES];
static unsigned nr_states;
static bool power;
static unsigned lost, cuts; /* how often the newest was missing */

static int add_name(void *ctx, const struct store_checkpoint *c)
{
	char *names = ctx;
	size_t n = strlen(names);

	snprintf(names + n, sizeof(((struct seen *)0)->names) - n, "%s@%llu ",
		c->name, (unsigned long long)c->seq);
	return 0;
}

static struct seen look(struct store *s)
{
	struct seen v;

	memset(&v, 0, sizeof(v));
	hash_of(s, v.hash);
	v.seq = store_seq(s);
	v.log_size = store_log_size(s);
	v.first = s->course.v[0].first;
	assert_int_equal(store_checkpoint_list(s, add_name, v.names), 0);
	return v;
}

static struct state *note_state(struct store *s, bool durable)
{
	struct state *t = &states[nr_states++];

	assert_true(nr_states < STATES);
	t->at = power_now();
	t->told = UINT_MAX;
	t->seen = look(s);
	t->durable = durable || power;
	return t;
}

static void acknowledge(struct store *s, bool durable)
{
	struct state *t = note_state(s, durable);

	assert_int_equal(store_settle(s), 0);
	t->told = power_now();
}

/* ---- work --------------------------------------------------------------- */

static struct store *open_machine(void)
{
	struct store_options o = small_machine();

	o.power = power;
	return open_with(&o);
}

static void run(struct store *s, uint32_t pid, const char *line)
{
	int rc = do_exec(
		s, pid ? ACTOR_PROCESS : ACTOR_MACHINE, pid, line, NULL);

	if (rc || *replies == '-')
		fail_msg("%s: %d %s", line, rc, replies);
	acknowledge(s, false);
}

static void many(struct store *s)
{
	char text[8192];
	size_t n = 0;

	for (int i = 0; i < 150; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"write a+%u \"%u\"\n", power_below(1000000), i);
	run(s, 2, text);
}

/* Bytes that do not compress: they fill the WAL. */
static void copy_to_disk(struct store *s, const char *name)
{
	static char data[300000];
	char line[64];
	struct event e = {.actor = {ACTOR_DISK, 0, 1000, 100}, .text = line};
	struct vm_outcome out;

	snprintf(line, sizeof(line), "create /%s", name);
	e.text_len = strlen(line);
	assert_int_equal(store_exec(s, &e, NULL, NULL, &out), 0);
	acknowledge(s, false);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)power_below(256);
	snprintf(line, sizeof(line), "write /%s 0", name);
	e.text_len = strlen(line);
	e.blob = data;
	e.blob_len = sizeof(data);
	assert_int_equal(store_exec(s, &e, NULL, NULL, &out), 0);
	acknowledge(s, false);
}

/* As if replay were slow: the store's thread takes a checkpoint. */
static void automatic(struct store *s)
{
	bool due = true;

	store_lock(s);
	s->work_ns += 1000000000;
	store_unlock(s);
	run(s, 2, "brk 0");
	while (due) {
		usleep(1000);
		store_lock(s);
		due = s->work_ns >= 1000000000;
		store_unlock(s);
	}
	acknowledge(s, false);
}

struct writer {
	pthread_t thread;
	struct store *s;
	int nr;
};
static pthread_mutex_t machine_lock = PTHREAD_MUTEX_INITIALIZER;

/* The machine is locked while a command runs, not while it is synced. */
static void *write_lines(void *ctx)
{
	struct writer *w = ctx;
	char line[64];
	struct event e = {.actor = {ACTOR_PROCESS, 2, 1000, 100}, .text = line};
	struct vm_outcome out;
	struct state *t;

	for (int i = 0; i < LINES; i++) {
		e.text_len = (size_t)snprintf(
			line, sizeof(line), "write a+16K \"%d %d\"", w->nr, i);
		pthread_mutex_lock(&machine_lock);
		assert_int_equal(store_exec(w->s, &e, NULL, NULL, &out), 0);
		t = note_state(w->s, false);
		pthread_mutex_unlock(&machine_lock);
		assert_int_equal(store_settle(w->s), 0);
		t->told = power_now();
	}
	return NULL;
}

/* Several clients: one sync is for all that wait. */
static void several(struct store *s)
{
	struct writer w[WRITERS];
	unsigned from = power_now(), syncs = 0;

	power_sync_us = 500;
	for (int i = 0; i < WRITERS; i++) {
		w[i] = (struct writer){.s = s, .nr = i};
		pthread_create(&w[i].thread, NULL, write_lines, &w[i]);
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(w[i].thread, NULL);
	power_sync_us = 0;
	for (unsigned i = from; i < power_log.nr; i++)
		syncs += power_log.op[i].kind == OP_SYNC;
	if (power)
		assert_in_range(syncs, LINES, WRITERS * LINES * 3 / 4);
}

static struct store *again(struct store *s)
{
	store_close(s);
	s = open_machine();
	acknowledge(s, true);
	return s;
}

static void forget(struct store *s)
{
	char line[64];

	snprintf(line, sizeof(line), "forget before=%llu",
		(unsigned long long)store_seq(s) - 1);
	run(s, 0, line);
}

static struct store *work(struct store *s)
{
	run(s, 2, "write a+8K \"one\"");
	many(s);
	run(s, 0, "checkpoint one");
	copy_to_disk(s, "f");
	store_idle(s);
	run(s, 2, "touch a 1M w");
	several(s);
	automatic(s);
	run(s, 0, "restore one");
	run(s, 2, "write a+8K \"two\"");
	run(s, 0, "checkpoint two");
	assert_int_equal(store_sync(s), 0);
	acknowledge(s, true);
	copy_to_disk(s, "g");
	copy_to_disk(s, "h");
	assert_int_equal(store_checkpoint_rename(s, "two", "three", false), 0);
	acknowledge(s, false);
	store_idle(s); /* copies the WAL, which begins anew */
	run(s, 2, "write a+8K \"three\"");
	s = again(s);
	run(s, 2, "write a+8K \"four\"\nwrite a+8K \"five\"");
	assert_int_equal(store_checkpoint_remove(s, "one"), 0);
	acknowledge(s, false);
	assert_int_equal(store_checkpoint_remove(s, "three"), 0);
	acknowledge(s, false);
	run(s, 2, "touch a 64K w");
	forget(s);
	run(s, 2, "write a+8K \"six\"");
	run(s, 0, "vacuum");
	run(s, 2, "write a+8K \"seven\"");
	many(s);
	return s;
}

/* ---- comparing ---------------------------------------------------------- */

static void compare_cut(struct store *s, unsigned at)
{
	struct seen v = look(s);
	unsigned from = 0, told = 0, to = 0, found = STATES;

	for (unsigned i = 0; i < nr_states && states[i].at <= at; i++) {
		to = i;
		if (states[i].told > at)
			continue;
		told = i;
		if (states[i].durable)
			from = i;
	}
	/* the next may have happened, though nobody was told */
	for (unsigned i = from; i < nr_states && i <= to + 1; i++)
		if (!memcmp(&states[i].seen, &v, sizeof(v)))
			found = i;
	if (found == STATES)
		fail_msg("cut at %u: states %u to %u have no %s, line %llu, "
			 "names %s",
			at, from, to + 1, v.hash, (unsigned long long)v.seq,
			v.names);
	lost += found < told;
	cuts++;
}

static void check_it(unsigned at)
{
	struct store_options o = {.notice = note};

	notices_clear();
	if (store_check(db_path, &o, store_err))
		fail_msg("cut at %u: --check: %s %s", at, store_err, notices);
}

static void open_cut(const struct power_disk *d, bool random)
{
	struct store_options o = small_machine();
	struct store *s;
	char *log;

	power_cut(d, random);
	o.power = power;
	if (store_open(db_path, &o, &s, store_err))
		fail_msg("cut at %u: %s", d->at, store_err);
	assert_sound(s);
	compare_cut(s, d->at);
	log = whole_log(s, 4096);
	free(log);
	assert_int_equal(ctl(s, "spawn"), 0);
	assert_true(*replies != '-');
	store_close(s);
	check_it(d->at);
}

static bool is_sync(const struct power_op *o)
{
	return o->kind == OP_SYNC || o->kind == OP_SYNC_DIR;
}

/* Cuts before each sync, and at the end of all. */
static void cut_everywhere(struct power_disk *d, unsigned random)
{
	for (bool end = false; !end;) {
		end = d->at == power_log.nr;
		if (end || is_sync(&power_log.op[d->at])) {
			open_cut(d, false);
			for (unsigned i = 0; i < random; i++)
				open_cut(d, true);
		}
		if (!end)
			disk_step(d);
	}
}

/* The power fails again while the machine is opened after a cut. */
static void cut_again(const struct power_disk *first)
{
	struct power_log keep = power_log;
	struct power_disk d;
	struct store *s;

	power_cut(first, true);
	nr_states = 0;
	disk_begin(&d);
	power_begin();
	s = open_machine();
	acknowledge(s, true);
	run(s, 0, "spawn");
	run(s, 0, "checkpoint again");
	store_close(s);
	power_end();
	cut_everywhere(&d, 1);
	disk_free(&d);
	power_free();
	power_log = keep;
}

/* The WAL was copied and begun anew without being deleted. */
static void assert_copied(void)
{
	unsigned headers = 0, files = 0;

	for (unsigned i = 0; i < power_log.nr; i++) {
		const struct power_op *o = &power_log.op[i];

		files += o->name == POWER_WAL && o->kind == OP_CREATE;
		headers +=
			o->name == POWER_WAL && o->kind == OP_WRITE && !o->off;
	}
	assert_true(files > 1 && headers > files);
}

static unsigned random_cuts(void)
{
	const char *n = getenv("PAGEFS_POWER_CUTS");

	return n ? (unsigned)atoi(n) : 2;
}

/* From the creation of the machine on. */
static void lose_power(bool with_power)
{
	struct power_disk d;
	struct store *s;

	power = with_power;
	nr_states = lost = cuts = 0;
	disk_empty(&d);
	power_begin();
	s = open_machine();
	acknowledge(s, false);
	run(s, 0, "spawn");
	run(s, 2, "mmap 1M rw as=a");
	s = work(s);
	store_close(s);
	power_end();
	assert_copied();
	cut_everywhere(&d, random_cuts());
	disk_free(&d);
	disk_empty(&d);
	for (unsigned syncs = 0; d.at < power_log.nr;)
		if (disk_step(&d) && ++syncs % 8 == 0)
			cut_again(&d);
	disk_free(&d);
	power_free();
}

static void test_power(void **state)
{
	lose_power(true);
	assert_int_equal(lost, 0);
}

static void test_process(void **state)
{
	lose_power(false);
	assert_true(lost > 10);
}

/* What a sync was to make safe is never acknowledged; nor what comes after. */
static void test_sync_fails(void **state)
{
	struct store *s;
	uint64_t seq;

	power = true;
	s = open_machine();
	assert_int_equal(ctl(s, "spawn"), 0);
	power_sync_fails = true;
	assert_int_equal(store_settle(s), -EIO);
	power_sync_fails = false;
	assert_int_equal(store_settle(s), -EIO);
	seq = store_seq(s);
	assert_int_equal(ctl(s, "tick"), -EIO);
	assert_non_null(strstr(store_sentence(s), "a sync failed"));
	assert_int_equal(store_checkpoint(s, "x"), -EIO);
	assert_int_equal(store_seq(s), seq);
	assert_sound(s);
	store_close(s);
	s = open_machine();
	assert_int_equal(ctl(s, "tick"), 0);
	assert_int_equal(store_settle(s), 0);
	store_close(s);
}

#define T(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_power),
		T(test_process),
		T(test_sync_fails),
	};

	power_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
