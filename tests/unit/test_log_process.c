/* Several processes append to one log and are killed; a ledger outside knows what was acknowledged. */
#include "log_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* Every acknowledged append of every process is written into a ledger outside the log: a file of these, one write each. What a
 * killed process wrote stays written. */
struct acknowledged {
	uint32_t process, number;
	uint64_t seq;
};

enum { PROCESSES = 4, ROUNDS = 10 };

static void
ledger_path(char out[96])
{
	(void)snprintf(out, 96, "%s/ledger", data_dir);
}

static _Noreturn void
append_for_ever(unsigned process, uint64_t seed)
{
	struct tl_err err;
	struct tl_log *log = NULL;
	char path[96];
	ledger_path(path);
	int ledger = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	struct tl_log_options options = { .data_dir = data_dir, .mode = TL_LOG_APPEND };
	if (ledger < 0 || tl_log_open(&options, &log, &err) != TL_OK)
		_exit(1);
	for (unsigned number = 0;; number++) {
		struct tl_record records[3];
		char text[32];
		size_t count = 1 + unit_below(&seed, 3);
		struct acknowledged line = { .process = process, .number = number };
		(void)snprintf(text, sizeof text, "%u/%u", process, number);
		for (size_t i = 0; i < count; i++)
			records[i] = record_of(process, text);
		if (tl_log_append(log, records, count, &line.seq, &err) != TL_OK)
			_exit(2);
		if (write(ledger, &line, sizeof line) != (ssize_t)sizeof line)
			_exit(3);
	}
}

static off_t
ledger_size(void)
{
	struct stat about;
	char path[96];
	ledger_path(path);
	return stat(path, &about) == 0 ? about.st_size : 0;
}

/* Lets the processes reach some number of acknowledgements, then kills them. */
static void
run_and_kill(uint64_t *random, unsigned round)
{
	pid_t children[PROCESSES];
	off_t until = ledger_size() + (off_t)((20 + unit_below(random, 200)) * sizeof(struct acknowledged));
	for (unsigned i = 0; i < PROCESSES; i++) {
		uint64_t seed = unit_random(random);
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			append_for_ever(round * PROCESSES + i, seed);
	}
	while (ledger_size() < until) {
		for (unsigned i = 0; i < PROCESSES; i++)
			assert_int_equal(waitpid(children[i], NULL, WNOHANG), 0);
		struct timespec pause = { .tv_nsec = 1000000 };
		(void)nanosleep(&pause, NULL);
	}
	for (unsigned i = 0; i < PROCESSES; i++)
		assert_int_equal(kill(children[i], SIGKILL), 0);
	for (unsigned i = 0; i < PROCESSES; i++)
		assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
}

static void
assert_is_there(struct tl_log *log, const struct acknowledged *line)
{
	struct tl_err err;
	struct tl_arena arena;
	struct tl_record_list list;
	char text[32];
	(void)snprintf(text, sizeof text, "%u/%u", line->process, line->number);
	tl_arena_init(&arena, 1 << 20);
	assert_ok(tl_log_read(log, line->seq - 1, 1, 1000, &arena, &list, &err));
	assert_int_equal(list.count, 1);
	assert_true(tl_str_equal(tl_str_of_bytes(list.records[0].body), tl_str_of(text)));
	tl_arena_done(&arena);
}

static void
nothing_acknowledged_is_lost_when_processes_are_killed(void **state)
{
	(void)state;
	uint64_t random = unit_seed();
	for (unsigned round = 0; round < unit_rounds(ROUNDS); round++) {
		run_and_kill(&random, round);
		struct tl_log *log = log_opened(TL_LOG_READ_ONLY);
		assert_clean(log);
		tl_log_close(log);
	}
	char path[96];
	ledger_path(path);
	FILE *ledger = fopen(path, "re");
	assert_non_null(ledger);
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	struct acknowledged line;
	unsigned lines = 0, of_process[4] = { 0 };
	while (fread(&line, sizeof line, 1, ledger) == 1) {
		assert_is_there(log, &line);
		lines++;
		of_process[line.process % PROCESSES]++;
	}
	assert_true(lines >= 20 * ROUNDS);
	/* The order at the writer lock lets everybody write. */
	for (unsigned i = 0; i < PROCESSES; i++)
		assert_true(of_process[i] > 0);
	append_text(log, 1, "the log goes on");
	assert_clean(log);
	(void)fclose(ledger);
	tl_log_close(log);
}

static int
writer_lock_held(void)
{
	char path[96];
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };
	(void)snprintf(path, sizeof path, "%s/log/writer.lock", data_dir);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0 ? fd : -1;
}

