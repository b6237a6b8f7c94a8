/*
 * The floor: a low-level FUSE file system that does nothing.  `ctl` swallows
 * writes, `text` answers 600 bytes with direct I/O, as a small file of /proc.
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INO_CTL = 2, INO_TEXT };

static char text[600];

static void fill(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_mode = ino == 1 ? S_IFDIR | 0755 : S_IFREG | 0644;
	st->st_nlink = 1;
	st->st_uid = getuid();
	st->st_gid = getgid();
}

static void null_init(void *data, struct fuse_conn_info *conn)
{
	conn->max_write = 1 << 20;
}

static void null_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {0};

	e.ino = !strcmp(name, "ctl")	? INO_CTL
		: !strcmp(name, "text") ? INO_TEXT
					: 0;
	if (!e.ino) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	e.attr_timeout = e.entry_timeout = 3600;
	fill(e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static void null_getattr(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	fill(ino, &st);
	fuse_reply_attr(req, &st, 3600);
}

static void null_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
	int to_set, struct fuse_file_info *fi)
{
	null_getattr(req, ino, fi);
}

static void null_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->direct_io = 1;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void null_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	if (off >= (off_t)sizeof(text))
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, text + off,
			size < sizeof(text) - (size_t)off
				? size
				: sizeof(text) - (size_t)off);
}

static void null_write(fuse_req_t req, fuse_ino_t ino, const char *buf,
	size_t size, off_t off, struct fuse_file_info *fi)
{
	fuse_reply_write(req, size);
}

static const struct fuse_lowlevel_ops ops = {
	.init = null_init,
	.lookup = null_lookup,
	.getattr = null_getattr,
	.setattr = null_setattr,
	.open = null_open,
	.read = null_read,
	.write = null_write,
};

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_cmdline_opts opts;
	struct fuse_loop_config *config;
	struct fuse_session *se;

	memset(text, 'x', sizeof(text));
	if (fuse_parse_cmdline(&args, &opts) || !opts.mountpoint)
		return 2;
	se = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (!se || fuse_session_mount(se, opts.mountpoint))
		return 1;
	fuse_daemonize(opts.foreground);
	fuse_set_signal_handlers(se);
	if (opts.singlethread) {
		fuse_session_loop(se);
	} else {
		config = fuse_loop_cfg_create();
		fuse_session_loop_mt(se, config);
		fuse_loop_cfg_destroy(config);
	}
	fuse_session_unmount(se);
	return 0;
}
