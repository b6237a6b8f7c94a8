# Pages that go to swap and come back, alone and after fork.  The kernel's
# answers are kept beside (run.py --recorded): to ask it needs a swap area of
# the host.  Left out are faults and mincore behind MADV_PAGEOUT: a page whose
# I/O has just ended is still in the kernel's swap cache, where the machine's has
# left already.
mmap 0x100000 6p rw PRIVATE|ANON|FIXED
touch 0x100000 5p
read 0x105000
kpages 0x100000 6p
madvise 0x100000 4p PAGEOUT
pages 0x100000 6p
smaps 0x100000 Rss Swap SwapPss Anonymous Private_Dirty
status VmSwap
read 0x100000
kpages 0x100000 4p
smaps 0x100000 Rss Swap
write 0x101000 7
kpages 0x100000 4p
smaps 0x100000 Rss Swap
madvise 0x102000 2p WILLNEED
pages 0x100000 6p
print fork with swapped page
madvise 0x100000 4p PAGEOUT
pages 0x100000 4p
fork
pages 0x100000 4p
write 0x100000 9
pages 0x100000 4p
mprotect 0x100000 6p none
pages 0x100000 4p
munmap 0x100000 4p
exit
pages 0x100000 4p
read 0x100000
mlock 0x100000 6p
pages 0x100000 6p
memfd M 16384
mmap 0x200000 4p rw SHARED|FIXED M 0
touch 0x200000 4p
madvise 0x200000 4p PAGEOUT
pages 0x200000 4p
smaps 0x200000 Rss Swap SwapPss
read 0x200000
