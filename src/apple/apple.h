/* Stand-ins for Apple's services, so that a server runs and is tested without any of them: APNs over HTTP/2; on one port
 * with TLS Apps and Books, Device Assignment Services, the discovery fallback and the sign-in to Managed Apple Accounts; and on a port of their own for people and simulated devices
 * what they saw, what they are to get wrong, and the pushes.
 *
 *	GET /                    a page for a person
 *	GET /ledger              the sums, JSON
 *	GET /ledger/apns         each token: ?from=N&limit=N
 *	GET /ledger/apps-and-books   who holds what
 *	GET /ledger/assignment   and /discovery, /sign-in: the last requests, newest first: ?limit=N; and how often
 *	                         each outcome
 *	PUT /faults              rules (apple/fault.h), in place of those before
 *	GET /devices/T/wait      the last push to this token, or those (T,T), when it comes: ?seconds=N; 204: none */
#ifndef APPLE_APPLE_H
#define APPLE_APPLE_H

#include "apple/account.h"
#include "apple/apns.h"
#include "apple/assignment.h"
#include "apple/books.h"
#include "apple/diary.h"
#include "apple/fallback.h"
#include "apple/fault.h"
#include "http/server.h"

#define APPLE_WAIT_S 60 /* the longest wait */
#define APPLE_WAITERS 64 /* workers for waits; http/work.c lays aside four times as many */
#define APPLE_LEDGER 10000 /* tokens of one answer */

enum apple_diary { APPLE_ASSIGNMENT, APPLE_DISCOVERY, APPLE_SIGN_IN, APPLE_DIARIES };
extern const char *const apple_diary_names[]; /* as in their paths; NULL ends them */

struct apple {
	struct apns *apns;
	struct books *books;
	struct assignment *assignment;
	struct fallback fallback;
	struct accounts *accounts;
	struct diary *diary[APPLE_DIARIES];
	struct faults *faults;
};

http_handler apple_page; /* GET /: what each service saw, for a person, without a script */

extern const struct http_route apple_routes[]; /* on the plain port; room: struct apple */
extern const struct http_route books_routes[]; /* /mdm/v2/..., on TLS; room: struct apple */
extern const struct http_route services_routes[]; /* the others on TLS; room: struct apple */

#endif