static void
writer_lock_not_had_in_10_s_is_told_as_busy(void **state)
{
	(void)state;
	struct tl_err err;
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	append_text(log, 1, "before");
	int fd = writer_lock_held();
	assert_true(fd >= 0);
	struct tl_record record = record_of(1, "never stored");
	uint64_t started_ns = tl_stamp_now().mono_ns;
	assert_int_equal(tl_log_append(log, &record, 1, NULL, &err), TL_ERR_BUSY);
	assert_true(tl_stamp_now().mono_ns - started_ns >= 9 * TL_NS_PER_S);
	uint64_t head;
	assert_ok(tl_log_head(log, &head, &err));
	assert_int_equal(head, 1);
	(void)close(fd);
	assert_int_equal(append_text(log, 1, "after"), 2);
	assert_clean(log);
	tl_log_close(log);
}

static void
writer_lock_of_a_killed_process_is_free(void **state)
{
	(void)state;
	tl_log_close(log_opened(TL_LOG_APPEND));
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char said = (char)(writer_lock_held() >= 0);
		if (write(ready[1], &said, 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	char said = 0;
	assert_int_equal(read(ready[0], &said, 1), 1);
	assert_int_equal(said, 1);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	struct tl_log *log = log_opened(TL_LOG_APPEND);
	assert_int_equal(append_text(log, 1, "at once"), 1);
	tl_log_close(log);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

/* Steps of the full disk, told by number since the child cannot use cmocka. */
enum { FULL_OK, FULL_NO_MOUNT, FULL_SETUP, FULL_NEVER, FULL_WRONG_STATUS, FULL_READ, FULL_NO_RECOVERY, FULL_DAMAGED };

static int
append_until_full(struct tl_log *log, uint64_t *ret_head)
{
	static char text[60001];
	struct tl_err err;
	memset(text, 'x', sizeof text - 1);
	struct tl_record record = record_of(1, text);
	for (unsigned i = 0; i < 1000; i++) {
		enum tl_status status = tl_log_append(log, &record, 1, ret_head, &err);
		if (status == TL_ERR_FULL)
			return FULL_OK;
		if (status != TL_OK)
			return FULL_WRONG_STATUS;
	}
	return FULL_NEVER;
}

static int
fill_the_disk(void)
{
	struct tl_err err;
	struct tl_log *log = NULL;
	char dir[96], ballast_path[128];
	(void)snprintf(dir, sizeof dir, "%s/small", data_dir);
	(void)snprintf(ballast_path, sizeof ballast_path, "%s/ballast", dir);
	if (mkdir(dir, 0700) != 0)
		return FULL_SETUP;
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("none", dir, "tmpfs", 0, "size=6m") != 0)
		return FULL_NO_MOUNT;
	static char ballast[2 << 20];
	memset(ballast, 'b', sizeof ballast);
	int fd = open(ballast_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, ballast, sizeof ballast) != (ssize_t)sizeof ballast)
		return FULL_SETUP;
	struct tl_log_options options = { .data_dir = dir, .mode = TL_LOG_APPEND };
	if (tl_log_open(&options, &log, &err) != TL_OK)
		return FULL_SETUP;
	uint64_t stored = 0, head = 0, seq = 0;
	int result = append_until_full(log, &stored);
	if (result != FULL_OK)
		return result;
	if (tl_log_head(log, &head, &err) != TL_OK || head != stored)
		return FULL_READ;
	if (unlink(ballast_path) != 0 || close(fd) != 0)
		return FULL_SETUP;
	struct tl_record record = record_of(1, "there is room again");
	if (tl_log_append(log, &record, 1, &seq, &err) != TL_OK || seq != stored + 1)
		return FULL_NO_RECOVERY;
	struct tl_log_report report;
	if (tl_log_verify(log, &report, &err) != TL_OK || report.bad != 0)
		return FULL_DAMAGED;
	tl_log_close(log);
	return FULL_OK;
}

static void
full_disk_is_told_readers_go_on_and_appends_recover(void **state)
{
	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(fill_the_disk());
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == FULL_NO_MOUNT) {
		print_message("no right to mount a small disk\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), FULL_OK);
}

int
main(void)
{
#define IN_A_LOG(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_remove)
	const struct CMUnitTest tests[] = {
		IN_A_LOG(nothing_acknowledged_is_lost_when_processes_are_killed),
		IN_A_LOG(writer_lock_not_had_in_10_s_is_told_as_busy),
		IN_A_LOG(writer_lock_of_a_killed_process_is_free),
		IN_A_LOG(full_disk_is_told_readers_go_on_and_appends_recover),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
