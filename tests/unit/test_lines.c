/*
 * Control-file lines: chunks in, lines out, and what each kind of client does
 * after a short count or an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../fs/lines.h"
#include "../../fs/replies.h"

/*
 * A machine that runs any line but those that begin with "bad": they fail
 * with EFAULT, and are counted as run; "refuse" does not parse (EINVAL) and
 * is not.
 */
struct machine {
	char ran[65536]; /* the lines, separated by '|' */
	size_t len;
	unsigned events, refused, again;
	uint64_t age;
	int last_refused;
};

static void record(struct machine *m, const char *line, size_t n)
{
	if (m->len + n + 1 < sizeof(m->ran)) {
		memcpy(m->ran + m->len, line, n);
		m->len += n;
		m->ran[m->len++] = '|';
		m->ran[m->len] = 0;
	}
}

static int run(void *ctx, const char *text, size_t len, struct lines_done *done)
{
	struct machine *m = ctx;
	size_t at = 0;
	int err = 0;

	m->events++;
	assert_true(len > 0);
	while (at < len && !err) {
		const char *nl = memchr(text + at, '\n', len - at);
		size_t n = nl ? (size_t)(nl - text) - at : len - at;
		const char *line = text + at;

		if (n >= 6 && !memcmp(line, "refuse", 6)) {
			err = EINVAL;
			break;
		}
		if (n && line[0] != '#' && line[0] != ' ') {
			record(m, line, n);
			m->age++;
		}
		if (n >= 3 && !memcmp(line, "bad", 3))
			err = EFAULT;
		else
			at += n + (nl != NULL);
	}
	done->bytes = at;
	done->age = m->age;
	return err;
}

static void refuse(void *ctx, int err, const char *sentence)
{
	struct machine *m = ctx;

	m->refused++;
	m->last_refused = err;
	assert_true(strlen(sentence) > 10);
}

static void again(void *ctx)
{
	struct machine *m = ctx;

	m->again++;
}

static const struct lines_ops ops = {run, refuse, again};

static int64_t put(struct lines *l, struct machine *m, const char *s, size_t n)
{
	int64_t got = lines_write(l, s, n, m->age, &ops, m);

	/* 0 and EINTR make clients loop for ever. */
	assert_true(got != 0 && got != -EINTR && got <= (int64_t)n);
	return got;
}

/* ---- clients: each returns the errno it would report ------------------- */

/* bash: a write a line, and on to the next. */
static int client_bash(struct machine *m, const char *text)
{
	struct lines l = {0};
	int first = 0;

	while (*text) {
		size_t n = strcspn(text, "\n"), done = 0;

		n += text[n] == '\n';
		while (done < n) {
			int64_t got = put(&l, m, text + done, n - done);

			if (got < 0) {
				first = first ? first : (int)-got;
				break;
			}
			done += (size_t)got;
		}
		text += n;
	}
	lines_flush(&l, &ops, m); /* bash looks at no error of close */
	lines_free(&l);
	return first;
}

/* cat, cp, tee, dd: blocks; after a short count the rest; then stop. */
static int client_blocks(struct machine *m, const char *text, size_t block)
{
	struct lines l = {0};
	size_t len = strlen(text), at = 0;
	int err = 0, at_close;

	while (at < len && !err) {
		size_t n = len - at < block ? len - at : block, done = 0;

		while (done < n && !err) {
			int64_t got = put(&l, m, text + at + done, n - done);

			if (got < 0)
				err = (int)-got;
			else
				done += (size_t)got;
		}
		at += done;
	}
	at_close = -lines_flush(&l, &ops, m);
	lines_free(&l);
	return err ? err : at_close;
}

/* Python: as cat with 8192, and what failed once more at close. */
static int client_python(struct machine *m, const char *text)
{
	struct lines l = {0};
	size_t len = strlen(text), at = 0;
	int err = 0, at_close = 0, tries = 0;

	while (at < len && tries < 2) {
		size_t n = len - at < 8192 ? len - at : 8192;
		int64_t got = put(&l, m, text + at, n);

		if (got < 0) {
			err = err ? err : (int)-got;
			tries++;
		} else {
			at += (size_t)got;
		}
	}
	at_close = -lines_flush(&l, &ops, m);
	lines_free(&l);
	return err ? err : at_close;
}

