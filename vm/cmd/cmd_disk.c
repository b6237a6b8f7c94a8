/* Changes of disk/, as the file system writes them into the journal. */
#include "../disk/disk.h"
#include "handlers.h"

static int lookup_file(struct cmd *c, idx_t *ino)
{
	*ino = disk_lookup(c->m, c->arg[0].text, false);
	return *ino ? 0 : -c->m->fail.err;
}

/* create PATH [MODE] */
int cmd_create(struct cmd *c)
{
	uint32_t mode = c->arg[1].given ? (uint32_t)c->arg[1].num : 0644;

	return disk_create(c->m, c->arg[0].text, mode & 07777, c->actor->uid,
		       c->actor->gid)
		       ? 0
		       : -c->m->fail.err;
}

/* mkdir PATH [MODE] */
int cmd_mkdir(struct cmd *c)
{
	uint32_t mode = c->arg[1].given ? (uint32_t)c->arg[1].num : 0755;

	return disk_mkdir(c->m, c->arg[0].text, mode & 07777, c->actor->uid,
		c->actor->gid);
}

/* write PATH OFF, with the bytes as payload */
int cmd_disk_write(struct cmd *c)
{
	idx_t ino;
	int64_t n;
	int err = lookup_file(c, &ino);

	if (err)
		return err;
	n = disk_write(c->m, ino, c->arg[1].num, c->blob, c->blob_len);
	if (n < 0)
		return (int)n;
	c->reply->kind = REPLY_DEC;
	c->reply->value = (uint64_t)n;
	return 0;
}

/* truncate PATH SIZE */
int cmd_truncate(struct cmd *c)
{
	idx_t ino;
	int err = lookup_file(c, &ino);

	if (!err)
		err = inode_may_write(c->m, ino);
	return err ? err : disk_truncate(c->m, ino, c->arg[1].num);
}

/* unlink PATH */
int cmd_unlink(struct cmd *c)
{
	return disk_unlink(c->m, c->arg[0].text);
}

/* rmdir PATH */
int cmd_rmdir(struct cmd *c)
{
	return disk_rmdir(c->m, c->arg[0].text);
}

/* rename FROM TO [FLAGS] */
int cmd_rename(struct cmd *c)
{
	return disk_rename(
		c->m, c->arg[0].text, c->arg[1].text, (unsigned)c->arg[2].num);
}

/* symlink TARGET PATH */
int cmd_symlink(struct cmd *c)
{
	return disk_symlink(c->m, c->arg[0].text, c->arg[1].text, c->actor->uid,
		c->actor->gid);
}

/* chmod PATH MODE */
int cmd_chmod(struct cmd *c)
{
	idx_t ino;
	int err = lookup_file(c, &ino);

	if (err)
		return err;
	inode_at(c->m, ino)->mode = (uint32_t)c->arg[1].num & 07777;
	return 0;
}

/* chown PATH UID GID */
int cmd_chown(struct cmd *c)
{
	idx_t ino;
	int err = lookup_file(c, &ino);

	if (err)
		return err;
	inode_at(c->m, ino)->uid = (uint32_t)c->arg[1].num;
	inode_at(c->m, ino)->gid = (uint32_t)c->arg[2].num;
	return 0;
}
