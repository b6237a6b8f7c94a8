/*
 * The node table and the tree that is derived from it: every row is valid, is
 * found again by its name, and renders.
 */
#include "vmtest.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../../fs/help.h"
#include "../../fs/refusal.h"
#include "../../fs/tree.h"
#include "../../vm/cmd/command.h"
#include "../../vm/disk/disk.h"

static struct refusals refused;

/* So that init has an open file. */
static void open_root(struct vm *m)
{
	struct task *init = task_find(m, 1);
	idx_t file = file_open_flags(m, init, "/", FMODE_READ, 0);

	assert_int_not_equal(file, 0);
	assert_int_equal(fd_install(m, init, file, -1), 0);
}

static int setup(void **state)
{
	struct view *v = calloc(1, sizeof(*v));
	char err[256];

	assert_non_null(v);
	assert_int_equal(tree_init(err), 0);
	v->vm = vmtest_boot("x86_64", "64M");
	open_root(v->vm);
	v->refused = &refused;
	*state = v;
	return 0;
}

static int teardown(void **state)
{
	struct view *v = *state;

	vmtest_check(v->vm);
	vm_destroy(v->vm);
	free(v);
	return 0;
}

/* Which handlers a kind has: show, pread, query. */
static const struct {
	unsigned shows, reads, queries, directory;
} kinds[] = {
	[NODE_DIR] = {0, 0, 0, 1},
	[NODE_TEXT] = {1, 0, 0, 0},
	[NODE_FILE] = {1, 0, 0, 0},
	[NODE_LINK] = {1, 0, 0, 0},
	[NODE_BINARY] = {0, 1, 0, 0},
	[NODE_CTL] = {0, 0, 0, 0},
	[NODE_STREAM] = {1, 0, 0, 0},
	[NODE_QUERY] = {0, 0, 1, 0},
	[NODE_LOG] = {0, 0, 0, 0},
	[NODE_DISK] = {0, 0, 0, 1},
	[NODE_SAVED] = {0, 0, 0, 1},
	[NODE_ROWS] = {0, 0, 0, 1},
};

static void test_rows(void **state)
{
	for (unsigned i = 0; i < nr_nodes; i++) {
		const struct node *n = &node_table[i];
		size_t len = strlen(n->path);
		bool writes = n->kind == NODE_CTL || n->kind == NODE_STREAM ||
			      n->kind == NODE_QUERY || n->kind == NODE_DISK ||
			      n->actor == ACTOR_MEM || n->verb;

		if (n->kind >= COUNT(kinds))
			fail_msg("%s: kind %d", n->path, n->kind);
		if ((n->show != NULL) != kinds[n->kind].shows ||
			(n->pread != NULL) != kinds[n->kind].reads ||
			(n->query != NULL) != kinds[n->kind].queries)
			fail_msg("%s: wrong handlers", n->path);
		if (!n->help || strlen(n->help) < 4 || strlen(n->help) > 60)
			fail_msg("%s: no help of 4 to 60 bytes", n->path);
		if (n->mode & ~0777 || !(n->mode & 0400 || n->verb))
			fail_msg("%s: mode 0%o", n->path, n->mode);
		if (n->kind != NODE_LINK && !kinds[n->kind].directory &&
			(n->mode & 0200) != (writes ? 0200 : 0))
			fail_msg("%s: mode 0%o", n->path, n->mode);
		if (kinds[n->kind].directory && !(n->mode & 0100))
			fail_msg("%s: a directory of mode 0%o", n->path,
				n->mode);
		if (len && (n->path[0] == '/' || n->path[len - 1] == '/'))
			fail_msg("%s: a slash at an end", n->path);
		for (unsigned k = 0; k < i; k++)
			if (!strcmp(n->path, node_table[k].path))
				fail_msg("%s: two rows", n->path);
	}
}

static void test_inode_numbers(void **state)
{
	assert_int_equal(place_ino(&(struct place){0}), ROOT_INO);
	for (uint32_t row = 0; row < nr_nodes; row++) {
		static const uint64_t ids[] = {0, 1, 77, UINT32_MAX};

		for (unsigned i = 0; i < COUNT(ids); i++) {
			struct place p = {i % 2 * (MAX_VIEWS - 1), row, ids[i]},
				     q;

			q = ino_place(place_ino(&p));
			assert_int_equal(q.view, p.view);
			assert_int_equal(q.row, p.row);
			assert_int_equal(q.id, p.id);
		}
	}
}

/* Walks the whole tree; what a listing names, a lookup finds. */
static unsigned walk(
	const struct view *v, const struct place *dir, unsigned *seen)
{
	unsigned dirs = 0, files = 0;
	uint64_t cookie = 0;
	struct place p, q;
	char name[256];

	while (tree_next(v, dir, &cookie, &p, name, sizeof(name))) {
		enum node_kind kind = node_table[p.row].kind;

		assert_true(tree_lookup(v, dir, name, &q));
		assert_int_equal(place_ino(&p), place_ino(&q));
		assert_true(place_exists(v, &p));
		seen[p.row]++;
		files++;
		if (kind == NODE_DIR)
			files += walk(v, &p, seen);
		dirs += kinds[kind].directory;
	}
	assert_int_equal(tree_nlink(v, dir), 2 + dirs);
	assert_false(tree_lookup(v, dir, "", &q));
	assert_false(tree_lookup(v, dir, "no such name", &q));
	return files;
}

