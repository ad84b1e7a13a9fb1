/* base/fault: counts reached fault points and fails the chosen one. Empty without -Dfaults=true. */
#include <tracellm/base/fault.h>

#ifdef TL_FAULTS
#include <stdatomic.h>

static _Atomic uint64_t reached[TL_FAULT_KINDS];
static _Atomic uint64_t fail_at[TL_FAULT_KINDS];

bool
tl_fault(enum tl_fault_kind kind)
{
	uint64_t now = atomic_fetch_add(&reached[kind], 1) + 1;
	return now == atomic_load(&fail_at[kind]);
}

void
tl_fault_arm(enum tl_fault_kind kind, uint64_t nth)
{
	atomic_store(&fail_at[kind], 0);
	atomic_store(&reached[kind], 0);
	atomic_store(&fail_at[kind], nth);
}

uint64_t
tl_fault_reached(enum tl_fault_kind kind)
{
	return atomic_load(&reached[kind]);
}
#endif
