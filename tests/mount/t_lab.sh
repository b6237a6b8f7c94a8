#!/bin/bash
# examples/lab.sh: the key of a sheet is what the textbook says of the numbers on
# it, and answers are marked.
. "$(dirname "$0")/lib.sh"
lab=$top/examples/lab.sh
export TMPDIR=$work

for sheet in 1 2 3 777; do
	"$lab" $sheet >"$work/sheet" && "$lab" -k $sheet >"$work/key" ||
		fail "sheet $sheet"
	"$lab" $sheet >"$work/again"
	cmp "$work/sheet" "$work/again" || fail "another sheet $sheet"
	cp "$work/key" "$work/key.$sheet"
	python3 - "$work/sheet" "$work/key" <<-'END' || fail "key of sheet $sheet"
	import re, sys
	text = " ".join(open(sys.argv[1]).read().split())
	parts = re.split(r" (?=\d+\. [a-z ]+ \(-o )", text)[1:]
	task = {p.split(". ", 1)[1].split(" (")[0]: p.split(") ", 1)[1] for p in parts}
	key = [line.split()[1:] for line in open(sys.argv[2])]
	key = dict(zip(task, key))
	assert len(key) == len(parts) == 11, key

	def check(name, *wanted):
	    assert key[name] == [str(w) for w in wanted], (name, key[name], wanted)

	def page_ins(pages, frames, victim):
	    there, n = [], 0
	    for i, p in enumerate(pages):
	        if p in there:
	            if victim != "fifo":
	                there.remove(p), there.append(p)
	            continue
	        n += 1
	        if len(there) == frames:
	            rest = pages[i + 1:]
	            far = max(there, key=lambda q: rest.index(q) if q in rest else 99)
	            there.remove(far if victim == "opt" else
	                         there[-1] if victim == "mru" else there[0])
	        there.append(p)
	    return n

	loads, stores = re.search(r"first (\d+) pages.*first (\d+)\.",
	                          task["demand paging"]).groups()
	check("demand paging", int(loads) + int(stores))
	child, parent = map(int, re.search(r"first (\d+) of.*first (\d+)\.",
	                                   task["copy on write"]).groups())
	check("copy on write", child + max(0, parent - child))
	ratio, ram, swap, used, mib = map(int, re.search(
	    r"ratio (\d+),.*MemTotal: (\d+).*SwapTotal: (\d+).*Committed_AS: (\d+)"
	    r".*map (\d+) MiB", task["overcommit"]).groups())
	check("overcommit", (ram * ratio // 100 + swap - used) // (mib << 10))
	t = task["oom killer"]
	sizes = dict(re.findall(r"(ant|bee|cat) (\d+)", t))
	adj = map(int, re.search(r"are (\d+), (\d+) and (\d+)", t).groups())
	ram = int(re.search(r"has (\d+) kB", t)[1])
	check("oom killer", max((int(sizes[n]) * 1024 + ram * a // 1000, n)
	                        for n, a in zip(("ant", "bee", "cat"), adj))[1])
	t = task["replacement"]
	check("replacement", page_ins(re.search(r"pages ([\d ]+)\.", t)[1].split(), 3,
	                              re.search(r"policy is (\w+)", t)[1]))
	pages, frames, policy = re.search(
	    r"to (\d+) new.*has (\d+) frames.*policy is (\w+)", task["thrashing"]).groups()
	check("thrashing", page_ins(list(range(int(pages))) * 5, int(frames), policy)
	      - int(pages))
	free = {256: 8, 512: 9, 1024: 10, 2048: 10, 3072: 10}
	got = []
	for order in map(int, re.search(r"order=([\d, ]+), then", task["buddy"])[1]
	                 .split(", ")):
	    at = min((o, a) for a, o in free.items() if o >= order)[1]
	    for o in range(order, free.pop(at)):
	        free[at + (1 << o)] = o
	    got.append((at, order))
	at, order = got[0]
	while free.get(at ^ 1 << order) == order:
	    del free[at ^ 1 << order]
	    at, order = at & ~(1 << order), order + 1
	check("buddy", got[2][0], len(free) + 1)
	pages = int(re.search(r"touches (\d+) pages", task["tlb reach"])[1])
	check("tlb reach", sum(n for n in (len(range(s, pages, 128))
	                                   for s in range(128)) if n > 12))
	at = int(re.search(r"at (0x[0-9a-f]+)", task["page walk"])[1], 16)
	check("page walk", *(at >> s & 511 for s in (39, 30, 21, 12)))
	every = int(re.search(r"multiple of (\d+)", task["fragmentation"])[1])
	whole = lambda a, n: all(i % every for i in range(a, a + n))
	check("fragmentation", sum(whole(a, 2) and not whole(a & ~3, 4)
	                           for a in range(0, 32, 2)))
	spread, far = map(int, re.search(r"to (\d+) new.*to (\d+) more",
	                                 task["numa placement"]).groups())
	check("numa placement", spread // 2 + far)
	END
	is "marks of the key" "$("$lab" $sheet "$work/key" | tail -1)" "11 of 11"
done
cmp -s "$work/key.1" "$work/key.2" && fail "sheets 1 and 2 are the same"

# Wrong and missing answers; those of an editor that ends lines otherwise.
sed 's/$/\r/; s/ /   /g' "$work/key" >"$work/answers"
"$lab" 777 "$work/answers" >"$work/said" || fail "answers: $(cat "$work/said")"
sed '2d; s/^4 .*/4 dog/' "$work/key" >"$work/answers"
"$lab" 777 "$work/answers" >"$work/said" && fail "wrong answers are right"
like "marks" "$(cat "$work/said")" "1 right
2 WRONG: no answer, a machine says *
3 right
4 WRONG: dog, a machine says *
9 of 11"
for bad in '' x -k '1 /nowhere' '1 2 3'; do
	# shellcheck disable=SC2086
	"$lab" $bad >"$work/said" 2>&1
	is "status of lab.sh $bad" $? 2
	is "sentences of lab.sh $bad" "$(wc -l <"$work/said")" 1
done
is "what stays" "$(ls -d "$work"/tmp.* 2>/dev/null; grep " $work/" /proc/self/mounts)" ""
finish
