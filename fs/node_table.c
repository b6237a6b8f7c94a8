/*
 * The files of the mount.  Order is the order of readdir.
 */
#include "node.h"
#include "renderers.h"

#define DIRECTORY(p, m, h)                                        \
	{                                                         \
		.path = p, .kind = NODE_DIR, .mode = m, .help = h \
	}
#define TEXT(p, m, s, h)                                                      \
	{                                                                     \
		.path = p, .kind = NODE_TEXT, .mode = m, .show = s, .help = h \
	}
#define SIZED(p, m, s, h)                                                     \
	{                                                                     \
		.path = p, .kind = NODE_FILE, .mode = m, .show = s, .help = h \
	}
#define LINK(p, s, h)                                                  \
	{                                                              \
		.path = p, .kind = NODE_LINK, .mode = 0777, .show = s, \
		.help = h                                              \
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

const struct node node_table[] = {
	DIRECTORY("", 0755, "the machine"),
	SIZED("README", 0444, show_readme, "how to begin"),
	DIRECTORY("help", 0555, "one file per command and per topic"),
	SIZED("help/TOPIC", 0444, show_topic, "one command or topic"),
	CONTROL("ctl", 0644, ACTOR_MACHINE, "commands to the machine"),
	{.path = "last",
		.kind = NODE_TEXT,
		.mode = 0444,
		.wakes = true,
		.show = show_last,
		.help = "reply to the newest command of anyone"},
	{.path = "log",
		.kind = NODE_LOG,
		.mode = 0444,
		.wakes = true,
		.help = "the journal: SEQ TIME ACTOR COMMAND = RESULT"},
	TEXT("config", 0444, show_config, "the machine's configuration"),
	TEXT("stats", 0444, show_stats, "every counter, `key value`"),
	TEXT("state_hash", 0444, show_state_hash, "XXH3-128 of the state"),

	/* proc/ */
	DIRECTORY("proc", 0555, "Linux's /proc"),
	DIRECTORY("proc/PID", 0555, "one process"),
	CONTROL("proc/PID/ctl", 0600, ACTOR_PROCESS, "system calls of it"),
	TEXT("proc/PID/last", 0444, show_task_last, "its newest reply"),
	{.path = "proc/PID/mem",
		.kind = NODE_BINARY,
		.mode = 0600,
		.actor = ACTOR_MEM,
		.pread = pread_mem,
		.help = "its memory: reading looks, writing stores"},
	DIRECTORY("proc/PID/task", 0555, "its threads"),
	DIRECTORY("proc/PID/task/TID", 0555, "one thread"),
	DIRECTORY("proc/.host", 0555, "where the real /proc is bound"),
	LINK("proc/HOSTPID", show_hostpid, "processes of the host"),
	LINK("proc/self", show_self, "the caller, in the host's /proc"),
	LINK("proc/thread-self", show_thread_self, "the calling thread"),

	/* cpu/ */
	DIRECTORY("cpu", 0555, "the processors"),
	DIRECTORY("cpu/N", 0555, "one processor"),

	/* phys/ */
	DIRECTORY("phys", 0555, "physical memory"),

	/* disk/, trace/ */
	{.path = "disk",
		.kind = NODE_DISK,
		.mode = 0755,
		.actor = ACTOR_DISK,
		.help = "the simulated disk: cp files in and out"},
	DIRECTORY("trace", 0555, "input recorded from real programs"),
	STREAM("trace/strace", 0644, ACTOR_STRACE, show_strace,
		"takes strace -f -y output, reports the comparison"),
};
const unsigned nr_nodes = sizeof(node_table) / sizeof(node_table[0]);
