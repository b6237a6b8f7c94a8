# move_pages and migrate_pages, as far as one node goes.
mmap 0x10000000 16p rw PRIVATE|ANON|FIXED
touch 0x10000000 4p
read 0x10005000 1
file f 3p
mmap 0x10100000 4p r SHARED|FIXED f 0
read 0x10100000 1
mmap 0x10200000 2p none PRIVATE|ANON|FIXED
mmap 0x10300000 4p rw SHARED|ANON|FIXED
touch 0x10300000 1p
# what is there
move_pages 0 0 0x10000000 0x10001fff 0x10003000 0x10004000 0x10005000 0x10010000 0
move_pages 0 0 0x10100000 0x10101000 0x10103000 0x10200000 0x10300000 0x10301000
move_pages 0 2 0x10000000
move_pages 0 4 0x10000000
# where it is already
move_nodes 0 0 0x10000000 0 0x10004000 0 0x10005000 0 0x10010000 0
move_nodes 0 2 0x10100000 0 0x10103000 0 0x10200000 0 0x10300000 0
move_nodes 0 4 0x10000000 0 0x10000000 0
# nodes that are none
move_nodes 0 2 0x10000000 1
move_nodes 0 2 0x10000000 -1
move_nodes 0 2 0x10000000 1023
move_nodes 0 2 0x10000000 1024
move_nodes 0 2 0x10000000 0 0x10001000 7
move_nodes 0 2 0 9
# flags, then the process
move_pages 0 1 0x10000000
move_pages 0 8 0x10000000
move_pages 4100000 1 0x10000000
move_pages 4100000 0 0x10000000
move_pages -1 0 0x10000000
move_nodes 4100000 2 0x10000000 9
# guard, given up, out
madvise 0x10001000 1p GUARD_INSTALL
madvise 0x10002000 1p DONTNEED
move_pages 0 0 0x10001000 0x10002000 0x10003000
mprotect 0x10003000 1p none
move_pages 0 0 0x10003000
migrate_pages 0 1 1
migrate_pages 0 1 3
migrate_pages 0 1 2
migrate_pages 0 0 1
migrate_pages 0 1 0
migrate_pages 0 0 0
migrate_pages 0 2 1
migrate_pages 0 3 1
migrate_pages 0 0xffffffffffffffff 1
migrate_pages 4100000 1 1
migrate_pages -1 1 1
migrate_pages 4100000 1 0
# pages that two have
fork
move_pages 0 0 0x10000000 0x10300000
move_nodes 0 2 0x10000000 0 0x10300000 0
move_nodes 0 2 0x10000000 1
migrate_pages 0 1 1
exit 0
mbind 0x10000000 16p 0 0 2
mbind 0x10000000 16p 0 0 4
mbind 0x10000000 16p 2 1 7
mbind 0x10000000 16p 4 0 2
mbind 0x10000000 16p 4 0 3
peek 0x10000000 1p
state
# where policies begin
mmap 0x20000000 8p rw PRIVATE|ANON|FIXED
home_node 0x20000000 8p 0 0
mbind 0x20002000 2p 2 1 0
home_node 0x20000000 8p 0 0
home_node 0x20000001 8p 0 0
home_node 0x20000000 8p 1 0
home_node 0x20000000 8p 0 1
home_node 0x20000000 0 0 0
home_node 0x20000000 0 7 0
home_node 0x20000000 0xfffffffffffff000 0 0
home_node 0x50000000 8p 0 0
home_node 0x20003000 1p 0 0
mbind 0x20004000 2p 5 1 0
home_node 0x20003000 3p 0 0
mbind 0x20006000 1p 3 1 0
home_node 0x20000000 8p 0 0
dump
mbind 0x20002000 4p 2 1 0
dump
# without the right to look at others
setresuid 1000 1000 1000
move_pages 0 0 0x10000000
move_pages 0 4 0x10000000
move_nodes 0 4 0x10000000 9
move_nodes 0 2 0x10000000 9
move_pages 1 0 0
move_nodes 1 2 0 9
migrate_pages 1 1 1
migrate_pages 1 1 2
migrate_pages 0 1 1
migrate_pages 0 1 3
migrate_pages 0 1 2
migrate_pages 0 1 0
mbind 0x10000000 16p 2 1 4
mbind 0x10000000 16p 2 1 2
dump
