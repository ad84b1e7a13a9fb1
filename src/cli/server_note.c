/* cli/server_note: the note by which the running server is found. */
#include "server_note.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static enum tl_status
note_path(const char *data_dir, char *out, size_t size, struct tl_err *err)
{
	int len = snprintf(out, size, "%s/run/server.lock", data_dir);
	return len > 0 && (size_t)len < size ? TL_OK
					     : tl_err_set(err, TL_ERR_RANGE, "the path of the data directory is too long");
}

static bool
read_note(int fd, struct cli_server *ret_server)
{
	char text[64] = "";
	ssize_t len = pread(fd, text, sizeof text - 1, 0);
	tl_str rest = { text, len > 0 ? (size_t)len : 0 };
	rest = tl_str_trim(rest);
	tl_str pid = tl_str_split(&rest, ' ');
	return tl_str_to_u64(pid, &ret_server->pid) && tl_str_to_u64(rest, &ret_server->port);
}

enum tl_status
server_note_take(const char *data_dir, int *ret_fd, struct tl_err *err)
{
	char path[4096];
	struct cli_server other = { 0 };
	TL_TRY(note_path(data_dir, path, sizeof path, err));
	TL_CLEANUP(tl_close_cleanup) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return tl_err_errno(err, errno, "%s cannot be opened", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (read_note(fd, &other))
			return tl_err_set(err, TL_ERR_BUSY,
				"a server for this log runs already: http://localhost:%llu (process %llu); `tracellm stop` ends "
				"it",
				(unsigned long long)other.port, (unsigned long long)other.pid);
		return tl_err_set(err, TL_ERR_BUSY, "a server for this log is just starting");
	}
	if (ftruncate(fd, 0) != 0)
		return tl_err_errno(err, errno, "%s cannot be written", path);
	*ret_fd = fd;
	fd = -1;
	return TL_OK;
}

enum tl_status
server_note_write(int fd, uint16_t port, struct tl_err *err)
{
	char text[64];
	int len = snprintf(text, sizeof text, "%ld %u\n", (long)getpid(), port);
	if (pwrite(fd, text, (size_t)len, 0) != len)
		return tl_err_errno(err, errno, "the server's note cannot be written");
	return TL_OK;
}

enum tl_status
cli_server_find(const char *data_dir, struct cli_server *ret_server, struct tl_err *err)
{
	char path[4096];
	struct cli_server server = { 0 };
	TL_TRY(note_path(data_dir, path, sizeof path, err));
	TL_CLEANUP(tl_close_cleanup) int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return tl_err_errno(err, errno, "%s cannot be opened", path);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && read_note(fd, &server))
		server.running = true;
	*ret_server = server;
	return TL_OK;
}
