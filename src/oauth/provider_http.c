/* The doors between the sign-in page and an identity provider: /signin/ATTEMPT/provider sends the browser there, and
 * /signin/provider is where all providers send it back to. Both wait for the provider. */
#include <string.h>

#include "base/log.h"
#include "fmt/uri.h"
#include "idp/liveness.h"
#include "oauth/answer.h"
#include "oauth/doors.h"
#include "oauth/oauth.h"
#include "oauth/provider.h"

#define ITEMS_MAX 32

/* The way to the provider; `w` gets the request. */
static enum rc
begin(struct call *c, const struct signin_attempt *a, const struct provider *p, const struct idp_endpoints *at,
    struct signin_way *w, const char **url)
{
	*url = idp_begin(c, p, at, provider_redirect_uri(c), a->again ? a->user_identifier : w->hint,
	    a->again ? IDP_AGAIN : IDP_NOBODY, &w->request);
	return attempt_event(c, a->attempt.id, EV_provider_asked, "%s", p->issuer);
}

bool
oauth_offer_provider(struct call *c, const struct http_request *r, const struct oauth_room *room,
    const struct signin_attempt *a, struct signin_form *f, const char *hint, struct provider *p, struct http_reply *out)
{
	const char *sealed, *url = arena_printf(c->arena, "/signin/%s/provider", f->attempt);
	struct signin_way w = { .hint = hint };
	struct idp_endpoints at;

	if (provider_for(c, a->organization.id, hint, p) != RC_OK)
		return false;
	f->nonce = signin_nonce(c, r);
	w.form = *f;
	w.provider = p->id;
	/* Not after a form: browsers hold its redirects to form-action. There it is a link. */
	if (p->redirects && strcmp(r->method, "POST") == 0)
		p->redirects = false;
	/* Devices wait for the workers of this request, so it must not wait for the provider. */
	if (p->redirects && strcmp(r->method, "HEAD") != 0 && idp_endpoints_known(room->idp, c, p, &at) &&
	    begin(c, a, p, &at, &w, &url) != RC_OK)
		return false;
	if (signin_way_seal(c, &w, &sealed) != RC_OK)
		return false;
	if (p->redirects) {
		signin_redirect(out, url);
		signin_set_cookie(c, r, COOKIE_NONCE, f->nonce, out);
	}
	signin_set_cookie(c, r, COOKIE_PROVIDER, sealed, out);
	return true;
}

/* The last page, and the event that says the same to the operator. */
static void
stop(struct call *c, const struct http_request *r, const struct signin_attempt *a, enum enroll_code code,
    struct http_reply *out)
{
	struct err why = c->err;

	if (code == EV_provider_unreachable)
		log_warn("identity provider", "attempt", a->attempt.id, "error", why.text);
	if (attempt_event(c, a->attempt.id, code, "%s", why.text) != RC_OK) {
		signin_trouble(c, r, out);
		return;
	}
	signin_message(c, r, out, code == EV_provider_unreachable ? 503 : 403, a, code);
	if (code == EV_provider_unreachable)
		http_set(out, "Retry-After", "60");
}

/* The cookie's sign-in, its attempt and its provider. False: the answer is written. */
static bool
resume(struct call *c, const struct http_request *r, struct signin_way *w, struct signin_attempt *a, struct provider *p,
    struct http_reply *out)
{
	enum rc rc;

	rc = signin_way_open(c, signin_cookie(c, r, COOKIE_PROVIDER), signin_cookie(c, r, COOKIE_NONCE), w);
	if (rc != RC_OK) {
		if (rc == RC_UNAVAILABLE)
			signin_trouble(c, r, out);
		else
			signin_message(c, r, out, 403, NULL, EV_provider_answer);
		return false;
	}
	if (!signin_find(c, r, w->form.attempt, w->form.flow, a, out))
		return false;
	rc = provider_get(c, w->provider, p);
	if (rc == RC_OK && strcmp(p->organization_id, a->organization.id) != 0)
		rc = fail(&c->err, RC_NOT_FOUND, "the provider is another organization's");
	if (rc == RC_OK)
		return true;
	if (rc == RC_NOT_FOUND)
		stop(c, r, a, EV_provider_answer, out);
	else
		signin_trouble(c, r, out);
	return false;
}

