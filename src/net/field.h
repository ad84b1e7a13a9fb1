/* net, private: what may stand in a field of HTTP. */
#ifndef TL_NET_FIELD_H
#define TL_NET_FIELD_H

#include <tracellm/base.h>

/* A token (RFC 9110 5.6.2), as names of fields and methods are. */
bool field_is_token(tl_str s);
/* RFC 9110 5.5: no control characters but the tab. A line break would smuggle another field in. */
bool field_is_value(tl_str s);

#endif
