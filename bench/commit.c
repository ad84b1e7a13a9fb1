/* bench/commit: what a flushed LMDB commit costs here: the baseline of what `tracellm trace` must wait for.
 *
 *      bench_commit DIR [COUNT]      prints the median of COUNT commits of 1 kB, in milliseconds */
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT_MAX 1000

static double
now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
must(int result)
{
	if (result == 0)
		return;
	(void)fprintf(stderr, "bench_commit: %s\n", mdb_strerror(result));
	exit(1);
}

static int
compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return left < right ? -1 : left > right;
}

int
main(int argc, char **argv)
{
	double times[COUNT_MAX];
	char value[1024];
	MDB_env *env;
	MDB_dbi table;
	int count = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 100;
	if (argc < 2 || count < 1 || count > COUNT_MAX)
		return 2;
	memset(value, 'x', sizeof value);
	must(mdb_env_create(&env));
	must(mdb_env_set_mapsize(env, (size_t)1 << 30));
	must(mdb_env_open(env, argv[1], 0, 0600));
	for (int i = 0; i < count; i++) {
		uint64_t number = (uint64_t)i;
		MDB_val key = { sizeof number, &number }, data = { sizeof value, value };
		MDB_txn *txn;
		double begun = now_ms();
		must(mdb_txn_begin(env, NULL, 0, &txn));
		must(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &table));
		must(mdb_put(txn, table, &key, &data, 0));
		must(mdb_txn_commit(txn));
		times[i] = now_ms() - begun;
	}
	mdb_env_close(env);
	qsort(times, (size_t)count, sizeof times[0], compare);
	(void)printf("%.3f\n", times[count / 2]);
	return 0;
}
