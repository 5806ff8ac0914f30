/* What the endpoints for clients share (token, revocation, introspection): a form in, JSON out, one table of
 * errors. Room-private. */
#ifndef OAUTH_CLIENT_H
#define OAUTH_CLIENT_H

#include "fmt/json.h"
#include "http/server.h"

enum client_error { /* of RFC 6749 5.2 */
	CLIENT_OK,
	CLIENT_REQUEST,
	CLIENT_UNKNOWN,
	CLIENT_AUTH, /* this client is public */
	CLIENT_GRANT,
	CLIENT_GRANT_TYPE,
	CLIENT_SECRET, /* this one is not: its credential is missing or wrong */
};

struct client_field { /* a parameter that counts; unknown ones are ignored (RFC 6749 3.2) */
	const char *name;
	const char **value; /* set to NULL where it is absent or empty */
};

/* Read the form in the body. False: it is none, or a parameter comes twice. */
bool client_form(struct call *c, const struct http_request *r, const struct client_field *fields, size_t n);

/* Answers that are never stored (S-39). */
void client_answer(struct call *c, int status, json_t *document, struct http_reply *out); /* takes it over */
void client_refuse(struct call *c, enum client_error error, struct http_reply *out);
/* Our own trouble, logged; or a body that nobody can read. */
void client_fail(struct call *c, enum rc rc, const char *where, struct http_reply *out);

#endif
