/* net, private: the request target (RFC 9112 3.2) and the fields that decide about a request. */
#ifndef TL_NET_SERVER_TARGET_H
#define TL_NET_SERVER_TARGET_H

#include <tracellm/net.h>

/* Splits and decodes a target into arena memory. `host` is the Host field, which an absolute target must agree with. False:
 * not acceptable. */
bool target_parse(tl_str target, tl_str host, struct tl_arena *arena, tl_str *ret_path, tl_str *ret_query);
/* The one field of that lower-case name; false when there is none, or more than one. */
bool field_single(const struct tl_pair *fields, size_t count, tl_str name, tl_str *ret_value);
size_t field_count(const struct tl_pair *fields, size_t count, tl_str name);
/* Whether a comma-separated list (RFC 9110 5.6.1), over all fields of that name, has the token in any case. */
bool field_has_token(const struct tl_pair *fields, size_t count, tl_str name, tl_str token);

#endif
