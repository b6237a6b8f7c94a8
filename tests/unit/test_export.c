/* The journal as a script: the same state again, from any timeline. */
#include "moments.h"

static char *script;
static size_t script_len;

static void export_it(void)
{
	FILE *f;

	free(script);
	script = NULL;
	f = open_memstream(&script, &script_len);
	if (store_export(db_path, f, store_err))
		fail_msg("%s", store_err);
	fclose(f);
}

static int import_to(const char *path, const char *text)
{
	struct store_options o = {.notice = note};
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	int rc = store_import(path, &o, f, store_err);

	fclose(f);
	return rc;
}

/* All kinds of actors, payloads, failures, and a row that is left midway. */
static void fill(struct store *s)
{
	static const char noise[] = "\0\1\2 payload \xff\n@on x\n=\n";
	struct event e = {.actor = {ACTOR_DISK, 0, 7, 8}};
	struct vm_outcome out;
	char *long_text = malloc(70000), *p = long_text;

	grow_tree(s);
	assert_int_equal(proc(s, 2, "munmap 1 1\nmmap 4K r\n"), 0);
	assert_int_equal(ctl(s, "spawn name=\"a b\"\n\n# note\nspawn\n"), 0);
	assert_int_equal(store_restore(s, "-1"), 0);
	e.text = "create /file 0644";
	e.text_len = strlen(e.text);
	assert_int_equal(store_exec(s, &e, NULL, NULL, &out), 0);
	assert_int_equal(out.failed, 0);
	for (size_t n = 0; n < sizeof(noise); n++) {
		e.text = "write /file 100";
		e.text_len = strlen(e.text);
		e.blob = noise;
		e.blob_len = n;
		assert_int_equal(store_exec(s, &e, NULL, NULL, &out), 0);
	}
	for (int i = 0; i < 3000; i++)
		p += sprintf(p, "touch a+%d w\n", i % 256 * 4096);
	assert_int_equal(proc(s, 2, long_text), 0);
	free(long_text);
}

static void test_same_state(void **state)
{
	char other[128], h1[33], h2[33], *first;
	struct store_options o = {.notice = note};
	struct store *s = open_small();

	fill(s);
	hash_of(s, h1);
	store_close(s);
	export_it();
	assert_non_null(strstr(script, "@config ram 32M\n"));
	assert_non_null(strstr(script, "@on proc/2 1000 100\nmmap 1M rw as=a"));
	assert_non_null(strstr(script, h1));
	snprintf(other, sizeof(other), "%s/other.db", scratch);
	if (import_to(other, script))
		fail_msg("%s", store_err);
	assert_int_equal(store_open(other, &o, &s, store_err), 0);
	hash_of(s, h2);
	assert_string_equal(h1, h2);
	assert_sound(s);
	store_close(s);
	/* and that one's script gives it once more */
	first = strdup(script);
	strcpy(db_path, other);
	export_it();
	assert_string_equal(script, first);
	free(first);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *text;
		const char *word;
	} t[] = {
		{"", "without @end"},
		{"spawn\n", "line 1 of the script: it does not begin"},
		{"@pagefs-journal 2\n", "another format"},
		{"@pagefs-journal 1\nspawn\n", "line 2 of the script: a comm"},
		{"@pagefs-journal 1\n@what\n", "unknown line"},
		{"@pagefs-journal 1\n@on ctl\n", "@on ACTOR"},
		{"@pagefs-journal 1\n@on me 1 1\n", "@on ACTOR"},
		{"@pagefs-journal 1\n@on ctl 0 0\n@config ram 1G\n", "before"},
		{"@pagefs-journal 1\n@on ctl 0 0\nbogus\n@end x\n", "bogus"},
		{"@pagefs-journal 1\n@on ctl 0 0\n@data 3\n", "without a"},
		{"@pagefs-journal 1\n@on disk 0 0\nwrite /a 0\n@data 3\n@end x",
			"cut short"},
		{"@pagefs-journal 1\n@on disk 0 0\nwrite /a 0\n@data 1\n=AAAA",
			"more bytes"},
		{"@pagefs-journal 1\n@on disk 0 0\nwrite /a 0\n@data 1\n=A!==",
			"no base64"},
		{"@pagefs-journal 1\n@on disk 0 0\nwrite /a 0\n=AA==\n",
			"none of a payload"},
		{"@pagefs-journal 1\n@config ram 12Q\n@on ctl 0 0\n", "12Q"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int rc = import_to(db_path, t[i].text);

		if (!rc || !strstr(store_err, t[i].word))
			fail_msg("%s: %d %s", t[i].text, rc, store_err);
		unlink(db_path);
	}
	assert_int_equal(
		import_to(db_path, "@pagefs-journal 1\n@config ram 32M\n"
				   "@on ctl 0 0\nspawn\n@end 0123\n"),
		-EUCLEAN);
	assert_non_null(strstr(store_err, "it was 0123"));
	/* a machine with a history gets the commands; its hash is another */
	assert_int_equal(import_to(db_path, "@pagefs-journal 1\n@on ctl 0 0\n"
					    "spawn\n@end 0123\n"),
		0);
	export_it();
	assert_non_null(strstr(script, "@on ctl 0 0\nspawn\nspawn\n@end"));
}

static void test_forgotten(void **state)
{
	struct store *s = open_small();
	FILE *f = fopen("/dev/null", "w");

	populate(s);
	assert_int_equal(store_forget(s, 5), 0);
	store_close(s);
	assert_int_equal(store_export(db_path, f, store_err), -EINVAL);
	assert_non_null(strstr(store_err, "does not begin at boot"));
	fclose(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_same_state),
		T(test_refusals),
		T(test_forgotten),
	};
	int rc;

	SQL_CHILD(argc, argv);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	free(script);
	return rc;
}
