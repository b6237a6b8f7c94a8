/*
 * One mount, from fuse_session_new() to the last request.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../vm/disk/disk.h"
#include "session.h"

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	conn->want |= conn->capable &
		      (FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_AUTO_INVAL_DATA |
			      FUSE_CAP_PARALLEL_DIROPS);
	if (conn->max_write > MAX_CHUNK)
		conn->max_write = MAX_CHUNK;
}

/* The disk's blocks are what this file system can hold. */
static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct session *s = req_session(req);
	const struct root *root = s->live.view.vm->root;
	struct statvfs st = {
		.f_bsize = DISK_BLOCK,
		.f_frsize = DISK_BLOCK,
		.f_namemax = DISK_NAME_MAX,
	};

	fair_read(&s->live.lock);
	st.f_blocks = root->disk_blocks;
	st.f_bfree = st.f_bavail = root->disk_blocks - root->disk_used;
	st.f_files = root->pool[SEG_INODE].nr;
	fair_unlock(&s->live.lock);
	fuse_reply_statfs(req, &st);
}

static void op_link(
	fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	fuse_reply_err(req, EPERM);
}

static const struct fuse_lowlevel_ops session_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.create = op_create,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.releasedir = op_releasedir,
	.fsyncdir = op_fsync,
	.statfs = op_statfs,
	.poll = op_poll,
};

int session_new(struct session *s, struct fuse_args *args)
{
	memset(s, 0, sizeof(*s));
	machine_init(&s->live);
	s->live.refused = &s->refused;
	pasts_init(&s->pasts);
	pthread_mutex_init(&s->pollers.lock, NULL);
	pthread_mutex_init(&s->files.lock, NULL);
	s->se = fuse_session_new(args, &session_ops, sizeof(session_ops), s);
	return s->se ? 0 : -1;
}

int session_mount(
	struct session *s, struct store *store, const struct options *o)
{
	struct view past = {.uid = getuid(), .gid = getgid(), .past = true};

	s->read_only = o->read_only;
	s->live.view = (struct view){
		.vm = store_vm(store),
		.store = store,
		.refused = o->at ? NULL : &s->refused,
		.uid = past.uid,
		.gid = past.gid,
		.past = o->at,
	};
	s->live.store_restores = store_restores(store);
	pasts_begin(&s->pasts, store, &past, o->at_cache);
	clock_gettime(CLOCK_REALTIME, &s->mounted);
	return fuse_session_mount(s->se, o->mountpoint) ? -1 : 0;
}

int session_serve(struct session *s, bool single)
{
	int status = -1;

	if (ending_start(s) == 0) {
		if (!s->read_only)
			idle_start(s);
		s->single = single;
		if (single) {
			status = fuse_session_loop(s->se);
		} else {
			struct fuse_loop_config *c = fuse_loop_cfg_create();

			fuse_loop_cfg_set_max_threads(c, MAX_THREADS);
			fuse_loop_cfg_set_idle_threads(c, IDLE_THREADS);
			status = fuse_session_loop_mt(s->se, c);
			fuse_loop_cfg_destroy(c);
		}
		idle_stop(s);
		ending_stop(s);
	}
	return status < 0;
}

void session_unmount(struct session *s)
{
	fuse_session_unmount(s->se);
	while (s->files.first)
		open_file_free(s->files.first);
	pasts_free(&s->pasts);
}

void session_free(struct session *s)
{
	for (size_t i = 0; i < s->pollers.nr; i++)
		fuse_pollhandle_destroy(s->pollers.handle[i]);
	free(s->pollers.handle);
	if (s->se)
		fuse_session_destroy(s->se);
	pthread_mutex_destroy(&s->files.lock);
	pthread_mutex_destroy(&s->pollers.lock);
	machine_destroy(&s->live);
}
