# Faults that read a file's page: of mlock and MAP_POPULATE they are minor, of
# madvise and accesses major.
file C 4096
ftruncate C 64p
faults
mmap 0x400000 64p r SHARED|FIXED C 0
madvise 0x400000 64p RANDOM
faults
mlock 0x402000 3p
faults
madvise 0x408000 2p POPULATE_READ
faults
read 0x40c000
faults
mlockall CURRENT
faults
ftruncate C 0
ftruncate C 64p
munlockall
mmap 0x500000 8p r SHARED|FIXED|POPULATE C 0
faults
ftruncate C 0
ftruncate C 64p
mmap 0x600000 4p none PRIVATE|FIXED C 32p
mlock 0x600000 4p
faults
mprotect 0x600000 4p rw
faults
