/*
 * proc/diskstats, proc/partitions and sys/block/: the simulated disks: vda of
 * disk/, vdb of swap, zram0.
 *
 * A disk serves requests of one block, 4096 bytes; none is merged, and they
 * take no time.  Pages of a swap file are requests to vda.
 * Sources: Linux block/genhd.c (diskstats_show, part_stat_show).
 */
#include "disks.h"

#include "../vm/disk/disk.h"
#include "renderers.h"

#define SECTOR	     512
#define VIRTIO_MAJOR 254 /* as maps prints the disk's files: fe:00 */
#define ZRAM_MAJOR   253
#define MINORS	     16

bool disk_is_there(const struct vm *m, unsigned disk)
{
	return disk < NR_DISKS && (disk != DISK_VDB || m->root->config.swap);
}

const char *disk_label(unsigned disk)
{
	static const char *const names[] = {"vda", "vdb", "zram0"};

	return names[disk];
}

void disk_numbers(unsigned disk, unsigned *major, unsigned *minor)
{
	*major = disk == DISK_ZRAM ? ZRAM_MAJOR : VIRTIO_MAJOR;
	*minor = disk == DISK_ZRAM ? 0 : MINORS * disk;
}

static uint64_t disk_bytes(const struct vm *m, unsigned disk)
{
	return disk == DISK_VDA	  ? m->root->disk_blocks * DISK_BLOCK
	       : disk == DISK_VDB ? m->root->config.swap
				  : m->root->zram.bytes;
}

struct moved {
	unsigned long long reads, sectors_read, writes, sectors_written;
};

/* What was moved between RAM and a disk. */
static struct moved disk_moved(const struct vm *m, unsigned disk)
{
	const struct disk_io *io = &m->root->io[disk];

	return (struct moved){
		io->reads,
		io->reads * (DISK_BLOCK / SECTOR),
		io->writes,
		io->writes * (DISK_BLOCK / SECTOR),
	};
}

/* Reads, merged, sectors, ms; writes likewise; in flight, ms, ms; discards
 * and flushes. */
void show_diskstats(struct sbuf *b, const struct view *v, uint64_t id)
{
	for (unsigned i = 0; i < NR_DISKS; i++) {
		struct moved n = disk_moved(v->vm, i);
		unsigned major, minor;

		if (!disk_is_there(v->vm, i))
			continue;
		disk_numbers(i, &major, &minor);
		sbuf_printf(b,
			"%4u %7u %s %llu 0 %llu 0 %llu 0 %llu 0 0 0 0 0 0 0 "
			"0 0 0\n",
			major, minor, disk_label(i), n.reads, n.sectors_read,
			n.writes, n.sectors_written);
	}
}

void show_disk_stat(struct sbuf *b, const struct view *v, uint64_t id)
{
	struct moved n = disk_moved(v->vm, (unsigned)id);

	sbuf_printf(b, "%8llu %8u %8llu %8u %8llu %8u %8llu %8u", n.reads, 0,
		n.sectors_read, 0, n.writes, 0, n.sectors_written, 0);
	for (unsigned i = 0; i < 9; i++)
		sbuf_printf(b, " %8u", 0);
	sbuf_char(b, '\n');
}

void show_disk_size(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_dec(b, disk_bytes(v->vm, (unsigned)id) / SECTOR);
	sbuf_char(b, '\n');
}

void show_disk_dev(struct sbuf *b, const struct view *v, uint64_t id)
{
	unsigned major, minor;

	disk_numbers((unsigned)id, &major, &minor);
	sbuf_printf(b, "%u:%u\n", major, minor);
}

/* Requests in flight: reads, writes. */
void show_disk_inflight(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%8u %8u\n", 0, 0);
}

/* hidden, removable, ro: none of them is. */
void show_disk_no(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, "0\n");
}

void show_disk_block(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%u\n", DISK_BLOCK);
}

/* Swap is read ahead as from disks that turn, but zram0 does not. */
void show_disk_rotational(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "%d\n", id != DISK_ZRAM);
}

/* The disk's directory, from sys/dev/block/. */
void show_disk_link(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_printf(b, "../../block/%s", disk_label((unsigned)id));
}

/* Disks without a size have no line. */
void show_partitions(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, "major minor  #blocks  name\n\n");
	for (unsigned i = 0; i < NR_DISKS; i++) {
		uint64_t bytes = disk_bytes(v->vm, i);
		unsigned major, minor;

		disk_numbers(i, &major, &minor);
		if (disk_is_there(v->vm, i) && bytes)
			sbuf_printf(b, "%4u  %7u %10llu %s\n", major, minor,
				(unsigned long long)bytes >> 10, disk_label(i));
	}
}
