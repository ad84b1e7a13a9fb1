/* net, private: what the files of this room share. No header of libuv, curl, libwebsockets or http_parser comes in here:
 * each stays in the .c files that speak it, and two of them clash. */
#ifndef TL_NET_INTERNAL_H
#define TL_NET_INTERNAL_H

#include <sys/queue.h>

#include <tracellm/net.h>

struct uv_loop_s;

/* Something that lives on a loop and that tl_loop_close must be able to close. A service (the client, a server) tells its
 * users things while it closes, so services go first and plain handles after them. `close` removes the part from its list,
 * at once or later. */
struct loop_part {
	LIST_ENTRY(loop_part) entry;
	void (*close)(struct loop_part *part);
};

/* The object that holds `member`. */
#define CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

void loop_add_service(struct tl_loop *loop, struct loop_part *part);
/* For what can be freed only when no handle is left on the loop: `close` is called last of all, and need not remove the part. */
void loop_add_remains(struct tl_loop *loop, struct loop_part *part);
void loop_remove(struct loop_part *part);
struct uv_loop_s *loop_uv(struct tl_loop *loop);

/* Where the loop keeps its HTTP client, which the first call makes; NULL before. */
struct client;
struct client **loop_client(struct tl_loop *loop);

#endif
