# Shared and droppable memory in swap; the kernel's answers are kept beside.
mmap 0x100000 6p rw SHARED|ANON|FIXED
write 0x100000 1
read 0x101000
print what nobody wrote to is a hole again
madvise 0x100000 2p PAGEOUT
smaps 0x100000 Rss Swap
touch 0x100000 6p
madvise 0x100000 6p PAGEOUT
smaps 0x100000 Rss Swap
print one page comes back, without its neighbours
read 0x102000
smaps 0x100000 Rss Swap Private_Dirty
print a private mapping counts what it has no copy of
memfd M 24576
mmap 0x200000 6p rw SHARED|FIXED M 0
mmap 0x300000 6p rw PRIVATE|FIXED M 0
mmap 0x400000 6p r PRIVATE|FIXED M 0
touch 0x200000 4p
write 0x301000 1
madvise 0x200000 4p PAGEOUT
smaps 0x200000 Rss Swap SwapPss
smaps 0x300000 Rss Swap SwapPss
smaps 0x400000 Rss Swap SwapPss
print the page that the end cuts comes back
ftruncate M 9000
smaps 0x200000 Rss Swap
smaps 0x300000 Rss Swap
print droppable memory is dropped
mmap 0x500000 2p rw DROPPABLE|ANON|FIXED
write 0x500000 7
kpages 0x500000 1p
madvise 0x500000 2p PAGEOUT
smaps 0x500000 Rss Swap
read 0x500000
status VmSwap
