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
	"    cat proc/1/vmas proc/1/statm\n"
	"    echo 'read 0x10'     > proc/1/ctl    a fault: see proc/1/last\n"
	"    echo spawn           > ctl           a new process; cat last\n"
	"    cat log                     everything done so far\n"
	"    cat at/-2/proc/1/maps       as it was two lines ago\n"
	"    mkdir checkpoints/before    saves; look inside, compare, go "
	"back:\n"
	"                                echo 'restore before' > ctl\n"
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
	"there from the start, the end of vmas lists a process's own.\n"
	"Strings are \"quoted\\n\", bytes hex:6869.\n"
	"\n"
	"Two kinds of lines stop in the middle as they do on Linux, and stay\n"
	"done up to there: `touch`, `read` and `write` are as many accesses\n"
	"as the range has pages; mprotect, mlock and madvise work on what\n"
	"lies before a hole, and then report it.\n"
	"\n"
	"^C, or a signal that ends the writer, ends a line that works for\n"
	"long: the write reports EINTR, the reply says how far it came, and\n"
	"that stays done.  log has it as `stop=N LINE`: a line with that\n"
	"prefix ends at the N-th place where it can, there and in every\n"
	"replay.  Lines behind it in the same write do not run.\n";

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

static const char time_text[] =
	"Every line that ran has a number, the first word of its line in log.\n"
	"at/N is the whole mount as it was after line N, at/-N after the Nth\n"
	"before the newest, at/0 after boot.  Names are found, not listed; a\n"
	"moment is built when something inside is looked at, which takes a\n"
	"moment, and all else goes on meanwhile; ^C ends the wait.  -N stands\n"
	"for the line that it was when the name was looked up: `cd at/-3`\n"
	"stays there.\n"
	"\n"
	"    mkdir checkpoints/before         saves the moment under a name\n"
	"    ls -l checkpoints                size: its line; simulated time\n"
	"    diff -r -x mem -x pagemap checkpoints/before/proc/1 proc/1\n"
	"    mv checkpoints/before checkpoints/good\n"
	"    rmdir checkpoints/good           forgets the name, no line\n"
	"\n"
	"A past moment is read-only (EROFS) and has no checkpoints/, at/ and\n"
	"timelines inside.  It has mem and pagemap of each process, as long "
	"as\n"
	"an address space, but does not list them, so that diff -r, find and\n"
	"tar come to an end.  Its last is without sentences about lines that\n"
	"never ran; cpu/N/walk answers questions.\n"
	"\n"
	"    echo 'restore before' > ctl      or the number of a line\n"
	"    cat timelines                    the tree that this grows\n"
	"\n"
	"The machine is what it was, and goes on from there on a new "
	"timeline.\n"
	"What was done since keeps its numbers and stays in at/; a number is\n"
	"never used twice, and restore leads back there as well.  Files that\n"
	"are open while that happens:\n"
	"\n"
	"    text files    show the new state when read from the start\n"
	"    proc/PID/...  are of whoever has that PID now; ESRCH if no one "
	"has\n"
	"    ctl           keeps unread replies and half a line\n"
	"    last, log     wake poll; log is that of the new timeline\n"
	"    disk/...      give ESTALE: they were files of another history "
	"(EIO\n"
	"                  after someone opened the one of today)\n"
	"\n"
	"pagefs -o at=before (or at=N) mounts a moment; -o at_cache=N says "
	"how\n"
	"many are kept in memory when nobody uses them.  sqlite3 asks across\n"
	"moments: docs/database.md.\n";

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
	"    setarch -R strace -f -y -v -e trace=%memory,%process \\\n"
	"        -o run.strace PROGRAM\n"
	"    cat run.strace > trace/strace; cat trace/strace\n"
	"\n"
	"examples/record.sh does this, and copies what is needed to disk/.\n"
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

static const char users_text[] =
	"Who you are on the host is who you are in the machine: a user acts\n"
	"as the user of the same number, without capabilities.  root, and who\n"
	"mounted the machine, act as its root.  Others see a mount only with\n"
	"-o allow_other.\n"
	"\n"
	"A process has ids and capabilities of its own: `spawn uid=1000`\n"
	"starts one as a user, setuid, capset and prctl change them, and\n"
	"status shows them.  Its files in proc/PID belong to its user, or to\n"
	"root once its ids have changed (prctl set_dumpable).  maps, smaps,\n"
	"mem, pagemap and the like are for those who could trace it: the same\n"
	"user, or root.  Frame numbers are root's alone.\n";

