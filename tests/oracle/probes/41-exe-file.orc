# prctl(PR_SET_MM_EXE_FILE), and exe_fd of PR_SET_MM_MAP
file F 4096
memfd M 4096
prctl 35 13 99
prctl 35 13 -1
prctl 35 13 F
prctl 35 13 M
prctl 35 13 M 0 1
prctl 35 13 M 1 0
mmap 0x400000 8p rw PRIVATE|ANON|FIXED
mmap 0x500000 4p rw PRIVATE|ANON|FIXED
store 0x400000 0x401000 0x402000 0x403000 0x404000 0x500000 0x501000 0x7fffffffe000 0x402000 0x402008 0x402008 0x402010 0 0x6300000000
prctl 35 14 0x400000 104
# a layout that does not hold comes first
store 0x400000 0x402000 0x402000
prctl 35 14 0x400000 104
store 0x400000 0x401000 0x402000
dropcap 21
prctl 35 14 0x400000 104
dropcap 40
prctl 35 14 0x400000 104
dropcap 24
prctl 35 13 99
prctl 35 13 M
