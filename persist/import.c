/*
 * Running a script that export.c wrote, or a person.
 */
#include "store_i.h"

#include <stdio.h>
#include <stdlib.h>

#include "../vm/machine.h"

#define BATCH_BYTES (1u << 20) /* of lines in one row */
#define KEYS_MAX    32

struct importing {
	const char *path;
	const struct store_options *o;
	FILE *from;
	char *err;
	struct store *s; /* NULL until the configuration is complete */
	char *keys[KEYS_MAX], *values[KEYS_MAX];
	unsigned nr_keys;
	unsigned long line; /* of the script */
	struct actor actor;
	bool has_actor, fresh, ended;
	struct bytes text; /* command lines that wait */
	struct bytes data; /* payload of the newest */
	uint64_t data_left;
	bool has_data;
};

static int bad(struct importing *m, const char *what)
{
	snprintf(m->err, STORE_ERR_MAX, "line %lu of the script: %s", m->line,
		what);
	return -EINVAL;
}

static int no_memory(struct importing *m)
{
	snprintf(m->err, STORE_ERR_MAX, "out of memory");
	return -ENOMEM;
}

/* ---- commands ----------------------------------------------------------- */

static int set_keys(struct importing *m, struct vm_config *c,
	const char *const *keys, const char *const *values, unsigned nr)
{
	char why[SENTENCE_MAX];

	for (unsigned i = 0; i < nr; i++)
		if (vm_config_set(c, keys[i], values[i], why))
			return bad(m, why);
	return 0;
}

/* What the caller asks for must agree with the script. */
static int check_config(struct importing *m)
{
	struct vm_config script, asked;
	char has[VM_CONFIG_VALUE_MAX], wants[VM_CONFIG_VALUE_MAX];
	int rc;

	vm_config_default(&script);
	rc = set_keys(m, &script, (const char *const *)m->keys,
		(const char *const *)m->values, m->nr_keys);
	asked = script;
	if (!rc)
		rc = set_keys(
			m, &asked, m->o->keys, m->o->values, m->o->nr_keys);
	for (const char *const *k = vm_config_keys; *k && !rc; k++) {
		vm_config_get(&script, *k, has, sizeof(has));
		vm_config_get(&asked, *k, wants, sizeof(wants));
		if (!strcmp(has, wants))
			continue;
		snprintf(m->err, STORE_ERR_MAX,
			"the script is of a machine with %s=%.60s; "
			"%s=%.60s "
			"contradicts it",
			*k, has, *k, wants);
		rc = -EINVAL;
	}
	return rc;
}

static int open_store(struct importing *m)
{
	struct store_options o = *m->o;
	int rc = m->nr_keys ? check_config(m) : 0;

	if (rc)
		return rc;
	if (m->nr_keys) {
		o.keys = (const char *const *)m->keys;
		o.values = (const char *const *)m->values;
		o.nr_keys = m->nr_keys;
	}
	rc = store_open(m->path, &o, &m->s, m->err);
	if (!rc)
		m->fresh = !store_vm(m->s)->root->seq;
	return rc;
}

/* Runs the lines; one that fails, fails as it did when it was recorded. */
static int run_text(struct importing *m, struct event *e)
{
	struct vm_outcome out;
	int rc;

	while (e->text_len) {
		const char *nl;
		size_t n;

		rc = store_exec(m->s, e, NULL, NULL, &out);
		if (rc == -EINVAL)
			return bad(m, store_sentence(m->s));
		if (rc) {
			snprintf(m->err, STORE_ERR_MAX, "%s",
				store_sentence(m->s));
			return rc;
		}
		if (out.refused)
			return bad(m, vm_sentence(store_vm(m->s)));
		if (!out.failed)
			return 0;
		nl = memchr(e->text + out.consumed, '\n',
			e->text_len - out.consumed);
		n = nl ? (size_t)(nl + 1 - e->text) : e->text_len;
		e->text += n;
		e->text_len -= n;
	}
	return 0;
}

static int flush(struct importing *m)
{
	struct event e = {.actor = m->actor,
		.text = m->text.data,
		.text_len = m->text.len};
	int rc;

	if (!m->text.len)
		return 0;
	if (m->data_left)
		return bad(m, "the payload before it is cut short");
	if (m->has_data) {
		e.blob = m->data.len ? m->data.data : "";
		e.blob_len = m->data.len;
	}
	rc = run_text(m, &e);
	m->text.len = 0;
	m->data.len = 0;
	m->has_data = false;
	return rc;
}

static int command(struct importing *m, const char *line, size_t len)
{
	int rc = 0;

	if (!m->has_actor)
		return bad(m, "a command without an @on line before it");
	if (m->has_data || m->text.len > BATCH_BYTES)
		rc = flush(m);
	if (rc)
		return rc;
	if (!bytes_add(&m->text, line, len) || !bytes_add(&m->text, "\n", 1))
		return no_memory(m);
	return 0;
}

