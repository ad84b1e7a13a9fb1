/* net/websocket: RFC 6455 by hand over raw sockets: the handshake, messages whole and in pieces, closing from every side, a
 * client that does not read. */
#include "net_fixture.h"

#include <errno.h>

enum opcode { OP_CONTINUATION = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

static const char handshake[] =
	"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nX-Auth: z\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: unheard-of\r\n\r\n";

static bool
send_frame_raw(int fd, bool final, enum opcode opcode, const void *payload, size_t len)
{
	static const unsigned char mask[4] = { 1, 2, 3, 4 };
	unsigned char head[14];
	size_t head_len = 2;
	head[0] = (unsigned char)((final ? 0x80 : 0) | opcode);
	if (len < 126) {
		head[1] = (unsigned char)(0x80 | len);
	} else {
		head[1] = 0x80 | 126;
		head[2] = (unsigned char)(len >> 8);
		head[3] = (unsigned char)len;
		head_len = 4;
	}
	memcpy(head + head_len, mask, sizeof mask);
	unsigned char *masked = malloc(len + 1);
	assert_non_null(masked);
	for (size_t i = 0; i < len; i++)
		masked[i] = ((const unsigned char *)payload)[i] ^ mask[i % 4];
	bool sent = raw_send(fd, head, head_len + 4) && raw_send(fd, masked, len);
	free(masked);
	return sent;
}

static bool
send_text(int fd, const char *text)
{
	return send_frame_raw(fd, true, OP_TEXT, text, strlen(text));
}

/* One frame; the payload is terminated. False: the connection ended. */
static bool
receive_frame(int fd, unsigned *ret_first, char *payload, size_t size, size_t *ret_len)
{
	unsigned char head[2], more[8];
	if (!raw_receive(fd, head, 2))
		return false;
	size_t len = head[1] & 0x7f;
	assert_int_equal(head[1] & 0x80, 0); /* a server does not mask */
	if (len >= 126) {
		size_t width = len == 126 ? 2 : 8;
		if (!raw_receive(fd, more, width))
			return false;
		len = 0;
		for (size_t i = 0; i < width; i++)
			len = len << 8 | more[i];
	}
	assert_true(len < size);
	if (!raw_receive(fd, payload, len))
		return false;
	payload[len] = '\0';
	*ret_first = head[0];
	*ret_len = len;
	return true;
}

/* A whole message out of its fragments. */
static size_t
receive_message(int fd, char *out, size_t size)
{
	size_t total = 0;
	for (;;) {
		unsigned first;
		size_t len;
		assert_true(receive_frame(fd, &first, out + total, size - total, &len));
		assert_int_equal(first & 0x70, 0); /* no extension is in use */
		assert_int_equal(first & 0x0f, total ? OP_CONTINUATION : OP_TEXT);
		total += len;
		if (first & 0x80)
			return total;
	}
}

static void
assert_closed_with(int fd, unsigned code)
{
	unsigned first;
	char payload[200];
	size_t len;
	assert_true(receive_frame(fd, &first, payload, sizeof payload, &len));
	assert_int_equal(first, 0x80 | OP_CLOSE);
	assert_true(len >= 2);
	assert_int_equal((unsigned char)payload[0] << 8 | (unsigned char)payload[1], code);
	(void)send_frame_raw(fd, true, OP_CLOSE, payload, 2);
	while (receive_frame(fd, &first, payload, sizeof payload, &len))
		;
	close(fd);
}

static int
open_socket(const struct fixture *fixture)
{
	char answer[4096];
	int fd = raw_connect(fixture->port);
	assert_true(fd >= 0);
	assert_true(raw_send_z(fd, handshake));
	assert_true(raw_receive_until(fd, "\r\n\r\n", answer, sizeof answer));
	assert_memory_equal(answer, "HTTP/1.1 101 ", 13);
	return fd;
}

static void
assert_echoes(int fd, const char *text)
{
	char answer[8192];
	assert_true(send_text(fd, text));
	size_t len = receive_message(fd, answer, sizeof answer);
	assert_int_equal(len, strlen(text));
	assert_string_equal(answer, text);
}

/* ---- the handshake ---- */

static void
the_handshake_is_answered_as_the_rfc_has_it(void **state)
{
	struct fixture *fixture = *state;
	char answer[4096];
	int fd = raw_connect(fixture->port);
	assert_true(raw_send_z(fd, handshake));
	assert_true(raw_receive_until(fd, "\r\n\r\n", answer, sizeof answer));
	assert_memory_equal(answer, "HTTP/1.1 101 ", 13);
	assert_non_null(strcasestr(answer, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_null(strcasestr(answer, "Sec-WebSocket-Extensions"));
	assert_null(strcasestr(answer, "unheard-of"));
	close(fd);
}

static void
a_frame_sent_with_the_handshake_is_not_lost(void **state)
{
	struct fixture *fixture = *state;
	char answer[4096];
	int fd = raw_connect(fixture->port);
	struct tl_buf both;
	tl_buf_init(&both, 4096);
	tl_buf_add_z(&both, "GET /before HTTP/1.1\r\nHost: x\r\n\r\n");
	tl_buf_add_z(&both, handshake);
	tl_buf_add(&both, "\x81\x82\0\0\0\0hi", 8);
	assert_true(raw_send(fd, both.ptr, both.len));
	tl_buf_done(&both);
	assert_true(raw_receive_until(fd, "[0]", answer, sizeof answer));
	assert_true(raw_receive_until(fd, "\r\n\r\n", answer, sizeof answer));
	assert_memory_equal(answer, "HTTP/1.1 101 ", 13);
	assert_int_equal(receive_message(fd, answer, sizeof answer), 2);
	assert_string_equal(answer, "hi");
	close(fd);
}

static void
an_upgrade_may_be_refused_by_the_handler(void **state)
{
	struct fixture *fixture = *state;
	char request[1000], answer[4096];
	int fd = raw_connect(fixture->port);
	(void)snprintf(request, sizeof request, "GET /forbidden%s", handshake + strlen("GET /ws"));
	assert_true(raw_send_z(fd, request));
	assert_true(raw_receive_until(fd, "\r\n\r\n", answer, sizeof answer));
	assert_memory_equal(answer, "HTTP/1.1 403 ", 13);
	/* The connection goes on as HTTP. */
	assert_true(raw_send_z(fd, "GET /big?2 HTTP/1.1\r\nHost: x\r\n\r\n"));
	assert_true(raw_receive_until(fd, "\r\n\r\nxx", answer, sizeof answer));
	close(fd);
}

static void
what_is_no_well_formed_upgrade_is_an_ordinary_request(void **state)
{
	static const char *const requests[] = {
		"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: short==\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"POST /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		char answer[4096];
		int fd = raw_connect(fixture->port);
		assert_true(raw_send_z(fd, requests[i]));
		assert_true(raw_receive_until(fd, "\r\n\r\n", answer, sizeof answer));
		assert_memory_equal(answer, "HTTP/1.1 426 ", 13);
		close(fd);
	}
	assert_int_equal(atomic_load(&fixture->opened), 0);
}

/* ---- messages ---- */

static void
a_message_is_echoed(void **state)
{
	int fd = open_socket(*state);
	assert_echoes(fd, "hello");
	assert_echoes(fd, "");
	assert_echoes(fd, "gr\xc3\xbc\xc3\x9f dich");
	close(fd);
}

static void
fragments_become_one_message(void **state)
{
	struct fixture *fixture = *state;
	int fd = open_socket(fixture);
	char answer[200];
	/* Cut within a code point, with a ping in between. */
	assert_true(send_frame_raw(fd, false, OP_TEXT, "a\xc3", 2));
	assert_true(send_frame_raw(fd, false, OP_CONTINUATION, "\xbc", 1));
	assert_true(send_frame_raw(fd, true, OP_PING, "p", 1));
	assert_true(send_frame_raw(fd, true, OP_CONTINUATION, "z", 1));
	unsigned first;
	size_t len;
	assert_true(receive_frame(fd, &first, answer, sizeof answer, &len));
	assert_int_equal(first, 0x80 | OP_PONG);
	assert_string_equal(answer, "p");
	assert_int_equal(receive_message(fd, answer, sizeof answer), 4);
	assert_string_equal(answer, "a\xc3\xbcz");
	assert_int_equal(atomic_load(&fixture->texts), 1);
	close(fd);
}

static void
a_message_of_exactly_the_limit_is_taken_and_a_larger_one_closes(void **state)
{
	struct fixture *fixture = *state;
	char text[TL_WEBSOCKET_MESSAGE_LIMIT + 2];
	memset(text, 't', sizeof text);
	text[TL_WEBSOCKET_MESSAGE_LIMIT] = '\0';
	int fd = open_socket(fixture);
	assert_echoes(fd, text);
	assert_true(send_frame_raw(fd, true, OP_TEXT, text, TL_WEBSOCKET_MESSAGE_LIMIT + 1));
	assert_closed_with(fd, 1009);

	fd = open_socket(fixture);
	for (unsigned i = 0; i < 5; i++)
		assert_true(send_frame_raw(fd, false, i ? OP_CONTINUATION : OP_TEXT, text, 1000));
	assert_closed_with(fd, 1009);
	assert_int_equal(atomic_load(&fixture->texts), 1);
}

static void
what_is_no_text_closes_with_its_code(void **state)
{
	struct fixture *fixture = *state;
	int fd = open_socket(fixture);
	assert_true(send_frame_raw(fd, true, OP_TEXT, "\xc3\x28", 2));
	assert_closed_with(fd, 1007);
	fd = open_socket(fixture);
	assert_true(send_frame_raw(fd, true, OP_BINARY, "x", 1));
	assert_closed_with(fd, 1003);
	assert_int_equal(atomic_load(&fixture->texts), 0);
}

/* ---- closing ---- */

static void
either_side_may_close(void **state)
{
	struct fixture *fixture = *state;
	int fd = open_socket(fixture);
	assert_true(send_text(fd, "close"));
	assert_closed_with(fd, 4001);
	fd = open_socket(fixture);
	assert_true(send_frame_raw(fd, true, OP_CLOSE, "\x03\xe8", 2));
	assert_closed_with(fd, 1000);
	fd = open_socket(fixture);
	assert_echoes(fd, "up");
	raw_reset(fd);
	fd = open_socket(fixture); /* and the server is still there */
	assert_echoes(fd, "still here");
	close(fd);
}

static void
draining_closes_sockets_with_1001(void **state)
{
	struct fixture *fixture = *state;
	int first = open_socket(fixture), second = open_socket(fixture);
	assert_echoes(first, "up");
	assert_echoes(second, "up");
	fixture->grace_ms = 3600000;
	order(fixture, ORDER_DRAIN);
	assert_closed_with(first, 1001);
	assert_closed_with(second, 1001);
	fixture_join(fixture);
	assert_int_equal(atomic_load(&fixture->drained_calls), 1);
	assert_int_equal(atomic_load(&fixture->closed), 2);
}

static void
closing_the_server_tells_every_socket(void **state)
{
	struct fixture *fixture = *state;
	int first = open_socket(fixture), second = open_socket(fixture);
	assert_echoes(first, "up");
	assert_echoes(second, "up");
	char rest[200];
	order(fixture, ORDER_CLOSE);
	(void)raw_receive_all(first, rest, sizeof rest);
	(void)raw_receive_all(second, rest, sizeof rest);
	close(first);
	close(second);
}

static void
a_server_may_be_closed_from_a_sockets_callback(void **state)
{
	struct fixture *fixture = *state;
	int first = open_socket(fixture), second = open_socket(fixture);
	assert_echoes(first, "up");
	assert_true(send_text(second, "server"));
	char rest[200];
	(void)raw_receive_all(first, rest, sizeof rest);
	(void)raw_receive_all(second, rest, sizeof rest);
	close(first);
	close(second);
}

static void
sockets_still_open_go_with_the_loop(void **state)
{
	struct fixture *fixture = *state;
	int fds[20];
	for (size_t i = 0; i < 20; i++) {
		fds[i] = open_socket(fixture);
		assert_echoes(fds[i], "up");
	}
	order(fixture, ORDER_STOP);
	fixture_join(fixture);
	/* The teardown checks that each was told of its end. */
	for (size_t i = 0; i < 20; i++)
		close(fds[i]);
}

/* ---- a client that does not read ---- */

static void
assert_frame(const struct fixture *fixture, int fd, char *room, size_t size)
{
	assert_int_equal(receive_message(fd, room, size), fixture->frame_size);
	assert_memory_equal(room, fixture->frame, fixture->frame_size);
}

static void
a_stalled_client_costs_one_frame_and_blocks_nobody(void **state)
{
	struct fixture *fixture = *state;
	char *room = malloc(1u << 20);
	assert_non_null(room);
	int stalled = open_socket(fixture), lively = open_socket(fixture);
	assert_true(send_text(stalled, "flood"));
	/* Until the kernel takes no more of it: the count stands still over many turns of the loop. */
	unsigned sent = 0, same = 0;
	while (same < 200) {
		assert_echoes(lively, "I am still served");
		unsigned now = atomic_load(&fixture->frames_sent);
		same = now == sent ? same + 1 : 0;
		sent = now;
		assert_true(sent < 1000); /* 60 MB: far more than any socket buffer */
		(void)usleep(500);
	}
	assert_true(sent > 0);
	/* Nothing was lost or torn, and it goes on. */
	for (unsigned i = 0; i < sent + 50; i++)
		assert_frame(fixture, stalled, room, 1u << 20);
	assert_true(atomic_load(&fixture->frames_sent) >= sent + 50);
	raw_reset(stalled);
	assert_echoes(lively, "and still");
	close(lively);
	free(room);
}

static void
draining_does_not_wait_for_a_stalled_client_for_ever(void **state)
{
	struct fixture *fixture = *state;
	int stalled = open_socket(fixture);
	assert_true(send_text(stalled, "flood"));
	/* Until the kernel takes no more of it. */
	unsigned sent = 0;
	for (unsigned same = 0; same < 200;) {
		unsigned now = atomic_load(&fixture->frames_sent);
		same = now && now == sent ? same + 1 : 0;
		sent = now;
		(void)usleep(500);
	}
	fixture->grace_ms = 3600000;
	order(fixture, ORDER_DRAIN);
	fixture_join(fixture);
	assert_int_equal(atomic_load(&fixture->closed), 1);
	close(stalled);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_handshake_is_answered_as_the_rfc_has_it),
		TEST(a_frame_sent_with_the_handshake_is_not_lost),
		TEST(an_upgrade_may_be_refused_by_the_handler),
		TEST(what_is_no_well_formed_upgrade_is_an_ordinary_request),
		TEST(a_message_is_echoed),
		TEST(fragments_become_one_message),
		TEST(a_message_of_exactly_the_limit_is_taken_and_a_larger_one_closes),
		TEST(what_is_no_text_closes_with_its_code),
		TEST(either_side_may_close),
		TEST(draining_closes_sockets_with_1001),
		TEST(closing_the_server_tells_every_socket),
		TEST(a_server_may_be_closed_from_a_sockets_callback),
		TEST(sockets_still_open_go_with_the_loop),
		TEST(a_stalled_client_costs_one_frame_and_blocks_nobody),
		TEST(draining_does_not_wait_for_a_stalled_client_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
