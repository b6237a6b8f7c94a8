# clear_refs: which pages are no longer referenced, and the peak.
file F 8p
memfd M 8p
mmap 0x400000 4p rw PRIVATE|ANON|FIXED
mmap 0x410000 4p rw SHARED|ANON|FIXED
mmap 0x420000 4p r PRIVATE|FIXED F 0
mmap 0x430000 4p rw PRIVATE|FIXED M 0
mmap 0x440000 4p rw SHARED|FIXED M 0
touch 0x400000 4p
touch 0x410000 4p
peek 0x420000 4p
touch 0x430000 4p
touch 0x440000 4p
smaps 0x400000 Rss Referenced
smaps 0x410000 Rss Referenced
smaps 0x430000 Rss Referenced Anonymous
smaps 0x440000 Rss Referenced
clear_refs 2
smaps 0x400000 Rss Referenced
smaps 0x410000 Rss Referenced
smaps 0x430000 Rss Referenced
smaps 0x440000 Rss Referenced
clear_refs 3
smaps 0x410000 Rss Referenced
smaps 0x420000 Rss Referenced
smaps 0x430000 Rss Referenced
smaps 0x440000 Rss Referenced
clear_refs 1
smaps 0x400000 Rss Referenced VmFlags
clear_refs 4
smaps 0x400000 Rss Referenced VmFlags
pages 0x400000 4p
pages 0x410000 4p
mmap 0x450000 16p rw PRIVATE|ANON|FIXED|POPULATE
pages 0x450000 1p
munmap 0x450000 16p
clear_refs 5
status VmHWM VmRSS
touch 0x400000 4p
clear_refs 0
clear_refs 6
clear_refs -1
clear_refs 1x
clear_refs 01
clear_refs 0x1
