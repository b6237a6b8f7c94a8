/* The command line parser, and the command table's own rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../vm/abi.h"
#include "../../vm/cmd/command.h"

static struct vm vm;
static struct cmd cmd;

static int parse(unsigned kind, const char *line)
{
	static struct actor actor;

	actor.kind = kind;
	actor.id = 1;
	vm_fail_clear(&vm);
	return cmd_parse(&vm, &actor, line, strlen(line), &cmd);
}

static void blank_and_comment_lines(void **state)
{
	static const char *const lines[] = {"", "   ", "\t", "# mmap", "  #"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_int_equal(parse(ACTOR_PROCESS, lines[i]), 1);
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t value;
	} t[] = {
		{"0", 0, 0},
		{"4096", 0, 4096},
		{"0x10", 0, 16},
		{"0XfF", 0, 255},
		{"010", 0, 8},
		{"8K", 0, 8192},
		{"1M", 0, MiB},
		{"2G", 0, 2 * GiB},
		{"3t", 0, 3 * TiB},
		{"0x1000K", 0, 4 * MiB},
		{"18446744073709551615", 0, UINT64_MAX},
		{"0xffffffffffffffff", 0, UINT64_MAX},
		{"18446744073709551616", -1, 0},
		{"0x10000000000000000", -1, 0},
		{"16777216T", -1, 0},
		{"", -1, 0},
		{"0x", -1, 0},
		{"08", -1, 0},
		{"8KB", -1, 0},
		{"K", -1, 0},
		{"12a", -1, 0},
		{"-1", -1, 0},
		{"1 ", -1, 0},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		uint64_t v = 0;

		assert_int_equal(words_number(t[i].text, strlen(t[i].text), &v),
			t[i].err);
		assert_int_equal(v, t[i].value);
	}
}

static void positional_and_keys(void **state)
{
	assert_int_equal(parse(ACTOR_PROCESS,
				 "mmap 8K rw addr=0x1000 flags=shared,fixed "
				 "file=/a off=4K as=buf # comment"),
		0);
	assert_string_equal(cmd.def->name, "mmap");
	assert_int_equal(cmd.arg[0].num, 8192);
	assert_int_equal(cmd.arg[1].num, PROT_READ | PROT_WRITE);
	assert_int_equal(cmd.arg[2].num, 0x1000);
	assert_int_equal(cmd.arg[3].num, MAP_SHARED | MAP_FIXED);
	assert_string_equal(cmd.arg[4].text, "/a");
	assert_int_equal(cmd.arg[6].num, 4096);
	assert_int_equal(cmd.arg[7].len, 3);
}

static void keys_before_positional(void **state)
{
	assert_int_equal(parse(ACTOR_PROCESS, "mmap as=x 4K off=0 r-x"), 0);
	assert_int_equal(cmd.arg[1].num, PROT_READ | PROT_EXEC);
}

static void addresses(void **state)
{
	assert_int_equal(parse(ACTOR_PROCESS, "munmap buf+0x10 4K"), 0);
	assert_memory_equal(cmd.arg[0].text, "buf", 3);
	assert_int_equal(cmd.arg[0].len, 3);
	assert_int_equal(cmd.arg[0].num, 16);
	assert_int_equal(parse(ACTOR_PROCESS, "munmap buf-4K 4K"), 0);
	assert_true(cmd.arg[0].num == (uint64_t)-4096);
	assert_int_equal(parse(ACTOR_PROCESS, "munmap 0x2000+4K 4K"), 0);
	assert_null(cmd.arg[0].text);
	assert_int_equal(cmd.arg[0].num, 0x3000);
}

static void optional_positional_is_skipped(void **state)
{
	assert_int_equal(parse(ACTOR_PROCESS, "touch 0x1000 r"), 0);
	assert_false(cmd.arg[1].given);
	assert_true(cmd.arg[2].given);
	assert_int_equal(parse(ACTOR_PROCESS, "touch 0x1000 4K x"), 0);
	assert_int_equal(cmd.arg[1].num, 4096);
	assert_int_equal(cmd.arg[2].num, 2);
}

static void data_and_strings(void **state)
{
	assert_int_equal(
		parse(ACTOR_PROCESS, "write 0 \"a b\\n\\x41\\0\\\"\""), 0);
	assert_int_equal(cmd.arg[1].len, 7);
	assert_memory_equal(cmd.arg[1].text, "a b\nA\0\"", 7);
	assert_int_equal(parse(ACTOR_PROCESS, "write 0 hex:6869fF"), 0);
	assert_int_equal(cmd.arg[1].len, 3);
	assert_memory_equal(cmd.arg[1].text, "hi\xff", 3);
	assert_int_equal(parse(ACTOR_PROCESS, "write 0 word"), 0);
	assert_memory_equal(cmd.arg[1].text, "word", 4);
	assert_int_equal(parse(ACTOR_DISK, "mkdir \"/a b\" 0755"), 0);
	assert_string_equal(cmd.arg[0].text, "/a b");
}

static void rest_of_the_words(void **state)
{
	const char *v[4];

	assert_int_equal(
		parse(ACTOR_MACHINE, "spawn /bin/ls -l \"a b\" name=x c"), 0);
	assert_string_equal(cmd.arg[0].text, "/bin/ls");
	assert_int_equal(cmd.arg[1].words, 3);
	assert_int_equal(arg_words(&cmd, 1, v, 4), 3);
	assert_string_equal(v[0], "-l");
	assert_string_equal(v[1], "a b");
	assert_string_equal(v[2], "c");
	assert_string_equal(cmd.arg[2].text, "x");
}

static void refusals_teach(void **state)
{
	static const struct {
		unsigned kind;
		const char *line, *sentence;
	} t[] = {
		{ACTOR_PROCESS, "frob 1", "unknown command \"frob\""},
		{ACTOR_MACHINE, "mmap 8K rw", "command of proc/PID/ctl"},
		{ACTOR_PROCESS, "spawn", "command of ctl"},
		{ACTOR_PROCESS, "mmap 8K", "missing \"PROT\"; usage: mmap LEN"},
		{ACTOR_PROCESS, "mmap 8X rw", "LEN cannot be \"8X\""},
		{ACTOR_PROCESS, "mmap 8K rz", "PROT cannot be \"rz\""},
		{ACTOR_PROCESS, "mmap 8K rw extra", "nothing takes the word"},
		{ACTOR_PROCESS, "pread 0 10 -1",
			"OFF cannot be below 0: \"-1\""},
		{ACTOR_PROCESS, "pwrite 9 \"x\" -1", "OFF cannot be below 0:"},
		{ACTOR_PROCESS, "pwrite 9 \"x\" 1 len=-0x2",
			"len= cannot be below"},
		{ACTOR_MACHINE, "tick -1",
			"N cannot be below 0: \"-1\"; usage"},
		{ACTOR_MACHINE, "tick -x", "nothing takes the word \"-x\""},
		{ACTOR_PROCESS, "mmap 8K rw addr=a addr=b", "given twice"},
		{ACTOR_PROCESS, "mmap 8K rw flags=bogus", "flags= cannot be"},
		{ACTOR_PROCESS, "mmap 8K rw nokey=1", "nothing takes the word"},
		{ACTOR_PROCESS, "write 0 \"abc", "a quote is not closed"},
		{ACTOR_PROCESS, "write 0 \"\\q\"", "unknown escape"},
		{ACTOR_PROCESS, "write 0 hex:6", "DATA cannot be"},
		{ACTOR_PROCESS, "madvise 0 4K cold,free", "ADVICE cannot be"},
		{ACTOR_PROCESS, "touch 0 4 4K", "nothing takes the word"},
		{ACTOR_PROCESS, "label 1abc 0", "NAME cannot be"},
		{ACTOR_PROCESS, "\xff\xfe\x01 1", "unknown command \"???\""},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_int_equal(parse(t[i].kind, t[i].line), -EINVAL);
		if (!strstr(vm_sentence(&vm), t[i].sentence))
			fail_msg("%s: %s", t[i].line, vm_sentence(&vm));
	}
}

static void nul_bytes_are_refused(void **state)
{
	struct actor a = {.kind = ACTOR_MACHINE};

	vm_fail_clear(&vm);
	assert_int_equal(cmd_parse(&vm, &a, "spawn /a\0b", 10, &cmd), -EINVAL);
}

/* ---- the table itself ---- */