/* ---- payloads ----------------------------------------------------------- */

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int data_line(struct importing *m, const char *p, size_t len)
{
	if (!m->has_data || len % 4)
		return bad(m, "a line of base64 that is none of a payload");
	for (; len; p += 4, len -= 4) {
		int pad = p[3] == '=' ? 1 + (p[2] == '=') : 0;
		uint32_t v = 0;
		uint8_t out[3];

		for (int i = 0; i < 4; i++) {
			int d = i < 4 - pad ? digit(p[i]) : 0;

			if (d < 0)
				return bad(m, "no base64");
			v = v << 6 | (uint32_t)d;
		}
		out[0] = (uint8_t)(v >> 16);
		out[1] = (uint8_t)(v >> 8);
		out[2] = (uint8_t)v;
		if ((uint64_t)(3 - pad) > m->data_left)
			return bad(m, "more bytes than @data tells");
		m->data_left -= (uint64_t)(3 - pad);
		if (!bytes_add(&m->data, out, (size_t)(3 - pad)))
			return no_memory(m);
	}
	return 0;
}

/* The newest command takes a payload, and is an event alone. */
static int begin_data(struct importing *m, const char *size)
{
	size_t len = m->text.len, at = len;
	char *end, *line;
	int rc;

	if (!len || m->has_data)
		return bad(m, "@data without a command before it");
	for (at--; at > 0 && m->text.data[at - 1] != '\n';)
		at--;
	if (at) {
		line = strndup(m->text.data + at, len - at);
		if (!line)
			return no_memory(m);
		m->text.len = at;
		rc = flush(m);
		if (!rc && !bytes_add(&m->text, line, len - at))
			rc = no_memory(m);
		free(line);
		if (rc)
			return rc;
	}
	m->data_left = strtoull(size, &end, 10);
	m->has_data = true;
	return end == size || *end ? bad(m, "@data needs a number") : 0;
}

/* ---- lines that begin with @ -------------------------------------------- */

static int set_config(struct importing *m, char *text)
{
	char *value = strchr(text, ' ');

	if (m->s || !value || m->nr_keys == KEYS_MAX)
		return bad(m, "@config KEY VALUE comes before all commands");
	*value++ = 0;
	m->keys[m->nr_keys] = strdup(text);
	m->values[m->nr_keys] = strdup(value);
	return m->keys[m->nr_keys] && m->values[m->nr_keys++] ? 0
							      : no_memory(m);
}

static int set_actor(struct importing *m, const char *text)
{
	char name[ACTOR_TEXT_MAX];
	struct actor a = {0};
	int rc = flush(m);

	if (!rc && !m->s)
		rc = open_store(m);
	if (rc)
		return rc;
	if (sscanf(text, "%31s %u %u", name, &a.uid, &a.gid) != 3 ||
		!actor_parse(name, &a))
		return bad(m, "@on ACTOR UID GID tells who writes");
	m->actor = a;
	m->has_actor = true;
	return 0;
}

static int end(struct importing *m, const char *want)
{
	char hash[33];
	int rc = flush(m);

	if (!rc && !m->s)
		rc = open_store(m);
	if (rc)
		return rc;
	m->ended = true;
	store_state_hash(store_vm(m->s), hash);
	if (!m->fresh || !strcmp(hash, want))
		return 0;
	snprintf(m->err, STORE_ERR_MAX,
		"the script has run, but the state has hash %s; it was %s "
		"where it was written",
		hash, want);
	return -EUCLEAN;
}

static int directive(struct importing *m, char *line)
{
	static const struct {
		const char *word;
		int kind;
	} words[] = {{"@pagefs-journal ", 0}, {"@config ", 1}, {"@on ", 2},
		{"@data ", 3}, {"@end ", 4}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i].word);
		char *rest = line + n;

		if (strncmp(line, words[i].word, n))
			continue;
		switch (words[i].kind) {
		case 0:
			return atoi(rest) == SCRIPT_FORMAT
				       ? 0
				       : bad(m, "another format of scripts");
		case 1:
			return set_config(m, rest);
		case 2:
			return set_actor(m, rest);
		case 3:
			return begin_data(m, rest);
		default:
			return end(m, rest);
		}
	}
	return bad(m, "unknown line; those with @ are pagefs-journal, config, "
		      "on, data, end");
}

static int import_line(struct importing *m, char *line, size_t len)
{
	if (m->line == 1 && strncmp(line, "@pagefs-journal ", 16))
		return bad(m, "it does not begin with @pagefs-journal");
	if (*line == '@')
		return directive(m, line);
	if (*line == '=')
		return data_line(m, line + 1, len - 1);
	return command(m, line, len);
}

static int import_all(struct importing *m)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = 0;

	while (!rc && !m->ended && (n = getline(&line, &cap, m->from)) >= 0) {
		m->line++;
		if (n && line[n - 1] == '\n')
			line[--n] = 0;
		rc = import_line(m, line, (size_t)n);
	}
	free(line);
	if (!rc && !m->ended)
		rc = flush(m);
	if (!rc && !m->ended)
		rc = bad(m, "it ends without @end");
	return rc;
}

int store_import(
	const char *path, const struct store_options *o, FILE *from, char *err)
{
	struct importing m = {.path = path, .o = o, .from = from, .err = err};
	int rc = import_all(&m);

	store_close(m.s);
	for (unsigned i = 0; i < KEYS_MAX; i++) {
		free(m.keys[i]);
		free(m.values[i]);
	}
	bytes_free(&m.text);
	bytes_free(&m.data);
	return rc;
}
