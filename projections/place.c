/* projections/place: paths and locks below data/views. Knows no view. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_NAP_MS 5u

enum tl_status
projections_path(struct tl_log *log, const char *name, bool make, char out[PROJECTIONS_PATH_SIZE], struct tl_err *err)
{
	char folder[PROJECTIONS_PATH_SIZE - 64];
	int len = snprintf(folder, sizeof folder, "%s/views", tl_log_data_dir(log));
	if (len < 0 || (size_t)len >= sizeof folder)
		return tl_err_set(
			err, TL_ERR_LIMIT, "the path of the data directory is longer than %zu bytes", sizeof folder - 8);
	if (make && mkdir(folder, 0700) != 0 && errno != EEXIST)
		return tl_err_errno(err, errno, "cannot make %s", folder);
	len = snprintf(out, PROJECTIONS_PATH_SIZE, "%s/%s", folder, name);
	TL_ASSERT(len > 0 && (size_t)len < PROJECTIONS_PATH_SIZE);
	return TL_OK;
}

enum tl_status
projections_lease_path(
	struct tl_log *log, const struct tl_view *view, bool make, char out[PROJECTIONS_PATH_SIZE], struct tl_err *err)
{
	char name[64];
	int len = snprintf(name, sizeof name, "%s.lock", view->ops->name);
	TL_ASSERT(len > 0 && (size_t)len < sizeof name);
	return projections_path(log, name, make, out, err);
}

void
projections_nap(uint64_t ms)
{
	struct timespec nap = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * TL_NS_PER_MS) };
	(void)nanosleep(&nap, NULL);
}

enum tl_status
projections_lock(const char *path, bool exclusive, uint64_t wait_ms, int *ret_fd, struct tl_err *err)
{
	TL_CLEANUP(tl_close_cleanup) int fd = open(path, (exclusive ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600);
	if (fd < 0)
		return tl_err_errno(err, errno, "cannot open %s", path);
	uint64_t started_ns = tl_stamp_now().mono_ns;
	while (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return tl_err_errno(err, errno, "cannot lock %s", path);
		if ((tl_stamp_now().mono_ns - started_ns) / TL_NS_PER_MS >= wait_ms)
			return tl_err_set(err, TL_ERR_BUSY, "%s is locked by another program", path);
		projections_nap(LOCK_NAP_MS);
	}
	*ret_fd = fd;
	fd = -1;
	return TL_OK;
}
