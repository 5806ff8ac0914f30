/* What the doors of administrators' sign-in answer with. Room-private. */
#ifndef ADMIN_SIGNIN_REPLY_H
#define ADMIN_SIGNIN_REPLY_H

#include <stdbool.h>

#include "http/server.h"

#define HOME "/console/"
#define SIGN_IN "/console/sign-in"

/* A page, with a strict policy. */
void admin_signin_show(struct call *c, struct http_reply *out, int status, struct bytes body);
void admin_signin_redirect(struct http_reply *out, const char *to);
/* 503, and c->err in the log. */
void admin_signin_trouble(struct call *c, struct http_reply *out);
void admin_signin_set_cookie(
    struct call *c, struct http_reply *out, const char *name, const char *value, int life_s, const char *site);

/* Nobody comes in, changes how they do, or leaves without a row in the audit. `token`: of the session. False: there is no
 * row, the session has ended for it, and the answer is written. */
bool admin_signin_record(struct call *c, const char *token, const char *action, struct http_reply *out);

/* own_http.c: what those who are signed in may change of themselves. */
http_handler admin_signin_get_own, admin_signin_post_own;

#endif
