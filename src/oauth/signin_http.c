/* The doors of the sign-in pages: /signin/ATTEMPT (apple-as-web) and /oauth2/authorize?attempt=ATTEMPT
 * (apple-oauth2) show the same page. Any HTTP error ends the enrollment on the device, so a wrong password
 * is a page with 200, and what can't go on is an error (protocol 4.2). */
#include <string.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "fmt/uri.h"
#include "oauth/doors.h"
#include "oauth/oauth.h"
#include "oauth/page.h"
#include "oauth/signin.h"

#define ITEMS_MAX 32
#define NONCE_LENGTH 43

/* `__Host-` makes browsers refuse such a cookie from any other host or path, and needs TLS. */
#define COOKIE_SECURE "__Host-postern-signin"
#define COOKIE_PLAIN "postern-signin"
#define CALLBACK_SECURE "__Host-postern-callback"
#define CALLBACK_PLAIN "postern-callback"
#define CALLBACK_MAX 3000 /* octets; browsers take 4096 a cookie */

static void
page(struct call *c, struct http_reply *out, int status, struct bytes body)
{
	http_answer(out, status, "text/html; charset=utf-8", body);
	http_set(out, "Content-Security-Policy", page_policy(c->arena));
	http_set(out, "X-Content-Type-Options", "nosniff");
	http_set(out, "X-Frame-Options", "DENY");
	http_set(out, "Referrer-Policy", "no-referrer");
	http_set(out, "Cache-Control", "no-store");
}

static void
message(struct call *c, struct http_reply *out, int status, const struct organization *o, enum enroll_code code)
{
	const char *title = code == EV_signin_cancelled ? "Cancelled" : "Sign-in can\xe2\x80\x99t continue";

	page(c, out, status, page_message(c->arena, o != NULL ? o->name : NULL, title, enroll_failure(code)->person));
}

/* Our own trouble. */
static void
trouble(struct call *c, struct http_reply *out)
{
	log_error("sign-in page", "attempt", c->trace, "error", c->err.text);
	message(c, out, 503, NULL, EV_internal);
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
static bool
find(struct call *c, const char *path_attempt, enum signin_flow flow, struct signin_attempt *out,
    struct http_reply *reply)
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
		message(c, reply, no_attempt[i].status, NULL, no_attempt[i].code);
		if (rc == RC_TOO_LARGE)
			http_set(reply, "Retry-After", "3600");
		return false;
	}
	trouble(c, reply);
	return false;
}

/* ---- the cookie ---- */

/* Value of a cookie of at most `max` octets, or NULL. */
static const char *
find_cookie(struct call *c, const struct http_request *r, const char *name, size_t max)
{
	const char *p = http_header(r, "Cookie");
	size_t n = strlen(name), length;

	while (p != NULL && *p != '\0') {
		p += strspn(p, "; ");
		if (strncmp(p, name, n) == 0 && p[n] == '=' && (length = strcspn(p + n + 1, "; ")) <= max)
			return arena_strndup(c->arena, p + n + 1, length);
		p += strcspn(p, ";");
	}
	return NULL;
}

/* The browser's nonce, or NULL. */
static const char *
cookie(struct call *c, const struct http_request *r)
{
	const char *nonce = find_cookie(c, r, r->secure ? COOKIE_SECURE : COOKIE_PLAIN, NONCE_LENGTH);

	return nonce != NULL && strlen(nonce) == NONCE_LENGTH ? nonce : NULL;
}

static void
set_cookie(struct call *c, const struct http_request *r, const char *name, const char *value, int life_s,
    struct http_reply *out)
{
	http_set(out, "Set-Cookie",
	    arena_printf(c->arena, "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s", name, value, life_s,
		r->secure ? "; Secure" : ""));
}

/* ---- showing the page ---- */

static void
show(struct call *c, const struct http_request *r, const struct signin_attempt *a, struct signin_form *f,
    const char *user, const char *alert, struct http_reply *out)
{
	const char *had = cookie(c, r);
	struct page_form p = { .attempt = a, .user = a->again ? a->user_identifier : user, .alert = alert };

	/* A browser keeps its nonce, so that two pages open in it both work. */
	f->nonce = had != NULL ? had : crypto_token(c->arena);
	if (signin_seal(c, f, &p.sealed) != RC_OK) {
		trouble(c, out);
		return;
	}
	page(c, out, 200, page_form(c->arena, &p));
	set_cookie(c, r, r->secure ? COOKIE_SECURE : COOKIE_PLAIN, f->nonce, SIGNIN_FORM_LIFE_S, out);
}

static void
show_first(struct call *c, const struct http_request *r, const struct signin_attempt *a, struct signin_form *f,
    const char *hint, struct http_reply *out)
{
	const char *user, *domain;
	struct err ignored;

	if (hint == NULL || uri_identifier_split(c->arena, hint, &user, &domain, &ignored) != RC_OK)
		hint = a->user_identifier;
	if (strcmp(r->method, "HEAD") != 0 && attempt_event(c, a->attempt.id, EV_signin_shown, NULL) != RC_OK) {
		trouble(c, out);
		return;
	}
	show(c, r, a, f, hint, NULL, out);
}

void
oauth_get_signin(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct signin_form f = { .flow = SIGNIN_WEB, .attempt = r->segment[0] };
	struct signin_attempt a;

	(void)room;
	if (find(c, f.attempt, f.flow, &a, out))
		show_first(c, r, &a, &f, http_query(c, r, "user-identifier", false), out);
}

