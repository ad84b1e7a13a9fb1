/* The door of LMDB: transactions, cursors, tables, limits. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tracellm/store.h>

enum { WORDS, NUMBERS };
static const char *const table_names[] = { "words", "numbers" };

static char dir[32];
static struct tl_store *store;
static struct tl_err err;

#define assert_ok(expression)                                         \
	do {                                                          \
		if ((expression) != TL_OK)                            \
			fail_msg("%s: %s", #expression, err.message); \
	} while (0)

static enum tl_status
store_open(bool read_only, unsigned table_count)
{
	struct tl_store_options options = {
		.dir = dir, .read_only = read_only, .tables = table_names, .table_count = table_count
	};
	return tl_store_open(&options, &store, &err);
}

static int
make(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/tracellm-test-XXXXXX");
	store = NULL;
	return mkdtemp(dir) && store_open(false, 2) == TL_OK ? 0 : -1;
}

static int
remove_all(void **state)
{
	(void)state;
	char command[64];
	tl_store_close(store);
	(void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
	FILE *shell = popen(command, "r");
	return shell ? pclose(shell) : -1;
}

static struct tl_store_txn *
begun(enum tl_store_access access)
{
	struct tl_store_txn *txn = NULL;
	assert_ok(tl_store_begin(store, access, &txn, &err));
	return txn;
}

static tl_bytes
bytes_of(const char *text)
{
	return tl_bytes_of(tl_str_of(text));
}

static void
put(struct tl_store_txn *txn, const char *key, const char *value)
{
	assert_ok(tl_store_put(txn, WORDS, bytes_of(key), bytes_of(value), TL_STORE_REPLACE, &err));
}

static void
assert_word(struct tl_store_txn *txn, const char *key, const char *expected)
{
	tl_bytes value;
	assert_ok(tl_store_get(txn, WORDS, bytes_of(key), &value, &err));
	if (!expected)
		assert_null(value.ptr);
	else
		assert_true(tl_str_equal(tl_str_of_bytes(value), tl_str_of(expected)));
}

static void
what_was_committed_is_there_and_what_was_aborted_is_not(void **state)
{
	(void)state;
	struct tl_store_txn *txn = begun(TL_STORE_WRITE);
	put(txn, "a", "1");
	assert_ok(tl_store_commit(txn, &err));
	txn = begun(TL_STORE_WRITE);
	put(txn, "a", "2");
	put(txn, "b", "2");
	assert_word(txn, "a", "2");
	tl_store_abort(txn);
	txn = begun(TL_STORE_READ);
	assert_word(txn, "a", "1");
	assert_word(txn, "b", NULL);
	tl_store_abort(txn);
}

static void
empty_values_are_told_from_absent_ones(void **state)
{
	(void)state;
	struct tl_store_txn *txn = begun(TL_STORE_WRITE);
	put(txn, "empty", "");
	assert_ok(tl_store_put(txn, WORDS, bytes_of("null"), (tl_bytes){ NULL, 0 }, TL_STORE_REPLACE, &err));
	assert_word(txn, "empty", "");
	assert_word(txn, "null", "");
	assert_word(txn, "absent", NULL);
	tl_store_abort(txn);
}

static void
delete_tells_whether_there_was_one(void **state)
{
	(void)state;
	bool deleted;
	struct tl_store_txn *txn = begun(TL_STORE_WRITE);
	put(txn, "a", "1");
	assert_ok(tl_store_delete(txn, WORDS, bytes_of("a"), &deleted, &err));
	assert_true(deleted);
	assert_ok(tl_store_delete(txn, WORDS, bytes_of("a"), &deleted, &err));
	assert_false(deleted);
	uint64_t count;
	assert_ok(tl_store_count(txn, WORDS, &count, &err));
	assert_int_equal(count, 0);
	tl_store_abort(txn);
}

static void
append_refuses_a_key_that_is_not_the_last(void **state)
{
	(void)state;
	uint8_t key[8];
	struct tl_store_txn *txn = begun(TL_STORE_WRITE);
	tl_store_u64_key(300, key);
	assert_ok(tl_store_put(txn, NUMBERS, (tl_bytes){ key, 8 }, bytes_of("x"), TL_STORE_APPEND, &err));
	assert_int_equal(tl_store_put(txn, NUMBERS, (tl_bytes){ key, 8 }, bytes_of("x"), TL_STORE_APPEND, &err), TL_ERR_CORRUPT);
	tl_store_u64_key(255, key);
	assert_int_equal(tl_store_put(txn, NUMBERS, (tl_bytes){ key, 8 }, bytes_of("x"), TL_STORE_APPEND, &err), TL_ERR_CORRUPT);
	tl_store_abort(txn);
}

static void
keys_of_numbers_sort_as_numbers_do(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned i = 0; i < unit_rounds(1000); i++) {
		uint64_t a = unit_random(&random) >> unit_below(&random, 64), b = unit_random(&random) >> unit_below(&random, 64);
		uint8_t a_key[8], b_key[8];
		tl_store_u64_key(a, a_key);
		tl_store_u64_key(b, b_key);
		assert_int_equal(tl_store_key_u64(a_key), a);
		assert_int_equal(a < b, memcmp(a_key, b_key, 8) < 0);
	}
}

static void
assert_at(const struct tl_store_entry *entry, const char *key)
{
	if (!key)
		assert_null(entry->key.ptr);
	else
		assert_true(entry->key.ptr && tl_str_equal(tl_str_of_bytes(entry->key), tl_str_of(key)));
}

static void
cursor_walks_both_ways_and_seeks_the_next_key(void **state)
{
	(void)state;
	struct tl_store_cursor *cursor = NULL;
	struct tl_store_entry entry;
	struct tl_store_txn *txn = begun(TL_STORE_WRITE);
	assert_ok(tl_store_cursor_open(txn, WORDS, &cursor, &err));
	assert_ok(tl_store_first(cursor, &entry, &err));
	assert_at(&entry, NULL);
	assert_ok(tl_store_last(cursor, &entry, &err));
	assert_at(&entry, NULL);
	put(txn, "b", "2");
	put(txn, "d", "4");
	put(txn, "f", "6");
	assert_ok(tl_store_seek(cursor, bytes_of("c"), &entry, &err));
	assert_at(&entry, "d");
	assert_ok(tl_store_next(cursor, &entry, &err));
	assert_at(&entry, "f");
	assert_ok(tl_store_next(cursor, &entry, &err));
	assert_at(&entry, NULL);
	assert_ok(tl_store_seek(cursor, bytes_of("d"), &entry, &err));
	assert_at(&entry, "d");
	assert_ok(tl_store_previous(cursor, &entry, &err));
	assert_at(&entry, "b");
	assert_ok(tl_store_previous(cursor, &entry, &err));
	assert_at(&entry, NULL);
	assert_ok(tl_store_seek(cursor, bytes_of("g"), &entry, &err));
	assert_at(&entry, NULL);
	assert_ok(tl_store_last(cursor, &entry, &err));
	assert_at(&entry, "f");
	tl_store_cursor_close(cursor);
	tl_store_abort(txn);
}

static void
reader_sees_what_was_there_when_it_began(void **state)
{
	(void)state;
	struct tl_store_txn *reader = begun(TL_STORE_READ), *txn = begun(TL_STORE_WRITE);
	put(txn, "a", "1");
	assert_ok(tl_store_commit(txn, &err));
	assert_word(reader, "a", NULL);
	tl_store_abort(reader);
	reader = begun(TL_STORE_READ);
	assert_word(reader, "a", "1");
	tl_store_abort(reader);
}

static void
keys_have_a_length_limit(void **state)
{
	(void)state;
	uint8_t key[TL_STORE_KEY_MAX + 1] = { 1 };
	struct tl_store_txn *txn = begun(TL_STORE_WRITE);
	assert_ok(tl_store_put(txn, WORDS, (tl_bytes){ key, TL_STORE_KEY_MAX }, bytes_of("x"), TL_STORE_REPLACE, &err));
	assert_int_equal(
		tl_store_put(txn, WORDS, (tl_bytes){ key, sizeof key }, bytes_of("x"), TL_STORE_REPLACE, &err), TL_ERR_LIMIT);
	tl_store_abort(txn);
}

static void
all_readers_at_work_is_busy_until_one_ends(void **state)
{
	(void)state;
	struct tl_store_txn *readers[TL_STORE_READERS_MAX], *more = NULL;
	for (unsigned i = 0; i < TL_STORE_READERS_MAX; i++)
		readers[i] = begun(TL_STORE_READ);
	assert_int_equal(tl_store_begin(store, TL_STORE_READ, &more, &err), TL_ERR_BUSY);
	tl_store_abort(readers[0]);
	readers[0] = begun(TL_STORE_READ);
	for (unsigned i = 0; i < TL_STORE_READERS_MAX; i++)
		tl_store_abort(readers[i]);
}

/* Oracle: an array of what each key should hold. */
static void
random_walk_agrees_with_an_array(void **state)
{
	(void)state;
	uint64_t random = unit_seed(), values[64] = { 0 };
	for (unsigned round = 0; round < unit_rounds(60); round++) {
		uint64_t before[64];
		memcpy(before, values, sizeof values);
		struct tl_store_txn *txn = begun(TL_STORE_WRITE);
		for (unsigned i = 0; i < 40; i++) {
			size_t at = unit_below(&random, 64);
			uint8_t key[8];
			tl_store_u64_key(at, key);
			values[at] = unit_below(&random, 3) ? unit_random(&random) | 1 : 0;
			if (values[at])
				assert_ok(tl_store_put(txn, NUMBERS, (tl_bytes){ key, 8 },
					(tl_bytes){ (const uint8_t *)&values[at], 8 }, TL_STORE_REPLACE, &err));
			else
				assert_ok(tl_store_delete(txn, NUMBERS, (tl_bytes){ key, 8 }, NULL, &err));
		}
		if (unit_below(&random, 4) == 0) {
			tl_store_abort(txn);
			memcpy(values, before, sizeof values);
		} else {
			assert_ok(tl_store_commit(txn, &err));
		}
		txn = begun(TL_STORE_READ);
		for (size_t at = 0; at < 64; at++) {
			uint8_t key[8];
			tl_bytes value;
			tl_store_u64_key(at, key);
			assert_ok(tl_store_get(txn, NUMBERS, (tl_bytes){ key, 8 }, &value, &err));
			assert_int_equal(value.ptr != NULL, values[at] != 0);
			if (value.ptr)
				assert_memory_equal(value.ptr, &values[at], 8);
		}
		tl_store_abort(txn);
	}
}

