/* serve, private: one request under way, what handlers answer with, and the parts a server is made of. */
#ifndef TL_SERVE_INTERNAL_H
#define TL_SERVE_INTERNAL_H

#include <tracellm/serve.h>

struct files;
struct channel;

struct tl_serve {
	struct tl_serve_options options;
	struct tl_server *server;
	uint16_t port;
	struct files *files;
	struct channel *channel;
	uint64_t started_unix_ns;
};

/* ---- One request ---- */

#define CALL_FIELDS_MAX 16u /* header fields of one answer */

struct call {
	struct tl_serve *serve;
	const struct tl_server_request *request;
	struct tl_arena *arena;
	struct tl_server_response *response;
	struct tl_pair *fields; /* CALL_FIELDS_MAX, in the arena; response->fields points here */
	tl_str id;              /* what stands in the place of ID in the route's path */
};

/* Answers by filling call->response. A failure is answered by the caller, as the problem that belongs to its status. */
typedef enum tl_status serve_handler_fn(struct call *call, struct tl_err *err);

/* The server's handler: gate, route, answer. `context` is the tl_serve. */
tl_server_handler_fn serve_handle;

serve_handler_fn serve_api_health, serve_api_list, serve_api_trace, serve_api_events, serve_api_raw_request,
	serve_api_raw_response;
serve_handler_fn serve_files_page, serve_files_asset;
serve_handler_fn serve_channel_upgrade;

/* ---- Answers (answer.c) ---- */

/* Begins an answer: the fields that every answer has. False: no memory; the response then is a bare 503. */
bool serve_begin(struct call *call);
void serve_field(struct call *call, const char *name, tl_str value); /* `value` must live as long as the arena */
/* `body` must live as long as the arena, or for ever. */
void serve_body(struct call *call, unsigned status, const char *content_type, tl_bytes body);
/* Moves `json`. */
enum tl_status serve_json(struct call *call, tl_json *json, struct tl_err *err);
/* application/problem+json. */
void serve_problem(struct call *call, unsigned status, const char *detail);
void serve_failure(struct call *call, const struct tl_err *err);
void serve_set_int_or_null(tl_json *object, const char *key, bool known, int64_t number);

/* ---- Parameters (query.c) ---- */

#define QUERY_PARAMETERS_MAX 32u

struct parameter {
	const char *name;
	tl_str value; /* decoded, in the arena; ptr NULL: not given */
};

/* Fills in the values of the `count` parameters a route knows. TL_ERR_USAGE names one that is unknown, twice there or not to be
 * decoded. */
enum tl_status serve_query(struct call *call, struct parameter *parameters, size_t count, struct tl_err *err);
/* The number given, else `otherwise`. TL_ERR_USAGE: it is not a number from `min` to `max`. */
enum tl_status serve_query_number(
	const struct parameter *parameter, uint64_t min, uint64_t max, uint64_t otherwise, uint64_t *ret, struct tl_err *err);

/* ---- Traces (api_trace.c) ---- */

/* The trace that call->id means. */
enum tl_status serve_find_trace(struct call *call, struct tl_trace_id *ret_trace_id, struct tl_err *err);
/* Walks the events of a trace with seq > after_seq, in order, until `visit` says stop. Records and events live during the visit
 * only. */
typedef enum tl_status serve_visit_fn(
	void *context, const struct tl_record *record, const struct tl_event *event, bool *stop, struct tl_err *err);
enum tl_status serve_visit(struct tl_log *log, struct tl_trace_id trace_id, uint64_t after_seq, serve_visit_fn *visit,
	void *context, struct tl_err *err);

/* ---- The page's files (files.c) ---- */

enum tl_status serve_files_open(const char *page_dir, struct files **ret_files, struct tl_err *err);
void serve_files_close(struct files *files); /* accepts NULL */
/* The page, as the answer to a path it does not know: it says so itself. */
enum tl_status serve_files_page_not_found(struct call *call, struct tl_err *err);

/* ---- The live channel (live_channel.c) ---- */

enum tl_status serve_channel_open(struct tl_serve *serve, struct channel **ret_channel, struct tl_err *err);
void serve_channel_close(struct channel *channel); /* accepts NULL; after the server, which tells the end of each socket */
struct tl_websocket_events serve_channel_events(struct channel *channel);
size_t serve_channel_clients(const struct channel *channel);
/* Why the log could not be followed at the last try; NULL: it could. */
const char *serve_channel_failure(const struct channel *channel);
/* log_id as text, 16 hex digits. */
#define LOG_ID_TEXT_SIZE 17
void serve_log_id_text(uint64_t log_id, char out[LOG_ID_TEXT_SIZE]);

#endif
