/* What every unit test stands on: cmocka with the headers it wants first, and random walks that can be walked again.
 *
 *      uint64_t random = unit_seed();                    printed; TRACELLM_TEST_SEED=N walks the same way again
 *      for (unsigned i = 0; i < unit_rounds(1000); i++)  TRACELLM_TEST_ROUNDS=N goes N times as far (./check --long)
 *              size_t len = unit_below(&random, 40);
 *
 * Plain functions on purpose: a test's oracle must not lean on the code it judges. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static inline uint64_t
unit_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static inline uint64_t
unit_seed(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	uint64_t seed = unit_number("TRACELLM_TEST_SEED", (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec);
	print_message("seed: TRACELLM_TEST_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

static inline unsigned
unit_rounds(unsigned rounds)
{
	return rounds * (unsigned)unit_number("TRACELLM_TEST_ROUNDS", 1);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t
unit_random(uint64_t *random)
{
	uint64_t z = *random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 to limit - 1. */
static inline size_t
unit_below(uint64_t *random, size_t limit)
{
	return (size_t)(unit_random(random) % limit);
}

#endif
