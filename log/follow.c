/* log/follow: hearing the doorbell. Knows no event beyond the last seq. */
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct tl_log_follower {
	struct tl_log *log;
	int fd;           /* the bell */
	int interrupt_fd; /* readable after an interrupt */
	struct sockaddr_un address;
};

static enum tl_status
bind_bell(struct tl_log_follower *follower, struct tl_err *err)
{
	char dir[LOG_RUNTIME_DIR_SIZE], prefix[LOG_BELL_PREFIX_SIZE];
	uint64_t name;
	if (!log_runtime_dir(dir))
		return tl_err_set(err, TL_ERR_PERMISSION,
			"there is no private runtime directory: %s is not a directory only its owner can use", dir);
	log_bell_prefix(follower->log->id, prefix);
	tl_entropy(&name, sizeof name);
	follower->address.sun_family = AF_UNIX;
	int len = snprintf(
		follower->address.sun_path, sizeof follower->address.sun_path, "%s/%s%016" PRIx64 ".bell", dir, prefix, name);
	TL_ASSERT(len > 0 && (size_t)len < sizeof follower->address.sun_path);
	if (bind(follower->fd, (const struct sockaddr *)&follower->address, sizeof follower->address) != 0) {
		int error = errno;
		tl_err_errno(err, error, "cannot make %s", follower->address.sun_path);
		follower->address.sun_path[0] = '\0';
		return err->status;
	}
	return TL_OK;
}

static enum tl_status
open_staged(struct tl_log_follower *follower, struct tl_err *err)
{
	follower->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (follower->fd < 0)
		return tl_err_errno(err, errno, "cannot open a socket");
	follower->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (follower->interrupt_fd < 0)
		return tl_err_errno(err, errno, "cannot open an event descriptor");
	return bind_bell(follower, err);
}

enum tl_status
tl_log_follower_open(struct tl_log *log, struct tl_log_follower **ret_follower, struct tl_err *err)
{
	struct tl_log_follower *follower = tl_alloc(1, sizeof *follower);
	if (!follower)
		return tl_err_no_memory(err);
	follower->log = log;
	follower->fd = follower->interrupt_fd = -1;
	enum tl_status status = open_staged(follower, err);
	if (status != TL_OK) {
		tl_log_follower_close(follower);
		return status;
	}
	*ret_follower = follower;
	return TL_OK;
}

void
tl_log_follower_close(struct tl_log_follower *follower)
{
	if (!follower)
		return;
	if (follower->address.sun_path[0])
		(void)unlink(follower->address.sun_path);
	tl_close_cleanup(&follower->fd);
	tl_close_cleanup(&follower->interrupt_fd);
	tl_free(follower);
}

int
tl_log_follower_fd(const struct tl_log_follower *follower)
{
	return follower->fd;
}

void
tl_log_follower_clear(struct tl_log_follower *follower)
{
	uint8_t bell;
	while (recv(follower->fd, &bell, sizeof bell, MSG_DONTWAIT) >= 0 || errno == EINTR)
		;
}

/* True once after each interrupt. */
static bool
was_interrupted(struct tl_log_follower *follower)
{
	uint64_t count;
	return read(follower->interrupt_fd, &count, sizeof count) == (ssize_t)sizeof count;
}

enum tl_status
tl_log_follower_wait(
	struct tl_log_follower *follower, uint64_t after_seq, uint64_t timeout_ms, uint64_t *ret_head_seq, struct tl_err *err)
{
	uint64_t started_ns = tl_stamp_now().mono_ns, head_seq;
	for (;;) {
		/* Cleared before looking: a bell rung between the two is kept for the next wait. */
		tl_log_follower_clear(follower);
		TL_TRY(tl_log_head(follower->log, &head_seq, err));
		uint64_t waited_ms = (tl_stamp_now().mono_ns - started_ns) / TL_NS_PER_MS;
		if (head_seq > after_seq || waited_ms >= timeout_ms || was_interrupted(follower))
			break;
		uint64_t left_ms = timeout_ms - waited_ms;
		struct pollfd watched[] = { { .fd = follower->fd, .events = POLLIN },
			{ .fd = follower->interrupt_fd, .events = POLLIN } };
		if (poll(watched, 2, (int)(left_ms < TL_LOG_LOOK_AGAIN_MS ? left_ms : TL_LOG_LOOK_AGAIN_MS)) < 0 &&
			errno != EINTR)
			return tl_err_errno(err, errno, "cannot wait for the doorbell");
	}
	*ret_head_seq = head_seq;
	return TL_OK;
}

void
tl_log_follower_interrupt(struct tl_log_follower *follower)
{
	uint64_t one = 1;
	/* Fails only when 2^64 - 2 interrupts wait to be seen. */
	ssize_t written = write(follower->interrupt_fd, &one, sizeof one);
	(void)written;
}