void
oauth_get_authorize(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct signin_form f = { .flow = SIGNIN_OAUTH2 };
	struct signin_attempt a = { 0 };
	struct uri_items query = { 0 };
	enum rc rc;

	(void)room;
	rc = uri_items_parse(c->arena, bytes_str(r->query), false, ITEMS_MAX, &query, &c->err);
	f.attempt = rc == RC_OK ? uri_item(&query, "attempt") : NULL;
	if (f.attempt == NULL) {
		message(c, out, 400, NULL, EV_authorize_invalid);
		return;
	}
	if (!find(c, f.attempt, f.flow, &a, out))
		return;
	if (signin_authorize(c, &query, &f) != RC_OK) {
		/* Never a redirect: where to is what can't be trusted (RFC 6749 4.1.2.1). */
		struct err why = c->err;

		if (attempt_event(c, a.attempt.id, EV_authorize_invalid, "%s", why.text) != RC_OK)
			trouble(c, out);
		else
			message(c, out, 400, &a.organization, EV_authorize_invalid);
		return;
	}
	show_first(c, r, &a, &f, uri_item(&query, "login_hint"), out);
}

/* ---- the form comes back ---- */

/* What a try led to: the form again where another try makes sense, an error where not. */
/* clang-format off */
static const struct {
	enum enroll_code code;
	int status;			/* 200: the form again */
} outcomes[] = {
	{ EV_signin_wrong_password, 200 },
	{ EV_signin_busy,           200 },
	{ EV_signin_throttled,      429 },
	{ EV_signin_other_person,   403 },
	{ EV_signin_finished,       403 },
};
/* clang-format on */

static void
refuse(struct call *c, const struct http_request *r, const struct signin_attempt *a, struct signin_form *f,
    const char *user, const struct signin_result *got, struct http_reply *out)
{
	int status = 403;

	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
		if (outcomes[i].code == got->code)
			status = outcomes[i].status;
	}
	if (status == 200) {
		show(c, r, a, f, user, enroll_failure(got->code)->person, out);
		return;
	}
	message(c, out, status, &a->organization, got->code);
	if (status == 429)
		http_set(out, "Retry-After", arena_printf(c->arena, "%d", got->wait_s));
}

static void
try_it(struct call *c, const struct http_request *r, const struct signin_attempt *a, struct signin_form *f,
    const struct uri_items *form, const struct oauth_room *room, struct http_reply *out)
{
	const char *user = uri_item(form, "username"), *password = uri_item(form, "password");
	struct signin_result got;
	const char *sealed;

	if (user == NULL || user[0] == '\0' || password == NULL || password[0] == '\0') {
		show(c, r, a, f, user, "Type your user name and your password.", out);
		return;
	}
	if (signin_try(c, room->gate, a, f, user, password, r->peer, &got) != RC_OK) {
		trouble(c, out);
		return;
	}
	if (got.code != EV_signin_ok) {
		refuse(c, r, a, f, user, &got, out);
		return;
	}
	if (signin_callback_seal(c, f->attempt, f->nonce, got.location, &sealed) != RC_OK) {
		trouble(c, out);
		return;
	}
	http_answer(out, 303, NULL, (struct bytes){ 0 });
	http_set(out, "Location", arena_printf(c->arena, "/signin/%s/done", f->attempt));
	set_cookie(c, r, r->secure ? CALLBACK_SECURE : CALLBACK_PLAIN, sealed, SIGNIN_CALLBACK_LIFE_S, out);
	http_set(out, "Cache-Control", "no-store");
	http_set(out, "Referrer-Policy", "no-referrer");
}

/* The last answer of a sign-in: 308 to the callback scheme, nothing else (S-12). */
void
oauth_get_done(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *name = r->secure ? CALLBACK_SECURE : CALLBACK_PLAIN, *location;

	(void)room;
	if (signin_callback_open(c, find_cookie(c, r, name, CALLBACK_MAX), r->segment[0], cookie(c, r), &location) !=
	    RC_OK) {
		message(c, out, 403, NULL, EV_signin_form_invalid);
		return;
	}
	http_answer(out, 308, NULL, (struct bytes){ 0 });
	http_set(out, "Location", location);
	set_cookie(c, r, name, "", 0, out);
	/* The page's own policy again: browsers ask the redirect's, too. */
	http_set(out, "Content-Security-Policy", page_policy(c->arena));
	http_set(out, "Cache-Control", "no-store");
	http_set(out, "Referrer-Policy", "no-referrer");
}

static void
post(struct call *c, const struct http_request *r, enum signin_flow flow, const char *attempt, void *room,
    struct http_reply *out)
{
	struct signin_attempt a;
	struct signin_form f;
	struct uri_items form;
	enum enroll_code code = EV_signin_form_invalid;
	enum rc rc;

	if (!find(c, attempt, flow, &a, out))
		return;
	rc = uri_items_parse(c->arena, r->body, true, ITEMS_MAX, &form, &c->err);
	if (rc == RC_OK && uri_item(&form, "form") != NULL &&
	    signin_open(c, uri_item(&form, "form"), flow, attempt, cookie(c, r), &f) == RC_OK) {
		if (uri_item(&form, "cancel") == NULL) {
			try_it(c, r, &a, &f, &form, room, out);
			return;
		}
		code = EV_signin_cancelled;
	}
	if (attempt_event(c, a.attempt.id, code, NULL) != RC_OK)
		trouble(c, out);
	else
		message(c, out, 403, &a.organization, code);
}

void
oauth_post_signin(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	post(c, r, SIGNIN_WEB, r->segment[0], room, out);
}

void
oauth_post_authorize(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct uri_items query;
	const char *attempt = NULL;

	if (uri_items_parse(c->arena, bytes_str(r->query), false, ITEMS_MAX, &query, &c->err) == RC_OK)
		attempt = uri_item(&query, "attempt");
	if (attempt == NULL)
		message(c, out, 400, NULL, EV_authorize_invalid);
	else
		post(c, r, SIGNIN_OAUTH2, attempt, room, out);
}
