# READ_IMPLIES_EXEC: what may be read may be executed.
personality 0xffffffff
personality 0x440000
personality 0xffffffff
mmap 0x400000 2p r PRIVATE|ANON|FIXED
mmap 0x410000 2p w PRIVATE|ANON|FIXED
mmap 0x420000 2p rw SHARED|ANON|FIXED
mprotect 0x410000 1p rw
brk +1p
dump
# The kernel's own data pages may not be executed: it is not asked of them.
mmap 0x7ffff7ff6000 1p rw PRIVATE|ANON|NOREPLACE
mprotect 0x7ffff7ff6000 2p r
mprotect 0x7ffff7ff7000 1p r
dump
personality 0x40000
mprotect 0x400000 1p r
mmap 0x430000 1p r PRIVATE|ANON|FIXED
dump
