/* The file of the embedded view: deleted, damaged, somebody else's: it is made again, and no reader is told nonsense. */
#include "view_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

static void
path_of_view(char out[128])
{
	(void)snprintf(out, 128, "%s/views/embedded.sqlite", data_dir);
}

static void
a_deleted_file_is_made_again_under_an_open_handle(void **state)
{
	(void)state;
	char path[128];
	struct tl_view_row row = row_of(1, "success", 1);
	uint64_t seq = 99;
	for (unsigned i = 0; i < 8; i++)
		append_text(test_log, i, "an event");
	put_all(&row, 1, 7);
	path_of_view(path);
	assert_int_equal(unlink(path), 0);
	assert_ok(view->ops->checkpoint(view, &seq, &err));
	assert_int_equal(seq, 0);
	assert_int_equal(page_of((struct tl_view_query){ 0 }).total, 0);
	put_all(&row, 1, 8);
	struct tl_view *other = view_opened(false);
	assert_ok(other->ops->checkpoint(other, &seq, &err));
	assert_int_equal(seq, 8);
	other->ops->close(other);
}

/* Writes over the beginning of the closed file, then opens it both ways. */
static void
assert_made_again(const char *bytes, size_t len)
{
	char path[128], wal[140];
	struct tl_view *refused = NULL;
	uint64_t seq = 99;
	path_of_view(path);
	view_close();
	/* What lies in the write-ahead log would stand in for the damaged pages. */
	(void)snprintf(wal, sizeof wal, "%s-wal", path);
	(void)unlink(wal);
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
	assert_int_equal(tl_view_open_embedded(test_log, false, &refused, &err), TL_ERR_VERSION);
	view = view_opened(true);
	assert_ok(view->ops->checkpoint(view, &seq, &err));
	assert_int_equal(seq, 0);
}

static void
a_damaged_file_is_made_again(void **state)
{
	(void)state;
	struct tl_view_row row = row_of(1, "success", 1);
	char noise[8192];
	memset(noise, 0x5a, sizeof noise);
	put_all(&row, 1, 0);
	assert_made_again(noise, sizeof noise);
	assert_made_again("", 0);
	assert_made_again("SQLite format 3", 16);
}

static void
a_checkpoint_beyond_the_log_makes_the_file_again(void **state)
{
	(void)state;
	uint64_t seq = 99;
	put_all(NULL, 0, 1000);
	view_close();
	view = view_opened(true);
	assert_ok(view->ops->checkpoint(view, &seq, &err));
	assert_int_equal(seq, 0);
}

static void
the_file_of_another_log_is_made_again(void **state)
{
	(void)state;
	char mine[160], other[160], first_dir[64];
	struct tl_view_row row = row_of(1, "success", 1);
	put_all(&row, 1, 0);
	view_close();
	tl_log_close(test_log);
	(void)snprintf(first_dir, sizeof first_dir, "%s", data_dir);
	(void)snprintf(mine, sizeof mine, "%s/views", first_dir);
	assert_int_equal(fixture_make(state), 0);
	test_log = log_opened(TL_LOG_APPEND);
	(void)snprintf(other, sizeof other, "%s/views", data_dir);
	(void)rmdir(other);
	assert_int_equal(rename(mine, other), 0);
	struct tl_view *refused;
	assert_int_equal(tl_view_open_embedded(test_log, false, &refused, &err), TL_ERR_VERSION);
	view = view_opened(true);
	assert_int_equal(page_of((struct tl_view_query){ 0 }).total, 0);
	char command[128];
	(void)snprintf(command, sizeof command, "rm -rf '%s'", first_dir);
	FILE *shell = popen(command, "r");
	assert_non_null(shell);
	assert_int_equal(pclose(shell), 0);
}

static void
a_reader_without_a_file_is_told_that_there_is_none(void **state)
{
	(void)state;
	char path[128];
	struct tl_view *none = NULL;
	view_close();
	path_of_view(path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(tl_view_open_embedded(test_log, false, &none, &err), TL_ERR_NOT_FOUND);
	assert_null(none);
	view = view_opened(true);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_deleted_file_is_made_again_under_an_open_handle),
		T(a_damaged_file_is_made_again),
		T(a_checkpoint_beyond_the_log_makes_the_file_again),
		T(the_file_of_another_log_is_made_again),
		T(a_reader_without_a_file_is_told_that_there_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
