# The end of a file that shrank and grew: which pages around a fault beyond it
# are mapped, and holes beyond the largest offset of a disk's files.
file E 9000
ftruncate E 100
ftruncate E 12288
mmap 0 4194304 r PRIVATE E 0
set m1
peek m1+20480 4096
pages m1 16384
status VmPTE RssFile
# The first page found is the file's last: Linux makes no table for it.
file F 4096
mmap 0x10000000 8192 r PRIVATE|FIXED F 0
peek 0x10001000 1
pages 0x10000000 8192
read 0x10000000
# 16 TiB less a page is ext4's largest file.
ftruncate F 0xffffffff000
ftruncate F 0xffffffff001
ftruncate F 4096
mmap 0x20000000 4096 rw SHARED|FIXED F 0xfffffffe000
madvise 0x20000000 4096 REMOVE
mmap 0x20000000 4096 rw SHARED|FIXED F 0xffffffff000
madvise 0x20000000 4096 REMOVE
madvise 0x20000000 8192 REMOVE
mmap 0x20000000 4096 rw SHARED|FIXED F 0x80000000f000
madvise 0x20000000 8192 REMOVE
memfd M 4096
mmap 0x20000000 4096 rw SHARED|FIXED M 0x80000000f000
madvise 0x20000000 8192 REMOVE
mmap 0x20000000 4096 rw SHARED|FIXED M 0x7fffffffffffe000
madvise 0x20000000 4096 REMOVE
mmap 0x20000000 4096 rw SHARED|FIXED M 0x7ffffffffffff000
madvise 0x20000000 4096 REMOVE
