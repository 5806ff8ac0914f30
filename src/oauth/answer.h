/* What the doors of signing in share: pages as answers, which attempt a path is for, cookies, and the way back to
 * the device. Room-private. */
#ifndef OAUTH_ANSWER_H
#define OAUTH_ANSWER_H

#include "http/server.h"
#include "oauth/page.h"
#include "oauth/signin.h"

void signin_page(struct call *c, struct http_reply *out, int status, const struct page_look *look, struct bytes body);
/* The last page of what can't go on. `a` may be NULL, or have only part of what it can: it is not known whose page
 * this is, or of which attempt. */
void signin_message(struct call *c, const struct http_request *r, struct http_reply *out, int status,
    const struct signin_attempt *a, enum enroll_code code);
void signin_trouble(
    struct call *c, const struct http_request *r, struct http_reply *out); /* our own: 503, and a line in the log */

/* signin_attempt, with the answer where there is none to go on with. False: the answer is written. */
bool signin_find(struct call *c, const struct http_request *r, const char *path_attempt, enum signin_flow flow,
    struct signin_attempt *out, struct http_reply *reply);

/* Cookies of one browser: what binds its forms to it, and what must not be in any URL on its way. */
enum signin_cookie { COOKIE_NONCE, COOKIE_CALLBACK, COOKIE_PROVIDER };
const char *signin_cookie(struct call *c, const struct http_request *r, enum signin_cookie which); /* NULL: none */
/* `value` NULL: it is over. */
void signin_set_cookie(
    struct call *c, const struct http_request *r, enum signin_cookie which, const char *value, struct http_reply *out);
/* The browser's nonce: the one it has, so that two pages open in it both work, or a new one. */
const char *signin_nonce(struct call *c, const struct http_request *r);

/* What a try led to: the way to the device, after a form by /done, or the page that says why not. */
void signin_end(struct call *c, const struct http_request *r, const struct signin_attempt *a,
    const struct signin_form *f, const struct signin_result *got, struct http_reply *out);

/* Go on at `location`, with nothing of this request. */
void signin_redirect(struct http_reply *out, const char *location);
/* The last answer of a sign-in: 308 to the callback scheme, nothing else (S-12). */
void signin_callback(struct http_reply *out, const char *location);

#endif
