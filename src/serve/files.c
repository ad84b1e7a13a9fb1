/* serve/files: the page's files, read once when the server starts. Only what was read then is served, by its exact name: a path
 * never reaches the file system. */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX       256u
#define FILES_BYTES_MAX (32u << 20) /* together */
#define ETAG_SIZE       35          /* 32 hex digits in quotes, and NUL */

struct file {
	char *name; /* in assets/; the page itself has none */
	tl_str content_type;
	struct tl_buf bytes;
	char etag[ETAG_SIZE];
};

struct files {
	struct file page;
	struct file *assets;
	size_t asset_count;
	size_t bytes;
};

static const struct {
	const char *ending, *content_type;
} content_types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".ico", "image/vnd.microsoft.icon" },
	{ ".woff2", "font/woff2" },
	{ ".json", "application/json" },
	{ ".txt", "text/plain; charset=utf-8" },
};

static tl_str
content_type_of(tl_str name)
{
	for (size_t i = 0; i < sizeof content_types / sizeof *content_types; i++)
		if (tl_str_ends_with(name, tl_str_of(content_types[i].ending)))
			return tl_str_of(content_types[i].content_type);
	return TL_STR("application/octet-stream");
}

/* ---- Loading ---- */

static enum tl_status
read_all(int fd, const char *path, struct tl_buf *out, struct tl_err *err)
{
	char piece[16384];
	for (;;) {
		ssize_t len = read(fd, piece, sizeof piece);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return tl_err_errno(err, errno, "reading %s", path);
		if (len == 0)
			return tl_buf_status(out, path, err);
		tl_buf_add(out, piece, (size_t)len);
	}
}