static void
second_open_in_one_process_is_refused(void **state)
{
	(void)state;
	struct tl_store *first = store;
	assert_int_equal(store_open(true, 2), TL_ERR_USAGE);
	assert_ptr_equal(store, first);
}

static void
file_with_other_tables_is_refused_and_left_alone(void **state)
{
	(void)state;
	tl_store_close(store);
	store = NULL;
	const char *const others[] = { "words", "others" };
	struct tl_store_options options = { .dir = dir, .tables = others, .table_count = 2 };
	assert_int_equal(tl_store_open(&options, &store, &err), TL_ERR_VERSION);
	assert_non_null(strstr(err.message, "others"));
	assert_ok(store_open(false, 2));
}

static void
file_that_is_no_database_is_refused_and_left_alone(void **state)
{
	(void)state;
	char path[64], bytes[8192] = "not a database";
	tl_store_close(store);
	store = NULL;
	(void)snprintf(path, sizeof path, "%s/data.mdb", dir);
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
	(void)close(fd);
	assert_int_equal(store_open(false, 2), TL_ERR_VERSION);
	char back[8192];
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, back, sizeof back), sizeof back);
	(void)close(fd);
	assert_memory_equal(back, bytes, sizeof bytes);
}

static void
reading_only_makes_nothing(void **state)
{
	(void)state;
	char empty[48], path[64];
	(void)snprintf(empty, sizeof empty, "%s/empty", dir);
	assert_int_equal(mkdir(empty, 0700), 0);
	struct tl_store *none = NULL;
	struct tl_store_options options = { .dir = empty, .read_only = true, .tables = table_names, .table_count = 2 };
	assert_int_equal(tl_store_open(&options, &none, &err), TL_ERR_NOT_FOUND);
	(void)snprintf(path, sizeof path, "%s/data.mdb", empty);
	assert_int_not_equal(access(path, F_OK), 0);
}