static const struct {
	const char *text;
	const char *bash, *others; /* what runs */
	int err;
} texts[] = {
	{"a\n", "a|", "a|", 0},
	{"a", "a|", "a|", 0},
	{"a\nb\nc\n", "a|b|c|", "a|b|c|", 0},
	{"a\nb\nc", "a|b|c|", "a|b|c|", 0},
	{"a\n\n  \n# no\nb\n", "a|b|", "a|b|", 0},
	{"a\nb\nbad 1\nd\n", "a|b|bad 1|d|", "a|b|bad 1|", EFAULT},
	{"bad 1\nb\n", "bad 1|b|", "bad 1|", EFAULT},
	{"a\nrefuse\nd\n", "a|d|", "a|", EINVAL},
	{"# c\nbad 1\nd\n", "bad 1|d|", "bad 1|", EFAULT},
	{"a\n#x\nbad 1\nd\n", "a|bad 1|d|", "a|bad 1|", EFAULT},
	{"longer line one\nbad two\nthree\n", "longer line one|bad two|three|",
		"longer line one|bad two|", EFAULT},
};

static void test_clients(void **state)
{
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		static const size_t blocks[] = {1, 2, 3, 5, 7, 512, 131072};
		struct machine m = {0};

		assert_int_equal(client_bash(&m, texts[i].text), texts[i].err);
		assert_string_equal(m.ran, texts[i].bash);
		for (unsigned k = 0; k < 7; k++) {
			memset(&m, 0, sizeof(m));
			assert_int_equal(
				client_blocks(&m, texts[i].text, blocks[k]),
				texts[i].err);
			assert_string_equal(m.ran, texts[i].others);
		}
		memset(&m, 0, sizeof(m));
		assert_int_equal(
			client_python(&m, texts[i].text), texts[i].err);
		assert_string_equal(m.ran, texts[i].others);
	}
}

static void test_last_line_fails_at_close(void **state)
{
	struct machine m = {0};

	assert_int_equal(client_blocks(&m, "a\nbad end", 512), EFAULT);
	assert_string_equal(m.ran, "a|bad end|");
	memset(&m, 0, sizeof(m));
	assert_int_equal(client_python(&m, "a\nbad end"), EFAULT);
	assert_string_equal(m.ran, "a|bad end|");
}

static void test_one_event_a_write(void **state)
{
	struct machine m = {0};
	struct lines l = {0};

	assert_int_equal(put(&l, &m, "a\nb\nc\nd", 7), 7);
	assert_int_equal(m.events, 1);
	assert_int_equal(put(&l, &m, "e\nf\n", 4), 4);
	assert_int_equal(m.events, 2);
	assert_string_equal(m.ran, "a|b|c|de|f|");
	assert_int_equal(lines_flush(&l, &ops, &m), 0);
	assert_int_equal(m.events, 2);
	assert_int_equal(put(&l, &m, "# only\n\n", 8), 8);
	assert_int_equal(m.events, 2);
	lines_free(&l);
}

static void test_short_count_then_retry(void **state)
{
	struct machine m = {0};
	struct lines l = {0};

	assert_int_equal(put(&l, &m, "a\nbad\nc\n", 8), 2);
	assert_int_equal(put(&l, &m, "bad\nc\n", 6), -EFAULT);
	assert_int_equal(m.again, 0);
	assert_int_equal(put(&l, &m, "bad\nc\n", 6), -EFAULT);
	assert_int_equal(m.again, 1);
	assert_string_equal(m.ran, "a|bad|");
	/* Other bytes are a new line. */
	assert_int_equal(put(&l, &m, "c\n", 2), 2);
	/* and the same bytes after them a new attempt. */
	assert_int_equal(put(&l, &m, "bad\n", 4), -EFAULT);
	assert_string_equal(m.ran, "a|bad|c|bad|");
	lines_free(&l);
}

static void test_new_attempt_when_the_machine_moved_on(void **state)
{
	struct machine m = {0};
	struct lines l = {0};

	assert_int_equal(put(&l, &m, "bad\n", 4), -EFAULT);
	assert_int_equal(put(&l, &m, "bad\n", 4), -EFAULT);
	assert_string_equal(m.ran, "bad|");
	m.age++; /* another client's line */
	assert_int_equal(put(&l, &m, "bad\n", 4), -EFAULT);
	assert_string_equal(m.ran, "bad|bad|");
	/* Not before the client has seen the errno. */
	assert_int_equal(put(&l, &m, "a\nbad\n", 6), 2);
	m.age++;
	assert_int_equal(put(&l, &m, "bad\n", 4), -EFAULT);
	assert_string_equal(m.ran, "bad|bad|a|bad|");
	lines_free(&l);
}