static const char walk_text[] =
	"cpu/N/walk answers a line with the page walk, as the hardware of "
	"that\n"
	"processor does it now; it changes nothing, not even the TLB:\n"
	"\n"
	"    exec 3<>cpu/0/walk; echo stack >&3; cat <&3\n"
	"\n"
	"`ADDR` walks from the processor's CR3, `PID ADDR` from the tables of\n"
	"that process.  The reply:\n"
	"\n"
	"    cr3 0x1acd000 pid 2                       where the walk begins\n"
	"    pgd[255] at 0x1acd7f8 raw 0x1acf067 PWUA------ next 0x1acf000\n"
	"    ...                                       an entry of each level\n"
	"    physical 0x1b42000 page 4096 rights rw-u\n"
	"\n"
	"`at` is the physical address of the entry: the same bytes are in\n"
	"phys/ram.  rights are those of all levels together: read, write,\n"
	"execute, user.  A walk that fails says where it `stopped` and why.\n"
	"help/pagetable explains the letters.\n";

static const char pagetable_text[] =
	"proc/PID/pagetable shows every entry in use, indented by level:\n"
	"\n"
	"    LEVEL[INDEX] START-END at ENTRY raw VALUE LETTERS table|frame "
	"PFN\n"
	"\n"
	"ENTRY is the physical address of the entry in phys/ram, VALUE what "
	"it\n"
	"holds.  The letters are its bits:\n"
	"\n"
	"    P present       W writable      U user\n"
	"    A accessed      D dirty         H huge page\n"
	"    G global        S special: its frame is not counted in Rss\n"
	"    X no execution  K no access (PROT_NONE), though there is a frame\n"
	"\n"
	"An entry without P and K maps nothing.  Its bits mean something "
	"else,\n"
	"all letters are '-', and in the place of `frame PFN` it says what it "
	"is:\n"
	"\n"
	"    swap TYPE offset OFFSET   the page is in swap: in area TYPE "
	"(from\n"
	"                    0) page OFFSET, the same numbers as in pagemap\n"
	"    guard           made by madvise guard_install: each access is "
	"SIGSEGV\n"
	"    taken           a private huge page of the pool that went away\n"
	"\n"
	"Equal entries that follow one another share a line, [FIRST-LAST].\n"
	"The kernel's half is the same in all processes, and is shown by its\n"
	"top entries alone.\n";

static const char tlb_text[] =
	"cpu/N/tlb shows the valid entries of the processor's TLB:\n"
	"\n"
	"    level set way va pfn rights pcid size\n"
	"\n"
	"rights are r, w, x, u (user), d (a store went through this entry),\n"
	"g (global).  The option tlb=64/4,1536/12,32/4,4/4 gives entries/ways\n"
	"of level 1, level 2, and level 1 for huge pages (2M, 4M) and those\n"
	"of 1G, which have sets of their own; level 2 holds all sizes.\n"
	"Without the fourth, pages of 1G are among the huge ones; without the\n"
	"third, a huge page has an entry for each page of it that is used.\n"
	"Replacement is least recently used within a set.\n"
	"\n"
	"An access looks in level 1, then in level 2, then walks.  What the\n"
	"walk finds enters both.  munmap, mprotect and copy-on-write remove\n"
	"entries; `run PID` loads CR3: with PCIDs the entries of others stay,\n"
	"without all but global ones go.  stats counts hits, misses, walks "
	"and\n"
	"the entries that walks read.\n";

static const char stats_text[] =
	"stats has one counter a line, `name value`; counters only grow.\n"
	"\n"
	"    accesses            loads + stores + fetches, one a page touched\n"
	"    tlb_*               lookups = level 1 hits + level 2 hits + "
	"misses\n"
	"    page_walks          walks, and the entries they read: _refs\n"
	"    pgfault             page faults; pgmajfault: those that read "
	"disk\n"
	"    fault_*             what they were: the zero page, anonymous "
	"memory,\n"
	"                        a file, a shared mapping, a copy (cow), the "
	"last\n"
	"                        user of a page (reuse), growth of the stack\n"
	"    segv_* bus_*        accesses refused\n"
	"    pgalloc pgfree      pages from and to the buddy allocator\n"
	"    eat_ns              effective access time: cost_tlb + cost_mem, "
	"and\n"
	"                        per access the walks and faults so far\n"
	"    time_ns             simulated time, by the costs in config\n"
	"    seq                 number of the newest line of log\n";

