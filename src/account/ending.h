/* What ends by the calendar: the server's own certificate, and for each organization its certificates, its tokens for
 * services of Apple's, and the identities of its devices. One table, read by who lists them, counts days, or tells
 * others of them. */
#ifndef ACCOUNT_ENDING_H
#define ACCOUNT_ENDING_H

#include "base/call.h"
#include "crypto/x509.h"

struct ending {
	int64_t at; /* Unix seconds */
	const char *kind; /* "tls", "push", "ca", "profile", "maid", "licence-token", "server-token", "identities" */
	const char *what; /* the same for people */
	const char *organization_id; /* NULL: of the server */
	int64_t count; /* how many end on that day; 1 but for identities */
	const char *todo; /* for the administrator */
};

/* Calls `fn` for each certificate and token that ends before `until`. RC_UNAVAILABLE: the store. */
enum rc endings(struct call *c, int64_t until, void (*fn)(void *arg, const struct ending *e), void *arg);
/* Likewise for each day on which identities of devices end; reads all of them. */
enum rc endings_of_identities(struct call *c, int64_t until, void (*fn)(void *arg, const struct ending *e), void *arg);

/* The certificate that devices see. False: the listeners have none. */
bool ending_tls(struct call *c, struct x509_info *info);

#endif