static void table_rows_are_whole(void **state)
{
	for (unsigned i = 0; i < nr_commands; i++) {
		const struct command *c = &command_table[i];
		bool optional = false;

		assert_true(!c->run == c->by_store);
		assert_non_null(c->summary);
		assert_true(c->actors);
		assert_true(strlen(c->summary) < 72);
		for (unsigned k = 0; k < i; k++)
			assert_false(!strcmp(command_table[k].name, c->name) &&
				     (command_table[k].actors & c->actors));
		for (unsigned k = 0; k < MAX_ARGS && c->args[k].type; k++) {
			if (c->args[k].how & ARG_KEY)
				continue;
			/* what is needed comes before what is optional */
			assert_false(optional && !c->args[k].how);
			optional |= c->args[k].how & ARG_OPTIONAL;
		}
	}
}

static void examples_parse(void **state)
{
	for (unsigned i = 0; i < nr_commands; i++) {
		const struct command *c = &command_table[i];
		const char *p = c->example;
		bool shows_itself = false;

		if (c->internal)
			continue;
		while (p && *p) {
			size_t n = strcspn(p, "\n");
			struct actor a = {
				.kind = (uint32_t)__builtin_ctz(c->actors)};

			assert_int_equal(cmd_parse(&vm, &a, p, n, &cmd), 0);
			shows_itself |= cmd.def == c;
			p += n + (p[n] == '\n');
		}
		assert_true(!c->example || shows_itself);
	}
}

static void usage_names_every_argument(void **state)
{
	char buf[200];

	command_usage(command_find(ACTOR_PROCESS, "touch", 5), buf, 200);
	assert_string_equal(buf, "touch ADDR [LEN] [HOW]");
	command_usage(command_find(ACTOR_MACHINE, "spawn", 5), buf, 200);
	assert_string_equal(buf, "spawn [PATH] [ARG...] [name=] [uid=] [gid=]");
	command_usage(command_find(ACTOR_PROCESS, "mremap", 6), buf, 200);
	assert_string_equal(
		buf, "mremap ADDR OLDLEN NEWLEN [flags=] [addr=] [as=NAME]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blank_and_comment_lines),
		cmocka_unit_test(numbers),
		cmocka_unit_test(positional_and_keys),
		cmocka_unit_test(keys_before_positional),
		cmocka_unit_test(addresses),
		cmocka_unit_test(optional_positional_is_skipped),
		cmocka_unit_test(data_and_strings),
		cmocka_unit_test(rest_of_the_words),
		cmocka_unit_test(refusals_teach),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(table_rows_are_whole),
		cmocka_unit_test(examples_parse),
		cmocka_unit_test(usage_names_every_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