void
oauth_get_provider(struct call *c, const struct http_request *r, struct http_reply *out, void *arg)
{
	const struct oauth_room *room = arg;
	struct idp_endpoints at;
	struct signin_attempt a;
	struct signin_way w;
	struct provider p;
	const char *url, *sealed;

	if (!resume(c, r, &w, &a, &p, out))
		return;
	if (strcmp(w.form.attempt, r->segment[0]) != 0) { /* another sign-in was begun in this browser since */
		signin_message(c, r, out, 403, &a, EV_provider_answer);
		return;
	}
	if (idp_endpoints(room->idp, c, &p, &at) != RC_OK) {
		stop(c, r, &a, EV_provider_unreachable, out);
		return;
	}
	if (begin(c, &a, &p, &at, &w, &url) != RC_OK || signin_way_seal(c, &w, &sealed) != RC_OK) {
		signin_trouble(c, r, out);
		return;
	}
	signin_redirect(out, url);
	signin_set_cookie(c, r, COOKIE_PROVIDER, sealed, out);
}

void
oauth_get_provider_answer(struct call *c, const struct http_request *r, struct http_reply *out, void *arg)
{
	const struct oauth_room *room = arg;
	enum enroll_code code = EV_provider_answer;
	struct uri_items query = { 0 };
	struct signin_result got;
	struct signin_attempt a;
	struct idp_answer answer;
	struct idp_person who;
	struct signin_way w;
	struct provider p;
	enum rc rc;

	if (!resume(c, r, &w, &a, &p, out))
		return;
	if (w.request.state == NULL ||
	    uri_items_parse(c->arena, bytes_str(r->query), true, ITEMS_MAX, &query, &c->err) != RC_OK) {
		stop(c, r, &a, EV_provider_answer, out);
		return;
	}
	answer = (struct idp_answer){ uri_item(&query, "state"), uri_item(&query, "code"), uri_item(&query, "error"),
		uri_item(&query, "iss") };
	rc = idp_finish(room->idp, c, &p, &w.request, &answer, &who, &code);
	if (rc != RC_OK) {
		stop(c, r, &a, rc == RC_FORBIDDEN ? code : EV_provider_unreachable, out);
	} else if (signin_proven(c, &a, &w.form, &p, &who, &got) != RC_OK) {
		signin_trouble(c, r, out);
	} else {
		signin_end(c, r, &a, &w.form, &got, out);
	}
	/* An answer counts once; but one that isn't this sign-in's ends nothing. */
	if (code != EV_provider_answer || rc == RC_OK)
		signin_set_cookie(c, r, COOKIE_PROVIDER, NULL, out);
}

/* OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8: from the provider itself, no browser in between. */
void
oauth_post_provider_logout(struct call *c, const struct http_request *r, struct http_reply *out, void *arg)
{
	const struct oauth_room *room = arg;
	const char *token = http_query(c, r, "logout_token", true);
	enum rc rc = RC_BAD_INPUT;
	int n = 0;

	if (token != NULL)
		rc = idp_logout(room->idp, c, token, &n);
	if (rc == RC_OK)
		http_answer(out, 200, NULL, (struct bytes){ 0 });
	else
		http_fail(out, rc == RC_BAD_INPUT ? RC_BAD_INPUT : RC_UNAVAILABLE);
	if (rc != RC_OK)
		log_warn("logout token", "error", token != NULL ? c->err.text : "the form has no logout_token");
	http_set(out, "Cache-Control", "no-store");
}
