/*
 * Names for addresses of one process: those that `as=` gave, and five that
 * follow from the mm.  A name of the user's own hides a predefined one.
 */
#include "task_i.h"

#include <string.h>

#include "../mm/mm.h"

static bool name_is(const char *stored, const char *name, size_t len)
{
	return strlen(stored) == len && !memcmp(stored, name, len);
}

static struct label *label_find(
	const struct vm *m, const struct task *t, const char *name, size_t len)
{
	for (idx_t i = t->labels; i; i = label_at(m, i)->next) {
		struct label *l = label_at(m, i);

		if (name_is(l->name, name, len))
			return l;
	}
	return NULL;
}

static bool name_byte(char c, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
		return true;
	return !first && ((c >= '0' && c <= '9') || c == '.' || c == '-');
}

static int name_check(struct vm *m, const char *name, size_t len)
{
	if (!len || len >= LABEL_MAX)
		return vm_fail(m, EINVAL,
			"a label has 1 to %d characters, this one has %llu",
			LABEL_MAX - 1, (unsigned long long)len);
	for (size_t i = 0; i < len; i++)
		if (!name_byte(name[i], i == 0))
			return vm_fail(m, EINVAL,
				"a label is a letter or _, then letters, "
				"digits, and _ . -; not \"%.*s\"",
				(int)len, name);
	return 0;
}

int label_set(struct vm *m, struct task *t, const char *name, size_t len,
	vaddr_t addr)
{
	struct label *l;
	idx_t i;
	int err = name_check(m, name, len);

	if (err)
		return err;
	l = label_find(m, t, name, len);
	if (!l) {
		i = pool_alloc(m, SEG_LABEL);
		if (!i)
			return -ENOMEM;
		l = label_at(m, i);
		memcpy(l->name, name, len);
		l->next = t->labels;
		t->labels = i;
	}
	l->addr = addr;
	return 0;
}

static const struct {
	const char *name;
	size_t field; /* of struct mm */
} predefined[] = {
	{"brk", offsetof(struct mm, brk)},
	{"stack", offsetof(struct mm, start_stack)},
	{"text", offsetof(struct mm, start_code)},
	{"data", offsetof(struct mm, start_data)},
	{"heap", offsetof(struct mm, start_brk)},
};

bool label_lookup(const struct vm *m, const struct task *t, const char *name,
	size_t len, vaddr_t *addr)
{
	const struct label *l = label_find(m, t, name, len);

	if (l) {
		*addr = l->addr;
		return true;
	}
	for (size_t i = 0; i < sizeof(predefined) / sizeof(*predefined); i++) {
		const uint8_t *mm;

		if (!t->mm || !name_is(predefined[i].name, name, len))
			continue;
		mm = (const uint8_t *)mm_at(m, t->mm);
		memcpy(addr, mm + predefined[i].field, sizeof(*addr));
		return *addr;
	}
	return false;
}

int label_get(struct vm *m, const struct task *t, const char *name, size_t len,
	vaddr_t *addr)
{
	if (label_lookup(m, t, name, len, addr))
		return 0;
	for (size_t i = 0; i < sizeof(predefined) / sizeof(*predefined); i++)
		if (t->mm && name_is(predefined[i].name, name, len))
			return vm_fail(m, EINVAL,
				"process %u has no \"%.*s\": it runs no "
				"program",
				t->pid, (int)len, name);
	return vm_fail(m, EINVAL,
		"process %u has no label \"%.*s\"; as=NAME on a command that "
		"returns an address makes one",
		t->pid, len < LABEL_MAX ? (int)len : LABEL_MAX, name);
}

void label_forget_all(struct vm *m, struct task *t)
{
	while (t->labels) {
		idx_t i = t->labels;

		t->labels = label_at(m, i)->next;
		pool_free(m, SEG_LABEL, i);
	}
}

int label_copy_all(struct vm *m, struct task *to, const struct task *from)
{
	idx_t *tail = &to->labels;

	for (idx_t i = from->labels; i; i = label_at(m, i)->next) {
		idx_t copy = pool_alloc(m, SEG_LABEL);

		if (!copy)
			return -ENOMEM;
		*label_at(m, copy) = *label_at(m, i);
		label_at(m, copy)->next = 0;
		*tail = copy;
		tail = &label_at(m, copy)->next;
	}
	return 0;
}