static void test_tree(void **state)
{
	const struct view *v = *state;
	struct place root = {0}, p;
	unsigned *seen = calloc(nr_nodes, sizeof(*seen));

	assert_non_null(seen);
	assert_true(walk(v, &root, seen) > nr_nodes);
	for (unsigned i = 1; i < nr_nodes; i++)
		/* No process of this machine maps a file, or has a program. */
		if (!seen[i] && !strstr(node_table[i].path, "HOSTPID") &&
			!strstr(node_table[i].path, "RANGE") &&
			strcmp(node_table[i].path, "proc/PID/exe") != 0)
			fail_msg("%s: not listed", node_table[i].path);
	free(seen);

	assert_true(tree_lookup(v, &root, "proc", &p));
	root = p;
	assert_true(tree_lookup(v, &root, "1", &p));
	assert_string_equal(node_table[p.row].path, "proc/PID");
	assert_true(tree_lookup(v, &root, "4711", &p));
	assert_string_equal(node_table[p.row].path, "proc/HOSTPID");
	assert_false(tree_lookup(v, &root, "01", &p));
	assert_false(tree_lookup(v, &root, "1x", &p));
	assert_false(tree_lookup(v, &root, "99999999999999999999", &p));
}

/* One that exists, if any does without a directory above it. */
static uint64_t some_object(const struct view *v, const struct variable *var)
{
	uint64_t id;

	if (!var || var->task)
		return var != NULL;
	id = var->exists(v, 0) ? 0 : var->next(v, 0, NO_OBJECT);
	return id == NO_OBJECT ? 0 : id;
}

/* Everything renders, whole, ends with a newline, and changes nothing. */
static void test_rendering(void **state)
{
	const struct view *v = *state;
	struct root before = *v->vm->root;

	for (unsigned i = 0; i < nr_nodes; i++) {
		const struct node *n = &node_table[i];
		const struct row_info *r = tree_row(i);
		bool binary = strstr(n->path, "auxv") ||
			      strstr(n->path, "cmdline") ||
			      strstr(n->path, "environ");
		struct sbuf b = {0};
		char bytes[64];

		if (n->show) {
			n->show(&b, v, some_object(v, r->path_var));
			assert_false(b.failed);
			if (b.len && n->kind != NODE_LINK && !binary &&
				b.data[b.len - 1] != '\n')
				fail_msg("%s: no newline", n->path);
			if (n->constant && !b.len)
				fail_msg("%s: empty", n->path);
		}
		if (n->pread)
			assert_true(n->pread(v, 1, bytes, 64, 0) <= 64);
		sbuf_free(&b);
	}
	assert_memory_equal(&before, v->vm->root, sizeof(before));
}

static void test_help(void **state)
{
	for (unsigned i = 0; i < nr_commands; i++) {
		const struct command *c = &command_table[i];
		unsigned pages = 0;

		for (unsigned k = 0; k < help_count(); k++) {
			const char *name = help_name(k);
			struct sbuf b = {0};

			if (!name || strcmp(name, c->name))
				continue;
			help_show(&b, k);
			sbuf_char(&b, 0);
			if (!c->internal)
				assert_sentence(b.data, c->summary);
			pages++;
			sbuf_free(&b);
		}
		if (!c->internal)
			assert_int_equal(pages, 1);
	}
}

static void test_help_lines_fit_a_screen(void **state)
{
	for (unsigned k = 0; k < help_count(); k++) {
		struct sbuf b = {0};
		char *line, *next;

		if (!help_name(k))
			continue;
		help_show(&b, k);
		sbuf_char(&b, 0);
		assert_true(b.len > 40);
		for (line = b.data; (next = strchr(line, '\n'));
			line = next + 1)
			if (next - line > 100)
				fail_msg("help/%s: a line of %d bytes",
					help_name(k), (int)(next - line));
		sbuf_free(&b);
	}
}

static void test_refusals(void **state)
{
	struct view *v = *state;
	struct refusals r = {0};

	assert_null(refusal_newest(&r, v->vm));
	assert_null(refusal_of(&r, 1));
	refusal_note(&r, v->vm, 1, EINVAL, "first");
	refusal_note(&r, v->vm, 1 + NR_REFUSALS, EINVAL, "second");
	assert_null(refusal_of(&r, 1));
	assert_string_equal(refusal_of(&r, 1 + NR_REFUSALS)->text, "second");
	assert_string_equal(refusal_newest(&r, v->vm)->text, "second");
	refusal_clear(&r, 1);
	assert_non_null(refusal_of(&r, 1 + NR_REFUSALS));
	refusal_clear(&r, 1 + NR_REFUSALS);
	assert_null(refusal_of(&r, 1 + NR_REFUSALS));
	v->vm->root->seq++;
	assert_null(refusal_newest(&r, v->vm));
	v->vm->root->seq--;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_inode_numbers),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_rendering),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_help_lines_fit_a_screen),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
