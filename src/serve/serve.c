/* serve/serve: puts the parts of a server together and takes them apart. Knows no route and no frame. */
#include "internal.h"

static enum tl_status
open_parts(struct tl_serve *serve, struct tl_err *err)
{
	TL_TRY(serve_files_open(serve->options.page_dir, &serve->files, err));
	TL_TRY(serve_channel_open(serve, &serve->channel, err));
	const struct tl_server_options options = {
		.host = serve->options.host,
		.port = serve->options.port,
		.handler = serve_handle,
		.handler_context = serve,
		.websocket = serve_channel_events(serve->channel),
	};
	TL_TRY(tl_server_open(serve->options.loop, &options, &serve->server, err));
	serve->port = tl_server_port(serve->server);
	return TL_OK;
}

enum tl_status
tl_serve_open(const struct tl_serve_options *options, struct tl_serve **ret_serve, struct tl_err *err)
{
	struct tl_serve *serve = tl_alloc(1, sizeof *serve);
	if (!serve)
		return tl_err_no_memory(err);
	serve->options = *options;
	serve->started_unix_ns = tl_stamp_now().wall_ns;
	enum tl_status status = open_parts(serve, err);
	if (status != TL_OK)
		tl_serve_close(serve);
	else
		*ret_serve = serve;
	return status;
}

uint16_t
tl_serve_port(const struct tl_serve *serve)
{
	return serve->port;
}

void
tl_serve_drain(struct tl_serve *serve, uint64_t grace_ms, void (*on_drained)(void *context), void *context)
{
	tl_server_drain(serve->server, grace_ms, on_drained, context);
}

void
tl_serve_close(struct tl_serve *serve)
{
	if (!serve)
		return;
	tl_server_close(serve->server); /* tells the channel the end of each socket */
	serve_channel_close(serve->channel);
	serve_files_close(serve->files);
	tl_free(serve);
}
