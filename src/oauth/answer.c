#include "oauth/answer.h"

#include <string.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "http/trace.h"
#include "oauth/page.h"

void
signin_page(struct call *c, struct http_reply *out, int status, const struct page_look *look, struct bytes body)
{
	http_answer(out, status, "text/html; charset=utf-8", body);
	http_set(out, "Content-Language", look->language->tag);
	http_set(out, "Vary", "Accept-Language");
	http_set(out, "Content-Security-Policy", page_policy(c->arena, look->organization));
	http_set(out, "X-Content-Type-Options", "nosniff");
	http_set(out, "X-Frame-Options", "DENY");
	http_set(out, "Referrer-Policy", "no-referrer");
	http_set(out, "Cache-Control", "no-store");
}

void
signin_message(struct call *c, const struct http_request *r, struct http_reply *out, int status,
    const struct signin_attempt *a, enum enroll_code code)
{
	struct page_look look = { .language = text_choose(http_header(r, "Accept-Language")) };
	const char *id = a != NULL ? a->attempt.id : NULL;

	if (a != NULL && a->organization.id != NULL)
		look.organization = &a->organization;
	/* What was turned away at the door has no row that a help desk could find. */
	if (code == EV_attempt_too_many)
		id = NULL;
	signin_page(
	    c, out, status, &look, page_message(c->arena, &look, code, id != NULL ? attempt_code(c->arena, id) : NULL));
}

/* Our own trouble. */
void
signin_trouble(struct call *c, const struct http_request *r, struct http_reply *out)
{
	log_error("sign-in page", "attempt", c->trace, "trace", http_trace_id(c), "error", c->err.text);
	signin_message(c, r, out, 503, NULL, EV_internal);
	http_set(out, "Retry-After", "30");
}

/* ---- which attempt ---- */

/* clang-format off */
static const struct {
	enum rc rc;
	int status;
	enum enroll_code code;
} no_attempt[] = {
	{ RC_BAD_INPUT, 400, EV_attempt_link_damaged },
	{ RC_NOT_FOUND, 404, EV_attempt_link_damaged },
	{ RC_FORBIDDEN, 403, EV_attempt_link_old },
	{ RC_TOO_LARGE, 429, EV_attempt_too_many },
	{ RC_CONFLICT,  403, EV_signin_finished },
	{ RC_UNAUTHENTICATED, 403, EV_authorize_invalid },
};
/* clang-format on */

/* False: the answer is written. */
bool
signin_find(struct call *c, const struct http_request *r, const char *path_attempt, enum signin_flow flow,
    struct signin_attempt *out, struct http_reply *reply)
{
	enum rc rc = signin_attempt(c, path_attempt, flow, out);
	struct err why = c->err;

	if (rc == RC_OK)
		return true;
	for (size_t i = 0; i < sizeof no_attempt / sizeof no_attempt[0]; i++) {
		if (no_attempt[i].rc != rc)
			continue;
		if (attempt_event(c, out->attempt.id, no_attempt[i].code, "%s", why.text) != RC_OK)
			break;
		signin_message(c, r, reply, no_attempt[i].status, out, no_attempt[i].code);
		if (rc == RC_TOO_LARGE)
			http_set(reply, "Retry-After", "3600");
		return false;
	}
	signin_trouble(c, r, reply);
	return false;
}

/* ---- cookies ---- */

#define NONCE_LENGTH 43

/* `__Host-` makes browsers refuse such a cookie from any other host or path, and needs TLS. Browsers take 4096 octets
 * a cookie. */
/* clang-format off */
static const struct {
	const char *secure, *plain;
	size_t max;
	int life_s;
} cookies[] = {
	[COOKIE_NONCE]    = { "__Host-postern-signin", "postern-signin", NONCE_LENGTH, SIGNIN_FORM_LIFE_S },
	[COOKIE_CALLBACK] = { "__Host-postern-callback", "postern-callback", 3000, SIGNIN_CALLBACK_LIFE_S },
	[COOKIE_PROVIDER] = { "__Host-postern-provider", "postern-provider", 3500, SIGNIN_FORM_LIFE_S },
};
/* clang-format on */

static const char *
cookie_name(const struct http_request *r, enum signin_cookie which)
{
	return r->secure ? cookies[which].secure : cookies[which].plain;
}

const char *
signin_cookie(struct call *c, const struct http_request *r, enum signin_cookie which)
{
	return http_cookie(c, r, cookie_name(r, which), cookies[which].max);
}

void
signin_set_cookie(
    struct call *c, const struct http_request *r, enum signin_cookie which, const char *value, struct http_reply *out)
{
	http_set(out, "Set-Cookie",
	    arena_printf(c->arena, "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s", cookie_name(r, which),
		value != NULL ? value : "", value != NULL ? cookies[which].life_s : 0, r->secure ? "; Secure" : ""));
}

const char *
signin_nonce(struct call *c, const struct http_request *r)
{
	const char *had = signin_cookie(c, r, COOKIE_NONCE);

	return had != NULL && strlen(had) == NONCE_LENGTH ? had : crypto_token(c->arena);
}

/* ---- the end ---- */

static void
redirect(struct http_reply *out, int status, const char *location)
{
	http_answer(out, status, NULL, (struct bytes){ 0 });
	http_set(out, "Location", location);
	http_set(out, "Cache-Control", "no-store");
	http_set(out, "Referrer-Policy", "no-referrer");
}

void
signin_redirect(struct http_reply *out, const char *location)
{
	redirect(out, 303, location);
}

void
signin_callback(struct http_reply *out, const char *location)
{
	redirect(out, 308, location);
	/* The page's own policy again: browsers ask the redirect's, too. */
	http_set(out, "Content-Security-Policy", PAGE_POLICY_BLANK);
}

void
signin_end(struct call *c, const struct http_request *r, const struct signin_attempt *a, const struct signin_form *f,
    const struct signin_result *got, struct http_reply *out)
{
	const char *sealed;

	if (got->code != EV_signin_ok) {
		signin_message(c, r, out, got->code == EV_signin_throttled ? 429 : 403, a, got->code);
		if (got->code == EV_signin_throttled)
			http_set(out, "Retry-After", arena_printf(c->arena, "%d", got->wait_s));
		return;
	}
	if (strcmp(r->method, "POST") != 0) { /* no form's answer: nothing of a form can reach the callback */
		signin_callback(out, got->location);
		return;
	}
	if (signin_callback_seal(c, f->attempt, f->nonce, got->location, &sealed) != RC_OK) {
		signin_trouble(c, r, out);
		return;
	}
	signin_redirect(out, arena_printf(c->arena, "/signin/%s/done", f->attempt));
	signin_set_cookie(c, r, COOKIE_CALLBACK, sealed, out);
}
