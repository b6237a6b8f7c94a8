/* The kinds of rows of the node table; see struct node. */
#ifndef PAGEFS_FS_NODE_ROWS_H
#define PAGEFS_FS_NODE_ROWS_H

#include "node.h"

#define DIRECTORY(p, m, h)                                        \
	{                                                         \
		.path = p, .kind = NODE_DIR, .mode = m, .help = h \
	}
#define TEXT(p, m, s, h)                                                      \
	{                                                                     \
		.path = p, .kind = NODE_TEXT, .mode = m, .show = s, .help = h \
	}
#define LOOK(p, m, s, h)                                            \
	{                                                           \
		.path = p, .kind = NODE_TEXT, .mode = m, .show = s, \
		.looks = true, .help = h                            \
	}
#define LOOK_LINK(p, s, h)                                             \
	{                                                              \
		.path = p, .kind = NODE_LINK, .mode = 0777, .show = s, \
		.looks = true, .help = h                               \
	}
#define SIZED(p, m, s, h)                                                     \
	{                                                                     \
		.path = p, .kind = NODE_FILE, .mode = m, .show = s, .help = h \
	}
#define CONSTANT(p, m, s, h)                                               \
	{                                                                  \
		.path = p, .kind = NODE_FILE, .mode = m, .constant = true, \
		.show = s, .help = h                                       \
	}
#define LINK(p, s, h)                                                  \
	{                                                              \
		.path = p, .kind = NODE_LINK, .mode = 0777, .show = s, \
		.help = h                                              \
	}
#define FILE_LINK(p, m, of, s, h)                                       \
	{                                                               \
		.path = p, .kind = NODE_LINK, .mode = m, .mode_of = of, \
		.show = s, .help = h                                    \
	}
#define BINARY(p, m, r, h)                                             \
	{                                                              \
		.path = p, .kind = NODE_BINARY, .mode = m, .pread = r, \
		.help = h                                              \
	}
#define CONTROL(p, m, a, h)                                                   \
	{                                                                     \
		.path = p, .kind = NODE_CTL, .mode = m, .actor = a, .help = h \
	}
#define VALUE(p, m, v, s, h)                                            \
	{                                                               \
		.path = p, .kind = NODE_TEXT, .mode = m,                \
		.actor = ACTOR_PROCESS, .verb = v, .show = s, .help = h \
	}
#define SETTING(key, h)                                                       \
	{                                                                     \
		.path = "proc/sys/vm/" #key, .kind = NODE_TEXT, .mode = 0644, \
		.actor = ACTOR_MACHINE, .verb = "set " #key,                  \
		.show = show_##key, .help = h                                 \
	}
#define THP(key, setting, h)                                              \
	{                                                                 \
		.path = "sys/kernel/mm/transparent_hugepage/" #key,       \
		.kind = NODE_TEXT, .mode = 0644, .actor = ACTOR_MACHINE,  \
		.verb = "set " setting, .show = show_thp_##key, .help = h \
	}
#define KHUGEPAGED(key, h)                                                     \
	{                                                                      \
		.path = "sys/kernel/mm/transparent_hugepage/khugepaged/" #key, \
		.kind = NODE_TEXT, .mode = 0644, .actor = ACTOR_MACHINE,       \
		.verb = "set khugepaged_" #key, .show = show_khugepaged_##key, \
		.help = h                                                      \
	}
#define POOL_AT(dir, by, text, m, s, t, h)                           \
	{                                                            \
		.path = dir "/" text, .kind = NODE_TEXT, .mode = m,  \
		.actor = ACTOR_MACHINE, .verb = "hugepages # " text, \
		.key = by, .show = s, .there = t, .help = h          \
	}
#define POOLS			   "sys/kernel/mm/hugepages/HUGE"
#define NODE_POOLS		   "sys/devices/system/node/nodeNODE/hugepages/NODEHUGE"
#define POOL(key, m, s, t, h)	   POOL_AT(POOLS, NULL, #key, m, s, t, h)
#define NODE_POOL(key, m, s, t, h) POOL_AT(NODE_POOLS, "node", #key, m, s, t, h)
#define ZRAM(file, m, s, h)                                                    \
	{                                                                      \
		.path = "sys/block/DISK/" #file, .kind = NODE_TEXT, .mode = m, \
		.actor = ACTOR_MACHINE, .verb = "zram " #file, .raw = true,    \
		.show = s, .there = disk_is_zram, .help = "zram0: " h          \
	}
#define ZRAM_TEXT(file, s, h)                                       \
	{                                                           \
		.path = "sys/block/DISK/" #file, .kind = NODE_TEXT, \
		.mode = 0444, .show = s, .there = disk_is_zram,     \
		.help = "zram0: " h                                 \
	}
#define STREAM(p, m, a, s, h)                                          \
	{                                                              \
		.path = p, .kind = NODE_STREAM, .mode = m, .actor = a, \
		.show = s, .help = h                                   \
	}
#define QUERY(p, m, q, h)                                             \
	{                                                             \
		.path = p, .kind = NODE_QUERY, .mode = m, .query = q, \
		.help = h                                             \
	}

#endif
