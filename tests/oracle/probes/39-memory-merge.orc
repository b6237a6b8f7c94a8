# prctl(PR_SET_MEMORY_MERGE) marks all mappings that can be merged by content,
# and new ones.
file F 4p
mmap 0x400000 2p rw PRIVATE|ANON|FIXED
mmap 0x402000 1p rw SHARED|ANON|FIXED
madvise 0x401000 1p MERGEABLE
prctl 68
prctl 67 1
prctl 68
smaps 0x400000 VmFlags
smaps 0x402000 VmFlags
dump
mmap 0x402000 1p rw PRIVATE|ANON|FIXED
mmap 0x404000 1p r PRIVATE|FIXED F 0
brk +1p
smaps 0x402000 VmFlags
smaps 0x404000 VmFlags
smaps brk0 VmFlags
madvise 0x402000 1p UNMERGEABLE
mmap 0x403000 1p rw PRIVATE|ANON|FIXED
dump
fork
prctl 68
smaps 0x400000 VmFlags
prctl 67 0 1
prctl 67 0
smaps 0x400000 VmFlags
exit
smaps 0x400000 VmFlags
prctl 67 0
smaps 0x400000 VmFlags
smaps 0x402000 VmFlags
