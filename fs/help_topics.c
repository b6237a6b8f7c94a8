/*
 * README and the topics of help/.
 */
#include "help.h"
#include "renderers.h"

static const char readme_text[] =
	"This is a computer's memory system, simulated, as files.\n"
	"\n"
	"Look: every file can be read at any time, reading changes nothing.\n"
	"Do:   write a command into a control file; the change is kept.\n"
	"\n"
	"    cat proc/1/maps             the address space of process 1\n"
	"    cat proc/1/pagetable        its page tables, entry by entry\n"
	"    cat proc/buddyinfo          free memory by block size\n"
	"    cat cpu/0/tlb               what the TLB holds\n"
	"    cat stats                   every counter\n"
	"\n"
	"    echo 'mmap 64K rw as=buf' > proc/1/ctl\n"
	"    cat proc/1/last             the reply: an address, or an error\n"
	"                                and the reason\n"
	"    echo 'touch buf 8K'  > proc/1/ctl\n"
	"    grep -A9 buf proc/1/vmas; cat proc/1/statm\n"
	"    echo 'read 0x10'     > proc/1/ctl    a fault: see proc/1/last\n"
	"    echo spawn           > ctl           a new process; cat last\n"
	"    cat log                     everything done so far\n"
	"\n"
	"Real programs: copy an ELF file and its libraries below disk/, then\n"
	"`echo 'spawn /bin/cat' > ctl`.  A recorded run: cat run.strace >\n"
	"trace/strace.  A memory trace: cat trace > proc/PID/trace.\n"
	"\n"
	"To read replies where you write, open a control file both ways:\n"
	"    exec 3<>proc/1/ctl; echo 'sbrk 4K' >&3; read -r addr <&3\n"
	"\n"
	"help/commands lists the commands, help/files the files, help/NAME\n"
	"explains one.  Unmount with fusermount3 -u; nothing is lost, the\n"
	"machine is in its database file.\n";

void show_readme(struct sbuf *b, const struct view *v, uint64_t id)
{
	sbuf_str(b, readme_text);
}

static const char control_text[] =
	"A control file takes lines.  `#` begins a comment.  A line may be\n"
	"cut between two writes; a last line without newline runs when the\n"
	"file is closed.  Lines run in order.  At the first that fails, the\n"
	"lines before it stay done and the write reports the error; a failed\n"
	"line has changed nothing, and runs once even if the program sends it\n"
	"again.  Lines are at most 1048576 bytes long.\n"
	"\n"
	"    verb positional... key=value...\n"
	"\n"
	"Sizes take K M G T.  Numbers are decimal, 0x hex or 0 octal.  An\n"
	"address is a number, a label, or label+offset; `as=NAME` labels the\n"
	"address that a command returns; brk, stack, text, data, heap are\n"
	"there from the start.  Strings are \"quoted\\n\", bytes hex:6869.\n";

static const char replies_text[] =
	"Each line gives one reply line:\n"
	"\n"
	"    0                        done\n"
	"    0x7ffff7fc0000           done, with a value\n"
	"    -ENOMEM the sentence     refused: the error and the rule\n"
	"\n"
	"A control file that is opened for reading and writing gives the\n"
	"replies to what was written through that same open file:\n"
	"\n"
	"    exec 3<>proc/1/ctl; echo 'mmap 8K rw' >&3; read -r addr <&3\n"
	"\n"
	"At most 1 MiB of unread replies is kept; where older ones were\n"
	"dropped, the line `# N replies dropped` stands.  `last` beside each\n"
	"control file holds the newest reply.\n"
	"\n"
	"An access that the machine refuses gives -EFAULT and the signal:\n"
	"\n"
	"    -EFAULT SIGSEGV MAPERR at 0x10: the sentence\n"
	"\n"
	"and the process lives on, unless `set segv kill`.\n";

static const char disk_text[] =
	"disk/ is the file tree of the simulated disk.  cp, mkdir, mv, rm,\n"
	"ln -s, tar work; each change is an event of the log.  Programs that\n"
	"processes exec and files that they map are found here: copy\n"
	"/lib64/ld-linux-x86-64.so.2 and the libraries to the same paths.\n"
	"Times are simulated; hard links and devices do not exist.  A file\n"
	"that is removed while it is open gives ESTALE from then on.\n";

static const char mem_text[] =
	"proc/PID/mem is the memory of the process at its addresses.\n"
	"Reading looks: nothing is faulted in, an untouched page reads as\n"
	"what a first touch would find, an address outside every mapping is\n"
	"EIO.  Writing is a store by the process, with TLB, faults and\n"
	"copy-on-write; where it is refused, EIO, and the reason in last.\n";

static const char trace_text[] =
	"proc/PID/trace takes the memory accesses of a program and lets the\n"
	"process make them: text of `valgrind --tool=lackey --trace-mem=yes`,\n"
	"or records of 8 bytes, little-endian:\n"
	"\n"
	"    bits 63-62  0 load, 1 store, 2 fetch, 3 modify\n"
	"    bits 61-58  log2 of the size in bytes\n"
	"    bits 57-0   the address, sign-extended from bit 57\n"
	"\n"
	"Input is text if no NUL byte is among its first 8.  Accesses outside\n"
	"every mapping are counted; after `set trace_map auto` they are "
	"mapped\n"
	"at first use.  Reading the file shows accesses, hits and misses of\n"
	"each TLB level, walks and faults by kind.\n";

static const char strace_text[] =
	"    strace -f -y -e trace=%memory,%process -o run.strace PROGRAM\n"
	"    cat run.strace > trace/strace; cat trace/strace\n"
	"\n"
	"Each traced process becomes a simulated one and makes the same "
	"calls.\n"
	"The program and its interpreter must be on disk/; mapped files that\n"
	"are missing there become sparse placeholders.  A process is kept at\n"
	"the moment before its exit, to be looked at.  Reading the file gives\n"
	"a line for each process,\n"
	"\n"
	"    PID -> SIMPID calls N same N differ N\n"
	"\n"
	"and then each difference in address or errno, with its line.\n";

const struct topic topic_table[] = {
	{.name = "commands", .show = help_commands},
	{.name = "files", .show = help_files},
	{.name = "control", .text = control_text},
	{.name = "replies", .text = replies_text},
	{.name = "disk", .text = disk_text},
	{.name = "mem", .text = mem_text},
	{.name = "memory-traces", .text = trace_text},
	{.name = "strace", .text = strace_text},
};
const unsigned nr_topics = sizeof(topic_table) / sizeof(topic_table[0]);
