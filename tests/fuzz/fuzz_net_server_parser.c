/* fuzz: the server's parser. The same bytes must give the same requests, however they are cut; what is handed over keeps the
 * door's promises. */
#include <stdlib.h>
#include <string.h>

#include "../../src/net/server_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came of an input: a digest over all requests, and the status it was refused with (0: not). */
struct outcome {
	struct tl_digest digest;
	unsigned requests, refused;
};

static void
mix(struct outcome *outcome, tl_str text)
{
	struct tl_digest part = tl_digest_of(tl_bytes_of(text));
	outcome->digest =
		tl_digest_of2((tl_bytes){ outcome->digest.bytes, TL_DIGEST_SIZE }, (tl_bytes){ part.bytes, TL_DIGEST_SIZE });
}

static void
take_request(struct outcome *outcome, const struct parsed *parsed)
{
	const struct tl_server_request *request = &parsed->request;
	TL_ASSERT(request->path.len && tl_str_find_char(request->path, '\0') == SIZE_MAX);
	TL_ASSERT(request->body.len <= TL_SERVER_BODY_LIMIT && request->field_count <= TL_SERVER_FIELDS_MAX);
	TL_ASSERT(!request->upgrade_websocket || parsed->websocket_key.len == 24);
	outcome->requests++;
	mix(outcome, request->method);
	mix(outcome, request->path);
	mix(outcome, request->query);
	mix(outcome, tl_str_of_bytes(request->body));
	for (size_t i = 0; i < request->field_count; i++) {
		mix(outcome, request->fields[i].name);
		mix(outcome, request->fields[i].value);
	}
}

/* Feeds pieces of 1 to `piece_max` bytes, whose sizes follow from the input; 0: all at once. */
static struct outcome
feed(const uint8_t *data, size_t size, size_t piece_max)
{
	struct outcome outcome = { 0 };
	struct server_parser *parser = server_parser_open();
	TL_ASSERT(parser);
	size_t at = 0, turn = 0;
	while (at < size && !outcome.refused) {
		size_t len = piece_max ? 1 + data[turn++ % size] % piece_max : size;
		len = len < size - at ? len : size - at;
		/* A copy of its own, so that reading beyond it is seen. */
		uint8_t *piece = malloc(len);
		TL_ASSERT(piece);
		memcpy(piece, data + at, len);
		size_t used = 0;
		enum parse_state state = server_parse(parser, (tl_bytes){ piece, len }, &used);
		TL_ASSERT(used <= len);
		TL_ASSERT(state != PARSE_MORE || used > 0);
		free(piece);
		at += used;
		(void)server_parser_wants_continue(parser);
		if (state == PARSE_REFUSED)
			outcome.refused = server_parser_parsed(parser)->refused;
		if (state != PARSE_READY)
			continue;
		take_request(&outcome, server_parser_parsed(parser));
		if (server_parser_parsed(parser)->request.upgrade_websocket)
			break;
		server_parser_reset(parser);
	}
	server_parser_close(parser);
	return outcome;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 3 * TL_SERVER_HEAD_LIMIT)
		return 0;
	struct outcome whole = feed(data, size, 0), bytes = feed(data, size, 1), pieces = feed(data, size, 37);
	TL_ASSERT(whole.requests == bytes.requests && whole.requests == pieces.requests);
	TL_ASSERT((whole.refused != 0) == (bytes.refused != 0) && (whole.refused != 0) == (pieces.refused != 0));
	TL_ASSERT(tl_digest_equal(whole.digest, bytes.digest) && tl_digest_equal(whole.digest, pieces.digest));
	return 0;
}
