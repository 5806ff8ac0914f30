/* The server token that Apple School Manager and Apple Business hand out (protocol 2.7): an S/MIME message, encrypted for
 * the certificate that was uploaded there. Room-private. */
#ifndef ASSIGNMENT_TOKEN_H
#define ASSIGNMENT_TOKEN_H

#include "assignment/oauth1.h"
#include "base/call.h"

#define ASSIGNMENT_TOKEN_MAX (64 * 1024) /* octets of the file */

struct assignment_token {
	struct assignment_secrets secrets;
	int64_t expires_at; /* 0: not said */
};

/* Read the file with the key `key_name`. RC_BAD_INPUT, RC_TOO_LARGE, RC_FORBIDDEN: it is none, it was made for another
 * certificate, it has expired. */
enum rc assignment_token_read(struct call *c, const char *key_name, struct bytes file, struct assignment_token *out);

/* What was inside the envelope. RC_BAD_INPUT: no token. */
enum rc assignment_token_parse(struct arena *a, struct bytes content, struct assignment_token *out, struct err *e);

#endif