static const char check_text[] =
	"Reading check has the machine count everything that it keeps once\n"
	"more: frames by use, lists, mappings, entries of page tables and\n"
	"TLBs, swap slots, files.  The first line begins with `ok` when each\n"
	"number and each list is what it should be, and the numbers follow:\n"
	"\n"
	"    ok: FRAMES frames, of them FREE free, ... in use\n"
	"    node N, zone NAME: FRAMES frames = FREE free + ...\n"
	"\n"
	"Otherwise there is a sentence for each part that is wrong, which is\n"
	"a bug of pagefs.  It takes some 0.2 s for each million pages in use;\n"
	"RAM that was never used costs nothing.  at/SEQ/check looks at a\n"
	"moment of the past, `pagefs --check` at the end of each timeline.\n"
	"\n"
	"    grep -q ^ok check || cat check\n";

static const char frames_text[] =
	"phys/frames shows each block of RAM in use:\n"
	"\n"
	"    pfn order state owner index mapcount flags\n"
	"\n"
	"The block has 2^order frames from pfn on.\n"
	"\n"
	"    state     kernel, pgtable, stack (of a task in the kernel, see\n"
	"              task/TID/stacks), anon, file, shmem, reserved\n"
	"    owner     the mm of a page table, and of an anonymous page with\n"
	"              the flag exclusive; of another the family of VMAs,\n"
	"              see vmas; of a file's page the number of its inode,\n"
	"              as in maps, fdinfo and stat of disk/\n"
	"    index     the page's place there; with the flag swapcache, its\n"
	"              slot in swap\n"
	"    mapcount  how many entries of page tables map it\n"
	"\n"
	"phys/zones has the ranges, the zones and the free blocks; phys/ram\n"
	"the bytes: dd bs=4096 skip=PFN count=1 < phys/ram.\n";

static const char policies_text[] =
	"    set policy NAME      linux, or a textbook policy:\n"
	"    set frames N         that keeps N pages at most, 0: what fits\n"
	"\n"
	"Which page leaves when another needs its place:\n"
	"\n"
	"    fifo     the one that came in first\n"
	"    lru      the one whose last use is longest ago\n"
	"    mru      the one that was used last\n"
	"    clock    the first with R = 0 from the hand on; R of those that\n"
	"             the hand passes is cleared\n"
	"    eclock   the first with R = 0, M = 0; else the first with R = 0,\n"
	"             R cleared on the way; else again\n"
	"    nru      lowest class 2R + M, lowest slot; each policy_tick\n"
	"             accesses R is cleared\n"
	"    lfu      the one that was used least often since it came in\n"
	"    aging    the lowest register; each policy_tick accesses R is\n"
	"             shifted into it\n"
	"    random   any, by the machine's generator\n"
	"    ws       as lru; and pages leave that were not used in the last\n"
	"             ws_window accesses\n"
	"    opt      the one whose next use is farthest away, in a trace\n"
	"             that was written to proc/PID/trace as one piece\n"
	"\n"
	"Ties go to the page that came in first.  Setting any of these begins\n"
	"anew, with empty memory.  phys/policy shows the pages in their order\n"
	"and counts page_ins, phys/evictions what left.  docs/policies.md has\n"
	"the exact rules, with examples.\n";

const struct topic topic_table[] = {
	{.name = "commands", .show = help_commands},
	{.name = "files", .show = help_files},
	{.name = "check", .text = check_text},
	{.name = "control", .text = control_text},
	{.name = "replies", .text = replies_text},
	{.name = "disk", .text = disk_text},
	{.name = "time", .text = time_text},
	{.name = "mem", .text = mem_text},
	{.name = "memory-traces", .text = trace_text},
	{.name = "strace", .text = strace_text},
	{.name = "config", .show = help_config},
	{.name = "frames", .text = frames_text},
	{.name = "pagetable", .text = pagetable_text},
	{.name = "policies", .text = policies_text},
	{.name = "stats", .text = stats_text},
	{.name = "tlb", .text = tlb_text},
	{.name = "users", .text = users_text},
	{.name = "walk", .text = walk_text},
};
const unsigned nr_topics = sizeof(topic_table) / sizeof(topic_table[0]);
