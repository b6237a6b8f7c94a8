# prctl(PR_SET_MM, PR_SET_MM_MAP): the whole layout from a struct in memory.
mmap 0x400000 8p rw PRIVATE|ANON|FIXED
mmap 0x500000 4p rw PRIVATE|ANON|FIXED
# code, data, brk, stack, arg, env; no auxv; no exe_fd
store 0x400000 0x401000 0x402000 0x403000 0x404000 0x500000 0x501000 0x7fffffffe000 0x402000 0x402008 0x402008 0x402010 0 0xffffffff00000000
store 0x402000 0x0068736162006f67 0x00343d6200333d61
prctl 35 14 0x400000 103
prctl 35 14 0x400000 105
prctl 35 14 0x400000 104 1
prctl 35 14 0x900000 104
prctl 35 14 0x400000 104
stat 26 27 28 45 46 47 48 49 50 51
cmdline
environ
dump
# the heap is elsewhere now
brk 0
brk 0x502000
brk 0x504000
brk 0x508000
brk 0x4ff000
brk 0x500000
dump
# every order that must hold
store 0x400000 0x402000 0x402000
prctl 35 14 0x400000 104
store 0x400000 0x401000 0x402000 0x404000 0x403000
prctl 35 14 0x400000 104
store 0x400010 0x403000 0x403000 0x501000 0x500000
prctl 35 14 0x400000 104
store 0x400020 0x500000 0x500000 0x7fffffffe000 0x402010 0x402008
prctl 35 14 0x400000 104
store 0x400038 0x402000 0x402008 0x402010 0x402008
prctl 35 14 0x400000 104
store 0x400048 0x402008 0x402010
prctl 35 14 0x400000 104
# user space alone, from mmap_min_addr on
store 0x400000 0xfff
prctl 35 14 0x400000 104
store 0x400000 0xffff
prctl 35 14 0x400000 104
store 0x400000 0x10000
prctl 35 14 0x400000 104
store 0x400030 0x7ffffffff000
prctl 35 14 0x400000 104
store 0x400030 0x7fffffffe000
# RLIMIT_DATA
rlimit data 4095
prctl 35 14 0x400000 104
rlimit data 4096
prctl 35 14 0x400000 104
rlimit data unlimited
# a text without its end: setproctitle(3) has overwritten it
store 0x402000 0x6c65746974636f72 0x0000000000656c74
cmdline
environ
# a gap between the two
store 0x400048 0x402010 0x402018
prctl 35 14 0x400000 104
cmdline
# arguments that nothing is mapped behind
store 0x400038 0x700000 0x700008 0x700008 0x700010
prctl 35 14 0x400000 104
cmdline
environ
# an auxiliary vector
store 0x403000 6 4096 17 100 0 0
store 0x400058 0x403000 0xffffffff00000030
prctl 35 14 0x400000 104
auxv
store 0x400060 0xffffffff000001c1
prctl 35 14 0x400000 104
store 0x400060 0xffffffff000001c0
prctl 35 14 0x400000 104
auxv
store 0x400058 0 0xffffffff00000010
prctl 35 14 0x400000 104
store 0x400058 0x900000
prctl 35 14 0x400000 104
# the size of the struct
prctl 35 15 0x404000
read 0x404000 8
prctl 35 15 0x900000
prctl 35 15 0x404001 7
read 0x404000 8
# names of mappings
prctl 0x53564d41 0 0x400000 4096 0
fork
stat 26 27 28 45 46 47 48 49 50 51
cmdline
exit
