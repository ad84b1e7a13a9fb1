/* Fault points: places where a test can make our own code meet a failure that a healthy machine does not show.
 *
 *      if (tl_fault(TL_FAULT_ALLOC))
 *              return NULL;
 *
 * In builds without -Dfaults=true the call is the constant false and costs nothing. Thread-safe. */
#ifndef TRACELLM_BASE_FAULT_H
#define TRACELLM_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum tl_fault_kind {
	TL_FAULT_ALLOC,  /* an allocation gives NULL */
	TL_FAULT_COMMIT, /* a commit of the log fails with EIO before anything is written */
	TL_FAULT_BELL,   /* a doorbell is lost */
	TL_FAULT_VIEW,   /* a write to a view fails */
	TL_FAULT_KINDS
};

#ifdef TL_FAULTS
/* True when this reached point is to fail. */
bool tl_fault(enum tl_fault_kind kind);
/* The `nth` point of this kind reached from now on (1 = the next) fails, once; 0 disarms. */
void tl_fault_arm(enum tl_fault_kind kind, uint64_t nth);
/* Points of this kind reached since the last arm. */
uint64_t tl_fault_reached(enum tl_fault_kind kind);
#else
static inline bool
tl_fault(enum tl_fault_kind kind)
{
	(void)kind;
	return false;
}
#endif

#endif
