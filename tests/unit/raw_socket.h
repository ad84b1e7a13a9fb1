/* For the tests of net: plain blocking sockets on loopback. Every wait is bounded by RAW_WAIT_S; a wait that runs out fails
 * the call, not the clock. */
#ifndef RAW_SOCKET_H
#define RAW_SOCKET_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define RAW_WAIT_S 20

static inline void
raw_bound(int fd)
{
	struct timeval wait = { .tv_sec = RAW_WAIT_S };
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

static inline struct sockaddr_in
raw_address(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* A listening socket on a free port. */
static inline int
raw_listen(uint16_t *ret_port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = raw_address(0);
	socklen_t len = sizeof address;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) || listen(fd, 64) ||
		getsockname(fd, (struct sockaddr *)&address, &len))
		return -1;
	raw_bound(fd);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static inline int
raw_connect(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = raw_address(port);
	if (fd < 0)
		return -1;
	raw_bound(fd);
	int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static inline bool
raw_send(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;
	while (len) {
		ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		at += sent;
		len -= (size_t)sent;
	}
	return true;
}

static inline bool
raw_send_z(int fd, const char *text)
{
	return raw_send(fd, text, strlen(text));
}

/* Exactly `len` bytes. */
static inline bool
raw_receive(int fd, void *out, size_t len)
{
	char *at = out;
	while (len) {
		ssize_t got = recv(fd, at, len, 0);
		if (got <= 0)
			return false;
		at += got;
		len -= (size_t)got;
	}
	return true;
}

/* Everything until the peer closes, at most size - 1 bytes, terminated. Returns the length, or -1: reset, or nothing came in
 * time. */
static inline ssize_t
raw_receive_all(int fd, char *out, size_t size)
{
	size_t len = 0;
	while (len + 1 < size) {
		ssize_t got = recv(fd, out + len, size - 1 - len, 0);
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	out[len] = '\0';
	return (ssize_t)len;
}

/* Up to and with `end`, at most size - 1 bytes, terminated. */
static inline bool
raw_receive_until(int fd, const char *end, char *out, size_t size)
{
	size_t len = 0;
	while (len + 1 < size) {
		if (recv(fd, out + len, 1, 0) != 1)
			return false;
		out[++len] = '\0';
		if (len >= strlen(end) && memcmp(out + len - strlen(end), end, strlen(end)) == 0)
			return true;
	}
	return false;
}

/* Closes with RST. */
static inline void
raw_reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	(void)close(fd);
}

#endif
