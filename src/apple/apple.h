/* Stand-ins for Apple's services, so that a server runs and is tested without any of them: APNs over HTTP/2, and
 * on a port of their own for people and simulated devices what they saw, what they are to get wrong, and the pushes.
 *
 *	GET /                    a page for a person
 *	GET /ledger              the sums, JSON
 *	GET /ledger/apns         each token: ?from=N&limit=N
 *	GET /ledger/apps-and-books   who holds what
 *	PUT /faults              rules (apple/fault.h), in place of those before
 *	GET /devices/T/wait      the last push to this token, or those (T,T), when it comes: ?seconds=N; 204: none */
#ifndef APPLE_APPLE_H
#define APPLE_APPLE_H

#include "apple/apns.h"
#include "apple/books.h"
#include "apple/fault.h"
#include "http/server.h"

#define APPLE_WAIT_S 60 /* the longest wait */
#define APPLE_WAITERS 64 /* workers for waits; http/work.c lays aside four times as many */
#define APPLE_LEDGER 10000 /* tokens of one answer */

struct apple {
	struct apns *apns;
	struct books *books;
	struct faults *faults;
};

extern const struct http_route apple_routes[]; /* on the plain port; room: struct apple */
extern const struct http_route books_routes[]; /* /mdm/v2/..., on TLS; room: struct apple */

#endif
