# Huge pages of shared memory by MADV_COLLAPSE, and their pieces; none of files
# of a disk (run.py --kind=64-thp-shm).
file G 5m
mmap 0x40000000 4m r PRIVATE|FIXED G 0
peek 0x40000000 1m
madvise 0x40000000 2m COLLAPSE
mmap 0x40400000 4m rx SHARED|FIXED G 0
peek 0x40400000 1m
madvise 0x40400000 2m COLLAPSE
madvise 0x40400000 4m HUGEPAGE
madvise 0x40400000 2m COLLAPSE
smaps 0x40400000 Rss FilePmdMapped THPeligible
shm S 3p
ftruncate S 4m
mmap 0x41000000 4m rw SHARED|FIXED S 0
madvise 0x41000000 4m COLLAPSE
read 0x41002000 2
kpages 0x41000000 2p
mmap 0x42000000 2m rw SHARED|FIXED S 1p
read 0x42001000 1
smaps 0x42000000 Rss Pss Shared_Dirty Private_Dirty ShmemPmdMapped THPeligible
munmap 0x41001000 1p
ftruncate S 77777
peek 0x42000000 10p
smaps 0x42000000 Rss ShmemPmdMapped
kpages 0x42000000 4p
kpages 0x4200f000 4p
