/*
 * The machine, as persist/ and fs/ drive it.
 *
 * A machine is a pure function of its configuration and of the events applied
 * to it, in order.  Each event is what one write to one file of the mount
 * brought; nothing else changes a machine.
 */
#ifndef PAGEFS_VM_VM_H
#define PAGEFS_VM_VM_H

#include "machine.h"

#define VM_LAYOUT_VERSION 43

/* Which file a line was written to; decides which commands it may hold. */
enum actor_kind {
	ACTOR_MACHINE, /* ctl */
	ACTOR_PROCESS, /* proc/PID/ctl; id = PID */
	ACTOR_MEM,     /* proc/PID/mem, a store; id = PID */
	ACTOR_TRACE,   /* proc/PID/trace; id = PID */
	ACTOR_STRACE,  /* trace/strace */
	ACTOR_DISK,    /* disk/ */
	ACTOR_KERNEL,  /* kernel/ctl */
	NR_ACTOR_KINDS
};

struct actor {
	uint32_t kind; /* enum actor_kind */
	uint32_t id;
	uint32_t uid, gid; /* of the caller */
};

/*
 * One event.  `text` holds one or more command lines separated by newlines
 * (the last needs none).  `blob` is the payload of commands that take one
 * (disk writes, traces, strace logs); an event with a blob has one line.
 */
struct event {
	struct actor actor;
	const char *text;
	size_t text_len;
	const void *blob;
	size_t blob_len;
	/*
	 * Asked now and then whether to end the event early; may be NULL.  A
	 * line that works for long counts the places where it could end, from
	 * 1: ended at place N of the line at text + line, it is what the line
	 * "stop=N LINE" always is.  Place 0 is before that line.
	 */
	vm_stop_fn *stop;
	void *stop_ctx;
};

/* What stands before such a line. */
#define STOP_PREFIX "stop="

/* Called once per executed line, in order.  `line` is not NUL-terminated. */
typedef void vm_reply_fn(
	void *ctx, const struct reply *r, const char *line, size_t len);

struct vm_outcome {
	size_t consumed; /* bytes of text before the first failed line */
	uint32_t lines;	 /* lines executed, the failed one included */
	uint32_t failed; /* 1 if the last of them failed */
	/* 1 if the event ended before a line that does not parse: it was not
	 * executed, counts nowhere, and vm_sentence() tells why. */
	uint32_t refused;
	uint32_t by_store; /* `last` is of a command that the store ran */
	uint32_t stopped;  /* 1 if the event was ended before its next line */
	struct reply last;
};

/* ---- life --------------------------------------------------------------- */

/* Fills in the defaults: x86_64, 256M RAM, 64M swap, 256M disk, 2 CPUs. */
void vm_config_default(struct vm_config *c);

/*
 * Sets one `key=value` of the configuration.  Returns 0, or -EINVAL with a
 * sentence in err (SENTENCE_MAX bytes).  Keys: arch ram swap disk cpus pcid
 * tlb (as "64/4,1536/12,32/4,4/4") seed vsyscall.
 */
int vm_config_set(
	struct vm_config *c, const char *key, const char *value, char *err);

/* The names of the keys, NULL-terminated, with a line of help for each, and
 * the value of one as text. */
extern const char *const vm_config_keys[];
extern const char *const vm_config_help[];
#define VM_CONFIG_VALUE_MAX 260 /* the longest: 64 distances */
void vm_config_get(
	const struct vm_config *c, const char *key, char *buf, size_t size);

/* Whole-configuration checks (RAM too small for the kernel, ...). */
int vm_config_check(const struct vm_config *c, char *err);

/*
 * Boots a machine: zones, reserved ranges, kernel page table, PID 1.  Returns
 * NULL with a sentence in err when the host cannot reserve the address space.
 */
struct vm *vm_boot(
	const struct vm_config *c, const struct vm_host *host, char *err);

/*
 * An empty machine of that configuration, to be filled by a snapshot: the
 * segments are reserved, all bytes are zero.  vm_reindex() completes it and
 * checks what it can: -EINVAL with a sentence if the bytes are no machine.
 */
struct vm *vm_blank(
	const struct vm_config *c, const struct vm_host *host, char *err);
int vm_reindex(struct vm *m);

void vm_destroy(struct vm *m);

/* ---- change ------------------------------------------------------------- */

/*
 * Checks that the first line of the event parses, without running it.  0, or
 * -EINVAL (unknown verb, missing argument, ...) with vm_sentence().  Blank
 * and comment lines parse.
 */
int vm_parse_first(struct vm *m, const struct event *e);

/*
 * Runs the lines of an event until one fails.  Always applies whole lines: a
 * failed line has changed nothing but counters and `last`.
 */
void vm_apply(struct vm *m, const struct event *e, vm_reply_fn *fn, void *ctx,
	struct vm_outcome *out);

/* The sentence of the newest refusal. */
const char *vm_sentence(const struct vm *m);

/* Writes a reply as a line without newline: "0", "0x7f...", "-ENOMEM ...".
 * Returns its length. */
size_t vm_reply_format(const struct reply *r, char *buf, size_t size);

/* "EINVAL" for 22; "E?" for numbers Linux does not use. */
const char *vm_errno_name(int err);

/* ---- look ---------------------------------------------------------------- */

/*
 * The state as segments of bytes: for snapshots and hashes.  A segment's
 * bytes at and beyond `used` are zero.
 */
struct vm_segment {
	const char *name;
	uint8_t *base;
	uint64_t used;
	uint64_t reserved;
	struct dirty_map dirty;
};
unsigned vm_nr_segments(void);
void vm_segment(struct vm *m, unsigned i, struct vm_segment *out);
/* After a load: how many bytes of segment i are in use. */
void vm_segment_set_used(struct vm *m, unsigned i, uint64_t used);

/*
 * Checks every invariant of the machine (buddy lists, page tables against
 * VMAs, reference counts, sums).  0, or -EIO with a sentence naming the first
 * that does not hold.
 */
int vm_check(struct vm *m);

/*
 * The same for many who look at once: changes nothing, not even vm_sentence(),
 * and goes on with the next part after one that failed.  Tells a sentence of
 * each of these, a dozen at most, and returns how many.  Now and then it asks
 * whether to give up, as an event does; stop may be NULL.
 */
typedef void vm_tell_fn(void *ctx, const char *sentence);
unsigned vm_findings(const struct vm *m, vm_stop_fn *stop, void *stop_ctx,
	vm_tell_fn *tell, void *ctx);
/* What a machine without findings is told of: "ok: 57344 frames, ...". */
size_t vm_frames_text(const struct vm *m, char *buf, size_t size);

#endif
