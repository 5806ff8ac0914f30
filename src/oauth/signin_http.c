/* The doors of the sign-in pages: /signin/ATTEMPT (apple-as-web) and /oauth2/authorize?attempt=ATTEMPT
 * (apple-oauth2) show the same page. Any HTTP error ends the enrollment on the device, so a wrong password
 * is a page with 200, and what can't go on is an error (protocol 4.2). */
#include <string.h>

#include "fmt/uri.h"
#include "oauth/answer.h"
#include "oauth/doors.h"
#include "oauth/oauth.h"
#include "oauth/page.h"
#include "idp/provider.h"

#define ITEMS_MAX 32

/* ---- showing the page ---- */

static const struct text_catalogue *
language(const struct http_request *r)
{
	return text_choose(http_header(r, "Accept-Language"));
}

/* With the way back to this page; NULL where what the organization can see depends on what is not known yet. */
static const char *
privacy_url(struct call *c, const struct http_request *r, const struct signin_attempt *a)
{
	const char *here = arena_printf(c->arena, r->query != NULL ? "%s?%s" : "%s", r->path, r->query);

	if (a->attempt.mode == NULL || a->attempt.model_family == NULL)
		return NULL;
	return arena_printf(c->arena, "/privacy/%s/%s/%s?back=%s", a->organization.id, a->attempt.mode,
	    a->attempt.model_family, uri_encode(c->arena, here));
}

static void
show(struct call *c, const struct http_request *r, const struct signin_attempt *a, struct signin_form *f,
    const struct provider *provider, const char *user, const char *alert, struct http_reply *out)
{
	struct page_look look = { language(r), &a->organization };
	struct page_form p = { .attempt = a,
		.user = a->again ? a->user_identifier : user,
		.privacy_url = privacy_url(c, r, a),
		.alert = alert };

	if (f->nonce == NULL)
		f->nonce = signin_nonce(c, r);
	if (provider != NULL) {
		p.provider = provider->name;
		p.provider_url = arena_printf(c->arena, "/signin/%s/provider", f->attempt);
	}
	if (signin_seal(c, f, &p.sealed) != RC_OK) {
		signin_trouble(c, r, out);
		return;
	}
	signin_page(c, out, 200, &look, page_form(c->arena, &look, &p));
	signin_set_cookie(c, r, COOKIE_NONCE, f->nonce, out);
}

static void
show_first(struct call *c, const struct http_request *r, const struct oauth_room *room, const struct signin_attempt *a,
    struct signin_form *f, const char *hint, struct http_reply *out)
{
	const char *user, *domain;
	struct provider p;
	struct err ignored;
	bool offered;

	if (hint == NULL || uri_identifier_split(c->arena, hint, &user, &domain, &ignored) != RC_OK)
		hint = a->user_identifier;
	offered = oauth_offer_provider(c, r, room, a, f, a->again ? a->user_identifier : hint, &p, out);
	if (offered && p.redirects)
		return;
	if (strcmp(r->method, "HEAD") != 0 && attempt_event(c, a->attempt.id, EV_signin_shown, NULL) != RC_OK)
		signin_trouble(c, r, out);
	else
		show(c, r, a, f, offered ? &p : NULL, hint, NULL, out);
}

void
oauth_get_signin(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct signin_form f = { .flow = SIGNIN_WEB, .attempt = r->segment[0] };
	struct signin_attempt a;

	if (signin_find(c, r, f.attempt, f.flow, &a, out))
		show_first(c, r, room, &a, &f, http_query(c, r, "user-identifier", false), out);
}

void
oauth_get_authorize(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct signin_form f = { .flow = SIGNIN_OAUTH2 };
	struct signin_attempt a = { 0 };
	struct uri_items query = { 0 };
	enum rc rc;

	rc = uri_items_parse(c->arena, bytes_str(r->query), false, ITEMS_MAX, &query, &c->err);
	f.attempt = rc == RC_OK ? uri_item(&query, "attempt") : NULL;
	if (f.attempt == NULL) {
		signin_message(c, r, out, 400, NULL, EV_authorize_invalid);
		return;
	}
	if (!signin_find(c, r, f.attempt, f.flow, &a, out))
		return;
	if (signin_authorize(c, &query, &f) != RC_OK) {
		/* Never a redirect: where to is what can't be trusted (RFC 6749 4.1.2.1). */
		struct err why = c->err;

		if (attempt_event(c, a.attempt.id, EV_authorize_invalid, "%s", why.text) != RC_OK)
			signin_trouble(c, r, out);
		else
			signin_message(c, r, out, 400, &a, EV_authorize_invalid);
		return;
	}
	show_first(c, r, room, &a, &f, uri_item(&query, "login_hint"), out);
}

/* ---- the form comes back ---- */

static void
try_it(struct call *c, const struct http_request *r, const struct signin_attempt *a, struct signin_form *f,
    const struct uri_items *form, const struct oauth_room *room, struct http_reply *out)
{
	const char *user = uri_item(form, "username"), *password = uri_item(form, "password");
	struct signin_result got;

	if (user == NULL || user[0] == '\0') {
		show(c, r, a, f, NULL, NULL, language(r)->texts[TEXT_type_name], out);
		return;
	}
	if (password == NULL) {
		struct provider p;

		show(c, r, a, f, oauth_offer_provider(c, r, room, a, f, user, &p, out) ? &p : NULL, user, NULL, out);
		return;
	}
	if (password[0] == '\0') {
		show(c, r, a, f, NULL, user, language(r)->texts[TEXT_type_both], out);
		return;
	}
	if (signin_try(c, room->gate, a, f, user, password, r->peer, &got) != RC_OK) {
		signin_trouble(c, r, out);
		return;
	}
	/* Where another try makes sense, the form again. */
	if (got.code == EV_signin_wrong_password || got.code == EV_signin_busy)
		show(c, r, a, f, NULL, user, text_failure(language(r), got.code), out);
	else
		signin_end(c, r, a, f, &got, out);
}

void
oauth_get_done(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *location;

	(void)room;
	if (signin_callback_open(c, signin_cookie(c, r, COOKIE_CALLBACK), r->segment[0],
		signin_cookie(c, r, COOKIE_NONCE), &location) != RC_OK) {
		signin_message(c, r, out, 403, NULL, EV_signin_form_invalid);
		return;
	}
	signin_callback(out, location);
	signin_set_cookie(c, r, COOKIE_CALLBACK, NULL, out);
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

	if (!signin_find(c, r, attempt, flow, &a, out))
		return;
	rc = uri_items_parse(c->arena, r->body, true, ITEMS_MAX, &form, &c->err);
	if (rc == RC_OK && uri_item(&form, "form") == NULL)
		rc = RC_BAD_INPUT;
	if (rc == RC_OK)
		rc = signin_open(c, uri_item(&form, "form"), flow, attempt, signin_cookie(c, r, COOKIE_NONCE), &f);
	if (rc == RC_UNAVAILABLE) {
		signin_trouble(c, r, out);
		return;
	}
	if (rc == RC_OK) {
		if (uri_item(&form, "cancel") == NULL) {
			try_it(c, r, &a, &f, &form, room, out);
			return;
		}
		code = EV_signin_cancelled;
	}
	if (attempt_event(c, a.attempt.id, code, NULL) != RC_OK)
		signin_trouble(c, r, out);
	else
		signin_message(c, r, out, 403, &a, code);
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
		signin_message(c, r, out, 400, NULL, EV_authorize_invalid);
	else
		post(c, r, SIGNIN_OAUTH2, attempt, room, out);
}
