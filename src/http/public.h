/* Which addresses are public: what a server may be sent to by an address that somebody else wrote (a webhook's).
 * Everything else - this machine, private networks, link-local ones, where clouds keep their keys - is not. Pure. */
#ifndef HTTP_PUBLIC_H
#define HTTP_PUBLIC_H

#include <stdbool.h>
#include <sys/socket.h>

/* An IPv6 address that stands for an IPv4 one (mapped, NAT64, 6to4) is what that is. */
bool http_is_public(const struct sockaddr *address);

#endif