/* What `file` holds after a failure goes with serve_files_close. */
static enum tl_status
load(struct files *files, const char *path, struct file *file, struct tl_err *err)
{
	TL_CLEANUP(tl_close_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stat;
	if (fd < 0 || fstat(fd, &stat))
		return tl_err_errno(err, errno, "the page's file %s", path);
	if (!S_ISREG(stat.st_mode))
		return tl_err_set(err, TL_ERR_IO, "%s is not a regular file", path);
	tl_buf_init(&file->bytes, TL_SERVE_FILE_LIMIT);
	TL_TRY(read_all(fd, path, &file->bytes, err));
	files->bytes += file->bytes.len;
	if (files->bytes > FILES_BYTES_MAX)
		return tl_err_set(err, TL_ERR_LIMIT, "the page's files have more than %u bytes together", FILES_BYTES_MAX);
	char digest[TL_DIGEST_TEXT_SIZE];
	tl_digest_text(tl_digest_of(tl_bytes_of(tl_buf_str(&file->bytes))), digest);
	(void)snprintf(file->etag, sizeof file->etag, "\"%.32s\"", digest);
	file->content_type = content_type_of(tl_str_of(path));
	return TL_OK;
}

static enum tl_status
load_asset(struct files *files, const char *page_dir, const char *name, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf path;
	tl_buf_init(&path, 4096);
	tl_buf_printf(&path, "%s/assets/%s", page_dir, name);
	TL_TRY(tl_buf_status(&path, "the path of a file of the page", err));
	if (files->asset_count == FILES_MAX)
		return tl_err_set(err, TL_ERR_LIMIT, "there are more than %u files in %s/assets", FILES_MAX, page_dir);
	struct file *file = &files->assets[files->asset_count++];
	file->name = tl_alloc(strlen(name) + 1, 1);
	if (!file->name)
		return tl_err_no_memory(err);
	memcpy(file->name, name, strlen(name));
	return load(files, path.ptr, file, err);
}

static void
close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static enum tl_status
load_assets(struct files *files, const char *page_dir, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf path;
	tl_buf_init(&path, 4096);
	tl_buf_printf(&path, "%s/assets", page_dir);
	TL_TRY(tl_buf_status(&path, "the path of the page's files", err));
	TL_CLEANUP(close_dir) DIR *dir = opendir(path.ptr);
	if (!dir && errno == ENOENT) /* a page without any is a page */
		return TL_OK;
	if (!dir)
		return tl_err_errno(err, errno, "the folder %s", path.ptr);
	for (const struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			TL_TRY(load_asset(files, page_dir, entry->d_name, err));
	return TL_OK;
}

static enum tl_status
load_page(struct files *files, const char *page_dir, struct tl_err *err)
{
	TL_CLEANUP(tl_buf_done) struct tl_buf path;
	tl_buf_init(&path, 4096);
	tl_buf_printf(&path, "%s/index.html", page_dir);
	TL_TRY(tl_buf_status(&path, "the path of the page", err));
	TL_TRY(load(files, path.ptr, &files->page, err));
	return load_assets(files, page_dir, err);
}

enum tl_status
serve_files_open(const char *page_dir, struct files **ret_files, struct tl_err *err)
{
	struct files *files = tl_alloc(1, sizeof *files);
	if (files)
		files->assets = tl_alloc(FILES_MAX, sizeof *files->assets);
	enum tl_status status = files && files->assets ? load_page(files, page_dir, err) : tl_err_no_memory(err);
	if (status != TL_OK)
		serve_files_close(files);
	else
		*ret_files = files;
	return status;
}

void
serve_files_close(struct files *files)
{
	if (!files)
		return;
	tl_buf_done(&files->page.bytes);
	for (size_t i = 0; i < files->asset_count; i++) {
		tl_free(files->assets[i].name);
		tl_buf_done(&files->assets[i].bytes);
	}
	tl_free(files->assets);
	tl_free(files);
}

/* ---- Answering ---- */

/* If-None-Match (RFC 9110 13.1.2): `*` or a list of tags, compared weakly. */
static bool
client_has(const struct tl_server_request *request, tl_str etag)
{
	for (size_t i = 0; i < request->field_count; i++) {
		if (!tl_str_equal(request->fields[i].name, TL_STR("if-none-match")))
			continue;
		tl_str rest = request->fields[i].value;
		while (rest.len) {
			tl_str tag = tl_str_trim(tl_str_split(&rest, ','));
			if (tl_str_starts_with(tag, TL_STR("W/")))
				tag = tl_str_from(tag, 2);
			if (tl_str_equal(tag, etag) || tl_str_equal(tag, TL_STR("*")))
				return true;
		}
	}
	return false;
}

/* Names in assets/ hold a digest of the content (the page's build makes them), so what has such a name never changes. */
static void
answer_file(struct call *call, unsigned status, const struct file *file)
{
	serve_field(call, "ETag", tl_str_of(file->etag));
	serve_field(call, "Cache-Control", file->name ? TL_STR("public, max-age=31536000, immutable") : TL_STR("no-cache"));
	if (status == 200 && client_has(call->request, tl_str_of(file->etag))) {
		call->response->status = 304;
		return;
	}
	call->response->status = status;
	call->response->content_type = file->content_type;
	call->response->body = tl_bytes_of(tl_buf_str(&file->bytes));
}

enum tl_status
serve_files_page(struct call *call, struct tl_err *err)
{
	(void)err;
	answer_file(call, 200, &call->serve->files->page);
	return TL_OK;
}

enum tl_status
serve_files_page_not_found(struct call *call, struct tl_err *err)
{
	(void)err;
	answer_file(call, 404, &call->serve->files->page);
	return TL_OK;
}

enum tl_status
serve_files_asset(struct call *call, struct tl_err *err)
{
	const struct files *files = call->serve->files;
	for (size_t i = 0; i < files->asset_count; i++) {
		if (!tl_str_equal(call->id, tl_str_of(files->assets[i].name)))
			continue;
		answer_file(call, 200, &files->assets[i]);
		return TL_OK;
	}
	return tl_err_set(err, TL_ERR_NOT_FOUND, "the page has no file '%.*s'; load the page again", TL_FMT(call->id));
}
