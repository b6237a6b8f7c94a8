/*
 * pagefs: mounts a simulated machine.
 *
 * The parent waits until the child has opened the machine and the mount
 * stands, so that its exit status says whether there is a mount.  The child
 * does all the work, from opening the database on: a connection to SQLite
 * does not survive a fork.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "options.h"
#include "session.h"

/* A closed standard stream would become the number of some other file. */
static void open_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

static void notice(void *ctx, const char *sentence)
{
	FILE *out = ctx;

	fprintf(out, "pagefs: %s\n", sentence);
	fflush(out);
}

/* Who serves a mount has no terminal later on. */
static void notice_and_log(void *ctx, const char *sentence)
{
	notice(ctx, sentence);
	syslog(LOG_NOTICE, "%s", sentence);
}

/* A bar that is drawn over itself, on a terminal. */
static void progress(void *ctx, uint64_t line, uint64_t lines)
{
	static const char full[] = "########################################";
	int width = lines ? (int)(line * 40 / lines) : 40;

	fprintf(ctx, "\rpagefs: replaying [%-40.*s] %3d%%%s", width, full,
		width * 100 / 40, line == lines ? "\n" : "");
	fflush(ctx);
}

static struct store_options store_options_of(
	const struct options *o, FILE *notices)
{
	return (struct store_options){
		.read_only = o->read_only,
		.at = o->at,
		.power = o->power,
		.keys = o->keys,
		.values = o->values,
		.nr_keys = o->nr_keys,
		.notice = notice,
		.progress = isatty(fileno(notices)) ? progress : NULL,
		.notice_ctx = notices,
	};
}

static int check(const struct options *o)
{
	struct store_options so = store_options_of(o, stdout);
	char err[STORE_ERR_MAX] = "";
	int found = store_check(o->machine, &so, err);

	if (found < 0)
		fprintf(stderr, "pagefs: %s\n", err);
	return found != 0;
}

/* Tells the waiting parent that the mount stands. */
static void detach(int ready)
{
	int null;

	if (ready < 0)
		return;
	if (chdir("/"))
		perror("pagefs: /");
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		if (null > 2)
			close(null);
	}
	if (write(ready, "k", 1) != 1)
		_exit(1);
	close(ready);
}

/* Opens the machine, mounts and serves it. */
static int run_session(struct session *s, const struct options *o, int ready)
{
	struct store_options so = store_options_of(o, stderr);
	char err[STORE_ERR_MAX] = "";
	struct store *store;
	int status;

	so.notice = notice_and_log;
	openlog("pagefs", LOG_PID, LOG_DAEMON);

	if (store_open(o->machine, &so, &store, err)) {
		fprintf(stderr, "pagefs: %s\n", err);
		return 1;
	}
	status = session_mount(s, store, o) != 0;
	if (!status) {
		detach(ready);
		status = session_serve(s, o->single);
		session_unmount(s);
	}
	store_close(store);
	return status;
}

/* `ready` is the parent's pipe, -1 in the foreground. */
static int run(struct options *o, int ready)
{
	struct session session;
	int status = 1;

	/* First of all the options, so that a wrong one creates no machine. */
	if (session_new(&session, &o->args) == 0)
		status = run_session(&session, o, ready);
	session_free(&session);
	return status;
}

static int run_detached(struct options *o)
{
	int ready[2], status = 0;
	char c;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC)) {
		perror("pagefs: pipe");
		return 1;
	}
	pid = fork();
	if (pid < 0) {
		perror("pagefs: fork");
		return 1;
	}
	if (pid == 0) {
		close(ready[0]);
		setsid();
		return run(o, ready[1]);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) == 1)
		return 0;
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		fprintf(stderr, "pagefs: the file system process died: %s\n",
			strsignal(WTERMSIG(status)));
	return 1;
}

static int export_journal(const struct options *o)
{
	char err[STORE_ERR_MAX] = "";
	int rc = store_export(o->machine, stdout, err);

	if (rc)
		fprintf(stderr, "pagefs: %s\n", err);
	return rc != 0;
}

static int import_journal(const struct options *o)
{
	struct store_options so = store_options_of(o, stderr);
	bool standard = !strcmp(o->script, "-");
	FILE *from = standard ? stdin : fopen(o->script, "re");
	char err[STORE_ERR_MAX] = "";
	int rc;

	if (!from) {
		fprintf(stderr, "pagefs: %s: %s\n", o->script, strerror(errno));
		return 1;
	}
	rc = store_import(o->machine, &so, from, err);
	if (rc)
		fprintf(stderr, "pagefs: %s\n", err);
	if (!standard)
		fclose(from);
	return rc != 0;
}

int main(int argc, char **argv)
{
	struct options o;
	char err[256];
	int status;

	open_standard_streams();
	/* Buffers of a request live on the heap, which keeps their pages. */
	mallopt(M_MMAP_THRESHOLD, 16 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	if (options_parse(&o, argc, argv)) {
		status = 1;
	} else if (o.help) {
		options_usage();
		status = 0;
	} else if (o.version) {
		printf("pagefs %s, libfuse %s\n", PAGEFS_VERSION,
			fuse_pkgversion());
		status = 0;
	} else if (tree_init(err)) {
		fprintf(stderr, "pagefs: %s\n", err);
		status = 1;
	} else if (o.check) {
		status = check(&o);
	} else if (o.export_journal) {
		status = export_journal(&o);
	} else if (o.import_journal) {
		status = import_journal(&o);
	} else {
		status = o.foreground ? run(&o, -1) : run_detached(&o);
	}
	options_free(&o);
	return status;
}
