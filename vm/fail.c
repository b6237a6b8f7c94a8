#include <stdarg.h>
#include <string.h>

#include "format.h"
#include "machine.h"
#include "vm.h"

int vm_fail(struct vm *m, int err, const char *fmt, ...)
{
	va_list ap;

	if (m->fail.err == err)
		return -err;
	m->fail.err = err;
	va_start(ap, fmt);
	vm_vsnprintf(m->fail.text, sizeof(m->fail.text), fmt, ap);
	va_end(ap);
	return -err;
}

void vm_fail_clear(struct vm *m)
{
	m->fail.err = 0;
	m->fail.text[0] = '\0';
}

bool vm_halts(struct vm *m)
{
	uint64_t place = ++m->halt.place;

	if (!vm_halted(m) && m->halt.asked &&
		m->halt.asked(m->halt.ctx, m->halt.line, place))
		m->halt.at = place;
	return vm_halted(m);
}

const char *vm_sentence(const struct vm *m)
{
	return m->fail.text;
}

static const struct {
	int err;
	const char *name;
} errno_names[] = {
	{EPERM, "EPERM"},
	{ENOENT, "ENOENT"},
	{ESRCH, "ESRCH"},
	{EINTR, "EINTR"},
	{EIO, "EIO"},
	{ENXIO, "ENXIO"},
	{E2BIG, "E2BIG"},
	{ENOEXEC, "ENOEXEC"},
	{EBADF, "EBADF"},
	{ECHILD, "ECHILD"},
	{EAGAIN, "EAGAIN"},
	{ENOMEM, "ENOMEM"},
	{EACCES, "EACCES"},
	{EFAULT, "EFAULT"},
	{EBUSY, "EBUSY"},
	{EEXIST, "EEXIST"},
	{EXDEV, "EXDEV"},
	{ENODEV, "ENODEV"},
	{ENOTBLK, "ENOTBLK"},
	{ENOTDIR, "ENOTDIR"},
	{EISDIR, "EISDIR"},
	{EINVAL, "EINVAL"},
	{ENFILE, "ENFILE"},
	{EMFILE, "EMFILE"},
	{ENOTTY, "ENOTTY"},
	{ETXTBSY, "ETXTBSY"},
	{EFBIG, "EFBIG"},
	{ENOSPC, "ENOSPC"},
	{ESPIPE, "ESPIPE"},
	{EROFS, "EROFS"},
	{ERANGE, "ERANGE"},
	{ENAMETOOLONG, "ENAMETOOLONG"},
	{ENOSYS, "ENOSYS"},
	{ENOTEMPTY, "ENOTEMPTY"},
	{ELOOP, "ELOOP"},
	{EOVERFLOW, "EOVERFLOW"},
	{EILSEQ, "EILSEQ"},
	{EOPNOTSUPP, "EOPNOTSUPP"},
	{ELIBBAD, "ELIBBAD"},
	{EUCLEAN, "EUCLEAN"},
};

const char *vm_errno_name(int err)
{
	for (size_t i = 0; i < sizeof(errno_names) / sizeof(*errno_names); i++)
		if (errno_names[i].err == err)
			return errno_names[i].name;
	return "E?";
}

size_t vm_reply_format(const struct reply *r, char *buf, size_t size)
{
	if (r->err)
		return vm_snprintf(
			buf, size, "-%s %s", vm_errno_name(r->err), r->text);
	switch (r->kind) {
	case REPLY_HEX:
		return vm_snprintf(
			buf, size, "0x%llx", (unsigned long long)r->value);
	case REPLY_DEC:
		return vm_snprintf(buf, size, "%lld", (long long)r->value);
	case REPLY_TEXT:
		return vm_snprintf(buf, size, "%s", r->text);
	default:
		return vm_snprintf(buf, size, "0");
	}
}