static int
open_in_little_address_space(void)
{
	struct rlimit little = { UINT64_C(6) << 30, UINT64_C(6) << 30 };
	return setrlimit(RLIMIT_AS, &little) == 0 && store_open(false, 2) == TL_OK ? 0 : 1;
}

static int
open_in_too_little_address_space(void)
{
	struct rlimit little = { UINT64_C(900) << 20, UINT64_C(900) << 20 };
	return setrlimit(RLIMIT_AS, &little) == 0 && store_open(false, 2) == TL_ERR_NO_MEMORY ? 0 : 1;
}

static void
map_is_as_large_as_the_system_allows(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* these take far more address space themselves */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	skip();
#endif
#endif
	int (*const tries[])(void) = { open_in_little_address_space, open_in_too_little_address_space };
	tl_store_close(store);
	store = NULL;
	for (size_t i = 0; i < 2; i++) {
		int status = -1;
		pid_t child = fork();
		if (child == 0)
			_exit(tries[i]());
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

int
main(void)
{
#define IN_A_STORE(test) cmocka_unit_test_setup_teardown(test, make, remove_all)
	const struct CMUnitTest tests[] = {
		IN_A_STORE(what_was_committed_is_there_and_what_was_aborted_is_not),
		IN_A_STORE(empty_values_are_told_from_absent_ones),
		IN_A_STORE(delete_tells_whether_there_was_one),
		IN_A_STORE(append_refuses_a_key_that_is_not_the_last),
		cmocka_unit_test(keys_of_numbers_sort_as_numbers_do),
		IN_A_STORE(cursor_walks_both_ways_and_seeks_the_next_key),
		IN_A_STORE(reader_sees_what_was_there_when_it_began),
		IN_A_STORE(keys_have_a_length_limit),
		IN_A_STORE(all_readers_at_work_is_busy_until_one_ends),
		IN_A_STORE(random_walk_agrees_with_an_array),
		IN_A_STORE(second_open_in_one_process_is_refused),
		IN_A_STORE(file_with_other_tables_is_refused_and_left_alone),
		IN_A_STORE(file_that_is_no_database_is_refused_and_left_alone),
		IN_A_STORE(reading_only_makes_nothing),
		IN_A_STORE(map_is_as_large_as_the_system_allows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
