/* log/bell: rings the doorbells of those who follow the log, in any process. A bell carries nothing and may be lost. Knows no
 * event.
 *
 * Each follower has a datagram socket of its own in the runtime directory (log/follow.c). The directory is read again only when
 * it has changed. */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A directory's time moves in steps of the kernel's tick (at most 10 ms). Read within one step of its last change, it may change
 * again and still have this time. */
#define SETTLES_AFTER_NS UINT64_C(50000000)

void
log_bell_prefix(uint64_t log_id, char out[LOG_BELL_PREFIX_SIZE])
{
	(void)snprintf(out, LOG_BELL_PREFIX_SIZE, "tracellm-%016" PRIx64 "-", log_id);
}

void
log_bell_init(struct log_bell *bell, uint64_t log_id)
{
	bell->log_id = log_id;
	/* Without a directory or a socket nobody is rung, and followers look by the clock. */
	bell->fd = log_runtime_dir(bell->dir) ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
}

void
log_bell_done(struct log_bell *bell)
{
	if (bell->fd >= 0)
		(void)close(bell->fd);
	bell->fd = -1;
}

static void
note_follower(struct log_bell *bell, const char *name)
{
	struct sockaddr_un *follower = &bell->followers[bell->count];
	*follower = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int len = snprintf(follower->sun_path, sizeof follower->sun_path, "%s/%s", bell->dir, name);
	if (len > 0 && (size_t)len < sizeof follower->sun_path)
		bell->count++;
}

static void
read_dir(struct log_bell *bell)
{
	char prefix[LOG_BELL_PREFIX_SIZE];
	log_bell_prefix(bell->log_id, prefix);
	bell->count = 0;
	DIR *dir = opendir(bell->dir);
	if (!dir)
		return;
	for (struct dirent *entry; bell->count < TL_LOG_FOLLOWERS_MAX && (entry = readdir(dir));) {
		tl_str name = tl_str_of(entry->d_name);
		if (tl_str_starts_with(name, tl_str_of(prefix)) && tl_str_ends_with(name, TL_STR(".bell")))
			note_follower(bell, entry->d_name);
	}
	(void)closedir(dir);
}

static void
look_for_followers(struct log_bell *bell)
{
	struct stat about;
	if (stat(bell->dir, &about) != 0)
		return;
	bool same = about.st_mtim.tv_sec == bell->changed_at.tv_sec && about.st_mtim.tv_nsec == bell->changed_at.tv_nsec;
	if (same && bell->settled)
		return;
	struct timespec now;
	TL_ASSERT(clock_gettime(CLOCK_REALTIME, &now) == 0);
	int64_t age_ns =
		(int64_t)(now.tv_sec - about.st_mtim.tv_sec) * (int64_t)TL_NS_PER_S + (now.tv_nsec - about.st_mtim.tv_nsec);
	bell->changed_at = about.st_mtim;
	bell->settled = age_ns > (int64_t)SETTLES_AFTER_NS;
	read_dir(bell);
}

void
log_bell_ring(struct log_bell *bell)
{
	if (bell->fd < 0)
		return;
	look_for_followers(bell);
	for (unsigned i = 0; i < bell->count; i++) {
		const struct sockaddr_un *follower = &bell->followers[i];
		if (tl_fault(TL_FAULT_BELL))
			continue;
		/* A full queue holds bells not heard yet: one more would say nothing new. */
		if (sendto(bell->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)follower, sizeof *follower) !=
				0 &&
			errno == ECONNREFUSED)
			(void)unlink(follower->sun_path);
	}
}
