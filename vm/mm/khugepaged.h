/*
 * The daemon that looks for spans of small pages and makes huge ones of them.
 *
 * Processes come on its list when they get memory that may have huge pages, and
 * leave it when they end.  It goes round: pages_to_scan pages of the list, then
 * it sleeps for scan_sleep_millisecs of simulated time; it runs at `tick`, as
 * often as it would have woken up meanwhile.  Where Linux sleeps in the middle
 * of a scan because no memory is free, the scan ends here and the next begins
 * after alloc_sleep_millisecs.
 *
 * Source: Linux mm/khugepaged.c (khugepaged_do_scan, khugepaged_scan_mm_slot).
 */
#ifndef PAGEFS_VM_KHUGEPAGED_H
#define PAGEFS_VM_KHUGEPAGED_H

#include "mm_i.h"

/* Sets its defaults. */
int khugepaged_boot(struct vm *m);
/* v may have become memory for huge pages. */
void khugepaged_enter(struct vm *m, const struct vma *v);
/* The child of a process on the list comes there too. */
void khugepaged_fork(struct vm *m, idx_t parent, idx_t child);
/* Before the mm ends. */
void khugepaged_exit(struct vm *m, idx_t mm);
/* It sleeps no longer. */
void khugepaged_wake(struct vm *m);
/* After time has passed. */
void khugepaged_run(struct vm *m);
/* Its list holds exactly the mms that say so. */
int khugepaged_check(struct vm *m);

#endif
