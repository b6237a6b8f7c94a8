# Which pages of shared memory are dirty: those that somebody wrote to.
mmap 0x400000 6p rw SHARED|ANON|FIXED
read 0x400000
write 0x401000 1
smaps 0x400000 Shared_Clean Shared_Dirty Private_Clean Private_Dirty
# Brought in to be written, it counts as written.
madvise 0x400000 1p POPULATE_WRITE
madvise 0x402000 1p POPULATE_READ
smaps 0x400000 Private_Clean Private_Dirty
# The page is dirty, and not only the entry that was stored through.
write 0x402000 1
mremap 0x400000 0 6p MAYMOVE|FIXED 0x500000
peek 0x500000 3p
smaps 0x500000 Shared_Clean Shared_Dirty Private_Clean Private_Dirty
munmap 0x400000 6p
smaps 0x500000 Shared_Clean Shared_Dirty Private_Clean Private_Dirty
# The page that the end of the object cuts counts as written, growth writes none.
memfd M 0
ftruncate M 4p
mmap 0x600000 4p r SHARED|FIXED M 0
peek 0x600000 4p
smaps 0x600000 Private_Clean Private_Dirty
ftruncate M 5000
smaps 0x600000 Private_Clean Private_Dirty
ftruncate M 4p
peek 0x600000 4p
smaps 0x600000 Private_Clean Private_Dirty