static void test_failed_line_that_was_cut(void **state)
{
	struct machine m = {0};
	struct lines l = {0};

	assert_int_equal(put(&l, &m, "a\nba", 4), 4);
	assert_int_equal(put(&l, &m, "d\nc\n", 4), -EFAULT);
	assert_int_equal(put(&l, &m, "d\nc\n", 4), -EFAULT);
	assert_string_equal(m.ran, "a|bad|");
	assert_int_equal(put(&l, &m, "c\n", 2), 2);
	assert_string_equal(m.ran, "a|bad|c|");
	lines_free(&l);
}

static void test_binary_and_long(void **state)
{
	size_t len = LINE_LIMIT + 2;
	char *text = malloc(len);
	struct machine m = {0};
	struct lines l = {0};

	assert_non_null(text);
	assert_int_equal(put(&l, &m, "a\nb\0c\nd\n", 8), 2);
	assert_int_equal(m.last_refused, EINVAL);
	assert_int_equal(put(&l, &m, "b\0c\nd\n", 6), -EINVAL);
	assert_int_equal(m.refused, 1);
	assert_int_equal(put(&l, &m, "\0", 1), -EINVAL);
	assert_int_equal(put(&l, &m, "a\n\0", 3), 2);
	assert_string_equal(m.ran, "a|a|");
	assert_int_equal(lines_flush(&l, &ops, &m), 0);

	memset(text, 'x', len);
	assert_int_equal(put(&l, &m, text, LINE_LIMIT), LINE_LIMIT);
	assert_int_equal(put(&l, &m, "\n", 1), 1);
	assert_int_equal(put(&l, &m, text, LINE_LIMIT), LINE_LIMIT);
	assert_int_equal(put(&l, &m, "x\ny\n", 4), -E2BIG);
	assert_int_equal(m.last_refused, E2BIG);
	assert_int_equal(put(&l, &m, text, LINE_LIMIT), LINE_LIMIT);
	assert_int_equal(put(&l, &m, "xx", 2), -E2BIG);
	assert_int_equal(put(&l, &m, "ok\n", 3), 3);
	lines_free(&l);
	free(text);
}

/* ---- replies ------------------------------------------------------------ */

static void take(struct replies *r, uint64_t off, size_t len, const char *want)
{
	const char *data;
	size_t n = replies_read(r, off, len, &data);

	assert_int_equal(n, strlen(want));
	assert_memory_equal(data, want, n);
}

static void test_replies_follow_the_position(void **state)
{
	struct replies r = {0};

	replies_wrote(&r, 0, 10);
	replies_add(&r, "0", 1);
	replies_add(&r, "0x7f", 4);
	take(&r, 10, 128, "0\n0x7f\n"); /* bash reads a block */
	take(&r, 12, 128, "0x7f\n");	/* and seeks back over the rest */
	take(&r, 17, 128, "");
	replies_wrote(&r, 17, 5);
	replies_add(&r, "1", 1);
	replies_add(&r, "2", 1);
	take(&r, 22, 128, "1\n2\n");
	replies_wrote(&r, 24, 5); /* seeks back, then writes */
	replies_add(&r, "3", 1);
	take(&r, 29, 128, "2\n3\n");
	take(&r, 0, 128, ""); /* other seeks are ignored */
	replies_add(&r, "4", 1);
	take(&r, 0, 1, "4");
	take(&r, 1, 1, "\n");
	replies_free(&r);
}

static void test_replies_are_bounded(void **state)
{
	struct replies r = {0};
	unsigned long long dropped;
	unsigned n = 0, total = 400000;
	const char *data;
	size_t len;

	for (unsigned i = 0; i < total; i++)
		replies_add(&r, "12345", 5);
	assert_true(r.len - r.next <= REPLIES_LIMIT);
	len = replies_read(&r, 0, 64, &data);
	assert_int_equal(sscanf(data, "# %llu replies dropped\n", &dropped), 1);
	while (len && data[len - 1] != '\n')
		len--;
	replies_seek(&r, len);
	n = (unsigned)((len - (strchr(data, '\n') + 1 - data)) / 6);
	while ((len = replies_read(&r, r.pos, 600, &data)) != 0)
		n += (unsigned)(len / 6);
	assert_int_equal(dropped + n, total);
	replies_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_last_line_fails_at_close),
		cmocka_unit_test(test_one_event_a_write),
		cmocka_unit_test(test_short_count_then_retry),
		cmocka_unit_test(test_new_attempt_when_the_machine_moved_on),
		cmocka_unit_test(test_failed_line_that_was_cut),
		cmocka_unit_test(test_binary_and_long),
		cmocka_unit_test(test_replies_follow_the_position),
		cmocka_unit_test(test_replies_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
