/* Commands about NUMA nodes; see script.h. */
#include "script.h"

#define MAX_PAGES 16

/* move_pages PID FLAGS ADDR... asks; move_nodes PID FLAGS ADDR NODE... moves.
 * The result, and then each page's status if there is one. */
static void run_move(char **word, int nr, bool move)
{
	uint64_t page[MAX_PAGES];
	int32_t node[MAX_PAGES], status[MAX_PAGES];
	int step = move ? 2 : 1, n = 0;
	int64_t r;

	for (int i = 3; i + step <= nr && n < MAX_PAGES; i += step, n++) {
		page[n] = script_value(word[i]);
		node[n] = move ? (int32_t)script_value(word[i + 1]) : 0;
		status[n] = 99;
	}
	r = host_move_pages((int)script_value(word[1]), n, page,
		move ? node : NULL, (int)script_value(word[2]), status);
	put_result(r);
	for (int i = 0; !r && i < n; i++) {
		put_char(' ');
		put_dec(status[i]);
	}
	put_char('\n');
}

bool nodes_command(char **word, int nr)
{
	if (nr < 4)
		return false;
	if (text_eq(word[0], "move_pages") || text_eq(word[0], "move_nodes")) {
		run_move(word, nr, word[0][5] == 'n');
		return true;
	}
	if (!text_eq(word[0], "migrate_pages"))
		return false;
	put_result(host_migrate_pages((int)script_value(word[1]),
		script_value(word[2]), script_value(word[3])));
	put_char('\n');
	return true;
}
