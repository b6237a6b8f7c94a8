#!/bin/bash
# A lab: tasks with other numbers on each sheet, and their marking.  The key is
# what a machine does, not a formula.
#
#	examples/lab.sh SHEET              prints the tasks of this sheet (a number)
#	examples/lab.sh SHEET ANSWERS      marks a file of lines "TASK ANSWER"
#	examples/lab.sh -k SHEET           prints the key, as such a file
#
# Each task begins on a new machine with the options that the sheet names; there
# the answer can be seen to come about.  The status of marking is 0 if all
# answers are right, else 1.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

die() {
	echo "$0: $*" >&2
	exit 2
}
key_only=
[ "${1-}" != -k ] || { key_only=yes && shift; }
[[ ${1-} =~ ^[0-9]{1,9}$ && $# -le 2 ]] ||
	die "usage: lab.sh [-k] SHEET [ANSWERS], SHEET being a number"
sheet=$((10#$1)) answers=${2-}
[ -z "$answers" ] || [ -f "$answers" ] || die "there is no file $answers"

# pick NAME LOW HIGH: sets a variable to a number of this sheet and task.
pick() {
	draw=$(((draw * 1103515245 + 12345) & 0x7fffffff))
	printf -v "$1" %d $(($2 + (draw >> 12) % ($3 - $2 + 1)))
}
# begin OPTIONS: a new machine; pf speaks to its process 1.
begin() {
	options=$1
	pf_machine "$options"
	pf_open "$m" 1
}
do_it() { pf "$@" >/dev/null; }
to() { printf '%s\n' "${@:2}" >"$m/$1"; }
stat() { pf_stat "$m" "$1"; }
ask() { question="$*"; }

# ---- the tasks: each asks, and finds the key -----------------------------------

demand_paging() {
	pick loads 3 9
	pick stores 3 9
	begin ram=64M
	ask "A process maps 64K (mmap 64K rw as=a), loads from each of its first" \
		"$loads pages (touch a $((loads * 4))K r), then stores to each of its" \
		"first $stores. How many page faults are that?"
	do_it 'mmap 64K rw as=a'
	key=$(stat pgfault)
	do_it "touch a $((loads * 4))K r" "touch a $((stores * 4))K w"
	key=$(($(stat pgfault) - key))
}
copy_on_write() {
	pick child 2 8
	pick parent 2 8
	begin ram=64M
	ask "A process stores to 10 pages and forks. The child stores to the first" \
		"$child of them, then the parent to the first $parent. How many pages" \
		"are copied (fault_cow in stats)?"
	do_it 'mmap 40K rw as=a' 'touch a 40K w' fork
	key=$(stat fault_cow)
	to proc/2/ctl "touch a $((child * 4))K w"
	do_it "touch a $((parent * 4))K w"
	key=$(($(stat fault_cow) - key))
}
overcommit() {
	pick ratio 30 70
	pick size 2 6
	begin ram=64M,swap=16M
	to ctl 'set overcommit_memory 2' "set overcommit_ratio $ratio" \
		'set admin_reserve_kbytes 0' 'set user_reserve_kbytes 0'
	ask "overcommit_memory is 2, overcommit_ratio $ratio, both reserves are 0;" \
		"$(awk '/^(MemTotal|SwapTotal|Committed_AS)/ { print $1, $2, "kB" }' \
			"$m/proc/meminfo" | paste -sd\; | sed 's/;/, /g'). How many times can a process map" \
		"$size MiB (mmap ${size}M rw) until it is refused?"
	key=0
	while do_it "mmap ${size}M rw"; do key=$((key + 1)); done
}
oom_killer() {
	local i name sizes=() adjs=()
	begin ram=64M,swap=0
	for i in 4 5 6; do
		pick size 0 2
		pick adj 0 3
		sizes+=($((i + size * 3))) adjs+=($((adj * 50)))
	done
	ask "Three processes store to so many MiB each: ant ${sizes[0]}, bee" \
		"${sizes[1]}, cat ${sizes[2]}. Their oom_score_adj are ${adjs[0]}," \
		"${adjs[1]} and ${adjs[2]}; the machine has" \
		"$(awk '/^MemTotal/ { print $2 }' "$m/proc/meminfo") kB and no swap." \
		"Then init, which is never killed, stores until memory runs out." \
		"Who is killed first?"
	for i in 0 1 2; do
		name=(ant bee cat)
		to ctl "spawn name=${name[i]}"
		to "proc/$((i + 2))/oom_score_adj" "${adjs[i]}"
		to "proc/$((i + 2))/ctl" "mmap ${sizes[i]}M rw as=a" \
			"touch a ${sizes[i]}M"
	done
	do_it 'mmap 64M rw flags=noreserve as=a' 'touch a 64M' || true
	key=$(sed -n 's/.*Killed process [0-9]* (\([a-z]*\)).*/\1/p' \
		"$m/kernel/dmesg" | head -1)
}
replacement() {
	local page string='' policies=(fifo lru opt) trace=''
	pick which 0 2
	begin ram=64M,swap=16M
	for _ in {1..14}; do
		pick page 1 6
		string+=" $page"
		trace+=$(printf ' L %x,1' $((0x10000000 + page * 4096)))$'\n'
	done
	ask "A process refers to the pages$string. Memory has 3 frames for them, the" \
		"policy is ${policies[which]}. How many page faults?"
	do_it 'mmap 1M rw addr=0x10000000 flags=fixed'
	to ctl "set policy ${policies[which]}" 'set frames 3'
	printf %s "$trace" >"$m/proc/1/trace"
	key=$(awk '$1 == "page_ins" { print $2 }' "$m/phys/policy")
}
thrashing() {
	local policies=(lru mru)
	pick pages 5 9
	pick frames 3 4
	pick which 0 1
	begin ram=64M,swap=16M
	ask "A process writes (write a+4K \"data\") to $pages new pages in turn, five" \
		"times over. Memory has $frames frames for them, the policy is" \
		"${policies[which]}. How many pages are read back from swap" \
		"(pswpin in proc/vmstat)?"
	do_it 'mmap 1M rw as=a'
	to ctl "set policy ${policies[which]}" "set frames $frames"
	for ((i = 0; i < pages * 5; i++)); do
		do_it "write a+$((i % pages * 4))K \"full of data\""
	done
	key=$(awk '$1 == "pswpin" { print $2 }' "$m/proc/vmstat")
}
buddy() {
	local order replies=()
	begin ram=64M
	ask "The free blocks of zone DMA begin at frames 256 (order 8), 512 (9), 1024," \
		"2048 and 3072 (10). kernel/ctl gets alloc_pages gfp=dma,movable with" \
		"order="
	pf_close
	pf_open "$m/kernel"
	for _ in 1 2 3; do
		pick order 4 8
		question+="$order, "
		replies+=("$(pf "alloc_pages gfp=dma,movable order=$order")")
	done
	question+="then free_pages for the first of these blocks. Where does the third"
	question+=" begin, and how many free blocks has the zone then (two numbers)?"
	do_it "free_pages ${replies[0]}"
	key="${replies[2]} $(awk '/ DMA / { for (i = 5; i <= NF; i++) n += $i
		print n }' "$m/proc/buddyinfo")"
}
tlb_reach() {
	pick pages 1400 1800
	begin ram=64M
	ask "The TLB's levels have, entries/ways,$(awk '$1 == "tlb" {
		split($2, level, ","); print " " level[1] " and " level[2] }' \
		"$m/config"). A process touches $pages pages in order, from an address" \
		"that is a multiple of 2 MiB, and again. How many accesses of the" \
		"second pass miss in both levels?"
	do_it 'mmap 16M rw addr=0x10000000 flags=fixed as=a'
	to ctl 'run 1'
	do_it "touch a $((pages * 4))K"
	key=$(stat tlb_misses)
	do_it "touch a $((pages * 4))K"
	key=$(($(stat tlb_misses) - key))
}
page_walk() {
	local table entry shift indices='' at
	pick page 1 400000000
	at=$((0x100000000000 + page * 4096))
	begin ram=64M
	ask "$(printf 'A page is mapped at 0x%x' $at) (4 levels, 4 KiB pages). Which" \
		"entries of the four tables does the hardware look at, top table" \
		"first (four numbers)?"
	do_it "mmap 4K rw addr=$at flags=fixed as=a" 'touch a'
	to ctl 'run 1'
	table=$(sed -n 's/^cr3 *//p' "$m/cpu/0/regs")
	for shift in 39 30 21 12; do
		entry=$((at >> shift & 511))
		indices+=" $entry"
		table=0x$(dd if="$m/phys/ram" bs=8 count=1 2>/dev/null \
			skip=$(((table & 0xffffffffff000) / 8 + entry)) |
			od -An -tx8 | tr -d ' ')
	done
	[ $(((table & 0xffffffffff000) / 4096)) = "$(pf_frame "$m" 1 $at)" ] ||
		die "the walk in phys/ram and pagemap differ"
	key=${indices# }
}
fragmentation() {
	local first frame
	pick every 3 9
	begin ram=64M
	ask "The free block of order 9 at frame 512 of zone DMA is filled with blocks" \
		"of order 4, numbered from 0 to 31. Then those are given back whose" \
		"number is no multiple of $every. How many free blocks of order 5 are" \
		"there?"
	pf_close
	pf_open "$m/kernel"
	do_it 'alloc_pages gfp=dma,movable order=8' # the smaller one is in the way
	for ((i = 0; i < 32; i++)); do
		frame=$(pf 'alloc_pages gfp=dma,movable order=4')
		[ "$frame" = $((512 + i * 16)) ] || die "a block at $frame"
	done
	for ((i = 0; i < 32; i++)); do
		[ $((i % every)) = 0 ] || do_it "free_pages $((512 + i * 16))"
	done
	key=$(awk '/ DMA / { print $10 }' "$m/proc/buddyinfo")
}
numa_placement() {
	pick spread 2 7
	spread=$((spread * 2))
	pick far 3 9
	begin ram=128M,nodes=2,cpus=2
	ask "On a machine of two nodes a process with the policy interleave over both" \
		"stores to $spread new pages. Then it runs on the processor of node 1," \
		"sets the policy default and stores to $far more, then runs on that of" \
		"node 0 again and stores to all of them. How many of the pages are on" \
		"node 1?"
	do_it 'set_mempolicy interleave nodes=all' 'mmap 64K rw as=a' \
		"touch a $((spread * 4))K w"
	to ctl 'run 1 cpu=1'
	do_it 'set_mempolicy default' 'mmap 64K rw as=b' "touch b $((far * 4))K w"
	to ctl 'run 1 cpu=0'
	do_it "touch a $((spread * 4))K w" "touch b $((far * 4))K w"
	key=$(sed -n '/anon=/s/.* N1=\([0-9]*\).*/\1/p' "$m/proc/1/numa_maps" |
		awk '{ n += $1 } END { print n + 0 }')
}

# ---- the sheet -----------------------------------------------------------------

nr=0 right=0
tasks=(demand_paging copy_on_write overcommit oom_killer replacement thrashing
	buddy tlb_reach page_walk fragmentation numa_placement)
[ -z "$answers$key_only" ] && echo "Sheet $sheet"
for task in "${tasks[@]}"; do
	nr=$((nr + 1))
	draw=$(((sheet * 40503 + nr) * 2654435761 >> 7 & 0x7fffffff))
	$task
	pf_check "$m" || die "the machine of task $nr is wrong about itself"
	pf_end
	if [ -n "$key_only" ]; then
		echo "$nr $key"
	elif [ -z "$answers" ]; then
		printf '\n%d. %s (-o %s)\n' $nr "${task//_/ }" "$options"
		fold -sw 76 <<<"$question" | sed 's/^/   /; s/ *$//'
	else
		said=$(tr -d '\r' <"$answers" |
			awk -v n=$nr '$1 == n { $1 = ""; $1 = $1; sub(/^ /, ""); print }')
		if [ "$said" = "$key" ]; then
			right=$((right + 1))
			echo "$nr right"
		else
			echo "$nr WRONG: ${said:-no answer}, a machine says $key"
		fi
	fi
done
[ -n "$answers" ] || exit 0
echo "$right of $nr"
[ $right = $nr ]
