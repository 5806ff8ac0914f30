/* POST /oauth2/revoke (RFC 7009), for the public client that the token was issued to. */
#include <string.h>

#include "enroll/challenge.h"
#include "oauth/client.h"
#include "oauth/doors.h"
#include "oauth/token.h"

void
oauth_post_revoke(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *token, *client_id;
	/* A hint would not make one look-up quicker (2.1: it may be ignored). */
	const struct client_field fields[] = { { "token", &token }, { "client_id", &client_id } };
	enum rc rc;

	(void)room;
	if (http_header(r, "Authorization") != NULL)
		client_refuse(c, CLIENT_AUTH, out);
	else if (!client_form(c, r, fields, sizeof fields / sizeof fields[0]) || token == NULL || client_id == NULL)
		client_refuse(c, CLIENT_REQUEST, out);
	else if (strcmp(client_id, CHALLENGE_CLIENT_ID) != 0)
		client_refuse(c, CLIENT_UNKNOWN, out);
	else if ((rc = token_revoke(c, token, client_id)) == RC_FORBIDDEN)
		client_refuse(c, CLIENT_GRANT, out);
	else if (rc != RC_OK)
		client_fail(c, rc, "revocation endpoint", out);
	else
		client_answer(c, 200, json_object(), out);
}
