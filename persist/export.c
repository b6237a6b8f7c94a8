/*
 * The live path as a script, which the same commands written to the files of
 * a fresh machine would be.  docs/database.md has the format.
 */
#include "store_i.h"

#include <stdio.h>

#include "../vm/machine.h"

#define DATA_LINE 57 /* bytes, 76 characters of base64 */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_data(FILE *to, const uint8_t *p, size_t len)
{
	char line[4 * ((DATA_LINE + 2) / 3) + 2];

	fprintf(to, "@data %zu\n", len);
	while (len) {
		size_t n = len < DATA_LINE ? len : DATA_LINE;
		char *out = line;

		*out++ = '=';
		for (size_t i = 0; i < n; i += 3) {
			uint32_t v = (uint32_t)p[i] << 16;

			v |= i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0;
			v |= i + 2 < n ? p[i + 2] : 0;
			*out++ = digits[v >> 18];
			*out++ = digits[v >> 12 & 63];
			*out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
			*out++ = i + 2 < n ? digits[v & 63] : '=';
		}
		fwrite(line, 1, (size_t)(out - line), to);
		fputc('\n', to);
		p += n;
		len -= n;
	}
}

struct exporting {
	struct store *s;
	FILE *to;
	char on[ACTOR_TEXT_MAX + 32]; /* the last @on line */
	struct bytes unpacked;
};

/* The lines of a row that ran on the path. */
static void put_row(struct exporting *x, const struct row *r, uint64_t lines)
{
	char on[sizeof(x->on)], actor[ACTOR_TEXT_MAX];
	const char *line;
	size_t pos = 0, len;

	actor_format(&r->event.actor, actor, sizeof(actor));
	snprintf(on, sizeof(on), "@on %s %u %u\n", actor, r->event.actor.uid,
		r->event.actor.gid);
	if (strcmp(on, x->on))
		fputs(on, x->to);
	strcpy(x->on, on);
	while (lines-- > 0 && next_line(r->event.text, r->event.text_len, &pos,
				      &line, &len)) {
		fwrite(line, 1, len, x->to);
		fputc('\n', x->to);
	}
	if (r->event.blob)
		put_data(x->to, r->event.blob, r->event.blob_len);
}

static int put_stretch(struct exporting *x, const struct stretch *v)
{
	struct store *s = x->s;
	uint64_t now = course_seq(&s->course, s->vm->root->seq);
	uint64_t last = v->last < now ? v->last : now;
	sqlite3_stmt *st;
	int step = SQLITE_DONE,
	    rc = store_prepare(s,
		    "SELECT " ROW_COLUMNS
		    " FROM journal j WHERE seq BETWEEN ? AND ? ORDER BY seq",
		    &st);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)v->first);
	sqlite3_bind_int64(st, 2, (int64_t)last);
	while (!rc && (step = sqlite3_step(st)) == SQLITE_ROW) {
		struct result result = {0};
		struct row r;
		uint64_t lines;

		rc = row_read(s, st, &r, &x->unpacked);
		if (!rc && result_find(s, r.seq, &result) != 1)
			rc = store_fail(s, EUCLEAN,
				"%s is damaged: row %llu has no result",
				s->path, (unsigned long long)r.seq);
		if (rc)
			break;
		lines = last - r.seq + 1;
		put_row(x, &r, lines < result.lines ? lines : result.lines);
	}
	if (!rc && step != SQLITE_DONE)
		rc = store_sql_fail(s, "read the journal");
	sqlite3_finalize(st);
	return rc;
}

static int export_all(struct exporting *x)
{
	struct store *s = x->s;
	char value[VM_CONFIG_VALUE_MAX], hash[33];
	int rc = 0;

	if (s->course.v[0].line > 1)
		return store_fail(s, EINVAL,
			"the journal of %s does not begin at boot: its history "
			"before line %llu was forgotten",
			s->path, (unsigned long long)s->course.v[0].first);
	fprintf(x->to, "@pagefs-journal %d\n", SCRIPT_FORMAT);
	for (const char *const *k = vm_config_keys; *k; k++) {
		vm_config_get(&s->config, *k, value, sizeof(value));
		fprintf(x->to, "@config %s %s\n", *k, value);
	}
	for (unsigned i = 0; i < s->course.nr && !rc; i++)
		if (s->course.v[i].first <= s->course.v[i].last)
			rc = put_stretch(x, &s->course.v[i]);
	if (rc)
		return rc;
	store_state_hash(s->vm, hash);
	fprintf(x->to, "@end %s\n", hash);
	if (!fflush(x->to) && !ferror(x->to))
		return 0;
	return store_fail(
		s, errno ? errno : EIO, "cannot write: %s", strerror(errno));
}

int store_export(const char *path, FILE *to, char *err)
{
	struct store_options o = {.read_only = true};
	struct exporting x = {.to = to};
	int rc = store_open(path, &o, &x.s, err);

	if (rc)
		return rc;
	store_lock(x.s);
	rc = export_all(&x);
	store_unlock(x.s);
	if (rc)
		snprintf(err, STORE_ERR_MAX, "%s", x.s->sentence);
	bytes_free(&x.unpacked);
	store_close(x.s);
	return rc;
}
