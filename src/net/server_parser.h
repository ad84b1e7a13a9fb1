/* net, private: bytes of an HTTP/1 connection in, whole requests out. Knows no socket, so that it can be fuzzed. */
#ifndef TL_NET_SERVER_PARSER_H
#define TL_NET_SERVER_PARSER_H

#include <tracellm/net.h>

struct server_parser;

enum parse_state {
	PARSE_MORE,   /* the request is not whole yet: go on with what was not taken, and with what comes */
	PARSE_READY,  /* a whole request; bytes behind it were not taken */
	PARSE_REFUSED /* no request: answer `refused` and close */
};

/* What was parsed; valid in state PARSE_READY until the next reset, `refused` in PARSE_REFUSED. */
struct parsed {
	struct tl_server_request request;
	tl_str websocket_key; /* of an upgrade */
	unsigned version_minor;
	bool keep_alive;
	bool head_only;   /* HEAD: no body may follow the answer */
	unsigned refused; /* the status to answer */
};

struct server_parser *server_parser_open(void);         /* NULL: out of memory */
void server_parser_close(struct server_parser *parser); /* accepts NULL */
/* Forgets the request and starts on the next one. */
void server_parser_reset(struct server_parser *parser);
/* To be called with what comes until it says READY or REFUSED, then after a reset again. */
enum parse_state server_parse(struct server_parser *parser, tl_bytes bytes, size_t *ret_used);
/* True once for each request that waits for "100 Continue" before it sends its body. */
bool server_parser_wants_continue(struct server_parser *parser);
const struct parsed *server_parser_parsed(const struct server_parser *parser);

#endif
