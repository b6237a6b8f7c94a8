/*
 * The command table.  To add a command: a row here, its handler's name in
 * handlers.h, the handler in the cmd_*.c of its subject.
 */
#include "handlers.h"

#define MACHINE (1u << ACTOR_MACHINE)
#define PROCESS (1u << ACTOR_PROCESS)
#define DISK	(1u << ACTOR_DISK)
#define KERNEL	(1u << ACTOR_KERNEL)

#define OPT ARG_OPTIONAL
#define KEY ARG_KEY

const struct command command_table[] = {
	/* ---- the machine: ctl ---- */
	{.name = "spawn",
		.actors = MACHINE,
		.run = cmd_spawn,
		.args = {{"PATH", ARG_PATH, OPT}, {"ARG", ARG_REST, OPT},
			{"name", ARG_WORD, KEY}, {"uid", ARG_NUM, KEY},
			{"gid", ARG_NUM, KEY}},
		.summary = "start a process; its PID is the reply",
		.detail = "With PATH, an ELF file or #! script on disk/, the "
			  "image is loaded as execve(2) does, at random "
			  "addresses if aslr is set.  Without, the process is "
			  "bare: a stack, the vdso and an empty heap.  It runs "
			  "as user uid= and group gid=, the writer's if not "
			  "given: user 0 has every capability, all others "
			  "none.  Limits and oom_score_adj are init's, whose "
			  "child it is.",
		.example = "spawn name=shell\nspawn uid=1000 gid=1000"},
	{.name = "run",
		.actors = MACHINE,
		.run = cmd_run,
		.args = {{"PID", ARG_NUM, 0}, {"cpu", ARG_NUM, KEY}},
		.summary = "make a process current on its CPU, or on another",
		.detail = "Loads CR3 as a context switch does; with PCIDs the "
			  "TLB keeps the entries of other processes.",
		.example = "run 1 cpu=1"},
	{.name = "set",
		.actors = MACHINE,
		.run = cmd_set,
		.args = {{"KEY", ARG_WORD, 0}, {"VALUE", ARG_WORD, 0}},
		.summary = "change a setting; config lists them",
		.example = "set segv kill"},
	{.name = "hugepages",
		.actors = MACHINE | PROCESS,
		.run = cmd_hugepages,
		.args = {{"KB", ARG_NUM, 0}, {"WHAT", ARG_WORD, 0},
			{"N", ARG_SIZE, 0}, {"node", ARG_NUM, KEY}},
		.summary = "change the pool of huge pages of one size",
		.detail = "The files of sys/kernel/mm/hugepages/hugepages-KBkB;"
			  " 0 is the size that proc/meminfo calls "
			  "Hugepagesize.  WHAT is nr_hugepages, with node= of "
			  "one NUMA node; nr_hugepages_mempolicy, the same on "
			  "the nodes of the policy of the process that asks; "
			  "nr_overcommit_hugepages, which pages of 1 GiB have "
			  "not; of those demote, how many become smaller ones, "
			  "and demote_size.  Pages of 1 GiB are 262144 free "
			  "frames side by side; pages of processes move out of "
			  "the way.",
		.example = "hugepages 0 nr_hugepages 4"},
	{.name = "tick",
		.actors = MACHINE,
		.run = cmd_tick,
		.args = {{"N", ARG_SIZE, OPT}},
		.summary = "let N ticks of 10 ms of simulated time pass",
		.example = "tick 100"},
	{.name = "sync",
		.actors = MACHINE | PROCESS,
		.run = cmd_sync,
		.summary = "write all dirty pages of files to their blocks",
		.example = "sync"},
	{.name = "drop_caches",
		.actors = MACHINE,
		.run = cmd_drop_caches,
		.args = {{"N", ARG_NUM, 0}},
		.summary = "drop clean pages of files that nothing maps",
		.detail = "1 drops the page cache, 2 the slabs of names and "
			  "inodes that nobody uses, 3 both, 4 nothing; the "
			  "reply is the number of pages.  The same as writing "
			  "N to proc/sys/vm/drop_caches.  `sync` first makes "
			  "dirty pages clean.  kernel/dmesg gets a line "
			  "\"kernel (0): drop_caches: N\" (Linux names the "
			  "program that writes), as in Linux until 4 was "
			  "given.",
		.example = "sync\ndrop_caches 3"},

	/* ---- code inside the kernel: kernel/ctl ---- */
	{.name = "alloc_pages",
		.actors = KERNEL,
		.run = cmd_alloc_pages,
		.args = {{"order", ARG_NUM, KEY}, {"gfp", ARG_GFP, KEY}},
		.summary = "take 2^order frames from the buddy allocator",
		.detail = "The reply is the number of the first frame.  gfp= "
			  "is dma, dma32, kernel (if missing) or highuser, "
			  "after commas movable or reclaimable for the kind of "
			  "page blocks (the frames stay where they are), and "
			  "zero for cleared pages.  Without a block, memory is "
			  "compacted and taken back, and for orders up to 3 "
			  "the OOM killer is asked; not with nowait or atomic "
			  "(which may use more of the reserves, as high "
			  "may), less with noretry or retry_mayfail.  memalloc "
			  "has all of the reserves, nofail at the end, too.",
		.example = "alloc_pages order=3 gfp=dma,zero\n"
			   "alloc_pages order=2 gfp=atomic"},
	{.name = "free_pages",
		.actors = KERNEL,
		.run = cmd_free_pages,
		.args = {{"PFN", ARG_NUM, 0}},
		.summary = "give a block of alloc_pages back",
		.example = "alloc_pages order=10 gfp=dma\nfree_pages 1024"},

#include "rows_slab.inc"
#include "rows_reclaim.inc"

	/* ---- the machine's history: ctl ---- */
	{.name = "checkpoint",
		.actors = MACHINE,
		.by_store = true,
		.args = {{"NAME", ARG_WORD, 0}},
		.summary = "give this moment a name; its line is the reply",
		.detail = "The same as mkdir checkpoints/NAME.  Names have 1 "
			  "to 255 bytes and are no numbers.  It has the lines "
			  "before it in this write; other clients go on "
			  "while it is being saved, and the moment is when it "
			  "is complete.  Commands of "
			  "history are not in the journal: they change what "
			  "is kept, not the machine.",
		.example = "checkpoint before"},
	{.name = "restore",
		.actors = MACHINE,
		.by_store = true,
		.args = {{"WHERE", ARG_WORD, 0}},
		.summary = "go on from a past moment on a new timeline",
		.detail = "WHERE is a checkpoint's name, the number of a line "
			  "as in log, or -N for N lines back.  Nothing is "
			  "lost: the lines until now stay reachable by their "
			  "numbers, and `timelines` shows where they are.  "
			  "The reply is the number of the line after which "
			  "the machine now is.  Other clients go on while "
			  "the past machine is built; what they did is then "
			  "on the timeline that was left.",
		.example = "tick\nrestore -1"},
	{.name = "forget",
		.actors = MACHINE,
		.by_store = true,
		.args = {{"before", ARG_NUM, KEY}},
		.summary = "drop the history before a line",
		.detail = "What comes after the line stays exact.  Timelines "
			  "that left before it are dropped too; checkpoints "
			  "before it must be removed first.  The reply is the "
			  "number of lines that went.  Other clients go on "
			  "meanwhile.",
		.example = "tick\ntick\nforget before=1"},
	{.name = "vacuum",
		.actors = MACHINE,
		.by_store = true,
		.summary = "give the database's free pages back",
		.detail = "The reply is the number of bytes by which the file "
			  "has shrunk.  Other clients go on meanwhile.",
		.example = "vacuum"},

	/* ---- memory system calls: proc/PID/ctl ---- */
	{.name = "mmap",
		.actors = PROCESS,
		.run = cmd_mmap,
		.args = {{"LEN", ARG_SIZE, 0}, {"PROT", ARG_PROT, 0},
			{"addr", ARG_ADDR, KEY}, {"flags", ARG_MAPFLAGS, KEY},
			{"file", ARG_PATH, KEY}, {"fd", ARG_NUM, KEY},
			{"off", ARG_SIZE, KEY}, {"as", ARG_LABEL, KEY}},
		.summary = "map memory; the address is the reply",
		.detail = "Private and anonymous unless flags= or file= say "
			  "otherwise.  file=PATH opens a file of disk/ for "
			  "this mapping alone (for writing too if the mapping "
			  "is shared and writable); fd=N takes an open one.",
		.example = "mmap 8K rw as=buf\nmmap 16K r flags=shared"},
	{.name = "munmap",
		.actors = PROCESS,
		.run = cmd_munmap,
		.args = {{"ADDR", ARG_ADDR, 0}, {"LEN", ARG_SIZE, 0}},
		.summary = "unmap a range, splitting what it cuts",
		.example = "mmap 12K rw as=a\nmunmap a+4K 4K"},
	{.name = "mprotect",
		.actors = PROCESS,
		.run = cmd_mprotect,
		.args = {{"ADDR", ARG_ADDR, 0}, {"LEN", ARG_SIZE, 0},
			{"PROT", ARG_PROT, 0}},
		.summary = "change the rights of a range",
		.example = "mmap 12K rw as=a\nmprotect a+4K 4K r"},
	{.name = "mremap",
		.actors = PROCESS,
		.run = cmd_mremap,
		.args = {{"ADDR", ARG_ADDR, 0}, {"OLDLEN", ARG_SIZE, 0},
			{"NEWLEN", ARG_SIZE, 0}, {"flags", ARG_REMAPFLAGS, KEY},
			{"addr", ARG_ADDR, KEY}, {"as", ARG_LABEL, KEY}},
		.summary = "grow, shrink or move a mapping; its address is the "
			   "reply",
		.detail = "flags= is maymove if not given; flags=none forbids "
			  "moving.",
		.example = "mmap 8K rw as=a\nmremap a 8K 64K as=a"},
	{.name = "brk",
		.actors = PROCESS,
		.run = cmd_brk,
		.args = {{"ADDR", ARG_ADDR, 0}},
		.summary = "set the end of the heap; 0 asks",
		.detail = "The reply is the break afterwards, as the system "
			  "call's: the old one if it could not be moved.",
		.example = "brk brk+64K"},
	{.name = "sbrk",
		.actors = PROCESS,
		.run = cmd_sbrk,
		.args = {{"DELTA", ARG_NUM, 0}},
		.summary = "move the break; the old one is the reply",
		.example = "sbrk 64K\nsbrk -4K"},
	{.name = "madvise",
		.actors = PROCESS,
		.run = cmd_madvise,
		.args = {{"ADDR", ARG_ADDR, 0}, {"LEN", ARG_SIZE, 0},
			{"ADVICE", ARG_ADVICE, 0}},
		.summary = "advise about a range",
		.example =
			"mmap 8K rw as=a\ntouch a 8K\nmadvise a 8K dontneed"},
	{.name = "mincore",
		.actors = PROCESS,
		.run = cmd_mincore,
		.args = {{"ADDR", ARG_ADDR, 0}, {"LEN", ARG_SIZE, 0}},
		.summary = "which pages are resident: one digit a page",
		.detail = "The reply shows the first 200 pages.",
		.example = "mmap 16K rw as=a\ntouch a 4K\nmincore a 16K"},
	{.name = "mlock",
		.actors = PROCESS,
		.run = cmd_mlock,
		.args = {{"ADDR", ARG_ADDR, 0}, {"LEN", ARG_SIZE, 0},
			{"flags", ARG_MCLFLAGS, KEY}},
		.summary = "keep a range resident",
		.detail = "flags=onfault is mlock2(MLOCK_ONFAULT).",
		.example = "mmap 8K rw as=a\nmlock a 8K"},
	{.name = "munlock",
		.actors = PROCESS,
		.run = cmd_munlock,
		.args = {{"ADDR", ARG_ADDR, 0}, {"LEN", ARG_SIZE, 0}},
		.summary = "undo mlock",
		.example = "mmap 8K rw as=a\nmlock a 8K\nmunlock a 8K"},
	{.name = "mlockall",
		.actors = PROCESS,
		.run = cmd_mlockall,
		.args = {{"FLAGS", ARG_MCLFLAGS, 0}},
		.summary = "lock everything, now or in the future",
		.example = "mlockall current,future\nmunlockall"},
	{.name = "munlockall",
		.actors = PROCESS,
		.run = cmd_munlockall,
		.summary = "undo mlockall",
		.example = "munlockall"},
	{.name = "msync",
		.actors = PROCESS,
		.run = cmd_msync,
		.args = {{"ADDR", ARG_ADDR, 0}, {"LEN", ARG_SIZE, 0},
			{"FLAGS", ARG_MSFLAGS, 0}},
		.summary = "write a shared file mapping back",
		.example = "mmap 8K rw as=a\nmsync a 8K sync"},

	{.name = "process_madvise",
		.actors = PROCESS,
		.run = cmd_process_madvise,
		.args = {{"PID", ARG_NUM, 0}, {"ADDR", ARG_ADDR, 0},
			{"LEN", ARG_SIZE, 0}, {"ADVICE", ARG_ADVICE, 0},
			{"flags", ARG_NUM, KEY}},
		.summary = "madvise for the memory of a process",
		.detail = "PID 0 is the process itself.  Another one takes "
			  "cold, pageout, willneed and collapse, from who may "
			  "trace it and has CAP_SYS_NICE.  The reply: the "
			  "bytes advised.",
		.example = "mmap 64K rw as=a\ntouch a 64K\n"
			   "process_madvise 0 a 64K pageout"},
	{.name = "mseal",
		.actors = PROCESS,
		.run = cmd_mseal,
		.args = {{"ADDR", ARG_ADDR, 0}, {"LEN", ARG_SIZE, 0},
			{"flags", ARG_NUM, KEY}},
		.summary = "seal a range: it stays where and as it is",
		.detail = "munmap, mprotect, mremap and mmap over a sealed "
			  "mapping are refused with EPERM.",
		.example = "mmap 8K r as=a\nmseal a 8K"},
	{.name = "remap_file_pages",
		.actors = PROCESS,
		.run = cmd_remap_file_pages,
		.args = {{"ADDR", ARG_ADDR, 0}, {"LEN", ARG_SIZE, 0},
			{"PGOFF", ARG_NUM, 0}, {"prot", ARG_PROT, KEY},
			{"flags", ARG_MAPFLAGS, KEY}},
		.summary =
			"map other pages of the file behind a shared mapping",
		.detail = "Emulated, as Linux does, by a mapping of its own.  "
			  "prot= must be none; of flags= only nonblock counts.",
		.example = "mmap 16K rw flags=shared as=a\n"
			   "remap_file_pages a 4K 2"},
	{.name = "clear_refs",
		.actors = PROCESS,
		.run = cmd_clear_refs,
		.outside = true,
		.args = {{"N", ARG_NUM, 0}},
		.summary = "forget which pages were referenced",
		.detail = "1 clears the accessed bits of all pages, 2 of "
			  "anonymous, 3 of mapped files' pages; 4 clears the "
			  "soft-dirty bits, so that pagemap tells what is "
			  "stored to from then on (of machines made with "
			  "soft_dirty=1; others accept it without effect); 5 "
			  "resets VmHWM.  The same as writing N to "
			  "proc/PID/clear_refs.",
		.example = "touch stack\nclear_refs 1"},

/* ---- NUMA ---- */
#include "rows_numa.inc"

	/* ---- accesses ---- */
	{.name = "read",
		.actors = PROCESS,
		.run = cmd_read,
		.args = {{"ADDR", ARG_ADDR, 0}, {"LEN", ARG_SIZE, OPT}},
		.summary = "load bytes as the process does",
		.detail = "The reply is hex:BYTES; beyond 112 bytes it is cut, "
			  "but all are loaded.",
		.example = "read stack 16"},
	{.name = "write",
		.actors = PROCESS,
		.run = cmd_write,
		.args = {{"ADDR", ARG_ADDR, 0}, {"DATA", ARG_DATA, 0}},
		.summary = "store \"text\" or hex:6869 as the process does",
		.example = "mmap 4K rw as=a\nwrite a \"hello\\n\""},
	{.name = "touch",
		.actors = PROCESS,
		.run = cmd_touch,
		.args = {{"ADDR", ARG_ADDR, 0}, {"LEN", ARG_SIZE, OPT},
			{"HOW", ARG_ACCESS, OPT}},
		.summary = "access every page of a range, changing no data",
		.detail = "HOW is r, w or x; if missing, a store where the "
			  "mapping allows stores, a load elsewhere.",
		.example = "mmap 64K rw as=a\ntouch a 64K\ntouch a r"},
	{.name = "replay_trace",
		.actors = PROCESS,
		.run = cmd_replay_trace,
		.args = {{"PATH", ARG_PATH, 0}, {"FIRST", ARG_SIZE, OPT},
			{"NR", ARG_SIZE, OPT}},
		.summary = "make the accesses of a trace on disk/",
		.detail = "The file holds what could be written to "
			  "proc/PID/trace: 8 bytes an access, or lackey's "
			  "text.  FIRST and NR, counted in accesses, choose a "
			  "part.  The policy opt knows the file to its end, 32 "
			  "million accesses ahead.  The reply is how many "
			  "accesses were made.  ^C ends it; those that were "
			  "made by then stay, and the reply says how many.",
		.example = "open /trace rdwr,creat\n"
			   "pwrite 0 \" S 1000,8\\n L 1000,8\\n\"\n"
			   "replay_trace /trace\nreplay_trace /trace 1 1"},
	{.name = "push",
		.actors = PROCESS,
		.run = cmd_push,
		.args = {{"N", ARG_SIZE, 0}},
		.summary = "push N bytes; the new stack pointer is the reply",
		.example = "push 200K"},
	{.name = "pop",
		.actors = PROCESS,
		.run = cmd_pop,
		.args = {{"N", ARG_SIZE, 0}},
		.summary = "pop N bytes; the new stack pointer is the reply",
		.example = "push 64\npop 64"},

	/* ---- processes ---- */
	{.name = "fork",
		.actors = PROCESS,
		.run = cmd_fork,
		.summary = "copy the process; the child's PID is the reply",
		.example = "fork"},
	{.name = "vfork",
		.actors = PROCESS,
		.run = cmd_vfork,
		.summary = "a child in the same memory, which the parent waits "
			   "for",
		.detail = "Until the child executes a program or ends, the "
			  "parent is suspended (state D) and its commands are "
			  "refused with EAGAIN.",
		.example = "vfork"},
	{.name = "clone",
		.actors = PROCESS,
		.run = cmd_clone,
		.args = {{"flags", ARG_CLONEFLAGS, KEY}},
		.summary = "as fork; with flags=vm the child shares the memory",
		.detail = "flags=thread makes a thread of the process, "
			  "parent a child of the parent, vfork suspends the "
			  "caller; several with commas.",
		.example = "clone flags=vm\nclone flags=thread"},
	{.name = "exec",
		.actors = PROCESS,
		.run = cmd_exec,
		.args = {{"PATH", ARG_PATH, 0}, {"ARG", ARG_REST, OPT}},
		.summary = "replace the image by a program of disk/",
		.detail = "If the program is missing, may not be executed or "
			  "is no ELF file of this machine, the old image "
			  "stays.  Once that is gone there is no way back: a "
			  "segment that cannot be mapped, or RLIMIT_AS, ends "
			  "the process with SIGSEGV.",
		.example = "exec /bin/hello one \"two words\""},
	{.name = "exit",
		.actors = PROCESS,
		.run = cmd_exit,
		.args = {{"CODE", ARG_NUM, OPT}},
		.summary = "end the process, or this one of its threads",
		.detail = "The process stays a zombie until its parent waits "
			  "for it.  Children go to the nearest "
			  "subreaper above (prctl set_child_subreaper), else "
			  "to init, which waits for all.",
		.example = "exit 3"},
	{.name = "exit_group",
		.actors = PROCESS,
		.run = cmd_exit_group,
		.args = {{"CODE", ARG_NUM, OPT}},
		.summary = "end the process with all its threads",
		.example = "exit_group 3"},
#include "rows_signal.inc"
	{.name = "setrlimit",
		.actors = PROCESS,
		.run = cmd_setrlimit,
		.outside = true,
		.args = {{"NAME", ARG_WORD, 0}, {"SOFT", ARG_WORD, 0},
			{"HARD", ARG_WORD, OPT}},
		.summary = "set a limit: as, data, stack, memlock, ...",
		.example = "setrlimit stack 16M\nsetrlimit as unlimited"},
	{.name = "prlimit",
		.actors = PROCESS,
		.run = cmd_prlimit,
		.args = {{"PID", ARG_NUM, 0}, {"NAME", ARG_WORD, 0},
			{"SOFT", ARG_WORD, OPT}, {"HARD", ARG_WORD, OPT}},
		.summary = "the limits of a process, and set them",
		.detail = "PID 0 is this process.  Replies with the soft and "
			  "the hard limit before.  Of a process of another "
			  "user or group it needs cap_sys_resource.",
		.example = "prlimit 0 stack\nprlimit 0 nofile 128 1024"},
#include "rows_cred.inc"
#include "rows_file.inc"
	{.name = "oom_score_adj",
		.actors = PROCESS,
		.run = cmd_oom_score_adj,
		.outside = true,
		.args = {{"N", ARG_NUM, 0}},
		.summary = "what is added to the process's OOM score",
		.detail = "-1000 to 1000; without cap_sys_resource it cannot "
			  "go below what that set.  Children have it from "
			  "their parent, and processes in the same memory "
			  "share it; init has one to hand on, and is never "
			  "killed.  The same as writing N to "
			  "proc/PID/oom_score_adj.",
		.example = "oom_score_adj 500"},
	{.name = "oom_adj",
		.actors = PROCESS,
		.run = cmd_oom_adj,
		.outside = true,
		.args = {{"N", ARG_NUM, 0}},
		.summary = "the same on the older scale, -17 to 15",
		.detail = "oom_score_adj becomes N * 1000 / 17, and 1000 for "
			  "15.  Lower than it is only with cap_sys_resource.  "
			  "The same as writing N to proc/PID/oom_adj.",
		.example = "oom_adj 8"},
	{.name = "label",
		.actors = PROCESS,
		.run = cmd_label,
		.args = {{"NAME", ARG_LABEL, 0}, {"ADDR", ARG_ADDR, 0}},
		.summary = "name an address of this process",
		.example = "label here stack-4K\ntouch here"},

	/* ---- what files of the mount write ---- */
	{.name = "write",
		.actors = 1u << ACTOR_MEM,
		.run = cmd_mem_write,
		.args = {{"ADDR", ARG_ADDR, 0}},
		.summary = "a store through proc/PID/mem",
		.needs_blob = true,
		.internal = true},
	{.name = "trace",
		.actors = 1u << ACTOR_TRACE,
		.run = cmd_trace,
		.args = {{"BAD", ARG_NUM, OPT}},
		.summary = "accesses from proc/PID/trace",
		.needs_blob = true,
		.internal = true},
	{.name = "strace",
		.actors = 1u << ACTOR_STRACE,
		.run = cmd_strace,
		.args = {{"NEW", ARG_WORD, OPT}},
		.summary = "lines of a log from trace/strace",
		.needs_blob = true,
		.internal = true},
	{.name = "create",
		.actors = DISK,
		.run = cmd_create,
		.args = {{"PATH", ARG_PATH, 0}, {"MODE", ARG_NUM, OPT}},
		.summary = "create an empty file",
		.internal = true},
	{.name = "mkdir",
		.actors = DISK,
		.run = cmd_mkdir,
		.args = {{"PATH", ARG_PATH, 0}, {"MODE", ARG_NUM, OPT}},
		.summary = "create a directory",
		.internal = true},
	{.name = "write",
		.actors = DISK,
		.run = cmd_disk_write,
		.args = {{"PATH", ARG_PATH, 0}, {"OFF", ARG_SIZE, 0}},
		.summary = "write bytes into a file",
		.needs_blob = true,
		.internal = true},
	{.name = "truncate",
		.actors = DISK,
		.run = cmd_truncate,
		.args = {{"PATH", ARG_PATH, 0}, {"SIZE", ARG_SIZE, 0}},
		.summary = "set a file's size",
		.internal = true},
	{.name = "unlink",
		.actors = DISK,
		.run = cmd_unlink,
		.args = {{"PATH", ARG_PATH, 0}},
		.summary = "remove a file",
		.internal = true},
	{.name = "rmdir",
		.actors = DISK,
		.run = cmd_rmdir,
		.args = {{"PATH", ARG_PATH, 0}},
		.summary = "remove an empty directory",
		.internal = true},
	{.name = "rename",
		.actors = DISK,
		.run = cmd_rename,
		.args = {{"FROM", ARG_PATH, 0}, {"TO", ARG_PATH, 0},
			{"FLAGS", ARG_NUM, OPT}},
		.summary = "move a file or directory",
		.internal = true},
	{.name = "symlink",
		.actors = DISK,
		.run = cmd_symlink,
		.args = {{"TARGET", ARG_WORD, 0}, {"PATH", ARG_PATH, 0}},
		.summary = "create a symbolic link",
		.internal = true},
	{.name = "chmod",
		.actors = DISK,
		.run = cmd_chmod,
		.args = {{"PATH", ARG_PATH, 0}, {"MODE", ARG_NUM, 0}},
		.summary = "set permission bits",
		.internal = true},
	{.name = "chown",
		.actors = DISK,
		.run = cmd_chown,
		.args = {{"PATH", ARG_PATH, 0}, {"UID", ARG_NUM, 0},
			{"GID", ARG_NUM, 0}},
		.summary = "set the owner",
		.internal = true},
};

const unsigned nr_commands = sizeof(command_table) / sizeof(*command_table);
