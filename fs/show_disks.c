/*
 * proc/diskstats, proc/partitions and sys/block/: the simulated disk, vda,
 * and the swap area, vdb.
 *
 * The disk serves requests of one block, 4096 bytes; none is merged, and they
 * take no time.  So the counters of vmstat, pgpgin and pgpgout in kB, give
 * requests and sectors.
 * Sources: Linux block/genhd.c (diskstats_show, part_stat_show).
 */
#include "disks.h"

#include "../vm/disk/disk.h"
#include "renderers.h"

#define SECTOR	   512
#define MAJOR	   254 /* as maps prints the disk's files: fe:00 */
#define MINORS	   16
#define KB_A_BLOCK (DISK_BLOCK / KiB)

unsigned nr_disks(const struct vm *m)
{
	return m->root->config.swap ? 2 : 1;
}

static uint64_t disk_bytes(const struct vm *m, unsigned disk)
{
	return disk ? m->root->config.swap : m->root->disk_blocks * DISK_BLOCK;
}

struct moved {
	unsigned long long reads, sectors_read, writes, sectors_written;
};

/* What was moved between RAM and a disk; pages of swap files count as vdb's. */
static struct moved disk_moved(const struct vm *m, unsigned disk)
{
	const uint64_t *count = m->root->count;
	uint64_t page_kb = m->page_size / KiB;
	uint64_t in = disk ? count[CNT_PSWPIN] * page_kb : count[CNT_PGPGIN];
	uint64_t out = disk ? count[CNT_PSWPOUT] * page_kb : count[CNT_PGPGOUT];

	return (struct moved){
		in / KB_A_BLOCK,
		in * KiB / SECTOR,
		out / KB_A_BLOCK,
		out * KiB / SECTOR,
	};
}

/* Reads, merged, sectors, ms; writes likewise; in flight, ms, ms; discards
 * and flushes. */
void show_diskstats(struct sbuf *b, const struct view *v, uint64_t id)
{
	for (unsigned i = 0; i < nr_disks(v->vm); i++) {
		struct moved n = disk_moved(v->vm, i);

		sbuf_printf(b,
			"%4d %7u vd%c %llu 0 %llu 0 %llu 0 %llu 0 0 0 0 0 0 0 "
			"0 0 0\n",
			MAJOR, MINORS * i, 'a' + (int)i, n.reads,
			n.sectors_read, n.writes, n.sectors_written);
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
	sbuf_printf(b, "%d:%u\n", MAJOR, MINORS * (unsigned)id);
}

void show_partitions(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, "major minor  #blocks  name\n\n");
	for (unsigned i = 0; i < nr_disks(v->vm); i++)
		sbuf_printf(b, "%4d  %7u %10llu vd%c\n", MAJOR, MINORS * i,
			(unsigned long long)disk_bytes(v->vm, i) >> 10,
			'a' + (int)i);
}
