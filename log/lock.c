/* log/lock: who may write now, and which writers are alive. Knows no event.
 *
 * LMDB's own writer lock cannot be waited for with a limit, so all our processes order themselves one step before it, at two
 * locked bytes of log/writer.lock:
 *
 *      byte 0   writing
 *      byte 1   next to write: taken first, given back when byte 0 is had. Without it a busy writer would take byte 0 again
 *      before a waiting one looks.
 *
 * They are locks of the open file description (fcntl(2), F_OFD_SETLK): the kernel gives them back when the process ends, however
 * it ends. */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WRITING_BYTE 0
#define NEXT_BYTE    1

/* A commit takes about a millisecond; a waiting writer loses half of this on average. */
#define LOOK_AGAIN_NS UINT64_C(300000)

uint64_t
log_now_ns(void)
{
	struct timespec now;
	TL_ASSERT(clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0);
	return (uint64_t)now.tv_sec * TL_NS_PER_S + (uint64_t)now.tv_nsec;
}

static int
set_lock(int fd, off_t byte, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

static enum tl_status
take_byte(int fd, off_t byte, uint64_t deadline_ns, struct tl_err *err)
{
	for (;;) {
		int error = set_lock(fd, byte, F_WRLCK);
		if (error == 0)
			return TL_OK;
		if (error != EAGAIN && error != EACCES && error != EINTR)
			return tl_err_errno(err, error, "cannot lock writer.lock");
		if (log_now_ns() >= deadline_ns)
			return tl_err_set(err, TL_ERR_BUSY, "another process has been writing to the log for %u s",
				TL_LOG_LOCK_TIMEOUT_MS / 1000);
		struct timespec pause = { .tv_nsec = (long)LOOK_AGAIN_NS };
		(void)nanosleep(&pause, NULL);
	}
}

enum tl_status
log_lock_open(const char *log_dir, int *ret_fd, struct tl_err *err)
{
	char path[4096];
	(void)snprintf(path, sizeof path, "%s/writer.lock", log_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return tl_err_errno(err, errno, "cannot open %s", path);
	*ret_fd = fd;
	return TL_OK;
}

enum tl_status
log_lock_take(int fd, uint64_t deadline_ns, struct tl_err *err)
{
	TL_TRY(take_byte(fd, NEXT_BYTE, deadline_ns, err));
	enum tl_status status = take_byte(fd, WRITING_BYTE, deadline_ns, err);
	(void)set_lock(fd, NEXT_BYTE, F_UNLCK);
	return status;
}

void
log_lock_release(int fd)
{
	(void)set_lock(fd, WRITING_BYTE, F_UNLCK);
}

static void
run_path(const char *data_dir, const char *before, uint64_t writer, char out[4096])
{
	(void)snprintf(out, 4096, "%s/run/%s%016" PRIx64, data_dir, before, writer);
}

/* Named only when it is locked, so that nobody ever sees the file of a living writer without its lock. */
enum tl_status
log_run_open(const char *data_dir, uint64_t writer, int *ret_fd, struct tl_err *err)
{
	char path[4096], unnamed[4096];
	run_path(data_dir, "", writer, path);
	run_path(data_dir, ".", writer, unnamed);
	int fd = open(unnamed, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return tl_err_errno(err, errno, "cannot make %s", unnamed);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 || rename(unnamed, path) != 0) {
		enum tl_status status = tl_err_errno(err, errno, "cannot make and lock %s", path);
		(void)unlink(unnamed);
		(void)close(fd);
		return status;
	}
	*ret_fd = fd;
	return TL_OK;
}

void
log_run_close(const char *data_dir, uint64_t writer, int fd)
{
	char path[4096];
	run_path(data_dir, "", writer, path);
	(void)unlink(path);
	(void)close(fd);
}

enum tl_status
log_run_is_dead(const char *data_dir, uint64_t writer, bool *ret_dead, struct tl_err *err)
{
	char path[4096];
	run_path(data_dir, "", writer, path);
	TL_CLEANUP(tl_close_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return tl_err_errno(err, errno, "cannot open %s", path);
	bool dead = fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0;
	if (!dead && errno != EWOULDBLOCK)
		return tl_err_errno(err, errno, "cannot lock %s", path);
	*ret_dead = dead;
	return TL_OK;
}

void
log_run_clean(const char *data_dir)
{
	char path[4096];
	(void)snprintf(path, sizeof path, "%s/run", data_dir);
	DIR *dir = opendir(path);
	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));) {
		uint8_t bytes[8];
		struct tl_err err;
		bool dead = false;
		if (!tl_hex_parse(tl_str_of(entry->d_name), bytes, sizeof bytes))
			continue;
		uint64_t writer = tl_store_key_u64(bytes);
		if (log_run_is_dead(data_dir, writer, &dead, &err) != TL_OK || !dead)
			continue;
		run_path(data_dir, "", writer, path);
		(void)unlink(path);
	}
	(void)closedir(dir);
}
