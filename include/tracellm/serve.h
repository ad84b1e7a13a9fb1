/* serve: the HTTP API, the live channel and the page's files (docs/live.md), on one loop. Knows the views by their vtable and the
 * log; nothing of capture.
 *
 * Routes are a table; every request passes one gate (Host, Origin, method) before any handler runs. */
#ifndef TRACELLM_SERVE_H
#define TRACELLM_SERVE_H

#include <tracellm/base.h>
#include <tracellm/log.h>
#include <tracellm/net.h>
#include <tracellm/projections.h>

#define TL_SERVE_CLIENTS_MAX      512u /* live channel */
#define TL_SERVE_QUEUE_FRAMES_MAX 256u /* of one client */
#define TL_SERVE_QUEUE_BYTES_MAX  (1u << 20)
#define TL_SERVE_FILE_LIMIT       (8u << 20) /* one file of the page */

struct tl_serve_options {
	struct tl_loop *loop;
	struct tl_log *log;
	struct tl_view *view;     /* for reading, on the loop's thread */
	struct tl_worker *worker; /* for its status; NULL: none runs here */
	tl_str host;
	uint16_t port;        /* 0: any free one */
	const char *page_dir; /* index.html and assets/ */
};

struct tl_serve;

/* Loads the page's files, listens, follows the log. Borrows everything in `options` until closed. TL_ERR_BUSY: the port is in
 * use; TL_ERR_NOT_FOUND: no page at page_dir. Owned, tl_serve_close. */
enum tl_status tl_serve_open(const struct tl_serve_options *options, struct tl_serve **ret_serve, struct tl_err *err);
uint16_t tl_serve_port(const struct tl_serve *serve);
/* Answers what is under way, says good-bye to live clients (1001), then calls `on_drained`, at the latest after `grace_ms`. */
void tl_serve_drain(struct tl_serve *serve, uint64_t grace_ms, void (*on_drained)(void *context), void *context);
void tl_serve_close(struct tl_serve *serve); /* accepts NULL */

/* The route table, for documentation and tests: NULL after the last. */
struct tl_route_info {
	const char *method, *path, *description;
};
const struct tl_route_info *tl_route_info_at(size_t index);

#endif
