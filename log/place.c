/* log/place: the directories, and whether locks and maps work there. Knows no event. */
#include "internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

/* File systems shared between machines: their locks and maps do not order two writers (statfs(2), linux/magic.h). */
static const struct {
	uint32_t magic;
	const char *name;
} remote_systems[] = {
	{ 0x6969, "NFS" },
	{ 0x517b, "SMB" },
	{ 0xfe534d42, "SMB2" },
	{ 0xff534d42, "CIFS" },
	{ 0x01021997, "9p" },
	{ 0x5346414f, "AFS" },
	{ 0x73757245, "Coda" },
	{ 0x00c36400, "Ceph" },
	{ 0x0bd00bd0, "Lustre" },
	{ 0x564c, "NCP" },
};

#define FUSE_MAGIC 0x65735546u
/* The types, as in /proc/self/mountinfo, of FUSE systems whose files are elsewhere. */
static const char *const remote_fuse_types[] = { "virtiofs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs",
	"fuse.rclone", "fuse.gcsfuse", "fuse.goofys", "fuse.juicefs", "fuse.davfs", "fuse.vmhgfs-fuse", "fuse.grpcfuse",
	"fuse.curlftpfs", "fuse.moosefs" };

static enum tl_status
make_dir(const char *path, struct tl_err *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return TL_OK;
	return tl_err_errno(err, errno, "cannot make the directory %s", path);
}

enum tl_status
log_place_make(const char *data_dir, struct tl_err *err)
{
	char path[4096];
	for (const char *slash = strchr(data_dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(path, sizeof path, "%.*s", (int)(slash - data_dir), data_dir);
		TL_TRY(make_dir(path, err));
	}
	TL_TRY(make_dir(data_dir, err));
	static const char *const parts[] = { "log", "run" };
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", data_dir, parts[i]);
		TL_TRY(make_dir(path, err));
	}
	return TL_OK;
}

/* The type of the mount that `dir` is on: the word behind " - " in its line of /proc/self/mountinfo (proc(5)). */
static bool
mount_type(const char *dir, char *out, size_t size)
{
	struct stat about;
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	if (!mounts)
		return false;
	bool found = false;
	if (stat(dir, &about) == 0) {
		char *line = NULL, device[32];
		size_t line_size = 0;
		(void)snprintf(device, sizeof device, " %u:%u ", major(about.st_dev), minor(about.st_dev));
		while (!found && getline(&line, &line_size, mounts) > 0) {
			const char *type = strstr(line, " - ");
			found = type && strstr(line, device);
			if (found)
				(void)snprintf(out, size, "%.*s", (int)strcspn(type + 3, " "), type + 3);
		}
		free(line);
	}
	(void)fclose(mounts);
	return found;
}

static enum tl_status
refuse(const char *dir, const char *system, struct tl_err *err)
{
	return tl_err_set(err, TL_ERR_USAGE,
		"%s is on a network file system (%s), where the log could be damaged: choose a data directory on a local disk",
		dir, system);
}

enum tl_status
log_place_is_local(const char *dir, struct tl_err *err)
{
	struct statfs about;
	char type[64];
	if (statfs(dir, &about) != 0)
		return tl_err_errno(err, errno, "cannot open %s", dir);
	uint32_t magic = (uint32_t)about.f_type;
	for (size_t i = 0; i < sizeof remote_systems / sizeof remote_systems[0]; i++)
		if (magic == remote_systems[i].magic)
			return refuse(dir, remote_systems[i].name, err);
	if (magic != FUSE_MAGIC || !mount_type(dir, type, sizeof type))
		return TL_OK;
	for (size_t i = 0; i < sizeof remote_fuse_types / sizeof remote_fuse_types[0]; i++)
		if (strcmp(type, remote_fuse_types[i]) == 0)
			return refuse(dir, type, err);
	return TL_OK;
}

/* Ours alone: in a directory others can write to, a bell could be anybody's. */
static bool
is_private(const char *dir)
{
	struct stat about;
	return lstat(dir, &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == geteuid() && (about.st_mode & 077) == 0;
}

bool
log_runtime_dir(char out[LOG_RUNTIME_DIR_SIZE])
{
	const char *given = getenv("XDG_RUNTIME_DIR");
	if (given && given[0] == '/' && strlen(given) < LOG_RUNTIME_DIR_SIZE && is_private(given)) {
		(void)snprintf(out, LOG_RUNTIME_DIR_SIZE, "%s", given);
		return true;
	}
	(void)snprintf(out, LOG_RUNTIME_DIR_SIZE, "/tmp/tracellm-%u", (unsigned)geteuid());
	return (mkdir(out, 0700) == 0 || errno == EEXIST) && is_private(out);
}
